//! Diagnostics as text: file, line, column, the offending text with a caret under it, what was expected, a way out.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Element, Level, Renderer, Snippet};

use crate::scenario::diagnostic::{Diagnostic, Place, Severity};

/// Columns of a rendered line; what is longer is trimmed around the caret.
const WIDTH: usize = 140;

/// Renders `diagnostics` in their order, an empty line between them, each ending with a line feed.
///
/// `colour` adds ANSI escapes. Lines and columns count from 1, columns in characters. A span that lies outside its
/// text or inside a character is moved to the nearest place that exists.
pub fn render(diagnostics: &[Diagnostic], colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() }.term_width(WIDTH);
    let blocks: Vec<String> = diagnostics.iter().map(|diagnostic| render_one(&renderer, diagnostic) + "\n").collect();
    blocks.join("\n")
}

fn render_one(renderer: &Renderer, diagnostic: &Diagnostic) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let place = diagnostic.place.as_ref().map(Shown::of);
    let mut elements: Vec<Element<'_>> = Vec::new();
    if let Some(shown) = &place {
        let label = Some(diagnostic.label.as_str()).filter(|label| !label.is_empty());
        let annotation = AnnotationKind::Primary.span(shown.span.clone()).label(label);
        elements.push(Snippet::source(&shown.text).path(shown.name).annotation(annotation).into());
    } else if !diagnostic.label.is_empty() {
        elements.push(Level::NOTE.message(&diagnostic.label).into());
    }
    if let Some(help) = &diagnostic.help {
        elements.push(Level::HELP.message(help).into());
    }
    renderer.render(&[level.primary_title(&diagnostic.message).elements(elements)])
}

/// A place with a text that the renderer can show.
struct Shown<'a> {
    name: &'a str,
    text: String,
    span: Range<usize>,
}

impl<'a> Shown<'a> {
    fn of(place: &'a Place) -> Self {
        let written = &place.source.text;
        let start = boundary(written, place.span.start);
        let end = boundary(written, place.span.end.max(start));
        // One line is enough to see which value is meant.
        let line_end =
            written.get(start..).and_then(|rest| rest.find(['\n', '\r'])).map_or(written.len(), |at| start + at);
        let span = start..end.min(line_end).max(start);
        Self { name: &place.source.name, text: one_width(written), span }
    }
}

/// Characters that a terminal obeys rather than shows become spaces, byte for byte, so that places stay.
fn one_width(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\r' | '\t' => c,
        c if c.is_ascii_control() => ' ',
        c => c,
    };
    text.chars().map(shown).collect()
}

/// The nearest place at or before `at` that begins a character, or the end of the text.
fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::diagnostic::SourceText;
    use std::sync::Arc;

    fn show(text: &str, span: Range<usize>) -> String {
        let source = Arc::new(SourceText { name: "a.ron".to_owned(), text: text.to_owned() });
        render(&[Diagnostic::error("no host `b`").at(&source, span).label("here")], false)
    }

    #[test]
    fn a_diagnostic_shows_its_place_and_its_way_out() {
        let source = Arc::new(SourceText { name: "a.ron".to_owned(), text: "(\n  host: \"mx.odl\",\n)".to_owned() });
        let diagnostics = [
            Diagnostic::error("no host `mx.odl`").at(&source, 11..17).label("a host").help("did you mean `mx.old`?"),
            Diagnostic::warning("nothing is sent").help("declare a sender"),
        ];
        assert_eq!(
            render(&diagnostics, false),
            "\
error: no host `mx.odl`
 --> a.ron:2:10
  |
2 |   host: \"mx.odl\",
  |          ^^^^^^ a host
  |
  = help: did you mean `mx.old`?

warning: nothing is sent
 |
 = help: declare a sender
"
        );
        assert!(render(&diagnostics, true).contains('\u{1b}') && !render(&diagnostics, false).contains('\u{1b}'));
    }

    #[test]
    fn columns_are_characters_and_carets_stand_under_them() {
        assert_eq!(
            show("\"日本\": b", 10..11),
            "error: no host `b`\n --> a.ron:1:7\n  |\n1 | \"日本\": b\n  |         ^ here\n"
        );
    }

    #[test]
    fn every_span_of_every_text_can_be_shown() {
        for text in ["", "\n", "a\r\nb\r\n", "\tx: ü\u{1b}[31m", "(é", "日本", "a\n\n"] {
            for start in 0..text.len() + 3 {
                for end in 0..text.len() + 3 {
                    assert!(show(text, start..end).starts_with("error: no host `b`\n"), "{text:?} {start}..{end}");
                }
            }
        }
    }
}
