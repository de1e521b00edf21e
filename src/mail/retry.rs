//! When a delivery that failed for now is tried again, and until when.
//!
//! A policy is a value: it says when the next attempt is *due*; a node whose system works by queue scans takes up what
//! is due at the next scan. Each system's rule is a pure function in a file of its own.

mod chasquid;
mod custom;
mod exim;
mod expiry;
mod kumomta;
mod mox;
mod opensmtpd;
mod plan;
mod postfix;
mod qmail;
mod resume;
mod sendmail;
mod waits;
mod warning;

pub use exim::{Keys, Record, Retried, find_rule, update};
pub use plan::{MIDDLE, Plan};
pub use resume::Resumed;

use crate::engine::time::{SimDuration, SimTime};
use crate::model::NameId;
use crate::model::mail::{Clockwork, Expiry, Pickup, RetryPolicy, RetrySchedule};
use crate::scenario::tree::Stage;

/// What a policy knows of an attempt that just failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// When the node got the message.
    pub arrived: SimTime,
    /// When the attempt began.
    pub started: SimTime,
    /// When its failure was known: now.
    pub failed: SimTime,
    /// Failed attempts of this node so far, this one included.
    pub failures: u32,
    /// When the attempt before it failed, and when the policy then wanted the next; `None` at the first failure.
    pub previous: Option<(SimTime, SimTime)>,
    /// What made it fail.
    pub cause: Cause,
    /// Whom the message is for.
    pub domain: NameId,
    /// The host at which the message failed, where the failure is its own there.
    pub host: Option<NameId>,
    /// Whether its return path is null: a bounce, for which some systems have a lifetime of its own.
    pub is_bounce: bool,
    /// Uniform random bits for a policy that has jitter.
    pub bits: u64,
}

/// Why an attempt failed for now: its last try, or its look-ups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A name could not be resolved for now.
    Dns,
    /// The connection was reset.
    Refused,
    /// Nothing came in time at that stage.
    TimedOut(Stage),
    /// The connection was lost at that stage.
    Lost(Stage),
    /// A 4yz (or a 5yz that counts as one) at that stage.
    Reply(Stage, u16),
}

/// What a policy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The next attempt is due then.
    Due(SimTime),
    /// No more attempts: it has expired.
    GiveUp,
    /// No more attempts: it expires then, by a timer.
    ExpiresAt(SimTime),
}

impl Next {
    /// The same on a clock that is behind by so much.
    pub(crate) fn earlier(self, by: SimDuration) -> Self {
        let on_it = |at: SimTime| SimTime::ZERO + at.since(SimTime::ZERO + by);
        match self {
            Self::Due(due) if !by.is_zero() => Self::Due(on_it(due)),
            Self::ExpiresAt(at) if !by.is_zero() => Self::ExpiresAt(on_it(at)),
            same => same,
        }
    }
}

impl RetryPolicy {
    /// When the next attempt is due.
    pub fn next(&self, failure: &Failure) -> Next {
        let expiry = self.expiry_of(failure);
        if expiry.is_over(failure) {
            return Next::GiveUp;
        }
        let due = match &self.schedule {
            RetrySchedule::Postfix { minimal, maximal } => postfix::due(failure, *minimal, *maximal),
            RetrySchedule::Sendmail { min_age, max_age } => sendmail::due(failure, *min_age, *max_age),
            RetrySchedule::Qmail { chanskip } => qmail::due(failure, *chanskip),
            RetrySchedule::OpenSmtpd { base } => opensmtpd::due(failure, *base),
            RetrySchedule::KumoMta { interval, interval_max } => kumomta::due(failure, *interval, *interval_max),
            RetrySchedule::Mox { base } => mox::due(failure, *base),
            RetrySchedule::Chasquid => chasquid::due(failure),
            RetrySchedule::Exim { rules, interval_max } => match exim::due(failure, rules, *interval_max) {
                Some(due) => due,
                None => return Next::GiveUp,
            },
            RetrySchedule::Waits { waits, then, refused } => match waits::due(failure, waits, *then, *refused) {
                Some(due) => due,
                None => return Next::GiveUp,
            },
            RetrySchedule::Custom { schedule, cap, jitter } => match custom::due(failure, schedule, *cap, *jitter) {
                Some(due) => due,
                None => return Next::GiveUp,
            },
        };
        expiry.bound(failure, due)
    }

    /// The same where the next attempt is due at `due`, whatever the schedule says.
    pub fn at(&self, failure: &Failure, due: SimTime) -> Next {
        let expiry = self.expiry_of(failure);
        if expiry.is_over(failure) { Next::GiveUp } else { expiry.bound(failure, due) }
    }

    fn expiry_of(&self, failure: &Failure) -> Expiry {
        match failure.is_bounce {
            true => self.bounce_expiry.unwrap_or(self.expiry),
            false => self.expiry,
        }
    }

    /// What takes up what is due, if something does so periodically; `None` if each is taken up at once.
    pub fn clockwork(&self) -> Option<Clockwork> {
        match self.pickup {
            Pickup::AtOnce => None,
            Pickup::Scan(clock) | Pickup::QueueRun { clock, .. } => Some(clock).filter(|clock| !clock.period.is_zero()),
        }
    }
}

/// The first instant of `phase + k period` at or after `due`, and its k.
pub fn next_scan(due: SimTime, phase: SimDuration, period: SimDuration) -> (u64, SimTime) {
    let after = due.since(SimTime::ZERO + phase).as_nanos();
    let tick = after.div_ceil(period.as_nanos());
    (tick, SimTime::ZERO + phase + period.saturating_mul(tick))
}

#[cfg(test)]
mod tests;
