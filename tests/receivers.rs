//! What a host says to those who connect, feature by feature: small scenarios whose numbers are known exactly.

#[path = "receivers/notices.rs"]
mod notices;
mod support;

use mxsim::experiment::Results;
use support::{run, values};

/// One sender, one host; no round trips and no waits of DNS, so that times are those of the feature alone.
fn scenario(host: &str, sender: &str, rest: &str) -> String {
    format!(
        r#"(
        title: "receivers",
        run: (measure: "1d", drain: "10d", replications: 1, seed: 5),
        regions: {{ "here": (rtt: "0s") }},
        zones: {{
            "d.example": (ttl: "3650d", ttls: (ns: "3650d", glue: "3650d"), ns: ["ns.d.example"], mx: [(10, "mx.d.example")]),
            "example": (ttls: (ns: "3650d", glue: "3650d"), ns: ["ns.example"]),
        }},
        servers: {{ "ns.example": (latency: "0s"), "ns.d.example": (latency: "0s") }},
        hosts: {{ "mx.d.example": ({host}) }},
        resolvers: {{ "r": (software: Ideal()) }},
        senders: {{ "s": (resolver: "r", to: Weights({{"d.example": 1.0}}), {sender}) }},
        {rest}
    )"#
    )
}

const ONE: &str = r#"arrivals: Burst(at: "1h", count: 1)"#;
const EVERY_TEN_MINUTES: &str = r#"retry: Custom(schedule: Constant("10m"), lifetime: "5d")"#;

fn one(results: &Results, measure: &str, statistic: &str) -> f64 {
    values(results, measure, "all", statistic)[0]
}

/// Delivered, bounced, expired, discarded, queued: conservation is asserted in every run.
fn ends(results: &Results) -> [u64; 5] {
    ["delivered", "bounced", "expired", "discarded", "queued"].map(|end| one(results, end, "count") as u64)
}

#[track_caller]
fn assert_near(got: f64, expected: f64) {
    // The first message of all pays for the walk from the root, a millisecond away.
    assert!((got - expected).abs() < 3e-3, "{got}, expected {expected}");
}

#[test]
fn each_failure_mode_costs_its_client_what_it_costs() {
    // One attempt in the outage, the next ten minutes after its failure was known.
    for (mode, failed_after) in [
        ("Refuse", 0.0),
        ("BlackHole", 30.0),
        ("Silent", 300.0),
        ("Reply(stage: Greeting, code: 421)", 0.0),
        ("Reply(stage: Ehlo, code: 421)", 0.0),
        ("Reply(stage: StartTls, code: 454)", 0.0),
        ("Reply(stage: Mail, code: 451)", 0.0),
        ("Reply(stage: Rcpt, code: 451)", 0.0),
        ("Reply(stage: Data, code: 451)", 0.0),
        ("Reply(stage: EndOfData, code: 451)", 0.0),
        ("Lost(stage: Data)", 0.0),
        ("Reply(stage: Greeting, code: 554)", 0.0),
    ] {
        let outage = format!(
            r#"timeline: [(name: "o", at: "0s", do: Outage(host: "mx.d.example", mode: {mode}), for: "1h5m")],"#
        );
        let results = run(&scenario("", &format!("{ONE}, {EVERY_TEN_MINUTES}"), &outage));
        assert_eq!(ends(&results), [1, 0, 0, 0, 0], "{mode}");
        assert_near(one(&results, "delivery_latency", "max"), failed_after + 600.0);
    }
    for stage in ["Mail", "Rcpt", "Data", "EndOfData"] {
        let host = format!("chances: [(share: 1, fails: Reply(stage: {stage}, code: 550))]");
        let results = run(&scenario(&host, ONE, ""));
        assert_eq!(ends(&results), [0, 1, 0, 0, 0], "{stage}");
    }
}

