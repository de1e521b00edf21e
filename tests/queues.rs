//! Queues as they work: limits of the active queue and of processes, sequential runners that a black hole stalls, the
//! order within a run, a destination's history; and what is measured of a queue.

mod support;

use std::sync::Arc;

use mxsim::experiment::Results;
use mxsim::model::compile::{Memory, load_source};
use mxsim::scenario::diagnostic::SourceText;
use mxsim::scenario::render::render;
use support::worlds::world;
use support::{run as run_text, run_loaded, values};

/// A sender that follows a trace to `good.example` and `bad.example`, each with a host of its own; no round trips.
fn run(retry: &str, rows: &str, hosts: &str, timeline: &str) -> Results {
    run_seeded(5, retry, rows, hosts, timeline)
}

fn run_seeded(seed: u32, retry: &str, rows: &str, hosts: &str, timeline: &str) -> Results {
    let text = format!(
        r#"(
        title: "queues",
        run: (measure: "3h", drain: "10d", replications: 1, seed: {seed}),
        regions: {{ "here": (rtt: "0s") }},
        zones: {{
            "good.example": (ttl: "3650d", mx: [(10, "mx.good.example")]), "bad.example": (ttl: "3650d", mx: [(10, "mx.bad.example")]),
        }},
        hosts: {{ {hosts} }},
        resolvers: {{ "r": (software: Ideal()) }},
        senders: {{ "s": (
            resolver: "r", arrivals: Trace(file: "arrivals.csv"), to: Trace, size: "1kB", retry: {retry},
        ) }},
        timeline: [{timeline}],
    )"#
    );
    let source = Arc::new(SourceText { name: "queues.ron".into(), text });
    let rows = format!("time,domain\n{rows}");
    let loaded = load_source(&source, &[], &mut Memory([("arrivals.csv".to_owned(), rows)].into()));
    run_loaded(&loaded.unwrap_or_else(|problems| panic!("{}", render(&problems, false))), None)
}

const HOSTS: &str = r#""mx.good.example": (), "mx.bad.example": ()"#;

fn rows(count: usize, at_s: f64, every_s: f64, domain: &str) -> String {
    (0..count).map(|i| format!("{:.3}s,{domain}.example\n", at_s + every_s * i as f64)).collect()
}

fn latency(results: &Results, zone: &str, statistic: &str) -> f64 {
    values(results, "delivery_latency", &format!("zone:{zone}.example"), statistic)[0]
}

fn all(results: &Results, measure: &str, statistic: &str) -> f64 {
    values(results, measure, "all", statistic)[0]
}

#[test]
fn a_full_active_queue_makes_all_mail_wait_for_a_black_hole() {
    // Ten messages to a black hole fill an active queue of ten (qmgr_message_active_limit) for the 30 s of
    // smtp_connect_timeout: five start at once (initial_destination_concurrency), which fail at 30 s, declare the destination
    // dead, and so put the other five off. What comes after them in `incoming` waits until then.
    let trace = rows(10, 60.0, 0.0, "bad") + &rows(1, 61.0, 0.0, "good");
    let hole = r#"(at: "0s", do: Outage(host: "mx.bad.example", mode: BlackHole), for: "2h")"#;
    for (limit, waits) in [(10, 29.0), (11, 0.0)] {
        let results = run(&format!("Postfix(qmgr_message_active_limit: {limit})"), &trace, HOSTS, hole);
        let waited = latency(&results, "good", "max");
        assert!((waited - waits).abs() < 0.01, "limit {limit}: {waited}");
    }
}

