//! Postfix 3.x: `src/qmgr/qmgr_active.c`, functions `qmgr_active_done_3_generic`, `qmgr_active_feed`.

use super::{Failure, Next};
use crate::engine::time::{SimDuration, SimTime};

/// With whole-second clocks, `delay = clamp(now - create_time, minimal, maximal)`; a scan takes up a queue file unless its
/// time stamp `now + delay` is more than one second ahead, so a message is due one second early. Expiry is looked at
/// after an attempt only, so the real lifetime is rounded up to the next attempt (both measured, Postfix 3.7.11).
pub(super) fn next(failure: &Failure, minimal: SimDuration, maximal: SimDuration, lifetime: SimDuration) -> Next {
    let now = failure.failed.whole_seconds();
    let age = now.saturating_sub(failure.arrived.whole_seconds());
    if age >= lifetime.whole_seconds() {
        return Next::GiveUp;
    }
    let delay = age.max(minimal.whole_seconds()).min(maximal.whole_seconds().max(minimal.whole_seconds()));
    let due = SimTime::from_secs((now + delay).saturating_sub(1));
    Next::Due(due.max(failure.failed))
}
