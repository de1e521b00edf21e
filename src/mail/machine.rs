//! A sender's machine: deliveries that need a processor for a while before their session begins.
//!
//! Where a queue decides what starts (`queue.rs`), it decides when a processor has got ready; elsewhere a delivery that
//! has started waits for its processor.

use smallvec::{SmallVec, smallvec};

use super::world::World;
use super::{Mail, MailContext, MailEvent};
use crate::engine::time::{SimDuration, SimTime};
use crate::model::NodeId;
use crate::model::client::ClientRules;

/// When each processor is free again: those who come are served in that order, so that their starts are known at once.
#[derive(Debug)]
pub(super) struct Machine {
    free_at: SmallVec<[SimTime; 4]>,
    /// What a delivery needs before its session, and beyond.
    before: SimDuration,
    after: SimDuration,
    /// Processors that get ready for a delivery yet to be chosen, and such as are.
    asked: usize,
    ready: usize,
}

impl Machine {
    /// A machine; `None` if deliveries take no time of it.
    pub fn new(client: &ClientRules) -> Option<Self> {
        let (before, after) = (client.processor_time, client.processor_time_after);
        (!(before + after).is_zero()).then(|| {
            let free_at = smallvec![SimTime::ZERO; client.processors.max(1) as usize];
            Self { free_at, before, after, asked: 0, ready: 0 }
        })
    }

    /// What a delivery needs.
    pub fn each(&self) -> SimDuration {
        self.before + self.after
    }

    /// When the session of a delivery that comes now may begin.
    pub fn start(&mut self, now: SimTime) -> SimTime {
        let (before, after) = (self.before, self.after);
        match self.free_at.iter_mut().min() {
            Some(free) => {
                let ready = now.max(*free) + before;
                *free = ready + after;
                ready
            }
            None => now,
        }
    }

    /// Asks for one more processor, if fewer get ready than are `wanted`: when it will be.
    pub fn asks(&mut self, now: SimTime, wanted: usize) -> Option<SimTime> {
        (self.asked < wanted.min(self.free_at.len())).then(|| {
            self.asked += 1;
            self.start(now)
        })
    }

    /// A processor that was asked for is ready.
    pub fn turns(&mut self) {
        (self.asked, self.ready) = (self.asked.saturating_sub(1), self.ready + 1);
    }

    pub fn is_ready(&self) -> bool {
        self.ready > 0
    }

    /// A delivery was chosen for it.
    pub fn takes_turn(&mut self) {
        self.ready = self.ready.saturating_sub(1);
    }

    /// Nothing was: it is let go.
    pub fn lets_go(&mut self) {
        self.ready = 0;
    }
}

impl<'m> Mail<'m> {
    /// Whether the machine is ready for another delivery; if not, it is asked to be, while something may start. Which one
    /// that will be is decided when it is (Postfix's `qmgr_deliver.c`: a delivery agent is allocated first, then an entry
    /// selected for it; so of a scan's messages for a dead destination those are put off that no agent has had yet).
    pub(super) fn has_turn<E: World, O, F>(&mut self, cx: &mut MailContext<'_, 'm, E, O, F>, node: NodeId) -> bool {
        let now = cx.scheduler.now();
        let state = &mut self.nodes[node.index()];
        let (Some(machine), Some(queue)) = (&mut state.machine, &state.queue) else { return true };
        if machine.is_ready() {
            return true;
        }
        let room = queue.limits.deliveries.saturating_sub(queue.running) as usize;
        let may_start = queue.ready.iter().map(|&(_, id)| self.destinations.slab[id as usize].startable());
        let wanted = may_start.sum::<usize>().min(room);
        while let Some(at) = machine.asks(now, wanted) {
            if at <= self.model.clock.end {
                cx.scheduler.schedule(self.entities.nodes + node.0, at, MailEvent::Turn(node.0).into());
            }
        }
        false
    }

    /// A node's machine is ready for its next delivery.
    pub(super) fn on_turn<E: World, O, F>(&mut self, cx: &MailContext<'_, 'm, E, O, F>, node: NodeId) {
        if let Some(machine) = &mut self.nodes[node.index()].machine {
            machine.turns();
        }
        self.stirs(cx, node);
        self.wants_pump(node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(processors: usize, before_s: u64, after_s: u64) -> Machine {
        let (before, after) = (SimDuration::from_secs(before_s), SimDuration::from_secs(after_s));
        Machine { free_at: smallvec![SimTime::ZERO; processors], before, after, asked: 0, ready: 0 }
    }

    #[test]
    fn two_processors_start_two_at_a_time() {
        let mut machine = machine(2, 3, 0);
        let starts: Vec<u64> = [0, 0, 0, 1, 20].map(|s| machine.start(SimTime::from_secs(s)).whole_seconds()).into();
        assert_eq!(starts, [3, 3, 6, 6, 23]);
    }

    #[test]
    fn what_a_delivery_needs_beyond_its_start_holds_up_the_next() {
        let mut machine = machine(1, 1, 4);
        let starts: Vec<u64> = [0, 0, 2, 30].map(|s| machine.start(SimTime::from_secs(s)).whole_seconds()).into();
        assert_eq!(starts, [1, 6, 11, 31]);
        assert_eq!(machine.each(), SimDuration::from_secs(5));
    }

    #[test]
    fn a_queue_chooses_when_a_processor_is_ready() {
        let mut machine = machine(1, 3, 0);
        assert_eq!(machine.asks(SimTime::ZERO, 5), Some(SimTime::from_secs(3)));
        assert_eq!(machine.asks(SimTime::ZERO, 5), None, "it has one processor");
        assert!(!machine.is_ready());
        machine.turns();
        assert!(machine.is_ready());
        machine.takes_turn();
        assert!(!machine.is_ready());
        assert_eq!(machine.asks(SimTime::from_secs(3), 4), Some(SimTime::from_secs(6)));
        assert_eq!(machine.asks(SimTime::from_secs(3), 0), None);
    }
}
