//! The tidy tables of a run: one number a row, its whole address beside it.

use std::io::{self, Write};

use super::Outcome;
use super::number::exact;
use crate::model::Clock;

/// `summary.csv`: every measure over all replications, with its confidence interval.
///
/// # Errors
/// What the writer says.
pub fn summary_csv(outcome: &Outcome<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = csv::Writer::from_writer(out);
    rows.write_record([
        "scenario",
        "variant",
        "measure",
        "scope",
        "statistic",
        "unit",
        "value",
        "ci_low",
        "ci_high",
        "replications",
    ])?;
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
    rows.write_record([
        "scenario",
        "variant",
        "replication",
        "seed",
        "measure",
        "scope",
        "statistic",
        "unit",
        "value",
    ])?;
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
    rows.write_record(["scenario", "variant", "replication", "measure", "scope", "time_s", "unit", "value"])?;
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
