//! Forwarders: a fetch that asks other resolvers instead of walking the tree.

use super::cache::Kind;
use super::fetch::{Purpose, QUERIES_MAX};
use super::path::{half, round_trip};
use super::resolver::{Dns, Pending, Who};
use super::{Answer, DnsEvent, DnsObserver, Outcome, ServerState, Source};
use crate::engine::random::{below, draw};
use crate::engine::scheduler::Scheduler;
use crate::engine::time::SimTime;
use crate::model::dns::Question;
use crate::model::{CacheId, ResolverId};
use crate::scenario::tree::{Expiry, RecordType};

impl Dns<'_> {
    /// A forwarder asks the next of its upstream resolvers.
    pub(super) fn send_upstream<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        fetch: u32,
    ) {
        let now = scheduler.now();
        let state = &self.fetches[fetch as usize];
        let rules = &self.resolver_of(state.cache).rules;
        let upstreams = self.resolver_of(state.cache).upstream.len();
        let wait = rules.asking.wait(state.tries, upstreams, now.since(state.began));
        let Some(wait) = wait.filter(|_| state.queries < QUERIES_MAX) else {
            return self.finish_failed(scheduler, observer, faults, fetch);
        };
        // 0 stands for none.
        self.serial = self.serial.checked_add(1).unwrap_or(1);
        let serial = self.serial;
        let state = &mut self.fetches[fetch as usize];
        (state.serial, state.wait, state.deadline) = (serial, wait, now + wait);
        let (key, index) = (self.keys[state.cache.index()], state.question.index() as u64);
        let model = self.model;
        let from = model.dns.caches[state.cache.index()];
        let upstream = self.upstream_of(fetch);
        let state = &self.fetches[fetch as usize];
        let place = state.place(Purpose::Upstream, 0);
        let cache = model.dns.resolvers[upstream.index()]
            .cache_for(from.region, state.question, key, || draw(key, index, place));
        let cache = if self.is_disturbed { self.routed(from.region, cache) } else { cache };
        let to = model.dns.caches[cache.index()].region;
        let trip = round_trip(self.network, from.region, to, |link| {
            draw(key, index, state.place(Purpose::RoundTrip, u32::from(link)))
        });
        let question = state.question;
        self.fetches[fetch as usize].queries += 1;
        let who = Who::Forwarder(self.fetches[fetch as usize].cache, fetch, serial);
        if self.is_answering(from.region, cache) {
            let slot = self.put_ask(Pending::begin(cache, question, who, now, half(trip)));
            if half(trip).is_zero() {
                self.on_question(scheduler, observer, faults, slot);
            } else {
                let entity = self.first_entity + cache.0;
                scheduler.schedule(entity, now + half(trip), DnsEvent::QuestionArrives(slot).into());
            }
        }
        let state = &self.fetches[fetch as usize];
        if state.serial == serial {
            let (entity, deadline) = (self.first_entity + state.cache.0, state.deadline);
            scheduler.schedule(entity, deadline, DnsEvent::ForwardTimedOut(fetch).into());
        }
    }

    /// Which of its upstreams a forwarder asks at this try: the same order at every try of a fetch.
    fn upstream_of(&self, fetch: u32) -> ResolverId {
        let state = &self.fetches[fetch as usize];
        let (key, index) = (self.keys[state.cache.index()], state.question.index() as u64);
        let own = &self.resolver_of(state.cache).upstream;
        let first = below(draw(key, index, state.place_of_fetch(Purpose::Order)), own.len() as u64) as usize;
        own[(first + state.tries as usize) % own.len()]
    }

    /// A forwarder that still waits for that answer asks the next upstream.
    pub(super) fn on_forward_timed_out<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        fetch: u32,
    ) {
        let state = &mut self.fetches[fetch as usize];
        if state.serial != 0 && state.deadline == scheduler.now() {
            state.serial = 0;
            state.tries += 1;
            self.send(scheduler, observer, faults, fetch);
        }
    }

    /// An upstream has answered in time. One that could not find out leaves it to the next.
    pub(super) fn on_upstream_answer<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        fetch: u32,
        answer: Answer,
    ) {
        let now = scheduler.now();
        let upstream = self.upstream_of(fetch);
        let state = &mut self.fetches[fetch as usize];
        state.serial = 0;
        let (cache, question) = (state.cache, state.question);
        let (kind, negative) = match answer.outcome {
            Outcome::Data(_) => (Kind::Data, false),
            Outcome::NoData => (Kind::NoData, true),
            Outcome::NxDomain => (Kind::NxDomain, true),
            Outcome::ServFail | Outcome::Refused => {
                state.tries += 1;
                state.failures += 1;
                let resolver = self.model.dns.caches[cache.index()].resolver;
                let is_last = state.failures as usize >= self.model.dns.resolvers[resolver.index()].upstream.len();
                if is_last {
                    return self.finish_failed(scheduler, observer, faults, fetch);
                }
                return self.send(scheduler, observer, faults, fetch);
            }
        };
        let rules = self.rules(cache);
        let is_dropped = kind == Kind::NoData && answer.ttl_s == 0 && !rules.negatives.raises_zero_nodata;
        let received_s = if negative { answer.ttl_s } else { self.received_ttl_s(cache, upstream, question, &answer) };
        let ttl_s = match negative {
            true if is_dropped => 0,
            true => rules.negative_ttl_s(Some((received_s, received_s))),
            false => rules.positive_ttl_s(received_s),
        };
        // What is left of it (RFC 1034 section 3.6), to the nanosecond between exact clocks.
        let is_exact = rules.expiry == Expiry::Exact && ttl_s == answer.ttl_s && answer.until > now;
        let until = if is_exact { answer.until.min(rules.until(now, ttl_s)) } else { rules.until(now, ttl_s) };
        self.store_upstream(now, observer, fetch, kind, &answer, ttl_s, until);
        let told_s = if rules.ttl.passes { received_s } else { ttl_s };
        let ttl_s = told_s.min(rules.ttl.max_answer_s);
        let source = Source::Miss;
        // Whoever is asked has judged it then; data may have changed on the way.
        let stale = answer.stale || self.is_stale(question, answer.owner, answer.outcome.data());
        self.finish(scheduler, observer, faults, fetch, Answer { ttl_s, until, source, stale, ..answer });
    }

    /// The TTL by which a forwarder goes of an RRset that an upstream has just told it, seconds: of its records' TTLs, if
    /// those differ and the upstream handed them out as they are.
    fn received_ttl_s(&self, cache: CacheId, upstream: ResolverId, question: Question, answer: &Answer) -> u32 {
        let ttls = self.authority.ttls_s(Question::new(answer.owner, question.kind()));
        if ttls.0 == ttls.1 {
            return answer.ttl_s;
        }
        let (first_s, others_s) = self.model.dns.resolvers[upstream.index()].rules.told_ttls_s(ttls, answer.ttl_s);
        self.rules(cache).ttl.unequal.pick(first_s, others_s)
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one entry")]
    fn store_upstream(
        &mut self,
        now: SimTime,
        observer: &mut impl DnsObserver,
        fetch: u32,
        kind: Kind,
        answer: &Answer,
        ttl_s: u32,
        until: SimTime,
    ) {
        let state = &self.fetches[fetch as usize];
        let (cache, question) = (state.cache, state.question);
        let is_nxdomain = kind == Kind::NxDomain;
        let owner = if kind == Kind::Data { answer.owner } else { question.name() };
        // Aliases that the upstream followed: the name asked for exists, whatever is true of where they lead.
        let (kind, place) = if is_nxdomain && answer.owner == question.name() {
            (kind, Question::new(question.name(), RecordType::Soa))
        } else if is_nxdomain {
            (Kind::NoData, question)
        } else {
            (kind, question)
        };
        if negative_or_soa(kind, place) {
            self.note_upstreams_serial(cache, place, self.upstream_of(fetch));
        }
        let new =
            super::cache::New { kind, data: answer.outcome.data(), version: answer.data_version, owner, ttl_s, until };
        self.put(now, observer, cache, question, place, new);
    }
}

/// Whether an answer brings an SOA.
fn negative_or_soa(kind: Kind, place: Question) -> bool {
    kind != Kind::Data || place.kind() == RecordType::Soa
}
