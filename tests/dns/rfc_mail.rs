//! Rules of the RFCs that concern what a sender makes of DNS, by their numbers in the reference page.

use crate::support::{run, values};

/// A sender of one message to one domain, whose zone is as `zone` says.
fn sent(zone: &str, timeline: &str, client: &str) -> mxsim::experiment::Results {
    run(&format!(
        r#"(
        title: "rules",
        run: (measure: "1h", drain: "1d", replications: 2),
        regions: {{ "here": (rtt: "0s") }},
        zones: {{ "d.lab": (ns: ["ns.d.lab"], ttls: (ns: "3650d", glue: "3650d"), {zone}), "lab": (ns: ["ns.lab"]) }},
        servers: {{ "ns.d.lab": (), "ns.lab": () }},
        hosts: {{ "apex.lab": (), "first.lab": (), "second.lab": (), "third.lab": () }},
        resolvers: {{ "r": (software: Bind()) }},
        senders: {{ "s": (resolver: "r", arrivals: Burst(at: "10m", count: 400), to: Weights({{"d.lab": 1.0}}),
            retry: Custom(schedule: Constant("10m"), lifetime: "5h"), client: ({client})) }},
        timeline: [ {timeline} ],
    )"#
    ))
}

#[track_caller]
fn count(results: &mxsim::experiment::Results, measure: &str, scope: &str) -> f64 {
    values(results, measure, scope, "count")[0]
}

#[test]
fn rule_17_by_preference_at_random_among_equals_and_the_domain_itself_without_mx() {
    let equals = sent(r#"mx: [(20, "third.lab"), (10, "first.lab"), (10, "second.lab")]"#, "", "");
    let accepted = ["first", "second", "third"].map(|host| count(&equals, "accepted", &format!("host:{host}.lab")));
    assert_eq!((accepted[0] + accepted[1], accepted[2]), (400.0, 0.0));
    // Five standard deviations of a fair choice.
    assert!((accepted[0] - 200.0).abs() < 50.0, "{accepted:?}");
    let implicit = sent(r#"addresses: { "d.lab": ["apex.lab"] }"#, "", "");
    assert_eq!(count(&implicit, "accepted", "host:apex.lab"), 400.0);
    // Where there is an MX, the domain's own address is none of it.
    let dead = r#"(at: "0s", do: Outage(host: "first.lab", mode: Refuse)),"#;
    let both = sent(r#"mx: [(10, "first.lab")], addresses: { "d.lab": ["apex.lab"] }"#, dead, "");
    assert_eq!((count(&both, "accepted", "host:apex.lab"), count(&both, "expired", "all")), (0.0, 400.0));
}

#[test]
fn rule_18_a_failed_lookup_waits_and_a_name_without_mx_and_address_bounces() {
    let outage = r#"(at: "0s", for: "2h", do: Outage(server: "ns.d.lab")),"#;
    let failed = sent(r#"mx: [(10, "first.lab")]"#, outage, "");
    assert_eq!((count(&failed, "delivered", "all"), count(&failed, "bounced", "all")), (400.0, 0.0));
    assert!(values(&failed, "delivery_latency", "all", "mean")[0] > 6000.0);
    let nothing = sent("", "", "");
    assert_eq!(count(&nothing, "bounced", "all"), 400.0);
    assert_eq!(values(&nothing, "attempts_per_delivery", "all", "mean")[0], 1.0);
}

#[test]
fn rule_20_a_null_mx_fails_at_once_without_a_connection() {
    let null = sent(r#"mx: [(0, ".")], addresses: { "d.lab": ["apex.lab"] }"#, "", "");
    assert_eq!((count(&null, "bounced", "all"), count(&null, "connections", "all")), (400.0, 0.0));
}
