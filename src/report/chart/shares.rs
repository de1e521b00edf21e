//! Who took how much of the mail: a bar a host and variant.

use std::path::{Path, PathBuf};

use super::axis::Axis;
use super::canvas::{Anchor, Canvas, Colour, TextStyle, WIDTH};
use super::frame::{self, MARGIN, Plot};
use super::palette::{AXIS_TITLE, CurveStyle, INK, LABEL};
use super::rows::{draw_row_label, left_of_rows};
use super::{ChartError, Heading, file, ticks};

/// One share: its mean over replications, the interval of that mean, and what each replication has: a spread that differs
/// from one to the next is even in the mean.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Share {
    /// Mean, 0..1.
    pub mean: f64,
    /// Low and high end of its interval, if there is one.
    pub interval: Option<(f64, f64)>,
    /// By replication; not drawn if there are more than 40.
    pub each: Vec<f64>,
}

/// What one host took.
#[derive(Clone, Debug, Default)]
pub struct ShareRow {
    /// Name of the host.
    pub label: String,
    /// One a variant, in the order of the chart's; none where nothing was observed.
    pub shares: Vec<Option<Share>>,
}

/// Shares of hosts, variant by variant.
#[derive(Clone, Debug, Default)]
pub struct SharesChart {
    /// Words and facts around the plot.
    pub heading: Heading,
    /// What the shares are of.
    pub x_title: String,
    /// Names of the variants, the baseline first.
    pub variants: Vec<String>,
    /// Hosts; the first that have room are shown.
    pub rows: Vec<ShareRow>,
}

impl Share {
    fn dots(&self) -> &[f64] {
        if self.each.len() <= DOTS_MAX { &self.each } else { &[] }
    }

    /// The greatest of what is drawn of it.
    fn most(&self) -> f64 {
        let high = self.interval.map_or(self.mean, |(_, high)| high.max(self.mean));
        self.dots().iter().copied().filter(|value| value.is_finite()).fold(high, f64::max)
    }
}

const DOTS_MAX: usize = 40;
const WHITE: Colour = Colour(255, 255, 255);
/// Bars that have room.
const BARS_MAX: usize = 30;
const BAR_MAX: f64 = 34.0;
/// From the end of a bar to its words.
const GAP: f64 = 8.0;
const WORDS_MAX: f64 = 330.0;

/// Draws `<path>.svg` and `<path>.png` and returns their paths.
///
/// # Errors
/// [`ChartError`] if a file cannot be written.
pub fn draw_shares(path_without_extension: &Path, chart: &SharesChart) -> Result<Vec<PathBuf>, ChartError> {
    file::write_both(path_without_extension, &page(chart)?, &chart.heading)
}

pub(super) fn page(chart: &SharesChart) -> Result<Canvas, ChartError> {
    let mut canvas = Canvas::new()?;
    let footer = &chart.heading.footer;
    let note = match frame::band_note(footer).replace("bands", "lines") {
        none if none.is_empty() => none,
        lines => format!("{lines}, dots: replications"),
    };
    frame::draw_heading(&mut canvas, &chart.heading, &note);
    let variants = chart.variants.len().clamp(1, BARS_MAX);
    let rows = &chart.rows[..chart.rows.len().min((BARS_MAX / variants).max(1))];
    let left = left_of_rows(&canvas, rows.iter().map(|row| row.label.as_str()), LABEL);
    let plot = Plot { left, right: WIDTH - MARGIN - 20.0, top: 128.0, bottom: frame::plot_bottom() };
    let shares = || rows.iter().flat_map(|row| row.shares.iter().flatten());
    let most = shares().map(Share::most);
    let (ticks, to) = ticks::shares(most.filter(|share| share.is_finite()).fold(0.0, f64::max), 6);
    // Words stand behind the longest bar.
    let words = |canvas: &Canvas, style| {
        let widths = chart.variants.iter().map(|variant| canvas.width(&words(variant, 1.0), style));
        widths.fold(0.0, f64::max).min(WORDS_MAX) + GAP
    };
    let group = (plot.bottom - plot.top) / rows.len().max(1) as f64;
    let pitch = (group / (variants as f64 + 0.6)).min(BAR_MAX);
    let style = TextStyle { em: (pitch * 0.8).clamp(9.0, 16.0), ..LABEL };
    let axis = Plot { right: plot.right - words(&canvas, style), ..plot };
    let x = Axis::linear(0.0, to, axis.left, axis.right);
    let title = match rows.len() < chart.rows.len() {
        true => format!("{} of {} hosts, a bar a variant", rows.len(), chart.rows.len()),
        false if variants > 1 => "a bar a variant".to_owned(),
        false => String::new(),
    };
    canvas.text((MARGIN, frame::STRIP_BASELINE), &title, AXIS_TITLE, Anchor::Left, WIDTH - 2.0 * MARGIN);
    frame::draw_x_axis(&mut canvas, &axis, &x, &ticks, &chart.x_title);
    if rows.is_empty() {
        frame::draw_empty(&mut canvas, &plot, "no hosts");
    }
    for (index, row) in rows.iter().enumerate() {
        let middle = plot.top + group * (index as f64 + 0.5);
        draw_row_label(&mut canvas, &plot, middle, &row.label, LABEL);
        let top = middle - pitch * variants as f64 / 2.0;
        for (variant, share) in row.shares.iter().take(variants).enumerate() {
            let name =
                if chart.variants.len() > 1 { chart.variants.get(variant).map_or("", String::as_str) } else { "" };
            draw_bar(&mut canvas, &x, (top + pitch * variant as f64, pitch), (variant, name), share.as_ref(), style);
        }
    }
    Ok(canvas)
}

