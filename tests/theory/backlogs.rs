//! What an outage leaves behind and how it comes back: stages of backoff, herds, drains, breakdowns.

use std::fmt::Write;
use std::sync::atomic::AtomicBool;

use mxsim::dns::DnsObserver;
use mxsim::engine::time::SimTime;
use mxsim::faults::FaultObserver;
use mxsim::mail::{Delivery, End, MailObserver};
use mxsim::model::HostId;
use mxsim::sim::Observer;

use crate::support::{assert_estimate, loaded, run, values};

/// One host, no round trips, no DNS delay, endless patience.
fn scenario(run: &str, host: &str, senders: &str, timeline: &str) -> String {
    format!(
        r#"(
        title: "backlog",
        run: ({run}),
        regions: {{ "here": (rtt: "0s") }},
        zones: {{
            "d.example": (ttls: (mx: "3650d", a: "3650d", ns: "3650d", glue: "3650d"), ns: ["ns.d.example"],
                mx: [(10, "mx.d.example")]),
            "example": (ttls: (ns: "3650d", glue: "3650d"), ns: ["ns.example"]),
        }},
        servers: {{ "ns.example": (latency: "0s"), "ns.d.example": (latency: "0s") }},
        hosts: {{ "mx.d.example": (refusal: "0s", {host}) }},
        resolvers: {{ "r": (software: Ideal()) }},
        senders: {{ {senders} }},
        timeline: [ {timeline} ],
    )"#
    )
}

fn sender(name: &str, arrivals: &str, schedule: &str) -> String {
    format!(
        r#""{name}": (
            resolver: "r", arrivals: {arrivals}, to: Weights({{"d.example": 1.0}}),
            retry: Custom(schedule: {schedule}, lifetime: "60d"),
            client: (greeting_timeout: "60d", connect_timeout: "60d", timeouts: (ehlo: "60d", starttls: "60d", mail: "60d",
                rcpt: "60d", data: "60d", block: "60d", end_of_data: "60d")),
        ), "#
    )
}

/// Attempts, ends and the host's load, as they come.
#[derive(Default)]
struct Watch {
    /// Of each delivery: when it was created and ended, and its attempts.
    ended: Vec<(f64, f64, u32)>,
    /// When second attempts began.
    second_attempts: Vec<f64>,
    /// When the host's sessions and backlog changed, and their sum.
    load: Vec<(f64, u32)>,
}

impl DnsObserver for Watch {}
impl FaultObserver for Watch {}
impl Observer for Watch {}
impl MailObserver for Watch {
    fn on_attempt_start(&mut self, now: SimTime, delivery: &Delivery) {
        if delivery.attempts == 2 {
            self.second_attempts.push(now.as_secs_f64());
        }
    }

    fn on_end(&mut self, now: SimTime, delivery: &Delivery, _: End) {
        self.ended.push((delivery.created.as_secs_f64(), now.as_secs_f64(), delivery.attempts));
    }

    fn on_host_load(&mut self, now: SimTime, _: HostId, sessions: u32, backlog: u32) {
        self.load.push((now.as_secs_f64(), sessions + backlog));
    }
}

fn watch(text: &str, replication: u32) -> Watch {
    let mut watch = Watch::default();
    let loaded = loaded(text);
    mxsim::sim::run(&loaded.variants[0].model, replication, &mut watch, &AtomicBool::new(false))
        .expect("within the budget");
    watch
}

