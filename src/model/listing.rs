//! Whose numbers the tables have: the sum over all, and each of a kind where there are not too many.

use super::dns::DnsModel;
use super::outages::{destinations, hosts_out};
use super::timeline::{ActionModel, TimelineItem};
use super::vocabulary::Measure;
use super::{HostId, Model, ResolverId};
use crate::scenario::nearest::list_names;
use crate::scenario::tree::RecordType;

/// Most entities of a kind, or pairs of sender and domain, that get numbers of their own beside the sum over all.
pub const SCOPES_MAX: usize = 200;

/// Whether a kind with so many members is reported one by one.
pub fn is_listed(count: usize) -> bool {
    count <= SCOPES_MAX
}

impl Model {
    /// Hosts with a limit of sessions at some time, in the order of their ids.
    pub fn limited_hosts(&self) -> Vec<HostId> {
        let set = |item: &TimelineItem| match &item.action {
            ActionModel::SetSessions { hosts, sessions: Some(_) } => hosts.clone(),
            _ => Vec::new(),
        };
        let mut ids: Vec<HostId> = self.timeline.iter().flat_map(set).collect();
        let limited = self.mail.hosts.iter().zip(0..).filter(|(host, _)| host.sessions.is_some());
        ids.extend(limited.map(|(_, id)| HostId(id)));
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Whether the tables have such a row; the scope is one that exists.
    ///
    /// # Errors
    /// Why they have none.
    pub fn lists(&self, measure: &Measure, statistic: &str, scope: &str) -> Result<(), String> {
        let (kind, name) = scope.split_once(':').unwrap_or((scope, ""));
        if !measure.scopes.contains(&kind) {
            let kinds = list_names(measure.scopes.iter().copied(), 9);
            return Err(format!("`{}` is told of {kinds}", measure.name));
        }
        let is_quantile = statistic.strip_prefix('p').is_some_and(|digits| digits.parse::<u32>().is_ok());
        if is_quantile && measure.name != "time_to_convergence" && matches!(kind, "zone" | "pair") {
            return Err("quantiles are told of all and of senders".into());
        }
        match kind {
            "sender" | "zone" | "pair" => self.lists_mail(measure, kind, name),
            "host" => self.lists_host(measure, name),
            "event" | "change" => self.lists_entry(measure, kind, name),
            _ => self.lists_dns(measure, statistic, is_quantile, scope),
        }
    }

    fn lists_mail(&self, measure: &Measure, kind: &str, name: &str) -> Result<(), String> {
        let (senders, nodes, domains) = (self.mail.senders, self.mail.nodes.len(), destinations(self));
        let is_destination = |zone: &str| domains.iter().any(|&name| self.dns.names.text(name) == zone);
        match (kind, name.split_once('>')) {
            ("sender", _) if measure.name == "queue_at_start" => {
                let has_queue =
                    |node: &super::mail::NodeModel| node.source.as_ref().is_some_and(|s| !s.queue.is_empty());
                let has_it = self.mail.nodes.iter().any(|node| node.name == name && has_queue(node));
                if has_it { Ok(()) } else { Err("this sender begins with an empty queue".into()) }
            }
            ("sender", _) if measure.scopes.contains(&"host") => few(nodes, "queues"),
            ("sender", _) => few(senders, "senders"),
            (_, None) if is_destination(name) => few(domains.len(), "domains that mail is sent to"),
            (_, Some((_, zone))) if is_destination(zone) && is_listed(domains.len()) => {
                few(senders.saturating_mul(domains.len()), "pairs of sender and domain")
            }
            (_, Some(_)) if !is_listed(domains.len()) => few(domains.len(), "domains that mail is sent to"),
            _ => Err("no mail is sent to this zone".into()),
        }
    }

    fn lists_host(&self, measure: &Measure, name: &str) -> Result<(), String> {
        if measure.scopes.contains(&"sender") {
            return match self.mail.nodes.iter().any(|node| node.source.is_none() && node.name == name) {
                true => few(self.mail.nodes.len(), "queues"),
                false => Err("this host has no queue: it relays for nobody".into()),
            };
        }
        let of_limits = ["host_load", "full_refused", "full_421", "backlog_left", "backlog"].contains(&measure.name);
        let is_it = |id: &HostId| self.dns.names.text(self.mail.hosts[id.index()].name) == name;
        if of_limits && !self.limited_hosts().iter().any(is_it) {
            return Err("this host takes any number of sessions: give it `sessions`".into());
        }
        few(self.mail.hosts.len(), "hosts")
    }

    fn lists_entry(&self, measure: &Measure, kind: &str, name: &str) -> Result<(), String> {
        let (name, zone) = name.split_once(" zone:").map_or((name, None), |(name, zone)| (name, Some(zone)));
        let scopes = self.scopes();
        let mut found = self.timeline.iter().zip(&scopes).filter(|(item, scope)| {
            *scope == name && matches!(item.action, ActionModel::SetData { .. }) == (kind == "change")
        });
        let Some((item, _)) = found.next() else {
            return Err(
                if kind == "change" { "this entry changes no records" } else { "this entry is no outage" }.into()
            );
        };
        let hosts = hosts_out(self, &item.action);
        match zone {
            _ if kind == "change" => Ok(()),
            _ if hosts.is_empty() => Err("this outage is of no host of mail".into()),
            _ if item.at >= self.clock.end => Err("this entry comes after the end of the run".into()),
            None => Ok(()),
            Some(_) if measure.name != "failover_gap" => Err("only `failover_gap` is told of each zone".into()),
            Some(zone) => {
                let hit = super::outages::domains_of(self, &hosts);
                let zones: Vec<_> = destinations(self).into_iter().filter(|zone| hit[zone.index()]).collect();
                match zones.iter().any(|&name| self.dns.names.text(name) == zone) {
                    true => few(zones.len(), "zones of this outage"),
                    false => Err("this outage is of none of its hosts".into()),
                }
            }
        }
    }

    fn lists_dns(&self, measure: &Measure, statistic: &str, is_quantile: bool, scope: &str) -> Result<(), String> {
        let (kind, name) = scope.split_once(':').unwrap_or((scope, ""));
        let resolvers = &self.dns.resolvers;
        let only = resolvers.iter().position(|resolver| kind == "resolver" && resolver.name == name);
        let mut those = resolvers.iter().zip(0..).filter(|(_, id)| only.is_none_or(|only| only == *id));
        match measure.name {
            "lookup_time" if is_quantile && only.is_some_and(|id| self.dns.is_forwarded_to(ResolverId(id as u32))) => {
                Err("quantiles of look-ups that others forward are told in `all` only".into())
            }
            "push_messages" if those.all(|(resolver, _)| resolver.rules.told_after.is_none()) => {
                Err("only resolvers that are told of changes (`Pushed`) have it".into())
            }
            "dns_queries" if statistic != "count" && types(&self.dns).iter().all(|kind| kind.text() != statistic) => {
                Err(format!("nobody asks for {statistic}"))
            }
            "visible_latency" | "replication_lag" | "not_yet_visible"
                if self.mail.hosts.iter().all(|host| host.store.is_none()) =>
            {
                Err("no host has a `store`".into())
            }
            "queue_at_start"
                if self.mail.nodes.iter().all(|node| node.source.as_ref().is_none_or(|s| s.queue.is_empty())) =>
            {
                Err("every queue is empty at the start".into())
            }
            "notices_queued" if !self.mail.has_notices() => {
                Err("no sender has a `return_path`, where notices are messages".into())
            }
            _ if !measure.scopes.contains(&"resolver") && self.mail.senders == 0 => Err("nothing sends mail".into()),
            _ if kind == "resolver" && only.is_none() => Err("caches of a farm have no numbers of their own".into()),
            _ if kind == "resolver" => few(resolvers.len(), "resolvers"),
            _ if kind == "server" => few(self.dns.servers.len(), "servers"),
            _ => Ok(()),
        }
    }
}

fn few(count: usize, what: &str) -> Result<(), String> {
    match is_listed(count) {
        true => Ok(()),
        false => Err(format!("{count} {what} are told together, more than {SCOPES_MAX}: only `all` has it")),
    }
}

/// Types that something asks for, in the order of their numbers.
pub fn types(dns: &DnsModel) -> Vec<RecordType> {
    let mut kinds: Vec<RecordType> =
        dns.clients.iter().flat_map(|client| &client.asks).map(|asked| asked.kind()).collect();
    kinds.extend(dns.probes.iter().map(|probe| probe.question.kind()));
    kinds.extend(dns.rrsets.iter().map(|rrset| rrset.question.kind()));
    kinds.extend([RecordType::Mx, RecordType::A]);
    kinds.sort_unstable_by_key(|kind| *kind as usize);
    kinds.dedup();
    kinds
}
