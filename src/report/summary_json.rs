//! The summary as a tree for machines: `summary.json`, and what `--json` prints.

use serde::{Serialize, Serializer};

use super::Outcome;
use super::number::json;
use crate::experiment::{ObjectiveResult, SummaryRow, VariantResults};

/// A number as [`json`] writes it: infinities as text, what is not a number as null.
#[derive(Debug, Clone, Copy)]
pub struct Number(f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        json(self.0).serialize(serializer)
    }
}

/// All of one scenario.
#[derive(Debug, Serialize)]
pub struct Summary<'a> {
    scenario: &'a str,
    title: &'a str,
    look_for: &'a str,
    /// `complete` or `interrupted`.
    status: &'static str,
    seed: u64,
    confidence: Number,
    objectives_met: bool,
    variants: Vec<Variant<'a>>,
}

/// One variant of it.
#[derive(Debug, Serialize)]
struct Variant<'a> {
    variant: &'a str,
    replications: usize,
    objectives: Vec<Objective<'a>>,
    measures: Vec<Measure<'a>>,
}

#[derive(Debug, Serialize)]
struct Objective<'a> {
    objective: &'a str,
    value: Option<Number>,
    met: bool,
}

/// The columns of `summary.csv`.
#[derive(Debug, Serialize)]
struct Measure<'a> {
    measure: &'a str,
    scope: &'a str,
    statistic: &'a str,
    unit: &'a str,
    value: Number,
    ci_low: Option<Number>,
    ci_high: Option<Number>,
    replications: u32,
}

impl<'a> Summary<'a> {
    /// The summary of a scenario.
    pub fn of(outcome: &'a Outcome<'a>) -> Self {
        let model = outcome.baseline();
        Self {
            scenario: outcome.name,
            title: model.map_or("", |model| &model.title),
            look_for: model.map_or("", |model| &model.look_for),
            status: outcome.status(),
            seed: model.map_or(0, |model| model.seed),
            confidence: Number(model.map_or(f64::NAN, |model| model.confidence)),
            objectives_met: outcome.objectives_met(),
            variants: outcome.results.variants.iter().map(Variant::of).collect(),
        }
    }

    /// On one line, with a line feed.
    ///
    /// # Errors
    /// None that a summary can bring about.
    pub fn to_line(&self) -> serde_json::Result<String> {
        serde_json::to_string(self).map(|line| line + "\n")
    }
}

impl<'a> Variant<'a> {
    fn of(results: &'a VariantResults) -> Self {
        Self {
            variant: &results.name,
            replications: results.replications.len(),
            objectives: results.objectives.iter().map(Objective::of).collect(),
            measures: results.summary.iter().map(Measure::of).collect(),
        }
    }
}

impl<'a> Objective<'a> {
    fn of(result: &'a ObjectiveResult) -> Self {
        Self { objective: &result.text, value: result.value.map(Number), met: result.met }
    }
}

impl<'a> Measure<'a> {
    fn of(row: &'a SummaryRow) -> Self {
        Self {
            measure: row.measure,
            scope: &row.scope,
            statistic: &row.statistic,
            unit: row.unit,
            value: Number(row.value),
            ci_low: row.interval.map(|(low, _)| Number(low)),
            ci_high: row.interval.map(|(_, high)| Number(high)),
            replications: row.replications,
        }
    }
}
