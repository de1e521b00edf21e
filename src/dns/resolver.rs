//! Resolvers: who asks, what is in the cache, who waits for what.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::authority::Authority;
use super::cache::{Cache, Entry, Failed, Kind, NO_FETCH};
use super::current::ALIASES_MAX;
use super::delegation::Delegations;
use super::fetch::Fetch;
use super::selection::Servers;
use super::soa::SharedSoas;
use super::throttle::Throttles;
use super::transfer::Transfers;
use super::{Answer, Asker, Completed, DnsEvent, DnsObserver, Outcome, ServerState, Source, Waiter};
use crate::engine::random::EntityKey;
use crate::engine::scheduler::Scheduler;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::dns::Question;
use crate::model::faults::Brownout;
use crate::model::network::Network;
use crate::model::{CacheId, DataId, Model, NameId, RegionId, ResolverId};
use crate::scenario::tree::{RecordType, ServeStale};

/// All of DNS in one replication.
#[derive(Debug)]
pub struct Dns<'m> {
    pub(super) model: &'m Model,
    pub(super) authority: Authority<'m>,
    pub(super) caches: Vec<Cache>,
    /// Zone cuts, and what is known of servers, cache by cache.
    pub(super) delegations: Vec<Delegations>,
    pub(super) known: Vec<Servers>,
    pub(super) throttles: Throttles,
    /// SOAs that negative answers share, cache by cache.
    pub(super) soas: Vec<SharedSoas>,
    /// The zone's changes of which an answer's SOA spoke; only ever looked up.
    pub(super) soa_changes: FxHashMap<(CacheId, Question), u32>,
    pub(super) transfers: Transfers,
    /// What draws of a cache's fetches are keyed by.
    pub(super) keys: Vec<EntityKey>,
    pub(super) asks: Vec<Pending>,
    pub(super) free_asks: Vec<u32>,
    pub(super) fetches: Vec<Fetch>,
    pub(super) free_fetches: Vec<u32>,
    pub(super) completed: VecDeque<Completed>,
    /// Every change of data at its primary.
    pub(super) changes: Vec<(SimTime, Question)>,
    /// When each resolver gives out what has expired.
    pub(super) serve_stale: Vec<ServeStale>,
    /// What caches will be told of, by slot.
    pub(super) tells: Vec<(CacheId, Question)>,
    pub(super) free_tells: Vec<u32>,
    /// What the next question of a forwarder to its upstream is told apart by.
    pub(super) serial: u32,
    /// Between which regions no time passes.
    pub(super) is_instant: Vec<bool>,
    /// The network as it is now.
    pub(super) network: &'m Network,
    /// By cache, for how many causes its resolver is down; empty while none ever was.
    pub(super) down: Vec<u32>,
    /// Whether a resolver is down, or the network is another than at the start.
    pub(super) is_disturbed: bool,
    /// By server, how it answers now; empty where none ever browns out.
    pub(super) brownouts: Vec<Option<Brownout>>,
    pub(super) first_entity: u32,
    /// Answers that are being handled now, one inside the other.
    pub(super) nested: u32,
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
    /// When it is given what has expired, if it still waits for `fetch` then.
    pub stale_at: SimTime,
    pub fetch: u32,
    pub source: Source,
    pub who: Who,
    pub asked: SimTime,
    /// When its stub asks again or, `is_again`, gives up, where the resolver may leave it without an answer.
    pub stub_at: SimTime,
    pub is_again: bool,
    /// Half the round trip between asker and resolver.
    pub half: SimDuration,
    pub answer: Option<Answer>,
    /// The next that waits for the same fetch.
    pub next: u32,
}

impl Pending {
    /// A question to a cache, `half` of a round trip from whoever asked it at an instant.
    pub const fn begin(cache: CacheId, question: Question, who: Who, asked: SimTime, half: SimDuration) -> Self {
        Self {
            cache,
            question,
            owner: question.name(),
            aliases: 0,
            stale: false,
            ttl_s: u32::MAX,
            stale_at: SimTime::NEVER,
            fetch: NONE,
            source: Source::Miss,
            who,
            asked,
            stub_at: SimTime::NEVER,
            is_again: false,
            half,
            answer: None,
            next: NONE,
        }
    }

    /// The same, having come so far along aliases.
    pub const fn along(self, walk: Walk) -> Self {
        Self { owner: walk.owner, aliases: walk.aliases, stale: walk.stale, ttl_s: walk.ttl_s, ..self }
    }
}

