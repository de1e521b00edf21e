//! KumoMTA: `crates/kumod/src/queue/config.rs`, function `delay_for_attempt`, and the jitter of
//! `increment_attempts_and_update_delay`.

use super::Failure;
use crate::engine::random::unit_open;
use crate::engine::time::{SimDuration, SimTime};

/// The jitter spans a twentieth of the interval, at most this.
const JITTER_MAX: SimDuration = SimDuration::from_secs(60);

/// `min(interval 2^n, interval_max)` after n earlier failures, moved by up to half the jitter's span either way.
pub(super) fn due(failure: &Failure, interval: SimDuration, interval_max: Option<SimDuration>) -> SimTime {
    let wait = doubled(interval, failure.failures.saturating_sub(1));
    let wait = interval_max.map_or(wait, |most| wait.min(most));
    let span = SimDuration::from_nanos(interval.as_nanos() / 20).min(JITTER_MAX);
    let moved = SimDuration::from_secs_f64(span.as_secs_f64() * unit_open(failure.bits));
    failure.failed + wait.saturating_sub(SimDuration::from_nanos(span.as_nanos() / 2)).saturating_add(moved)
}

/// `wait 2^times`.
pub(super) fn doubled(wait: SimDuration, times: u32) -> SimDuration {
    1u64.checked_shl(times).map_or(SimDuration::MAX, |factor| wait.saturating_mul(factor))
}
