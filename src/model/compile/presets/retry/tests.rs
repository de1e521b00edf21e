//! Every preset's first ten offsets, and whether all is shown.

use super::*;
use crate::mail::retry::MIDDLE;

/// Seconds after arrival of the first ten attempts, each failing at once; jitter in the middle of its range, scans half
/// a period after the arrival. The source of each row stands beside it.
#[test]
fn the_first_ten_offsets_of_every_preset() {
    let rows: [(&str, [u64; 10], &str); 13] = [
        // qmgr_active.c with scan = minimum = 300 s: 300 + phi, 900 + phi, 2100 + phi, 4500 + phi, 8700 + phi, then
        // every 4200 s, phi = 150.
        ("Postfix", [0, 450, 1050, 2250, 4650, 8850, 13_050, 17_250, 21_450, 25_650], "qmgr_active.c; measured"),
        // F,2h,15m at runs of 30 min from 900 s on: each wait ends with a run; past 2 h the gap since the last try, at
        // most what was planned (900 s), is below 1 h, so G begins with 1 h: 8100 + 3600, then times 1.5.
        ("Exim", [0, 900, 2700, 4500, 6300, 8100, 11_700, 17_100, 26_100, 38_700], "retry.c; default rule, -q30m"),
        ("Sendmail", [0, 300, 900, 1500, 2100, 2700, 3300, 3900, 4500, 5100], "op.txt: every queue run, -q10m"),
        ("Qmail", [0, 400, 1600, 3600, 6400, 10_000, 14_400, 19_600, 25_600, 32_400], "qmail-send.c: (20 k)^2"),
        ("OpenSmtpd", [0, 400, 1600, 3600, 6400, 10_000, 14_400, 19_600, 25_600, 32_400], "400 n^2; measured"),
        ("Haraka", [0, 64, 192, 448, 960, 1984, 4032, 8128, 16_320, 32_704], "outbound/config.js: 2^(n + 5) s"),
        ("KumoMta", [0, 1200, 3600, 8400, 18_000, 37_200, 75_600, 152_400, 306_000, 0], "1200 * 2^n, max_age 7 d"),
        (
            "Stalwart",
            [0, 120, 420, 1020, 1920, 3720, 7320, 14_520, 21_720, 28_920],
            "queue.rs: 2m 5m 10m 15m 30m 1h 2h",
        ),
        (
            "ZoneMta",
            [0, 300, 720, 1200, 2700, 7200, 14_400, 28_800, 43_200, 57_600],
            "sender.js: 5 12 20 45 min 2 4 8 h",
        ),
        ("Mox", [0, 450, 1350, 3150, 6750, 13_950, 28_350, 57_150, 0, 0], "queue.go: 7.5 min doubled, 8 attempts"),
        (
            "Maddy",
            [0, 900, 1800, 2700, 3600, 5400, 8100, 10_800, 14_400, 18_900],
            "queue.go: 15 min x 1 1 1 1 2 3 3 4 5",
        ),
        ("Chasquid", [0, 90, 420, 1050, 2280, 3510, 4740, 5970, 7200, 8430], "queue.go: 1 5 10 20 min + U(0, 1 min)"),
        ("Exchange", [0, 60, 120, 180, 240, 540, 840, 1140, 1440, 1740], "4 x 1 min, 6 x 5 min, then 10 min"),
    ];
    let systems = systems();
    assert_eq!(systems.iter().map(|s| s.name).collect::<Vec<_>>(), rows.map(|row| row.0));
    for ((name, expected, source), system) in rows.iter().zip(&systems) {
        let plan = system.policy().plan(MIDDLE, 0.5, 10);
        let found: Vec<u64> = plan.attempts.iter().map(|age| age.whole_seconds()).collect();
        // Zeros after the last attempt: it has been given up.
        let n = expected.iter().skip(1).take_while(|age| **age > 0).count() + 1;
        // A hair beside the middle of a jitter, over ten waits.
        let near = |a: &u64, b: &u64| a.abs_diff(*b) <= 1;
        assert!(
            found.len() == n && found.iter().zip(expected).all(|(a, b)| near(a, b)),
            "{name} ({source}): {found:?}, expected {expected:?}"
        );
    }
}

#[test]
fn every_preset_ends_when_its_system_gives_up() {
    for (name, low_s, high_s) in [
        ("Postfix", 432_000, 432_000 + 4300),
        ("Exim", 345_600, 345_600 + 1801),
        ("Sendmail", 432_000, 432_600),
        ("Qmail", 608_400, 608_400),
        ("OpenSmtpd", 345_600, 345_600),
        ("Haraka", 262_080, 262_080),
        ("KumoMta", 306_000 - 300, 306_000 + 300),
        ("Stalwart", 432_000, 432_000),
        ("ZoneMta", 172_800, 172_800),
        ("Mox", 57_150 - 128 * 5, 57_150 + 128 * 4),
        ("Chasquid", 72_000, 72_000 + 1260),
        ("Exchange", 172_800, 172_800),
    ] {
        let system = systems().into_iter().find(|system| system.name == name).expect("a preset");
        for (bits, phase) in [(0, 0.01), (u64::MAX, 0.99), (MIDDLE, 0.5)] {
            let end = system.policy().plan(bits, phase, usize::MAX).expires.map(|age| age.whole_seconds());
            assert!(end.is_some_and(|end| (low_s..=high_s).contains(&end)), "{name}: {end:?}");
        }
    }
}

