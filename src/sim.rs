//! The layers put together: one replication of one model, from time 0 to its end.

pub mod dig;
mod world;

pub use world::{RunEnd, RunError, View, run};

use crate::dns::DnsObserver;
use crate::engine::time::SimTime;
use crate::faults::FaultObserver;
use crate::mail::{Delivery, MailObserver};
use crate::model::timeline::TimelineItem;

/// Whoever watches a simulation. Nothing flows back: watching changes no run.
pub trait Observer: DnsObserver + MailObserver + FaultObserver {
    /// The grid instant `index * cell` (index 0 is time 0), before any event at that instant; the last is the end of the run.
    fn on_grid(&mut self, now: SimTime, index: u32, view: &View<'_, '_>) {
        let _ = (now, index, view);
    }
    /// One of the instants of `Model::qshape`, before any event at that instant.
    fn on_look(&mut self, now: SimTime, view: &View<'_, '_>) {
        let _ = (now, view);
    }
    /// A timeline item was carried out.
    fn on_timeline(&mut self, now: SimTime, item: &TimelineItem) {
        let _ = (now, item);
    }
    /// The run is over and this delivery is still queued.
    fn on_still_queued(&mut self, now: SimTime, delivery: &Delivery) {
        let _ = (now, delivery);
    }
}
