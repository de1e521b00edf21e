//! The shared part of all charts made of curves: axes, events, bands, curves and a label at the end of each.

use super::axis::Axis;
use super::canvas::{Anchor, Canvas, TextStyle, WIDTH};
use super::frame::{self, Events, MARGIN, Plot};
use super::labels::nudge;
use super::palette::{AXIS, CurveStyle, LABEL, Marker, NOTE};
use super::series::{band_outlines, height_at, runs};
use super::ticks::Tick;
use super::{ChartError, Curve, Heading, Mark, Shade};

/// A range of values with its ticks.
pub(super) struct Scale {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) log: bool,
    pub(super) ticks: Vec<Tick>,
    /// What is measured, with its unit.
    pub(super) title: String,
}

impl Scale {
    fn axis(&self, px_from: f64, px_to: f64) -> Axis {
        if self.log {
            Axis::log(self.from, self.to, px_from, px_to)
        } else {
            Axis::linear(self.from, self.to, px_from, px_to)
        }
    }
}

/// What stands at the end of a curve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing.
    #[default]
    Plain,
    /// A bar across: it is not known how the curve goes on.
    Censored,
    /// A cross: given up.
    GivenUp,
}

/// One curve of a panel.
pub(super) struct PanelCurve<'a> {
    pub(super) label: &'a str,
    pub(super) points: &'a [(f64, f64)],
    pub(super) band: &'a [(f64, f64, f64)],
    pub(super) maximum: &'a [(f64, f64)],
    /// A smaller second line under the label; may be empty.
    pub(super) note: String,
    /// What stands for the note after the label where there is no room for second lines; may be empty.
    pub(super) note_short: String,
    /// Height at which the curve goes on from its last point, and the x up to which it does.
    pub(super) plateau: Option<(f64, f64)>,
    /// What stands at its end.
    pub(super) end: End,
}

impl<'a> PanelCurve<'a> {
    /// The whole of a curve, without note or plateau.
    pub(super) fn of(curve: &'a Curve) -> Self {
        Self {
            label: &curve.label,
            points: &curve.points,
            band: curve.band.as_deref().unwrap_or(&[]),
            maximum: curve.maximum.as_deref().unwrap_or(&[]),
            note: String::new(),
            note_short: String::new(),
            plateau: None,
            end: End::Plain,
        }
    }
}

/// Everything that a chart of curves shows.
pub(super) struct Panel<'a> {
    pub(super) heading: &'a Heading,
    pub(super) x: Scale,
    pub(super) y: Scale,
    pub(super) curves: Vec<PanelCurve<'a>>,
    pub(super) shades: &'a [Shade],
    pub(super) marks: &'a [Mark],
}

/// From the plot's edge to a label's text: leader, sample of the curve, gap.
const SAMPLE_START: f64 = 18.0;
const SAMPLE_END: f64 = 56.0;
const LABEL_START: f64 = 64.0;
const LABEL_WIDTH_MAX: f64 = 250.0;
const LINE_PITCH: f64 = 23.0;
const NOTE_PITCH: f64 = 42.0;
const MARKER_SPACING: f64 = 120.0;
const CURVE_WIDTH: f64 = 2.6;
const THIN_WIDTH: f64 = 1.0;

/// The page of a panel.
pub(super) fn page(panel: &Panel<'_>) -> Result<Canvas, ChartError> {
    let mut canvas = Canvas::new()?;
    let has_band = panel.curves.iter().any(|c| !c.band.is_empty());
    let note = if has_band { frame::band_note(&panel.heading.footer) } else { String::new() };
    frame::draw_heading(&mut canvas, panel.heading, &note);

    let labels = Labels::of(&canvas, panel);
    let left = frame::left_of_plot(&canvas, &panel.y.ticks);
    let right = WIDTH - MARGIN - LABEL_START - labels.width;
    let x = panel.x.axis(left, right);
    let events = Events::lay_out(&canvas, &x, left, panel.shades, panel.marks);
    let plot = Plot { left, right, top: events.plot_top(), bottom: frame::plot_bottom() };
    let y = panel.y.axis(plot.bottom, plot.top);

    events.draw_spans(&mut canvas, &plot);
    frame::draw_y_axis(&mut canvas, &plot, &y, &panel.y.ticks, &panel.y.title);
    frame::draw_x_axis(&mut canvas, &plot, &x, &panel.x.ticks, &panel.x.title);
    events.draw_names(&mut canvas, &plot, 0.0);
    let ends = draw_curves(&mut canvas, &plot, (&x, &y), panel);
    if ends.iter().all(Option::is_none) {
        frame::draw_empty(&mut canvas, &plot, "no data");
    }
    labels.draw(&mut canvas, &plot, &ends);
    Ok(canvas)
}

