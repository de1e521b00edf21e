//! TTL caches (Jung, Berger and Balakrishnan, INFOCOM 2003; renewal theory), with the resolver `Ideal` and no delays.

use crate::support::{assert_measure, run};

/// One resolver asked for one name (or more) by one client; nothing takes time but what `more` says.
fn cache(arrivals: &str, ttl: &str, resolver: &str, zones: &str, asks: &str, hours: u64, latency: &str) -> String {
    format!(
        r#"(
        title: "cache",
        run: (warmup: "{ttl}", measure: "{hours}h", drain: "0s", replications: 20, seed: 11),
        regions: {{ "here": (rtt: "0s") }},
        zones: {{
            {zones}
            "example": (ttls: (ns: "3650d", glue: "3650d"), ns: ["ns.example"]),
        }},
        servers: {{ "ns.example": (latency: "0s"), "ns.d.example": (latency: "{latency}") }},
        hosts: {{ "mx.provider.example": () }},
        resolvers: {{ "r": {resolver} }},
        clients: {{ "c": (resolver: "r", {asks}, arrivals: {arrivals}) }},
    )"#
    )
}

fn one_name(arrivals: &str, ttl: &str, resolver: &str, hours: u64, latency: &str) -> String {
    let zones = format!(
        r#""d.example": (ttls: (mx: "{ttl}", ns: "3650d", glue: "3650d"), ns: ["ns.d.example"],
            mx: [(10, "mx.provider.example")]),"#
    );
    cache(arrivals, ttl, resolver, &zones, r#"asks: [("d.example", MX)]"#, hours, latency)
}

const IDEAL: &str = "(software: Ideal())";

#[test]
fn ttl_poisson() {
    // h = lam T / (1 + lam T). Cases o000..o003.
    for (rate, ttl, hours, hit, upstream) in [
        ("0.01/s", "300s", 3000, 0.75, 0.0025),
        ("6/h", "3600s", 40_000, 0.857_142_857_1, 0.000_238_095_238_1),
        ("0.001/s", "60s", 20_000, 0.056_603_773_58, 0.000_943_396_226_4),
    ] {
        let results = run(&one_name(&format!("Poisson(rate: \"{rate}\")"), ttl, IDEAL, hours, "0s"));
        assert_measure(&results, "hit_ratio_client", "all", "share", hit, 0.01);
        let queries = upstream * hours as f64 * 3600.0;
        assert_measure(&results, "dns_queries", "server:ns.d.example", "count", queries, 0.01);
    }
}

#[test]
fn ttl_renewal() {
    // h = m(T) / (1 + m(T)), m the renewal function. Cases o004..o014; deterministic ones exactly.
    for (gap, hours, hit) in [
        ("hyperexponential(0.9 of 10s, 0.1 of 500s)", 6000, 0.917_439_561),
        ("uniform(0s, 600s)", 6000, 0.393_469_340_3),
        ("weibull(scale 110s, shape 1.5)", 3000, 0.733_446_536),
        ("weibull(scale 50s, shape 0.5)", 3000, 0.817_180_500_4),
        ("lomax(scale 100s, alpha 1.5)", 20_000, 0.739_851_478_6),
    ] {
        let results = run(&one_name(&format!("Renewal(gap: \"{gap}\")"), "300s", IDEAL, hours, "0s"));
        assert_measure(&results, "hit_ratio_client", "all", "share", hit, 0.01);
    }
    // Every 70 s with a TTL of 300 s: a miss, then four hits. Every 400 s: never a hit.
    for (gap, hit) in [("70s", 0.8), ("400s", 0.0)] {
        let results = run(&one_name(&format!("Renewal(gap: \"{gap}\")"), "300s", IDEAL, 1000, "0s"));
        let values = crate::support::values(&results, "hit_ratio_client", "all", "share");
        let count = crate::support::values(&results, "lookups", "all", "count");
        // The window holds a whole number of cycles but for one.
        assert!(values.iter().zip(&count).all(|(value, n)| (value - hit).abs() <= 1.0 / n), "{gap}: {values:?}");
    }
}