#[test]
fn chances_hit_their_share_of_connections_or_of_messages() {
    let arrivals = r#"arrivals: Burst(at: "1h", count: 20000, over: "1h")"#;
    let host = |per| format!(r#"chances: [(share: 0.25, fails: Reply(stage: Rcpt, code: 451), per: {per})]"#);
    let sender = format!("{arrivals}, {EVERY_TEN_MINUTES}");
    let results = run(&scenario(&host("Connection"), &sender, ""));
    // Independent at each attempt: 1 / (1 - q) attempts; 4 standard errors of 20000 draws.
    assert!((one(&results, "attempts_per_delivery", "mean") - 4.0 / 3.0).abs() < 4.0 * 0.667 / 20_000f64.sqrt());
    assert_eq!(ends(&results), [20_000, 0, 0, 0, 0]);
    // Drawn once a message: a quarter of them expires.
    let results = run(&scenario(&host("Message"), &sender, ""));
    let [delivered, _, expired, ..] = ends(&results);
    assert_eq!(delivered + expired, 20_000);
    assert!((expired as f64 - 5000.0).abs() < 4.0 * 61.3, "{expired}");
    assert!((one(&results, "first_attempt_success", "share") - 0.75).abs() < 0.013);
}

#[test]
fn r21_a_421_anywhere_is_retried_and_r20_a_5yz_is_not() {
    for stage in ["Greeting", "Mail", "Rcpt", "EndOfData"] {
        let host = format!("chances: [(share: 1, fails: Reply(stage: {stage}, code: 421))]");
        let results = run(&scenario(&host, &format!("{ONE}, {EVERY_TEN_MINUTES}"), ""));
        assert_eq!(ends(&results), [0, 0, 1, 0, 0]);
        // Five days of ten minutes, and the first.
        assert_near(one(&results, "attempts_per_delivery", "mean"), 721.0);
    }
    let host = "chances: [(share: 1, fails: Reply(stage: Rcpt, code: 550))]";
    let results = run(&scenario(host, &format!("{ONE}, {EVERY_TEN_MINUTES}"), ""));
    assert_near(one(&results, "attempts_per_delivery", "mean"), 1.0);
}

#[test]
fn a_lost_final_reply_makes_a_duplicate_beside_the_ledger() {
    let outage =
        r#"timeline: [(name: "o", at: "0s", do: Outage(host: "mx.d.example", mode: LostReply), for: "1h15m")],"#;
    let results = run(&scenario("", &format!("{ONE}, {EVERY_TEN_MINUTES}"), outage));
    // RFC 1047: taken at 0 and 10 min, acknowledged at 20 min.
    assert_eq!(ends(&results), [1, 0, 0, 0, 0]);
    assert_eq!(one(&results, "duplicates", "count"), 2.0);
    assert_near(one(&results, "delivery_latency", "max"), 1200.0);
}

#[test]
fn greylisting_lets_in_the_first_retry_after_its_delay() {
    for (delay, latency, attempts) in [("1s", 600.0, 2.0), ("10m", 600.0, 2.0), ("601s", 1200.0, 3.0)] {
        let host = format!(r#"greylist: Postgrey(delay: "{delay}")"#);
        let results = run(&scenario(&host, &format!("{ONE}, {EVERY_TEN_MINUTES}"), ""));
        assert_near(one(&results, "delivery_latency", "max"), latency);
        assert_near(one(&results, "attempts_per_delivery", "mean"), attempts);
    }
}

#[test]
fn a_known_triplet_or_a_known_client_is_not_greylisted_again() {
    let messages = r#"arrivals: Periodic(every: "2h", offset: "0s"), retry: Custom(schedule: Constant("10m"))"#;
    // Twelve messages of one correspondent: only the first waits.
    let host = r#"greylist: Postgrey(auto_whitelist_clients: 0)"#;
    let results = run(&scenario(host, &format!("{messages}, correspondents: 1"), ""));
    assert_near(one(&results, "first_attempt_success", "share"), 11.0 / 12.0);
    // Always someone new: each waits.
    let results = run(&scenario(host, messages, ""));
    assert_near(one(&results, "first_attempt_success", "share"), 0.0);
    // The client is known after five passes.
    let results = run(&scenario("greylist: Postgrey()", messages, ""));
    assert_near(one(&results, "first_attempt_success", "share"), 7.0 / 12.0);
}

#[test]
fn a_pool_of_senders_passes_as_one_network_or_waits_for_each_of_its_own() {
    let sender = |networks| {
        format!(
            r#"arrivals: Burst(at: "1h", count: 2000, over: "1h"), retry: Custom(schedule: Constant("10m")),
            addresses: 64, networks: {networks}"#
        )
    };
    let host = "greylist: Postgrey(auto_whitelist_clients: 0)";
    let results = run(&scenario(host, &sender(1), ""));
    assert_near(one(&results, "attempts_per_delivery", "mean"), 2.0);
    // Each attempt from one of four networks: it passes when one comes again. Attempts until the first repeat of four
    // equal boxes: sum over n of P(no repeat in n) = 1 + 1 + 3/4 + 6/16 + 6/64 = 3.21875; standard deviation 0.8.
    let results = run(&scenario(host, &sender(4), ""));
    let mean = one(&results, "attempts_per_delivery", "mean");
    assert!((mean - 3.218_75).abs() < 4.0 * 0.9 / 2000f64.sqrt(), "{mean}");
    // By address instead of by network: one network does not help.
    let host = "greylist: Postgrey(auto_whitelist_clients: 0, lookup_by_subnet: false)";
    let results = run(&scenario(host, &sender(1), ""));
    assert!(one(&results, "attempts_per_delivery", "mean") > 6.0);
}

#[test]
fn r7_recipients_end_each_in_their_own_way_in_one_transaction() {
    // Ten recipients a message, a fifth of them unknown; 200 messages.
    let sender = r#"arrivals: Burst(at: "1h", count: 200, over: "1h"), recipients: "10""#;
    let results = run(&scenario("unknown_users: 0.2", sender, ""));
    let [delivered, bounced, ..] = ends(&results);
    assert_eq!(delivered + bounced, 2000);
    assert!((bounced as f64 - 400.0).abs() < 4.0 * 17.9, "{bounced}");
    assert_eq!(one(&results, "connections", "count"), 200.0);
    // Greylisted with them: what exists waits, what does not is refused at once, and nobody is tried twice in vain.
    let sender = format!("{sender}, {EVERY_TEN_MINUTES}");
    let results = run(&scenario("unknown_users: 0.2, greylist: Postgrey()", &sender, ""));
    assert_eq!(ends(&results)[..2], [delivered, bounced]);
    assert!(one(&results, "connections", "count") > 200.0);
}

#[test]
fn accepted_recipients_are_delivered_while_others_wait() {
    // Two recipients of which one is known to the greylist: a first message to one of two correspondents, then one to
    // both. Whoever was seen passes at once, the other ten minutes later, and nobody twice.
    let sender = format!(
        r#"arrivals: Burst(at: "1h", count: 40, over: "40h"), recipients: "2", correspondents: 8, {EVERY_TEN_MINUTES}"#
    );
    let text = scenario("greylist: Postgrey(auto_whitelist_clients: 0)", &sender, "").replace("\"1d\"", "\"2d\"");
    let results = run(&text);
    assert_eq!(ends(&results), [80, 0, 0, 0, 0]);
    // Eight pairs have to wait once; a message that holds two of them (or one twice) costs one connection more.
    let first = one(&results, "first_attempt_success", "share") * 80.0;
    assert!((71.9..=72.1).contains(&first) || (first > 72.0 - 8.0 && first < 73.0), "{first}");
    let connections = one(&results, "connections", "count");
    assert!((44.0..=48.0).contains(&connections), "{connections}");
}

#[test]
fn limits_on_clients_count_connections_messages_and_sessions() {
    let sender = r#"arrivals: Burst(at: "1h", count: 100), retry: Custom(schedule: Constant("90s"))"#;
    for limits in ["connections: 25", "messages: 25"] {
        let results = run(&scenario(&format!("client_limits: ({limits}, per: \"1m\")"), sender, ""));
        // Twenty-five in each round, four rounds.
        assert_near(one(&results, "delivery_latency", "max"), 270.0);
        assert_near(one(&results, "attempts_per_delivery", "mean"), 2.5);
    }
    // Ten sessions at once, each a minute long: of a hundred, ten in a round of ninety seconds.
    let results = run(&scenario(r#"client_limits: (sessions: 10), service: "1m""#, sender, ""));
    assert_near(one(&results, "delivery_latency", "max"), 9.0 * 90.0 + 60.0);
}

#[test]
fn a_message_too_large_bounces_and_the_sooner_the_better() {
    let sender = r#"arrivals: Burst(at: "1h", count: 1), size: "20MB""#;
    let rest = r#"links: [(between: ("here", "there"), rtt: "0s", bandwidth: "8Mbit/s")],"#;
    let text = |announced: bool| {
        let host = format!(r#"region: "there", size_limit: (bytes: "10MB", announced: {announced})"#);
        let text = scenario(&host, sender, rest);
        text.replace(r#""here": (rtt: "0s")"#, r#""here": (rtt: "0s"), "there": (rtt: "0s")"#)
    };
    let results = run(&text(true));
    assert_eq!(ends(&results), [0, 1, 0, 0, 0]);
    assert_near(one(&results, "queue_depth", "mean") * 86_400.0, 0.0);
    // Without SIZE the whole body has to come first: 20 MB at 1 MB/s.
    let results = run(&text(false));
    assert_eq!(ends(&results), [0, 1, 0, 0, 0]);
    assert_near(one(&results, "queue_depth", "mean") * 86_400.0, 20.0);
    // Postfix's own limit is 10,240,000 bytes.
    assert_eq!(ends(&run(&scenario("software: Postfix()", sender, ""))), [0, 1, 0, 0, 0]);
}

#[test]
fn a_full_disk_answers_452_until_there_is_room() {
    // A megabyte of room, a hundred messages of 100 kB: ten at once; it drains 100 kB/s, so that ten seconds later ten
    // more fit.
    let sender = r#"arrivals: Burst(at: "1h", count: 100), size: "100kB", retry: Custom(schedule: Constant("10s"))"#;
    let host = r#"disk: (capacity: "1MB", drains: "100kB/s")"#;
    let results = run(&scenario(host, sender, ""));
    assert_eq!(ends(&results), [100, 0, 0, 0, 0]);
    assert_near(one(&results, "delivery_latency", "max"), 90.0);
}

#[test]
fn a_disk_that_others_fill_meanwhile_refuses_what_it_has_taken() {
    // Fifty clients say MAIL at once to a disk with room for five: who comes with the data when it is full is answered 452 then.
    let sender = r#"arrivals: Burst(at: "1h", count: 50), size: "20kB", retry: Custom(schedule: Constant("10s"))"#;
    let host =
        r#"disk: (capacity: "100kB", drains: "10kB/s"), service: "1s", records: true"#.replace(", records: true", "");
    let results = run(&scenario(&host, sender, ""));
    assert_eq!(ends(&results), [50, 0, 0, 0, 0]);
    // Five at once, and five more for each ten seconds: the last after ninety.
    assert_near(one(&results, "delivery_latency", "max"), 9.0 * 11.0 + 1.0);
}

#[test]
fn a_kept_connection_is_no_new_one_to_those_who_count() {
    // Sixty messages at once from Postfix, which makes at most twenty connections where it keeps them
    // (`default_destination_concurrency_limit`): anvil(8) lets those in. Else it makes sixty, and half of them are turned away.
    let host = r#"client_limits: (connections: 30, per: "1h"), service: "100ms""#;
    for (keeps, all_at_once) in [(true, true), (false, false)] {
        let sender = format!(
            r#"arrivals: Burst(at: "1h", count: 60), retry: Postfix(smtp_connection_cache_on_demand: {keeps})"#
        );
        let results = run(&scenario(host, &sender, ""));
        let (made, attempts) = (one(&results, "connections", "count"), one(&results, "attempts_per_delivery", "mean"));
        assert_eq!(made <= 30.0, all_at_once, "{made} connections");
        assert_eq!(attempts == 1.0, all_at_once, "{attempts} attempts");
    }
}

#[test]
fn a_backup_whose_disk_is_full_answers_452() {
    let text = scenario(
        "",
        r#"arrivals: Burst(at: "1h", count: 100, over: "100s"), size: "100kB", retry: Custom(schedule: Constant("1h"))"#,
        r#"timeline: [(name: "o", at: "0s", do: Outage(host: "mx.d.example"), for: "3h")],"#,
    );
    let text = text.replace(
        r#"hosts: {"#,
        r#"hosts: { "backup.d.example": (relays_for: ["d.example"], retry: Custom(schedule: Constant("30m")), disk: (capacity: "2MB")),"#,
    );
    let text = text.replace(r#"mx: [(10, "mx.d.example")]"#, r#"mx: [(10, "mx.d.example"), (20, "backup.d.example")]"#);
    let results = run(&text);
    assert_eq!(ends(&results), [100, 0, 0, 0, 0]);
    assert_eq!(values(&results, "queue_depth", "host:backup.d.example", "max")[0], 20.0);
}

#[test]
fn a_tarpit_holds_clients_as_long_as_they_bear_it() {
    // Replies to EHLO, STARTTLS, EHLO, MAIL, RCPT, DATA and the end of data, and the greeting.
    for (tls, latency) in [("May", 27.0), ("Off", 25.0)] {
        let sender = format!("{ONE}, client: (tls: {tls})");
        let results = run(&scenario(r#"tarpit: (greeting: "20s", reply: "1s")"#, &sender, ""));
        assert_near(one(&results, "delivery_latency", "max"), latency);
    }
    let deep = r#"tarpit: (greeting: "301s")"#;
    let results = run(&scenario(deep, &format!("{ONE}, {EVERY_TEN_MINUTES}"), ""));
    assert_eq!(ends(&results)[2], 1);
}

#[test]
fn a_full_backlog_drops_syns_and_clients_send_them_again() {
    // One session of 2 s, room for one more: of three at once the third is dropped, sends its SYN again after 1 s (still
    // full) and 3 s, waits, and is served from 4 s to 6 s.
    let sender = r#"arrivals: Burst(at: "1h", count: 3)"#;
    let host = r#"sessions: 1, service: "2s", backlog: 1"#;
    let results = run(&scenario(host, sender, ""));
    assert_near(one(&results, "delivery_latency", "max"), 6.0);
    assert_near(one(&results, "delivery_latency", "mean"), 4.0);
    assert_near(one(&results, "attempts_per_delivery", "mean"), 1.0);
    // Reset instead: a retry.
    let results =
        run(&scenario(&format!("{host}, when_backlog_full: Refuse"), &format!("{sender}, {EVERY_TEN_MINUTES}"), ""));
    assert_near(one(&results, "delivery_latency", "max"), 602.0);
}

#[test]
fn receiving_software_has_its_limits() {
    let sender = |count: u32| {
        format!(
            r#"arrivals: Burst(at: "1h", count: {count}), retry: Custom(schedule: Constant("1h")), addresses: 10000"#
        )
    };
    // Postfix: a hundred processes, a hundred in the kernel's queue; the rest is dropped and comes again at 1 s (the
    // second hundred is being served), 3 s, ...
    let results = run(&scenario(
        r#"software: Postfix(smtpd_client_connection_count_limit: 0), service: "10s""#,
        &sender(200),
        "",
    ));
    assert_near(one(&results, "delivery_latency", "max"), 20.0);
    assert_near(one(&results, "attempts_per_delivery", "mean"), 1.0);
    // Exim: twenty processes, 421 to the rest.
    let results = run(&scenario(r#"software: Exim(), service: "10s""#, &sender(25), ""));
    assert_near(one(&results, "delivery_latency", "max"), 3610.0);
    assert_near(one(&results, "first_attempt_success", "share"), 0.8);
    // What stands beside the software wins.
    let results = run(&scenario(r#"software: Exim(), sessions: 25, service: "10s""#, &sender(25), ""));
    assert_near(one(&results, "delivery_latency", "max"), 10.0);
}

#[test]
fn a_host_that_stands_still_goes_on_where_it_was() {
    // One session of 100 s from 3600 s on, frozen from 3650 s to 3750 s; a second message waits from 3700 s on.
    let sender = r#"arrivals: Burst(at: "1h", count: 2, over: "200s")"#;
    let freeze =
        r#"timeline: [(name: "o", at: "3650s", do: Outage(host: "mx.d.example", mode: Freeze), for: "100s")],"#;
    let results = run(&scenario(r#"sessions: 1, service: "100s""#, sender, freeze));
    assert_eq!(ends(&results), [2, 0, 0, 0, 0]);
    assert_near(one(&results, "attempts_per_delivery", "mean"), 1.0);
    // 3600 + 100 + 100 = 3800; the second (came at 3700) ends at 3900.
    assert_near(one(&results, "delivery_latency", "mean"), 200.0);
    // Longer than anyone waits: both try again.
    let long = freeze.replace("100s\")]", "1h\")]");
    let results = run(&scenario(r#"sessions: 1, service: "100s""#, &format!("{sender}, {EVERY_TEN_MINUTES}"), &long));
    assert_eq!(ends(&results), [2, 0, 0, 0, 0]);
    assert!(one(&results, "attempts_per_delivery", "mean") > 2.0);
}

#[test]
fn what_a_host_throws_away_is_discarded() {
    let results = run(&scenario("discards: 0.1", r#"arrivals: Burst(at: "1h", count: 10000, over: "1h")"#, ""));
    let [delivered, _, _, discarded, _] = ends(&results);
    assert_eq!(delivered + discarded, 10_000);
    assert!((discarded as f64 - 1000.0).abs() < 4.0 * 30.0, "{discarded}");
}

#[test]
fn a_reader_of_a_replicated_mailbox_waits_for_the_lag_unless_it_asks_the_right_replica() {
    let sender = r#"arrivals: Burst(at: "1h", count: 10000, over: "1h")"#;
    let results = run(&scenario(r#"store: (replicas: 4, lag: "8s")"#, sender, ""));
    assert_near(one(&results, "delivery_latency", "mean"), 0.0);
    let late = one(&results, "not_yet_visible", "share");
    assert!((late - 0.75).abs() < 4.0 * 0.0044, "{late}");
    assert_near(one(&results, "visible_latency", "mean"), 8.0 * late);
    assert_near(one(&results, "visible_latency", "p99"), 8.0);
}

#[test]
fn an_enforced_policy_that_senders_keep_outlives_the_move_of_an_mx() {
    // The MX moves after a day; its policy is kept for a week unless a new `id` tells of the new one.
    let text = |timeline: &str| {
        let text = scenario(
            "",
            r#"arrivals: Periodic(every: "1h", offset: "30m"), mta_sts: true, retry: Custom(schedule: Constant("1h"), lifetime: "20d")"#,
            &format!(
                r#"timeline: [(name: "move", at: "1d", do: SetMx(zone: "d.example", mx: [(10, "mx.new.example")])), {timeline}],"#
            ),
        );
        let text = text
            .replace("hosts: {", r#"hosts: { "mx.new.example": (),"#)
            .replace(r#"measure: "1d""#, r#"measure: "2d""#);
        let policy = r#"sts: (mx: ["mx.d.example"], max_age: "7d"), ttl: "1h""#;
        text.replace(r#"ttl: "3650d""#, policy)
    };
    let new = r#"sts: (mx: ["*.new.example"], max_age: "7d")"#;
    // Announced with the move: an hour of the TXT record's TTL, and a retry.
    let results = run(&text(&format!(r#"(at: "move", do: SetSts(zone: "d.example", {new}))"#)));
    assert_eq!(ends(&results), [48, 0, 0, 0, 0]);
    assert!(one(&results, "delivery_latency", "max") <= 2.0 * 3600.0 + 1.0);
    // Not announced: kept for its week from the first message on.
    let results = run(&text(&format!(r#"(at: "move", do: SetSts(zone: "d.example", {new}, announced: false))"#)));
    assert_eq!(ends(&results), [48, 0, 0, 0, 0]);
    let waited = one(&results, "delivery_latency", "max") - 6.0 * 86_400.0;
    assert!((-3.0..=3603.0).contains(&waited), "{waited}");
    assert!(one(&results, "sts_refused", "count") > 1000.0);
    // Forgotten: nothing comes through any more, and no bounce says why before the lifetime.
    let results = run(&text("").replace("lifetime: \"20d\"", "lifetime: \"2d\""));
    assert_eq!(ends(&results), [24, 0, 24, 0, 0]);
    // In mode `testing` the same is only counted by whoever reads reports: here, not at all.
    let results = run(&text("").replace("sts: (mx", "sts: (mode: Testing, mx"));
    assert_eq!(ends(&results), [48, 0, 0, 0, 0]);
}

#[test]
fn a_server_process_that_ends_breaks_off_what_is_under_way_and_nothing_else() {
    // One session of ten seconds, another in the backlog, each message of its own connection. What the end breaks off goes to
    // the backup at once, and the host that is up all the time takes the next.
    let text = |timeline: &str| {
        let sender = r#"arrivals: Burst(at: "1h", count: 3, over: "9s"), retry: Custom(schedule: Constant("10m"))"#;
        let timeline = format!("timeline: [{timeline}],");
        scenario(r#"service: "10s", sessions: 1"#, sender, &timeline)
            .replace("hosts: {", r#"hosts: { "backup.d.example": (),"#)
            .replace(r#"mx: [(10, "mx.d.example")]"#, r#"mx: [(10, "mx.d.example"), (20, "backup.d.example")]"#)
    };
    let accepted =
        |results: &Results, host: &str| values(results, "accepted", &format!("host:{host}.d.example"), "count")[0];
    // At 3600, 3603 and 3606 s: one after the other.
    let results = run(&text(""));
    assert_eq!((accepted(&results, "mx"), accepted(&results, "backup")), (3.0, 0.0));
    assert_near(one(&results, "delivery_latency", "max"), 24.0);
    // The end at 3605 s: the first two go to the backup then; the third finds a free session.
    let results = run(&text(r#"(at: "1h5s", do: CloseSessions(host: "mx.d.example"))"#));
    assert_eq!((accepted(&results, "mx"), accepted(&results, "backup")), (1.0, 2.0));
    assert_near(one(&results, "delivery_latency", "max"), 10.0);
    assert_near(one(&results, "delivery_latency", "mean"), (5.0 + 2.0 + 10.0) / 3.0);
    assert_eq!(ends(&results), [3, 0, 0, 0, 0]);
    assert_eq!(one(&results, "duplicates", "count"), 0.0);
    assert_eq!(values(&results, "attempts_per_delivery", "all", "mean"), [1.0]);
}