/// Draws bands, maxima and curves, the first curve on top. Returns where each curve ends, if it has a point.
fn draw_curves(canvas: &mut Canvas, plot: &Plot, (x, y): (&Axis, &Axis), panel: &Panel<'_>) -> Vec<Option<(f64, f64)>> {
    // Coarser columns when there are many curves, so that the SVG stays small.
    let column = 1.0 + panel.curves.len() as f64 / 3.0;
    let opacity = if panel.curves.len() > 4 { 0.10 } else { 0.18 };
    for (index, item) in panel.curves.iter().enumerate().rev() {
        let style = CurveStyle::of(index);
        for outline in band_outlines(item.band, x, y, 2.0 * column) {
            canvas.area(outline, style.colour, opacity);
        }
    }
    let mut ends = vec![None; panel.curves.len()];
    for (index, item) in panel.curves.iter().enumerate().rev() {
        let style = CurveStyle::of(index);
        for run in runs(item.maximum, x, y, 2.0 * column) {
            canvas.path(&run, THIN_WIDTH, style.colour, &[]);
        }
        let mut pieces = runs(item.points, x, y, column);
        let plateau = item.plateau.and_then(|(height, until)| y.px(height).zip(x.px(until)));
        if let (Some(last), Some((height, until))) = (pieces.last_mut(), plateau) {
            let end_x = last.last().map_or(plot.right, |p| p.0);
            last.extend([(end_x, height), (until.max(end_x), height)]);
        }
        for piece in &pieces {
            draw_piece(canvas, piece, style);
        }
        draw_markers(canvas, plot, &pieces, index);
        let end = pieces.last().and_then(|p| p.last().copied());
        if let Some(at) = end {
            draw_end(canvas, at, item.end, style);
        }
        if let Some(slot) = ends.get_mut(index) {
            *slot = end;
        }
    }
    ends
}

fn draw_piece(canvas: &mut Canvas, piece: &[(f64, f64)], style: CurveStyle) {
    match piece {
        [point] => canvas.disc(*point, 4.0, style.colour),
        points => {
            if let Some(casing) = style.casing {
                canvas.path(points, CURVE_WIDTH + 1.6, casing, style.dashes);
            }
            canvas.path(points, CURVE_WIDTH, style.colour, style.dashes);
        }
    }
}

fn draw_end(canvas: &mut Canvas, (x, y): (f64, f64), end: End, style: CurveStyle) {
    let edge = style.casing.unwrap_or(style.colour);
    match end {
        End::Plain => {}
        End::Censored => canvas.path(&[(x, y - 9.0), (x, y + 9.0)], CURVE_WIDTH, edge, &[]),
        End::GivenUp => {
            canvas.path(&[(x - 6.0, y - 6.0), (x + 6.0, y + 6.0)], CURVE_WIDTH, edge, &[]);
            canvas.path(&[(x - 6.0, y + 6.0), (x + 6.0, y - 6.0)], CURVE_WIDTH, edge, &[]);
        }
    }
}

/// Markers at even steps along x, shifted by `index` so that those of close curves do not fall on each other.
fn draw_markers(canvas: &mut Canvas, plot: &Plot, pieces: &[Vec<(f64, f64)>], index: usize) {
    let style = CurveStyle::of(index);
    let mut at = plot.left + 40.0 + (index * 37 % 120) as f64;
    while at < plot.right {
        if let Some(height) = pieces.iter().find_map(|p| height_at(p, at)) {
            draw_marker(canvas, (at, height), style);
        }
        at += MARKER_SPACING;
    }
}

fn draw_marker(canvas: &mut Canvas, (x, y): (f64, f64), style: CurveStyle) {
    let edge = style.casing.unwrap_or(style.colour);
    match style.marker {
        Marker::None => {}
        Marker::Disc => canvas.disc((x, y), 5.5, edge),
        Marker::Square => canvas.rect((x - 5.0, y - 5.0), (x + 5.0, y + 5.0), edge),
        Marker::Triangle => canvas.area(vec![(x - 6.5, y + 5.0), (x + 6.5, y + 5.0), (x, y - 6.5)], edge, 1.0),
    }
}

