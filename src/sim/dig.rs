//! A user's questions at one instant of a replication.

use std::sync::atomic::{AtomicBool, Ordering};

use super::world::{CHECK_EVERY, RunError, Simulation};
use super::{Observer, View};
use crate::dns::dig::{SoaTold, TraceStep};
use crate::dns::{Answer, Asker, DnsObserver, Link, LookupRecord, Source};
use crate::engine::time::{SimDuration, SimTime};
use crate::faults::FaultObserver;
use crate::mail::MailObserver;
use crate::model::dns::Question;
use crate::model::{CacheId, DataId, Model, ServerId};

/// How long an answer is waited for: longer than any resolver tries.
const PATIENCE: SimDuration = SimDuration::from_secs(600);

/// What a user saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Dug {
    /// One a cache asked, in order; `None` where no answer came within ten minutes.
    pub answers: Vec<Option<LookupRecord>>,
    /// Aliases on the way to each answer.
    pub aliases: Vec<Vec<Link>>,
    /// TTL of the RRset at the end of that way, seconds; the answer's is the least of all.
    pub ttls_s: Vec<u32>,
    /// RRsets of each answer that are no longer what their primary holds.
    pub outdated: Vec<Vec<Outdated>>,
    /// Queries to authoritative servers while the answers were waited for: when, to which, by which cache, for what.
    pub queries: Vec<(SimTime, ServerId, CacheId, Question)>,
    /// The primary's data at the instant, along aliases, and how often it had changed.
    pub current: (DataId, u32),
    /// TTLs of the first and of the other records of the RRset at its primary, seconds, where they differ.
    pub unequal: Vec<Option<(u32, u32)>>,
    /// The SOA that each answer has, if any.
    pub soas: Vec<SoaTold>,
    /// The walk along the delegation at the instant.
    pub trace: Vec<TraceStep>,
}

/// An RRset of an answer, and how often its data had changed when it was fetched, and has changed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outdated {
    /// Which.
    pub question: Question,
    /// The version in the answer.
    pub version: u32,
    /// The primary's.
    pub current: u32,
}

/// Runs one replication up to `at` and asks each of `caches` there, all at that instant.
///
/// `None` if `stop` was set meanwhile.
///
/// # Errors
/// [`RunError::EventBudget`] if the model's event budget is used up.
pub fn dig(
    model: &Model,
    replication: u32,
    at: SimTime,
    caches: &[CacheId],
    question: Question,
    stop: &AtomicBool,
) -> Result<Option<Dug>, RunError> {
    let mut seen = Seen { answers: vec![None; caches.len()], queries: Vec::new(), from: at };
    let mut simulation = Simulation::new(model, replication, &mut seen);
    if !simulation.ask_until(&mut seen, at + SimDuration::TICK, stop, |_| false)? {
        return Ok(None);
    }
    let current = simulation.current(question);
    let trace = simulation.trace(question);
    let mut asked = 0;
    for (&cache, number) in caches.iter().zip(0..) {
        // One that is down never answers.
        if simulation.dns.is_up(cache) {
            simulation.dig(&mut seen, cache, question, number);
            asked += 1;
        }
    }
    let all_there = |seen: &Seen| seen.answers.iter().flatten().count() == asked;
    if !simulation.ask_until(&mut seen, at + PATIENCE, stop, all_there)? {
        return Ok(None);
    }
    let both = || caches.iter().copied().zip(seen.answers.iter().map(Option::as_ref));
    let aliases: Vec<_> = both().map(|(cache, answer)| simulation.aliases(cache, question, answer)).collect();
    let ttls_s = both().map(|(cache, answer)| simulation.ttl_s(cache, question, answer)).collect();
    let links = both().zip(&aliases);
    let outdated = links.map(|((_, answer), links)| simulation.outdated(question, answer, links)).collect();
    let unequal = seen.answers.iter().map(|answer| simulation.unequal(question, answer.as_ref())).collect();
    let soas = both().map(|(cache, answer)| simulation.soa(cache, question, answer)).collect();
    let Seen { answers, queries, .. } = seen;
    Ok(Some(Dug { answers, aliases, ttls_s, outdated, unequal, soas, queries, current, trace }))
}

