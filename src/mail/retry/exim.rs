//! Exim 4.9x: `src/retry.c`, function `retry_update`.

use super::{Cause, Failure};
use crate::engine::random::unit_open;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::NameId;
use crate::model::mail::{EximCase, EximErrors, ReplyStage};
use crate::scenario::exim_retry::{EximRule, EximStep};
use crate::scenario::tree::Stage;

/// One record of the hints database, in whole seconds since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// `first_failed`.
    pub first_failed: u64,
    /// `last_try`.
    pub last_try: u64,
    /// `next_try`.
    pub next_try: u64,
    /// Whether the last cutoff has passed.
    pub expired: bool,
}

/// What failed, for a record that is to be written anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retried {
    /// Now.
    pub now: SimTime,
    /// How old the message is, seconds, for a record that is not of a host: that counts then too.
    pub age_s: u64,
    /// Uniform random bits for `H`.
    pub bits: u64,
}

/// The record after another failure. The step is the first whose cutoff the failing time has not passed, else the last,
/// and then the record has expired. `G` multiplies the last gap, `H` draws from the upper half of what `G` would add. A
/// rule without steps never retries.
pub fn update(before: Option<Record>, rule: &EximRule, interval_max: SimDuration, what: &Retried) -> Record {
    let now = what.now.whole_seconds();
    let first_failed = before.map_or(now, |record| record.first_failed);
    let failing = now.saturating_sub(first_failed).max(what.age_s);
    let step = rule.steps.iter().find(|step| failing <= step.cutoff().whole_seconds());
    let expired = step.is_none();
    let Some(step) = step.or(rule.steps.last()) else {
        return Record { first_failed, last_try: now, next_try: now, expired: true };
    };
    let gap = before
        .map_or(0, |record| record.next_try.saturating_sub(record.last_try).min(now.saturating_sub(record.last_try)))
        as f64;
    let wait = match step {
        EximStep::Fixed { interval, .. } => interval.as_secs_f64(),
        EximStep::Geometric { interval, factor, .. } => {
            let first = interval.as_secs_f64();
            if gap < first { first } else { libm::floor(gap * factor) }
        }
        EximStep::Random { interval, factor, .. } => {
            let first = interval.as_secs_f64();
            let spread = (gap * factor - first).max(0.0);
            libm::floor(first + spread / 2.0 + unit_open(what.bits) * spread / 2.0)
        }
    };
    let wait = SimDuration::from_secs_f64(wait).min(interval_max).whole_seconds();
    Record { first_failed, last_try: now, next_try: now.saturating_add(wait), expired }
}

/// When the next attempt is due, for a message whose failures are its own; `None`: given up.
///
/// What is not due by the last cutoff is forced at the first queue run after it, but after a failure of DNS (measured,
/// Exim 4.96).
pub(super) fn due(failure: &Failure, rules: &[EximCase], interval_max: SimDuration) -> Option<SimTime> {
    let rule = rules.iter().find(|case| case.fits(failure.domain, failure.cause)).map(|case| &case.rule)?;
    let last = rule.steps.last()?.cutoff().whole_seconds();
    let before = failure.previous.map(|(failed, due)| Record {
        first_failed: failure.arrived.whole_seconds(),
        last_try: failed.whole_seconds(),
        next_try: due.whole_seconds(),
        expired: false,
    });
    let age_s = failure.failed.whole_seconds().saturating_sub(failure.arrived.whole_seconds());
    let what = Retried { now: failure.failed, age_s, bits: failure.bits };
    let record = update(before, rule, interval_max, &what);
    if record.expired {
        return None;
    }
    let due = SimTime::from_secs(record.next_try);
    let forced = SimTime::from_secs(failure.arrived.whole_seconds().saturating_add(last).saturating_add(1));
    Some(if failure.cause == Cause::Dns { due } else { due.min(forced) })
}

impl EximCase {
    /// Whether the rule is for a failure of that kind of mail to that domain.
    pub fn fits(&self, domain: NameId, cause: Cause) -> bool {
        self.errors.fit(cause) && self.is_for(domain)
    }

    /// Whether the rule is for mail to that domain.
    pub fn is_for(&self, domain: NameId) -> bool {
        self.domains.as_ref().is_none_or(|domains| domains.binary_search(&domain).is_ok())
    }
}

impl EximErrors {
    fn fit(self, cause: Cause) -> bool {
        match (self, cause) {
            (Self::Any, _) => true,
            (Self::Refused, Cause::Refused)
            | (Self::Timeout, Cause::TimedOut(_))
            | (Self::LostConnection, Cause::Lost(_)) => true,
            (Self::TimeoutConnect, Cause::TimedOut(stage)) => stage == Stage::Connect,
            (Self::Reply { stage, low, high }, Cause::Reply(at, code)) => {
                let at_it = match stage {
                    ReplyStage::Mail => at == Stage::Mail,
                    ReplyStage::Rcpt => at == Stage::Rcpt,
                    ReplyStage::Data => matches!(at, Stage::Data | Stage::EndOfData),
                };
                at_it && (low..=high).contains(&code)
            }
            _ => false,
        }
    }
}