/// Who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Asker(Asker, Waiter),
    /// A fetch of some cache, for a server's address.
    Fetch(u32),
    /// One whose servers are all spent, for what their parent and they say of an address of theirs.
    Resort(u32),
    /// A forwarder, a fetch of its, and the serial number of that fetch's question: the fetch may be over, and its slot another's,
    /// unless it still waits for that serial (see `Fetch::serial`).
    Forwarder(CacheId, u32, u32),
}

impl Who {
    /// The fetch of the asked cache's own that waits for the answer, and lasts as long as it waits.
    pub(super) const fn waiting_fetch(self) -> Option<u32> {
        match self {
            Self::Fetch(fetch) | Self::Resort(fetch) => Some(fetch),
            Self::Asker(..) | Self::Forwarder(..) => None,
        }
    }
}

/// No more of a list.
pub(super) const NONE: u32 = u32::MAX;

/// What the cache makes of a question.
pub(super) enum Looked {
    Answer(Answer),
    /// An answer, and what is to be fetched behind it.
    Refresh(Answer, Question),
    /// It must be fetched: this name, at the end of what is known of the chain.
    Fetch(Walk),
}

impl Looked {
    /// What is to be fetched behind the answer: the question that goes on in any case, or what the look found due.
    pub fn refreshes(&self, goes_on: Option<Question>) -> Option<Question> {
        match self {
            Self::Refresh(_, due) => goes_on.or(Some(*due)),
            Self::Answer(_) | Self::Fetch(_) => goes_on,
        }
    }
}

/// How far a question has come along aliases.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walk {
    pub owner: NameId,
    pub aliases: u32,
    pub stale: bool,
    pub ttl_s: u32,
}

