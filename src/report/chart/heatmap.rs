//! Resolver caches by time: who answers old data, who new, and until when.

use std::path::{Path, PathBuf};

use super::axis::Axis;
use super::canvas::{Anchor, Canvas, Colour, TextStyle, WIDTH};
use super::frame::{self, Events, MARGIN, Plot};
use super::palette::{AXIS_TITLE, BLUE, LABEL, ORANGE};
use super::rows::{Sign, draw_key, draw_row_label, evenly, left_of_rows, ordered, range_or_extent};
use super::{ChartError, Heading, Mark, file, ticks};

/// What a cache would answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CacheState {
    /// It holds no data and would fetch, or has a failure cached.
    #[default]
    Empty,
    /// Data that the primary no longer holds.
    Old,
    /// What the primary holds now.
    New,
}

/// The states of one cache.
#[derive(Clone, Debug, Default)]
pub struct CacheRow {
    /// Name of the cache, such as `isp-3` or `isp-3/2` for a member of a farm.
    pub label: String,
    /// `(second, state from then on)`; before the first the cache is empty.
    pub changes: Vec<(f64, CacheState)>,
}

/// Caches by time for one replication.
#[derive(Clone, Debug, Default)]
pub struct HeatmapChart {
    /// Words and facts around the plot.
    pub heading: Heading,
    /// First second shown; with `to_s` not after it, the range of the changes is shown.
    pub from_s: f64,
    /// Last second shown.
    pub to_s: f64,
    /// Every cache, in declared order; the chart takes at most 120 of them, evenly.
    pub rows: Vec<CacheRow>,
    /// Changes of data by name.
    pub changes: Vec<Mark>,
    /// The replication shown.
    pub replication: u32,
    /// The variant shown; empty if there is only one.
    pub variant: String,
}

const ROWS_MAX: usize = 120;
/// Rectangles at most, about 80 bytes of SVG each; beyond, states are told in wider cells.
const RECTS_MAX: usize = 2400;
const EMPTY: Colour = Colour(0xEE, 0xEE, 0xEE);
/// Rows lower than this get a label only now and then.
const LABEL_PITCH: f64 = 19.0;

fn colour(state: CacheState) -> Colour {
    match state {
        CacheState::Empty => EMPTY,
        CacheState::Old => ORANGE,
        CacheState::New => BLUE,
    }
}

/// Draws `<path>.svg` and `<path>.png` and returns their paths. Neighbouring cells of one state are one rectangle.
///
/// # Errors
/// [`ChartError`] if a file cannot be written.
pub fn draw_heatmap(path_without_extension: &Path, chart: &HeatmapChart) -> Result<Vec<PathBuf>, ChartError> {
    file::write_both(path_without_extension, &page(chart)?, &chart.heading)
}

pub(super) fn page(chart: &HeatmapChart) -> Result<Canvas, ChartError> {
    let mut canvas = Canvas::new()?;
    frame::draw_heading(&mut canvas, &chart.heading, &frame::shown_note(&chart.variant, chart.replication));
    let rows: Vec<&CacheRow> =
        evenly(chart.rows.len(), ROWS_MAX).into_iter().filter_map(|i| chart.rows.get(i)).collect();
    let times =
        chart.rows.iter().flat_map(|r| r.changes.iter().map(|c| c.0)).chain(chart.changes.iter().map(|c| c.at_s));
    let (from, to) = range_or_extent(chart.from_s, chart.to_s, times);

    let label_style = TextStyle { em: 15.0, ..LABEL };
    let left = left_of_rows(&canvas, rows.iter().map(|r| r.label.as_str()), label_style);
    let right = WIDTH - MARGIN - 20.0;
    let x = Axis::linear(from, to, left, right);
    let events = Events::lay_out(&canvas, &x, left, &[], &chart.changes);
    let plot = Plot { left, right, top: events.plot_top(), bottom: frame::plot_bottom() };
    let has = |state| rows.iter().any(|row| row.changes.iter().any(|change| change.1 == state));
    let key: Vec<(Sign, &str)> =
        [(CacheState::Old, "old answer"), (CacheState::New, "current answer"), (CacheState::Empty, "empty")]
            .into_iter()
            .filter(|(state, _)| *state == CacheState::Empty || has(*state))
            .map(|(state, words)| (Sign::Box(colour(state)), words))
            .collect();
    let key_left = draw_key(&mut canvas, &key);
    let title = rows_title(rows.len(), chart.rows.len());
    canvas.text((MARGIN, frame::STRIP_BASELINE), &title, AXIS_TITLE, Anchor::Left, key_left - MARGIN);
    let time_title = "time since the start of the run";
    frame::draw_x_axis(&mut canvas, &plot, &x, &ticks::time_linear(from, to, 8), time_title);
    if rows.is_empty() {
        frame::draw_empty(&mut canvas, &plot, "no caches");
    } else {
        draw_rows(&mut canvas, &plot, &rows, (from, to), label_style);
    }
    events.draw_names(&mut canvas, &plot, 1.0);
    Ok(canvas)
}

