//! The files of a run, each whole or not there.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::chart::ChartError;
use super::format::plain_number;
use crate::experiment::{Results, SummaryRow};
use crate::model::Model;
use crate::scenario::diagnostic::SourceText;
use crate::scenario::tree::Scenario;

/// A finished scenario, to be written.
pub struct Finished<'a> {
    /// Its name: the file's, without extension.
    pub name: &'a str,
    /// Its text.
    pub source: &'a SourceText,
    /// The baseline's tree, with overrides and defaults.
    pub scenario: &'a Scenario,
    /// The baseline's model.
    pub model: &'a Model,
    /// What it came to.
    pub results: &'a Results,
    /// Whether charts are drawn.
    pub charts: bool,
    /// For the manifest: threads, start and end as seconds since 1970.
    pub threads: usize,
    /// See `threads`.
    pub started_s: u64,
    /// See `threads`.
    pub ended_s: u64,
}

/// Why a file could not be written.
#[derive(Debug)]
pub enum OutputError {
    /// Reading or writing failed.
    Io(PathBuf, io::Error),
    /// A chart could not be drawn.
    Chart(ChartError),
    /// Something could not be put into text.
    Text(String),
}

impl std::fmt::Display for OutputError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(path, why) => write!(f, "cannot write `{}`: {why}", path.display()),
            Self::Chart(why) => write!(f, "cannot draw a chart: {why}"),
            Self::Text(why) => write!(f, "cannot write results: {why}"),
        }
    }
}

impl std::error::Error for OutputError {}

/// Writes everything into `folder`; the files, the manifest last.
///
/// # Errors
/// The first file that could not be written. What was written before is whole.
pub fn write_run(folder: &Path, finished: &Finished<'_>) -> Result<Vec<PathBuf>, OutputError> {
    let charts = folder.join("charts");
    fs::create_dir_all(&charts).map_err(|why| OutputError::Io(charts.clone(), why))?;
    // An old manifest must not stand beside new files.
    let manifest = folder.join("manifest.json");
    if manifest.exists() {
        fs::remove_file(&manifest).map_err(|why| OutputError::Io(manifest.clone(), why))?;
    }
    let mut files = Vec::new();
    let mut write = |name: &str, text: String| -> Result<(), OutputError> {
        let path = folder.join(name);
        write_whole(&path, text.as_bytes()).map_err(|why| OutputError::Io(path.clone(), why))?;
        files.push(path);
        Ok(())
    };
    write("scenario.ron", resolved(finished.scenario)?)?;
    write("summary.csv", summary_csv(finished))?;
    write("summary.json", summary_json(finished)?)?;
    write("replications.csv", replications_csv(finished))?;
    write("series.csv", series_csv(finished))?;
    if finished.charts {
        files.extend(super::draw_charts(&charts, finished.model, finished.results).map_err(OutputError::Chart)?);
    }
    for name in ["deliveries.csv", "attempts.csv", "lookups.csv"] {
        files.extend(Some(folder.join(name)).filter(|path| path.exists()));
    }
    let text = manifest_json(folder, finished, &files)?;
    write_whole(&manifest, text.as_bytes()).map_err(|why| OutputError::Io(manifest.clone(), why))?;
    files.push(manifest);
    Ok(files)
}

/// Writes under a temporary name in the same folder and renames when whole.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let temporary = path.with_file_name(format!(".{name}.tmp"));
    let written = (|| {
        let mut file = fs::File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    })();
    if written.is_err() {
        // The error that matters is the first; the temporary file may not even be there.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// The scenario with its defaults written out, as RON that reads again.
fn resolved(scenario: &Scenario) -> Result<String, OutputError> {
    let style = ron::ser::PrettyConfig::new()
        .extensions(ron::extensions::Extensions::IMPLICIT_SOME | ron::extensions::Extensions::UNWRAP_VARIANT_NEWTYPES);
    ron::ser::to_string_pretty(scenario, style).map_err(|why| OutputError::Text(why.to_string()))
}

fn cell(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

fn summary_csv(finished: &Finished<'_>) -> String {
    let mut out = String::from("scenario,variant,measure,scope,statistic,unit,value,ci_low,ci_high,replications\n");
    for variant in &finished.results.variants {
        for row in &variant.summary {
            let (low, high) = row.interval.unwrap_or((f64::NAN, f64::NAN));
            out.push_str(&format!(
                "{},{},{},{},{},{},{},{},{},{}\n",
                cell(finished.name),
                cell(&variant.name),
                row.measure,
                cell(&row.scope),
                row.statistic,
                row.unit,
                plain_number(row.value),
                plain_number(low),
                plain_number(high),
                row.replications
            ));
        }
    }
    out
}

/// One row of `summary.json`: what is not finite is text.
#[derive(Serialize)]
struct JsonRow<'a> {
    variant: &'a str,
    measure: &'a str,
    scope: &'a str,
    statistic: &'a str,
    unit: &'a str,
    value: serde_json::Value,
    ci_low: Option<f64>,
    ci_high: Option<f64>,
    replications: u32,
}

fn json_row<'a>(variant: &'a str, row: &'a SummaryRow) -> JsonRow<'a> {
    let value = match serde_json::Number::from_f64(row.value) {
        Some(number) => serde_json::Value::Number(number),
        None if row.value.is_nan() => serde_json::Value::Null,
        None => serde_json::Value::String(plain_number(row.value)),
    };
    JsonRow {
        variant,
        measure: row.measure,
        scope: &row.scope,
        statistic: row.statistic,
        unit: row.unit,
        value,
        ci_low: row.interval.map(|interval| interval.0),
        ci_high: row.interval.map(|interval| interval.1),
        replications: row.replications,
    }
}

#[derive(Serialize)]
struct JsonObjective<'a> {
    variant: &'a str,
    objective: &'a str,
    value: Option<f64>,
    met: bool,
}