#[test]
fn warnings_come_when_each_system_looks() {
    let warned = |name: &str| {
        let system = systems().into_iter().find(|system| system.name == name).expect("a preset");
        let plan = system.policy().plan(MIDDLE, 0.5, usize::MAX);
        plan.warnings.iter().map(|age| age.whole_seconds()).collect::<Vec<_>>()
    };
    assert_eq!(warned("Postfix"), [0; 0]);
    // After the failure at 10000 s the next attempt is at 14400 s, four hours.
    assert_eq!(warned("OpenSmtpd"), [10_000]);
    assert_eq!(warned("Stalwart"), [86_400, 259_200]);
    assert_eq!(warned("Sendmail"), [14_700]);
    // Exim, deliver.c: a single time repeats; each at the first run after it, six hours apart at that age.
    let exim = warned("Exim");
    assert_eq!(exim.len(), 3, "{exim:?}");
    let is_next = |(nth, at): (usize, &u64)| (0..21_600).contains(&(at - 86_400 * (nth as u64 + 1)));
    assert!(exim.iter().enumerate().all(is_next), "{exim:?}");
    // The fifth attempt.
    assert!(warned("Mox").len() == 1 && warned("Mox")[0].abs_diff(6750) <= 16);
}

#[test]
fn every_parameter_is_shown_with_its_source_and_its_own_value() {
    for system in systems() {
        let mut known: Vec<String> = parameters(&system.retry).into_iter().map(|(name, _)| name).collect();
        let mut sourced: Vec<String> = system.sources.iter().map(|(name, _)| (*name).to_owned()).collect();
        known.sort();
        sourced.sort();
        assert_eq!(known, sourced, "{}", system.name);
    }
}

/// RFC 5321 section 4.5.4.1, rule by rule: who departs from it is named, and the real system does too.
#[test]
fn the_rfcs_rules_of_retry_and_who_departs_from_them() {
    let seconds = |ages: &[SimDuration]| ages.iter().map(|age| age.whole_seconds()).collect::<Vec<_>>();
    let those = |departs: &dyn Fn(&[u64], u64) -> bool| -> Vec<&'static str> {
        let plan = |system: &RetryPreset| system.policy().plan(MIDDLE, 0.5, usize::MAX);
        let found = systems().into_iter().filter(|system| {
            let plan = plan(system);
            departs(&seconds(&plan.attempts), plan.expires.map_or(0, |age| age.whole_seconds()))
        });
        found.map(|system| system.name).collect()
    };
    // R1: what cannot be sent at once is queued and retried periodically. Nobody departs.
    assert_eq!(those(&|attempts, _| attempts.len() < 2), [""; 0]);
    // R2: the client delays before it retries. Nobody departs.
    assert_eq!(those(&|attempts, _| attempts.windows(2).any(|pair| pair[1] - pair[0] < 30)), [""; 0]);
    // R3: at least 30 minutes in general (SHOULD). No system keeps it from the first interval on; qmail, OpenSMTPD,
    // Haraka, KumoMTA, Stalwart, ZoneMTA, mox, maddy and Exim come to it as a message ages, Postfix to its 4000 s.
    let at_first = |attempts: &[u64], _| attempts[1] - attempts[0] < 1800;
    assert_eq!(those(&at_first).len(), 13);
    let at_last = |attempts: &[u64], _| attempts[attempts.len() - 1] - attempts[attempts.len() - 2] < 1800;
    assert_eq!(those(&at_last), ["Sendmail", "Chasquid", "Exchange"]);
    // R4: given up after four to five days at least. Haraka gives up after 3.0 days, ZoneMTA and Exchange after 2,
    // mox after 16 hours, chasquid after 20; maddy after 2.75;
    // KumoMTA's attempts end at 3.5, since the next would come past its 7.
    let early = |_: &[u64], end: u64| end < 4 * 86_400;
    assert_eq!(those(&early), ["Haraka", "KumoMta", "ZoneMta", "Mox", "Maddy", "Chasquid", "Exchange"]);
    // R5: two attempts in the first hour. Nobody makes fewer.
    assert_eq!(those(&|attempts, _| attempts.iter().filter(|age| **age <= 3600).count() < 2), [""; 0]);
}
