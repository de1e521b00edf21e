//! What is said of a user's text: a message, its place, what was expected, and a way out.

use std::ops::Range;
use std::sync::Arc;

/// A text that a user wrote, with the name it is shown under (a path, or `--set KEY`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceText {
    /// Shown before line and column.
    pub name: String,
    /// The whole text, as read.
    pub text: String,
}

/// A place in a source text: byte offsets, start inclusive, end exclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The text that holds it.
    pub source: Arc<SourceText>,
    /// Byte offsets into that text.
    pub span: Range<usize>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The scenario cannot be run.
    Error,
    /// It can be run, and the user may not have meant it.
    Warning,
}

/// One thing to say about a user's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// One line, lower case, no full stop: ``no host `mx.odl.example` ``.
    pub message: String,
    /// Where, if it has a place.
    pub place: Option<Place>,
    /// What stands beside the caret: what was expected. Empty for a bare caret.
    pub label: String,
    /// The way out: ``did you mean `mx.old.example`?``
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error without a place yet.
    pub fn error(message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, message: message.into(), place: None, label: String::new(), help: None }
    }

    /// A warning without a place yet.
    pub fn warning(message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(message) }
    }

    /// The same, at `span` of `source`.
    pub fn at(mut self, source: &Arc<SourceText>, span: Range<usize>) -> Self {
        self.place = Some(Place { source: Arc::clone(source), span });
        self
    }

    /// The same, with what was expected beside the caret.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// The same, with a way out.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Whether the scenario cannot be run because of it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}
