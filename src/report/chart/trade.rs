//! Two measures against each other, a point a variant: what one costs in the other.

use std::path::{Path, PathBuf};

use super::axis::Axis;
use super::canvas::{Anchor, Canvas, Colour, TextStyle, WIDTH};
use super::frame::{self, MARGIN, Plot};
use super::palette::{CurveStyle, LABEL, NOTE};
use super::{ChartError, Heading, file, ticks};

/// A mean with the interval of it, if there is one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measured {
    /// Mean over replications.
    pub mean: f64,
    /// Low and high end of its interval.
    pub interval: Option<(f64, f64)>,
}

/// One variant.
#[derive(Clone, Debug, Default)]
pub struct TradePoint {
    /// Name of the variant.
    pub label: String,
    /// What is paid, above 0.
    pub cost: Measured,
    /// What is got for it, a share in 0..1.
    pub share: Measured,
}

/// Costs on a logarithmic axis against shares.
#[derive(Clone, Debug, Default)]
pub struct TradeChart {
    /// Words and facts around the plot.
    pub heading: Heading,
    /// What is paid, with its unit.
    pub x_title: String,
    /// What the shares are of.
    pub y_title: String,
    /// One a variant, the baseline first.
    pub points: Vec<TradePoint>,
}

const RADIUS: f64 = 6.5;
/// From a point's middle to its name.
const GAP: f64 = 13.0;
const NAME_MAX: f64 = 240.0;
const NAME_HEIGHT: f64 = 20.0;

/// Draws `<path>.svg` and `<path>.png` and returns their paths.
///
/// # Errors
/// [`ChartError`] if a file cannot be written.
pub fn draw_trade(path_without_extension: &Path, chart: &TradeChart) -> Result<Vec<PathBuf>, ChartError> {
    file::write_both(path_without_extension, &page(chart)?, &chart.heading)
}

pub(super) fn page(chart: &TradeChart) -> Result<Canvas, ChartError> {
    let mut canvas = Canvas::new()?;
    let note = frame::band_note(&chart.heading.footer).replace("bands", "lines");
    frame::draw_heading(&mut canvas, &chart.heading, &note);
    let ends = |of: fn(&TradePoint) -> Measured| {
        let values =
            chart.points.iter().map(of).flat_map(|one| [one.mean, one.interval.map_or(one.mean, |span| span.1)]);
        values.filter(|value| value.is_finite()).fold(0.0, f64::max)
    };
    let costs = || chart.points.iter().map(|point| point.cost.mean).filter(|cost| *cost > 0.0 && cost.is_finite());
    let (x_ticks, to) = ticks::counts_log(ends(|point| point.cost));
    let least = costs().fold(to, f64::min) / 1.5;
    let from = x_ticks.iter().map(|tick| tick.value).filter(|value| *value <= least).fold(least.min(1.0), f64::max);
    let (y_ticks, top) = ticks::shares(ends(|point| point.share), 6);
    let left = frame::left_of_plot(&canvas, &y_ticks);
    let plot = Plot { left, right: WIDTH - MARGIN - 20.0, top: 128.0, bottom: frame::plot_bottom() };
    let x = Axis::log(from, to, plot.left, plot.right);
    // Names and the lowest points stand clear of the axis.
    let y = Axis::linear(0.0, top, plot.bottom - NAME_HEIGHT, plot.top + NAME_HEIGHT);
    frame::draw_y_axis(&mut canvas, &plot, &y, &y_ticks, &chart.y_title);
    let shown: Vec<_> = x_ticks.into_iter().filter(|tick| tick.value >= from * 0.999).collect();
    frame::draw_x_axis(&mut canvas, &plot, &x, &shown, &chart.x_title);
    if costs().next().is_none() {
        frame::draw_empty(&mut canvas, &plot, "no data");
    }
    draw_points(&mut canvas, &plot, (&x, &y), &chart.points);
    Ok(canvas)
}

/// A box on the page: left, top, right, bottom.
type Space = (f64, f64, f64, f64);

fn draw_points(canvas: &mut Canvas, plot: &Plot, (x, y): (&Axis, &Axis), points: &[TradePoint]) {
    let at = |point: &TradePoint| x.px(point.cost.mean).filter(|_| point.cost.mean > 0.0).zip(y.px(point.share.mean));
    let placed: Vec<(usize, &TradePoint, (f64, f64))> =
        points.iter().enumerate().filter_map(|(index, point)| Some((index, point, at(point)?))).collect();
    let mut taken: Vec<Space> = placed.iter().map(|(.., (px, py))| around(*px, *py)).collect();
    for (index, point, (px, py)) in placed.iter().rev() {
        let style = CurveStyle::of(*index);
        let edge = style.casing.unwrap_or(style.colour);
        if let Some((low, high)) = point.share.interval.and_then(|(low, high)| y.px(low.max(0.0)).zip(y.px(high))) {
            canvas.path(&[(*px, low), (*px, high)], 1.6, edge, &[]);
        }
        if let Some((low, high)) = point.cost.interval.and_then(|(low, high)| x.px(low).zip(x.px(high))) {
            canvas.path(&[(low, *py), (high, *py)], 1.6, edge, &[]);
        }
        canvas.disc((*px, *py), RADIUS + 1.5, Colour(255, 255, 255));
        canvas.disc((*px, *py), RADIUS, edge);
    }
    let mut left_out = 0;
    for (index, point, (px, py)) in &placed {
        let name = canvas.fonts.shorten_middle(&point.label, LABEL.em, LABEL.bold, NAME_MAX);
        let width = canvas.width(&name, LABEL) + 1.0;
        let Some(space) = free((*px, *py), width, plot, &taken) else {
            left_out += 1;
            continue;
        };
        taken.push(space);
        let style = TextStyle { colour: CurveStyle::of(*index).text, ..LABEL };
        canvas.text((space.0, space.3 - NAME_HEIGHT * 0.28), &name, style, Anchor::Left, width);
    }
    if left_out > 0 {
        let words = format!("{left_out} more without room for a name");
        canvas.text((plot.right, plot.bottom + 50.0), &words, NOTE, Anchor::Right, 300.0);
    }
}

fn around(px: f64, py: f64) -> Space {
    (px - RADIUS - 2.0, py - RADIUS - 2.0, px + RADIUS + 2.0, py + RADIUS + 2.0)
}

/// Room for a name beside, above or below a point.
fn free((px, py): (f64, f64), width: f64, plot: &Plot, taken: &[Space]) -> Option<Space> {
    let (half, above) = (NAME_HEIGHT / 2.0, py - GAP - NAME_HEIGHT);
    let corners =
        [(px + GAP, py - half), (px - GAP - width, py - half), (px - width / 2.0, above), (px - width / 2.0, py + GAP)];
    let spaces = corners.map(|(left, top)| (left, top, left + width, top + NAME_HEIGHT));
    let fits = |space: &Space| {
        let is_inside = space.0 >= plot.left && space.2 <= plot.right && space.1 >= plot.top && space.3 <= plot.bottom;
        let apart = |other: &Space| space.2 < other.0 || other.2 < space.0 || space.3 < other.1 || other.3 < space.1;
        is_inside && taken.iter().all(apart)
    };
    spaces.into_iter().find(fits)
}
