//! What a failure holds back besides its message (`Custom` keyed on message, host or destination), and what it does to the
//! order of a queue run.

mod support;

use std::sync::Arc;

use mxsim::experiment::Results;
use mxsim::model::compile::{Memory, load_source};
use mxsim::scenario::diagnostic::SourceText;
use mxsim::scenario::render::render;
use support::{run, run_loaded, values};

/// Ten messages at once to a host that refuses for an hour; each waits a minute from failure to attempt.
fn ten(keyed_on: &str, mx: &str) -> Results {
    run(&format!(
        r#"(
        title: "keyed",
        run: (measure: "1d", drain: "1d", replications: 1),
        regions: {{ "here": (rtt: "2ms") }},
        zones: {{ "d.example": (mx: {mx}), "e.example": (mx: [(10, "a.d.example")]) }},
        hosts: {{ "a.d.example": (), "b.d.example": () }},
        resolvers: {{ "r": (software: Ideal()) }},
        senders: {{ "s": (
            resolver: "r", arrivals: Burst(at: "1h", count: 10, over: "10s"),
            to: Weights({{"d.example": 1.0}}),
            retry: Custom(schedule: Constant("1m"), keyed_on: {keyed_on}),
        ) }},
        timeline: [(name: "o", at: "30m", do: Outage(host: "a.d.example"), for: "90m")],
    )"#
    ))
}

fn one(results: &Results, measure: &str, scope: &str, statistic: &str) -> f64 {
    values(results, measure, scope, statistic)[0]
}

const ALONE: &str = r#"[(10, "a.d.example")]"#;

