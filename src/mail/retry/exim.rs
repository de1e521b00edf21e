//! Exim 4.9x: `src/retry.c`, function `retry_update`, kept per message.

use super::{Failure, Next};
use crate::engine::random::unit_open;
use crate::engine::time::{SimDuration, SimTime};
use crate::scenario::exim_retry::{EximRule, EximStep};

/// `retry_interval_max` of Exim's main configuration.
const INTERVAL_MAX_S: f64 = 86_400.0;

/// The step is the first whose cutoff the failing time has not passed, else the last, and then this was the final
/// attempt. `G` multiplies the last gap, `H` draws from the upper half of what `G` would add. What is not due by the last
/// cutoff is forced at the first queue run after it (measured, Exim 4.96).
pub(super) fn next(failure: &Failure, rule: &EximRule) -> Next {
    let now = failure.failed.whole_seconds();
    let age = now.saturating_sub(failure.arrived.whole_seconds());
    let Some(last) = rule.steps.last().map(|step| step.cutoff().whole_seconds()) else { return Next::GiveUp };
    if age > last {
        return Next::GiveUp;
    }
    let Some(step) = rule.steps.iter().find(|step| age <= step.cutoff().whole_seconds()) else { return Next::GiveUp };
    let gap = failure.previous.map_or(0, |(failed, due)| {
        let planned = due.whole_seconds().saturating_sub(failed.whole_seconds());
        planned.min(now.saturating_sub(failed.whole_seconds()))
    }) as f64;
    let wait = match step {
        EximStep::Fixed { interval, .. } => interval.as_secs_f64(),
        EximStep::Geometric { interval, factor, .. } => {
            let first = interval.as_secs_f64();
            if gap < first { first } else { libm::floor(gap * factor) }
        }
        EximStep::Random { interval, factor, .. } => {
            let first = interval.as_secs_f64();
            let spread = (gap * factor - first).max(0.0);
            libm::floor(first + spread / 2.0 + unit_open(failure.bits) * spread / 2.0)
        }
    };
    let wait = SimDuration::from_secs_f64(wait.min(INTERVAL_MAX_S));
    let forced = SimTime::from_secs(failure.arrived.whole_seconds().saturating_add(last + 1));
    Next::Due((SimTime::from_secs(now) + wait).min(forced).max(failure.failed))
}
