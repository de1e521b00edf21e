//! Parameter sets of real software, each number with where it was read or measured.

mod client;
mod resolvers;
pub mod retry;

pub(super) use client::with_parameters;
pub use resolvers::{resolver_presets, resolver_rules};
pub use retry::retry_presets;
pub(super) mod servers;

/// A preset as `mxsim presets` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preset {
    /// As a scenario writes it.
    pub name: &'static str,
    /// Where it may stand.
    pub field: &'static str,
    /// What it stands for, with the version.
    pub about: &'static str,
    /// Parameter, value, source.
    pub parameters: Vec<(&'static str, String, &'static str)>,
}

/// Every preset: of resolvers, of authoritative servers, of retry policies, of receivers.
pub fn all() -> Vec<Preset> {
    let receivers = super::reception::receiver_presets();
    resolver_presets().into_iter().chain(servers::server_presets()).chain(retry_presets()).chain(receivers).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_what_is_simulated() {
        let shown = |preset: &str, parameter: &str| {
            let presets = all();
            let preset = presets.iter().find(|known| known.name == preset);
            let found = preset.and_then(|preset| preset.parameters.iter().find(|(name, ..)| *name == parameter));
            found.map(|(_, value, _)| value.clone()).unwrap_or_default()
        };
        assert_eq!(shown("Unbound", "first_timeout"), "376ms");
        assert_eq!(shown("UnboundPre125", "expiry"), "Through");
        assert_eq!(shown("Postfix", "maximal_backoff_time"), "1h6m40s");
        assert_eq!(shown("Postfix", "client.session_limit"), "2");
        assert_eq!(shown("Exim", "client.address_limit"), "5");
        assert_eq!(shown("Qmail", "client.greeting_timeout"), "20m");
        assert!(all().iter().all(|preset| preset.parameters.iter().all(|(.., source)| !source.is_empty())));
    }
}
