//! Tables of waits: Haraka, Stalwart, ZoneMTA, maddy, Exchange.

use super::Failure;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::mail::Then;

/// The n-th wait after the n-th failure; past the table its last again, or `None`: given up.
pub(super) fn due(failure: &Failure, waits: &[SimDuration], then: Then) -> Option<SimTime> {
    let wait = match (waits.get(failure.failures.saturating_sub(1) as usize), then) {
        (Some(wait), _) => *wait,
        (None, Then::Repeat) => *waits.last()?,
        (None, Then::GiveUp) => return None,
    };
    Some(failure.failed + wait)
}
