//! Flags that every command takes.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use mxsim::scenario::splice::Override;

/// See each flag's own words.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Options {
    /// Threads that simulate; all processors if absent. The results do not depend on it
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Seed of all randomness, instead of `run/seed`
    #[arg(long, global = true, value_name = "N", value_parser = seed)]
    pub seed: Option<u64>,
    /// Independent replications, instead of `run/replications`
    #[arg(long, global = true, value_name = "N", value_parser = count)]
    pub replications: Option<NonZeroU32>,
    /// Run this one replication only (they count from 0), with the numbers it has among all; its files land in a folder of their own
    #[arg(long, global = true, value_name = "K", conflicts_with = "replications", value_parser = number)]
    pub replication: Option<u32>,
    /// Override a value of the scenario; later ones win: --set zones/example.org/ttl=5m
    #[arg(long, global = true, value_name = "PATH=VALUE", value_parser = parse_set)]
    pub set: Vec<(String, String)>,
    /// Folder for the results, one folder a scenario inside it
    #[arg(long, global = true, value_name = "DIR", default_value = Self::OUT)]
    pub out: PathBuf,
    /// Print results for machines: one JSON object a line and scenario
    #[arg(long, global = true)]
    pub json: bool,
    /// Print nothing but errors on stderr, and no tables
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Colour on terminals; NO_COLOR is honoured
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = ColorChoice::Auto)]
    pub color: ColorChoice,
    /// Also write every delivery, attempt and lookup
    #[arg(long, global = true, value_name = "FORMAT", value_enum)]
    pub records: Option<Records>,
    /// What makes the exit code 3
    #[arg(long, global = true, value_name = "WHAT", value_enum)]
    pub fail_on: Option<FailOn>,
    /// Draw no charts
    #[arg(long, global = true)]
    pub no_charts: bool,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Everywhere, whatever NO_COLOR says.
    Always,
    /// Nowhere.
    Never,
}

/// Formats of record tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Records {
    /// Comma-separated values.
    Csv,
}

/// What may fail a run that ran well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// An objective that is missed.
    Objectives,
}

impl Options {
    /// Where results go if nothing is said.
    pub const OUT: &str = "outputs";

    /// The overrides of all flags, `--set` last.
    pub fn overrides(&self) -> Vec<Override> {
        let seed = self.seed.map(|seed| Override::named("--seed", "run/seed", seed.to_string()));
        let replications =
            self.replications.map(|count| Override::named("--replications", "run/replications", count.to_string()));
        let set = self.set.iter().map(|(path, value)| Override::named(format!("--set {path}"), path, value));
        seed.into_iter().chain(replications).chain(set).collect()
    }
}

impl ColorChoice {
    /// What `--color` says, before anything is parsed; `None` where it says nothing that is known.
    pub fn before_parsing(mut args: impl Iterator<Item = OsString>) -> Option<Self> {
        let mut choice = None;
        while let Some(arg) = args.next() {
            let text = arg.to_string_lossy().into_owned();
            let value = match text.strip_prefix("--color") {
                Some("") => args.next().map(|value| value.to_string_lossy().into_owned()),
                Some(rest) => rest.strip_prefix('=').map(str::to_owned),
                None if text == "--" => break,
                None => None,
            };
            choice = value.and_then(|value| Self::from_str(&value, true).ok()).or(choice);
        }
        choice
    }

    /// The same for clap's own messages.
    pub fn for_clap(self) -> clap::ColorChoice {
        match self {
            Self::Auto => clap::ColorChoice::Auto,
            Self::Always => clap::ColorChoice::Always,
            Self::Never => clap::ColorChoice::Never,
        }
    }
}

fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("expected a whole number from 0 to {}", u64::MAX))
}

fn count(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| format!("expected a whole number from 1 to {}", u32::MAX))
}

fn number(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| "expected the number of a replication; the first is 0".to_owned())
}

/// `path=value`. The first `=` parts them: no field's name holds one, and a value may.
fn parse_set(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((path, _)) if path.trim().is_empty() => Err("no path before `=`".into()),
        Some((path, value)) => Ok((path.trim().to_owned(), value.to_owned())),
        None => Err("expected a path, `=` and a value, such as `zones/example.org/ttl=5m`".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_hold_what_parts_a_path_from_it() {
        assert_eq!(parse_set("a/b=c=d"), Ok(("a/b".into(), "c=d".into())));
        assert!(parse_set("a/b").is_err() && parse_set("=x").is_err());
    }

    #[test]
    fn the_last_color_flag_counts_even_before_parsing() {
        let find = |args: &[&str]| ColorChoice::before_parsing(args.iter().map(OsString::from));
        assert_eq!(find(&["mxsim", "run", "--color", "never"]), Some(ColorChoice::Never));
        assert_eq!(find(&["mxsim", "--color=always", "--color=auto"]), Some(ColorChoice::Auto));
        assert_eq!(find(&["mxsim", "--", "--color=always"]), None);
        assert_eq!(find(&["mxsim", "--color", "pink"]), None);
    }
}
