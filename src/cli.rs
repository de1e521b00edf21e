//! The command line: flags are parsed and results printed here, and nothing else is done.

mod check;
mod graph;
mod init;
mod presets;
mod progress;
mod run;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use mxsim::scenario::diagnostic::Diagnostic;
use mxsim::scenario::render::render;
use mxsim::scenario::splice::Override;

/// A run failed.
const FAILED: u8 = 1;
/// Usage, or an invalid scenario.
const INVALID: u8 = 2;
/// An objective was missed, and `--fail-on objectives` given.
const MISSED: u8 = 3;
/// Interrupted: what was done is kept.
const INTERRUPTED: u8 = 130;

const EXAMPLES: &str = "\
Examples:
  mxsim run scenarios/                         run the whole gallery
  mxsim run scenarios/mx_migration.ron         run one scenario
  mxsim run my.ron --set run/seed=7 --json     change a value, print JSON
  mxsim check my.ron                           find every mistake, run nothing
  mxsim init my.ron                            a commented scenario to start from
  mxsim presets Postfix                        what a preset means, number by number
  mxsim graph my.ron --format mermaid          what is joined to what
";

#[derive(Parser)]
#[command(
    name = "mxsim",
    version,
    about = "Simulates mail routing: DNS caches, MX failover and sender queues together"
)]
#[command(before_help = EXAMPLES, disable_help_subcommand = true, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args, Clone)]
struct Global {
    /// Threads to run on; all processors if absent. Results do not depend on it.
    #[arg(long, global = true, value_name = "N")]
    threads: Option<usize>,
    /// Seed of all randomness (`run/seed`).
    #[arg(long, global = true, value_name = "SEED")]
    seed: Option<u64>,
    /// Independent repetitions (`run/replications`).
    #[arg(long, global = true, value_name = "N")]
    replications: Option<u32>,
    /// Change one value of the scenario, such as `senders/campus/retry=Exim()`; may be repeated.
    #[arg(long = "set", global = true, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Results as JSON on standard output.
    #[arg(long, global = true)]
    json: bool,
    /// No progress and no messages.
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Colour in messages; NO_COLOR turns it off, too.
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto, value_name = "WHEN")]
    color: Colour,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Colour {
    Auto,
    Always,
    Never,
}

#[derive(Subcommand)]
enum Command {
    /// Run scenarios: tables, charts, files
    #[command(before_help = run::EXAMPLES)]
    Run(run::Run),
    /// Check scenarios: all errors, with their places
    #[command(before_help = check::EXAMPLES)]
    Check(check::Check),
    /// Write a commented scenario to start from
    #[command(before_help = init::EXAMPLES)]
    Init(init::Init),
    /// Show what presets mean, number by number, with sources
    #[command(before_help = presets::EXAMPLES)]
    Presets(presets::Presets),
    /// Print the topology as DOT or Mermaid
    #[command(before_help = graph::EXAMPLES)]
    Graph(graph::Graph),
}

/// Parses the command line and carries it out.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // A closed pipe is the reader's choice.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { INVALID } else { 0 });
        }
    };
    let code = match &cli.command {
        Command::Run(run) => run.execute(&cli.global),
        Command::Check(check) => check.execute(&cli.global),
        Command::Init(init) => init.execute(&cli.global),
        Command::Presets(presets) => presets.execute(&cli.global),
        Command::Graph(graph) => graph.execute(&cli.global),
    };
    ExitCode::from(code)
}

impl Global {
    /// Whether messages are coloured.
    fn colour(&self) -> bool {
        match self.color {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => {
                let is_off = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                !is_off && std::io::stderr().is_terminal()
            }
        }
    }

    /// The overrides of `--set`, `--seed` and `--replications`, in this order of strength.
    fn overrides(&self) -> Result<Vec<Override>, String> {
        let mut overrides = Vec::new();
        if let Some(seed) = self.seed {
            overrides.push(Override::named("--seed", "run/seed", seed.to_string()));
        }
        if let Some(replications) = self.replications {
            overrides.push(Override::named("--replications", "run/replications", replications.to_string()));
        }
        for set in &self.set {
            let (path, value) =
                set.split_once('=').ok_or_else(|| format!("`--set {set}` has no `=`: write `--set PATH=VALUE`"))?;
            overrides.push(Override::named(format!("--set {path}"), path, value));
        }
        Ok(overrides)
    }

    fn say(&self, text: &str) {
        if !self.quiet {
            eprintln!("{text}");
        }
    }

    /// Prints what is wrong with scenarios; errors also when quiet.
    fn complain(&self, diagnostics: &[Diagnostic]) {
        let shown: Vec<Diagnostic> =
            diagnostics.iter().filter(|d| d.is_error() || !self.quiet).take(50).cloned().collect();
        if !shown.is_empty() {
            eprint!("{}", render(&shown, self.colour()));
        }
        if diagnostics.len() > 50 {
            eprintln!("and {} more", diagnostics.len() - 50);
        }
    }
}

/// Prints to standard output; a closed pipe is no error.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// The scenario files that arguments mean: files, and all `.ron` directly in folders, sorted.
fn scenario_files(arguments: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for argument in arguments {
        if argument.is_dir() {
            let entries =
                std::fs::read_dir(argument).map_err(|why| format!("cannot read `{}`: {why}", argument.display()))?;
            let mut found: Vec<PathBuf> = entries
                .filter_map(|entry| entry.ok().map(|entry| entry.path()))
                .filter(|path| path.extension().is_some_and(|extension| extension == "ron"))
                .collect();
            if found.is_empty() {
                return Err(format!("no `.ron` files in `{}`", argument.display()));
            }
            found.sort();
            files.extend(found);
        } else {
            files.push(argument.clone());
        }
    }
    Ok(files)
}

/// What a scenario is called: its file's name without extension.
fn scenario_name(path: &std::path::Path) -> String {
    path.file_stem().map_or_else(|| "scenario".to_owned(), |stem| stem.to_string_lossy().into_owned())
}
