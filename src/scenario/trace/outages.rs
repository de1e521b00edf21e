//! A trace of outages.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::OutageRow;
use super::arrivals::{earliest, keep, missing, out_of_range};
use super::cell::{Clock, Time, parse_elapsed, read_name};
use super::table::{Cell, Row, Table};
use super::timestamp::Timestamp;
use crate::engine::time::SimTime;
use crate::scenario::diagnostic::{Diagnostic, SourceText};
use crate::scenario::lines::Lines;

const COLUMNS: [&str; 5] = ["start", "end", "duration", "host", "mode"];
const START: usize = 0;
const END: usize = 1;
const DURATION: usize = 2;
const HOST: usize = 3;
const MODE: usize = 4;

/// The times of a row as read.
struct Times<'a> {
    row: &'a Row,
    start: (Time, &'a Cell),
    end: Option<(Time, &'a Cell)>,
}

pub(super) fn read(
    source: &Arc<SourceText>,
    start: Option<Timestamp>,
    found: &mut Vec<Diagnostic>,
) -> Option<Vec<OutageRow>> {
    let table = Table::read(source, &COLUMNS, found)?;
    if !table.has(END) && !table.has(DURATION) {
        let error = Diagnostic::error("no column `end` and no column `duration`")
            .at(source, table.header.span())
            .label("expected one of the two")
            .help("begin the file with a line such as `start,duration,host,mode`");
        found.push(error);
        return None;
    }
    let mut clock = Clock::default();
    let mut times = Vec::with_capacity(table.rows.len());
    for row in &table.rows {
        let Some(cell) = table.cell(row, START) else {
            found.push(missing(source, row, "start"));
            continue;
        };
        let begin = keep(Some(clock.read(source, cell)), found);
        let end_cell = table.cell(row, END);
        let end = keep(end_cell.map(|cell| clock.read(source, cell)), found);
        if let (Some(begin), true) = (begin, end.is_some() == end_cell.is_some()) {
            times.push(Times { row, start: (begin, cell), end: end.zip(end_cell) });
        }
    }
    let start = start.or_else(|| earliest(times.iter().map(|times| times.start.0)));
    let mut outages: Vec<OutageRow> = Vec::with_capacity(times.len());
    for times in &times {
        let host = keep(
            table.cell(times.row, HOST).map(|cell| read_name(source, cell).map(|name| (name, cell.span.clone()))),
            found,
        );
        let mode = table.cell(times.row, MODE).map(|cell| (cell.text.clone(), cell.span.clone()));
        match bounds(source, &table, times, start) {
            Ok((start, end)) => outages.push(OutageRow { host, start, end, mode, span: times.row.span() }),
            Err(error) => found.push(error),
        }
    }
    if table.rows.is_empty() {
        let warning = Diagnostic::warning("the trace has no outages").at(source, table.header.span());
        found.push(warning.label("expected rows after the header"));
    }
    outages.sort_by_key(|outage| outage.start);
    check_overlaps(source, &outages, found);
    Some(outages)
}

/// Start and end of an outage.
fn bounds(
    source: &Arc<SourceText>,
    table: &Table,
    times: &Times<'_>,
    origin: Option<Timestamp>,
) -> Result<(SimTime, SimTime), Diagnostic> {
    let start = times.start.0.instant(origin).ok_or_else(|| out_of_range(source, times.start.1))?;
    match (times.end, table.cell(times.row, DURATION)) {
        (Some(_), Some(duration)) => {
            Err(duration.error(source, "the row has an end and a duration", "one of the two; leave the other blank"))
        }
        (None, None) => Err(Diagnostic::error("the row has no end")
            .at(source, times.row.span())
            .label("expected an `end` or a `duration`")),
        (None, Some(cell)) => {
            let span = parse_elapsed(&cell.text).map_err(|mut error| {
                error.expected = "seconds, or a duration such as `1h30m`".into();
                cell.text_error(source, error)
            })?;
            let end = start.checked_add(span).filter(|end| *end != SimTime::NEVER);
            end.map(|end| (start, end)).ok_or_else(|| out_of_range(source, cell))
        }
        (Some((end, cell)), None) => match end.instant(origin) {
            Some(end) if end >= start => Ok((start, end)),
            // An end before the origin of the trace is before the start of its outage too.
            _ => {
                let begin = &times.start.1.text;
                Err(cell.error(
                    source,
                    format!("the outage ends before it starts, at `{begin}`"),
                    "an end that is not before the start",
                ))
            }
        },
    }
}

/// Outages of one host may touch and must not overlap; `outages` are in order of their start.
fn check_overlaps(source: &Arc<SourceText>, outages: &[OutageRow], found: &mut Vec<Diagnostic>) {
    let lines = Lines::new(source);
    // For each host the outage that ends last so far.
    let mut latest: BTreeMap<Option<&str>, (SimTime, Range<usize>)> = BTreeMap::new();
    for outage in outages {
        let host = outage.host.as_ref().map(|(name, _)| name.as_str());
        if let Some((end, span)) = latest.get(&host)
            && outage.start < *end
        {
            let whose = host.map_or("two outages".to_string(), |name| format!("two outages of `{name}`"));
            let (this, other) = (lines.number(outage.span.start), lines.number(span.start));
            let error =
                Diagnostic::error(format!("{whose} overlap: lines {} and {}", this.min(other), this.max(other)))
                    .at(source, outage.span.clone())
                    .label(format!("starts before the outage on line {other} ends"))
                    .help("make one outage of them, or move one");
            found.push(error);
        }
        let entry = latest.entry(host).or_insert((outage.end, outage.span.clone()));
        if outage.end > entry.0 {
            *entry = (outage.end, outage.span.clone());
        }
    }
}
