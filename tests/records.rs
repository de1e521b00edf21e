//! Records of single deliveries, attempts and look-ups, against the tables made from the same run.

mod support;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use mxsim::experiment::{ExperimentError, Plan, RecordsFolder, Results, execute};

const TEXT: &str = r#"(
    title: "records",
    run: (warmup: "1h", measure: "1h", drain: "1d", replications: 2),
    zones: { "a.example": (mx: [(10, "mx.a.example")]) },
    hosts: { "mx.a.example": () },
    resolvers: { "isp": () },
    senders: { "campus": (
        resolver: "isp", arrivals: Periodic(every: "1m", offset: "1s"), to: Weights({"a.example": 1.0}), recipients: "3",
        retry: Custom(schedule: Constant("5m")),
    ) },
    timeline: [(name: "out", at: "90m", do: Outage(host: "mx.a.example"), for: "10m")],
)"#;

fn execute_into(folder: &Path, text: &str) -> Result<Results, ExperimentError> {
    let loaded = support::loaded(text);
    let variants = loaded.variants.iter().map(|v| (v.name.clone(), Arc::clone(&v.model))).collect();
    let plan = Plan { variants, only: None, records: Some(RecordsFolder(folder.to_owned())) };
    execute(&plan, &AtomicBool::new(false), &|_| {})
}

/// The rows of a file, by column name.
fn rows(folder: &Path, file: &str) -> Vec<std::collections::BTreeMap<String, String>> {
    let text = fs::read_to_string(folder.join(file)).unwrap_or_else(|why| panic!("{why}"));
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let columns = lines.next().unwrap_or_default();
    lines.map(|cells| columns.iter().cloned().zip(cells).collect()).collect()
}

#[test]
fn every_delivery_has_its_row_and_every_one_of_its_attempts() {
    let home = tempfile::tempdir().unwrap_or_else(|why| panic!("{why}"));
    let results = execute_into(home.path(), TEXT).unwrap_or_else(|why| panic!("{why}"));
    let count = |measure: &str| support::values(&results, measure, "all", "count").iter().sum::<f64>() as usize;
    let deliveries = rows(home.path(), "deliveries.csv");
    // Two replications of two hours of sixty messages for three; those of the second hour are measured.
    assert_eq!(deliveries.len(), 2 * 2 * 60 * 3);
    let measured: Vec<_> = deliveries.iter().filter(|row| row["measured"] == "true").collect();
    assert_eq!(measured.len(), count("deliveries"));
    assert_eq!(measured.iter().filter(|row| row["outcome"] == "delivered").count(), count("delivered"));
    let attempts = rows(home.path(), "attempts.csv");
    for delivery in &deliveries {
        let own = attempts
            .iter()
            .filter(|row| row["delivery"] == delivery["delivery"] && row["replication"] == delivery["replication"]);
        assert_eq!(own.count().to_string(), delivery["attempts"], "{delivery:?}");
    }
    let per_delivery = attempts
        .iter()
        .filter(|row| {
            measured.iter().any(|d| d["delivery"] == row["delivery"] && d["replication"] == row["replication"])
        })
        .count() as f64
        / measured.len() as f64;
    let mean = support::values(&results, "attempts_per_delivery", "all", "mean").iter().sum::<f64>() / 2.0;
    assert!((per_delivery - mean).abs() < 1e-12, "{per_delivery} {mean}");
}

/// Where some recipients of a message are refused and the others wait, those that wait have the rows of what follows.
#[test]
fn recipients_that_go_on_alone_have_their_own_rows() {
    let home = tempfile::tempdir().unwrap_or_else(|why| panic!("{why}"));
    let text = TEXT.replace(
        r#""mx.a.example": ()"#,
        r#""mx.a.example": (unknown_users: 0.3, greylist: Postgrey(auto_whitelist_clients: 0))"#,
    );
    execute_into(home.path(), &text).unwrap_or_else(|why| panic!("{why}"));
    let attempts = rows(home.path(), "attempts.csv");
    let (mut refused, mut waited) = (0, 0);
    for delivery in rows(home.path(), "deliveries.csv") {
        let own = attempts
            .iter()
            .filter(|row| row["delivery"] == delivery["delivery"] && row["replication"] == delivery["replication"]);
        assert_eq!(own.count().to_string(), delivery["attempts"], "{delivery:?}");
        let code = if delivery["outcome"] == "bounced" { "5.1.1" } else { "2.0.0" };
        assert_eq!(delivery["status"], code, "{delivery:?}");
        refused += usize::from(code == "5.1.1");
        waited += usize::from(delivery["attempts"] == "2");
    }
    assert!(refused > 100 && waited > 100, "{refused} {waited}");
}

