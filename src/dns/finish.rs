//! The end of a fetch: what is kept, and who is told.

use super::cache::{Kind, NO_FETCH, New};
use super::resolver::{Dns, NONE, failure};
use super::soa::negative_place;
use super::{Answer, DnsEvent, DnsObserver, Outcome, ServerState, Source};
use crate::engine::scheduler::Scheduler;
use crate::engine::time::SimTime;
use crate::model::dns::Question;
use crate::model::{CacheId, DataId, NameId};
use crate::scenario::tree::ServeStale;

impl Dns<'_> {
    #[allow(clippy::too_many_arguments, reason = "the parts of one entry")]
    pub(super) fn store(
        &mut self,
        now: SimTime,
        observer: &mut impl DnsObserver,
        cache: CacheId,
        question: Question,
        kind: Kind,
        data: DataId,
        version: u32,
        ttl_s: u32,
    ) {
        let until = self.rules(cache).until(now, ttl_s);
        let place = negative_place(question, kind);
        self.put(
            now,
            observer,
            cache,
            question,
            place,
            New { kind, data, version, owner: question.name(), ttl_s, until },
        );
    }

    /// Stores at `place` what was found out about `asked`, if the rules let it be kept.
    pub(super) fn put(
        &mut self,
        now: SimTime,
        observer: &mut impl DnsObserver,
        cache: CacheId,
        asked: Question,
        place: Question,
        new: New,
    ) {
        let rules = self.rules(cache);
        // TTL 0 is for the transaction in progress only (RFC 1035 section 3.2.1).
        if new.ttl_s == 0 || new.until <= now || !rules.caches(asked.kind()) {
            return;
        }
        // What the primary has told it is over came too late.
        if rules.told_after.is_some() && self.is_stale(place, new.owner, new.data) {
            return;
        }
        if let Some(gone) = self.caches[cache.index()].store(now, rules, place, new) {
            observer.on_flush(now, cache, gone);
        }
        let is_given_on = self.serve_stale_of(cache) == ServeStale::AtOnce && rules.stale.extensions == 0;
        let until = if is_given_on { new.until + rules.stale.max } else { new.until };
        observer.on_store(now, cache, place, new.data, until);
    }

    pub(super) fn fresh(&self, question: Question, outcome: Outcome, data: DataId, version: u32, ttl_s: u32) -> Answer {
        let stale = self.is_stale(question, question.name(), data);
        let until = SimTime::ZERO;
        Answer { outcome, owner: question.name(), ttl_s, until, stale, data_version: version, source: Source::Miss }
    }

    pub(super) fn finish_failed<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        fetch: u32,
    ) {
        let now = scheduler.now();
        let (cache, question) = (self.fetches[fetch as usize].cache, self.fetches[fetch as usize].question);
        let is_awaited = self.fetches[fetch as usize].first != NONE;
        self.keep_failure(now, observer, cache, question, is_awaited);
        let mut slot = self.close(fetch);
        while slot != NONE {
            let next = self.asks[slot as usize].next;
            let source = self.source_of(slot, Source::Miss);
            let answer = self.stale_after_failure(now, slot).unwrap_or(failure(question.name(), source));
            self.asks[slot as usize].fetch = NONE;
            self.send_answer(scheduler, observer, faults, slot, answer);
            slot = next;
        }
    }

    /// Where an answer to one that waited comes from.
    fn source_of(&self, slot: u32, source: Source) -> Source {
        if self.asks[slot as usize].source == Source::Coalesced { Source::Coalesced } else { source }
    }

    /// Everyone who waits gets the answer.
    pub(super) fn finish<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        fetch: u32,
        answer: Answer,
    ) {
        let mut slot = self.close(fetch);
        while slot != NONE {
            let ask = self.asks[slot as usize];
            let source = self.source_of(slot, answer.source);
            let answer =
                Answer { source, stale: answer.stale || ask.stale, ttl_s: answer.ttl_s.min(ask.ttl_s), ..answer };
            self.asks[slot as usize].fetch = NONE;
            self.send_answer(scheduler, observer, faults, slot, answer);
            slot = ask.next;
        }
    }

    /// Everyone who waits goes on at the alias' target.
    #[allow(clippy::too_many_arguments, reason = "the layers a resolver works with, and an alias")]
    pub(super) fn finish_alias<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        fetch: u32,
        target: NameId,
        ttl_s: u32,
        stale: bool,
    ) {
        let mut slot = self.close(fetch);
        while slot != NONE {
            let ask = &mut self.asks[slot as usize];
            let next = ask.next;
            ask.fetch = NONE;
            ask.owner = target;
            ask.aliases += 1;
            ask.ttl_s = ask.ttl_s.min(ttl_s);
            ask.stale |= stale;
            if ask.aliases > 8 {
                let answer = failure(target, Source::Miss);
                self.send_answer(scheduler, observer, faults, slot, answer);
            } else {
                self.on_question(scheduler, observer, faults, slot);
            }
            slot = next;
        }
    }

    /// Ends a fetch and gives its slot back; the first of those who waited.
    pub(super) fn close(&mut self, fetch: u32) -> u32 {
        let state = &mut self.fetches[fetch as usize];
        let first = std::mem::replace(&mut state.first, NONE);
        let (cache, question) = (state.cache, state.question);
        state.serial = 0;
        let entry = self.caches[cache.index()].entry_mut(question);
        // Where fetches are not joined, another may be on its way.
        if entry.flight == fetch {
            entry.flight = NO_FETCH;
        }
        self.free_fetches.push(fetch);
        first
    }
}
