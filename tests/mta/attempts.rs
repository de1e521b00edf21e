//! How many attempts, and when: destinations shared by messages, concurrency, changed routes.

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

#[test]
fn messages_to_one_dead_host_make_as_many_attempts_as_measured() {
    for row in rows(include_str!("../fixtures/mta/retry_shared.csv")) {
        let (system, mode) = (row["mta"].as_str(), row["mode"].as_str());
        let (timeline, least, most) = match (system, mode) {
            // 62 to 65 attempts: the phase of the scan against the arrivals decides.
            ("postfix", "refuse") => ("Refuse", 58.0, 69.0),
            ("postfix", "banner421") => ("Reply(stage: Greeting, code: 421)", 58.0, 69.0),
            ("postfix", "mail451") => ("Reply(stage: Mail, code: 451)", 110.0, 110.0),
            ("postfix", "rcpt451") => ("Reply(stage: Rcpt, code: 451)", 110.0, 110.0),
            // One probe for all, and up to three more before the first failure is written.
            ("exim", "refuse") if row["set"] == "open" => ("Refuse", 20.0, 25.0),
            ("exim", "banner421") => ("Reply(stage: Greeting, code: 421)", 20.0, 25.0),
            ("exim", "mail451") => ("Reply(stage: Mail, code: 451)", 195.0, 205.0),
            ("exim", "rcpt451") => ("Reply(stage: Rcpt, code: 451)", 195.0, 205.0),
            _ => continue,
        };
        for seed in 1..=3 {
            let text = format!(r#"(at: "0s", do: Outage(host: "a.d.example", mode: {timeline})), "#);
            run(&shared(system, &text, seed), |log| {
                let attempts = log.attempts() as f64;
                let real = number(&row, "attempts");
                assert!(
                    attempts >= least && attempts <= most,
                    "{system} {mode}: {attempts} attempts, measured {real} ({least} to {most})"
                );
                for ended in log.ended.values() {
                    assert_eq!(ended.outcome, "expired", "{system} {mode}");
                    let age = ended.ended_s - ended.created_s;
                    let (low, high) = (number(&row, "first_expiry_s"), number(&row, "last_expiry_s"));
                    // Within a scan, or a queue run.
                    assert!(age > low - 3.0 && age < high + 3.0, "{system} {mode}: expired at {age}");
                }
            });
        }
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
