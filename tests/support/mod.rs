//! Scenarios in texts, run to results.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub mod worlds;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use mxsim::experiment::{Plan, Results, execute};
use mxsim::model::compile::{Loaded, Memory, load_source};
use mxsim::scenario::diagnostic::SourceText;
use mxsim::scenario::render::render;

/// The real systems that there are presets of, each a policy by its own defaults once `()` follows.
pub const SYSTEMS: [&str; 13] = [
    "Postfix",
    "Exim",
    "Sendmail",
    "Qmail",
    "OpenSmtpd",
    "Haraka",
    "KumoMta",
    "Stalwart",
    "ZoneMta",
    "Mox",
    "Maddy",
    "Chasquid",
    "Exchange",
];

/// Loads a text.
pub fn loaded(text: &str) -> Loaded {
    let source = Arc::new(SourceText { name: "test.ron".into(), text: text.into() });
    load_source(&source, &[], &mut Memory::default()).unwrap_or_else(|problems| panic!("{}", render(&problems, false)))
}

/// Runs all variants and replications of a text.
pub fn run(text: &str) -> Results {
    run_loaded(&loaded(text), None)
}

/// Runs what was loaded.
pub fn run_loaded(loaded: &Loaded, only: Option<u32>) -> Results {
    let variants = loaded.variants.iter().map(|v| (v.name.clone(), Arc::clone(&v.model))).collect();
    let plan = Plan { variants, only, records: None };
    execute(&plan, &AtomicBool::new(false), &|_| {}).unwrap_or_else(|why| panic!("{why}"))
}

/// The values of a measure, one a replication.
pub fn values(results: &Results, measure: &str, scope: &str, statistic: &str) -> Vec<f64> {
    let row = |rows: &[mxsim::measure::Row]| {
        let found = rows.iter().find(|r| r.measure == measure && r.scope == scope && r.statistic == statistic);
        found.map_or_else(|| panic!("no {measure} {statistic} of {scope}"), |row| row.value)
    };
    results.variants[0].replications.iter().map(|replication| row(&replication.rows)).collect()
}

/// Mean and standard error over replications.
pub fn estimate(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

/// Within four standard errors, and the standard error at most `precision` of the value.
#[track_caller]
pub fn assert_estimate(what: &str, values: &[f64], expected: f64, precision: f64) {
    let (mean, error) = estimate(values);
    assert!(error <= precision * expected.abs(), "{what}: standard error {error} of {expected} means too little");
    assert!((mean - expected).abs() <= 4.0 * error, "{what}: {mean} +- {error}, theory says {expected}");
}

/// The same for one measure of a run.
#[track_caller]
pub fn assert_measure(results: &Results, measure: &str, scope: &str, statistic: &str, expected: f64, precision: f64) {
    let values = values(results, measure, scope, statistic);
    assert_estimate(&format!("{measure} {statistic} of {scope}"), &values, expected, precision);
}
