//! `mxsim init`.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use mxsim::scenario::diagnostic::Diagnostic;

use super::Exit;
use super::terminal::Terminal;

/// Stands at the head of its `--help`.
const EXAMPLES: &str = "\
Examples:
  mxsim init outage.ron                             a commented scenario to start from
  mxsim init --template migration a.ron             moving mail under a long TTL
  mxsim init - | less                               to look at first";

/// Arguments of `init`.
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub struct InitArgs {
    /// Where to write it; `-` for stdout. The template's name with `.ron` if absent
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Which scenario to start from
    #[arg(long, value_enum, default_value_t = Template::Minimal)]
    template: Template,
    /// Overwrite a file that is there
    #[arg(long)]
    force: bool,
}

/// Scenarios to start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Template {
    /// One sender, one resolver, one MX host
    Minimal,
    /// A backup MX while the first is down, and three retry policies
    Outage,
    /// Moving mail to another provider while an old MX record is cached
    Migration,
}

impl Template {
    fn text(self) -> &'static str {
        match self {
            Self::Minimal => include_str!("templates/minimal.ron"),
            Self::Outage => include_str!("templates/outage.ron"),
            Self::Migration => include_str!("templates/migration.ron"),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Minimal => "minimal",
            Self::Outage => "outage",
            Self::Migration => "migration",
        }
    }
}

/// Writes a template.
pub fn init(args: &InitArgs, terminal: &Terminal) -> Exit {
    let path = args.file.clone().unwrap_or_else(|| PathBuf::from(format!("{}.ron", args.template.name())));
    if path.as_os_str() == "-" {
        return terminal.data(args.template.text());
    }
    let mut how = OpenOptions::new();
    if args.force {
        how.create(true).truncate(true);
    } else {
        // Whether it is there and making it are one step: no other program's file is lost in between.
        how.create_new(true);
    }
    let shown = path.display();
    match how.write(true).open(&path).and_then(|mut file| file.write_all(args.template.text().as_bytes())) {
        Ok(()) => {
            terminal.say(&format!("wrote {shown}; next: mxsim run {shown}"));
            Exit::Fine
        }
        Err(why) if why.kind() == ErrorKind::AlreadyExists => {
            let error = Diagnostic::error(format!("`{shown}` exists already"));
            terminal.diagnostics(&[error.help("give another name, or `--force` to overwrite it")]);
            Exit::Usage
        }
        Err(why) => {
            terminal.error(&format!("cannot write `{shown}`: {why}"));
            Exit::Failed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mxsim::model::compile::{Memory, load_source};
    use mxsim::scenario::diagnostic::SourceText;
    use mxsim::scenario::render::render;
    use std::sync::Arc;

    #[test]
    fn every_template_is_a_scenario_without_a_fault() {
        for template in Template::value_variants() {
            let source = Arc::new(SourceText { name: template.name().into(), text: template.text().into() });
            let loaded = load_source(&source, &[], &mut Memory::default());
            let problems = loaded.map_or_else(|problems| problems, |loaded| loaded.warnings);
            assert!(problems.is_empty(), "{}", render(&problems, false));
        }
    }
}
