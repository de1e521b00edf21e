//! Postfix 3.x: `src/qmgr/qmgr_active.c`, functions `qmgr_active_done_3_generic`, `qmgr_active_feed`.

use super::Failure;
use crate::engine::time::{SimDuration, SimTime};

/// With whole-second clocks, `delay = clamp(now - create_time, minimal, maximal)`; a scan takes up a queue file unless its
/// time stamp `now + delay` is more than one second ahead, so a message is due one second early (both measured, Postfix
/// 3.7.11).
pub(super) fn due(failure: &Failure, minimal: SimDuration, maximal: SimDuration) -> SimTime {
    let now = failure.failed.whole_seconds();
    let age = now.saturating_sub(failure.arrived.whole_seconds());
    let delay = age.max(minimal.whole_seconds()).min(maximal.whole_seconds().max(minimal.whole_seconds()));
    SimTime::from_secs(now.saturating_add(delay).saturating_sub(1))
}
