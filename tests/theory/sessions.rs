//! Round trips of SMTP sessions and SYN retransmission, end to end.

use crate::support::{assert_measure, run, values};

fn session(region: &str, host: &str, sender: &str, window: &str, replications: u32) -> String {
    format!(
        r#"(
        title: "session",
        run: (measure: "{window}", drain: "1d", replications: {replications}, seed: 51),
        regions: {{ "here": (rtt: "0s"), "there": (rtt: "0s") }},
        links: [ (between: ("here", "there"), {region}) ],
        zones: {{
            "d.example": (ttls: (mx: "3650d", a: "3650d", ns: "3650d", glue: "3650d"), ns: ["ns.d.example"],
                mx: [(10, "mx.d.example")]),
            "example": (ttls: (ns: "3650d", glue: "3650d"), ns: ["ns.example"]),
        }},
        servers: {{ "ns.example": (latency: "0s"), "ns.d.example": (latency: "0s") }},
        hosts: {{ "mx.d.example": (region: "there", {host}) }},
        resolvers: {{ "r": (software: Ideal()) }},
        clients: {{ "warm": (resolver: "r", asks: [("d.example", MX), ("mx.d.example", A)],
            arrivals: Burst(at: "1s", count: 60, over: "60s")) }},
        senders: {{ "s": (
            resolver: "r", to: Weights({{"d.example": 1.0}}), retry: Custom(schedule: Constant("1d")), {sender}
        ) }},
    )"#
    )
}

#[test]
fn smtp_rtt() {
    // accepted = round trips * rtt + size / bandwidth, exactly. Cases o132..o142.
    for (rtt, tls, pipelining, chunking, recipients, size, bandwidth, expected) in [
        ("100ms", "Off", false, false, 1, 20_000, "100Mbit/s", 0.8016),
        ("100ms", "Off", true, false, 1, 20_000, "100Mbit/s", 0.6016),
        ("100ms", "Off", true, true, 1, 20_000, "100Mbit/s", 0.5016),
        ("100ms", "V12", false, false, 1, 20_000, "100Mbit/s", 1.2016),
        ("100ms", "V12", true, false, 1, 20_000, "100Mbit/s", 1.0016),
        ("100ms", "V12", true, true, 1, 20_000, "100Mbit/s", 0.9016),
        ("100ms", "V13", false, false, 1, 20_000, "100Mbit/s", 1.1016),
        ("100ms", "V13", true, false, 1, 20_000, "100Mbit/s", 0.9016),
        ("100ms", "V13", true, true, 1, 20_000, "100Mbit/s", 0.8016),
        ("80ms", "V13", false, false, 5, 5_000, "100Mbit/s", 1.1204),
        ("150ms", "V13", true, false, 1, 2_000_000, "50Mbit/s", 2.57),
    ] {
        let host = format!("smtp: (tls: {tls}, pipelining: {pipelining}, chunking: {chunking})");
        let sender = format!("size: \"{size}B\", recipients: {recipients}, arrivals: Burst(at: \"100s\", count: 1),");
        let region = format!("rtt: \"{rtt}\", bandwidth: \"{bandwidth}\"");
        let results = run(&session(&region, &host, &sender, "1000s", 1));
        let mean = values(&results, "delivery_latency", "all", "mean")[0];
        assert!((mean - expected).abs() < 1e-9, "{tls} {pipelining} {chunking}: {mean}, counted {expected}");
        assert_eq!(values(&results, "delivered", "all", "count"), [f64::from(recipients)]);
    }
}

#[test]
fn syn_retry() {
    // E[delay | ok] = sum t_k q^k (1 - q) / (1 - q^m), q for a SYN or its answer. Cases o144, o145, o147; the loss each way
    // is 1 - sqrt(1 - q). What fails is retried a day later, after the run's end for what counts: the first attempts.
    for (q, timeout, syn, p_fail, mean_ok) in [
        (0.2f64, "200s", "Classic", 1.28e-5, 0.331_165_876_9),
        (0.5, "30s", "Classic", 0.031_25, 1.580_645_161),
        (0.5, "30s", "Linear", 0.001_953_125, 1.027_397_26),
    ] {
        let loss = 1.0 - (1.0 - q).sqrt();
        let sender = format!("client: (connect_timeout: \"{timeout}\", syn: {syn}), arrivals: Poisson(rate: \"1/s\"),");
        let text = session(&format!("rtt: \"0s\", loss: {loss}"), "service: \"0s\"", &sender, "100000s", 20)
            .replace("drain: \"1d\"", "drain: \"300s\"")
            .replace("Constant(\"1d\")", "Constant(\"30d\")");
        let results = run(&text);
        assert_measure(&results, "first_attempt_success", "all", "share", 1.0 - p_fail, 0.01);
        assert_measure(&results, "delivery_latency", "all", "mean", mean_ok, 0.01);
    }
}
