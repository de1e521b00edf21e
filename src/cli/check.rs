//! `mxsim check`.

use std::path::PathBuf;

use clap::Args;
use mxsim::model::compile::load;
use mxsim::report::charts::warn_of_glyphs;
use mxsim::scenario::diagnostic::Diagnostic;
use serde_json::{Value, json};

use super::Exit;
use super::load::expand;
use super::options::Options;
use super::terminal::Terminal;

/// Stands at the head of its `--help`.
const EXAMPLES: &str = "\
Examples:
  mxsim check a.ron                                 all its errors, each with its place
  mxsim check scenarios/                            every scenario of a folder
  mxsim check a.ron --set run/seed=7                with what `run` would be given";

/// Arguments of `check`.
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub struct CheckArgs {
    /// Scenario files; a folder stands for the `*.ron` files in it
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Says everything that is wrong with each file, and on stdout which of them are fine.
pub fn check(args: &CheckArgs, options: &Options, terminal: &Terminal) -> Exit {
    let files = match expand(&args.files) {
        Ok(files) => files,
        Err(problems) => {
            terminal.diagnostics(&problems);
            return Exit::Usage;
        }
    };
    let overrides = options.overrides();
    let mut exit = Exit::Fine;
    for path in files {
        let name = path.display().to_string();
        let (problems, fine) = match load(&path, &overrides) {
            Ok(loaded) => {
                let variants = loaded.variants.len().saturating_sub(1);
                let replications = loaded.variants.first().map_or(0, |variant| variant.model.replications);
                let glyphs = warn_of_glyphs(&loaded).filter(|_| !options.no_charts);
                (loaded.warnings.into_iter().chain(glyphs).collect(), Some((variants, replications)))
            }
            Err(problems) => (problems, None),
        };
        let line = if options.json {
            let problems: Vec<Value> = problems.iter().map(as_json).collect();
            format!("{}\n", json!({ "file": name, "valid": fine.is_some(), "problems": problems }))
        } else {
            terminal.diagnostics(&problems);
            fine.filter(|_| !options.quiet).map_or_else(String::new, |(variants, replications)| {
                format!("{name}: fine ({} of {})\n", some(replications as usize, "replication"), variants_of(variants))
            })
        };
        exit = exit.max(terminal.data(&line));
        if fine.is_none() {
            exit = exit.max(Exit::Usage);
        }
    }
    exit
}

fn variants_of(variants: usize) -> String {
    match variants {
        0 => "the scenario as written".into(),
        variants => format!("the scenario as written and {}", some(variants, "variant")),
    }
}

fn some(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn as_json(problem: &Diagnostic) -> Value {
    let mut value = json!({
        "severity": if problem.is_error() { "error" } else { "warning" },
        "message": problem.message,
        "label": problem.label,
        "help": problem.help,
    });
    if let (Some(place), Some(object)) = (&problem.place, value.as_object_mut()) {
        let before = place.source.text.get(..place.span.start.min(place.source.text.len())).unwrap_or("");
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        object.insert("file".into(), place.source.name.clone().into());
        object.insert("line".into(), line.into());
        object.insert("column".into(), column.into());
    }
    value
}
