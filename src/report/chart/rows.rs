//! Charts whose rows are things with a state in time: sampling, labels beside rows, and the key of states.

use super::axis::Axis;
use super::canvas::{Anchor, Canvas, Colour, TextStyle, WIDTH};
use super::frame::{MARGIN, Plot, STRIP_BASELINE};
use super::palette::{LABEL, VERMILLION};

const ROW_LABEL_MAX: f64 = 240.0;

/// A sign in a key or on a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Box(Colour),
    Disc(Colour),
    Triangle(Colour),
    Cross,
}

impl Sign {
    /// Draws the sign about a centre, reaching `radius` to each side.
    pub(super) fn draw(self, canvas: &mut Canvas, (x, y): (f64, f64), radius: f64) {
        let r = radius;
        match self {
            Self::Box(fill) => canvas.rect((x - r, y - r), (x + r, y + r), fill),
            Self::Disc(fill) => canvas.disc((x, y), r, fill),
            Self::Triangle(fill) => canvas.area(vec![(x - r, y + r), (x + r, y + r), (x, y - r)], fill, 1.0),
            Self::Cross => {
                let width = (r * 0.5).max(1.4);
                canvas.path(&[(x - r, y - r), (x + r, y + r)], width, VERMILLION, &[]);
                canvas.path(&[(x - r, y + r), (x + r, y - r)], width, VERMILLION, &[]);
            }
        }
    }
}

/// Signs with their words in the strip above the plot, ending at the page's right margin. Returns where they start.
pub(super) fn draw_key(canvas: &mut Canvas, items: &[(Sign, &str)]) -> f64 {
    let mut right = WIDTH - MARGIN;
    for (sign, words) in items.iter().rev() {
        let width = canvas.text((right, STRIP_BASELINE), words, LABEL, Anchor::Right, 300.0);
        let centre = right - width - 13.0;
        sign.draw(canvas, (centre, STRIP_BASELINE - 5.5), 6.5);
        right = centre - 26.0;
    }
    right
}

/// Left edge of a plot whose rows have these labels.
pub(super) fn left_of_rows<'a>(canvas: &Canvas, labels: impl Iterator<Item = &'a str>, style: TextStyle) -> f64 {
    let widest = labels.map(|l| canvas.width(l, style)).fold(30.0, f64::max);
    MARGIN + widest.min(ROW_LABEL_MAX) + 12.0
}

/// A row's label, ending left of the plot, centred at height `y`.
pub(super) fn draw_row_label(canvas: &mut Canvas, plot: &Plot, y: f64, label: &str, style: TextStyle) {
    let label = canvas.fonts.shorten_middle(label, style.em, style.bold, ROW_LABEL_MAX);
    canvas.text((plot.left - 10.0, y + style.em * 0.36), &label, style, Anchor::Right, ROW_LABEL_MAX);
}

/// `shown` indices spread evenly over `0..total`, all of them if there are no more than `most`.
pub(super) fn evenly(total: usize, most: usize) -> Vec<usize> {
    let shown = total.min(most);
    (0..shown).map(|i| (i as u128 * total as u128 / shown as u128) as usize).collect()
}

/// Changes of state, each `(second, state from then on)`, in order of time and without times that are not numbers.
pub(super) fn ordered<S: Copy>(changes: &[(f64, S)]) -> Vec<(f64, S)> {
    let mut ordered: Vec<(f64, S)> = changes.iter().filter(|c| !c.0.is_nan()).copied().collect();
    ordered.sort_by(|a, b| a.0.total_cmp(&b.0));
    ordered
}

/// The range `from..to` if it is one, else what the times span, else one second.
pub(super) fn range_or_extent(from: f64, to: f64, times: impl Iterator<Item = f64>) -> (f64, f64) {
    if from.is_finite() && to.is_finite() && to > from {
        return (from, to);
    }
    let finite = times.filter(|t| t.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), t| (l.min(t), h.max(t)));
    if high > low { (low, high) } else { (0.0, 1.0) }
}

/// Spans of equal state in page coordinates, in order, those of no width left out. `first` holds before any change.
pub(super) fn spans<S: Copy + PartialEq>(changes: &[(f64, S)], first: S, x: &Axis, right: f64) -> Vec<(f64, f64, S)> {
    let mut out: Vec<(f64, f64, S)> = Vec::new();
    let mut state = first;
    let mut since = x.px(f64::NEG_INFINITY).unwrap_or(0.0);
    let mut push = |from: f64, to: f64, state: S| match out.last_mut() {
        Some(last) if last.2 == state => last.1 = to,
        _ if to > from => out.push((from, to, state)),
        _ => {}
    };
    for (at, next) in ordered(changes) {
        let Some(at) = x.px(at) else { continue };
        push(since, at, state);
        (since, state) = (at, next);
    }
    push(since, right, state);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_taken_evenly() {
        assert_eq!(evenly(3, 10), [0, 1, 2]);
        assert_eq!(evenly(10, 5), [0, 2, 4, 6, 8]);
        assert!(evenly(0, 5).is_empty());
        let many = evenly(1_000_003, 120);
        assert_eq!(many.len(), 120);
        assert!(many.iter().zip(many.iter().skip(1)).all(|(a, b)| a < b));
    }

    #[test]
    fn equal_neighbours_are_one_span() {
        let x = Axis::linear(0.0, 100.0, 0.0, 100.0);
        let changes = [(60.0, 'b'), (10.0, 'a'), (20.0, 'a'), (20.0, 'b'), (f64::NAN, 'c'), (500.0, 'c')];
        assert_eq!(spans(&changes, 'a', &x, 100.0), [(0.0, 20.0, 'a'), (20.0, 100.0, 'b')]);
    }

    #[test]
    fn a_missing_range_comes_from_the_data() {
        assert_eq!(range_or_extent(0.0, 5.0, [9.0].into_iter()), (0.0, 5.0));
        assert_eq!(range_or_extent(5.0, 5.0, [9.0, f64::NAN, 2.0].into_iter()), (2.0, 9.0));
        assert_eq!(range_or_extent(f64::NAN, 5.0, [].into_iter()), (0.0, 1.0));
    }
}
