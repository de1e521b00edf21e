//! `mxsim run`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use clap::{Args, ValueEnum};
use mxsim::experiment::{Plan, RecordsFolder, Results, execute};
use mxsim::model::compile::{Loaded, load};
use mxsim::report::{Finished, summary_text, write_run};
use rayon::prelude::*;

use super::progress::RunProgress;
use super::{FAILED, Global, INTERRUPTED, INVALID, MISSED, print, scenario_files, scenario_name};

pub const EXAMPLES: &str = "\
Examples:
  mxsim run scenarios/
  mxsim run my.ron --replications 50 --threads 4
  mxsim run my.ron --set zones/example.org/ttl=5m --records csv
  mxsim run my.ron --fail-on objectives          exit 3 if one is missed
  mxsim run my.ron --replication 7               one replication again
";

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RecordsFormat {
    Csv,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Objectives,
}

#[derive(Args)]
pub struct Run {
    /// Scenario files, or folders of them
    #[arg(required = true, value_name = "FILE|DIR")]
    files: Vec<PathBuf>,
    /// Where results go, a folder a scenario
    #[arg(long, default_value = "outputs", value_name = "DIR")]
    out: PathBuf,
    /// Also write single deliveries, attempts and look-ups
    #[arg(long, value_enum, value_name = "FORMAT")]
    records: Option<RecordsFormat>,
    /// Run only this replication, as it was
    #[arg(long, value_name = "K")]
    replication: Option<u32>,
    /// Exit with 3 if an objective is missed
    #[arg(long, value_enum, value_name = "WHAT")]
    fail_on: Option<FailOn>,
    /// Draw no charts
    #[arg(long)]
    no_charts: bool,
}

/// One scenario to run.
struct Job {
    name: String,
    loaded: Loaded,
    folder: PathBuf,
}

