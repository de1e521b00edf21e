//! What caches hold through a change or an outage (residual lives; a Volterra equation; sums of uniform ages), seen cache
//! by cache, with the resolver `Ideal`.

use std::sync::atomic::AtomicBool;

use mxsim::dns::{DnsObserver, LookupRecord, Outcome};
use mxsim::engine::time::{SimDuration, SimTime};
use mxsim::faults::FaultObserver;
use mxsim::mail::MailObserver;
use mxsim::model::dns::Question;
use mxsim::model::{CacheId, DataId, Model};
use mxsim::scenario::tree::RecordType;
use mxsim::sim::Observer;

use crate::support::{assert_estimate, loaded};

/// Until when each cache holds what was stored before the first change of data, and what was answered.
#[derive(Default)]
struct Watch {
    old: Option<DataId>,
    until: Vec<SimTime>,
    stale_answers: u64,
    /// Instants of questions, and whether there was data.
    answers: Vec<(SimTime, bool)>,
    keeps_answers_from: SimTime,
}

impl DnsObserver for Watch {
    fn on_lookup(&mut self, record: &LookupRecord) {
        self.stale_answers += u64::from(record.answer.stale);
        if record.asked >= self.keeps_answers_from {
            self.answers.push((record.asked, matches!(record.answer.outcome, Outcome::Data(_))));
        }
    }
    fn on_store(&mut self, _now: SimTime, cache: CacheId, question: Question, data: DataId, until: SimTime) {
        if question.kind() == RecordType::Mx && *self.old.get_or_insert(data) == data {
            self.until[cache.index()] = until;
        }
    }
}
impl MailObserver for Watch {}
impl FaultObserver for Watch {}
impl Observer for Watch {}

fn watch(model: &Model, replication: u32, keeps_answers_from: SimTime) -> Watch {
    let until = vec![SimTime::ZERO; model.dns.caches.len()];
    let mut watch = Watch { until, keeps_answers_from, ..Watch::default() };
    mxsim::sim::run(model, replication, &mut watch, &AtomicBool::new(false)).unwrap_or_else(|why| panic!("{why}"));
    watch
}

/// `ages[i]`: in each replication, the share of the caches (those for which `is_asked`) that hold old data at that age; and
/// stale answers a cache.
fn stale_at(text: &str, change_s: u64, ages: &[u64], replications: u32, is_asked: impl Fn(&str) -> bool) -> Stale {
    let model = loaded(text).variants.remove(0).model;
    let asked: Vec<usize> = (0..model.dns.caches.len())
        .filter(|&cache| is_asked(&model.dns.resolvers[model.dns.caches[cache].resolver.index()].name))
        .collect();
    let mut stale = Stale { at: vec![Vec::new(); ages.len()], answers: Vec::new(), last_s: 0.0, mean_s: Vec::new() };
    let change = SimTime::from_secs(change_s);
    for replication in 0..replications {
        let watch = watch(&model, replication, SimTime::NEVER);
        for (shares, age) in stale.at.iter_mut().zip(ages) {
            let at = SimTime::from_secs(change_s + age);
            let count = asked.iter().filter(|&&cache| watch.until[cache] > at).count();
            shares.push(count as f64 / asked.len() as f64);
        }
        stale.answers.push(watch.stale_answers as f64 / asked.len() as f64);
        let ends = asked.iter().map(|&cache| watch.until[cache].since(change).as_secs_f64());
        stale.mean_s.push(ends.clone().sum::<f64>() / asked.len() as f64);
        stale.last_s = ends.fold(stale.last_s, f64::max);
    }
    stale
}

struct Stale {
    at: Vec<Vec<f64>>,
    answers: Vec<f64>,
    last_s: f64,
    mean_s: Vec<f64>,
}

fn world(ttl_s: u64, measure_s: u64, resolvers: &str, clients: &str, timeline: &str) -> String {
    format!(
        r#"(
        title: "changes",
        run: (measure: "{measure_s}s", drain: "0s", seed: 6),
        regions: {{ "here": (rtt: "0s") }},
        zones: {{
            "d.example": (ttls: (mx: "{ttl_s}s", ns: "3650d", glue: "3650d"), ns: ["ns.d.example"], mx: [(10, "old.example")]),
            "example": (ttls: (ns: "3650d", glue: "3650d"), ns: ["ns.example"]),
        }},
        servers: {{ "ns.example": (latency: "0s"), "ns.d.example": (latency: "0s") }},
        hosts: {{ "old.example": (), "new.example": () }},
        resolvers: {{ {resolvers} }},
        clients: {{ {clients} }},
        timeline: [ {timeline} ],
    )"#
    )
}

