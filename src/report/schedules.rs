//! Retry schedules as text: one policy number by number, several beside each other.

use comfy_table::{CellAlignment, ContentArrangement, Table};
use serde_json::{Value, json};

use super::summary_table::STYLE;
use crate::engine::time::SimDuration;
use crate::mail::retry::{MIDDLE, Plan};
use crate::model::compile::presets::retry::RetryPreset;
use crate::model::mail::{Pickup, RetryPolicy};

/// Attempts that a table shows before it goes on with the last.
const ROWS_MAX: usize = 200;
/// Columns of the picture's axis.
const WIDTH: usize = 84;
/// First and last second of the axis.
const AXIS: (f64, f64) = (30.0, 8.0 * 86_400.0);
const TICKS: [(f64, &str); 9] = [
    (60.0, "1m"),
    (300.0, "5m"),
    (1800.0, "30m"),
    (7200.0, "2h"),
    (21_600.0, "6h"),
    (86_400.0, "1d"),
    (172_800.0, "2d"),
    (345_600.0, "4d"),
    (604_800.0, "7d"),
];

/// The plan that is drawn: in the middle of what chance does.
pub fn middle(policy: &RetryPolicy) -> Plan {
    policy.plan(MIDDLE, 0.5, usize::MAX)
}

/// The schedule of a message that every host refuses at once, from time zero to give-up, as a table.
pub fn table(preset: &RetryPreset) -> String {
    let policy = preset.policy();
    let (early, late) = policy.bounds();
    let varies = early.attempts != late.attempts;
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(if varies {
        ["attempt", "earliest", "latest", "latest (s)"]
    } else {
        ["attempt", "age", "wait", "age (s)"]
    });
    let count = late.attempts.len();
    for (n, (from, to)) in early.attempts.iter().zip(&late.attempts).enumerate() {
        if count > ROWS_MAX && (ROWS_MAX - 1..count - 1).contains(&n) {
            if n == ROWS_MAX - 1 {
                table.add_row([format!("... {}", count - ROWS_MAX), "...".into(), "...".into(), "...".into()]);
            }
            continue;
        }
        let (number, latest) = ((n + 1).to_string(), if varies { whole_up(*to) } else { whole(*to) });
        let wait = || whole(to.saturating_sub(late.attempts[n - 1])).to_string();
        table.add_row(match (varies, n) {
            (true, _) => [number, whole(*from).to_string(), latest.to_string(), seconds(latest)],
            (false, 0) => [number, latest.to_string(), String::new(), seconds(latest)],
            (false, _) => [number, latest.to_string(), wait(), seconds(latest)],
        });
    }
    for column in 0..4 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let why = match (varies, policy.clockwork(), policy.has_jitter()) {
        (false, ..) => "every attempt fails at once",
        (true, Some(_), false) => "every attempt fails at once; each row by itself, over all phases of the scans",
        (true, None, _) => "every attempt fails at once; each row by itself, jitter least or most",
        (true, Some(_), true) => {
            "every attempt fails at once; each row by itself, over all phases of the scans and draws of the jitter"
        }
    };
    let warned =
        early.warnings.iter().zip(&late.warnings).map(|(from, to)| format!("delay warning {}\n", span(*from, *to)));
    let end = match (early.expires, late.expires) {
        (Some(from), Some(to)) => format!("given up {}", span(from, to)),
        _ => "never given up".into(),
    };
    let warned: String = warned.collect();
    format!("Schedule of {}: {why} ({})\n{}\n{warned}{end}\n", preset.name, preset.rule, table.trim_fmt())
}

/// `at 5d`, or `at 5d to 5d1h10m`.
fn span(from: SimDuration, to: SimDuration) -> String {
    match (whole(from), whole_up(to)) {
        _ if from == to => format!("at {}", whole(from)),
        (from, to) => format!("at {from} to {to}"),
    }
}

/// To whole seconds.
fn whole(span: SimDuration) -> SimDuration {
    SimDuration::from_secs(span.whole_seconds())
}

/// To whole seconds, no less than it is.
fn whole_up(span: SimDuration) -> SimDuration {
    let down = whole(span);
    if down == span { down } else { down.saturating_add(SimDuration::from_secs(1)) }
}

fn seconds(span: SimDuration) -> String {
    span.whole_seconds().to_string()
}

/// The same for a program.
pub fn as_json(preset: &RetryPreset) -> Value {
    let (early, late) = preset.policy().bounds();
    let rounded = |plan: &Plan, round: fn(SimDuration) -> SimDuration| {
        let seconds = |ages: &[SimDuration]| ages.iter().map(|age| round(*age).whole_seconds()).collect::<Vec<_>>();
        json!({
            "attempts_s": seconds(&plan.attempts),
            "warnings_s": seconds(&plan.warnings),
            "expires_s": plan.expires.map(|age| round(age).whole_seconds()),
        })
    };
    let up = if early == late { whole } else { whole_up };
    json!({ "name": preset.name, "rule": preset.rule, "earliest": rounded(&early, whole), "latest": rounded(&late, up) })
}

