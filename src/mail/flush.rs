//! An operator's flush of a queue.

use super::memory::Remembered;
use super::{HostAvailability, Mail, MailContext, MailEvent, MailObserver, Step};
use crate::dns::{DnsEvent, DnsObserver, ServerState};
use crate::model::NodeId;

impl<'m> Mail<'m> {
    /// Makes everything due that a node holds back, whatever it remembers of destinations and hosts.
    pub fn flush_queue<E, O, F>(&mut self, cx: &mut MailContext<'_, 'm, E, O, F>, node: NodeId)
    where
        E: Copy + From<MailEvent> + From<DnsEvent>,
        O: MailObserver + DnsObserver,
        F: HostAvailability + ServerState,
    {
        if let Some(queue) = &mut self.nodes[node.index()].queue {
            queue.memory.iter_mut().for_each(Remembered::flush);
            if let Some(rules) = &queue.gate {
                self.destinations.flush(node, rules);
            }
        }
        let mut held: Vec<u32> = (0..self.slots.len() as u32).filter(|&slot| self.is_held_back(node, slot)).collect();
        held.sort_by_key(|&slot| self.slots[slot as usize].arrival_order());
        for slot in held {
            // One that was taken up may have passed its session on to another that waited.
            if self.is_held_back(node, slot) {
                self.slots[slot as usize].work.generation = self.slots[slot as usize].work.generation.wrapping_add(1);
                self.leave_runs(slot);
                self.take_up(cx, slot);
            }
        }
        self.pump_all(cx);
    }

    /// Whether a delivery waits in a node's queue between attempts.
    fn is_held_back(&self, node: NodeId, slot: u32) -> bool {
        let delivery = &self.slots[slot as usize];
        let runs = self.nodes[node.index()].queue.as_ref().and_then(|queue| queue.runs.as_ref());
        delivery.node == node
            && delivery.work.step == Step::Waiting
            && (delivery.attempts > 0 || delivery.suspensions > 0)
            && runs.is_none_or(|runs| runs.waiting.contains(&slot))
    }
}
