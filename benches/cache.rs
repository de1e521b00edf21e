//! A resolver's cache of a million names: what a hit costs, beside a plain `hashbrown` look-up of the same keys, and what an
//! RRset takes.
//!
//! ```text
//! cargo bench --bench cache            # half a minute, most of it to set up
//! ```
//!
//! How to read it: the first lines say bytes a cached RRset (as the allocator counts them, amortised over all; names are
//! interned once for all caches and not counted), and the cost of both in turns, since times move with the machine's load
//! and their ratio hardly does. Then the same by criterion, a time a look-up. Names are asked for in Zipf's proportions (exponent
//! 0.9). A hit is a whole answer of the resolver's, as an asker at no distance gets it: choice of the farm's member, clock,
//! TTL left, whether it is stale, record for the observer. The map holds whole answers. Marks: at most 3 times a look-up in
//! the map, at most 80 bytes.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hashbrown::HashMap;
use mxsim::dns::{Answer, Ask, Asker, Dns, DnsEvent, DnsObserver, ServerState, Waiter};
use mxsim::engine::random::EntityKey;
use mxsim::engine::scheduler::Scheduler;
use mxsim::engine::time::SimTime;
use mxsim::model::compile::{Memory, load_source};
use mxsim::model::dns::Question;
use mxsim::model::{ClientId, Model, RegionId, ResolverId, ServerId};
use mxsim::scenario::diagnostic::SourceText;
use mxsim::scenario::render::render;
use mxsim::scenario::tree::RecordType;

const NAMES: usize = 1_000_000;
const EXPONENT: f64 = 0.9;
/// Questions drawn beforehand and asked in turn.
const QUESTIONS: usize = 1 << 20;
const RESOLVER: ResolverId = ResolverId(0);
const BYTES_MAX: usize = 80;

/// The system's allocator, and how many bytes are in use.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is the system allocator's own; counting touches no memory of the caller's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size(), Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Nobody;

impl DnsObserver for Nobody {}

struct Up;

impl ServerState for Up {
    fn server_is_up(&self, _: ServerId) -> bool {
        true
    }
    fn server_refuses(&self, _: ServerId) -> bool {
        false
    }
}

/// A million hosts with an address each in one zone, and one resolver.
/// The server takes its time: of a million questions at one instant there would be as much again to do for those who wait (each asks
/// again after 5 s), which is not the cache's.
fn model() -> Arc<Model> {
    let text = format!(
        r#"(
        title: "cache",
        run: (measure: "1d", drain: "0s"),
        regions: {{ "here": (rtt: "0s") }},
        zones: {{ "example": (ttls: (a: "1d"), ns: ["ns.example"]) }},
        servers: {{ "ns.example": (latency: "5ms") }},
        hosts: {{ "h{{i}}.example": (count: {NAMES}) }},
        resolvers: {{ "r": (software: Unbound()) }},
        clients: {{ "c": (resolver: "r", asks: [("h1.example", A)], arrivals: Poisson(rate: "1/s")) }},
    )"#
    );
    let source = Arc::new(SourceText { name: "cache.ron".into(), text });
    let loaded = load_source(&source, &[], &mut Memory::default());
    let mut loaded = loaded.unwrap_or_else(|problems| panic!("{}", render(&problems, false)));
    loaded.variants.remove(0).model
}

/// A resolver with its clock.
struct Asked<'m> {
    dns: Dns<'m>,
    scheduler: Scheduler<DnsEvent>,
    region: RegionId,
    key: EntityKey,
    count: u32,
}

impl<'m> Asked<'m> {
    fn new(model: &'m Model) -> Self {
        Self {
            dns: Dns::new(model, 0),
            scheduler: Scheduler::new(model.entities().count as usize),
            region: model.dns.resolvers[0].region,
            key: EntityKey::new(1, 0, "bench", "asker", "asks"),
            count: 0,
        }
    }

