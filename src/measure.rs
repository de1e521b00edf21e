//! What is counted while a simulation runs, and what it comes to. Everything kept is an integer; floats are made once,
//! at the end, by [`Collector::finish`].

mod ages;
mod books;
mod collector;
mod depth;
mod dns_rows;
mod events;
pub(crate) mod exact;
mod inherited;
mod ledger;
mod load;
mod lookups;
mod notices;
mod queue;
mod records;
mod routes;
mod rows;
mod series;
mod staleness;
mod traces;
mod visibility;

pub use ages::{AGES_MIN, AgeTable, Ages};
pub use collector::Collector;
pub use records::{RecordKind, Records};
pub use staleness::CacheView;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::engine::time::{SimDuration, SimTime};
use crate::mail::TryResult;
use crate::model::dns::Question;
use crate::model::{HostId, Model, NodeId};
use crate::scenario::tree::FailureMode;

/// A name that stands in this program.
pub type Name = &'static str;

/// One number of one replication.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// What is measured.
    #[serde(deserialize_with = "exact::name")]
    pub measure: Name,
    /// Whose: `all`, `sender:campus`, ...
    pub scope: String,
    /// mean, p50, p90, p99, p999, max, count or share; a type, a cause, or the span of an attainment.
    pub statistic: Cow<'static, str>,
    /// `s`, `1` (a count or a ratio) or `share`.
    #[serde(deserialize_with = "exact::name")]
    pub unit: Name,
    /// The number; infinite where undelivered mail decides, not a number where nothing was observed.
    pub value: f64,
}

/// A measure in time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// What is measured.
    #[serde(deserialize_with = "exact::name")]
    pub measure: Name,
    /// Whose.
    pub scope: String,
    /// Its unit.
    #[serde(deserialize_with = "exact::name")]
    pub unit: Name,
    /// One value a cell of the grid (a mean over it), or a grid instant.
    pub values: Vec<f64>,
    /// Beside the grid, where the value jumps: when, from what, to what. Not in the tables.
    pub jumps: Vec<Jump>,
}

/// A value that jumps, just before and just after an instant.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Jump {
    /// When.
    pub at: SimTime,
    /// From.
    pub before: f64,
    /// To.
    pub after: f64,
}

/// What one replication comes to.
#[derive(Debug, Clone)]
pub struct Measurements {
    /// All numbers, in a fixed order.
    pub rows: Vec<Row>,
    /// All series, in a fixed order.
    pub series: Vec<Series>,
    /// Latencies of what was delivered, microseconds, and how many deliveries there were in all.
    pub latency: hdrhistogram::Histogram<u64>,
    /// Deliveries of the measured window.
    pub deliveries: u64,
    /// Those of them that are still queued when the run stops.
    pub censored: Censored,
    /// What the failover timeline shows.
    pub failover: Failover,
    /// What the map of caches shows: one list a tracked RRset.
    pub views: Vec<RrsetView>,
    /// Age tables of the queues, by instant and node.
    pub ages: Vec<AgeTable>,
}

/// Deliveries whose latency is not known but for its being more than their age when they were last seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Censored {
    /// How many.
    pub count: u64,
    /// The age of the oldest.
    pub age_max: SimDuration,
}

/// Host states and tries, for the chart of one replication.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Failover {
    /// Changes of hosts: when, which, how it fails (`None`: up).
    pub states: Vec<(SimTime, HostId, Option<FailureMode>)>,
    /// Brownouts of hosts: when, which, whether it browns out from then on.
    pub brownouts: Vec<(SimTime, HostId, bool)>,
    /// Tries about the first outage or brownout of a host, all or those of some deliveries.
    pub tries: Vec<Try>,
    /// All tries until then, counted in bins of this width.
    pub bin: SimDuration,
    /// Their counts.
    pub counts: Vec<u32>,
}

/// One try of a host.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Try {
    /// When its SYN was sent.
    pub at: SimTime,
    /// Whose delivery, by sender and number.
    pub sender: NodeId,
    /// See `sender`.
    pub number: u64,
    /// Where.
    pub host: HostId,
    /// How it ended.
    pub result: TryResult,
}

impl Failover {
    /// Tries from the bin of one instant to that of another, both included.
    pub fn total(&self, from: SimTime, to: SimTime) -> u64 {
        let bin = |at: SimTime| (at.as_nanos() / self.bin.as_nanos().max(1)) as usize;
        let counts = self.counts.iter().skip(bin(from)).take((bin(to) + 1).saturating_sub(bin(from)));
        counts.map(|&count| u64::from(count)).sum()
    }

    /// The bounds of the bins that two instants lie in.
    pub fn bins(&self, from: SimTime, to: SimTime) -> (SimTime, SimTime) {
        let bin = self.bin.as_nanos().max(1);
        let at = |index: u64| SimTime::ZERO + SimDuration::from_nanos(bin.saturating_mul(index));
        (at(from.as_nanos() / bin), at(to.as_nanos() / bin + 1))
    }
}

/// How much is shown before and after an outage that lasts so long: as much, within a minute and an hour.
pub fn surroundings(outage: SimDuration) -> SimDuration {
    outage.max(SimDuration::from_secs(60)).min(SimDuration::from_secs(3600))
}

/// What each cache would answer to one question, in time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RrsetView {
    /// Which.
    pub question: Question,
    /// Name and type.
    pub label: String,
    /// Changes at the primary.
    pub changes: Vec<SimTime>,
    /// For each cache its changes.
    pub caches: Vec<Vec<(SimTime, CacheView)>>,
}

/// Most nodes that get a series of their own.
pub(crate) const SERIES_MAX: usize = 8;

/// Labels of a tracked question.
pub(crate) fn question_label(model: &Model, question: crate::model::dns::Question) -> String {
    format!("{} {}", model.dns.names.text(question.name()), question.kind().text())
}
