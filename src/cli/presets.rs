//! `mxsim presets`.

use std::collections::BTreeSet;
use std::path::Path;

use clap::Args;
use comfy_table::{ContentArrangement, Table};
use mxsim::model::compile::presets::retry::{RetryPreset, systems, written};
use mxsim::model::compile::presets::{Preset, all};
use mxsim::report::chart::{Footer, Heading, Schedule, ScheduleChart, draw_schedules};
use mxsim::report::schedules;
use mxsim::report::summary_table::STYLE;
use mxsim::scenario::diagnostic::Diagnostic;
use mxsim::scenario::nearest::{did_you_mean, list_names};
use serde_json::json;

use super::Exit;
use super::options::Options;
use super::terminal::Terminal;

/// Stands at the head of its `--help`.
const EXAMPLES: &str = r#"Examples:
  mxsim presets                                     all of them
  mxsim presets Postfix                             every number with its source, and its schedule
  mxsim presets 'Postfix(minimal_backoff_time: "1m")'    the same with other parameters
  mxsim presets --compare Postfix,Exim,Qmail        retry schedules beside each other
  mxsim presets --compare all --out schedules.svg   and drawn"#;

/// Arguments of `presets`.
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub struct PresetsArgs {
    /// Which one, with its schedule if it is a retry policy, which may have parameters in brackets as in a scenario; a
    /// list of all if absent
    name: Option<String>,
    /// Draw retry policies beside each other: `Postfix,Exim,Qmail`, or `all`; with `--out FILE.svg` (or .png) as a
    /// picture too, in both formats
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with = "name")]
    compare: Vec<String>,
}

/// Prints one preset, all, or some beside each other.
pub fn presets(args: &PresetsArgs, options: &Options, terminal: &Terminal) -> Exit {
    if let Some((parameter, _)) = options.set.first() {
        let name = args.name.as_deref().or(args.compare.first().map(String::as_str)).unwrap_or("Postfix");
        let problem = Diagnostic::error("`--set` changes a scenario, and presets are shown without one");
        let help = format!("give it in brackets: `mxsim presets '{name}({parameter}: ...)'`");
        terminal.diagnostics(&[problem.help(help)]);
        return Exit::Usage;
    }
    if !args.compare.is_empty() {
        return compare(args, options, terminal);
    }
    let presets = all();
    let Some(name) = &args.name else {
        let text: Vec<String> = match options.json {
            true => presets.iter().map(as_json).collect(),
            false => vec![list(&presets)],
        };
        return terminal.data(&text.concat());
    };
    let preset = presets.iter().find(|preset| is_called(preset.name, name));
    if let (None, Some((head, _))) = (preset, name.split_once('(')) {
        return with_parameters(name, head, &presets, options, terminal);
    }
    let Some(preset) = preset else {
        return unknown(name, presets.iter().map(|preset| preset.name).collect(), terminal);
    };
    let system = systems().into_iter().find(|system| preset.field == "retry" && system.name == preset.name);
    one(Some(preset), system.as_ref(), options, terminal)
}

/// Policies that have a schedule, and no defaults to show.
const OWN: [&str; 2] = ["Custom", "PostfixConfig"];

/// A preset of `retry` with parameters of the user's, `text`, of which `head` stands before the brackets.
fn with_parameters(text: &str, head: &str, presets: &[Preset], options: &Options, terminal: &Terminal) -> Exit {
    let of_retry = presets.iter().filter(|preset| preset.field == "retry").map(|preset| preset.name);
    let known: Vec<&str> = of_retry.chain(OWN).collect();
    if !known.contains(&head.trim()) {
        if presets.iter().any(|preset| preset.name == head.trim()) || ["EximConfig", "Mix"].contains(&head.trim()) {
            let problem = Diagnostic::error(format!("`{head}` with parameters has no schedule"));
            terminal.diagnostics(&[
                problem.help(format!("these have one: {}", list_names(known.iter().copied(), known.len())))
            ]);
            return Exit::Usage;
        }
        return unknown(head, known, terminal);
    }
    match written(text) {
        Ok((system, warnings)) => {
            terminal.diagnostics(&warnings);
            one(system.as_preset().as_ref(), Some(&system), options, terminal)
        }
        Err(problems) => {
            terminal.diagnostics(&problems);
            Exit::Usage
        }
    }
}

