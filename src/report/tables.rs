//! The tidy tables of a run: one number a row, its whole address beside it.

use std::io::{self, Write};

use super::Outcome;
use super::number::exact;
use crate::measure::{AGES_MIN, Ages};
use crate::model::Clock;

/// The columns of `summary.csv`.
pub const SUMMARY: [&str; 10] =
    ["scenario", "variant", "measure", "scope", "statistic", "unit", "value", "ci_low", "ci_high", "replications"];

/// The columns of `replications.csv`.
pub const REPLICATIONS: [&str; 9] =
    ["scenario", "variant", "replication", "seed", "measure", "scope", "statistic", "unit", "value"];

/// The columns of `series.csv`.
pub const SERIES: [&str; 8] = ["scenario", "variant", "replication", "measure", "scope", "time_s", "unit", "value"];

/// The columns of `qshape.csv` before those of the ages.
pub const QSHAPE: [&str; 7] = ["scenario", "variant", "replication", "time_s", "node", "domain", "total"];

/// `summary.csv`: every measure over all replications, with its confidence interval.
///
/// # Errors
/// What the writer says.
pub fn summary_csv(outcome: &Outcome<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = csv::Writer::from_writer(out);
    rows.write_record(SUMMARY)?;
    for variant in &outcome.results.variants {
        for row in &variant.summary {
            let (low, high) = ends(row.interval);
            rows.write_record([
                outcome.name,
                &variant.name,
                row.measure,
                &row.scope,
                &row.statistic,
                row.unit,
                &exact(row.value),
                &exact(low),
                &exact(high),
                &row.replications.to_string(),
            ])?;
        }
    }
    rows.flush()
}

/// `replications.csv`: every measure of every replication, with the seed that gives it again.
///
/// # Errors
/// What the writer says.
pub fn replications_csv(outcome: &Outcome<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = csv::Writer::from_writer(out);
    rows.write_record(REPLICATIONS)?;
    for variant in &outcome.results.variants {
        for replication in &variant.replications {
            let (index, seed) = (replication.replication.to_string(), replication.seed.to_string());
            for row in &replication.rows {
                rows.write_record([
                    outcome.name,
                    &variant.name,
                    &index,
                    &seed,
                    row.measure,
                    &row.scope,
                    &row.statistic,
                    row.unit,
                    &exact(row.value),
                ])?;
            }
        }
    }
    rows.flush()
}

/// `series.csv`: every series of every replication on the sampling grid.
///
/// # Errors
/// What the writer says.
pub fn series_csv(outcome: &Outcome<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = csv::Writer::from_writer(out);
    rows.write_record(SERIES)?;
    let variants = outcome.results.variants.iter().zip(&outcome.loaded.variants);
    for (variant, loaded) in variants {
        let times: Vec<String> = grid(&loaded.model.clock).into_iter().map(exact).collect();
        for replication in &variant.replications {
            let index = replication.replication.to_string();
            for series in &replication.series {
                for (time, value) in times.iter().zip(&series.values) {
                    rows.write_record([
                        outcome.name,
                        &variant.name,
                        &index,
                        series.measure,
                        &series.scope,
                        time,
                        series.unit,
                        &exact(*value),
                    ])?;
                }
            }
        }
    }
    rows.flush()
}

/// `qshape.csv`: the ages of what was queued, by node and destination, at the instants of `run.qshape`; `TOTAL` first, as
/// Postfix's `qshape` has it.
///
/// # Errors
/// What the writer says.
pub fn qshape_csv(outcome: &Outcome<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = csv::Writer::from_writer(out);
    let columns = AGES_MIN.iter().map(u64::to_string);
    let beyond = AGES_MIN.last().map(|minutes| format!("{minutes}+"));
    let first = QSHAPE.map(str::to_owned);
    rows.write_record(first.into_iter().chain(columns).chain(beyond))?;
    for (variant, loaded) in outcome.results.variants.iter().zip(&outcome.loaded.variants) {
        for replication in &variant.replications {
            for table in &replication.ages {
                let scope = loaded.model.mail.nodes[table.node.index()].scope();
                let mut write = |domain: &str, ages: &Ages| {
                    let head = [
                        outcome.name.to_owned(),
                        variant.name.clone(),
                        replication.replication.to_string(),
                        exact(table.at.as_secs_f64()),
                        scope.clone(),
                        domain.to_owned(),
                        ages.iter().sum::<u64>().to_string(),
                    ];
                    rows.write_record(head.into_iter().chain(ages.iter().map(u64::to_string)))
                };
                write("TOTAL", &table.total())?;
                for (domain, ages) in &table.rows {
                    write(loaded.model.dns.names.text(*domain), ages)?;
                }
            }
        }
    }
    rows.flush()
}

/// The grid's instants in seconds: where each cell begins, and where the last one ends. A value over a cell stands at
/// the cell's beginning.
pub fn grid(clock: &Clock) -> Vec<f64> {
    let cell = clock.cell.as_nanos();
    let begins = (0..u64::from(clock.cells)).map(|index| index.saturating_mul(cell));
    begins.chain([clock.end.as_nanos()]).map(|nanos| nanos as f64 / 1e9).collect()
}

fn ends(interval: Option<(f64, f64)>) -> (f64, f64) {
    interval.unwrap_or((f64::NAN, f64::NAN))
}
