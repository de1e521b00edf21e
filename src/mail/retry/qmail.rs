//! qmail, notqmail: `qmail-send.c`, function `nextretry`.

use super::Failure;
use crate::engine::time::{SimDuration, SimTime};

/// `birth + (isqrt(recent - birth) + chanskip)^2` in whole seconds, computed when the attempt begins, so that a slow
/// attempt does not shift it.
pub(super) fn due(failure: &Failure, chanskip: u32) -> SimTime {
    let age = failure.started.since(failure.arrived).whole_seconds();
    let root = age.isqrt().saturating_add(u64::from(chanskip));
    failure.arrived + SimDuration::from_secs(root.saturating_mul(root))
}