/// Prints a preset's numbers, and its schedule.
fn one(preset: Option<&Preset>, system: Option<&RetryPreset>, options: &Options, terminal: &Terminal) -> Exit {
    let parts = match options.json {
        true => [preset.map(as_json), system.map(|system| format!("{}\n", schedules::as_json(system)))],
        false => [preset.map(as_table), system.map(schedules::table)],
    };
    let between = if options.json { "" } else { "\n" };
    terminal.data(&parts.into_iter().flatten().collect::<Vec<_>>().join(between))
}

/// `Postfix()` is how a scenario writes it.
fn is_called(name: &str, written: &str) -> bool {
    name.eq_ignore_ascii_case(written.trim().trim_end_matches("()"))
}

fn unknown(name: &str, names: Vec<&str>, terminal: &Terminal) -> Exit {
    let help = did_you_mean(name, names.iter().copied());
    // A few names stand for a sender's ways and for a host's.
    let apart: BTreeSet<&str> = names.iter().copied().collect();
    let help = help.unwrap_or_else(|| format!("the presets are {}", list_names(apart.iter().copied(), apart.len())));
    terminal.diagnostics(&[Diagnostic::error(format!("no preset `{name}`")).help(help)]);
    Exit::Usage
}

fn compare(args: &PresetsArgs, options: &Options, terminal: &Terminal) -> Exit {
    let known = systems();
    let mut wanted: Vec<RetryPreset> = Vec::new();
    for name in &args.compare {
        match known.iter().find(|system| is_called(system.name, name)) {
            Some(system) => wanted.push(system.clone()),
            None if name == "all" => wanted.clone_from(&known),
            None => return unknown(name, known.iter().map(|system| system.name).collect(), terminal),
        }
    }
    let is_picture = options.out.extension().is_some_and(|extension| extension == "svg" || extension == "png");
    if !is_picture && options.out != Path::new(Options::OUT) {
        let problem = Diagnostic::error(format!("`{}` is no picture", options.out.display()));
        terminal.diagnostics(&[problem.help("write `--out FILE.svg` or `--out FILE.png`: both are drawn")]);
        return Exit::Usage;
    }
    if is_picture && let Err(exit) = draw(&options.out.with_extension(""), &wanted, terminal) {
        return exit;
    }
    if options.json {
        let all: Vec<_> = wanted.iter().map(schedules::as_json).collect();
        return terminal.data(&format!("{}\n", json!(all)));
    }
    terminal.data(&schedules::compare(&wanted))
}

fn draw(path: &Path, presets: &[RetryPreset], terminal: &Terminal) -> Result<(), Exit> {
    let schedule = |preset: &RetryPreset| {
        let plan = schedules::middle(preset.policy());
        Schedule {
            name: preset.name.to_owned(),
            ages: plan.attempts.iter().map(|age| age.as_secs_f64()).collect(),
            gives_up: plan.expires.map(|age| age.as_secs_f64()),
        }
    };
    let chart = ScheduleChart {
        heading: Heading {
            title: "Retry schedules".into(),
            subtitle: "Attempts of a message that every host refuses; scans half a period after its arrival".into(),
            footer: Footer::default(),
        },
        schedules: presets.iter().map(schedule).collect(),
    };
    match draw_schedules(path, &chart) {
        Ok(files) => {
            files.iter().for_each(|file| terminal.say(&format!("wrote {}", file.display())));
            Ok(())
        }
        Err(error) => {
            terminal.error(&error.to_string());
            Err(Exit::Failed)
        }
    }
}

fn list(presets: &[Preset]) -> String {
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic).set_width(118);
    table.set_header(["preset", "field", "what it stands for"]);
    for preset in presets {
        table.add_row([preset.name, preset.field, preset.about]);
    }
    let hint = "`mxsim presets NAME` shows every number with its source; `--compare A,B` draws retry schedules";
    format!("{}\n\n{hint}\n", table.trim_fmt())
}

fn as_table(preset: &Preset) -> String {
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic).set_width(118);
    table.set_header(["parameter", "value", "source"]);
    for (parameter, value, source) in &preset.parameters {
        table.add_row([*parameter, value.as_str(), *source]);
    }
    format!("{}: {}() is {}\n{}\n", preset.field, preset.name, preset.about, table.trim_fmt())
}

fn as_json(preset: &Preset) -> String {
    let parameters: Vec<_> = preset
        .parameters
        .iter()
        .map(|(name, value, source)| json!({ "parameter": name, "value": value, "source": source }))
        .collect();
    let preset = json!({ "name": preset.name, "field": preset.field, "about": preset.about, "parameters": parameters });
    format!("{preset}\n")
}