#[test]
fn each_message_probes_a_dead_host_unless_the_host_or_the_destination_rests() {
    let connections = |results: &Results| one(results, "refused", "host:a.d.example", "count");
    let by_message = ten("Message", ALONE);
    // Sixty minutes, a probe a minute and message.
    assert!((595.0..=600.0).contains(&connections(&by_message)), "{}", connections(&by_message));
    assert_eq!(one(&by_message, "suspensions", "all", "count"), 0.0);
    // After each ten minutes of rest all ten probe together (two at most fail before the first rest begins).
    let by_host = ten(r#"Host(rest: "10m")"#, ALONE);
    assert!((50.0..=62.0).contains(&connections(&by_host)), "{}", connections(&by_host));
    assert!(one(&by_host, "suspensions", "all", "mean") >= 1.0);
    // One probe after each rest.
    let by_destination = ten(r#"Destination(rest: "10m")"#, ALONE);
    assert!((5.0..=7.0).contains(&connections(&by_destination)), "{}", connections(&by_destination));
    for results in [&by_message, &by_host, &by_destination] {
        assert_eq!(one(results, "delivered", "all", "count"), 10.0);
    }
    // Three failures in a row before it rests.
    let patient = ten(r#"Destination(rest: "10m", failures: 3)"#, ALONE);
    assert!((15.0..=21.0).contains(&connections(&patient)), "{}", connections(&patient));
}

#[test]
fn a_resting_host_is_passed_over_for_the_next() {
    let results = ten(r#"Host(rest: "10m")"#, r#"[(10, "a.d.example"), (20, "b.d.example")]"#);
    assert_eq!(one(&results, "accepted", "host:b.d.example", "count"), 10.0);
    assert_eq!(one(&results, "refused", "host:a.d.example", "count"), 1.0);
    assert_eq!(one(&results, "suspensions", "all", "count"), 0.0);
}

#[test]
fn a_queue_of_exchange_is_in_retry_as_a_whole() {
    // learn.microsoft.com, exchange/mail-flow/queues/message-intervals: the intervals are those of a queue that cannot connect to
    // its next hop: four times a minute, six times five, then ten. What comes meanwhile waits with it.
    let results = run(r#"(
        title: "keyed",
        run: (measure: "1d", drain: "1d", replications: 1),
        regions: { "here": (rtt: "2ms") },
        zones: { "d.example": (mx: [(10, "a.d.example")]) },
        hosts: { "a.d.example": () },
        resolvers: { "r": (software: Ideal()) },
        senders: { "s": (
            resolver: "r", arrivals: Burst(at: "1h", count: 20, over: "10m"), to: Weights({"d.example": 1.0}),
            retry: Exchange(),
        ) },
        timeline: [(name: "o", at: "30m", do: Outage(host: "a.d.example"), for: "62m")],
    )"#);
    // At once, after 1, 2, 3, 4, 9, 14, 19, 24, 29 minutes; the next, after 34, comes through, and the others with it.
    assert_eq!(one(&results, "refused", "host:a.d.example", "count"), 10.0);
    assert_eq!(one(&results, "delivered", "all", "count"), 20.0);
    let longest = one(&results, "delivery_latency", "all", "max");
    assert!((2040.0..2045.0).contains(&longest), "{longest}");
    let mean = one(&results, "delivery_latency", "all", "mean");
    assert!((1735.0..1760.0).contains(&mean), "{mean}");
}

fn run_with_trace(text: &str) -> Results {
    let source = Arc::new(SourceText { name: "priority.ron".into(), text: text.into() });
    let rows = "time,domain\n60,old.example\n1500,new.example\n".to_owned();
    let loaded = load_source(&source, &[], &mut Memory([("arrivals.csv".to_owned(), rows)].into()));
    run_loaded(&loaded.unwrap_or_else(|problems| panic!("{}", render(&problems, false))), None)
}

#[test]
fn what_has_failed_more_often_sinks_in_sendmails_queue() {
    // One runner, a job at a time, ten seconds each. At the run of 40 minutes the older message has been tried four times,
    // the younger twice: with RetryFactor it goes first (op.txt, message priority), without it the older does.
    for (factor, older_waits, younger_waits) in [(90_000, 20.0, 10.0), (0, 10.0, 20.0)] {
        let results = run_with_trace(&format!(
            r#"(
            title: "priority",
            run: (measure: "1h", drain: "1d", replications: 1),
            regions: {{ "here": (rtt: "0s") }},
            zones: {{ "old.example": (mx: [(10, "a.d.example")]), "new.example": (mx: [(10, "a.d.example")]) }},
            hosts: {{ "a.d.example": (service: "10s") }},
            resolvers: {{ "r": (software: Ideal()) }},
            senders: {{ "s": (
                resolver: "r", arrivals: Trace(file: "arrivals.csv"), to: Trace, size: "10kB",
                retry: Sendmail(queue_run: "10m", scan_phase: "0s", RetryFactor: {factor}),
            ) }},
            timeline: [(at: "0s", do: Outage(host: "a.d.example"), for: "35m")],
        )"#
        ));
        let latency = |zone: &str| one(&results, "delivery_latency", &format!("zone:{zone}.example"), "max");
        let near = |got: f64, expected: f64| (got - expected).abs() < 0.1;
        // They arrived at 1 and at 25 minutes.
        assert!(near(latency("old"), 39.0 * 60.0 + older_waits), "{factor}: {}", latency("old"));
        assert!(near(latency("new"), 15.0 * 60.0 + younger_waits), "{factor}: {}", latency("new"));
    }
}

#[test]
fn exim_keeps_a_put_off_recipient_for_all_that_its_sender_writes_to_it() {
    // R:recipient:<sender> (deliver.c; address_retry_include_sender): ten messages to a recipient that is put off at RCPT.
    // Each makes its first attempt; from then on one in each ten minutes goes, until all are past the last cutoff (an hour).
    // Recipients of their own have schedules of their own.
    let attempts = |correspondents: u32| {
        let results = run(&format!(
            r#"(
            title: "recipients",
            run: (measure: "1d", drain: "1d", replications: 1),
            regions: {{ "here": (rtt: "2ms") }},
            zones: {{ "d.example": (mx: [(10, "a.d.example")]) }},
            hosts: {{ "a.d.example": () }},
            resolvers: {{ "r": (software: Ideal()) }},
            senders: {{ "s": (
                resolver: "r", arrivals: Burst(at: "1h", count: 10, over: "10s"), correspondents: {correspondents},
                to: Weights({{"d.example": 1.0}}), retry: Exim(rule: "* * F,1h,10m", queue_run: "1m", scan_phase: "30s"),
            ) }},
            timeline: [(name: "o", at: "0s", do: Outage(host: "a.d.example", mode: Reply(stage: Rcpt, code: 451)))],
        )"#
        ));
        assert_eq!(one(&results, "expired", "all", "count"), 10.0);
        one(&results, "connections", "all", "count")
    };
    // 0, 10, .. 60 minutes, and one past the cutoff: each of ten.
    let own = attempts(0);
    assert!((70.0..=80.0).contains(&own), "{own}");
    // Ten first ones, five or six between, ten last ones.
    let shared = attempts(1);
    assert!((24.0..=27.0).contains(&shared), "{shared}");
}

#[test]
fn exim_keeps_a_domain_whose_look_ups_fail_for_all_its_messages() {
    // R:domain: the name servers are silent for an hour. Each new message makes its first attempt, then one in ten minutes.
    let results = run(r#"(
        title: "domain",
        run: (measure: "1d", drain: "1d", replications: 1),
        regions: { "here": (rtt: "2ms") },
        zones: { "d.example": (mx: [(10, "a.d.example")], ns: ["ns.d.example"]), "example": (ns: ["ns.example"]) },
        servers: { "ns.d.example": (), "ns.example": () },
        hosts: { "a.d.example": () },
        resolvers: { "r": (software: Ideal(timeouts: ["1s"])) },
        senders: { "s": (
            resolver: "r", arrivals: Burst(at: "1h", count: 10, over: "10s"), to: Weights({"d.example": 1.0}),
            retry: Exim(rule: "* * F,1d,10m", queue_run: "1m", scan_phase: "30s"),
        ) },
        timeline: [(name: "o", at: "0s", do: Outage(server: "ns.d.example"), for: "119m")],
    )"#);
    let attempts = one(&results, "attempts_per_delivery", "all", "mean") * 10.0;
    // Ten first attempts, those at 10, 20, .. 50 minutes, and ten that deliver: the first forgets the record.
    assert!((24.0..=27.0).contains(&attempts), "{attempts}");
    assert_eq!(one(&results, "delivered", "all", "count"), 10.0);
    // The record is looked at by queue runs: what comes new is tried at once.
    let latest = one(&results, "delivery_latency", "all", "max");
    assert!((3540.0..=4300.0).contains(&latest), "{latest}");
    assert!(one(&results, "suspensions", "all", "count") > 100.0);
}
