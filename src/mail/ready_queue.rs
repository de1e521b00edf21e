//! KumoMTA's ready queues (`kumod/src/ready_queue.rs`): how many connections there are to what waits, and what becomes of
//! it when nobody answers.

use super::queue::Left;
use super::world::{Purpose, World, place};
use super::{Mail, MailContext, MailEvent, MailObserver};
use crate::engine::random::draw;
use crate::engine::time::SimDuration;
use crate::model::NodeId;

/// The rules of all ready queues of a node.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReadyQueues {
    /// `consecutive_connection_failures_before_delay`.
    pub failures: u32,
    /// `max_ready`.
    pub most: u32,
}

/// A dispatcher that ends without a message wakes its queue after this (`Dispatcher::drop`).
const SLEEP: SimDuration = SimDuration::from_secs(1);

/// A queue of which nothing was heard for so long is forgotten, with its failures (`AGE_OUT_INTERVAL`).
const AGE_OUT_S: u64 = 600;

/// Connections that so many messages deserve (`ideal_connection_count`).
fn ideal_connections(waiting: usize, limit: u32) -> u32 {
    let share = 1.0 - libm::exp(-0.023 * waiting as f64);
    (libm::ceil(f64::from(limit) * share) as u32).min(u32::try_from(waiting).unwrap_or(u32::MAX))
}

impl<'m> Mail<'m> {
    /// Whether a node's queue is one of ready queues.
    pub(super) fn has_ready_queues(&self, node: NodeId) -> bool {
        self.nodes[node.index()].queue.as_ref().is_some_and(|queue| queue.ready_queues.is_some())
    }

    /// Whether a destination may start another delivery: one of its limits leaves room, and where connections follow what
    /// waits there is an idle one, or there should be more.
    pub(super) fn may_start(&self, id: u32) -> bool {
        let destination = &self.destinations.slab[id as usize];
        let queue = self.nodes[destination.node.index()].queue.as_ref();
        destination.may_start()
            && queue.filter(|queue| queue.ready_queues.is_some()).is_none_or(|queue| {
                destination.busy < ideal_connections(destination.todo.len(), destination.window)
                    || queue.connections.count(destination.name) > 0
            })
    }

    /// No host of a destination could be reached, once more: `true` if all that waits for it is put off, with an attempt
    /// counted (`delay_ready_queue`). Else what waits is looked at again in a second.
    pub(super) fn ready_queue_failed<E: World, O: MailObserver, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        id: u32,
        rules: ReadyQueues,
    ) -> bool {
        let now = cx.scheduler.now();
        let destination = &mut self.destinations.slab[id as usize];
        let quiet_s = destination.last_done_s().map_or(0, |done| now.whole_seconds().saturating_sub(done));
        let before = if quiet_s >= AGE_OUT_S { 0 } else { destination.in_a_row };
        destination.in_a_row = before.saturating_add(1);
        if before > rules.failures {
            return true;
        }
        let (node, at) = (destination.node, now + SLEEP);
        if !destination.todo.is_empty() && at <= self.model.clock.end {
            cx.scheduler.schedule(self.entities.nodes + node.0, at, MailEvent::Wakes(id).into());
        }
        false
    }

    /// A message found its ready queue full: it comes again in less than a minute, by whole seconds (`delay_with_jitter`).
    pub(super) fn turn_away<E: World, O: MailObserver, F>(&mut self, cx: &mut MailContext<'_, 'm, E, O, F>, slot: u32) {
        let now = cx.scheduler.now();
        self.leave(cx, slot, Left::Suspended);
        let delivery = &mut self.slots[slot as usize];
        delivery.suspensions += 1;
        cx.observer.on_suspended(now, delivery);
        let (sender, number, nth) = (delivery.sender, delivery.number, delivery.suspensions);
        let bits = draw(self.nodes[sender.index()].key, number, place(nth, 0xff_ffff, Purpose::Rest));
        self.wait_until(cx, slot, now + SimDuration::from_secs(1 + bits % 59));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_follow_what_waits_as_the_real_table_has_it() {
        // ready_queue.rs, tests: connection_limit_32 and connection_limit_1024.
        for (waiting, of_32, of_1024) in [
            (0, 0, 0),
            (1, 1, 1),
            (2, 2, 2),
            (3, 3, 3),
            (4, 3, 4),
            (5, 4, 5),
            (6, 5, 6),
            (7, 5, 7),
            (8, 6, 8),
            (9, 6, 9),
            (10, 7, 10),
            (20, 12, 20),
            (32, 17, 32),
            (64, 25, 64),
            (128, 31, 128),
            (256, 32, 256),
            (400, 32, 400),
            (1024, 32, 1024),
        ] {
            assert_eq!(
                (ideal_connections(waiting, 32), ideal_connections(waiting, 1024)),
                (of_32, of_1024),
                "{waiting}"
            );
        }
    }
}