const NOWHERE: &str = r#"(
    title: "attempts that find no host",
    run: (measure: "1h", drain: "3h", replications: 1),
    zones: {
        "a.example": (ttl: "1m", mx: [(10, "mx.a.example")], ns: ["ns1.a.example"], addresses: {"nowhere.a.example": ["mx.a.example"]}),
        "null.example": (mx: [(0, ".")]),
        "empty.example": (),
    },
    servers: { "ns1.a.example": () },
    hosts: { "mx.a.example": (addresses: 2, ipv6: Works) },
    resolvers: { "r": () },
    senders: { "s": (
        resolver: "r", arrivals: Periodic(every: "1m", offset: "1s"), recipients: "2", retry: Postfix(), to: WEIGHTS,
    ) },
    timeline: [
        (at: "0s", do: SetAddress(name: "nowhere.a.example", hosts: [])),
        (at: "10m", do: Outage(server: "ns1.a.example", mode: BlackHole), for: "30m"),
        (at: "50m", do: Outage(host: "mx.a.example"), for: "5m"),
    ],
)"#;

#[test]
fn every_attempt_has_rows_and_each_try_its_address_also_where_there_is_no_host_to_try() {
    let home = tempfile::tempdir().unwrap_or_else(|why| panic!("{why}"));
    let weights = r#"Weights({"a.example": 8, "null.example": 1, "empty.example": 1, "nowhere.a.example": 1})"#;
    execute_into(home.path(), &NOWHERE.replace("WEIGHTS", weights)).unwrap_or_else(|why| panic!("{why}"));
    let attempts = rows(home.path(), "attempts.csv");
    let deliveries = rows(home.path(), "deliveries.csv");
    assert_eq!(deliveries.len(), 120);
    for delivery in &deliveries {
        let own = attempts.iter().filter(|row| row["delivery"] == delivery["delivery"]);
        let numbers: std::collections::BTreeSet<&str> = own.map(|row| row["attempt"].as_str()).collect();
        assert_eq!(numbers.len().to_string(), delivery["attempts"], "{delivery:?}");
    }
    // What the look-ups said is the outcome of the attempt.
    let failed: std::collections::BTreeSet<&str> =
        attempts.iter().filter(|row| row["stage"] == "Lookup").map(|row| row["outcome"].as_str()).collect();
    assert_eq!(failed.into_iter().collect::<Vec<_>>(), ["NXDOMAIN", "SERVFAIL", "no address", "null MX"]);
    let is_placed =
        |row: &std::collections::BTreeMap<String, String>| row["host"].is_empty() == (row["stage"] == "Lookup");
    assert!(attempts.iter().all(is_placed));
    // Each address that was tried is told apart, and tried once an attempt.
    let addresses: std::collections::BTreeSet<&str> =
        attempts.iter().map(|row| row["address"].as_str()).filter(|address| !address.is_empty()).collect();
    let all = ["mx.a.example#A1", "mx.a.example#A2", "mx.a.example#AAAA1", "mx.a.example#AAAA2"];
    assert_eq!(addresses.into_iter().collect::<Vec<_>>(), all);
    let mut tries: Vec<_> = attempts
        .iter()
        .filter(|row| row["outcome"] == "refused")
        .map(|row| (&row["delivery"], &row["attempt"], &row["address"]))
        .collect();
    let count = tries.len();
    tries.sort();
    tries.dedup();
    assert!(count > 0 && tries.len() == count, "{count} {}", tries.len());
}

