//! Time-outs by stage (RFC 5321 section 4.5.3.2): a host that falls silent costs its client the patience that the client has
//! at that stage, and what comes then is the client's table of failures.

mod support;

use mxsim::experiment::Results;
use support::{run, values};

/// One message, a first host that fails and a second that is well; no round trips, no TLS.
fn scenario(host: &str, sender: &str, rest: &str) -> String {
    format!(
        r#"(
        title: "time-outs",
        run: (measure: "1d", drain: "10d", replications: 1, seed: 5),
        regions: {{ "here": (rtt: "0s") }},
        zones: {{ "d.example": (mx: [(10, "a.d.example"), (20, "b.d.example")]) }},
        hosts: {{
            "a.d.example": (smtp: (tls: Off, pipelining: false), {host}),
            "b.d.example": (smtp: (tls: Off)),
        }},
        resolvers: {{ "r": (software: Ideal()) }},
        senders: {{ "s": (resolver: "r", arrivals: Burst(at: "1h", count: 1), to: Weights({{"d.example": 1.0}}), {sender}) }},
        {rest}
    )"#
    )
}

fn one(results: &Results, measure: &str, statistic: &str) -> f64 {
    values(results, measure, "all", statistic)[0]
}

#[track_caller]
fn assert_near(got: f64, expected: f64, what: &str) {
    // The first message of all pays for the walk from the root, a millisecond away.
    assert!((got - expected).abs() < 0.02, "{what}: {got}, expected {expected}");
}

const TIMEOUTS: &str = r#"connect_timeout: "7s", greeting_timeout: "11s",
    timeouts: (ehlo: "13s", starttls: "17s", mail: "19s", rcpt: "23s", data: "29s", block: "31s", end_of_data: "37s")"#;

const STAGES: [(&str, f64); 8] = [
    ("SilentAt(stage: Connect)", 7.0),
    ("SilentAt(stage: Greeting)", 11.0),
    ("SilentAt(stage: Ehlo)", 13.0),
    ("SilentAt(stage: Mail)", 19.0),
    ("SilentAt(stage: Rcpt)", 23.0),
    ("SilentAt(stage: Data)", 29.0),
    ("Stalls", 31.0),
    ("SilentAt(stage: EndOfData)", 37.0),
];

