//! The tree of zones with its servers, and the RRsets at time 0.

use std::collections::{BTreeMap, BTreeSet};

use super::Compiler;
use super::names::stamp;
use crate::engine::dist::Dist;
use crate::model::dns::{Question, Rdata, RrsetModel, ServerModel, ZoneModel, canonical};
use crate::model::{DataId, HostId, RegionId, ServerId, ZoneId};
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::tree::{RecordType, Zone};
use crate::scenario::units::Duration;

/// Defaults, in seconds: records 1 h (the commonest MX TTL), delegations 2 d (RFC 9199 section 3.3), negative answers
/// 15 min (RFC 2308 section 5: 1 to 3 h works well, many zones use less).
pub(super) const TTL_S: u32 = 3600;
const DELEGATION_TTL_S: u32 = 172_800;
const NEGATIVE_TTL_S: u32 = 900;

/// The greatest TTL (RFC 2181 section 8).
const TTL_MAX_S: u64 = (1 << 31) - 1;

impl Compiler<'_> {
    /// Makes the tree: what is declared, the root, the top-level zones, and a zone for each host that has none.
    pub(super) fn zones_and_servers(&mut self) {
        self.declared_servers();
        let mut apexes: BTreeSet<String> = self.zones.members.iter().map(|member| member.name.clone()).collect();
        let homeless: Vec<String> = self
            .hosts
            .members
            .iter()
            .chain(&self.servers.members)
            .map(|member| member.name.clone())
            .filter(|name| !ancestors(name).any(|zone| apexes.contains(zone)))
            .collect();
        for name in homeless {
            if !ancestors(&name).any(|zone| apexes.contains(zone)) {
                apexes.insert(registered_domain(&name).to_owned());
            }
        }
        let tops: Vec<String> = apexes.iter().filter_map(|name| name.rsplit('.').next().map(str::to_owned)).collect();
        apexes.extend(tops.into_iter().filter(|top| !top.is_empty()));
        apexes.insert(".".into());
        // A parent stands before its children: fewer labels first, then in the order written.
        let order: BTreeMap<String, u32> =
            self.zones.members.iter().zip(0..).map(|(member, id)| (member.name.clone(), id)).collect();
        let mut sorted: Vec<(usize, Option<u32>, String)> = apexes
            .into_iter()
            .map(|apex| (if apex == "." { 0 } else { apex.split('.').count() }, order.get(&apex).copied(), apex))
            .collect();
        sorted.sort_by(|a, b| (a.0, a.1.is_none(), a.1, &a.2).cmp(&(b.0, b.1.is_none(), b.1, &b.2)));
        let ids: BTreeMap<String, u32> = sorted.iter().zip(0..).map(|((.., apex), id)| (apex.clone(), id)).collect();
        for (_, declared, apex) in &sorted {
            let parent = ancestors(apex).skip(1).find_map(|up| ids.get(up)).copied().unwrap_or(0);
            self.zone(apex, ZoneId(parent), *declared);
        }
    }

    fn declared_servers(&mut self) {
        for id in 0..self.servers.len() {
            let member = self.servers.members[id].clone();
            let Some((key, server)) = self.tree.servers.get_index(member.key) else { continue };
            let region = self.region(&["servers", key, "region"], server.region.as_ref());
            let latency = self.dist(&["servers", key, "latency"], &server.latency.0);
            let loss = self.share(&["servers", key, "loss"], server.loss);
            let name = self.dns.names.intern(&member.name);
            self.dns.servers.push(ServerModel { name, region, latency, loss });
        }
    }

    fn zone(&mut self, apex: &str, parent: ZoneId, declared: Option<u32>) {
        let name = self.dns.names.intern(apex);
        let member = declared.map(|id| self.zones.members[id as usize].clone());
        let tree = member.as_ref().and_then(|member| self.tree.zones.get_index(member.key));
        let (key, fallback) = (tree.map_or("", |(key, _)| key.as_str()), Zone::default());
        let zone = tree.map_or(&fallback, |(_, zone)| zone);
        let number = member.as_ref().map_or(0, |member| member.number);
        let mut servers = Vec::new();
        for (index, written) in zone.ns.iter().enumerate() {
            let path = ["zones", key, "ns", &index.to_string()];
            servers.extend(self.find(&path, "server", &stamp(written, number)).into_iter().map(ServerId));
        }
        if !servers.is_empty() && servers.iter().all(|server| self.dns.servers[server.index()].loss >= 1.0) {
            self.error(&["zones", key, "ns"], format!("no name server of `{apex}` ever answers")).help =
                Some("give one of them a `loss` below 1".into());
        }
        if servers.is_empty() {
            servers.push(self.made_server(&made_server_name(apex)));
        }
        let mut ttl = |field: &str, written: Option<Duration>, default: u32| match written {
            Some(span) => self.ttl_s(&["zones", key, "ttls", field], span),
            None => default,
        };
        let model = ZoneModel {
            apex: name,
            parent,
            servers,
            ns_ttl_s: ttl("ns", zone.ttls.ns, DELEGATION_TTL_S),
            glue_ttl_s: ttl("glue", zone.ttls.glue, DELEGATION_TTL_S),
            negative_ttl_s: ttl("negative", zone.ttls.negative, NEGATIVE_TTL_S),
        };
        self.dns.zones.push(model);
    }

    /// A server that nobody declared: in the first region, 1 ms.
    pub(super) fn made_server(&mut self, name: &str) -> ServerId {
        let name = self.dns.names.intern(name);
        let id = ServerId(self.dns.servers.len() as u32);
        let latency = Dist::Constant(0.001);
        self.dns.servers.push(ServerModel { name, region: RegionId(0), latency, loss: 0.0 });
        id
    }

    /// A TTL as a whole number of seconds.
    pub(super) fn ttl_s(&mut self, path: &[&str], span: Duration) -> u32 {
        let seconds = span.0.whole_seconds();
        if seconds > TTL_MAX_S || span.0.as_nanos() % 1_000_000_000 != 0 {
            self.error(path, format!("{} is no TTL", span.0)).label =
                "expected whole seconds, at most 2^31 - 1 of them (RFC 2181 section 8)".into();
            return TTL_S;
        }
        seconds as u32
    }

    /// The TTL of a zone's records of a type, as its user wrote it.
    pub(super) fn record_ttl_s(&mut self, key: &str, zone: &Zone, kind: RecordType) -> Option<u32> {
        let (field, own) = match kind {
            RecordType::Mx => ("mx", zone.ttls.mx),
            RecordType::A | RecordType::Aaaa => ("a", zone.ttls.a),
            RecordType::Cname => ("cname", zone.ttls.cname),
            _ => ("", None),
        };
        match (own, zone.ttl) {
            (Some(span), _) => Some(self.ttl_s(&["zones", key, "ttls", field], span)),
            (None, Some(span)) => Some(self.ttl_s(&["zones", key, "ttl"], span)),
            (None, None) => None,
        }
    }

    /// The TTL of records of a name, by the zone that holds it.
    pub(super) fn ttl_at(&mut self, name: &str, kind: RecordType) -> u32 {
        let tree = self.tree;
        let holder = ancestors(name).find_map(|up| self.zones.get(up));
        let holder = holder.and_then(|id| tree.zones.get_index(self.zones.members[id as usize].key));
        holder.and_then(|(key, zone)| self.record_ttl_s(key, zone, kind)).unwrap_or(TTL_S)
    }

    /// Puts all RRsets of time 0 into their zones.
    pub(super) fn records(&mut self, hosts: &[crate::model::mail::HostModel]) {
        let mut addresses: Vec<u32> = Vec::new();
        for member in &self.hosts.members {
            addresses.push(self.tree.hosts.get_index(member.key).map_or(1, |(_, host)| host.addresses));
        }
        for (id, count) in addresses.into_iter().enumerate() {
            let text = self.hosts.name(id as u32).to_owned();
            let ttl_s = self.ttl_at(&text, RecordType::A);
            let data = self.data(Rdata::Address(vec![HostId(id as u32); count as usize].into()));
            self.rrsets.insert(Question::new(hosts[id].name, RecordType::A), (data, ttl_s));
        }
        for id in 0..self.zones.len() as u32 {
            self.zone_records(id);
        }
        // A server outside the zones it serves is reached by its address.
        for server in 0..self.dns.servers.len() {
            let question = Question::new(self.dns.servers[server].name, RecordType::A);
            let data = self.data(Rdata::Address(Box::new([])));
            self.rrsets.entry(question).or_insert((data, DELEGATION_TTL_S));
        }
        self.check_records();
    }

    fn zone_records(&mut self, id: u32) {
        let member = self.zones.members[id as usize].clone();
        let Some((key, zone)) = self.tree.zones.get_index(member.key) else { return };
        if let Some(file) = &zone.zone_file {
            self.zone_file(key, zone, &member, &stamp(file, member.number));
        }
        let ttl = |compiler: &mut Self, kind| compiler.record_ttl_s(key, zone, kind).unwrap_or(TTL_S);
        if !zone.mx.is_empty() {
            let ttl_s = ttl(self, RecordType::Mx);
            let path = ["zones", key, "mx"];
            let data = self.mx(&path, &zone.mx, member.number);
            let question = Question::new(self.dns.names.intern(&member.name), RecordType::Mx);
            self.rrsets.insert(question, (data, ttl_s));
        }
        for (owner, targets) in &zone.addresses {
            let path = ["zones", key, "addresses", owner];
            let ttl_s = ttl(self, RecordType::A);
            let name = canonical(&stamp(owner, member.number));
            self.check_inside(&path, &name, &member.name);
            let data = self.addresses(&path, targets, member.number);
            let question = Question::new(self.dns.names.intern(&name), RecordType::A);
            self.rrsets.insert(question, (data, ttl_s));
        }
        for (owner, target) in &zone.cnames {
            let path = ["zones", key, "cnames", owner];
            let ttl_s = ttl(self, RecordType::Cname);
            let name = canonical(&stamp(owner, member.number));
            self.check_inside(&path, &name, &member.name);
            let target = self.dns.names.intern(&stamp(target, member.number));
            let data = self.data(Rdata::Cname(target));
            let question = Question::new(self.dns.names.intern(&name), RecordType::Cname);
            self.rrsets.insert(question, (data, ttl_s));
        }
    }

    fn check_inside(&mut self, path: &[&str], name: &str, zone: &str) {
        if !ancestors(name).any(|up| up == zone) {
            self.error(path, format!("`{name}` is not in the zone `{zone}`")).help =
                Some(format!("write the whole name: `{name}.{zone}`"));
        }
    }

    /// The rdata of an MX RRset, its exchanges checked: each is a host, or has an address or an alias some time.
    pub(super) fn mx(&mut self, path: &[&str], mx: &[(u16, String)], number: u32) -> DataId {
        let mut list = Vec::new();
        for (index, (preference, exchange)) in mx.iter().enumerate() {
            let exchange = canonical(&stamp(exchange, number));
            if exchange != "." && !self.has_address_some_time(&exchange) {
                let index = index.to_string();
                let path: Vec<&str> = path.iter().copied().chain([index.as_str(), "1"]).collect();
                let known = self.hosts.members.iter().map(|member| member.name.as_str());
                let hint = crate::scenario::nearest::did_you_mean(&exchange, known);
                let hint = hint.unwrap_or_else(|| "declare it under `hosts`".into());
                self.error(&path, format!("MX to a host that does not exist: `{exchange}`")).help = Some(hint);
            }
            list.push((*preference, self.dns.names.intern(&exchange)));
        }
        if list.is_empty() { DataId::ABSENT } else { self.data(Rdata::Mx(list.into())) }
    }

    fn has_address_some_time(&self, name: &str) -> bool {
        let is_owner = |owner: &String, member: &super::names::Member| canonical(&stamp(owner, member.number)) == name;
        self.hosts.get(name).is_some()
            || self.tree.timeline.iter().any(|entry| match &entry.action {
                crate::scenario::tree::Action::SetAddress { name: set, .. }
                | crate::scenario::tree::Action::SetCname { name: set, .. } => canonical(set) == name,
                _ => false,
            })
            || ancestors(name).find_map(|up| self.zones.get(up)).is_some_and(|id| {
                let member = &self.zones.members[id as usize];
                self.tree.zones.get_index(member.key).is_some_and(|(_, zone)| {
                    zone.addresses.keys().chain(zone.cnames.keys()).any(|owner| is_owner(owner, member))
                })
            })
    }

    /// The rdata of an address RRset made of these hosts' addresses.
    pub(super) fn addresses(&mut self, path: &[&str], hosts: &[String], number: u32) -> DataId {
        let mut list = Vec::new();
        for (index, host) in hosts.iter().enumerate() {
            let index = index.to_string();
            let path: Vec<&str> = path.iter().copied().chain([index.as_str()]).collect();
            for id in self.find(&path, "host", &stamp(host, number)) {
                let key = self.hosts.members[id as usize].key;
                let count = self.tree.hosts.get_index(key).map_or(1, |(_, host)| host.addresses);
                list.extend(vec![HostId(id); count as usize]);
            }
        }
        if list.is_empty() { DataId::ABSENT } else { self.data(Rdata::Address(list.into())) }
    }

    /// An alias stands alone at its name (RFC 1034 section 3.6.2).
    fn check_records(&mut self) {
        let mut clashes: Vec<String> = self
            .rrsets
            .keys()
            .filter(|question| question.kind() != RecordType::Cname)
            .filter(|question| self.rrsets.contains_key(&Question::new(question.name(), RecordType::Cname)))
            .map(|question| self.dns.names.text(question.name()).to_owned())
            .collect();
        clashes.sort();
        clashes.dedup();
        for name in clashes {
            let message = format!("`{name}` is an alias and has other records (RFC 1034 section 3.6.2)");
            let mut diagnostic = Diagnostic::error(message).help("remove the alias, or the other records");
            diagnostic.place = Some(self.at.value_place(&["zones"]));
            self.problems.push(diagnostic);
        }
    }

    pub(super) fn sorted_rrsets(&self) -> Vec<RrsetModel> {
        let mut rrsets: Vec<RrsetModel> =
            self.rrsets.iter().map(|(&question, &(data, ttl_s))| RrsetModel { question, data, ttl_s }).collect();
        rrsets.sort_unstable_by_key(|rrset| rrset.question);
        rrsets
    }
}

/// A name and everything above it, the root last: `a.b`, `b`, `.`.
pub(super) fn ancestors(name: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(name);
    std::iter::from_fn(move || {
        let here = rest?;
        rest = match here.split_once('.') {
            _ if here == "." => None,
            Some((_, up)) if !up.is_empty() => Some(up),
            _ => Some("."),
        };
        Some(here)
    })
}

/// The zone made for a host that has none: the last two labels.
fn registered_domain(name: &str) -> &str {
    let mut dots = name.rmatch_indices('.').map(|(at, _)| at);
    dots.nth(1).map_or(name, |at| &name[at + 1..])
}

/// Inside its zone, so that the parent has glue for it.
fn made_server_name(apex: &str) -> String {
    match apex {
        "." => "a.root-servers.net".into(),
        _ if apex.contains('.') => format!("ns1.{apex}"),
        _ => format!("a.nic.{apex}"),
    }
}
