//! What a node makes of hosts that failed: whether one is passed over, what is written down of a failure, and what is put off
//! for it without having been tried.

use super::memory::{Held, Remembered, Rule, last_cutoff_s};
use super::mta_relay::Connected;
use super::queue::Left;
use super::retry::{Keys, Retried, find_rule};
use super::world::{Purpose, World, place};
use super::{Candidate, Delivery, Mail, MailContext, MailObserver, TryResult};
use crate::engine::random::draw;
use crate::engine::time::SimTime;
use crate::model::client::Blame;
use crate::model::mail::RetrySchedule;
use crate::scenario::tree::Stage;

impl<'m> Mail<'m> {
    /// Whether the node lets a candidate rest.
    pub(super) fn is_held(&mut self, now: SimTime, slot: u32, candidate: Candidate) -> bool {
        let delivery = &self.slots[slot as usize];
        let Some(queue) = &self.nodes[delivery.node.index()].queue else { return false };
        let Some(memory) = &queue.memory else { return false };
        let policy = &self.model.mail.nodes[delivery.node.index()].retry;
        let age_s = custody_s(now, delivery);
        let key = self.nodes[delivery.sender.index()].key;
        let bits = draw(key, delivery.number, place(delivery.attempts, u32::from(candidate.preference), Purpose::Rest));
        let keys = Keys { host: Some(candidate.name), domain: delivery.domain };
        let cutoff_s = |cause| last_cutoff_s(policy, keys, cause);
        let mut held = memory.holds(now, candidate.address(), age_s, cutoff_s, bits);
        if queue.runs.as_ref().is_some_and(|runs| runs.has_failed(delivery.work.runner, candidate.address())) {
            held = Held::Rests;
        }
        let mut is_expired = false;
        if let Held::RestsExpired { last_try_s } = held {
            let is_tried = delivery.work.tally.past_cutoff && last_try_s <= delivery.in_custody_since.whole_seconds();
            (held, is_expired) = if is_tried { (Held::No, false) } else { (held, true) };
        }
        if held == Held::No && queue.serialized.as_ref().is_some_and(|serialized| serialized.is_busy(candidate.name)) {
            held = Held::Rests;
        }
        let tally = &mut self.slots[slot as usize].work.tally;
        tally.held += u16::from(held != Held::No);
        tally.held_expired += u16::from(is_expired);
        held != Held::No
    }

    /// Whether an attempt that found all its hosts past their last cutoff goes through them once more, for those that were last
    /// tried before the message came (Exim without `delay_after_cutoff`: `transports/smtp.c`, `cutoff_retry`).
    pub(super) fn tries_past_cutoff(&mut self, slot: u32) -> bool {
        let delivery = &mut self.slots[slot as usize];
        let (node, tried, tally) = (delivery.node, delivery.work.tried, &mut delivery.work.tally);
        let queue = self.nodes[node.index()].queue.as_ref();
        let memory = queue.and_then(|queue| queue.memory.as_ref());
        if !matches!(memory, Some(Remembered::Records { delay_after_cutoff: false, .. })) {
            return false;
        }
        let is_so = tried == 0 && !tally.past_cutoff && tally.held > 0 && tally.held == tally.held_expired;
        if is_so {
            (tally.past_cutoff, tally.held, tally.held_expired) = (true, 0, 0);
        }
        is_so
    }

