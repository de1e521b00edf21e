//! A policy's schedule from time zero to give-up, for a message whose every attempt fails at once.

use super::{Cause, Failure, Next, next_scan};
use crate::engine::time::{SimDuration, SimTime};
use crate::model::NameId;
use crate::model::mail::RetryPolicy;

/// Draws in the middle of every jitter.
pub const MIDDLE: u64 = 1 << 63;

/// Attempts of a plan at most.
const ATTEMPTS_MAX: usize = 100_000;

/// What becomes of a message that no host takes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Ages of the attempts, the first 0.
    pub attempts: Vec<SimDuration>,
    /// Ages at which its sender is warned.
    pub warnings: Vec<SimDuration>,
    /// Its age at the end; `None` if it is tried for ever (or more often than a plan holds).
    pub expires: Option<SimDuration>,
}

impl RetryPolicy {
    /// The plan of a message refused at each attempt, at most `most` attempts of it. `bits` are the draws of a policy
    /// with jitter (0 the least, all ones the most). The first scan after the message's arrival comes after `phase`, a
    /// share of the period; a message arrives at a whole second.
    pub fn plan(&self, bits: u64, phase: f64, most: usize) -> Plan {
        // Long after the start, so that scans before the arrival exist too.
        let arrived = SimTime::from_secs(1 << 30);
        let mut plan = Plan { attempts: vec![SimDuration::ZERO], ..Plan::default() };
        let (mut now, mut previous, mut warned) = (arrived, None, 0);
        loop {
            let failure = Failure {
                arrived,
                started: now,
                failed: now,
                failures: plan.attempts.len() as u32,
                previous,
                cause: Cause::Refused,
                domain: NameId(0),
                is_bounce: false,
                bits,
            };
            let next = self.next(&failure);
            let end = match next {
                Next::Due(due) => {
                    let due = due.max(now + SimDuration::TICK);
                    previous = Some((now, due));
                    now = self.clockwork().map_or(due, |clock| {
                        let offset = SimDuration::from_secs_f64(clock.period.as_secs_f64() * phase);
                        let since = arrived.as_nanos() % clock.period.as_nanos().max(1);
                        let first = SimDuration::from_nanos(since).saturating_add(offset);
                        next_scan(due, first, clock.period).1
                    });
                    None
                }
                Next::GiveUp => Some(now),
                Next::ExpiresAt(at) => Some(at),
            };
            let until = end.unwrap_or(now);
            while let Some(at) = self.warning.timer(arrived, warned).filter(|at| *at <= until) {
                plan.warnings.push(at.since(arrived));
                warned += 1;
            }
            let due = self.warning.due_after(&failure, next);
            if due > warned && next != Next::GiveUp {
                warned = due;
                plan.warnings.push(failure.failed.since(arrived));
            }
            plan.expires = end.map(|at| at.since(arrived));
            if end.is_some() || plan.attempts.len() >= most.min(ATTEMPTS_MAX) {
                return plan;
            }
            plan.attempts.push(now.since(arrived));
        }
    }

    /// Whether the schedule depends on draws.
    pub fn has_jitter(&self) -> bool {
        self.plan(0, 0.5, 64).attempts != self.plan(u64::MAX, 0.5, 64).attempts
    }
}
