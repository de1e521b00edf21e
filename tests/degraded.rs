//! Partitions, brownouts and local time, in whole scenarios.

mod support;

use mxsim::experiment::Results;
use support::{loaded, run, values};

fn one(results: &Results, measure: &str, scope: &str, statistic: &str) -> f64 {
    values(results, measure, scope, statistic)[0]
}

/// A sender in `eu` with a message a minute to a host in `us`; its resolver is in `RESOLVER`, the links are `LINKS`.
fn world(links: &str, resolver: &str, host: &str, timeline: &str) -> String {
    format!(
        r#"(
        title: "degraded",
        run: (measure: "5h", drain: "1d", replications: 1),
        regions: {{ "eu": (rtt: "0s"), "us": (rtt: "0s"), "asia": (rtt: "0s") }},
        links: [ (between: ("asia", "eu"), rtt: "100ms"), {links} ],
        zones: {{ "a.example": (ttl: "7d", mx: [(10, "mx.a.example")]) }},
        hosts: {{ "mx.a.example": (region: "{host}", service: "2s") }},
        resolvers: {{ "isp": (region: "{resolver}") }},
        senders: {{ "campus": (
            region: "eu", resolver: "isp", arrivals: Periodic(every: "1m", offset: "1s"), to: Weights({{"a.example": 1.0}}),
            retry: Custom(schedule: Constant("5m"), lifetime: "5d"),
        ) }},
        timeline: [ {timeline} ],
    )"#
    )
}

const DIRECT: &str = r#"(between: ("eu", "us"), rtt: "80ms")"#;

#[test]
fn a_partition_cuts_mail_off_until_it_ends_and_is_an_event() {
    let cut = r#"(name: "cut", at: "1h", do: Partition(between: ("us", "eu")), for: "1h")"#;
    let results = run(&world(DIRECT, "eu", "us", cut));
    assert_eq!(one(&results, "delivered", "all", "count"), 300.0);
    let longest = one(&results, "delivery_latency", "all", "max");
    assert!((3540.0..4200.0).contains(&longest), "{longest}");
    assert!(one(&results, "timed_out", "host:mx.a.example", "count") > 60.0);
    let gap = one(&results, "failover_gap", "event:cut", "max");
    assert!((3590.0..3700.0).contains(&gap), "{gap}");
    let drain = one(&results, "time_to_drain", "event:cut", "max");
    assert!(drain > 0.0 && drain < 500.0, "{drain}");
    assert_eq!(results.variants[0].shades.len(), 1, "charts shade it");

    // Two that overlap: the links are whole when the last ends.
    let two = r#"(at: "1h", do: Partition(between: ("us", "*")), for: "2h"),
                 (at: "2h", do: Partition(between: ("us", "eu")), for: "2h")"#;
    let longest = one(&run(&world(DIRECT, "eu", "us", two)), "delivery_latency", "all", "max");
    assert!((3.0 * 3600.0 - 60.0..3.2 * 3600.0).contains(&longest), "{longest}");
}

