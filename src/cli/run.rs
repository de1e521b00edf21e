//! `mxsim run`.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::SystemTime;

use clap::Args;
use mxsim::experiment::{Plan, RecordsFolder, execute};
use mxsim::report::Outcome;
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

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Scenario files; a folder stands for the `*.ron` files in it
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
}

/// What is to be printed of one scenario, and how it went.
struct Report {
    /// For stdout.
    data: String,
    /// For stderr: where the files are.
    files: String,
    error: Option<String>,
    exit: Exit,
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
    let stop = stop_on_interrupt(terminal);
    let board = Board::new(terminal);
    let exit = run_all(&scenarios, options, &pool, &stop, &board, terminal);
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

fn run_all(
    scenarios: &[Scenario],
    options: &Options,
    pool: &ThreadPool,
    stop: &AtomicBool,
    board: &Board,
    terminal: &Terminal,
) -> Exit {
    let overrides = options.overrides();
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // The sender goes with this thread, which ends the loop below.
            let sender = sender;
            pool.install(|| {
                scenarios.par_iter().enumerate().for_each(|(index, scenario)| {
                    let report = run_one(index, scenario, options, &overrides, stop, board);
                    // The receiver outlives this thread.
                    let _ = sender.send((index, report));
                });
            });
        });
        let (mut waiting, mut next, mut exit) = (BTreeMap::new(), 0, Exit::Fine);
        for (index, report) in &receiver {
            board.done(index);
            waiting.insert(index, report);
            while let Some(report) = waiting.remove(&next) {
                exit = exit.max(board.aside(|| print(&report, next, options, terminal)));
                next += 1;
            }
        }
        exit
    })
}

fn print(report: &Report, index: usize, options: &Options, terminal: &Terminal) -> Exit {
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

fn run_one(
    index: usize,
    scenario: &Scenario,
    options: &Options,
    overrides: &[Override],
    stop: &AtomicBool,
    board: &Board,
) -> Report {
    let simulate = || simulate(index, scenario, options, overrides, stop, board).map_err(|error| error.to_string());
    // A panic is a fault of this program, which has been told by now; the other scenarios go on.
    let report =
        catch_unwind(AssertUnwindSafe(simulate)).unwrap_or_else(|_| Err("it failed by a fault of mxsim".into()));
    report.unwrap_or_else(|error| Report {
        data: String::new(),
        files: String::new(),
        error: Some(format!("{}: {error}", scenario.name)),
        exit: Exit::Failed,
    })
}

/// Runs one scenario and writes its files.
fn simulate(
    index: usize,
    scenario: &Scenario,
    options: &Options,
    overrides: &[Override],
    stop: &AtomicBool,
    board: &Board,
) -> Result<Report, Box<dyn std::error::Error>> {
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
    let results = execute(&plan, stop, &|progress| board.show(index, &scenario.name, progress))?;
    let outcome = Outcome {
        name: &scenario.name,
        loaded: &scenario.loaded,
        results: &results,
        overrides,
        threads: rayon::current_num_threads(),
        started,
    };
    let extras = Extras { charts: !options.no_charts, records: plan.records.is_some() };
    let files = write_all(folder, &outcome, extras)?;
    Ok(Report {
        data: if options.json { Summary::of(&outcome).to_line()? } else { render(&outcome) },
        files: file_list(&path, &files),
        error: None,
        exit: if options.fail_on.is_some() && !outcome.objectives_met() { Exit::Objective } else { Exit::Fine },
    })
}
