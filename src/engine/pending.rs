//! The pending-event set: what will happen, in the order in which it will happen.
//!
//! Two tiers. The [wheel](Wheel) holds the far future unsorted, in buckets whose width grows with their distance; the
//! [near tier](Near) holds the earliest bucket sorted. An event is written into a bucket, moved to a finer bucket where
//! its bucket is crowded (seven times at the most, once or twice as a rule), sorted among a few dozen others, and read
//! from the end of a vector. Against one binary heap that saves the walk through memory that every push and pop of a
//! large heap takes, and it needs no estimate of the spacing of events: a crowded bucket is split, an uncrowded one is
//! not.
//!
//! The shape is that of a ladder queue (Tang, Goh and Thng, ACM TOMACS 15(3), 2005) whose rungs are the digits of the
//! time, as in a radix heap (Ahuja, Mehlhorn, Orlin and Tarjan, J. ACM 37(2), 1990), so that no rung is ever set up,
//! and every time that [`SimTime`] can hold has its bucket. `benches/pending_set.rs` measures it.

use crate::engine::time::SimTime;

mod near;
mod wheel;

use near::Near;
use wheel::Wheel;

/// Bits of [`EventKey`]'s second word that hold the sequence number.
const SEQUENCE_BITS: u32 = 40;

/// A bucket of at most this many events is sorted as it stands, a more crowded one is split first. Measured: 32 and 64
/// are alike, in the hold model with 1e3 to 1e6 pending and with sparse timers among dense replies.
const SORTED_MAX: usize = 64;

/// So many events pushed into the near tier out of order make it worth splitting.
const UNSORTED_MAX: usize = 64;

/// Total order of events: time, then the scheduling entity, then that entity's own sequence number.
///
/// Two words instead of one `u128`: the same order, and an entry with a payload of 8 bytes takes 24 bytes, not 32.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct EventKey {
    time: SimTime,
    rest: u64,
}

impl EventKey {
    /// The key of an event at `time` that `entity` (24 bits) schedules as its `sequence`-th (40 bits).
    ///
    /// Wider numbers are a mistake of the caller: checked in debug builds, cut to their width in release.
    pub const fn new(time: SimTime, entity: u32, sequence: u64) -> Self {
        debug_assert!(entity >> (64 - SEQUENCE_BITS) == 0, "an entity is a number of 24 bits");
        debug_assert!(sequence >> SEQUENCE_BITS == 0, "a sequence number has 40 bits");
        let sequence = sequence & ((1 << SEQUENCE_BITS) - 1);
        Self { time, rest: (entity as u64) << SEQUENCE_BITS | sequence }
    }

    /// When the event happens.
    pub const fn time(self) -> SimTime {
        self.time
    }

    /// The entity that scheduled it.
    pub const fn entity(self) -> u32 {
        (self.rest >> SEQUENCE_BITS) as u32
    }

    /// The scheduling entity's own count of events at that moment.
    pub const fn sequence(self) -> u64 {
        self.rest & ((1 << SEQUENCE_BITS) - 1)
    }

    /// Both words as one number: compared without a branch, which sorting feels.
    const fn as_u128(self) -> u128 {
        (self.time.as_nanos() as u128) << 64 | self.rest as u128
    }
}

impl Ord for EventKey {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_u128().cmp(&other.as_u128())
    }
}

impl PartialOrd for EventKey {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
    fn lt(&self, other: &Self) -> bool {
        self.as_u128() < other.as_u128()
    }
}

/// An event with its key, as both tiers hold it.
#[derive(Clone, Copy)]
struct Entry<E> {
    key: EventKey,
    event: E,
}

impl<E> Entry<E> {
    const fn nanos(&self) -> u64 {
        self.key.time.as_nanos()
    }
}

/// The events that have yet to happen, popped in exact key order.
///
/// A push may carry any time from that of the last event popped on, `SimTime::NEVER` included, and at the current
/// instant any entity: a key below those already popped at that instant comes out next. Keys are unique where each
/// entity counts its own sequence; equal keys come out in an order that depends on nothing but the calls made.
///
/// Memory is in proportion to the largest number of events that were ever pending together, not to how many passed.
pub struct PendingSet<E: Copy> {
    /// Every event up to and including [`Wheel::taken_until`].
    near: Near<E>,
    /// Every event after it.
    wheel: Wheel<E>,
    /// The latest time popped, below which nothing may be pushed.
    now: SimTime,
}

