//! MX hosts with IPv6: AAAA records beside A records, which family a client connects to first, and addresses that lead nowhere.

mod support;

use mxsim::experiment::Results;
use support::{run, values};

const MESSAGES: f64 = 400.0;

/// A message a second for 400 s to a domain with one host of one address of each family.
fn sent(ipv6: &str, retry: &str, client: &str, timeline: &str) -> Results {
    sent_over("400s", ipv6, retry, client, timeline)
}

fn sent_over(span: &str, ipv6: &str, retry: &str, client: &str, timeline: &str) -> Results {
    run(&format!(
        r#"(
        title: "two families",
        run: (measure: "2h", drain: "1d", replications: 1, seed: 5),
        regions: {{ "here": (rtt: "0s") }},
        zones: {{ "d.example": (ttls: (mx: "1h", a: "60s", negative: "60s"), mx: [(10, "mx.d.example")]) }},
        hosts: {{ "mx.d.example": (ipv6: {ipv6}) }},
        resolvers: {{ "r": (software: Ideal()) }},
        senders: {{ "s": (resolver: "r", arrivals: Burst(at: "10m", count: 400, over: "{span}"), to: Weights({{"d.example": 1.0}}),
            retry: {retry}, client: ({client})) }},
        timeline: [ {timeline} ],
    )"#
    ))
}

fn one(results: &Results, measure: &str, scope: &str, statistic: &str) -> f64 {
    values(results, measure, scope, statistic)[0]
}

const CUSTOM: &str = r#"Custom(schedule: Constant("10m"))"#;

