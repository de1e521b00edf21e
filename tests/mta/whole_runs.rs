//! Measured runs of retry schedules whole: all their messages in one queue, for each way of failing ten with a destination each
//! and ten that share one. So a scan or a queue run comes to the messages of one host at any time in it, and what the machine
//! needs for a message is its own, read off the recording.

use std::collections::BTreeMap;

use crate::harness::{Case, Ended, Log, exim, hosts, number, policy, rows, run, zone};

/// How the destinations fail, with what their hosts do; the last have a name server that does.
const MODES: [(&str, &str); 6] = [
    ("refuse", "Refuse"),
    ("blackhole", "BlackHole"),
    ("banner421", "Reply(stage: Greeting, code: 421)"),
    ("mail451", "Reply(stage: Mail, code: 451)"),
    ("rcpt451", "Reply(stage: Rcpt, code: 451)"),
    ("servfail", ""),
];

pub type Row = BTreeMap<String, String>;

/// A measured run: of Exim's queue runs a black hole stalls, so that it has a run of its own.
pub struct Whole {
    system: &'static str,
    set: &'static str,
    pub alone: Vec<Row>,
    pub together: Vec<Row>,
    totals: Vec<Row>,
}

impl Whole {
    pub fn of(system: &'static str, set: &'static str, alone: &str, is_in: impl Fn(&str) -> bool) -> Self {
        let of_run = |text: &str| -> Vec<Row> {
            let is_of_run =
                |row: &Row| row.get("mta").is_none_or(|mta| mta == system) && row["set"] == set && is_in(&row["mode"]);
            rows(text).into_iter().filter(is_of_run).collect()
        };
        Self {
            system,
            set,
            alone: of_run(alone),
            together: of_run(include_str!("../fixtures/mta/retry_shared_ages.csv")),
            totals: of_run(include_str!("../fixtures/mta/retry_shared.csv")),
        }
    }

    fn postfix() -> Self {
        Self::of("postfix", "open", include_str!("../fixtures/mta/retry_own_postfix.csv"), |_| true)
    }

    fn exim(set: &'static str, is_in: impl Fn(&str) -> bool) -> Self {
        Self::of("exim", set, include_str!("../fixtures/mta/retry_own_exim.csv"), is_in)
    }

