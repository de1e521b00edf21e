//! A fetch: the walk from the deepest cached zone cut to the answer, one query after another.

use smallvec::SmallVec;

use super::authority::Reply;
use super::cache::{Kind, NO_FETCH};
use super::path::{half, loss, round_trip};
use super::resolver::{Dns, NONE, Pending, Who};
use super::{Answer, DnsEvent, DnsObserver, Outcome, ServerState, Source};
use crate::engine::random::{draw, shuffle, unit_open};
use crate::engine::scheduler::Scheduler;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::dns::Question;
use crate::model::{CacheId, DataId, NameId, ServerId, ZoneId};
use crate::scenario::tree::RecordType;

/// Fetches that may wait for each other's server addresses, one inside the other.
const DEPTH_MAX: u8 = 6;

/// Queries of one fetch; a walk that needs more has gone astray.
const QUERIES_MAX: u32 = 64;

/// A question being fetched by one cache.
#[derive(Debug, Clone)]
pub(super) struct Fetch {
    pub cache: CacheId,
    pub question: Question,
    /// First of those who wait, in the order in which they came.
    pub first: u32,
    pub last: u32,
    /// The zone whose servers are asked now.
    zone: ZoneId,
    /// Its servers in the order of trial.
    servers: SmallVec<[ServerId; 4]>,
    /// Tries at this zone so far, and queries in all.
    pub tries: u32,
    pub queries: u32,
    depth: u8,
    /// Which fetch of this question by this cache it is.
    count: u32,
    began: SimTime,
    /// How long it waits at this try.
    wait: SimDuration,
    sent: SimTime,
    round_trip: SimDuration,
    /// What is on its way back.
    reply: Option<Reply>,
    /// A server whose address this fetch has just asked for and got, cached or not.
    reachable: Option<ServerId>,
}

/// What a draw of a fetch is for.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Order = 1,
    Loss,
    Latency,
    RoundTrip,
    Upstream,
}

impl Fetch {
    pub(super) fn place(&self, purpose: Purpose, place: u32) -> u64 {
        u64::from(self.count) << 32 | u64::from(self.queries & 0xff) << 24 | (purpose as u64) << 16 | u64::from(place)
    }
}

