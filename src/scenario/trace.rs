//! Real input in CSV: arrivals of messages, outages of hosts, and columns of observations.
//!
//! A file has a header that names its columns, in any order and either case; cells may stand in double quotes; lines
//! that begin with `#` and blank lines are passed over. Times are seconds, durations (`1h30m`) or timestamps, one kind
//! in a file.

mod arrivals;
mod cell;
mod outages;
mod table;
mod timestamp;

use std::ops::Range;
use std::sync::Arc;

use crate::engine::time::SimTime;
use crate::scenario::diagnostic::{Diagnostic, SourceText};

pub use timestamp::Timestamp;

/// One arrival of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// When, counted from the start of the trace.
    pub at: SimTime,
    /// The recipients' domain, lower case, without the trailing dot; `None` leaves it to the sender.
    pub domain: Option<String>,
    /// Bytes; `None` leaves it to the sender.
    pub size_bytes: Option<u32>,
    /// At least 1; `None` leaves it to the sender.
    pub recipients: Option<u16>,
    /// Byte offsets of the row in the file.
    pub span: Range<usize>,
}

/// One outage of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutageRow {
    /// Name of the host, lower case, with its byte offsets in the file; `None` is the host that the scenario says.
    pub host: Option<(String, Range<usize>)>,
    /// The first instant of the outage, counted from the start of the trace.
    pub start: SimTime,
    /// The first instant after it, not before `start`.
    pub end: SimTime,
    /// The word for how the host fails, as written, with its byte offsets in the file.
    pub mode: Option<(String, Range<usize>)>,
    /// Byte offsets of the row in the file.
    pub span: Range<usize>,
}

/// Reads arrivals: a column `time`, and `domain`, `size` (bytes or `12KiB`) and `recipients` where wanted.
///
/// Timestamps count from `start`, or from the earliest in the file if that is `None`; one without an offset is UTC.
/// The rows are returned in order of time; those of one instant keep the order of the file.
///
/// # Errors
/// The arrivals are `None` if any diagnostic is an error; every cell is looked at.
pub fn read_arrivals(source: &Arc<SourceText>, start: Option<Timestamp>) -> (Option<Vec<Arrival>>, Vec<Diagnostic>) {
    settle(source, |found| arrivals::read(source, start, found))
}

/// Reads outages: columns `start` and `end` or `duration`, and `host` and `mode` where wanted.
///
/// Timestamps count from `start`, or from the earliest start in the file if that is `None`. The rows are returned in
/// order of their start.
///
/// # Errors
/// The outages are `None` if any diagnostic is an error: a cell that cannot be read, an end before its start, outages
/// of one host that overlap.
pub fn read_outages(source: &Arc<SourceText>, start: Option<Timestamp>) -> (Option<Vec<OutageRow>>, Vec<Diagnostic>) {
    settle(source, |found| outages::read(source, start, found))
}

/// Reads a bare column for `empirical(file.csv)`, with or without a header: numbers as they are, durations in seconds,
/// sizes in bytes; none negative, at least one.
///
/// # Errors
/// The values are `None` if any diagnostic is an error: a second column, a cell that cannot be read, no value, or
/// durations beside sizes.
pub fn read_column(source: &Arc<SourceText>) -> (Option<Vec<f64>>, Vec<Diagnostic>) {
    settle(source, |found| cell::read_values(source, found))
}

/// The result with its diagnostics in the order of the file, and no result beside an error.
fn settle<T>(
    source: &Arc<SourceText>,
    read: impl FnOnce(&mut Vec<Diagnostic>) -> Option<T>,
) -> (Option<T>, Vec<Diagnostic>) {
    let mut found = table::unclosed_quotes(source);
    let result = if found.is_empty() { read(&mut found) } else { None };
    found.sort_by_key(|diagnostic| diagnostic.place.as_ref().map(|place| place.span.start));
    let failed = found.iter().any(Diagnostic::is_error);
    (result.filter(|_| !failed), found)
}

#[cfg(test)]
mod tests;
