//! Alternating renewal processes and shared causes (Barlow and Proschan).

use crate::support::{assert_measure, run};

/// `k` hosts of equal preference order, messages that try once.
fn hosts(k: u32, host: &str, risks: &str, measure: &str) -> String {
    let mx: Vec<String> = (1..=k).map(|i| format!("({i}0, \"mx{i}.d.example\")")).collect();
    format!(
        r#"(
        title: "availability",
        run: (measure: "{measure}", drain: "1s", replications: 20, seed: 31),
        regions: {{ "here": (rtt: "0s") }},
        zones: {{
            "d.example": (ttls: (mx: "3650d", a: "3650d", ns: "3650d", glue: "3650d"), ns: ["ns.d.example"], mx: [{}]),
            "example": (ttls: (ns: "3650d", glue: "3650d"), ns: ["ns.example"]),
        }},
        servers: {{ "ns.example": (latency: "0s"), "ns.d.example": (latency: "0s") }},
        hosts: {{ "mx{{i}}.d.example": (count: {k}, {host}) }},
        {risks}
        resolvers: {{ "r": (software: Ideal()) }},
        senders: {{ "s": (
            resolver: "r", arrivals: Poisson(rate: "0.002/s"), to: Weights({{"d.example": 1.0}}),
            retry: Custom(schedule: Constant("3000d"), lifetime: "5000d"),
        ) }},
    )"#,
        mx.join(", ")
    )
}

#[test]
fn avail() {
    // All down: U^k, U = MTTR / (MTBF + MTTR). Hosts up 1 h and down 10 min on average: U = 1/7; k = 1, 2.
    // (The cases' own U of 0.0055 would take years of simulated time for 1 %; the formula is the same.)
    let host = r#"up: "exponential(1h)", down: "exponential(10m)""#;
    for (k, measure) in [(1, "1200d"), (2, "2000d")] {
        let results = run(&hosts(k, host, "", measure));
        let up = 1.0 - (1.0f64 / 7.0).powi(k as i32);
        assert_measure(&results, "first_attempt_success", "all", "share", up, 0.002);
    }
    // The unavailability depends on means only: Weibull up times, constant repairs.
    let host = r#"up: "weibull(scale 1h, shape 0.75)", down: "10m""#;
    let mean_up = 3600.0 * libm::tgamma(1.0 + 1.0 / 0.75);
    let results = run(&hosts(1, host, "", "1200d"));
    assert_measure(&results, "first_attempt_success", "all", "share", mean_up / (mean_up + 600.0), 0.002);
}

#[test]
fn avail_common() {
    // U_sys = 1 - (1 - Uc) (1 - Ui^k): Ui = 1/7, Uc = 1/11, k = 2.
    let host = r#"up: "exponential(1h)", down: "exponential(10m)", risks: ["power"]"#;
    let risks = r#"risks: { "power": (up: "exponential(10h)", down: "exponential(1h)") },"#;
    let results = run(&hosts(2, host, risks, "2000d"));
    let up = (1.0 - 1.0 / 11.0) * (1.0 - 1.0 / 49.0);
    assert_measure(&results, "first_attempt_success", "all", "share", up, 0.002);
}
