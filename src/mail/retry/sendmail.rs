//! sendmail 8.17: `queue.c`, function `gatherq` (`MinQueueAge`, `MaxQueueAge`), and the Operations Guide.

use super::Failure;
use crate::engine::time::{SimDuration, SimTime};

/// Every queue run tries every job. With `MaxQueueAge` above zero a job is too young while it has waited less since its
/// last try than it was old then, at most `MaxQueueAge`: its age doubles from try to try. Otherwise it is too young
/// until `MinQueueAge` after its last try.
pub(super) fn due(failure: &Failure, min_age: SimDuration, max_age: SimDuration) -> SimTime {
    let wait = match max_age.is_zero() {
        true => min_age,
        false => failure.started.since(failure.arrived).min(max_age),
    };
    // Clocks of whole seconds.
    SimTime::from_secs(failure.started.whole_seconds()) + SimDuration::from_secs(wait.whole_seconds())
}
