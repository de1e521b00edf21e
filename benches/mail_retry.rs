//! The workload of `scenarios/mail_retry.ron` beside a bare program for it alone, on a 4-ary heap.
//!
//! ```text
//! cargo bench --bench mail_retry       # half a minute
//! ```
//!
//! How to read it: the first lines say how long both take in turns, since times move with the machine's load and their ratio
//! hardly does; then the same by criterion, a time a delivery. The bare program has a thousand domains, two hosts each that
//! fail, an MX that is cached for 300 s, retries, a histogram of latencies, and nothing else: no DNS tree, no names, no
//! second sender, no measures but latency. Its p50 and p99 stand beside mxsim's, so that both are known to do the same work.

use std::cmp::Reverse;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dary_heap::QuaternaryHeap;
use hdrhistogram::Histogram;
use mxsim::engine::choice::WeightedChoice;
use mxsim::engine::random::Stream;
use mxsim::experiment::{Plan, execute};
use mxsim::model::compile::{Loaded, Memory, load_source};
use mxsim::scenario::diagnostic::SourceText;
use mxsim::scenario::render::render;

const DELIVERIES: u64 = 200_000;
const RATE: f64 = 50.0;
const DOMAINS: usize = 1000;
const UP_S: f64 = 3600.0;
const DOWN_S: f64 = 600.0;
const TTL_S: f64 = 300.0;

/// What happens next to a delivery, or to a host.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrives,
    Starts(u32),
    HasMx(u32),
    Delivered(u32),
    Refused(u32, u8),
    Flips(u32),
}

#[derive(Clone, Copy)]
struct Delivery {
    created_ns: u64,
    domain: u32,
    attempts: u32,
}

/// The same work, bare.
struct Bare {
    pending: QuaternaryHeap<Reverse<(u64, u64, Event)>>,
    sequence: u64,
    now_ns: u64,
    random: Stream,
    choice: WeightedChoice,
    up: Vec<bool>,
    expires_ns: Vec<u64>,
    slots: Vec<Delivery>,
    free: Vec<u32>,
    created: u64,
    latencies_us: Histogram<u64>,
}

impl Bare {
    fn new(seed: u64) -> Self {
        let mut random = Stream::new(seed, 0, "bench", "bare", "all");
        let up = (0..2 * DOMAINS).map(|_| unit(&mut random) < UP_S / (UP_S + DOWN_S)).collect();
        let mut bare = Self {
            pending: QuaternaryHeap::new(),
            sequence: 0,
            now_ns: 0,
            random,
            choice: WeightedChoice::zipf(DOMAINS, 1.0).expect("weights"),
            up,
            expires_ns: vec![0; DOMAINS],
            slots: Vec::new(),
            free: Vec::new(),
            created: 0,
            latencies_us: Histogram::new_with_bounds(1, 60 * 86_400 * 1_000_000, 3).expect("bounds"),
        };
        for host in 0..2 * DOMAINS as u32 {
            bare.flip_later(host);
        }
        bare.after(1.0 / RATE, Event::Arrives);
        bare
    }

    /// Schedules after an exponential time.
    fn after(&mut self, mean_s: f64, event: Event) {
        let span = -mean_s * libm::log(1.0 - unit(&mut self.random));
        self.at(span, event);
    }

    fn at(&mut self, span_s: f64, event: Event) {
        self.pending.push(Reverse((self.now_ns + (span_s * 1e9) as u64, self.sequence, event)));
        self.sequence += 1;
    }

    fn flip_later(&mut self, host: u32) {
        self.after(if self.up[host as usize] { UP_S } else { DOWN_S }, Event::Flips(host));
    }

    fn run(mut self) -> Histogram<u64> {
        while self.latencies_us.len() < DELIVERIES
            && let Some(Reverse((now, _, event))) = self.pending.pop()
        {
            self.now_ns = now;
            match event {
                Event::Arrives => self.arrive(),
                Event::Starts(slot) => self.start(slot),
                Event::HasMx(slot) => {
                    self.expires_ns[self.slots[slot as usize].domain as usize] = now + (TTL_S * 1e9) as u64;
                    self.connect(slot, 0);
                }
                Event::Delivered(slot) => {
                    let latency_us = (now - self.slots[slot as usize].created_ns) / 1000;
                    self.latencies_us.saturating_record(latency_us);
                    self.free.push(slot);
                }
                Event::Refused(slot, 0) => self.connect(slot, 1),
                Event::Refused(slot, _) => {
                    let wait_s = 300.0 * libm::pow(2.0, f64::from(self.slots[slot as usize].attempts - 1));
                    self.at(wait_s.min(4000.0), Event::Starts(slot));
                }
                Event::Flips(host) => {
                    self.up[host as usize] = !self.up[host as usize];
                    self.flip_later(host);
                }
            }
        }
        self.latencies_us
    }

