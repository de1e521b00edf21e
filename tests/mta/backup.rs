//! An outage with a backup MX at hand; an MX that changes while mail waits.

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
    for row in rows(include_str!("../fixtures/mta/reroute.csv")) {
        let (system, is_shared) = (row["mta"].as_str(), row["shared"] == "True");
        // Wall clock's fraction, the change, the pace of arrivals; queue runs and scans where the deliveries showed them.
        let (fraction, change, every, clocks) = match system {
            "exim" => (0.313, 19.951, 0.902, phase(100.313, 19.97, 2.0)),
            "postfix" => (0.394, 19.95, 0.895, phase(100.394, 25.19, 3.0)),
            "sendmail" => (0.384, 19.955, 0.902, phase(100.384, 22.0, 3.0)),
            _ => (0.184, 4499.149, 89.9, String::new()),
        };
        // OpenSMTPD's tries took 0.05 to 0.16 s of the server's time, as those that failed show: 10 s of its own clock.
        let service = if system == "opensmtpd" { "10s" } else { "0s" };
        let start = 100.0 + fraction;
        let names: Vec<String> = (0..10).map(|i| if is_shared { "d".into() } else { format!("d{i}") }).collect();
        let mut distinct = names.clone();
        distinct.dedup();
        let zones: String =
            distinct.iter().map(|name| zone(&format!("{name}.d.example"), r#"(10, "a.d.example")"#)).collect();
        let changes: String = distinct
            .iter()
            .map(|name| {
                let at = start + change;
                format!(r#"(at: "{at:.3}s", do: SetMx(zone: "{name}.d.example", mx: [(10, "b.d.example")])), "#)
            })
            .collect();
        let case = Case {
            retry: policy(system, &clocks),
            zones: zones + &zone("d.example", ""),
            hosts: hosts(&["a.d.example", "b.d.example"], &format!(r#"service: "{service}""#)),
            timeline: r#"(at: "0s", do: Outage(host: "a.d.example")), "#.to_owned() + &changes,
            arrivals: (0u32..)
                .zip(&names)
                .map(|(i, name)| (start + every * f64::from(i), format!("{name}.d.example")))
                .collect(),
            drain_s: 8000,
            ..Case::default()
        };
        // What a run of a queue takes for each message is the machine's; OpenSMTPD's clock ran a hundred times as fast.
        let tolerance = if system == "opensmtpd" { 5.0 } else { 0.3 };
        run(&case, |log| {
            let after: Vec<f64> = log.ended.values().map(|ended| ended.ended_s - start - change).collect();
            println!("{system} {is_shared}: {after:.2?} ({} to {})", row["least_s"], row["most_s"]);
            for (ended, after) in log.ended.values().zip(after) {
                assert_eq!(ended.host, "b.d.example", "{system}");
                let (least, most) = (number(&row, "least_s") - tolerance, number(&row, "most_s") + tolerance);
                assert!(
                    after >= least && after <= most,
                    "{system}: {after} s after the change, measured {least} to {most}"
                );
            }
        });
    }
}