/// In how many parts of a TTL equally many caches begin: what an age cuts is then one part, and only that one is left to chance.
const STRATA: u32 = 20;

/// Caches of one client each, in equilibrium: fetches of a cache are TTL + Exp(rate) apart, so that at an instant it is empty
/// with chance 1 / (1 + rate TTL), and else holds something for the rest of a life, uniform over the TTL. Questions begin then.
/// From one TTL on, all that is held was fetched in the run.
fn caches(count: u32, rate: f64, ttl_s: u64, software: &str) -> (String, String) {
    let empty = (f64::from(count) / (1.0 + rate * ttl_s as f64)).round() as u32;
    let of_each = (f64::from(count - empty) / f64::from(STRATA)).round() as u32;
    let part_s = ttl_s as f64 / f64::from(STRATA);
    let parts = (0..STRATA).map(|part| (of_each, f64::from(part) * part_s, f64::from(part + 1) * part_s));
    let (mut resolvers, mut clients) = (String::new(), String::new());
    for (part, (count, from_s, to_s)) in parts.chain([(empty, 0.0, 0.001)]).enumerate().filter(|(_, (n, ..))| *n > 0) {
        let (more, asking) = caches_from(&format!("p{part}"), count, rate, (from_s, to_s), software);
        resolvers += &more;
        clients += &asking;
    }
    (resolvers, clients)
}

/// Caches of one client each whose questions begin within an interval, seconds.
fn caches_from(part: &str, count: u32, rate: f64, (from_s, to_s): (f64, f64), software: &str) -> (String, String) {
    (
        format!(r#""{part}-r{{i}}": (count: {count}, software: {software}),"#),
        format!(
            r#""{part}-c{{i}}": (count: {count}, resolver: "{part}-r{{i}}", asks: [("d.example", MX)],
                begins: "uniform({from_s}s, {to_s}s)", arrivals: Poisson(rate: "{rate}/s")),"#
        ),
    )
}