    fn arrive(&mut self) {
        let domain = self.choice.index(self.random.next_u64()) as u32;
        let delivery = Delivery { created_ns: self.now_ns, domain, attempts: 0 };
        let slot = self.free.pop().unwrap_or(self.slots.len() as u32);
        match self.slots.get_mut(slot as usize) {
            Some(place) => *place = delivery,
            None => self.slots.push(delivery),
        }
        self.created += 1;
        if self.created < DELIVERIES {
            self.after(1.0 / RATE, Event::Arrives);
        }
        self.start(slot);
    }

    fn start(&mut self, slot: u32) {
        self.slots[slot as usize].attempts += 1;
        if self.expires_ns[self.slots[slot as usize].domain as usize] <= self.now_ns {
            self.after(0.05, Event::HasMx(slot));
        } else {
            self.connect(slot, 0);
        }
    }

    fn connect(&mut self, slot: u32, hop: u8) {
        let host = 2 * self.slots[slot as usize].domain as usize + usize::from(hop);
        if self.up[host] { self.after(0.2, Event::Delivered(slot)) } else { self.at(1.0, Event::Refused(slot, hop)) }
    }
}

fn unit(random: &mut Stream) -> f64 {
    mxsim::engine::random::unit_open(random.next_u64())
}

/// The scenario, one replication of it.
fn loaded() -> Loaded {
    let text = include_str!("../scenarios/mail_retry.ron").replace("replications: 10", "replications: 1");
    let source = Arc::new(SourceText { name: "mail_retry.ron".into(), text });
    load_source(&source, &[], &mut Memory::default()).unwrap_or_else(|problems| panic!("{}", render(&problems, false)))
}

/// Median and 99th percentile, seconds, and deliveries.
fn simulated(loaded: &Loaded) -> (f64, f64, f64) {
    let variants = loaded.variants.iter().map(|v| (v.name.clone(), Arc::clone(&v.model))).collect();
    let plan = Plan { variants, only: None, records: None };
    let results = execute(&plan, &AtomicBool::new(false), &|_| {}).unwrap_or_else(|why| panic!("{why}"));
    let rows = &results.variants[0].replications[0].rows;
    let of = |measure: &str, statistic: &str| {
        let row = rows.iter().find(|r| r.measure == measure && r.scope == "all" && r.statistic == statistic);
        row.map_or(f64::NAN, |row| row.value)
    };
    (of("delivery_latency", "p50"), of("delivery_latency", "p99"), of("deliveries", "count"))
}

fn compare(criterion: &mut Criterion) {
    let loaded = loaded();
    let (mut own, mut bare) = (Duration::ZERO, Duration::ZERO);
    let mut made = 0.0;
    for seed in 0..5 {
        let begun = Instant::now();
        let (p50, p99, count) = simulated(&loaded);
        own += begun.elapsed();
        made += count;
        let begun = Instant::now();
        let histogram = Bare::new(seed).run();
        bare += begun.elapsed();
        if seed == 0 {
            let at = |q| histogram.value_at_quantile(q) as f64 / 1e6;
            println!("mxsim p50 {p50:.3} s, p99 {p99:.0} s; bare p50 {:.3} s, p99 {:.0} s", at(0.5), at(0.99));
        }
    }
    let per = |time: Duration, deliveries: f64| time.as_secs_f64() * 1e9 / deliveries;
    let (own, bare) = (per(own, made), per(bare, 5.0 * DELIVERIES as f64));
    println!("mxsim {own:.0} ns a delivery, bare {bare:.0} ns: {:.2} times", own / bare);
    let mut group = criterion.benchmark_group("mail_retry");
    group.throughput(Throughput::Elements(DELIVERIES)).sample_size(10);
    group.bench_function("mxsim", |bencher| bencher.iter(|| black_box(simulated(&loaded))));
    group.bench_function("bare", |bencher| bencher.iter(|| black_box(Bare::new(1).run())));
    group.finish();
}

criterion_group!(benches, compare);
criterion_main!(benches);