#[test]
fn a_dead_ipv6_address_costs_a_time_out_and_the_ipv4_beside_it_takes_the_message() {
    let dead = sent("Dead", CUSTOM, r#"address_preference: Ipv6First, connect_timeout: "30s""#, "");
    assert_eq!(one(&dead, "delivered", "all", "count"), MESSAGES);
    assert_eq!(one(&dead, "attempts_per_delivery", "all", "mean"), 1.0);
    assert_eq!(one(&dead, "connections", "all", "count"), 2.0 * MESSAGES);
    let median = one(&dead, "delivery_latency", "all", "p50");
    assert!((30.0..30.1).contains(&median), "{median}");
    // Nobody listens there: known at once.
    let refused = sent("Refuses", CUSTOM, "address_preference: Ipv6First", "");
    assert_eq!(one(&refused, "connections", "all", "count"), 2.0 * MESSAGES);
    assert!(one(&refused, "delivery_latency", "all", "max") < 0.1);
    for client in ["address_preference: Ipv4First", "address_preference: Ipv4Only"] {
        let first = sent("Dead", CUSTOM, client, "");
        assert_eq!(one(&first, "connections", "all", "count"), MESSAGES, "{client}");
    }
    let works = sent("Works", CUSTOM, "address_preference: Ipv6First", "");
    assert_eq!(
        (one(&works, "connections", "all", "count"), one(&works, "connections_wasted", "all", "share")),
        (MESSAGES, 0.0)
    );
}

/// Postfix takes addresses as they come out of the shuffle (smtp_addr.c; `smtp_address_preference = any`): half of the messages
/// begin with IPv6.
#[test]
fn postfix_begins_with_either_family() {
    let results = sent("Refuses", CUSTOM, "rules: Postfix", "");
    let first_v6 = one(&results, "connections", "all", "count") - MESSAGES;
    // Five standard deviations of a fair choice.
    assert!((first_v6 - 200.0).abs() < 50.0, "{first_v6}");
}

/// Which family each system connects to first, by the sources that its preset names: a share of connections is wasted on an
/// IPv6 address where nobody listens.
#[test]
fn each_system_begins_with_the_family_that_its_source_says() {
    for system in ["Sendmail", "OpenSmtpd", "Mox", "Maddy", "Chasquid", "Exim"] {
        let results = sent("Refuses", CUSTOM, &format!("rules: {system}"), "");
        assert_eq!(one(&results, "connections_wasted", "all", "share"), 0.5, "{system}: IPv6 first");
    }
    for system in ["Haraka", "Stalwart", "ZoneMta", "Qmail"] {
        let results = sent("Refuses", CUSTOM, &format!("rules: {system}"), "");
        assert_eq!(one(&results, "connections_wasted", "all", "share"), 0.0, "{system}: IPv4 first, or alone");
    }
    // KumoMTA keeps sessions for 5 s; messages 9 s apart find none. Half of them begin with IPv6, five standard deviations
    // of a fair choice aside.
    let results = sent_over("3600s", "Refuses", CUSTOM, "rules: KumoMta", "");
    let first_v6 = one(&results, "connections", "all", "count") - MESSAGES;
    assert!((first_v6 - 200.0).abs() < 50.0, "KumoMta: {first_v6}");
}

/// Go's dialler (maddy, chasquid) connects to the other family as well after 300 ms: a dead one costs no more.
#[test]
fn a_fast_fallback_waits_for_a_dead_family_for_three_tenths_of_a_second() {
    for system in ["Maddy", "Chasquid"] {
        let results = sent("Dead", CUSTOM, &format!("rules: {system}"), "");
        assert_eq!(one(&results, "delivered", "all", "count"), MESSAGES);
        let most = one(&results, "delivery_latency", "all", "max");
        assert!((0.3..0.4).contains(&most), "{system}: {most}");
    }
    let off = sent("Dead", CUSTOM, r#"rules: Chasquid, fast_fallback: "0s""#, "");
    assert!(one(&off, "delivery_latency", "all", "max") > 60.0);
}

/// Exim connects to IPv6 first (host.c, host_find_bydns), and keeps a record of that address alone: while it rests, messages
/// go to the IPv4 address at once.
#[test]
fn exim_remembers_a_dead_ipv6_address_and_not_the_ipv4_beside_it() {
    let results = sent("Dead", r#"Exim(connect_timeout: "30s")"#, "", "");
    assert_eq!(one(&results, "delivered", "all", "count"), MESSAGES);
    // Those that began within the first 30 s found no record yet; its rule is to try again after 15 min.
    let wasted = one(&results, "connections", "all", "count") - MESSAGES;
    assert!((29.0..=31.0).contains(&wasted), "{wasted}");
    assert!(one(&results, "delivery_latency", "all", "p90") < 0.1);
}

#[test]
fn what_ipv6_meets_changes_in_the_timeline_and_its_record_comes_and_goes() {
    let client = r#"address_preference: Ipv6First, connect_timeout: "1s""#;
    // Messages come from 600 to 1000 s.
    let timeline = r#"(at: "700s", do: SetIpv6(host: "mx.d.example", ipv6: Refuses)), (at: "800s", do: SetIpv6(host: "mx.d.example", ipv6: Absent)),"#;
    let results = sent("Works", CUSTOM, client, timeline);
    assert_eq!(one(&results, "delivered", "all", "count"), MESSAGES);
    // A hundred seconds of refusals; then up to a TTL of 60 s of an address that is gone and still cached.
    let wasted = one(&results, "connections", "all", "count") - MESSAGES;
    assert!((100.0..=161.0).contains(&wasted), "{wasted}");
    assert!(one(&results, "stale_deliveries", "all", "count") <= 61.0);
    // A host that gets its address later: only then are there two.
    let late = r#"(at: "800s", do: SetIpv6(host: "mx.d.example", ipv6: Refuses)),"#;
    let results = sent("Absent", CUSTOM, client, late);
    let wasted = one(&results, "connections", "all", "count") - MESSAGES;
    assert!((139.0..=201.0).contains(&wasted), "{wasted}: known when the negative answer of 60 s has run out");
}

#[test]
fn nobody_asks_for_ipv6_where_there_is_none() {
    let is_asked = |ipv6: &str| {
        let results = sent(ipv6, CUSTOM, "", "");
        let mut rows = results.variants[0].replications[0].rows.iter();
        rows.any(|row| row.measure == "dns_queries" && row.statistic == "AAAA" && row.value > 0.0)
    };
    assert!(!is_asked("Absent") && is_asked("Works"));
}