impl<'m> Dns<'m> {
    /// The asker in `slot` waits for the fetch of its question that is in flight, or a new one.
    pub(super) fn join_or_fetch<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        slot: u32,
    ) {
        let ask = self.asks[slot as usize];
        let question = Question::new(ask.owner, ask.question.kind());
        let entry = self.caches[ask.cache.index()].entry_mut(question);
        if entry.flight != NO_FETCH {
            let fetch = &mut self.fetches[entry.flight as usize];
            self.asks[slot as usize].source = Source::Coalesced;
            self.asks[slot as usize].next = NONE;
            self.asks[fetch.last as usize].next = slot;
            fetch.last = slot;
            return;
        }
        entry.fetches += 1;
        let count = entry.fetches;
        let depth = match ask.who {
            Who::Fetch(above) => self.fetches[above as usize].depth + 1,
            Who::Asker(..) => 0,
        };
        self.asks[slot as usize].next = NONE;
        let fetch = self.put_fetch(Fetch {
            cache: ask.cache,
            question,
            first: slot,
            last: slot,
            zone: ZoneId(0),
            servers: SmallVec::new(),
            tries: 0,
            queries: 0,
            depth,
            count,
            began: scheduler.now(),
            wait: SimDuration::ZERO,
            sent: scheduler.now(),
            round_trip: SimDuration::ZERO,
            reply: None,
            reachable: None,
        });
        self.caches[ask.cache.index()].entry_mut(question).flight = fetch;
        if depth > DEPTH_MAX {
            return self.finish_failed(scheduler, observer, faults, fetch);
        }
        self.enter_zone(scheduler.now(), fetch);
        self.send(scheduler, observer, faults, fetch);
    }

    fn put_fetch(&mut self, fetch: Fetch) -> u32 {
        match self.free_fetches.pop() {
            Some(slot) => {
                self.fetches[slot as usize] = fetch;
                slot
            }
            None => {
                self.fetches.push(fetch);
                self.fetches.len() as u32 - 1
            }
        }
    }

    /// Starts at the deepest zone whose cut is cached; the root's servers are always known (root hints).
    fn enter_zone(&mut self, now: SimTime, fetch: u32) {
        let (cache, question) = (self.fetches[fetch as usize].cache, self.fetches[fetch as usize].question);
        let zones = &self.model.dns.zones;
        let mut zone = self.model.dns.names.zone_of[question.name().index()];
        while zone != ZoneId(0) {
            if self.caches[cache.index()].knows_cut(now, zone) {
                break;
            }
            zone = zones[zone.index()].parent;
        }
        self.set_zone(fetch, zone);
    }

    fn set_zone(&mut self, fetch: u32, zone: ZoneId) {
        let key = self.keys[self.fetches[fetch as usize].cache.index()];
        let state = &mut self.fetches[fetch as usize];
        state.zone = zone;
        state.tries = 0;
        state.servers.clear();
        state.servers.extend_from_slice(&self.model.dns.zones[zone.index()].servers);
        if state.servers.len() > 1 {
            let (index, mut place) = (state.question.index() as u64, 0);
            let base = state.place(Purpose::Order, 0);
            shuffle(&mut state.servers, || {
                place += 1;
                draw(key, index, base + place)
            });
        }
    }

    /// Sends the next query, or gives up.
    fn send<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        fetch: u32,
    ) {
        let state = &self.fetches[fetch as usize];
        let resolver = &self.model.dns.resolvers[self.model.dns.caches[state.cache.index()].resolver.index()];
        let targets = if resolver.upstream.is_empty() { state.servers.len() } else { resolver.upstream.len() };
        let wait = resolver.rules.asking.wait(state.tries, targets, scheduler.now().since(state.began));
        let Some(wait) = wait.filter(|_| state.queries < QUERIES_MAX) else {
            return self.finish_failed(scheduler, observer, faults, fetch);
        };
        self.fetches[fetch as usize].wait = wait;
        let state = &self.fetches[fetch as usize];
        if !resolver.upstream.is_empty() {
            return self.send_upstream(scheduler, observer, faults, fetch);
        }
        let Some(&server) = state.servers.get(state.tries as usize % state.servers.len().max(1)) else {
            return self.finish_failed(scheduler, observer, faults, fetch);
        };
        if !self.has_address(scheduler.now(), fetch, server) {
            return self.fetch_address(scheduler, observer, faults, fetch, server);
        }
        let now = scheduler.now();
        let to = &self.model.dns.servers[server.index()];
        let state = &self.fetches[fetch as usize];
        let (key, index) = (self.keys[state.cache.index()], state.question.index() as u64);
        let lost = 1.0 - (1.0 - loss(&self.model.network, resolver.region, to.region)) * (1.0 - to.loss);
        let is_lost = lost > 0.0 && unit_open(draw(key, index, state.place(Purpose::Loss, 0))) < lost;
        let trip = round_trip(&self.model.network, resolver.region, to.region, |link| {
            draw(key, index, state.place(Purpose::RoundTrip, u32::from(link)))
        });
        let state = &mut self.fetches[fetch as usize];
        (state.sent, state.round_trip) = (now, trip);
        if is_lost || half(trip) >= wait {
            return self.schedule(scheduler, fetch, now + wait, DnsEvent::TimedOut(fetch));
        }
        if half(trip).is_zero() {
            self.on_query_arrives(scheduler, observer, faults, fetch);
        } else {
            self.schedule(scheduler, fetch, now + half(trip), DnsEvent::QueryArrives(fetch));
        }
    }

    /// Whether this cache can reach a server of the fetch's zone: glue came with the referral for names inside the zone, a
    /// name elsewhere has an address of its own to look up. The root's are hints.
    fn has_address(&self, now: SimTime, fetch: u32, server: ServerId) -> bool {
        let state = &self.fetches[fetch as usize];
        let name = self.model.dns.servers[server.index()].name;
        state.zone == ZoneId(0)
            || state.reachable == Some(server)
            || self.is_inside(name, state.zone)
            || self.caches[state.cache.index()]
                .live(now, Question::new(name, RecordType::A))
                .is_some_and(|entry| entry.kind == Kind::Data)
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
    fn fetch_address<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        fetch: u32,
        server: ServerId,
    ) {
        let question = Question::new(self.model.dns.servers[server.index()].name, RecordType::A);
        let cache = self.fetches[fetch as usize].cache;
        let slot = self.put_ask(Self::sub_ask(cache, question, fetch, scheduler.now(), SimDuration::ZERO));
        // A fetch that waits for itself, or for one that waits for it, would wait for ever.
        if self.waits_for(fetch, cache, question) {
            self.free_asks.push(slot);
            self.fetches[fetch as usize].tries += 1;
            return self.send(scheduler, observer, faults, fetch);
        }
        self.on_question(scheduler, observer, faults, slot);
    }

    /// Whether the fetch, or whoever waits for it, is a fetch of that question by that cache.
    fn waits_for(&self, fetch: u32, cache: CacheId, question: Question) -> bool {
        let state = &self.fetches[fetch as usize];
        if state.cache == cache && state.question == question {
            return true;
        }
        let mut ask = state.first;
        while ask != NONE {
            let pending = &self.asks[ask as usize];
            if let Who::Fetch(above) = pending.who
                && self.waits_for(above, cache, question)
            {
                return true;
            }
            ask = pending.next;
        }
        false
    }

    pub(super) fn sub_ask(cache: CacheId, question: Question, fetch: u32, now: SimTime, half: SimDuration) -> Pending {
        Pending {
            cache,
            question,
            owner: question.name(),
            aliases: 0,
            stale: false,
            ttl_s: u32::MAX,
            source: Source::Miss,
            who: Who::Fetch(fetch),
            asked: now,
            half,
            answer: None,
            next: NONE,
        }
    }

    /// What a fetch asked a cache for has come: a server's address, or a forwarder's answer.
    pub(super) fn on_sub_answer<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        fetch: u32,
        answer: Answer,
    ) {
        let cache = self.fetches[fetch as usize].cache;
        let is_forwarder =
            !self.model.dns.resolvers[self.model.dns.caches[cache.index()].resolver.index()].upstream.is_empty();
        if is_forwarder {
            return self.finish_upstream(scheduler, observer, faults, fetch, answer);
        }
        let state = &mut self.fetches[fetch as usize];
        if matches!(answer.outcome, Outcome::Data(_)) {
            // Also where it may not be kept: TTL 0 is for the transaction in progress (RFC 1035 section 3.2.1).
            state.reachable = state.servers.get(state.tries as usize % state.servers.len().max(1)).copied();
        } else {
            // Without an address that server is of no use: as if it had timed out at once.
            state.tries += 1;
        }
        self.send(scheduler, observer, faults, fetch);
    }

    /// A query is at its server: what it says now is what comes back, if it is up.
    pub(super) fn on_query_arrives<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        fetch: u32,
    ) {
        let now = scheduler.now();
        let state = &self.fetches[fetch as usize];
        let server = state.servers[state.tries as usize % state.servers.len()];
        let timeout = state.sent + state.wait;
        observer.on_query(now, server, state.cache, state.question);
        let latency = &self.model.dns.servers[server.index()].latency;
        let bits =
            || draw(self.keys[state.cache.index()], state.question.index() as u64, state.place(Purpose::Latency, 0));
        let answers_at = now + latency.sample_span(bits()) + (state.round_trip.saturating_sub(half(state.round_trip)));
        // A response after the time-out finds nobody: the next try has another port.
        if !faults.server_is_up(server) || answers_at >= timeout {
            return self.schedule(scheduler, fetch, timeout, DnsEvent::TimedOut(fetch));
        }
        let reply = self.authority.reply(state.zone, state.question);
        self.fetches[fetch as usize].reply = Some(reply);
        if answers_at == now {
            self.on_response(scheduler, observer, faults, fetch);
        } else {
            self.schedule(scheduler, fetch, answers_at, DnsEvent::ResponseArrives(fetch));
        }
    }

    pub(super) fn on_timed_out<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        fetch: u32,
    ) {
        let state = &mut self.fetches[fetch as usize];
        state.tries += 1;
        state.queries += 1;
        self.send(scheduler, observer, faults, fetch);
    }

    pub(super) fn on_response<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        fetch: u32,
    ) {
        let now = scheduler.now();
        let state = &mut self.fetches[fetch as usize];
        let Some(reply) = state.reply.take() else { return };
        state.queries += 1;
        let (cache, question) = (state.cache, state.question);
        let rules = self.rules(cache);
        let name = question.name();
        match reply {
            Reply::Referral(child) => {
                let zone = &self.model.dns.zones[child.index()];
                // Servers inside the zone are reached by glue, and the cut is of no use without it.
                let glued = zone
                    .servers
                    .iter()
                    .all(|server| self.is_inside(self.model.dns.servers[server.index()].name, child));
                let ttl_s = if glued { zone.ns_ttl_s.min(zone.glue_ttl_s) } else { zone.ns_ttl_s };
                let until = rules.until(now, rules.positive_ttl_s(ttl_s));
                self.caches[cache.index()].store_cut(child, until);
                self.set_zone(fetch, child);
                self.send(scheduler, observer, faults, fetch);
            }
            Reply::Data { data, version, ttl_s } => {
                let ttl_s = rules.positive_ttl_s(ttl_s);
                self.store(now, observer, cache, question, Kind::Data, data, version, ttl_s);
                let answer = self.fresh(question, Outcome::Data(data), data, version, ttl_s);
                self.finish(scheduler, observer, faults, fetch, answer);
            }
            Reply::Alias { data, version, target, ttl_s } => {
                let ttl_s = rules.positive_ttl_s(ttl_s);
                let alias = Question::new(name, RecordType::Cname);
                self.store(now, observer, cache, alias, Kind::Data, data, version, ttl_s);
                let stale = data != self.authority.current(alias);
                self.finish_alias(scheduler, observer, faults, fetch, target, ttl_s, stale);
            }
            Reply::NoData { version, soa } => {
                let ttl_s = rules.negative_ttl_s(soa);
                self.store(now, observer, cache, question, Kind::NoData, DataId::ABSENT, version, ttl_s);
                let answer = self.fresh(question, Outcome::NoData, DataId::ABSENT, version, ttl_s);
                self.finish(scheduler, observer, faults, fetch, answer);
            }
            Reply::NxDomain { version, soa } => {
                let ttl_s = rules.negative_ttl_s(soa);
                let until = rules.until(now, ttl_s);
                let whole = Question::new(name, RecordType::Soa);
                self.caches[cache.index()].store(whole, Kind::NxDomain, DataId::ABSENT, version, until);
                if until > now {
                    observer.on_store(now, cache, whole, DataId::ABSENT, until);
                }
                let answer = self.fresh(question, Outcome::NxDomain, DataId::ABSENT, version, ttl_s);
                self.finish(scheduler, observer, faults, fetch, answer);
            }
        }
    }

    fn schedule<E: Copy + From<DnsEvent>>(
        &self,
        scheduler: &mut Scheduler<E>,
        fetch: u32,
        at: SimTime,
        event: DnsEvent,
    ) {
        let entity = self.first_entity + self.fetches[fetch as usize].cache.0;
        scheduler.schedule(entity, at, event.into());
    }
}
