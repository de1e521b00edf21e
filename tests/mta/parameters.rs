//! Parameters of real systems that say what a delivery does, each away from its default. Sources: `mxsim presets NAME`.

use crate::harness::{Case, Ended, hosts, run, zone};
use crate::support;

/// Messages to `d.example`, or where it is named with its number to another domain, at these seconds.
fn at(seconds: &[f64]) -> Vec<(f64, String)> {
    seconds.iter().map(|second| (*second, "d.example".to_owned())).collect()
}

fn outage(host: &str, mode: &str, lasts: &str) -> String {
    let lasts = if lasts.is_empty() { String::new() } else { format!(r#", for: "{lasts}""#) };
    format!(r#"(at: "0s", do: Outage(host: "{host}", mode: {mode}){lasts}),"#)
}

/// How each message ended, by number, and the tries made.
fn ends(case: &Case) -> (Vec<Ended>, Vec<(u32, String)>) {
    run(case, |log| (log.ended.values().cloned().collect(), log.tries.clone()))
}

/// A primary that fails and a backup that does not.
fn two(retry: &str, mode: &str) -> (Vec<Ended>, Vec<(u32, String)>) {
    ends(&Case {
        retry: retry.into(),
        zones: zone("d.example", r#"(10, "a.d.example"), (20, "b.d.example")"#),
        hosts: hosts(&["a.d.example", "b.d.example"], ""),
        timeline: outage("a.d.example", mode, ""),
        arrivals: at(&[10.5]),
        ..Case::default()
    })
}

fn one(retry: &str, host: &str, timeline: String, arrivals: Vec<(f64, String)>, drain_s: u64) -> Case {
    Case {
        retry: retry.into(),
        zones: zone("d.example", r#"(10, "mx.d.example")"#),
        hosts: hosts(&["mx.d.example"], host),
        timeline,
        arrivals,
        drain_s,
        ..Case::default()
    }
}

#[test]
fn postfix_refuses_at_a_5yz_greeting_where_it_does_not_skip_it() {
    // smtp_proto.c, smtp_helo: smtp_skip_5xx_greeting makes a 4yz of it; a 4yz is one in any case.
    const REFUSES: &str = "Reply(stage: Greeting, code: 554)";
    let (ended, tries) = two("Postfix()", REFUSES);
    assert_eq!((ended[0].outcome, tries.len()), ("sent", 2));
    let (ended, tries) = two("Postfix(smtp_skip_5xx_greeting: false)", REFUSES);
    assert_eq!((ended[0].outcome, tries.len()), ("bounce", 1));
    let (ended, _) = two("Postfix(smtp_skip_5xx_greeting: false)", "Reply(stage: Greeting, code: 421)");
    assert_eq!(ended[0].outcome, "sent");
}

#[test]
fn kumomta_goes_on_with_the_next_host_after_an_error_of_the_connection_if_told_so() {
    // docs.kumomta.com, try_next_host_on_transport_error: time-outs and broken connections, no replies to the message.
    let with = |more: &str, mode: &str| {
        let (ended, _) = two(&format!("KumoMta({more})"), mode);
        (ended[0].outcome, ended[0].attempts)
    };
    for mode in ["Lost(stage: Data)", "Lost(stage: Mail)", "SilentAt(stage: Rcpt)"] {
        assert_eq!(with("", mode), ("queued", 1), "{mode}");
        assert_eq!(with("try_next_host_on_transport_error: true", mode), ("sent", 1), "{mode}");
    }
    assert_eq!(with("try_next_host_on_transport_error: true", "Reply(stage: Rcpt, code: 451)"), ("queued", 1));
}

#[test]
fn sendmail_waits_for_a_connection_as_long_as_iconnect_at_a_first_attempt() {
    // daemon.c, makeconnection: to_iconnect while e_ntries is 0, else to_connect. Queue runs at 600 s, 1200 s.
    let ages = |more: &str| {
        let retry = format!(r#"Sendmail(queue_run: "10m", scan_phase: "0s", connect: "30s"{more})"#);
        let case = one(&retry, "", outage("mx.d.example", "BlackHole", ""), at(&[10.5]), 1300);
        run(&case, |log| log.put_off[&1].clone())
    };
    let near = |ages: Vec<f64>, expected: [f64; 3]| {
        assert!(ages.iter().zip(expected).all(|(age, expected)| (age - expected).abs() < 0.1), "{ages:?} {expected:?}");
    };
    near(ages(""), [30.0, 619.5, 1219.5]);
    near(ages(r#", iconnect: "5s""#), [5.0, 619.5, 1219.5]);
}

#[test]
fn a_queue_run_of_sendmail_reads_no_more_files_than_max_queue_run_size() {
    // queue.c, gatherq: those that come first in the directory; the others are not looked at, however often it runs.
    let visits = |most: u32| {
        let retry = format!(r#"Sendmail(queue_run: "10m", scan_phase: "0s", MaxQueueRunSize: {most})"#);
        let arrivals = at(&[10.5, 11.5, 12.5, 13.5, 14.5]);
        let case = one(&retry, "", outage("mx.d.example", "Reply(stage: Rcpt, code: 451)", ""), arrivals, 1900);
        run(&case, |log| log.put_off.values().map(Vec::len).collect::<Vec<_>>())
    };
    assert_eq!(visits(0), [4, 4, 4, 4, 4]);
    assert_eq!(visits(2), [4, 4, 1, 1, 1]);
}

#[test]
fn exim_without_delay_after_cutoff_tries_hosts_that_were_last_tried_before_a_message_came() {
    // transports/smtp.c, cutoff_retry. The first message fails from 10 s on, and is past the cutoff at the run of 70 s: the
    // next try is due 30 s later. The second comes in between.
    let with = |more: &str, lasts: &str, second: &[f64]| {
        let retry = format!(r#"Exim(rule: "* * F,59s,30s", queue_run: "2s", scan_phase: "0s"{more})"#);
        let arrivals = [&[10.5], second].concat();
        ends(&one(&retry, "", outage("mx.d.example", "Refuse", lasts), at(&arrivals), 200))
    };
    let tries_of_first = with("", "", &[]).1.len();
    let (ended, tries) = with("", "", &[80.5]);
    assert_eq!((ended[1].outcome, ended[1].attempts, tries.len()), ("expired", 0, tries_of_first));
    let (ended, tries) = with(", delay_after_cutoff: false", "", &[80.5]);
    assert_eq!((ended[1].outcome, ended[1].attempts, tries.len()), ("expired", 1, tries_of_first + 1));
    // A host that is back takes it; by default it is not asked.
    assert_eq!(with("", "78s", &[80.5]).0[1].outcome, "expired");
    assert_eq!(with(", delay_after_cutoff: false", "78s", &[80.5]).0[1].outcome, "sent");
    // In the second in which it was last tried, too.
    let (ended, _) = with(", delay_after_cutoff: false", "", &[80.5, 80.9]);
    assert_eq!((ended[1].attempts, ended[2].attempts), (1, 1));
    assert!(ended[1..].iter().all(|ended| ended.ended_s - ended.created_s < 0.1));
}

#[test]
fn exim_begins_one_connection_at_a_time_with_hosts_that_it_serializes() {
    // transports/smtp.c, serialize_hosts: while another process is connected the host is passed over, and nothing is written
    // down against it; the message waits for the next run, or for the connection to be passed on to it.
    let with = |more: &str| {
        let retry = format!(r#"Exim(queue_run: "1m", scan_phase: "0s"{more})"#);
        let case = one(&retry, r#"service: "10s""#, String::new(), at(&[10.5, 11.5, 12.5]), 200);
        run(&case, |log| {
            let ended = log.ended.values().map(|ended| (ended.ended_s - 0.5).round()).collect::<Vec<_>>();
            (ended, log.connections, log.ended.values().map(|ended| ended.suspensions).sum::<u32>())
        })
    };
    assert_eq!(with(""), (vec![20.0, 21.0, 22.0], 3, 0));
    // The latest that waits comes first (transport.c, transport_check_waiting).
    let passed_on = (vec![20.0, 40.0, 30.0], 1, 2);
    assert_eq!(with(r#", serialize_hosts: ["mx.*"]"#), passed_on);
    assert_eq!(with(r#", serialize_hosts: ["mx.d.example"]"#), passed_on);
    // Each by itself: the run at 60 s takes one after the other.
    let (ended, connections, suspensions) = with(r#", serialize_hosts: ["*"], connection_max_messages: 1"#);
    assert_eq!((ended[0], connections, suspensions), (20.0, 3, 2));
    assert_eq!(ended[1] + ended[2], 70.0 + 80.0);
}

#[test]
fn postfix_leaves_a_destination_alone_after_each_delivery_where_it_has_a_rate() {
    // qmgr_entry.c, qmgr_entry_done: a rate-limited queue is suspended for whole seconds, and has a window of one.
    let with = |more: &str, timeline: String| {
        let retry = format!(r#"Postfix(scan_phase: "200s"{more})"#);
        run(&one(&retry, "", timeline, at(&[10.5, 10.5, 11.5, 12.5]), 150), |log| {
            let ended = log.ended.values().map(|ended| ended.ended_s.floor()).collect::<Vec<_>>();
            (ended, log.connections, log.ended.values().map(|ended| ended.suspensions).sum::<u32>())
        })
    };
    const RATE: &str = r#", default_destination_rate_delay: "10s""#;
    assert_eq!(with("", String::new()).0, [10.0, 10.0, 11.0, 12.0]);
    assert_eq!(with(RATE, String::new()).0, [10.0, 20.0, 30.0, 40.0]);
    assert_eq!(with(r#", smtp_destination_rate_delay: "10s""#, String::new()).0, [10.0, 20.0, 30.0, 40.0]);
    // A window of one is closed by one failure: what waits is put off, and the next after ten seconds has its turn, since the
    // suspension takes the place of the rest. Both of 10.5 s have been put off when the others come.
    let (_, connections, suspensions) = with(RATE, outage("mx.d.example", "Refuse", ""));
    assert_eq!((connections, suspensions), (2, 2));
}

#[test]
fn opensmtpd_has_so_many_connections_in_all() {
    // mta.c, mta_connect: maxconn_per_source; at a limit a connector looks again after 5 s (DELAY_CHECK_LIMIT). The first
    // message's SYNs go unanswered for 127 s.
    let with = |more: &str| {
        let zones = zone("d.example", r#"(10, "mx.d.example")"#) + &zone("e.example", r#"(10, "mx.e.example")"#);
        let case = Case {
            retry: format!("OpenSmtpd({more})"),
            zones,
            hosts: hosts(&["mx.d.example", "mx.e.example"], ""),
            timeline: outage("mx.d.example", "BlackHole", ""),
            arrivals: vec![(10.5, "d.example".into()), (12.5, "e.example".into())],
            ..Case::default()
        };
        let ended = ends(&case).0[1].clone();
        ended.ended_s - ended.created_s
    };
    assert!(with("") < 0.1);
    let waited = with("max_conn_per_source: 1");
    assert!((125.0..131.0).contains(&waited), "{waited}");
}

#[test]
fn opensmtpds_longest_delay_of_a_domain_counts() {
    let took = |more: &str| {
        let (ended, _) = two(&format!("OpenSmtpd({more})"), "Refuse");
        ended[0].ended_s - ended[0].created_s
    };
    for (more, expected) in [
        ("", 2.0),
        (r#"conn_delay_domain: "20s""#, 20.0),
        (r#"conn_delay_connector: "15s""#, 15.0),
        (r#"conn_delay_connector: "1s""#, 2.0),
    ] {
        assert!((took(more) - expected).abs() < 0.1, "{more}: {}", took(more));
    }
}

/// Connections and deliveries of one message to so many recipients, and when the last of them was delivered.
fn transactions(retry: &str, recipients: u32) -> (f64, f64, f64) {
    let results = support::run(&format!(
        r#"(
        title: "recipients",
        run: (measure: "2h", drain: "2h", replications: 1),
        regions: {{ "here": (rtt: "10ms") }},
        zones: {{ "d.example": (mx: [(10, "mx.d.example")]) }},
        hosts: {{ "mx.d.example": (service: "10s") }},
        resolvers: {{ "r": (software: Ideal()) }},
        senders: {{ "s": (
            resolver: "r", arrivals: Burst(at: "1h", count: 1), to: Weights({{"d.example": 1}}), recipients: "{recipients}",
            retry: {retry},
        ) }},
    )"#
    ));
    let all = |measure: &str, statistic: &str| support::values(&results, measure, "all", statistic)[0];
    (all("connections", "count"), all("delivered", "count"), all("delivery_latency", "max").floor())
}

#[test]
fn a_message_with_more_recipients_than_a_transaction_has_is_several() {
    // Postfix: TUNING_README, default_destination_recipient_limit 50, "in parallel"; Exim: max_rcpt 100; sendmail: r= of a mailer,
    // DEFAULT_MAX_RCPT 100; KumoMTA: max_recipients_per_batch 100, one after the other over the same connection. qmail-rspawn.c gives each
    // qmail-remote one recipient, 20 at a time (concurrencyremote); chasquid sends to each by itself (queue.go, sendOneRcpt), and so does
    // ZoneMTA (lib/sender.js), over at most ten connections. Haraka waits for the reply to each RCPT: 200 round trips of 10 ms more.
    for (retry, recipients, made, took_s) in [
        ("Postfix()", 50, 1.0, 10.0),
        ("Postfix()", 51, 2.0, 10.0),
        ("Postfix()", 120, 3.0, 10.0),
        ("Postfix(default_destination_recipient_limit: 20)", 100, 5.0, 10.0),
        ("Postfix(smtp_destination_recipient_limit: 0)", 65_535, 1.0, 10.0),
        ("Exim()", 100, 1.0, 10.0),
        ("Exim()", 201, 3.0, 10.0),
        ("Exim(max_rcpt: 0)", 201, 1.0, 10.0),
        ("Sendmail()", 101, 2.0, 10.0),
        ("Sendmail(SMTP_MAILER_MAXRCPTS: 200)", 101, 1.0, 10.0),
        ("KumoMta()", 100, 1.0, 10.0),
        ("KumoMta()", 101, 1.0, 20.0),
        ("KumoMta(max_recipients_per_batch: 101)", 101, 1.0, 10.0),
        ("Haraka()", 201, 1.0, 12.0),
        ("Qmail()", 20, 20.0, 10.0),
        ("Qmail()", 21, 21.0, 20.0),
        ("Chasquid()", 21, 21.0, 10.0),
        ("ZoneMta()", 20, 10.0, 20.0),
    ] {
        let expected = (made, f64::from(recipients), took_s);
        assert_eq!(transactions(retry, recipients), expected, "{retry}, {recipients}");
    }
}
