//! The tree of a RON text with the place of every value and key, from the crate `ron2`.

use std::ops::Range;

use ron2::ast::{Expr, StringKind, StructBody, StructField, TupleElement, parse_document_lossy};
use ron2::error::{ErrorKind, Span};

/// A RON text taken apart: node 0 is the whole value, where there is one.
#[derive(Debug, Clone, Default)]
pub struct SyntaxTree {
    nodes: Vec<Node>,
    /// What `ron2` could not read; the nodes are then what it made of the rest.
    pub fault: Option<SyntaxFault>,
    /// Whether attributes such as `#![enable(...)]` stand before the value.
    pub has_attributes: bool,
}

/// The first place at which a text is no RON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxFault {
    /// Bytes of the text.
    pub span: Range<usize>,
    /// One line, lower case.
    pub message: String,
}

/// One value. All places are bytes of the text.
#[derive(Debug, Clone)]
pub struct Node {
    /// The value, with its name and brackets.
    pub span: Range<usize>,
    /// The name before the parentheses, or the bare name of a variant.
    pub name: Option<Word>,
    /// What stands under the name.
    pub kind: Kind,
    /// The value that holds this one.
    pub parent: Option<usize>,
    /// The field name or key this value stands under.
    pub key: Option<Word>,
    /// The end of the comma after the value.
    pub comma: Option<usize>,
    /// The values inside, in order.
    pub children: Vec<usize>,
}

/// A name in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Without quotes, escapes and `r#`.
    pub text: String,
    /// As written.
    pub span: Range<usize>,
}

/// The form of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A string; the place of its content where that stands in the text as it is, without escapes.
    Text { content: Option<Range<usize>> },
    /// A number, a character, a bare name, `None`, and what could not be read.
    Leaf,
    /// `Some(...)`, with one child.
    Option,
    /// `[...]`
    List,
    /// `(a, b)`, also after a name.
    Tuple,
    /// `()`, also after a name: a tuple or a struct of nothing.
    Empty,
    /// `(a: 1)`, also after a name.
    Struct,
    /// `{...}`
    Map,
}

impl SyntaxTree {
    /// Takes `text` apart as far as it goes.
    pub fn parse(text: &str) -> Self {
        let (document, errors) = parse_document_lossy(text);
        let mut tree = Self { has_attributes: !document.attributes.is_empty(), ..Self::default() };
        if let Some(value) = &document.value {
            tree.add(value, None, None);
        }
        tree.fault = errors.first().map(|error| tree.fault_of(error.kind(), range(error.span()), text));
        if tree.nodes.is_empty() && tree.fault.is_none() {
            tree.fault = Some(SyntaxFault { span: text.len()..text.len(), message: "nothing to read".to_owned() });
        }
        tree
    }

    /// The node of the whole value.
    pub fn root(&self) -> Option<usize> {
        (!self.nodes.is_empty()).then_some(0)
    }

    /// The node with a number that this tree gave.
    pub fn node(&self, id: usize) -> &Node {
        &self.nodes[id]
    }

