//! What an entry of the timeline does, and what undoes it.

use std::collections::{BTreeSet, HashMap};

use super::Compiler;
use super::degraded::Degraded;
use super::name_servers::Move;
use super::names::invalid_domain;
use super::zones::ancestors;
use crate::engine::dist::Dist;
use crate::model::dns::{Question, Rdata, canonical};
use crate::model::mail::MailModel;
use crate::model::network::Network;
use crate::model::timeline::ActionModel;
use crate::model::{CacheId, DataId, HostId, NameId, NodeId, RegionId, ResolverId, TargetId};
use crate::scenario::tree::{Action, HostIpv6, RecordType};

/// What the timeline has changed so far, as far as an undoing has to know it.
pub(super) struct State {
    rrsets: HashMap<Question, (DataId, u32)>,
    sessions: Vec<Option<u32>>,
    service: Vec<Dist>,
    ipv6: Vec<HostIpv6>,
    /// Where hosts are.
    regions: Vec<RegionId>,
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
        let degraded = Degraded::new(mail, network);
        Self { rrsets, sessions, service, ipv6, regions, ttls: HashMap::new(), degraded }
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
        let path = |field: &'static str| ["timeline", index.as_str(), "do", field];
        let mut done = Done::default();
        match action {
            Action::SetMx { zone, mx } => {
                for zone in self.find(&path("zone"), "zone", zone) {
                    let member = self.zones.members[zone as usize].clone();
                    self.check_mx(&path("mx"), mx, member.number);
                    let data = self.mx(&path("mx"), mx, member.number);
                    self.set_record(&member.name, RecordType::Mx, data, state, &mut done);
                }
            }
            Action::SetAddress { name, hosts } => {
                let name = self.domain(&path("name"), name);
                let data = self.addresses(&path("hosts"), hosts);
                let id = self.dns.names.intern(&name);
                if data != DataId::ABSENT && state.held(Question::new(id, RecordType::Cname)).0 != DataId::ABSENT {
                    self.error(&path("name"), format!("`{name}` is an alias at that time")).help =
                        Some("remove the alias first: `SetCname(name: .., to: None)`".into());
                }
                self.set_record(&name, RecordType::A, data, state, &mut done);
                let also = self.ipv6_addresses(data, &state.ipv6);
                if also != state.held(Question::new(id, RecordType::Aaaa)).0 {
                    self.set_record(&name, RecordType::Aaaa, also, state, &mut done);
                }
            }
            Action::SetCname { name, to } => {
                let name = self.domain(&path("name"), name);
                let target = to.as_ref().map(|to| self.domain(&path("to"), to));
                let target = target.map(|target| Rdata::Cname(self.dns.names.intern(&target)));
                let data = target.map_or(DataId::ABSENT, |target| self.data(target));
                let id = self.dns.names.intern(&name);
                let is_apex = self.apexes.contains(&id);
                if data != DataId::ABSENT && (is_apex || self.has_other_data(id, &state.rrsets)) {
                    let message = format!("`{name}` has other records at that time (RFC 1034 section 3.6.2)");
                    self.error(&path("name"), message).help = Some(
                        "an alias stands alone: remove them first, as in `SetAddress(name: .., hosts: [])`".into(),
                    );
                }
                self.set_record(&name, RecordType::Cname, data, state, &mut done);
            }
            Action::SetTxt { name, texts } => {
                let name = self.domain(&path("name"), name);
                let data = self.texts(texts, 0);
                self.set_record(&name, RecordType::Txt, data, state, &mut done);
            }
            Action::SetNs { zone, ns, at, old, ttl, ds } => {
                let to = Move { zone, ns, at: *at, old: *old, ttl: *ttl, ds: *ds };
                self.set_ns(&index, &to, &mut done);
            }
            Action::RemoveDs { zone } => {
                let zones = self.zones_of(&path("zone"), zone);
                done.actions.push(ActionModel::RemoveDs { zones });
            }
            Action::SetSerial { zone, serial } => {
                let zones = self.zones_of(&path("zone"), zone);
                done.actions.push(ActionModel::SetSerial { zones, serial: *serial });
            }
            Action::SetTtl { zone, ttl, only } => {
                let ttl_s = self.ttl_s(&path("ttl"), *ttl);
                let zones = self.find(&path("zone"), "zone", zone);
                self.set_ttl(&path("only"), &zones, *only, ttl_s, state, &mut done);
            }
            Action::Outage { host, server, resolver, risk, region, mode } => {
                let mode = self.failure_mode(&path("mode"), *mode);
                let mut targets: Vec<TargetId> = Vec::new();
                let (hosts, servers) = (self.hosts.len() as u32, self.dns.servers.len() as u32);
                for (kind, reference, first) in
                    [("host", host, 0), ("server", server, hosts), ("risk", risk, hosts + servers)]
                {
                    if let Some(reference) = reference {
                        let found = self.find(&path(kind), kind, reference);
                        targets.extend(found.into_iter().map(|id| TargetId(first + id)));
                    }
                }
                let found = resolver.as_ref().map(|resolver| self.find(&path("resolver"), "resolver", resolver));
                let mut caches = self.caches_of(&found.unwrap_or_default());
                if let Some(region) = region {
                    let sites = self.caches_in(region);
                    targets.extend(self.targets_in(&path("region"), region, !sites.is_empty(), state));
                    caches.extend(sites);
                    caches.sort_unstable();
                    caches.dedup();
                }
                if [host, server, resolver, risk, region].into_iter().all(Option::is_none) {
                    self.error(&["timeline", &index, "do"], "an outage of nothing").help =
                        Some("name a `host`, a `server`, a `resolver`, a `risk` or a `region`".into());
                }
                if !targets.is_empty() || caches.is_empty() {
                    let undo = vec![ActionModel::Up { targets: targets.clone() }];
                    state.set(&mut done, ActionModel::Down { targets, mode }, undo);
                }
                if !caches.is_empty() {
                    let undo = vec![ActionModel::SetDown { caches: caches.clone(), is_down: false }];
                    state.set(&mut done, ActionModel::SetDown { caches, is_down: true }, undo);
                }
            }
            Action::Partition { between } => {
                let cut = self.cut(entry, between);
                done.actions = state.degraded.partition(entry, cut);
                done.degrades = Some(entry);
            }
            Action::Brownout { host, server, region, slow, answers, mode } => {
                let brownout = self.brownout(entry, *slow, *answers, *mode);
                let mut targets: Vec<TargetId> = Vec::new();
                for (kind, reference, first) in [("host", host, 0), ("server", server, self.hosts.len() as u32)] {
                    if let Some(reference) = reference {
                        let found = self.find(&path(kind), kind, reference);
                        targets.extend(found.into_iter().map(|id| TargetId(first + id)));
                    }
                }
                if let Some(region) = region {
                    targets.extend(self.targets_in(&path("region"), region, false, state));
                }
                if host.is_none() && server.is_none() && region.is_none() {
                    self.error(&["timeline", &index, "do"], "a brownout of nothing").help =
                        Some("name a `host`, a `server` or a `region`".into());
                }
                done.actions = state.degraded.brownout(entry, targets, brownout);
                done.degrades = Some(entry);
            }
            Action::SetSessions { host, sessions } => {
                let hosts = self.hosts_of(&path("host"), host);
                if *sessions == Some(0) {
                    self.error(&path("sessions"), "a host without sessions").help = Some("use `Outage`".into());
                }
                let undo = grouped(&hosts, |host| state.sessions[host.index()]).into_iter();
                let undo = undo.map(|(sessions, hosts)| ActionModel::SetSessions { hosts, sessions }).collect();
                state.set(&mut done, ActionModel::SetSessions { hosts, sessions: *sessions }, undo);
            }
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
            Action::CloseSessions { host } => {
                let hosts = self.hosts_of(&path("host"), host);
                done.actions.push(ActionModel::CloseSessions { hosts });
            }
            Action::SetIpv6 { host, ipv6 } => {
                let hosts = self.hosts_of(&path("host"), host);
                let undo = grouped(&hosts, |host| state.ipv6[host.index()]).into_iter();
                let undo = undo.map(|(ipv6, hosts)| ActionModel::SetIpv6 { hosts, ipv6 }).collect();
                state.set(&mut done, ActionModel::SetIpv6 { hosts: hosts.clone(), ipv6: *ipv6 }, undo);
                // Every name that has the address of one of them.
                let has = |data: DataId| match &self.dns.data[data.index()] {
                    Rdata::Address(list) => list.iter().any(|host| hosts.contains(host)),
                    _ => false,
                };
                let is_meant =
                    |(question, held): &(&Question, &(DataId, u32))| question.kind() == RecordType::A && has(held.0);
                let mut owners: Vec<NameId> =
                    state.rrsets.iter().filter(is_meant).map(|(question, _)| question.name()).collect();
                owners.sort_unstable();
                for id in owners {
                    let name = self.dns.names.text(id).to_owned();
                    let (a, aaaa) = (Question::new(id, RecordType::A), Question::new(id, RecordType::Aaaa));
                    let data = self.ipv6_addresses(state.held(a).0, &state.ipv6);
                    if data != state.held(aaaa).0 {
                        self.set_record(&name, RecordType::Aaaa, data, state, &mut done);
                    }
                }
            }
            Action::SetService { host, service } => {
                let hosts = self.hosts_of(&path("host"), host);
                let service = self.dist(&path("service"), &service.0);
                let undo = grouped(&hosts, |host| state.service[host.index()].clone()).into_iter();
                let undo = undo.map(|(service, hosts)| ActionModel::SetService { hosts, service }).collect();
                state.set(&mut done, ActionModel::SetService { hosts, service }, undo);
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
                state.set(&mut done, ActionModel::SetServeStale { resolvers, serve: *serve_stale }, undo);
            }
            Action::FlushQueue { sender } => {
                let nodes = self.queues(&path("sender"), sender);
                done.actions.push(ActionModel::FlushQueue { nodes });
            }
        }
        done
    }

    fn set_record(&mut self, name: &str, kind: RecordType, data: DataId, state: &mut State, done: &mut Done) {
        let question = Question::new(self.dns.names.intern(name), kind);
        let set = self.zone_apex(name).and_then(|apex| state.ttls.get(&(apex, kind)).copied());
        let ttl_s = set.unwrap_or_else(|| self.ttl_at(name, kind));
        state.set_data(done, question, data, ttl_s);
    }

    fn set_ttl(
        &mut self,
        path: &[&str],
        zones: &[u32],
        only: Option<RecordType>,
        ttl_s: u32,
        state: &mut State,
        done: &mut Done,
    ) {
        let apexes: BTreeSet<String> = zones.iter().map(|&zone| self.zones.name(zone).to_owned()).collect();
        // A zone's NS and SOA are the business of its servers: they are meant only if named.
        let is_apex_kind = |kind: RecordType| matches!(kind, RecordType::Ns | RecordType::Soa);
        let is_meant = |kind: RecordType| only.map_or(!is_apex_kind(kind), |only| only == kind);
        let mut questions: Vec<Question> = state
            .rrsets
            .iter()
            .filter(|(_, held)| held.0 != DataId::ABSENT)
            .map(|(&question, _)| question)
            .filter(|question| is_meant(question.kind()))
            .filter(|question| {
                let apex = self.zone_apex(self.dns.names.text(question.name()));
                apex.is_some_and(|apex| apexes.contains(&apex))
            })
            .collect();
        questions.sort_unstable();
        if questions.is_empty() && !zones.is_empty() {
            self.warning(path, "the zone has no such records at that time");
        }
        for kind in [RecordType::Mx, RecordType::A, RecordType::Cname, RecordType::Txt]
            .into_iter()
            .filter(|&kind| is_meant(kind))
        {
            for apex in &apexes {
                let key = (apex.clone(), kind);
                done.ttls.push((key.clone(), state.ttls.insert(key, ttl_s)));
            }
        }
        let before = questions.iter().map(|&question| (question, state.held(question).1)).collect();
        let questions = questions.into_iter().map(|question| (question, ttl_s)).collect();
        state.set(done, ActionModel::SetTtl { questions }, vec![ActionModel::SetTtl { questions: before }]);
    }

    /// The apex of the zone that holds a name.
    fn zone_apex(&self, name: &str) -> Option<String> {
        let is_apex = |up: &&str| self.dns.names.get(up).is_some_and(|id| self.apexes.contains(&id));
        ancestors(name).find(is_apex).map(str::to_owned)
    }

    /// The caches of all resolvers of a region, or of their sites there; a sender's own stays with it.
    fn caches_in(&self, region: &str) -> Vec<CacheId> {
        let regions = self.regions.find(region);
        let is_meant = |cache: &CacheId| {
            let model = &self.dns.caches[cache.index()];
            regions.contains(&model.region.0) && !self.dns.resolvers[model.resolver.index()].is_inside
        };
        (0..self.dns.caches.len() as u32).map(CacheId).filter(is_meant).collect()
    }

    /// All hosts and name servers of a region; that there are none is an error, unless it `has_others`.
    fn targets_in(&mut self, path: &[&str], region: &str, has_others: bool, state: &State) -> Vec<TargetId> {
        let regions = self.find(path, "region", region);
        let is_there = |at: RegionId| regions.contains(&at.0);
        let hosts = state.regions.iter().zip(0..).filter(|(at, _)| is_there(**at)).map(|(_, id)| id);
        let first = self.hosts.len() as u32;
        let servers = self.dns.servers.iter().zip(first..).filter(|(server, _)| is_there(server.region));
        let targets: Vec<TargetId> = hosts.chain(servers.map(|(_, id)| id)).map(TargetId).collect();
        if targets.is_empty() && !regions.is_empty() && !has_others {
            self.error(path, "nothing that can be down is in that region");
        }
        targets
    }

    fn hosts_of(&mut self, path: &[&str], reference: &str) -> Vec<HostId> {
        self.find(path, "host", reference).into_iter().map(HostId).collect()
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

/// Hosts by what they have, in order of the first of each.
fn grouped<T: PartialEq>(hosts: &[HostId], has: impl Fn(HostId) -> T) -> Vec<(T, Vec<HostId>)> {
    let mut groups: Vec<(T, Vec<HostId>)> = Vec::new();
    for &host in hosts {
        let value = has(host);
        match groups.iter_mut().find(|(known, _)| *known == value) {
            Some((_, hosts)) => hosts.push(host),
            None => groups.push((value, vec![host])),
        }
    }
    groups
}
