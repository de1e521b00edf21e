//! Two levels of caches (renewal theory; Fofack and Alouf, "Modeling modern DNS caches", 2013), with the resolver `Ideal`.

use crate::support::{assert_measure, run};

/// A zone with a TTL, resolvers, and clients that ask them.
fn chain(ttl_s: u32, resolvers: &str, clients: &str, hours: u64) -> String {
    format!(
        r#"(
        title: "chain",
        run: (warmup: "{ttl_s}s", measure: "{hours}h", drain: "0s", replications: 20, seed: 12),
        regions: {{ "here": (rtt: "0s") }},
        zones: {{
            "d.example": (ttls: (mx: "{ttl_s}s", ns: "3650d", glue: "3650d"), ns: ["ns.d.example"],
                mx: [(10, "mx.provider.example")]),
            "example": (ttls: (ns: "3650d", glue: "3650d"), ns: ["ns.example"]),
        }},
        servers: {{ "ns.example": (latency: "0s"), "ns.d.example": (latency: "0s") }},
        hosts: {{ "mx.provider.example": () }},
        resolvers: {{ {resolvers} }},
        clients: {{ {clients} }},
    )"#
    )
}

fn client(name: &str, resolver: &str, rate: &str) -> String {
    format!(r#""{name}": (resolver: "{resolver}", asks: [("d.example", MX)], arrivals: Poisson(rate: "{rate}/s")),"#)
}

#[test]
fn ttl_chain_inherit() {
    // The leaf keeps the TTL that the parent has left, so that both end together. Cycle T + 1/L, L all rates together:
    // leaf i (lam_i T - (1 - lam_i / L) (1 - exp(-lam_i T))) / (lam_i T + lam_i / L). Cases o017, o018.
    type Leaf = (&'static str, f64);
    type Case = (u32, u64, &'static [Leaf], &'static str, f64, f64, f64);
    let cases: [Case; 2] = [
        (
            300,
            8000,
            &[("0.01", 0.736_123_856_2), ("0.002", 0.288_250_872_8), ("0.0005", 0.084_833_145_95)],
            "0.001",
            0.515_698_676_8,
            0.005_519_843_119,
            0.002_673_267_327,
        ),
        (600, 2000, &[("0.005", 0.703_797_015_8); 4], "", 0.740_302_829_4, 0.005_924_059_684, 0.001_538_461_538),
    ];
    for (ttl_s, hours, leaves, direct, parent_hit, parent_rate, rate) in cases {
        let (mut resolvers, mut clients) = (String::from("\"parent\": (software: Ideal()),"), String::new());
        for (index, (rate, _)) in leaves.iter().enumerate() {
            resolvers += &format!("\"leaf{index}\": (software: Ideal(), upstream: [\"parent\"]),");
            clients += &client(&format!("c{index}"), &format!("leaf{index}"), rate);
        }
        if !direct.is_empty() {
            clients += &client("direct", "parent", direct);
        }
        let results = run(&chain(ttl_s, &resolvers, &clients, hours));
        for (index, (_, hit)) in leaves.iter().enumerate() {
            assert_measure(&results, "hit_ratio_client", &format!("resolver:leaf{index}"), "share", *hit, 0.01);
        }
        let seconds = hours as f64 * 3600.0;
        assert_measure(&results, "hit_ratio_client", "resolver:parent", "share", parent_hit, 0.01);
        assert_measure(&results, "dns_queries", "resolver:parent", "count", parent_rate * seconds, 0.01);
        assert_measure(&results, "dns_queries", "server:ns.d.example", "count", rate * seconds, 0.01);
    }
}

#[test]
fn ttl_chain_reset() {
    // The leaf keeps T1 whatever the parent has left: the parent sees renewals T1 + Exp(lam), h2 = m(T2) / (1 + m(T2)).
    // Cases o019, o020.
    for (rate, leaf_s, parent_s, hours, leaf_hit, parent_hit, upstream) in [
        ("0.02", 300, 1000, 2000, 0.857_142_857_1, 0.698_822_721_1, 0.000_860_506_511_2),
        ("0.005", 60, 300, 2000, 0.230_769_230_8, 0.487_101_772_2, 0.001_972_685_492),
    ] {
        let resolvers = format!(
            r#""parent": (software: Ideal()),
            "leaf": (software: Ideal(min_ttl: "{leaf_s}s", max_ttl: "{leaf_s}s"), upstream: ["parent"]),"#
        );
        let results = run(&chain(parent_s, &resolvers, &client("c", "leaf", rate), hours));
        assert_measure(&results, "hit_ratio_client", "resolver:leaf", "share", leaf_hit, 0.01);
        assert_measure(&results, "hit_ratio_client", "resolver:parent", "share", parent_hit, 0.01);
        let queries = upstream * hours as f64 * 3600.0;
        assert_measure(&results, "dns_queries", "server:ns.d.example", "count", queries, 0.01);
    }
}
