//! Any schedule: a wait, a cap, jitter.

use super::{Failure, Next};
use crate::engine::random::unit_open;
use crate::engine::time::SimDuration;
use crate::model::mail::ScheduleModel;
use crate::scenario::tree::Jitter;

/// Waits count from the failure, a table's ages from the arrival; given up after an attempt that began at or after the
/// lifetime.
pub(super) fn next(
    failure: &Failure,
    schedule: &ScheduleModel,
    cap: SimDuration,
    jitter: Jitter,
    lifetime: SimDuration,
) -> Next {
    if failure.started.since(failure.arrived) >= lifetime {
        return Next::GiveUp;
    }
    let n = failure.failures;
    let earlier = u64::from(n.saturating_sub(1));
    let wait = match schedule {
        ScheduleModel::Constant(wait) => *wait,
        ScheduleModel::Linear { first, step } => *first + step.saturating_mul(earlier),
        ScheduleModel::Exponential { base, factor } => {
            SimDuration::from_secs_f64(base.as_secs_f64() * libm::pow(*factor, earlier as f64))
        }
        ScheduleModel::Age { min, max } => failure.failed.since(failure.arrived).max(*min).min((*max).max(*min)),
        ScheduleModel::Table(ages) => match ages.get(earlier as usize) {
            Some(age) => (failure.arrived + *age).since(failure.failed),
            None => return Next::GiveUp,
        },
    };
    Next::Due(failure.failed + spread(wait.min(cap), jitter, failure.bits))
}

fn spread(wait: SimDuration, jitter: Jitter, bits: u64) -> SimDuration {
    let share = match jitter {
        Jitter::Off => return wait,
        Jitter::Full => unit_open(bits),
        Jitter::Equal => (1.0 + unit_open(bits)) / 2.0,
        Jitter::Share(share) => 1.0 + share * (2.0 * unit_open(bits) - 1.0),
    };
    SimDuration::from_secs_f64(wait.as_secs_f64() * share)
}
