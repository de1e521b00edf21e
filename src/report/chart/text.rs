//! The embedded font: measuring, shortening and rasterising text.
//!
//! Plotters' own `ab_glyph` text drops each glyph's left side bearing and truncates positions to whole pixels
//! (plotters 0.3.7, `style/font/ab_glyph.rs`), which spaces letters unevenly; so the glyphs are placed here and handed
//! to the backends through their text trait.

use std::convert::Infallible;
use std::sync::OnceLock;

use ab_glyph::{Font, FontRef, GlyphId, PxScale, ScaleFont, point};
use plotters_backend::text_anchor::{HPos, Pos, VPos};
use plotters_backend::{BackendColor, BackendCoord, BackendTextStyle, FontFamily, FontStyle};

use super::ChartError;

/// Family names for SVG viewers: the embedded face first, then ones that are no wider, so text that was measured to fit
/// still fits.
const FAMILIES: &str = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif";

/// Distance from a text's reference point down to its baseline, in ems: plotters' SVG backend writes `dy="0.76em"` for
/// text anchored at its top, and the bitmap follows it.
pub(super) const TOP_TO_BASELINE_EM: f64 = 0.76;

/// Plotters divides a text's size by this to get the em (plotters-svg 0.3.7, `svg.rs`).
const SIZE_PER_EM: f64 = 1.24;

/// DejaVu Sans in the two weights that charts use.
pub(super) struct Fonts {
    regular: FontRef<'static>,
    bold: FontRef<'static>,
}

impl Fonts {
    /// The embedded fonts, parsed once.
    pub(super) fn get() -> Result<&'static Self, ChartError> {
        static FONTS: OnceLock<Option<Fonts>> = OnceLock::new();
        FONTS.get_or_init(Self::parse).as_ref().ok_or(ChartError::Font)
    }

    fn parse() -> Option<Self> {
        let regular = FontRef::try_from_slice(dejavu::sans::regular()).ok()?;
        let bold = FontRef::try_from_slice(dejavu::sans::bold()).ok()?;
        Some(Self { regular, bold })
    }

    fn face(&self, bold: bool) -> &FontRef<'static> {
        if bold { &self.bold } else { &self.regular }
    }

    /// Width of `text` with an em of `em` units, kerning included.
    pub(super) fn width(&self, text: &str, em: f64, bold: bool) -> f64 {
        let font = self.face(bold);
        let scaled = font.as_scaled(scale_of_em(font, em));
        let mut width = 0.0;
        let mut before: Option<GlyphId> = None;
        for c in text.chars() {
            let id = font.glyph_id(c);
            width += scaled.h_advance(id) + before.map_or(0.0, |b| scaled.kern(b, id));
            before = Some(id);
        }
        f64::from(width)
    }

    /// `text` itself if it is at most `room` wide, else the longest start of it that fits with an ellipsis; empty if
    /// not even the ellipsis fits.
    pub(super) fn shorten(&self, text: &str, em: f64, bold: bool, room: f64) -> String {
        self.fitted(text, em, bold, room, |n| (n, 0))
    }

    /// As [`Fonts::shorten`], but what is left out is in the middle: names often differ only at their end.
    pub(super) fn shorten_middle(&self, text: &str, em: f64, bold: bool, room: f64) -> String {
        self.fitted(text, em, bold, room, |n| (n.div_ceil(2), n / 2))
    }

    /// The longest text that fits, of those that keep some characters of the head and some of the tail.
    fn fitted(&self, text: &str, em: f64, bold: bool, room: f64, keep: impl Fn(usize) -> (usize, usize)) -> String {
        let text = plain(text);
        if self.width(&text, em, bold) <= room {
            return text;
        }
        let chars: Vec<char> = text.chars().collect();
        let candidate = |n: usize| -> String {
            let (head, tail) = keep(n);
            let start: String = chars.iter().take(head).collect();
            let end: String = chars.iter().skip(chars.len() - tail).collect();
            format!("{}…{}", start.trim_end(), end.trim_start())
        };
        let (mut fits, mut too_long) = (0, chars.len());
        while too_long - fits > 1 {
            let middle = fits + (too_long - fits) / 2;
            if self.width(&candidate(middle), em, bold) <= room {
                fits = middle;
            } else {
                too_long = middle;
            }
        }
        let shortened = candidate(fits);
        if self.width(&shortened, em, bold) <= room { shortened } else { String::new() }
    }
}

/// The characters of a text that the embedded font has no glyph for, each once: a PNG shows an empty box for them.
pub fn without_glyph(text: &str) -> Vec<char> {
    let Ok(fonts) = Fonts::get() else { return Vec::new() };
    let mut missing: Vec<char> = plain(text).chars().filter(|&c| fonts.regular.glyph_id(c) == GlyphId(0)).collect();
    let mut seen = std::collections::BTreeSet::new();
    missing.retain(|c| seen.insert(*c));
    missing
}

