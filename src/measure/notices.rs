//! The ledger of notices, apart from that of deliveries: what senders and postmasters are told.

use super::depth::Levels;
use super::rows::Rows;
use crate::engine::time::SimTime;
use crate::mail::{Delivery, End, Kind, Notice};
use crate::model::{Clock, Model};

/// Notices about measured deliveries; a message with several recipients that end together is one.
#[derive(Debug, Clone)]
pub(super) struct Notices {
    /// Notices about whatever delivery that are on their way; `None` where none is a message.
    waiting: Option<Levels<1>>,
    warnings: u64,
    bounces: u64,
    bounces_told: u64,
    /// Bounces that came to nothing: those that bounced, and those that a host threw away.
    bounces_failed: u64,
    /// From the creation of the message until its sender knows.
    told_ns: u128,
    double_bounces: u64,
    postmaster: u64,
    /// Warnings that came to nothing, and those that came.
    warnings_lost: u64,
    warnings_told: u64,
    queued: u64,
    /// Exchanges passed over for an MTA-STS policy: what TLS reports would tell (RFC 8460).
    pub sts_refused: u64,
}

impl Notices {
    pub fn new(model: &Model) -> Self {
        Self {
            waiting: model.mail.has_notices().then(|| Levels::new(&model.clock, false)),
            warnings: 0,
            bounces: 0,
            bounces_told: 0,
            bounces_failed: 0,
            told_ns: 0,
            double_bounces: 0,
            postmaster: 0,
            warnings_lost: 0,
            warnings_told: 0,
            queued: 0,
            sts_refused: 0,
        }
    }

    pub fn tell(&mut self, now: SimTime, delivery: &Delivery, notice: Notice) {
        if let Some(waiting) = &mut self.waiting {
            match notice {
                Notice::Warning | Notice::Bounce => waiting.add(now, [1]),
                Notice::Told(_) => waiting.remove(now, [1]),
                Notice::DoubleBounce | Notice::Postmaster => {}
            }
        }
        if !delivery.measured {
            return;
        }
        match notice {
            Notice::Warning => self.warnings += 1,
            Notice::Bounce => self.bounces += 1,
            Notice::Told(kind) => self.told(now, delivery, kind),
            Notice::DoubleBounce => self.double_bounces += 1,
            Notice::Postmaster => self.postmaster += 1,
        }
    }

    /// A notice that is a message has ended.
    pub fn end(&mut self, now: SimTime, delivery: &Delivery, end: End) {
        if let Some(waiting) = &mut self.waiting {
            waiting.remove(now, [1]);
        }
        match (delivery.measured, end, delivery.kind) {
            (false, ..) => {}
            (true, End::Delivered, kind) => self.told(now, delivery, kind),
            (true, _, Kind::Warning) => self.warnings_lost += 1,
            (true, ..) => self.bounces_failed += 1,
        }
    }

    fn told(&mut self, now: SimTime, delivery: &Delivery, kind: Kind) {
        if kind == Kind::Warning {
            self.warnings_told += 1;
            return;
        }
        self.bounces_told += 1;
        self.told_ns += u128::from(now.since(delivery.created).as_nanos());
    }

    pub fn finish(&mut self, ended: SimTime, clock: &Clock) {
        if let Some(waiting) = &mut self.waiting {
            waiting.finish(ended, clock, true);
        }
    }

    pub fn rows(&self, rows: &mut Rows) {
        rows.count("delay_warnings", "all", self.warnings);
        rows.count("bounce_messages", "all", self.bounces);
        rows.add("bounce_messages", "all", "delivered", "1", self.bounces_told as f64);
        rows.add("bounce_messages", "all", "discarded", "1", (self.bounces_failed - self.double_bounces) as f64);
        rows.count("sts_refused", "all", self.sts_refused);
        rows.count("double_bounces", "all", self.double_bounces);
        rows.count("admin_notices", "all", self.postmaster);
        let mean = if self.bounces_told == 0 { f64::NAN } else { self.told_ns as f64 / self.bounces_told as f64 / 1e9 };
        rows.add("bounce_latency", "all", "mean", "s", mean);
        if let Some(waiting) = &self.waiting {
            rows.add("notices_queued", "all", "mean", "1", waiting.window_mean(0));
            rows.add("notices_queued", "all", "max", "1", waiting.window_max(0) as f64);
        }
    }

    pub fn still_queued(&mut self, delivery: &Delivery) {
        self.queued += u64::from(delivery.measured);
    }

    /// No notice was lost or made up: each came, failed, or is queued.
    pub fn is_balanced(&self) -> bool {
        let ended = self.bounces_told + self.bounces_failed + self.warnings_told + self.warnings_lost;
        self.warnings + self.bounces == ended + self.queued && self.double_bounces <= self.bounces_failed
    }
}
