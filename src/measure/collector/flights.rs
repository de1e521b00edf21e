//! What the collector counts of deliveries that are in flight: the same as of others, at once.

use super::Collector;
use crate::engine::time::SimTime;
use crate::mail::Flight;

impl Collector<'_> {
    /// Whether somebody wants to hear each step of what is created now.
    #[inline]
    pub(super) fn follows_each(&self, now: SimTime) -> bool {
        self.records.is_some() || !self.outages.is_empty() || self.trace.as_ref().is_some_and(|trace| trace.keeps(now))
    }

    /// A flight begins.
    #[inline]
    pub(super) fn count_start(&mut self, flight: &Flight) {
        let message = &flight.message;
        let (now, n) = (message.created, u64::from(message.recipients));
        self.whole.0 += n;
        if message.measured {
            self.books.write_of(message.sender, message.domain, |ledger| ledger.created += n);
            for index in 0..self.attainments.len() {
                if self.counts_for(now, self.attainments[index].within) {
                    self.attainments[index].counts[message.sender.index()].0 += n;
                }
            }
            // It connects at the instant of its creation.
            self.hosts[flight.host().index()].connections += 1;
        }
        self.queues[message.sender.index()].start(now, flight);
        if let Some(all) = &mut self.all_queues {
            all.start(now, flight);
        }
    }

    /// A flight was refused by its first host and goes to the second.
    pub(super) fn count_turn(&mut self, now: SimTime, flight: &Flight) {
        let message = &flight.message;
        if let Some(first) = flight.refused_by().filter(|_| message.measured) {
            self.hosts[first.index()].refused += 1;
        }
        self.hosts[flight.host().index()].connections += u64::from(self.is_in_window(now));
    }

    /// A flight is over.
    #[inline]
    pub(super) fn count_end(&mut self, now: SimTime, flight: &Flight) {
        let message = &flight.message;
        let n = u64::from(message.recipients);
        self.whole.1 += n;
        if message.measured {
            let latency = now.since(message.created);
            let failed_over = flight.refused_by().is_some();
            self.books.write_of(message.sender, message.domain, |ledger| ledger.landed(n, latency, failed_over));
            self.count_latency(message.sender, message.created, latency, n);
        }
        if self.is_in_window(flight.started) {
            let host = &mut self.hosts[flight.host().index()];
            host.accepted += 1;
            host.from_senders += 1;
            host.useful += 1;
        }
        self.queues[message.sender.index()].land(now, flight);
        if let Some(all) = &mut self.all_queues {
            all.land(now, flight);
        }
    }
}
