//! Retry schedules against exponential outages, by strata: host i is down from 0 until the (i - 1/2)/n quantile of the
//! exponential law, and one message for it arrives at 0. The mean over the strata is the mean of theory up to 1/n of the
//! schedule's range, without noise: so all four down times of every schedule are cheap.

use std::fmt::Write;
use std::sync::atomic::AtomicBool;

use mxsim::dns::DnsObserver;
use mxsim::engine::time::SimTime;
use mxsim::faults::FaultObserver;
use mxsim::mail::{Delivery, End, MailObserver};
use mxsim::sim::Observer;

use crate::support::{assert_estimate, loaded, run, values};

const POSTFIX: &str = r#"Custom(schedule: Age(min: "300s", max: "4000s"), lifetime: "432000s")"#;

/// The stated table of the cases: 900 s below 2 h, from 1 h times 1.5 below 16 h, 6 h below 4 d; the last at 362812 s.
fn exim() -> String {
    let head = [900, 1800, 2700, 3600, 4500, 5400, 6300, 7200, 10_800, 16_200, 24_300, 36_450, 54_675];
    let tail = (0..14).map(|k| 82_012 + 21_600 * k);
    let ages: Vec<String> = head.into_iter().chain(tail).map(|age| format!("\"{age}s\"")).collect();
    format!("Custom(schedule: Table([{}]), lifetime: \"40d\")", ages.join(", "))
}

/// Attempts of all, delay of the delivered, number expired.
#[derive(Default)]
struct Sums {
    messages: u32,
    attempts: u64,
    delivered: u32,
    delay_s: f64,
    expired: u32,
}

impl DnsObserver for Sums {}
impl FaultObserver for Sums {}
impl Observer for Sums {}
impl MailObserver for Sums {
    fn on_end(&mut self, now: SimTime, delivery: &Delivery, end: End) {
        self.messages += 1;
        self.attempts += u64::from(delivery.attempts);
        match end {
            End::Delivered => {
                self.delivered += 1;
                self.delay_s += now.since(delivery.created).as_secs_f64();
            }
            _ => self.expired += 1,
        }
    }
}

/// One message a host, host i down until its quantile.
fn strata(retry: &str, mean_down_s: f64, n: u32) -> Sums {
    let mut timeline = String::new();
    for i in 1..=n {
        let down_s = -mean_down_s * ((f64::from(n - i) + 0.5) / f64::from(n)).ln();
        let _ = writeln!(
            timeline,
            r#"(at: "0s", do: Outage(host: "mx.d{i}.example"), for: "{}us"),"#,
            (down_s * 1e6) as u64 + 1
        );
    }
    // Each domain is its own sender's, so that each host gets one message.
    let text = format!(
        r#"(
        title: "strata",
        run: (measure: "1s", drain: "60d", replications: 1, seed: 3),
        regions: {{ "here": (rtt: "0s") }},
        zones: {{
            "d{{i}}.example": (count: {n}, ns: ["ns.d.example"], mx: [(10, "mx.d{{i}}.example")]),
            "example": (ns: ["ns.example"]),
        }},
        servers: {{ "ns.example": (latency: "0s"), "ns.d.example": (latency: "0s") }},
        hosts: {{ "mx.d{{i}}.example": (count: {n}, refusal: "0s") }},
        resolvers: {{ "r": (software: Ideal()) }},
        senders: {{ "s{{i}}": (
            count: {n}, resolver: "r", arrivals: Burst(at: "0s", count: 1), to: Weights({{"d{{i}}.example": 1.0}}),
            retry: {retry},
        ) }},
        timeline: [ {timeline} ],
    )"#
    );
    let loaded = loaded(&text);
    let mut sums = Sums::default();
    mxsim::sim::run(&loaded.variants[0].model, 0, &mut sums, &AtomicBool::new(false)).expect("within the budget");
    assert_eq!(sums.messages, n);
    sums
}

fn near(what: &str, got: f64, expected: f64, relative: f64) {
    assert!((got - expected).abs() <= relative * expected, "{what}: {got}, theory {expected}");
}

#[test]
fn retry_outage_at_four_down_times() {
    // Cases o074..o085: mean delay of the delivered, mean attempts, share expired.
    let exim = exim();
    for (retry, rows) in [
        (
            POSTFIX,
            [
                (300.0, 514.349_329_4, 2.521_865_938, 0.0),
                (3600.0, 4_747.762_023, 5.389_429_821, 0.0),
                (21_600.0, 23_408.992_4, 10.536_311_05, 0.0),
                (86_400.0, 85_440.757_01, 26.710_216_71, 0.006_675_846_547),
            ],
        ),
        (
            exim.as_str(),
            [
                (300.0, 947.156_126_9, 2.052_395_696, 0.0),
                (3600.0, 4_379.091_077, 5.106_428_884, 0.0),
                (21_600.0, 26_189.865_93, 10.366_090_58, 5.072e-8),
                (86_400.0, 89_608.381_84, 14.971_019_79, 0.015_007_383_54),
            ],
        ),
        (
            "Qmail()",
            [
                (300.0, 725.989_671_5, 2.268_431_233, 0.0),
                (3600.0, 4_796.044_504, 4.158_680_776, 0.0),
                (21_600.0, 24_338.173_84, 8.012_411_291, 0.0),
                (86_400.0, 91_199.778_67, 14.522_081_07, 0.000_874_667_567_5),
            ],
        ),
    ] {
        for (mean_down, delay, attempts, expired) in rows {
            let n = 1000;
            let sums = strata(retry, mean_down, n);
            let what = format!("{retry} {mean_down}");
            near(&format!("{what} delay"), sums.delay_s / f64::from(sums.delivered), delay, 0.01);
            near(&format!("{what} attempts"), sums.attempts as f64 / f64::from(n), attempts, 0.005);
            let share = f64::from(sums.expired) / f64::from(n);
            assert!((share - expired).abs() <= 1.0 / f64::from(n), "{what} expired: {share}, theory {expired}");
        }
    }
}

