//! The pending-event set beside binary and 4-ary heaps, in the hold model and under the loads that spoil such structures.
//!
//! ```text
//! cargo bench --bench pending_set                 # all, about a minute
//! cargo bench --bench pending_set -- hold/1e5     # one group
//! ```
//!
//! How to read it: the time shown is that of one event, popped and followed by one push, drawing its delay included (the same
//! few nanoseconds for all). Divide within a group, since times move with the machine's load and ratios hardly do.
//! In `hold/N`, N events are pending and each schedules the next Exp(1 s) later (Jones, CACM 29(4), 1986).
//! In `mail/5e3` four in five of the pending events are retry timers of 300 to 4000 s and the others replies within about
//! 0.2 s, as in a queue with hosts down. In `instant/1e5` 100,000 events are pending at one instant and stay so: each pushes
//! another at that instant with a later key (`ascending`) or any key (`shuffled`), or a few nanoseconds later (`creeping`).
//! Marks, against `BinaryHeap`: at most 0.70 at 1e3, 0.90 at 1e5, 0.35 at 1e6, and 2.0 in `instant`; against the 4-ary
//! heap 1.0 in `mail`.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime};
use dary_heap::QuaternaryHeap;
use mxsim::engine::pending::{EventKey, PendingSet};
use mxsim::engine::time::{NANOS_PER_SECOND, SimTime};

/// What every rival can do. The payload is 8 bytes, as an engine's event is.
trait Pending: Default {
    fn push(&mut self, key: EventKey, event: u64);
    fn pop(&mut self) -> Option<(EventKey, u64)>;
}

impl Pending for PendingSet<u64> {
    fn push(&mut self, key: EventKey, event: u64) {
        self.push(key, event);
    }
    fn pop(&mut self) -> Option<(EventKey, u64)> {
        self.pop()
    }
}

impl Pending for BinaryHeap<Reverse<(EventKey, u64)>> {
    fn push(&mut self, key: EventKey, event: u64) {
        self.push(Reverse((key, event)));
    }
    fn pop(&mut self) -> Option<(EventKey, u64)> {
        self.pop().map(|Reverse(entry)| entry)
    }
}

impl Pending for QuaternaryHeap<Reverse<(EventKey, u64)>> {
    fn push(&mut self, key: EventKey, event: u64) {
        self.push(Reverse((key, event)));
    }
    fn pop(&mut self) -> Option<(EventKey, u64)> {
        self.pop().map(|Reverse(entry)| entry)
    }
}

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): a nanosecond a draw, so that the structures are what is measured.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// In (0, 1].
    fn unit(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    /// Exponential with a mean of `mean` seconds, in nanoseconds.
    fn exponential(&mut self, mean: f64) -> u64 {
        (-libm::log(self.unit()) * mean * NANOS_PER_SECOND as f64) as u64
    }
}

/// One workload: what the next event's delay and entity are.
#[derive(Clone, Copy)]
enum Load {
    Hold,
    Mail,
    Ascending,
    Shuffled,
    Creeping,
}

impl Load {
    /// Delay in nanoseconds and entity of the event scheduled next.
    fn draw(self, rng: &mut SplitMix) -> (u64, u32) {
        match self {
            Self::Hold => (rng.exponential(1.0), 1),
            // A timer stays some 10,000 times as long as a reply, so few draws are timers when most that pend are.
            Self::Mail if rng.next() % 2700 == 0 => {
                (300 * NANOS_PER_SECOND + rng.next() % (3700 * NANOS_PER_SECOND), 1)
            }
            Self::Mail => (rng.exponential(0.2), 1),
            Self::Ascending => (0, 1),
            Self::Shuffled => (0, rng.next() as u32 >> 8),
            Self::Creeping => (rng.next() % 4, rng.next() as u32 >> 8),
        }
    }

    /// Delay in nanoseconds of an event pending at the start.
    fn draw_first(self, rng: &mut SplitMix) -> u64 {
        match self {
            Self::Hold => rng.exponential(1.0),
            Self::Mail if rng.next() % 5 != 0 => 1 + rng.next() % (4000 * NANOS_PER_SECOND),
            Self::Mail => rng.exponential(0.2),
            Self::Ascending | Self::Shuffled | Self::Creeping => NANOS_PER_SECOND,
        }
    }
}

/// A structure under a load, some way into its steady state.
struct Running<P> {
    pending: P,
    rng: SplitMix,
    load: Load,
    sequence: u64,
}

impl<P: Pending> Running<P> {
    fn new(load: Load, pending_events: u64) -> Self {
        let mut this = Self { pending: P::default(), rng: SplitMix(7), load, sequence: pending_events };
        for sequence in 0..pending_events {
            let time = SimTime::from_nanos(load.draw_first(&mut this.rng));
            this.pending.push(EventKey::new(time, 1, sequence), sequence);
        }
        for _ in 0..2 * pending_events {
            this.step();
        }
        this
    }

    /// One event: popped, and followed by the next.
    fn step(&mut self) -> u64 {
        let Some((key, event)) = self.pending.pop() else { unreachable!("each event is followed by another") };
        let (delay, entity) = self.load.draw(&mut self.rng);
        self.sequence += 1;
        let time = SimTime::from_nanos(key.time().as_nanos() + delay);
        self.pending.push(EventKey::new(time, entity, self.sequence), event);
        event
    }
}

fn rival<P: Pending>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, load: Load, pending_events: u64) {
    // Set up only if the command line's filter lets the closure run, and once for all samples.
    let mut running = None;
    group.bench_function(name, |bencher| {
        let running = running.get_or_insert_with(|| Running::<P>::new(load, pending_events));
        bencher.iter(|| black_box(running.step()));
    });
}

fn loads(criterion: &mut Criterion) {
    for (name, load, pending_events) in [
        ("hold/1e3", Load::Hold, 1_000),
        ("hold/1e5", Load::Hold, 100_000),
        ("hold/1e6", Load::Hold, 1_000_000),
        ("mail/5e3", Load::Mail, 5_000),
        ("instant/1e5/ascending", Load::Ascending, 100_000),
        ("instant/1e5/shuffled", Load::Shuffled, 100_000),
        ("instant/1e5/creeping", Load::Creeping, 100_000),
    ] {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(1));
        rival::<PendingSet<u64>>(&mut group, "PendingSet", load, pending_events);
        rival::<BinaryHeap<Reverse<(EventKey, u64)>>>(&mut group, "BinaryHeap", load, pending_events);
        rival::<QuaternaryHeap<Reverse<(EventKey, u64)>>>(&mut group, "4-ary heap", load, pending_events);
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1500))
        .without_plots();
    targets = loads
}
criterion_main!(benches);