#[test]
fn what_a_partition_cuts_goes_another_way_if_there_is_one() {
    let links = format!(r#"{DIRECT}, (between: ("asia", "us"), rtt: "120ms")"#);
    let p50 = |timeline: &str| one(&run(&world(&links, "eu", "us", timeline)), "delivery_latency", "all", "p50") - 2.0;
    let direct = p50("");
    let round = p50(r#"(at: "0s", do: Partition(between: ("eu", "us")))"#);
    // Latencies have three digits.
    assert!((round / direct / (220.0 / 80.0) - 1.0).abs() < 0.01, "{direct} {round}");
}

#[test]
fn who_is_cut_off_from_its_resolver_sends_nothing_whatever_it_knew() {
    // Nothing takes time between the two, so that the sender's routes are known without a look-up.
    let links = r#"(between: ("eu", "us"), rtt: "0s")"#;
    let cut = r#"(at: "1h", do: Partition(between: ("us", "eu")), for: "1h")"#;
    let results = run(&world(links, "us", "eu", cut));
    assert_eq!(one(&results, "delivered", "all", "count"), 300.0);
    let longest = one(&results, "delivery_latency", "all", "max");
    assert!((3540.0..4200.0).contains(&longest), "{longest}");
    // A look-up that nobody answers is given up after ten seconds.
    assert_eq!(one(&results, "lookup_time", "all", "max").round(), 10.0);
    assert_eq!(one(&results, "connections", "host:mx.a.example", "count"), 300.0);
}

#[test]
fn a_host_that_browns_out_answers_a_share_of_connections() {
    let brown = r#"(name: "brown", at: "1h", do: Brownout(host: "mx.*", answers: 0.5, mode: Refuse), for: "2h")"#;
    let text = world(DIRECT, "eu", "us", brown).replace("every: \"1m\"", "every: \"1s\"");
    let results = run(&text);
    // Of 18000 messages 7200 come then, and half of them are refused first: 4 standard deviations are 0.0094.
    let share = one(&results, "first_attempt_success", "all", "share");
    assert!((share - 0.8).abs() < 0.0094, "{share}");
    assert_eq!(one(&results, "delivered", "all", "count"), 17_999.0);
    assert!(one(&results, "time_to_drain", "event:brown", "max") > 0.0);
}

#[test]
fn brownouts_of_one_host_multiply_and_end_one_by_one() {
    let brown = r#"(at: "1h", do: Brownout(host: "mx.a.example", slow: 2), for: "2h"),
                   (at: "2h", do: Brownout(region: "us", slow: 3), for: "2h")"#;
    let links = r#"(between: ("eu", "us"), rtt: "0s")"#;
    let results = run(&world(links, "eu", "us", brown));
    // An hour each of 2, 4, 12, 6 and 2 s.
    // The first look-ups take some milliseconds.
    let mean = one(&results, "delivery_latency", "all", "mean");
    assert!((mean - 5.2).abs() < 1e-4, "{mean}");
    assert_eq!(one(&results, "delivery_latency", "all", "max"), 12.0);
}

#[test]
fn a_name_server_that_browns_out_is_slow_or_silent() {
    let took = |brown: &str| {
        let text = world(DIRECT, "eu", "us", brown).replace(
            r#"zones: { "a.example": (ttl: "7d","#,
            r#"servers: { "ns.a.example": (region: "eu", latency: "100ms") },
               zones: { "a.example": (ns: ["ns.a.example"], ttl: "30s","#,
        );
        let results = run(&text);
        let of = |measure, statistic| one(&results, measure, "all", statistic);
        (of("lookup_time", "p50"), of("servfail", "share"))
    };
    let (as_ever, none) = took("");
    assert!((as_ever - 0.1).abs() < 0.001 && none == 0.0, "{as_ever} {none}");
    let (slow, none) = took(r#"(at: "0s", do: Brownout(server: "ns.a.example", slow: 2))"#);
    assert!((slow - 0.2).abs() < 0.001 && none == 0.0, "{slow} {none}");
    let (_, failed) = took(r#"(at: "0s", do: Brownout(server: "ns.a.example", answers: 0))"#);
    assert_eq!(failed, 1.0);
}

#[test]
fn days_have_their_profile_by_the_clocks_of_the_region() {
    let hours = |offset: &str| -> Vec<f64> {
        let text = world(DIRECT, "eu", "us", "")
            .replace("run: (measure: \"5h\"", "run: (starts: \"Mon 06:00\", utc_offset: \"+01:00\", measure: \"1d\"")
            .replace("\"eu\": (rtt: \"0s\")", &format!("\"eu\": (rtt: \"0s\"{offset})"))
            .replace(
                "Periodic(every: \"1m\", offset: \"1s\")",
                "Diurnal(per_day: 20000, peak_hour: 12, peak_factor: 2, weekend_share: 0.28)",
            );
        let loaded = loaded(&text);
        let model = &loaded.variants[0].model;
        let source = model.mail.nodes[0].source.as_ref().unwrap();
        let mxsim::model::dns::ArrivalsModel::Diurnal(profile) = &source.arrivals else { panic!() };
        (0..24).map(|hour| profile.rate(mxsim::engine::time::SimTime::from_secs(hour * 3600))).collect()
    };
    let peak = |rates: Vec<f64>| rates.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map(|(hour, _)| hour);
    // The run starts at six in the morning: its own noon is six hours later, New York's six hours after that.
    assert_eq!(peak(hours("")), Some(6));
    assert_eq!(peak(hours(", utc_offset: \"+01:00\"")), Some(6));
    assert_eq!(peak(hours(", utc_offset: \"-05:00\"")), Some(12));
}
