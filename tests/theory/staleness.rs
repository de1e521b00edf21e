//! Staleness after a change (residual life of a renewal cycle; order statistics), with the resolver `Ideal`.

use crate::support::{assert_measure, run, values};

/// `n` caches, each asked at `rate` from a stationary state on; the data changes at the start of the window.
fn caches(n: u32, rate: &str, ttl: &str, warmup: &str, measure: &str, cells: u32, replications: u32) -> String {
    format!(
        r#"(
        title: "stale",
        run: (warmup: "{warmup}", measure: "{measure}", drain: "0s", replications: {replications}, seed: 5, cells: {cells}),
        regions: {{ "here": (rtt: "0s") }},
        zones: {{
            "d.example": (ttls: (mx: "{ttl}", ns: "3650d", glue: "3650d"), ns: ["ns.d.example"], mx: [(10, "old.example")]),
            "example": (ttls: (ns: "3650d", glue: "3650d"), ns: ["ns.example"]),
        }},
        servers: {{ "ns.example": (latency: "0s"), "ns.d.example": (latency: "0s") }},
        hosts: {{ "old.example": (), "new.example": () }},
        resolvers: {{ "r{{i}}": (count: {n}, software: Ideal()) }},
        clients: {{ "c{{i}}": (count: {n}, resolver: "r{{i}}", asks: [("d.example", MX)], arrivals: Poisson(rate: "{rate}")) }},
        timeline: [ (name: "change", at: "warmup", do: SetMx(zone: "d.example", mx: [(10, "new.example")])) ],
    )"#
    )
}

#[test]
fn stale_poisson() {
    // P(stale at age t) = p (1 - t/T)+, p = lam T / (1 + lam T). Case o037: lam 0.001, T 300: p = 0.230769, ages 0, 60, 150.
    // Grid instants every 60 s: warm-up 9000 s is instant 150; the change is carried out before what is seen at its
    // instant is counted, so the value one cell later is the first that tells.
    let results = run(&caches(1000, "0.001/s", "300s", "9000s", "600s", 160, 400));
    let series = |index: usize| -> Vec<f64> {
        let of = |replication: &mxsim::experiment::ReplicationResult| {
            let found = replication.series.iter().find(|series| series.measure == "stale_resolvers");
            found.map_or(f64::NAN, |series| series.values[index])
        };
        results.variants[0].replications.iter().map(of).collect()
    };
    for (index, expected) in [(151, 0.184_615_384_6), (152, 0.138_461_538_5), (153, 0.092_307_692_31)] {
        crate::support::assert_estimate("share of stale caches", &series(index), expected, 0.01);
    }
    assert!(series(156).iter().all(|share| *share == 0.0), "none is stale after one TTL");
    // E[stale answers] = lam^2 T^2 / (2 (1 + lam T)) a cache; of lam * 600 answers a cache in the window: 0.0576923.
    assert_measure(&results, "stale_answers", "all", "share", 0.057_692_307_69, 0.012);
}

#[test]
fn stale_farm() {
    // E[time of the last stale cache] = T - (T/p) (1 - (1-p)^(n+1)) / (n + 1), case o039: lam 0.01, T 3600, n 100: 3563.366.
    // Caches start empty: 100 TTLs of warm-up bring them out of step.
    let results = run(&caches(100, "0.01/s", "3600s", "360000s", "7200s", 100, 100));
    assert_measure(&results, "time_to_convergence", "change:change", "max", 3_563.366_337, 0.01);
    let last = values(&results, "time_to_convergence", "change:change", "max");
    assert!(last.iter().all(|end| *end <= 3600.0));
}
