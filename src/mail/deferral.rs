//! What becomes of a delivery whose attempt failed for now.

use super::queue::Left;
use super::retry::{Cause, Failure, Next};
use super::world::{Purpose, World, place};
use super::{Delivery, End, Kind, Mail, MailContext, MailEvent, MailObserver, Phase, Step};
use crate::engine::random::draw;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::mail::DelayWarning;

impl Delivery {
    /// It is between two attempts from now on: what was scheduled for it before is void. The number of what comes next.
    fn waits<O: MailObserver>(&mut self, observer: &mut O, now: SimTime) -> u16 {
        self.work.step = Step::Waiting;
        self.work.generation = self.work.generation.wrapping_add(1);
        self.enter(observer, now, Phase::Deferred);
        self.work.generation
    }
}

impl<'m> Mail<'m> {
    /// The attempt failed for now: another later, or none.
    pub(super) fn defer<E: World, O: MailObserver, F>(&mut self, cx: &mut MailContext<'_, 'm, E, O, F>, slot: u32) {
        let delivery = &self.slots[slot as usize];
        if self.nodes[delivery.node.index()].queue.is_some() {
            let work = &delivery.work;
            let has_no_route = work.cause() == Cause::Dns;
            let left = match (has_no_route, work.tally.site) {
                // What is not routed never comes into a ready queue.
                (true, _) if self.has_ready_queues(delivery.node) => Left::Suspended,
                (true, _) | (_, true) => Left::SiteFailed,
                (false, false) => Left::Served,
            };
            self.leave(cx, slot, left);
            if self.slots[slot as usize].work.tally.site {
                self.cache_deferred(cx.scheduler.now(), slot);
            }
        }
        self.put_off(cx, slot);
    }

    /// Puts a delivery back in the queue until its policy, or its node's next run, takes it up again.
    pub(super) fn put_off<E: World, O: MailObserver, F>(&mut self, cx: &mut MailContext<'_, 'm, E, O, F>, slot: u32) {
        self.put_off_until(cx, slot, cx.scheduler.now());
    }

