//! OpenSMTPD: `scheduler_ramqueue.c`, functions `scheduler_backoff`, `scheduler_next`.

use super::Failure;
use crate::engine::time::{SimDuration, SimTime};

/// `creation + base n^2` in whole seconds, n at least the number of failures, the first that lies ahead (measured to the
/// second, OpenSMTPD 6.8.0p2: 0, 400, 1600, 3600, ...).
pub(super) fn due(failure: &Failure, base: SimDuration) -> SimTime {
    let base = base.whole_seconds().max(1);
    let created = failure.arrived.whole_seconds();
    let age = failure.failed.whole_seconds().saturating_sub(created);
    // The least n with base n^2 > age, found by a root: a long attempt may pass many.
    let ahead = (age / base).isqrt().saturating_add(1);
    let step = ahead.max(u64::from(failure.failures));
    let wait = base.saturating_mul(step.saturating_mul(step));
    SimTime::from_secs(created) + SimDuration::from_secs(wait)
}
