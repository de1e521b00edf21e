//! The tree of zones with its servers, and TTLs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Compiler;
use super::name_servers::soa_timers_s;
use super::names::is_address;
use crate::engine::dist::Dist;
use crate::engine::time::NANOS_PER_SECOND;
use crate::model::dns::{DelegationModel, KeyId, Question, Rdata, ServerModel, SoaModel, ZoneModel};
use crate::model::{NameId, RegionId, ServerId, ZoneId};
use crate::scenario::tree::{Action, Ipv6, Lame, RecordType, TimelineEntry, Zone};
use crate::scenario::units::Duration;

/// The default TTL of records, in seconds: 1 h (the commonest MX TTL).
pub const TTL_S: u32 = 3600;
/// That of delegations: 2 d (RFC 9199 section 3.3).
pub const DELEGATION_TTL_S: u32 = 172_800;
/// That of negative answers: 15 min (RFC 2308 section 5: 1 to 3 h works well, many zones use less).
pub const NEGATIVE_TTL_S: u32 = 900;

/// The greatest TTL (RFC 2181 section 8).
const TTL_MAX_S: u64 = (1 << 31) - 1;

/// Most addresses of one host.
pub(super) const ADDRESSES_MAX: u32 = 64;

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
            .filter(|name| !is_address(name) && !ancestors(name).any(|zone| apexes.contains(zone)))
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
        self.check_delegations();
    }

    /// Every zone is found from the root: at least one of its servers is named inside it, where glue leads to it, or in
    /// a zone that is found without it.
    fn check_delegations(&mut self) {
        let count = self.dns.zones.len();
        let by_apex: HashMap<NameId, usize> =
            self.dns.zones.iter().enumerate().map(|(index, zone)| (zone.apex, index)).collect();
        let holder = |server: &ServerId| {
            let name = self.dns.names.text(self.dns.servers[server.index()].name);
            ancestors(name).find_map(|up| by_apex.get(&self.dns.names.get(up)?).copied()).unwrap_or(0)
        };
        let holders: Vec<Vec<usize>> =
            self.dns.zones.iter().map(|zone| zone.servers.iter().map(holder).collect()).collect();
        let parent = |zone: usize| self.dns.zones[zone].parent.index();
        let is_inside = |mut at: usize, zone: usize| {
            while at > zone {
                at = parent(at);
            }
            at == zone
        };
        let mut is_found = vec![false; count];
        loop {
            let mut is_news = false;
            for zone in 0..count {
                let is_led_to = zone == 0 || is_found[parent(zone)];
                let has_server = || holders[zone].iter().any(|&at| is_inside(at, zone) || is_found[at]);
                if !is_found[zone] && is_led_to && (zone == 0 || has_server()) {
                    (is_found[zone], is_news) = (true, true);
                }
            }
            // A pass that finds nothing is the last.
            if !is_news {
                break;
            }
        }
        let lost: Vec<NameId> = (0..count)
            .filter(|&zone| !is_found[zone] && (zone == 0 || is_found[parent(zone)]))
            .map(|zone| self.dns.zones[zone].apex)
            .collect();
        for apex in lost {
            let apex = self.dns.names.text(apex).to_owned();
            let declared = self.zones.get(&apex).map(|id| self.zones.members[id as usize].key);
            let key = declared.and_then(|key| self.tree.zones.get_index(key)).map_or("", |(key, _)| key.as_str());
            let message = format!("the name servers of `{apex}` cannot be found: they are named in zones that need it");
            self.error(&["zones", key, "ns"], message).help =
                Some(format!("give it a server named inside it, such as `ns1.{apex}`: the parent has glue for that"));
        }
    }

    fn declared_servers(&mut self) {
        for id in 0..self.servers.len() {
            let member = self.servers.members[id].clone();
            let Some((key, server)) = self.tree.servers.get_index(member.key) else { continue };
            self.number = member.number;
            let region = self.region(&["servers", key, "region"], server.region.as_ref());
            let latency = self.dist(&["servers", key, "latency"], &server.latency.0);
            let loss = self.share(&["servers", key, "loss"], server.loss);
            let name = self.dns.names.intern(&member.name);
            let minimal_responses = self.server_rules(key, &server.software).minimal_responses;
            let (lame, ipv6) = (server.lame, server.ipv6);
            self.dns.servers.push(ServerModel { name, region, latency, loss, minimal_responses, lame, ipv6 });
        }
        self.number = 0;
    }

    fn zone(&mut self, apex: &str, parent: ZoneId, declared: Option<u32>) {
        let name = self.dns.names.intern(apex);
        let member = declared.map(|id| self.zones.members[id as usize].clone());
        let tree = member.as_ref().and_then(|member| self.tree.zones.get_index(member.key));
        let (key, fallback) = (tree.map_or("", |(key, _)| key.as_str()), Zone::default());
        let zone = tree.map_or(&fallback, |(_, zone)| zone);
        self.number = member.as_ref().map_or(0, |member| member.number);
        let mut servers = Vec::new();
        for (index, written) in zone.ns.iter().enumerate() {
            let path = ["zones", key, "ns", &index.to_string()];
            servers.extend(self.find(&path, "server", written).into_iter().map(ServerId));
        }
        if let (true, Some(file)) = (zone.ns.is_empty(), &zone.zone_file) {
            servers = self.zone_file_servers(key, file, apex);
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
        let ns_ttl_s = ttl("ns", zone.ttls.ns, DELEGATION_TTL_S);
        let child_ns_ttl_s = ttl("child_ns", zone.ttls.child_ns, ns_ttl_s);
        let glue_ttl_s = ttl("glue", zone.ttls.glue, DELEGATION_TTL_S);
        let negative_s = ttl("negative", zone.ttls.negative, NEGATIVE_TTL_S);
        let soa = SoaModel {
            serial: zone.soa.serial.unwrap_or(1),
            timers_s: soa_timers_s(&zone.soa, None),
            ttl_s: ttl("soa", zone.ttls.soa, negative_s),
            minimum_s: ttl("minimum", zone.ttls.minimum, negative_s),
            sent: zone.negative_soa,
        };
        let lame = self.lame_servers(key, &zone.lame, &servers);
        let ns = self.data(Rdata::Ns(servers.as_slice().into()));
        let ds = KeyId(u8::from(zone.signed));
        let delegation = DelegationModel { ns, ns_ttl_s, glue_ttl_s, ds };
        self.rrsets.insert(Question::new(name, RecordType::Ns), (ns, child_ns_ttl_s));
        let start = self.data(Rdata::Soa);
        self.rrsets.insert(Question::new(name, RecordType::Soa), (start, soa.ttl_s));
        let model = ZoneModel { apex: name, parent, servers, delegation, soa, lame };
        self.apexes.insert(name);
        self.zone_ids.insert(name, ZoneId(self.dns.zones.len() as u32));
        self.dns.zones.push(model);
        self.number = 0;
    }

    /// Those of a zone's servers that do not hold it; one of them must.
    fn lame_servers(&mut self, key: &str, written: &[String], servers: &[ServerId]) -> Vec<ServerId> {
        let mut lame = Vec::new();
        for (index, name) in written.iter().enumerate() {
            let path = ["zones", key, "lame", &index.to_string()];
            let found: Vec<ServerId> = self.find(&path, "server", name).into_iter().map(ServerId).collect();
            if found.iter().any(|server| !servers.contains(server)) {
                self.error(&path, format!("`{name}` is no name server of the zone")).help =
                    Some("`lame` lists those of its `ns` that do not hold it".into());
            }
            lame.extend(found);
        }
        let moves = |entry: &TimelineEntry| matches!(entry.action, Action::SetNs { .. });
        let is_dead = !servers.is_empty() && servers.iter().all(|server| lame.contains(server));
        if is_dead && !self.tree.timeline.iter().any(moves) {
            // What a resolver makes of that is worth a run.
            self.warning(&["zones", key, "lame"], "every name server of this zone is lame: nobody gets an answer")
                .help = Some("leave one of them out of `lame`, unless that is the lesson".into());
        }
        lame
    }

    /// A server that nobody declared: in the first region, 1 ms.
    pub(super) fn made_server(&mut self, name: &str) -> ServerId {
        let name = self.dns.names.intern(name);
        if let Some(&known) = self.made_servers.get(&name) {
            return known;
        }
        let id = ServerId(self.dns.servers.len() as u32);
        let latency = Dist::Constant(0.001);
        self.dns.servers.push(ServerModel {
            name,
            region: RegionId(0),
            latency,
            loss: 0.0,
            minimal_responses: false,
            lame: Lame::default(),
            ipv6: Ipv6::default(),
        });
        self.made_servers.insert(name, id);
        id
    }

    /// A TTL as a whole number of seconds.
    pub(super) fn ttl_s(&mut self, path: &[&str], span: Duration) -> u32 {
        let seconds = span.0.whole_seconds();
        if seconds > TTL_MAX_S || !span.0.as_nanos().is_multiple_of(NANOS_PER_SECOND) {
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
            RecordType::Txt => ("txt", zone.ttls.txt),
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
