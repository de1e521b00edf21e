//! Resolvers: who asks, what is in the cache, who waits for what.

use std::collections::VecDeque;

use super::authority::Authority;
use super::cache::{Cache, Entry, Kind};
use super::delegation::Delegations;
use super::fetch::Fetch;
use super::path::{half, round_trip};
use super::selection::Servers;
use super::transfer::Transfers;
use super::{Answer, Ask, Asker, Completed, DnsEvent, DnsObserver, LookupRecord, Outcome, ServerState, Source, Waiter};
use crate::engine::random::{EntityKey, draw};
use crate::engine::scheduler::Scheduler;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::dns::{Question, Rdata};
use crate::model::{CacheId, DataId, Model, NameId, RegionId};
use crate::scenario::tree::RecordType;

/// Links in a chain of aliases that a resolver follows.
const ALIASES_MAX: u32 = 8;

/// All of DNS in one replication.
#[derive(Debug)]
pub struct Dns<'m> {
    pub(super) model: &'m Model,
    pub(super) authority: Authority<'m>,
    pub(super) caches: Vec<Cache>,
    /// Zone cuts, and what is known of servers, cache by cache.
    pub(super) delegations: Vec<Delegations>,
    pub(super) known: Vec<Servers>,
    pub(super) transfers: Transfers,
    /// What draws of a cache's fetches are keyed by.
    pub(super) keys: Vec<EntityKey>,
    pub(super) asks: Vec<Pending>,
    pub(super) free_asks: Vec<u32>,
    pub(super) fetches: Vec<Fetch>,
    pub(super) free_fetches: Vec<u32>,
    completed: VecDeque<Completed>,
    /// Between which regions no time passes.
    is_instant: Vec<bool>,
    pub(super) first_entity: u32,
}

/// A question that could not be answered at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pending {
    pub cache: CacheId,
    /// The question as asked, and the name its chain of aliases has led to.
    pub question: Question,
    pub owner: NameId,
    pub aliases: u32,
    /// Whether data seen on the way was no longer the primary's.
    pub stale: bool,
    /// The least TTL on the way.
    pub ttl_s: u32,
    pub source: Source,
    pub who: Who,
    pub asked: SimTime,
    /// Half the round trip between asker and resolver.
    pub half: SimDuration,
    pub answer: Option<Answer>,
    /// The next that waits for the same fetch.
    pub next: u32,
}

/// Who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Asker(Asker, Waiter),
    /// A fetch of some cache: for a server's address, or as a forwarder.
    Fetch(u32),
}

/// No more of a list.
pub(super) const NONE: u32 = u32::MAX;

/// What the cache makes of a question.
pub(super) enum Looked {
    Answer(Answer),
    /// It must be fetched: this name, at the end of what is known of the chain.
    Fetch {
        owner: NameId,
        aliases: u32,
        stale: bool,
        ttl_s: u32,
    },
}

impl<'m> Dns<'m> {
    /// Empty caches.
    pub fn new(model: &'m Model, replication: u32) -> Self {
        let keys = (0..model.dns.caches.len() as u32)
            .map(|cache| {
                let name = model.dns.cache_name(CacheId(cache));
                EntityKey::new(model.seed, replication, "cache", &name, "fetches")
            })
            .collect();
        Self {
            model,
            authority: Authority::new(&model.dns),
            caches: model.dns.caches.iter().map(|_| Cache::new()).collect(),
            delegations: model.dns.caches.iter().map(|_| Delegations::new()).collect(),
            known: model.dns.caches.iter().map(|_| Servers::new()).collect(),
            transfers: Transfers::new(model, replication),
            keys,
            asks: Vec::new(),
            free_asks: Vec::new(),
            fetches: Vec::new(),
            free_fetches: Vec::new(),
            completed: VecDeque::new(),
            is_instant: instant_paths(&model.network),
            first_entity: model.entities().dns,
        }
    }

