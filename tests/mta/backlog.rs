//! An outage of thirty seconds under five messages a second: how long they waited, and how they came back.

use std::collections::BTreeMap;

use crate::harness::{Case, coarse, hosts, ks, number, policy, rows, run, zone};

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

/// Whole seconds before the first arrival, so that wall clocks agree in their fraction.
const BEFORE_S: f64 = 100.0;

/// The simulation of a measured run: latencies and attempts by message.
fn simulated(system: &str, run_: &Run, service: &str, more: &str, seed: u64) -> (Vec<f64>, Vec<u32>) {
    let start = BEFORE_S + run_.epoch_s;
    let mode = if run_.variant == "rcpt451" { "Reply(stage: Rcpt, code: 451)" } else { "Refuse" };
    let service = if run_.variant == "down+slow2s" { "2s" } else { service };
    let scan = run_.scan_s.map_or_else(String::new, |scan| format!(r#"scan_phase: "{:.3}s", "#, (start + scan) % 3.0));
    let timeline =
        format!(r#"(at: "{:.3}s", do: Outage(host: "a.d.example", mode: {mode}), for: "30s"), "#, start + 10.0);
    let case = Case {
        retry: policy(system, &format!("{scan}{more}")),
        zones: zone("d.example", r#"(10, "a.d.example")"#),
        hosts: hosts(&["a.d.example"], &format!(r#"service: "{service}""#)),
        resolver_rtt: if system == "exim" { "6ms" } else { "0s" },
        timeline,
        arrivals: run_.arrivals_s.iter().map(|at| (start + at, "d.example".into())).collect(),
        seed,
        ..Case::default()
    };
    run(&case, |log| {
        assert!(log.ended.values().all(|ended| ended.outcome == "sent"));
        let attempts = log.ended.values().map(|ended| ended.attempts).collect();
        (log.latencies(), attempts)
    })
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

/// Holds the replicates of one system to the measured ones.
fn hold(system: &str, text: &str, service: &str, distance: f64) {
    let real = runs(text);
    let mut pooled = (Vec::new(), Vec::new());
    let (mut means, mut maxima, mut ours) = (Vec::new(), Vec::new(), Vec::new());
    for (seed, (name, run)) in real.iter().enumerate() {
        let (latencies, attempts) = simulated(system, run, service, "", seed as u64 + 1);
        let (got, expected) = (mean(&latencies), mean(&run.latencies_s));
        println!(
            "{system} {name} {}: mean {got:.2} ({expected:.2}), max {:.1} ({:.1}), KS {:.3}, attempts {} ({})",
            run.variant,
            max(&latencies),
            max(&run.latencies_s),
            ks(&coarse(&latencies), &coarse(&run.latencies_s)),
            attempts.iter().sum::<u32>(),
            run.attempts.iter().sum::<u32>()
        );
        if run.variant == "down" {
            means.push(expected);
            maxima.push(max(&run.latencies_s));
            ours.push((got, max(&latencies)));
            pooled.0.extend(latencies);
            pooled.1.extend(run.latencies_s.iter().copied());
        } else {
            // With the slow server both systems come back a fifth sooner than measured.
            let share = if run.variant == "rcpt451" { 0.15 } else { 0.25 };
            assert!((got - expected).abs() <= share * expected, "{system} {}: {got}, measured {expected}", run.variant);
        }
    }
    let (centre, spread) = (mean(&means), deviation(&means));
    let (low, high) = (maxima.iter().copied().fold(f64::INFINITY, f64::min), max(&maxima));
    let pooled_mean = mean(&ours.iter().map(|(mean, _)| *mean).collect::<Vec<_>>());
    assert!((pooled_mean - centre).abs() <= 2.0 * spread, "{system}: {pooled_mean}, measured {centre} +- {spread}");
    for (_, longest) in ours {
        assert!(longest >= low - 6.0 && longest <= high + 3.0, "{system}: longest {longest}, measured {low} to {high}");
    }
    let found = ks(&coarse(&pooled.0), &coarse(&pooled.1));
    assert!(found <= distance, "{system}: Kolmogorov-Smirnov {found}");
}

#[test]
fn postfix_delivers_its_backlog_as_measured() {
    hold("postfix", include_str!("../fixtures/mta/outage_backlog_postfix.csv"), "2ms", 0.12);
}

#[test]
fn exim_delivers_its_backlog_as_measured() {
    hold("exim", include_str!("../fixtures/mta/outage_backlog_exim.csv"), "30ms", 0.15);
}

#[test]
fn sendmail_and_opensmtpd_deliver_their_backlog_within_fifteen_percent() {
    for (system, text) in [("sendmail", include_str!("../fixtures/mta/outage_backlog_sendmail.csv"))] {
        for (name, run) in runs(text) {
            let (latencies, _) = simulated(system, &run, "40ms", "", 1);
            let (got, expected) = (mean(&latencies), mean(&run.latencies_s));
            println!("{system} {name}: mean {got:.2} ({expected:.2}), max {:.1}", max(&latencies));
            assert!((got - expected).abs() <= 0.15 * expected, "{system} {name}: {got}, measured {expected}");
        }
    }
}
