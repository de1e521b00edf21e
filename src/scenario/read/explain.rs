//! What `ron` and `serde` say, said to someone who wrote a scenario.

use std::ops::Range;

use ron::error::Error;

use super::Finding;
use super::locate::Target;
use crate::scenario::nearest::{did_you_mean, nearest, one_of};
use crate::scenario::real_names::real;
use crate::scenario::syntax::{Kind, Node, SyntaxTree, lower_first};
use crate::scenario::text::TextError;

/// As many valid names as fit beside a caret.
const NAMES_MAX: usize = 10;

/// As much of a value as is repeated in a message, in characters.
const SNIPPET_CHARS_MAX: usize = 40;

/// What helps where a text does not even begin as a scenario does.
pub(super) const START: &str = "a scenario is `(title: \"..\", ...)`: `mxsim init` writes one to start from";

/// The field that an unknown field was probably meant to be.
pub(super) fn meant(code: &Error) -> Option<String> {
    match code {
        Error::NoSuchStructField { found, outer: Some(outer), .. } if real(outer, found).is_some() => None,
        Error::NoSuchStructField { expected, found, .. } => nearest(found, expected.iter().copied()).map(str::to_owned),
        _ => None,
    }
}

/// The error of `target` as a finding, raised with the parser at byte `at`.
pub(super) fn explain(code: &Error, tree: &SyntaxTree, text: &str, target: &Target, at: usize) -> Finding {
    Finding { value: tree.node(target.node).head(), ..describe(code, tree, text, target, at) }
}

fn describe(code: &Error, tree: &SyntaxTree, text: &str, target: &Target, at: usize) -> Finding {
    let node = tree.node(target.node);
    let span = match (&node.key, target.on_key) {
        (Some(key), true) => key.span.clone(),
        _ => node.head(),
    };
    let snippet = snippet(text, if target.on_key { &span } else { &node.span });
    match code {
        Error::Message(message) => from_message(message, node, span, target.on_key),
        Error::NoSuchStructField { found, outer: Some(outer), .. } if real(outer, found).is_some() => {
            let (system, why) = real(outer, found).unwrap_or_default();
            let message = format!("`{found}` is a parameter of {system}'s that is not modelled");
            Finding { help: why.map(str::to_owned), ..finding(span, message, "") }
        }
        Error::NoSuchStructField { expected, found, outer } => {
            let place = outer.as_ref().map_or_else(String::new, |outer| format!(" in `{outer}`"));
            unknown_name(format!("no field `{found}`{place}"), found, expected, span)
        }
        Error::NoSuchEnumVariant { expected, found, .. } => {
            unknown_name(format!("no variant `{found}`"), found, expected, span)
        }
        Error::MissingStructField { field, outer } => {
            let place = outer.as_ref().map_or_else(String::new, |outer| format!(" in `{outer}`"));
            let span = node.key.as_ref().map_or(span, |key| key.span.clone());
            finding(span, format!("missing field `{field}`{place}"), format!("needs `{field}`"))
        }
        Error::InvalidValueForType { expected, .. } => finding(span, misfit(&snippet), format!("expected {expected}")),
        Error::ExpectedDifferentLength { expected, found } => {
            let count = if *found == 1 { "1 element".to_owned() } else { format!("{found} elements") };
            finding(span, format!("{count} in `{snippet}`"), format!("expected {expected}"))
        }
        Error::IntegerOutOfBounds => {
            let label =
                if snippet.starts_with('-') { "expected a number from 0 on" } else { "too large for this field" };
            finding(span, format!("`{snippet}` is out of range"), label)
        }
        Error::ExceededRecursionLimit => finding(span, "nested too deeply", "at most 128 levels"),
        Error::ExpectedStructLike | Error::ExpectedNamedStructLike(_) if is_bare_name(node) => {
            let message = format!("`{snippet}` without its parentheses");
            Finding {
                help: Some(format!("write `{snippet}()`")),
                ..finding(span, message, "expected `(...)` after it")
            }
        }
        Error::ExpectedStructLike | Error::ExpectedNamedStructLike(_) if node.parent.is_none() => {
            Finding { help: Some(START.into()), ..finding(span, misfit(&snippet), expectation(code)) }
        }
        _ if ends_too_late(code) => surplus(node, tree, span, &snippet, at),
        other => finding(span, misfit(&snippet), expectation(other)),
    }
}

