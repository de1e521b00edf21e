//! Reads a scenario's text into serde types and finds all of its errors, not the first only.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use ron::Options;
use ron::error::{Error, Position, SpannedError};
use ron::extensions::Extensions;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::scenario::diagnostic::{Diagnostic, SourceText};
use crate::scenario::syntax::{Kind, SyntaxTree, lower_first};

mod doubts;
mod explain;
mod locate;

pub(super) use doubts::Doubts;
use explain::explain;
pub(super) use explain::inside;
use locate::{Target, locate};

/// How many errors are looked for before the rest is left to the next reading.
const ERRORS_MAX: usize = 50;

/// An error in a text that has no [`SourceText`] yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// Where the caret goes.
    pub span: Range<usize>,
    /// The head of the value at fault, which may have come from elsewhere than the key that the caret is under.
    pub value: Range<usize>,
    pub message: String,
    pub label: String,
    pub help: Option<String>,
}

/// Reads `source` as RON with the extensions `implicit_some` and `unwrap_variant_newtypes`.
///
/// `ron` stops at its first error. So the field, map entry or list item that failed is blanked out and the rest read
/// again, up to 50 times; what only follows from a blank (a field now missing) is not reported.
///
/// # Errors
/// All errors in the order of the text: one alone where it is no RON; unknown and missing fields, unknown variants,
/// values that do not fit, and keys written twice, which `ron` lets pass in maps. Of several required fields that one
/// struct lacks the first is named, as `serde` does.
pub fn read<T: DeserializeOwned>(source: &Arc<SourceText>) -> Result<T, Vec<Diagnostic>> {
    read_text(&source.text).map_err(|findings| {
        findings.into_iter().map(|finding| finding.clone().into_diagnostic().at(source, finding.span)).collect()
    })
}

impl Finding {
    /// Without its place.
    pub(super) fn into_diagnostic(self) -> Diagnostic {
        let mut diagnostic = Diagnostic::error(self.message).label(self.label);
        diagnostic.help = self.help;
        diagnostic
    }
}

pub(super) fn read_text<T: DeserializeOwned>(text: &str) -> Result<T, Vec<Finding>> {
    read_partly(text).map_err(|(findings, _)| findings)
}

/// What can be read of a text with errors, and where that is in doubt.
pub(super) type Rest<T> = Option<(T, Doubts)>;

pub(super) fn read_partly<T: DeserializeOwned>(text: &str) -> Result<T, (Vec<Finding>, Rest<T>)> {
    let tree = SyntaxTree::parse(text);
    if let Some(finding) = syntax_error(&tree, text) {
        return Err((vec![finding], None));
    }
    let mut rest = None;
    let mut reading = Reading::new(text, &tree);
    reading.cut_duplicates();
    while reading.findings.len() < ERRORS_MAX {
        match options().from_str::<T>(&reading.rest) {
            Ok(value) if reading.findings.is_empty() => return Ok(value),
            Ok(value) => {
                rest = Doubts::of(&reading).map(|doubts| (value, doubts));
                break;
            }
            Err(error) => {
                if !reading.note(&error) {
                    break;
                }
            }
        }
    }
    reading.findings.sort_by_key(|finding| finding.span.start);
    reading.findings.dedup();
    Err((reading.findings, rest))
}

/// Whether `text` is one RON value by itself, whatever its type.
pub(super) fn is_ron(text: &str) -> bool {
    options().from_str::<IgnoredAny>(text).is_ok()
}

/// How scenarios are written.
pub(crate) fn options() -> Options {
    Options::default().with_default_extension(Extensions::IMPLICIT_SOME | Extensions::UNWRAP_VARIANT_NEWTYPES)
}

/// What makes the text no RON. `ron2` has the better places, `ron` the last word: it reads `.5`, which `ron2` does not.
fn syntax_error(tree: &SyntaxTree, text: &str) -> Option<Finding> {
    let fault = tree.fault.as_ref()?;
    let error = options().from_str::<IgnoredAny>(text).err()?;
    if tree.root().is_some() || fault.span.start < text.len() {
        return Some(plain(fault.span.clone(), fault.message.clone()));
    }
    let at = offset(text, error.span.end);
    let found = plain(at..at, lower_first(&error.code.to_string()));
    Some(if tree.root().is_none() { Finding { help: Some(explain::START.into()), ..found } } else { found })
}

fn plain(span: Range<usize>, message: String) -> Finding {
    Finding { value: span.clone(), span, message, label: String::new(), help: None }
}

/// The byte at which a position of `ron`'s lies: lines end with a line feed, columns are characters, both from 1.
fn offset(text: &str, position: Position) -> usize {
    let line_start: usize = text.split_inclusive('\n').take(position.line.saturating_sub(1)).map(str::len).sum();
    let line = text.get(line_start..).unwrap_or("");
    line_start + line.chars().take(position.col.saturating_sub(1)).map(char::len_utf8).sum::<usize>()
}

