//! An outage of thirty seconds under five messages a second: how long they waited, and how they came back.

use std::collections::BTreeMap;

use crate::harness::{Case, coarse, hosts, ks, millis, number, policy, rows, run, zone};

/// One measured run.
#[derive(Default)]
struct Run {
    variant: String,
    epoch_s: f64,
    /// When scans fall, where that is known.
    scan_s: Option<f64>,
    arrivals_s: Vec<f64>,
    latencies_s: Vec<f64>,
    attempts: Vec<u32>,
}

fn runs(text: &str) -> BTreeMap<String, Run> {
    let mut runs: BTreeMap<String, Run> = BTreeMap::new();
    for row in rows(text) {
        let run = runs.entry(row["run"].clone()).or_default();
        run.variant = row["variant"].clone();
        run.epoch_s = number(&row, "epoch_s");
        run.scan_s = row.get("scan_s").map(|_| number(&row, "scan_s"));
        run.arrivals_s.push(number(&row, "arrival_s"));
        run.latencies_s.push(number(&row, "latency_s"));
        run.attempts.push(number(&row, "attempts") as u32);
    }
    runs
}

/// How a system's machine and server were.
struct Setup {
    system: &'static str,
    service: &'static str,
    host_rtt: &'static str,
    resolver_rtt: &'static str,
    client: String,
    /// From the first arrival to the outage, and how long it was.
    outage_s: (f64, f64),
}

impl Setup {
    /// What was delivered at once took 1 to 59 ms, the median 4: its machine's own time.
    fn postfix() -> Self {
        let (client, service) = ("()".into(), "lognormal(median 3.4ms, sigma 0.85)");
        Self { system: "postfix", service, host_rtt: "200us", resolver_rtt: "0s", client, outage_s: (10.0, 30.0) }
    }