#[test]
fn retry_postfix_scan_of_the_preset() {
    // Cases o094..o097: the preset with its 300 s scan at phase phi, uniform: offsets 300 + phi, 900 + phi, 2100 + phi,
    // 4500 + phi, 8700 + phi, then 4200 s. Twelve phases in the middle of their strata.
    for (mean_down, delay, attempts, expired) in [
        (300.0, 628.676_427_9, 2.264_592_199, 0.0),
        (3600.0, 4_837.995_776, 4.564_608_181, 0.0),
        (21_600.0, 23_508.018_81, 9.396_059_4, 1.963_370_744e-9),
        (86_400.0, 85_547.351_84, 24.787_933_14, 0.006_656_561_125),
    ] {
        let (mut delays, mut delivered, mut tries, mut messages, mut ends) = (0.0, 0, 0, 0, 0);
        for phase in 0..12 {
            let retry = format!(r#"Postfix(scan_phase: "{}ms")"#, 12_500 + 25_000 * phase);
            // Messages to dead destinations of their own: what Postfix remembers of one does not reach another.
            let sums = strata(&retry, mean_down, 500);
            delays += sums.delay_s;
            delivered += sums.delivered;
            tries += sums.attempts;
            messages += sums.messages;
            ends += sums.expired;
        }
        near(&format!("{mean_down} delay"), delays / f64::from(delivered), delay, 0.01);
        near(&format!("{mean_down} attempts"), tries as f64 / f64::from(messages), attempts, 0.005);
        // One stratum of five hundred.
        let share = f64::from(ends) / f64::from(messages);
        assert!((share - expired).abs() <= 0.002, "{mean_down} expired: {share}, theory {expired}");
    }
}

/// Messages for hosts that go up and down for ever.
fn alternating(retry: &str, up_s: u64, down_s: u64, hosts: u32, every: &str, window: &str) -> String {
    format!(
        r#"(
        title: "alternating",
        run: (measure: "{window}", drain: "20d", replications: 20, seed: 17),
        regions: {{ "here": (rtt: "0s") }},
        zones: {{
            "d{{i}}.example": (count: {hosts}, ttls: (mx: "3650d", a: "3650d", ns: "3650d", glue: "3650d"),
                ns: ["ns.d.example"], mx: [(10, "mx.d{{i}}.example")]),
            "example": (ttls: (ns: "3650d", glue: "3650d"), ns: ["ns.example"]),
        }},
        servers: {{ "ns.example": (latency: "0s"), "ns.d.example": (latency: "0s") }},
        hosts: {{ "mx.d{{i}}.example": (
            count: {hosts}, refusal: "0s", up: "exponential({up_s}s)", down: "exponential({down_s}s)",
        ) }},
        resolvers: {{ "r": (software: Ideal()) }},
        senders: {{ "s": (
            resolver: "r", arrivals: Periodic(every: "{every}"), to: Uniform(zones: "d{{i}}.example"), retry: {retry},
        ) }},
    )"#
    )
}

#[test]
fn retry_markov() {
    // Cases o098..o100: a two-state Markov host; means over all messages, deferred or not.
    let exim = exim();
    for (retry, up, down, delay, attempts, hosts, window) in [
        (POSTFIX, 86_400, 3600, 192.289_137_4, 1.176_232_395, 3000, "400000s"),
        (exim.as_str(), 604_800, 21_600, 910.099_971_3, 1.323_368_306, 3000, "1200000s"),
        ("Qmail()", 21_600, 3600, 723.521_768, 1.461_325_188, 2000, "200000s"),
    ] {
        let text = alternating(retry, up, down, hosts, "5s", window).replace("replications: 20", "replications: 80");
        let results = run(&text);
        let mean = values(&results, "delivery_latency", "all", "mean");
        assert_estimate(&format!("{retry} delay"), &mean, delay, 0.01);
        let tries = values(&results, "attempts_per_delivery", "all", "mean");
        assert_estimate(&format!("{retry} attempts"), &tries, attempts, 0.01);
    }
}

#[test]
fn retry_bernoulli() {
    // Cases o121, o122: a 4xx with probability q at every attempt. A host that is down q of the time for a second on
    // average forgets itself between attempts 300 s apart.
    let exim = exim();
    for (retry, up, down, delay, attempts) in
        [(POSTFIX, 19, 1, 15.833_315_79, 1.052_631_579), (exim.as_str(), 7, 3, 385.817_186_1, 1.428_571_429)]
    {
        let results = run(&alternating(retry, up, down, 20, "1s", "40000s"));
        let mean = values(&results, "delivery_latency", "all", "mean");
        assert_estimate(&format!("{retry} delay"), &mean, delay, 0.01);
        let tries = values(&results, "attempts_per_delivery", "all", "mean");
        assert_estimate(&format!("{retry} attempts"), &tries, attempts, 0.005);
    }
}
