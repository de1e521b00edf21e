//! The manifest of a run: what is needed to judge its files and to make them again.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::Serialize;

use super::Outcome;
use super::folder::{FileEntry, hex, sha256};
use super::utc::rfc3339;

/// `manifest.json`. The one file that differs between two runs of one scenario: it holds times and threads.
#[derive(Debug, Serialize)]
pub struct Manifest<'a> {
    /// This program's version.
    pub mxsim: &'static str,
    /// `complete` or `interrupted`.
    pub status: &'static str,
    /// What was run.
    pub scenario: ScenarioEntry<'a>,
    /// The files that it names.
    pub inputs: Vec<InputEntry<'a>>,
    /// What flags changed in it, in order.
    pub overrides: Vec<OverrideEntry<'a>>,
    /// What all randomness was keyed by.
    pub seed: u64,
    /// Replications that were asked for, of each variant.
    pub replications: u32,
    /// How many threads worked.
    pub threads: usize,
    /// When it began, in UTC.
    pub started: String,
    /// When the manifest was written, in UTC.
    pub finished: String,
    /// How long it took on the wall clock.
    pub elapsed_s: f64,
    /// What was done, in order.
    pub runs: Vec<RunEntry<'a>>,
    /// Every other file by its path within the folder.
    pub files: &'a BTreeMap<String, FileEntry>,
}

/// The scenario in a manifest.
#[derive(Debug, Serialize)]
pub struct ScenarioEntry<'a> {
    /// Its name in the tables.
    pub name: &'a str,
    /// Its title.
    pub title: &'a str,
    /// The file, as it was given.
    pub file: &'a str,
    /// SHA-256 of its text.
    pub sha256: String,
    /// Its text, without the overrides of flags.
    pub text: &'a str,
}

/// A file that the scenario names, in a manifest.
#[derive(Debug, Serialize)]
pub struct InputEntry<'a> {
    /// As the scenario names it: relative to its own folder.
    pub file: &'a str,
    /// SHA-256 of its text as it was read, without a byte order mark.
    pub sha256: String,
}

/// An override in a manifest.
#[derive(Debug, Serialize)]
pub struct OverrideEntry<'a> {
    /// Where.
    pub path: &'a str,
    /// What.
    pub value: &'a str,
}

/// A replication in a manifest.
#[derive(Debug, Serialize)]
pub struct RunEntry<'a> {
    /// Of which variant.
    pub variant: &'a str,
    /// Which, from 0.
    pub replication: u32,
    /// Events handled.
    pub events: u64,
    /// A hash over them, in hexadecimal: equal exactly where the runs were.
    pub fingerprint: String,
}

impl<'a> Manifest<'a> {
    /// The manifest of `files`, at the instant `now`.
    pub fn new(outcome: &'a Outcome<'a>, files: &'a BTreeMap<String, FileEntry>, now: SystemTime) -> Self {
        let model = outcome.baseline();
        let source = &outcome.loaded.source;
        let runs = outcome.results.variants.iter().flat_map(|variant| {
            variant.replications.iter().map(|replication| RunEntry {
                variant: &variant.name,
                replication: replication.replication,
                events: replication.events,
                fingerprint: format!("{:016x}", replication.fingerprint),
            })
        });
        let overrides = outcome.overrides.iter();
        let inputs = outcome.loaded.inputs.iter();
        Self {
            mxsim: env!("CARGO_PKG_VERSION"),
            status: outcome.status(),
            scenario: ScenarioEntry {
                name: outcome.name,
                title: model.map_or("", |model| &model.title),
                file: &source.name,
                sha256: sha256(source.text.as_bytes()),
                text: &source.text,
            },
            inputs: inputs.map(|(file, input)| InputEntry { file, sha256: hex(&input.sha256) }).collect(),
            overrides: overrides.map(|change| OverrideEntry { path: &change.path, value: &change.value }).collect(),
            seed: model.map_or(0, |model| model.seed),
            replications: model.map_or(0, |model| model.replications),
            threads: outcome.threads,
            started: rfc3339(outcome.started),
            finished: rfc3339(now),
            elapsed_s: now.duration_since(outcome.started).map_or(0.0, |span| span.as_secs_f64()),
            runs: runs.collect(),
            files,
        }
    }
}
