//! Answers that come too late to be sent, and what a stub resolver makes of silence (Unbound: services/mesh.c,
//! mesh_query_done, discard-timeout).

use super::down::{STUB_ASKS_AGAIN, STUB_GIVES_UP};
use super::resolver::{Dns, NONE, Pending, Who, failure};
use super::{DnsEvent, DnsObserver, ServerState, Source};
use crate::engine::scheduler::Scheduler;
use crate::engine::time::{SimDuration, SimTime};

impl Dns<'_> {
    /// An asker begins to wait for a fetch: where that may end too late for it, its own clock counts.
    pub(super) fn time_stub<E: Copy + From<DnsEvent>>(&mut self, scheduler: &mut Scheduler<E>, slot: u32) {
        let ask = &self.asks[slot as usize];
        if matches!(ask.who, Who::Asker(..))
            && ask.stub_at == SimTime::NEVER
            && self.rules(ask.cache).discard_after.is_some()
        {
            let at = ask.asked + STUB_ASKS_AGAIN + ask.half;
            self.set_stub(scheduler, slot, at);
        }
    }

    fn set_stub<E: Copy + From<DnsEvent>>(&mut self, scheduler: &mut Scheduler<E>, slot: u32, at: SimTime) {
        let ask = &mut self.asks[slot as usize];
        ask.stub_at = at.max(scheduler.now());
        scheduler.schedule(self.first_entity + ask.cache.0, ask.stub_at, DnsEvent::StubDue(slot).into());
    }

    /// Whether an answer now comes too late to the question that was last put.
    pub(super) fn is_discarded(&self, now: SimTime, ask: &Pending) -> bool {
        let Some(limit) = self.rules(ask.cache).discard_after else { return false };
        let waited = if ask.is_again { STUB_ASKS_AGAIN } else { SimDuration::ZERO };
        let put = ask.asked + ask.half + waited;
        matches!(ask.who, Who::Asker(..) | Who::Forwarder(..)) && now.since(put) > limit
    }

    /// Nobody is answered: an asker's clock and a forwarder's go on.
    pub(super) fn discard(&mut self, slot: u32) {
        let ask = &mut self.asks[slot as usize];
        (ask.fetch, ask.stale_at) = (NONE, SimTime::NEVER);
        if matches!(ask.who, Who::Forwarder(..)) {
            self.free_asks.push(slot);
        }
    }

    /// A stub that has no answer asks again, or gives up.
    pub(super) fn on_stub_due<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        slot: u32,
    ) {
        let ask = self.asks[slot as usize];
        // The slot may have been given to another since.
        if ask.stub_at != scheduler.now() {
            return;
        }
        if !ask.is_again {
            self.asks[slot as usize].is_again = true;
            self.set_stub(scheduler, slot, ask.asked + STUB_GIVES_UP);
            // What it asked first may still be on its way.
            if ask.fetch == NONE {
                self.on_question(scheduler, observer, faults, slot);
            }
            return;
        }
        if ask.fetch != NONE {
            self.leave(slot);
        }
        self.asks[slot as usize].answer = Some(failure(ask.question.name(), Source::Failure));
        self.on_answer_arrives(scheduler, observer, faults, slot);
    }
}