#[test]
fn ttl_fetch_delay() {
    // c = 1 + lam (d + T): hit lam T / c, coalesced lam d / c, miss 1 / c; mean wait d/c + (lam d / c) d / 2. Case o016.
    let results =
        run(&one_name("Poisson(rate: \"0.5/s\")", "30s", "(software: Ideal(timeouts: [\"60s\"]))", 1000, "2s"));
    assert_measure(&results, "hit_ratio_client", "all", "share", 0.882_352_941_2, 0.01);
    assert_measure(&results, "coalesced", "all", "share", 0.058_823_529_41, 0.01);
    assert_measure(&results, "lookup_time", "all", "mean", 0.176_470_588_2, 0.01);
}

#[test]
fn ttl_zipf_with_clamps() {
    // H = sum p_i lam p_i T / (1 + lam p_i T) over 10,000 names, T clamped. Cases o021, o022.
    let zones = |ttl: &str| {
        format!(
            r#""d{{i}}.example": (count: 10000, ttls: (mx: "{ttl}", ns: "3650d", glue: "3650d"), ns: ["ns.d.example"],
                mx: [(10, "mx.provider.example")]),"#
        )
    };
    let asks = r#"asks: [("d{i}.example", MX)], popularity: Zipf(0.9)"#;
    for (ttl, rules, hit) in
        [("300s", "Ideal()", 0.555_878_823), ("5s", "Ideal(min_ttl: \"60s\", max_ttl: \"86400s\")", 0.373_067_674_1)]
    {
        let text = cache("Poisson(rate: \"10/s\")", "1h", &format!("(software: {rules})"), &zones(ttl), asks, 3, "0s");
        assert_measure(&run(&text), "hit_ratio_client", "all", "share", hit, 0.01);
    }
}

#[test]
fn ttl_farm() {
    // H = sum w_j lam w_j T / (1 + lam w_j T). Cases o024..o026.
    for (rate, ttl, farm, hit) in [
        ("0.1/s", "300s", "farm: 4", 0.882_352_941_2),
        ("0.1/s", "300s", "farm: 16", 0.652_173_913),
        ("1/s", "60s", "farm: 5, weights: [8, 4, 2, 1, 1]", 0.927_224_295_9),
    ] {
        let resolver = format!("(software: Ideal(), {farm})");
        let results = run(&one_name(&format!("Poisson(rate: \"{rate}\")"), ttl, &resolver, 500, "0s"));
        assert_measure(&results, "hit_ratio_client", "all", "share", hit, 0.01);
    }
}