impl Simulation<'_> {
    /// Handles all events before `limit`, or until `enough`. `false` if told to stop.
    fn ask_until<O: Observer>(
        &mut self,
        observer: &mut O,
        limit: SimTime,
        stop: &AtomicBool,
        enough: impl Fn(&O) -> bool,
    ) -> Result<bool, RunError> {
        while !enough(observer)
            && let Some(event) = self.scheduler.next_before(limit)
        {
            self.handle(observer, event);
            if self.scheduler.handled().is_multiple_of(CHECK_EVERY) {
                self.check_budget()?;
                if stop.load(Ordering::Relaxed) {
                    return Ok(false);
                }
            }
        }
        if !enough(observer) {
            self.scheduler.advance(limit);
        }
        Ok(true)
    }

    fn dig<O: Observer>(&mut self, observer: &mut O, cache: CacheId, question: Question, number: u32) {
        self.dns.dig(&mut self.scheduler, observer, &self.faults, cache, question, number);
        self.deliver_answers(observer);
    }

    fn current(&self, question: Question) -> (DataId, u32) {
        (self.dns.current(question), self.dns.version(question))
    }

    fn unequal(&self, question: Question, answer: Option<&LookupRecord>) -> Option<(u32, u32)> {
        let of = Question::new(answer?.answer.owner, question.kind());
        Some(self.dns.ttls_s(of)).filter(|(first_s, others_s)| first_s != others_s)
    }

    fn soa(&self, cache: CacheId, question: Question, answer: Option<&LookupRecord>) -> SoaTold {
        let Some(answer) = answer.map(|record| record.answer) else { return SoaTold::default() };
        self.dns.soa_told(cache, Question::new(answer.owner, question.kind()), answer.outcome)
    }

    fn trace(&self, question: Question) -> Vec<TraceStep> {
        self.dns.trace(question, &self.faults)
    }

    /// The aliases between a question and the owner of its answer; those that nobody keeps, as the primary has them.
    fn aliases(&self, cache: CacheId, question: Question, answer: Option<&LookupRecord>) -> Vec<Link> {
        let Some(record) = answer else { return Vec::new() };
        let now = record.asked + record.took;
        let (mut name, mut links) = (question.name(), Vec::new());
        while name != record.answer.owner && links.len() < 8 {
            let link = self.dns.alias(now, cache, name);
            let Some(link) = link.or_else(|| self.dns.primarys_alias(name, record.answer.ttl_s)) else { break };
            links.push(link);
            name = link.target;
        }
        links
    }

    /// The TTL of what stands at the end of the aliases: its own, where the cache keeps it by its own name.
    fn ttl_s(&self, cache: CacheId, question: Question, answer: Option<&LookupRecord>) -> u32 {
        let Some(record) = answer else { return 0 };
        let Answer { owner, ttl_s, source, .. } = record.answer;
        if owner == question.name() || source == Source::Expired {
            return ttl_s;
        }
        let now = record.asked + record.took;
        self.dns.ttl_held_s(now, cache, Question::new(owner, question.kind())).unwrap_or(ttl_s)
    }

    /// What makes an answer stale.
    fn outdated(&self, question: Question, answer: Option<&LookupRecord>, links: &[Link]) -> Vec<Outdated> {
        let Some(answer) = answer.map(|record| record.answer).filter(|answer| answer.stale) else { return Vec::new() };
        let end = Question::new(answer.owner, question.kind());
        let rrsets = links.iter().map(|link| (link.question, link.data, link.version));
        let rrsets = rrsets.chain([(end, answer.outcome.data(), answer.data_version)]);
        let old = rrsets.filter(|(of, data, _)| *data != self.dns.current_data(*of));
        let outdated = |(question, _, version)| Outdated { question, version, current: self.dns.version(question) };
        old.map(outdated).collect()
    }
}

/// Notes answers and queries from an instant on.
struct Seen {
    answers: Vec<Option<LookupRecord>>,
    queries: Vec<(SimTime, ServerId, CacheId, Question)>,
    from: SimTime,
}

impl DnsObserver for Seen {
    fn on_lookup(&mut self, record: &LookupRecord) {
        if let Asker::Dig(number) = record.asker
            && let Some(place) = self.answers.get_mut(number as usize)
        {
            *place = Some(*record);
        }
    }

    fn on_query(&mut self, now: SimTime, server: ServerId, cache: CacheId, question: Question) {
        if now >= self.from && self.answers.iter().any(Option::is_none) {
            self.queries.push((now, server, cache, question));
        }
    }
}

impl MailObserver for Seen {}
impl FaultObserver for Seen {}

impl Observer for Seen {
    fn on_grid(&mut self, _now: SimTime, _index: u32, _view: &View<'_, '_>) {}
}