    /// All nodes, holders before what they hold.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Node)> {
        self.nodes.iter().enumerate()
    }

    /// The value under `segment` (a field name, a key, or the index in a list or tuple) of `id`. `Some(...)` is looked
    /// through, and so is a variant around one value, `Weights({...})`, unless it is indexed.
    pub fn child(&self, id: usize, segment: &str) -> Option<usize> {
        let holder = self.holder(id, segment);
        let node = self.node(holder);
        match node.kind {
            Kind::Struct | Kind::Map => node.children.iter().copied().find(|child| {
                let key = &self.node(*child).key;
                key.as_ref().is_some_and(|key| key.text == segment)
            }),
            Kind::List | Kind::Tuple => node.children.get(segment.parse::<usize>().ok()?).copied(),
            _ => None,
        }
    }

    /// The node in which [`SyntaxTree::child`] looks for `segment`.
    pub fn holder(&self, mut id: usize, segment: &str) -> usize {
        let index = segment.parse::<usize>().is_ok();
        loop {
            let node = self.node(id);
            match (&node.kind, node.children.as_slice()) {
                (Kind::Option, [inner]) => id = *inner,
                (Kind::Tuple, [inner]) if node.name.is_some() && !index => id = *inner,
                _ => return id,
            }
        }
    }

    /// The node at `path`; where there is none, the deepest on the way and how many segments lead to it.
    ///
    /// # Errors
    /// A path of which only a part exists.
    pub fn find(&self, path: &[&str]) -> Result<usize, Option<(usize, usize)>> {
        let mut id = self.root().ok_or(None)?;
        for (depth, segment) in path.iter().enumerate() {
            id = self.child(id, segment).ok_or(Some((id, depth)))?;
        }
        Ok(id)
    }

    /// The field names and keys in `id`.
    pub fn keys(&self, id: usize) -> impl Iterator<Item = &str> {
        let children = &self.node(id).children;
        children.iter().filter_map(|child| self.node(*child).key.as_ref().map(|key| key.text.as_str()))
    }

    fn add(&mut self, expr: &Expr<'_>, parent: Option<usize>, key: Option<Word>) -> usize {
        let id = self.nodes.len();
        let span = range(expr.span());
        self.nodes.push(Node { span, name: None, kind: Kind::Leaf, parent, key, comma: None, children: Vec::new() });
        let (name, kind) = self.fill(id, expr);
        let node = &mut self.nodes[id];
        node.name = name;
        node.kind = kind;
        id
    }

    fn fill(&mut self, id: usize, expr: &Expr<'_>) -> (Option<Word>, Kind) {
        match expr {
            Expr::Unit(_) => (None, Kind::Empty),
            Expr::String(string) => {
                let content = content(&string.raw, string.kind, string.span.start_offset);
                (None, Kind::Text { content })
            }
            Expr::Option(option) => match &option.value {
                Some(inner) => {
                    self.hold(id, &inner.expr, None, None);
                    (None, Kind::Option)
                }
                None => (None, Kind::Leaf),
            },
            Expr::Seq(list) => {
                for item in &list.items {
                    self.hold(id, &item.expr, None, item.comma);
                }
                (None, Kind::List)
            }
            Expr::Map(map) => {
                for entry in &map.entries {
                    self.hold(id, &entry.value, Some(key_word(&entry.key)), entry.comma);
                }
                (None, Kind::Map)
            }
            Expr::Tuple(tuple) => (None, self.hold_elements(id, &tuple.elements)),
            Expr::AnonStruct(body) => (None, self.hold_fields(id, &body.fields)),
            Expr::Struct(named) => {
                let name = Some(word(&named.name.name, &named.name.span));
                match &named.body {
                    None => (name, Kind::Leaf),
                    Some(StructBody::Tuple(body)) => (name, self.hold_elements(id, &body.elements)),
                    Some(StructBody::Fields(body)) => (name, self.hold_fields(id, &body.fields)),
                }
            }
            _ => (None, Kind::Leaf),
        }
    }

    fn hold(&mut self, parent: usize, expr: &Expr<'_>, key: Option<Word>, comma: Option<Span>) {
        let child = self.add(expr, Some(parent), key);
        self.nodes[child].comma = comma.map(|comma| comma.end_offset);
        self.nodes[parent].children.push(child);
    }

    fn hold_elements(&mut self, id: usize, elements: &[TupleElement<'_>]) -> Kind {
        for element in elements {
            self.hold(id, &element.expr, None, element.comma);
        }
        if elements.is_empty() { Kind::Empty } else { Kind::Tuple }
    }

    fn hold_fields(&mut self, id: usize, fields: &[StructField<'_>]) -> Kind {
        for field in fields {
            let key = word(&field.name.name, &field.name.span);
            self.hold(id, &field.value, Some(key), field.comma);
        }
        Kind::Struct
    }

    fn fault_of(&self, kind: &ErrorKind, span: Range<usize>, text: &str) -> SyntaxFault {
        let message = lower_first(&kind.to_string());
        let start = span.start.min(text.len());
        if message.starts_with("expected comma") {
            // ron2 points at what follows the gap; the comma belongs to what stands before it.
            let before = self.nodes.iter().map(|node| node.span.end).filter(|end| *end <= start).max();
            let at = before.unwrap_or(start);
            return SyntaxFault { span: at..at, message };
        }
        SyntaxFault { span: start..span.end.clamp(start, text.len()), message }
    }
}

impl Node {
    /// What a caret under the value marks: its name or its opening bracket where it has something inside, else all.
    pub fn head(&self) -> Range<usize> {
        match (&self.name, &self.kind) {
            (Some(name), _) => name.span.clone(),
            (None, Kind::Text { .. } | Kind::Leaf | Kind::Empty) => self.span.clone(),
            (None, _) => self.span.start..(self.span.start + 1).min(self.span.end),
        }
    }

    /// The value with the key before it.
    pub fn member(&self) -> Range<usize> {
        let start = self.key.as_ref().map_or(self.span.start, |key| key.span.start);
        start..self.span.end.max(start)
    }
}

/// The first letter in lower case, as messages begin here.
pub fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

fn range(span: &Span) -> Range<usize> {
    span.start_offset..span.end_offset.max(span.start_offset)
}

fn word(text: &str, span: &Span) -> Word {
    Word { text: text.strip_prefix("r#").unwrap_or(text).to_owned(), span: range(span) }
}

fn key_word(key: &Expr<'_>) -> Word {
    let span = range(key.span());
    let text = match key {
        Expr::String(string) => string.value.clone(),
        Expr::Number(number) => number.raw.to_string(),
        Expr::Char(character) => character.value.to_string(),
        Expr::Bool(value) => value.value.to_string(),
        Expr::Struct(named) if named.body.is_none() => named.name.name.to_string(),
        // Keys with something inside are in no scenario; their place makes them unlike each other.
        _ => format!("key at byte {}", span.start),
    };
    Word { text, span }
}

fn content(raw: &str, kind: StringKind, start: usize) -> Option<Range<usize>> {
    let (before, after) = match kind {
        StringKind::Regular if raw.contains('\\') => return None,
        StringKind::Regular => (1, 1),
        StringKind::Raw { hash_count } => (2 + usize::from(hash_count), 1 + usize::from(hash_count)),
    };
    let end = raw.len().checked_sub(after)?;
    (before <= end).then_some(start + before..start + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r##"// head
Scenario(run: (seed: 7, at: Some((x: 1))), /* c */ hosts: {
    "a.example": Up(), 'c': r#"raw"#,
}, to: Weights({"d": 0.5}), list: [(1, -2.5), inf], e: "a\"b",)"##;

    fn at<'a>(tree: &SyntaxTree, path: &[&str]) -> Option<&'a str> {
        tree.find(path).ok().map(|id| &TEXT[tree.node(id).span.clone()])
    }

    #[test]
    fn paths_lead_to_values() {
        let tree = SyntaxTree::parse(TEXT);
        assert_eq!(tree.fault, None);
        for (path, value) in [
            (vec!["run", "seed"], Some("7")),
            (vec!["run", "at", "x"], Some("1")),
            (vec!["hosts", "a.example"], Some("Up()")),
            (vec!["hosts", "c"], Some("r#\"raw\"#")),
            (vec!["to", "d"], Some("0.5")),
            (vec!["to", "0", "d"], Some("0.5")),
            (vec!["list", "0", "1"], Some("-2.5")),
            (vec!["list", "1"], Some("inf")),
            (vec!["list", "2"], None),
            (vec!["e"], Some("\"a\\\"b\"")),
            (vec!["hosts", "b.example"], None),
        ] {
            assert_eq!(at(&tree, &path), value, "{path:?}");
        }
        assert_eq!(tree.find(&["hosts", "x", "y"]), Err(tree.find(&["hosts"]).ok().map(|id| (id, 1))));
    }

    #[test]
    fn a_missing_comma_is_shown_after_the_value_before_it() {
        let fault = SyntaxTree::parse("(a: 1\n b: 2)").fault;
        assert_eq!(fault, Some(SyntaxFault { span: 5..5, message: "expected comma in struct".to_owned() }));
        assert!(SyntaxTree::parse("").fault.is_some() && SyntaxTree::parse("(a: [1, )").fault.is_some());
    }
}
