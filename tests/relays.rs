//! Mail that does not go straight to its domain's MX: smart hosts, fallback relays, relays that share a queue or split it,
//! several nodes with one policy, and mail that goes round in circles.

mod support;

use mxsim::experiment::Results;
use support::{run, values};

/// `sources` are the sections `hosts` and `senders` without what all have in common; no round trips.
fn scenario(hosts: &str, senders: &str, rest: &str) -> String {
    format!(
        r#"(
        title: "relays",
        run: (measure: "2h", drain: "10d", replications: 1, seed: 5),
        regions: {{ "here": (rtt: "0s") }},
        zones: {{
            "d.example": (ns: ["ns.d.example"], mx: [(10, "mx.d.example")]),
            "relay.example": (ns: ["ns.example"], mx: [(10, "r1.example"), (10, "r2.example")]),
            "example": (ns: ["ns.example"]),
        }},
        servers: {{ "ns.example": (latency: "0s"), "ns.d.example": (latency: "0s") }},
        hosts: {{ {hosts} }},
        resolvers: {{ "r": (software: Ideal()) }},
        senders: {{ {senders} }},
        {rest}
    )"#
    )
}

fn sender(count: u32, more: &str) -> String {
    format!(
        r#""s": (resolver: "r", to: Weights({{"d.example": 1.0}}), arrivals: Burst(at: "1h", count: {count}), {more}),"#
    )
}

fn of_host(results: &Results, measure: &str, host: &str, statistic: &str) -> f64 {
    values(results, measure, &format!("host:{host}.example"), statistic)[0]
}

fn all(results: &Results, measure: &str, statistic: &str) -> f64 {
    values(results, measure, "all", statistic)[0]
}

const RELAY: &str = r#"relays_for: ["d.example"], resolver: "r""#;

