//! Counts and sums over deliveries.

use hdrhistogram::Histogram;

use crate::engine::time::{SimDuration, SimTime};
use crate::mail::{BounceCause, Delivery, End};

/// Latencies are kept in microseconds, up to 60 days, with three digits.
const LATENCY_MAX_US: u64 = 60 * 86_400 * 1_000_000;

/// A histogram of latencies.
pub(super) fn latencies() -> Histogram<u64> {
    // Bounds and digits are constants within what the crate accepts.
    Histogram::new_with_bounds(1, LATENCY_MAX_US, 3).unwrap_or_else(|_| unreachable!("constant bounds"))
}

/// Bits of a value that a bucket of [`latencies`] tells apart beside the leading one.
const BITS: u32 = 10;

/// The greatest value that has a bucket of its own there: what is above counts as this.
const TOP_US: u64 = (1 << 43) - 1;

/// Counts by the buckets of [`latencies`], without the checks of a histogram that may grow: one is counted a delivery.
#[derive(Debug, Clone)]
pub(super) struct Latencies(Vec<u64>);

impl Latencies {
    pub fn new() -> Self {
        Self(vec![0; Self::index(TOP_US) + 1])
    }

    /// The lowest bucket holds the values below 2048 one by one, each further one 1024 steps of twice the width.
    const fn index(micros: u64) -> usize {
        let shift = (u64::BITS - micros.leading_zeros()).saturating_sub(BITS + 1);
        ((shift as usize) << BITS) + (micros >> shift) as usize
    }

    #[inline]
    pub fn record(&mut self, micros: u64, count: u64) {
        self.0[Self::index(micros.min(TOP_US))] += count;
    }

    /// Counts those of `other`, too.
    pub fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(all, more)| *all += more);
    }

    /// The same as a histogram.
    pub fn histogram(&self) -> Histogram<u64> {
        let mut histogram = latencies();
        for (index, &count) in self.0.iter().enumerate().filter(|(_, count)| **count > 0) {
            let shift = (index >> BITS).saturating_sub(1);
            histogram.saturating_record_n(((index - (shift << BITS)) as u64) << shift, count);
        }
        histogram
    }
}

/// Why deliveries bounce, as the tables call it.
pub(super) const BOUNCES: [(BounceCause, &str); 5] = [
    (BounceCause::Rejected, "rejected"),
    (BounceCause::NoDomain, "no_domain"),
    (BounceCause::NoAddress, "no_address"),
    (BounceCause::NullMx, "null_mx"),
    (BounceCause::Loop, "loop"),
];

/// What happened to the deliveries of one scope.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ledger {
    pub created: u64,
    pub delivered: u64,
    /// By cause, in the order of [`BOUNCES`].
    pub bounces: [u64; BOUNCES.len()],
    pub expired: u64,
    pub discarded: u64,
    pub queued: u64,
    pub attempts: u64,
    /// Times that something was put off without a look-up or a connection.
    pub suspensions: u64,
    pub first_attempt: u64,
    pub latency_ns: u128,
    pub latency_max: SimDuration,
    pub handoffs: u64,
    pub handoff_ns: u128,
    pub failovers: u64,
    pub failover_ns: u128,
    pub failover_max: SimDuration,
    /// Accepted over a stale route, by a host that is still one of the domain's, and by one that no longer is.
    pub stale_current: u64,
    pub stale_former: u64,
}

impl Ledger {
    #[inline]
    pub fn end(&mut self, now: SimTime, delivery: &Delivery, end: End) {
        let n = u64::from(delivery.recipients);
        self.attempts += n * u64::from(delivery.attempts);
        self.suspensions += n * u64::from(delivery.suspensions);
        self.handed_off(delivery);
        match end {
            End::Delivered => {
                let latency = now.since(delivery.created);
                self.delivered += n;
                self.latency_ns += u128::from(n) * u128::from(latency.as_nanos());
                self.latency_max = self.latency_max.max(latency);
                self.first_attempt += n * u64::from(delivery.attempts == 1);
                self.accepted(now, delivery);
            }
            End::Bounced(cause) => {
                let index = BOUNCES.iter().position(|(known, _)| *known == cause);
                self.bounces[index.unwrap_or(0)] += n;
            }
            End::Expired => self.expired += n,
            End::Discarded => self.discarded += n,
        }
    }

    /// So many deliveries were made at their first attempt, which began with them, by the host that was tried first or by
    /// a later one.
    #[inline]
    pub fn landed(&mut self, n: u64, latency: SimDuration, failed_over: bool) {
        let sum_ns = u128::from(n) * u128::from(latency.as_nanos());
        self.attempts += n;
        self.first_attempt += n;
        self.handoffs += n;
        self.handoff_ns += sum_ns;
        self.delivered += n;
        self.latency_ns += sum_ns;
        self.latency_max = self.latency_max.max(latency);
        if failed_over {
            self.failovers += n;
            self.failover_ns += sum_ns;
            self.failover_max = self.failover_max.max(latency);
        }
    }