impl<E: Copy> Default for PendingSet<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: Copy> PendingSet<E> {
    /// A set with nothing pending.
    pub fn new() -> Self {
        Self { near: Near::new(), wheel: Wheel::new(), now: SimTime::ZERO }
    }

    /// The number of events pending.
    pub fn len(&self) -> usize {
        self.near.len() + self.wheel.len()
    }

    /// Whether nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Schedules `event`.
    ///
    /// A time before that of the last event popped is a mistake of the caller: it panics in debug builds; in release
    /// the event comes out next, late but not lost.
    #[inline]
    pub fn push(&mut self, key: EventKey, event: E) {
        debug_assert!(key.time >= self.now, "an event at {:?} scheduled at {:?}", key.time, self.now);
        let entry = Entry { key, event };
        if entry.nanos() > self.wheel.taken_until() {
            self.wheel.push(entry);
        } else {
            self.near.push(entry);
            if self.near.unsorted_len() > UNSORTED_MAX {
                self.split_near();
            }
        }
    }

    /// The earliest event, removed; `None` if nothing is pending.
    #[inline]
    pub fn pop(&mut self) -> Option<(EventKey, E)> {
        if self.near.is_empty() {
            self.refill(u64::MAX);
        }
        self.near.pop().map(|entry| self.popped(entry))
    }

    /// The earliest event, removed, if it happens before `limit`; `None` if it does not or nothing is pending.
    #[inline]
    pub fn pop_before(&mut self, limit: SimTime) -> Option<(EventKey, E)> {
        if self.near.is_empty() {
            self.refill(limit.as_nanos());
        }
        self.near.pop_before(limit).map(|entry| self.popped(entry))
    }

    /// The key of the earliest event. It changes what is sorted already, not what is pending.
    #[inline]
    pub fn peek_key(&mut self) -> Option<EventKey> {
        if self.near.is_empty() {
            self.refill(u64::MAX);
        }
        self.near.first_key()
    }

    /// The time of the earliest event.
    #[inline]
    pub fn peek_time(&mut self) -> Option<SimTime> {
        self.peek_key().map(EventKey::time)
    }

    /// Entries that the memory in use has room for.
    #[cfg(test)]
    fn capacity(&self) -> usize {
        self.near.capacity() + self.wheel.capacity()
    }

    #[inline]
    fn popped(&mut self, Entry { key, event }: Entry<E>) -> (EventKey, E) {
        if cfg!(debug_assertions) {
            self.now = self.now.max(key.time);
        }
        (key, event)
    }

    /// Takes the wheel's earliest bucket into the empty near tier, splitting it until it is short enough to sort.
    /// It takes nothing if that bucket starts after `until`, so that asking up to a limit leaves later buckets alone.
    #[cold]
    #[inline(never)]
    fn refill(&mut self, until: u64) {
        while let Some(bucket) = self.wheel.earliest() {
            if self.wheel.start_of(bucket) > until {
                return;
            }
            if bucket.is_one_instant() || self.wheel.len_of(bucket) <= SORTED_MAX {
                self.wheel.take(bucket, self.near.sorted_mut());
                self.near.sort();
                return;
            }
            self.wheel.split(bucket);
        }
    }

    /// Gives the near tier's events back to the wheel, to finer buckets than the one they came from.
    ///
    /// A bucket taken while events were sparse may be long, and everything scheduled within it goes to the near tier's
    /// heap. Nothing is lost by that but speed, and only until the heap is long enough to be worth this.
    #[cold]
    #[inline(never)]
    fn split_near(&mut self) {
        let Some(first) = self.near.first_key() else { return };
        if self.wheel.reopen(first.time.as_nanos()) {
            self.near.drain_each(|entry| self.wheel.push(entry));
        }
    }
}

#[cfg(test)]
mod tests;
