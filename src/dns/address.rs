//! Addresses of name servers: by glue, from the cache, or asked for first.

use rustc_hash::FxHashSet;
use smallvec::{SmallVec, smallvec};

use super::cache::Kind;
use super::fetch::Address;
use super::resolver::{Dns, NONE, Pending, Who};
use super::{Answer, DnsEvent, DnsObserver, Outcome, ServerState};
use crate::engine::scheduler::Scheduler;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::dns::Question;
use crate::model::{CacheId, DataId, NameId, ZoneId};
use crate::scenario::tree::RecordType;

impl Dns<'_> {
    /// Whether, without glue, a server is known by an address from elsewhere, or can be asked for.
    pub(super) fn has_reachable(&self, now: SimTime, cache: CacheId, zone: ZoneId, ns: DataId) -> bool {
        self.servers_of(ns).iter().any(|server| {
            let name = self.model.dns.servers[server.index()].name;
            !self.is_inside(name, zone)
                || self.knows(now, cache, Question::new(name, RecordType::A))
                || self.knows(now, cache, Question::new(name, RecordType::Aaaa))
        })
    }

    /// Whether this cache can reach a server of the fetch's zone: by glue for names inside the zone, by an address that was
    /// looked up for others. The root's are hints.
    pub(super) fn has_address(&self, now: SimTime, fetch: u32, at: Address) -> bool {
        let state = &self.fetches[fetch as usize];
        let name = self.model.dns.servers[at.server.index()].name;
        state.zone == ZoneId(0)
            || state.reachable == Some(at)
            || (state.has_glue && self.is_inside(name, state.zone))
            || self.knows(now, state.cache, Question::new(name, at.kind()))
    }

    fn knows(&self, now: SimTime, cache: CacheId, address: Question) -> bool {
        let entry = self.caches[cache.index()].live(now, address);
        entry.is_some_and(|entry| entry.kind == Kind::Data)
    }

    fn is_inside(&self, name: NameId, zone: ZoneId) -> bool {
        let mut at = self.model.dns.names.zone_of[name.index()];
        while at != zone {
            let parent = self.model.dns.zones[at.index()].parent;
            if parent == at {
                return false;
            }
            at = parent;
        }
        true
    }

    /// Asks this very cache for a server's address first.
    pub(super) fn fetch_address<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        fetch: u32,
        at: Address,
    ) {
        let question = Question::new(self.model.dns.servers[at.server.index()].name, at.kind());
        let cache = self.fetches[fetch as usize].cache;
        let slot = self.put_ask(Pending::begin(cache, question, Who::Fetch(fetch), scheduler.now(), SimDuration::ZERO));
        // A fetch that waits for itself, or for one that waits for it, would wait for ever.
        if self.waits_for(fetch, question) {
            self.free_asks.push(slot);
            self.fetches[fetch as usize].without_address();
            return self.send(scheduler, observer, faults, fetch);
        }
        self.on_question(scheduler, observer, faults, slot);
    }

    /// Whether the fetch, or one that waits for it, is its cache's fetch of that question. Only fetches of that cache count: a
    /// forwarder is asked by those before it alone.
    pub(super) fn waits_for(&self, fetch: u32, question: Question) -> bool {
        let mut left: SmallVec<[u32; 8]> = smallvec![fetch];
        // Where many wait for one server's address, and that for another's, the same fetch is met again and again.
        let mut met = FxHashSet::default();
        while let Some(fetch) = left.pop() {
            let state = &self.fetches[fetch as usize];
            if state.question == question {
                return true;
            }
            let mut ask = state.first;
            while ask != NONE {
                let pending = &self.asks[ask as usize];
                left.extend(pending.who.waiting_fetch().filter(|above| met.insert(*above)));
                ask = pending.next;
            }
        }
        false
    }

    /// A server's address that a fetch asked its own cache for has come.
    pub(super) fn on_sub_answer<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        fetch: u32,
        answer: Answer,
    ) {
        let state = &mut self.fetches[fetch as usize];
        if matches!(answer.outcome, Outcome::Data(_)) {
            // Also where it may not be kept: TTL 0 is for the transaction in progress (RFC 1035 section 3.2.1).
            state.reachable = state.servers.get(state.current).map(|candidate| candidate.at);
            return self.send_query(scheduler, observer, faults, fetch);
        }
        state.without_address();
        self.send(scheduler, observer, faults, fetch);
    }
}
