//! Parameter sets of real software, each number with where it was read or measured.

mod client;
mod resolvers;

pub(super) use client::client_rules;
pub use resolvers::{resolver_presets, resolver_rules};
pub(super) mod servers;

use crate::scenario::tree::{EximRetry, PostfixRetry, QmailRetry, Retry, Shuffle};

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

/// Presets of `retry`, each with what its SMTP client does within an attempt.
pub fn retry_presets() -> Vec<Preset> {
    let own = PostfixRetry::default();
    let postfix = mail(
        "Postfix",
        "Postfix 3.x: the age doubles between two bounds, on the grid of queue scans",
        &Retry::Postfix(own.clone()),
        vec![
            ("minimal_backoff_time", own.minimal_backoff_time.0.to_string(), "postconf(5); measured, Postfix 3.7.11"),
            ("maximal_backoff_time", own.maximal_backoff_time.0.to_string(), "postconf(5)"),
            ("queue_run_delay", own.queue_run_delay.0.to_string(), "postconf(5)"),
            (
                "maximal_queue_lifetime",
                own.maximal_queue_lifetime.0.to_string(),
                "postconf(5); looked at after an attempt (measured)",
            ),
        ],
    );
    let own = EximRetry::default();
    let exim = mail(
        "Exim",
        "Exim 4.9x: a retry rule, acted on by queue runs; kept per message here",
        &Retry::Exim(own.clone()),
        vec![
            ("rule", own.rule.clone(), "Exim's default configuration, retry section"),
            ("queue_run", own.queue_run.0.to_string(), "-q30m, as Debian starts it"),
        ],
    );
    let own = QmailRetry::default();
    let qmail = mail(
        "Qmail",
        "qmail, notqmail: squares of 20 seconds",
        &Retry::Qmail(own.clone()),
        vec![
            ("queuelifetime", own.queuelifetime.0.to_string(), "qmail-send(8)"),
            ("chanskip", own.chanskip.to_string(), "qmail-send.c, remote channel"),
        ],
    );
    vec![postfix, exim, qmail]
}

fn mail(
    name: &'static str,
    about: &'static str,
    retry: &Retry,
    mut parameters: Vec<(&'static str, String, &'static str)>,
) -> Preset {
    let rules = client_rules(retry, None);
    let limit = |n: u32| if n == u32::MAX { "none".to_owned() } else { n.to_string() };
    let shuffle = match rules.shuffle {
        Shuffle::Addresses => "addresses",
        Shuffle::Names => "names",
        Shuffle::NamesAndAddresses => "names, and the addresses of each",
        Shuffle::AdjacentSwaps => "neighbours, once",
        Shuffle::Off => "off",
    };
    let source = match retry {
        Retry::Postfix(_) => "postconf(5); shuffle measured, Postfix 3.7.11",
        Retry::Exim(_) => {
            "Exim smtp transport; at the limit one of each next preference is still tried (measured, 4.96)"
        }
        _ => "qmail-remote.c",
    };
    parameters.extend([
        ("client.connect_timeout", rules.connect_timeout.to_string(), source),
        ("client.greeting_timeout", rules.greeting_timeout.to_string(), source),
        ("client.address_limit", limit(rules.address_limit), source),
        ("client.session_limit", limit(rules.session_limit), source),
        ("client.shuffle", shuffle.to_owned(), source),
    ]);
    Preset { name, field: "retry", about, parameters }
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
