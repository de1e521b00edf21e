//! `mxsim graph`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use mxsim::report::topology::{Topology, to_dot, to_mermaid};

use super::Exit;
use super::load::load_all;
use super::options::Options;
use super::terminal::Terminal;

/// Stands at the head of its `--help`.
const EXAMPLES: &str = "\
Examples:
  mxsim graph a.ron | dot -Tsvg > a.svg             with Graphviz
  mxsim graph a.ron --format mermaid                for Markdown";

/// Arguments of `graph`.
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub struct GraphArgs {
    /// A scenario file
    file: PathBuf,
    /// In which language
    #[arg(long, value_enum, default_value_t = Format::Dot)]
    format: Format,
}

/// Languages of graphs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Graphviz: `mxsim graph FILE | dot -Tsvg > topology.svg`
    Dot,
    /// A Mermaid flowchart, as Markdown pages show it
    Mermaid,
}

/// Prints the topology of a scenario as written.
pub fn graph(args: &GraphArgs, options: &Options, terminal: &Terminal) -> Exit {
    let scenarios = match load_all(std::slice::from_ref(&args.file), options, terminal) {
        Ok(scenarios) => scenarios,
        Err(exit) => return exit,
    };
    let Some(variant) = scenarios.first().and_then(|scenario| scenario.loaded.variants.first()) else {
        return Exit::Usage;
    };
    let topology = Topology::of(&variant.scenario, &variant.model);
    for sentence in &topology.couplings {
        terminal.say(sentence);
    }
    terminal.data(&match args.format {
        Format::Dot => to_dot(&topology),
        Format::Mermaid => to_mermaid(&topology),
    })
}