fn rows_title(shown: usize, total: usize) -> String {
    let caches = if total == 1 { "cache" } else { "caches" };
    if shown < total {
        let (shown, total) = (frame::thousands(shown as u64), frame::thousands(total as u64));
        format!("{shown} of {total} caches, taken evenly, one a row")
    } else {
        format!("{} {caches}, one a row", frame::thousands(total as u64))
    }
}

fn draw_rows(canvas: &mut Canvas, plot: &Plot, rows: &[&CacheRow], range: (f64, f64), style: TextStyle) {
    let pitch = ((plot.bottom - plot.top) / rows.len() as f64).min(60.0);
    let gap = if pitch >= 8.0 { 1.5 } else { 0.0 };
    let label_every = (LABEL_PITCH / pitch).ceil().max(1.0) as usize;
    let (columns, cells) = within_budget(rows, range, plot.right - plot.left);
    let cell = (plot.right - plot.left) / columns as f64;
    canvas.rect((plot.left, plot.top), (plot.right, plot.top + pitch * rows.len() as f64 - gap), EMPTY);
    for (i, (row, spans)) in rows.iter().zip(&cells).enumerate() {
        let top = plot.top + pitch * i as f64;
        for span in spans.iter().filter(|s| s.state != CacheState::Empty) {
            let (a, b) = (plot.left + cell * span.from as f64, plot.left + cell * span.to as f64);
            canvas.rect((a, top), (b, top + pitch - gap), colour(span.state));
        }
        if i % label_every == 0 {
            draw_row_label(canvas, plot, top + (pitch - gap) / 2.0, &row.label, style);
        }
    }
}

/// Cells `from..to` of one state.
#[derive(Clone, Copy, Debug, PartialEq)]
struct CellSpan {
    from: usize,
    to: usize,
    state: CacheState,
}

/// The finest cells, from one CSS pixel up, whose merged spans are within [`RECTS_MAX`].
fn within_budget(rows: &[&CacheRow], range: (f64, f64), width: f64) -> (usize, Vec<Vec<CellSpan>>) {
    let mut columns = width.max(1.0) as usize;
    loop {
        let cells: Vec<Vec<CellSpan>> = rows.iter().map(|r| merged_cells(&r.changes, range, columns)).collect();
        let drawn = cells.iter().flatten().filter(|s| s.state != CacheState::Empty).count();
        if drawn <= RECTS_MAX || columns <= 8 {
            return (columns, cells);
        }
        columns /= 2;
    }
}

/// Each cell takes the state that held longest within it; neighbours of one state are merged.
fn merged_cells(changes: &[(f64, CacheState)], (from, to): (f64, f64), columns: usize) -> Vec<CellSpan> {
    let changes = ordered(changes);
    let mut next = changes.iter().copied().peekable();
    let mut state = CacheState::Empty;
    let mut out: Vec<CellSpan> = Vec::new();
    let edge = |i: usize| from + (to - from) * (i as f64 / columns as f64);
    for cell in 0..columns {
        let (start, end) = (edge(cell), edge(cell + 1));
        let mut held = [0.0_f64; 3];
        let mut since = start;
        let mut hold = |state: CacheState, time: f64| {
            if let Some(h) = held.get_mut(state as usize) {
                *h += time.max(0.0);
            }
        };
        while let Some((at, new)) = next.next_if(|(at, _)| *at < end) {
            hold(state, at - since);
            since = since.max(at);
            state = new;
        }
        hold(state, end - since);
        let longest = held.iter().copied().fold(0.0, f64::max);
        let order = [CacheState::Old, CacheState::New, CacheState::Empty];
        let shown = order.into_iter().find(|s| held.get(*s as usize) == Some(&longest)).unwrap_or(state);
        match out.last_mut() {
            Some(last) if last.state == shown => last.to = cell + 1,
            _ => out.push(CellSpan { from: cell, to: cell + 1, state: shown }),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use CacheState::{Empty, New, Old};

    #[test]
    fn neighbours_of_one_state_are_one_rectangle() {
        let changes = [(20.0, Old), (50.0, New), (30.0, Old), (f64::NAN, Empty)];
        let span = |from, to, state| CellSpan { from, to, state };
        assert_eq!(merged_cells(&changes, (0.0, 100.0), 10), [span(0, 2, Empty), span(2, 5, Old), span(5, 10, New)]);
    }

    #[test]
    fn a_cell_takes_the_longest_state() {
        let changes = [(0.0, Old), (4.0, New), (5.0, Old), (11.0, New)];
        assert_eq!(
            merged_cells(&changes, (0.0, 20.0), 2),
            [CellSpan { from: 0, to: 1, state: Old }, CellSpan { from: 1, to: 2, state: New }]
        );
    }

    #[test]
    fn flapping_caches_stay_within_the_budget() {
        let flap = |k: usize| (0..5000).map(|i| ((i * 7 + k) as f64, if i % 2 == 0 { Old } else { New })).collect();
        let rows: Vec<CacheRow> = (0..120).map(|k| CacheRow { label: k.to_string(), changes: flap(k) }).collect();
        let rows: Vec<&CacheRow> = rows.iter().collect();
        let (_, cells) = within_budget(&rows, (0.0, 35_000.0), 1000.0);
        assert!(cells.iter().flatten().count() <= RECTS_MAX);
    }
}
