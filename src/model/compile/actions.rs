//! What an entry of the timeline does, and what undoes it.

mod hosts;
mod outages;
mod records;

use std::collections::HashMap;

use super::Compiler;
use super::degraded::Degraded;
use super::names::invalid_domain;
use crate::engine::dist::Dist;
use crate::model::dns::{Question, canonical};
use crate::model::mail::{MailModel, Pickup};
use crate::model::network::Network;
use crate::model::timeline::ActionModel;
use crate::model::{DataId, NameId, NodeId, RegionId, ResolverId};
use crate::scenario::tree::{Action, HostIpv6, RecordType};

/// What the timeline has changed so far, as far as an undoing has to know it.
pub(super) struct State {
    rrsets: HashMap<Question, (DataId, u32)>,
    sessions: Vec<Option<u32>>,
    service: Vec<Dist>,
    ipv6: Vec<HostIpv6>,
    /// Where hosts are.
    regions: Vec<RegionId>,
    /// Which nodes have queue runs.
    has_runs: Vec<bool>,
    /// TTLs that were set, by apex and type.
    ttls: HashMap<(String, RecordType), u32>,
    degraded: Degraded,
}

/// What an entry did, and what undoes it.
#[derive(Default)]
pub(super) struct Done {
    pub actions: Vec<ActionModel>,
    undo: Vec<ActionModel>,
    ttls: Vec<((String, RecordType), Option<u32>)>,
    /// The entry, if it is a partition or a brownout: what ends it depends on which others last.
    pub degrades: Option<u32>,
}

impl State {
    pub fn new(rrsets: HashMap<Question, (DataId, u32)>, mail: &MailModel, network: &Network) -> Self {
        let sessions = mail.hosts.iter().map(|host| host.sessions).collect();
        let service = mail.hosts.iter().map(|host| host.service.clone()).collect();
        let ipv6 = mail.hosts.iter().map(|host| host.ipv6).collect();
        let regions = mail.hosts.iter().map(|host| host.region).collect();
        let has_runs = mail.nodes.iter().map(|node| matches!(node.retry.pickup, Pickup::QueueRun { .. })).collect();
        let degraded = Degraded::new(mail, network);
        Self { rrsets, sessions, service, ipv6, regions, has_runs, ttls: HashMap::new(), degraded }
    }

    /// Whether another entry set what this one did.
    pub fn is_changed_since(&self, done: &Done) -> bool {
        done.actions.iter().any(|action| match action {
            ActionModel::SetData { question, data, .. } => self.held(*question).0 != *data,
            ActionModel::SetSessions { hosts, sessions } => {
                hosts.iter().any(|host| self.sessions[host.index()] != *sessions)
            }
            ActionModel::SetService { hosts, service } => {
                hosts.iter().any(|host| self.service[host.index()] != *service)
            }
            ActionModel::SetIpv6 { hosts, ipv6 } => hosts.iter().any(|host| self.ipv6[host.index()] != *ipv6),
            _ => false,
        })
    }

    /// Puts back what was there, and gives the actions that do.
    pub fn undo(&mut self, done: Done) -> Vec<ActionModel> {
        for (key, before) in done.ttls {
            match before {
                Some(ttl_s) => self.ttls.insert(key, ttl_s),
                None => self.ttls.remove(&key),
            };
        }
        if let Some(entry) = done.degrades {
            return self.degraded.end(entry);
        }
        done.undo.iter().for_each(|action| self.apply(action));
        done.undo
    }

    fn held(&self, question: Question) -> (DataId, u32) {
        self.rrsets.get(&question).copied().unwrap_or((DataId::ABSENT, 0))
    }

    fn apply(&mut self, action: &ActionModel) {
        match action {
            ActionModel::SetData { question, data, ttl_s } => {
                let (before, before_ttl_s) = self.held(*question);
                let ttl_s = if before == DataId::ABSENT { *ttl_s } else { before_ttl_s };
                self.rrsets.insert(*question, (*data, ttl_s));
            }
            ActionModel::SetTtl { questions } => {
                for (question, ttl_s) in questions {
                    if let Some(held) = self.rrsets.get_mut(question) {
                        held.1 = *ttl_s;
                    }
                }
            }
            ActionModel::SetSessions { hosts, sessions } => {
                hosts.iter().for_each(|host| self.sessions[host.index()] = *sessions);
            }
            ActionModel::SetService { hosts, service } => {
                hosts.iter().for_each(|host| self.service[host.index()] = service.clone());
            }
            ActionModel::SetIpv6 { hosts, ipv6 } => {
                hosts.iter().for_each(|host| self.ipv6[host.index()] = *ipv6);
            }
            _ => {}
        }
    }

    /// Does what can be undone by `undo`.
    fn set(&mut self, done: &mut Done, action: ActionModel, undo: Vec<ActionModel>) {
        self.apply(&action);
        done.actions.push(action);
        done.undo.extend(undo);
    }

    fn set_data(&mut self, done: &mut Done, question: Question, data: DataId, ttl_s: u32) {
        let (before, before_ttl_s) = self.held(question);
        let before_ttl_s = if before == DataId::ABSENT { ttl_s } else { before_ttl_s };
        let undo = ActionModel::SetData { question, data: before, ttl_s: before_ttl_s };
        self.set(done, ActionModel::SetData { question, data, ttl_s }, vec![undo]);
    }
}

