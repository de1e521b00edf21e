//! What has expired and is given out all the same (RFC 8767), and what is fetched behind an answer.

use super::cache::{Entry, Failed, Kind, NO_FETCH};
use super::resolver::{Dns, NONE, Walk, Who, outcome_of};
use super::{Answer, DnsEvent, DnsObserver, ServerState, Source};
use crate::engine::scheduler::Scheduler;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::CacheId;
use crate::model::dns::Question;
use crate::scenario::tree::{ServeStale, StaleTimer};

/// Longest extension of an entry, seconds (PowerDNS Recursor, recursor_cache.cc).
const EXTENSION_S: u32 = 30;

impl Dns<'_> {
    pub(super) fn serve_stale_of(&self, cache: CacheId) -> ServeStale {
        self.serve_stale[self.model.dns.caches[cache.index()].resolver.index()]
    }

    /// Whether an entry that is over may still be given out.
    pub(super) fn may_be_stale(&self, now: SimTime, cache: CacheId, entry: &Entry) -> bool {
        let stale = &self.rules(cache).stale;
        self.serve_stale_of(cache) != ServeStale::Off
            && stale.extensions == 0
            && matches!(entry.kind, Kind::Data | Kind::NoData)
            && now < entry.until + stale.max
    }

    /// Until when an entry is given out at once, if it is: at its end, or later where what has expired is given out.
    pub(super) fn given_until(&self, now: SimTime, cache: CacheId, entry: &Entry) -> Option<SimTime> {
        if entry.until > now {
            return Some(entry.until);
        }
        let is_stale = self.serve_stale_of(cache) == ServeStale::AtOnce && self.may_be_stale(now, cache, entry);
        is_stale.then(|| entry.until + self.rules(cache).stale.max)
    }

    /// An answer from an entry that is over.
    pub(super) fn expired_answer(&self, cache: CacheId, question: Question, entry: &Entry, walk: &Walk) -> Answer {
        let stale = &self.rules(cache).stale;
        let ttl_s = if stale.ttl_is_capped { stale.ttl_s.min(entry.ttl_s) } else { stale.ttl_s };
        Answer {
            outcome: outcome_of(entry).0,
            owner: entry.owner,
            ttl_s: walk.ttl_s.min(ttl_s),
            until: entry.until,
            stale: walk.stale || self.is_stale(question, entry.owner, entry.data),
            data_version: entry.version,
            source: Source::Expired,
        }
    }

    /// Fetches behind an answer that was given.
    pub(super) fn refresh<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        cache: CacheId,
        question: Question,
    ) {
        if self.caches[cache.index()].entry_mut(question).flight == NO_FETCH {
            self.start_fetch(scheduler, observer, faults, cache, question, NONE, 0);
        }
    }

    /// An asker begins to wait for a fetch, or one that is to begin (`NO_FETCH`): it may be given what has expired before the
    /// fetch ends.
    pub(super) fn time_stale<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        slot: u32,
        flight: u32,
    ) {
        let (now, ask) = (scheduler.now(), self.asks[slot as usize]);
        let ServeStale::After(wait) = self.serve_stale_of(ask.cache) else { return };
        // What is asked for at a last resort is for no client.
        if matches!(ask.who, Who::Resort(_)) {
            return;
        }
        let question = Question::new(ask.owner, ask.question.kind());
        let entry = self.caches[ask.cache.index()].entry(question);
        if entry.is_none_or(|entry| !self.may_be_stale(now, ask.cache, entry)) {
            return;
        }
        match self.rules(ask.cache).stale.timer {
            // The fetch sees to it: see `give_stale`.
            StaleTimer::Fetch => return,
            StaleTimer::First if flight != NO_FETCH => {
                let first = self.fetches[flight as usize].first;
                if first != NONE && self.asks[first as usize].stale_at > now {
                    self.asks[slot as usize].stale_at = self.asks[first as usize].stale_at;
                    return;
                }
            }
            StaleTimer::First | StaleTimer::Each => {}
        }
        self.asks[slot as usize].stale_at = now + wait.0;
        scheduler.schedule(self.first_entity + ask.cache.0, now + wait.0, DnsEvent::StaleDue(slot).into());
    }

    /// How long a query of a fetch may take before it is time to look whether anybody is to be given what has expired.
    pub(super) fn until_stale(&self, now: SimTime, fetch: u32) -> Option<SimDuration> {
        let state = &self.fetches[fetch as usize];
        let ServeStale::After(wait) = self.serve_stale_of(state.cache) else { return None };
        let left = (state.began + wait.0).since(now);
        (self.rules(state.cache).stale.timer == StaleTimer::Fetch && !left.is_zero()).then_some(left)
    }

    /// A query of a fetch has timed out: who waits is given what has expired, if the fetch has lasted long enough.
    pub(super) fn give_stale<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        fetch: u32,
    ) {
        let now = scheduler.now();
        let state = &self.fetches[fetch as usize];
        let ServeStale::After(wait) = self.serve_stale_of(state.cache) else { return };
        if self.rules(state.cache).stale.timer != StaleTimer::Fetch || now < state.began + wait.0 {
            return;
        }
        let mut slot = state.first;
        while slot != NONE {
            let next = self.asks[slot as usize].next;
            if let Some(answer) = self.stale_for(now, slot) {
                self.leave(slot);
                self.send_answer(scheduler, observer, faults, slot, answer);
            }
            slot = next;
        }
    }

    /// Whoever still waits then is given what has expired; the fetch goes on.
    pub(super) fn on_stale_due<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        slot: u32,
    ) {
        let (now, ask) = (scheduler.now(), self.asks[slot as usize]);
        // The slot may have been given to another since.
        if ask.stale_at != now || ask.fetch == NONE {
            return;
        }
        let is_for_all = self.rules(ask.cache).stale.timer == StaleTimer::First;
        let mut slot = if is_for_all { self.fetches[ask.fetch as usize].first } else { slot };
        while slot != NONE {
            let next = if is_for_all { self.asks[slot as usize].next } else { NONE };
            if self.asks[slot as usize].stale_at == now
                && let Some(answer) = self.stale_for(now, slot)
            {
                self.leave(slot);
                self.send_answer(scheduler, observer, faults, slot, answer);
            }
            slot = next;
        }
    }

    /// What has expired, for one that waits.
    fn stale_for(&self, now: SimTime, slot: u32) -> Option<Answer> {
        let ask = &self.asks[slot as usize];
        let question = Question::new(ask.owner, ask.question.kind());
        let entry = self.caches[ask.cache.index()].entry(question)?;
        let walk = Walk { owner: ask.owner, aliases: ask.aliases, stale: ask.stale, ttl_s: ask.ttl_s };
        if entry.until > now {
            // It was let live on.
            let answer = self.answer_from(now, ask.cache, question, entry, &walk);
            return Some(Answer { source: Source::Expired, ..answer });
        }
        self.may_be_stale(now, ask.cache, entry).then(|| self.expired_answer(ask.cache, question, entry, &walk))
    }

    /// Takes one that waits out of its fetch's list.
    pub(super) fn leave(&mut self, slot: u32) {
        let fetch = std::mem::replace(&mut self.asks[slot as usize].fetch, NONE);
        let after = self.asks[slot as usize].next;
        let state = &mut self.fetches[fetch as usize];
        let (mut at, mut before) = (state.first, NONE);
        while at != slot && at != NONE {
            (before, at) = (at, self.asks[at as usize].next);
        }
        match before {
            NONE => state.first = after,
            _ => self.asks[before as usize].next = after,
        }
        if state.last == slot {
            state.last = before;
        }
    }

    /// A fetch has failed: that is remembered, and what has expired lives on where the rules say so.
    pub(super) fn keep_failure(
        &mut self,
        now: SimTime,
        observer: &mut impl DnsObserver,
        cache: CacheId,
        question: Question,
        is_awaited: bool,
    ) {
        if self.extend(now, observer, cache, question) {
            return;
        }
        let rules = self.rules(cache);
        let serve = self.serve_stale_of(cache);
        // Whoever was given what had expired has not seen the failure; BIND and PowerDNS remember what they tell.
        let is_of_answers = rules.stale.timer == StaleTimer::Fetch || rules.stale.extensions > 0;
        let is_noted = is_awaited || serve == ServeStale::Off || !is_of_answers;
        let window = if serve == ServeStale::Off || !is_noted { SimDuration::ZERO } else { rules.stale.refresh };
        let over = *self.caches[cache.index()].entry_mut(question);
        // Unbound keeps no failure where it has something to give out (iterator.c, error_response_cache).
        let is_kept = is_noted && (is_of_answers || !self.may_be_stale(now, cache, &over));
        let failed = Failed { until: if is_kept { rules.failed_until(now) } else { now }, stale_until: now + window };
        if failed.until > now || failed.stale_until > now {
            self.caches[cache.index()].store_failure(question, failed);
        }
        if over.until > now || !matches!(over.kind, Kind::Data | Kind::NoData) {
            return;
        }
        // What it falls back on is what it would answer, until a fetch succeeds.
        if self.may_be_stale(now, cache, &over) {
            observer.on_store(now, cache, question, over.data, over.until + rules.stale.max);
        } else {
            observer.on_flush(now, cache, question);
        }
    }

    /// What was once given out after its end goes on at the first question after its new end, without waiting for a try, which
    /// is made behind the answer (PowerDNS: recursor_cache.cc, handleServeStaleBookkeeping). Whether it does.
    pub(super) fn goes_on(
        &mut self,
        now: SimTime,
        observer: &mut impl DnsObserver,
        cache: CacheId,
        question: Question,
    ) -> bool {
        self.rules(cache).stale.extensions > 0
            && self.caches[cache.index()].entry(question).is_some_and(|entry| entry.extensions > 0)
            && self.extend(now, observer, cache, question)
    }

    /// Lets what is over live on for its TTL, if the rules do (recursor_cache.cc, updateStaleEntry: what was not asked for has used
    /// up as many extensions as it has been over).
    fn extend(&mut self, now: SimTime, observer: &mut impl DnsObserver, cache: CacheId, question: Question) -> bool {
        let rules = self.rules(cache);
        let most = rules.stale.extensions;
        let entry = self.caches[cache.index()].entry_mut(question);
        let used = u32::from(entry.extensions);
        if self.serve_stale[self.model.dns.caches[cache.index()].resolver.index()] == ServeStale::Off
            || used >= most
            || entry.kind != Kind::Data
            || entry.until > now
        {
            return false;
        }
        let span_s = entry.ttl_s.clamp(1, EXTENSION_S);
        let late = u32::try_from(now.since(entry.until).whole_seconds().max(1)).unwrap_or(u32::MAX) / span_s;
        entry.extensions = u16::try_from(used.saturating_add(1).saturating_add(late).min(most)).unwrap_or(u16::MAX);
        entry.until = rules.until(now, span_s);
        observer.on_store(now, cache, question, entry.data, entry.until);
        true
    }

    /// What has expired, for those who wait for a fetch that failed.
    pub(super) fn stale_after_failure(&self, now: SimTime, slot: u32) -> Option<Answer> {
        let ask = &self.asks[slot as usize];
        let is_off = self.serve_stale_of(ask.cache) == ServeStale::Off || matches!(ask.who, Who::Resort(_));
        if is_off { None } else { self.stale_for(now, slot) }
    }
}
