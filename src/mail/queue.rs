//! The queue of a node whose system does more than keep a timer a message: an active queue with limits, destinations
//! whose concurrency is controlled, queue runs, hosts that rest.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::Address;
use super::connections::{Connections, Idle};
use super::destination::{Ready, Sessions};
use super::memory::Remembered;
use super::mta_relay::Route;
use super::ready_queue::ReadyQueues;
use super::runs::Runs;
use super::serialized::Serialized;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::NameId;
use crate::model::client::KeptSessions;
use crate::model::mail::{DestinationRules, Memory, NodeModel, Pickup, QueueLimits, RouteLimits};
use crate::scenario::tree::Feedback;

/// A node's queue in one replication.
#[derive(Debug)]
pub(super) struct Queue {
    /// How many deliveries to one destination may run; without it all start at once.
    pub gate: Option<DestinationRules>,
    pub(super) limits: QueueLimits,
    pub(super) running: u32,
    pub(super) active: u32,
    /// Beyond the active queue's limit.
    pub(super) incoming: VecDeque<u32>,
    pub(super) admitted: u64,
    pub(super) ready: Ready,
    /// What it remembers of hosts.
    pub memory: Option<Remembered>,
    /// Its queue runs.
    pub runs: Option<Runs>,
    /// Hosts with which one connection at a time is begun, if there are any.
    pub(super) serialized: Option<Serialized>,
    /// How sessions are kept, if they are.
    pub(super) keeps: Option<KeptSessions>,
    pub connections: Connections,
    /// The kept or passed-on session that a delivery goes through.
    pub sessions: FxHashMap<u32, Idle>,
    /// Time between connections to one destination.
    pub(super) apart: SimDuration,
    /// Connections in all, where those are counted.
    pub(super) open: u32,
    /// KumoMTA's ready queues, if it has those.
    pub(super) ready_queues: Option<ReadyQueues>,
    pub(super) is_pumped: bool,
}

/// What a delivery has of its node's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Place {
    /// Nothing: it waits, or nothing is limited.
    #[default]
    None,
    /// A place in the active queue.
    Active,
    /// One of the deliveries that run, and what it does with kept sessions.
    Running(Sessions),
}

/// What an attempt came across, for what is remembered of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    /// Hosts passed over since they rest.
    pub held: u16,
    /// Of these, such as have failed for too long.
    pub held_expired: u16,
    /// Records of failure written, and of these past their last cutoff.
    pub records: u16,
    pub timed_out: u16,
    /// The host at which something failed last that is the message's own.
    pub own: Option<NameId>,
    /// Whether that was a recipient.
    pub of_address: bool,
    /// Whether hosts that are past their cutoff are tried once more (Exim without `delay_after_cutoff`).
    pub past_cutoff: bool,
    /// Whether the last try failed at the site.
    pub site: bool,
}

/// How a delivery left its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// The site answered.
    Served,
    /// The site could not be reached.
    SiteFailed,
    /// It was not tried.
    Suspended,
}

impl Place {
    /// What a delivery in this place does with kept sessions.
    pub fn sessions(self) -> Sessions {
        match self {
            Place::Running(sessions) => sessions,
            Place::None | Place::Active => Sessions::default(),
        }
    }
}

impl Queue {
    /// The queue that a node's policy needs; `None` if a timer a message, or a scan, is all.
    pub fn new(node: &NodeModel) -> Option<Box<Self>> {
        let (policy, limits) = (&node.retry, node.retry.limits);
        let is_limited = [limits.active, limits.deliveries, limits.per_destination].into_iter().any(|n| n != u32::MAX);
        let probes = policy.memory == Memory::NextHopQueue;
        let gate = match policy.memory {
            Memory::Destination(rules) => Some(rules),
            _ => (is_limited || probes).then_some(DestinationRules {
                initial: limits.per_destination,
                limit: limits.per_destination,
                positive: Feedback::Constant(0.0),
                negative: Feedback::Constant(0.0),
                failed_cohort_limit: if probes { f64::MIN_POSITIVE } else { 0.0 },
                rest: SimDuration::ZERO,
                rate_delay: SimDuration::ZERO,
                remembers: false,
                probes,
            }),
        };
        let ready_queues = match policy.memory {
            Memory::ReadyQueue { failures, most } => Some(ReadyQueues::new(failures, most)),
            _ => None,
        };
        let memory = Remembered::new(&policy.memory);
        let runs = match policy.pickup {
            Pickup::QueueRun { runners, order, .. } => Some(Runs::new(runners, order)),
            Pickup::AtOnce | Pickup::Scan(_) => None,
        };
        (gate.is_some() || memory.is_some() || runs.is_some()).then(|| {
            Box::new(Self {
                gate,
                limits,
                running: 0,
                active: 0,
                incoming: VecDeque::new(),
                admitted: 0,
                ready: Ready::new(),
                memory,
                runs,
                serialized: Serialized::new(&policy.memory),
                keeps: node.client.keeps,
                connections: Connections::default(),
                sessions: FxHashMap::default(),
                apart: node.client.connections_apart,
                open: 0,
                ready_queues,
                is_pumped: false,
            })
        })
    }

    /// Whether failures are kept in records of hosts, as Exim does.
    pub fn keeps_records(&self) -> bool {
        matches!(self.memory, Some(Remembered::Records { .. }))
    }

    /// Whether routes are chosen by the connections they have.
    pub fn counts_connections(&self) -> bool {
        matches!(self.memory, Some(Remembered::Routes { .. }))
    }

    /// A connection to an address begins or ends, where that is counted.
    pub(super) fn count(&mut self, now: SimTime, address: Address, opened: bool) {
        let Some(route) = self.route(address) else { return };
        let before = route.open;
        if opened {
            (route.open, route.connected) = (before + 1, Some(now));
        } else {
            (route.open, route.closed) = (before.saturating_sub(1), Some(now));
        }
        let after = route.open;
        self.open = self.open + after - before;
    }

    /// What is known of an address, where routes are.
    pub(super) fn route(&mut self, address: Address) -> Option<&mut Route> {
        match &mut self.memory {
            Some(Remembered::Routes { hosts, .. }) => Some(hosts.entry(address).or_default()),
            _ => None,
        }
    }

    /// The same, to be looked at.
    pub(super) fn known_route(&self, address: Address) -> Route {
        match &self.memory {
            Some(Remembered::Routes { hosts, .. }) => hosts.get(&address).copied().unwrap_or_default(),
            _ => Route::default(),
        }
    }

    /// Limits on routes, if there are any.
    pub(super) fn route_limits(&self) -> Option<RouteLimits> {
        match &self.memory {
            Some(Remembered::Routes { limits, .. }) => Some(*limits),
            _ => None,
        }
    }
}
