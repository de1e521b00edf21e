//! What is said of a scenario, once a place.

use super::Compiler;
use crate::scenario::diagnostic::{Diagnostic, Place};
use crate::scenario::text::TextError;

/// What is wrong with one member of a population is wrong with most: as many are shown at one place.
const SHOWN_MAX: usize = 3;

/// A place as something to look up: the address of its text, start, end.
pub(super) type PlaceKey = (usize, usize, usize);

/// What was said at one place.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Indices into the problems.
    shown: Vec<usize>,
    /// How many more there were.
    more: usize,
}

impl Compiler<'_> {
    /// An error at the value of a path.
    pub(super) fn error(&mut self, path: &[&str], message: impl Into<String>) -> &mut Diagnostic {
        let mut diagnostic = Diagnostic::error(message);
        diagnostic.place = Some(self.place_of(path));
        self.say(diagnostic)
    }

    /// A warning at the value of a path.
    pub(super) fn warning(&mut self, path: &[&str], message: impl Into<String>) -> &mut Diagnostic {
        let mut diagnostic = Diagnostic::warning(message);
        diagnostic.place = Some(self.place_of(path));
        self.say(diagnostic)
    }

    /// Where the value of a path is written: in the scenario, or in the configuration that is checked.
    fn place_of(&self, path: &[&str]) -> Place {
        let name = path.last().copied().unwrap_or_default();
        let in_file = self.checked.as_ref().and_then(|config| config.places.get(name)).cloned();
        in_file.unwrap_or_else(|| self.at.value_place(path))
    }

    /// Whether a parameter is written there; else it has its default.
    pub(super) fn is_written(&self, path: &[&str]) -> bool {
        let name = path.last().copied().unwrap_or_default();
        self.checked.as_ref().is_some_and(|config| config.places.contains_key(name)) || self.at.value(path).is_some()
    }

    /// A text inside the scenario that could not be read.
    pub(super) fn text_error(&mut self, path: &[&str], error: &TextError) {
        let mut diagnostic = Diagnostic::error(error.message.clone());
        if !error.expected.is_empty() {
            diagnostic.label = format!("expected {}", error.expected);
        }
        diagnostic.place = Some(self.at.part_place(path, &error.span));
        self.say(diagnostic);
    }

    /// Says it, unless it was said before or enough was said at its place. The result may be completed.
    pub(super) fn say(&mut self, diagnostic: Diagnostic) -> &mut Diagnostic {
        if let Some(place) = &diagnostic.place {
            let said = self.said.entry(key(place)).or_default();
            if said.shown.iter().any(|&index| self.problems[index].message == diagnostic.message) {
                self.unsaid = diagnostic;
                return &mut self.unsaid;
            }
            if said.shown.len() >= SHOWN_MAX {
                said.more += 1;
                self.unsaid = diagnostic;
                return &mut self.unsaid;
            }
            said.shown.push(self.problems.len());
        }
        self.problems.push(diagnostic);
        let last = self.problems.len() - 1;
        &mut self.problems[last]
    }

    pub(super) fn say_all(&mut self, diagnostics: Vec<Diagnostic>) {
        for diagnostic in diagnostics {
            self.say(diagnostic);
        }
    }

    /// Whether more at a place would not be shown: to find the nearest name in a large population is dear.
    pub(super) fn is_enough_said(&self, place: &Place) -> bool {
        self.said.get(&key(place)).is_some_and(|said| said.shown.len() >= SHOWN_MAX)
    }

    /// Everything that was said, in the order of the scenario's text, then of other texts.
    pub(super) fn all_said(&mut self) -> Vec<Diagnostic> {
        for said in self.said.values().filter(|said| said.more > 0) {
            if let Some(&last) = said.shown.last() {
                let message = &mut self.problems[last].message;
                message.push_str(&format!(", and {} more like it", said.more));
            }
        }
        let mut problems = std::mem::take(&mut self.problems);
        let text = self.at.value_place(&[]).source;
        problems.sort_by_key(|problem| match &problem.place {
            Some(place) => (place.source.name != text.name, place.span.start),
            None => (true, usize::MAX),
        });
        problems
    }
}

fn key(place: &Place) -> PlaceKey {
    (std::sync::Arc::as_ptr(&place.source) as usize, place.span.start, place.span.end)
}