/// Stale by two meanings: data that the primary no longer holds, which is what the measure counts; and an answer given
/// after its TTL has run out (RFC 8767).
#[test]
fn stale_answers_are_those_of_the_rows_that_say_so() {
    let home = tempfile::tempdir().unwrap_or_else(|why| panic!("{why}"));
    let text = r#"(
        title: "two meanings of stale",
        run: (measure: "3h", drain: "1h", replications: 1),
        zones: { "a.example": (ttl: "5m", mx: [(10, "mx.a.example")], ns: ["ns1.a.example"]) },
        servers: { "ns1.a.example": () },
        hosts: { "mx.a.example": (), "new.a.example": () },
        resolvers: { "r": (software: Bind(serve_stale: AfterFailure, max_stale: "1d")) },
        clients: { "c": (resolver: "r", asks: [("a.example", MX)], arrivals: Poisson(rate: "2/min")) },
        timeline: [
            (at: "1h", do: Outage(server: "ns1.a.example", mode: BlackHole), for: "1h"),
            (at: "90m", do: SetMx(zone: "a.example", mx: [(10, "new.a.example")])),
        ],
    )"#;
    let results = execute_into(home.path(), text).unwrap_or_else(|why| panic!("{why}"));
    let lookups = rows(home.path(), "lookups.csv");
    let window: Vec<_> =
        lookups.iter().filter(|row| row["time_s"].parse::<f64>().is_ok_and(|at| at < 10_800.0)).collect();
    let count =
        |is: &dyn Fn(&std::collections::BTreeMap<String, String>) -> bool| window.iter().filter(|row| is(row)).count();
    let stale = count(&|row| row["stale"] == "true");
    let share = support::values(&results, "stale_answers", "all", "share")[0];
    assert!((share - stale as f64 / window.len() as f64).abs() < 1e-12, "{share} {stale} of {}", window.len());
    let expired = count(&|row| row["source"] == "stale");
    let both = count(&|row| row["source"] == "stale" && row["stale"] == "true");
    // Half an hour of old data that is still so, then half an hour that is not.
    assert!(both > 20 && expired > both + 20 && stale >= both, "{both} {expired} {stale}");
}

/// A sender may keep its routes between look-ups only while nobody records each of those: everything that can end a route
/// early happens here, and the numbers are the same.
#[test]
fn recording_changes_no_number_whatever_happens_to_the_routes_that_senders_know() {
    is_unchanged_by_recording(ROUTES);
    // Somebody follows every step for other reasons, or sessions do not end as they were going to.
    for more in [
        r#"(at: "5h30m", do: Outage(host: "mx1.a.example"), for: "5m"),"#,
        r#"(at: "5h30m", do: Outage(host: "mx1.a.example", mode: Freeze), for: "5m"),"#,
        r#"(at: "5h30m", do: CloseSessions(host: "mx1.a.example")),"#,
    ] {
        is_unchanged_by_recording(&ROUTES.replace("timeline: [", &format!("timeline: [ {more}")));
    }
}

const ROUTES: &str = r#"(
        title: "routes",
        run: (measure: "6h", replications: 2, slo: ["1s", "5m"]),
        regions: { "here": (rtt: "0s") },
        zones: { "a.example": (
            ttls: (mx: "20m", a: "1h"),
            mx: [(10, "mx1.a.example"), (10, "mx2.a.example"), (20, "mx3.a.example")],
        ) },
        hosts: { "mx{i}.a.example":
            (count: 4, up: "exponential(20m)", down: "exponential(5m)", service: "exponential(1s)") },
        resolvers: { "isp": (software: Ideal()), "push": (software: Ideal(push: After("1s"))) },
        senders: {
            "campus": (resolver: "isp", arrivals: Poisson(rate: "20/m"), to: Weights({"a.example": 1.0}),
                retry: Custom(schedule: Constant("1m"))),
            "told": (resolver: "push", arrivals: Poisson(rate: "20/m"), to: Weights({"a.example": 1.0}),
                retry: Custom(schedule: Constant("1m"))),
        },
        timeline: [
            (at: "1h", do: FlushCache(resolver: "isp")),
            (at: "2h5m", do: SetMx(zone: "a.example", mx: [(10, "mx3.a.example"), (20, "mx4.a.example")])),
            (at: "3h5m", do: SetMx(zone: "a.example", mx: [(10, "mx1.a.example"), (10, "mx2.a.example")])),
            (at: "4h1m", do: SetAddress(name: "mx1.a.example", hosts: ["mx4.a.example"])),
            (at: "5h", do: FlushCache(resolver: "isp", name: "mx2.a.example")),
        ],
    )"#;

fn is_unchanged_by_recording(text: &str) {
    let home = tempfile::tempdir().unwrap_or_else(|why| panic!("{why}"));
    let recorded = execute_into(home.path(), text).unwrap_or_else(|why| panic!("{why}"));
    let plain = support::run(text);
    for (recorded, plain) in recorded.variants[0].replications.iter().zip(&plain.variants[0].replications) {
        assert_eq!(recorded.fingerprint, plain.fingerprint);
        assert_eq!(format!("{:?}", recorded.rows), format!("{:?}", plain.rows));
    }
    assert!(support::values(&plain, "stale_deliveries", "all", "count").iter().all(|&count| count > 0.0));
}

