//! When a delivery that failed for now is tried again, and until when.
//!
//! A policy is a value: it says when the next attempt is *due*; a node whose system works by queue scans takes up what
//! is due at the next scan.

mod custom;
mod exim;
mod postfix;
mod qmail;

use crate::engine::time::{SimDuration, SimTime};
use crate::model::mail::RetryPolicy;

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
    /// Uniform random bits for a policy that has jitter.
    pub bits: u64,
}

/// What a policy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The next attempt is due then.
    Due(SimTime),
    /// No more attempts: it has expired.
    GiveUp,
}

impl RetryPolicy {
    /// When the next attempt is due.
    pub fn next(&self, failure: &Failure) -> Next {
        match self {
            Self::Postfix { minimal, maximal, lifetime, .. } => postfix::next(failure, *minimal, *maximal, *lifetime),
            Self::Exim { rule, .. } => exim::next(failure, rule),
            Self::Qmail { lifetime, chanskip } => qmail::next(failure, *lifetime, *chanskip),
            Self::Custom { schedule, cap, jitter, lifetime, .. } => {
                custom::next(failure, schedule, *cap, *jitter, *lifetime)
            }
        }
    }

    /// The period of the scans that take up what is due; `None` if it is taken up at once.
    pub fn scan(&self) -> Option<SimDuration> {
        let period = match self {
            Self::Postfix { scan, .. } => Some(*scan),
            Self::Exim { queue_run, .. } => Some(*queue_run),
            Self::Qmail { .. } => None,
            Self::Custom { scan, .. } => *scan,
        };
        period.filter(|period| !period.is_zero())
    }
}

/// The first instant of `phase + k period` at or after `due`, and its k.
pub(super) fn next_scan(due: SimTime, phase: SimDuration, period: SimDuration) -> (u64, SimTime) {
    let after = due.since(SimTime::ZERO + phase).as_nanos();
    let tick = after.div_ceil(period.as_nanos());
    (tick, SimTime::ZERO + phase + period.saturating_mul(tick))
}

#[cfg(test)]
mod tests;