#[test]
fn a_smart_host_takes_everything_and_is_waited_for() {
    let hosts = format!(r#""mx.d.example": (), "r1.example": ({RELAY}), "r2.example": ({RELAY}),"#);
    // A host in brackets goes without MX; a domain by its MX, both of them.
    for (to, first, second) in [("[r1.example]", 100.0, 0.0), ("relay.example", 50.0, 50.0)] {
        let client = format!(r#"client: (smart_host: "{to}"), retry: Custom(schedule: Constant("10m"))"#);
        let results = run(&scenario(&hosts, &sender(100, &client), ""));
        assert_eq!(all(&results, "delivered", "count"), 100.0, "{to}");
        assert_eq!(of_host(&results, "accepted", "mx.d", "count"), 100.0, "{to}");
        let taken = ["r1", "r2"].map(|host| of_host(&results, "accepted", host, "count"));
        // A fair coin: four standard deviations of 100 draws are 20.
        let near = |got: f64, expected: f64| (got - expected).abs() <= if expected == 50.0 { 20.0 } else { 0.0 };
        assert!(near(taken[0], first) && near(taken[1], second), "{to}: {taken:?}");
    }
    // A smart host that is down is waited for, though the domain's own MX is well.
    let down = r#"timeline: [(name: "o", at: "0s", do: Outage(host: "r1.example"), for: "65m")],"#;
    let more = r#"client: (smart_host: "[r1.example]"), retry: Custom(schedule: Constant("10m"))"#;
    let results = run(&scenario(&hosts, &sender(1, more), down));
    assert!((all(&results, "delivery_latency", "max") - 600.0).abs() < 0.01);
}

#[test]
fn a_fallback_relay_takes_what_no_mx_takes_in_the_same_attempt() {
    let hosts = format!(r#""mx.d.example": (), "r1.example": ({RELAY}), "r2.example": (),"#);
    let more = r#"client: (fallback_relay: "[r1.example]"), retry: Custom(schedule: Constant("10m"))"#;
    // Nothing is wrong: it is not used.
    let results = run(&scenario(&hosts, &sender(10, more), ""));
    assert_eq!(of_host(&results, "connections", "r1", "count"), 0.0);
    // The MX is silent for 30 s (the time-out of a connection), then the relay takes it, in the first attempt.
    let down =
        r#"timeline: [(name: "o", at: "0s", do: Outage(host: "mx.d.example", mode: BlackHole), for: "61m30s")],"#;
    let results = run(&scenario(&hosts, &sender(10, more), down));
    assert_eq!(all(&results, "delivered", "count"), 10.0);
    assert_eq!(of_host(&results, "accepted", "r1", "count"), 10.0);
    assert!((all(&results, "handoff_latency", "mean") - 30.0).abs() < 0.01);
    assert_eq!(all(&results, "bounced", "count"), 0.0);
    // A refusal for good is no reason to go there.
    let refusing = hosts.replace(r#""mx.d.example": ()"#, r#""mx.d.example": (unknown_users: 1)"#);
    let results = run(&scenario(&refusing, &sender(10, more), ""));
    assert_eq!(all(&results, "bounced", "count"), 10.0);
    assert_eq!(of_host(&results, "connections", "r1", "count"), 0.0);
}

#[test]
fn a_fallback_relay_takes_what_could_not_be_looked_up() {
    let hosts = format!(r#""mx.d.example": (), "r1.example": ({RELAY}), "r2.example": (),"#);
    let to = |domain: &str, more: &str| sender(10, more).replace("d.example", domain);
    let results = |domain: &str, retry: &str, relay: &str, rest: &str| {
        let more = format!(r#"client: (fallback_relay: "{relay}"), retry: {retry}"#);
        run(&scenario(&hosts, &to(domain, &more), rest))
    };
    let relay = "[r1.example]";
    let gone = r#"timeline: [(name: "o", at: "0s", do: SetAddress(name: "r2.example", hosts: []))],"#;
    let silent = r#"timeline: [(name: "o", at: "0s", do: Outage(server: "ns.d.example"), for: "3h")],"#;
    for retry in ["Postfix()", "Sendmail()"] {
        // The domain's name server is silent: sent to the relay at once (smtp_connect.c; sendmail's domain.c, getmxrr), which
        // waits for it.
        let found = results("d.example", retry, relay, silent);
        assert_eq!(of_host(&found, "accepted", "r1", "count"), 10.0, "{retry}");
        assert!(all(&found, "handoff_latency", "mean") < 60.0, "{retry}");
        // There is no such domain: only Postfix sends even that, and bounces nothing itself.
        let found = results("r2.example", retry, relay, gone);
        let taken = if retry == "Postfix()" { 10.0 } else { 0.0 };
        assert_eq!(of_host(&found, "accepted", "r1", "count"), taken, "{retry}");
    }
    // A relay that is not found is a "configuration problem" for Postfix: the mail waits.
    let hosts = r#""mx.d.example": (), "r1.example": (), "r2.example": (),"#;
    let more = r#"client: (smart_host: "[r1.example]"), retry: Postfix()"#;
    let gone = r#"timeline: [(name: "o", at: "0s", do: SetAddress(name: "r1.example", hosts: []))],"#;
    let found = run(&scenario(hosts, &sender(10, more), gone));
    assert_eq!((all(&found, "bounced", "count"), all(&found, "expired", "count")), (0.0, 10.0));
}

#[test]
fn relays_share_a_queue_or_split_it() {
    // A thousand messages over two submission hosts, each with Postfix's limit of 20 to a destination, ten seconds a message:
    // two queues keep 40 sessions busy, one that both feed keeps 20.
    let shared =
        format!(r#""r1.example": ({RELAY}, retry: Postfix()), "r2.example": ({RELAY}, shares_queue: "r1.example"),"#);
    let split = format!(r#""r1.example": ({RELAY}, retry: Postfix()), "r2.example": ({RELAY}, retry: Postfix()),"#);
    for (relays, busiest, depths) in [(split, 40.0, 2), (shared, 20.0, 1)] {
        let hosts = format!(r#""mx.d.example": (sessions: 100, service: "10s"), {relays}"#);
        let results = run(&scenario(
            &hosts,
            &sender(1000, r#"client: (smart_host: "relay.example"), retry: Custom(schedule: Constant("10m"))"#),
            "",
        ));
        assert_eq!(all(&results, "delivered", "count"), 1000.0);
        let load = of_host(&results, "host_load", "mx.d", "max") * 100.0;
        assert!((load - busiest).abs() < 1e-6, "{load} sessions, expected {busiest}");
        let taken = ["r1", "r2"].map(|host| of_host(&results, "accepted", host, "count"));
        assert!(taken.iter().all(|n| (437.0..=563.0).contains(n)), "a fair coin, {taken:?}");
        // Who feeds another's queue has none of its own.
        let depth = |host| values(&results, "queue_depth", &format!("host:{host}.example"), "max");
        let queues: Vec<f64> = ["r1", "r2"][..depths].iter().flat_map(depth).collect();
        assert_eq!(queues.iter().filter(|depth| **depth > 300.0).count(), depths, "{queues:?}");
        // All is queued there before the first has left, ten seconds later.
        let total: f64 = queues.iter().sum();
        assert_eq!(total, 1000.0, "{queues:?}");
    }
}

#[test]
fn several_nodes_with_one_policy_keep_each_a_queue_of_their_own() {
    // Four nodes of one population: each has its own limit of 20, and its own scans.
    let hosts = r#""mx.d.example": (sessions: 1000, service: "10s"), "r1.example": (), "r2.example": (),"#;
    let nodes = sender(200, "retry: Postfix()").replace(r#""s": ("#, r#""s-{i}": (count: 4, "#);
    let results = run(&scenario(hosts, &nodes, ""));
    assert!((of_host(&results, "host_load", "mx.d", "max") * 1000.0 - 80.0).abs() < 1e-6);
    let down = r#"timeline: [(name: "o", at: "0s", do: Outage(host: "mx.d.example"), for: "62m")],"#;
    let nodes = nodes.replace("count: 200", "count: 1");
    let results = run(&scenario(hosts, &nodes, down));
    let latency = |i| values(&results, "delivery_latency", &format!("sender:s-{i}"), "max")[0];
    let mut all: Vec<f64> = (1..=4).map(latency).collect();
    all.sort_by(f64::total_cmp);
    // Age 300 s and a scan of 300 s: due after 299 s, taken up at each one's own next scan, service not counted.
    assert!(all.iter().all(|latency| (298.0..=611.0).contains(latency)), "{all:?}");
    assert!(all.windows(2).all(|pair| pair[1] - pair[0] > 0.01), "one clock for all: {all:?}");
}

#[test]
fn mail_that_goes_round_in_circles_is_found_out_by_the_systems_limit_of_hops() {
    // Two relays that are each other's smart host. Postfix hopcount_limit 50, Exim received_headers_max 30, sendmail
    // MaxHopCount 25: the host that would add one more refuses the message for good.
    for (system, hops) in [("Postfix", 50.0), ("Exim", 30.0), ("Sendmail", 25.0)] {
        let relay = |other| {
            format!(
                r#"({RELAY}, retry: {system}(), client: (rules: {system}, smart_host: "[{other}.example]", own_mx: Keep))"#
            )
        };
        let hosts = format!(r#""mx.d.example": (), "r1.example": {}, "r2.example": {},"#, relay("r2"), relay("r1"));
        let results = run(&scenario(&hosts, &sender(10, r#"client: (smart_host: "[r1.example]")"#), ""));
        assert_eq!(all(&results, "bounced", "loop"), 10.0, "{system}");
        let accepted: f64 = ["r1", "r2"].iter().map(|host| of_host(&results, "accepted", host, "count")).sum();
        assert_eq!(accepted, 10.0 * (hops + 1.0), "{system}");
        assert_eq!(of_host(&results, "connections", "mx.d", "count"), 0.0, "{system}");
    }
}

#[test]
fn a_relay_that_finds_only_itself_and_worse_reports_a_loop_at_once() {
    let hosts = format!(r#""mx.d.example": (), "r1.example": ({RELAY}), "r2.example": (),"#);
    let text = scenario(&hosts, &sender(10, r#"client: (smart_host: "[r1.example]")"#), "").replace(
        r#"mx: [(10, "mx.d.example")]"#,
        r#"mx: [(10, "r1.example"), (10, "r2.example"), (20, "mx.d.example")]"#,
    );
    // It drops itself, its equal and the one that is worse (RFC 5321 section 5.1).
    let results = run(&text);
    assert_eq!(all(&results, "bounced", "loop"), 10.0);
    // A better one than itself is used.
    let better = text.replace(r#"(20, "mx.d.example")"#, r#"(5, "mx.d.example")"#);
    let results = run(&better);
    assert_eq!(of_host(&results, "accepted", "mx.d", "count"), 10.0);
    assert_eq!(of_host(&results, "connections", "r2", "count"), 0.0);
}

#[test]
fn recipients_sent_apart_are_files_of_their_own_at_a_relay_and_leave_as_much_as_they_were() {
    // Two recipients of one message of 10 kB, in two transactions (qmail): one file at the sender, two at the relay.
    let hosts = format!(
        r#""mx.d.example": (), "r2.example": (), "r1.example": ({RELAY}, client: (smart_host: "[mx.d.example]")),"#
    );
    let more = r#"client: (smart_host: "[r1.example]"), recipients: 2, size: "10kB", retry: Qmail()"#;
    let down = r#"timeline: [(name: "o", at: "0s", do: Outage(host: "mx.d.example"), for: "2h")],"#;
    let results = run(&scenario(&hosts, &sender(1, more), down));
    assert_eq!(all(&results, "spool_bytes", "max"), 20_000.0);
    assert_eq!(of_host(&results, "spool_bytes", "r1", "max"), 20_000.0);
}

#[test]
fn what_a_relay_sends_apart_takes_its_room_once() {
    // A relay of qmail's with room for 90 kB. Five recipients of a message of 20 kB that bounce, one by one; one of 20 kB that
    // stays; then one of 80 kB for which there is no room.
    let hosts = r#""mx.d.example": (unknown_users: 1.0), "r2.example": (), "mx.e.example": (),
        "r1.example": (relays_for: ["d.example", "e.example"], resolver: "r", retry: Qmail(), disk: (capacity: "90kB")),"#;
    let sender = |name: &str, to: &str, at: &str, more: &str| {
        format!(
            r#""{name}": (resolver: "r", to: Weights({{"{to}": 1.0}}), arrivals: Burst(at: "{at}", count: 1),
                client: (smart_host: "[r1.example]"), retry: Custom(schedule: Constant("1h"), lifetime: "1d"), {more}),"#
        )
    };
    let senders = sender("a", "e.example", "1h", r#"size: "20kB""#)
        + &sender("b", "d.example", "61m", r#"size: "20kB", recipients: 5"#)
        + &sender("c", "e.example", "62m", r#"size: "80kB""#);
    let down = r#"timeline: [(name: "o", at: "0s", do: Outage(host: "mx.e.example"), for: "90m")],"#;
    let text = scenario(hosts, &senders, down).replace(
        r#""relay.example": ("#,
        r#""e.example": (ns: ["ns.example"], mx: [(10, "mx.e.example")]), "relay.example": ("#,
    );
    let results = run(&text);
    assert_eq!(all(&results, "bounced", "count"), 5.0);
    // It comes again an hour later, when the first is gone, and the relay's own attempt is the third.
    assert_eq!(values(&results, "attempts_per_delivery", "sender:c", "mean")[0], 3.0);
    assert!(all(&results, "delivered", "count") == 2.0);
}

#[test]
fn a_relay_warns_of_what_it_has_though_the_sender_has_warned_before() {
    // The relay is down for five hours: the sender's own warning comes after four. Then the relay has it, and the domain's host is
    // down for five hours more.
    let hosts = r#""mx.d.example": (), "r2.example": (), "r1.example": (relays_for: ["d.example"], resolver: "r", retry: Custom(schedule: Constant("10m"), delay_warning: ["4h"])),"#;
    let more =
        r#"client: (smart_host: "[r1.example]"), retry: Custom(schedule: Constant("10m"), delay_warning: ["4h"])"#;
    let down = r#"timeline: [
        (name: "relay", at: "0s", do: Outage(host: "r1.example"), for: "6h"),
        (name: "mx", at: "0s", do: Outage(host: "mx.d.example"), for: "11h"),
    ],"#;
    let results = run(&scenario(hosts, &sender(1, more), down));
    assert_eq!(all(&results, "delay_warnings", "count"), 2.0);
    assert_eq!(all(&results, "delivered", "count"), 1.0);
}