    /// The same, not before `earliest` where a policy keeps a timer a message.
    #[inline]
    pub(super) fn put_off_until<E: World, O: MailObserver, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        earliest: SimTime,
    ) {
        let now = cx.scheduler.now();
        if self.is_forced(slot) {
            return self.end(cx, slot, End::Expired);
        }
        if let Some(queue) = &self.nodes[self.slots[slot as usize].node.index()].queue
            && queue.keeps_records()
        {
            return self.put_off_by_records(cx, slot);
        }
        let (failure, mut next) = self.next_attempt(now, slot);
        if let Some(at) = self.in_retry_until(now, slot) {
            let delivery = &self.slots[slot as usize];
            next = self.model.mail.nodes[delivery.node.index()].retry.at(&failure, at + delivery.held_before());
        }
        let model = self.model;
        let warning = &model.mail.nodes[self.slots[slot as usize].node.index()].retry.warning;
        // What is given up now is no longer late.
        if *warning != DelayWarning::Never && next != Next::GiveUp {
            self.warn(cx, slot, warning.due_after(&failure, next));
        }
        let due = match next.earlier(self.slots[slot as usize].held_before()) {
            Next::Due(due) => due,
            Next::GiveUp => return self.end(cx, slot, End::Expired),
            Next::ExpiresAt(at) => return self.expire_later(cx, slot, at),
        };
        // Never at this very instant, so that a policy without a wait cannot stop the clock.
        self.wait_until(cx, slot, due.max(earliest).max(now + SimDuration::TICK));
    }

    /// Between attempts, the next of which is due then.
    #[inline]
    pub(super) fn wait_until<E: World, O: MailObserver, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        due: SimTime,
    ) {
        let now = cx.scheduler.now();
        let warning = &self.model.mail.nodes[self.slots[slot as usize].node.index()].retry.warning;
        let delivery = &mut self.slots[slot as usize];
        delivery.work.previous = Some((now, due));
        let generation = delivery.waits(cx.observer, now);
        if let Some(at) = self.wait_for_run(cx, slot, false) {
            return cx.observer.on_deferred(now, &self.slots[slot as usize], at);
        }
        let delivery = &self.slots[slot as usize];
        let scans = self.nodes[delivery.node.index()].scans.as_mut();
        let (at, event) = match scans.map(|scans| scans.put(due, slot, generation)) {
            Some((at, true)) => (at, Some(MailEvent::Scan(delivery.node.0))),
            Some((at, false)) => (at, None),
            None => (due, Some(MailEvent::Due(slot, generation))),
        };
        cx.observer.on_deferred(now, &self.slots[slot as usize], at);
        if let Some(event) = event {
            self.schedule(cx, slot, at, event);
        }
        if matches!(warning, DelayWarning::Timer(_)) {
            self.set_warning_timer(cx, slot);
        }
    }

    /// What the policy says of the failure just now, both on a clock that starts no later than custody: by `held_before`
    /// ahead of that of the run.
    fn next_attempt(&self, now: SimTime, slot: u32) -> (Failure, Next) {
        let delivery = &self.slots[slot as usize];
        let policy = &self.model.mail.nodes[delivery.node.index()].retry;
        let key = self.nodes[delivery.sender.index()].key;
        let (before, cause) = (delivery.held_before(), delivery.work.cause());
        let failure = Failure {
            arrived: delivery.in_custody_since,
            started: delivery.attempt_started + before,
            failed: now + before,
            failures: delivery.node_attempts,
            previous: delivery.work.previous.map(|(failed, due)| (failed + before, due + before)),
            cause,
            domain: delivery.domain,
            host: delivery.work.tally.own.filter(|_| cause != Cause::Dns && !delivery.work.tally.of_address),
            is_bounce: delivery.null_sender || delivery.kind != Kind::Mail,
            bits: draw(key, delivery.number, place(delivery.attempts, 0, Purpose::Jitter)),
        };
        (failure, policy.next(&failure))
    }

    /// Exim's `retry_update`: failures of hosts are in their records, those of the message and of its look-ups in the
    /// message's own; when all that were written are past their last cutoff, and no host was passed over, it is given up.
    fn put_off_by_records<E: World, O: MailObserver, F>(&mut self, cx: &mut MailContext<'_, 'm, E, O, F>, slot: u32) {
        let now = cx.scheduler.now();
        let work = &self.slots[slot as usize].work;
        let mut tally = work.tally;
        let was_tried = work.tried > 0 || tally.held == 0;
        let is_own = was_tried && (tally.own.is_some() || work.cause() == Cause::Dns);
        let of_domain = work.cause() == Cause::Dns;
        let shared =
            if is_own && (of_domain || tally.of_address) { self.record_routing(now, slot, of_domain) } else { None };
        if let Some(has_timed_out) = shared {
            tally.records += 1;
            tally.timed_out += u16::from(has_timed_out);
        } else if is_own {
            tally.records += 1;
            let before = self.slots[slot as usize].held_before();
            let previous = match self.next_attempt(now, slot).1.earlier(before) {
                Next::Due(due) => (now, due),
                Next::GiveUp | Next::ExpiresAt(_) => {
                    tally.timed_out += 1;
                    (now, now)
                }
            };
            self.slots[slot as usize].work.previous = Some(previous);
        }
        // retry.c, retry_update: a host that is past its cutoff is none that was skipped (af_retry_skipped).
        let is_skipped = tally.held > tally.held_expired;
        let failed_for_too_long = !is_skipped && tally.records > 0 && tally.timed_out >= tally.records;
        // delay_after_cutoff: with every host past its cutoff and at rest the message is not kept.
        let is_hopeless = !was_tried && tally.held == tally.held_expired;
        if failed_for_too_long || is_hopeless {
            let work = &mut self.slots[slot as usize].work;
            work.step = Step::Waiting;
            work.generation = work.generation.wrapping_add(1);
            return self.end(cx, slot, End::Expired);
        }
        // deliver.c, deliver_message: ERRNO_HRETRY, which says that no host was tried, is below ERRNO_WARN_BASE.
        if was_tried {
            self.warn_if_late(cx, slot);
        }
        self.await_run(cx, slot, tally.held > 0 || !is_own);
    }

    /// A word to the sender, where that is due at a failure now.
    pub(super) fn warn_if_late<E: World, O: MailObserver, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
    ) {
        let model = self.model;
        let warning = &model.mail.nodes[self.slots[slot as usize].node.index()].retry.warning;
        if *warning != DelayWarning::Never {
            let (failure, next) = self.next_attempt(cx.scheduler.now(), slot);
            self.warn(cx, slot, warning.due_after(&failure, next));
        }
    }

    /// Until its node's next queue run.
    pub(super) fn await_run<E: World, O: MailObserver, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        for_hosts: bool,
    ) {
        let now = cx.scheduler.now();
        self.slots[slot as usize].waits(cx.observer, now);
        if let Some(at) = self.wait_for_run(cx, slot, for_hosts) {
            cx.observer.on_deferred(now, &self.slots[slot as usize], at);
        }
    }

    /// No further attempt, and an end at `at`: by a timer, or when the node next looks.
    pub(super) fn expire_later<E: World, O: MailObserver, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        at: SimTime,
    ) {
        let now = cx.scheduler.now();
        let delivery = &mut self.slots[slot as usize];
        let expires = MailEvent::Expires(slot, delivery.waits(cx.observer, now));
        let at = at.max(now + SimDuration::TICK);
        cx.observer.on_deferred(now, delivery, at);
        self.schedule(cx, slot, at, expires);
    }

    /// Schedules on behalf of the node that has custody; what lies beyond the run need not exist.
    pub(super) fn schedule<E: World, O, F>(
        &self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        at: SimTime,
        event: MailEvent,
    ) {
        if at <= self.model.clock.end {
            let entity = self.entities.nodes + self.slots[slot as usize].node.0;
            cx.scheduler.schedule(entity, at, event.into());
        }
    }
}