    /// Each delivery is a process of its own; how many the machine got through is known from when it was busy, and what comes
    /// before a connection from when it was not. Of all runs the last refusal was logged 30.02 s after the outage began, the first
    /// acceptance 30.04 s after.
    fn exim(run: &str) -> Self {
        let machine = rows(include_str!("../fixtures/mta/outage_machine.csv"));
        let row = machine.iter().find(|row| row["run"] == run).expect("a row");
        let (all, quiet) = (number(row, "ms"), number(row, "first_ms"));
        // What a delivery took when it was alone, less its two look-ups and its session, comes before the connection: whether the
        // first refusal falls in the second of its message or in the next decides over the second of all later probes.
        let before = (quiet - 16.0).clamp(1.0, all);
        let client =
            format!(r#"(processors: 1, processor_time: "{before}ms", processor_time_after: "{}ms")"#, all - before);
        Self { system: "exim", service: "2ms", host_rtt: "1ms", resolver_rtt: "6ms", client, outage_s: (10.0, 30.02) }
    }

    fn sendmail() -> Self {
        let client = "()".into();
        Self {
            system: "sendmail",
            service: "40ms",
            host_rtt: "1ms",
            resolver_rtt: "0s",
            client,
            outage_s: (10.0, 30.0),
        }
    }

    /// Its clock ran twenty times as fast as the server's, so that a session of 60 ms took 1.2 s of it.
    fn opensmtpd() -> Self {
        let client = "()".into();
        Self {
            system: "opensmtpd",
            service: "1200ms",
            host_rtt: "1ms",
            resolver_rtt: "0s",
            client,
            outage_s: (300.0, 707.0),
        }
    }
}

/// Whole seconds before the first arrival, so that wall clocks agree in their fraction.
const BEFORE_S: f64 = 100.0;

/// What became of the messages of a run.
struct Outcome {
    arrivals_s: Vec<f64>,
    latencies_s: Vec<f64>,
    attempts: Vec<u32>,
}

/// The simulation of a measured run.
fn simulated(setup: &Setup, run_: &Run, seed: u64) -> Outcome {
    let start = BEFORE_S + run_.epoch_s;
    let mode = if run_.variant == "rcpt451" { "Reply(stage: Rcpt, code: 451)" } else { "Refuse" };
    let service = if run_.variant == "down+slow2s" { "2s" } else { setup.service };
    let scan = run_.scan_s.map_or_else(String::new, |scan| format!(r#"scan_phase: "{:.3}s", "#, (start + scan) % 3.0));
    let (down_s, lasts_s) = setup.outage_s;
    let at = format!(r#"at: "{:.3}s""#, start + down_s);
    let outage = format!(r#"({at}, do: Outage(host: "a.d.example", mode: {mode}), for: "{lasts_s}s"), "#);
    // What was under way when the server went down was broken off: of the slow one ten messages.
    let closes = format!(r#"({at}, do: CloseSessions(host: "a.d.example")), "#);
    let case = Case {
        retry: policy(setup.system, &scan),
        client: setup.client.clone(),
        zones: zone("d.example", r#"(10, "a.d.example")"#),
        hosts: hosts(&["a.d.example"], &format!(r#"service: "{service}""#)),
        host_rtt: setup.host_rtt,
        resolver_rtt: setup.resolver_rtt,
        timeline: if mode == "Refuse" { outage + &closes } else { outage },
        arrivals: run_.arrivals_s.iter().map(|at| (start + at, "d.example".into())).collect(),
        drain_s: 4000,
        seed,
        ..Case::default()
    };
    run(&case, |log| {
        assert!(log.ended.values().all(|ended| ended.outcome == "sent"));
        // OpenSMTPD's log does not tell a failed connection from none, for want of a route.
        let suspensions = u32::from(setup.system == "opensmtpd");
        let attempts = log.ended.values().map(|ended| ended.attempts + suspensions * ended.suspensions).collect();
        Outcome { arrivals_s: run_.arrivals_s.clone(), latencies_s: log.latencies(), attempts }
    })
}

fn measured(run: &Run) -> Outcome {
    let (latencies_s, attempts) = (run.latencies_s.clone(), run.attempts.clone());
    Outcome { arrivals_s: run.arrivals_s.clone(), latencies_s, attempts }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn max(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

fn deviation(values: &[f64]) -> f64 {
    let centre = mean(values);
    (values.iter().map(|value| (value - centre).powi(2)).sum::<f64>() / (values.len() - 1) as f64).sqrt()
}

/// Shares of messages with 1 to 7 attempts, and with more.
fn histogram(attempts: &[u32]) -> [f64; 8] {
    let mut shares = [0.0; 8];
    for &n in attempts {
        shares[(n as usize).clamp(1, 8) - 1] += 1.0 / attempts.len() as f64;
    }
    shares
}

/// The share of messages that would have to move for two histograms to be equal.
fn moved(left: &[u32], right: &[u32]) -> f64 {
    histogram(left).iter().zip(histogram(right)).map(|(left, right)| (left - right).abs()).sum::<f64>() / 2.0
}

/// When those were delivered that had waited for a second, in order.
fn returns(outcome: &Outcome) -> Vec<f64> {
    let pairs = outcome.arrivals_s.iter().zip(&outcome.latencies_s);
    let mut times: Vec<f64> =
        pairs.filter(|(_, latency)| **latency > 1.0).map(|(arrival, latency)| arrival + latency).collect();
    times.sort_by(f64::total_cmp);
    times
}

/// Holds the replicates of one system to the measured ones. `shape` looks at a run and at its simulation alike.
fn hold(text: &str, setup: impl Fn(&str) -> Setup, distance: f64, shape: impl Fn(&Run, &Outcome)) {
    let mut pooled: [Outcome; 2] =
        std::array::from_fn(|_| Outcome { arrivals_s: Vec::new(), latencies_s: Vec::new(), attempts: Vec::new() });
    let (mut means, mut maxima, mut ours) = (Vec::new(), Vec::new(), Vec::new());
    for (seed, (name, run)) in runs(text).iter().enumerate() {
        let setup = setup(name);
        let (got, real) = (simulated(&setup, run, seed as u64 + 1), measured(run));
        let label = format!("{} {name} {}", setup.system, run.variant);
        let (got_mean, real_mean) = (mean(&got.latencies_s), mean(&real.latencies_s));
        let (got_max, real_max) = (max(&got.latencies_s), max(&real.latencies_s));
        let histograms = moved(&got.attempts, &real.attempts);
        println!(
            "{label}: mean {got_mean:.2} ({real_mean:.2}), max {got_max:.1} ({real_max:.1}), KS {:.3}, attempts {:?} ({:?}): {histograms:.3}",
            ks(&coarse(&got.latencies_s), &coarse(&real.latencies_s)),
            histogram(&got.attempts).map(|share| (share * 300.0).round()),
            histogram(&real.attempts).map(|share| (share * 300.0).round()),
        );
        if run.variant == "down" {
            shape(run, &real);
            shape(run, &got);
            means.push(real_mean);
            maxima.push(real_max);
            ours.push((got_mean, got_max));
            for (pooled, one) in pooled.iter_mut().zip([got, real]) {
                pooled.latencies_s.extend(one.latencies_s);
                pooled.attempts.extend(one.attempts);
            }
        } else {
            assert!((got_mean - real_mean).abs() <= 0.15 * real_mean, "{label}: {got_mean}, measured {real_mean}");
            assert!((got_max - real_max).abs() <= 3.0, "{label}: {got_max}, measured {real_max}");
            assert!(histograms <= 0.1, "{label}: {histograms} of the messages made another number of attempts");
        }
    }
    let (centre, spread) = (mean(&means), deviation(&means));
    let (low, high) = (maxima.iter().copied().fold(f64::INFINITY, f64::min), max(&maxima));
    let pooled_mean = mean(&ours.iter().map(|(mean, _)| *mean).collect::<Vec<_>>());
    let found = ks(&millis(&pooled[0].latencies_s), &millis(&pooled[1].latencies_s));
    let histograms = moved(&pooled[0].attempts, &pooled[1].attempts);
    println!("pooled: mean {pooled_mean:.2} ({centre:.2} +- {spread:.2}), KS {found:.3}, attempts {histograms:.3}");
    assert!((pooled_mean - centre).abs() <= 2.0 * spread, "{pooled_mean}, measured {centre} +- {spread}");
    for (_, longest) in ours {
        assert!(longest >= low - 3.0 && longest <= high + 3.0, "longest {longest}, measured {low} to {high}");
    }
    assert!(found <= distance, "Kolmogorov-Smirnov {found}");
    assert!(histograms <= 0.03, "{histograms} of the messages made another number of attempts");
}

#[test]
fn postfix_delivers_its_backlog_as_measured() {
    // In pulses: what waited comes back in the whole second of a scan of the deferred queue, or just after it.
    let pulses = |run: &Run, outcome: &Outcome| {
        let times = returns(outcome);
        let second = (run.epoch_s + run.scan_s.expect("its phase")).floor() - run.epoch_s;
        let near = times.iter().filter(|time| (*time - second).rem_euclid(3.0) < 1.1).count();
        assert!(near as f64 >= 0.95 * times.len() as f64, "{near} of {} came with a scan", times.len());
        // And in several of them.
        let mut scans: Vec<i64> = times.iter().map(|time| ((time - second) / 3.0) as i64).collect();
        scans.dedup();
        assert!(scans.len() >= 4, "{scans:?}");
    };
    hold(include_str!("../fixtures/mta/outage_backlog_postfix.csv"), |_| Setup::postfix(), 0.07, pulses);
}

#[test]
fn exim_delivers_its_backlog_as_measured() {
    // In one batch: from the first that comes back to the last no second passes without one.
    let batch = |_: &Run, outcome: &Outcome| {
        let times = returns(outcome);
        let widest = times.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
        assert!(times.len() > 130 && widest < 1.0, "{} came back, with a gap of {widest} s", times.len());
    };
    hold(include_str!("../fixtures/mta/outage_backlog_exim.csv"), Setup::exim, 0.12, batch);
}

#[test]
fn each_replicate_of_exim_is_one_that_the_simulation_makes() {
    // When all is released depends on probes of five seconds each, the last of them within hundredths of a second of the
    // outage's end: a replicate has one of two means, 3 s apart. The eighth would need its host back 10 ms earlier.
    let is_near = |name: &str, run: &Run| {
        let real = mean(&run.latencies_s);
        let means: Vec<f64> = (1..=8).map(|seed| mean(&simulated(&Setup::exim(name), run, seed).latencies_s)).collect();
        println!("{name}: {means:.2?}, measured {real:.2}");
        means.iter().any(|mean| (mean - real).abs() <= 0.1 * real)
    };
    let all = runs(include_str!("../fixtures/mta/outage_backlog_exim.csv"));
    let near = all.iter().filter(|(_, run)| run.variant == "down").filter(|(name, run)| is_near(name, run)).count();
    assert!(near >= 7, "{near} of 8");
}

#[test]
fn sendmail_and_opensmtpd_deliver_their_backlog_within_fifteen_percent() {
    for (setup, text) in [
        (Setup::sendmail(), include_str!("../fixtures/mta/outage_backlog_sendmail.csv")),
        (Setup::opensmtpd(), include_str!("../fixtures/mta/outage_backlog_opensmtpd.csv")),
    ] {
        for (name, run) in runs(text) {
            let (got, real) = (simulated(&setup, &run, 1), measured(&run));
            let (got_mean, real_mean) = (mean(&got.latencies_s), mean(&real.latencies_s));
            let histograms = moved(&got.attempts, &real.attempts);
            println!(
                "{} {name}: mean {got_mean:.2} ({real_mean:.2}), max {:.1} ({:.1}), KS {:.3}, attempts {:?} ({:?}): {histograms:.3}",
                setup.system,
                max(&got.latencies_s),
                max(&real.latencies_s),
                ks(&coarse(&got.latencies_s), &coarse(&real.latencies_s)),
                histogram(&got.attempts).map(|share| (share * 300.0).round()),
                histogram(&real.attempts).map(|share| (share * 300.0).round()),
            );
            assert!((got_mean - real_mean).abs() <= 0.15 * real_mean, "{got_mean}, measured {real_mean}");
            assert!((max(&got.latencies_s) - max(&real.latencies_s)).abs() <= 3.0);
            assert!(histograms <= 0.1, "{histograms} of the messages made another number of attempts");
        }
    }
}
