//! The pending-event set beside a sorted map, and the cases that its structure makes delicate.

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
