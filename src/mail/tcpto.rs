//! qmail's table of addresses whose connections time out (`tcpto.c`): a file of so many records.

use super::Address;
use crate::engine::time::{SimDuration, SimTime};

/// The table of one node.
#[derive(Debug)]
pub(super) struct Tcpto {
    /// Time-outs after which an address rests.
    timeouts: u32,
    /// What comes sooner after the last one does not count, seconds.
    apart_s: u64,
    /// What a rest is a multiple of.
    unit: SimDuration,
    /// As many records as fit.
    entries: usize,
    records: Vec<Entry>,
}

/// One address; free when its count is zero.
#[derive(Debug, Clone, Copy)]
struct Entry {
    host: Address,
    /// Whole second of the last time-out that counted.
    when_s: u64,
    count: u32,
}

impl Tcpto {
    pub fn new(timeouts: u32, apart: SimDuration, unit: SimDuration, entries: u32) -> Self {
        Self { timeouts, apart_s: apart.whole_seconds(), unit, entries: entries.max(1) as usize, records: Vec::new() }
    }

    /// Whether the address rests (`tcpto`): for (60 + pid mod 32) units after the last time-out. `bits` stand for the
    /// process's number.
    pub fn holds(&self, now: SimTime, host: Address, bits: u64) -> bool {
        let rest = self.unit.saturating_mul(60 + (bits >> 59)).whole_seconds();
        let known = self.records.iter().find(|entry| entry.host == host);
        known.is_some_and(|entry| {
            entry.count >= self.timeouts && now.whole_seconds() < entry.when_s.saturating_add(rest)
        })
    }

    /// A SYN to it was not answered (`tcpto_err`). A new address takes a free record, or where there is none the one whose
    /// last time-out is longest ago, each time-out that counted standing for 1024 s.
    pub fn timed_out(&mut self, now: SimTime, host: Address) {
        let now_s = now.whole_seconds();
        if let Some(entry) = self.records.iter_mut().find(|entry| entry.host == host) {
            if entry.count == 0 || now_s >= entry.when_s.saturating_add(self.apart_s) {
                (entry.when_s, entry.count) = (now_s, (entry.count + 1).min(10));
            }
            return;
        }
        let new = Entry { host, when_s: now_s, count: 1 };
        if let Some(free) = self.records.iter_mut().find(|entry| entry.count == 0) {
            *free = new;
        } else if self.records.len() < self.entries {
            self.records.push(new);
        } else if let Some(first) =
            self.records.iter_mut().min_by_key(|entry| entry.when_s.saturating_add(1024 * u64::from(entry.count)))
        {
            *first = new;
        }
    }

    /// It took a connection.
    pub fn worked(&mut self, host: Address) {
        if let Some(entry) = self.records.iter_mut().find(|entry| entry.host == host) {
            entry.count = 0;
        }
    }

    /// `qmail-tcpok`.
    pub fn clear(&mut self) {
        self.records.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(entries: u32) -> Tcpto {
        Tcpto::new(2, SimDuration::from_secs(120), SimDuration::from_secs(64), entries)
    }

    /// Whether it rests by the shortest rest there is.
    fn holds(table: &Tcpto, second: u64, host: u32) -> bool {
        table.holds(SimTime::from_secs(second), Address::only(host), 0)
    }

    #[test]
    fn a_host_rests_after_two_time_outs_that_are_apart() {
        // tcpto.c: at least 2 time-outs, 120 s apart, then (60 + 0..31) * 64 s.
        let mut table = table(64);
        let host = Address::only(0);
        table.timed_out(SimTime::from_secs(1000), host);
        table.timed_out(SimTime::from_secs(1060), host);
        assert!(!holds(&table, 1100, 0));
        table.timed_out(SimTime::from_secs(1130), host);
        assert!(holds(&table, 1131, 0) && holds(&table, 1130 + 3839, 0));
        assert!(!holds(&table, 1130 + 3840, 0));
        assert!(table.holds(SimTime::from_secs(1130 + 5823), host, u64::MAX), "(60 + 31) * 64 s at most");
        table.worked(host);
        assert!(!holds(&table, 1131, 0));
    }

    #[test]
    fn the_table_has_so_many_records() {
        // tcpto.c, `tcpto_err`: with all records taken the one with the smallest time + 1024 * count goes.
        let mut table = table(2);
        for (second, host) in [(0, 0), (200, 0), (300, 1), (500, 1)] {
            table.timed_out(SimTime::from_secs(second), Address::only(host));
        }
        assert!(holds(&table, 501, 0) && holds(&table, 501, 1));
        table.timed_out(SimTime::from_secs(600), Address::only(2));
        assert!(!holds(&table, 601, 0), "the oldest made room");
        assert!(holds(&table, 601, 1));
        // A single time-out is worth less than two of a quarter of an hour before.
        table.timed_out(SimTime::from_secs(700), Address::only(3));
        assert!(holds(&table, 701, 1));
        // What works leaves its record free.
        table.worked(Address::only(3));
        table.timed_out(SimTime::from_secs(800), Address::only(4));
        assert!(holds(&table, 801, 1));
    }
}
