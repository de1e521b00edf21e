//! What was left out of a text because it could not be read, and which errors of meaning may only follow from that.

use std::ops::Range;

use super::Reading;
use crate::scenario::syntax::SyntaxTree;

/// Sections whose meaning hangs on another: instants on the clock, objectives on the timeline.
const FOLLOWERS: [(&str, &[&str]); 2] = [("run", &["timeline", "objectives"]), ("timeline", &["objectives"])];

/// Where errors may follow from what was left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::scenario) struct Doubts {
    /// What lost something, and what hangs on that.
    pub spans: Vec<Range<usize>>,
    /// Entries that lost something, or are lost: what others say of them.
    pub names: Vec<String>,
}

impl Doubts {
    /// `None` if the scenario itself lost a section: nothing can be told then.
    pub(super) fn of(reading: &Reading<'_>) -> Option<Self> {
        let mut doubts = Self::default();
        for cut in &reading.cuts {
            let tree = reading.tree;
            let parent = tree.node(cut.node).parent.filter(|parent| tree.node(*parent).parent.is_some())?;
            doubts.spans.push(tree.node(parent).span.clone());
            let path = path(tree, cut.node);
            doubts.names.extend(path.get(1).cloned());
            let section = path.first().map_or("", String::as_str);
            for (_, followers) in FOLLOWERS.iter().filter(|(name, _)| *name == section) {
                let found = followers.iter().filter_map(|follower| tree.find(&[follower]).ok());
                doubts.spans.extend(found.map(|id| tree.node(id).span.clone()));
            }
        }
        Some(doubts)
    }
}

/// The keys on the way to a node.
fn path(tree: &SyntaxTree, mut id: usize) -> Vec<String> {
    let mut path = Vec::new();
    loop {
        path.extend(tree.node(id).key.as_ref().map(|key| key.text.clone()));
        match tree.node(id).parent {
            Some(parent) => id = parent,
            None => break,
        }
    }
    path.reverse();
    path
}