fn finding(span: Range<usize>, message: impl Into<String>, label: impl Into<String>) -> Finding {
    Finding { value: span.clone(), span, message: message.into(), label: label.into(), help: None }
}

fn misfit(snippet: &str) -> String {
    format!("`{snippet}` does not fit here")
}

/// An error that a type raised by itself; one about a text has its place inside the text.
fn from_message(message: &str, node: &Node, span: Range<usize>, on_key: bool) -> Finding {
    let Some(error) = TextError::from_serde(message) else {
        return finding(span, lower_first(message), "");
    };
    let label = if error.expected.is_empty() { String::new() } else { format!("expected {}", error.expected) };
    let span = match &node.kind {
        Kind::Text { content: Some(content) } if !on_key => inside(content, &error.span).unwrap_or(span),
        _ => span,
    };
    finding(span, error.message, label)
}

/// The place `part` of a text whose content stands at `content`; `None` for the whole of it.
pub(in crate::scenario) fn inside(content: &Range<usize>, part: &Range<usize>) -> Option<Range<usize>> {
    let start = content.start.checked_add(part.start)?;
    let end = content.start.checked_add(part.end)?;
    (*part != (0..0) && start <= end && end <= content.end).then_some(start..end)
}

fn unknown_name(message: String, found: &str, expected: &[&str], span: Range<usize>) -> Finding {
    let names = one_of(expected.iter().copied());
    let near = did_you_mean(found, expected.iter().copied());
    if expected.len() <= NAMES_MAX {
        return Finding { help: near, ..finding(span, message, format!("expected {names}")) };
    }
    Finding { help: near.or(Some(format!("write {names}"))), ..finding(span, message, "") }
}

fn is_bare_name(node: &Node) -> bool {
    node.name.is_some() && node.kind == Kind::Leaf
}

/// Whether `ron` had what it wanted and met more.
fn ends_too_late(code: &Error) -> bool {
    matches!(
        code,
        Error::ExpectedComma
            | Error::ExpectedStructLikeEnd
            | Error::ExpectedMapEnd
            | Error::ExpectedArrayEnd
            | Error::ExpectedOptionEnd
            | Error::TrailingCharacters
    )
}

fn surplus(node: &Node, tree: &SyntaxTree, span: Range<usize>, snippet: &str, at: usize) -> Finding {
    if let Some(name) = &node.name
        && node.kind != Kind::Leaf
        && at >= name.span.end
    {
        let message = format!("`{}` takes no parentheses", name.text);
        return Finding { help: Some(format!("write `{}`", name.text)), ..finding(span, message, "") };
    }
    let in_tuple = node.parent.is_some_and(|parent| tree.node(parent).kind == Kind::Tuple);
    if in_tuple && node.span.start == at {
        return finding(span, format!("one element too many: `{snippet}`"), "nothing more was expected");
    }
    finding(span, misfit(snippet), if at > node.span.start { "expected a whole number" } else { "" })
}

fn expectation(code: &Error) -> String {
    match code {
        Error::ExpectedString => "expected a text in quotes",
        Error::ExpectedInteger | Error::InvalidIntegerDigit { .. } => "expected a whole number",
        Error::ExpectedFloat => "expected a number",
        Error::ExpectedBoolean => "expected `true` or `false`",
        Error::ExpectedArray => "expected a list, `[...]`",
        Error::ExpectedMap => "expected a map, `{...}`",
        Error::ExpectedStructLike | Error::ExpectedNamedStructLike(_) => "expected fields in parentheses, `(...)`",
        Error::ExpectedIdentifier => "expected a name without quotes",
        Error::ExpectedChar => "expected a character in single quotes",
        Error::ExpectedUnit => "expected `()`",
        Error::ExpectedDifferentStructName { expected, .. } => {
            return format!("expected `{expected}` or no name before the parentheses");
        }
        other => return lower_first(&other.to_string()),
    }
    .to_owned()
}

/// The beginning of a value, on one line.
fn snippet(text: &str, span: &Range<usize>) -> String {
    let written = text.get(span.clone()).unwrap_or("");
    let line = written.lines().next().unwrap_or("");
    let short: String = line.chars().take(SNIPPET_CHARS_MAX).collect();
    if short.len() == written.len() { short } else { format!("{}...", short.trim_end()) }
}