impl Run {
    pub fn execute(&self, global: &Global) -> u8 {
        let jobs = match self.jobs(global) {
            Ok(jobs) => jobs,
            Err(code) => return code,
        };
        let stop = Arc::new(AtomicBool::new(false));
        let handler = Arc::clone(&stop);
        // The first Ctrl-C stops after what is whole, the second at once.
        let installed = ctrlc::set_handler(move || {
            if handler.swap(true, Ordering::Relaxed) {
                std::process::exit(i32::from(INTERRUPTED));
            }
        });
        if let Err(why) = installed {
            global.say(&format!("warning: Ctrl-C will not stop cleanly: {why}"));
        }
        let threads = global.threads.unwrap_or(0);
        match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
            Ok(pool) => pool.install(|| self.run_all(global, &jobs, &stop)),
            Err(why) => {
                eprintln!("error: cannot start {threads} threads: {why}");
                FAILED
            }
        }
    }

    /// Loads and checks everything before anything runs.
    fn jobs(&self, global: &Global) -> Result<Vec<Job>, u8> {
        let fail = |why: String| {
            eprintln!("error: {why}");
            INVALID
        };
        let overrides = global.overrides().map_err(fail)?;
        let files = scenario_files(&self.files).map_err(fail)?;
        let mut jobs: Vec<Job> = Vec::new();
        let mut is_valid = true;
        for file in files {
            let name = scenario_name(&file);
            if let Some(other) = jobs.iter().find(|job| job.name == name) {
                return Err(fail(format!(
                    "two scenarios named `{}` would write to `{}`",
                    other.name,
                    other.folder.display()
                )));
            }
            match load(&file, &overrides) {
                Ok(loaded) => {
                    global.complain(&loaded.warnings);
                    let replications = loaded.variants[0].model.replications;
                    if let Some(only) = self.replication.filter(|only| *only >= replications) {
                        return Err(fail(format!(
                            "no replication {only} of `{name}`: there are 0 to {}",
                            replications - 1
                        )));
                    }
                    jobs.push(Job { folder: self.out.join(&name), name, loaded });
                }
                Err(problems) => {
                    global.complain(&problems);
                    is_valid = false;
                }
            }
        }
        if is_valid { Ok(jobs) } else { Err(INVALID) }
    }

    fn run_all(&self, global: &Global, jobs: &[Job], stop: &AtomicBool) -> u8 {
        let count = |job: &Job| {
            let one =
                |variant: &mxsim::model::compile::Variant| self.replication.map_or(variant.model.replications, |_| 1);
            job.loaded.variants.iter().map(|variant| one(variant) as usize).sum::<usize>()
        };
        let progress = RunProgress::new(jobs.iter().map(count).sum(), global.quiet);
        let outcomes: Vec<(u8, String)> =
            jobs.par_iter().map(|job| self.run_one(global, job, stop, &progress)).collect();
        progress.finish();
        let mut code = 0;
        for (outcome, text) in outcomes {
            print(&text);
            code = match (code, outcome) {
                (INTERRUPTED, _) | (_, INTERRUPTED) => INTERRUPTED,
                (FAILED, _) | (_, FAILED) => FAILED,
                (code, outcome) => code.max(outcome),
            };
        }
        code
    }

    fn run_one(&self, global: &Global, job: &Job, stop: &AtomicBool, progress: &RunProgress) -> (u8, String) {
        let (started, started_s) = (Instant::now(), unix_s());
        let fail = |why: String| {
            progress.line(&format!("error: {}: {why}", job.name));
            (FAILED, String::new())
        };
        if self.records.is_some()
            && let Err(why) = std::fs::create_dir_all(&job.folder)
        {
            return fail(format!("cannot make `{}`: {why}", job.folder.display()));
        }
        let plan = Plan {
            variants: job.loaded.variants.iter().map(|v| (v.name.clone(), Arc::clone(&v.model))).collect(),
            only: self.replication,
            records: self.records.map(|_| RecordsFolder(job.folder.clone())),
        };
        let results = match execute(&plan, stop, &|_| progress.step()) {
            Ok(results) => results,
            Err(why) => return fail(why.to_string()),
        };
        if results.variants.iter().all(|variant| variant.replications.is_empty()) {
            progress.line(&format!("{}: interrupted before anything was done", job.name));
            return (INTERRUPTED, String::new());
        }
        let baseline = &job.loaded.variants[0];
        let finished = Finished {
            name: &job.name,
            source: &job.loaded.source,
            scenario: &baseline.scenario,
            model: &baseline.model,
            results: &results,
            charts: !self.no_charts,
            threads: rayon::current_num_threads(),
            started_s,
            ended_s: unix_s(),
        };
        let files = match write_run(&job.folder, &finished) {
            Ok(files) => files,
            Err(why) => return fail(why.to_string()),
        };
        progress.line(&format!("{}: done in {:.1} s", job.name, started.elapsed().as_secs_f64()));
        let text = if global.json {
            finished.json().unwrap_or_default()
        } else {
            let model = &baseline.model;
            let table = summary_text(&model.title, &model.look_for, model.confidence, &results);
            format!("{table}{}\n\n", list(&job.folder, &files))
        };
        (self.code(&results), text)
    }

    fn code(&self, results: &Results) -> u8 {
        let mut objectives = results.variants.iter().flat_map(|variant| &variant.objectives);
        if results.interrupted {
            INTERRUPTED
        } else if self.fail_on.is_some() && objectives.any(|objective| !objective.met) {
            MISSED
        } else {
            0
        }
    }
}

fn list(folder: &Path, files: &[PathBuf]) -> String {
    let names = files.iter().filter_map(|file| file.strip_prefix(folder).ok()).filter(|name| {
        // An SVG stands beside each PNG.
        name.extension().is_none_or(|extension| extension != "svg")
    });
    let names: Vec<String> = names.map(|name| name.display().to_string()).collect();
    format!("{}: {}", folder.display(), names.join(" "))
}

fn unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
