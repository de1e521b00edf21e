//! The scenario compiled: dense ids and tables, nothing to be looked up by name while a simulation runs.
//!
//! [`compile::compile`] is the one way from a [`crate::scenario::tree::Scenario`] to a [`Model`]; it makes every check that needs
//! more than one field. A model is immutable: a simulation holds its own state beside it.

pub mod client;
pub mod compile;
pub mod dns;
pub mod faults;
pub mod ids;
pub mod listing;
pub mod mail;
pub mod network;
pub mod outages;
pub mod scopes;
pub mod speaks;
pub mod status;
pub mod timeline;
pub mod vocabulary;

pub use ids::*;

use crate::engine::time::{SimDuration, SimTime};

/// A scenario, ready to run.
#[derive(Debug, Clone)]
pub struct Model {
    /// One line that names it.
    pub title: String,
    /// One line that says what to look for.
    pub look_for: String,
    /// When what begins and ends.
    pub clock: Clock,
    /// What all randomness is keyed by.
    pub seed: u64,
    /// Independent repetitions.
    pub replications: u32,
    /// Confidence level of intervals.
    pub confidence: f64,
    /// Most events in one replication.
    pub event_budget: u64,
    /// Regions and how long it takes between them.
    pub network: network::Network,
    /// Names, zones, servers, resolvers, clients, probes.
    pub dns: dns::DnsModel,
    /// Hosts and nodes.
    pub mail: mail::MailModel,
    /// What can be down.
    pub faults: faults::FaultsModel,
    /// What an operator does, in time order.
    pub timeline: Vec<timeline::TimelineItem>,
    /// Spans of which the share of deliveries made in time is told.
    pub slo: Vec<SimDuration>,
    /// Instants of which the queues' age tables are told, in order.
    pub qshape: Vec<SimTime>,
    /// What must hold of the results.
    pub objectives: Vec<Objective>,
}

/// The run's instants.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clock {
    /// Seconds since Monday 00:00 local time at simulated time 0.
    pub starts_in_week_s: u64,
    /// Start of the measured window.
    pub window_start: SimTime,
    /// End of the measured window.
    pub window_end: SimTime,
    /// End of the run.
    pub end: SimTime,
    /// Sources stop here: the window's end, or the run's.
    pub arrivals_end: SimTime,
    /// Width of a cell of the series' grid, over 0..end.
    pub cell: SimDuration,
    /// Cells of the grid.
    pub cells: u32,
}

/// A bound on a result.
#[derive(Debug, Clone, PartialEq)]
pub struct Objective {
    /// The measure, as in the tables.
    pub measure: String,
    /// Its statistic.
    pub statistic: String,
    /// Whose.
    pub scope: String,
    /// It must be below this, in the measure's unit.
    pub below: Option<f64>,
    /// It must be above this.
    pub above: Option<f64>,
    /// As the user wrote it.
    pub text: String,
}

impl Model {
    /// Entities in scheduling order: timeline, faults, DNS (secondaries, caches), hosts, nodes (design: effects flow that way).
    pub fn entities(&self) -> Entities {
        let faults = 1;
        let transfers = faults + self.faults.targets.len() as u32;
        let dns = transfers + self.dns.secondaries.len() as u32;
        let clients = dns + self.dns.caches.len() as u32;
        let probes = clients + self.dns.clients.len() as u32;
        let hosts = probes + self.dns.probes.len() as u32;
        let nodes = hosts + self.mail.hosts.len() as u32;
        Entities { faults, transfers, dns, clients, probes, hosts, nodes, count: nodes + self.mail.nodes.len() as u32 }
    }
}

/// Where each kind's entities begin; the timeline is entity 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entities {
    /// First fault target.
    pub faults: u32,
    /// First secondary of a zone.
    pub transfers: u32,
    /// First cache.
    pub dns: u32,
    /// First client.
    pub clients: u32,
    /// First probe.
    pub probes: u32,
    /// First host.
    pub hosts: u32,
    /// First node.
    pub nodes: u32,
    /// How many there are.
    pub count: u32,
}