#[test]
fn dns_retry() {
    // Tries tau_k apart, each lost with q: P(fail) = q^r, E[lookup | ok] = rtt + sum (sum tau) q^k (1 - q) / (1 - q^r).
    // Cases o148, o149; every question is a miss (TTL 0), the failure is not kept.
    for (loss, timeouts, fail, time_to_fail, mean_ok) in [
        (0.1, r#"["0.4s", "0.8s", "1.6s", "3.2s"]"#, 0.0001, 6.0, 0.099_324_932_49),
        (0.5, r#"["5s", "5s"]"#, 0.25, 10.0, 1.716_666_667),
    ] {
        let text = format!(
            r#"(
            title: "lossy",
            run: (measure: "40h", drain: "0s", replications: 20, seed: 3),
            regions: {{ "here": (rtt: "0s") }},
            zones: {{
                "d.example": (ttls: (mx: "0s", ns: "3650d", glue: "3650d"), ns: ["ns.d.example"],
                    mx: [(10, "mx.provider.example")]),
                "example": (ttls: (ns: "3650d", glue: "3650d"), ns: ["ns.example"]),
            }},
            servers: {{ "ns.example": (latency: "0s"), "ns.d.example": (latency: "50ms", loss: {loss}) }},
            hosts: {{ "mx.provider.example": () }},
            resolvers: {{ "r": (software: Ideal(servfail_ttl: "0s", timeouts: {timeouts})) }},
            clients: {{ "c": (resolver: "r", asks: [("d.example", MX)], arrivals: Periodic(every: "10s")) }},
        )"#
        );
        let results = run(&text);
        let mean = fail * time_to_fail + (1.0 - fail) * mean_ok;
        // 0.0001 is too rare for 1 % of it: there the mean time alone is held.
        if fail > 0.01 {
            assert_measure(&results, "servfail", "all", "share", fail, 0.01);
        }
        assert_measure(&results, "lookup_time", "all", "mean", mean, 0.01);
    }
}

#[test]
fn ttl_prefetch() {
    // A hit in the last f T of the TTL refreshes: miss ratio exp(-f lam T) / (1 + (1 - f) lam T), upstream rate
    // 1 / ((1 - f) T + 1 / lam). Cases o027, o028: f = 0.1. Misses are rare: they are what is held to 1 %.
    let resolver = "(software: Ideal(prefetch: Near(share: 0.1)))";
    for (rate, ttl, hours, hit, upstream) in [
        ("0.05/s", "300s", 1000, 0.984_611_713_1, 0.003_448_275_862),
        ("0.005/s", "3600s", 10_000, 0.990_389_599_5, 0.000_290_697_674_4),
    ] {
        let results = run(&one_name(&format!("Poisson(rate: \"{rate}\")"), ttl, resolver, hours, "0s"));
        let hits = crate::support::values(&results, "hit_ratio_client", "all", "share");
        let misses: Vec<f64> = hits.iter().map(|hit| 1.0 - hit).collect();
        crate::support::assert_estimate("misses", &misses, 1.0 - hit, 0.01);
        let queries = upstream * hours as f64 * 3600.0;
        assert_measure(&results, "dns_queries", "server:ns.d.example", "count", queries, 0.01);
    }
}

#[test]
fn ttl_lossy() {
    // Each of r = 3 tries is lost with q, s = 1 - q^3: hit lam s T / (1 + lam s T), answered hit + (1 - hit) s, tries a
    // client query (1 - hit) s / (1 - q). Cases o032..o035, lam = 1 / 600 s. The way to the zone never ends, tries take
    // no time to speak of, and no failure is kept.
    for (q, ttl, hours, hit, servfail, tries) in [
        (0.5, "1800s", 10_000, 0.724_137_931, 0.034_482_758_62, 0.482_758_620_7),
        (0.75, "1800s", 10_000, 0.634_285_714_3, 0.154_285_714_3, 0.845_714_285_7),
        (0.9, "1800s", 10_000, 0.448_428_019_9, 0.402_095_973_5, 1.494_760_066),
        (0.9, "60s", 40_000, 0.026_384_967_38, 0.709_765_358_8, 2.638_496_738),
    ] {
        let resolver = r#"(software: Ideal(max_ttl: "3650d", servfail_ttl: "0s", timeouts: ["10ms", "10ms", "10ms"]))"#;
        let text = one_name("Poisson(rate: \"6/h\")", ttl, resolver, hours, "0s")
            .replace(r#"(latency: "0s") },"#, &format!(r#"(latency: "0s", loss: {q}) }},"#));
        let results = run(&text);
        assert_measure(&results, "hit_ratio_client", "all", "share", hit, 0.01);
        assert_measure(&results, "servfail", "all", "share", servfail, 0.01);
        let lookups = crate::support::values(&results, "lookups", "all", "count");
        let queries = crate::support::values(&results, "dns_queries", "server:ns.d.example", "count");
        let sent: Vec<f64> = queries.iter().zip(&lookups).map(|(queries, lookups)| queries / lookups).collect();
        crate::support::assert_estimate("tries a client query", &sent, tries, 0.01);
    }
}
