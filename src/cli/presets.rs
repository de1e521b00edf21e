//! `mxsim presets`.

use clap::Args;
use comfy_table::{ContentArrangement, Table};
use mxsim::model::compile::presets::{Preset, all};
use mxsim::report::summary_table::STYLE;
use mxsim::scenario::diagnostic::Diagnostic;
use mxsim::scenario::nearest::{did_you_mean, list_names};
use serde_json::json;

use super::Exit;
use super::options::Options;
use super::terminal::Terminal;

/// Arguments of `presets`.
#[derive(Debug, Args)]
pub struct PresetsArgs {
    /// Which one; all of them if absent
    name: Option<String>,
}

/// Prints one preset or all.
pub fn presets(args: &PresetsArgs, options: &Options, terminal: &Terminal) -> Exit {
    let presets = all();
    let wanted: Vec<&Preset> = match &args.name {
        None => presets.iter().collect(),
        Some(name) => {
            // `Postfix()` is how a scenario writes it.
            let bare = name.trim_end_matches("()");
            presets.iter().filter(|preset| preset.name.eq_ignore_ascii_case(bare)).collect()
        }
    };
    if let (true, Some(name)) = (wanted.is_empty(), &args.name) {
        let names = || presets.iter().map(|preset| preset.name);
        let error = Diagnostic::error(format!("no preset `{name}`"));
        let help = did_you_mean(name, names());
        let help = help.unwrap_or_else(|| format!("the presets are {}", list_names(names(), presets.len())));
        terminal.diagnostics(&[error.help(help)]);
        return Exit::Usage;
    }
    let text = wanted.iter().map(|preset| if options.json { as_json(preset) } else { as_table(preset) });
    terminal.data(&text.collect::<Vec<_>>().join(if options.json { "" } else { "\n" }))
}

fn as_table(preset: &Preset) -> String {
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic).set_width(110);
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
