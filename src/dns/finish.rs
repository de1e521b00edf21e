//! The end of a fetch: what is kept, and who is told.

use super::cache::{Kind, NO_FETCH};
use super::resolver::{Dns, NONE, failure};
use super::{Answer, DnsEvent, DnsObserver, Outcome, ServerState, Source};
use crate::engine::scheduler::Scheduler;
use crate::engine::time::SimTime;
use crate::model::dns::Question;
use crate::model::{CacheId, DataId, NameId};

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
        // TTL 0 is for the transaction in progress only (RFC 1035 section 3.2.1).
        if ttl_s > 0 && until > now {
            self.caches[cache.index()].store(question, kind, data, version, until);
            observer.on_store(now, cache, question, data, until);
        }
    }

    pub(super) fn fresh(&self, question: Question, outcome: Outcome, data: DataId, version: u32, ttl_s: u32) -> Answer {
        let stale = data != self.authority.current(question);
        Answer { outcome, owner: question.name(), ttl_s, stale, data_version: version, source: Source::Miss }
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
        let kept = self.rules(cache).servfail_ttl;
        if !kept.is_zero() {
            self.caches[cache.index()].store(question, Kind::Failure, DataId::ABSENT, 0, now + kept);
        }
        self.finish(scheduler, observer, faults, fetch, failure(question.name(), Source::Miss));
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
            let source = if ask.source == Source::Coalesced { Source::Coalesced } else { answer.source };
            let answer =
                Answer { source, stale: answer.stale || ask.stale, ttl_s: answer.ttl_s.min(ask.ttl_s), ..answer };
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
        self.caches[cache.index()].entry_mut(question).flight = NO_FETCH;
        self.free_fetches.push(fetch);
        first
    }
}
