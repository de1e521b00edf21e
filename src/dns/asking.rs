//! Questions on their way: to a cache, into a fetch, and back to whoever asked.

use super::down::STUB_GIVES_UP;
use super::path::{half, round_trip};
use super::resolver::{Dns, Looked, Pending, Walk, Who, failure};
use super::{Answer, Ask, Asker, Completed, DnsEvent, DnsObserver, LookupRecord, Outcome, ServerState, Source, Waiter};
use crate::engine::random::draw;
use crate::engine::scheduler::Scheduler;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::dns::Question;
use crate::model::{CacheId, DataId, RegionId, ResolverId};

/// Answers that are handled one inside the other; the next has an event of its own.
const NESTED_MAX: u32 = 64;

impl<'m> Dns<'m> {
    /// Asks a resolver. `Some` if the answer is there at this very instant: no round trip, and in the cache. Else it
    /// comes through [`Dns::take_completed`]: to a client or a probe, whom it wakes up from nothing, as soon as it leaves the
    /// resolver. Loss between an asker and its resolver is outside the model, but that a partition cuts it off.
    ///
    /// A hit is what most questions are: it is put in the asker's place, so that question, answer and record stay in registers.
    #[inline]
    pub fn ask<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        ask: Ask,
    ) -> Option<Answer> {
        let now = scheduler.now();
        let resolver = &self.model.dns.resolvers[ask.resolver.index()];
        let cache = resolver.cache_for(ask.region, ask.question, ask.key, || draw(ask.key, ask.a, ask.b ^ 0xff));
        let cache = if self.is_disturbed { self.routed(ask.region, cache) } else { cache };
        let region = self.model.dns.caches[cache.index()].region;
        let is_instant = (self.is_instant[ask.region.index() * self.network.regions.len() + region.index()]
            || resolver.is_inside)
            && (!self.is_disturbed || self.is_up(cache));
        if is_instant && let Some(entry) = self.caches[cache.index()].plain(now, ask.question) {
            let answer = Answer {
                outcome: Outcome::Data(entry.data),
                owner: ask.question.name(),
                ttl_s: resolver.rules.ttl_left_s(now, entry.until),
                until: entry.until,
                stale: self.authority.is_stale(ask.question, entry.data),
                data_version: entry.version,
                source: Source::Hit,
            };
            self.tell(observer, cache, ask.asker, ask.question, now, now, answer);
            return Some(answer);
        }
        self.ask_on(scheduler, observer, faults, &ask, cache, is_instant)
    }

    /// The cache that always answers a region at once, if there is one.
    pub fn only_cache(&self, resolver: ResolverId, region: RegionId) -> Option<CacheId> {
        let resolver = &self.model.dns.resolvers[resolver.index()];
        let cache = resolver.only_cache(region)?;
        let cache = if self.is_disturbed { self.routed(region, cache) } else { cache };
        let to = self.model.dns.caches[cache.index()].region;
        let is_instant = self.is_instant[region.index() * self.network.regions.len() + to.index()];
        ((is_instant || resolver.is_inside) && self.is_up(cache)).then_some(cache)
    }

    /// The data of a question, if a hit now changes nothing and is what the primary holds; and the instant before which it
    /// stays so, unless the epoch moves.
    pub fn plain_hit(&self, now: SimTime, cache: CacheId, question: Question) -> Option<(DataId, SimTime)> {
        let entry = self.caches[cache.index()].plain(now, question)?;
        (!self.authority.is_stale(question, entry.data)).then_some((entry.data, entry.plain_until))
    }

    /// Moves whenever a plain hit of a cache may say something else than before, or of something else.
    #[inline]
    pub fn epoch(&self, cache: CacheId) -> u64 {
        // A sum of two that never decrease changes if either does.
        self.caches[cache.index()].epoch() + self.changes.len() as u64
    }

    /// Asks for what is not a plain hit.
    #[inline(never)]
    pub(super) fn ask_on<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        ask: &Ask,
        cache: CacheId,
        is_instant: bool,
    ) -> Option<Answer> {
        let now = scheduler.now();
        if is_instant {
            let told = self.answer_at_once(scheduler, observer, faults, ask, cache, SimDuration::ZERO);
            if let Ok(answer) = told {
                return Some(answer);
            }
        }
        let region = self.model.dns.caches[cache.index()].region;
        // A cache inside the asker is at no distance, and cannot be cut off.
        let is_inside = self.resolver_of(cache).is_inside;
        let round_trip = match is_inside {
            true => SimDuration::ZERO,
            false => round_trip(self.network, ask.region, region, |link| draw(ask.key, ask.a, ask.b ^ u64::from(link))),
        };
        let is_way = is_inside || self.is_answering(ask.region, cache);
        let lost = failure(ask.question.name(), Source::Failure);
        let who = Who::Asker(ask.asker, ask.waiter);
        let begun = Pending::begin(cache, ask.question, who, now, half(round_trip));
        let slot = self.put_ask(Pending { answer: (!is_way).then_some(lost), ..begun });
        if !is_way {
            scheduler.schedule(self.first_entity + cache.0, now + STUB_GIVES_UP, DnsEvent::AnswerArrives(slot).into());
        } else if round_trip.is_zero() {
            self.on_question(scheduler, observer, faults, slot);
        } else {
            let at = now + half(round_trip);
            scheduler.schedule(self.first_entity + cache.0, at, DnsEvent::QuestionArrives(slot).into());
        }
        None
    }

    /// How long it takes one way from a region to a resolver, if that is always the same time, for every member of a farm.
    pub fn constant_way(&self, resolver: ResolverId, region: RegionId) -> Option<SimDuration> {
        let resolver = &self.model.dns.resolvers[resolver.index()];
        let to = self.model.dns.caches[resolver.first_at(region).index()].region;
        let is_constant = self.network.path(region, to).all(|link| link.rtt.is_constant());
        let is_fixed = is_constant && self.network.is_way(region, to) && !resolver.is_inside;
        is_fixed.then(|| half(round_trip(self.network, region, to, |_| 0)))
    }

    /// Takes a question that is at its resolver now and was `way` on its way; so will be the answer. Only for who waits for
    /// no answer, and while nothing is disturbed.
    pub fn arrive<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        ask: &Ask,
        way: SimDuration,
    ) {
        let resolver = &self.model.dns.resolvers[ask.resolver.index()];
        let cache = resolver.cache_for(ask.region, ask.question, ask.key, || draw(ask.key, ask.a, ask.b ^ 0xff));
        if let Err(walk) = self.answer_at_once(scheduler, observer, faults, ask, cache, way) {
            let who = Who::Asker(ask.asker, ask.waiter);
            let begun = Pending::begin(cache, ask.question, who, scheduler.now() - way, way);
            let slot = self.put_ask(begun.along(walk));
            self.join_or_fetch(scheduler, observer, faults, slot);
        }
    }

    /// Answers from the cache what is there now after `way`, and is told of as if the answer had come after as long.
    fn answer_at_once<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        ask: &Ask,
        cache: CacheId,
        way: SimDuration,
    ) -> Result<Answer, Walk> {
        let now = scheduler.now();
        let goes_on = self.goes_on(now, observer, cache, ask.question);
        let looked = self.look(now, cache, ask.question, Walk::begin(ask.question));
        let answer = match looked {
            Looked::Answer(answer) | Looked::Refresh(answer, _) => answer,
            Looked::Fetch(walk) => return Err(walk),
        };
        self.tell(observer, cache, ask.asker, ask.question, now - way, now + way, answer);
        if let Some(question) = looked.refreshes(goes_on.then_some(ask.question)) {
            self.refresh(scheduler, observer, faults, cache, question);
        }
        Ok(answer)
    }

    pub(super) fn put_ask(&mut self, ask: Pending) -> u32 {
        match self.free_asks.pop() {
            Some(slot) => {
                self.asks[slot as usize] = ask;
                slot
            }
            None => {
                self.asks.push(ask);
                self.asks.len() as u32 - 1
            }
        }
    }

    /// A question is at its cache: answered, or it joins or starts a fetch.
    pub(super) fn on_question<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        slot: u32,
    ) {
        let now = scheduler.now();
        let ask = self.asks[slot as usize];
        if self.is_disturbed && !self.is_up(ask.cache) && !matches!(ask.who, Who::Fetch(_) | Who::Resort(_)) {
            return self.lose(scheduler, slot);
        }
        let walk = Walk { owner: ask.owner, aliases: ask.aliases, stale: ask.stale, ttl_s: ask.ttl_s };
        let asked = Question::new(ask.owner, ask.question.kind());
        let goes_on = self.goes_on(now, observer, ask.cache, asked);
        let looked = self.look(now, ask.cache, ask.question, walk);
        match looked {
            Looked::Answer(mut answer) | Looked::Refresh(mut answer, _) => {
                // What had to be fetched in part was not in the cache.
                if ask.aliases > 0 && ask.source != Source::Hit {
                    answer.source = ask.source;
                }
                self.send_answer(scheduler, observer, faults, slot, answer);
                if let Some(question) = looked.refreshes(goes_on.then_some(asked)) {
                    self.refresh(scheduler, observer, faults, ask.cache, question);
                }
            }
            Looked::Fetch(walk) => {
                self.asks[slot as usize] = ask.along(walk);
                self.join_or_fetch(scheduler, observer, faults, slot);
            }
        }
    }

    /// Sends an answer back to whoever asked.
    pub(super) fn send_answer<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        slot: u32,
        answer: Answer,
    ) {
        let ask = self.asks[slot as usize];
        if self.is_disturbed && !self.is_up(ask.cache) && !matches!(ask.who, Who::Fetch(_) | Who::Resort(_)) {
            return self.lose(scheduler, slot);
        }
        if self.is_discarded(scheduler.now(), &ask) {
            return self.discard(slot);
        }
        self.asks[slot as usize].stub_at = SimTime::NEVER;
        // Whom no answer wakes up needs no event for it.
        if let Who::Asker(asker @ (Asker::Client(_) | Asker::Probe(_)), waiter) = ask.who {
            self.free_asks.push(slot);
            return self.complete(observer, &ask, asker, waiter, scheduler.now() + ask.half, answer);
        }
        let ask = &mut self.asks[slot as usize];
        ask.answer = Some(answer);
        let (half, cache) = (ask.half, ask.cache);
        // One fetch may end the next: where many wait for each other, not all of them at once.
        if half.is_zero() && self.nested < NESTED_MAX {
            self.nested += 1;
            self.on_answer_arrives(scheduler, observer, faults, slot);
            self.nested -= 1;
        } else {
            let at = scheduler.now() + half;
            scheduler.schedule(self.first_entity + cache.0, at, DnsEvent::AnswerArrives(slot).into());
        }
    }

    pub(super) fn on_answer_arrives<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        slot: u32,
    ) {
        let now = scheduler.now();
        let ask = self.asks[slot as usize];
        self.free_asks.push(slot);
        let answer = ask.answer.unwrap_or(failure(ask.owner, Source::Failure));
        match ask.who {
            Who::Asker(asker, waiter) => {
                self.complete(observer, &ask, asker, waiter, now, answer);
            }
            Who::Fetch(fetch) => {
                self.tell(observer, ask.cache, Asker::Cache(ask.cache), ask.question, ask.asked, now, answer);
                self.on_sub_answer(scheduler, observer, faults, fetch, answer);
            }
            Who::Resort(fetch) => {
                self.tell(observer, ask.cache, Asker::Cache(ask.cache), ask.question, ask.asked, now, answer);
                self.on_resort_answered(scheduler, observer, faults, fetch);
            }
            Who::Forwarder(forwarder, fetch, serial) => {
                self.tell(observer, ask.cache, Asker::Cache(forwarder), ask.question, ask.asked, now, answer);
                // One that comes after the time-out finds nobody.
                if self.fetches[fetch as usize].serial == serial {
                    self.on_upstream_answer(scheduler, observer, faults, fetch, answer);
                }
            }
        }
    }

    /// A question is answered at an instant, now or soon.
    fn complete(
        &mut self,
        observer: &mut impl DnsObserver,
        ask: &Pending,
        asker: Asker,
        waiter: Waiter,
        at: SimTime,
        answer: Answer,
    ) {
        self.tell(observer, ask.cache, asker, ask.question, ask.asked, at, answer);
        self.completed.push_back(Completed { waiter, asker, answer, asked: ask.asked });
    }

    #[inline]
    #[allow(clippy::too_many_arguments, reason = "the fields of one record")]
    pub(super) fn tell(
        &self,
        observer: &mut impl DnsObserver,
        cache: CacheId,
        asker: Asker,
        question: Question,
        asked: SimTime,
        now: SimTime,
        answer: Answer,
    ) {
        observer.on_lookup(&LookupRecord { cache, asker, question, asked, took: now.since(asked), answer });
    }
}
