//! Overrides: values spliced into a scenario's text at the place of a path.

use std::ops::Range;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::scenario::diagnostic::{Diagnostic, Place, SourceText};
use crate::scenario::nearest::{did_you_mean, list_names};
use crate::scenario::read::{Doubts, Finding, is_ron, read_partly, read_text};
use crate::scenario::source_map::SourceMap;
use crate::scenario::syntax::{Kind, SyntaxTree};

/// As many names as fit in a line of help.
const NAMES_MAX: usize = 10;

/// A value for a path, from `--set`, a variant or a sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// Field names, keys and indices separated by `/`; in a name `~1` stands for `/` and `~0` for `~`.
    pub path: String,
    /// A RON text, or one that is taken as a string.
    pub value: String,
    /// Where the user wrote the value.
    pub origin: Place,
}

/// A scenario's text with overrides in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spliced {
    /// Under the name of the scenario it was made from.
    pub text: Arc<SourceText>,
    /// Where each byte of it was written.
    pub map: SourceMap,
}

/// How a value is written into the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As it is.
    Raw,
    /// As a RON string.
    Quoted,
}

impl Override {
    /// An override given outside any file: its value is a text of its own, shown as `name`, such as
    /// `--set senders/campus/retry`.
    pub fn named(name: impl Into<String>, path: impl Into<String>, value: impl Into<String>) -> Self {
        let value = value.into();
        let source = Arc::new(SourceText { name: name.into(), text: value.clone() });
        Self { path: path.into(), origin: Place { source, span: 0..value.len() }, value }
    }

    /// The names of the path.
    ///
    /// # Errors
    /// An empty path, an empty name in it, and `~` before anything but `0` and `1`.
    pub fn segments(&self) -> Result<Vec<String>, Diagnostic> {
        let refuse = |message: String| Diagnostic::error(message).label("for this value");
        self.path
            .split('/')
            .map(|segment| match unescape(segment) {
                Some(name) if !name.is_empty() => Ok(name),
                Some(_) => Err(refuse(format!("an empty name in the path `{}`", self.path))),
                None => Err(refuse(format!("`~` in the path `{}`", self.path))
                    .help("write `~1` for a `/` in a name and `~0` for a `~`")),
            })
            .collect::<Result<_, _>>()
            .map_err(|error| error.at(&self.origin.source, self.origin.span.clone()))
    }

    /// The value as spliced, and how much of it stands before and after the copy of the user's own bytes.
    fn written(&self, form: Form) -> (String, (usize, Range<usize>, usize)) {
        let value = self.raw_value();
        let text = if form == Form::Raw { value.to_owned() } else { quote(&self.value) };
        let copied = if form == Form::Raw { value } else { self.value.as_str() };
        let own = self.origin.source.text.get(self.origin.span.clone()).unwrap_or("");
        // The user's bytes are copied as they are unless quoting in a file or here changed them.
        match (own.find(copied), text.find(copied)) {
            (Some(from), Some(before)) if !copied.is_empty() => {
                let start = self.origin.span.start + from;
                let after = text.len() - before - copied.len();
                (text, (before, start..start + copied.len(), after))
            }
            _ => {
                let start = self.origin.span.start;
                let before = text.len();
                (text, (before, start..start, 0))
            }
        }
    }

    /// The value without the comments around it, which could swallow what follows the splice.
    fn raw_value(&self) -> &str {
        let tree = SyntaxTree::parse(&self.value);
        let span = tree.root().map_or(0..0, |root| tree.node(root).span.clone());
        if tree.fault.is_some() { self.value.trim() } else { self.value.get(span).unwrap_or("") }
    }

    /// Raw first where the value is RON at all.
    fn forms(&self) -> &'static [Form] {
        let tree = SyntaxTree::parse(&self.value);
        // Where ron2 cannot tell the value from the comments around it, a line comment would swallow what follows.
        let raw = !tree.has_attributes && is_ron(&self.value) && is_ron(self.raw_value());
        if raw && (tree.fault.is_none() || !self.value.contains("//")) {
            &[Form::Raw, Form::Quoted]
        } else {
            &[Form::Quoted]
        }
    }
}

/// Splices `overrides` into `source` in their order, each as RON where it is RON and as a string where it is not.
///
/// # Errors
/// A path that leads nowhere, at the place of its override. The result is not read: whether a value fits, and whether a
/// name that was inserted is known, is for [`read_with`] to say.
pub fn apply(source: &Arc<SourceText>, overrides: &[Override]) -> Result<Spliced, Vec<Diagnostic>> {
    let mut work = Work::new(source);
    let errors: Vec<Diagnostic> = overrides
        .iter()
        .filter_map(|change| {
            let form = change.forms().first().copied().unwrap_or(Form::Quoted);
            work.with(change, form, false).map(|(next, _)| work = next).err()
        })
        .collect();
    if errors.is_empty() { Ok(work.finish(source)) } else { Err(errors) }
}

