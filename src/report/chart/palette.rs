//! The fixed order of colours, dash patterns and markers.
//!
//! Colours are those of Okabe and Ito, "Color Universal Design" (2008), black first for the baseline and yellow last
//! because it is faint on white. Text in a curve's colour uses a darker shade of it.

use super::canvas::{Colour, TextStyle};

pub(super) const INK: Colour = Colour(0x22, 0x22, 0x22);
pub(super) const MUTED: Colour = Colour(0x59, 0x59, 0x59);
pub(super) const GRID: Colour = Colour(0xE4, 0xE4, 0xE4);
pub(super) const AXIS: Colour = Colour(0x8C, 0x8C, 0x8C);
pub(super) const SHADE: Colour = Colour(0xF3, 0xEC, 0xE4);
pub(super) const SHADE_EDGE: Colour = Colour(0xB9, 0xA8, 0x92);
pub(super) const MARK: Colour = Colour(0x59, 0x59, 0x59);

pub(super) const BLACK: Colour = Colour(0x00, 0x00, 0x00);
pub(super) const BLUE: Colour = Colour(0x00, 0x72, 0xB2);
pub(super) const VERMILLION: Colour = Colour(0xD5, 0x5E, 0x00);
pub(super) const GREEN: Colour = Colour(0x00, 0x9E, 0x73);
pub(super) const PURPLE: Colour = Colour(0xCC, 0x79, 0xA7);
pub(super) const ORANGE: Colour = Colour(0xE6, 0x9F, 0x00);
pub(super) const SKY: Colour = Colour(0x56, 0xB4, 0xE9);
pub(super) const YELLOW: Colour = Colour(0xF0, 0xE4, 0x42);

/// Colours after the baseline's, each with the shade that its text takes.
const COLOURS: [(Colour, Colour); 7] = [
    (BLUE, Colour(0x00, 0x62, 0x9A)),
    (VERMILLION, Colour(0xA8, 0x48, 0x00)),
    (GREEN, Colour(0x00, 0x74, 0x54)),
    (PURPLE, Colour(0x9C, 0x44, 0x75)),
    (ORANGE, Colour(0x8A, 0x60, 0x00)),
    (SKY, Colour(0x1F, 0x74, 0xA8)),
    (YELLOW, Colour(0x73, 0x6B, 0x00)),
];

/// Dash and gap lengths in CSS pixels.
const DASHES: [&[f64]; 6] =
    [&[], &[13.0, 5.0], &[4.0, 4.0], &[14.0, 4.0, 3.5, 4.0], &[24.0, 6.0], &[12.0, 4.0, 3.5, 4.0, 3.5, 4.0]];

pub(super) const TITLE: TextStyle = TextStyle { em: 25.0, bold: true, colour: INK };
pub(super) const SUBTITLE: TextStyle = TextStyle { em: 17.0, bold: false, colour: MUTED };
pub(super) const AXIS_TITLE: TextStyle = TextStyle { em: 16.0, bold: false, colour: INK };
pub(super) const TICK: TextStyle = TextStyle { em: 16.0, bold: false, colour: INK };
pub(super) const LABEL: TextStyle = TextStyle { em: 17.0, bold: false, colour: INK };
pub(super) const NOTE: TextStyle = TextStyle { em: 14.0, bold: false, colour: MUTED };
pub(super) const FOOTER: TextStyle = TextStyle { em: 14.0, bold: false, colour: MUTED };

/// A shape set along a curve to tell it from another of the same dash pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marker {
    None,
    Disc,
    Square,
    Triangle,
}

/// How one curve looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct CurveStyle {
    pub(super) colour: Colour,
    pub(super) text: Colour,
    pub(super) dashes: &'static [f64],
    pub(super) marker: Marker,
    /// A darker line under a colour that is faint on white.
    pub(super) casing: Option<Colour>,
}

impl CurveStyle {
    /// The style of the curve at `index`, 0 being the baseline. The first 24 differ even without colour.
    pub(super) fn of(index: usize) -> Self {
        let dashes = DASHES.get(index % DASHES.len()).copied().unwrap_or(&[]);
        let marker = match index / DASHES.len() % 4 {
            0 => Marker::None,
            1 => Marker::Disc,
            2 => Marker::Square,
            _ => Marker::Triangle,
        };
        let (colour, text) = match index.checked_sub(1) {
            None => (BLACK, BLACK),
            Some(i) => COLOURS.get(i % COLOURS.len()).copied().unwrap_or((BLACK, BLACK)),
        };
        let casing = (colour == YELLOW).then_some(text);
        Self { colour, text, dashes, marker, casing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_baseline_is_solid_black() {
        let first = CurveStyle::of(0);
        assert_eq!(first.colour, BLACK);
        assert!(first.dashes.is_empty() && first.marker == Marker::None);
    }

    #[test]
    fn twenty_four_curves_differ_without_colour() {
        for a in 0..24 {
            for b in 0..a {
                let (x, y) = (CurveStyle::of(a), CurveStyle::of(b));
                assert!(x.dashes != y.dashes || x.marker != y.marker, "{a} {b}");
            }
        }
    }
}
