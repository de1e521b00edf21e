//! A scenario's results for people: the measures that mean something for it, one column a variant.

use std::path::{Path, PathBuf};

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

use super::Outcome;
use super::number::{Unit, human};
use crate::experiment::{SummaryRow, VariantResults};
use crate::model::Model;

/// Tables with a rule under the heading and nothing else.
pub const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// Columns of text that a terminal surely has room for.
const WIDTH: usize = 110;

/// Variants beside each other; more go into tables below.
const VARIANTS_MAX: usize = 4;

/// Rows for one measure of several scopes, such as events.
const SCOPES_MAX: usize = 6;

/// When a row is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// Where it was observed.
    Observed,
    /// Where it is not zero.
    NotZero,
}

/// A row of the table: what it is called, and which numbers it shows.
struct Line {
    label: &'static str,
    measure: &'static str,
    statistic: &'static str,
    /// `all`, or the kind of scope such as `event:` of which each gets a row.
    scope: &'static str,
    shown: Shown,
}

const fn line(
    label: &'static str,
    measure: &'static str,
    statistic: &'static str,
    scope: &'static str,
    shown: Shown,
) -> Line {
    Line { label, measure, statistic, scope, shown }
}

const LINES: [Line; 29] = [
    line("deliveries", "deliveries", "count", "all", Shown::NotZero),
    line("delivered", "delivered", "share", "all", Shown::Observed),
    line("bounced", "bounce_rate", "share", "all", Shown::NotZero),
    line("expired", "expiry_rate", "share", "all", Shown::NotZero),
    line("queued at the end", "queued", "count", "all", Shown::NotZero),
    line("latency, median", "delivery_latency", "p50", "all", Shown::Observed),
    line("latency, p99", "delivery_latency", "p99", "all", Shown::Observed),
    line("latency, mean of delivered", "delivery_latency", "mean", "all", Shown::Observed),
    line("delivered in attempt 1", "first_attempt_success", "share", "all", Shown::Observed),
    line("attempts per delivery", "attempts_per_delivery", "mean", "all", Shown::Observed),
    line("suspensions per delivery", "suspensions", "mean", "all", Shown::NotZero),
    line("connections wasted", "connections_wasted", "share", "all", Shown::NotZero),
    line("failover time, mean", "failover_time", "mean", "all", Shown::Observed),
    line("stale deliveries", "stale_deliveries", "share", "all", Shown::NotZero),
    line("queue, mean", "queue_depth", "mean", "all", Shown::Observed),
    line("queue, maximum", "queue_depth", "max", "all", Shown::NotZero),
    line("oldest in a queue", "oldest_in_queue", "max", "all", Shown::NotZero),
    line("spool, maximum", "spool_bytes", "max", "all", Shown::NotZero),
    line("longest without acceptance", "failover_gap", "max", "event:", Shown::NotZero),
    line("drained after", "time_to_drain", "max", "event:", Shown::Observed),
    line("queue normal after", "time_to_normal", "max", "event:", Shown::Observed),
    line("retries in 5 min after", "retries_at_recovery", "count", "event:", Shown::NotZero),
    line("lookups", "lookups", "count", "all", Shown::NotZero),
    line("hit ratio", "hit_ratio_client", "share", "all", Shown::Observed),
    line("queries at the servers", "dns_queries", "count", "all", Shown::NotZero),
    line("push messages", "push_messages", "count", "all", Shown::NotZero),
    line("lookups that fail", "servfail", "share", "all", Shown::NotZero),
    line("stale answers", "stale_answers", "share", "all", Shown::NotZero),
    line("all caches agree after", "time_to_convergence", "max", "change:", Shown::Observed),
];

/// The whole summary: title, what to look for, tables, objectives, and how to read the intervals.
pub fn render(outcome: &Outcome<'_>) -> String {
    let Some(model) = outcome.baseline() else { return String::new() };
    let mut out = format!("{}: {}\n", outcome.name, model.title);
    if !model.look_for.is_empty() {
        out.push_str(&format!("{}\n", model.look_for));
    }
    if outcome.results.variants.iter().all(|variant| variant.replications.is_empty()) {
        out.push_str("interrupted before the first replication was done\n");
        return out;
    }
    let variants = &outcome.results.variants;
    let mut never = false;
    for variants in variants.chunks(VARIANTS_MAX) {
        let (table, infinite) = table(variants);
        never |= infinite;
        out.push_str(&format!("\n{table}\n"));
    }
    let objectives = objectives(outcome, model);
    if !objectives.is_empty() {
        out.push_str(&format!("\n{objectives}"));
    }
    out.push('\n');
    out.push_str(&notes(outcome, model, never));
    out
}

