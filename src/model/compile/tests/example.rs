//! The example of a migration under a one-day TTL.

use super::*;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::mail::RetrySchedule;
use crate::model::timeline::ActionModel;
use crate::model::{RegionId, ServerId};

const MIGRATION: &str = r#"(
    title: "MX migration under a one-day TTL",
    run: (starts: "Mon 00:00", warmup: "1d", measure: "3d", drain: "5d", replications: 20, seed: 7),
    regions: { "eu": (), "us": () },
    links: [ (between: ("eu", "us"), rtt: "lognormal(median 85ms, sigma 0.1)", loss: 0.001) ],
    zones: {
        "example.org": (ttl: "1d", ttls: (a: "1h", negative: "1h"), mx: [(10, "mx.old.example"), (20, "backup.old.example")]),
    },
    hosts: {
        "mx.old.example":     (region: "eu"),
        "backup.old.example": (region: "eu", relays_for: ["example.org"], retry: Postfix()),
        "mx.new.example":     (region: "us", sessions: 200, service: "lognormal(median 120ms, sigma 0.5)"),
    },
    resolvers: {
        "campus":  (region: "eu", software: WholeSecond()),
        "isp-{i}": (count: 50, region: "us", software: Ideal(), farm: 8),
    },
    clients: {
        "users-{i}": (count: 50, resolver: "isp-{i}", asks: [("example.org", MX)], arrivals: Poisson(rate: "12/h")),
    },
    senders: {
        "campus": (region: "eu", resolver: "campus", arrivals: Poisson(rate: "2/s"), to: Weights({"example.org": 1.0}), retry: Postfix()),
    },
    timeline: [
        (name: "cutover", at: "warmup + 12h",  do: SetMx(zone: "example.org", mx: [(10, "mx.new.example")])),
        (name: "old off", at: "cutover + 12h", do: Outage(host: "mx.old.example", mode: Refuse)),
    ],
    variants: {
        "five-minute TTL": { "zones/example.org/ttl": "5m" },
        "exim":            { "senders/campus/retry": "Exim()" },
    },
    objectives: [ (measure: "delivery_latency.p99", below: "10m") ],
)"#;

#[test]
fn the_example_compiles_without_a_word_in_all_its_variants() {
    let loaded = try_load(MIGRATION, &[], &[]).unwrap_or_else(|problems| panic!("{}", render(&problems, false)));
    assert_eq!(render(&loaded.warnings, false), "");
    let names: Vec<&str> = loaded.variants.iter().map(|variant| variant.name.as_str()).collect();
    assert_eq!(names, ["baseline", "five-minute TTL", "exim"]);
    let ttl = |variant: usize| rdata(&loaded.variants[variant].model, "example.org", RecordType::Mx);
    assert_eq!(ttl(0), "10 mx.old.example, 20 backup.old.example (86400 s)");
    assert_eq!(ttl(1), "10 mx.old.example, 20 backup.old.example (300 s)");
    let retry = |variant: usize| &loaded.variants[variant].model.mail.nodes[0].retry;
    assert!(matches!(retry(0).schedule, RetrySchedule::Postfix { .. }));
    assert!(matches!(&retry(2).schedule, RetrySchedule::Exim { rules, .. } if rules[0].rule.steps.len() == 3));
}

#[test]
fn the_example_has_its_clock_names_and_numbers() {
    let (model, _) = model_of(MIGRATION, &[], &[]);
    let clock = model.clock;
    assert_eq!((clock.window_start, clock.window_end), (SimTime::from_secs(86_400), SimTime::from_secs(4 * 86_400)));
    assert_eq!((clock.end, clock.arrivals_end), (SimTime::from_secs(9 * 86_400), clock.window_end));
    assert_eq!(clock.cell.saturating_mul(u64::from(clock.cells)), SimDuration::from_secs(9 * 86_400));
    assert_eq!((model.dns.resolvers.len(), model.dns.caches.len(), model.dns.clients.len()), (51, 401, 50));
    // A client is where its resolver is; `{i}` leads each to its own.
    let client = &model.dns.clients[6];
    assert_eq!((client.region, model.dns.resolvers[client.resolver.index()].name.as_str()), (RegionId(1), "isp-7"));
    // The relay asks the first resolver of its region, and is dropped from the MX list as the host it is.
    let relay = &model.mail.nodes[1];
    assert_eq!((relay.name.as_str(), relay.resolver.0, model.mail.senders), ("backup.old.example", 0, 1));
    assert_eq!(model.mail.hosts[1].relay.map(|node| node.0), Some(1));
    assert_eq!(model.objectives[0].below, Some(600.0));
    assert_eq!(model.objectives[0].text, "delivery_latency.p99 of all < 10m");
}

