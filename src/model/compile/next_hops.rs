//! Relays that configuration names: where all mail goes, and where that goes which no MX host takes.

use super::Compiler;
use super::names::stamp;
use crate::model::client::RelayTo;
use crate::model::dns::canonical;
use crate::scenario::diagnostic::{Diagnostic, Place};
use crate::scenario::nearest::did_you_mean;
use crate::scenario::next_hop::next_hops;
use crate::scenario::postconf::Postconf;
use crate::scenario::tree::SmtpClient;

/// Where a client sends what does not go to its domain's MX.
#[derive(Debug, Default)]
pub(super) struct NextHops {
    pub smart_host: Option<RelayTo>,
    /// One after the other.
    pub fallback: Vec<RelayTo>,
}

impl Compiler<'_> {
    /// What was written, or else what Postfix's own configuration has. Of a list of smart hosts the others come before the
    /// fallback relays, if the first takes nothing (`smtp_connect.c`: one list of sites).
    pub(super) fn next_hops(&mut self, path: &[&str], written: &SmtpClient, config: Option<&Postconf>) -> NextHops {
        let mut relays = |field: &'static str, text: &Option<String>, parameter: &'static str| match text {
            Some(text) => {
                let path: Vec<&str> = path.iter().copied().chain([field]).collect();
                let place = self.at.value_place(&path);
                self.relays(text, &place, None)
            }
            None => match config.and_then(|config| config.next_hops.get(parameter)) {
                Some((text, place)) => self.relays(text, place, Some(parameter)),
                None => Vec::new(),
            },
        };
        let mut sites = relays("smart_host", &written.smart_host, "relayhost");
        let fallback = relays("fallback_relay", &written.fallback_relay, "smtp_fallback_relay");
        let smart_host = (!sites.is_empty()).then(|| sites.remove(0));
        sites.extend(fallback);
        NextHops { smart_host, fallback: sites }
    }

    /// The relays of a list. What a real configuration names need not be in the scenario: that is a warning.
    fn relays(&mut self, text: &str, place: &Place, parameter: Option<&str>) -> Vec<RelayTo> {
        let text = stamp(text, self.number);
        let mut found = Vec::new();
        for hop in next_hops(&text) {
            let name = canonical(hop.name);
            let Some(known) = self.known_destination(&name) else {
                let message = format!("no host or domain `{name}` to relay to");
                let said = match parameter {
                    Some(parameter) => Diagnostic::warning(format!("{message}: left out of `{parameter}`")),
                    None => Diagnostic::error(message),
                };
                let help = did_you_mean(&name, self.zones.known().chain(self.hosts.known()));
                self.say(Diagnostic { place: Some(place.clone()), help, ..said });
                continue;
            };
            if let Some(port) = hop.port {
                let message = format!("port {port} of `{name}` is not modelled: a host has one port");
                self.say(Diagnostic { place: Some(place.clone()), ..Diagnostic::warning(message) });
            }
            found.push(RelayTo { name: known, is_host: hop.is_host });
        }
        found
    }
}
