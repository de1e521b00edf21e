//! Any measure in time: the general chart behind queue depth and staleness.

use std::path::{Path, PathBuf};

use super::panel::{Panel, PanelCurve, Scale, page};
use super::{ChartError, Curve, Heading, Mark, Shade, file, ticks};

/// How the vertical axis reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum YUnit {
    /// A count or a mean of counts, from 0.
    #[default]
    Count,
    /// A share in 0..1, written as a percentage.
    Share,
}

/// Curves in linear time with spans and instants marked.
#[derive(Clone, Debug, Default)]
pub struct LinesChart {
    /// Words and facts around the plot.
    pub heading: Heading,
    /// What the horizontal axis counts from, such as "time since the start of the run".
    pub x_title: String,
    /// What the vertical axis shows, with its unit.
    pub y_title: String,
    /// How the vertical axis reads.
    pub y_unit: YUnit,
    /// One a variant, the baseline first.
    pub curves: Vec<Curve>,
    /// Shaded spans, such as outages.
    pub shades: Vec<Shade>,
    /// Marked instants, such as changes.
    pub marks: Vec<Mark>,
}

/// Draws `<path>.svg` and `<path>.png` and returns their paths. Any data gives a picture: what is not finite is left
/// out, and no data at all is said so.
///
/// # Errors
/// [`ChartError`] if a file cannot be written.
pub fn draw_lines(path_without_extension: &Path, chart: &LinesChart) -> Result<Vec<PathBuf>, ChartError> {
    let canvas = page(&panel(chart))?;
    file::write_both(path_without_extension, &canvas, &chart.heading)
}

pub(super) fn panel(chart: &LinesChart) -> Panel<'_> {
    let (from, to) = time_range(chart);
    let top = top_of(&chart.curves);
    let (y_ticks, top) = match chart.y_unit {
        YUnit::Count => ticks::counts(top, 6),
        YUnit::Share => ticks::shares(top, 6),
    };
    Panel {
        heading: &chart.heading,
        x: Scale { from, to, log: false, ticks: ticks::time_linear(from, to, 8), title: chart.x_title.clone() },
        y: Scale { from: 0.0, to: top, log: false, ticks: y_ticks, title: chart.y_title.clone() },
        curves: chart.curves.iter().map(PanelCurve::of).collect(),
        shades: &chart.shades,
        marks: &chart.marks,
    }
}

/// From the first to the last finite point; without points, what the events span; without those, one second.
fn time_range(chart: &LinesChart) -> (f64, f64) {
    let points = chart.curves.iter().flat_map(|c| c.points.iter().filter(|p| p.1.is_finite()).map(|p| p.0));
    let events = || {
        let shades = chart.shades.iter().flat_map(|s| [s.from_s, s.to_s]);
        shades.chain(chart.marks.iter().map(|m| m.at_s)).chain([0.0])
    };
    let (from, to) = extent(points).or_else(|| extent(events())).unwrap_or((0.0, 1.0));
    if to > from { (from, to) } else { (from, from + 1.0_f64.max(from.abs() * 0.01)) }
}

fn extent(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|v| v.is_finite()).fold(None, |range: Option<(f64, f64)>, v| match range {
        None => Some((v, v)),
        Some((low, high)) => Some((low.min(v), high.max(v))),
    })
}

/// The highest finite value of curves, bands and maxima.
fn top_of(curves: &[Curve]) -> f64 {
    let of_curve = |c: &Curve| {
        let band = c.band.iter().flatten().map(|b| b.2);
        let maximum = c.maximum.iter().flatten().map(|m| m.1);
        c.points.iter().map(|p| p.1).chain(band).chain(maximum).filter(|v| v.is_finite()).fold(0.0, f64::max)
    };
    curves.iter().map(of_curve).fold(0.0, f64::max)
}
