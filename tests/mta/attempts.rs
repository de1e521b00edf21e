//! How many attempts, and when: destinations shared by messages, concurrency, changed routes.

use std::collections::BTreeMap;

use crate::harness::{Case, hosts, number, policy, rows, run, zone};

/// Arrivals of ten messages to one host, seconds, as measured; the wall clock's fraction at 0; when scans fell.
const POSTFIX: ([f64; 10], f64, f64) =
    ([0.185, 0.483, 1.185, 1.912, 2.642, 3.373, 4.104, 4.832, 5.562, 6.336], 0.913, 6.15);
const EXIM: ([f64; 10], f64, f64) = ([0.058, 0.74, 1.566, 2.238, 2.947, 3.689, 4.396, 5.144, 5.951, 6.666], 0.259, 1.0);

/// Ten messages to one dead host.
fn shared(system: &str, timeline: &str, seed: u64) -> Case {
    let (arrivals, epoch_s, scan_s) = if system == "exim" { EXIM } else { POSTFIX };
    let start = 100.0 + epoch_s;
    let scan =
        if system == "postfix" { format!(r#"scan_phase: "{:.3}s""#, (start + scan_s) % 3.0) } else { String::new() };
    Case {
        retry: policy(system, &scan),
        resolver_rtt: if system == "exim" { "6ms" } else { "0s" },
        zones: zone("d.example", r#"(10, "a.d.example")"#),
        hosts: hosts(&["a.d.example"], ""),
        timeline: timeline.into(),
        arrivals: arrivals.map(|at| (start + at, "d.example".into())).to_vec(),
        drain_s: 400,
        seed,
        ..Case::default()
    }
}

/// Ten messages to one host that fails in a measured way, until they are given up.
fn measured(row: &BTreeMap<String, String>, messages: &[BTreeMap<String, String>], seed: u64) -> Case {
    let (system, mode) = (row["mta"].as_str(), row["mode"].as_str());
    let start = 100.0 + number(row, "epoch_s");
    let fails = match mode {
        "refuse" => "Refuse",
        "blackhole" => "BlackHole",
        "banner421" => "Reply(stage: Greeting, code: 421)",
        "mail451" => "Reply(stage: Mail, code: 451)",
        "rcpt451" => "Reply(stage: Rcpt, code: 451)",
        "servfail" => "",
        other => panic!("no mode {other}"),
    };
    // The measured name server answered SERVFAIL at once; so does a resolver that refuses.
    let timeline = match mode {
        "servfail" => String::new(),
        _ => format!(r#"(at: "0s", do: Outage(host: "a.d.example", mode: {fails})), "#),
    };
    let mx = zone("d.example", r#"(10, "a.d.example")"#);
    Case {
        retry: policy(system, ""),
        zones: mx,
        refuses: if mode == "servfail" { "d.example" } else { "nothing.example" }.into(),
        hosts: hosts(&["a.d.example"], ""),
        timeline,
        arrivals: messages.iter().map(|message| (start + number(message, "arrived_s"), "d.example".into())).collect(),
        drain_s: if system == "opensmtpd" { 22_000 } else { 400 },
        seed,
        ..Case::default()
    }
}

#[test]
fn messages_to_one_dead_host_make_as_many_attempts_as_measured() {
    let all = rows(include_str!("../fixtures/mta/retry_shared_ages.csv"));
    for row in rows(include_str!("../fixtures/mta/retry_shared.csv")) {
        let (system, set, mode) = (row["mta"].as_str(), row["set"].as_str(), row["mode"].as_str());
        if ["postfix", "exim"].contains(&system) {
            continue; // These depend on the rest of their queue: `whole_runs`.
        }
        let (least, most) = match (system, mode) {
            // One connection a queue run, and the first of each.
            ("sendmail", "refuse" | "banner421") => (108, 118),
            // At every queue run. After a 451 to MAIL the log has 678 with an address, and 331 without one, over a connection
            // that another message for that host, or for one other, has just left (below): as many as after one to RCPT.
            ("sendmail", "rcpt451" | "mail451") => (990, 1030),
            // What its log says of look-ups is no attempt.
            ("sendmail", "servfail") => (990, 1030),
            ("opensmtpd", _) => (80, 80),
            other => panic!("{other:?}"),
        };
        let is_of_row =
            |message: &&BTreeMap<String, String>| ["mta", "set", "mode"].iter().all(|c| message[*c] == row[*c]);
        let messages: Vec<_> = all.iter().filter(is_of_row).cloned().collect();
        let mut made = Vec::new();
        for seed in 1..=3 {
            run(&measured(&row, &messages, seed), |log| {
                // OpenSMTPD's log does not tell a failed connection from none, for want of a route.
                let suspensions: u32 = log.ended.values().map(|ended| ended.suspensions).sum();
                let attempts = log.attempts() + u64::from(suspensions) * u64::from(system == "opensmtpd");
                made.push(attempts as f64);
                assert!(
                    (least..=most).contains(&attempts),
                    "{system} {set} {mode}: {attempts} attempts ({least} to {most})"
                );
                for ended in log.ended.values() {
                    assert_eq!(ended.outcome, "expired", "{system} {mode}");
                    let age = ended.ended_s - ended.created_s;
                    let (low, high) = (number(&row, "first_expiry_s"), number(&row, "last_expiry_s"));
                    // Within a queue run; of a second more where runs come late.
                    assert!(age > low - 4.0 && age < high + 4.0, "{system} {set} {mode}: expired at {age}");
                }
            });
        }
        let (mean, real) = (made.iter().sum::<f64>() / made.len() as f64, number(&row, "attempts"));
        if system == "sendmail" && mode.ends_with("451") {
            // An attempt over a connection that was left after a 451 to MAIL has no address in the log, and is told as put
            // off: `mci_get` (mci.c) knows the address of connections in state MCIS_OPEN alone, and `smtpmailfrom`
            // (usersmtp.c) leaves MCIS_MAIL behind, which `smtpinit` makes usable with RSET.
            let count = |column: &str| -> usize { messages.iter().map(|m| m[column].split_whitespace().count()).sum() };
            let came_up = (count("attempts_s") + count("suspended_s")) as f64;
            assert!((mean - came_up).abs() <= 0.02 * came_up, "{mode}: {mean}, measured {came_up}");
        }
        println!("{system} {set} {mode}: {made:?}, measured {real}");
    }
}

#[test]
fn r2_r6_a_held_back_delivery_is_a_suspension_and_no_attempt() {
    let outage = r#"(at: "0s", do: Outage(host: "a.d.example")), "#;
    for system in ["postfix", "exim", "sendmail"] {
        run(&shared(system, outage, 1), |log| {
            let suspensions: u32 = log.ended.values().map(|ended| ended.suspensions).sum();
            assert!(suspensions > 0, "{system}");
            assert_eq!(log.connections, log.attempts(), "{system}: each attempt made one connection");
        });
    }
}

#[test]
fn postfix_doubles_its_concurrency_until_the_limit() {
    // 240 messages at once, 1 s each: completions a second 5, 10, 20, 20 ... with and without kept sessions.
    for (set, more) in [("open_1", ""), ("open_2", ""), ("nocache_1", "smtp_connection_cache_on_demand: false")] {
        let row = rows(include_str!("../fixtures/mta/concurrency_postfix.csv"))
            .into_iter()
            .find(|row| row["set"] == set)
            .expect("a row");
        let case = Case {
            retry: policy("postfix", more),
            zones: zone("d.example", r#"(10, "a.d.example")"#),
            hosts: hosts(&["a.d.example"], r#"service: "1s""#),
            arrivals: (0..240).map(|_| (100.0, "d.example".into())).collect(),
            ..Case::default()
        };
        run(&case, |log| {
            let mut completions = [0usize; 16];
            for ended in log.ended.values() {
                assert_eq!(ended.outcome, "sent");
                completions[(ended.ended_s - 100.0 + 0.2) as usize] += 1;
            }
            assert_eq!(completions[..6], [0, 5, 10, 20, 20, 20], "{set}");
            // The measured machine loses a few hundredths of a second a round: no second differs by more than its shift.
            let real: Vec<usize> = row["completions"].split(' ').map(|n| n.parse().expect("a count")).collect();
            let (mut ours, mut theirs) = (0usize, 0usize);
            for (second, real) in real.iter().enumerate() {
                ours += completions.get(second).copied().unwrap_or(0);
                theirs += real;
                assert!(ours.abs_diff(theirs) <= 5, "{set}: {ours} and {theirs} by second {second}");
            }
            if set.starts_with("open") {
                assert!(log.connections <= 25, "{} connections, measured 25", log.connections);
            } else {
                assert_eq!(log.connections, 240);
            }
        });
    }
}

#[test]
fn postfix_stays_within_what_a_full_server_takes_as_measured() {
    // The server admits eight at a time and greets the ninth with 421; ten failed cohorts instead of one. So one attempt in
    // three fails, the window stays near eight, and what was turned away waits for its own timer: a tail of small pulses.
    let row = rows(include_str!("../fixtures/mta/concurrency_postfix.csv"))
        .into_iter()
        .find(|row| row["set"] == "nf_cap_1")
        .expect("a row");
    let real: Vec<usize> = row["completions"].split(' ').map(|n| n.parse().expect("a count")).collect();
    let case = Case {
        retry: policy("postfix", "default_destination_concurrency_failed_cohort_limit: 10"),
        zones: zone("d.example", r#"(10, "a.d.example")"#),
        hosts: hosts(&["a.d.example"], r#"service: "1s", sessions: 8, when_full: Busy"#),
        arrivals: (0..240).map(|_| (100.0, "d.example".into())).collect(),
        ..Case::default()
    };
    run(&case, |log| {
        let mut completions = vec![0usize; 200];
        for ended in log.ended.values() {
            assert_eq!(ended.outcome, "sent");
            completions[(ended.ended_s - 100.0 + 0.2) as usize] += 1;
        }
        println!("{completions:?}, {} connections", log.connections);
        // Completions a second while there is plenty to send: the same eight.
        let steady = |counts: &[usize]| counts[4..24].iter().sum::<usize>() as f64 / 20.0;
        let (ours, theirs) = (steady(&completions), steady(&real));
        assert!((ours - theirs).abs() <= 0.15 * theirs, "{ours} a second, measured {theirs}");
        assert!(completions.iter().all(|count| *count <= 8), "no more than the server takes");
        let last = |counts: &[usize]| counts.iter().rposition(|count| *count > 0).expect("completions");
        assert!(last(&completions).abs_diff(last(&real)) <= 24, "{} s, measured {}", last(&completions), last(&real));
    });
}
