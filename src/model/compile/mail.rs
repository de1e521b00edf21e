//! Hosts and nodes.

use super::Compiler;
use super::names::{is_address, stamp};
use super::presets;
use super::retry::NodePreset;
use super::zones::ADDRESSES_MAX;
use crate::engine::dist::Dist;
use crate::engine::time::SimDuration;
use crate::model::client::Timeouts;
use crate::model::dns::{ArrivalsModel, canonical};
use crate::model::mail::{ClientRules, HostModel, MailModel, NodeModel, Pool, SourceModel};
use crate::model::speaks::Speaks;
use crate::model::{Clock, HostId, NameId, NodeId, RegionId, ResolverId};
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::nearest::did_you_mean;
use crate::scenario::tree::{
    Action, Arrivals, ClientTls, Destinations, Host, HostIpv6, Retry, Sender, Shuffle, SmtpClient, TimelineEntry,
};
use crate::scenario::units::Duration;

/// Most addresses of a sender.
const POOL_MAX: u32 = 1 << 20;
const PROCESSORS_MAX: u32 = 1024;

impl Compiler<'_> {
    pub(super) fn mail_hosts(&mut self) -> Vec<HostModel> {
        let mut hosts = Vec::new();
        for id in 0..self.hosts.len() {
            let member = self.hosts.members[id].clone();
            let fallback = Host::default();
            let (key, host) =
                self.tree.hosts.get_index(member.key).map_or(("", &fallback), |(key, host)| (key.as_str(), host));
            self.number = member.number;
            if !(1..=ADDRESSES_MAX).contains(&host.addresses) {
                self.error(&["hosts", key, "addresses"], format!("{} addresses", host.addresses)).label =
                    format!("expected 1 to {ADDRESSES_MAX}");
            }
            if host.sessions == Some(0) {
                self.error(&["hosts", key, "sessions"], "a host without sessions").help =
                    Some("take it down in the timeline instead".into());
            }
            let mut relays_for: Vec<NameId> = Vec::new();
            for (index, zone) in host.relays_for.iter().enumerate() {
                let path = ["hosts", key, "relays_for", &index.to_string()];
                for zone in self.find(&path, "zone", zone) {
                    let name = self.zones.name(zone).to_owned();
                    relays_for.push(self.dns.names.intern(&name));
                }
            }
            relays_for.sort_unstable();
            relays_for.dedup();
            let preset = super::reception::limits(&host.software);
            let (reception, store) = (self.reception(key, host), self.store(key, host));
            hosts.push(HostModel {
                name: self.dns.names.intern(&member.name),
                region: self.region(&["hosts", key, "region"], host.region.as_ref()),
                sessions: host.sessions.or(preset.sessions),
                when_full: host.when_full.unwrap_or(preset.when_full),
                backlog: host.backlog.or(preset.backlog).unwrap_or(u32::MAX),
                when_backlog_full: host.when_backlog_full,
                service: self.dist(&["hosts", key, "service"], &host.service.0),
                ipv6: host.ipv6,
                smtp: host.smtp.clone(),
                fails: self.failure_mode(&["hosts", key, "fails"], host.fails),
                refusal: host.refusal.as_ref().map(|refusal| self.dist(&["hosts", key, "refusal"], &refusal.0)),
                reception,
                store,
                relays_for,
                relay: None,
            });
        }
        self.number = 0;
        hosts
    }

    /// Senders, then the relays among the hosts.
    pub(super) fn mail_nodes(&mut self, hosts: &mut Vec<HostModel>, clock: &Clock) -> MailModel {
        let mut nodes = Vec::new();
        for id in 0..self.senders.len() {
            let member = self.senders.members[id].clone();
            let Some((key, sender)) = self.tree.senders.get_index(member.key) else { continue };
            self.number = member.number;
            let resolver = self.find_one(&["senders", key, "resolver"], "resolver", &sender.resolver).unwrap_or(0);
            let region = self.region(&["senders", key, "region"], sender.region.as_ref());
            let source = self.source(key, sender, region, clock);
            let (retry, preset) = self.node_retry(&["senders", key, "retry"], &sender.retry, sender.count);
            let resolver =
                self.own_cache(&["senders", key], &member.name, region, ResolverId(resolver), retry.dns_cache);
            nodes.push(NodeModel {
                name: member.name,
                region,
                resolver,
                client: self.client_rules(&["senders", key, "client"], &preset, &sender.client),
                retry,
                host: None,
                checks_sts: sender.mta_sts,
                tells_postmaster: tells_postmaster(&preset.preset),
                pool: self.pool(key, sender),
                source: Some(source),
            });
        }
        self.number = 0;
        let senders = nodes.len();
        self.check_sharing(hosts);
        let mut sharing = Vec::new();
        for (id, host) in hosts.iter_mut().enumerate().filter(|(_, host)| !host.relays_for.is_empty()) {
            if let Some(other) = self.shares_queue(id) {
                sharing.push((id, other));
                continue;
            }
            host.relay = Some(NodeId(nodes.len() as u32));
            let node = self.relay(id, host.region);
            nodes.push(node);
        }
        for (id, other) in sharing {
            hosts[id].relay = hosts[other].relay;
            if hosts[other].relay.is_none() {
                let key = self.hosts.members[id].key;
                let key = self.tree.hosts.get_index(key).map_or("", |(key, _)| key.as_str());
                self.error(&["hosts", key, "shares_queue"], "that host has no queue of its own to share").help =
                    Some("name a host with `relays_for` and without `shares_queue`".into());
            }
        }
        let literals = self.literals(hosts);
        MailModel { hosts: std::mem::take(hosts), nodes, senders, literals, ..MailModel::default() }
    }

    /// Whether any host has an IPv6 address some time.
    pub(super) fn has_ipv6(&self, mail: &MailModel) -> bool {
        let sets =
            |entry: &TimelineEntry| matches!(entry.action, Action::SetIpv6 { ipv6, .. } if ipv6 != HostIpv6::Absent);
        mail.hosts.iter().any(|host| host.ipv6 != HostIpv6::Absent) || self.tree.timeline.iter().any(sets)
    }

    /// Hosts whose name is an address.
    fn literals(&self, hosts: &[HostModel]) -> Vec<(NameId, HostId)> {
        let is_literal = |host: &HostModel| is_address(self.dns.names.text(host.name));
        let mut found: Vec<_> =
            (0..).zip(hosts).filter(|(_, host)| is_literal(host)).map(|(id, host)| (host.name, HostId(id))).collect();
        found.sort_unstable();
        found
    }

    /// Who relays for nobody has nothing to put into another's queue.
    fn check_sharing(&mut self, hosts: &[HostModel]) {
        for id in (0..hosts.len()).filter(|&id| hosts[id].relays_for.is_empty()) {
            if let Some((key, host)) = self.tree.hosts.get_index(self.hosts.members[id].key)
                && host.shares_queue.is_some()
            {
                let key = key.clone();
                self.error(&["hosts", &key, "shares_queue"], "this host relays for no zone").help =
                    Some("name in `relays_for` what it takes for the shared queue".into());
            }
        }
    }

    /// The host whose queue a relay shares.
    fn shares_queue(&mut self, id: usize) -> Option<usize> {
        let member = self.hosts.members[id].clone();
        let (key, host) = self.tree.hosts.get_index(member.key)?;
        self.number = member.number;
        let other = host.shares_queue.as_ref()?;
        let found = self.find_one(&["hosts", key, "shares_queue"], "host", other);
        self.number = 0;
        found.map(|other| other as usize)
    }

    fn relay(&mut self, id: usize, region: RegionId) -> NodeModel {
        let member = self.hosts.members[id].clone();
        let fallback = Host::default();
        let (key, host) =
            self.tree.hosts.get_index(member.key).map_or(("", &fallback), |(key, host)| (key.as_str(), host));
        self.number = member.number;
        // Whoever runs a backup MX has a resolver: where none is named, the first in its region, else the first of all.
        let declared = &self.dns.resolvers[..self.resolvers.len().min(self.dns.resolvers.len())];
        let near = declared.iter().position(|resolver| resolver.region == region).unwrap_or(0) as u32;
        let resolver = match &host.resolver {
            Some(name) => self.find_one(&["hosts", key, "resolver"], "resolver", name).unwrap_or(0),
            None => near,
        };
        if host.resolver.is_none() && self.dns.resolvers.is_empty() {
            self.error(&["hosts", key, "relays_for"], "a relay needs a resolver").help =
                Some("declare one under `resolvers`".into());
        }
        let (retry, preset) = self.node_retry(&["hosts", key, "retry"], &host.retry, host.count);
        let resolver = self.own_cache(&["hosts", key], &member.name, region, ResolverId(resolver), retry.dns_cache);
        self.number = 0;
        NodeModel {
            name: member.name,
            region,
            resolver,
            client: self.client_rules(&["hosts", key, "client"], &preset, &host.client),
            retry,
            host: Some(HostId(id as u32)),
            checks_sts: false,
            tells_postmaster: tells_postmaster(&preset.preset),
            pool: Pool { addresses: 1, networks: 1 },
            source: None,
        }
    }

    /// The client of a system, with what was written instead.
    fn client_rules(&mut self, path: &[&str], retry: &NodePreset, written: &SmtpClient) -> ClientRules {
        let preset = presets::with_parameters(&retry.preset, written.rules);
        let limit = |written: Option<u32>, preset: u32| written.map_or(preset, |n| if n == 0 { u32::MAX } else { n });
        if let Some(processors) = written.processors.filter(|n| !(1..=PROCESSORS_MAX).contains(n)) {
            let path: Vec<&str> = path.iter().copied().chain(["processors"]).collect();
            self.error(&path, format!("{processors} processors")).label = format!("expected 1 to {PROCESSORS_MAX}");
        }
        let weights = self.weights_of_exchanges(path, written);
        let next_hops = self.next_hops(path, written, retry.config.as_deref());
        let own = &written.timeouts;
        for (name, span) in
            [("connect_timeout", written.connect_timeout), ("greeting_timeout", written.greeting_timeout)]
        {
            self.some_time(&[path, &[name]].concat(), span);
        }
        for (name, span) in [
            ("ehlo", own.ehlo),
            ("starttls", own.starttls),
            ("mail", own.mail),
            ("rcpt", own.rcpt),
            ("data", own.data),
            ("block", own.block),
            ("end_of_data", own.end_of_data),
        ] {
            self.some_time(&[path, &["timeouts", name]].concat(), span);
        }
        let reply = |written: Option<Duration>, preset: SimDuration| written.map_or(preset, |span| span.0);
        let timeouts = Timeouts {
            ehlo: reply(own.ehlo, preset.timeouts.ehlo),
            starttls: reply(own.starttls, preset.timeouts.starttls),
            mail: reply(own.mail, preset.timeouts.mail),
            rcpt: reply(own.rcpt, preset.timeouts.rcpt),
            data: reply(own.data, preset.timeouts.data),
            block: reply(own.block, preset.timeouts.block),
            end_of_data: reply(own.end_of_data, preset.timeouts.end_of_data),
        };
        ClientRules {
            timeouts,
            connect_timeout: written.connect_timeout.map_or(preset.connect_timeout, |span| span.0),
            first_connect_timeout: preset.first_connect_timeout.filter(|_| written.connect_timeout.is_none()),
            greeting_timeout: written.greeting_timeout.map_or(preset.greeting_timeout, |span| span.0),
            address_limit: limit(written.address_limit, preset.address_limit),
            session_limit: limit(written.session_limit, preset.session_limit),
            exchange_limit: limit(written.exchange_limit, preset.exchange_limit),
            exchange_address_limit: limit(written.exchange_address_limit, preset.exchange_address_limit),
            shuffle: written.shuffle.unwrap_or(preset.shuffle),
            weights,
            own: written.own_mx.unwrap_or(preset.own),
            lookups: written.lookups.unwrap_or(preset.lookups),
            address_preference: written
                .address_preference
                .or(retry.config.as_ref().and_then(|config| config.address_preference))
                .unwrap_or(preset.address_preference),
            fast_fallback: match written.fast_fallback {
                Some(delay) => (!delay.0.is_zero()).then_some(delay.0),
                None => preset.fast_fallback,
            },
            speaks: Speaks {
                starttls: written
                    .tls
                    .or(retry.config.as_ref().and_then(|config| config.tls))
                    .map_or(preset.speaks.starttls, |tls| tls == ClientTls::May),
                ..preset.speaks
            },
            syn: written.syn.unwrap_or(preset.syn),
            processors: written.processors.unwrap_or(preset.processors),
            processor_time: written.processor_time.map_or(preset.processor_time, |span| span.0),
            processor_time_after: written.processor_time_after.map_or(preset.processor_time_after, |span| span.0),
            smart_host: next_hops.smart_host,
            fallback: next_hops.fallback,
            ..preset
        }
    }

    /// What decides among equal exchanges, by name.
    fn weights_of_exchanges(&mut self, path: &[&str], written: &SmtpClient) -> Vec<(NameId, f64)> {
        if !written.weights.is_empty() && written.shuffle != Some(Shuffle::Weighted) {
            let path: Vec<&str> = path.iter().copied().chain(["weights"]).collect();
            self.error(&path, "weights of exchanges that decide nothing").help =
                Some("set `shuffle: Weighted` beside them".into());
        }
        let mut weights = Vec::new();
        for (key, &weight) in &written.weights {
            let path: Vec<&str> = path.iter().copied().chain(["weights", key]).collect();
            let name = canonical(&stamp(key, self.number));
            if !(0.0..=1e9).contains(&weight) {
                self.error(&path, format!("{weight} is no weight")).label = "expected 0 to 1e9".into();
            }
            if !self.is_reachable_some_time(&name) {
                let help = did_you_mean(&name, self.hosts.known());
                self.error(&path, format!("no exchange `{name}`")).help = help;
            }
            weights.push((self.dns.names.intern(&name), weight));
        }
        weights.sort_unstable_by_key(|known| known.0);
        weights
    }

    fn pool(&mut self, key: &str, sender: &Sender) -> Pool {
        let Sender { addresses, networks, .. } = *sender;
        if !(1..=POOL_MAX).contains(&addresses) {
            self.error(&["senders", key, "addresses"], format!("{addresses} addresses")).label =
                format!("expected 1 to {POOL_MAX}");
        }
        if addresses > 0 && !(1..=addresses).contains(&networks) {
            self.error(&["senders", key, "networks"], format!("{networks} networks for {addresses} addresses")).label =
                "expected 1 to the number of addresses".into();
        }
        Pool { addresses: addresses.max(1), networks: networks.max(1) }
    }

    fn source(&mut self, key: &str, sender: &Sender, region: RegionId, clock: &Clock) -> SourceModel {
        let arrivals = self.arrivals(&["senders", key, "arrivals"], &sender.arrivals, region, clock);
        let path = ["senders", key, "to"];
        let (domains, choice) = match &sender.to {
            Destinations::Weights(weights) => {
                let domains = weights.keys().filter_map(|name| self.destination(&["senders", key, "to", name], name));
                let domains = domains.collect();
                let weights: Vec<f64> = weights.values().copied().collect();
                (domains, self.choice(&path, &weights))
            }
            Destinations::Zipf { exponent, zones } => {
                let domains = self.destinations(&["senders", key, "to", "zones"], zones);
                if !(0.0..=10.0).contains(exponent) {
                    self.error(
                        &["senders", key, "to", "exponent"],
                        format!("{exponent} is no exponent of Zipf's law"),
                    )
                    .label = "expected 0 to 10".into();
                }
                let choice = self.zipf(&["senders", key, "to", "exponent"], domains.len().max(1), *exponent);
                (domains, choice)
            }
            Destinations::Uniform { zones } => {
                let domains = self.destinations(&["senders", key, "to", "zones"], zones);
                let choice = self.zipf(&path, domains.len().max(1), 0.0);
                (domains, choice)
            }
            Destinations::Trace => {
                self.check_trace(key, &sender.arrivals, &arrivals);
                (Vec::new(), self.zipf(&path, 1, 0.0))
            }
        };
        let size = self.dist(&["senders", key, "size"], &sender.size.0);
        let recipients = self.dist(&["senders", key, "recipients"], &sender.recipients.0);
        if recipients.quantile(1.0) < 1.0 {
            self.error(&["senders", key, "recipients"], "a message has at least one recipient");
        }
        self.check_at_most(&["senders", key, "size"], &size, u32::MAX, "bytes");
        self.check_at_most(&["senders", key, "recipients"], &recipients, u16::MAX.into(), "recipients");
        let begins = self.begins(&["senders", key], &sender.begins.0, &arrivals, clock);
        let null_sender = self.share(&["senders", key, "null_sender"], sender.null_sender);
        let path = ["senders", key, "return_path"];
        let return_path = sender.return_path.as_ref().and_then(|name| self.destination(&path, name));
        let correspondents = sender.correspondents;
        let queue = self.queue_at_start(key, sender);
        SourceModel {
            arrivals,
            begins,
            domains,
            choice,
            size,
            recipients,
            correspondents,
            null_sender,
            return_path,
            queue,
        }
    }

    /// A time-out that is written is one.
    fn some_time(&mut self, path: &[&str], span: Option<Duration>) {
        if let Some(span) = span {
            self.above_zero(path, span.0);
        }
    }

    /// What is drawn above `most` counts as that; where half of all would, something else was meant.
    fn check_at_most(&mut self, path: &[&str], dist: &Dist, most: u32, unit: &str) {
        let median = dist.quantile(0.5);
        if median > f64::from(most) {
            // Past 2^53 not every digit is known.
            let number = if median < 9e15 { format!("{median:.0}") } else { format!("{median:e}") };
            let message = match dist.quantile(0.0) == dist.quantile(1.0) {
                true => format!("a message of {number} {unit}"),
                false => format!("half of all messages would have {number} {unit} and more"),
            };
            self.error(path, message).label = format!("expected at most {most} {unit} a message");
        }
    }

    /// Every zone that a name, a population's key or a glob means.
    fn destinations(&mut self, path: &[&str], reference: &str) -> Vec<NameId> {
        if self.is_too_many(path, 0) {
            return Vec::new();
        }
        let mut zones = self.find(path, "zone", reference);
        if self.is_too_many(path, zones.len()) {
            zones.clear();
        }
        zones.into_iter().map(|zone| self.dns.names.intern(self.zones.name(zone))).collect()
    }

    /// A domain that mail is for: a zone, or any other name with an MX, an address or an alias.
    fn destination(&mut self, path: &[&str], name: &str) -> Option<NameId> {
        let text = canonical(&stamp(name, self.number));
        let known = self.known_destination(&text);
        if known.is_none() {
            let place = self.at.key_place(path);
            let is_shown = !self.is_enough_said(&place);
            let help = did_you_mean(&text, self.zones.known().chain(self.hosts.known()).filter(|_| is_shown));
            let help = help.unwrap_or_else(|| format!("declare it: `zones: {{ \"{text}\": (mx: [..]) }}`"));
            self.say(Diagnostic {
                place: Some(place),
                ..Diagnostic::error(format!("no domain `{text}` to send to")).help(help)
            });
        }
        known
    }

    /// A domain that mail can be for, by its canonical name.
    pub(super) fn known_destination(&self, name: &str) -> Option<NameId> {
        self.dns.names.get(name).filter(|&id| {
            self.zones.get(name).is_some() || self.has_other_data(id, &self.rrsets) || self.is_reachable_some_time(name)
        })
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
}

/// Whether the postmaster is told of a bounce that cannot be delivered: sendmail's `DoubleBounceAddress` and qmail's
/// `doublebounceto` are `postmaster`; Postfix's `notify_classes` hold no `2bounce`, Exim freezes the message and drops it
/// later, the others drop it.
fn tells_postmaster(retry: &Retry) -> bool {
    matches!(retry, Retry::Sendmail(_) | Retry::Qmail(_))
}