#[test]
fn a_run_that_fails_leaves_no_parts_of_records() {
    let home = tempfile::tempdir().unwrap_or_else(|why| panic!("{why}"));
    // The check of the budget knows the arrivals and not how often each is tried again.
    let text = TEXT
        .replace("replications: 2", "replications: 2, event_budget: 20000")
        .replace("Constant(\"5m\")", "Constant(\"1s\")")
        .replace("for: \"10m\"", "for: \"1h\"");
    let failed = execute_into(home.path(), &text);
    assert!(matches!(failed, Err(ExperimentError::Run { .. })), "{failed:?}");
    let left: Vec<_> = fs::read_dir(home.path()).map(|entries| entries.flatten().collect()).unwrap_or_default();
    assert!(left.is_empty(), "{left:?}");
}

/// Who reports what by which code (RFC 3463): first what waits or is refused at once (null MX, NXDOMAIN, MX without address,
/// SERVFAIL, refused, lost at DATA), then how what was never taken ends. Postfix, Exim and sendmail: recorded DNS outcomes (finding
/// 10) and runs of retries, where Exim logs no code and its reports say 5.0.0 (`deliver.c`). The others: see `status_codes.rs`.
const CODES: [(&str, [&str; 6], [&str; 3]); 13] = [
    ("Postfix", ["5.1.0", "5.4.4", "5.4.4", "4.4.3", "4.4.1", "4.4.2"], ["4.4.3", "4.4.1", "4.4.2"]),
    ("Exim", ["5.0.0", "5.0.0", "5.0.0", "4.0.0", "4.0.0", "4.0.0"], ["5.0.0", "5.0.0", "5.0.0"]),
    ("Sendmail", ["5.1.10", "5.1.2", "5.1.2", "4.4.3", "4.4.1", "4.4.2"], ["4.4.7", "4.4.7", "4.4.7"]),
    // Null MX and MX without address wait for four days (measured, 6.8.0p2).
    ("OpenSmtpd", ["4.1.10", "5.1.2", "4.4.4", "4.4.3", "4.4.1", "4.4.2"], ["5.4.7", "5.4.7", "5.4.7"]),
    ("Qmail", ["5.4.4", "5.1.2", "5.4.4", "4.1.2", "4.4.1", "4.4.2"], ["4.1.2", "4.4.1", "4.4.2"]),
    ("KumoMta", ["5.1.10", "5.1.2", "4.4.4", "4.4.3", "4.4.1", "4.4.2"], ["5.4.7", "5.4.7", "5.4.7"]),
    ("Stalwart", ["5.0.0", "5.0.0", "5.0.0", "4.0.0", "4.0.0", "4.0.0"], ["5.0.0", "5.0.0", "5.0.0"]),
    // mox gives up with class 5.
    ("Mox", RFC_3463, ["5.4.3", "5.4.1", "5.4.2"]),
    ("Haraka", RFC_3463, ["4.4.7"; 3]),
    ("ZoneMta", RFC_3463, ["4.4.7"; 3]),
    ("Maddy", RFC_3463, ["4.4.7"; 3]),
    ("Chasquid", RFC_3463, ["4.4.7"; 3]),
    ("Exchange", RFC_3463, ["4.4.7"; 3]),
];
const RFC_3463: [&str; 6] = ["5.1.10", "5.1.2", "5.4.4", "4.4.3", "4.4.1", "4.4.2"];

