//! All files of one scenario's run, each whole or not at all, the manifest last.

use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::Outcome;
use super::charts::draw_all;
use super::folder::{Folder, WriteError};
use super::manifest::Manifest;
use super::resolved::{to_ron, with_presets};
use super::summary_json::Summary;
use super::tables::{qshape_csv, replications_csv, series_csv, summary_csv};
use crate::measure::RecordKind;

/// What is written beside the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extras {
    /// Draw charts.
    pub charts: bool,
    /// Records of single deliveries were written to the folder already.
    pub records: bool,
}

/// Writes the files of a scenario to its folder; gives their paths, the manifest last.
///
/// All but the manifest are the same bytes for the same scenario, seed and version.
///
/// # Errors
/// The first file that could not be written. There is no manifest then.
pub fn write_all(mut folder: Folder, outcome: &Outcome<'_>, extras: Extras) -> Result<Vec<PathBuf>, WriteError> {
    copy_inputs(&mut folder, outcome)?;
    if let Some(variant) = outcome.loaded.variants.first() {
        folder.write("scenario.ron", |out| {
            let resolved = with_presets(variant.scenario.clone());
            out.write_all(to_ron(&resolved).map_err(io::Error::other)?.as_bytes())
        })?;
    }
    folder.write("summary.csv", |out| summary_csv(outcome, out))?;
    folder.write("summary.json", |out| {
        serde_json::to_writer_pretty(&mut *out, &Summary::of(outcome))?;
        out.write_all(b"\n")
    })?;
    folder.write("replications.csv", |out| replications_csv(outcome, out))?;
    folder.write("series.csv", |out| series_csv(outcome, out))?;
    if outcome.loaded.variants.iter().any(|variant| !variant.model.qshape.is_empty()) {
        folder.write("qshape.csv", |out| qshape_csv(outcome, out))?;
    }
    if extras.records {
        for kind in RecordKind::ALL {
            let path = folder.place(&format!("{}.csv", kind.name()))?;
            folder.note(&path)?;
        }
    }
    if extras.charts {
        draw_all(&mut folder, outcome)?;
    }
    let manifest = Manifest::new(outcome, folder.files(), SystemTime::now());
    let path = folder.path().join(super::folder::MANIFEST);
    let mut text =
        serde_json::to_vec_pretty(&manifest).map_err(|why| WriteError { path, source: io::Error::other(why) })?;
    text.push(b'\n');
    folder.finish(&text)
}

/// Names that files of a run have, or begin with.
const OWN: [&str; 4] = ["scenario.ron", "summary.json", super::folder::MANIFEST, "charts/"];

/// Puts the files that the scenario names beside `scenario.ron`, under the same names, so that it runs from where it lies.
/// What lies outside the scenario's folder, has a name that a run's own file has, or has changed since it was read is left
/// where it is.
fn copy_inputs(folder: &mut Folder, outcome: &Outcome<'_>) -> Result<(), WriteError> {
    let tables =
        ["summary", "replications", "series", "qshape"].into_iter().chain(RecordKind::ALL.map(RecordKind::name));
    let tables: Vec<String> = tables.map(|name| format!("{name}.csv")).collect();
    let is_own = |name: &str| tables.iter().any(|own| own == name) || OWN.iter().any(|own| name.starts_with(own));
    let is_beside = |name: &str| Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    for (name, input) in outcome.loaded.inputs.iter().filter(|(name, _)| is_beside(name) && !is_own(name)) {
        let Ok(bytes) = std::fs::read(&input.path) else { continue };
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        let is_same = || {
            let place = std::fs::canonicalize(folder.path().join(name));
            place.is_ok_and(|place| std::fs::canonicalize(&input.path).is_ok_and(|source| source == place))
        };
        if <[u8; 32]>::from(Sha256::digest(text)) == input.sha256 && !is_same() {
            folder.copy(name, &bytes)?;
        }
    }
    Ok(())
}
