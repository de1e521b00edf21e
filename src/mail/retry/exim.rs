//! Exim 4.9x: `src/retry.c`, functions `retry_update` and `retry_find_config`.

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
    /// `basic_errno`, `more_errno`: what failed last.
    pub cause: Cause,
    /// Whether the last cutoff has passed.
    pub expired: bool,
}

impl Record {
    /// Whether it is looked at: not longer after it was written than `retry_data_expire`, seconds.
    pub fn is_fresh(&self, second: u64, forget_s: u64) -> bool {
        second.saturating_sub(self.last_try) <= forget_s
    }
}

/// What failed, for a record that is to be written anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retried {
    /// Now.
    pub now: SimTime,
    /// When the message came, seconds since the start.
    pub received_s: u64,
    /// How old the message is, seconds.
    pub age_s: u64,
    /// Whether the record is of a host: then the message's age does not count as time of failure.
    pub of_host: bool,
    /// What failed.
    pub cause: Cause,
    /// Uniform random bits for `H`.
    pub bits: u64,
}

/// The record after another failure, and whether the message has timed out as far as this record goes. The step is the first
/// whose cutoff the failing time has not passed, else the last, and then the record has expired. `G` multiplies the last gap,
/// `H` draws from the upper half of what `G` would add. A rule without steps never retries; a message that is itself past the
/// last cutoff times out, and the next may try at once.
pub fn update(before: Option<Record>, rule: &EximRule, interval_max: SimDuration, what: &Retried) -> (Record, bool) {
    let now = what.now.whole_seconds();
    let first_failed = before.map_or(now, |record| record.first_failed);
    let failing = now.saturating_sub(first_failed).max(if what.of_host { 0 } else { what.age_s });
    let step = rule.steps.iter().find(|step| failing <= step.cutoff().whole_seconds());
    let expired = step.is_none();
    let is_too_old =
        !expired && what.received_s <= first_failed && rule.last_cutoff_s().is_some_and(|cutoff| what.age_s > cutoff);
    let written = |next_try| {
        let record = Record { first_failed, last_try: now, next_try, cause: what.cause, expired };
        (record, expired || is_too_old)
    };
    let Some(step) = step.or(rule.steps.last()).filter(|_| !is_too_old) else { return written(now) };
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
    written(now.saturating_add(wait))
}

/// What the patterns of the rules are held against: the host's name, where a record is of a host, and the domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keys {
    /// The name of the host.
    pub host: Option<NameId>,
    /// The domain that the mail is for.
    pub domain: NameId,
}

/// The first rule for a failure of that kind (`retry_find_config`).
pub fn find_rule(rules: &[EximCase], keys: Keys, cause: Cause) -> Option<&EximRule> {
    rules.iter().find(|case| case.errors.fit(cause) && case.is_for(keys)).map(|case| &case.rule)
}

/// When the next attempt is due, for a message whose failures are its own; `None`: given up.
///
/// What is not due by the last cutoff is forced at the first queue run after it, but after a failure of DNS (measured,
/// Exim 4.96).
pub(super) fn due(failure: &Failure, rules: &[EximCase], interval_max: SimDuration) -> Option<SimTime> {
    let keys = Keys { host: failure.host, domain: failure.domain };
    let rule = find_rule(rules, keys, failure.cause)?;
    let last = rule.last_cutoff_s()?;
    let before = failure.previous.map(|(failed, due)| Record {
        first_failed: failure.arrived.whole_seconds(),
        last_try: failed.whole_seconds(),
        next_try: due.whole_seconds(),
        cause: failure.cause,
        expired: false,
    });
    let received_s = failure.arrived.whole_seconds();
    let age_s = failure.failed.whole_seconds().saturating_sub(received_s);
    let Failure { failed: now, cause, bits, .. } = *failure;
    let what = Retried { now, received_s, age_s, of_host: false, cause, bits };
    let (record, has_timed_out) = update(before, rule, interval_max, &what);
    if has_timed_out {
        return None;
    }
    let due = SimTime::from_secs(record.next_try);
    let forced = SimTime::from_secs(failure.arrived.whole_seconds().saturating_add(last).saturating_add(1));
    Some(if failure.cause == Cause::Dns { due } else { due.min(forced) })
}

impl EximCase {
    /// Whether its pattern fits one of the keys.
    fn is_for(&self, keys: Keys) -> bool {
        let Some(names) = &self.names else { return true };
        keys.host.into_iter().chain([keys.domain]).any(|key| names.binary_search(&key).is_ok())
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