#[test]
fn stale_prelower() {
    // The TTL goes from T0 to T1 at -L, the data change at 0: E(u), the chance of no live entry, solves
    // E(u) = 1 - p0 (1 - u/T0)+ - int_{u-T1}^{u} lam E(v) dv. Cases o041..o044.
    type Case = (f64, u64, u64, u32, &'static [(u64, f64, f64)], f64, u64);
    let cases: [Case; 4] = [
        (
            0.01,
            86_400,
            0,
            200,
            &[
                (0, 0.998_843_930_6, 0.01),
                (150, 0.997_109_826_6, 0.01),
                (3600, 0.957_225_433_5, 0.01),
                (43_200, 0.499_421_965_3, 0.01),
            ],
            431.500_578,
            86_400,
        ),
        (
            0.01,
            86_400,
            43_200,
            200,
            &[(0, 0.874_530_346_8, 0.01), (150, 0.685_567_196_5, 0.01), (3600, 0.457_803_468_2, 0.01)],
            108.438_460_2,
            43_200,
        ),
        (
            0.01,
            3600,
            3600,
            8000,
            // Whoever fetched in the last second before the change: 412 of all caches.
            &[(0, 0.742_402_817_3, 0.01), (150, 0.378_796_700_4, 0.01), (299, 0.002_575_633_759, 0.06)],
            1.128_796_81,
            300,
        ),
        (
            0.002,
            3600,
            1800,
            3000,
            &[(0, 0.640_815_334_3, 0.01), (150, 0.506_764_452_2, 0.01), (1000, 0.195_121_951_2, 0.01)],
            0.852_153_161,
            1800,
        ),
    ];
    for (rate, ttl_s, lead_s, count, ages, answers, last_s) in cases {
        let (resolvers, clients) = caches(count, rate, ttl_s, "Ideal()");
        let (text, change_s) = lowered(ttl_s, lead_s, last_s, &resolvers, &clients);
        let instants: Vec<u64> = ages.iter().map(|(age, ..)| *age).collect();
        let stale = stale_at(&text, change_s, &instants, 20, |_| true);
        for ((age, expected, precision), shares) in ages.iter().zip(&stale.at) {
            assert_estimate(&format!("T0 {ttl_s} L {lead_s} age {age}"), shares, *expected, *precision);
        }
        assert_estimate(&format!("T0 {ttl_s} L {lead_s}: stale answers"), &stale.answers, answers, 0.01);
        let last = last_s as f64;
        assert!(stale.last_s <= last && stale.last_s > 0.95 * last, "T0 {ttl_s} L {lead_s}: {}", stale.last_s);
    }
    // Case o042 at age 43000: 0.002312138728 of all caches, those that fetched in the last 200 s before the TTL went down.
    // Only a cache whose questions begin not long before can be among them: of those that begin in the last 2000 s, which in
    // equilibrium are 2000 / (T0 + 1 / lam) of all, it is a tenth (but for e^-18).
    let (rate, ttl_s, lead_s) = (0.01, 86_400, 43_200);
    let (resolvers, clients) = caches_from("late", 600, rate, (84_400.0, 86_400.0), "Ideal()");
    let (text, change_s) = lowered(ttl_s, lead_s, 1, &resolvers, &clients);
    let stale = stale_at(&text, change_s, &[43_000], 20, |_| true);
    let weight = 2000.0 / (86_400.0 + 100.0);
    let shares: Vec<f64> = stale.at[0].iter().map(|share| weight * share).collect();
    assert_estimate("T0 86400 L 43200 age 43000", &shares, 0.002_312_138_728, 0.03);
}

/// Caches of a TTL in equilibrium, the TTL lowered to 300 s a `lead_s` before the data change; with the instant of the change.
fn lowered(ttl_s: u64, lead_s: u64, after_s: u64, resolvers: &str, clients: &str) -> (String, u64) {
    let change_s = ttl_s + lead_s;
    let timeline = format!(
        r#"(name: "lower", at: "{ttl_s}s", do: SetTtl(zone: "d.example", ttl: "300s", only: MX)),
        (name: "change", at: "{change_s}s", do: SetMx(zone: "d.example", mx: [(10, "new.example")])),"#
    );
    (world(ttl_s, change_s + after_s, resolvers, clients, &timeline), change_s)
}

#[test]
fn stale_chain_reset() {
    // n caches one behind the other, each of which keeps T whatever the one above has left: the sum of n uniform ages,
    // P(stale at t) = 1 - IrwinHall_n(t / T). Cases o045, o046. A question every T (and 10 ms, for a walk that took 1 ms) at
    // a random phase finds its cache's entry just over, so that each level is full at all times and its phase independent of
    // the others'. Levels are filled one after the other: a question from below to an empty cache would set its phase.
    //
    // Late ages take entries of all levels that end late: where all ages are uniform over the last 1/m of T, m^n times as
    // many are as old as that.
    type Case = (u64, i32, u32, u32, &'static [(u64, f64, f64)]);
    let cases: [Case; 5] = [
        (300, 2, 1, 1000, &[(100, 0.944_444_444_4, 0.01), (300, 0.5, 0.01)]),
        (300, 2, 2, 1000, &[(450, 0.125, 0.01)]),
        (300, 2, 10, 2000, &[(590, 0.000_555_555_555_6, 0.03)]),
        (3600, 3, 1, 3200, &[(3600, 0.833_333_333_3, 0.01), (7200, 0.166_666_666_7, 0.01)]),
        (3600, 3, 2, 3200, &[(9000, 0.020_833_333_33, 0.01)]),
    ];
    for (ttl_s, levels, late, count, ages) in cases {
        let (mut resolvers, mut clients) = (String::new(), String::new());
        for level in 0..levels {
            let upstream = if level > 0 { format!(", upstream: [\"l{}-{{i}}\"]", level - 1) } else { String::new() };
            let rules = format!("Ideal(min_ttl: \"{ttl_s}s\", max_ttl: \"{ttl_s}s\")");
            resolvers += &format!("\"l{level}-{{i}}\": (count: {count}, software: {rules}{upstream}),");
            let end_s = (level + 1) as f64 * ttl_s as f64;
            clients += &format!(
                r#""c{level}-{{i}}": (count: {count}, resolver: "l{level}-{{i}}", asks: [("d.example", MX)],
                    begins: "uniform({}s, {end_s}s)", arrivals: Periodic(every: "{ttl_s}.01s", offset: "0s")),"#,
                end_s - ttl_s as f64 / f64::from(late)
            );
        }
        let change_s = (levels as u64 + 1) * ttl_s;
        let timeline = format!(r#"(at: "{change_s}s", do: SetMx(zone: "d.example", mx: [(10, "new.example")])),"#);
        let text = world(ttl_s, change_s + levels as u64 * ttl_s, &resolvers, &clients, &timeline);
        let instants: Vec<u64> = ages.iter().map(|(age, ..)| *age).collect();
        let last = format!("l{}-", levels - 1);
        let stale = stale_at(&text, change_s, &instants, 20, |name| name.starts_with(&last));
        for ((age, expected, precision), shares) in ages.iter().zip(&stale.at) {
            let weight = f64::from(late).powi(-levels);
            let shares: Vec<f64> = shares.iter().map(|share| weight * share).collect();
            assert_estimate(&format!("{levels} levels, age {age}"), &shares, *expected, *precision);
        }
        if late == 1 {
            let mean_s = f64::from(levels) * ttl_s as f64 / 2.0;
            assert_estimate(&format!("{levels} levels: mean"), &stale.mean_s, mean_s, 0.01);
        }
        assert!(stale.last_s <= (levels as u64 * ttl_s) as f64, "{}", stale.last_s);
    }
}

#[test]
fn ttl_outage_rideout() {
    // P(cached u after the outage began) = p (1 - u/T)+, p = lam T / (1 + lam T). Cases o029..o031: share of questions
    // answered in the outage, in its middle and at its end.
    for (rate, ttl_s, outage_s, count, served, half) in [
        (0.01, 3600, 3600, 1000, 0.486_486_486_5, 0.486_486_486_5),
        (0.01, 1800, 3600, 1000, 0.236_842_105_3, 0.0),
        (0.001, 300, 900, 40_000, 0.038_461_538_46, 0.0),
    ] {
        let (resolvers, clients) = caches(count, rate, ttl_s, RIDEOUT);
        let (model, start) = outage(ttl_s, outage_s, &resolvers, &clients);
        let (mut all, mut middle) = (Vec::new(), Vec::new());
        for replication in 0..20 {
            let watch = watch(&model, replication, start);
            let share = |from_s: f64, to_s: f64| {
                let within = watch.answers.iter().filter(|(asked, _)| {
                    let age_s = asked.since(start).as_secs_f64();
                    (from_s..to_s).contains(&age_s)
                });
                let (served, all) = within
                    .fold((0u32, 0u32), |(served, all), (_, is_served)| (served + u32::from(*is_served), all + 1));
                f64::from(served) / f64::from(all)
            };
            let outage_s = outage_s as f64;
            all.push(share(0.0, outage_s));
            // The share falls in a straight line: a window around the middle has the middle's.
            middle.push(share(0.45 * outage_s, 0.55 * outage_s));
            let from_s = (ttl_s as f64).min(outage_s);
            assert!(from_s == outage_s || share(from_s, outage_s) == 0.0, "nothing outlives its TTL");
        }
        assert_estimate(&format!("T {ttl_s}: served"), &all, served, 0.01);
        // Where the TTL is shorter, none is served then: see above.
        if half > 0.0 {
            assert_estimate(&format!("T {ttl_s}: served at half"), &middle, half, 0.01);
        }
    }
    // Near the end of the first outage (at 0.995 of it) it is 1/200 of the beginning's share: those that fetched in the last
    // 18 s before it, all but e^-9.8 of them among the caches whose questions begin in the last 1000 s.
    let (resolvers, clients) = caches_from("late", 3000, 0.01, (2600.0, 3600.0), RIDEOUT);
    let (model, start) = outage(3600, 3600, &resolvers, &clients);
    let held = |replication: u32| {
        let watch = watch(&model, replication, SimTime::NEVER);
        let at = start + SimDuration::from_secs(3582);
        let count = watch.until.iter().filter(|until| **until > at).count();
        1000.0 / 3700.0 * count as f64 / watch.until.len() as f64
    };
    assert_estimate(
        "T 3600: held near the end",
        &(0..20).map(held).collect::<Vec<f64>>(),
        0.486_486_486_5 / 100.0,
        0.035,
    );
}

/// Tries a server that is down once, for 10 ms, and never remembers that it was.
const RIDEOUT: &str = r#"Ideal(max_ttl: "3650d", servfail_ttl: "0s", timeouts: ["10ms"])"#;

/// Caches in equilibrium, whose server is down from one TTL on; with the instant.
fn outage(ttl_s: u64, outage_s: u64, resolvers: &str, clients: &str) -> (Model, SimTime) {
    let timeline = format!(r#"(at: "{ttl_s}s", for: "{outage_s}s", do: Outage(server: "ns.d.example")),"#);
    let text = world(ttl_s, ttl_s + outage_s, resolvers, clients, &timeline);
    let model = loaded(&text).variants.remove(0).model;
    (std::sync::Arc::unwrap_or_clone(model), SimTime::from_secs(ttl_s))
}