#[test]
fn backlog_stage() {
    // Waiting for attempt k + 1: lam times the part of [t_k, t_k+1) below D; they return at rate lam each over the gap.
    // Cases o158, o159, with ten messages a second, evenly: exact but for one message a stage.
    let exim = r#"Table(["900s", "1800s", "2700s", "3600s", "4500s", "5400s", "6300s", "7200s", "10800s", "16200s"])"#;
    for (schedule, down_s, waiting, rates) in [
        (r#"Age(min: "300s", max: "4000s")"#, 3600u32, &[300.0, 300.0, 600.0, 1200.0, 1200.0][..], [4.0, 2.0, 1.0]),
        (exim, 10_000, &[900.0, 900.0, 900.0, 900.0, 900.0, 900.0, 900.0, 900.0, 2800.0], [8.0, 8.0, 1.0]),
    ] {
        let lam = 10;
        let arrivals = format!(r#"Burst(at: "0s", count: {}, over: "{down_s}s")"#, lam * down_s);
        let timeline = format!(r#"(at: "0s", do: Outage(host: "mx.d.example"), for: "{down_s}s")"#);
        let text = scenario(
            &format!(r#"measure: "{down_s}s", drain: "10d", replications: 1, seed: 5"#),
            "",
            &sender("s", &arrivals, schedule),
            &timeline,
        );
        let watch = watch(&text, 0);
        assert_eq!(watch.ended.len() as u32, lam * down_s);
        for (stage, expected) in (1..).zip(waiting) {
            let found = watch.ended.iter().filter(|(.., attempts)| *attempts == stage + 1).count();
            let found = found as f64 / f64::from(lam);
            assert!((found - expected).abs() <= 0.2, "stage {stage} of {down_s}: {found}, theory {expected}");
        }
        let at = |x: f64| f64::from(down_s) + x;
        for (x, expected) in [1.0, 301.0, 1501.0].into_iter().zip(rates) {
            let near = watch.ended.iter().filter(|(_, ended, _)| (-0.5..0.5).contains(&(ended - at(x)))).count();
            let rate = near as f64 / f64::from(lam);
            assert!((rate - expected).abs() <= 0.1 * expected, "rate at {x}: {rate}, theory {expected}");
        }
    }
}

#[test]
fn herd_peak() {
    // E[max of Multinomial(N, 1 / B)] over slots of a second. Cases o154, o155.
    for (n, slots, expected, replications) in [(1000, 60, 26.845_366_39, 120), (10_000, 300, 51.121_024_9, 60)] {
        let text = scenario(
            &format!(r#"measure: "11s", drain: "1d", replications: {replications}, seed: 6"#),
            "",
            // The first message of all walks from the root; with its answers the others take no time.
            &(sender("warm", r#"Burst(at: "0s", count: 1)"#, r#"Constant("1h")"#)
                + &sender(
                    "s",
                    &format!(r#"Burst(at: "10s", count: {n})"#),
                    &format!(r#"Constant("{slots}s"), jitter: Full"#),
                )),
            r#"(at: "10s", do: Outage(host: "mx.d.example"), for: "1us")"#,
        );
        let peaks: Vec<f64> = (0..replications)
            .map(|replication| {
                let mut counts = vec![0u32; slots + 1];
                let watch = watch(&text, replication);
                assert_eq!(watch.second_attempts.len(), n);
                watch.second_attempts.iter().for_each(|at| counts[(*at - 10.0) as usize] += 1);
                f64::from(counts.into_iter().max().unwrap_or(0))
            })
            .collect();
        assert_estimate(&format!("peak of {n} over {slots}"), &peaks, expected, 0.01);
    }
}

#[test]
fn herd_fluid() {
    // N messages that retry each h at even phases, fresh load l, capacity m: the queue grows for h to N + (l - m) h, and is
    // gone at N / (m - l). Cases o156, o157: evenly spaced, so a fluid but for single messages.
    for (n, peak, clear_s) in [(36_000, 24_000.0, 900.0), (3000, 0.0, 300.0)] {
        let waiting = sender("s", &format!(r#"Burst(at: "0s", count: {n}, over: "300s")"#), r#"Constant("300s")"#);
        let fresh = sender("fresh", r#"Burst(at: "600s", count: 12000, over: "1200s")"#, r#"Constant("300s")"#);
        let text = scenario(
            r#"measure: "1800s", drain: "10d", replications: 1, seed: 7"#,
            r#"sessions: 1, service: "20ms", backlog: 100000"#,
            &(waiting + &fresh),
            r#"(at: "0s", do: Outage(host: "mx.d.example"), for: "600s")"#,
        );
        let watch = watch(&text, 0);
        let highest = f64::from(watch.load.iter().map(|(_, load)| *load).max().unwrap_or(0));
        // Two messages may meet in one instant of the other case.
        assert!((highest - peak).abs() <= 0.002 * peak + 3.0, "peak {highest}, theory {peak}");
        // All are back after h; if that is more than the host can take, the queue is empty later.
        let back = watch.ended.iter().filter(|(created, ..)| *created < 300.0).map(|(_, ended, _)| ended - 600.0);
        let back = back.fold(0.0, f64::max);
        let empty = watch
            .load
            .iter()
            .find(|(at, load)| *at > 600.0 + back && *load == 0)
            .map_or(f64::NAN, |(at, _)| at - 600.0);
        let cleared = if peak > 0.0 { empty } else { back };
        assert!((cleared - clear_s).abs() <= 0.003 * clear_s, "cleared at {cleared}, theory {clear_s}");
    }
}

#[test]
fn drain() {
    // A server that stands still for D: peak lam D, empty (lam D + 1) / (mu - lam) after its repair, mean delay of those who
    // came in between D / 2. Cases o063, o064.
    for (mu, service, down_s, peak, drained_s, affected, delay_s, replications) in [
        (20.0, "exponential(50ms)", 3600.0, 36_000.0, 3600.1, 72_000.0, 1800.0, 12),
        (12.0, "exponential(83333333ns)", 600.0, 6000.0, 3002.5, 36_000.0, 300.0, 60),
    ] {
        let window = 100.0 + down_s + 2.0 * drained_s;
        let text = scenario(
            &format!(r#"measure: "{window}s", drain: "10d", replications: {replications}, seed: 8"#),
            &format!(r#"sessions: 1, service: "{service}", backlog: 200000"#),
            &sender("s", r#"Poisson(rate: "10/s")"#, r#"Constant("1h")"#),
            &format!(r#"(at: "100s", do: Outage(host: "mx.d.example", mode: Freeze), for: "{down_s}s")"#),
        );
        let mut found: [Vec<f64>; 4] = Default::default();
        for replication in 0..replications {
            let watch = watch(&text, replication);
            let repaired = 100.0 + down_s;
            let highest = watch.load.iter().map(|(_, load)| *load).max().unwrap_or(0);
            let empty = watch.load.iter().find(|(at, load)| *at > repaired && *load == 0).expect("it drains").0;
            let hit: Vec<f64> = (watch.ended.iter())
                .filter(|(created, ..)| *created > 100.0 && *created <= empty)
                .map(|(created, ended, _)| ended - created)
                .collect();
            found[0].push(f64::from(highest));
            found[1].push(empty - repaired);
            found[2].push(hit.len() as f64);
            found[3].push(hit.iter().sum::<f64>() / hit.len() as f64);
        }
        // The fluid leaves out what an M/M/1 has in it at the beginning, rho / (1 - rho), and the service of each: less than
        // one part in a thousand of the peak, and 1 / (mu - lam) of the delay.
        let before = 10.0 / (mu - 10.0);
        assert_estimate("peak", &found[0], peak + before, 0.01);
        assert_estimate("drained", &found[1], drained_s + (before - 1.0) / (mu - 10.0), 0.01);
        assert_estimate("affected", &found[2], affected, 0.01);
        assert_estimate("delay", &found[3], delay_s, 0.01);
    }
}

/// Independent uniform numbers of the test's own.
struct Uniforms(u64);

impl Uniforms {
    fn exponential(&mut self, mean: f64) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        -mean * (((bits >> 11) as f64 + 0.5) / (1u64 << 53) as f64).ln()
    }
}

/// What a queue holds if it fills and drains evenly, and its area over time.
#[derive(Default)]
struct Fluid {
    held: f64,
    area: f64,
}

impl Fluid {
    fn repair(&mut self, rate: f64, time: f64) {
        self.area += (self.held + rate * time / 2.0) * time;
        self.held += rate * time;
    }

    fn drain(&mut self, rate: f64, time: f64) {
        let time = time.min(self.held / rate);
        self.area += (self.held - rate * time / 2.0) * time;
        self.held -= rate * time;
    }
}

#[test]
fn mm1_breakdown_of_long_repairs() {
    // Cases o061, o062 (White and Christie 1958): breakdowns so rare and repairs so long that nearly all of the variance is
    // that of the fluid which fills at lam in a repair and drains at mu - lam after it. What it holds is known for the
    // repairs drawn, and so is its mean, P(down) mu / (mu - lam) / z with z = beta / lam - alpha / (mu - lam) (one on-off source, Anick,
    // Mitra and Sondhi 1982). With that and rho / (1 - rho) in between as controls, few breakdowns are enough. The
    // first finds an empty queue, which is less than 0.06 % of the mean.
    for (lam, mu, up_s, down_s, n, expected) in
        [(0.2, 1.0, 86_400.0, 3600.0, 20, 36.642_105_26), (5.0, 10.0, 1000.0, 50.0, 80, 26.167_919_8)]
    {
        let estimates: Vec<f64> = (0..16u64)
            .map(|seed| {
                let mut uniforms = Uniforms(seed.wrapping_mul(0x1234_5678_9abc_def1));
                let (mut at, mut fluid, mut ups, mut timeline) = (0.0, Fluid::default(), 0.0, String::new());
                for _ in 0..n {
                    let (down, up) = (uniforms.exponential(down_s), uniforms.exponential(up_s));
                    let _ = write!(
                        timeline,
                        r#"(at: "{:.6}s", do: Outage(host: "mx.d.example", mode: Freeze), for: "{:.6}s"), "#,
                        at,
                        down + 1e-6
                    );
                    fluid.repair(lam, down);
                    fluid.drain(mu - lam, up);
                    ups += up;
                    at += down + up;
                }
                let text = scenario(
                    &format!(r#"measure: "{at:.6}s", drain: "30d", replications: 1, seed: {seed}"#),
                    &format!(r#"sessions: 1, service: "exponential({}s)", backlog: 1000000"#, 1.0 / mu),
                    &sender("s", &format!(r#"Poisson(rate: "{lam}/s")"#), r#"Constant("1h")"#),
                    &timeline,
                );
                let area = values(&run(&text), "queue_depth", "all", "mean")[0] * at;
                let n = f64::from(n);
                let cycle = up_s + down_s;
                let z = 1.0 / (down_s * lam) - 1.0 / (up_s * (mu - lam));
                let mean_fluid = down_s / cycle * mu / (mu - lam) / z;
                let controls = fluid.area - n * cycle * mean_fluid + lam / (mu - lam) * (ups - n * up_s);
                (area - controls) / (n * cycle)
            })
            .collect();
        assert_estimate(&format!("in the system, repairs of {down_s} s"), &estimates, expected, 0.01);
    }
}
