//! A policy's schedule from time zero to give-up, for a message whose every attempt fails at once.

use super::{Cause, Failure, Next, next_scan};
use crate::engine::time::{SimDuration, SimTime};
use crate::model::NameId;
use crate::model::mail::RetryPolicy;

/// Draws in the middle of every jitter.
pub const MIDDLE: u64 = 1 << 63;

/// Attempts of a plan at most.
const ATTEMPTS_MAX: usize = 100_000;

/// Phases of scans that bounds look at: at most so many, and fewer of plans that are long, so that no more attempts than
/// that are gone through.
const PHASES_MAX: u64 = 1800;
const STEPS_MAX: u64 = 2_000_000;

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

impl Plan {
    /// What `choose` takes of each age in this plan and in the other; where one has no such age, the other's.
    fn widen(&mut self, other: &Self, choose: impl Fn(SimDuration, SimDuration) -> SimDuration) {
        for (mine, others) in [(&mut self.attempts, &other.attempts), (&mut self.warnings, &other.warnings)] {
            mine.iter_mut().zip(others).for_each(|(age, other)| *age = choose(*age, *other));
            mine.extend(others.iter().skip(mine.len()));
        }
        self.expires = self.expires.zip(other.expires).map(|(age, other)| choose(age, other));
    }
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
                host: None,
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

    /// The least and the greatest ages of the first attempt, of the second and so on, of each warning and of the end, over
    /// all phases of the scans and all draws. They need not be those of any one message: a rule that looks at the time
    /// since its last try may have its second attempt early where the third is late.
    ///
    /// What is due falls on whole seconds after the arrival. Beside those seconds a scan just meets or just misses
    /// something, and between them ages only move with the phase: phases are looked at on both sides of each, of a period of
    /// more than 1800 s (or with very many attempts) on both sides of evenly spaced ones.
    pub fn bounds(&self) -> (Plan, Plan) {
        let draws: &[u64] = if self.has_jitter() { &[0, 1 << 62, MIDDLE, 3 << 62, u64::MAX] } else { &[MIDDLE] };
        let first = self.plan(MIDDLE, 0.5, usize::MAX);
        let mut fewest = first.attempts.len();
        let (mut least, mut most) = (first.clone(), first);
        for phase in self.phases(least.attempts.len()) {
            for bits in draws {
                let plan = self.plan(*bits, phase, usize::MAX);
                least.widen(&plan, SimDuration::min);
                most.widen(&plan, SimDuration::max);
                fewest = fewest.min(plan.attempts.len());
            }
        }
        // Each wait is drawn by itself: an attempt that only short waits leave room for may come as late as the end.
        if let (true, Some(end)) = (draws.len() > 1, most.expires) {
            most.attempts.iter_mut().skip(fewest).for_each(|age| *age = end);
        }
        (least, most)
    }

    /// Phases at which a schedule of so many attempts may be at an extreme, as shares of the period.
    fn phases(&self, attempts: usize) -> Vec<f64> {
        let Some(clock) = self.clockwork() else { return vec![0.5] };
        let (period, second) = (clock.period.as_nanos(), SimDuration::from_secs(1).as_nanos());
        let hair = SimDuration::from_secs_f64(0.001).as_nanos();
        let seconds = period.div_ceil(second);
        let count = seconds.min(PHASES_MAX).min(STEPS_MAX / attempts.max(1) as u64).max(1);
        let edges = (0..=count).map(|n| (u128::from(seconds) * u128::from(n) / u128::from(count)) as u64 * second);
        let beside = edges.flat_map(|edge| [edge.saturating_sub(hair), edge, edge.saturating_add(hair)]);
        beside.filter(|phase| *phase < period).map(|phase| phase as f64 / period as f64).collect()
    }

    /// Whether the schedule depends on draws.
    pub fn has_jitter(&self) -> bool {
        self.plan(0, 0.5, 64).attempts != self.plan(u64::MAX, 0.5, 64).attempts
    }
}
