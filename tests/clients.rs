//! What each system's SMTP client does within an attempt, by its source: what it says of a host's extensions, which failures
//! count, what is refused for good. Elsewhere: time-outs in `timeouts.rs`, STARTTLS in `starttls.rs`, rules of the RFCs in `rules.rs`.

mod support;

use mxsim::experiment::Results;
use support::{SYSTEMS, run, values};

/// One message an hour after the start to three hosts of falling preference; round trips of 10 ms, no TLS unless `smtp` says so.
fn three(retry: &str, more: &str, smtp: &str, timeline: &str) -> Results {
    run(&format!(
        r#"(
        title: "clients",
        run: (measure: "2h", drain: "10d", replications: 1, seed: 5),
        regions: {{ "here": (rtt: "10ms") }},
        zones: {{ "d.example": (mx: [(10, "a.d.example"), (20, "b.d.example"), (30, "c.d.example")]) }},
        hosts: {{ "a.d.example": (smtp: ({smtp})), "b.d.example": (smtp: ({smtp})), "c.d.example": (smtp: ({smtp})) }},
        resolvers: {{ "r": (software: Ideal()) }},
        senders: {{ "s": (
            resolver: "r", arrivals: Burst(at: "1h", count: 1), to: Weights({{"d.example": 1}}), size: "1kB",
            retry: {retry}, {more}
        ) }},
        timeline: [{timeline}],
    )"#
    ))
}

fn one(results: &Results, measure: &str, statistic: &str) -> f64 {
    values(results, measure, "all", statistic)[0]
}