impl Walk {
    pub const fn begin(question: Question) -> Self {
        Self { owner: question.name(), aliases: 0, stale: false, ttl_s: u32::MAX }
    }
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
            caches: model
                .dns
                .caches
                .iter()
                .map(|cache| Cache::new(&model.dns.resolvers[cache.resolver.index()].rules))
                .collect(),
            delegations: model.dns.caches.iter().map(|_| Delegations::new()).collect(),
            known: model.dns.caches.iter().map(|_| Servers::new()).collect(),
            throttles: Throttles::default(),
            soas: model.dns.caches.iter().map(|_| SharedSoas::default()).collect(),
            soa_changes: FxHashMap::default(),
            transfers: Transfers::new(model, replication),
            keys,
            asks: Vec::new(),
            free_asks: Vec::new(),
            fetches: Vec::new(),
            free_fetches: Vec::new(),
            completed: VecDeque::new(),
            changes: Vec::new(),
            serve_stale: model.dns.resolvers.iter().map(|resolver| resolver.rules.stale.serve).collect(),
            tells: Vec::new(),
            free_tells: Vec::new(),
            serial: 0,
            is_instant: instant_paths(&model.network),
            network: &model.network,
            down: Vec::new(),
            is_disturbed: false,
            brownouts: Vec::new(),
            first_entity: model.entities().dns,
            nested: 0,
        }
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
            DnsEvent::ForwardTimedOut(fetch) => self.on_forward_timed_out(scheduler, observer, faults, fetch),
            DnsEvent::StaleDue(ask) => self.on_stale_due(scheduler, observer, faults, ask),
            DnsEvent::StubDue(ask) => self.on_stub_due(scheduler, observer, faults, ask),
            DnsEvent::Told(tell) => self.on_told(scheduler.now(), observer, tell),
        }
    }

    /// The next answer that came late, in the order in which they came.
    pub fn take_completed(&mut self) -> Option<Completed> {
        self.completed.pop_front()
    }

    /// Replaces an RRset's data at its primary; `ttl_s_if_new` is its TTL if there was none.
    pub fn set_data<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        question: Question,
        data: DataId,
        ttl_s_if_new: u32,
    ) {
        if self.authority.set_data(question, data, ttl_s_if_new) {
            let now = scheduler.now();
            self.changes.push((now, question));
            observer.on_change(now, question, data);
            self.push_change(scheduler, observer, question);
        }
    }

    /// Changes an RRset's TTL at its primary; caches keep theirs.
    pub fn set_ttl(&mut self, question: Question, ttl_s: u32) {
        self.authority.set_ttl(question, ttl_s);
    }

    /// Drops a name, or everything, from a cache.
    pub fn flush(&mut self, now: SimTime, observer: &mut impl DnsObserver, cache: CacheId, name: Option<NameId>) {
        match name {
            None => {
                self.delegations[cache.index()].clear();
                self.soas[cache.index()].forget(None);
            }
            Some(name) => {
                let zone = self.model.dns.names.zone_of[name.index()];
                // A name that is a zone's apex has its NS and SOA RRsets flushed, too.
                if self.model.dns.zones[zone.index()].apex == name {
                    self.delegations[cache.index()].forget(zone);
                    self.soas[cache.index()].forget(Some(zone));
                }
            }
        }
        self.caches[cache.index()].flush(now, name, |question| observer.on_flush(now, cache, question));
    }

    /// When a resolver gives out what has expired, from now on.
    pub fn set_serve_stale(&mut self, resolver: ResolverId, serve: ServeStale) {
        self.serve_stale[resolver.index()] = serve;
    }

    /// What a cache would answer from itself at once, and for how long; [`DataId::ABSENT`] for a negative answer, `None`
    /// if it would have to ask, or only knows a failure.
    pub fn peek(&self, now: SimTime, cache: CacheId, question: Question) -> Option<(DataId, SimDuration)> {
        let (mut owner, mut left) = (question.name(), SimDuration::MAX);
        for _ in 0..=ALIASES_MAX {
            let held = &self.caches[cache.index()];
            let asked = Question::new(owner, question.kind());
            let found = held.entry(asked).filter(|entry| entry.kind != Kind::Empty && entry.kind != Kind::NxDomain);
            let found = found.and_then(|entry| Some((entry, self.given_until(now, cache, entry)?)));
            if let Some((entry, until)) = found {
                return Some((entry.data, left.min(until.since(now))));
            }
            if let Some(entry) = self.no_such_name(now, cache, owner) {
                return Some((DataId::ABSENT, left.min(entry.until.since(now))));
            }
            let alias = held.live(now, Question::new(owner, RecordType::Cname))?;
            left = left.min(alias.until.since(now));
            owner = self.alias_target(alias.data)?;
        }
        None
    }

    /// How many times a question's data has changed at its primary.
    pub fn version(&self, question: Question) -> u32 {
        self.authority.version(question)
    }

    /// Answers from the cache, along aliases, as far as it knows.
    pub(super) fn look(&mut self, now: SimTime, cache: CacheId, question: Question, mut walk: Walk) -> Looked {
        if self.refuses(cache, question.name()) {
            return Looked::Answer(Answer { outcome: Outcome::Refused, ..failure(walk.owner, Source::Failure) });
        }
        loop {
            let asked = Question::new(walk.owner, question.kind());
            let held = &self.caches[cache.index()];
            if let Some(entry) = held.entry(asked).copied()
                && !matches!(entry.kind, Kind::Empty | Kind::NxDomain)
                && let Some(looked) = self.look_at(now, cache, asked, &entry, &walk)
            {
                self.caches[cache.index()].touch(asked);
                return looked;
            }
            if let Some(Failed { until, .. }) = held.failed(asked)
                && now < until
            {
                return Looked::Answer(failure(walk.owner, Source::Failure));
            }
            if let Some(entry) = self.no_such_name(now, cache, walk.owner).copied() {
                self.caches[cache.index()].touch(Question::new(walk.owner, RecordType::Soa));
                return Looked::Answer(self.answer_from(now, cache, asked, &entry, &walk));
            }
            let alias = Question::new(walk.owner, RecordType::Cname);
            let Some(entry) = held.live(now, alias).filter(|entry| entry.kind == Kind::Data).copied() else {
                return Looked::Fetch(walk);
            };
            let (Some(target), true) = (self.alias_target(entry.data), walk.aliases < ALIASES_MAX) else {
                return Looked::Answer(failure(walk.owner, Source::Failure));
            };
            self.caches[cache.index()].touch(alias);
            walk = Walk {
                owner: target,
                aliases: walk.aliases + 1,
                stale: walk.stale || self.authority.is_stale(alias, entry.data),
                ttl_s: walk.ttl_s.min(self.rules(cache).ttl_left_s(now, entry.until)),
            };
        }
    }

    /// Whether a resolver does not answer for a name, or for one above it.
    fn refuses(&self, cache: CacheId, name: NameId) -> bool {
        let refused = &self.resolver_of(cache).refuses;
        let parents = &self.model.dns.names.parent;
        let above = |name: &NameId| Some(parents[name.index()]).filter(|up| up != name);
        !refused.is_empty() && std::iter::successors(Some(name), above).any(|name| refused.contains(&name))
    }

    /// What an entry that is not empty gives: it may be live, to be refreshed, or expired and still of use.
    fn look_at(&self, now: SimTime, cache: CacheId, asked: Question, entry: &Entry, walk: &Walk) -> Option<Looked> {
        let rules = self.rules(cache);
        let failed = self.caches[cache.index()].failed(asked);
        if entry.until > now {
            let answer = self.answer_from(now, cache, asked, entry, walk);
            let is_due = entry.kind == Kind::Data
                && entry.flight == NO_FETCH
                && rules.is_refresh_due(now, entry)
                && failed.is_none_or(|failed| failed.until <= now);
            return Some(if is_due { Looked::Refresh(answer, asked) } else { Looked::Answer(answer) });
        }
        if !self.may_be_stale(now, cache, entry) {
            return None;
        }
        let answer = self.expired_answer(cache, asked, entry, walk);
        if failed.is_some_and(|failed| now < failed.stale_until.max(failed.until)) {
            return Some(Looked::Answer(answer));
        }
        let is_in_flight = entry.flight != NO_FETCH;
        match self.serve_stale_of(cache) {
            ServeStale::AtOnce if is_in_flight => Some(Looked::Answer(answer)),
            ServeStale::AtOnce => Some(Looked::Refresh(answer, asked)),
            _ => None,
        }
    }

    pub(super) fn answer_from(
        &self,
        now: SimTime,
        cache: CacheId,
        question: Question,
        entry: &Entry,
        walk: &Walk,
    ) -> Answer {
        let (outcome, source) = outcome_of(entry);
        let version =
            if entry.kind == Kind::NxDomain { self.version_at(question, entry.stored) } else { entry.version };
        Answer {
            outcome,
            owner: if entry.kind == Kind::Data { entry.owner } else { question.name() },
            ttl_s: walk.ttl_s.min(self.rules(cache).ttl_left_s(now, self.ttl_until(cache, entry))),
            until: entry.until,
            stale: walk.stale || self.is_stale(question, entry.owner, entry.data),
            data_version: version,
            source,
        }
    }

    /// What the TTL that goes out with an entry counts down to: with a negative answer, the end of the zone's SOA where
    /// all of them share it.
    pub(super) fn ttl_until(&self, cache: CacheId, entry: &Entry) -> SimTime {
        if entry.kind == Kind::Data || !self.rules(cache).negatives.shares_soa {
            return entry.until;
        }
        let zone = self.model.dns.names.zone_of[entry.owner.index()];
        self.soas[cache.index()].until(zone).unwrap_or(entry.until)
    }

    pub(super) fn resolver_of(&self, cache: CacheId) -> &'m crate::model::dns::ResolverModel {
        &self.model.dns.resolvers[self.model.dns.caches[cache.index()].resolver.index()]
    }

    /// The entry that says that a name does not exist, or one above it where that counts (RFC 8020).
    pub(super) fn no_such_name(&self, now: SimTime, cache: CacheId, name: NameId) -> Option<&Entry> {
        let held = &self.caches[cache.index()];
        let found = held.no_such_name(now, name);
        if found.is_some() || !self.rules(cache).negatives.cut {
            return found;
        }
        let mut name = name;
        loop {
            let up = self.model.dns.names.parent[name.index()];
            if up == name {
                return None;
            }
            name = up;
            if let Some(entry) = held.no_such_name(now, name) {
                return Some(entry);
            }
        }
    }

    pub(super) fn rules(&self, cache: CacheId) -> &'m crate::model::dns::Rules {
        &self.resolver_of(cache).rules
    }
}

/// Between which regions nothing takes time.
pub(super) fn instant_paths(network: &Network) -> Vec<bool> {
    let regions = network.regions.len() as u32;
    let pairs = (0..regions).flat_map(|from| (0..regions).map(move |to| (RegionId(from), RegionId(to))));
    let is_instant = |from, to| network.is_way(from, to) && network.path(from, to).all(|link| link.rtt.is_zero());
    pairs.map(|(from, to)| is_instant(from, to)).collect()
}

/// What an entry says, and that it comes from the cache.
pub(super) const fn outcome_of(entry: &Entry) -> (Outcome, Source) {
    match entry.kind {
        Kind::Data => (Outcome::Data(entry.data), Source::Hit),
        Kind::NoData => (Outcome::NoData, Source::Negative),
        Kind::NxDomain => (Outcome::NxDomain, Source::Negative),
        Kind::Empty => (Outcome::ServFail, Source::Failure),
    }
}

/// That it could not be found out.
pub(super) fn failure(owner: NameId, source: Source) -> Answer {
    Answer { outcome: Outcome::ServFail, owner, ttl_s: 0, until: SimTime::ZERO, stale: false, data_version: 0, source }
}
