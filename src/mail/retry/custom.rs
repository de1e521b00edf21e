//! Any schedule: a wait, a cap, jitter.

use super::Failure;
use crate::engine::random::unit_open;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::mail::ScheduleModel;
use crate::scenario::tree::Jitter;

/// Waits count from the failure, a table's ages from the arrival; `None` where a table has ended.
pub(super) fn due(failure: &Failure, schedule: &ScheduleModel, cap: SimDuration, jitter: Jitter) -> Option<SimTime> {
    // What was only ever suspended has not failed yet: it waits as after a first failure.
    let earlier = u64::from(failure.failures.saturating_sub(1));
    let wait = match schedule {
        ScheduleModel::Constant(wait) => *wait,
        ScheduleModel::Linear { first, step } => *first + step.saturating_mul(earlier),
        ScheduleModel::Exponential { base, factor } => {
            SimDuration::from_secs_f64(base.as_secs_f64() * libm::pow(*factor, earlier as f64))
        }
        ScheduleModel::Polynomial { base, power } => {
            SimDuration::from_secs_f64(base.as_secs_f64() * libm::pow(earlier as f64 + 1.0, *power))
        }
        ScheduleModel::Age { min, max } => failure.failed.since(failure.arrived).max(*min).min((*max).max(*min)),
        ScheduleModel::Table(ages) => (failure.arrived + *ages.get(earlier as usize)?).since(failure.failed),
    };
    Some(failure.failed + spread(wait.min(cap), jitter, failure.bits))
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
