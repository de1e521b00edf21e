//! A node: its source, and the queue of what it holds back.

use std::collections::BTreeSet;

use super::known_routes::KnownRoutes;
use super::machine::Machine;
use super::queue::Queue;
use super::scans::Scans;
use crate::arrivals::ArrivalClock;
use crate::engine::random::{EntityKey, Stream, unit_open};
use crate::engine::time::SimDuration;
use crate::model::mail::NodeModel;
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

impl<'m> Node<'m> {
    pub fn new(model: &'m Model, node: &'m NodeModel, replication: u32) -> Self {
        // A sender and a host that relays may share a name.
        let kind = if node.host.is_some() { "relay" } else { "node" };
        let stream = |purpose| Stream::new(model.seed, replication, kind, &node.name, purpose);
        let arrivals =
            node.source.as_ref().map(|source| ArrivalClock::new(&source.arrivals, &source.begins, stream("arrivals")));
        let scans = node.retry.clockwork().map(|clock| {
            let share = unit_open(stream("scan phase").next_u64());
            let phase = clock.phase.unwrap_or_else(|| SimDuration::from_secs_f64(share * clock.period.as_secs_f64()));
            Scans::new(&clock, phase)
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
            machine: Machine::new(&node.client),
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