fn words(variant: &str, share: f64) -> String {
    let percent = format!("{:.1} %", share * 100.0);
    if variant.is_empty() { percent } else { format!("{percent} {variant}") }
}

fn draw_bar(
    canvas: &mut Canvas,
    x: &Axis,
    (top, pitch): (f64, f64),
    (variant, name): (usize, &str),
    share: Option<&Share>,
    style: TextStyle,
) {
    let Some((share, from)) = share.filter(|share| share.mean.is_finite()).zip(x.px(0.0)) else { return };
    let Some(end) = x.px(share.mean) else { return };
    let (look, height, middle) = (CurveStyle::of(variant), pitch * 0.74, top + pitch / 2.0);
    canvas.rect((from, middle - height / 2.0), (end.max(from + 1.0), middle + height / 2.0), look.colour);
    let after = x.px(share.most()).unwrap_or(end).max(end);
    if let Some((low, high)) = share.interval.and_then(|(low, high)| x.px(low.max(0.0)).zip(x.px(high))) {
        canvas.rule((low, middle), (high, middle), 3.4, WHITE);
        canvas.rule((low, middle), (high, middle), 1.4, INK);
    }
    let dots = share.dots().iter().filter(|value| value.is_finite()).filter_map(|value| x.px(*value));
    let radius = (height * 0.16).clamp(1.6, 3.4);
    for at in dots {
        canvas.disc((at, middle), radius + 1.0, WHITE);
        canvas.disc((at, middle), radius, look.text);
    }
    let style = TextStyle { colour: look.text, ..style };
    canvas.text((after + GAP, middle + style.em * 0.36), &words(name, share.mean), style, Anchor::Left, WORDS_MAX);
}

#[cfg(test)]
mod tests {
    use super::super::canvas::Shape;
    use super::super::palette::AXIS;
    use super::*;

    #[test]
    fn the_axis_ends_at_its_last_tick() {
        let share = Share { mean: 1.0, interval: None, each: vec![1.0] };
        let chart = SharesChart {
            variants: vec!["with a long name".into(), "b".into()],
            rows: vec![ShareRow { label: "mx".into(), shares: vec![Some(share.clone()), Some(share)] }],
            ..SharesChart::default()
        };
        let canvas = page(&chart).unwrap();
        let centre = |shape: &Shape| match shape {
            Shape::Text { baseline, text, .. } if text == "100 %" => Some(baseline.0),
            _ => None,
        };
        let last = canvas.shapes.iter().find_map(centre).unwrap();
        let baseline = |shape: &Shape| match shape {
            Shape::Rect { from, to, fill } if *fill == AXIS && to.0 - from.0 > 100.0 => Some(to.0),
            _ => None,
        };
        let ends: Vec<f64> = canvas.shapes.iter().filter_map(baseline).collect();
        assert!(ends.iter().all(|end| (end - last).abs() < 1.0), "{last}: {ends:?}");
        assert!(!ends.is_empty());
    }
}