#[derive(Serialize)]
struct JsonSummary<'a> {
    scenario: &'a str,
    title: &'a str,
    confidence: f64,
    rows: Vec<JsonRow<'a>>,
    objectives: Vec<JsonObjective<'a>>,
}

/// `summary.json`, which is also what `--json` prints.
pub(super) fn summary_json(finished: &Finished<'_>) -> Result<String, OutputError> {
    let variants = &finished.results.variants;
    let summary = JsonSummary {
        scenario: finished.name,
        title: &finished.scenario.title,
        confidence: finished.model.confidence,
        rows: variants.iter().flat_map(|v| v.summary.iter().map(|row| json_row(&v.name, row))).collect(),
        objectives: variants
            .iter()
            .flat_map(|v| {
                v.objectives.iter().map(|objective| JsonObjective {
                    variant: &v.name,
                    objective: &objective.text,
                    value: objective.value.filter(|value| value.is_finite()),
                    met: objective.met,
                })
            })
            .collect(),
    };
    let mut text = serde_json::to_string_pretty(&summary).map_err(|why| OutputError::Text(why.to_string()))?;
    text.push('\n');
    Ok(text)
}

impl Finished<'_> {
    /// The summary as JSON.
    ///
    /// # Errors
    /// If it cannot be put into text, which no result can bring about.
    pub fn json(&self) -> Result<String, OutputError> {
        summary_json(self)
    }
}

fn replications_csv(finished: &Finished<'_>) -> String {
    let mut out = String::from("scenario,variant,replication,seed,measure,scope,statistic,unit,value\n");
    for variant in &finished.results.variants {
        for replication in &variant.replications {
            for row in &replication.rows {
                out.push_str(&format!(
                    "{},{},{},{},{},{},{},{},{}\n",
                    cell(finished.name),
                    cell(&variant.name),
                    replication.replication,
                    replication.seed,
                    row.measure,
                    cell(&row.scope),
                    row.statistic,
                    row.unit,
                    plain_number(row.value)
                ));
            }
        }
    }
    out
}

fn series_csv(finished: &Finished<'_>) -> String {
    let mut out = String::from("scenario,variant,replication,measure,scope,time_s,unit,value\n");
    let clock = &finished.model.clock;
    for variant in &finished.results.variants {
        for replication in &variant.replications {
            for series in &replication.series {
                for (index, value) in series.values.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
                    let at = clock.cell.saturating_mul(index as u64).as_secs_f64();
                    out.push_str(&format!(
                        "{},{},{},{},{},{at},{},{}\n",
                        cell(finished.name),
                        cell(&variant.name),
                        replication.replication,
                        series.measure,
                        cell(&series.scope),
                        series.unit,
                        plain_number(*value)
                    ));
                }
            }
        }
    }
    out
}

#[derive(Serialize)]
struct Manifest<'a> {
    mxsim: &'a str,
    scenario: &'a str,
    status: &'a str,
    seed: u64,
    replications: u32,
    threads: usize,
    started_unix_s: u64,
    ended_unix_s: u64,
    scenario_sha256: String,
    scenario_text: &'a str,
    /// Variant, then replication: events handled and a hash over them.
    fingerprints: BTreeMap<&'a str, BTreeMap<u32, Fingerprint>>,
    files: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Fingerprint {
    events: u64,
    hash: String,
}

fn manifest_json(folder: &Path, finished: &Finished<'_>, files: &[PathBuf]) -> Result<String, OutputError> {
    let mut hashes = BTreeMap::new();
    for path in files {
        let bytes = fs::read(path).map_err(|why| OutputError::Io(path.clone(), why))?;
        let name = path.strip_prefix(folder).unwrap_or(path).to_string_lossy().replace('\\', "/");
        hashes.insert(name, hex(&Sha256::digest(&bytes)));
    }
    let fingerprints = finished
        .results
        .variants
        .iter()
        .map(|variant| {
            let replications = variant.replications.iter();
            let prints = replications
                .map(|r| (r.replication, Fingerprint { events: r.events, hash: format!("{:016x}", r.fingerprint) }));
            (variant.name.as_str(), prints.collect())
        })
        .collect();
    let manifest = Manifest {
        mxsim: env!("CARGO_PKG_VERSION"),
        scenario: finished.name,
        status: if finished.results.interrupted { "interrupted" } else { "complete" },
        seed: finished.model.seed,
        replications: finished.model.replications,
        threads: finished.threads,
        started_unix_s: finished.started_s,
        ended_unix_s: finished.ended_s,
        scenario_sha256: hex(&Sha256::digest(finished.source.text.as_bytes())),
        scenario_text: &finished.source.text,
        fingerprints,
        files: hashes,
    };
    let mut text = serde_json::to_string_pretty(&manifest).map_err(|why| OutputError::Text(why.to_string()))?;
    text.push('\n');
    Ok(text)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
