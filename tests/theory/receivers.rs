//! Receivers against theory: greylisting (schedule arithmetic, exactly).

use crate::support::{run, values};

#[test]
fn greylist() {
    // Delay = first t_k >= g, attempts k + 1. Cases o109..o120: ideal timers of Postfix, Exim's default rule, qmail, and
    // eight retries of a large provider as observed (Pagani et al., DSN 2016).
    let postfix = r#"Age(min: "300s", max: "4000s")"#;
    let exim = r#"Table(["900s", "1800s", "2700s", "3600s"])"#;
    let qmail = r#"Table(["400s", "1600s", "3600s", "6400s"])"#;
    let observed = r#"Table(["362s", "1742s", "3396s", "5924s", "9723s", "13784s", "18545s", "26086s"])"#;
    for (schedule, g, delay, attempts) in [
        (postfix, 60, 300.0, 2.0),
        (postfix, 300, 300.0, 2.0),
        (postfix, 1800, 2400.0, 5.0),
        (exim, 60, 900.0, 2.0),
        (exim, 300, 900.0, 2.0),
        (exim, 1800, 1800.0, 3.0),
        (qmail, 60, 400.0, 2.0),
        (qmail, 300, 400.0, 2.0),
        (qmail, 1800, 3600.0, 4.0),
        (observed, 60, 362.0, 2.0),
        (observed, 300, 362.0, 2.0),
        (observed, 1800, 3396.0, 4.0),
    ] {
        let text = format!(
            r#"(
            title: "greylist",
            run: (warmup: "90m", measure: "1d", drain: "1d", replications: 1, seed: 1),
            regions: {{ "here": (rtt: "0s") }},
            zones: {{
                "d.example": (ttl: "3650d", ttls: (ns: "3650d", glue: "3650d"), ns: ["ns.d.example"],
                    mx: [(10, "mx.d.example")]),
                "example": (ttls: (ns: "3650d", glue: "3650d"), ns: ["ns.example"]),
            }},
            servers: {{ "ns.example": (latency: "0s"), "ns.d.example": (latency: "0s") }},
            hosts: {{ "mx.d.example": (greylist: Postgrey(delay: "{g}s", code: 451)) }},
            resolvers: {{ "r": (software: Ideal()) }},
            senders: {{ "s": (
                resolver: "r", arrivals: Periodic(every: "1h", offset: "0s"), to: Weights({{"d.example": 1.0}}),
                retry: Custom(schedule: {schedule}),
            ) }},
        )"#
        );
        let text = text.replace("code: 451", "code: 451, auto_whitelist_clients: 0");
        let results = run(&text);
        // A new triplet each hour, all look-ups in the cache: the attempts are exactly on schedule.
        let p50 = values(&results, "delivery_latency", "all", "p50")[0];
        assert!((p50 - delay).abs() <= 1e-3 * delay, "{schedule} {g}: {p50}, theory {delay}");
        let mean = values(&results, "attempts_per_delivery", "all", "mean")[0];
        assert!((mean - attempts).abs() < 1e-9, "{schedule} {g}: {mean} attempts, theory {attempts}");
    }
}