#[test]
fn no_more_deliveries_run_than_there_are_processes() {
    // default_process_limit: a hundred messages at once, a second each, seven at a time: 15 rounds.
    let hosts = r#""mx.good.example": (service: "1s"), "mx.bad.example": (service: "1s")"#;
    let trace = rows(50, 60.0, 0.0, "good") + &rows(50, 60.0, 0.0, "bad");
    let retry = "Postfix(default_process_limit: 7, initial_destination_concurrency: 20)";
    let results = run(retry, &trace, hosts, "");
    assert!((all(&results, "delivery_latency", "max") - 15.0).abs() < 0.01);
    let most = all(&results, "queue_in_session", "mean") * 3.0 * 3600.0;
    assert!((most - 100.0).abs() < 0.5, "each is one second in session: {most}");
    let free = run("Postfix(default_process_limit: 100, initial_destination_concurrency: 20)", &trace, hosts, "");
    // Twenty at a time to each of two.
    assert!((all(&free, "delivery_latency", "max") - 3.0).abs() < 0.01);
}

#[test]
fn a_black_hole_stalls_a_sequential_runner_and_whoever_comes_after_it() {
    // Both hosts refuse until 31 minutes; then one is a black hole, and the other well. The run at 40 minutes visits them in
    // the order of arrival (queue_run_in_order): the first holds the runner for the 127 s after which the kernel gives up (Exim's connect_timeout is five minutes).
    let timeline = r#"(at: "0s", do: Outage(host: "mx.*.example"), for: "31m"),
        (at: "31m1s", do: Outage(host: "mx.bad.example", mode: BlackHole), for: "5h")"#;
    let exim = |more: &str| {
        format!(r#"Exim(rule: "* * F,2d,5m", queue_run: "10m", scan_phase: "0s", queue_run_in_order: true, {more})"#)
    };
    let (bad, good) = (rows(1, 60.0, 0.0, "bad"), rows(1, 120.0, 0.0, "good"));
    let at = |results: &Results, arrived_s: f64| latency(results, "good", "max") + arrived_s;
    let results = run(&exim(""), &(bad.clone() + &good), HOSTS, timeline);
    assert!((at(&results, 120.0) - (2400.0 + 127.0)).abs() < 0.1, "{}", at(&results, 120.0));
    // Before it in the queue, there is nothing to wait for.
    let early = rows(1, 30.0, 0.0, "good") + &bad;
    let results = run(&exim(""), &early, HOSTS, timeline);
    assert!((at(&results, 30.0) - 2400.0).abs() < 0.1, "{}", at(&results, 30.0));
    // Silence for longer than the interval: the next runner (queue_run_max 5) passes the one that is stuck; where only one may
    // run, all wait for it.
    let (patient, timeline) = (r#"command_timeout: "25m""#, &timeline.replace("BlackHole", "Silent"));
    let results = run(&exim(patient), &(bad.clone() + &good), HOSTS, timeline);
    assert!((at(&results, 120.0) - 3000.0).abs() < 0.1, "{}", at(&results, 120.0));
    let results = run(&exim(&format!("{patient}, queue_run_max: 1")), &(bad + &good), HOSTS, timeline);
    assert!((at(&results, 120.0) - (2400.0 + 1500.0)).abs() < 0.1, "{}", at(&results, 120.0));
}

#[test]
fn exim_visits_its_queue_at_random_or_in_order() {
    // Two messages that wait for one host, ten seconds each, one runner: who is second waits ten seconds more. In order it is
    // always the younger; at random it is a fair coin.
    let timeline = r#"(at: "0s", do: Outage(host: "mx.good.example"), for: "30m")"#;
    let hosts = r#""mx.good.example": (service: "10s"), "mx.bad.example": ()"#;
    let first = |in_order: bool| {
        let older_first = |pair: u32| {
            let text = format!(
                r#"Exim(rule: "* * F,2d,5m", queue_run: "10m", scan_phase: "{pair}s", queue_run_in_order: {in_order}, queue_run_max: 1, connection_max_messages: 1)"#
            );
            let trace = rows(1, 60.0, 0.0, "good") + &rows(1, 660.0, 0.0, "good");
            let results = run_seeded(pair, &text, &trace, hosts, timeline);
            // Ages of 60 s and 660 s: the longest is that of the older, 10 s more if it was second.
            let longest = all(&results, "delivery_latency", "max");
            let run_at = f64::from(pair) + 1800.0 - 60.0;
            assert!((longest - run_at - 10.0).abs() < 0.1 || (longest - run_at - 20.0).abs() < 0.1, "{longest}");
            (longest - run_at - 10.0).abs() < 0.1
        };
        (0..100).filter(|pair| older_first(*pair)).count()
    };
    assert_eq!(first(true), 100);
    let at_random = first(false);
    assert!((30..=70).contains(&at_random), "four standard deviations of a hundred coins: {at_random}");
}

#[test]
fn postfix_forgets_a_destination_of_which_nothing_is_in_memory() {
    // qmgr_entry_done: refused at once and a minute apart, no failure ever finds the one before it: each message is really
    // tried. Ten together kill the destination after three, and the rest is put off without a connection.
    let down = r#"(at: "0s", do: Outage(host: "mx.bad.example"), for: "4h")"#;
    // No scan in the first hour.
    let retry = r#"Postfix(queue_run_delay: "2h", scan_phase: "119m")"#;
    let apart = run(retry, &rows(50, 60.0, 60.0, "bad"), HOSTS, down);
    let first = |results: &Results| {
        let refused = values(results, "refused", "host:mx.bad.example", "count")[0];
        (refused, all(results, "suspensions", "count"))
    };
    let (refused, suspended) = first(&apart);
    assert!(refused >= 50.0 && suspended >= 47.0, "{refused} refused, {suspended} suspended");
    let together = run(retry, &rows(50, 60.0, 0.0, "bad"), HOSTS, down);
    let (refused_together, suspended_together) = first(&together);
    // All that differs is the first hour: of fifty first attempts, three to five.
    assert!((45.0..=47.0).contains(&(refused - refused_together)), "{refused} and {refused_together}");
    assert!((45.0..=47.0).contains(&(suspended_together - suspended)), "{suspended} and {suspended_together}");
}

fn connections(results: &Results) -> f64 {
    values(results, "connections", "host:mx.good.example", "count")[0]
}

#[test]
fn kumomta_delays_its_ready_queue_when_nobody_answers() {
    // A thousand messages at once to a host that refuses for 4000 s. Connections fail; when more than
    // `consecutive_connection_failures_before_delay` in a row have, all that waits is put off without one, as if it had been
    // tried: 20 min, then 40 min later (`delay_ready_queue`, IncrementAttempts::Yes), so that the third round, at 3600 s,
    // still fails and the fourth, 80 min later, delivers.
    let down = r#"(at: "0s", do: Outage(host: "mx.good.example"), for: "4060s")"#;
    let trace = rows(1000, 60.0, 0.0, "good");
    let run = |more: &str| run(&format!("KumoMta({more})"), &trace, HOSTS, down);
    let patient = run("consecutive_connection_failures_before_delay: 1000000");
    let refused = |results: &Results| values(results, "refused", "host:mx.good.example", "count")[0];
    assert_eq!((refused(&patient), all(&patient, "suspensions", "count")), (3000.0, 0.0));
    let delayed = run("");
    let suspended = all(&delayed, "suspensions", "count");
    // Each of three rounds is an attempt or a suspension of each message. In the first the counter comes to more than a
    // hundred, with up to 32 under way; in the others each failure puts off what waits by then.
    assert_eq!(refused(&delayed) + suspended, 3000.0);
    assert!(suspended >= 866.0, "{suspended}");
    for results in [&patient, &delayed] {
        assert_eq!(all(results, "delivered", "count"), 1000.0);
        let latency = all(results, "delivery_latency", "max");
        // 1200 + 2400 + 4800 s, each half a minute sooner or later, and a second for each time the queue looked again.
        assert!((8400.0 - 95.0..=8400.0 + 400.0).contains(&latency), "{latency}");
    }
}

#[test]
fn kumomta_turns_away_what_finds_its_ready_queue_full() {
    // 32 connections, ten seconds a message, eight places: of a hundred at once 40 are taken, the others come again within a
    // minute, and none of that is an attempt.
    let hosts = r#""mx.good.example": (service: "10s"), "mx.bad.example": ()"#;
    let results = run("KumoMta(max_ready: 8)", &rows(100, 60.0, 0.0, "good"), hosts, "");
    assert!(all(&results, "suspensions", "count") >= 60.0);
    assert_eq!(all(&results, "attempts_per_delivery", "mean"), 1.0);
    assert_eq!(all(&results, "delivered", "count"), 100.0);
    let free = run("KumoMta()", &rows(100, 60.0, 0.0, "good"), hosts, "");
    assert_eq!(all(&free, "suspensions", "count"), 0.0);
}

#[test]
fn sendmail_keeps_a_connection_within_a_queue_run() {
    // Twenty messages wait for one host; the run after the repair sends them down one connection. Without
    // ConnectionCacheSize each makes its own, as each new message does in any case.
    let down = r#"(at: "0s", do: Outage(host: "mx.good.example"), for: "25m")"#;
    let trace = rows(20, 60.0, 1.0, "good");
    for (size, made) in [(1, 1.0), (2, 1.0), (0, 20.0)] {
        let retry = format!(r#"Sendmail(queue_run: "10m", scan_phase: "0s", ConnectionCacheSize: {size})"#);
        let results = run(&retry, &trace, HOSTS, down);
        assert_eq!(all(&results, "delivered", "count"), 20.0);
        let refused = values(&results, "refused", "host:mx.good.example", "count")[0];
        assert_eq!(connections(&results) - refused, made, "ConnectionCacheSize {size}");
    }
    let results = run("Sendmail()", &trace, HOSTS, "");
    assert_eq!(connections(&results), 20.0, "a process a message");
    // Two hosts in turn: a cache of one closes the other's each time.
    let turns: String =
        (0..20).map(|i| format!("{}s,{}.example\n", 60 + i, if i % 2 == 0 { "good" } else { "bad" })).collect();
    let both = r#"(at: "0s", do: Outage(host: "mx.*.example"), for: "25m")"#;
    for (size, made) in [(1, 10.0), (2, 1.0)] {
        let retry =
            format!(r#"Sendmail(queue_run: "10m", scan_phase: "0s", RetryFactor: 0, ConnectionCacheSize: {size})"#);
        let results = run(&retry, &turns, HOSTS, both);
        let refused = values(&results, "refused", "host:mx.good.example", "count")[0];
        assert_eq!(connections(&results) - refused, made, "two hosts, ConnectionCacheSize {size}");
    }
    // What is idle for too long is not used: twenty seconds a message, a cache of fifteen is of no use to two hosts.
    let slow = r#""mx.good.example": (service: "20s"), "mx.bad.example": (service: "20s")"#;
    let retry = r#"Sendmail(queue_run: "10m", scan_phase: "0s", RetryFactor: 0, ConnectionCacheSize: 2, ConnectionCacheTimeout: "15s")"#;
    let results = run(retry, &turns, slow, both);
    let refused = values(&results, "refused", "host:mx.good.example", "count")[0];
    assert_eq!(connections(&results) - refused, 10.0);
}

#[test]
fn kept_sessions_have_their_limits_of_messages_and_of_time() {
    // One message a second, and then one every ten: how many connections carry twenty of them.
    for (retry, every_s, made) in [
        // A hundred messages a session (reuseCount), five seconds idle.
        ("ZoneMta()", 1.0, 1.0),
        ("ZoneMta(connectionCacheReuseCount: 5)", 1.0, 4.0),
        ("ZoneMta()", 10.0, 20.0),
        (r#"ZoneMta(connectionCacheTtl: "15s")"#, 10.0, 1.0),
        // Eleven messages (conn_reuse_limit 10, and the first), 150 s.
        ("Maddy()", 1.0, 2.0),
        ("Maddy(conn_reuse_limit: 0)", 1.0, 20.0),
        ("Maddy()", 151.0, 20.0),
        // OpenSMTPD: ten seconds idle, a hundred messages.
        ("OpenSmtpd()", 1.0, 1.0),
        ("OpenSmtpd(session_mail_max: 10)", 5.0, 2.0),
        // (and no connection to a host for three seconds after the last one ended)
        ("OpenSmtpd()", 14.0, 20.0),
        // KumoMTA: five seconds idle, 1024 messages.
        ("KumoMta()", 1.0, 1.0),
        ("KumoMta(max_deliveries_per_connection: 4)", 1.0, 5.0),
        ("KumoMta()", 6.0, 20.0),
        // Postfix keeps none for messages that come one at a time, two seconds apart.
        ("Postfix()", 3.0, 20.0),
        // Who keeps none at all.
        ("Qmail()", 1.0, 20.0),
        ("Haraka()", 1.0, 20.0),
        ("Exim()", 1.0, 20.0),
        ("Sendmail()", 1.0, 20.0),
    ] {
        let results = run(retry, &rows(20, 60.0, every_s, "good"), HOSTS, "");
        assert_eq!(all(&results, "delivered", "count"), 20.0, "{retry}");
        assert_eq!(connections(&results), made, "{retry}, one every {every_s} s");
    }
}

#[test]
fn qmail_passes_an_address_over_that_timed_out_twice() {
    // Messages every two minutes to a black hole of two hours: two time-outs, two minutes apart, and the address is passed
    // over for 64 to 97 minutes (tcpto.c), in which nobody connects.
    let hole = r#"(at: "0s", do: Outage(host: "mx.bad.example", mode: BlackHole), for: "10h")"#;
    let results = run("Qmail()", &rows(30, 60.0, 125.0, "bad"), HOSTS, hole);
    // Within the hour of the arrivals two or three really connect; all are tried again, at their squares, for seven days.
    let suspended = all(&results, "suspensions", "count");
    assert!(suspended >= 27.0, "{suspended}");
    let refused = run("Qmail()", &rows(30, 60.0, 125.0, "bad"), HOSTS, &hole.replace(", mode: BlackHole", ""));
    assert_eq!(all(&refused, "suspensions", "count"), 0.0, "a refusal is no time-out");
}

#[test]
fn spool_age_and_phases_are_of_what_is_in_custody() {
    let more = r#"timeline: [(name: "gone", at: "0s", do: Outage(host: "mx.a.example"), for: "1h")],"#;
    let text = world(r#"measure: "1h", drain: "1d", cells: 60, slo: ["30m", "2h"]"#, r#""mx.a.example": ()"#, more)
        .replace("retry: Custom", r#"size: "1000B", retry: Custom"#);
    let results = run_text(&text);
    // Sixty messages of 1000 B, the first a second after the hour began, none delivered in it.
    assert_eq!(all(&results, "spool_bytes", "max"), 60_000.0);
    assert_eq!(all(&results, "oldest_in_queue", "max"), 3599.0);
    let mean = all(&results, "queue_depth", "mean");
    let deferred = all(&results, "queue_deferred", "mean");
    assert!((mean - deferred).abs() < 0.1 && mean > 25.0, "{mean} {deferred}");
    // Messages of the second half are delivered within half an hour and five minutes.
    let within = all(&results, "slo_attainment", "30m");
    assert!(within > 0.4 && within < 0.6, "{within}");
    assert_eq!(all(&results, "slo_attainment", "2h"), 1.0);
    let oldest = results.variants[0].series.iter().find(|s| s.measure == "oldest_in_queue").map(|s| s.mean.clone());
    assert!(oldest.is_some_and(|ages| ages[1] > 0.0), "looked at on the grid");
}

/// Three messages whose host is down for the first half hour: from 10 s on refused for 2 s, after 20 min again, and 20 min later
/// in sessions of 6 s. Cells of five minutes.
#[test]
fn each_cell_has_the_average_and_the_maximum_of_what_deliveries_do() {
    let more = r#"timeline: [(name: "gone", at: "0s", do: Outage(host: "mx.a.example"), for: "30m")],"#;
    let host = r#""mx.a.example": (service: "6s", refusal: "2s")"#;
    let text = world(r#"measure: "1h", drain: "0s", cells: 12"#, host, more)
        .replace(r#"Periodic(every: "1m", offset: "1s")"#, r#"Burst(at: "10s", count: 3)"#)
        .replace("zones:", r#"regions: { "here": (rtt: "0s") }, zones:"#)
        .replace(r#"Constant("5m")"#, r#"Constant("20m")"#);
    let series = |results: &Results, measure: &str| {
        let found = results.variants[0].series.iter().find(|series| series.measure == measure && series.scope == "all");
        found.map(|series| series.mean.clone()).unwrap_or_else(|| panic!("{measure}"))
    };
    let seconds = |cells: [f64; 12]| cells.map(|seconds| 3.0 * seconds / 300.0).to_vec();
    let results = run_text(&text);
    // The look-ups before the first try take 4 ms.
    let is = |measure: &str, cells: [f64; 12]| {
        for (seen, expected) in series(&results, measure).iter().zip(seconds(cells)) {
            assert!((seen - expected).abs() < 1e-4, "{measure}: {seen} for {expected}");
        }
    };
    is("queue_in_session", [2.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 6.0, 0.0, 0.0, 0.0]);
    is("queue_deferred", [288.0, 300.0, 300.0, 300.0, 298.0, 300.0, 300.0, 300.0, 14.0, 0.0, 0.0, 0.0]);
    is("queue_active", [0.0; 12]);
    is("queue_depth", [290.0, 300.0, 300.0, 300.0, 300.0, 300.0, 300.0, 300.0, 20.0, 0.0, 0.0, 0.0]);
    let most = |measure: &str, cells: &[usize]| {
        let expected: Vec<f64> = (0..12).map(|cell| if cells.contains(&cell) { 3.0 } else { 0.0 }).collect();
        assert_eq!(series(&results, measure), expected, "{measure}");
    };
    most("queue_in_session_max", &[0, 4, 8]);
    most("queue_deferred_max", &[0, 1, 2, 3, 4, 5, 6, 7, 8]);
    most("queue_active_max", &[0]);
    let row = |measure, statistic| all(&results, measure, statistic);
    assert_eq!((row("queue_in_session", "max"), row("queue_deferred", "max")), (3.0, 3.0));
    assert_eq!(row("queue_in_session", "mean"), 30.0 / 3600.0);

    // Look-ups that take time: the parts still add up.
    let slow = text
        .replace(
            r#"(mx: [(10, "mx.a.example")])"#,
            r#"(ns: ["ns.b.example"], mx: [(10, "mx.a.example")]), "b.example": ()"#,
        )
        .replace("resolvers:", r#"servers: { "ns.b.example": (latency: "100ms") }, resolvers:"#);
    let results = run_text(&slow);
    let parts = ["queue_active", "queue_deferred", "queue_in_session"].map(|measure| series(&results, measure));
    assert!(parts[0][0] >= 3.0 * 0.1 / 300.0, "{parts:?}");
    for (cell, depth) in series(&results, "queue_depth").iter().enumerate() {
        let sum: f64 = parts.iter().map(|part| part[cell]).sum();
        assert!((sum - depth).abs() < 1e-9, "cell {cell}: {parts:?}");
    }
}

/// `KumoMta()` at a sender that follows a trace, to zones of any kind.
fn kumomta(zones: &str, own: &str, rows: &str, timeline: &str) -> Results {
    let text = format!(
        r#"(
        title: "sites",
        run: (measure: "2h", replications: 1),
        regions: {{ "here": (rtt: "0s") }},
        zones: {{ {zones} }},
        servers: {{ "ns.example": () }},
        hosts: {{ "mx1.example": (service: "1s"), "mx2.example": (service: "1s"), "mx3.example": (service: "1s") }},
        resolvers: {{ "r": (software: Ideal()) }},
        senders: {{ "s": (
            resolver: "r", arrivals: Trace(file: "arrivals.csv"), to: Trace, size: "1kB", retry: KumoMta({own}),
        ) }},
        timeline: [{timeline}],
    )"#
    );
    let source = Arc::new(SourceText { name: "sites.ron".into(), text });
    let rows = format!("time,domain\n{rows}");
    let loaded = load_source(&source, &[], &mut Memory([("arrivals.csv".to_owned(), rows)].into()));
    run_loaded(&loaded.unwrap_or_else(|problems| panic!("{}", render(&problems, false))), None)
}

#[test]
fn kumomta_has_one_ready_queue_for_domains_with_the_same_exchanges() {
    // mailexchanger's site_name.rs: a site is a set of exchanges; whose they are and at which preferences is no part of it. Its
    // ready queue has one limit of connections (`connection_limit`), and all in it go as the domain that made it says
    // (`ReadyQueue::mx`), until it is reaped after ten minutes with nothing in it (AGE_OUT_INTERVAL).
    const GOOD: &str = r#"(10, "mx1.example"), (20, "mx2.example")"#;
    let run = |of_twin: &str, rows: &str| {
        let zone = |name: &str, mx: &str| format!(r#""{name}.example": (ttl: "1d", mx: [{mx}]),"#);
        kumomta(&(zone("good", GOOD) + &zone("twin", of_twin)), "connection_limit: 4", rows, "")
    };
    let at =
        |results: &Results, host: &str| values(results, "connections", &format!("host:{host}.example"), "count")[0];
    let longest = |results: &Results| all(results, "delivery_latency", "max");
    // Four at a time, for a second each; fewer when less waits than would deserve four.
    let both = rows(200, 60.0, 0.0, "good") + &rows(200, 60.0, 0.0, "twin");
    let together = run(r#"(20, "mx1.example"), (10, "mx2.example")"#, &both);
    assert_eq!((at(&together, "mx1"), at(&together, "mx2")), (4.0, 0.0), "the preferences of good.example");
    let apart = run(r#"(20, "mx1.example"), (10, "mx3.example")"#, &both);
    assert_eq!((at(&apart, "mx1"), at(&apart, "mx3")), (4.0, 4.0));
    assert!((100.0..=110.0).contains(&longest(&together)), "{}", longest(&together));
    assert!((50.0..=60.0).contains(&longest(&apart)), "{}", longest(&apart));
    // One after the other: less than ten minutes after the last of good.example, and more.
    for (pause_s, has_mx2) in [(500.0, false), (700.0, true)] {
        let later = rows(4, 60.0, 0.0, "good") + &rows(4, 65.0 + pause_s, 0.0, "twin");
        let results = run(r#"(20, "mx1.example"), (10, "mx2.example")"#, &later);
        assert_eq!(at(&results, "mx2") > 0.0, has_mx2, "after {pause_s} s");
    }
}

#[test]
fn kumomta_looks_up_the_exchanges_before_a_message_waits_for_its_turn() {
    // `Queue::insert_ready`: what is not resolved is in no ready queue, takes none of its places, and has been tried.
    let zones = r#"
        "good.example": (ttl: "1d", mx: [(10, "mx1.example")]),
        "bad.example": (ttl: "1d", mx: [(10, "mx1.example")], ns: ["ns.example"]),"#;
    let down = r#"(at: "0s", do: Outage(server: "ns.example", mode: BlackHole), for: "10m")"#;
    let trace = rows(20, 60.0, 0.0, "bad") + &rows(1, 60.5, 0.0, "good");
    let results = kumomta(zones, "connection_limit: 1, max_ready: 1", &trace, down);
    assert!((latency(&results, "good", "max") - 1.0).abs() < 0.1);
    assert!(latency(&results, "bad", "mean") > 1200.0 - 40.0);
    assert_eq!(all(&results, "delivered", "count"), 21.0);
}
