//! The ledger of notices, apart from that of deliveries: what senders and postmasters are told.

use super::rows::Rows;
use crate::engine::time::SimTime;
use crate::mail::{Delivery, End, Kind, Notice};

/// Notices about measured deliveries; a message with several recipients that end together is one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Notices {
    warnings: u64,
    bounces: u64,
    bounces_told: u64,
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
    pub fn tell(&mut self, now: SimTime, delivery: &Delivery, notice: Notice) {
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
        match (delivery.measured, end, delivery.kind) {
            (false, ..) => {}
            (true, End::Delivered, kind) => self.told(now, delivery, kind),
            (true, _, Kind::Warning) => self.warnings_lost += 1,
            (true, ..) => {}
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

    pub fn rows(&self, rows: &mut Rows) {
        rows.count("delay_warnings", "all", self.warnings);
        rows.count("bounce_messages", "all", self.bounces);
        rows.add("bounce_messages", "all", "delivered", "1", self.bounces_told as f64);
        rows.count("sts_refused", "all", self.sts_refused);
        rows.count("double_bounces", "all", self.double_bounces);
        rows.count("admin_notices", "all", self.postmaster);
        let mean = if self.bounces_told == 0 { f64::NAN } else { self.told_ns as f64 / self.bounces_told as f64 / 1e9 };
        rows.add("bounce_latency", "all", "mean", "s", mean);
    }

    pub fn still_queued(&mut self, delivery: &Delivery) {
        self.queued += u64::from(delivery.measured);
    }

    /// No notice was lost or made up: each came, failed, or is queued.
    pub fn is_balanced(&self) -> bool {
        let ended = self.bounces_told + self.double_bounces + self.warnings_told + self.warnings_lost;
        self.warnings + self.bounces == ended + self.queued
    }
}
