//! References to other parameters within a value, as postconf(5) defines them and `mac_expand.c` carries them out.

use std::cell::Cell;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{OF_TRANSPORT, Setting, Wrong};
use crate::scenario::units::{Duration, FromText};

/// References within each other at most, and in one value.
const DEPTH_MAX: u32 = 20;
const COUNT_MAX: u32 = 10_000;

/// Why a value is not known.
#[derive(Debug)]
pub(super) enum Unread {
    /// It is none that Postfix would take: what is wrong, and what was expected.
    Wrong(Wrong),
    /// It depends on what is not known here.
    Unknown(String),
}

impl From<Wrong> for Unread {
    fn from(wrong: Wrong) -> Self {
        Self::Wrong(wrong)
    }
}

fn wrong(message: String, expected: &str) -> Unread {
    Unread::Wrong((message, expected.to_owned()))
}

/// What names stand for.
pub(super) struct Names<'s> {
    /// What the file sets, the last of a name.
    pub set: &'s BTreeMap<&'s str, &'s Setting<'s>>,
    /// The parameters that are modelled, at their defaults.
    pub defaults: &'s Map<String, Value>,
}

impl Names<'_> {
    /// The value with all references put in.
    pub fn expand(&self, text: &str) -> Result<String, Unread> {
        Expansion { names: self, left: Cell::new(COUNT_MAX) }.text(text, 0)
    }

    /// As it would be written; what it refers to is not put in.
    fn value(&self, name: &str) -> Option<String> {
        if let Some(setting) = self.set.get(name) {
            return Some(setting.value.clone());
        }
        // A transport's own parameter has that of all as its default (`postconf -d`).
        if let Some((_, all)) = OF_TRANSPORT.iter().find(|(own, _)| *own == name) {
            return Some(format!("${all}"));
        }
        match self.defaults.get(name)? {
            Value::Null => None,
            Value::Bool(is) => Some(if *is { "yes" } else { "no" }.into()),
            Value::String(text) => Some(match Duration::from_text(text) {
                Ok(span) => format!("{}s", span.0.whole_seconds()),
                Err(_) => text.clone(),
            }),
            other => Some(other.to_string()),
        }
    }
}

/// One value's.
struct Expansion<'n> {
    names: &'n Names<'n>,
    /// References that may still be followed.
    left: Cell<u32>,
}

impl Expansion<'_> {
    fn text(&self, text: &str, depth: u32) -> Result<String, Unread> {
        let mut found = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            found += before;
            self.left.set(self.left.get().saturating_sub(1));
            if depth >= DEPTH_MAX || self.left.get() == 0 {
                return Err(wrong("references in a circle, or too deep".into(), "expected a value"));
            }
            if let Some(after) = after.strip_prefix('$') {
                found.push('$');
                rest = after;
            } else if after.starts_with(['{', '(']) {
                let (inner, after) = bracketed(after)?;
                found += &self.expression(inner, depth)?;
                rest = after;
            } else {
                let (name, after) = name(after);
                found += &self.named(name, depth)?;
                rest = after;
            }
        }
        Ok(found + rest)
    }

    /// `$name`.
    fn named(&self, name: &str, depth: u32) -> Result<String, Unread> {
        let expected = "expected a parameter that the file sets";
        let value = self.names.value(name).ok_or_else(|| wrong(format!("`${name}` is not set here"), expected))?;
        self.text(&value, depth + 1)
    }

    /// What stands between the brackets: a name, or a comparison, and what it decides.
    fn expression(&self, inner: &str, depth: u32) -> Result<String, Unread> {
        let text = inner.trim_start();
        let (is_so, after) = if text.starts_with('{') {
            let (is_so, after) = self.comparison(text, depth)?;
            if after.is_empty() {
                return Ok(if is_so { "true" } else { "" }.into());
            }
            (is_so, after)
        } else {
            let (name, after) = name(text);
            let after = after.trim_start();
            if after.is_empty() {
                return self.named(name, depth);
            }
            // Whether a parameter that the file leaves alone is empty by default is known of those that are modelled.
            let value = self.names.value(name);
            let value = value.ok_or_else(|| Unread::Unknown(format!("`{name}` in `${{{inner}}}` is not set here")))?;
            (!value.is_empty(), after)
        };
        self.text(decided(is_so, after)?, depth + 1)
    }

    /// `{left} == {right}` and so on: of numbers if both are, else of texts. And what follows.
    fn comparison<'t>(&self, text: &'t str, depth: u32) -> Result<(bool, &'t str), Unread> {
        let expected = "expected `{..} == {..}`, or one of !=, <, <=, >=, >";
        let (left, after) = bracketed(text)?;
        let after = after.trim_start();
        let length = after.find(|c| !"<>!=".contains(c)).unwrap_or(after.len());
        let (operator, after) = after.split_at(length);
        let after = after.trim_start();
        if !after.starts_with('{') {
            return Err(wrong(format!("`{text}` is no comparison"), expected));
        }
        let (right, after) = bracketed(after)?;
        let (left, right) = (self.text(left, depth + 1)?, self.text(right, depth + 1)?);
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let order = if is_number(&left) && is_number(&right) {
            let number = |text: &str| {
                text.parse::<i64>().map_err(|_| wrong(format!("`{text}` is too large"), "expected a smaller number"))
            };
            number(&left)?.cmp(&number(&right)?)
        } else {
            left.as_bytes().cmp(right.as_bytes())
        };
        let is_so = match operator {
            "==" => order.is_eq(),
            "!=" => order.is_ne(),
            "<" => order.is_lt(),
            "<=" => order.is_le(),
            ">=" => order.is_ge(),
            ">" => order.is_gt(),
            _ => return Err(wrong(format!("`{operator}` compares nothing"), expected)),
        };
        Ok((is_so, after.trim_start()))
    }
}

