//! Each policy's schedule against its source, attempts taken as instantaneous.

use super::*;
use crate::model::compile::retry::preset_policy;
use crate::model::mail::{Expiry, ScheduleModel};
use crate::scenario::exim_retry::{EximRule, EximStep};
use crate::scenario::tree::{EximRetry, Jitter, PostfixRetry, QmailRetry, Retry, SendmailRetry};
use crate::scenario::units::Duration;

/// The ages in seconds of a message's attempts, at most `most`, when each fails at once with `bits` for its draws.
fn ages_with(policy: &RetryPolicy, phase_s: u64, most: usize, bits: u64) -> Vec<u64> {
    let arrived = SimTime::from_secs(1_000_000);
    let phase = SimDuration::from_secs(1_000_000 + phase_s);
    let (mut now, mut previous, mut ages) = (arrived, None, vec![0]);
    while ages.len() < most {
        let failure = failure(arrived, now, ages.len() as u32, previous, bits);
        let Next::Due(due) = policy.next(&failure) else { break };
        let due = due.max(now + SimDuration::TICK);
        previous = Some((now, due));
        now = policy.clockwork().map_or(due, |clock| next_scan(due, phase, clock.period).1);
        ages.push(now.since(arrived).whole_seconds());
    }
    ages
}

fn failure(arrived: SimTime, now: SimTime, failures: u32, previous: Option<(SimTime, SimTime)>, bits: u64) -> Failure {
    let (cause, domain) = (Cause::Refused, NameId(0));
    let (started, failed, host, is_bounce) = (now, now, None, false);
    Failure { arrived, started, failed, failures, previous, cause, domain, host, is_bounce, bits }
}

fn ages(policy: &RetryPolicy, phase_s: u64, most: usize) -> Vec<u64> {
    ages_with(policy, phase_s, most, u64::MAX / 2)
}

fn seconds(s: u64) -> SimDuration {
    SimDuration::from_secs(s)
}

fn span(s: u64) -> Duration {
    Duration(seconds(s))
}

fn exim(rule: &str, queue_run: u64) -> RetryPolicy {
    preset_policy(&Retry::Exim(EximRetry { rule: rule.into(), queue_run: span(queue_run), ..EximRetry::default() }))
}

#[test]
fn postfix_doubles_the_age_on_the_grid_of_scans() {
    // Postfix's defaults with a scan phase of 150 s: the compounding lags of qmgr_active.c, 300 + phi, 900 + phi,
    // 2100 + phi, 4500 + phi, 8700 + phi, then + 4200 (exact theory of retries with a 300 s scan, offsets at phi 150).
    let policy = preset_policy(&Retry::default());
    assert_eq!(ages(&policy, 150, 8), [0, 450, 1050, 2250, 4650, 8850, 13_050, 17_250]);
}

#[test]
fn postfix_gives_up_at_the_first_attempt_after_its_lifetime() {
    // Measured, Postfix 3.7.11 with queue_run_delay 3 s, backoff 6..48 s, lifetime 300 s: expiry at 334-337 s, ages about
    // 0, 4.5-8, 11-14, 23-26, 47-50, 95, 143, 191, 239, 287, 335.
    let policy = preset_policy(&Retry::Postfix(PostfixRetry {
        minimal_backoff_time: span(6),
        maximal_backoff_time: span(48),
        queue_run_delay: span(3),
        maximal_queue_lifetime: span(300),
        ..PostfixRetry::default()
    }));
    for phase in 0..3 {
        let ages = ages(&policy, phase, 100);
        let expected =
            [0..=0, 5..=8, 11..=14, 23..=26, 47..=50, 94..=97, 142..=145, 189..=193, 237..=241, 285..=289, 333..=337];
        assert_eq!(ages.len(), expected.len(), "{ages:?}");
        assert!(ages.iter().zip(&expected).all(|(age, range)| range.contains(age)), "{ages:?}");
    }
}

