//! What surrounds every plot: headings, footer, axes, grid, and events along time.

use super::axis::Axis;
use super::canvas::{Anchor, Canvas, Colour, HEIGHT, WIDTH};
use super::labels::{EventPlace, place_events};
use super::palette::{AXIS, AXIS_TITLE, FOOTER, GRID, LABEL, MARK, NOTE, SHADE, SHADE_EDGE, SUBTITLE, TICK, TITLE};
use super::ticks::Tick;
use super::{Footer, Heading, Mark, Shade};
use crate::report::number::grouped;

/// Free space at the left and right edge of a page.
pub(super) const MARGIN: f64 = 24.0;
/// Baseline of what stands between the headings and the plot: a vertical axis' title, a key.
pub(super) const STRIP_BASELINE: f64 = 107.0;
const PLOT_TOP_MIN: f64 = 122.0;
const PLOT_BOTTOM: f64 = 656.0;
const EVENT_ROW: f64 = 22.0;
const EVENT_ROWS_MAX: usize = 3;
const EVENT_NAME_MAX: f64 = 300.0;
/// Room for the note, beside the title of the horizontal axis, on events without a name.
const UNNAMED_NOTE_MAX: f64 = 320.0;

/// The plot's rectangle on the page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plot {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

/// Title, subtitle and footer. `note` says what else bounds the picture, such as the replication shown.
pub(super) fn draw_heading(canvas: &mut Canvas, heading: &Heading, note: &str) {
    let room = WIDTH - 2.0 * MARGIN;
    canvas.text((MARGIN, 44.0), &heading.title, TITLE, Anchor::Left, room);
    canvas.text((MARGIN, 72.0), &heading.subtitle, SUBTITLE, Anchor::Left, room);
    canvas.text((MARGIN, HEIGHT - 14.0), &footer_text(&heading.footer, note), FOOTER, Anchor::Left, room);
}

fn footer_text(footer: &Footer, note: &str) -> String {
    let mut parts = Vec::new();
    if footer.deliveries > 0 {
        parts.push(format!("n = {} deliveries", thousands(footer.deliveries)));
    }
    match footer.replications {
        0 => {}
        1 => parts.push(String::from("1 replication")),
        n => parts.push(format!("{} replications", thousands(u64::from(n)))),
    }
    if !note.is_empty() {
        parts.push(note.to_owned());
    }
    parts.extend(footer.seed.map(|seed| format!("seed {seed}")));
    parts.push(format!("mxsim {}", env!("CARGO_PKG_VERSION")));
    parts.join(" · ")
}

/// What is drawn where it is one replication.
pub(super) fn shown_note(variant: &str, replication: u32) -> String {
    let of = if variant.is_empty() { String::new() } else { format!(" of \u{201c}{variant}\u{201d}") };
    format!("replication {replication}{of} shown")
}

/// What a footer says of the bands, if the level is one.
pub(super) fn band_note(footer: &Footer) -> String {
    if footer.confidence > 0.0 && footer.confidence < 1.0 {
        let percent = format!("{:.3}", footer.confidence * 100.0);
        format!("bands: {} % confidence for the mean", percent.trim_end_matches('0').trim_end_matches('.'))
    } else {
        String::new()
    }
}

/// A whole number in groups of three digits.
pub(super) fn thousands(n: u64) -> String {
    // Exact below 2^53; the counts of a run stay far below.
    grouped(n as f64, 0)
}

/// Spans and instants named above a plot. Made before the plot, because their rows decide its top.
pub(super) struct Events {
    lines: Vec<EventLine>,
    rows: usize,
    unnamed: usize,
}

struct EventLine {
    x: f64,
    until: Option<f64>,
    name: String,
    place: Option<EventPlace>,
    colour: Colour,
}

impl Events {
    /// Lays out what lies on the axis `x`; the names may reach over the right margin of the page's plot.
    pub(super) fn lay_out(canvas: &Canvas, x: &Axis, left: f64, shades: &[Shade], marks: &[Mark]) -> Self {
        let mut lines = Vec::new();
        let named = |text: &str| canvas.fonts.shorten(text, LABEL.em, LABEL.bold, EVENT_NAME_MAX);
        for shade in shades {
            let overlaps = shade.from_s <= shade.to_s
                && (x.holds(shade.from_s) || x.holds(shade.to_s) || { x.px(shade.from_s) != x.px(shade.to_s) });
            let (Some(from), Some(to), true) = (x.px(shade.from_s), x.px(shade.to_s), overlaps) else { continue };
            lines.push(EventLine {
                x: from,
                until: Some(to),
                name: named(&shade.label),
                place: None,
                colour: SHADE_EDGE,
            });
        }
        for mark in marks.iter().filter(|m| x.holds(m.at_s)) {
            let Some(at) = x.px(mark.at_s) else { continue };
            lines.push(EventLine { x: at, until: None, name: named(&mark.label), place: None, colour: MARK });
        }
        let sizes: Vec<(f64, f64)> = lines.iter().map(|l| (l.x, canvas.width(&l.name, LABEL))).collect();
        let places = place_events(&sizes, left, WIDTH - MARGIN, EVENT_ROWS_MAX);
        let rows = places.iter().flatten().map(|p| p.row + 1).max().unwrap_or(0);
        let unnamed = places.iter().filter(|p| p.is_none()).count();
        for (line, place) in lines.iter_mut().zip(places) {
            line.place = place;
        }
        Self { lines, rows, unnamed }
    }

    /// Top of a plot that leaves room for the names.
    pub(super) fn plot_top(&self) -> f64 {
        PLOT_TOP_MIN + EVENT_ROW * self.rows as f64
    }

