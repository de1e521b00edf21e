//! Files, tables and charts of a finished experiment.

pub mod chart;
pub mod charts;
pub mod closed_form;
pub mod dig;
pub mod files;
pub mod folder;
pub mod manifest;
pub mod number;
pub mod resolved;
pub mod schedules;
pub mod summary_json;
pub mod summary_table;
pub mod tables;
pub mod topology;
pub mod utc;

use std::time::SystemTime;

use crate::experiment::Results;
use crate::model::Model;
use crate::model::compile::Loaded;
use crate::scenario::splice::Override;

/// One scenario with its results: all that the reports are made from.
#[derive(Debug)]
pub struct Outcome<'a> {
    /// The scenario's name in the tables: its file's, without `.ron`.
    pub name: &'a str,
    /// What was read. Its variants stand in the order of the results'.
    pub loaded: &'a Loaded,
    /// What came out.
    pub results: &'a Results,
    /// What flags changed in it.
    pub overrides: &'a [Override],
    /// How many threads worked.
    pub threads: usize,
    /// When the run began, for the manifest.
    pub started: SystemTime,
}

impl Outcome<'_> {
    /// The model of the scenario as written; `None` of a scenario without variants, which nothing that was loaded is.
    pub fn baseline(&self) -> Option<&Model> {
        self.loaded.variants.first().map(|variant| &*variant.model)
    }

    /// Replications that were done of every variant.
    pub fn replications(&self) -> usize {
        self.results.variants.iter().map(|variant| variant.replications.len()).min().unwrap_or(0)
    }

    /// Whether every objective of every variant is met.
    pub fn objectives_met(&self) -> bool {
        self.results.variants.iter().flat_map(|variant| &variant.objectives).all(|objective| objective.met)
    }

    /// `complete` or `interrupted`.
    pub fn status(&self) -> &'static str {
        if self.results.interrupted { "interrupted" } else { "complete" }
    }
}
