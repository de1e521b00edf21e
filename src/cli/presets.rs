//! `mxsim presets`.

use clap::Args;
use mxsim::model::compile::presets::{Preset, all};
use mxsim::scenario::nearest::did_you_mean;

use super::{Global, INVALID, print};

pub const EXAMPLES: &str = "\
Examples:
  mxsim presets              all of them, a line each
  mxsim presets Postfix      one, number by number, with sources
";

#[derive(Args)]
pub struct Presets {
    /// One preset, as scenarios write it
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

impl Presets {
    pub fn execute(&self, global: &Global) -> u8 {
        let presets = all();
        let Some(name) = &self.name else {
            let lines: Vec<String> =
                presets.iter().map(|p| format!("{:<12} {:<9} {}\n", p.name, p.field, p.about)).collect();
            print(&lines.concat());
            return 0;
        };
        let found = presets.iter().find(|preset| preset.name.eq_ignore_ascii_case(name));
        let Some(preset) = found else {
            let hint = did_you_mean(name, presets.iter().map(|preset| preset.name));
            let hint = hint.unwrap_or_else(|| "`mxsim presets` lists them".into());
            eprintln!("error: no preset `{name}`; {hint}");
            return INVALID;
        };
        print(&if global.json { json(preset) } else { text(preset) });
        0
    }
}

fn text(preset: &Preset) -> String {
    let name = preset.parameters.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
    let value = preset.parameters.iter().map(|(_, value, _)| value.len()).max().unwrap_or(0);
    let mut out = format!("{}: {}() - {}\n\n", preset.field, preset.name, preset.about);
    for (parameter, set_to, source) in &preset.parameters {
        out.push_str(&format!("  {parameter:<name$}  {set_to:<value$}  {source}\n"));
    }
    out
}

fn json(preset: &Preset) -> String {
    let parameters: Vec<serde_json::Value> = preset
        .parameters
        .iter()
        .map(|(name, value, source)| serde_json::json!({ "name": name, "value": value, "source": source }))
        .collect();
    let all = serde_json::json!({
        "name": preset.name, "field": preset.field, "about": preset.about, "parameters": parameters,
    });
    format!("{all:#}\n")
}