/// A text on its way through the rounds of reading and blanking.
struct Reading<'a> {
    text: &'a str,
    tree: &'a SyntaxTree,
    /// The text with spaces for what was cut: every byte left stands where it stood.
    rest: String,
    cuts: Vec<Cut>,
    findings: Vec<Finding>,
}

/// A member of a struct, map or list that is no longer read.
struct Cut {
    node: usize,
    span: Range<usize>,
    /// The field it was probably meant to be.
    meant: Option<String>,
}

impl<'a> Reading<'a> {
    fn new(text: &'a str, tree: &'a SyntaxTree) -> Self {
        Self { text, tree, rest: text.to_owned(), cuts: Vec::new(), findings: Vec::new() }
    }

    /// Reports the keys that stand twice in one struct or map, and keeps the first of each.
    fn cut_duplicates(&mut self) {
        for (_, holder) in self.tree.iter().filter(|(_, node)| matches!(node.kind, Kind::Struct | Kind::Map)) {
            let mut first: BTreeMap<&str, usize> = BTreeMap::new();
            for child in &holder.children {
                let Some(key) = &self.tree.node(*child).key else { continue };
                let Some(earlier) = first.get(key.text.as_str()) else {
                    first.insert(&key.text, key.span.start);
                    continue;
                };
                let line = self.text.get(..*earlier).map_or(1, |before| before.matches('\n').count() + 1);
                self.findings.push(Finding {
                    span: key.span.clone(),
                    value: key.span.clone(),
                    message: format!("`{}` is written twice, first on line {line}", key.text),
                    label: format!("already on line {line}"),
                    help: Some("keep one of the two".to_owned()),
                });
                self.cut(*child, None);
            }
        }
    }

    /// Reports `error` unless it follows from a cut, and cuts what failed. False where nothing is left to cut.
    fn note(&mut self, error: &SpannedError) -> bool {
        let at = offset(&self.rest, error.span.end);
        let Some(target) = locate(self.tree, self.text, at, &error.code, &|id| self.is_cut(id)) else {
            // Nothing in the tree: the error stands for the whole text, unless something is known already.
            if self.findings.is_empty() {
                let message = lower_first(&error.code.to_string());
                self.findings.push(plain(at..at, message));
            }
            return false;
        };
        if !self.follows_from_a_cut(&target, &error.code) {
            self.findings.push(explain(&error.code, self.tree, self.text, &target, at));
        }
        let meant = explain::meant(&error.code);
        self.unit(target.node).is_some_and(|unit| self.cut(unit, meant))
    }

    fn follows_from_a_cut(&self, target: &Target, code: &Error) -> bool {
        let inside = |cut: &&Cut| self.tree.node(cut.node).parent == Some(target.node);
        match code {
            Error::MissingStructField { field, .. } => self.cuts.iter().filter(inside).any(|cut| {
                let key = self.tree.node(cut.node).key.as_ref();
                key.is_some_and(|key| key.text == *field) || cut.meant.as_deref() == Some(*field)
            }),
            Error::NoSuchStructField { .. } | Error::NoSuchEnumVariant { .. } => false,
            _ if target.on_key => false,
            _ => {
                let span = &self.tree.node(target.node).span;
                self.cuts.iter().any(|cut| span.start < cut.span.start && cut.span.end < span.end)
            }
        }
    }

    /// The smallest thing around `id` whose loss shifts nothing else: a member of a struct, map or list.
    fn unit(&self, mut id: usize) -> Option<usize> {
        loop {
            let parent = self.tree.node(id).parent?;
            if matches!(self.tree.node(parent).kind, Kind::Struct | Kind::Map | Kind::List) && !self.is_cut(id) {
                return Some(id);
            }
            id = parent;
        }
    }

    fn is_cut(&self, id: usize) -> bool {
        let span = &self.tree.node(id).span;
        self.cuts.iter().any(|cut| cut.span.start <= span.start && span.end <= cut.span.end)
    }

    /// Writes spaces over a member and its comma. False where that changes nothing.
    fn cut(&mut self, node: usize, meant: Option<String>) -> bool {
        let member = self.tree.node(node).member();
        let Some(written) = self.rest.get(member.clone()) else { return false };
        if written.trim().is_empty() {
            return false;
        }
        let blank = " ".repeat(member.len());
        self.rest.replace_range(member.clone(), &blank);
        if let Some(end) = self.tree.node(node).comma
            && let Some(start) = end.checked_sub(1)
            && self.rest.get(start..end) == Some(",")
        {
            self.rest.replace_range(start..end, " ");
        }
        self.cuts.push(Cut { node, span: member, meant });
        true
    }
}

#[cfg(test)]
mod tests;