/// Both of the first two hosts fail so, for 70 minutes.
fn two_fail(mode: &str) -> String {
    let outage = |host: &str| format!(r#"(at: "0s", do: Outage(host: "{host}.d.example", mode: {mode}), for: "70m"),"#);
    ["a", "b"].map(outage).concat()
}

#[test]
fn postfix_counts_no_failed_handshake_towards_its_session_limit() {
    // smtp_connect.c, smtp_connect_inet: "Don't count handshake errors towards the session limit": smtp_helo failed, be it at the
    // greeting, at EHLO or at STARTTLS; "Do count delivery errors", from MAIL on. smtp_mx_session_limit is 2.
    for (mode, smtp, client, reaches_third) in [
        ("Reply(stage: Greeting, code: 421)", "tls: Off", "", true),
        ("Reply(stage: Ehlo, code: 421)", "tls: Off", "", true),
        ("Lost(stage: Ehlo)", "tls: Off", "", true),
        ("Lost(stage: StartTls)", "tls: V13", "client: (tls: May),", true),
        ("Reply(stage: Mail, code: 451)", "tls: Off", "", false),
        ("Reply(stage: Rcpt, code: 451)", "tls: Off", "", false),
    ] {
        let results = three("Postfix()", client, smtp, &two_fail(mode));
        let at_once = one(&results, "first_attempt_success", "share");
        assert_eq!(at_once, f64::from(u8::from(reaches_third)), "{mode}");
    }
}

/// Round trips until the 250, for so many recipients of one message.
fn round_trips(system: &str, smtp: &str, recipients: u32) -> f64 {
    let results = three(&format!("{system}()"), &format!("recipients: \"{recipients}\","), smtp, "");
    // Look-ups: MX and addresses, over the same 10 ms; the same for whatever the host offers.
    let plain = three(&format!("{system}()"), "", "tls: Off, pipelining: false", "");
    let took = |results: &Results| one(results, "delivery_latency", "mean");
    // TCP, greeting, EHLO, MAIL, RCPT, DATA, the body.
    ((took(&results) - took(&plain)) / 0.01 + 7.0).round()
}

#[test]
fn pipelining_and_chunking_are_made_use_of_as_each_source_has_it() {
    // One by one: 7. In one flight up to DATA (RFC 2920): 5. BDAT for DATA and the body (RFC 3030): one less.
    // Postfix, smtp_proto.c, smtp_xfer; no BDAT. Exim, transports/smtp.c: both. sendmail, deliver.c: "this isn't pipelined" (MAIL),
    // RCPTs in one flight, DATA after them. qmail-remote.c: one by one. OpenSMTPD, mta_session.c: reads PIPELINING and sends one
    // command a reply. Haraka, outbound/hmail.js: likewise. KumoMTA, rfc5321 client.rs: pipeline_commands, no BDAT. Stalwart,
    // outbound/session.rs: one by one, BDAT. ZoneMTA, nodemailer smtp-connection: RCPTs in one flight, one recipient a message.
    // mox, smtpclient/client.go: pipelining, no BDAT. maddy (go-smtp client) and chasquid (net/smtp): one by one. Exchange: assumed.
    for (system, pipelined, chunked) in [
        ("Postfix", 5.0, 5.0),
        ("Exim", 5.0, 4.0),
        ("Sendmail", 7.0, 7.0),
        ("Qmail", 7.0, 7.0),
        ("OpenSmtpd", 7.0, 7.0),
        ("Haraka", 7.0, 7.0),
        ("KumoMta", 5.0, 5.0),
        ("Stalwart", 7.0, 6.0),
        ("ZoneMta", 7.0, 7.0),
        ("Mox", 5.0, 5.0),
        ("Maddy", 7.0, 7.0),
        ("Chasquid", 7.0, 7.0),
        ("Exchange", 5.0, 4.0),
    ] {
        assert_eq!(round_trips(system, "tls: Off", 1), pipelined, "{system}");
        assert_eq!(round_trips(system, "tls: Off, chunking: true", 1), chunked, "{system}, CHUNKING");
    }
    // Five recipients in one transaction: each RCPT waits for its reply, or all go together.
    for (system, trips) in [("Postfix", 5.0), ("Sendmail", 7.0), ("OpenSmtpd", 11.0), ("Maddy", 11.0)] {
        assert_eq!(round_trips(system, "tls: Off", 5), trips, "{system}, five recipients");
    }
    // A host that does not offer it.
    assert_eq!(round_trips("Sendmail", "tls: Off, pipelining: false", 5), 11.0);
}

#[test]
fn who_takes_a_552_for_a_452() {
    // RFC 5321 section 4.5.3.1.10. maddy, smtpconn.go, wrapClientErr: whatever the command. mox, smtpclient/client.go: a 552 to a
    // RCPT is no permanent error.
    let delivers = |stage: &str| -> Vec<&str> {
        let mode = format!("Reply(stage: {stage}, code: 552)");
        let outage =
            |host: &str| format!(r#"(at: "0s", do: Outage(host: "{host}.d.example", mode: {mode}), for: "70m"),"#);
        let timeline = ["a", "b", "c"].map(outage).concat();
        let delivered =
            |system: &&str| one(&three(&format!("{system}()"), "", "tls: Off", &timeline), "delivered", "count") == 1.0;
        SYSTEMS.into_iter().filter(delivered).collect()
    };
    assert_eq!(delivers("Mail"), ["Maddy"]);
    assert_eq!(delivers("Rcpt"), ["Mox", "Maddy"]);
    assert_eq!(delivers("EndOfData"), ["Maddy"]);
}

#[test]
fn mox_counts_its_wait_from_where_the_attempt_began() {
    // queue/queue.go, deliver: now := time.Now(), NextAttempt = now.Add(backoff), before the delivery. Three hosts silent for 30 s
    // each; the second attempt after 450 s, five seconds less to four more, not after 540.
    let silent = |host: &str| {
        format!(r#"(at: "0s", do: Outage(host: "{host}.d.example", mode: SilentAt(stage: Greeting)), for: "65m"),"#)
    };
    let results = three("Mox()", "", "tls: Off", &["a", "b", "c"].map(silent).concat());
    assert_eq!(one(&results, "attempts_per_delivery", "mean"), 2.0);
    let took = one(&results, "delivery_latency", "max");
    assert!((445.0..455.0).contains(&took), "{took}");
}

#[test]
fn haraka_refuses_for_a_5yz_at_starttls_and_zonemta_leaves_a_host_that_stays_silent() {
    // outbound/hmail.js: a 5yz to anything but EHLO, RSET and RCPT bounces.
    let refused = two_fail("Reply(stage: StartTls, code: 554)");
    let results = three("Haraka()", "", "tls: V13", &refused);
    assert_eq!(one(&results, "bounced", "rejected"), 1.0);
    // lib/sender.js, getConnection: ETIMEDOUT, "retry to some other MX", until the session stands.
    for stage in ["Greeting", "Ehlo"] {
        let silent = two_fail(&format!("SilentAt(stage: {stage})"));
        let results = three("ZoneMta()", "", "tls: Off", &silent);
        assert_eq!(one(&results, "first_attempt_success", "share"), 1.0, "{stage}");
    }
    let results = three("ZoneMta()", "", "tls: Off", &two_fail("SilentAt(stage: Mail)"));
    assert_eq!(one(&results, "first_attempt_success", "share"), 0.0);
}

#[test]
fn postfix_leaves_addresses_of_both_families_whatever_their_preferences() {
    // smtp_addr.c, smtp_balance_inet_proto: over the whole list, sorted by preference. Six exchanges of six preferences: of the
    // first five only AAAA records are at hand (their A records have run out of the cache, and their name server is down), with
    // nobody behind them; of the sixth, only an A record. Five addresses an attempt: four of the former, and the latter.
    let exchanges = (1..=5).map(|n| format!(r#"({n}0, "a{n}.x.example"), "#)).collect::<String>();
    let hosts = (1..=5).map(|n| format!(r#""a{n}.x.example": (ipv6: Refuses), "#)).collect::<String>();
    let sender = |at: &str, client: &str| {
        format!(
            r#"(resolver: "r", arrivals: Burst(at: "{at}", count: 1), to: Weights({{"d.example": 1}}), retry: Postfix(), client: ({client}))"#
        )
    };
    let results = run(&format!(
        r#"(
        title: "families",
        run: (measure: "2h", drain: "1d", replications: 1, seed: 5),
        regions: {{ "here": (rtt: "0s") }},
        zones: {{
            "d.example": (mx: [{exchanges} (60, "b.d.example")], ns: ["ns.d.example"]),
            "x.example": (ttls: (a: "60s"), ns: ["ns.x.example"]),
        }},
        servers: {{ "ns.d.example": (), "ns.x.example": () }},
        hosts: {{ {hosts} "b.d.example": () }},
        resolvers: {{ "r": (software: Ideal(timeouts: ["1s"])) }},
        senders: {{
            "first": {}, "second": {}, "third": {},
        }},
        timeline: [(at: "3661s", do: Outage(server: "ns.x.example"), for: "1h")],
    )"#,
        sender("3600s", "address_preference: Ipv4Only"),
        sender("3630s", ""),
        sender("3670s", "")
    ));
    assert_eq!(
        values(&results, "accepted", "host:b.d.example", "count"),
        [1.0],
        "the third message, to the sixth exchange"
    );
    assert_eq!(one(&results, "first_attempt_success", "share"), 1.0);
}
