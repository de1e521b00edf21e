//! What is counted while a simulation runs, and what it comes to. Everything kept is an integer; floats are made once,
//! at the end, by [`Collector::finish`].

mod collector;
mod depth;
mod events;
mod ledger;
mod records;
mod rows;
mod staleness;

pub use collector::Collector;
pub use records::{RecordKind, Records};
pub use staleness::CacheView;

use crate::engine::time::SimTime;
use crate::model::{HostId, Model};
use crate::scenario::tree::FailureMode;

/// One number of one replication.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What is measured.
    pub measure: &'static str,
    /// Whose: `all`, `sender:campus`, ...
    pub scope: String,
    /// mean, p50, p90, p99, p999, max, count or share.
    pub statistic: &'static str,
    /// `s`, `1` (a count or a ratio) or `share`.
    pub unit: &'static str,
    /// The number; infinite where undelivered mail decides, not a number where nothing was observed.
    pub value: f64,
}

/// A measure in time.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What is measured.
    pub measure: &'static str,
    /// Whose.
    pub scope: String,
    /// Its unit.
    pub unit: &'static str,
    /// One value a cell of the grid (a mean over it), or a grid instant.
    pub values: Vec<f64>,
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
    /// What the failover timeline shows.
    pub failover: Failover,
    /// What the map of caches shows: one list a tracked RRset.
    pub views: Vec<RrsetView>,
}

/// Host states and attempts, for the chart of one replication.
#[derive(Debug, Clone, Default)]
pub struct Failover {
    /// Changes of hosts: when, which, how it fails (`None`: up).
    pub states: Vec<(SimTime, HostId, Option<FailureMode>)>,
    /// The first tries: when, which delivery, which host, whether accepted, whether the attempt went on.
    pub tries: Vec<(SimTime, u64, HostId, bool, bool)>,
    /// Tries in all.
    pub tries_total: u64,
}

/// What each cache would answer to one question, in time.
#[derive(Debug, Clone)]
pub struct RrsetView {
    /// Name and type.
    pub label: String,
    /// Changes at the primary.
    pub changes: Vec<SimTime>,
    /// For each cache its changes.
    pub caches: Vec<Vec<(SimTime, CacheView)>>,
}

/// Most entities of a kind that get numbers of their own beside the sum over all.
pub const SCOPES_MAX: usize = 200;

/// Most nodes that get a series of their own.
pub(crate) const SERIES_MAX: usize = 8;

/// Whether a kind with so many members is reported one by one.
pub(crate) fn is_listed(count: usize) -> bool {
    count <= SCOPES_MAX
}

/// Labels of a tracked question.
pub(crate) fn question_label(model: &Model, question: crate::model::dns::Question) -> String {
    format!("{} {}", model.dns.names.text(question.name()), question.kind().text())
}
