//! `mxsim run`.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::SystemTime;

use clap::Args;
use mxsim::experiment::{Keep, Plan, RecordsFolder, execute, resume};
use mxsim::report::Outcome;
use mxsim::report::charts::warn_of_glyphs;
use mxsim::report::files::{Extras, write_all};
use mxsim::report::folder::Folder;
use mxsim::report::summary_json::Summary;
use mxsim::report::summary_table::{file_list, render};

use mxsim::scenario::diagnostic::Diagnostic;
use mxsim::scenario::splice::Override;
use rayon::ThreadPool;
use rayon::prelude::*;

use super::Exit;
use super::load::{Scenario, load_all};
use super::options::Options;
use super::progress::Board;
use super::terminal::Terminal;

/// Stands at the head of its `--help`.
const EXAMPLES: &str = "\
Examples:
  mxsim run outage.ron                              tables and charts in outputs/outage/
  mxsim run scenarios/ --threads 2                  a folder of scenarios at once
  mxsim run a.ron --set run/measure=2d              the same with another value
  mxsim run a.ron --records csv --replication 0     one replication, every delivery
  mxsim run a.ron --fail-on objectives              exit code 3 if one is missed";

/// Arguments of `run`.
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub struct RunArgs {
    /// Scenario files; a folder stands for the `*.ron` files in it
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    /// Begin anew: use nothing that an interrupted run kept
    #[arg(long)]
    fresh: bool,
}

/// What is to be printed of one scenario, and how it went.
struct Report {
    /// For stdout.
    data: String,
    /// For stderr: where the files are.
    files: String,
    error: Option<String>,
    exit: Exit,
    /// Where whole replications are kept until all scenarios are done.
    kept: Option<PathBuf>,
}

/// What the runs of all scenarios share.
struct Runs<'a> {
    options: &'a Options,
    overrides: Vec<Override>,
    /// See [`RunArgs`].
    fresh: bool,
    stop: &'a AtomicBool,
    board: Board,
    terminal: &'a Terminal,
}

/// Runs scenarios in parallel; prints each summary as soon as all before it in the order of the files are printed.
pub fn run(args: &RunArgs, options: &Options, terminal: &Terminal) -> Exit {
    let scenarios = match load_all(&args.paths, options, terminal) {
        Ok(scenarios) => scenarios,
        Err(exit) => return exit,
    };
    if let Err(problem) = check_replication(&scenarios, options) {
        terminal.diagnostics(&[problem]);
        return Exit::Usage;
    }
    let pool = match rayon::ThreadPoolBuilder::new().num_threads(options.threads.map_or(0, usize::from)).build() {
        Ok(pool) => pool,
        Err(why) => {
            terminal.error(&format!("cannot start threads: {why}"));
            return Exit::Failed;
        }
    };
    if !options.no_charts {
        let warnings: Vec<Diagnostic> = scenarios.iter().filter_map(|one| warn_of_glyphs(&one.loaded)).collect();
        terminal.diagnostics(&warnings);
    }
    let stop = stop_on_interrupt(terminal);
    let (overrides, board) = (options.overrides(), Board::new(terminal));
    let runs = Runs { options, overrides, fresh: args.fresh, stop: &stop, board, terminal };
    let exit = runs.all(&scenarios, &pool);
    if stop.load(Ordering::Relaxed) { Exit::Interrupted } else { exit }
}

/// A replication that the scenario does not have would give empty tables.
fn check_replication(scenarios: &[Scenario], options: &Options) -> Result<(), Diagnostic> {
    let Some(only) = options.replication else { return Ok(()) };
    for scenario in scenarios {
        let counts = scenario.loaded.variants.iter().map(|variant| variant.model.replications);
        let fewest = counts.min().unwrap_or(0);
        if only >= fewest {
            let problem = Diagnostic::error(format!("`{}` has no replication {only}", scenario.path.display()));
            return Err(
                problem.help(format!("its {fewest} replications are counted from 0 to {}", fewest.saturating_sub(1)))
            );
        }
    }
    Ok(())
}

/// A flag that the first Ctrl-C sets. The second ends the program at once: every file is whole at any time.
fn stop_on_interrupt(terminal: &Terminal) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let (flag, quiet) = (Arc::clone(&stop), terminal.quiet);
    let handler = ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        if !quiet {
            use std::io::Write;
            let text = "interrupted: keeping what is done (Ctrl-C again to leave at once)";
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    });
    if let Err(why) = handler {
        // Then Ctrl-C ends the program as it would any other.
        terminal.say(&format!("Ctrl-C cannot be caught: {why}"));
    }
    stop
}

