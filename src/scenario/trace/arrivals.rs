//! A trace of arrivals.

use std::sync::Arc;

use super::Arrival;
use super::cell::{Clock, Time, read_name, read_recipients, read_size};
use super::table::{Cell, Row, Table};
use super::timestamp::Timestamp;
use crate::scenario::diagnostic::{Diagnostic, SourceText};
use crate::scenario::lines::Lines;

const COLUMNS: [&str; 4] = ["time", "domain", "size", "recipients"];
const TIME: usize = 0;
const DOMAIN: usize = 1;
const SIZE: usize = 2;
const RECIPIENTS: usize = 3;

pub(super) fn read(
    source: &Arc<SourceText>,
    start: Option<Timestamp>,
    found: &mut Vec<Diagnostic>,
) -> Option<Vec<Arrival>> {
    let table = Table::read(source, &COLUMNS, found)?;
    let times = times(source, &table, found);
    let start = start.or_else(|| earliest(times.iter().flatten().map(|(time, _)| *time)));
    let mut arrivals = Vec::with_capacity(table.rows.len());
    // The other cells are read even if the time cannot be, so that their errors are said too.
    for (row, time) in table.rows.iter().zip(times) {
        let at = time
            .and_then(|(time, cell)| keep(Some(time.instant(start).ok_or_else(|| out_of_range(source, cell))), found));
        let domain = table.cell(row, DOMAIN).map(|cell| read_name(source, cell));
        let size = table.cell(row, SIZE).map(|cell| read_size(source, cell));
        let recipients = table.cell(row, RECIPIENTS).map(|cell| read_recipients(source, cell));
        let (domain, size_bytes, recipients) = (keep(domain, found), keep(size, found), keep(recipients, found));
        if let Some(at) = at {
            arrivals.push(Arrival { at, domain, size_bytes, recipients, span: row.span() });
        }
    }
    if table.rows.is_empty() {
        let warning = Diagnostic::warning("the trace has no arrivals").at(source, table.header.span());
        found.push(warning.label("expected rows after the header"));
    }
    sort(source, &mut arrivals, found);
    Some(arrivals)
}

/// The time of each row, `None` where it cannot be read.
fn times<'a>(source: &Arc<SourceText>, table: &'a Table, found: &mut Vec<Diagnostic>) -> Vec<Option<(Time, &'a Cell)>> {
    let mut clock = Clock::default();
    let mut read = |row: &'a Row| match table.cell(row, TIME) {
        None => keep(Some(Err(missing(source, row, "time"))), found),
        Some(cell) => keep(Some(clock.read(source, cell)), found).map(|time| (time, cell)),
    };
    table.rows.iter().map(&mut read).collect()
}

/// The value of a cell, its error said.
pub(super) fn keep<T>(value: Option<Result<T, Diagnostic>>, found: &mut Vec<Diagnostic>) -> Option<T> {
    match value? {
        Ok(value) => Some(value),
        Err(error) => {
            found.push(error);
            None
        }
    }
}

/// The earliest timestamp, if there is one.
pub(super) fn earliest(times: impl Iterator<Item = Time>) -> Option<Timestamp> {
    let timestamp = |time| if let Time::Calendar(timestamp) = time { Some(timestamp) } else { None };
    times.filter_map(timestamp).min()
}

pub(super) fn missing(source: &Arc<SourceText>, row: &Row, column: &str) -> Diagnostic {
    Diagnostic::error(format!("the row has no `{column}`"))
        .at(source, row.span())
        .label("expected a time in that column")
}

pub(super) fn out_of_range(source: &Arc<SourceText>, cell: &Cell) -> Diagnostic {
    let message = format!("`{}` is before the start of the trace, or too late to be simulated", cell.text);
    cell.error(source, message, "a time within 584 years after the start")
}

fn sort(source: &Arc<SourceText>, arrivals: &mut [Arrival], found: &mut Vec<Diagnostic>) {
    let early = arrivals.windows(2).filter_map(|pair| match pair {
        [before, after] if after.at < before.at => Some((before.span.start, after.span.clone())),
        _ => None,
    });
    let early: Vec<_> = early.collect();
    if let Some((before, span)) = early.first() {
        let message =
            format!("the arrivals are not in order of time ({} rows are earlier than the row before)", early.len());
        let warning = Diagnostic::warning(message).at(source, span.clone()).label(format!(
            "the first such row: earlier than line {}; the rows are sorted",
            Lines::new(source).number(*before)
        ));
        found.push(warning);
        arrivals.sort_by_key(|arrival| arrival.at);
    }
}
