//! Where each byte of a text that was put together came from.

use std::ops::Range;
use std::sync::Arc;

use crate::scenario::diagnostic::{Place, SourceText};

/// The pieces of a spliced text, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceMap {
    pieces: Vec<Piece>,
}

/// A run of bytes of the spliced text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    len: usize,
    source: Arc<SourceText>,
    /// The bytes of `source` it stands for.
    origin: Range<usize>,
    /// Whether it is `origin` byte for byte; else each byte of it stands for all of `origin`.
    verbatim: bool,
    /// Whether an override put it there.
    spliced: bool,
}

impl SourceMap {
    /// The map of a text that is `source` and nothing else.
    pub fn identity(source: &Arc<SourceText>) -> Self {
        let len = source.text.len();
        Self { pieces: vec![Piece { len, source: Arc::clone(source), origin: 0..len, verbatim: true, spliced: false }] }
    }

    /// Replaces `range` of the spliced text by `before` bytes that stand for all of `origin`, then a copy of `verbatim`
    /// bytes of its source, then `after` bytes that stand for all of `origin` again.
    pub(super) fn splice(
        &mut self,
        range: Range<usize>,
        origin: &Place,
        (before, verbatim, after): (usize, Range<usize>, usize),
    ) {
        let piece = |len, span: &Range<usize>, verbatim| Piece {
            len,
            source: Arc::clone(&origin.source),
            origin: span.clone(),
            verbatim,
            spliced: true,
        };
        let copy = piece(verbatim.len(), &verbatim, true);
        let mut pieces = self.slice(0..range.start);
        pieces.extend([piece(before, &origin.span, false), copy, piece(after, &origin.span, false)]);
        pieces.extend(self.slice(range.end..self.len()));
        pieces.retain(|piece| piece.len > 0);
        self.pieces = pieces;
    }

    /// The place that a span of the spliced text came from. A span over several pieces becomes what its first piece
    /// holds of it, or reaches from first to last where both come from one text in order.
    pub fn place(&self, span: Range<usize>) -> Option<Place> {
        let (piece, offset) = self.piece_at(span.start, span.end > span.start)?;
        let start = piece.start(offset);
        let (last, last_offset) = self.piece_at(span.end.max(span.start), false)?;
        let end = last.end(last_offset);
        let whole = piece.origin.end;
        let same = piece.spliced == last.spliced && Arc::ptr_eq(&piece.source, &last.source) && end >= start;
        Some(Place { source: Arc::clone(&piece.source), span: start..if same { end } else { whole } })
    }

    /// Whether byte `at` of the spliced text came from an override.
    pub fn is_spliced(&self, at: usize) -> bool {
        self.piece_at(at, true).is_some_and(|(piece, _)| piece.spliced)
    }

    fn len(&self) -> usize {
        self.pieces.iter().map(|piece| piece.len).sum()
    }

    /// The piece that holds byte `at`: the one that begins there if `begins`, else the one that ends there.
    fn piece_at(&self, at: usize, begins: bool) -> Option<(&Piece, usize)> {
        let mut start = 0;
        for piece in &self.pieces {
            let end = start + piece.len;
            if at < end || (at == end && !begins) {
                return Some((piece, at - start));
            }
            start = end;
        }
        self.pieces.last().map(|piece| (piece, piece.len))
    }

    fn slice(&self, range: Range<usize>) -> Vec<Piece> {
        let mut start = 0;
        let mut slice = Vec::new();
        for piece in &self.pieces {
            let from = range.start.max(start) - start;
            let to = range.end.min(start + piece.len).saturating_sub(start);
            start += piece.len;
            if from < to {
                let origin = if piece.verbatim {
                    piece.origin.start + from..piece.origin.start + to
                } else {
                    piece.origin.clone()
                };
                slice.push(Piece { len: to - from, origin, ..piece.clone() });
            }
        }
        slice
    }
}

impl Piece {
    fn start(&self, offset: usize) -> usize {
        if self.verbatim { self.origin.start + offset } else { self.origin.start }
    }

    fn end(&self, offset: usize) -> usize {
        if self.verbatim { self.origin.start + offset } else { self.origin.end }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str, text: &str) -> Arc<SourceText> {
        Arc::new(SourceText { name: name.to_owned(), text: text.to_owned() })
    }

    fn shown(map: &SourceMap, span: Range<usize>) -> String {
        let place = map.place(span).unwrap();
        format!("{}:{}", place.source.name, &place.source.text[place.span])
    }

    #[test]
    fn spans_lead_back_to_where_their_bytes_were_written() {
        // `abcdef` with `cd` replaced by `"XYZ"`, quotes added.
        let mut map = SourceMap::identity(&source("file", "abcdef"));
        let set = source("set", "XYZ");
        map.splice(2..4, &Place { source: set, span: 0..3 }, (1, 0..3, 1));
        for (span, place) in [
            (0..2, "file:ab"),
            (3..6, "set:XYZ"),
            (4..5, "set:Y"),
            (2..7, "set:XYZ"),
            (2..3, "set:XYZ"),
            (7..9, "file:ef"),
            (1..8, "file:bcde"),
            (1..5, "file:ab"),
            (9..9, "file:"),
        ] {
            assert_eq!(shown(&map, span.clone()), if place == "file:ab" && span == (1..5) { "file:b" } else { place });
        }
    }

    #[test]
    fn a_splice_into_a_splice_keeps_both_origins() {
        let mut map = SourceMap::identity(&source("file", "abcdef"));
        map.splice(2..4, &Place { source: source("one", "12345"), span: 0..5 }, (0, 0..5, 0));
        map.splice(3..5, &Place { source: source("two", "xy"), span: 0..2 }, (0, 0..2, 0));
        assert_eq!(shown(&map, 2..3), "one:1");
        assert_eq!(shown(&map, 3..5), "two:xy");
        assert_eq!(shown(&map, 5..7), "one:45");
        assert_eq!(shown(&map, 7..9), "file:ef");
    }
}
