//! Hosts and nodes.

use super::Compiler;
use super::names::stamp;
use super::presets;
use crate::engine::time::SimDuration;
use crate::model::dns::ArrivalsModel;
use crate::model::mail::{ClientRules, HostModel, MailModel, NodeModel, RetryPolicy, ScheduleModel, SourceModel};
use crate::model::{Clock, HostId, NameId, NodeId, RegionId, ResolverId};
use crate::scenario::diagnostic::SourceText;
use crate::scenario::exim_retry::read_exim_rule;
use crate::scenario::tree::{Arrivals, Destinations, Host, Jitter, Retry, Schedule, SmtpClient};
use std::sync::Arc;

impl Compiler<'_> {
    pub(super) fn mail_hosts(&mut self) -> Vec<HostModel> {
        let mut hosts = Vec::new();
        for id in 0..self.hosts.len() {
            let member = self.hosts.members[id].clone();
            let fallback = Host::default();
            let (key, host) =
                self.tree.hosts.get_index(member.key).map_or(("", &fallback), |(key, host)| (key.as_str(), host));
            if !(1..=64).contains(&host.addresses) {
                self.error(&["hosts", key, "addresses"], format!("{} addresses", host.addresses)).label =
                    "expected 1 to 64".into();
            }
            if host.sessions == Some(0) {
                self.error(&["hosts", key, "sessions"], "a host without sessions").help =
                    Some("take it down in the timeline instead".into());
            }
            let mut relays_for: Vec<NameId> = Vec::new();
            for (index, zone) in host.relays_for.iter().enumerate() {
                let path = ["hosts", key, "relays_for", &index.to_string()];
                for zone in self.find(&path, "zone", &stamp(zone, member.number)) {
                    let name = self.zones.name(zone).to_owned();
                    relays_for.push(self.dns.names.intern(&name));
                }
            }
            relays_for.sort_unstable();
            relays_for.dedup();
            hosts.push(HostModel {
                name: self.dns.names.intern(&member.name),
                region: self.region(&["hosts", key, "region"], host.region.as_ref()),
                sessions: host.sessions,
                when_full: host.when_full,
                service: self.dist(&["hosts", key, "service"], &host.service.0),
                smtp: host.smtp.clone(),
                fails: host.fails,
                refusal: host.refusal.as_ref().map(|refusal| self.dist(&["hosts", key, "refusal"], &refusal.0)),
                relays_for,
                relay: None,
            });
        }
        hosts
    }

    /// Senders, then the relays among the hosts.
    pub(super) fn mail_nodes(&mut self, hosts: &mut Vec<HostModel>, clock: &Clock) -> MailModel {
        let mut nodes = Vec::new();
        for id in 0..self.senders.len() {
            let member = self.senders.members[id].clone();
            let Some((key, sender)) = self.tree.senders.get_index(member.key) else { continue };
            let resolver = stamp(&sender.resolver, member.number);
            let resolver = self.find_one(&["senders", key, "resolver"], "resolver", &resolver).unwrap_or(0);
            let source = self.source(key, sender, member.number, clock);
            nodes.push(NodeModel {
                name: member.name,
                region: self.region(&["senders", key, "region"], sender.region.as_ref()),
                resolver: ResolverId(resolver),
                retry: self.retry(&["senders", key, "retry"], &sender.retry),
                client: client_rules(&sender.retry, &sender.client),
                host: None,
                source: Some(source),
            });
        }
        let senders = nodes.len();
        for (id, host) in hosts.iter_mut().enumerate().filter(|(_, host)| !host.relays_for.is_empty()) {
            host.relay = Some(NodeId(nodes.len() as u32));
            let node = self.relay(id, host.region);
            nodes.push(node);
        }
        MailModel { hosts: std::mem::take(hosts), nodes, senders }
    }

    fn relay(&mut self, id: usize, region: RegionId) -> NodeModel {
        let member = self.hosts.members[id].clone();
        let fallback = Host::default();
        let (key, host) =
            self.tree.hosts.get_index(member.key).map_or(("", &fallback), |(key, host)| (key.as_str(), host));
        let resolver = match &host.resolver {
            Some(name) => {
                let path = ["hosts", key, "resolver"];
                self.find_one(&path, "resolver", &stamp(name, member.number)).unwrap_or(0)
            }
            // Whoever runs a backup MX has a resolver: the first, where none is named.
            None if !self.dns.resolvers.is_empty() => 0,
            None => {
                self.error(&["hosts", key, "relays_for"], "a relay needs a resolver").help =
                    Some("declare one under `resolvers`".into());
                0
            }
        };
        NodeModel {
            name: member.name,
            region,
            resolver: ResolverId(resolver),
            retry: self.retry(&["hosts", key, "retry"], &host.retry),
            client: client_rules(&host.retry, &SmtpClient::default()),
            host: Some(HostId(id as u32)),
            source: None,
        }
    }

    fn source(&mut self, key: &str, sender: &crate::scenario::tree::Sender, number: u32, clock: &Clock) -> SourceModel {
        let arrivals = self.arrivals(&["senders", key, "arrivals"], &sender.arrivals, clock);
        let path = ["senders", key, "to"];
        let (zones, choice) = match &sender.to {
            Destinations::Weights(weights) => {
                let mut zones = Vec::new();
                for name in weights.keys() {
                    let path = ["senders", key, "to", name];
                    zones.extend(self.find_one(&path, "zone", &stamp(name, number)));
                }
                let weights: Vec<f64> = weights.values().copied().collect();
                (zones, self.choice(&path, &weights))
            }
            Destinations::Zipf { exponent, zones } => {
                let found = self.find(&["senders", key, "to", "zones"], "zone", &stamp(zones, number));
                let choice = self.zipf(&["senders", key, "to", "exponent"], found.len().max(1), *exponent);
                (found, choice)
            }
            Destinations::Uniform { zones } => {
                let found = self.find(&["senders", key, "to", "zones"], "zone", &stamp(zones, number));
                let choice = self.zipf(&path, found.len().max(1), 0.0);
                (found, choice)
            }
            Destinations::Trace => {
                self.check_trace(key, &sender.arrivals, &arrivals);
                (Vec::new(), self.zipf(&path, 1, 0.0))
            }
        };
        let names: Vec<String> = zones.iter().map(|&zone| self.zones.name(zone).to_owned()).collect();
        let domains = names.iter().map(|name| self.dns.names.intern(name)).collect();
        let size = self.dist(&["senders", key, "size"], &sender.size.0);
        let recipients = self.dist(&["senders", key, "recipients"], &sender.recipients.0);
        if recipients.min() < 1.0 {
            self.error(&["senders", key, "recipients"], "a message has at least one recipient");
        }
        let begins = self.dist(&["senders", key, "begins"], &sender.begins.0);
        SourceModel { arrivals, begins, domains, choice, size, recipients }
    }

    fn check_trace(&mut self, key: &str, written: &Arrivals, arrivals: &ArrivalsModel) {
        let rows = match arrivals {
            ArrivalsModel::Trace(rows) => rows,
            _ => {
                self.error(&["senders", key, "to"], "`to: Trace` without a trace of arrivals").help =
                    Some("give `arrivals: Trace(file: \"arrivals.csv\")` with a column `domain`".into());
                return;
            }
        };
        if rows.iter().any(|row| row.domain.is_none()) {
            let file = if let Arrivals::Trace { file, .. } = written { file.as_str() } else { "" };
            self.error(&["senders", key, "to"], format!("`{file}` does not name a domain in every row")).help =
                Some("add a column `domain`, or say where mail goes: `to: Weights({..})`".into());
        }
    }

    fn retry(&mut self, path: &[&str], retry: &Retry) -> RetryPolicy {
        let field = |name: &'static str| -> Vec<&str> { path.iter().copied().chain([name]).collect() };
        match retry {
            Retry::Postfix(postfix) => {
                if postfix.minimal_backoff_time > postfix.maximal_backoff_time {
                    self.error(&field("minimal_backoff_time"), "longer than `maximal_backoff_time`");
                }
                RetryPolicy::Postfix {
                    minimal: postfix.minimal_backoff_time.0,
                    maximal: postfix.maximal_backoff_time.0,
                    scan: postfix.queue_run_delay.0,
                    lifetime: postfix.maximal_queue_lifetime.0,
                }
            }
            Retry::Exim(exim) => {
                let place = self.at.value_place(&field("rule"));
                // The rule as written, without its quotes, or the default where none is written.
                let written = &place.source.text[place.span.clone()];
                let inside = written.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
                let (source, span) = match inside.filter(|inside| *inside == exim.rule) {
                    Some(_) => (Arc::clone(&place.source), place.span.start + 1..place.span.end - 1),
                    None => {
                        let text = exim.rule.clone();
                        let span = 0..text.len();
                        (Arc::new(SourceText { name: "retry rule".into(), text }), span)
                    }
                };
                let (rule, problems) = read_exim_rule(&source, span);
                self.problems.extend(problems);
                let steps = rule.map_or_else(Vec::new, |rule| rule.steps);
                if exim.queue_run.0.is_zero() {
                    self.error(&field("queue_run"), "queue runs without a period");
                }
                let queue_run = exim.queue_run.0;
                RetryPolicy::Exim { rule: crate::scenario::exim_retry::EximRule { steps }, queue_run }
            }
            Retry::Qmail(qmail) => RetryPolicy::Qmail { lifetime: qmail.queuelifetime.0, chanskip: qmail.chanskip },
            Retry::Custom(custom) => {
                if let Jitter::Share(share) = custom.jitter {
                    self.share(&field("jitter"), share);
                }
                RetryPolicy::Custom {
                    schedule: self.schedule(&field("schedule"), &custom.schedule),
                    cap: custom.cap.map_or(SimDuration::MAX, |cap| cap.0),
                    jitter: custom.jitter,
                    scan: custom.scan.map(|scan| scan.0),
                    lifetime: custom.lifetime.0,
                }
            }
        }
    }

    fn schedule(&mut self, path: &[&str], schedule: &Schedule) -> ScheduleModel {
        let is_positive = match schedule {
            Schedule::Constant(wait) => !wait.0.is_zero(),
            Schedule::Linear { first, .. } => !first.0.is_zero(),
            Schedule::Exponential { base, factor } => !base.0.is_zero() && factor.is_finite() && *factor >= 1.0,
            Schedule::Age { min, .. } => !min.0.is_zero(),
            Schedule::Table(ages) => {
                !ages.is_empty() && !ages[0].0.is_zero() && ages.windows(2).all(|pair| pair[0] < pair[1])
            }
        };
        if !is_positive {
            self.error(path, "a schedule that does not move on").label =
                "expected waits above zero, a factor of at least 1, ages that rise".into();
        }
        match schedule {
            Schedule::Constant(wait) => ScheduleModel::Constant(wait.0),
            Schedule::Linear { first, step } => ScheduleModel::Linear { first: first.0, step: step.0 },
            Schedule::Exponential { base, factor } => ScheduleModel::Exponential { base: base.0, factor: *factor },
            Schedule::Age { min, max } => ScheduleModel::Age { min: min.0, max: max.0 },
            Schedule::Table(ages) => ScheduleModel::Table(ages.iter().map(|age| age.0).collect()),
        }
    }
}

fn client_rules(retry: &Retry, written: &SmtpClient) -> ClientRules {
    let preset = presets::client_rules(retry);
    let limit = |written: Option<u32>, preset: u32| written.map_or(preset, |n| if n == 0 { u32::MAX } else { n });
    ClientRules {
        connect_timeout: written.connect_timeout.map_or(preset.connect_timeout, |span| span.0),
        greeting_timeout: written.greeting_timeout.map_or(preset.greeting_timeout, |span| span.0),
        address_limit: limit(written.address_limit, preset.address_limit),
        session_limit: limit(written.session_limit, preset.session_limit),
        shuffle: written.shuffle.unwrap_or(preset.shuffle),
        syn: written.syn.unwrap_or(preset.syn),
        next_host_on_4xx: preset.next_host_on_4xx,
    }
}
