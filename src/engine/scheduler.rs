//! The clock and what is yet to happen.

use super::pending::{EventKey, PendingSet};
use super::time::SimTime;

/// Schedules events and hands them out in order.
///
/// Events are ordered by (time, entity, the entity's own count), where the entity is the one that *schedules*: what an
/// unrelated entity does moves nobody else's events. Entities are dense numbers below 2^24.
pub struct Scheduler<E: Copy> {
    pending: PendingSet<E>,
    sequences: Vec<u64>,
    now: SimTime,
    handled: u64,
    fingerprint: u64,
}

impl<E: Copy> Scheduler<E> {
    /// A scheduler for entities `0..entities`.
    pub fn new(entities: usize) -> Self {
        Self {
            pending: PendingSet::new(),
            sequences: vec![0; entities],
            now: SimTime::ZERO,
            handled: 0,
            fingerprint: 0x9e37_79b9_7f4a_7c15,
        }
    }

    /// The time of the event that is being handled.
    pub fn now(&self) -> SimTime {
        self.now
    }

    /// Events handled so far.
    pub fn handled(&self) -> u64 {
        self.handled
    }

    /// A hash over the keys of all events handled: two runs that differ in any event differ here.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Events that are pending.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Schedules `event` at `at` on behalf of `entity`. What would happen before now happens now.
    pub fn schedule(&mut self, entity: u32, at: SimTime, event: E) {
        debug_assert!(at >= self.now, "{at:?} is before {:?}", self.now);
        let sequence = &mut self.sequences[entity as usize];
        let key = EventKey::new(at.max(self.now), entity, *sequence);
        *sequence += 1;
        self.pending.push(key, event);
    }

    /// The next event before `limit`, with the clock set to its time.
    pub fn next_before(&mut self, limit: SimTime) -> Option<E> {
        let (key, event) = self.pending.pop_before(limit)?;
        assert!(key.time() >= self.now, "time went back");
        self.now = key.time();
        self.handled += 1;
        let word = key.time().as_nanos() ^ ((key.entity() as u64) << 40 | key.sequence()).rotate_left(20);
        self.fingerprint = (self.fingerprint ^ word).wrapping_mul(0x9fb2_1c65_1e98_df25).rotate_left(23);
        Some(event)
    }

    /// Sets the clock to `to`, before which nothing is pending.
    pub fn advance(&mut self, to: SimTime) {
        self.now = self.now.max(to);
    }
}