/// Reads `source` with `overrides` in it; gives the value, the text it was read from, and the map of that text.
///
/// A path whose last name is absent inserts it; where more than the last is absent, the structs between are made up, so
/// that `run/seed` can be set in a scenario without `run`, unless the first of them is no field there.
/// Each override is tried as RON, then as a string, and the first form in which nothing inside it is wrong is taken;
/// where both are wrong, the first is reported.
///
/// # Errors
/// As [`read`](crate::scenario::read::read), with the places in overrides leading to the overrides; and paths that lead nowhere.
pub fn read_with<T: DeserializeOwned>(
    source: &Arc<SourceText>,
    overrides: &[Override],
) -> Result<(T, Arc<SourceText>, SourceMap), Vec<Diagnostic>> {
    read_partly_with(source, overrides).map_err(|unread| unread.problems)
}

/// A text with errors: what they are, and what could be read beside them.
#[derive(Debug)]
pub struct Unread<T> {
    /// Its errors.
    pub problems: Vec<Diagnostic>,
    /// The rest, if something is to be learnt of it.
    pub rest: Option<Rest<T>>,
}

/// What could be read of a text.
#[derive(Debug)]
pub struct Rest<T> {
    /// The value without what is wrong.
    pub value: T,
    /// The text it was read from.
    pub text: Arc<SourceText>,
    /// Where that text was written.
    pub map: SourceMap,
    doubts: Doubts,
}

impl<T> Rest<T> {
    /// Whether an error of the rest is one whatever was left out: it stands, and speaks, of something else.
    pub fn is_certain(&self, problem: &Diagnostic) -> bool {
        let Some(place) = &problem.place else { return false };
        let is_near = |span: &Range<usize>| {
            let around = self.map.place(span.clone());
            around.is_some_and(|around| {
                Arc::ptr_eq(&around.source, &place.source)
                    && around.span.start <= place.span.end
                    && place.span.start <= around.span.end
            })
        };
        let speaks_of = |name: &String| problem.message.contains(&format!("`{name}`"));
        problem.is_error() && !self.doubts.spans.iter().any(is_near) && !self.doubts.names.iter().any(speaks_of)
    }
}

/// [`read_with`], with what could be read where not all could.
///
/// # Errors
/// Those of [`read_with`].
pub fn read_partly_with<T: DeserializeOwned>(
    source: &Arc<SourceText>,
    overrides: &[Override],
) -> Result<(T, Arc<SourceText>, SourceMap), Unread<T>> {
    let mut work = Work::new(source);
    let mut errors = Vec::new();
    if SyntaxTree::parse(&source.text).root().is_some() {
        for change in overrides {
            match work.choose::<T>(change) {
                Ok(next) => work = next,
                Err(error) => errors.push(error),
            }
        }
    }
    match read_partly::<T>(&work.text) {
        Ok(value) if errors.is_empty() => {
            let Spliced { text, map } = work.finish(source);
            Ok((value, text, map))
        }
        Ok(_) => Err(Unread { problems: errors, rest: None }),
        Err((findings, rest)) => {
            let mut problems: Vec<Diagnostic> = findings.into_iter().map(|finding| work.diagnostic(finding)).collect();
            problems.append(&mut errors);
            let Spliced { text, map } = work.finish(source);
            Err(Unread { problems, rest: rest.map(|(value, doubts)| Rest { value, text, map, doubts }) })
        }
    }
}

/// A text between two overrides.
#[derive(Clone)]
struct Work {
    text: String,
    map: SourceMap,
    /// The first byte of the field that the last override made up to hold its own.
    made_up: Option<usize>,
}

impl Work {
    fn new(source: &Arc<SourceText>) -> Self {
        Self { text: source.text.clone(), map: SourceMap::identity(source), made_up: None }
    }

    fn finish(self, source: &Arc<SourceText>) -> Spliced {
        let text = SourceText { name: source.name.clone(), text: self.text };
        Spliced { text: Arc::new(text), map: self.map }
    }

    /// The text with `change` in the form that fits, or in the first where none does.
    fn choose<T: DeserializeOwned>(&self, change: &Override) -> Result<Self, Diagnostic> {
        let mut first = None;
        for form in change.forms() {
            let (next, splice) = self.with(change, *form, true)?;
            let findings = read_text::<T>(&next.text).err().unwrap_or_default();
            if !findings.iter().any(|finding| overlap(&finding.span, &splice) || overlap(&finding.value, &splice)) {
                return Ok(next);
            }
            if findings.iter().any(|finding| Some(finding.span.start) == next.made_up) {
                // The struct that was made up to hold the value does not belong there: the path is what is wrong.
                return self.with(change, *form, false).map(|(next, _)| next);
            }
            first.get_or_insert(next);
        }
        Ok(first.unwrap_or_else(|| self.clone()))
    }

