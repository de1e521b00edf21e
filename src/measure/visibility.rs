//! When users see what was delivered, where mailboxes are replicated.

use hdrhistogram::Histogram;

use super::ledger::latencies;
use super::rows::Rows;
use crate::engine::time::{SimDuration, SimTime};
use crate::mail::Delivery;
use crate::model::Model;

/// Times from creation until a reader of the mailbox sees a message.
#[derive(Debug)]
pub(super) struct Visibility {
    histogram: Histogram<u64>,
    /// Of all, and of what the reader had to wait for.
    sum_ns: u128,
    lag_ns: u128,
    late: u64,
    longest: SimDuration,
}

impl Visibility {
    /// `None` unless some host's mailboxes are replicated.
    pub fn of(model: &Model) -> Option<Self> {
        let any = model.mail.hosts.iter().any(|host| host.store.is_some());
        any.then(|| Self { histogram: latencies(), sum_ns: 0, lag_ns: 0, late: 0, longest: SimDuration::ZERO })
    }

    pub fn see(&mut self, now: SimTime, delivery: &Delivery, lag: SimDuration) {
        if !delivery.measured {
            return;
        }
        let n = u64::from(delivery.recipients);
        let span = now.since(delivery.created) + lag;
        self.histogram.saturating_record_n(span.as_nanos() / 1000, n);
        self.sum_ns += u128::from(n) * u128::from(span.as_nanos());
        self.lag_ns += u128::from(n) * u128::from(lag.as_nanos());
        self.longest = self.longest.max(span);
        self.late += n * u64::from(!lag.is_zero());
    }

    pub fn rows(&self, rows: &mut Rows) {
        let count = self.histogram.len();
        let mean = |sum_ns: u128| if count == 0 { f64::NAN } else { sum_ns as f64 / count as f64 / 1e9 };
        rows.add("visible_latency", "all", "mean", "s", mean(self.sum_ns));
        let ps = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)];
        rows.quantiles("visible_latency", "all", ps, &self.histogram, 0, count, self.longest.as_secs_f64());
        rows.add("replication_lag", "all", "mean", "s", mean(self.lag_ns));
        rows.share("not_yet_visible", "all", self.late, count);
    }
}
