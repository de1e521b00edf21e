//! Ages of sendmail's and OpenSMTPD's recorded messages one by one: tries, warnings and ends.

use crate::harness::{Log, number, run, sendmail};
use crate::retry_own::{Measured, OPENSMTPD, expired, measured, simulated};
use crate::stories::rows;
use crate::whole_runs::{Whole, came_up};

/// Of a second of the recording's clock, a hundredth went by.
const SPEED: f64 = 100.0;

/// OpenSMTPD's messages of one mode, with a destination each or one for all, which arrived 73 s or more apart.
fn of_opensmtpd(mode: &str, is_shared: bool) -> Vec<Measured> {
    if !is_shared {
        return measured(OPENSMTPD, "x100", mode);
    }
    let all = rows(include_str!("../fixtures/mta/retry_shared_ages.csv"));
    let numbers = |text: &str| text.split_whitespace().map(|age| age.parse().expect("an age")).collect::<Vec<f64>>();
    all.into_iter()
        .filter(|row| row[0] == "opensmtpd" && row[2] == mode)
        .map(|row| {
            // Its log does not tell a failed connection from none.
            let mut ages = numbers(&row[4]);
            ages.extend(numbers(&row[5]));
            ages.sort_by(f64::total_cmp);
            Measured { arrived: numbers(&row[3])[0], ages, warned: None, expired: numbers(&row[7])[0] }
        })
        .collect()
}

#[test]
fn opensmtpd_tries_and_gives_up_to_the_second() {
    // Later tries: how far each age is from the simulated one, in seconds of the recording's clock.
    let (mut offs, mut first_offs, mut looks) = (Vec::new(), Vec::new(), [0, 0]);
    for (mode, is_shared) in [
        ("refuse", false),
        ("refuse", true),
        ("banner421", false),
        ("banner421", true),
        ("rcpt451", false),
        ("rcpt451", true),
    ] {
        let measured = of_opensmtpd(mode, is_shared);
        // A message expires by a timer from its creation in whole seconds; what is logged as its arrival came up to 0.06 s of
        // the wall clock later. Ten seconds on, since the first came before the second at which it was logged.
        let created: Vec<Measured> = measured
            .iter()
            .map(|message| {
                let logged = 21_600.0 - message.expired;
                assert!((0.0..=0.06 * SPEED).contains(&logged), "{mode}: given up at {}", message.expired);
                Measured { arrived: (10.0 + message.arrived - logged).round(), ..message.clone() }
            })
            .collect();
        let retry = r#"OpenSmtpd(ttl: "6h")"#;
        // A refusal that took less than 10 ms of the wall clock came before the relay looked for a source a second time, and
        // one that took longer before it did so ten seconds later. A session whose message is refused has taken the task.
        let mut ours = vec![simulated(&created, mode, retry, 0, "0s", is_shared)];
        if mode != "rcpt451" {
            ours.push(simulated(&created, mode, retry, 0, "1200ms", is_shared));
        }
        for (nth, message) in measured.iter().enumerate() {
            let logged = 21_600.0 - message.expired;
            let ages: Vec<Vec<f64>> = ours.iter().map(|stories| stories[nth].ages()).collect();
            for ages in &ages {
                assert_eq!(ages.len(), message.ages.len(), "{mode}: {ages:?}, measured {:?}", message.ages);
            }
            assert!(ours.iter().all(|stories| (expired(&stories[nth]) - 21_600.0).abs() < 1e-6), "{mode}");
            for (attempt, real) in message.ages.iter().enumerate() {
                let off = |ages: &Vec<f64>| real + logged - ages[attempt];
                let (look, off) = (0..ages.len())
                    .map(|look| (look, off(&ages[look])))
                    .min_by(|one, other| one.1.abs().total_cmp(&other.1.abs()))
                    .expect("a simulated age");
                looks[look] += usize::from(mode != "rcpt451");
                if attempt == 0 { first_offs.push(off) } else { offs.push(off) }
            }
        }
    }
    let within = |offs: &[f64], wall_s: f64| offs.iter().filter(|off| off.abs() <= wall_s * SPEED).count();
    println!(
        "{} later tries, {} within 0.04 s; {} first; looks {looks:?}",
        offs.len(),
        within(&offs, 0.04),
        first_offs.len()
    );
    // To the second of the recording and far below: every one within 0.1 s of its wall clock, and 98 % of the later ones, which
    // nothing but the timer starts, within 0.04 s. What is left is the time of its machine for connection and log.
    assert!(offs.len() == 420 && first_offs.len() == 60);
    assert_eq!(within(&offs, 0.1) + within(&first_offs, 0.1), 480);
    assert!(within(&offs, 0.04) * 100 >= offs.len() * 98, "{} of {}", within(&offs, 0.04), offs.len());
    // None is early.
    assert!(offs.iter().chain(&first_offs).all(|off| *off >= -1.1), "{offs:?}");
}

