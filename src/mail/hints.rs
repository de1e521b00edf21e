//! Exim's routing records: of domains whose look-ups fail, and of recipients that a host puts off, shared by all messages
//! (`deliver.c`, "routing retry status"; keys `R:domain` and `R:recipient:<sender>`). Only queue runs heed them: a new
//! message gets its first attempt.

use rustc_hash::FxHashMap;

use super::memory::{Remembered, Rule, last_cutoff_s};
use super::queue::Left;
use super::remember::custody_s;
use super::retry::{Cause, Keys, Record, Retried, find_rule, update};
use super::world::{Purpose, World, place};
use super::{Delivery, Mail, MailContext, MailObserver};
use crate::engine::random::draw;
use crate::engine::time::SimTime;
use crate::model::mail::RetrySchedule;
use crate::model::{NameId, NodeId};

/// Whom a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Routed {
    Domain(NameId),
    /// A pair of envelope sender and recipient (`address_retry_include_sender`).
    Pair(NodeId, NameId, u64),
}

/// The records of one node.
#[derive(Debug, Default)]
pub(super) struct Hints {
    records: FxHashMap<Routed, Record>,
    forget_s: u64,
}

impl Hints {
    pub fn new(forget_s: u64) -> Self {
        Self { records: FxHashMap::default(), forget_s }
    }

    /// What is known, unless it is too old (`retry_data_expire`).
    fn get(&self, of: Routed, second: u64) -> Option<Record> {
        self.records.get(&of).copied().filter(|record| record.is_fresh(second, self.forget_s))
    }

    fn failed(&mut self, of: Routed, rule: Rule<'_>, what: &Retried) -> bool {
        let before = self.get(of, what.now.whole_seconds());
        let (record, has_timed_out) = update(before, rule.0, rule.1, what);
        self.records.insert(of, record);
        has_timed_out
    }

    /// The queue is flushed: everything may be tried.
    pub fn flush(&mut self) {
        self.records.values_mut().for_each(|record| record.next_try = 0);
    }
}

impl<'m> Mail<'m> {
    /// Whether a message's one recipient is written to by a sender that writes to it again.
    fn pair(&self, delivery: &Delivery) -> Option<Routed> {
        let sender = &self.model.mail.nodes[delivery.sender.index()];
        let count = u64::from(sender.source.as_ref().map_or(0, |source| source.correspondents));
        let key = self.nodes[delivery.sender.index()].key;
        (count > 0 && delivery.recipients == 1).then(|| {
            let pair = draw(key, delivery.number, place(0, 0, Purpose::Pair)) % count;
            Routed::Pair(delivery.sender, delivery.domain, pair)
        })
    }

    /// A look-up failed, or a host put a recipient off: whether the message has timed out by the record after it; `None` if
    /// the failure is the message's own.
    pub(super) fn record_routing(&mut self, now: SimTime, slot: u32, of_domain: bool) -> Option<bool> {
        let delivery = &self.slots[slot as usize];
        let of = if of_domain { Routed::Domain(delivery.domain) } else { self.pair(delivery)? };
        let RetrySchedule::Exim { rules, interval_max } = &self.model.mail.nodes[delivery.node.index()].retry.schedule
        else {
            return None;
        };
        let cause = delivery.work.cause();
        // Keys without a host have no alternative: the domain is all that a pattern is held against.
        let rule = find_rule(rules, Keys { host: None, domain: delivery.domain }, cause)?;
        let key = self.nodes[delivery.sender.index()].key;
        let bits = draw(key, delivery.number, place(delivery.attempts, 0, Purpose::Jitter));
        let received_s = delivery.in_custody_since.whole_seconds();
        let what = Retried { now, received_s, age_s: custody_s(now, delivery), of_host: false, cause, bits };
        match self.nodes[delivery.node.index()].queue.as_mut()?.memory.as_mut()? {
            Remembered::Records { hints, .. } => Some(hints.failed(of, Rule(rule, *interval_max), &what)),
            _ => None,
        }
    }

    /// A message found its way: nothing is wrong with its domain any more; with its recipient, if that was `accepted`.
    pub(super) fn forget_routing(&mut self, slot: u32, accepted: bool) {
        let delivery = &self.slots[slot as usize];
        let pair = if accepted { self.pair(delivery) } else { None };
        let (node, domain) = (delivery.node, delivery.domain);
        if let Some(queue) = &mut self.nodes[node.index()].queue
            && let Some(Remembered::Records { hints, .. }) = &mut queue.memory
        {
            hints.records.remove(&Routed::Domain(domain));
            if let Some(pair) = pair {
                hints.records.remove(&pair);
            }
        }
    }

    /// Whether a queue run passes a message over ("retry time not reached"): not where the domain's record is past its
    /// last cutoff, nor where there is only a recipient's and the message is (`retry_ultimate_address_timeout`).
    pub(super) fn is_passed_over(&self, now: SimTime, slot: u32) -> bool {
        let delivery = &self.slots[slot as usize];
        let memory = self.nodes[delivery.node.index()].queue.as_ref().and_then(|queue| queue.memory.as_ref());
        let Some(Remembered::Records { hints, .. }) = memory else { return false };
        if hints.records.is_empty() {
            return false;
        }
        let second = now.whole_seconds();
        let domain = hints.get(Routed::Domain(delivery.domain), second);
        if domain.is_some_and(|record| second < record.next_try && !record.expired) {
            return true;
        }
        let pair = self.pair(delivery).and_then(|pair| hints.get(pair, second));
        let policy = &self.model.mail.nodes[delivery.node.index()].retry;
        let keys = Keys { host: None, domain: delivery.domain };
        let is_too_old =
            |cause: Cause| last_cutoff_s(policy, keys, cause).is_none_or(|cutoff| custody_s(now, delivery) > cutoff);
        pair.is_some_and(|record| second < record.next_try && (domain.is_some() || !is_too_old(record.cause)))
    }

    /// Puts a message off at its turn in a queue run, if its domain or its recipient rests: a suspension.
    pub(super) fn passes_over<E: World, O: MailObserver, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
    ) -> bool {
        let now = cx.scheduler.now();
        if !self.is_passed_over(now, slot) {
            return false;
        }
        self.leave(cx, slot, Left::Suspended);
        let delivery = &mut self.slots[slot as usize];
        delivery.suspensions += 1;
        cx.observer.on_suspended(now, delivery);
        self.warn_if_late(cx, slot);
        self.await_run(cx, slot, false);
        true
    }
}
