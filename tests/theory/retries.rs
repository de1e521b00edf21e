//! Retry schedules against outages (memorylessness; direct integration), with ideal timers where the theory has them.

use crate::support::{assert_estimate, assert_measure, run, values};

/// Messages that arrive in outages of a host. `host` says how it fails.
fn outages(host: &str, retry: &str, arrivals: &str, window: &str, timeline: &str, replications: u32) -> String {
    format!(
        r#"(
        title: "retries",
        run: (measure: "{window}", drain: "20d", replications: {replications}, seed: 61),
        regions: {{ "here": (rtt: "0s") }},
        zones: {{
            "d{{i}}.example": (count: 2000, ttls: (mx: "3650d", a: "3650d", ns: "3650d", glue: "3650d"),
                ns: ["ns.d.example"], mx: [(10, "mx.d{{i}}.example")]),
            "example": (ttls: (ns: "3650d", glue: "3650d"), ns: ["ns.example"]),
        }},
        servers: {{ "ns.example": (latency: "0s"), "ns.d.example": (latency: "0s") }},
        hosts: {{ "mx.d{{i}}.example": (count: 2000, refusal: "0s", {host}) }},
        resolvers: {{ "r": (software: Ideal()) }},
        senders: {{ "s": (
            resolver: "r", arrivals: {arrivals}, to: Uniform(zones: "d{{i}}.example"), retry: {retry},
        ) }},
        timeline: [ {timeline} ],
    )"#
    )
}

const POSTFIX: &str = r#"Custom(schedule: Age(min: "300s", max: "4000s"), lifetime: "432000s")"#;

