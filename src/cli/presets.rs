//! `mxsim presets`.

use std::collections::BTreeSet;
use std::path::Path;

use clap::Args;
use comfy_table::{ContentArrangement, Table};
use mxsim::model::compile::presets::retry::{Part, RetryPreset, systems, written};
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
  mxsim presets 'EximConfig(file: "exim.conf")'     the schedule of each rule in its retry section
  mxsim presets --compare Postfix,Exim,Qmail        retry schedules beside each other
  mxsim presets --compare all --out schedules.svg   and drawn"#;

/// Arguments of `presets`.
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub struct PresetsArgs {
    /// Which one, with its schedule if it is a retry policy, which may have parameters in brackets as in a scenario; a
    /// list of all if absent
    name: Option<String>,
    /// Draw retry policies beside each other: `Postfix,Exim,Qmail`, with parameters in brackets or without, or `all`; with `--out FILE.svg` (or .png) as a
    /// picture too, in both formats
    #[arg(long, value_name = "NAMES", conflicts_with = "name")]
    compare: Option<String>,
}

/// Prints one preset, all, or some beside each other.
pub fn presets(args: &PresetsArgs, options: &Options, terminal: &Terminal) -> Exit {
    if let Some((parameter, _)) = options.set.first() {
        let name = args.name.as_deref().or(args.compare.as_deref()).unwrap_or("Postfix");
        let name = at_commas(name)[0];
        let problem = Diagnostic::error("`--set` changes a scenario, and presets are shown without one");
        let help = format!("give it in brackets: `mxsim presets '{name}({parameter}: ...)'`");
        terminal.diagnostics(&[problem.help(help)]);
        return Exit::Usage;
    }
    if let Some(names) = &args.compare {
        return compare(names, options, terminal);
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

/// Policies that have schedules, and no defaults to show.
const OWN: [&str; 4] = ["Custom", "PostfixConfig", "EximConfig", "Mix"];

/// A preset of `retry` with parameters of the user's, `text`, of which `head` stands before the brackets.
fn with_parameters(text: &str, head: &str, presets: &[Preset], options: &Options, terminal: &Terminal) -> Exit {
    let of_retry = presets.iter().filter(|preset| preset.field == "retry").map(|preset| preset.name);
    let known: Vec<&str> = of_retry.chain(OWN).collect();
    if !known.contains(&head.trim()) {
        if presets.iter().any(|preset| preset.name == head.trim()) {
            let problem = Diagnostic::error(format!("`{head}` with parameters has no schedule"));
            terminal.diagnostics(&[
                problem.help(format!("these have one: {}", list_names(known.iter().copied(), known.len())))
            ]);
            return Exit::Usage;
        }
        return unknown(head, known, terminal);
    }
    match written(text) {
        Ok((parts, warnings)) => {
            terminal.diagnostics(&warnings);
            match parts.as_slice() {
                [Part { of, preset: Some(system) }] if of.is_empty() => {
                    one(system.as_preset().as_ref(), Some(system), options, terminal)
                }
                parts => several(parts, options, terminal),
            }
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

/// Prints the schedules of a policy that has several.
fn several(parts: &[Part], options: &Options, terminal: &Terminal) -> Exit {
    let text = |Part { of, preset }: &Part| match (options.json, preset) {
        (true, preset) => format!("{}\n", json!({ "of": of, "schedule": preset.as_ref().map(schedules::as_json) })),
        (false, Some(system)) => format!("For {of}\n\n{}", schedules::table(system)),
        (false, None) => format!("For {of}\n\nNot tried again: bounces at its first failure\n"),
    };
    let between = if options.json { "" } else { "\n" };
    terminal.data(&parts.iter().map(text).collect::<Vec<_>>().join(between))
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

/// What stands between commas that are in no brackets and in no text.
fn at_commas(names: &str) -> Vec<&str> {
    let (mut depth, mut is_text, mut start, mut parts) = (0_i32, false, 0, Vec::new());
    for (at, letter) in names.char_indices() {
        match letter {
            '"' => is_text = !is_text,
            '(' | '[' | '{' if !is_text => depth += 1,
            ')' | ']' | '}' if !is_text => depth -= 1,
            ',' if !is_text && depth == 0 => {
                parts.push(names[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(names[start..].trim());
    parts
}

fn compare(names: &str, options: &Options, terminal: &Terminal) -> Exit {
    let known = systems();
    let mut wanted: Vec<(String, RetryPreset)> = Vec::new();
    for name in at_commas(names) {
        let head = name.split_once('(').map(|(head, _)| head.trim());
        if let Some(system) = known.iter().find(|system| is_called(system.name, name)) {
            wanted.push((system.name.to_owned(), system.clone()));
        } else if name == "all" {
            wanted.extend(known.iter().map(|system| (system.name.to_owned(), system.clone())));
        } else if head.is_some_and(|head| known.iter().map(|system| system.name).chain(OWN).any(|own| own == head)) {
            match written(name) {
                Ok((parts, warnings)) => {
                    terminal.diagnostics(&warnings);
                    wanted.extend(parts.into_iter().filter_map(|part| Some((label(name, &part.of), part.preset?))));
                }
                Err(problems) => {
                    terminal.diagnostics(&problems);
                    return Exit::Usage;
                }
            }
        } else {
            return unknown(name, known.iter().map(|system| system.name).collect(), terminal);
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
        let all: Vec<_> = wanted.iter().map(|(_, preset)| schedules::as_json(preset)).collect();
        return terminal.data(&format!("{}\n", json!(all)));
    }
    terminal.data(&schedules::compare(&wanted))
}

/// What one of several stands by: as it is written, if that is short.
fn label(written: &str, of: &str) -> String {
    const LONGEST: usize = 40;
    let text = if of.is_empty() { written.split_whitespace().collect::<Vec<_>>().join(" ") } else { of.to_owned() };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn draw(path: &Path, presets: &[(String, RetryPreset)], terminal: &Terminal) -> Result<(), Exit> {
    let schedule = |(name, preset): &(String, RetryPreset)| {
        let plan = schedules::middle(preset.policy());
        Schedule {
            name: name.clone(),
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
