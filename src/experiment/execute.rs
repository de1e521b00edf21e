//! One task a variant and replication, on the threads of the current pool.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::Results;
use super::keep::Keep;
use super::summary::{Done, VariantResults};
use crate::measure::{Collector, RecordKind, Records};
use crate::model::Model;
use crate::sim::{RunError, run};

/// What is to be run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Names and models, the baseline first.
    pub variants: Vec<(String, Arc<Model>)>,
    /// Only this replication, to see it again; all that the model asks for if `None`.
    pub only: Option<u32>,
    /// Where records of single deliveries go.
    pub records: Option<RecordsFolder>,
}

/// A folder for `deliveries.csv`, `attempts.csv` and `lookups.csv`.
#[derive(Debug, Clone)]
pub struct RecordsFolder(pub PathBuf);

/// How far an experiment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Replications of all variants done.
    pub done: usize,
    /// In all.
    pub total: usize,
}

/// Why there are no results.
#[derive(Debug)]
pub enum ExperimentError {
    /// A replication could not be finished.
    Run {
        /// Of which variant.
        variant: String,
        /// Which.
        replication: u32,
        /// Why.
        why: RunError,
    },
    /// Records could not be written.
    Records(PathBuf, io::Error),
}

impl std::fmt::Display for ExperimentError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Run { variant, replication, why } => write!(f, "replication {replication} of `{variant}`: {why}"),
            Self::Records(path, why) => write!(f, "cannot write `{}`: {why}", path.display()),
        }
    }
}

impl std::error::Error for ExperimentError {}

