//! A page as a list of shapes in CSS pixels, drawn later by [`super::render`].

use plotters_backend::text_anchor::HPos;

use super::ChartError;
use super::text::Fonts;

/// Width of every page in CSS pixels.
pub(super) const WIDTH: f64 = 1200.0;
/// Height of every page in CSS pixels.
pub(super) const HEIGHT: f64 = 750.0;

/// Dashes per curve at most; a longer curve gets longer dashes, which bounds the size of the SVG.
const DASHES_MAX: f64 = 110.0;

/// Red, green and blue, 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colour(pub(super) u8, pub(super) u8, pub(super) u8);

/// Where a text's reference point lies on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Left,
    Centre,
    Right,
}

impl From<Anchor> for HPos {
    fn from(anchor: Anchor) -> Self {
        match anchor {
            Anchor::Left => HPos::Left,
            Anchor::Centre => HPos::Center,
            Anchor::Right => HPos::Right,
        }
    }
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct TextStyle {
    pub(super) em: f64,
    pub(super) bold: bool,
    pub(super) colour: Colour,
}

/// One thing on the page. Points are `(x, y)` with y downwards.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    Rect { from: (f64, f64), to: (f64, f64), fill: Colour },
    Area { points: Vec<(f64, f64)>, fill: Colour, opacity: f64 },
    Path { points: Vec<(f64, f64)>, width: f64, colour: Colour },
    Disc { centre: (f64, f64), radius: f64, fill: Colour },
    Text { baseline: (f64, f64), text: String, style: TextStyle, anchor: Anchor },
}

/// The shapes of a page in drawing order.
pub(super) struct Canvas {
    pub(super) fonts: &'static Fonts,
    pub(super) shapes: Vec<Shape>,
}

impl Canvas {
    /// An empty page.
    pub(super) fn new() -> Result<Self, ChartError> {
        Ok(Self { fonts: Fonts::get()?, shapes: Vec::new() })
    }

    /// Width of a text in CSS pixels.
    pub(super) fn width(&self, text: &str, style: TextStyle) -> f64 {
        self.fonts.width(text, style.em, style.bold)
    }

    /// A text that starts, is centred or ends at `baseline`, shortened to `room`. Returns the width drawn.
    pub(super) fn text(
        &mut self,
        baseline: (f64, f64),
        text: &str,
        style: TextStyle,
        anchor: Anchor,
        room: f64,
    ) -> f64 {
        let text = self.fonts.shorten(text, style.em, style.bold, room);
        let width = self.width(&text, style);
        if !text.trim().is_empty() {
            self.shapes.push(Shape::Text { baseline, text, style, anchor });
        }
        width
    }

    pub(super) fn rect(&mut self, from: (f64, f64), to: (f64, f64), fill: Colour) {
        self.shapes.push(Shape::Rect { from, to, fill });
    }

    /// A crisp upright or level line of `width`, drawn as a rectangle centred on the line.
    pub(super) fn rule(&mut self, from: (f64, f64), to: (f64, f64), width: f64, colour: Colour) {
        let half = width / 2.0;
        let (x0, x1) = (from.0.min(to.0), from.0.max(to.0));
        let (y0, y1) = (from.1.min(to.1), from.1.max(to.1));
        if x1 - x0 < y1 - y0 {
            self.rect((x0 - half, y0), (x0 + half, y1), colour);
        } else {
            self.rect((x0, y0 - half), (x1, y0 + half), colour);
        }
    }

    pub(super) fn area(&mut self, points: Vec<(f64, f64)>, fill: Colour, opacity: f64) {
        if points.len() > 2 {
            self.shapes.push(Shape::Area { points, fill, opacity });
        }
    }

    pub(super) fn disc(&mut self, centre: (f64, f64), radius: f64, fill: Colour) {
        self.shapes.push(Shape::Disc { centre, radius, fill });
    }

    /// A line through `points`, solid if `dashes` is empty, else with dash and gap lengths in turn.
    pub(super) fn path(&mut self, points: &[(f64, f64)], width: f64, colour: Colour, dashes: &[f64]) {
        let pieces = if dashes.is_empty() { vec![points.to_vec()] } else { dashed(points, dashes) };
        for points in pieces {
            if points.len() > 1 {
                self.shapes.push(Shape::Path { points, width, colour });
            }
        }
    }
}

fn distance(a: (f64, f64), b: (f64, f64)) -> f64 {
    ((b.0 - a.0) * (b.0 - a.0) + (b.1 - a.1) * (b.1 - a.1)).sqrt()
}

/// The drawn pieces of a dashed line: `dashes` holds the lengths of dash, gap, dash, gap, …
fn dashed(points: &[(f64, f64)], dashes: &[f64]) -> Vec<Vec<(f64, f64)>> {
    let length: f64 = points.iter().zip(points.iter().skip(1)).map(|(a, b)| distance(*a, *b)).sum();
    let period: f64 = dashes.iter().sum();
    if period <= 0.0 || !length.is_finite() {
        return vec![points.to_vec()];
    }
    let per_period = dashes.len().div_ceil(2) as f64;
    let stretch = (length / period * per_period / DASHES_MAX).max(1.0);

    let lengths: Vec<f64> = dashes.iter().map(|d| (d * stretch).max(0.5)).collect();
    let mut turns = lengths.iter().copied().enumerate().map(|(i, d)| (i % 2 == 0, d)).cycle();
    let Some((mut drawn, mut left)) = turns.next() else { return vec![points.to_vec()] };
    let mut pieces = Vec::new();
    let mut piece: Vec<(f64, f64)> = points.first().copied().into_iter().collect();
    for (&a, &b) in points.iter().zip(points.iter().skip(1)) {
        let segment = distance(a, b);
        let mut done = 0.0;
        while segment - done > left {
            done += left;
            let share = done / segment;
            let at = (a.0 + (b.0 - a.0) * share, a.1 + (b.1 - a.1) * share);
            if drawn {
                piece.push(at);
                pieces.push(std::mem::take(&mut piece));
            }
            piece = vec![at];
            let Some(next) = turns.next() else { return pieces };
            (drawn, left) = next;
        }
        left -= segment - done;
        if drawn {
            piece.push(b);
        }
    }
    if drawn {
        pieces.push(piece);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_cover_their_share_of_a_line() {
        let pieces = dashed(&[(0.0, 0.0), (50.0, 0.0), (100.0, 0.0)], &[6.0, 4.0]);
        let drawn: f64 =
            pieces.iter().flat_map(|p| p.iter().zip(p.iter().skip(1))).map(|(a, b)| distance(*a, *b)).sum();
        assert!((drawn - 60.0).abs() < 1e-9, "{drawn}");
        assert_eq!(pieces.len(), 10);
    }

    #[test]
    fn a_long_line_gets_longer_dashes_not_more() {
        let zigzag: Vec<_> = (0..1000).map(|i| (f64::from(i), f64::from(i % 2) * 400.0)).collect();
        assert!(dashed(&zigzag, &[6.0, 4.0]).len() as f64 <= DASHES_MAX + 1.0);
    }

    #[test]
    fn a_point_has_no_dashes() {
        let pieces = dashed(&[(1.0, 1.0)], &[6.0, 4.0]);
        assert!(pieces.iter().all(|p| p.len() < 2));
    }
}
