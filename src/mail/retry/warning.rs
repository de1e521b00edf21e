//! When the sender of a message is told that it is late.

use super::{Failure, Next};
use crate::engine::time::SimTime;
use crate::model::mail::DelayWarning;

impl DelayWarning {
    /// How many warnings of a message have been due once this attempt failed and the policy said `next`; what was sent
    /// before counts too, so one is sent when the number has grown.
    pub fn due_after(&self, failure: &Failure, next: Next) -> u32 {
        let age = failure.failed.whole_seconds().saturating_sub(failure.arrived.whole_seconds());
        let passed = |ages: &[crate::engine::time::SimDuration], age: u64| {
            ages.iter().filter(|at| at.whole_seconds() <= age).count() as u32
        };
        match self {
            Self::Never | Self::Timer(_) => 0,
            Self::AfterAttempt { ages, early } => passed(ages, age.saturating_add(early.whole_seconds())),
            Self::BeforeNext(ages) => {
                let (Next::Due(next) | Next::ExpiresAt(next)) = next else { return 0 };
                passed(ages, next.whole_seconds().saturating_sub(failure.arrived.whole_seconds()))
            }
            Self::AtFailure(failures) => u32::from(failure.failures >= *failures),
        }
    }

    /// When the warning after the first `sent` falls, for a system that has a timer for it.
    pub fn timer(&self, arrived: SimTime, sent: u32) -> Option<SimTime> {
        match self {
            Self::Timer(ages) => ages.get(sent as usize).map(|age| arrived + *age),
            _ => None,
        }
    }
}
