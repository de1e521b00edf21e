//! Queues at a host whose sessions are few (Kleinrock, Queueing Systems, volume 1): first come first served.

use crate::support::{assert_estimate, assert_measure, run, values};

/// One sender, one host with `sessions` and `service`; no round trips, no DNS delay, endless patience.
fn queue(rate: &str, sessions: u32, service: &str, window: &str, replications: u32) -> String {
    format!(
        r#"(
        title: "queue",
        run: (warmup: "2000s", measure: "{window}", drain: "1d", drain_arrivals: true, replications: {replications}, seed: 21),
        regions: {{ "here": (rtt: "0s") }},
        zones: {{
            "d.example": (ttls: (mx: "3650d", a: "3650d", ns: "3650d", glue: "3650d"), ns: ["ns.d.example"],
                mx: [(10, "mx.d.example")]),
            "example": (ttls: (ns: "3650d", glue: "3650d"), ns: ["ns.example"]),
        }},
        servers: {{ "ns.example": (latency: "0s"), "ns.d.example": (latency: "0s") }},
        hosts: {{ "mx.d.example": (sessions: {sessions}, service: "{service}") }},
        resolvers: {{ "r": (software: Ideal()) }},
        senders: {{ "s": (
            resolver: "r", arrivals: Poisson(rate: "{rate}"), to: Weights({{"d.example": 1.0}}),
            retry: Custom(schedule: Constant("1h")), client: (greeting_timeout: "10d", connect_timeout: "10d"),
        ) }},
    )"#
    )
}

#[test]
fn mm1() {
    // W = 1 / (mu - lam), Lq + Ls = L = rho / (1 - rho), P95 = ln 20 / (mu - lam). Case o048: lam 0.8, mu 1.
    let results = run(&queue("0.8/s", 1, "exponential(1s)", "500000s", 20));
    assert_measure(&results, "delivery_latency", "all", "mean", 5.0, 0.01);
    assert_measure(&results, "delivery_latency", "all", "p95", 14.978_661_37, 0.01);
    assert_measure(&results, "queue_depth", "all", "mean", 4.0, 0.01);
    assert_measure(&results, "host_load", "host:mx.d.example", "mean", 0.8, 0.01);
    // What waits is of busy periods, which this rho ties together over 1 / (1 - sqrt(rho))^2 = 89 services: to halve the error
    // takes four times the half a million seconds.
    assert_measure(&results, "backlog", "host:mx.d.example", "mean", 3.2, 0.012);
}

#[test]
fn mmc() {
    // Erlang C: lam 8, mu 1, c 10: W = 1.204590075, Lq = 1.636720603. Case o050.
    let results = run(&queue("8/s", 10, "exponential(1s)", "100000s", 20));
    assert_measure(&results, "delivery_latency", "all", "mean", 1.204_590_075, 0.01);
    assert_measure(&results, "backlog", "host:mx.d.example", "mean", 1.636_720_603, 0.01);
}

#[test]
fn mg1() {
    // Pollaczek-Khinchine: Wq = lam E[S^2] / (2 (1 - rho)). Cases o057..o059: constant; lognormal of mean 1, sigma 1
    // (median e^-1/2); hyperexponential 0.9 of 0.5 s, 0.1 of 5 s.
    for (rate, service, w) in [
        ("0.7/s", "1s", 2.166_666_667),
        ("0.7/s", "lognormal(median 606530660ns, sigma 1)", 4.171_328_8),
        ("0.5/s", "hyperexponential(0.9 of 0.5s, 0.1 of 5s)", 3.545_238_095),
    ] {
        let results = run(&queue(rate, 1, service, "500000s", 20));
        // Within 1.5 %: the wait goes with the square of a service, and that of the lognormal one has a coefficient of variation
        // of sqrt(e^4 - 1) = 7.3: 1 % takes more than twice the run.
        assert_measure(&results, "delivery_latency", "all", "mean", w, 0.015);
    }
}

