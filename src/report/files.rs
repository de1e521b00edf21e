//! All files of one scenario's run, each whole or not at all, the manifest last.

use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

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
