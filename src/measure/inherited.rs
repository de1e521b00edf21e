//! What was in queues before the start, in a ledger of its own: it was created in no measured window.

use super::rows::Rows;
use crate::engine::time::SimTime;
use crate::mail::{Delivery, End};
use crate::model::Model;

/// The inherited deliveries of one sender.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    created: u64,
    delivered: u64,
    bounced: u64,
    expired: u64,
    discarded: u64,
    /// When the last of them ended.
    last: SimTime,
}

/// The inherited deliveries by sender.
#[derive(Debug)]
pub(super) struct Inherited(Vec<Counts>);

impl Inherited {
    /// `None` if every queue is empty at the start.
    pub fn of(model: &Model) -> Option<Self> {
        let any = model.mail.nodes.iter().any(|node| node.source.as_ref().is_some_and(|s| !s.queue.is_empty()));
        any.then(|| Self(vec![Counts::default(); model.mail.senders]))
    }

    pub fn created(&mut self, delivery: &Delivery) {
        if delivery.is_inherited() {
            self.0[delivery.sender.index()].created += u64::from(delivery.recipients);
        }
    }

    pub fn end(&mut self, now: SimTime, delivery: &Delivery, end: End) {
        if !delivery.is_inherited() {
            return;
        }
        let counts = &mut self.0[delivery.sender.index()];
        counts.last = now;
        *match end {
            End::Delivered => &mut counts.delivered,
            End::Bounced(_) => &mut counts.bounced,
            End::Expired => &mut counts.expired,
            End::Discarded => &mut counts.discarded,
        } += u64::from(delivery.recipients);
    }

    /// Rows of all, and of each sender that had a queue.
    pub fn rows(&self, model: &Model, rows: &mut Rows) {
        let mut all = Counts::default();
        for counts in &self.0 {
            all.created += counts.created;
            all.delivered += counts.delivered;
            all.bounced += counts.bounced;
            all.expired += counts.expired;
            all.discarded += counts.discarded;
            all.last = all.last.max(counts.last);
        }
        all.rows("all", rows);
        for (counts, node) in self.0.iter().zip(&model.mail.nodes).filter(|(counts, _)| counts.created > 0) {
            counts.rows(&node.scope(), rows);
        }
    }
}

impl Counts {
    fn rows(&self, scope: &str, rows: &mut Rows) {
        let queued = self.created - self.delivered - self.bounced - self.expired - self.discarded;
        rows.count("queue_at_start", scope, self.created);
        for (statistic, count) in [
            ("delivered", self.delivered),
            ("bounced", self.bounced),
            ("expired", self.expired),
            ("discarded", self.discarded),
            ("queued", queued),
        ] {
            rows.add("queue_at_start", scope, statistic, "1", count as f64);
        }
        // Not before the end of what was seen, while any of it is queued.
        let drained = if queued == 0 { self.last.as_secs_f64() } else { f64::INFINITY };
        rows.add("queue_at_start", scope, "drained", "s", drained);
    }
}