    /// The simulation of the run, where the system spends `visit` of a processor on a message.
    fn case(&self, visit: &str, resolver_rtt: &'static str, seed: u64) -> Case {
        let start = self.start_s();
        let period = if self.system == "postfix" { 3.0 } else { 2.0 };
        let phase = format!(r#"scan_phase: "{:.3}s""#, (start + number(&self.totals[0], "scan_s")) % period);
        let retry = match self.set {
            "H" => exim(&phase).replace("* * F,60s,5s; G,240s,10s,1.5; F,330s,40s", "* * H,260s,10s,1.5"),
            _ if self.system == "postfix" => policy(self.system, &format!(r#"{phase}, delay_warning_time: "60s""#)),
            _ => policy(self.system, &phase),
        };
        self.case_with(retry, visit, resolver_rtt, seed)
    }

    /// When its first message arrived: clocks of whole seconds agree in their fraction.
    pub fn start_s(&self) -> f64 {
        100.0 + number(&self.totals[0], "epoch_s")
    }

    /// The simulation of the run with a policy.
    pub fn case_with(&self, retry: String, visit: &str, resolver_rtt: &'static str, seed: u64) -> Case {
        let start = self.start_s();
        let mut case =
            Case { retry, client: format!(r#"(processor_time: "{visit}")"#), resolver_rtt, seed, ..Case::default() };
        let (mut names, mut refuses) = (Vec::new(), Vec::new());
        for (mode, fails) in MODES {
            let alone = self.alone.iter().filter(|row| row["mode"] == mode).enumerate();
            // Counted from a whole second, five seconds before.
            let alone = alone.map(|(nth, row)| (95.0, format!("{mode}-own{nth}.example"), row));
            let together = self.together.iter().filter(|row| row["mode"] == mode);
            let together = together.map(|row| (start, format!("{mode}-shared.example"), row));
            for (begin, domain, row) in alone.chain(together) {
                case.arrivals.push((begin + number(row, "arrived_s"), domain.clone()));
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
        case.arrivals.sort_by(|left, right| left.0.total_cmp(&right.0));
        case.hosts = hosts(&names.iter().map(String::as_str).collect::<Vec<_>>(), "");
        if !refuses.is_empty() {
            case.refuses = refuses.join(r#"", ""#);
        }
        case
    }
}

/// What became of the messages, by mode and by whether they share a destination, in order of arrival.
pub fn by_kind(case: &Case, log: &Log<'_>) -> BTreeMap<String, Vec<(u64, Ended)>> {
    let mut found: BTreeMap<String, Vec<(u64, Ended)>> = BTreeMap::new();
    for ((&number, ended), (_, domain)) in log.ended.iter().zip(&case.arrivals) {
        assert_eq!(ended.outcome, "expired", "{domain}");
        let kind = domain.trim_end_matches(".example").trim_end_matches(|c: char| c.is_ascii_digit());
        found.entry(kind.to_owned()).or_default().push((number, ended.clone()));
    }
    found
}

fn attempts(of: &[(u64, Ended)]) -> u32 {
    of.iter().map(|(_, ended)| ended.attempts).sum()
}

/// Attempts by mode and sharing in several replications of one of Exim's runs, whose messages expire as measured.
fn of_exim(whole: &Whole, visit: &str, seeds: u64) -> BTreeMap<String, Vec<u32>> {
    let mut made: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for seed in 1..=seeds {
        let case = whole.case(visit, "6ms", seed);
        for (kind, of) in run(&case, |log| by_kind(&case, log)) {
            let (mode, sharing) = kind.split_once('-').expect("a mode and a sharing");
            let row = whole.totals.iter().find(|row| row["mode"] == mode).filter(|_| sharing == "shared");
            for (row, age) in of.iter().filter_map(|(_, ended)| Some((row?, ended.ended_s - ended.created_s))) {
                let (low, high) = (number(row, "first_expiry_s"), number(row, "last_expiry_s"));
                // Within a queue run; of a second more where runs come late.
                assert!(age > low - 4.0 && age < high + 4.0, "{kind} {seed}: expired at {age}");
            }
            made.entry(kind).or_default().push(attempts(&of));
        }
    }
    for (kind, made) in &made {
        println!("{kind}: {made:?}, mean {:.1}", mean(made));
    }
    made
}

fn mean(of: &[u32]) -> f64 {
    f64::from(of.iter().sum::<u32>()) / of.len() as f64
}

#[test]
fn exim_makes_as_many_attempts_with_a_hundred_messages_in_one_queue_as_measured() {
    // While a hundred waited a run took 0.8 to 2.2 s, 1.33 s the median (the recorded starts and ends of the queue runs, but at
    // three times when the machine was busy with something else, and runs took up to 7 s).
    for (kind, made) in of_exim(&Whole::exim("open", |mode| mode != "blackhole"), "13300us", 5) {
        let (least, most) = match kind.as_str() {
            // One probe at a time for all: 21 were measured, and 24 where in the slow time two runs probed in one second,
            // so that the rule began with its first gap again (`retry.c`: the last gap was none).
            "refuse-shared" | "banner421-shared" => (21, 24),
            // Each message's first, 18 probes of the domain, each one's last: 38 measured.
            "servfail-shared" => (36, 40),
            // 198 to 201 measured; in the slow times their runs came late.
            _ => (196, 205),
        };
        assert!(made.iter().all(|n| (least..=most).contains(n)), "{kind}: {made:?}");
        assert!(kind.ends_with("shared") || (mean(&made) - 199.0).abs() <= 3.0, "{kind}: {made:?}");
    }
}

#[test]
fn exim_makes_as_many_attempts_at_black_holes_as_measured() {
    // A run of its own, with ten messages to a black hole each and ten to one: each try holds a runner up for two seconds, and
    // all five are held up again and again by those that share nothing. A run that tried none took 0.42 s for twenty messages.
    for (kind, made) in of_exim(&Whole::exim("open", |mode| mode == "blackhole"), "21ms", 20) {
        let (least, most, real) = if kind == "blackhole-shared" { (41, 61, 51.0) } else { (146, 160, 156.0) };
        assert!(made.iter().all(|n| (least..=most).contains(n)), "{kind}: {made:?}");
        assert!((mean(&made) - real).abs() <= 5.0, "{kind}: {made:?}, measured {real}");
    }
}

#[test]
fn exim_makes_as_many_attempts_with_random_intervals_as_measured() {
    // `* * H,260s,10s,1.5`, in a run of its own: of the runs with twenty messages the median took 0.45 s.
    for (kind, made) in of_exim(&Whole::exim("H", |_| true), "22ms", 20) {
        let (least, most, real) = if kind == "refuse-shared" { (9, 14, 11.0) } else { (98, 118, 108.0) };
        assert!(made.iter().all(|n| (least..=most).contains(n)), "{kind}: {made:?}");
        assert!((mean(&made) - real).abs() <= 0.04 * real + 1.0, "{kind}: {made:?}, measured {real}");
    }
}

/// Ages at which a message came up, whether it was tried or put off.
pub fn came_up(row: &Row) -> Vec<f64> {
    let columns = ["attempts_s", "suspended_s"].iter().filter_map(|column| row.get(*column));
    let mut ages: Vec<f64> =
        columns.flat_map(|ages| ages.split_whitespace()).map(|age| age.parse().expect("an age")).collect();
    ages.sort_by(f64::total_cmp);
    ages
}

#[test]
fn postfix_makes_as_many_attempts_with_all_its_messages_in_one_queue_as_measured() {
    // Whether two of ten are tried 6 s after a scan, or put off, hangs on whether their destination died in the whole second of
    // that scan or in the next (`events.c: event_request_timer` counts whole seconds). Each scan falls later in its second than
    // the one before, by what the queue manager had to do in between. In the measured run that of 49 s came to .952, and two of
    // three destinations died after 50.000: 62 to 65 attempts, where 66 to 68 would have been made without. A pulse of forty took
    // 42 to 123 ms, 80 in the mean, from its first failure to its last; with the times below 88, and the scan of 49 s comes to
    // .92, give or take .02. So here, too, most destinations die once in the second after that of their scan; not all.
    let whole = Whole::postfix();
    let mut made: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for seed in 1..=60 {
        let case = whole.case("2100us", "lognormal(median 5ms, sigma 0.5)", seed);
        let (mut near, mut all) = (0, 0);
        run(&case, |log| {
            for (kind, of) in by_kind(&case, log) {
                let (mode, sharing) = kind.split_once('-').expect("a mode and a sharing");
                made.entry(kind.clone()).or_default().push(attempts(&of));
                let rows = if sharing == "own" { &whole.alone } else { &whole.together };
                for ((nth, ended), row) in of.iter().zip(rows.iter().filter(|row| row["mode"] == mode)) {
                    let (age, real) = (ended.ended_s - ended.created_s, number(row, "expired_s"));
                    assert!(
                        mode == "blackhole" || (age - real).abs() <= 3.0,
                        "{kind} {seed}: expired at {age}, measured {real}"
                    );
                    let ours = &log.put_off[nth];
                    let real = came_up(row);
                    if mode != "blackhole" {
                        let (warned, told) = (log.warned[nth], number(row, "warned_s"));
                        assert!((warned - told).abs() <= 3.0, "{kind} {seed}: warned at {warned}, measured {told}");
                        assert_eq!(ours.len(), real.len(), "{kind} {seed}: {ours:?}, measured {real:?}");
                        near += ours.iter().zip(&real).filter(|(ours, real)| (**ours - **real).abs() <= 3.0).count();
                        all += ours.len();
                    }
                }
            }
        });
        assert!(near * 100 >= all * 98, "{seed}: {near} of {all} within a scan period");
    }
    for (kind, made) in made {
        let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
        made.iter().for_each(|&n| *counts.entry(n).or_default() += 1);
        let within = |low: u32, high: u32| counts.range(low..=high).map(|(_, count)| count).sum::<usize>();
        let mean = mean(&made);
        println!("{kind}: {counts:?}, mean {mean:.1}");
        let (mode, sharing) = kind.split_once('-').expect("a mode and a sharing");
        match (mode, sharing) {
            ("blackhole", "own") => assert_eq!(within(97, 100), made.len(), "99 were measured"),
            ("blackhole", _) => assert_eq!(within(76, 80), made.len(), "78 were measured"),
            (_, "own") | ("mail451" | "rcpt451", _) => assert_eq!(within(110, 110), made.len(), "{kind}"),
            _ => {
                // 64, 65 and 62 were measured.
                assert!(within(62, 65) * 4 >= made.len() * 3, "{kind}: {counts:?}");
                assert_eq!(within(60, 67), made.len(), "{kind}: {counts:?}");
                let real = whole.totals.iter().find(|row| row["mode"] == mode).expect("a row");
                assert!((mean - number(real, "attempts")).abs() <= 2.0, "{kind}: {mean}");
            }
        }
    }
}