    /// An attempt was accepted, by the final host or a relay: a failover if its first-tried host had failed.
    pub fn accepted(&mut self, now: SimTime, delivery: &Delivery) {
        if delivery.first_failed {
            let (n, span) = (u64::from(delivery.recipients), now.since(delivery.first_syn));
            self.failovers += n;
            self.failover_ns += u128::from(n) * u128::from(span.as_nanos());
            self.failover_max = self.failover_max.max(span);
        }
    }

    /// It was delivered over a stale route.
    pub fn delivered_stale(&mut self, delivery: &Delivery, host_is_current: bool) {
        let n = u64::from(delivery.recipients);
        *(if host_is_current { &mut self.stale_current } else { &mut self.stale_former }) += n;
    }

    fn handed_off(&mut self, delivery: &Delivery) {
        if delivery.handed_off < SimTime::NEVER {
            let n = u64::from(delivery.recipients);
            self.handoffs += n;
            self.handoff_ns += u128::from(n) * u128::from(delivery.handed_off.since(delivery.created).as_nanos());
        }
    }

    pub fn still_queued(&mut self, delivery: &Delivery) {
        self.handed_off(delivery);
        self.queued += u64::from(delivery.recipients);
        self.attempts += u64::from(delivery.recipients) * u64::from(delivery.attempts);
        self.suspensions += u64::from(delivery.recipients) * u64::from(delivery.suspensions);
    }

    pub fn add(&mut self, other: &Self) {
        let Self {
            created,
            delivered,
            bounces,
            expired,
            discarded,
            queued,
            attempts,
            suspensions,
            first_attempt,
            latency_ns,
            latency_max,
            handoffs,
            handoff_ns,
            failovers,
            failover_ns,
            failover_max,
            stale_current,
            stale_former,
        } = other;
        self.created += created;
        self.delivered += delivered;
        self.bounces.iter_mut().zip(bounces).for_each(|(all, more)| *all += more);
        self.expired += expired;
        self.discarded += discarded;
        self.queued += queued;
        self.attempts += attempts;
        self.suspensions += suspensions;
        self.first_attempt += first_attempt;
        self.latency_ns += latency_ns;
        self.latency_max = self.latency_max.max(*latency_max);
        self.handoffs += handoffs;
        self.handoff_ns += handoff_ns;
        self.failovers += failovers;
        self.failover_ns += failover_ns;
        self.failover_max = self.failover_max.max(*failover_max);
        self.stale_current += stale_current;
        self.stale_former += stale_former;
    }

    /// Bounces for whatever cause.
    pub fn bounced(&self) -> u64 {
        self.bounces.iter().sum()
    }

    /// What arrived has ended in exactly one way, or is queued.
    pub fn is_balanced(&self) -> bool {
        self.created == self.delivered + self.bounced() + self.expired + self.discarded + self.queued
    }
}

/// The values below which the ascending shares `ps` of `total` observations lie, of which `zeros` are 0 and those beyond
/// `histogram` infinite; seconds. One pass: the buckets are many.
pub(super) fn quantiles_s<const N: usize>(
    histogram: &Histogram<u64>,
    zeros: u64,
    total: u64,
    ps: [f64; N],
) -> [f64; N] {
    if total == 0 {
        return [f64::NAN; N];
    }
    let (mut buckets, mut seen, mut value) = (histogram.iter_recorded(), zeros, Some(0.0));
    ps.map(|p| {
        // The smallest rank that covers the share: exact in integers for the shares in use.
        let rank = (libm::ceil(p * total as f64) as u64).clamp(1, total);
        while seen < rank && value.is_some() {
            value = buckets.next().map(|bucket| {
                seen += bucket.count_at_value();
                histogram.median_equivalent(bucket.value_iterated_to()) as f64 / 1e6
            });
        }
        value.unwrap_or(f64::INFINITY)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_those_of_the_histogram() {
        let (mut counts, mut histogram) = (Latencies::new(), latencies());
        let mut micros = 1u64;
        for step in 0..4000u64 {
            micros = if step < 2500 { step } else { (micros + micros / 60 + 7).min(TOP_US) };
            counts.record(micros, step % 3 + 1);
            histogram.saturating_record_n(micros, step % 3 + 1);
        }
        assert_eq!(micros, TOP_US, "the whole range");
        assert!(counts.histogram() == histogram);
        let (ps, total) = ([0.001, 0.5, 0.9, 0.999, 1.0], histogram.len() + 5);
        assert_eq!(quantiles_s(&counts.histogram(), 0, total, ps), quantiles_s(&histogram, 0, total, ps));
    }

    #[test]
    fn quantiles_are_the_least_values_that_cover_their_shares() {
        let mut histogram = latencies();
        (1..=6).for_each(|micros| histogram.saturating_record(micros * 100));
        // Of ten: two zeros, 100 to 600 microseconds, two never.
        let found = quantiles_s(&histogram, 2, 10, [0.1, 0.2, 0.3, 0.5, 0.8, 0.81, 1.0]);
        assert_eq!(found, [0.0, 0.0, 1e-4, 3e-4, 6e-4, f64::INFINITY, f64::INFINITY]);
        assert!(quantiles_s(&histogram, 0, 0, [0.5])[0].is_nan());
        assert_eq!(quantiles_s(&latencies(), 3, 3, [0.5, 1.0]), [0.0, 0.0]);
    }
}