/// Of `?yes`, `:no` or `?{yes}:{no}` the one that holds. Without braces a text goes on to the end.
fn decided(is_so: bool, text: &str) -> Result<&str, Unread> {
    let expected = "expected `?value`, `:value` or `?{value}:{value}`";
    let garbage = |text: &str| wrong(format!("`{text}` decides nothing"), expected);
    let operand = |text| match str::trim_start(text) {
        braced if braced.starts_with('{') => bracketed(braced).map(|(value, after)| (value, after.trim_start())),
        _ => Ok((text, "")),
    };
    if let Some(no) = text.strip_prefix(':') {
        let (no, after) = operand(no)?;
        return if after.is_empty() { Ok(if is_so { "" } else { no }) } else { Err(garbage(after)) };
    }
    let (yes, after) = operand(text.strip_prefix('?').ok_or_else(|| garbage(text))?)?;
    let no = match after {
        "" => "",
        _ => {
            let (no, after) = operand(after.strip_prefix(':').ok_or_else(|| garbage(after))?)?;
            if !after.is_empty() {
                return Err(garbage(after));
            }
            no
        }
    };
    Ok(if is_so { yes } else { no })
}

/// A name, which may be empty, and what follows.
fn name(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len()))
}

/// What is between the bracket that `text` begins with and its match, and what follows.
fn bracketed(text: &str) -> Result<(&str, &str), Unread> {
    let (open, close) = if text.starts_with('(') { ('(', ')') } else { ('{', '}') };
    let mut level = 0_usize;
    for (at, c) in text.char_indices() {
        level = if c == open { level + 1 } else { level - usize::from(c == close) };
        if level == 0 {
            return Ok((&text[1..at], &text[at + 1..]));
        }
    }
    Err(wrong(format!("`{text}` is not closed"), "expected as many closing brackets"))
}

#[cfg(test)]
mod tests {
    use super::super::read_postconf;
    use super::super::tests::source;
    use crate::scenario::units::seconds;

    /// The limit that a value comes to, and what is said of it; 20 is the default.
    fn limit(value: &str) -> (u32, Vec<(bool, String)>) {
        let text = format!(
            "relayhost =\nqueue_run_delay = 60\nqmgr_message_active_limit = 700\n\
             default_destination_concurrency_limit = {value}\n"
        );
        let (own, found) = read_postconf(&source(&text));
        let said = found.iter().map(|one| (one.is_error(), one.message.clone())).collect();
        (own.retry.default_destination_concurrency_limit, said)
    }

    /// postconf(5), and the cases that `mac_expand.c` names: text without braces goes on to the end, a name is empty or not as it is
    /// written, comparisons are of numbers where both are.
    #[test]
    fn conditions_decide_as_postconf_5_has_them() {
        for (value, expected) in [
            ("${queue_run_delay?10}", 10),
            ("${queue_run_delay?{10}}", 10),
            ("${queue_run_delay?{10}:{30}}", 10),
            ("${ queue_run_delay ? {10} : {30} }", 10),
            ("${relayhost?{10}:{30}}", 30),
            ("${relayhost:30}", 30),
            ("${relayhost:{30}}", 30),
            ("${relayhost?{10}:30}", 30),
            ("$(relayhost:30)", 30),
            ("3${relayhost?10}", 3),
            ("3${queue_run_delay:10}", 3),
            ("${queue_run_delay?$qmgr_message_active_limit}", 700),
            ("${queue_run_delay?{${relayhost?{1}:{${qmgr_message_active_limit}}}}:{2}}", 700),
            ("${{$queue_run_delay} == {60} ? {7} : {8}}", 7),
            ("${{$queue_run_delay}=={060}?{7}:{8}}", 7),
            ("${{9} > {10} ? {7} : {8}}", 8),
            ("${{9x} > {10} ? {7} : {8}}", 7),
            ("${{a} != {b}?{7}}", 7),
            ("$smtp_mx_session_limit", 2),
            ("$smtp_initial_destination_concurrency", 5),
        ] {
            assert_eq!(limit(value), (expected, Vec::new()), "{value}");
        }
        let (own, found) = read_postconf(&source("minimal_backoff_time = $maximal_backoff_time\n"));
        assert!(found.is_empty() && own.retry.minimal_backoff_time == seconds(4000), "{found:?}");
    }

    #[test]
    fn what_stands_on_the_unknown_is_said_and_what_is_no_expression_is_an_error() {
        for value in ["${compatibility_level?{10}:{30}}", "${compatibility_level:30}"] {
            let (limit, said) = limit(value);
            assert!(limit == 20 && said.len() == 1 && !said[0].0, "{value}: {limit}, {said:?}");
            assert!(said[0].1.contains("`compatibility_level`"), "{said:?}");
            assert!(said[0].1.contains("`default_destination_concurrency_limit`"), "{said:?}");
        }
        let circle = "${queue_run_delay?{$default_destination_concurrency_limit}}";
        let deep = format!("{}7{}", "${queue_run_delay?{".repeat(50_000), "}}".repeat(50_000));
        for value in [
            "${queue_run_delay?{10}:{30}",
            "${queue_run_delay?{10}{30}}",
            "${queue_run_delay?{10}:{30}4}",
            "${queue_run_delay!10}",
            "${{1} = {1}?{2}}",
            "${{1} == 1?{2}}",
            "${{99999999999999999999} == {1}?{2}}",
            "$",
            circle,
            &deep,
        ] {
            let (limit, said) = limit(value);
            assert!(limit == 20 && said.len() == 1 && said[0].0, "{value:.60}: {limit}, {said:?}");
        }
    }
}
