//! Line numbers of byte offsets, for messages that name another line.

use std::sync::Arc;

use crate::scenario::diagnostic::SourceText;

/// A source with the offsets of its line ends, so that a line's number costs a binary search.
pub(super) struct Lines<'a> {
    source: &'a Arc<SourceText>,
    ends: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub fn new(source: &'a Arc<SourceText>) -> Self {
        Self { source, ends: source.text.match_indices('\n').map(|(at, _)| at).collect() }
    }

    /// The text itself.
    pub fn source(&self) -> &'a Arc<SourceText> {
        self.source
    }

    /// The 1-based number of the line that holds the byte offset `at`; a line end belongs to the line it ends.
    pub fn number(&self, at: usize) -> usize {
        1 + self.ends.partition_point(|&end| end < at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_end_belongs_to_its_line() {
        let source = Arc::new(SourceText { name: "s".into(), text: "a\n\nbc".into() });
        let lines = Lines::new(&source);
        assert_eq!([0, 1, 2, 3, 4, 99].map(|at| lines.number(at)), [1, 1, 2, 3, 3, 3]);
    }
}
