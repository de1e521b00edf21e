//! What has expired and is given out all the same (RFC 8767), and what is fetched behind an answer.

use super::cache::{Entry, Failed, Kind, NO_FETCH};
use super::resolver::{Dns, NONE, Walk, outcome_of};
use super::{Answer, DnsEvent, DnsObserver, ServerState, Source};
use crate::engine::scheduler::Scheduler;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::CacheId;
use crate::model::dns::Question;
use crate::scenario::tree::ServeStale;

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

    /// An asker begins to wait: it may be given what has expired before the fetch ends.
    pub(super) fn time_stale<E: Copy + From<DnsEvent>>(&mut self, scheduler: &mut Scheduler<E>, slot: u32) {
        let (now, ask) = (scheduler.now(), self.asks[slot as usize]);
        let ServeStale::After(wait) = self.serve_stale_of(ask.cache) else { return };
        let question = Question::new(ask.owner, ask.question.kind());
        let entry = self.caches[ask.cache.index()].entry(question);
        if entry.is_some_and(|entry| self.may_be_stale(now, ask.cache, entry)) {
            self.asks[slot as usize].stale_at = now + wait.0;
            scheduler.schedule(self.first_entity + ask.cache.0, now + wait.0, DnsEvent::StaleDue(slot).into());
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
        let Some(answer) = self.stale_for(now, slot) else { return };
        self.leave(slot);
        self.send_answer(scheduler, observer, faults, slot, answer);
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
    fn leave(&mut self, slot: u32) {
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
    ) {
        let rules = self.rules(cache);
        let serve = self.serve_stale_of(cache);
        let entry = self.caches[cache.index()].entry_mut(question);
        if serve != ServeStale::Off
            && u32::from(entry.extensions) < rules.stale.extensions
            && entry.kind == Kind::Data
            && entry.until <= now
        {
            entry.extensions += 1;
            entry.until = rules.until(now, entry.ttl_s.min(EXTENSION_S));
            return observer.on_store(now, cache, question, entry.data, entry.until);
        }
        let window = if serve == ServeStale::Off { SimDuration::ZERO } else { rules.stale.refresh };
        let failed = Failed { until: rules.failed_until(now), stale_until: now + window };
        let over = *entry;
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

    /// What has expired, for those who wait for a fetch that failed.
    pub(super) fn stale_after_failure(&self, now: SimTime, slot: u32) -> Option<Answer> {
        let cache = self.asks[slot as usize].cache;
        if self.serve_stale_of(cache) == ServeStale::Off { None } else { self.stale_for(now, slot) }
    }
}