#[test]
fn r22_silence_costs_the_time_out_of_its_stage() {
    for (mode, cost) in STAGES {
        let down = format!(r#"timeline: [(at: "0s", do: Outage(host: "a.d.example", mode: {mode}), for: "2h")]"#);
        let chance = format!("chances: [(share: 1, fails: {mode})]");
        for (host, rest) in [("", down.as_str()), (chance.as_str(), "")] {
            let results = run(&scenario(host, &format!("client: ({TIMEOUTS})"), rest));
            assert_near(one(&results, "delivery_latency", "max"), cost, mode);
            assert_eq!(one(&results, "first_attempt_success", "share"), 1.0, "{mode}: the next host, at once");
        }
    }
}

#[test]
fn starttls_has_a_time_out_of_its_own() {
    let down = r#"timeline: [(at: "0s", do: Outage(host: "a.d.example", mode: SilentAt(stage: StartTls)), for: "2h")]"#;
    let text = scenario("", &format!("client: ({TIMEOUTS}, tls: May)"), down)
        .replace("(tls: Off, pipelining: false)", "(tls: V13)");
    assert_near(one(&run(&text), "delivery_latency", "max"), 17.0, "STARTTLS");
}

#[test]
fn a_connect_time_out_of_zero_is_the_kernels() {
    // postconf(5), smtp_connect_timeout: 0 leaves it to the system (smtp_connect.c, smtp_connect_sock); Exim's ip_connect (ip.c)
    // sets no alarm with 0. Linux gives up 127 s after the first SYN (tcp_syn_retries 6).
    let down = r#"timeline: [(at: "0s", do: Outage(host: "a.d.example", mode: BlackHole), for: "2h")]"#;
    for retry in
        [r#"Postfix(smtp_connect_timeout: "0s")"#, r#"Exim(connect_timeout: "0s")"#, r#"Sendmail(connect: "0s")"#]
    {
        let retry = format!("retry: {retry}");
        assert_near(one(&run(&scenario("", &retry, down)), "delivery_latency", "max"), 127.0, &retry);
        let results = run(&scenario("", &retry, "").replace(r#"rtt: "0s""#, r#"rtt: "20ms""#));
        assert_eq!(values(&results, "accepted", "host:a.d.example", "count"), [1.0], "{retry}");
    }
}

#[test]
fn sendmail_waits_for_ever_where_a_time_out_is_zero() {
    // util.c, sfgets. Ten hours before each reply are more than any of its time-outs.
    let slow = r#"tarpit: (greeting: "0s", reply: "10h")"#;
    let none = r#"retry: Sendmail(initial: "0s", helo: "0s", mail: "0s", rcpt: "0s", datainit: "0s", datablock: "0s", datafinal: "0s")"#;
    assert_near(one(&run(&scenario(slow, none, "")), "delivery_latency", "max"), 5.0 * 36_000.0, "all five");
}

#[test]
fn a_syn_ack_that_comes_after_the_time_out_finds_nobody() {
    let far = |rtt: &str, retry: &str| scenario("", &format!("retry: {retry}"), "").replace(r#"rtt: "0s""#, rtt);
    // A round trip of 3 s: a second is too short, four are not.
    let results = run(&far(r#"rtt: "3s""#, r#"Postfix(smtp_connect_timeout: "1s")"#));
    assert_eq!(one(&results, "expired", "count"), 1.0);
    assert_eq!(values(&results, "accepted", "host:a.d.example", "count"), [0.0]);
    let results = run(&far(r#"rtt: "3s""#, r#"Postfix(smtp_connect_timeout: "4s")"#));
    assert_eq!(one(&results, "first_attempt_success", "share"), 1.0);
    // The kernel gives up after 127 s, whatever its client would wait.
    let results = run(&far(r#"rtt: "128s""#, r#"Postfix(smtp_connect_timeout: "0s")"#));
    assert_eq!(one(&results, "expired", "count"), 1.0);
    // With half of all SYNs or their answers lost those of 0 and 1 s are answered before the time-out of 3.5 s, that of 3 s
    // would be after 4 s: 3 in 4.
    let client = r#"retry: Custom(schedule: Constant("10m")), client: (connect_timeout: "3500ms", address_limit: 1)"#;
    let text =
        scenario(r#"region: "there""#, client, r#"links: [(between: ("here", "there"), rtt: "1s", loss: 0.2928932)],"#)
            .replace(r#"(rtt: "0s")"#, r#"(rtt: "0s"), "there": (rtt: "0s")"#)
            .replace("count: 1)", "count: 4000)");
    let share = one(&run(&text), "first_attempt_success", "share");
    // Four standard deviations.
    assert!((share - 0.75).abs() < 4.0 * (0.75 * 0.25 / 4000.0_f64).sqrt(), "{share}");
}

#[test]
fn what_comes_after_the_time_out_is_the_systems_table() {
    // Postfix goes on to the next host at every stage; OpenSMTPD only before MAIL; qmail only while it connects. What is put
    // off is delivered after the outage.
    for (retry, stage, cost, is_next_host) in [
        ("Postfix()", "Ehlo", 300.0, true),
        ("Postfix()", "Data", 120.0, true),
        ("Postfix()", "EndOfData", 600.0, true),
        ("Exim()", "EndOfData", 600.0, true),
        ("Sendmail()", "Mail", 600.0, true),
        ("Sendmail()", "Rcpt", 3600.0, true),
        ("Mox()", "EndOfData", 30.0, true),
        ("KumoMta()", "Greeting", 60.0, true),
        ("KumoMta()", "Mail", 300.0, false),
        ("OpenSmtpd()", "Ehlo", 300.0, true),
        ("OpenSmtpd()", "Mail", 300.0, false),
        ("Qmail()", "Greeting", 1200.0, false),
        ("Stalwart()", "EndOfData", 600.0, false),
    ] {
        let mode = format!("SilentAt(stage: {stage})");
        let down = format!(r#"timeline: [(at: "0s", do: Outage(host: "a.d.example", mode: {mode}), for: "1h1s")]"#);
        let results = run(&scenario("", &format!("retry: {retry}"), &down));
        let latency = one(&results, "delivery_latency", "max");
        let at_once = one(&results, "first_attempt_success", "share");
        assert_eq!(at_once, f64::from(u8::from(is_next_host)), "{retry} {stage}");
        if is_next_host {
            // OpenSMTPD keeps two seconds between connections, but those have passed.
            assert_near(latency, cost, &format!("{retry} {stage}"));
        } else {
            assert!(latency > cost, "{retry} {stage}: {latency}");
        }
    }
}

#[test]
fn a_host_slower_than_the_last_time_out_takes_the_message_twice() {
    // 700 s a message, and a client that waits 600 s for the last reply: it goes on to the other host; the first has a copy,
    // and its session is taken until it is done.
    let slow = r#"service: "700s", sessions: 1"#;
    let results = run(&scenario(slow, "retry: Postfix()", ""));
    assert_near(one(&results, "delivery_latency", "max"), 600.0, "slow");
    assert_eq!(one(&results, "duplicates", "count"), 1.0);
    let load = values(&results, "host_load", "host:a.d.example", "mean")[0] * 86_400.0;
    assert!((load - 700.0).abs() < 1.0, "{load} s in session");
    // A client that waits an hour does not mind.
    let patient = run(&scenario(slow, "retry: Sendmail()", ""));
    assert_near(one(&patient, "delivery_latency", "max"), 700.0, "patient");
    assert_eq!(one(&patient, "duplicates", "count"), 0.0);
}

#[test]
fn a_tarpit_is_sat_out_up_to_the_time_out_of_each_stage() {
    // A minute before each reply: EHLO (13 s) is too much for the first client; the second waits for EHLO and for no MAIL.
    for (timeouts, cost) in [
        (TIMEOUTS.to_owned(), 13.0),
        (TIMEOUTS.replace(r#"ehlo: "13s""#, r#"ehlo: "2m""#), 60.0 + 19.0),
        (r#"timeouts: (data: "59s")"#.to_owned(), 3.0 * 60.0 + 59.0),
        // EHLO, MAIL, RCPT, DATA, its end.
        (r#"timeouts: (data: "2m")"#.to_owned(), 5.0 * 60.0),
    ] {
        let results = run(&scenario(r#"tarpit: (greeting: "0s", reply: "1m")"#, &format!("client: ({timeouts})"), ""));
        assert_near(one(&results, "delivery_latency", "max"), cost, &timeouts);
    }
}

#[test]
fn nobody_loses_patience_with_a_host_that_serves_him_at_once() {
    // Two messages each 2 ms, served for half a millisecond one after the other: the second waits as long. What is known of
    // a waiting message is counted in 16 bits, three steps in two rounds here, so that after 131072 rounds another message
    // is where the first was when it was given its time-out.
    let source = |offset: &str| {
        format!(
            r#"(resolver: "r", arrivals: Periodic(every: "2ms", offset: "{offset}"), to: Weights({{"d.example": 1.0}}),
            retry: Custom(schedule: Constant("5m")), client: (greeting_timeout: "262s144ms250us"))"#
        )
    };
    let results = run(&format!(
        r#"(
        title: "patience",
        run: (measure: "270s", drain: "10s", replications: 1),
        regions: {{ "here": (rtt: "0s") }},
        zones: {{ "d.example": (ttl: "7d", mx: [(10, "a.d.example")]) }},
        hosts: {{ "a.d.example": (sessions: 1, service: "500us") }},
        resolvers: {{ "r": (software: Ideal()) }},
        senders: {{ "a": {}, "b": {} }},
    )"#,
        source("1s"),
        source("1s100us")
    ));
    assert_eq!(values(&results, "backlog_left", "host:a.d.example", "count"), [0.0]);
    assert_eq!(one(&results, "first_attempt_success", "share"), 1.0);
    let latency = one(&results, "delivery_latency", "max");
    assert!(latency < 0.01, "{latency}");
}
