//! chasquid: `internal/queue/queue.go`, function `nextDelay`.

use super::Failure;
use crate::engine::random::unit_open;
use crate::engine::time::{SimDuration, SimTime};

/// By the age at the failure: a minute before the first minute is over, five before the fifth, ten before the tenth,
/// twenty from then on; and up to a minute at random.
pub(super) fn due(failure: &Failure) -> SimTime {
    let minutes = match failure.failed.since(failure.arrived).whole_seconds() {
        0..60 => 1,
        60..300 => 5,
        300..600 => 10,
        _ => 20,
    };
    failure.failed + SimDuration::from_secs(60 * minutes) + SimDuration::from_secs_f64(60.0 * unit_open(failure.bits))
}