#[test]
fn retry_outage() {
    // P(delay = t_k) = exp(-mu t_(k-1)) - exp(-mu t_k). Down times are exponential and far apart: a message that finds
    // its host down meets an exponential residual. Cases o070..: Postfix-like ideal timers, and tables.
    for (retry, mean_down, delay, attempts) in [
        (POSTFIX, 300, 514.349_329_4, 2.521_865_938),
        (POSTFIX, 3600, 4_747.762_023, 5.389_429_821),
        (r#"Custom(schedule: Constant("1800s"), lifetime: "432000s")"#, 3600, 4_574.689_349, 3.541_494_083),
        ("Qmail()", 3600, 4_796.044_504, 4.158_680_776),
    ] {
        // Outages so far apart that a retry hardly ever meets a second one: up 300 times as long as down.
        let host = format!(r#"up: "exponential({}s)", down: "exponential({mean_down}s)""#, mean_down * 300);
        let results = run(&outages(&host, retry, r#"Poisson(rate: "2/s")"#, "200000s", "", 40));
        // Conditional on a failed first attempt: means over all, divided by the share that failed.
        let failed: Vec<f64> =
            values(&results, "first_attempt_success", "all", "share").iter().map(|ok| 1.0 - ok).collect();
        let mean = values(&results, "delivery_latency", "all", "mean");
        let tries = values(&results, "attempts_per_delivery", "all", "mean");
        // Ratio estimates: the sum over replications of delays over the sum of failures; the error by the delta method.
        let ratio = |top: Vec<f64>, what: &str, expected: f64| {
            let share = failed.iter().sum::<f64>() / failed.len() as f64;
            let adjusted: Vec<f64> =
                top.iter().zip(&failed).map(|(top, failed)| expected + (top - expected * failed) / share).collect();
            // One in three hundred outages is followed by another within a message's wait: less than 0.5 % of the value.
            let (got, error) = crate::support::estimate(&adjusted);
            assert!(error < 0.015 * expected, "{what}: standard error {error} of {expected}");
            assert!(
                (got - expected).abs() < 4.0 * error + 0.005 * expected,
                "{retry} {mean_down} {what}: {got} +- {error}, theory {expected}"
            );
        };
        ratio(mean, "delay", delay);
        ratio(tries.iter().map(|tries| tries - 1.0).collect(), "retries", attempts - 1.0);
    }
}

#[test]
fn retry_fixed_outage() {
    // One outage of length D, arrivals uniform in it: mean delay, attempts, longest delay. Cases o101, o102, o105.
    for (retry, d, delay, attempts, longest) in [
        (POSTFIX, 1800u64, 1350.0, 3.833_333_333, 2400.0),
        (POSTFIX, 10_000, 6595.0, 6.19, 12_800.0),
        ("Qmail()", 10_000, 6320.0, 4.8, 10_000.0),
    ] {
        let timeline = format!(r#"(name: "outage", at: "0s", do: Outage(host: "mx.d{{i}}.example"), for: "{d}s")"#);
        let arrivals = format!(r#"Burst(at: "0s", count: 100000, over: "{d}s")"#);
        let results = run(&outages("", retry, &arrivals, &format!("{d}s"), &timeline, 2));
        // Even arrivals integrate the schedule exactly but for their spacing: 1e-4 of D.
        let mean = values(&results, "delivery_latency", "all", "mean")[0];
        assert!((mean - delay).abs() < 2e-4 * d as f64, "{retry} {d}: {mean}, theory {delay}");
        let tries = values(&results, "attempts_per_delivery", "all", "mean")[0];
        assert!((tries - attempts).abs() < 1e-3, "{retry} {d}: {tries}, theory {attempts}");
        let max = values(&results, "delivery_latency", "all", "max")[0];
        // The first message of all pays for the walk from the root: some milliseconds.
        assert!((max - longest).abs() < 0.02, "{retry} {d}: {max}, theory {longest}");
    }
}

#[test]
fn retry_postfix_scan() {
    // A fixed outage D and the scan of 300 s at a random phase: attempts at 300 + phi, 900 + phi, 2100 + phi, 4500 + phi,
    // 8700 + phi. Every message in an outage of 1800 s ends at its first attempt at or after its end:
    // with a in (0, D) the age at the repair, E[delay] integrates min{t_k >= a} over a and phi in (0, 300).
    let timeline = r#"(name: "outage", at: "0s", do: Outage(host: "mx.d{i}.example"), for: "1800s")"#;
    let retry = r#"Custom(schedule: Age(min: "300s", max: "4000s"), scan: "300s", lifetime: "432000s")"#;
    let text = outages("", retry, r#"Burst(at: "0s", count: 20000, over: "1800s")"#, "1800s", timeline, 40);
    let results = run(&text);
    let offsets = [0.0, 300.0, 900.0, 2100.0, 4500.0];
    let delay = |age: f64, phi: f64| {
        offsets.iter().map(|t| if *t == 0.0 { 0.0 } else { t + phi }).find(|t| *t >= age).unwrap_or(f64::NAN)
    };
    let mut sum = 0.0;
    let (ages, phases) = (1800, 300);
    for age in 0..ages {
        for phi in 0..phases {
            sum += delay(age as f64 + 0.5, phi as f64 + 0.5);
        }
    }
    let expected = sum / f64::from(ages * phases);
    assert_measure(&results, "delivery_latency", "all", "mean", expected, 0.01);
}

#[test]
fn retry_phase() {
    // Retries at phi + k h with phi ~ U(0, h): E[delay] = 1/mu + h/2, E[retries] = 1 + 1/(mu h). Cases o107, o108:
    // the schedule is due at once and taken up by scans. Outages as in `retry_outage`.
    for (mean_down, h, delay, retries) in [(3600u64, 1800u64, 4500.0, 3.0), (300, 3600, 2100.0, 1.083_333_333)] {
        let retry = format!(r#"Custom(schedule: Constant("1ns"), scan: "{h}s", lifetime: "4320000s")"#);
        let host = format!(r#"up: "exponential({}s)", down: "exponential({mean_down}s)""#, mean_down.max(h) * 300);
        let results = run(&outages(&host, &retry, r#"Poisson(rate: "2/s")"#, "200000s", "", 40));
        let failed: Vec<f64> =
            values(&results, "first_attempt_success", "all", "share").iter().map(|ok| 1.0 - ok).collect();
        let share = failed.iter().sum::<f64>() / failed.len() as f64;
        for (values, expected) in [
            (values(&results, "delivery_latency", "all", "mean"), delay),
            (
                values(&results, "attempts_per_delivery", "all", "mean").iter().map(|tries| tries - 1.0).collect(),
                retries,
            ),
        ] {
            let adjusted: Vec<f64> =
                values.iter().zip(&failed).map(|(top, failed)| expected + (top - expected * failed) / share).collect();
            let (got, error) = crate::support::estimate(&adjusted);
            assert!(error < 0.02 * expected, "standard error {error} of {expected}");
            assert!((got - expected).abs() < 4.0 * error + 0.005 * expected, "{got} +- {error}, theory {expected}");
        }
    }
}

#[test]
fn herd() {
    // N messages in stationary backoff, the host back at 0: in the first w = 10 s come N w / c (no jitter, random phase),
    // 2 N / c (w - w^2 / 2c) (full jitter), 4 N w / 3c (equal jitter). Cases o151..o153: N 10000, c 300.
    for (jitter, first) in [("Off", 333.333_333_3), ("Full", 655.555_555_6), ("Equal", 444.444_444_4)] {
        // All messages arrive evenly in the first 300 s, the outage lasts two hours more: 24 intervals and more.
        let timeline = r#"(name: "outage", at: "0s", do: Outage(host: "mx.d{i}.example"), for: "7500s")"#;
        let retry = format!(r#"Custom(schedule: Constant("300s"), jitter: {jitter}, lifetime: "432000s")"#);
        let arrivals = r#"Burst(at: "0s", count: 10000, over: "300s")"#;
        let text = outages("", &retry, arrivals, "7500s", timeline, 40);
        let results = run(&text);
        let latencies = values(&results, "retries_at_recovery", "event:outage", "count");
        assert_estimate("retries in five minutes", &latencies, 10_000.0, 0.01);
        let in_ten: Vec<f64> = results.variants[0]
            .replications
            .iter()
            .map(|r| {
                r.rows
                    .iter()
                    .find(|row| row.measure == "retries_at_recovery" && row.statistic == "first_10s")
                    .map_or(f64::NAN, |row| row.value)
            })
            .collect();
        if jitter != "Off" {
            assert_estimate("retries in ten seconds", &in_ten, first, 0.01);
        } else {
            // Even arrivals and no jitter: every interval brings the same, exactly but for its ends.
            assert!(in_ten.iter().all(|n| (n - first).abs() <= 1.0), "{in_ten:?}");
        }
    }
}
