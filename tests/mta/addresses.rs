//! Hosts of several addresses: what is remembered of each, and how many of them an attempt goes through.

use crate::harness::{Case, hosts, run, zone};
use crate::support::SYSTEMS;

/// One message, to hosts that all fail; the tries of each attempt.
fn tries(retry: &str, zones: String, hosts: String, timeline: &str, drain_s: u64) -> Vec<(u32, String)> {
    let arrivals = vec![(10.5, "d.example".into())];
    let case =
        Case { retry: retry.into(), zones, hosts, timeline: timeline.into(), arrivals, drain_s, ..Case::default() };
    run(&case, |log| log.tries.clone())
}

/// How many tries each of the first attempts made.
fn counts(tries: &[(u32, String)]) -> Vec<usize> {
    let last = tries.iter().map(|tried| tried.0).max().unwrap_or(0);
    (1..=last).map(|attempt| tries.iter().filter(|tried| tried.0 == attempt).count()).collect()
}

fn fails(mode: &str) -> String {
    format!(r#"(at: "0s", do: Outage(host: "*.d.example", mode: {mode}))"#)
}

#[test]
fn r15_three_addresses_of_one_host_are_tried_like_three_hosts_behind_one_name() {
    // What systems remember they remember by address: Exim's `T:host:ip` (the specification, chapter "The smtp transport":
    // time-outs and retries are of each address), qmail's tcpto.c, OpenSMTPD's routes; sendmail's makeconnection goes
    // through all addresses of a name each time.
    let behind_one = |addresses: &str| {
        let zone = zone("d.example", r#"(10, "mx.d.example")"#);
        zone.replace("mx: [", &format!(r#"addresses: {{ "mx.d.example": [{addresses}] }}, mx: ["#))
    };
    for retry in SYSTEMS.map(|system| format!("{system}()")) {
        for mode in ["Refuse", "BlackHole", "Reply(stage: Greeting, code: 421)", "Reply(stage: Rcpt, code: 451)"] {
            let one = hosts(&["mx.d.example"], "addresses: 3");
            let one = tries(&retry, zone("d.example", r#"(10, "mx.d.example")"#), one, &fails(mode), 5000);
            let three = hosts(&["a.d.example", "b.d.example", "c.d.example"], "");
            let zones = behind_one(r#""a.d.example", "b.d.example", "c.d.example""#);
            let three = tries(&retry, zones, three, &fails(mode), 5000);
            assert_eq!(counts(&one), counts(&three), "{retry} {mode}");
            assert!(!one.is_empty());
        }
    }
}

#[test]
fn an_attempt_goes_through_as_many_exchanges_and_addresses_as_its_system_does() {
    // Stalwart: queue.limits.mx 5, queue.limits.multihomed 2 (common/src/config/smtp/queue.rs). chasquid: at most five MX
    // (courier/smtp.go), all addresses of each until one connects. Exim: hosts_max_try 5, then one of each next preference, 50
    // in all (hosts_max_try_hardlimit). Postfix: smtp_mx_address_limit 5. ZoneMTA: 20 (mx-connect, get-connection.js).
    let names: Vec<String> = (1..=80).map(|i| format!("m{i:02}.d.example")).collect();
    let exchanges = |count: usize, addresses: u32| {
        let named: Vec<&str> = names[..count].iter().map(String::as_str).collect();
        let mx: Vec<String> = named.iter().enumerate().map(|(i, name)| format!("({}, \"{name}\")", i + 1)).collect();
        (zone("d.example", &mx.join(", ")), hosts(&named, &format!("addresses: {addresses}")))
    };
    for (retry, count, addresses, tried) in [
        ("Stalwart()", 2, 5, 4),
        ("Stalwart(multihomed: 3)", 2, 5, 6),
        ("Stalwart()", 8, 1, 5),
        ("Chasquid()", 2, 5, 10),
        ("Chasquid()", 8, 1, 5),
        ("Exim()", 80, 1, 50),
        ("Exim(hosts_max_try_hardlimit: 10)", 80, 1, 10),
        ("Exim()", 2, 8, 6),
        ("Postfix()", 80, 1, 5),
        ("ZoneMta()", 80, 1, 20),
        ("Haraka()", 80, 1, 80),
    ] {
        let (zones, hosts) = exchanges(count, addresses);
        let tries = tries(retry, zones, hosts, &fails("Refuse"), 60);
        assert_eq!(counts(&tries)[0], tried, "{retry}: {count} exchanges of {addresses} addresses");
        let last = &names[count.min(5) - 1];
        assert!(count > 2 || tries.iter().any(|tried| &tried.1 == last), "{retry} comes to the backup");
    }
}

#[test]
fn who_connects_to_a_name_goes_on_with_the_next_name_once_connected() {
    // deliver.c: `tryhost` goes through the names of exchanges; only makeconnection (daemon.c) goes through the addresses of
    // one, until one connects. chasquid dials a name, and so does the same. mox dials all addresses of a name until one
    // connects (smtpclient/dial.go, Dial), and deliverHost (queue/direct.go) has but that one connection: an error in it
    // that is not permanent is the host's.
    let zones = zone("d.example", r#"(10, "a.d.example"), (20, "b.d.example")"#);
    let hosts = hosts(&["a.d.example", "b.d.example"], "addresses: 3");
    for (retry, mode, tried) in [
        ("Sendmail()", "Refuse", 6),
        ("Sendmail()", "Reply(stage: Rcpt, code: 451)", 2),
        ("Sendmail()", "Reply(stage: Greeting, code: 421)", 2),
        ("Chasquid()", "Refuse", 6),
        ("Chasquid()", "Reply(stage: Rcpt, code: 451)", 2),
        ("Mox()", "Refuse", 6),
        ("Mox()", "Reply(stage: Rcpt, code: 451)", 2),
        ("Mox()", "Reply(stage: Greeting, code: 421)", 2),
        ("Exim()", "Reply(stage: Rcpt, code: 451)", 5),
    ] {
        let tries = tries(retry, zones.clone(), hosts.clone(), &fails(mode), 60);
        assert_eq!(counts(&tries)[0], tried, "{retry} {mode}");
    }
}

#[test]
fn a_rest_that_ends_in_the_second_of_a_scan_ends_before_it() {
    // events.c, event_loop: all timers that are due have fired before it returns to the queue manager, that of a destination's
    // rest among them. Arrivals in whole seconds, scan and rest both 300 s: each scan probes, as with arrivals at any fraction.
    let probes = |fraction: f64| {
        let arrivals = (0..300).map(|i| (60.0 * f64::from(i) + fraction, "d.example".into())).collect();
        let case = Case {
            retry: r#"Postfix(scan_phase: "169s")"#.into(),
            zones: zone("d.example", r#"(10, "a.d.example")"#),
            hosts: hosts(&["a.d.example"], ""),
            timeline: fails("Refuse"),
            arrivals,
            drain_s: 10,
            ..Case::default()
        };
        run(&case, |log| log.tries.iter().filter(|tried| tried.0 > 1).count())
    };
    let (whole, other) = (probes(0.0), probes(0.3));
    assert!(whole.abs_diff(other) * 20 < other, "{whole} and {other} attempts after the first");
}
