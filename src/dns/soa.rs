//! The one SOA RRset of a zone that all its negative answers share, in caches that keep it so (Unbound: util/data/msgreply.c,
//! a message refers to RRsets of the cache; services/cache/rrset.c, need_to_update_rrset).

use std::collections::BTreeMap;

use super::cache::{Kind, New};
use super::dig::SoaTold;
use super::resolver::Dns;
use super::{DnsObserver, Outcome};
use crate::engine::time::SimTime;
use crate::model::dns::Question;
use crate::model::{CacheId, DataId, ResolverId, ZoneId};

/// The SOA RRsets of one cache.
#[derive(Debug, Default)]
pub(super) struct SharedSoas(BTreeMap<ZoneId, SharedSoa>);

#[derive(Debug)]
struct SharedSoa {
    until: SimTime,
    /// The zone's changes when it was fetched: its serial differs from any other's.
    changes: u32,
    /// Where negative answers that refer to it stand, and until when each lives by its own TTL.
    kept: BTreeMap<Question, SimTime>,
}

impl SharedSoas {
    /// A negative answer brings the SOA along: an equal one that is live stays. Until when the one that is now kept lives,
    /// and whether it is new.
    fn renew(&mut self, now: SimTime, zone: ZoneId, changes: u32, until: SimTime) -> (SimTime, bool) {
        let held = self.0.entry(zone).or_insert(SharedSoa { until: SimTime::ZERO, changes, kept: BTreeMap::new() });
        let is_new = held.until <= now || held.changes != changes;
        if is_new {
            (held.until, held.changes) = (until, changes);
            held.kept.retain(|_, own| *own > now);
        }
        (held.until, is_new)
    }

    /// The zone's changes when its SOA was fetched, if there ever was one.
    fn changes(&self, zone: ZoneId) -> Option<u32> {
        self.0.get(&zone).map(|held| held.changes)
    }

    /// Until when the SOA of a zone lives, if there ever was one.
    pub fn until(&self, zone: ZoneId) -> Option<SimTime> {
        self.0.get(&zone).map(|held| held.until)
    }

    /// Forgets the SOA of one zone, or of all.
    pub fn forget(&mut self, zone: Option<ZoneId>) {
        match zone {
            Some(zone) => drop(self.0.remove(&zone)),
            None => self.0.clear(),
        }
    }
}

/// A negative answer as it came from a zone's server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Negative {
    pub question: Question,
    pub kind: Kind,
    pub version: u32,
    /// The SOA's TTL and MINIMUM, seconds, if there was one.
    pub soa: Option<(u32, u32)>,
    /// The zone, and its changes when the server had it so.
    pub zone: ZoneId,
    pub changes: u32,
}

impl Dns<'_> {
    /// Stores that there is nothing; the TTL that goes out with it, seconds.
    pub(super) fn store_negative(
        &mut self,
        now: SimTime,
        observer: &mut impl DnsObserver,
        cache: CacheId,
        negative: &Negative,
    ) -> u32 {
        let Negative { question, kind, version, soa, zone, changes } = *negative;
        self.note_serial(cache, negative_place(question, kind), changes);
        let rules = self.rules(cache);
        let ttl_s = rules.negative_ttl_s(soa);
        if soa.is_none() || !rules.negatives.shares_soa {
            self.store(now, observer, cache, question, kind, DataId::ABSENT, version, ttl_s);
            return ttl_s;
        }
        let own = rules.until(now, ttl_s);
        let (soa_until, is_new) = self.soas[cache.index()].renew(now, zone, changes, own);
        if is_new {
            self.lengthen(now, observer, cache, zone, soa_until);
        }
        let place = negative_place(question, kind);
        let new = New { kind, data: DataId::ABSENT, version, owner: question.name(), ttl_s, until: own.min(soa_until) };
        self.put(now, observer, cache, question, place, new);
        if let Some(held) = self.soas[cache.index()].0.get_mut(&zone).filter(|_| own > now) {
            held.kept.insert(place, own);
        }
        rules.ttl_left_s(now, soa_until)
    }

    /// Notes which of a zone's SOAs a cache has had with an answer: only where the zone has changed, so that others cost nothing.
    pub(super) fn note_serial(&mut self, cache: CacheId, place: Question, changes: u32) {
        if changes > 0 || !self.soa_changes.is_empty() {
            self.soa_changes.insert((cache, place), changes);
        }
    }

    /// Likewise for a forwarder, of the upstream that has just told it.
    pub(super) fn note_upstreams_serial(&mut self, cache: CacheId, place: Question, upstream: ResolverId) {
        let caches = &self.model.dns.caches;
        let mut known = (0..caches.len() as u32).map(CacheId).filter(|told| caches[told.index()].resolver == upstream);
        let zone = self.model.dns.names.zone_of[place.name().index()];
        if let Some(changes) = known.find_map(|told| self.soa_changes_of(told, place, zone)) {
            self.note_serial(cache, place, changes);
        }
    }

    fn soa_changes_of(&self, cache: CacheId, place: Question, zone: ZoneId) -> Option<u32> {
        self.soas[cache.index()].changes(zone).or_else(|| self.soa_changes.get(&(cache, place)).copied())
    }

    /// The SOA that goes with an answer of a cache.
    pub fn soa_told(&self, cache: CacheId, question: Question, outcome: Outcome) -> SoaTold {
        let kind = if outcome == Outcome::NxDomain { Kind::NxDomain } else { Kind::NoData };
        let zone = self.model.dns.names.zone_of[question.name().index()];
        let changes = self.soa_changes_of(cache, negative_place(question, kind), zone);
        self.authority.soa_at(zone, changes.unwrap_or(0))
    }

    /// A zone's SOA was stored anew: negative answers that refer to it live on, each by its own TTL.
    fn lengthen(
        &mut self,
        now: SimTime,
        observer: &mut impl DnsObserver,
        cache: CacheId,
        zone: ZoneId,
        soa_until: SimTime,
    ) {
        let Some(held) = self.soas[cache.index()].0.get(&zone) else { return };
        for (&place, &own) in &held.kept {
            let until = own.min(soa_until);
            if self.caches[cache.index()].move_end(place, until) {
                observer.on_store(now, cache, place, DataId::ABSENT, until);
            }
        }
    }
}

/// Where a negative answer stands: NXDOMAIN is of the name (RFC 2308 section 5).
pub(super) const fn negative_place(question: Question, kind: Kind) -> Question {
    match kind {
        Kind::NxDomain => Question::new(question.name(), crate::scenario::tree::RecordType::Soa),
        _ => question,
    }
}
