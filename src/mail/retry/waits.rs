//! Tables of waits: Haraka, Stalwart, ZoneMTA, maddy, Exchange.

use super::{Cause, Failure};
use crate::engine::time::{SimDuration, SimTime};
use crate::model::mail::{RetrySchedule, Then};
use crate::scenario::tree::Stage;

/// The n-th wait after the n-th failure; past the table its last again, or `None`: given up. A message that its host refused
/// for now waits `refused`, if there is that, whatever its number.
pub(super) fn due(
    failure: &Failure,
    waits: &[SimDuration],
    then: Then,
    refused: Option<SimDuration>,
) -> Option<SimTime> {
    if let Some(wait) = refused.filter(|_| is_of_the_message(failure.cause)) {
        return Some(failure.failed + wait);
    }
    let wait = match (waits.get(failure.failures.saturating_sub(1) as usize), then) {
        (Some(wait), _) => *wait,
        (None, Then::Repeat) => *waits.last()?,
        (None, Then::GiveUp) => return None,
    };
    Some(failure.failed + wait)
}

impl RetrySchedule {
    /// How long a whole queue waits after so many failures in a row, where the schedule is a table.
    pub(in crate::mail) fn wait_after(&self, failures: u32) -> SimDuration {
        let Self::Waits { waits, .. } = self else { return SimDuration::ZERO };
        let nth = waits.get(failures.saturating_sub(1) as usize).or(waits.last());
        nth.copied().unwrap_or(SimDuration::ZERO)
    }
}

/// A temporary refusal by a host that goes on with the session: 421 closes it (RFC 5321 section 3.8).
fn is_of_the_message(cause: Cause) -> bool {
    matches!(cause, Cause::Reply(Stage::Mail | Stage::Rcpt | Stage::Data | Stage::EndOfData, code) if code != 421)
}
