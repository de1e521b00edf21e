//! Exim's measured run of retry schedules whole: a hundred messages in one queue, for each of five ways of failing ten with a
//! destination each and ten that share one. So a queue run comes to the messages of one host at any time in it, and what a
//! visit takes is the machine's own, read off the recording.

use std::collections::BTreeMap;

use crate::harness::{Case, Ended, exim, hosts, number, rows, run, zone};

/// How the destinations fail, with what their hosts do; the last have a name server that does.
const MODES: [(&str, &str); 5] = [
    ("refuse", "Refuse"),
    ("banner421", "Reply(stage: Greeting, code: 421)"),
    ("mail451", "Reply(stage: Mail, code: 451)"),
    ("rcpt451", "Reply(stage: Rcpt, code: 451)"),
    ("servfail", ""),
];

type Row = BTreeMap<String, String>;

/// Rows of all messages to shared destinations, and of what was measured of them together.
fn shared(text: &str) -> Vec<Row> {
    rows(text)
        .into_iter()
        .filter(|row| row["mta"] == "exim" && row["set"] == "open" && row["mode"] != "blackhole")
        .collect()
}

fn totals() -> Vec<Row> {
    shared(include_str!("../fixtures/mta/retry_shared.csv"))
}

fn case(visit: &str, seed: u64) -> Case {
    let own = rows(include_str!("../fixtures/mta/retry_own_exim.csv"));
    let together = shared(include_str!("../fixtures/mta/retry_shared_ages.csv"));
    // Clocks of whole seconds agree in their fraction.
    let (start, scan_s) = (100.0 + number(&totals()[0], "epoch_s"), number(&totals()[0], "scan_s"));
    let mut case = Case {
        retry: exim(&format!(r#"scan_phase: "{:.3}s""#, (start + scan_s) % 2.0)),
        client: format!(r#"(processor_time: "{visit}")"#),
        resolver_rtt: "6ms",
        seed,
        ..Case::default()
    };
    let (mut names, mut refuses) = (Vec::new(), Vec::new());
    for (mode, fails) in MODES {
        let alone = own.iter().filter(|row| row["set"] == "open" && row["mode"] == mode).enumerate();
        let alone = alone.map(|(nth, row)| (format!("{mode}-own{nth}.example"), row));
        let together = together.iter().filter(|row| row["mode"] == mode);
        for (domain, row) in alone.chain(together.map(|row| (format!("{mode}-shared.example"), row))) {
            case.arrivals.push((start + number(row, "arrived_s"), domain.clone()));
            let host = format!("mx.{domain}");
            if names.contains(&host) {
                continue;
            }
            case.zones += &zone(&domain, &format!(r#"(10, "{host}")"#));
            if fails.is_empty() {
                refuses.push(domain);
            } else {
                case.timeline += &format!(r#"(at: "0s", do: Outage(host: "{host}", mode: {fails})), "#);
            }
            names.push(host);
        }
    }
    assert_eq!(case.arrivals.len(), 100);
    case.arrivals.sort_by(|left, right| left.0.total_cmp(&right.0));
    case.hosts = hosts(&names.iter().map(String::as_str).collect::<Vec<_>>(), "");
    case.refuses = refuses.join(r#"", ""#);
    case
}

/// What became of the messages, by mode and by whether they share a destination.
fn ended(case: &Case) -> BTreeMap<String, Vec<Ended>> {
    run(case, |log| {
        let mut found: BTreeMap<String, Vec<Ended>> = BTreeMap::new();
        for (ended, (_, domain)) in log.ended.values().zip(&case.arrivals) {
            assert_eq!(ended.outcome, "expired", "{domain}");
            let kind = domain.trim_end_matches(".example").trim_end_matches(|c: char| c.is_ascii_digit());
            found.entry(kind.to_owned()).or_default().push(ended.clone());
        }
        found
    })
}

fn attempts(of: &[Ended]) -> u32 {
    of.iter().map(|ended| ended.attempts).sum()
}

#[test]
fn a_hundred_messages_in_one_queue_make_as_many_attempts_as_measured() {
    // While a hundred waited a run took 0.8 to 2.2 s, 1.33 s the median (the recorded starts and ends of the queue runs, but at
    // three times when the machine was busy with something else, and runs took up to 7 s).
    for seed in 1..=5 {
        let found = ended(&case("13300us", seed));
        println!("{:?}", found.iter().map(|(kind, of)| (kind, attempts(of))).collect::<Vec<_>>());
        for row in totals() {
            let mode = row["mode"].as_str();
            let (together, alone) = (&found[&format!("{mode}-shared")], &found[&format!("{mode}-own")]);
            let (least, most) = match mode {
                // One probe at a time for all: 21 were measured, and 24 where in the slow time two runs probed in one second,
                // so that the rule began with its first gap again (`retry.c`: the last gap was none).
                "refuse" | "banner421" => (21, 24),
                // Each message's first, 18 probes of the domain, each one's last: 38 measured.
                "servfail" => (36, 40),
                // 200 and 201 measured.
                _ => (196, 205),
            };
            let made = attempts(together);
            assert!((least..=most).contains(&made), "{mode} {seed}: {made} attempts");
            // 198 and 199 measured of ten with a host each; in the slow times their runs came late.
            assert!(attempts(alone).abs_diff(199) <= 7, "{mode} {seed}: {} attempts", attempts(alone));
            let (low, high) = (number(&row, "first_expiry_s"), number(&row, "last_expiry_s"));
            for age in together.iter().map(|ended| ended.ended_s - ended.created_s) {
                assert!(age > low - 4.0 && age < high + 4.0, "{mode} {seed}: expired at {age}");
            }
        }
    }
}
