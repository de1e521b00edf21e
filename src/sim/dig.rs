//! A user's questions at one instant of a replication.

use std::sync::atomic::{AtomicBool, Ordering};

use super::world::{CHECK_EVERY, RunError, Simulation};
use super::{Observer, View};
use crate::dns::dig::{SoaTold, TraceStep};
use crate::dns::{Asker, DnsObserver, LookupRecord};
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
    /// Aliases on the way to each answer, as its cache holds them: owner's question, data, TTL in seconds.
    pub aliases: Vec<Vec<(Question, DataId, u32)>>,
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
    let aliases = caches.iter().zip(&seen.answers);
    let aliases = aliases.map(|(&cache, answer)| simulation.aliases(cache, question, answer.as_ref())).collect();
    let unequal = seen.answers.iter().map(|answer| simulation.unequal(question, answer.as_ref())).collect();
    let soa = |(&cache, answer): (&CacheId, &Option<LookupRecord>)| simulation.soa(cache, question, answer.as_ref());
    let soas = caches.iter().zip(&seen.answers).map(soa).collect();
    Ok(Some(Dug { answers: seen.answers, aliases, unequal, soas, queries: seen.queries, current, trace }))
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

    /// The aliases between a question and the owner of its answer.
    fn aliases(
        &self,
        cache: CacheId,
        question: Question,
        answer: Option<&LookupRecord>,
    ) -> Vec<(Question, DataId, u32)> {
        let Some(record) = answer else { return Vec::new() };
        let now = record.asked + record.took;
        let (mut name, mut links) = (question.name(), Vec::new());
        while name != record.answer.owner && links.len() < 8 {
            let Some((alias, data, ttl_s, target)) = self.dns.alias(now, cache, name) else { break };
            links.push((alias, data, ttl_s));
            name = target;
        }
        links
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
