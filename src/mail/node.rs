//! A node: its source, and the queue of what it holds back.

use std::collections::{BTreeMap, BTreeSet};

use super::known_routes::KnownRoutes;
use super::machine::Machine;
use super::queue::Queue;
use crate::arrivals::ArrivalClock;
use crate::engine::random::{EntityKey, Stream, unit_open};
use crate::engine::time::{SimDuration, SimTime};
use crate::model::mail::{Clockwork, NodeModel};
use crate::model::{Model, RegionId};

/// A node in one replication.
#[derive(Debug)]
pub(super) struct Node<'m> {
    /// When its next message comes; a relay originates nothing.
    pub arrivals: Option<ArrivalClock<'m>>,
    /// Where it is.
    pub region: RegionId,
    /// What draws made for its own messages are keyed by.
    pub key: EntityKey,
    /// Deliveries numbered so far.
    pub numbered: u64,
    /// Deliveries in its custody.
    pub depth: u64,
    /// Bytes of the messages in its custody.
    pub bytes: u64,
    /// Messages of a queue from before the start that are given up when their next attempt fails.
    pub forced: BTreeSet<u64>,
    /// The scans of its deferred queue, if its policy works by scans.
    pub scans: Option<Scans>,
    /// Routes that it need not look up.
    pub known: Option<KnownRoutes>,
    /// When each processor of its machine is free, if deliveries take time of one.
    pub machine: Option<Machine>,
    /// What its queue does beyond that.
    pub queue: Option<Box<Queue>>,
}

/// What waits for which scan. One event is pending for each scan that will find something, not one a message.
#[derive(Debug)]
pub(super) struct Scans {
    pub phase: SimDuration,
    pub period: SimDuration,
    due: BTreeMap<u64, Vec<(u32, u16)>>,
    spare: Vec<Vec<(u32, u16)>>,
}

impl<'m> Node<'m> {
    pub fn new(model: &'m Model, node: &'m NodeModel, replication: u32) -> Self {
        // A sender and a host that relays may share a name.
        let kind = if node.host.is_some() { "relay" } else { "node" };
        let stream = |purpose| Stream::new(model.seed, replication, kind, &node.name, purpose);
        let arrivals =
            node.source.as_ref().map(|source| ArrivalClock::new(&source.arrivals, &source.begins, stream("arrivals")));
        let scans = node.retry.clockwork().map(|Clockwork { period, phase }| {
            let share = unit_open(stream("scan phase").next_u64());
            let phase = phase.unwrap_or_else(|| SimDuration::from_secs_f64(share * period.as_secs_f64()));
            Scans { phase, period, due: BTreeMap::new(), spare: Vec::new() }
        });
        let key = EntityKey::new(model.seed, replication, kind, &node.name, "deliveries");
        Self {
            region: node.region,
            arrivals,
            key,
            numbered: 0,
            depth: 0,
            bytes: 0,
            forced: BTreeSet::new(),
            scans,
            known: KnownRoutes::new(node, &model.mail),
            machine: Machine::new(node.client.processors, node.client.processor_time),
            queue: Queue::new(node),
        }
    }
}

impl Node<'_> {
    /// Whether what it sends starts at once, however much of it there is.
    #[inline]
    pub fn is_plain(&self) -> bool {
        self.queue.is_none() && self.machine.is_none()
    }
}

impl Scans {
    /// Puts a delivery in the queue of the first scan at or after `due`. `Some(when)` if nothing waited for that scan yet.
    pub fn put(&mut self, due: SimTime, slot: u32, generation: u16) -> (SimTime, bool) {
        let (tick, at) = super::retry::next_scan(due, self.phase, self.period);
        let spare = &mut self.spare;
        let mut is_new = false;
        let waiting = self.due.entry(tick).or_insert_with(|| {
            is_new = true;
            spare.pop().unwrap_or_default()
        });
        waiting.push((slot, generation));
        (at, is_new)
    }

    /// Takes what waits for the scan at `now`.
    pub fn take(&mut self, now: SimTime) -> Vec<(u32, u16)> {
        let (tick, _) = super::retry::next_scan(now, self.phase, self.period);
        self.due.remove(&tick).unwrap_or_default()
    }

    /// Gives a vector that `take` gave back, to be used again.
    pub fn give_back(&mut self, mut used: Vec<(u32, u16)>) {
        used.clear();
        // One backlog after a long outage must not hold its memory for ever.
        if used.capacity() <= 4096 && self.spare.len() < 16 {
            self.spare.push(used);
        }
    }
}
