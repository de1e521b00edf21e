//! Queues: how many deliveries, how many bytes, how old, and what the deliveries are doing.

use super::depth::{Level, Levels};
use crate::engine::time::{SimDuration, SimTime};
use crate::mail::{Delivery, Flight, Phase};
use crate::model::Clock;

/// What one node, or all of them, have in custody.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    /// Deliveries, and bytes.
    levels: Levels<2>,
    window: (SimTime, SimTime),
    /// Deliveries times nanoseconds within the window: at a host, and between attempts.
    session_ns: u128,
    deferred_ns: u128,
    /// The greatest age that anything reached in custody within the window.
    oldest: SimDuration,
    /// At each grid instant: active, deferred, in session, and the age of the oldest; kept for those with a series.
    pub looks: Vec<Look>,
}

/// A queue at an instant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Look {
    pub active: u64,
    pub deferred: u64,
    pub in_session: u64,
    pub oldest: SimDuration,
}

impl Queue {
    pub fn new(clock: &Clock, keeps_cells: bool) -> Self {
        Self {
            levels: Levels::new(clock, keeps_cells),
            window: (clock.window_start, clock.window_end),
            session_ns: 0,
            deferred_ns: 0,
            oldest: SimDuration::ZERO,
            looks: Vec::new(),
        }
    }

    #[inline]
    pub fn enter(&mut self, now: SimTime, delivery: &Delivery) {
        self.add(now, delivery.recipients, delivery.size_bytes);
    }

    /// A message with so many recipients is one file.
    #[inline]
    pub fn add(&mut self, now: SimTime, recipients: u16, bytes: u32) {
        self.levels.add(now, [u64::from(recipients), u64::from(bytes)]);
    }

    /// A message leaves with the end of its first attempt.
    #[inline]
    pub fn land(&mut self, now: SimTime, flight: &Flight) {
        let message = &flight.message;
        self.was_at_host(message.recipients, flight.started, now);
        self.levels.remove(now, [u64::from(message.recipients), u64::from(message.size_bytes)]);
        self.reach(now, message.created, |until| until.since(message.created));
    }

    #[inline]
    pub fn leave(&mut self, now: SimTime, delivery: &Delivery) {
        // The file stays for as long as any of its recipients.
        let bytes = if delivery.shares_file { 0 } else { u64::from(delivery.size_bytes) };
        self.levels.remove(now, [u64::from(delivery.recipients), bytes]);
        self.age(now, delivery);
    }

    /// In custody until now.
    #[inline]
    pub fn age(&mut self, now: SimTime, delivery: &Delivery) {
        self.reach(now, delivery.in_custody_since, |until| delivery.age(until));
    }

    #[inline]
    fn reach(&mut self, now: SimTime, in_custody_since: SimTime, age: impl Fn(SimTime) -> SimDuration) {
        if now > self.window.0 && in_custody_since < self.window.1 {
            self.oldest = self.oldest.max(age(now.min(self.window.1)));
        }
    }

    /// It was at a host.
    #[inline]
    pub fn was_in_session(&mut self, delivery: &Delivery, from: SimTime, to: SimTime) {
        self.was_at_host(delivery.recipients, from, to);
    }

    #[inline]
    pub fn was_at_host(&mut self, recipients: u16, from: SimTime, to: SimTime) {
        self.session_ns += self.in_window(recipients, from, to);
    }

    /// It was between two attempts.
    #[inline]
    pub fn was_deferred(&mut self, delivery: &Delivery, from: SimTime, to: SimTime) {
        self.deferred_ns += self.in_window(delivery.recipients, from, to);
    }

    fn in_window(&self, recipients: u16, from: SimTime, to: SimTime) -> u128 {
        let span = to.min(self.window.1).since(from.max(self.window.0));
        u128::from(recipients) * u128::from(span.as_nanos())
    }

    pub fn grid(&mut self, now: SimTime) {
        self.levels.grid(now);
    }

    pub fn finish(&mut self, ended: SimTime, clock: &Clock) {
        self.levels.finish(ended, clock);
    }

    /// Averages over the window: in all, active, deferred, in session.
    pub fn means(&self) -> [f64; 4] {
        let width = self.window.1.since(self.window.0).as_nanos() as f64;
        let (all, deferred) = (self.depth_mean(), self.deferred_ns as f64 / width);
        let in_session = self.session_ns as f64 / width;
        // What is neither waits for DNS, or for its turn.
        [all, (all - deferred - in_session).max(0.0), deferred, in_session]
    }

    pub fn depth(&self) -> &Level {
        self.levels.get(0)
    }

    pub fn bytes(&self) -> &Level {
        self.levels.get(1)
    }

    fn depth_mean(&self) -> f64 {
        self.levels.window_mean(0)
    }

    pub fn bytes_mean(&self) -> f64 {
        self.levels.window_mean(1)
    }

    pub fn oldest_s(&self) -> f64 {
        self.oldest.as_secs_f64()
    }
}

impl Look {
    pub fn add(&mut self, now: SimTime, delivery: &Delivery) {
        let n = u64::from(delivery.recipients);
        match delivery.phase() {
            Phase::Active => self.active += n,
            Phase::Deferred => self.deferred += n,
            Phase::InSession => self.in_session += n,
        }
        self.oldest = self.oldest.max(delivery.age(now));
    }
}