#[test]
fn exims_gaps_begin_again_after_two_failures_in_one_second() {
    // retry.c, retry_update: the last gap is the lesser of what was foreseen and what has passed. Measured (Exim 4.96, 421):
    // two overlapping queue runs probed a host at 121.161 s and at 121.166 s, and the next gaps were 10, 15 and 22 s.
    let policy = exim("* * F,60s,5s; G,240s,10s,1.5; F,330s,40s", 2);
    let now = SimTime::from_secs(1086);
    let wait = |last_try: u64, next_try: u64| {
        let previous = Some((SimTime::from_secs(last_try), SimTime::from_secs(next_try)));
        match policy.next(&failure(SimTime::from_secs(1000), now, 15, previous, 0)) {
            Next::Due(due) => due.since(now).whole_seconds(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((wait(1071, 1086), wait(1086, 1108)), (22, 10));
}

#[test]
fn a_message_past_exims_last_cutoff_leaves_the_next_to_try_at_once() {
    // retry.c, retry_update: where a host has failed for less than the last cutoff, but the message that fails is older than
    // that, it times out, and next_try is "now, so that one delivery attempt happens for subsequent messages". A host's record
    // does not count the message's age as time of failure; others do.
    let rule = EximRule { steps: vec![EximStep::Fixed { cutoff: seconds(3600), interval: seconds(600) }] };
    let before = |first_failed| {
        Some(Record { first_failed, last_try: 4400, next_try: 5000, cause: Cause::Refused, expired: false })
    };
    let update_of = |first_failed, received_s, of_host| {
        let (now, cause) = (SimTime::from_secs(5000), Cause::Refused);
        let what = Retried { now, received_s, age_s: 5000 - received_s, of_host, cause, bits: 0 };
        let (record, has_timed_out) = update(before(first_failed), &rule, SimDuration::MAX, &what);
        (record.next_try, record.expired, has_timed_out)
    };
    // The message has been there since before the host failed, for 4000 s; for 3000 s; the host failed before it came.
    assert_eq!(update_of(3000, 1000, true), (5000, false, true));
    assert_eq!(update_of(3000, 2000, true), (5600, false, false));
    assert_eq!(update_of(2000, 3000, true), (5600, false, false));
    assert_eq!(update_of(1000, 3000, true), (5600, true, true));
    assert_eq!(update_of(3000, 1000, false), (5600, true, true));
}

#[test]
fn exim_follows_its_rule_and_forces_a_last_attempt() {
    // Exim's default rule with a queue run each second: F,2h,15m gives 900 s steps up to 2 h; then G starts from the last
    // gap: max(1 h, 1.5 * gap); the last attempt is forced after 4 d.
    let ages = ages(&exim("* * F,2h,15m; G,16h,1h,1.5; F,4d,6h", 1), 0, 1000);
    assert_eq!(ages[..9], [0, 900, 1800, 2700, 3600, 4500, 5400, 6300, 7200]);
    assert_eq!(ages[9..14], [8100, 11_700, 17_100, 25_200, 37_350]);
    assert_eq!(ages.last(), Some(&345_601));
}

#[test]
fn qmail_tries_at_squares_of_twenty_and_once_after_a_week() {
    // qmail-send.c: 400 k^2 s; queuelifetime 604800 s; the last attempt at 400 * 39^2 = 608400 s.
    let ages = ages(&preset_policy(&Retry::Qmail(QmailRetry::default())), 0, 1000);
    let expected: Vec<u64> = (0..40).map(|k| 400 * k * k).collect();
    assert_eq!(ages, expected);
}

#[test]
fn sendmail_waits_for_a_run_and_as_long_as_its_options_say() {
    // op.txt: every queue run; MinQueueAge skips what was tried less than that ago; with MaxQueueAge a job waits as long as it
    // was old, at most that: its age doubles. Runs each 10 min, the first 300 s after the arrival.
    let policy = |min: u64, max: u64| {
        preset_policy(&Retry::Sendmail(SendmailRetry {
            queue_run: span(600),
            MinQueueAge: span(min),
            MaxQueueAge: span(max),
            ..SendmailRetry::default()
        }))
    };
    assert_eq!(ages(&policy(0, 0), 300, 5), [0, 300, 900, 1500, 2100]);
    assert_eq!(ages(&policy(1500, 0), 300, 4), [0, 1500, 3300, 5100]);
    assert_eq!(ages(&policy(0, 3600), 300, 7), [0, 300, 900, 2100, 4500, 8100, 11_700]);
}

fn custom(schedule: ScheduleModel, cap: u64, jitter: Jitter, lifetime: u64) -> RetryPolicy {
    RetryPolicy {
        schedule: RetrySchedule::Custom { schedule, cap: seconds(cap), jitter },
        expiry: Expiry::AfterAttemptBegun { lifetime: seconds(lifetime), whole: false },
        ..preset_policy(&Retry::Qmail(QmailRetry::default()))
    }
}

#[test]
fn custom_schedules_are_what_they_say() {
    let off = Jitter::Off;
    let exponential = ScheduleModel::Exponential { base: seconds(300), factor: 2.0 };
    assert_eq!(ages(&custom(exponential, 4000, off, 432_000), 0, 6), [0, 300, 900, 2100, 4500, 8500]);
    let linear = ScheduleModel::Linear { first: seconds(60), step: seconds(30) };
    assert_eq!(ages(&custom(linear, 1000, off, 432_000), 0, 5), [0, 60, 150, 270, 420]);
    let constant = ScheduleModel::Constant(seconds(1800));
    assert_eq!(ages(&custom(constant, 9999, off, 7200), 0, 100), [0, 1800, 3600, 5400, 7200]);
    let table = ScheduleModel::Table(vec![seconds(10), seconds(70)]);
    assert_eq!(ages(&custom(table, 9999, off, 432_000), 0, 100), [0, 10, 70]);
    let age = ScheduleModel::Age { min: seconds(300), max: seconds(4000) };
    assert_eq!(ages(&custom(age, 9999, off, 432_000), 0, 8), [0, 300, 600, 1200, 2400, 4800, 8800, 12_800]);
}

#[test]
fn jitter_spreads_a_wait_as_its_name_says() {
    let wait = ScheduleModel::Constant(seconds(100));
    let due = |jitter, bits| {
        let failure = failure(SimTime::ZERO, SimTime::ZERO, 1, None, bits);
        match custom(wait.clone(), 1000, jitter, 1000).next(&failure) {
            Next::Due(due) => due.as_secs_f64(),
            Next::GiveUp | Next::ExpiresAt(_) => f64::NAN,
        }
    };
    for (jitter, low, high) in
        [(Jitter::Full, 0.0, 100.0), (Jitter::Equal, 50.0, 100.0), (Jitter::Share(0.1), 90.0, 110.0)]
    {
        assert!((due(jitter, 0) - low).abs() < 1e-6 && (due(jitter, u64::MAX) - high).abs() < 1e-6, "{jitter:?}");
    }
}
