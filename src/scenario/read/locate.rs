//! From the position at which `ron` gave up to the value or key that it gave up on.

use ron::error::Error;

use crate::scenario::syntax::{Kind, Node, SyntaxTree};

/// What an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target {
    pub node: usize,
    /// The key of the node rather than its value.
    pub on_key: bool,
}

/// The value or key that `code`, raised with the parser at byte `at`, is about.
///
/// `ron` raises an error of type before it takes the value, an error of content after it, an error of a struct or
/// tuple as a whole at its closing bracket, and all of them possibly after the space that follows.
pub(super) fn locate(
    tree: &SyntaxTree,
    text: &str,
    at: usize,
    code: &Error,
    is_cut: &dyn Fn(usize) -> bool,
) -> Option<Target> {
    let live = || tree.iter().filter(|(id, _)| !is_cut(*id));
    let value = |(node, _): (usize, &Node)| Target { node, on_key: false };
    let by_name = match code {
        Error::NoSuchStructField { found, .. } => live()
            .filter(|(_, node)| node.key.as_ref().is_some_and(|key| key.text == *found && key.span.start <= at))
            .max_by_key(|(_, node)| node.member().start)
            .map(|(node, _)| Target { node, on_key: true }),
        Error::NoSuchEnumVariant { found, .. } => live()
            .filter(|(_, node)| node.name.as_ref().is_some_and(|name| name.text == *found && name.span.start <= at))
            .max_by_key(|(_, node)| node.span.start)
            .map(value),
        Error::MissingStructField { .. } | Error::ExpectedDifferentLength { .. } => {
            live().find(|(_, node)| node.span.end == at + 1 && is_closed(node)).map(value)
        }
        _ => None,
    };
    by_name.or_else(|| {
        let start = live().find(|(_, node)| node.span.start == at);
        if let (Some((_, node)), true) = (start, raised_inside(code))
            && text.get(..at).is_some_and(|before| before.trim_end().ends_with(['(', '[', '{']))
            && let Some(parent) = node.parent
        {
            return Some(Target { node: parent, on_key: false });
        }
        let end = || live().find(|(_, node)| node.span.end == at);
        let key = || live().find(|(_, node)| on_key(node, at)).map(|(node, _)| Target { node, on_key: true });
        start.or_else(end).map(value).or_else(key).or_else(|| around(tree, text, at, is_cut).map(value))
    })
}

/// Whether the parser has taken the opening bracket by the time it raises `code`.
fn raised_inside(code: &Error) -> bool {
    matches!(code, Error::InvalidValueForType { found, .. } if found.starts_with("a sequence") || found.starts_with("a map"))
}

fn on_key(node: &Node, at: usize) -> bool {
    node.key.as_ref().is_some_and(|key| key.span.start <= at && at <= key.span.end)
}

fn is_closed(node: &Node) -> bool {
    !matches!(node.kind, Kind::Leaf | Kind::Text { .. })
}

/// The innermost value around `at`; where the parser already stands before a comma or bracket, the value before that.
fn around<'a>(
    tree: &'a SyntaxTree,
    text: &str,
    at: usize,
    is_cut: &dyn Fn(usize) -> bool,
) -> Option<(usize, &'a Node)> {
    let live = || tree.iter().filter(|(id, _)| !is_cut(*id));
    let inside = live().filter(|(_, node)| node.span.start < at && at < node.span.end);
    let innermost = inside.min_by_key(|(_, node)| node.span.len());
    let next = text.get(at..).and_then(|rest| rest.chars().next());
    if !next.is_none_or(|next| ",)]}".contains(next)) {
        return innermost.or_else(|| live().next());
    }
    let holder = innermost.map(|(id, _)| id);
    let before = live().filter(|(_, node)| node.parent == holder && node.span.end <= at);
    before.max_by_key(|(_, node)| node.span.end).or(innermost).or_else(|| live().next())
}
