//! What an operator does in the timeline, seen by those who ask.

use std::collections::HashMap;

use mxsim::dns::Source;

use crate::bench::{model, watch, world, zone};
use crate::support::{run, values};

#[test]
fn a_flush_drops_everything_or_one_name() {
    let more = r#"clients: { "c{i}": (count: 2, resolver: "r", asks: [("d{i}.lab", MX)], arrivals: Periodic(every: "10s", offset: "5s")) },
        timeline: [
            (at: "100s", do: FlushCache(resolver: "r", name: "d1.lab")),
            (at: "200s", do: FlushCache(resolver: "r")),
        ],"#;
    let zones = format!("{}{}", zone("d1.lab", 3000), zone("d2.lab", 3000));
    let model = model(&world("measure: \"300s\"", &zones, r#""r": (software: Bind(prefetch: Off)),"#, more));
    let mut misses: HashMap<&str, Vec<f64>> = HashMap::new();
    for record in watch(&model, true).lookups {
        if record.answer.source == Source::Miss {
            let name = model.dns.names.text(record.question.name());
            misses.entry(name).or_default().push(record.asked.as_secs_f64());
        }
    }
    assert_eq!(misses["d1.lab"], [5.0, 105.0, 205.0]);
    assert_eq!(misses["d2.lab"], [5.0, 205.0]);
}

/// A move of a host's address alone: the MX record stays as it is, and who holds the old address sends to the old host for what
/// is left of the address' TTL.
#[test]
fn an_address_moves_under_an_mx_that_stays() {
    let text = r#"(
        title: "address",
        run: (measure: "2000s", drain: "1h", replications: 1),
        regions: { "here": (rtt: "0s") },
        zones: { "d.lab": (ttls: (mx: "1d", a: "600s"), mx: [(10, "mx.d.lab")], addresses: { "mx.d.lab": ["old.lab"] }) },
        hosts: { "old.lab": (), "new.lab": () },
        resolvers: { "r": (software: Ideal()) },
        senders: { "s": (resolver: "r", arrivals: Periodic(every: "1s", offset: "500ms"), to: Weights({"d.lab": 1.0})) },
        timeline: [(name: "move", at: "1000s", do: SetAddress(name: "mx.d.lab", hosts: ["new.lab"]))],
    )"#;
    let results = run(text);
    let count = |measure: &str, scope: &str, statistic: &str| values(&results, measure, scope, statistic)[0];
    // The address was fetched at half a second (the walk took some milliseconds), and again when it had run out: at 600 and at
    // 1200 s. Messages from 0.5 to 1200.5 s, one a second, go to the old host, the last of them perhaps.
    let old = count("accepted", "host:old.lab", "count");
    assert!((1200.0..=1202.0).contains(&old), "{old}");
    assert_eq!(count("accepted", "host:new.lab", "count"), 2000.0 - old);
    // From the change on.
    assert_eq!(count("stale_deliveries", "all", "count"), old - 1000.0);
    assert_eq!(count("time_to_convergence", "change:move", "censored"), 0.0);
    let converged = count("time_to_convergence", "change:move", "max");
    assert!((converged - 200.5).abs() < 2.0, "{converged}");
    // The MX was asked for once.
    assert_eq!(count("dns_queries", "all", "MX"), 3.0, "the root, the top-level zone and the zone's server");
}
