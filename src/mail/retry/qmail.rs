//! qmail, notqmail: `qmail-send.c`, function `nextretry`.

use super::{Failure, Next};
use crate::engine::time::SimDuration;

/// `birth + (isqrt(recent - birth) + chanskip)^2` in whole seconds, computed when the attempt begins, so that a slow
/// attempt does not shift it. A message older than its lifetime when an attempt begins is dying: that was its last.
pub(super) fn next(failure: &Failure, lifetime: SimDuration, chanskip: u32) -> Next {
    let age = failure.started.since(failure.arrived).whole_seconds();
    if age > lifetime.whole_seconds() {
        return Next::GiveUp;
    }
    let root = age.isqrt().saturating_add(u64::from(chanskip));
    let due = failure.arrived + SimDuration::from_secs(root.saturating_mul(root));
    Next::Due(due.max(failure.failed))
}
