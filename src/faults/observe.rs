//! What faults tell whoever watches.

use crate::engine::time::SimTime;
use crate::model::TargetId;
use crate::scenario::tree::FailureMode;

/// Callbacks of the fault layer.
pub trait FaultObserver {
    /// A target went down (`Some`) or came up (`None`). Told of what it is, own causes and shared ones together.
    fn on_state(&mut self, now: SimTime, target: TargetId, down: Option<FailureMode>) {
        let _ = (now, target, down);
    }
}