#[test]
fn zones_that_nobody_declared_hold_what_needs_them() {
    let (model, _) = model_of(MIGRATION, &[], &[]);
    let zones: Vec<&str> = model.dns.zones.iter().map(|zone| model.dns.names.text(zone.apex)).collect();
    assert_eq!(zones, [".", "example", "org", "example.org", "new.example", "old.example"]);
    for (index, zone) in model.dns.zones.iter().enumerate() {
        assert!(zone.parent.index() < index.max(1), "a parent stands before its children");
    }
    let holder = |name: &str| {
        let id = model.dns.names.get(name).map(|id| model.dns.names.zone_of[id.index()]);
        id.map(|zone| model.dns.names.text(model.dns.zones[zone.index()].apex))
    };
    assert_eq!(holder("mx.old.example"), Some("old.example"));
    assert_eq!(rdata(&model, "mx.old.example", RecordType::A), "mx.old.example (3600 s)");
    let server = |ServerId(id): ServerId| model.dns.names.text(model.dns.servers[id as usize].name);
    let servers: Vec<&str> = model.dns.zones.iter().map(|zone| server(zone.servers[0])).collect();
    assert_eq!(servers[..4], ["a.root-servers.net", "a.nic.example", "a.nic.org", "ns1.example.org"]);
    let zone = &model.dns.zones[3];
    assert_eq!((zone.delegation.ns_ttl_s, zone.delegation.glue_ttl_s, zone.soa.minimum_s), (172_800, 172_800, 3600));
    assert_eq!(model.dns.zones[4].soa.in_negative(model.dns.zones[4].soa.ttl_s), Some((900, 900)));
}

#[test]
fn the_timeline_of_the_example_counts_from_names() {
    let (model, _) = model_of(MIGRATION, &[], &[]);
    let hours: Vec<(&str, u64)> =
        model.timeline.iter().map(|item| (item.name.as_str(), item.at.whole_seconds() / 3600)).collect();
    assert_eq!(hours, [("cutover", 36), ("old off", 48)]);
    let ActionModel::SetData { data, .. } = model.timeline[0].action else { panic!("{:?}", model.timeline[0]) };
    assert_eq!(data_text(&model, &model.dns.data[data.index()]), "10 mx.new.example");
}

/// Every scalar of the example, in turn, becomes every nasty value: what is wrong is said, and nothing panics.
#[test]
fn no_value_makes_it_panic() {
    const PATHS: [&str; 40] = [
        "run/starts",
        "run/utc_offset",
        "run/warmup",
        "run/measure",
        "run/drain",
        "run/replications",
        "run/cells",
        "run/confidence",
        "run/event_budget",
        "regions/eu/rtt",
        "regions/us/loss",
        "links/0/between/1",
        "links/0/rtt",
        "links/0/bandwidth",
        "zones/example.org/ttl",
        "zones/example.org/ttls/negative",
        "zones/example.org/mx/0/1",
        "zones/example.org/zone_file",
        "zones/example.org/ns/0",
        "zones/example.org/cnames/x",
        "zones/example.org/count",
        "hosts/mx.old.example/addresses",
        "hosts/mx.old.example/region",
        "hosts/mx.new.example/service",
        "hosts/mx.new.example/up",
        "hosts/mx.new.example/outages",
        "hosts/backup.old.example/relays_for/0",
        "resolvers/isp-{i}/count",
        "resolvers/isp-{i}/farm",
        "resolvers/isp-{i}/weights/0",
        "resolvers/campus/upstream/0",
        "clients/users-{i}/resolver",
        "clients/users-{i}/asks/0/0",
        "senders/campus/arrivals/rate",
        "senders/campus/to",
        "senders/campus/recipients",
        "timeline/0/at",
        "timeline/1/for",
        "timeline/0/do/zone",
        "objectives/0/measure",
    ];
    const VALUES: [&str; 16] = [
        "0",
        "1",
        "-1",
        "1e300",
        "4294967295",
        "18446744073709551615",
        "\"\"",
        "\".\"",
        "\"*\"",
        "\"{i}\"",
        "1ns",
        "584y",
        "200000d",
        "[]",
        "pareto(min 1s, alpha 1)",
        "99999999/ns",
    ];
    let text = MIGRATION.replace("count: 50", "count: 3");
    let mut refused = 0;
    for path in PATHS {
        for value in VALUES {
            if let Err(problems) = try_load(&text, &[(path, value)], &[]) {
                assert!(problems.iter().any(Diagnostic::is_error), "{path} {value}");
                assert!(!render(&problems, false).is_empty());
                refused += 1;
            }
        }
    }
    assert!(refused > PATHS.len() * VALUES.len() / 2, "{refused}");
}