impl Runs<'_> {
    fn all(&self, scenarios: &[Scenario], pool: &ThreadPool) -> Exit {
        let (sender, receiver) = mpsc::channel();
        let (exit, kept) = std::thread::scope(|scope| {
            scope.spawn(|| {
                // The sender goes with this thread, which ends the loop below.
                let sender = sender;
                pool.install(|| {
                    scenarios.par_iter().enumerate().for_each(|(index, scenario)| {
                        // The receiver outlives this thread.
                        let _ = sender.send((index, self.one(index, scenario)));
                    });
                });
            });
            let (mut waiting, mut next, mut exit) = (BTreeMap::new(), 0, Exit::Fine);
            let mut kept = Vec::new();
            for (index, report) in &receiver {
                self.board.done(index);
                waiting.insert(index, report);
                while let Some(report) = waiting.remove(&next) {
                    exit = exit.max(self.board.aside(|| self.print(&report, next)));
                    kept.extend(report.kept);
                    next += 1;
                }
            }
            (exit, kept)
        });
        // A run of several scenarios is resumed as one: what is whole of those that are done is kept until all are.
        if !self.stop.load(Ordering::Relaxed) {
            for folder in kept {
                if let Err(why) = Keep::remove(&folder) {
                    self.terminal.say(&format!("cannot take away what was kept in {}: {why}", folder.display()));
                }
            }
        }
        exit
    }

    fn print(&self, report: &Report, index: usize) -> Exit {
        let Self { options, terminal, .. } = self;
        let mut exit = report.exit;
        if !report.data.is_empty() && (options.json || !options.quiet) {
            let gap = if index > 0 && !options.json { "\n" } else { "" };
            exit = exit.max(terminal.data(&format!("{gap}{}", report.data)));
        }
        if let Some(error) = &report.error {
            terminal.error(error);
        }
        if !report.files.is_empty() {
            terminal.say(report.files.trim_end());
        }
        exit
    }

    fn one(&self, index: usize, scenario: &Scenario) -> Report {
        let simulate = || self.simulate(index, scenario).map_err(|error| error.to_string());
        // A panic is a fault of this program, which has been told by now; the other scenarios go on.
        let report =
            catch_unwind(AssertUnwindSafe(simulate)).unwrap_or_else(|_| Err("it failed by a fault of mxsim".into()));
        report.unwrap_or_else(|error| Report {
            error: Some(format!("{}: {error}", scenario.name)),
            ..Report::of(Exit::Failed)
        })
    }

    /// Runs one scenario and writes its files.
    fn simulate(&self, index: usize, scenario: &Scenario) -> Result<Report, Box<dyn std::error::Error>> {
        if self.stop.load(Ordering::Relaxed) {
            // What an earlier run left of it stays as it is.
            return Ok(Report::of(Exit::Interrupted));
        }
        let options = self.options;
        let started = SystemTime::now();
        let mut path = options.out.join(&scenario.name);
        if let Some(only) = options.replication {
            // Beside the tables of all replications, not in their place.
            path.push(format!("replication-{only}"));
        }
        let folder = Folder::open(&path)?;
        let variants = scenario.loaded.variants.iter();
        let plan = Plan {
            variants: variants.map(|variant| (variant.name.clone(), Arc::clone(&variant.model))).collect(),
            only: options.replication,
            records: options.records.map(|_| RecordsFolder(path.clone())),
        };
        let progress = |progress| self.board.show(index, &scenario.name, progress);
        let (results, kept) = match plan.only {
            Some(_) => (execute(&plan, self.stop, &progress)?, None),
            None => {
                let keep = Keep::open(&path, &plan.variants, plan.records.is_some(), self.fresh)?;
                self.tell_kept(&scenario.name, &keep);
                (resume(&plan, &keep, self.stop, &progress)?, Some(keep))
            }
        };
        let outcome = Outcome {
            name: &scenario.name,
            loaded: &scenario.loaded,
            results: &results,
            overrides: &self.overrides,
            threads: rayon::current_num_threads(),
            started,
        };
        let extras = Extras { charts: !options.no_charts, records: plan.records.is_some() };
        let files = write_all(folder, &outcome, extras)?;
        let mut said = file_list(&path, &files);
        if let Some(keep) = kept.as_ref().filter(|_| results.interrupted) {
            said.push_str(&goes_on(&outcome, keep));
        } else if plan.records.is_some() {
            // Records are large, and joined by now.
            Keep::remove(&path)?;
        }
        Ok(Report {
            data: if options.json { Summary::of(&outcome).to_line()? } else { render(&outcome) },
            files: said,
            kept: kept.map(|_| path),
            exit: if options.fail_on.is_some() && !outcome.objectives_met() { Exit::Objective } else { Exit::Fine },
            error: None,
        })
    }

    fn tell_kept(&self, name: &str, keep: &Keep) {
        let mut said = Vec::new();
        if keep.taken() > 0 {
            said.push(format!("{name}: {} taken over from a run that was interrupted", replications(keep.taken())));
        }
        if keep.ignored() > 0 {
            said.push(format!(
                "{name}: {} that an interrupted run kept not used: of another scenario, seed or mxsim",
                replications(keep.ignored())
            ));
        }
        for line in said {
            self.board.aside(|| self.terminal.say(&line));
        }
    }
}

impl Report {
    /// One that says nothing.
    fn of(exit: Exit) -> Self {
        Self { data: String::new(), files: String::new(), error: None, exit, kept: None }
    }
}

fn replications(count: usize) -> String {
    format!("{count} replication{}", if count == 1 { "" } else { "s" })
}

/// How a run that was interrupted is gone on with.
fn goes_on(outcome: &Outcome<'_>, keep: &Keep) -> String {
    let done = outcome.results.variants.iter().map(|variant| variant.replications.len()).sum();
    let kept = replications(done);
    if keep.has_failed() {
        return format!("{kept} done, and not all could be kept: the next run simulates those again\n");
    }
    format!("{kept} done and kept: the same command goes on from there (`--fresh` begins anew)\n")
}