    /// The text with `change` in it, and the bytes that are new. `deep` makes up the structs on the way to a field.
    fn with(&self, change: &Override, form: Form, deep: bool) -> Result<(Self, Range<usize>), Diagnostic> {
        let segments = change.segments()?;
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        let tree = SyntaxTree::parse(&self.text);
        let found = match tree.find(&path) {
            Ok(id) => {
                Ok(Slot { at: tree.node(id).span.clone(), before: String::new(), after: String::new(), deep: false })
            }
            Err(Some((id, depth))) => {
                let missing = path.get(depth..).unwrap_or(&[]);
                let slot = insertion(&tree, id, missing).filter(|slot| deep || !slot.deep);
                slot.ok_or_else(|| no_such_path(&tree, id, &path, depth))
            }
            Err(None) => Err(Diagnostic::error("nothing to override in an empty text")),
        };
        let slot = found.map_err(|error| error.at(&change.origin.source, change.origin.span.clone()))?;
        let (value, (lead, copied, rest)) = change.written(form);
        let (start, lead, rest) = (slot.at.start, slot.before.len() + lead, rest + slot.after.len());
        let new = format!("{}{value}{}", slot.before, slot.after);
        let mut next = self.clone();
        next.text.replace_range(slot.at.clone(), &new);
        next.map.splice(slot.at, &change.origin, (lead, copied, rest));
        let key = start + slot.before.len() - slot.before.trim_start_matches(['(', ',', ' ']).len();
        next.made_up = slot.deep.then_some(key);
        Ok((next, start..start + new.len()))
    }

    fn diagnostic(&self, finding: Finding) -> Diagnostic {
        // A key in the file over a value from an override: what is wrong is the value.
        let moved = !self.map.is_spliced(finding.span.start) && self.map.is_spliced(finding.value.start);
        let place = self.map.place(if moved { finding.value.clone() } else { finding.span.clone() });
        let mut diagnostic = finding.into_diagnostic();
        diagnostic.place = place;
        diagnostic
    }
}

/// Where a value goes, and what is written around it.
struct Slot {
    at: Range<usize>,
    before: String,
    after: String,
    /// Whether a struct is made up on the way to it.
    deep: bool,
}

/// The slot for a member of `id` by the name of `missing`, or, where that is several names, for a field in a struct
/// inside it; `None` where `id` takes no such member. A map takes no member that is made up on the way to a field: its
/// keys are the user's own names, of which any would do.
fn insertion(tree: &SyntaxTree, id: usize, missing: &[&str]) -> Option<Slot> {
    let (name, inner) = missing.split_first()?;
    let node = tree.node(tree.holder(id, name));
    let is_map = node.kind == Kind::Map;
    let is_bare = node.kind == Kind::Leaf && node.name.is_some();
    let takes_fields = is_bare || matches!(node.kind, Kind::Struct | Kind::Empty);
    let deep = !inner.is_empty();
    if !(takes_fields && missing.iter().all(|name| is_field_name(name)) || is_map && !deep) {
        return None;
    }
    let mut before = if is_map { format!("{}: ", quote(name)) } else { format!("{name}: ") };
    before.extend(inner.iter().map(|field| format!("({field}: ")));
    let mut after = ")".repeat(inner.len());
    let at = match node.children.last() {
        Some(last) => {
            before.insert_str(0, ", ");
            tree.node(*last).span.end
        }
        None if is_bare => {
            before.insert(0, '(');
            after.push(')');
            node.span.end
        }
        // Before the closing bracket, since a line comment may stand after the opening one.
        None => node.span.end.saturating_sub(1),
    };
    Some(Slot { at: at..at, before, after, deep })
}

fn overlap(span: &Range<usize>, splice: &Range<usize>) -> bool {
    span.start < splice.end && splice.start < span.end.max(span.start + 1)
}

fn no_such_path(tree: &SyntaxTree, id: usize, path: &[&str], depth: usize) -> Diagnostic {
    let missing = path.get(depth).copied().unwrap_or("");
    let place = match path.get(..depth) {
        Some([]) | None => "the scenario".to_owned(),
        Some(found) => format!("`{}`", found.join("/")),
    };
    let node = tree.node(tree.holder(id, missing));
    let error = Diagnostic::error(format!("no `{missing}` in {place}")).label(format!("for `{}`", path.join("/")));
    let keys = || node.children.iter().filter_map(|child| tree.node(*child).key.as_ref().map(|key| key.text.as_str()));
    match node.kind {
        Kind::Struct | Kind::Map => {
            let near = did_you_mean(missing, keys());
            error.help(near.unwrap_or_else(|| format!("it holds {}", list_names(keys(), NAMES_MAX))))
        }
        Kind::List | Kind::Tuple => match node.children.len() {
            1 => error.help("it has 1 element, with the index 0"),
            count => error.help(format!("it has {count} elements, with indices from 0 to {}", count.saturating_sub(1))),
        },
        _ => error.help(format!("{place} holds no fields")),
    }
}

fn is_field_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first == '_' || first.is_ascii_alphabetic())
        && letters.all(|c| c == '_' || c.is_ascii_alphanumeric())
}

fn unescape(segment: &str) -> Option<String> {
    let mut name = String::new();
    let mut letters = segment.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '~' => name.push(match letters.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            }),
            other => name.push(other),
        }
    }
    Some(name)
}

/// `text` as a RON string.
fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            c if c.is_control() => quoted.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests;