/// Runs a plan. The results do not depend on the number of threads: each replication is keyed by its number, and they are
/// put together in order.
///
/// # Errors
/// The first replication, in order, that could not be finished, or records that could not be written.
pub fn execute(
    plan: &Plan,
    stop: &AtomicBool,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Results, ExperimentError> {
    all_tasks(plan, None, stop, progress)
}

/// The same; replications that were kept are not simulated again, and each that becomes whole is kept.
///
/// # Errors
/// As [`execute`].
pub fn resume(
    plan: &Plan,
    keep: &Keep,
    stop: &AtomicBool,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Results, ExperimentError> {
    all_tasks(plan, Some(keep), stop, progress)
}

fn all_tasks(
    plan: &Plan,
    keep: Option<&Keep>,
    stop: &AtomicBool,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Results, ExperimentError> {
    let tasks: Vec<(usize, u32)> = plan
        .variants
        .iter()
        .enumerate()
        .flat_map(|(variant, (_, model))| {
            let all = 0..model.replications;
            all.filter(|replication| plan.only.is_none_or(|only| only == *replication)).map(move |r| (variant, r))
        })
        .collect();
    let done = std::sync::atomic::AtomicUsize::new(0);
    let finished: Vec<Result<Option<Done>, ExperimentError>> = tasks
        .par_iter()
        .map(|&(variant, replication)| {
            let result = replicate(plan, keep, variant, replication, stop)?;
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            progress(Progress { done, total: tasks.len() });
            Ok(result)
        })
        .collect();
    let results = gather(plan, keep, &tasks, finished);
    if let Some(RecordsFolder(folder)) = &plan.records {
        // Whatever went wrong, what is not whole does not stay; what is kept goes when all is whole.
        if keep.is_none() {
            remove_parts(folder, None, &tasks);
        }
    }
    results
}

/// Puts the results of all tasks together, in order.
fn gather(
    plan: &Plan,
    keep: Option<&Keep>,
    tasks: &[(usize, u32)],
    finished: Vec<Result<Option<Done>, ExperimentError>>,
) -> Result<Results, ExperimentError> {
    let mut by_variant: Vec<Vec<Done>> = plan.variants.iter().map(|_| Vec::new()).collect();
    let (mut interrupted, mut kept) = (false, Vec::new());
    for (task, result) in tasks.iter().zip(finished) {
        match result? {
            Some(done) => {
                by_variant[task.0].push(done);
                kept.push(*task);
            }
            None => interrupted = true,
        }
    }
    if let Some(RecordsFolder(folder)) = &plan.records {
        // Of a replication that was stopped there are only parts: they are left out.
        join_records(folder, keep, &kept).map_err(|(path, why)| ExperimentError::Records(path, why))?;
    }
    let variants = plan
        .variants
        .iter()
        .zip(by_variant)
        .map(|((name, model), done)| VariantResults::new(name, model, done))
        .collect();
    Ok(Results { variants, interrupted })
}

/// One replication; `None` if it was stopped.
fn replicate(
    plan: &Plan,
    keep: Option<&Keep>,
    variant: usize,
    replication: u32,
    stop: &AtomicBool,
) -> Result<Option<Done>, ExperimentError> {
    if let Some(done) = keep.and_then(|keep| keep.take(variant, replication)) {
        return Ok(Some(done));
    }
    if stop.load(Ordering::Relaxed) {
        return Ok(None);
    }
    let (name, model) = &plan.variants[variant];
    let mut records = None;
    if let Some(RecordsFolder(folder)) = &plan.records {
        let open = |kind: RecordKind| {
            let path = part(folder, keep, kind, variant, replication);
            File::create(&path)
                .map(|file| Box::new(BufWriter::new(file)) as Box<dyn Write + Send>)
                .map_err(|why| ExperimentError::Records(path, why))
        };
        let [deliveries, attempts, lookups] = RecordKind::ALL;
        let files = [open(deliveries)?, open(attempts)?, open(lookups)?];
        records = Some(Records::new(model, name, replication, files));
    }
    let is_drawn = plan.only.map_or(replication == 0, |only| only == replication);
    let mut collector = Collector::new(model, is_drawn.then_some(replication), records);
    let end = run(model, replication, &mut collector, stop).map_err(|why| ExperimentError::Run {
        variant: name.clone(),
        replication,
        why,
    })?;
    if let (Some(records), Some(RecordsFolder(folder))) = (collector.take_records(), &plan.records) {
        records.finish().map_err(|why| ExperimentError::Records(folder.clone(), why))?;
    }
    if end.interrupted {
        if let Some(RecordsFolder(folder)) = &plan.records {
            remove_parts(folder, keep, &[(variant, replication)]);
        }
        return Ok(None);
    }
    let done = Done::new(replication, model.seed, &end, collector.finish(end.ended));
    if let Some(keep) = keep {
        keep.add(variant, &done, plan.records.is_some());
    }
    Ok(Some(done))
}

/// Where one replication's records wait to be joined.
fn part(folder: &Path, keep: Option<&Keep>, kind: RecordKind, variant: usize, replication: u32) -> PathBuf {
    if let Some(keep) = keep {
        return keep.part(kind, variant, replication);
    }
    folder.join(format!(".{}.{variant}.{replication}.tmp", kind.name()))
}

/// Joins the parts of whole replications in order under their heading, whole or not at all.
fn join_records(folder: &Path, keep: Option<&Keep>, kept: &[(usize, u32)]) -> Result<(), (PathBuf, io::Error)> {
    for kind in RecordKind::ALL {
        let path = folder.join(format!("{}.csv", kind.name()));
        let temporary = folder.join(format!(".{}.csv.tmp", kind.name()));
        let join = || -> io::Result<()> {
            let mut out = BufWriter::new(File::create(&temporary)?);
            writeln!(out, "{}", kind.columns())?;
            for &(variant, replication) in kept {
                io::copy(&mut File::open(part(folder, keep, kind, variant, replication))?, &mut out)?;
            }
            out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
            fs::rename(&temporary, &path)
        };
        join().map_err(|why| {
            // The first error is the one to tell.
            let _ = fs::remove_file(&temporary);
            (path, why)
        })?;
    }
    Ok(())
}

/// Takes the parts away; one that was never made cannot be.
fn remove_parts(folder: &Path, keep: Option<&Keep>, tasks: &[(usize, u32)]) {
    for kind in RecordKind::ALL {
        for &(variant, replication) in tasks {
            let _ = fs::remove_file(part(folder, keep, kind, variant, replication));
        }
    }
}
