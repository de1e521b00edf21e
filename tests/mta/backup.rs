//! An outage with a backup MX at hand; an MX that changes while mail waits.

use std::collections::BTreeMap;

use crate::harness::{Case, hosts, number, policy, rows, run, zone};

/// What a case is told of its system's own clocks: seconds from the first arrival.
fn phase(start: f64, at: f64, period: f64) -> String {
    format!(r#"scan_phase: "{:.3}s", "#, (start + at).rem_euclid(period))
}

/// The pace of the machine in each second of a run, and nothing for runs whose latencies time-outs make. The machine was busy
/// (sendmail's messages to the second host took 0.055 s in most of the outage, as those to the first before and after it, but
/// 0.29 s from 12.8 s to 24.1 s): what every second message took is given to both hosts as their service time, less the round
/// trips of a session; the other messages are then predicted.
fn pace(system: &str, start: f64) -> String {
    const ROUND_TRIPS_MS: f64 = 1.2;
    let paces = rows(include_str!("../fixtures/mta/outage_with_backup_pace.csv"));
    let mut timeline = String::new();
    for row in paces.iter().filter(|row| row.contains_key(system)) {
        let (at, service) = (start + number(row, "second"), number(row, system) - ROUND_TRIPS_MS);
        timeline += &format!(r#"(at: "{at:.3}s", do: SetService(host: "*.d.example", service: "{service:.1}ms")), "#);
    }
    timeline
}

#[test]
fn an_outage_with_a_backup_costs_what_was_measured() {
    let arrivals = rows(include_str!("../fixtures/mta/outage_with_backup_arrivals.csv"));
    for row in rows(include_str!("../fixtures/mta/outage_with_backup.csv")) {
        let (system, mode) = (row["mta"].as_str(), row["mode"].as_str());
        // Wall clocks at the first arrival, in their fraction.
        let start = match (system, mode) {
            ("postfix", "down") => 100.269,
            ("postfix", _) => 100.067,
            ("exim", "down") => 100.148,
            ("exim", _) => 100.112,
            _ => 100.733,
        };
        let run_name = format!("{system} {mode}");
        let mode = if mode == "down" { "Refuse" } else { "BlackHole" };
        let case = Case {
            retry: policy(system, ""),
            // A process a message, as in the backlogs: the second message of an instant starts before the first has failed. What
            // a delivery took of the machine is that of the messages before the outage.
            client: if run_name == "exim blackhole" { r#"(processor_time: "31ms")"# } else { "()" }.into(),
            zones: zone("d.example", r#"(10, "a.d.example"), (20, "b.d.example")"#),
            hosts: hosts(&["a.d.example", "b.d.example"], r#"service: "2ms""#),
            timeline: format!(
                r#"(at: "{:.3}s", do: Outage(host: "a.d.example", mode: {mode}), for: "30s"), "#,
                start + 10.0
            ) + &if mode == "Refuse" { pace(system, start) } else { String::new() },
            host_rtt: if mode == "Refuse" && system != "opensmtpd" { "200us" } else { "1ms" },
            arrivals: arrivals.iter().map(|row| (start + number(row, &run_name), "d.example".into())).collect(),
            drain_s: 60,
            ..Case::default()
        };
        run(&case, |log| {
            let label = format!("{system} {mode}");
            let left: Vec<_> = log.ended.values().filter(|ended| ended.outcome != "sent").collect();
            assert!(left.is_empty(), "{label}: {left:?}");
            let at_backup: Vec<f64> = (log.ended.values())
                .filter(|ended| ended.host == "b.d.example")
                .map(|ended| ended.created_s - start)
                .collect();
            let latencies = log.latencies();
            let mean = latencies.iter().sum::<f64>() / 300.0;
            let longest = latencies.iter().copied().fold(0.0, f64::max);
            let slow = latencies.iter().filter(|latency| **latency > 1.0).count() as f64;
            let (first, last) = (at_backup[0], at_backup[at_backup.len() - 1]);
            println!(
                "{label}: b {} ({}), {first:.1} to {last:.1} ({} to {}), mean {mean:.3} ({}), longest {longest:.2} ({}), slow {slow} ({})",
                at_backup.len(),
                row["b"],
                row["first_b_s"],
                row["last_b_s"],
                row["mean_s"],
                row["max_s"],
                row["over_1s"]
            );
            // Six messages are two per cent, and a second and a fifth of arrivals.
            // OpenSMTPD's sessions end after a hundred messages, and which of its timers fires between two looks of an idle one is
            // a matter of the fractions of its clock: a second, or two, three times.
            let few = if system == "opensmtpd" { 15.0 } else { 6.0 };
            assert!((at_backup.len() as f64 - number(&row, "b")).abs() <= few, "{label}: {}", at_backup.len());
            assert!((first - number(&row, "first_b_s")).abs() <= 1.0, "{label}: {first}");
            assert!((last - number(&row, "last_b_s")).abs() <= 3.0, "{label}: {last}");
            let real = number(&row, "mean_s");
            assert!((mean - real).abs() <= 0.15 * real, "{label}: {mean}, measured {real}");
            if let Some(real) = row.get("others_s").filter(|others| !others.is_empty()) {
                let real: f64 = real.parse().expect("seconds");
                let mean = latencies.iter().skip(1).step_by(2).sum::<f64>() / 150.0;
                println!("{label}: the others {mean:.4} ({real})");
                assert!((mean - real).abs() <= 0.15 * real, "{label}: the others {mean}, measured {real}");
            }
            // Who pays the time-out: what was under way before sessions were kept keeps none, and found none.
            assert!((slow - number(&row, "over_1s")).abs() <= few, "{label}: {slow} paid the time-out");
            assert!((longest - number(&row, "max_s")).abs() <= 1.1, "{label}: {longest}");
        });
    }
}

#[test]
fn a_changed_mx_is_used_at_the_next_attempt_that_looks_it_up() {
    let all = rows(include_str!("../fixtures/mta/reroute.csv"));
    for system in ["exim", "postfix", "sendmail", "opensmtpd"] {
        let measured: Vec<_> = all.iter().filter(|row| row["mta"] == system).collect();
        // Wall clock's fraction, the change; queue runs and scans where the deliveries showed them.
        let (fraction, change, clocks) = match system {
            "exim" => (0.313, 19.951, phase(100.313, 19.97, 2.0)),
            "postfix" => (0.394, 19.95, phase(100.394, 25.2, 3.0)),
            "sendmail" => (0.384, 19.955, phase(100.384, 22.0, 3.0)),
            _ => (0.184, 4499.149, String::new()),
        };
        // What a queue run takes for each message: twenty were delivered in 0.66 s and 1.13 s. OpenSMTPD's tries took 0.05 to 0.16 s of
        // the server's time, as those that failed show: 10 s of its own clock.
        let (service, client) = match system {
            "exim" => ("1ms", r#"(processor_time: "31ms")"#),
            "sendmail" => ("55ms", "()"),
            "opensmtpd" => ("10s", "()"),
            // As in the runs of retry schedules.
            _ => ("2ms", r#"(processor_time: "2100us")"#),
        };
        let start = 100.0 + fraction;
        let mut domains: Vec<&str> = measured.iter().map(|row| row["domain"].as_str()).collect();
        domains.sort_unstable();
        domains.dedup();
        let mut timeline = r#"(at: "0s", do: Outage(host: "a.d.example")), "#.to_owned();
        let mut zones = zone("d.example", "");
        for domain in domains {
            zones += &zone(&format!("{domain}.d.example"), r#"(10, "a.d.example")"#);
            let at = start + change;
            timeline +=
                &format!(r#"(at: "{at:.3}s", do: SetMx(zone: "{domain}.d.example", mx: [(10, "b.d.example")])), "#);
        }
        let arrival = |row: &&BTreeMap<String, String>| {
            (start + number(row, "arrival_s"), format!("{}.d.example", row["domain"]))
        };
        let case = Case {
            retry: policy(system, &clocks),
            client: client.into(),
            zones,
            hosts: hosts(&["a.d.example", "b.d.example"], &format!(r#"service: "{service}""#)),
            timeline,
            arrivals: measured.iter().map(arrival).collect(),
            host_rtt: "200us",
            resolver_rtt: if system == "postfix" { "lognormal(median 5ms, sigma 0.5)" } else { "0s" },
            drain_s: 8000,
            ..Case::default()
        };
        let real: Vec<f64> = measured.iter().map(|row| number(row, "after_change_s")).collect();
        let (least, most) = real.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), &at| (low.min(at), high.max(at)));
        // Postfix's scans fall at the fraction of a second at which the queue manager last had something to do: here 0.03 s earlier
        // than there. In what order Exim and sendmail come to twenty messages in a run is a matter of their spool directories.
        let (of_range, of_each) = match system {
            "postfix" => (0.05, 0.1),
            // Its clock ran a hundred times as fast as the server's: hundredths of a second of that.
            "opensmtpd" => (1.5, 10.0),
            _ => (0.0, most - least),
        };
        run(&case, |log| {
            let after: Vec<f64> = log.ended.values().map(|ended| ended.ended_s - start - change).collect();
            println!("{system}: {after:.2?}, measured {real:.2?}");
            for ((ended, after), real) in log.ended.values().zip(after).zip(real) {
                assert_eq!(ended.host, "b.d.example", "{system}");
                assert!(
                    after >= least - of_range && after <= most + of_range,
                    "{system}: {after}, not {least} to {most}"
                );
                assert!((after - real).abs() <= of_each, "{system}: {after}, measured {real}");
            }
        });
    }
}
