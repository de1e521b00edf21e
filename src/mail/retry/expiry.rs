//! Until when a message is tried: each system looks at its age at another moment.

use super::{Failure, Next};
use crate::engine::time::SimTime;
use crate::model::mail::Expiry;

impl Expiry {
    /// Whether the attempt that just failed was the last.
    pub(super) fn is_over(&self, failure: &Failure) -> bool {
        match *self {
            Self::AfterAttempt(lifetime) => {
                let age = failure.failed.whole_seconds().saturating_sub(failure.arrived.whole_seconds());
                age >= lifetime.whole_seconds()
            }
            Self::AfterAttemptBegun { lifetime, whole: true } => {
                failure.started.since(failure.arrived).whole_seconds() > lifetime.whole_seconds()
            }
            Self::AfterAttemptBegun { lifetime, whole: false } => failure.started.since(failure.arrived) >= lifetime,
            Self::Timer(lifetime) | Self::AtWaking(lifetime) => failure.failed.since(failure.arrived) >= lifetime,
            Self::Failures(failures) => failure.failures >= failures,
            Self::NextTooLate(_) | Self::Schedule => false,
        }
    }

    /// What becomes of an attempt that would be due then. Nothing is due before its failure.
    pub(super) fn bound(&self, failure: &Failure, due: SimTime) -> Next {
        let due = due.max(failure.failed);
        match *self {
            Self::Timer(lifetime) if due >= failure.arrived + lifetime => Next::ExpiresAt(failure.arrived + lifetime),
            Self::NextTooLate(lifetime) if due > failure.arrived + lifetime => Next::GiveUp,
            Self::AtWaking(lifetime) if due >= failure.arrived + lifetime => Next::ExpiresAt(due),
            _ => Next::Due(due),
        }
    }
}
