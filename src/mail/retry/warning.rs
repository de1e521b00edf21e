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
            // deliver.c, deliver_message: `count` and `extra`.
            Self::Repeating(ages) => match (ages.as_slice(), passed(ages, age)) {
                ([before @ .., last], count) if count as usize == ages.len() => {
                    let last = last.whole_seconds();
                    let gap = last.saturating_sub(before.last().map_or(0, |age| age.whole_seconds()));
                    let more = age.saturating_sub(last).checked_div(gap).unwrap_or(0);
                    count.saturating_add(u32::try_from(more).unwrap_or(u32::MAX))
                }
                (_, count) => count,
            },
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::time::SimDuration;
    use crate::mail::retry::Cause;
    use crate::model::NameId;

    /// Exim's `deliver.c`, deliver_message: `count`, the warnings that there should have been by a time on the queue.
    #[test]
    fn exims_warnings_go_on_at_the_last_gap() {
        let due = |ages_h: &[u64], age_s: u64| {
            let now = SimTime::from_secs(1000 + age_s);
            let failure = Failure {
                arrived: SimTime::from_secs(1000),
                started: now,
                failed: now,
                failures: 1,
                previous: None,
                cause: Cause::Refused,
                domain: NameId(0),
                host: None,
                is_bounce: false,
                bits: 0,
            };
            let ages = ages_h.iter().map(|hours| SimDuration::from_secs(hours * 3600)).collect();
            DelayWarning::Repeating(ages).due_after(&failure, Next::Due(now))
        };
        let hour = 3600;
        // 24h: at 24, 48, 72 h.
        let days = [0, 24 * hour - 1, 24 * hour, 48 * hour - 1, 48 * hour, 72 * hour];
        assert_eq!(days.map(|age| due(&[24], age)), [0, 0, 1, 1, 2, 3]);
        // 4h:8h:24h: then every 16 h.
        let list = [3 * hour, 4 * hour, 8 * hour, 24 * hour, 40 * hour - 1, 40 * hour, 56 * hour];
        assert_eq!(list.map(|age| due(&[4, 8, 24], age)), [0, 1, 2, 3, 3, 4, 5]);
        // Where the last two are the same there is no gap (Exim would divide by zero).
        assert_eq!(due(&[4, 4], 100 * hour), 2);
    }
}
