//! exp10: staleness at the end of a chain of forwarders.

use std::collections::HashMap;

use mxsim::engine::time::SimTime;

use crate::bench::{cache_of, model, number, rows, watch, world};

/// A chain, from what clients ask to what walks the tree, each hop's rules.
fn hops(code: &str) -> Vec<&'static str> {
    const UNBOUND: &str = "UnboundPre125()";
    const DNSMASQ: &str = "Dnsmasq(cached_types: [MX, A, AAAA, CNAME])";
    const UNBOUND_30: &str = "UnboundPre125(min_ttl: \"30s\")";
    match code {
        "Cu0" => vec![UNBOUND],
        "Cb1" => vec!["Bind()", UNBOUND],
        "Cd1" => vec![DNSMASQ, UNBOUND],
        "Ck1" => vec!["KnotResolver()", UNBOUND],
        "Cp1" => vec!["PowerDnsRecursor()", UNBOUND],
        "Cu1" => vec![UNBOUND, UNBOUND],
        "Cd2" => vec![DNSMASQ, DNSMASQ, UNBOUND],
        "Cu2" => vec![UNBOUND, UNBOUND, UNBOUND],
        "Cdmin" => vec!["Dnsmasq(cached_types: [MX, A, AAAA, CNAME], min_ttl: \"30s\")", UNBOUND],
        "Cumin" => vec![UNBOUND_30, UNBOUND],
        "Cumin2" => vec![UNBOUND_30, UNBOUND_30, UNBOUND],
        _ => panic!("no chain {code}"),
    }
}

/// The greatest staleness of ten names asked for at random, in each of many recordings.
fn simulated(code: &str) -> Vec<f64> {
    const NAMES: usize = 10;
    let hops = hops(code);
    let mut resolvers = String::new();
    for (index, rules) in hops.iter().enumerate() {
        let upstream = if index + 1 < hops.len() { format!(", upstream: [\"h{}\"]", index + 1) } else { String::new() };
        resolvers += &format!("\"h{index}\": (software: {rules}{upstream}),");
    }
    let changes: Vec<u64> = (0..300).map(|change| 200 + 100 * change).collect();
    let (mut timeline, mut clients) = (String::new(), String::new());
    // Every hop had clients of its own: an upstream is asked by others, too.
    for (name, hop) in (0..NAMES).flat_map(|name| (0..hops.len()).map(move |hop| (name, hop))) {
        clients += &format!(
            "\"c{hop}-{name}\": (resolver: \"h{hop}\", asks: [(\"d{name}.lab\", MX)], arrivals: Poisson(rate: \"0.5/s\")),"
        );
    }
    for (index, change) in changes.iter().enumerate() {
        let exchange = ["new.lab", "newer.lab"][index % 2];
        timeline += &format!("(at: \"{change}s\", do: SetMx(zone: \"d*.lab\", mx: [(10, \"{exchange}\")])),");
    }
    let zones: String = (0..NAMES).map(|name| crate::bench::zone(&format!("d{name}.lab"), 10)).collect();
    let more = format!("clients: {{ {clients} }}, timeline: [ {timeline} ],");
    let model = model(&world("measure: \"30200s\", seed: 21", &zones, &resolvers, &more));
    let watch = watch(&model, true);
    let mut last_old: HashMap<u32, f64> = HashMap::new();
    let asked = cache_of(&model, "h0");
    for record in watch.lookups.iter().filter(|record| record.cache == asked) {
        let version = record.answer.data_version;
        // The change that made it old.
        let Some(&ended) = changes.get(version as usize) else { continue };
        let ended = SimTime::from_secs(ended);
        if record.asked >= ended {
            let last = last_old.entry(version / 3).or_default();
            *last = last.max(record.asked.since(ended).as_secs_f64());
        }
    }
    // Three changes make a recording.
    last_old.into_values().collect()
}

#[test]
fn exp10_greatest_staleness_of_each_chain() {
    for row in rows("exp10_chains.csv") {
        let greatest = simulated(&row["resolver"]);
        let mean = greatest.iter().sum::<f64>() / greatest.len() as f64;
        let most = greatest.iter().copied().fold(0.0, f64::max);
        eprintln!("{} measured {} simulated mean {mean} most {most}", row["chain"], row["max_staleness_s"]);
        let measured = number(&row, "max_staleness_s");
        assert!(mean - 1.0 <= measured && measured <= most + 1.0, "{row:?}: simulated {mean}, at most {most}");
    }
}
