//! Host states and tries of one replication, thinned for a chart.

use super::{Failover, Try};
use crate::engine::random::{EntityKey, draw};
use crate::engine::time::{SimDuration, SimTime};
use crate::mail::{AttemptRecord, Delivery};
use crate::model::{HostId, Model};
use crate::scenario::tree::FailureMode;

/// Most tries kept: whole deliveries, half of them dropped as often as it takes.
const TRIES_MAX: usize = 4000;

/// Changes of host states kept.
const STATES_MAX: usize = 20_000;

/// Bins in which all tries are counted, over a whole run.
const BINS: u64 = 4096;

/// Keeps what the failover chart shows: the first outage of a host with its surroundings.
#[derive(Debug)]
pub(super) struct Trace {
    pub failover: Failover,
    key: EntityKey,
    /// A delivery is kept if its draw has none of these bits.
    mask: u64,
    first_down: Option<(HostId, SimTime)>,
    /// Nothing is kept from here on.
    until: SimTime,
}

impl Trace {
    pub fn new(model: &Model, replication: u32) -> Self {
        let bin = SimDuration::from_nanos(model.clock.end.as_nanos() / BINS + 1);
        Self {
            failover: Failover { bin, counts: vec![0; BINS as usize + 1], ..Failover::default() },
            key: EntityKey::new(model.seed, replication, "chart", "failover", "sample"),
            mask: 0,
            first_down: None,
            until: SimTime::NEVER,
        }
    }

    pub fn on_state(&mut self, now: SimTime, host: HostId, down: Option<FailureMode>) {
        if self.failover.states.len() < STATES_MAX {
            self.failover.states.push((now, host, down));
        }
        self.on_trouble(now, host, down.is_some());
    }

    pub fn on_brownout(&mut self, now: SimTime, host: HostId, begins: bool) {
        self.failover.brownouts.push((now, host, begins));
        self.on_trouble(now, host, begins);
    }

    fn on_trouble(&mut self, now: SimTime, host: HostId, begins: bool) {
        match (self.first_down, begins) {
            (None, true) => self.first_down = Some((host, now)),
            (Some((first, since)), false) if first == host && self.until == SimTime::NEVER => {
                self.until = self.failover.bins(now, now + super::surroundings(now.since(since))).1;
            }
            _ => {}
        }
    }

    /// Whether it counts a try that starts then.
    #[inline]
    pub fn keeps(&self, start: SimTime) -> bool {
        start <= self.until
    }

    pub fn on_try(&mut self, record: &AttemptRecord, delivery: &Delivery) {
        let at = record.start;
        if !self.keeps(at) {
            return;
        }
        if let Some(count) = self.failover.counts.get_mut((at.as_nanos() / self.failover.bin.as_nanos()) as usize) {
            *count += 1;
        }
        if draw(self.key, u64::from(delivery.sender.0), delivery.number) & self.mask != 0 {
            return;
        }
        let tries = &mut self.failover.tries;
        let (sender, number) = (delivery.sender, delivery.number);
        tries.push(Try { at, sender, number, host: record.host, result: record.result });
        if tries.len() <= TRIES_MAX {
            return;
        }
        if self.first_down.is_none() {
            // Of what comes before the first outage only the end is of interest.
            let from = at - super::surroundings(SimDuration::MAX);
            tries.retain(|kept| kept.at >= from);
        }
        while tries.len() > TRIES_MAX / 2 {
            self.mask = self.mask << 1 | 1;
            let (key, mask) = (self.key, self.mask);
            tries.retain(|kept| draw(key, u64::from(kept.sender.0), kept.number) & mask == 0);
            // One delivery that is tried for ever cannot be halved.
            if self.mask == u64::MAX {
                tries.truncate(TRIES_MAX / 2);
            }
        }
    }
}
