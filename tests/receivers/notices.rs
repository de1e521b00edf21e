//! Bounces and warnings: messages of their own, told of apart from mail.

use super::*;

#[test]
fn a_bounce_is_a_message_of_its_own_and_a_null_return_path_never_bounces() {
    let back = |host: &str| {
        let text = scenario(
            "unknown_users: 1",
            r#"arrivals: Burst(at: "1h", count: 1000), null_sender: 0.3, return_path: "back.example""#,
            "",
        );
        let text = text.replace("hosts: {", &format!(r#"hosts: {{ "mx.back.example": ({host}),"#));
        text.replace("zones: {", r#"zones: { "back.example": (mx: [(10, "mx.back.example")]),"#)
    };
    let results = run(&back(""));
    let [_, bounced, _, discarded, _] = ends(&results);
    assert_eq!(bounced + discarded, 1000);
    assert!((discarded as f64 - 300.0).abs() < 4.0 * 14.5, "{discarded}");
    assert_eq!(one(&results, "bounce_messages", "count") as u64, bounced);
    assert_eq!(one(&results, "bounce_messages", "delivered") as u64, bounced);
    assert_eq!(values(&results, "accepted", "host:mx.back.example", "count")[0] as u64, bounced);
    // A host that refuses bounces: nobody is told of them, with sendmail and qmail the postmaster is.
    let results = run(&back("unknown_users: 1"));
    assert_eq!(one(&results, "double_bounces", "count") as u64, bounced);
    assert_eq!(one(&results, "bounce_messages", "delivered"), 0.0);
    assert_eq!(one(&results, "admin_notices", "count"), 0.0);
    let results = run(&back("unknown_users: 1").replace("null_sender", "retry: Qmail(), null_sender"));
    assert_eq!(one(&results, "admin_notices", "count") as u64, bounced);
    // A member of a mix is the system that it follows.
    let mixed = back("unknown_users: 1").replace("null_sender", "count: 1, retry: Mix([(1, Qmail())]), null_sender");
    let results = run(&mixed.replace(r#""s": ("#, r#""s-{i}": ("#));
    assert!(one(&results, "admin_notices", "count") > 0.0);
}

/// Three bounces wait from 1 h on, and are tried every half an hour: from 13 h 15 min on their host takes them, at 13 h 30 min. That is
/// 12.5 h of a window of 24, and the queue of mail knows nothing of it.
#[test]
fn a_bounce_that_a_host_throws_away_is_counted() {
    // All recipients are unknown, and the senders' own host throws half of what it gets away.
    let sender = r#"arrivals: Burst(at: "1h", count: 200), retry: Postfix(), return_path: "home.example""#;
    let text = scenario("unknown_users: 1.0", sender, "")
        .replace(r#""mx.d.example": ("#, r#""mx.home.example": (discards: 0.5), "mx.d.example": ("#);
    let text = text.replace("zones: {", r#"zones: { "home.example": (mx: [(10, "mx.home.example")]),"#);
    let results = run(&text);
    let [made, came, gone] = ["count", "delivered", "discarded"].map(|what| one(&results, "bounce_messages", what));
    // Four standard deviations of 200 coins are 28.
    assert!(made == 200.0 && came + gone == 200.0 && (gone - 100.0).abs() < 28.0, "{made}: {came} and {gone}");
}

#[test]
fn notices_that_wait_are_counted_apart_from_mail() {
    let text = scenario(
        "unknown_users: 1",
        r#"arrivals: Burst(at: "1h", count: 3), return_path: "back.example", retry: Custom(schedule: Constant("30m"), lifetime: "5d")"#,
        r#"timeline: [(at: "0s", do: Outage(host: "mx.back.example"), for: "13h15m")],"#,
    );
    let text = text.replace("hosts: {", r#"hosts: { "mx.back.example": (),"#);
    let text = text.replace("zones: {", r#"zones: { "back.example": (mx: [(10, "mx.back.example")]),"#);
    let results = run(&text);
    assert_eq!(one(&results, "bounce_messages", "delivered"), 3.0);
    assert_eq!(one(&results, "notices_queued", "max"), 3.0);
    assert_near(one(&results, "notices_queued", "mean"), 3.0 * 12.5 / 24.0);
    assert_near(one(&results, "queue_depth", "mean"), 0.0);
    // A notice that is no message waits nowhere.
    let results = run(&text.replace(r#"return_path: "back.example","#, ""));
    assert_eq!(one(&results, "bounce_messages", "delivered"), 3.0);
    assert!(results.variants[0].row("notices_queued", "all", "mean").is_none());
}

#[test]
fn r4_a_sender_is_warned_once_after_four_hours_and_told_after_the_lifetime() {
    let down = r#"timeline: [(name: "o", at: "0s", do: Outage(host: "mx.d.example"))],"#;
    let sender = |retry: &str| format!("{ONE}, retry: {retry}");
    let results = run(&scenario("", &sender(r#"Postfix(delay_warning_time: "4h")"#), down));
    assert_eq!(one(&results, "delay_warnings", "count"), 1.0);
    assert_eq!(one(&results, "bounce_messages", "delivered"), 1.0);
    // Looked at after an attempt: five days and at most one more wait (4000 s) and scan (300 s).
    let told = one(&results, "bounce_latency", "mean") - 5.0 * 86_400.0;
    assert!((0.0..=4300.0).contains(&told), "{told}");
    assert_eq!(one(&run(&scenario("", &sender("Postfix()"), down)), "delay_warnings", "count"), 0.0);
    // Exim, every day (deliver.c, `delay_warning`), but not at the run that gives up. A list goes on at its last gap: 4, 8 and
    // 24 h, then every 16 h up to four days; those that fell due between two attempts (6 h apart) are one.
    for (given, count) in [("", 3.0), (r#"delay_warning: ["4h", "8h", "24h"]"#, 7.0), (r#"delay_warning: ["0s"]"#, 0.0)]
    {
        let results = run(&scenario("", &sender(&format!("Exim({given})")), down));
        assert_eq!(one(&results, "delay_warnings", "count"), count, "{given}");
    }
    // Stalwart warns by a timer after one day and after three, OpenSMTPD expires by one.
    let results = run(&scenario("", &sender("Stalwart()"), down));
    assert_eq!(one(&results, "delay_warnings", "count"), 2.0);
    let results = run(&scenario("", &sender("OpenSmtpd()"), down));
    assert_near(one(&results, "bounce_latency", "mean"), 4.0 * 86_400.0);
}

#[test]
fn a_backup_that_knows_no_users_sends_the_bounces_itself() {
    // Backscatter: the backup takes everything, the primary refuses unknown users, the backup has to tell the sender.
    let text = scenario(
        "unknown_users: 0.5",
        r#"arrivals: Burst(at: "1h", count: 1000), return_path: "back.example""#,
        r#"timeline: [(name: "o", at: "0s", do: Outage(host: "mx.d.example"), for: "2h")],"#,
    );
    let text =
        text.replace("hosts: {", r#"hosts: { "mx.back.example": (), "backup.d.example": (relays_for: ["d.example"]),"#);
    let text = text.replace("zones: {", r#"zones: { "back.example": (mx: [(10, "mx.back.example")]),"#);
    let text = text.replace(r#"mx: [(10, "mx.d.example")]"#, r#"mx: [(10, "mx.d.example"), (20, "backup.d.example")]"#);
    let results = run(&text);
    let [delivered, bounced, ..] = ends(&results);
    assert_eq!(delivered + bounced, 1000);
    assert!((bounced as f64 - 500.0).abs() < 4.0 * 15.9, "{bounced}");
    assert_eq!(one(&results, "bounce_messages", "delivered") as u64, bounced);
}
