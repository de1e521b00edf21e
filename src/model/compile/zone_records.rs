//! Records from an RFC 1035 master file.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::Compiler;
use super::names::Member;
use crate::model::dns::{Question, Rdata};
use crate::model::{DataId, HostId, ServerId};
use crate::scenario::diagnostic::Place;
use crate::scenario::tree::{RecordType, Zone};
use crate::scenario::zone_file::{Record, RecordData, read_zone_file};

/// A file's records of one owner and type: data without TTL, the TTL, and the span of the first.
#[derive(Default)]
struct Gathered {
    ttl_s: u32,
    mx: Vec<(u16, String, Range<usize>)>,
    addresses: u32,
    alias: Option<String>,
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

    /// Reads a zone's master file; what stands beside it in the scenario wins.
    pub(super) fn zone_file(&mut self, key: &str, zone: &Zone, member: &Member, file: &str) {
        let Some(source) = self.file(&["zones", key, "zone_file"], file) else { return };
        let (read, problems) = read_zone_file(&source, &member.name);
        self.say_all(problems);
        let Some(read) = read else { return };
        let id = self.dns.names.intern(&member.name);
        if let (Some(soa), None) = (&read.soa, zone.ttls.negative)
            && let Some(model) = self.dns.zones.iter_mut().find(|model| model.apex == id)
        {
            (model.soa.ttl_s, model.soa.minimum_s) = (soa.ttl_s, soa.minimum_s);
        }
        let mut sets: BTreeMap<(String, RecordType), Gathered> = BTreeMap::new();
        for record in &read.records {
            gather(&mut sets, record);
        }
        let has_aaaa = read.records.iter().any(|record| matches!(record.data, RecordData::Aaaa(_)));
        if has_aaaa {
            self.warning(&["zones", key, "zone_file"], "AAAA records are not modelled: connections go over IPv4")
                .help = Some("hosts are reached by their A records".into());
        }
        for ((owner, kind), set) in sets {
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
                _ => self.data(Rdata::Text),
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
        RecordData::Ns(_) | RecordData::Aaaa(_) => return,
    };
    let set = sets.entry((record.owner.clone(), kind)).or_default();
    set.ttl_s = record.ttl_s;
    match &record.data {
        RecordData::Mx { preference, exchange } => {
            set.mx.push((*preference, exchange.clone(), record.span.clone()));
        }
        RecordData::A(_) => set.addresses += 1,
        RecordData::Cname(target) => set.alias = Some(target.clone()),
        _ => {}
    }
}
