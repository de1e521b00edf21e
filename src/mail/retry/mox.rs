//! mox: `queue/queue.go`, function `deliver`.

use super::Failure;
use super::kumomta::doubled;
use crate::engine::random::unit_open;
use crate::engine::time::{SimDuration, SimTime};

/// From the beginning of the attempt, before which it is written down. Whole seconds of jitter, from -5 to 4, are added to the
/// base before it is doubled once for each earlier failure.
pub(super) fn due(failure: &Failure, base: SimDuration) -> SimTime {
    let jitter = libm::floor(unit_open(failure.bits) * 10.0) as u64;
    let first = base.saturating_add(SimDuration::from_secs(jitter.min(9))).saturating_sub(SimDuration::from_secs(5));
    failure.started + doubled(first, failure.failures.saturating_sub(1))
}
