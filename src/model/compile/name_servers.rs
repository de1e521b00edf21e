//! Authoritative servers: their rules, primaries and secondaries, moves of a zone to others.

use super::Compiler;
use super::actions::Done;
use super::presets::servers::server_rules;
use crate::engine::time::SimDuration;
use crate::model::dns::{KeyId, NotifyModel, Rdata, SecondaryModel};
use crate::model::timeline::ActionModel;
use crate::model::{ServerId, ZoneId};
use crate::scenario::tree::{DsAtMove, NsAt, OldServers, ServerSoftware, SoaRecord, Transfer, Zone};
use crate::scenario::units::Duration;
use crate::scenario::zone_file::Soa;

/// RFC 1912 section 2.2: refresh of 20 min to 12 h, retry a fraction of it, expire of 2 to 4 weeks.
const REFRESH_S: u64 = 7200;
const RETRY_S: u64 = 900;
const EXPIRE_S: u64 = 14 * 86_400;

/// REFRESH, RETRY and EXPIRE of a zone: as written, as its master file has them, or by default.
fn soa_timers(own: &SoaRecord, file: Option<&Soa>) -> [SimDuration; 3] {
    let timer = |own: Option<Duration>, file: Option<u32>, default: u64| {
        own.map_or(SimDuration::from_secs(file.map_or(default, u64::from)), |span| span.0)
    };
    [
        timer(own.refresh, file.map(|soa| soa.refresh_s), REFRESH_S),
        timer(own.retry, file.map(|soa| soa.retry_s), RETRY_S),
        timer(own.expire, file.map(|soa| soa.expire_s), EXPIRE_S),
    ]
}

/// The same in the whole seconds of a record.
pub(super) fn soa_timers_s(own: &SoaRecord, file: Option<&Soa>) -> [u32; 3] {
    soa_timers(own, file).map(|span| u32::try_from(span.whole_seconds()).unwrap_or(u32::MAX))
}

/// An authoritative server's rules, numbers only.
pub(super) struct Serving {
    min_refresh: SimDuration,
    min_retry: SimDuration,
    jitter: f64,
    notify: NotifyModel,
    pub minimal_responses: bool,
}

/// A `SetNs` as written.
pub(super) struct Move<'a> {
    pub zone: &'a str,
    pub ns: &'a [String],
    pub at: NsAt,
    pub old: OldServers,
    pub ttl: Option<Duration>,
    pub ds: DsAtMove,
}

