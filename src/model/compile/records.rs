//! The RRsets at time 0, and what must hold of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Compiler;
use super::names::{invalid_domain, is_address, stamp};
use super::zones::{ADDRESSES_MAX, DELEGATION_TTL_S, TTL_S, ancestors};
use crate::model::dns::{Question, Rdata, RrsetModel, canonical};
use crate::model::mail::HostModel;
use crate::model::{DataId, HostId, NameId};
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::nearest::did_you_mean;
use crate::scenario::tree::{Action, HostIpv6, Ipv6, RecordType};

/// Most records of one RRset.
const RECORDS_MAX: usize = 65_535 / 16;

impl Compiler<'_> {
    /// Puts all RRsets of time 0 into their zones.
    pub(super) fn records(&mut self, hosts: &[HostModel]) {
        for (id, host) in hosts.iter().enumerate() {
            let text = self.hosts.name(id as u32).to_owned();
            // A host without a name has no record of it.
            if is_address(&text) {
                continue;
            }
            let ttl_s = self.ttl_at(&text, RecordType::A);
            let data = self.data(Rdata::Address(self.addresses_of(id as u32).into()));
            self.rrsets.insert(Question::new(host.name, RecordType::A), (data, ttl_s));
        }
        for id in 0..self.zones.len() as u32 {
            self.zone_records(id);
        }
        let ipv6: Vec<HostIpv6> = hosts.iter().map(|host| host.ipv6).collect();
        self.ipv6_records(&ipv6);
        // A server outside the zones it serves is reached by its address.
        for server in 0..self.dns.servers.len() {
            let question = Question::new(self.dns.servers[server].name, RecordType::A);
            let data = self.data(Rdata::Address(Default::default()));
            self.rrsets.entry(question).or_insert((data, DELEGATION_TTL_S));
            if self.dns.servers[server].ipv6 != Ipv6::Absent {
                let question = Question::new(question.name(), RecordType::Aaaa);
                self.rrsets.entry(question).or_insert((data, DELEGATION_TTL_S));
            }
        }
        self.check_records();
        self.check_exchanges();
        for id in 0..self.zones.len() as u32 {
            self.unequal_ttls(id);
        }
        self.dns.unequal_ttls.sort_unstable();
    }

    /// RRsets of a zone whose records differ in TTL.
    fn unequal_ttls(&mut self, id: u32) {
        let member = self.zones.members[id as usize].clone();
        let Some((key, zone)) = self.tree.zones.get_index(member.key) else { return };
        self.number = member.number;
        for (index, (owner, kind, ttl)) in zone.unequal_ttls.iter().enumerate() {
            let path = ["zones", key, "unequal_ttls", &index.to_string()];
            let name = canonical(&stamp(owner, member.number));
            self.check_inside(&path, &name, &member.name);
            let ttl_s = self.ttl_s(&path, *ttl);
            let question = Question::new(self.dns.names.intern(&name), *kind);
            let records = match self.rrsets.get(&question).map(|(data, _)| &self.dns.data[data.index()]) {
                Some(Rdata::Mx(list)) => list.len(),
                Some(Rdata::Address(list)) => list.len(),
                Some(Rdata::Txt(list)) => list.len(),
                _ => 0,
            };
            if records < 2 {
                self.error(&path, format!("`{name}` has no MX, A or TXT RRset of that type with two records")).help =
                    Some("TTLs differ among the records of one RRset".into());
            }
            self.dns.unequal_ttls.push((question, ttl_s));
        }
        self.number = 0;
    }

    /// AAAA records beside the A records of time 0.
    fn ipv6_records(&mut self, ipv6: &[HostIpv6]) {
        if ipv6.iter().all(|ipv6| *ipv6 == HostIpv6::Absent) {
            return;
        }
        let is_address = |(question, _): &(&Question, &(DataId, u32))| question.kind() == RecordType::A;
        let mut held: Vec<(Question, (DataId, u32))> =
            self.rrsets.iter().filter(is_address).map(|(&question, &held)| (question, held)).collect();
        held.sort_unstable_by_key(|(question, _)| *question);
        for (question, (data, ttl_s)) in held {
            let data = self.ipv6_addresses(data, ipv6);
            if data != DataId::ABSENT {
                self.rrsets.insert(Question::new(question.name(), RecordType::Aaaa), (data, ttl_s));
            }
        }
    }

    /// The rdata of the AAAA RRset beside an A RRset: those of its hosts that have IPv6.
    pub(super) fn ipv6_addresses(&mut self, data: DataId, ipv6: &[HostIpv6]) -> DataId {
        let Rdata::Address(hosts) = &self.dns.data[data.index()] else { return DataId::ABSENT };
        let has = |host: &&HostId| ipv6.get(host.index()).is_some_and(|ipv6| *ipv6 != HostIpv6::Absent);
        let list: Vec<HostId> = hosts.iter().filter(has).copied().collect();
        if list.is_empty() { DataId::ABSENT } else { self.data(Rdata::Address(list.into())) }
    }

    /// One entry an address.
    fn addresses_of(&self, host: u32) -> Vec<HostId> {
        let key = self.hosts.members[host as usize].key;
        // What is out of range is an error of the host's.
        let count = self.tree.hosts.get_index(key).map_or(1, |(_, host)| host.addresses.clamp(1, ADDRESSES_MAX));
        vec![HostId(host); count as usize]
    }

    fn zone_records(&mut self, id: u32) {
        let member = self.zones.members[id as usize].clone();
        let Some((key, zone)) = self.tree.zones.get_index(member.key) else { return };
        self.number = member.number;
        if let Some(file) = &zone.zone_file {
            self.zone_file(key, zone, &member, file);
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
            let data = self.addresses(&path, targets);
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
        for (owner, texts) in &zone.txt {
            let path = ["zones", key, "txt", owner];
            let ttl_s = ttl(self, RecordType::Txt);
            let name = canonical(&stamp(owner, member.number));
            self.check_inside(&path, &name, &member.name);
            let data = self.texts(texts, member.number);
            let question = Question::new(self.dns.names.intern(&name), RecordType::Txt);
            self.rrsets.insert(question, (data, ttl_s));
        }
        self.number = 0;
    }

    /// The rdata of a TXT RRset.
    pub(super) fn texts(&mut self, texts: &[String], number: u32) -> DataId {
        let texts: Box<[Box<str>]> = texts.iter().map(|text| stamp(text, number).into()).collect();
        if texts.is_empty() { DataId::ABSENT } else { self.data(Rdata::Txt(texts)) }
    }

    fn check_inside(&mut self, path: &[&str], name: &str, zone: &str) {
        if !ancestors(name).any(|up| up == zone) {
            self.error(path, format!("`{name}` is not in the zone `{zone}`")).help =
                Some(format!("write the whole name: `{name}.{zone}`"));
        }
    }

    /// The rdata of an MX RRset.
    pub(super) fn mx(&mut self, path: &[&str], mx: &[(u16, String)], number: u32) -> DataId {
        let mut list = Vec::new();
        for (index, (preference, exchange)) in mx.iter().enumerate() {
            let exchange = canonical(&stamp(exchange, number));
            if let Some(why) = invalid_domain(&exchange) {
                let index = index.to_string();
                let path: Vec<&str> = path.iter().copied().chain([index.as_str(), "1"]).collect();
                self.error(&path, format!("`{exchange}` is no domain name: {why}"));
            }
            let record = (*preference, self.dns.names.intern(&exchange));
            if list.contains(&record) {
                // RFC 2181 section 5: an RRset holds no record twice.
                self.warning(path, format!("MX {preference} {exchange} stands here twice, and is one record"));
            } else {
                list.push(record);
            }
        }
        if list.len() > 1 && list.iter().any(|&(_, name)| self.dns.names.text(name) == ".") {
            self.warning(path, "a null MX beside others (RFC 7505 section 3 wants it alone)");
        } else if let [(preference @ 1.., name)] = list[..]
            && self.dns.names.text(name) == "."
        {
            let message = format!("a null MX of preference {preference} (RFC 7505 section 3 wants 0)");
            self.warning(path, message).help = Some("write `(0, \".\")`".into());
        }
        self.check_fits(path, list.len());
        if list.is_empty() { DataId::ABSENT } else { self.data(Rdata::Mx(list.into())) }
    }

    /// A message has 65535 bytes at the most (RFC 1035 section 4.2.2), and a record 16 or more.
    pub(super) fn check_fits(&mut self, path: &[&str], records: usize) {
        if records > RECORDS_MAX {
            self.error(path, format!("{records} records at one name do not fit into a DNS message")).label =
                format!("expected at most {RECORDS_MAX}");
        }
    }

    /// Every exchange that the scenario writes exists: it is a host, or has an address or an alias some time.
    fn check_exchanges(&mut self) {
        for id in 0..self.zones.len() {
            let member = self.zones.members[id].clone();
            if let Some((key, zone)) = self.tree.zones.get_index(member.key) {
                self.check_mx(&["zones", key, "mx"], &zone.mx, member.number);
            }
        }
        for (place, exchange) in std::mem::take(&mut self.file_exchanges) {
            if !self.is_reachable_some_time(&exchange) {
                let mut missing = self.missing_exchange(&exchange, true);
                missing.place = Some(place);
                self.say(missing);
            }
        }
    }

    pub(super) fn check_mx(&mut self, path: &[&str], mx: &[(u16, String)], number: u32) {
        for (index, (_, exchange)) in mx.iter().enumerate() {
            let exchange = canonical(&stamp(exchange, number));
            if invalid_domain(&exchange).is_none() && !self.is_reachable_some_time(&exchange) {
                let index = index.to_string();
                let path: Vec<&str> = path.iter().copied().chain([index.as_str(), "1"]).collect();
                let place = self.at.value_place(&path);
                let mut missing = self.missing_exchange(&exchange, !self.is_enough_said(&place));
                missing.place = Some(place);
                self.say(missing);
            }
        }
    }

    fn missing_exchange(&self, exchange: &str, has_hint: bool) -> Diagnostic {
        let known = self.hosts.known().filter(|_| has_hint);
        Diagnostic::error(format!("MX to a host that does not exist: `{exchange}`")).help(
            did_you_mean(exchange, known).unwrap_or_else(|| format!("declare it: `hosts: {{ \"{exchange}\": () }}`")),
        )
    }

    pub(super) fn is_reachable_some_time(&self, name: &str) -> bool {
        let held = |kind| {
            let id = self.dns.names.get(name)?;
            let (data, _) = *self.rrsets.get(&Question::new(id, kind))?;
            self.dns.data.get(data.index())
        };
        name == "."
            || is_address(name) && self.hosts.get(name).is_some()
            || matches!(held(RecordType::A), Some(Rdata::Address(hosts)) if !hosts.is_empty())
            || held(RecordType::Cname).is_some()
            || self.tree.timeline.iter().any(|entry| match &entry.action {
                Action::SetAddress { name: set, .. } | Action::SetCname { name: set, .. } => canonical(set) == name,
                _ => false,
            })
    }

    /// The rdata of an address RRset made of these hosts' addresses.
    pub(super) fn addresses(&mut self, path: &[&str], hosts: &[String]) -> DataId {
        let mut list = Vec::new();
        for (index, host) in hosts.iter().enumerate() {
            let index = index.to_string();
            let path: Vec<&str> = path.iter().copied().chain([index.as_str()]).collect();
            for id in self.find(&path, "host", host) {
                list.extend(self.addresses_of(id));
            }
        }
        self.check_fits(path, list.len());
        if list.is_empty() { DataId::ABSENT } else { self.data(Rdata::Address(list.into())) }
    }

    /// An alias stands alone at its name (RFC 1034 section 3.6.2).
    fn check_records(&mut self) {
        let mut clashes: Vec<NameId> = self
            .rrsets
            .keys()
            .filter(|question| question.kind() == RecordType::Cname)
            .map(|question| question.name())
            .filter(|name| self.apexes.contains(name) || self.has_other_data(*name, &self.rrsets))
            .collect();
        clashes.sort_unstable();
        for name in clashes {
            let text = self.dns.names.text(name).to_owned();
            let what = if self.apexes.contains(&name) { "is the apex of a zone" } else { "has other records" };
            let message = format!("`{text}` is an alias and {what} (RFC 1034 section 3.6.2)");
            let path = self.alias_path(&text);
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            self.error(&path, message).help = Some("an alias stands alone at its name: remove it, or the rest".into());
        }
        self.warn_of_rings();
    }

    /// Aliases in a ring say nothing: a resolver answers SERVFAIL (RFC 1034 section 3.6.2).
    fn warn_of_rings(&mut self) {
        let mut next: BTreeMap<NameId, NameId> = BTreeMap::new();
        for (question, (data, _)) in self.rrsets.iter().filter(|(question, _)| question.kind() == RecordType::Cname) {
            if let Rdata::Cname(target) = self.dns.data[data.index()] {
                next.insert(question.name(), target);
            }
        }
        let mut done: BTreeSet<NameId> = BTreeSet::new();
        for &start in next.keys() {
            let mut way = vec![start];
            while let Some((at, &to)) = way.last().and_then(|at| Some((*at, next.get(at)?))) {
                if done.contains(&at) {
                    break;
                }
                if let Some(from) = way.iter().position(|&name| name == to) {
                    let names: Vec<&str> = way[from..].iter().map(|&name| self.dns.names.text(name)).collect();
                    let (message, text) =
                        (format!("aliases in a ring: {} -> {}", names.join(" -> "), names[0]), names[0].to_owned());
                    let path = self.alias_path(&text);
                    let path: Vec<&str> = path.iter().map(String::as_str).collect();
                    self.warning(&path, message).help = Some("every question about them ends in SERVFAIL".into());
                    break;
                }
                way.push(to);
            }
            done.extend(way);
        }
    }

    /// Whether a name has more than an alias.
    pub(super) fn has_other_data(&self, name: NameId, rrsets: &HashMap<Question, (DataId, u32)>) -> bool {
        RecordType::ALL.into_iter().filter(|&kind| kind != RecordType::Cname).any(|kind| {
            let held = rrsets.get(&Question::new(name, kind)).map(|(data, _)| &self.dns.data[data.index()]);
            held.is_some_and(|data| *data != Rdata::Absent)
        })
    }

    /// Where an alias is written.
    fn alias_path(&self, name: &str) -> Vec<String> {
        let mut zones = ancestors(name).filter_map(|up| self.zones.get(up));
        let written = zones.find_map(|id| {
            let member = &self.zones.members[id as usize];
            let (key, zone) = self.tree.zones.get_index(member.key)?;
            let owner = zone.cnames.keys().find(|owner| canonical(&stamp(owner, member.number)) == name);
            let rest = owner.map_or_else(Vec::new, |owner| vec!["cnames".to_owned(), owner.clone()]);
            let file = owner.is_none().then(|| zone.zone_file.as_ref().map(|_| vec!["zone_file".to_owned()])).flatten();
            Some(["zones".to_owned(), key.clone()].into_iter().chain(file.unwrap_or(rest)).collect())
        });
        written.unwrap_or_else(|| vec!["zones".to_owned()])
    }

    pub(super) fn sorted_rrsets(&self) -> Vec<RrsetModel> {
        let mut rrsets: Vec<RrsetModel> =
            self.rrsets.iter().map(|(&question, &(data, ttl_s))| RrsetModel { question, data, ttl_s }).collect();
        rrsets.sort_unstable_by_key(|rrset| rrset.question);
        rrsets
    }
}