/// Text on one line: control characters, which XML forbids, become spaces.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') { ' ' } else { c }).collect()
}

/// `ab_glyph` scales by ascent minus descent; CSS and this module by the em.
fn scale_of_em(font: &FontRef<'static>, em: f64) -> PxScale {
    let units_per_em = font.units_per_em().unwrap_or(2048.0);
    PxScale::from(em as f32 * font.height_unscaled() / units_per_em)
}

/// Text as a plotters backend wants it: for SVG its attributes, for a bitmap its pixels.
pub(super) struct Face {
    pub(super) fonts: &'static Fonts,
    /// Em in device pixels.
    pub(super) em: f64,
    pub(super) bold: bool,
    pub(super) colour: BackendColor,
    pub(super) anchor: HPos,
}

impl BackendTextStyle for Face {
    type FontError = Infallible;

    fn color(&self) -> BackendColor {
        self.colour
    }

    fn size(&self) -> f64 {
        self.em * SIZE_PER_EM
    }

    fn style(&self) -> FontStyle {
        if self.bold { FontStyle::Bold } else { FontStyle::Normal }
    }

    fn anchor(&self) -> Pos {
        Pos::new(self.anchor, VPos::Top)
    }

    fn family(&self) -> FontFamily<'_> {
        FontFamily::Name(FAMILIES)
    }

    fn layout_box(&self, text: &str) -> Result<((i32, i32), (i32, i32)), Infallible> {
        let width = self.fonts.width(text, self.em, self.bold).round() as i32;
        Ok(((0, 0), (width, self.em.round() as i32)))
    }

    fn draw<E, D: FnMut(i32, i32, BackendColor) -> Result<(), E>>(
        &self,
        text: &str,
        pos: BackendCoord,
        mut draw: D,
    ) -> Result<Result<(), E>, Infallible> {
        let font = self.fonts.face(self.bold);
        let scale = scale_of_em(font, self.em);
        let scaled = font.as_scaled(scale);
        let baseline = (self.em * TOP_TO_BASELINE_EM).round() as f32;
        let mut x = 0.0;
        let mut before: Option<GlyphId> = None;
        for c in text.chars() {
            let id = font.glyph_id(c);
            x += before.map_or(0.0, |b| scaled.kern(b, id));
            before = Some(id);
            if let Some(outline) = font.outline_glyph(id.with_scale_and_position(scale, point(x, baseline))) {
                let corner = outline.px_bounds().min;
                let (left, top) = (pos.0 + corner.x as i32, pos.1 + corner.y as i32);
                let mut result = Ok(());
                outline.draw(|gx, gy, coverage| {
                    if result.is_ok() && coverage > 0.0 {
                        let alpha = self.colour.alpha * f64::from(coverage.min(1.0));
                        result = draw(left + gx as i32, top + gy as i32, BackendColor { alpha, ..self.colour });
                    }
                });
                if result.is_err() {
                    return Ok(result);
                }
            }
            x += scaled.h_advance(id);
        }
        Ok(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortened_text_fits_its_room() {
        let fonts = Fonts::get().unwrap();
        let long = "a variant whose name goes on for much longer than any margin of any chart";
        for room in [0.0, 5.0, 20.0, 90.0, 300.0, 5000.0] {
            let text = fonts.shorten(long, 17.0, false, room);
            assert!(fonts.width(&text, 17.0, false) <= room, "{text:?} in {room}");
            assert!(text == long || text.is_empty() || text.ends_with('…'));
        }
        assert_eq!(fonts.shorten(long, 17.0, false, 5000.0), long);
    }

    #[test]
    fn a_name_shortened_in_its_middle_keeps_both_ends() {
        let fonts = Fonts::get().unwrap();
        let text = fonts.shorten_middle("senders/campus/retry=Postfix(minimal_backoff_time: 5m)", 17.0, false, 220.0);
        assert!(text.starts_with("senders") && text.ends_with(" 5m)") && text.contains('…'), "{text}");
        assert!(fonts.width(&text, 17.0, false) <= 220.0);
        assert_eq!(fonts.shorten_middle("short", 17.0, false, 220.0), "short");
        assert_eq!(fonts.shorten_middle("xyz", 17.0, false, 1.0), "");
    }

    #[test]
    fn control_characters_never_reach_a_file() {
        assert_eq!(plain("a\u{0}b\nc"), "a b c");
    }

    #[test]
    fn width_grows_with_size_and_weight() {
        let fonts = Fonts::get().unwrap();
        let (small, large) = (fonts.width("queue", 10.0, false), fonts.width("queue", 20.0, false));
        assert!((large - 2.0 * small).abs() < 0.01);
        assert!(fonts.width("queue", 10.0, true) > small);
        assert_eq!(fonts.width("", 10.0, false), 0.0);
    }
}