#[test]
fn sendmail_tries_warns_and_gives_up_within_one_queue_run_of_the_recorded_ages() {
    let own = include_str!("../fixtures/mta/retry_own_sendmail.csv");
    let whole = Whole::of("sendmail", "open", own, |_| true);
    // The recorded runs; of the first nine, whose runners waited for each other, only when they would have come: every 3 s.
    let starts = crate::harness::rows(include_str!("../fixtures/mta/sendmail_queue_runs.csv"));
    let starts = (0..9).map(|n| 1.2 + 3.0 * f64::from(n)).chain(starts.iter().map(|row| number(row, "start_s")));
    let retry = sendmail(r#"queuewarn: "60s""#).replace(r#"queue_run: "3s""#, r#"queue_run: "30d", scan_phase: "29d""#);
    // A run over eighty messages that it tried took 0.9 to 2.0 s, 1.3 s the median.
    let mut case = whole.case_with(retry, "16ms", "0s", 1);
    for start in starts {
        case.timeline += &format!(r#"(at: "{:.3}s", do: RunQueue(sender: "s")), "#, whole.start_s() + start);
    }
    let (mut all, mut near, mut exact, mut messages, mut notices) = (0, 0, 0, 0, Vec::new());
    run(&case, |log: &Log<'_>| {
        for (kind, of) in crate::whole_runs::by_kind(&case, log) {
            let (mode, sharing) = kind.split_once('-').expect("a mode and a sharing");
            let rows = if sharing == "own" { &whole.alone } else { &whole.together };
            for ((nth, ended), row) in of.iter().zip(rows.iter().filter(|row| row["mode"] == mode)) {
                let off = ended.ended_s - ended.created_s - number(row, "expired_s");
                let warned = log.warned.get(nth).map_or(f64::INFINITY, |age| age - number(row, "warned_s"));
                notices.extend([off.abs(), warned.abs()]);
                // It logs no try whose look-up failed.
                if mode == "servfail" {
                    continue;
                }
                let (ours, real) = (&log.put_off[nth], came_up(row));
                messages += 1;
                exact += usize::from(ours.len() == real.len());
                assert!(ours.len().abs_diff(real.len()) <= 3, "{kind}: {} tries, measured {}", ours.len(), real.len());
                // One try a queue run from the tenth on: the n-th of theirs is that of the n-th of ours.
                let late = |age: &&f64| ended.created_s + **age >= whole.start_s() + 28.3;
                for (ours, real) in ours.iter().filter(late).zip(real.iter().filter(late)) {
                    all += 1;
                    near += usize::from((ours - real).abs() <= 3.0);
                }
            }
        }
    });
    let early = notices.iter().filter(|off| **off <= 3.0).count();
    println!("{near} of {all} ages; {exact} of {messages} with as many tries; {early} of {} notices", notices.len());
    // A notice moves to the next run where a message is 60 or 300 s old while a run comes to it, as it is by a different time in
    // ours: then it is a run away, and up to three quarters of a second of the order in which that visits its messages.
    assert_eq!(notices.len(), 200);
    assert!(early * 100 >= notices.len() * 90, "{early} of {} notices within one queue run", notices.len());
    assert!(notices.iter().all(|off| *off <= 3.8), "{notices:?}");
    assert!(all > 7000 && near == all, "{near} of {all} within one queue run");
    assert!(exact * 100 >= messages * 65, "{exact} of {messages} messages with as many tries as recorded");
}