impl Compiler<'_> {
    pub(super) fn server_rules(&mut self, key: &str, software: &ServerSoftware) -> Serving {
        let (name, own) = software.parts();
        let rules = own.or(&server_rules(name));
        let span = |span: Option<Duration>| span.map_or(SimDuration::ZERO, |span| span.0);
        let jitter = rules.jitter_from.unwrap_or(1.0);
        let jitter =
            if key.is_empty() { jitter } else { self.share(&["servers", key, "software", "jitter_from"], jitter) };
        Serving {
            min_refresh: span(rules.min_refresh),
            min_retry: span(rules.min_retry),
            jitter,
            notify: NotifyModel {
                delay: span(rules.notify_delay),
                loss: 0.0,
                // Two messages at one instant are one.
                retry: span(rules.notify_retry).max(SimDuration::from_secs(1)),
                tries: rules.notify_tries.unwrap_or(1),
            },
            minimal_responses: rules.minimal_responses.unwrap_or(false),
        }
    }

    /// The rules of a server, declared or made.
    fn serving(&mut self, server: ServerId) -> Serving {
        let declared = (server.index() < self.servers.len()).then(|| self.servers.members[server.index()].key);
        let tree = self.tree;
        match declared.and_then(|key| tree.servers.get_index(key)) {
            Some((key, server)) => self.server_rules(key, &server.software),
            None => self.server_rules("", &ServerSoftware::default()),
        }
    }

    /// The secondaries of all zones that have any.
    pub(super) fn secondaries(&mut self) {
        for id in 0..self.zones.len() as u32 {
            let member = self.zones.members[id as usize].clone();
            let tree = self.tree;
            let Some((key, zone)) = tree.zones.get_index(member.key) else { continue };
            let apex = self.dns.names.intern(&member.name);
            let (Some(transfer), Some(&zone_id)) = (&zone.transfer, self.zone_ids.get(&apex)) else { continue };
            self.number = member.number;
            self.secondaries_of(key, zone, transfer, zone_id);
        }
        self.number = 0;
    }

    fn secondaries_of(&mut self, key: &str, zone: &Zone, transfer: &Transfer, id: ZoneId) {
        let servers = self.dns.zones[id.index()].servers.clone();
        let path = ["zones", key, "transfer", "primary"];
        let named = transfer.primary.as_ref().and_then(|name| self.find_one(&path, "server", name)).map(ServerId);
        if let Some(named) = named
            && !servers.contains(&named)
        {
            self.error(&path, "the primary is none of the zone's name servers").help =
                Some("list it in `ns`, or leave `primary` out".into());
        }
        let Some(primary) = named.or(servers.first().copied()) else { return };
        let loss = self.share(&["zones", key, "transfer", "notify_loss"], transfer.notify_loss);
        let file = zone.zone_file.as_ref().and_then(|file| self.zone_file_soa(key, file, id));
        let [refresh, retry, expire] = soa_timers(&zone.soa, file.as_ref());
        if refresh.is_zero() {
            self.error(&["zones", key, "soa", "refresh"], "a refresh of zero would never end");
            return;
        }
        if expire < refresh {
            self.warning(&["zones", key, "soa", "expire"], "secondaries stop answering before they check again").help =
                Some("RFC 1912 section 2.2 advises an `expire` of 2 to 4 weeks".into());
        }
        let notify = self.serving(primary).notify;
        let lame = self.dns.zones[id.index()].lame.clone();
        for &server in servers.iter().filter(|server| **server != primary && !lame.contains(server)) {
            let rules = self.serving(server);
            self.dns.secondaries.push(SecondaryModel {
                zone: id,
                server,
                primary,
                refresh: refresh.max(rules.min_refresh),
                retry: retry.max(rules.min_retry).max(SimDuration::from_secs(1)),
                jitter: rules.jitter,
                expire,
                notify: transfer.notify.then_some(NotifyModel { loss, ..notify }),
            });
        }
    }

    /// A move of zones to other servers.
    pub(super) fn set_ns(&mut self, index: &str, to: &Move<'_>, done: &mut Done) {
        let path = |field: &'static str| ["timeline", index, "do", field];
        let ttl_s = to.ttl.map(|ttl| self.ttl_s(&path("ttl"), ttl));
        for zone in self.find(&path("zone"), "zone", to.zone) {
            let member = self.zones.members[zone as usize].clone();
            self.number = member.number;
            let mut servers: Vec<ServerId> = Vec::new();
            for (nth, name) in to.ns.iter().enumerate() {
                let nth = nth.to_string();
                let path = ["timeline", index, "do", "ns", nth.as_str()];
                servers.extend(self.find(&path, "server", name).into_iter().map(ServerId));
            }
            if to.ns.is_empty() {
                self.error(&path("ns"), "a zone without name servers").help = Some("name at least one".into());
            }
            let apex = self.dns.names.intern(&member.name);
            let Some(&zone) = self.zone_ids.get(&apex) else { continue };
            let ns = self.data(Rdata::Ns(servers.into()));
            let is_signed = self.dns.zones[zone.index()].delegation.ds != KeyId::default();
            if to.ds == DsAtMove::LeftBehind && !is_signed {
                self.error(&path("ds"), "the zone has no DS record to leave behind").help =
                    Some("give the zone `signed: true`".into());
            }
            let is_new_key = to.ds == DsAtMove::LeftBehind;
            done.actions.push(ActionModel::SetNs { zone, ns, ttl_s, at: to.at, old: to.old, is_new_key });
        }
        self.number = 0;
    }

    /// The zones that an action names.
    pub(super) fn zones_of(&mut self, path: &[&str], reference: &str) -> Vec<ZoneId> {
        let found = self.find(path, "zone", reference);
        let mut zones = Vec::new();
        for zone in found {
            let name = self.zones.name(zone).to_owned();
            let apex = self.dns.names.intern(&name);
            zones.extend(self.zone_ids.get(&apex).copied());
        }
        zones
    }
}