/// Several schedules, each with its name, under each other on one logarithmic axis, then their first attempts side by side.
pub fn compare(presets: &[(String, RetryPreset)]) -> String {
    let name_width = presets.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let mut text = String::from("Attempts of a message that every host refuses, by its age (logarithmic)\n\n");
    for (name, preset) in presets {
        let plan = middle(preset.policy());
        text.push_str(&format!("{name:>name_width$} {}  {}\n", lane(&plan), ends(&plan)));
    }
    text.push_str(&format!("{:name_width$} {}\n\n", "", axis()));
    text.push_str("| one attempt, 2-9 so many, # ten or more, ! a delay warning, x given up\n\n");
    text.push_str(&first_attempts(presets));
    if presets.iter().any(|(_, preset)| preset.policy().has_jitter() || preset.policy().pickup != Pickup::AtOnce) {
        text.push_str("\nScans half a period after the arrival, jitter in its middle.\n");
    }
    text
}

fn ends(plan: &Plan) -> String {
    let end = plan.expires.map_or("never".into(), |age| whole(age).to_string());
    format!("{} attempts, given up at {end}", plan.attempts.len())
}

fn column(age: SimDuration) -> usize {
    let (from, to) = AXIS;
    let share = libm::log(age.as_secs_f64().clamp(from, to) / from) / libm::log(to / from);
    libm::round(share * (WIDTH - 1) as f64) as usize
}

fn lane(plan: &Plan) -> String {
    let mut counts = [0_usize; WIDTH];
    for age in plan.attempts.iter().skip(1) {
        counts[column(*age).min(WIDTH - 1)] += 1;
    }
    let mut cells: Vec<char> = counts
        .iter()
        .map(|n| match n {
            0 => '.',
            1 => '|',
            2..=9 => char::from(b'0' + *n as u8),
            _ => '#',
        })
        .collect();
    for warning in &plan.warnings {
        cells[column(*warning).min(WIDTH - 1)] = '!';
    }
    if let Some(end) = plan.expires {
        cells[column(end).min(WIDTH - 1)] = 'x';
    }
    cells.into_iter().collect()
}

fn axis() -> String {
    let mut cells = vec![' '; WIDTH + 4];
    for (at, label) in TICKS {
        let column = column(SimDuration::from_secs_f64(at));
        for (offset, letter) in label.chars().enumerate() {
            cells[column + offset] = letter;
        }
    }
    cells.into_iter().collect::<String>().trim_end().to_owned()
}

fn first_attempts(presets: &[(String, RetryPreset)]) -> String {
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(std::iter::once("attempt").chain(presets.iter().map(|(name, _)| name.as_str())));
    let plans: Vec<Plan> = presets.iter().map(|(_, preset)| preset.policy().plan(MIDDLE, 0.5, 12)).collect();
    for n in 0..12 {
        let cells = plans.iter().map(|plan| plan.attempts.get(n).map_or(String::new(), |age| whole(*age).to_string()));
        table.add_row(std::iter::once((n + 1).to_string()).chain(cells));
    }
    for index in 0..=presets.len() {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    format!("{}\n", table.trim_fmt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::compile::presets::retry::systems;

    fn preset(name: &str) -> RetryPreset {
        systems().into_iter().find(|system| system.name == name).expect("a preset")
    }

    #[test]
    fn a_schedule_goes_from_zero_to_give_up() {
        let text = table(&preset("Qmail"));
        assert!(text.contains("qmail-send.c") && text.contains("given up at 7d1h"), "{text}");
        let rows: Vec<&str> =
            text.lines().filter(|line| line.trim_start().starts_with(|c: char| c.is_ascii_digit())).collect();
        assert_eq!(rows.len(), 40, "{text}");
        assert!(rows[39].contains("608400"), "{}", rows[39]);
        let text = table(&preset("Postfix"));
        assert!(text.contains("earliest") && text.contains("given up at 5d"), "{text}");
        assert!(table(&preset("Mox")).contains("delay warning"));
        // By a timer, between attempts (Stalwart's `notify`, 1 d and 3 d).
        assert!(table(&preset("Stalwart")).contains("delay warning at 1d\ndelay warning at 3d\n"));
        // Exim, after the first attempt of each day, of four but the last.
        assert_eq!(table(&preset("Exim")).matches("delay warning").count(), 3);
    }

    #[test]
    fn schedules_stand_beside_each_other() {
        let text = compare(&["Postfix", "Exim", "Qmail"].map(|name| (name.to_owned(), preset(name))));
        let lanes: Vec<&str> = text.lines().filter(|line| line.contains("attempts, given up")).collect();
        assert_eq!(lanes.len(), 3);
        assert!(lanes[2].contains("40 attempts") && lanes[2].contains('x'), "{text}");
        assert!(text.contains("30m") && text.contains("1h46m40s"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 150), "{text}");
    }

    #[test]
    fn every_preset_can_be_shown() {
        for preset in systems() {
            assert!(table(&preset).contains(preset.name) && as_json(&preset)["latest"]["attempts_s"][0] == 0);
        }
        let all: Vec<_> = systems().into_iter().map(|preset| (preset.name.to_owned(), preset)).collect();
        assert_eq!(compare(&all).lines().filter(|line| line.contains("attempts, given up")).count(), 13);
    }
}
