//! What is down, why, and until when.

pub mod observe;
mod state;

pub use observe::FaultObserver;
pub use state::{Cause, FaultEvent, Faults};