    /// Asks a resolver. `Some` if the answer is there at this very instant: no round trip, and in the cache. Else it
    /// comes through [`Dns::take_completed`]. Loss between an asker and its resolver is outside the model.
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
        let member =
            if resolver.farm.count() == 1 { 0 } else { resolver.farm.index(draw(ask.key, ask.a, ask.b ^ 0xff)) };
        let cache = CacheId(resolver.first_cache.0 + member as u32);
        let is_instant =
            self.is_instant[ask.region.index() * self.model.network.regions.len() + resolver.region.index()];
        if is_instant
            && let Some(entry) = self.caches[cache.index()].live(now, ask.question)
            && entry.kind == Kind::Data
        {
            let answer = Answer {
                outcome: Outcome::Data(entry.data),
                owner: ask.question.name(),
                ttl_s: resolver.rules.ttl_left_s(now, entry.until),
                stale: self.authority.is_stale(ask.question, entry.data),
                data_version: entry.version,
                source: Source::Hit,
            };
            self.tell(observer, cache, ask.asker, ask.question, now, now, answer);
            return Some(answer);
        }
        self.ask_on(scheduler, observer, faults, &ask, cache, is_instant)
    }

    /// Asks for what is not a plain hit.
    #[inline(never)]
    fn ask_on<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        ask: &Ask,
        cache: CacheId,
        is_instant: bool,
    ) -> Option<Answer> {
        let now = scheduler.now();
        if is_instant && let Looked::Answer(answer) = self.look(now, cache, ask.question) {
            self.tell(observer, cache, ask.asker, ask.question, now, now, answer);
            return Some(answer);
        }
        let resolver = &self.model.dns.resolvers[ask.resolver.index()];
        let round_trip = round_trip(&self.model.network, ask.region, resolver.region, |link| {
            draw(ask.key, ask.a, ask.b ^ u64::from(link))
        });
        let slot = self.put_ask(Pending {
            cache,
            question: ask.question,
            owner: ask.question.name(),
            aliases: 0,
            stale: false,
            ttl_s: u32::MAX,
            source: Source::Miss,
            who: Who::Asker(ask.asker, ask.waiter),
            asked: now,
            half: half(round_trip),
            answer: None,
            next: NONE,
        });
        if round_trip.is_zero() {
            self.on_question(scheduler, observer, faults, slot);
        } else {
            let at = now + half(round_trip);
            scheduler.schedule(self.first_entity + cache.0, at, DnsEvent::QuestionArrives(slot).into());
        }
        None
    }

    /// Carries out one event.
    pub fn handle<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        event: DnsEvent,
    ) {
        match event {
            DnsEvent::QuestionArrives(ask) => self.on_question(scheduler, observer, faults, ask),
            DnsEvent::AnswerArrives(ask) => self.on_answer_arrives(scheduler, observer, faults, ask),
            DnsEvent::QueryArrives(fetch) => self.on_query_arrives(scheduler, observer, faults, fetch),
            DnsEvent::ResponseArrives(fetch) => self.on_response(scheduler, observer, faults, fetch),
            DnsEvent::TimedOut(fetch) => self.on_timed_out(scheduler, observer, faults, fetch),
            DnsEvent::CheckDue(secondary) => self.on_check_due(scheduler, faults, secondary as usize),
            DnsEvent::NotifyDue(secondary) => self.on_notify_due(scheduler, faults, secondary as usize),
            DnsEvent::Transferred(secondary) => self.on_transferred(secondary as usize),
        }
    }

    /// The next answer that came late, in the order in which they came.
    pub fn take_completed(&mut self) -> Option<Completed> {
        self.completed.pop_front()
    }

    /// Replaces an RRset's data at its primary; `ttl_s_if_new` is its TTL if there was none.
    pub fn set_data(
        &mut self,
        now: SimTime,
        observer: &mut impl DnsObserver,
        question: Question,
        data: DataId,
        ttl_s_if_new: u32,
    ) {
        if self.authority.set_data(question, data, ttl_s_if_new) {
            observer.on_change(now, question, data);
        }
    }

    /// Changes an RRset's TTL at its primary; caches keep theirs.
    pub fn set_ttl(&mut self, question: Question, ttl_s: u32) {
        self.authority.set_ttl(question, ttl_s);
    }

    /// Drops a name, or everything, from a cache.
    pub fn flush(&mut self, now: SimTime, observer: &mut impl DnsObserver, cache: CacheId, name: Option<NameId>) {
        match name {
            None => self.delegations[cache.index()].clear(),
            Some(name) => {
                let zone = self.model.dns.names.zone_of[name.index()];
                // A name that is a zone's apex has its NS RRset flushed, too.
                if self.model.dns.zones[zone.index()].apex == name {
                    self.delegations[cache.index()].forget(zone);
                }
            }
        }
        self.caches[cache.index()].flush(now, name, |question| observer.on_flush(now, cache, question));
    }

    /// What a cache would answer from itself, and for how long; [`DataId::ABSENT`] for a negative answer, `None` if it
    /// would have to ask, or only knows a failure.
    pub fn peek(&self, now: SimTime, cache: CacheId, question: Question) -> Option<(DataId, SimDuration)> {
        let (mut owner, mut left) = (question.name(), SimDuration::MAX);
        for _ in 0..=ALIASES_MAX {
            let held = &self.caches[cache.index()];
            if let Some(entry) = held.live(now, Question::new(owner, question.kind())) {
                let data = if entry.kind == Kind::Data { entry.data } else { DataId::ABSENT };
                return (entry.kind != Kind::Failure).then_some((data, left.min(entry.until.since(now))));
            }
            if let Some(entry) = held.no_such_name(now, owner) {
                return Some((DataId::ABSENT, left.min(entry.until.since(now))));
            }
            let alias = held.live(now, Question::new(owner, RecordType::Cname))?;
            left = left.min(alias.until.since(now));
            owner = self.alias_target(alias.data)?;
        }
        None
    }

    /// What the primary holds now.
    pub fn current(&self, question: Question) -> DataId {
        self.authority.current(question)
    }

    /// How many times that has changed.
    pub fn version(&self, question: Question) -> u32 {
        self.authority.version(question)
    }

    pub(super) fn alias_target(&self, data: DataId) -> Option<NameId> {
        match self.model.dns.data[data.index()] {
            Rdata::Cname(target) => Some(target),
            _ => None,
        }
    }

    /// Answers from the cache, along aliases, as far as it knows.
    fn look(&self, now: SimTime, cache: CacheId, question: Question) -> Looked {
        self.look_along(now, cache, question, question.name(), 0, false, u32::MAX)
    }

    /// The same from some link of the chain on.
    #[allow(clippy::too_many_arguments, reason = "the state of a walk along a chain of aliases")]
    pub(super) fn look_along(
        &self,
        now: SimTime,
        cache: CacheId,
        question: Question,
        mut owner: NameId,
        mut aliases: u32,
        mut stale: bool,
        mut ttl_s: u32,
    ) -> Looked {
        let rules = self.rules(cache);
        let held = &self.caches[cache.index()];
        loop {
            let asked = Question::new(owner, question.kind());
            if let Some(entry) = held.live(now, asked) {
                return Looked::Answer(self.answer_from(now, cache, asked, entry, stale, ttl_s));
            }
            if let Some(entry) = held.no_such_name(now, owner) {
                return Looked::Answer(self.answer_from(now, cache, asked, entry, stale, ttl_s));
            }
            let alias = Question::new(owner, RecordType::Cname);
            let Some(entry) = held.live(now, alias).filter(|entry| entry.kind == Kind::Data) else {
                return Looked::Fetch { owner, aliases, stale, ttl_s };
            };
            let target = self.alias_target(entry.data);
            let (Some(target), true) = (target, aliases < ALIASES_MAX) else {
                return Looked::Answer(failure(owner, Source::Failure));
            };
            stale |= self.authority.is_stale(alias, entry.data);
            ttl_s = ttl_s.min(rules.ttl_left_s(now, entry.until));
            (owner, aliases) = (target, aliases + 1);
        }
    }

    #[inline]
    fn answer_from(
        &self,
        now: SimTime,
        cache: CacheId,
        question: Question,
        entry: &Entry,
        stale: bool,
        ttl_s: u32,
    ) -> Answer {
        let (outcome, source) = match entry.kind {
            Kind::Data => (Outcome::Data(entry.data), Source::Hit),
            Kind::NoData => (Outcome::NoData, Source::Negative),
            Kind::NxDomain => (Outcome::NxDomain, Source::Negative),
            Kind::Failure | Kind::Empty => return failure(question.name(), Source::Failure),
        };
        Answer {
            outcome,
            owner: question.name(),
            ttl_s: ttl_s.min(self.rules(cache).ttl_left_s(now, entry.until)),
            stale: stale || self.authority.is_stale(question, entry.data),
            data_version: entry.version,
            source,
        }
    }

    pub(super) fn resolver_of(&self, cache: CacheId) -> &'m crate::model::dns::ResolverModel {
        &self.model.dns.resolvers[self.model.dns.caches[cache.index()].resolver.index()]
    }

    pub(super) fn rules(&self, cache: CacheId) -> &'m crate::model::dns::Rules {
        &self.resolver_of(cache).rules
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
        match self.look_along(now, ask.cache, ask.question, ask.owner, ask.aliases, ask.stale, ask.ttl_s) {
            Looked::Answer(mut answer) => {
                // What had to be fetched in part was not in the cache.
                if ask.aliases > 0 && ask.source != Source::Hit {
                    answer.source = ask.source;
                }
                self.send_answer(scheduler, observer, faults, slot, answer);
            }
            Looked::Fetch { owner, aliases, stale, ttl_s } => {
                let ask = &mut self.asks[slot as usize];
                (ask.owner, ask.aliases, ask.stale, ask.ttl_s) = (owner, aliases, stale, ttl_s);
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
        let ask = &mut self.asks[slot as usize];
        ask.answer = Some(answer);
        let (half, cache) = (ask.half, ask.cache);
        if half.is_zero() {
            self.on_answer_arrives(scheduler, observer, faults, slot);
        } else {
            let at = scheduler.now() + half;
            scheduler.schedule(self.first_entity + cache.0, at, DnsEvent::AnswerArrives(slot).into());
        }
    }

    fn on_answer_arrives<E: Copy + From<DnsEvent>>(
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
                self.tell(observer, ask.cache, asker, ask.question, ask.asked, now, answer);
                self.completed.push_back(Completed { waiter, asker, answer, asked: ask.asked });
            }
            Who::Fetch(fetch) => {
                let asker = Asker::Cache(self.fetches[fetch as usize].cache);
                self.tell(observer, ask.cache, asker, ask.question, ask.asked, now, answer);
                self.on_sub_answer(scheduler, observer, faults, fetch, answer);
            }
        }
    }

    #[inline]
    #[allow(clippy::too_many_arguments, reason = "the fields of one record")]
    fn tell(
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

/// Between which regions nothing takes time.
fn instant_paths(network: &crate::model::network::Network) -> Vec<bool> {
    let regions = network.regions.len() as u32;
    let pairs = (0..regions).flat_map(|from| (0..regions).map(move |to| (RegionId(from), RegionId(to))));
    pairs.map(|(from, to)| network.path(from, to).all(|link| link.rtt.is_zero())).collect()
}

/// That it could not be found out.
pub(super) fn failure(owner: NameId, source: Source) -> Answer {
    Answer { outcome: Outcome::ServFail, owner, ttl_s: 0, stale: false, data_version: 0, source }
}
