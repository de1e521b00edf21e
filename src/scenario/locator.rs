//! From a path of names to its place in the text, for errors of meaning.

use std::ops::Range;
use std::sync::Arc;

use crate::scenario::diagnostic::{Place, SourceText};
use crate::scenario::read::inside;
use crate::scenario::source_map::SourceMap;
use crate::scenario::syntax::{Kind, SyntaxTree};

/// Finds the keys and values of one text. Spans are bytes of that text; places lead back to what the user wrote,
/// through the overrides.
#[derive(Debug, Clone)]
pub struct Locator {
    text: Arc<SourceText>,
    tree: SyntaxTree,
    map: SourceMap,
}

impl Locator {
    /// Over a text and the map of its pieces, as [`read_with`](crate::scenario::splice::read_with) gives them.
    pub fn new(text: Arc<SourceText>, map: SourceMap) -> Self {
        let tree = SyntaxTree::parse(&text.text);
        Self { text, tree, map }
    }

    /// Over a text without overrides.
    pub fn of(source: &Arc<SourceText>) -> Self {
        Self::new(Arc::clone(source), SourceMap::identity(source))
    }

    /// The value at `path`: field names, keys, and indices of lists and tuples, as in an override.
    pub fn value(&self, path: &[&str]) -> Option<Range<usize>> {
        self.tree.find(path).ok().map(|id| self.tree.node(id).span.clone())
    }

    /// The field name or key at the end of `path`; `None` for an element of a list.
    pub fn key(&self, path: &[&str]) -> Option<Range<usize>> {
        let id = self.tree.find(path).ok()?;
        self.tree.node(id).key.as_ref().map(|key| key.span.clone())
    }

    /// The value at `path`, or the key (for an element of a list, the value) of the deepest that exists on the way.
    pub fn nearest(&self, path: &[&str]) -> Range<usize> {
        match self.tree.find(path) {
            Ok(id) => self.tree.node(id).span.clone(),
            Err(Some((id, _))) => {
                let node = self.tree.node(id);
                node.key.as_ref().map_or_else(|| node.head(), |key| key.span.clone())
            }
            Err(None) => 0..0,
        }
    }

    /// The value at `path` as the user wrote it, in the scenario or an override; the nearest where there is none.
    pub fn value_place(&self, path: &[&str]) -> Place {
        self.place(self.nearest(path))
    }

    /// The key at `path` as the user wrote it; the nearest where there is none.
    pub fn key_place(&self, path: &[&str]) -> Place {
        self.place(self.key(path).unwrap_or_else(|| self.nearest(path)))
    }

    /// The place of `part`, bytes of the text that is the value at `path`, such as a
    /// [`TextError`](crate::scenario::text::TextError)'s; the whole value where it holds escapes or is no text.
    pub fn part_place(&self, path: &[&str], part: &Range<usize>) -> Place {
        let content = self.tree.find(path).ok().and_then(|id| match &self.tree.node(id).kind {
            Kind::Text { content } => content.clone(),
            _ => None,
        });
        let span = content.and_then(|content| inside(&content, part));
        self.place(span.unwrap_or_else(|| self.nearest(path)))
    }

    /// The field names or keys in the value at `path`, in their order.
    pub fn keys(&self, path: &[&str]) -> Vec<&str> {
        self.tree.find(path).map_or_else(|_| Vec::new(), |id| self.tree.keys(id).collect())
    }

    /// What the user wrote at `span` of the text.
    pub fn place(&self, span: Range<usize>) -> Place {
        self.map.place(span.clone()).unwrap_or_else(|| Place { source: Arc::clone(&self.text), span })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_places_and_missing_ones_the_nearest() {
        let text = "(hosts: {\"mx.a\": (region: \"eu\", list: [(1, \"5x\")])})";
        let locator = Locator::of(&Arc::new(SourceText { name: "a.ron".to_owned(), text: text.to_owned() }));
        let shown = |place: Place| place.source.text[place.span].to_owned();
        assert_eq!(locator.value(&["hosts", "mx.a", "region"]).map(|span| &text[span]), Some("\"eu\""));
        assert_eq!(locator.key(&["hosts", "mx.a", "region"]).map(|span| &text[span]), Some("region"));
        assert_eq!(locator.key(&["hosts", "mx.a", "list", "0"]), None);
        assert_eq!(shown(locator.value_place(&["hosts", "mx.a", "list", "0", "1"])), "\"5x\"");
        assert_eq!(shown(locator.part_place(&["hosts", "mx.a", "list", "0", "1"], &(1..2))), "x");
        assert_eq!(shown(locator.part_place(&["hosts", "mx.a"], &(1..2))), &text[17..50]);
        assert_eq!(shown(locator.value_place(&["hosts", "mx.a", "service"])), "\"mx.a\"");
        assert_eq!(shown(locator.key_place(&["senders", "x"])), "(");
        assert_eq!(locator.keys(&["hosts", "mx.a"]), ["region", "list"]);
    }
}
