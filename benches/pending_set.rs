//! The pending-event set beside binary and 4-ary heaps, in the hold model and under the loads that spoil such structures.
//!
//! ```text
//! cargo bench --bench pending_set                 # all, about a minute
//! cargo bench --bench pending_set -- hold/1e5     # one group
//! ```
//!
//! How to read it: the time shown is that of one event, popped and followed by one push. Divide within a group, since times
//! move with the machine's load and ratios hardly do; run it twice where other work shares the machine. Delays are drawn
//! beforehand: a logarithm in each event adds some 10 to 20 ns to every rival and draws the ratios towards 1.
//! In `hold/N`, N events are pending and each schedules the next Exp(1 s) later (Jones, CACM 29(4), 1986).
//! In `mail/5e3` four in five of the pending events are retry timers of 300 to 4000 s and the others replies within about
//! 0.2 s, as in a queue with hosts down. In `instant/1e5` 100,000 events are pending at one instant and stay so: each pushes
//! another at that instant with a later key (`ascending`) or any key (`shuffled`), or a few nanoseconds later (`creeping`).
//! Marks, against `BinaryHeap`: at most 0.70 at 1e3, 0.90 at 1e5, 0.35 at 1e6, and 2.0 in `instant`; against the 4-ary
//! heap 1.0 in `mail`.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

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

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), a nanosecond a draw.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
}

/// Random numbers, and exponential ones drawn by inversion beforehand and read in turn: a logarithm takes as long as a
/// pop, and hides the structures behind it.
struct Draws {
    rng: SplitMix,
    exponentials: Box<[u64]>,
    turn: usize,
}

impl Draws {
    /// A prime, so that no number of pending events is in step with it.
    const EXPONENTIALS: usize = 65_521;

    fn new() -> Self {
        let mut rng = SplitMix(7);
        let exponential = |_| {
            let uniform = ((rng.next() >> 11) + 1) as f64 / (1u64 << 53) as f64;
            (-libm::log(uniform) * NANOS_PER_SECOND as f64) as u64
        };
        Self { exponentials: (0..Self::EXPONENTIALS).map(exponential).collect(), rng: SplitMix(11), turn: 0 }
    }

    /// Exponential with a mean of 1 s, in nanoseconds.
    fn exponential(&mut self) -> u64 {
        self.turn = if self.turn + 1 < self.exponentials.len() { self.turn + 1 } else { 0 };
        self.exponentials[self.turn]
    }

    fn uniform(&mut self) -> u64 {
        self.rng.next()
    }
}

/// One workload: when events are scheduled. A type each, so that no rival pays for telling them apart.
trait Load {
    /// Delay in nanoseconds and entity of the event that an event schedules.
    fn draw(draws: &mut Draws) -> (u64, u32);

    /// Time in nanoseconds of an event pending at the start.
    fn draw_first(_: &mut Draws) -> u64 {
        NANOS_PER_SECOND
    }
}

struct Hold;

impl Load for Hold {
    fn draw(draws: &mut Draws) -> (u64, u32) {
        (draws.exponential(), 1)
    }
    fn draw_first(draws: &mut Draws) -> u64 {
        draws.exponential()
    }
}

struct Mail;

impl Load for Mail {
    fn draw(draws: &mut Draws) -> (u64, u32) {
        // A timer stays some 10,000 times as long as a reply, so few draws are timers when most that pend are.
        if draws.uniform().is_multiple_of(2_700) {
            (300 * NANOS_PER_SECOND + draws.uniform() % (3_700 * NANOS_PER_SECOND), 1)
        } else {
            (draws.exponential() / 5, 1)
        }
    }
    fn draw_first(draws: &mut Draws) -> u64 {
        if draws.uniform().is_multiple_of(5) {
            draws.exponential() / 5
        } else {
            draws.uniform() % (4_000 * NANOS_PER_SECOND)
        }
    }
}

/// At the current instant, the keys ever later.
struct Ascending;

impl Load for Ascending {
    fn draw(_: &mut Draws) -> (u64, u32) {
        (0, 1)
    }
}

/// At the current instant, the keys in no order.
struct Shuffled;

impl Load for Shuffled {
    fn draw(draws: &mut Draws) -> (u64, u32) {
        (0, draws.uniform() as u32 >> 8)
    }
}

/// At the current instant or up to three nanoseconds later.
struct Creeping;

impl Load for Creeping {
    fn draw(draws: &mut Draws) -> (u64, u32) {
        (draws.uniform() % 4, draws.uniform() as u32 >> 8)
    }
}

/// A structure under a load, some way into its steady state.
struct Running<P, L> {
    pending: P,
    draws: Draws,
    sequence: u64,
    load: PhantomData<L>,
}

impl<P: Pending, L: Load> Running<P, L> {
    fn new(pending_events: u64) -> Self {
        let mut this = Self { pending: P::default(), draws: Draws::new(), sequence: pending_events, load: PhantomData };
        for sequence in 0..pending_events {
            let time = SimTime::from_nanos(L::draw_first(&mut this.draws));
            this.pending.push(EventKey::new(time, 1, sequence), sequence);
        }
        this.run(2 * pending_events);
        this
    }

    /// `events` times: the earliest is popped, and followed by another.
    fn run(&mut self, events: u64) {
        for _ in 0..events {
            let Some((key, event)) = self.pending.pop() else { unreachable!("each event is followed by another") };
            let (delay, entity) = L::draw(&mut self.draws);
            self.sequence += 1;
            let time = SimTime::from_nanos(key.time().as_nanos() + delay);
            self.pending.push(EventKey::new(time, entity, self.sequence), black_box(event));
        }
    }
}

fn rival<P: Pending, L: Load>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, pending_events: u64) {
    // Set up only if the command line's filter lets the closure run, and once for all samples.
    let mut running = None;
    group.bench_function(name, |bencher| {
        let running = running.get_or_insert_with(|| Running::<P, L>::new(pending_events));
        bencher.iter_custom(|events| {
            let start = Instant::now();
            running.run(events);
            start.elapsed()
        });
    });
}

fn rivals<L: Load>(criterion: &mut Criterion, name: &str, pending_events: u64) {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(1));
    rival::<PendingSet<u64>, L>(&mut group, "PendingSet", pending_events);
    rival::<BinaryHeap<Reverse<(EventKey, u64)>>, L>(&mut group, "BinaryHeap", pending_events);
    rival::<QuaternaryHeap<Reverse<(EventKey, u64)>>, L>(&mut group, "4-ary heap", pending_events);
    group.finish();
}

fn loads(criterion: &mut Criterion) {
    rivals::<Hold>(criterion, "hold/1e3", 1_000);
    rivals::<Hold>(criterion, "hold/1e5", 100_000);
    rivals::<Hold>(criterion, "hold/1e6", 1_000_000);
    rivals::<Mail>(criterion, "mail/5e3", 5_000);
    rivals::<Ascending>(criterion, "instant/1e5/ascending", 100_000);
    rivals::<Shuffled>(criterion, "instant/1e5/shuffled", 100_000);
    rivals::<Creeping>(criterion, "instant/1e5/creeping", 100_000);
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
