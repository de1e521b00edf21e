//! Flags in, text out: parsing and printing only. What is printed is made in the library.

mod check;
mod dig;
mod graph;
mod init;
mod load;
mod options;
mod presets;
mod progress;
mod run;
mod terminal;

use std::path::Path;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use mxsim::scenario::nearest::nearest;

use options::{ColorChoice, Options};
use terminal::Terminal;

/// Stands at the head of `--help`: one line for every command.
const EXAMPLES: &str = "\
Examples:
  mxsim init outage.ron                      a commented scenario to start from
  mxsim init --template migration a.ron      moving mail under a long TTL
  mxsim check scenarios/*.ron                all errors, each with its place
  mxsim run outage.ron                       tables and charts in outputs/outage/
  mxsim run scenarios/ --threads 4           a folder of scenarios at once
  mxsim run a.ron --set run/measure=2d       the same with another value
  mxsim run a.ron --fail-on objectives       exit code 3 if one is missed
  mxsim run a.ron --replication 3 --records csv    one of them, every delivery
  mxsim presets Postfix                      what a preset means, with sources
  mxsim dig a.ron example.org MX --at 12h    what each resolver answers then
  mxsim graph a.ron --format mermaid         who asks whom, what couples what";

const EXIT_CODES: &str = "\
Exit codes: 0 fine, 1 a run failed, 2 usage or invalid scenario, 3 an objective missed (with --fail-on objectives), \
130 interrupted (the same command resumes it). Data goes to stdout, messages and progress to stderr.";

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// All is well.
    Fine,
    /// An objective was missed, and was to fail.
    Objective,
    /// A run failed, or a file could not be written.
    Failed,
    /// Wrong flags or an invalid scenario.
    Usage,
    /// Ctrl-C.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Fine => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Objective => 3,
            Exit::Interrupted => 130,
        })
    }
}

#[derive(Debug, Parser)]
#[command(name = "mxsim", version, about, before_help = EXAMPLES, after_help = EXIT_CODES)]
#[command(arg_required_else_help = true, subcommand_required = true, max_term_width = 120)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Simulate scenarios and write their tables and charts.
    Run(run::RunArgs),
    /// Read scenarios and say everything that is wrong with them.
    Check(check::CheckArgs),
    /// Write a commented scenario to start from.
    Init(init::InitArgs),
    /// Show what a preset means, number by number, each with its source.
    Presets(presets::PresetsArgs),
    /// Ask resolvers at an instant of a run, as dig does, or walk the delegation.
    Dig(dig::DigArgs),
    /// Print the topology: who asks whom, who sends where, what couples what.
    Graph(graph::GraphArgs),
}

/// The program.
pub fn main() -> ExitCode {
    let mut command = Cli::command();
    // Clap's own messages come before any flag is parsed.
    let wanted = ColorChoice::before_parsing(std::env::args_os());
    command = command.color(wanted.map_or(clap::ColorChoice::Auto, ColorChoice::for_clap));
    let parsed = command.try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(mut error) => {
            suggest(&mut error);
            // A reader that went away is no reason to complain.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Fine.into() };
        }
    };
    let terminal = Terminal::new(&cli.options);
    let exit = match &cli.command {
        Command::Run(args) => run::run(args, &cli.options, &terminal),
        Command::Check(args) => check::check(args, &cli.options, &terminal),
        Command::Init(args) => init::init(args, &terminal),
        Command::Presets(args) => presets::presets(args, &cli.options, &terminal),
        Command::Dig(args) => dig::dig(args, &cli.options, &terminal),
        Command::Graph(args) => graph::graph(args, &cli.options, &terminal),
    };
    exit.into()
}

/// What the user may have meant where clap has no idea: a command with letters swapped, or a scenario without a command.
fn suggest(error: &mut clap::Error) {
    let is_new = error.get(ContextKind::SuggestedSubcommand).is_none();
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidSubcommand).filter(|_| is_new) else {
        return;
    };
    if Path::new(given).extension().is_some_and(|extension| extension == "ron") || Path::new(given).is_dir() {
        let tip = format!("to run a scenario: mxsim run {given}");
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
        return;
    }
    let command = Cli::command();
    let names = command.get_subcommands().map(clap::Command::get_name);
    if let Some(name) = nearest(given, names).map(str::to_owned) {
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(vec![name]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