    /// The shaded spans, to be drawn before the grid.
    pub(super) fn draw_spans(&self, canvas: &mut Canvas, plot: &Plot) {
        for line in &self.lines {
            if let Some(until) = line.until {
                canvas.rect((line.x, plot.top), (until.max(line.x + 1.0), plot.bottom), SHADE);
            }
        }
    }

    /// The lines and names; the lines with a white edge of `halo` pixels to stand out on filled ground.
    pub(super) fn draw_names(&self, canvas: &mut Canvas, plot: &Plot, halo: f64) {
        for line in &self.lines {
            let head = line.place.map_or(plot.top, |p| plot.top - 6.0 - EVENT_ROW * p.row as f64 - 12.0);
            if halo > 0.0 {
                canvas.rule((line.x, plot.top), (line.x, plot.bottom), 1.3 + 2.0 * halo, Colour(255, 255, 255));
            }
            canvas.rule((line.x, head), (line.x, plot.bottom), 1.3, line.colour);
            if let Some(until) = line.until.filter(|u| *u < plot.right) {
                canvas.rule((until, plot.top), (until, plot.bottom), 1.0, line.colour);
            }
            if let Some(place) = line.place {
                let baseline = plot.top - 6.0 - EVENT_ROW * place.row as f64;
                canvas.text((place.left, baseline), &line.name, LABEL, Anchor::Left, EVENT_NAME_MAX);
            }
        }
        if self.unnamed > 0 {
            let text = unnamed_note(self.unnamed);
            canvas.text((WIDTH - MARGIN, plot.bottom + 50.0), &text, NOTE, Anchor::Right, UNNAMED_NOTE_MAX);
        }
    }
}

fn unnamed_note(count: usize) -> String {
    let events = if count == 1 { "event" } else { "events" };
    format!("{count} more {events} without room for a name")
}

/// The bottom of every plot.
pub(super) fn plot_bottom() -> f64 {
    PLOT_BOTTOM
}

/// The height of the lowest plot: less all rows of event names, if there are `events`.
pub(super) fn plot_height_least(events: bool) -> f64 {
    let rows = if events { EVENT_ROWS_MAX } else { 0 };
    PLOT_BOTTOM - PLOT_TOP_MIN - EVENT_ROW * rows as f64
}

/// Room that the labels of a vertical axis take to the left of a plot.
pub(super) fn left_of_plot(canvas: &Canvas, ticks: &[Tick]) -> f64 {
    let widest = ticks.iter().map(|t| canvas.width(&t.label, TICK)).fold(0.0, f64::max);
    MARGIN + widest.max(30.0) + 10.0
}

/// Horizontal grid lines with their labels, and the axis' title above them.
pub(super) fn draw_y_axis(canvas: &mut Canvas, plot: &Plot, y: &Axis, ticks: &[Tick], title: &str) {
    for tick in ticks {
        let Some(at) = y.px(tick.value) else { continue };
        canvas.rule((plot.left, at), (plot.right, at), 1.0, GRID);
        let room = plot.left - MARGIN;
        canvas.text((plot.left - 10.0, at + TICK.em * 0.36), &tick.label, TICK, Anchor::Right, room);
    }
    canvas.text((MARGIN, STRIP_BASELINE), title, AXIS_TITLE, Anchor::Left, 700.0);
}

/// Vertical grid lines with their labels, less those without room, and the axis' title below them.
pub(super) fn draw_x_axis(canvas: &mut Canvas, plot: &Plot, x: &Axis, ticks: &[Tick], title: &str) {
    let mut free_from = f64::NEG_INFINITY;
    for tick in ticks {
        let Some(at) = x.px(tick.value) else { continue };
        canvas.rule((at, plot.top), (at, plot.bottom), 1.0, GRID);
        canvas.rule((at, plot.bottom), (at, plot.bottom + 6.0), 1.2, AXIS);
        let half = canvas.width(&tick.label, TICK) / 2.0;
        let on_page = at - half >= 4.0 && at + half <= WIDTH - 4.0;
        if at - half >= free_from && on_page {
            canvas.text((at, plot.bottom + 24.0), &tick.label, TICK, Anchor::Centre, 2.0 * half + 1.0);
            free_from = at + half + 14.0;
        }
    }
    canvas.rule((plot.left, plot.bottom), (plot.right, plot.bottom), 1.2, AXIS);
    let room = WIDTH - MARGIN - UNNAMED_NOTE_MAX - 20.0 - plot.left;
    canvas.text((plot.left, plot.bottom + 50.0), title, AXIS_TITLE, Anchor::Left, room);
}

/// Words in the middle of a plot with nothing in it.
pub(super) fn draw_empty(canvas: &mut Canvas, plot: &Plot, words: &str) {
    let middle = ((plot.left + plot.right) / 2.0, (plot.top + plot.bottom) / 2.0);
    canvas.text(middle, words, SUBTITLE, Anchor::Centre, plot.right - plot.left);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_is_not_events() {
        assert_eq!(unnamed_note(1), "1 more event without room for a name");
        assert_eq!(unnamed_note(2), "2 more events without room for a name");
    }

    #[test]
    fn a_footer_says_what_is_known() {
        let footer = Footer { deliveries: 1_234_567, replications: 20, seed: Some(7), confidence: 0.95 };
        let text = footer_text(&footer, &band_note(&footer));
        assert!(text.starts_with("n = 1 234 567 deliveries · 20 replications"), "{text}");
        assert!(text.contains("bands: 95 % confidence") && text.contains("seed 7"), "{text}");
        assert!(text.ends_with(env!("CARGO_PKG_VERSION")));
        let bare = footer_text(&Footer { confidence: f64::NAN, ..Footer::default() }, &band_note(&Footer::default()));
        assert!(bare.starts_with("mxsim "), "{bare}");
    }
}