fn table(variants: &[VariantResults]) -> (String, bool) {
    let mut table = Table::new();
    table.load_style(STYLE);
    let names = variants.iter().map(|variant| variant.name.clone());
    table.set_header(std::iter::once(String::new()).chain(names));
    let mut infinite = false;
    for line in &LINES {
        for scope in scopes(line, variants) {
            let rows: Vec<Option<&SummaryRow>> =
                variants.iter().map(|variant| variant.row(line.measure, &scope, line.statistic)).collect();
            let seen = |row: &&SummaryRow| match line.shown {
                Shown::Observed => !row.value.is_nan(),
                Shown::NotZero => !row.value.is_nan() && row.value != 0.0,
            };
            if !rows.iter().flatten().any(seen) {
                continue;
            }
            infinite |= rows.iter().flatten().any(|row| row.value.is_infinite());
            let label = match scope.split_once(':') {
                Some((_, name)) => format!("{} \"{name}\"", line.label),
                None => line.label.to_owned(),
            };
            let cells = rows.iter().zip(variants).map(|(row, variant)| cell(*row, variant.replications.len()));
            table.add_row(std::iter::once(label).chain(cells));
        }
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    (table.trim_fmt(), infinite)
}

/// The scopes of a line that some variant has a number for.
fn scopes(line: &Line, variants: &[VariantResults]) -> Vec<String> {
    if !line.scope.ends_with(':') {
        return vec![line.scope.to_owned()];
    }
    let mut scopes: Vec<String> = Vec::new();
    for row in variants.iter().flat_map(|variant| &variant.summary) {
        let fits = row.measure == line.measure && row.statistic == line.statistic && row.scope.starts_with(line.scope);
        if fits && !scopes.contains(&row.scope) {
            scopes.push(row.scope.clone());
        }
    }
    // The only zone that an outage hits is the outage's.
    let zones_of = |event: &str| {
        scopes.iter().filter(|scope| scope.split_once(" zone:").is_some_and(|(of, _)| of == event)).count()
    };
    let is_other = |scope: &&String| scope.split_once(" zone:").is_none_or(|(event, _)| zones_of(event) > 1);
    scopes.iter().filter(is_other).take(SCOPES_MAX).cloned().collect()
}

fn cell(row: Option<&SummaryRow>, replications: usize) -> String {
    let Some(row) = row else { return "-".into() };
    let half_width = row.interval.map(|(low, high)| (high - low) / 2.0);
    let text = human(row.value, half_width, Unit::named(row.unit));
    // A mean over some of the replications is another number than one over all.
    if row.infinite > 0 {
        return format!("{text} in {} of {}", row.infinite, row.replications);
    }
    let partial = row.replications > 0 && (row.replications as usize) < replications;
    if partial { format!("{text} (in {} of {replications})", row.replications) } else { text }
}

/// One row an objective and variant.
fn objectives(outcome: &Outcome<'_>, model: &Model) -> String {
    let mut table = Table::new();
    table.load_style(STYLE);
    table.set_header(["objective", "variant", "", "value"]);
    let results = &outcome.results.variants;
    for (index, objective) in model.objectives.iter().enumerate() {
        for variant in results {
            let Some(result) = variant.objectives.get(index) else { continue };
            let row = variant.row(&objective.measure, &objective.scope, &objective.statistic);
            let unit = row.map_or(Unit::Plain, |row| Unit::named(row.unit));
            let value = result.value.map_or_else(|| "not measured here".into(), |value| human(value, None, unit));
            let verdict = if result.met { "met" } else { "MISSED" };
            table.add_row([result.text.as_str(), &variant.name, verdict, &value]);
        }
    }
    if table.is_empty() { String::new() } else { format!("{}\n", table.trim_fmt()) }
}

fn notes(outcome: &Outcome<'_>, model: &Model, never: bool) -> String {
    let counts = || outcome.results.variants.iter().map(|variant| variant.replications.len());
    let (fewest, most) = (counts().min().unwrap_or(0), counts().max().unwrap_or(0));
    let count = if fewest == most { most.to_string() } else { format!("{fewest} to {most}") };
    let mut notes = if most > 1 {
        let level = human(model.confidence, None, Unit::Share);
        format!("Means over {count} replications ± half of Student's t interval at {level}.\n")
    } else {
        "One replication: no intervals.\n".to_owned()
    };
    if outcome.results.interrupted {
        notes.push_str(&format!("Interrupted: {count} of {} replications were done.\n", model.replications));
    }
    if never {
        notes
            .push_str("never in k of n: in so many replications not before the end of the run (or the next change).\n");
    }
    notes
}

/// The files that were written: the folder, and what is in it.
pub fn file_list(folder: &Path, files: &[PathBuf]) -> String {
    let mut table = Table::new();
    table.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH as u16);
    let names: Vec<String> = files
        .iter()
        .map(|file| {
            let inside = file.strip_prefix(folder).unwrap_or(file);
            inside.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
        })
        .collect();
    table.add_row([names.join(", ")]);
    format!("Files in {}/:\n{}\n", folder.display(), table.trim_fmt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(value: f64, interval: Option<(f64, f64)>, replications: u32) -> SummaryRow {
        let (measure, statistic, unit) = ("delivery_latency", "p99", "s");
        let infinite = if value.is_infinite() { 3 } else { 0 };
        SummaryRow {
            measure,
            scope: "all".into(),
            statistic: statistic.into(),
            unit,
            value,
            interval,
            replications,
            infinite,
        }
    }

    #[test]
    fn a_cell_says_what_it_is_a_mean_over() {
        assert_eq!(cell(Some(&row(90.0, Some((80.0, 100.0)), 5)), 5), "90 ± 10 s");
        assert_eq!(cell(Some(&row(90.0, Some((80.0, 100.0)), 3)), 5), "90 ± 10 s (in 3 of 5)");
        assert_eq!(cell(Some(&row(f64::INFINITY, None, 5)), 5), "never in 3 of 5");
        assert_eq!(cell(Some(&row(f64::NAN, None, 0)), 5), "-");
        assert_eq!(cell(None, 5), "-");
    }

    #[test]
    fn every_line_has_a_name_of_its_own() {
        let mut labels: Vec<&str> = LINES.iter().map(|line| line.label).collect();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), LINES.len());
    }

    #[test]
    fn files_are_listed_by_their_path_within_the_folder() {
        let files = ["out/a/summary.csv", "out/a/charts/x.svg"].map(PathBuf::from);
        assert_eq!(file_list(Path::new("out/a"), &files), "Files in out/a/:\n summary.csv, charts/x.svg\n");
    }
}
