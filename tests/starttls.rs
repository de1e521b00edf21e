//! STARTTLS (RFC 3207) by system: who says it, and who goes on in clear text when it fails. Sources: `mxsim presets`, `(session)`.

mod support;

use support::{SYSTEMS, run, values};

/// Attempts that a message needs within three hours (0: it is queued still), and the seconds it took.
fn attempts(sender: &str, smtp: &str, mode: &str) -> (f64, f64) {
    let timeline = match mode {
        "" => String::new(),
        mode => format!(r#"(at: "0s", do: Outage(host: "mx.d.example", mode: {mode}))"#),
    };
    let results = run(&format!(
        r#"(
        title: "starttls",
        run: (measure: "2h", drain: "2h", replications: 1),
        regions: {{ "here": (rtt: "10ms") }},
        zones: {{ "d.example": (mx: [(10, "mx.d.example")]) }},
        hosts: {{ "mx.d.example": (smtp: ({smtp})) }},
        resolvers: {{ "r": (software: Ideal()) }},
        senders: {{ "s": (resolver: "r", arrivals: Burst(at: "1h", count: 1), to: Weights({{"d.example": 1}}), {sender}) }},
        timeline: [{timeline}],
    )"#
    ));
    let all = |measure: &str, statistic: &str| values(&results, measure, "all", statistic)[0];
    match all("delivered", "count") == 1.0 {
        true => (all("attempts_per_delivery", "mean"), all("delivery_latency", "mean")),
        false => (0.0, f64::INFINITY),
    }
}

/// Who delivers at the first attempt.
fn at_once(smtp: &str, mode: &str) -> Vec<&'static str> {
    SYSTEMS.into_iter().filter(|system| attempts(&format!("retry: {system}()"), smtp, mode).0 == 1.0).collect()
}

const REFUSED: &str = "Reply(stage: StartTls, code: 454)";
const BROKEN: &str = "Lost(stage: StartTls)";

#[test]
fn who_goes_on_where_starttls_fails() {
    // Postfix's default and notqmail say no STARTTLS; Exim, sendmail (deliver.c), OpenSMTPD (mta_session.c, mta_response), Stalwart and
    // ZoneMTA (opportunisticTLS) go on on the connection that they have, mox (queue/direct.go) and maddy on another.
    let goes_on = ["Postfix", "Exim", "Sendmail", "Qmail", "OpenSmtpd", "Stalwart", "ZoneMta", "Mox", "Maddy"];
    assert_eq!(at_once("", REFUSED), goes_on);
    // A handshake that fails is for sendmail (TLSFallbacktoClear is off) and Stalwart a failure of the host.
    let goes_on = ["Postfix", "Exim", "Qmail", "OpenSmtpd", "ZoneMta", "Mox", "Maddy"];
    assert_eq!(at_once("", BROKEN), goes_on);
    // Who is not offered it says none: nothing can fail there.
    assert_eq!(at_once("tls: Off", REFUSED), SYSTEMS);
    assert_eq!(at_once("tls: Off", BROKEN), SYSTEMS);
    assert_eq!(at_once("tls: Off", "SilentAt(stage: StartTls)"), SYSTEMS);
}

#[test]
fn postfix_at_may_waits_until_a_message_is_old_after_a_failed_handshake() {
    let may = |parameters: &str| format!("retry: Postfix(scan_phase: \"0s\", {parameters}), client: (tls: May)");
    // smtp_proto.c, smtp_helo: a refusal is no failure. smtp.h: minimal_backoff_time, 300 s, old at the attempt.
    assert_eq!(attempts(&may(""), "", REFUSED).0, 1.0);
    assert_eq!(attempts(&may(""), "", BROKEN).0, 2.0);
    // Tried every second from the second on; old from the tenth.
    let (tries, took) = attempts(
        &may(r#"minimal_backoff_time: "10s", maximal_backoff_time: "10s", queue_run_delay: "10s""#),
        "",
        BROKEN,
    );
    assert!(tries == 2.0 && (10.0..=21.0).contains(&took), "{tries} {took}");
    // MTA-STS is no opportunity: it stays with what it asks for.
    assert_eq!(attempts("retry: Exim(), mta_sts: true", "", REFUSED).0, 0.0);
}

#[test]
fn what_is_said_costs_its_round_trips() {
    let took = |sender: &str, smtp: &str, mode: &str| attempts(sender, smtp, mode).1;
    let differs =
        |a: f64, b: f64, trips: f64| assert!((a - b - 0.01 * trips).abs() < 1e-6, "{a} - {b}: {trips} round trips");
    let (postfix, exim, qmail) = ("retry: Postfix()", "retry: Exim()", "retry: Qmail()");
    // STARTTLS, the handshake of TLS 1.3, EHLO again.
    let clear = took(postfix, "", "");
    differs(took("retry: Postfix(), client: (tls: May)", "", ""), clear, 3.0);
    differs(took(exim, "", ""), took("retry: Exim(), client: (tls: Off)", "", ""), 3.0);
    // Postfix says no BDAT, whoever offers it; Exim does.
    differs(took(postfix, "chunking: true", ""), clear, 0.0);
    differs(took(exim, "", ""), took(exim, "chunking: true", ""), 1.0);
    // qmail-remote: MAIL, RCPT and DATA each wait for their reply.
    differs(took(qmail, "", ""), took(qmail, "tls: Off, pipelining: false", ""), 0.0);
    differs(took(qmail, "", ""), took(qmail, "tls: Off", ""), 0.0);
    // A refusal costs its own round trip, a broken handshake the connection up to it.
    let in_clear = took("retry: Exim(), client: (tls: Off)", "", "");
    differs(took(exim, "", REFUSED), in_clear, 1.0);
    differs(took(exim, "", BROKEN), in_clear, 4.0);
    for (system, refused, broken) in
        [("Maddy", 4.0, 4.0), ("Mox", 4.0, 4.0), ("ZoneMta", 1.0, 4.0), ("OpenSmtpd", 1.0, 4.0)]
    {
        let in_clear = took(&format!("retry: {system}(), client: (tls: Off)"), "", "");
        differs(took(&format!("retry: {system}()"), "", REFUSED), in_clear, refused);
        differs(took(&format!("retry: {system}()"), "", BROKEN), in_clear, broken);
    }
}
