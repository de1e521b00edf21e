//! The summary of a scenario for a terminal.

use comfy_table::{CellAlignment, Table, presets};

use super::format::with_unit;
use crate::experiment::{Results, SummaryRow, VariantResults};

/// Rows of the summary: measure, statistic, label. Those that a scenario has not are left out.
const ROWS: [(&str, &str, &str); 17] = [
    ("deliveries", "count", "deliveries"),
    ("delivered", "share", "delivered"),
    ("bounce_rate", "share", "bounced"),
    ("expiry_rate", "share", "expired"),
    ("queued", "count", "still queued"),
    ("delivery_latency", "p50", "latency p50"),
    ("delivery_latency", "mean", "latency mean (delivered)"),
    ("delivery_latency", "p99", "latency p99"),
    ("attempts_per_delivery", "mean", "attempts per delivery"),
    ("failover_time", "mean", "failover time"),
    ("connections_wasted", "share", "connections wasted"),
    ("queue_depth", "max", "queue depth, greatest"),
    ("stale_deliveries", "share", "delivered by stale data"),
    ("hit_ratio_client", "share", "DNS hit ratio"),
    ("stale_answers", "share", "stale answers"),
    ("servfail", "share", "SERVFAIL"),
    ("lookup_time", "mean", "lookup time"),
];

/// A table with one column a variant: means over replications, with half the width of their interval.
pub fn summary_text(title: &str, look_for: &str, confidence: f64, results: &Results) -> String {
    let mut out = format!("{title}\n");
    if !look_for.is_empty() {
        out.push_str(&format!("{look_for}\n"));
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let names = results.variants.iter().map(|variant| variant.name.clone());
    table.set_header(std::iter::once(String::new()).chain(names));
    for (measure, statistic, label) in ROWS {
        add_row(&mut table, results, label, |row| {
            row.measure == measure && row.statistic == statistic && row.scope == "all"
        });
    }
    for scope in scopes(results, "time_to_convergence") {
        let label = format!("{} converged", scope.trim_start_matches("change:"));
        add_row(&mut table, results, &label, |row| {
            row.measure == "time_to_convergence" && row.statistic == "max" && row.scope == scope
        });
    }
    for scope in scopes(results, "time_to_drain") {
        let label = format!("{}: time to drain", scope.trim_start_matches("event:"));
        add_row(&mut table, results, &label, |row| row.measure == "time_to_drain" && row.scope == scope);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    out.push_str(&table.to_string());
    out.push('\n');
    let replications = results.variants.first().map_or(0, |variant| variant.replications.len());
    if replications > 1 {
        let percent = confidence * 100.0;
        out.push_str(&format!("mean of {replications} replications ± half of Student's t interval at {percent} %\n"));
    } else {
        out.push_str("one replication: no interval\n");
    }
    objectives(&mut out, results);
    out
}

fn scopes(results: &Results, measure: &str) -> Vec<String> {
    let mut scopes: Vec<String> = Vec::new();
    for row in results.variants.iter().flat_map(|variant| &variant.summary) {
        if row.measure == measure && !scopes.contains(&row.scope) {
            scopes.push(row.scope.clone());
        }
    }
    scopes.truncate(6);
    scopes
}

fn add_row(table: &mut Table, results: &Results, label: &str, is_it: impl Fn(&SummaryRow) -> bool) {
    let found: Vec<Option<&SummaryRow>> =
        results.variants.iter().map(|variant| variant.summary.iter().find(|row| is_it(row))).collect();
    let says = |row: &&SummaryRow| !row.value.is_nan() && row.value != 0.0;
    if found.iter().flatten().any(says) {
        let cells = found.into_iter().map(|row| row.map_or_else(|| "-".to_owned(), cell));
        table.add_row(std::iter::once(label.to_owned()).chain(cells));
    }
}

fn cell(row: &SummaryRow) -> String {
    let value = with_unit(row.value, row.unit);
    match row.interval {
        Some((low, high)) if high > low => format!("{value} ± {}", with_unit((high - low) / 2.0, row.unit)),
        _ => value,
    }
}

fn objectives(out: &mut String, results: &Results) {
    let judged = |variant: &VariantResults| !variant.objectives.is_empty();
    for variant in results.variants.iter().filter(|variant| judged(variant)) {
        for objective in &variant.objectives {
            let word = if objective.met { "met" } else { "MISSED" };
            let value =
                objective.value.map_or_else(|| "no such measure".to_owned(), |value| with_unit(value, objective.unit));
            out.push_str(&format!("objective {word} ({}): {} is {value}\n", variant.name, objective.text));
        }
    }
}