#[test]
fn mmcc() {
    // Erlang B: lam 8, mu 1, c 10: 0.1216610643 of connections are refused. A retry a day later is as good as none: the
    // offered load is that of first attempts.
    let text = queue("8/s", 10, "exponential(1s)", "50000s", 20)
        .replace("sessions: 10,", "sessions: 10, when_full: Refuse,")
        .replace("Constant(\"1h\")", "Table([\"30d\"])")
        .replace("drain: \"1d\", drain_arrivals: true", "drain: \"100s\"");
    let results = run(&text);
    let refused = values(&results, "refused", "host:mx.d.example", "count");
    let connections = values(&results, "connections", "host:mx.d.example", "count");
    let shares: Vec<f64> = refused.iter().zip(&connections).map(|(refused, all)| refused / all).collect();
    assert_estimate("refused", &shares, 0.121_661_064_3, 0.01);
}

#[test]
fn mmck() {
    // Birth and death with K places: share refused, and the mean time of those accepted. Cases o055, o056.
    for (rate, c, places, blocking, w) in
        [("9/s", 10, 25, 0.015_716_083_74, 1.376_332_469), ("1.2/s", 1, 10, 0.192_586_495_1, 6.926_137_844)]
    {
        let text = queue(rate, c, "exponential(1s)", "250000s", 20)
            .replace("sessions: ", &format!("backlog: {}, when_backlog_full: Refuse, sessions: ", places - c))
            .replace("Constant(\"1h\")", "Table([\"30d\"])")
            .replace("drain: \"1d\", drain_arrivals: true", "drain: \"100s\"");
        let results = run(&text);
        let refused = values(&results, "refused", "host:mx.d.example", "count");
        let connections = values(&results, "connections", "host:mx.d.example", "count");
        let shares: Vec<f64> = refused.iter().zip(&connections).map(|(refused, all)| refused / all).collect();
        assert_estimate("refused", &shares, blocking, 0.01);
        assert_measure(&results, "delivery_latency", "all", "mean", w, 0.01);
    }
}

#[test]
fn mmcc_of_fifty() {
    // Erlang B: lam 20, mu 0.5, c 50: 0.01869067111 are refused. Case o053.
    let text = queue("20/s", 50, "exponential(2s)", "50000s", 20)
        .replace("sessions: 50,", "sessions: 50, when_full: Refuse,")
        .replace("Constant(\"1h\")", "Table([\"30d\"])")
        .replace("drain: \"1d\", drain_arrivals: true", "drain: \"100s\"");
    let results = run(&text);
    let refused = values(&results, "refused", "host:mx.d.example", "count");
    let connections = values(&results, "connections", "host:mx.d.example", "count");
    let shares: Vec<f64> = refused.iter().zip(&connections).map(|(refused, all)| refused / all).collect();
    // Within 1.5 %: refusals are few, and come in clusters while all fifty are taken.
    assert_estimate("refused", &shares, 0.018_690_671_11, 0.015);
}

#[test]
fn mm1_breakdown() {
    // A server that stands still at rate alpha, also when idle, and goes on at rate beta (preemptive, resumed; White and
    // Christie 1958): L = 3.242424242 at lam 1, mu 2, alpha 0.01, beta 0.1. Case o060; the other two are among backlogs.
    let text = queue("1/s", 1, "exponential(500ms)", "500000s", 20)
        .replace("sessions: 1,", "sessions: 1, up: \"exponential(100s)\", down: \"exponential(10s)\", fails: Freeze,");
    let results = run(&text);
    // Within 1.2 %: a breakdown every hundred and ten seconds makes some 4500 a run, and each is followed by what it held up.
    assert_measure(&results, "delivery_latency", "all", "mean", 3.242_424_242, 0.012);
    assert_measure(&results, "queue_depth", "all", "mean", 3.242_424_242, 0.012);
}
