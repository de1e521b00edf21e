//! The reference pages beside the scenarios name everything that a scenario may hold.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use mxsim::measure::RecordKind;
use mxsim::model::compile::presets::all;
use mxsim::model::vocabulary::{MEASURES, SCOPES, SERIES};
use mxsim::report::tables;
use mxsim::scenario::tree::ResolverRules;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path))
        .unwrap_or_else(|why| panic!("{path}: {why}"))
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// The page of presets, from what `mxsim presets` shows and what the code says of each rule.
fn presets_page() -> String {
    let mut page = String::from(
        "# Parameters of presets\n\n\
         What `mxsim presets NAME` shows, preset by preset: each parameter, its default with its unit, and where that comes from.\n\
         A parameter is overridden by its name: `Postfix(minimal_backoff_time: \"10m\")`. This page is made from the code; to renew\n\
         it: `UPDATE_REFERENCE=1 cargo test --test reference`.\n\n\
         ## What the rules of resolvers mean\n\n| parameter | meaning |\n|---|---|\n",
    );
    for (field, meaning) in ResolverRules::FIELDS.iter().zip(ResolverRules::MEANINGS) {
        let _ = writeln!(page, "| `{field}` | {} |", cell(&meaning.join("").trim().replace("  ", " ")));
    }
    for preset in all() {
        let _ = writeln!(page, "\n## `{}()` in `{}`\n\n{}.\n", preset.name, preset.field, preset.about);
        if preset.parameters.is_empty() {
            page.push_str("It has no parameters.\n");
            continue;
        }
        page.push_str("| parameter | default | source |\n|---|---|---|\n");
        for (parameter, value, source) in &preset.parameters {
            let _ = writeln!(page, "| `{parameter}` | `{}` | {} |", cell(value), cell(source));
        }
    }
    page
}

#[test]
fn the_page_of_presets_is_what_the_presets_are() {
    let page = presets_page();
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/presets.md");
        std::fs::write(path, &page).unwrap_or_else(|why| panic!("{why}"));
    }
    assert!(read("scenarios/presets.md") == page, "renew it: UPDATE_REFERENCE=1 cargo test --test reference");
}

/// Words after `mark` at the beginning of lines of the tree's sources.
fn declared(text: &str, mark: &str) -> Vec<String> {
    let word = |line: &str| line.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    text.lines().filter_map(|line| line.strip_prefix(mark)).map(word).filter(|word| !word.is_empty()).collect()
}

/// As a scenario writes a field: its own name, or what serde reads instead of it.
fn as_written(text: &str, field: &str) -> String {
    let before = text.split(&format!("    pub {field}:")).next().unwrap_or("");
    let attribute = before.lines().last().unwrap_or("");
    match attribute.split_once("rename = \"") {
        Some((_, name)) => name.split('"').next().unwrap_or(field).to_owned(),
        None => field.to_owned(),
    }
}

#[test]
fn every_field_and_every_choice_of_the_language_is_on_a_page() {
    let pages = read("scenarios/README.md") + &read("scenarios/presets.md");
    let words: BTreeSet<&str> = pages.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let (mut missing, mut seen) = (Vec::new(), 0);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/scenario");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap_or_else(|why| panic!("{why}"))
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with("tree") && name.ends_with(".rs"))
        .collect();
    files.sort();
    for name in &files {
        let text = read(&format!("src/scenario/{name}"));
        for field in declared(&text, "    pub ") {
            // Constants and functions are no fields.
            if text.contains(&format!("    pub {field}:")) {
                seen += 1;
                let written = as_written(&text, &field);
                if !words.contains(written.as_str()) {
                    missing.push(format!("{name}: {written}"));
                }
            }
        }
        for part in text.split("pub enum ").skip(1) {
            let body = part.split("\n}").next().unwrap_or("");
            // What is written as text has no names of its choices.
            if text.contains(&format!("impl FromText for {}", declared(part, "").first().map_or("", String::as_str))) {
                continue;
            }
            for choice in declared(body, "    ") {
                let written = choice.to_uppercase();
                seen += 1;
                if !words.contains(choice.as_str()) && !words.contains(written.as_str()) {
                    missing.push(format!("{name}: {choice}"));
                }
            }
        }
    }
    assert!(seen > 300, "the sources are no longer read: {seen}");
    assert!(missing.is_empty(), "on no page of scenarios/: {missing:#?}");
}

#[test]
fn every_measure_series_scope_and_column_is_on_the_page() {
    let page = read("scenarios/README.md");
    let page = page.split("## Measures").nth(1).unwrap_or_default();
    let names: Vec<&str> = MEASURES.iter().map(|measure| measure.name).chain(SERIES.iter().copied()).collect();
    assert!(names.len() > 60, "{}", names.len());
    let is_absent = |name: &&str| !page.contains(&format!("`{name}`"));
    let absent: Vec<&str> = names.into_iter().filter(is_absent).collect();
    assert!(absent.is_empty(), "measures and series that the page does not name: {absent:?}");
    let absent: Vec<&&str> = SCOPES.iter().filter(|scope| !page.contains(&format!("`{scope}"))).collect();
    assert!(absent.is_empty(), "scopes that the page does not name: {absent:?}");
    let statistics = MEASURES.iter().flat_map(|measure| measure.statistics.iter().map(move |s| (measure.name, *s)));
    let absent: Vec<_> = statistics.filter(|(name, statistic)| !is_told(page, name, statistic)).collect();
    assert!(absent.is_empty(), "statistics that the page does not name: {absent:?}");
    let records = RecordKind::ALL.map(RecordKind::columns).into_iter().flat_map(|header| header.split(','));
    let tables = [&tables::SUMMARY[..], &tables::REPLICATIONS, &tables::SERIES, &tables::QSHAPE].concat();
    let absent: BTreeSet<&str> = records.chain(tables).filter(is_absent).collect();
    assert!(absent.is_empty(), "columns that the page does not name: {absent:?}");
}

/// Whether the row of a measure names a statistic, or a range that it lies in.
fn is_told(page: &str, name: &str, statistic: &str) -> bool {
    let row = page.lines().find(|line| line.starts_with('|') && line.contains(&format!("`{name}`")));
    let row = row.unwrap_or_default();
    let is_in_range = statistic.starts_with('p') && row.contains("p50 to p999");
    let is_type = row.contains("by type") && statistic.chars().all(|c| c.is_ascii_uppercase());
    is_in_range || is_type || row.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == statistic)
}