/// RFC 7505 section 4.1 (N4): 5.1.10 for a null MX; Postfix, Exim, qmail and Stalwart depart.
#[test]
fn each_system_reports_what_it_found_by_its_own_codes() {
    let domains =
        ["null.example", "gone.d.example", "empty.example", "mute.example", "refuses.example", "breaks.example"];
    let sender = |(system, domain): (&str, &str)| {
        format!(
            r#""{system}-{domain}": (resolver: "r", arrivals: Burst(at: "1h", count: 1), to: Weights({{"{domain}": 1}}), retry: {system}()),"#
        )
    };
    let senders: String = CODES
        .iter()
        .flat_map(|(system, ..)| domains.iter().map(move |domain| (*system, *domain)))
        .map(sender)
        .collect();
    let text = format!(
        r#"(
        title: "codes",
        run: (measure: "2h", drain: "9d", replications: 1),
        zones: {{
            "null.example": (mx: [(0, ".")]),
            "d.example": (mx: [(10, "mx.d.example")], addresses: {{ "gone.d.example": ["mx.d.example"] }}),
            "empty.example": (mx: [(10, "gone.d.example")]),
            "mute.example": (mx: [(10, "mx.d.example")], ns: ["ns.mute.example"]),
            "refuses.example": (mx: [(10, "mx.refuses.example")]),
            "breaks.example": (mx: [(10, "mx.breaks.example")]),
        }},
        servers: {{ "ns.mute.example": () }},
        hosts: {{ "mx.d.example": (), "mx.refuses.example": (), "mx.breaks.example": () }},
        resolvers: {{ "r": (software: Ideal(timeouts: ["1s"])) }},
        senders: {{ {senders} }},
        timeline: [
            (at: "0s", do: SetAddress(name: "gone.d.example", hosts: [])),
            (at: "0s", do: Outage(server: "ns.mute.example")),
            (at: "0s", do: Outage(host: "mx.refuses.example")),
            (at: "0s", do: Outage(host: "mx.breaks.example", mode: Lost(stage: Data))),
        ],
    )"#
    );
    let home = tempfile::tempdir().unwrap_or_else(|why| panic!("{why}"));
    execute_into(home.path(), &text).unwrap_or_else(|why| panic!("{why}"));
    let attempts = rows(home.path(), "attempts.csv");
    let deliveries = rows(home.path(), "deliveries.csv");
    for (system, found, given_up) in CODES {
        for (place, domain) in domains.iter().enumerate() {
            let what = format!("{system}: {domain}");
            let is_own =
                |row: &&std::collections::BTreeMap<String, String>| row["delivery"] == format!("{system}-{domain}#1");
            let replies: std::collections::BTreeSet<&str> =
                attempts.iter().filter(is_own).map(|row| row["reply"].as_str()).collect();
            assert_eq!(replies.into_iter().collect::<Vec<_>>(), [found[place]], "{what}");
            let end = deliveries.iter().find(is_own).expect("a delivery");
            // OpenSMTPD and KumoMTA wait where the others refuse.
            let code = match (place, &found[place][..1]) {
                (..3, "5") => found[place],
                (..3, _) => given_up[1],
                (_, _) => given_up[place - 3],
            };
            let outcome = if found[place].starts_with('5') { "bounced" } else { "expired" };
            assert_eq!((&*end["outcome"], &*end["status"]), (outcome, code), "{what}");
        }
    }
}

/// What a host said stays what it said; Exim's report says 5.0.0 all the same, Stalwart's and mox's what the host said.
#[test]
fn a_hosts_reply_is_in_the_status_of_what_it_refused() {
    let systems = ["Postfix", "Exim", "Sendmail", "Stalwart", "Mox"];
    let run = |mode: &str| {
        let senders: String = systems
            .iter()
            .map(|system| format!(r#""{system}": (resolver: "r", arrivals: Burst(at: "1h", count: 1), to: Weights({{"a.example": 1}}), recipients: "2", retry: {system}()),"#))
            .collect();
        let text = format!(
            r#"(
            title: "replies",
            run: (measure: "2h", drain: "9d", replications: 1),
            zones: {{ "a.example": (mx: [(10, "mx.a.example")]) }},
            hosts: {{ "mx.a.example": () }},
            resolvers: {{ "r": () }},
            senders: {{ {senders} }},
            timeline: [ (at: "0s", do: Outage(host: "mx.a.example", mode: {mode})) ],
        )"#
        );
        let home = tempfile::tempdir().unwrap_or_else(|why| panic!("{why}"));
        execute_into(home.path(), &text).unwrap_or_else(|why| panic!("{why}"));
        let deliveries = rows(home.path(), "deliveries.csv");
        systems.map(|system| {
            let of: Vec<&str> =
                deliveries.iter().filter(|row| row["sender"] == system).map(|row| row["status"].as_str()).collect();
            assert!(of.len() == 2 && of[0] == of[1], "{system}: {of:?}");
            of[0].to_owned()
        })
    };
    assert_eq!(run("Reply(stage: Rcpt, code: 550)"), ["5.1.1", "5.0.0", "5.1.1", "5.1.1", "5.1.1"]);
    // Never taken: as the last failure was (Postfix; Stalwart, since a host replied), 4.4.7 (sendmail), of class 5 (mox).
    assert_eq!(run("Reply(stage: Rcpt, code: 451)"), ["4.2.0", "5.0.0", "4.4.7", "4.2.0", "5.2.0"]);
}
