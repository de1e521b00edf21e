//! Records from an RFC 1035 master file.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::Compiler;
use super::name_servers::soa_timers_s;
use super::names::Member;
use crate::model::dns::{Question, Rdata};
use crate::model::{DataId, HostId, ServerId, ZoneId};
use crate::scenario::diagnostic::Place;
use crate::scenario::tree::{RecordType, Zone};
use crate::scenario::zone_file::{Record, RecordData, Soa, read_zone_file};

/// A file's records of one owner and type: data without TTL, the TTL, and the span of the first.
#[derive(Default)]
struct Gathered {
    ttl_s: u32,
    mx: Vec<(u16, String, Range<usize>)>,
    addresses: u32,
    alias: Option<String>,
    texts: Vec<String>,
}

impl Compiler<'_> {
    /// The name servers that a zone's master file names at its apex. What is wrong with the file is said when its
    /// records are read.
    pub(super) fn zone_file_servers(&mut self, key: &str, file: &str, apex: &str) -> Vec<ServerId> {
        let Some(source) = self.file(&["zones", key, "zone_file"], file) else { return Vec::new() };
        let (Some(read), _) = read_zone_file(&source, apex) else { return Vec::new() };
        let mut servers = Vec::new();
        for record in read.records.iter().filter(|record| record.owner == apex) {
            if let RecordData::Ns(name) = &record.data {
                let declared = self.servers.get(name).map(ServerId);
                servers.push(declared.unwrap_or_else(|| self.made_server(name)));
            }
        }
        servers
    }

    /// The SOA of a zone's master file.
    pub(super) fn zone_file_soa(&mut self, key: &str, file: &str, zone: ZoneId) -> Option<Soa> {
        let source = self.file(&["zones", key, "zone_file"], file)?;
        let apex = self.dns.names.text(self.dns.zones[zone.index()].apex);
        read_zone_file(&source, apex).0?.soa
    }

    /// Reads a zone's master file; what stands beside it in the scenario wins.
    pub(super) fn zone_file(&mut self, key: &str, zone: &Zone, member: &Member, file: &str) {
        let Some(source) = self.file(&["zones", key, "zone_file"], file) else { return };
        let (read, problems) = read_zone_file(&source, &member.name);
        self.say_all(problems);
        let Some(read) = read else { return };
        let id = self.dns.names.intern(&member.name);
        if let Some(soa) = &read.soa
            && let Some(model) = self.dns.zones.iter_mut().find(|model| model.apex == id)
        {
            model.soa.serial = zone.soa.serial.unwrap_or(soa.serial);
            model.soa.timers_s = soa_timers_s(&zone.soa, Some(soa));
            if zone.ttls.negative.is_none() {
                (model.soa.ttl_s, model.soa.minimum_s) = (soa.ttl_s, soa.minimum_s);
                let start = self.data(Rdata::Soa);
                self.rrsets.insert(Question::new(id, RecordType::Soa), (start, soa.ttl_s));
            }
        }
        let mut sets: BTreeMap<(String, RecordType), Gathered> = BTreeMap::new();
        for record in &read.records {
            gather(&mut sets, record);
        }
        let has_aaaa = read.records.iter().any(|record| matches!(record.data, RecordData::Aaaa(_)));
        if has_aaaa {
            self.warning(
                &["zones", key, "zone_file"],
                "AAAA records of a zone file are not read: `ipv6` of a host says what it has",
            )
            .help = Some("give the host an IPv6 address: `ipv6: Works`".into());
        }
        for ((owner, kind), set) in sets {
            self.check_fits(&["zones", key, "zone_file"], set.mx.len().max(set.addresses as usize));
            let ttl_s = self.record_ttl_s(key, zone, kind).unwrap_or(set.ttl_s);
            let data = match kind {
                RecordType::Mx => {
                    for (_, exchange, span) in &set.mx {
                        let place = Place { source: Arc::clone(&source), span: span.clone() };
                        self.file_exchanges.push((place, exchange.clone()));
                    }
                    let list: Vec<_> = set
                        .mx
                        .iter()
                        .map(|(preference, exchange, _)| (*preference, self.dns.names.intern(exchange)))
                        .collect();
                    self.data(Rdata::Mx(list.into()))
                }
                RecordType::A => {
                    let host = self.hosts.get(&owner).map(HostId);
                    let list = host.map_or_else(Vec::new, |host| vec![host; set.addresses as usize]);
                    self.data(Rdata::Address(list.into()))
                }
                RecordType::Cname => match &set.alias {
                    Some(target) => {
                        let target = self.dns.names.intern(target);
                        self.data(Rdata::Cname(target))
                    }
                    None => DataId::ABSENT,
                },
                RecordType::Ns => {
                    // The zone's servers were read with it; here it is the TTL that counts.
                    let question = Question::new(id, RecordType::Ns);
                    let known = self.rrsets.get(&question).filter(|_| owner == member.name);
                    if let (Some(&(data, _)), None, true) = (known, zone.ttls.child_ns, zone.ns.is_empty()) {
                        self.rrsets.insert(question, (data, set.ttl_s));
                    }
                    continue;
                }
                _ => self.data(Rdata::Txt(set.texts.iter().map(|text| text.as_str().into()).collect())),
            };
            let question = Question::new(self.dns.names.intern(&owner), kind);
            self.rrsets.insert(question, (data, ttl_s));
        }
    }
}

fn gather(sets: &mut BTreeMap<(String, RecordType), Gathered>, record: &Record) {
    let kind = match &record.data {
        RecordData::Mx { .. } => RecordType::Mx,
        RecordData::A(_) => RecordType::A,
        RecordData::Cname(_) => RecordType::Cname,
        RecordData::Txt(_) => RecordType::Txt,
        RecordData::Ns(_) => RecordType::Ns,
        RecordData::Aaaa(_) => return,
    };
    let set = sets.entry((record.owner.clone(), kind)).or_default();
    set.ttl_s = record.ttl_s;
    match &record.data {
        RecordData::Mx { preference, exchange } => {
            set.mx.push((*preference, exchange.clone(), record.span.clone()));
        }
        RecordData::A(_) => set.addresses += 1,
        RecordData::Cname(target) => set.alias = Some(target.clone()),
        // The strings of a record are one text to whoever reads it (RFC 7208 section 3.3).
        RecordData::Txt(strings) => set.texts.push(strings.concat()),
        _ => {}
    }
}