    /// The answer, if it is there at once.
    #[inline]
    fn ask(&mut self, question: Question) -> Option<Answer> {
        self.count = self.count.wrapping_add(1);
        let ask = Ask {
            resolver: RESOLVER,
            question,
            region: self.region,
            key: self.key,
            a: u64::from(self.count),
            b: 0,
            asker: Asker::Client(ClientId(0)),
            waiter: Waiter(self.count),
        };
        self.dns.ask(&mut self.scheduler, &mut Nobody, &Up, ask)
    }

    /// Asks, and lets time go on until the answer is in the cache.
    fn fill(&mut self, question: Question) {
        if self.ask(question).is_some() {
            return;
        }
        while self.dns.take_completed().is_none() {
            let Some(event) = self.scheduler.next_before(SimTime::NEVER) else { panic!("no answer") };
            self.dns.handle(&mut self.scheduler, &mut Nobody, &Up, event);
        }
    }
}

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
}

/// Names in Zipf's proportions; which name has which rank is shuffled, as popular names are not neighbours.
fn questions(of: &[Question]) -> Vec<Question> {
    let mut random = SplitMix(7);
    let mut ranked = of.to_vec();
    for index in (1..ranked.len()).rev() {
        ranked.swap(index, (random.next() % (index as u64 + 1)) as usize);
    }
    let mut sum = 0.0;
    let below: Vec<f64> = (1..=of.len())
        .map(|rank| {
            sum += libm::pow(rank as f64, -EXPONENT);
            sum
        })
        .collect();
    let draw = |_| {
        let at = (random.next() >> 11) as f64 / (1u64 << 53) as f64 * sum;
        ranked[below.partition_point(|below| *below <= at).min(of.len() - 1)]
    };
    (0..QUESTIONS).map(draw).collect()
}

/// Nanoseconds a call, over all questions in turn.
fn nanos(questions: &[Question], mut look: impl FnMut(Question)) -> f64 {
    let start = Instant::now();
    questions.iter().for_each(|&question| look(question));
    start.elapsed().as_nanos() as f64 / questions.len() as f64
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

fn hits(criterion: &mut Criterion) {
    let model = model();
    let name = |i: usize| model.dns.names.get(&format!("h{i}.example")).unwrap_or_else(|| panic!("no name {i}"));
    let all: Vec<Question> = (1..=NAMES).map(|i| Question::new(name(i), RecordType::A)).collect();
    let questions = questions(&all);
    let mut asked = Asked::new(&model);
    let before = IN_USE.load(Ordering::Relaxed);
    all.iter().for_each(|&question| asked.fill(question));
    let bytes = (IN_USE.load(Ordering::Relaxed) - before).div_ceil(NAMES);
    println!("{NAMES} names cached: {bytes} bytes an RRset (at most {BYTES_MAX})");
    assert!(bytes <= BYTES_MAX, "{bytes} bytes a cached RRset");
    let map: HashMap<Question, Answer> = all
        .iter()
        .map(|&question| (question, asked.ask(question).unwrap_or_else(|| panic!("{question:?} is not cached"))))
        .collect();
    let (mut cached, mut plain, mut ratio) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..11 {
        cached.push(nanos(&questions, |question| {
            black_box(asked.ask(question));
        }));
        plain.push(nanos(&questions, |question| {
            black_box(map.get(&question).copied());
        }));
        ratio.push(cached[cached.len() - 1] / plain[plain.len() - 1]);
    }
    let (cached, plain, ratio) = (median(cached), median(plain), median(ratio));
    println!("a hit {cached:.1} ns, a look-up in hashbrown {plain:.1} ns: {ratio:.2} times (at most 3)");
    let mut group = criterion.benchmark_group("hit/1e6");
    group.throughput(Throughput::Elements(1));
    let mut turn = 0;
    let mut next = || {
        turn = (turn + 1) % QUESTIONS;
        questions[turn]
    };
    group.bench_function("cache", |bencher| bencher.iter(|| asked.ask(next())));
    group.bench_function("hashbrown", |bencher| bencher.iter(|| map.get(&next()).copied()));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1500))
        .without_plots();
    targets = hits
}
criterion_main!(benches);