impl Compiler<'_> {
    /// Carries an entry out on `state`.
    pub(super) fn act(&mut self, entry: u32, action: &Action, state: &mut State) -> Done {
        let index = entry.to_string();
        let mut done = Done::default();
        match action {
            Action::SetMx { .. }
            | Action::SetAddress { .. }
            | Action::SetCname { .. }
            | Action::SetTxt { .. }
            | Action::SetNs { .. }
            | Action::RemoveDs { .. }
            | Action::SetSerial { .. }
            | Action::SetTtl { .. } => self.set_records(&index, action, state, &mut done),
            Action::Outage { .. } | Action::Partition { .. } | Action::Brownout { .. } => {
                self.fail(entry, action, state, &mut done);
            }
            Action::SetSessions { .. }
            | Action::CloseSessions { .. }
            | Action::SetIpv6 { .. }
            | Action::SetService { .. } => self.set_hosts(&index, action, state, &mut done),
            Action::SetSts { .. }
            | Action::FlushCache { .. }
            | Action::SetServeStale { .. }
            | Action::FlushQueue { .. }
            | Action::RunQueue { .. } => self.operate(&index, action, state, &mut done),
        }
        done
    }

    /// What an operator does to policies, caches and queues.
    fn operate(&mut self, index: &str, action: &Action, state: &mut State, done: &mut Done) {
        let path = |field: &'static str| ["timeline", index, "do", field];
        match action {
            Action::SetSts { zone, sts, announced } => {
                let policy = sts.as_ref().map(|sts| self.sts_policy(&path("sts"), sts));
                let zones = self.find(&path("zone"), "zone", zone);
                let domains: Vec<NameId> =
                    zones.into_iter().map(|zone| self.dns.names.intern(self.zones.name(zone))).collect();
                if let Some(&domain) = domains.iter().find(|domain| !self.has_sts(**domain)) {
                    let message = format!("`{}` never had a policy", self.dns.names.text(domain));
                    self.error(&path("zone"), message).help =
                        Some("give the zone one to begin with: `sts: (mode: Testing, mx: [..])`".into());
                }
                done.actions.push(ActionModel::SetSts { domains, policy, is_announced: *announced });
            }
            Action::FlushCache { resolver, name } => {
                let resolvers = self.find(&path("resolver"), "resolver", resolver);
                let caches = self.caches_of(&resolvers);
                let name = name.as_ref().map(|name| self.domain(&path("name"), name));
                let name = name.map(|name| self.dns.names.intern(&name));
                done.actions.push(ActionModel::FlushCache { caches, name });
            }
            Action::SetServeStale { resolver, serve_stale } => {
                let found = self.find(&path("resolver"), "resolver", resolver);
                let resolvers: Vec<ResolverId> = found.into_iter().map(ResolverId).collect();
                let before = |id: ResolverId| self.dns.resolvers[id.index()].rules.stale.serve;
                let undo =
                    resolvers.iter().map(|&id| ActionModel::SetServeStale { resolvers: vec![id], serve: before(id) });
                let undo = undo.collect();
                state.set(done, ActionModel::SetServeStale { resolvers, serve: *serve_stale }, undo);
            }
            Action::FlushQueue { sender } => {
                let nodes = self.queues(&path("sender"), sender);
                done.actions.push(ActionModel::FlushQueue { nodes });
            }
            Action::RunQueue { sender } => {
                let mut nodes = self.queues(&path("sender"), sender);
                let is_found = !nodes.is_empty();
                nodes.retain(|node| state.has_runs[node.index()]);
                if is_found && nodes.is_empty() {
                    self.error(&path("sender"), format!("`{sender}` has no queue runs")).help =
                        Some("Exim and sendmail have; `FlushQueue` makes due what another system holds back".into());
                }
                done.actions.push(ActionModel::RunQueue { nodes });
            }
            _ => {}
        }
    }

    /// Senders, or relays among the hosts.
    fn queues(&mut self, path: &[&str], reference: &str) -> Vec<NodeId> {
        let senders = self.senders.len() as u32;
        let relays: Vec<u32> = (0..self.hosts.len() as u32).filter(|&host| self.is_relay(host)).collect();
        let relays = self
            .hosts
            .find(reference)
            .into_iter()
            .filter_map(|host| relays.binary_search(&host).ok().map(|nth| NodeId(senders + nth as u32)));
        let mut nodes: Vec<NodeId> = self.senders.find(reference).into_iter().map(NodeId).chain(relays).collect();
        if nodes.is_empty() {
            nodes = self.find(path, "sender", reference).into_iter().map(NodeId).collect();
        }
        nodes
    }

    fn is_relay(&self, host: u32) -> bool {
        let key = self.hosts.members[host as usize].key;
        self.tree.hosts.get_index(key).is_some_and(|(_, host)| !host.relays_for.is_empty())
    }

    fn domain(&mut self, path: &[&str], name: &str) -> String {
        let name = canonical(name);
        if let Some(why) = invalid_domain(&name) {
            self.error(path, format!("`{name}` is no domain name: {why}"));
        }
        name
    }
}