/// The column of labels right of a plot.
struct Labels {
    rows: Vec<LabelRow>,
    width: f64,
    pitch: f64,
    /// Curves without a label for want of room.
    left_out: usize,
}

struct LabelRow {
    label: String,
    note: String,
}

impl Labels {
    fn of(canvas: &Canvas, panel: &Panel<'_>) -> Self {
        let events = !(panel.shades.is_empty() && panel.marks.is_empty());
        let height = frame::plot_height_least(events) - 8.0;
        let two_lines =
            panel.curves.iter().any(|c| !c.note.is_empty()) && panel.curves.len() as f64 * NOTE_PITCH <= height;
        let pitch = if two_lines { NOTE_PITCH } else { LINE_PITCH };
        let most = (height / pitch) as usize;
        let shown = if panel.curves.len() > most { most.saturating_sub(1) } else { panel.curves.len() };
        let row = |c: &PanelCurve<'_>| {
            let fit =
                |text: &str, style: TextStyle| canvas.fonts.shorten_middle(text, style.em, style.bold, LABEL_WIDTH_MAX);
            if two_lines || c.note_short.is_empty() {
                return LabelRow {
                    label: fit(c.label, LABEL),
                    note: if two_lines { fit(&c.note, NOTE) } else { String::new() },
                };
            }
            let tail = format!(" ({})", c.note_short);
            let room = LABEL_WIDTH_MAX - canvas.width(&tail, LABEL);
            let head = canvas.fonts.shorten_middle(c.label, LABEL.em, LABEL.bold, room);
            LabelRow { label: format!("{head}{tail}"), note: String::new() }
        };
        let rows: Vec<LabelRow> = panel.curves.iter().take(shown).map(row).collect();
        let widths = rows.iter().flat_map(|r| [canvas.width(&r.label, LABEL), canvas.width(&r.note, NOTE)]);
        let width = widths.fold(60.0, f64::max) + 2.0;
        Self { rows, width, pitch, left_out: panel.curves.len() - shown }
    }

    fn draw(&self, canvas: &mut Canvas, plot: &Plot, ends: &[Option<(f64, f64)>]) {
        // Of curves that end at one height, the one that ends last stands highest.
        let wanted = |end: &Option<(f64, f64)>| end.map_or(f64::NAN, |(x, y)| y - x * 1e-6);
        let heights: Vec<f64> = ends.iter().take(self.rows.len()).map(wanted).collect();
        let low = plot.top + 4.0;
        let reserved = if self.left_out > 0 { LINE_PITCH } else { 0.0 };
        let high = plot.bottom - 4.0 - reserved;
        let placed = nudge(&heights, self.pitch, low, high);
        for (index, (row, at)) in self.rows.iter().zip(&placed).enumerate() {
            let style = CurveStyle::of(index);
            let end = ends.get(index).copied().flatten();
            draw_sample(canvas, plot, *at, style, end);
            let text = TextStyle { colour: style.text, ..LABEL };
            let x = plot.right + LABEL_START;
            canvas.text((x, at + LABEL.em * 0.36), &row.label, text, Anchor::Left, self.width);
            canvas.text((x, at + LABEL.em * 0.36 + 17.0), &row.note, NOTE, Anchor::Left, self.width);
        }
        if self.left_out > 0 {
            let curves = if self.left_out == 1 { "curve" } else { "curves" };
            let text = format!("and {} more {curves}", self.left_out);
            canvas.text((plot.right + SAMPLE_START, plot.bottom), &text, NOTE, Anchor::Left, self.width + 40.0);
        }
    }
}

/// A piece of the curve beside its label, joined to the curve's end where that is at the plot's right edge.
fn draw_sample(canvas: &mut Canvas, plot: &Plot, at: f64, style: CurveStyle, end: Option<(f64, f64)>) {
    let start = plot.right + SAMPLE_START;
    if let Some((_, y)) = end.filter(|(x, _)| *x > plot.right - 3.0) {
        canvas.path(&[(plot.right + 2.0, y), (start - 1.0, at)], THIN_WIDTH, AXIS, &[]);
    }
    let (from, to) = ((start, at), (plot.right + SAMPLE_END, at));
    draw_piece(canvas, &[from, to], style);
    draw_marker(canvas, ((from.0 + to.0) / 2.0, at), style);
}
