//! What is in a node's queue before the start.

use super::message::Message;
use super::notices::WARNINGS_MAX;
use super::retry::Next;
use super::world::{Purpose, World, place};
use super::{Delivery, End, INHERITED, Mail, MailContext, MailEvent, MailObserver, Phase};
use crate::dns::DnsEvent;
use crate::engine::random::draw;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::NodeId;
use crate::model::mail::InheritedMessage;

impl<'m> Mail<'m> {
    /// Fills a node's queue, before the first event. What was new or being delivered is taken up at once, as a queue manager that starts does it
    /// (Postfix `qmgr_active.c` moves what is active back to what comes in); what was deferred waits for the attempt that
    /// its policy would make next, had it failed at once at each attempt since it arrived: the list does not say when
    /// the last one was.
    pub fn inherit<E, O: MailObserver, F>(&mut self, cx: &mut MailContext<'_, 'm, E, O, F>, node: NodeId)
    where
        E: Copy + From<MailEvent> + From<DnsEvent>,
    {
        let Some(source) = &self.model.mail.nodes[node.index()].source else { return };
        let mut number = INHERITED + 1;
        for message in &source.queue {
            let mut delivery = Delivery::new(&Message {
                created: SimTime::ZERO,
                number,
                sender: node,
                domain: message.domain,
                place_in_list: u32::MAX,
                size_bytes: message.size_bytes,
                recipients: message.recipients,
                measured: false,
                null_sender: message.null_sender,
            });
            number += u64::from(message.recipients);
            delivery.before_start_s = message.age_s;
            let state = &mut self.nodes[node.index()];
            state.depth += u64::from(message.recipients);
            state.bytes += u64::from(message.size_bytes);
            if message.is_forced {
                state.forced.extend(delivery.numbers());
            }
            self.measured_live += u64::from(message.recipients) * u64::from(!message.is_held);
            let slot = self.insert(delivery);
            cx.observer.on_created(SimTime::ZERO, &self.slots[slot as usize]);
            if message.is_held {
                self.slots[slot as usize].enter(cx.observer, SimTime::ZERO, Phase::Deferred);
                continue;
            }
            let others = self.in_transactions(slot);
            for slot in std::iter::once(slot).chain(others) {
                if message.is_deferred {
                    self.resume(cx, slot, message);
                } else {
                    let due = MailEvent::Due(slot, self.slots[slot as usize].work.generation);
                    self.schedule(cx, slot, SimTime::ZERO + SimDuration::TICK, due);
                }
            }
        }
        debug_assert!(self.pumps.is_empty(), "nothing goes before the first event");
    }

    /// Whether a message that waited before the start is given up now that its attempt has failed: Postfix returns what
    /// `postsuper -e` marked as if its lifetime were over (`qmgr_active_done_25_generic`).
    pub(super) fn is_forced(&self, slot: u32) -> bool {
        let delivery = &self.slots[slot as usize];
        delivery.is_inherited() && self.nodes[delivery.sender.index()].forced.contains(&delivery.number)
    }

    fn resume<E: World, O: MailObserver, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        message: &InheritedMessage,
    ) {
        let delivery = &mut self.slots[slot as usize];
        let node = &self.nodes[delivery.node.index()];
        let policy = &self.model.mail.nodes[delivery.node.index()].retry;
        let phase = node.scans.as_ref().map_or(SimDuration::ZERO, |scans| scans.phase);
        let age = SimDuration::from_secs(u64::from(message.age_s));
        let bits = |attempt| draw(node.key, delivery.number, place(attempt, 0, Purpose::Jitter));
        let resumed = policy.resume(age, phase, message.domain, message.null_sender, bits);
        delivery.attempts = resumed.failures;
        delivery.node_attempts = resumed.failures;
        delivery.warned = resumed.warned.min(WARNINGS_MAX) as u16;
        match resumed.next {
            Next::Due(due) => self.wait_until(cx, slot, due.max(SimTime::ZERO + SimDuration::TICK)),
            Next::ExpiresAt(at) => self.expire_later(cx, slot, at),
            Next::GiveUp => self.end(cx, slot, End::Expired),
        }
    }
}
