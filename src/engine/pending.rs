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

/// A bucket of at most this many events is sorted as it stands, a more crowded one is split first.
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
        self.pop_near()
    }

    /// The earliest event, removed, if it happens before `limit`; `None` if it does not or nothing is pending.
    #[inline]
    pub fn pop_before(&mut self, limit: SimTime) -> Option<(EventKey, E)> {
        if self.near.is_empty() {
            self.refill(limit.as_nanos());
        }
        if self.near.first_key()?.time < limit { self.pop_near() } else { None }
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
    fn pop_near(&mut self) -> Option<(EventKey, E)> {
        let Entry { key, event } = self.near.pop()?;
        if cfg!(debug_assertions) {
            self.now = self.now.max(key.time);
        }
        Some((key, event))
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
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// The set beside a sorted map, with what an engine knows: the time now and each push's own sequence number.
    #[derive(Default)]
    struct Pair {
        set: PendingSet<u64>,
        model: BTreeMap<EventKey, u64>,
        now: u64,
        pushed: u64,
    }

    impl Pair {
        fn push(&mut self, nanos: u64, entity: u32) {
            self.pushed += 1;
            let key = EventKey::new(SimTime::from_nanos(nanos), entity, self.pushed);
            self.set.push(key, self.pushed);
            self.model.insert(key, self.pushed);
        }

        fn push_after(&mut self, delay: u64, entity: u32) {
            self.push(self.now.saturating_add(delay), entity);
        }

        /// Pops from both, up to `limit` if there is one, and says whether there was anything.
        fn pop(&mut self, limit: Option<SimTime>) -> bool {
            let expected = match limit {
                Some(limit) if self.model.first_key_value().is_none_or(|(key, _)| key.time() >= limit) => None,
                _ => self.model.pop_first(),
            };
            let popped = match limit {
                Some(limit) => self.set.pop_before(limit),
                None => self.set.pop(),
            };
            assert_eq!(popped, expected, "at {} ns, limit {limit:?}", self.now);
            assert_eq!(self.set.len(), self.model.len());
            assert_eq!(self.set.is_empty(), self.model.is_empty());
            if let Some((key, _)) = expected {
                self.now = key.time().as_nanos();
            }
            expected.is_some()
        }

        fn drain(&mut self) {
            while self.pop(None) {}
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        /// Delay, entity, how many.
        Push(u64, u32, u32),
        Pop(u32),
        /// How far ahead of now the limit lies, and how many to pop at most.
        PopBefore(u64, u32),
        Peek,
        Drain,
    }

    /// Delays of every magnitude, none at all and the farthest, so that all levels and their edges are met.
    fn delays() -> impl Strategy<Value = u64> {
        prop_oneof![
            2 => Just(0),
            2 => 0..4u64,
            6 => (0..64u32, any::<u64>()).prop_map(|(bits, random)| random >> bits),
            1 => Just(u64::MAX),
        ]
    }

    fn steps() -> impl Strategy<Value = Step> {
        prop_oneof![
            8 => (delays(), 0..4u32, 1..4u32).prop_map(|(delay, entity, count)| Step::Push(delay, entity, count)),
            // More than is sorted as it stands, in one bucket or over a narrow span.
            2 => (delays(), 0..4u32, 60..200u32).prop_map(|(delay, entity, count)| Step::Push(delay, entity, count)),
            6 => (1..8u32).prop_map(Step::Pop),
            2 => (50..300u32).prop_map(Step::Pop),
            3 => (delays(), 1..100u32).prop_map(|(ahead, count)| Step::PopBefore(ahead, count)),
            2 => Just(Step::Peek),
            1 => Just(Step::Drain),
        ]
    }

    proptest! {
        #[test]
        fn pops_as_a_sorted_map_does(spread in any::<bool>(), steps in prop::collection::vec(steps(), 1..120)) {
            let mut pair = Pair::default();
            for step in steps {
                match step {
                    Step::Push(delay, entity, count) => {
                        for i in 0..u64::from(count) {
                            let offset = if spread { i.wrapping_mul(delay / 7 + 3) % (delay | 1) } else { 0 };
                            pair.push_after(delay.saturating_add(offset), (entity + i as u32) % 5);
                        }
                    }
                    Step::Pop(count) => {
                        for _ in 0..count {
                            pair.pop(None);
                        }
                    }
                    Step::PopBefore(ahead, count) => {
                        let limit = SimTime::from_nanos(pair.now.saturating_add(ahead));
                        for _ in 0..count {
                            pair.pop(Some(limit));
                        }
                    }
                    Step::Peek => {
                        let first = pair.model.first_key_value().map(|(&key, _)| key);
                        prop_assert_eq!(pair.set.peek_key(), first);
                        prop_assert_eq!(pair.set.peek_time(), first.map(EventKey::time));
                    }
                    Step::Drain => pair.drain(),
                }
            }
            pair.drain();
        }
    }

    #[test]
    fn a_key_is_ordered_by_time_then_entity_then_sequence() {
        let key = |nanos, entity, sequence| EventKey::new(SimTime::from_nanos(nanos), entity, sequence);
        let (entity_max, sequence_max) = ((1 << 24) - 1, (1 << 40) - 1);
        let ascending = [
            key(0, 0, 0),
            key(0, 0, sequence_max),
            key(0, 1, 0),
            key(0, entity_max, sequence_max),
            key(1, 0, 0),
            key(u64::MAX, entity_max, sequence_max),
        ];
        assert!(ascending.is_sorted_by(|a, b| a < b && a.cmp(b).is_lt()));
        assert_eq!(ascending[5].time(), SimTime::NEVER);
        assert_eq!(ascending[5].entity(), entity_max);
        assert_eq!(ascending[5].sequence(), sequence_max);
        assert_eq!(size_of::<Entry<u64>>(), 24);
    }

    #[test]
    fn a_smaller_entity_at_the_current_instant_comes_next() {
        for nanos in [0, 1_000_000_000, u64::MAX] {
            let mut pair = Pair::default();
            for _ in 0..200 {
                pair.push(nanos, 5);
            }
            for _ in 0..100 {
                pair.pop(None);
                pair.push(nanos, 1);
                assert_eq!(pair.set.peek_key().map(EventKey::entity), Some(1));
                pair.pop(None);
            }
            pair.push(nanos, 9);
            pair.drain();
        }
    }

    #[test]
    fn never_comes_last_and_is_not_before_itself() {
        let mut pair = Pair::default();
        for nanos in [u64::MAX, 3, u64::MAX - 1, u64::MAX, 1 << 63, u64::MAX] {
            pair.push(nanos, 2);
        }
        while pair.pop(Some(SimTime::NEVER)) {}
        assert_eq!(pair.set.len(), 3);
        pair.drain();
        assert_eq!(pair.now, u64::MAX);
    }

    #[test]
    fn events_packed_into_a_sparse_bucket_stay_in_order() {
        let mut pair = Pair::default();
        // Sparse timers make the first bucket many minutes long; then everything happens within milliseconds of it.
        for i in 0..10 {
            pair.push(i * 300_000_000_000, 1);
        }
        for i in 0..5_000u64 {
            pair.pop(None);
            pair.push_after(i * 7_919 % 1_000_003, 2);
            pair.push_after(i * 104_729 % 10_007, 3);
        }
        pair.drain();
    }

    #[test]
    fn asking_up_to_a_limit_leaves_room_for_events_before_the_next_one() {
        let mut pair = Pair::default();
        pair.push(3_600_000_000_000, 1);
        assert!(!pair.pop(Some(SimTime::from_secs(60))));
        assert_eq!(pair.set.near.len(), 0, "the bucket an hour on is still in the wheel");
        for i in 0..1_000 {
            pair.push(60_000_000_000 + i * 37_000_000, 2);
        }
        // Having looked at the far event, which sorts it, earlier ones still come first.
        pair.drain();
        pair.push_after(3_600_000_000_000, 1);
        assert!(pair.set.peek_key().is_some());
        for i in 0..1_000 {
            pair.push_after(i * 1_000_003 % 999_983, 2);
        }
        pair.drain();
    }

    #[test]
    fn an_event_in_the_past_panics_in_debug_and_comes_out_next_in_release() {
        let outcome = std::panic::catch_unwind(|| {
            let mut pair = Pair::default();
            for i in 0..1_000 {
                pair.push(1_000_000 + i * 1_000, 1);
            }
            for _ in 0..500 {
                pair.pop(None);
            }
            for i in 0..200 {
                pair.push(i * 1_000, 1);
            }
            pair.drain();
        });
        assert_eq!(outcome.is_err(), cfg!(debug_assertions));
    }

    #[test]
    fn memory_follows_the_most_pending_not_the_events_passed() {
        let mut pair = Pair::default();
        let mut random = 1u64;
        let mut step = |pair: &mut Pair, grow: bool| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            if !grow {
                pair.pop(None);
            }
            // Bursts and lulls, so that the events' spacing keeps changing level.
            let spacing = [1_000u64, 1_000_000_000, 300_000_000_000][(random >> 20) as usize % 3];
            pair.push_after((random >> 33) % spacing, 1);
        };
        for _ in 0..2_000 {
            step(&mut pair, true);
        }
        for _ in 0..20_000 {
            step(&mut pair, false);
        }
        let settled = pair.set.capacity();
        for _ in 0..200_000 {
            step(&mut pair, false);
        }
        assert!(pair.set.capacity() <= 2 * settled, "{} entries after {settled}", pair.set.capacity());
        assert!(settled <= 20 * 2_000, "{settled} entries for 2000 events");
    }
}