    /// Remembers how a try of a host failed.
    pub(super) fn remember(&mut self, now: SimTime, slot: u32, candidate: Candidate, blame: Blame, hop: u16) {
        let address = candidate.address();
        let delivery = &mut self.slots[slot as usize];
        let model = &self.model.mail.nodes[delivery.node.index()];
        let (verdict, cause) = (delivery.work.verdict, delivery.work.cause());
        delivery.work.tally.site = blame == Blame::Host;
        let Some(queue) = &mut self.nodes[delivery.node.index()].queue else { return };
        if verdict.stage >= Stage::Connect && verdict.result != TryResult::Accepted {
            queue.sessions.remove(&slot);
            queue.count(now, address, false);
            if verdict.stage >= Stage::Mail && matches!(verdict.result, TryResult::Reply(_)) {
                // The session goes on, after RSET: here another takes its place, at once.
                if let Some(route) = queue.route(address) {
                    (route.connected, route.closed) = (None, None);
                }
            }
            if queue.counts_connections() {
                self.set_connected(slot, Connected::No);
            }
        }
        let delivery = &mut self.slots[slot as usize];
        let Some(queue) = &mut self.nodes[delivery.node.index()].queue else { return };
        if queue.memory.is_none() {
            return;
        }
        if queue.keeps_records() {
            self.forget_routing(slot, false);
        }
        let delivery = &mut self.slots[slot as usize];
        if blame != Blame::Host {
            delivery.work.tally.own = Some(candidate.name);
            delivery.work.tally.of_address = blame == Blame::Address;
            return;
        }
        let Some(queue) = &mut self.nodes[delivery.node.index()].queue else { return };
        if let Some(runs) = &mut queue.runs {
            runs.host_failed(delivery.work.runner, address);
        }
        let rule = match &model.retry.schedule {
            RetrySchedule::Exim { rules, interval_max } => {
                let keys = Keys { host: Some(candidate.name), domain: delivery.domain };
                find_rule(rules, keys, cause).map(|rule| Rule(rule, *interval_max))
            }
            _ => None,
        };
        let key = self.nodes[delivery.sender.index()].key;
        let bits = draw(key, delivery.number, place(delivery.attempts, u32::from(hop), Purpose::Jitter));
        let timed_out = verdict.result == TryResult::TimedOut && verdict.stage == Stage::Connect;
        let (received_s, age_s) = (delivery.in_custody_since.whole_seconds(), custody_s(now, delivery));
        let what = Retried { now, received_s, age_s, of_host: true, cause, bits };
        let Some(queue) = &mut self.nodes[delivery.node.index()].queue else { return };
        let Some(memory) = queue.memory.as_mut() else { return };
        if let Some(has_timed_out) = memory.failed(&what, address, timed_out, rule) {
            delivery.work.tally.records += 1;
            delivery.work.tally.timed_out += u16::from(has_timed_out);
        }
    }

    /// A delivery is put off without having been tried: a suspension, no attempt.
    pub(super) fn suspend<E: World, O: MailObserver, F>(&mut self, cx: &mut MailContext<'_, 'm, E, O, F>, slot: u32) {
        let delivery = &mut self.slots[slot as usize];
        delivery.suspensions += 1;
        cx.observer.on_suspended(cx.scheduler.now(), delivery);
        self.cache_deferred(cx.scheduler.now(), slot);
        let earliest = self.rests_until(cx.scheduler.now(), slot);
        self.put_off_until(cx, slot, earliest);
    }

    /// Until when what holds a delivery back does so, for a policy of one's own: real systems look at their own timers.
    fn rests_until(&self, now: SimTime, slot: u32) -> SimTime {
        let delivery = &self.slots[slot as usize];
        let node = &self.model.mail.nodes[delivery.node.index()];
        if !matches!(node.retry.schedule, RetrySchedule::Custom { .. }) {
            return now;
        }
        let destination = self.destinations.find(delivery.node, self.next_hop(slot));
        let dead = destination.map(|id| &self.destinations.slab[id as usize]).filter(|dead| dead.is_dead());
        let memory = self.nodes[delivery.node.index()].queue.as_ref().and_then(|queue| queue.memory.as_ref());
        let hosts =
            delivery.work.candidates.iter().filter_map(|candidate| memory?.rests_until(candidate.address())).min();
        dead.map(|dead| dead.rests_until).or(hosts).map_or(now, |until| until.max(now))
    }

    /// Until when the queue that a delivery is in waits as a whole, if it does.
    pub(super) fn in_retry_until(&self, now: SimTime, slot: u32) -> Option<SimTime> {
        let delivery = &self.slots[slot as usize];
        let rules = self.nodes[delivery.node.index()].queue.as_ref()?.gate.filter(|rules| rules.probes);
        let id = rules.and_then(|_| self.destinations.find(delivery.node, self.next_hop(slot)))?;
        let destination = &self.destinations.slab[id as usize];
        Some(destination.rests_until).filter(|until| destination.is_dead() && *until > now)
    }

    /// The attempt found every host at rest: it was none.
    pub(super) fn hold_back<E: World, O: MailObserver, F>(&mut self, cx: &mut MailContext<'_, 'm, E, O, F>, slot: u32) {
        let delivery = &mut self.slots[slot as usize];
        delivery.attempts = delivery.attempts.saturating_sub(1);
        delivery.node_attempts = delivery.node_attempts.saturating_sub(1);
        delivery.work.tally.site = false;
        self.leave(cx, slot, Left::Suspended);
        self.suspend(cx, slot);
    }
}

/// How long a node has had a message, by whole-second clocks.
pub(super) fn custody_s(now: SimTime, delivery: &Delivery) -> u64 {
    let since = now.whole_seconds().saturating_sub(delivery.in_custody_since.whole_seconds());
    since.saturating_add(delivery.held_before().whole_seconds())
}
