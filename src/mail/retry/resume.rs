//! Where a message stands that has been in a queue for a while.

use super::{Cause, Failure, Next, next_scan};
use crate::engine::time::{SimDuration, SimTime};
use crate::model::NameId;
use crate::model::mail::{DelayWarning, RetryPolicy};

/// Attempts that are gone through at most: more often than that nobody tries in a queue lifetime.
const ATTEMPTS_MAX: u32 = 10_000;

/// What has become of a message by the start of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resumed {
    /// Attempts that have failed, at least one.
    pub failures: u32,
    /// Warnings that have been sent.
    pub warned: u32,
    /// What comes next, on the clock of the run; never [`Next::GiveUp`].
    pub next: Next,
}

impl RetryPolicy {
    /// Where a message of this age stands at the start, if every attempt since its arrival failed at once. `phase` is that
    /// of the scans in the run; `bits` are the draws of the n-th attempt. What should have been given up by now is tried
    /// once more.
    pub fn resume(
        &self,
        age: SimDuration,
        phase: SimDuration,
        domain: NameId,
        is_bounce: bool,
        bits: impl Fn(u32) -> u64,
    ) -> Resumed {
        // Counted from the arrival: the start of the run is at `age`.
        let (arrived, start) = (SimTime::ZERO, SimTime::ZERO + age);
        let in_run = |at: SimTime| SimTime::ZERO + at.since(start);
        let (mut now, mut previous) = (arrived, None);
        let mut resumed = Resumed { failures: 0, warned: 0, next: Next::Due(SimTime::ZERO) };
        if let DelayWarning::Timer(ages) = &self.warning {
            resumed.warned = ages.iter().filter(|after| **after <= age).count() as u32;
        }
        while resumed.failures < ATTEMPTS_MAX {
            resumed.failures += 1;
            let failure = Failure {
                arrived,
                started: now,
                failed: now,
                failures: resumed.failures,
                previous,
                cause: Cause::Refused,
                domain,
                host: None,
                is_bounce,
                bits: bits(resumed.failures),
            };
            let next = self.next(&failure);
            resumed.warned = resumed.warned.max(self.warning.due_after(&failure, next));
            match next {
                Next::Due(due) => {
                    let due = due.max(now + SimDuration::TICK);
                    previous = Some((now, due));
                    now = self.clockwork().map_or(due, |clock| {
                        let since = phase.saturating_add(age).as_nanos() % clock.period.as_nanos().max(1);
                        next_scan(due, SimDuration::from_nanos(since), clock.period).1
                    });
                    if now >= start {
                        resumed.next = Next::Due(in_run(due));
                        return resumed;
                    }
                }
                Next::ExpiresAt(at) if at > start => {
                    resumed.next = Next::ExpiresAt(in_run(at));
                    return resumed;
                }
                Next::GiveUp | Next::ExpiresAt(_) => return resumed,
            }
        }
        resumed
    }
}
