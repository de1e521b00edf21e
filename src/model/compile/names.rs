//! Names, populations and globs.

use std::collections::HashMap;

use super::Compiler;
use crate::model::dns::canonical;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::locator::Locator;

/// The largest population.
const COUNT_MAX: u32 = 1_000_000;

/// The names of one section, populations stamped out, in the order written.
#[derive(Debug, Clone, Default)]
pub(super) struct Registry {
    /// Name, index of its key in the section, and its number in the population (0 if it is none).
    pub members: Vec<Member>,
    by_name: HashMap<String, u32>,
    /// Keys with the range of their members.
    keys: Vec<(String, std::ops::Range<u32>)>,
}

/// One thing that a key stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub name: String,
    pub key: usize,
    pub number: u32,
}

impl Registry {
    pub fn stamped(
        section: &'static str,
        entries: Vec<(&String, Option<u32>)>,
        is_domain: bool,
        at: &Locator,
        problems: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut registry = Self::default();
        for (key_index, (key, count)) in entries.into_iter().enumerate() {
            let mut is_said = false;
            // One complaint a key: what is wrong with one member of a population is wrong with most.
            let mut say = |message: String, help: &str| {
                let mut diagnostic = Diagnostic::error(message).help(help);
                diagnostic.place = Some(at.key_place(&[section, key]));
                if !std::mem::replace(&mut is_said, true) {
                    problems.push(diagnostic);
                }
            };
            let is_template = key.contains('{');
            let count = match (count, is_template) {
                (None, false) => 0,
                (Some(count @ 1..=COUNT_MAX), true) => count,
                (Some(_), true) => {
                    say(format!("`{key}` has a count out of range"), "a population has 1 to 1000000 members");
                    1
                }
                (None, true) => {
                    say(format!("`{key}` is a pattern without a `count`"), "say how many: `count: 10`");
                    1
                }
                (Some(_), false) => {
                    say(
                        format!("`{key}` has a `count` and no `{{i}}`"),
                        "put `{i}` into the key, where the number goes",
                    );
                    0
                }
            };
            let start = registry.members.len() as u32;
            for number in if count == 0 { 0..=0 } else { 1..=count } {
                let name = stamp(key, number);
                let name = if is_domain { canonical(&name) } else { name };
                if count > 0 && name.contains('{') {
                    let help = "write `{i}`, or `{i%10}` to count round";
                    say(format!("`{key}` has braces that hold no number"), help);
                }
                if is_domain && let Some(why) = invalid_domain(&name) {
                    say(
                        format!("`{name}` is no domain name: {why}"),
                        "labels of letters, digits, `-` and `_`, with dots",
                    );
                }
                if !is_domain && let Some(why) = invalid_name(&name) {
                    say(format!("`{}` is no name: {why}", name.escape_debug()), "any other text will do");
                }
                let id = registry.members.len() as u32;
                if registry.by_name.insert(name.clone(), id).is_some() {
                    say(format!("`{name}` is declared twice"), "give each its own name");
                }
                registry.members.push(Member { name, key: key_index, number });
            }
            registry.keys.push((key.clone(), start..registry.members.len() as u32));
        }
        registry
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub fn len(&self) -> usize {
        self.members.len()
    }

    pub fn name(&self, id: u32) -> &str {
        &self.members[id as usize].name
    }

    /// Exactly that name.
    pub fn get(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    /// The keys as written.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|(key, _)| key.as_str())
    }

    /// Everything that a user may have meant: the keys, and the members of populations that are not too many to look
    /// through.
    pub fn known(&self) -> impl Iterator<Item = &str> {
        const LOOKED_THROUGH_MAX: usize = 20_000;
        let members = self.members.iter().filter(|member| member.number != 0).take(LOOKED_THROUGH_MAX);
        self.keys().chain(members.map(|member| member.name.as_str()))
    }

    /// What a reference means: a name, a population's key, or a glob over names.
    pub fn find(&self, reference: &str) -> Vec<u32> {
        // Only a population's key is not a name as well.
        if reference.contains('{')
            && let Some((_, range)) = self.keys.iter().find(|(key, _)| key == reference)
        {
            return range.clone().collect();
        }
        let canonical = canonical(reference);
        if let Some(id) = self.get(reference).or_else(|| self.get(&canonical)) {
            return vec![id];
        }
        if !reference.contains('*') {
            return Vec::new();
        }
        (0..self.members.len() as u32).filter(|&id| is_match(reference, self.name(id))).collect()
    }
}

impl Compiler<'_> {
    /// Texts that no registry of names holds, and that tables, charts and the terminal show on one line.
    pub(super) fn check_texts(&mut self) {
        let tree = self.tree;
        for (field, text) in [("title", &tree.title), ("look_for", &tree.look_for)] {
            if text.contains(is_unprintable) {
                self.error(&[field], "a character that cannot be printed").label = "expected one line of text".into();
            }
        }
        for (index, entry) in tree.timeline.iter().enumerate() {
            if let Some(why) = Some(&*entry.name).filter(|name| !name.is_empty()).and_then(invalid_name) {
                self.error(
                    &["timeline", &index.to_string(), "name"],
                    format!("`{}` is no name: {why}", entry.name.escape_debug()),
                );
            }
        }
        let probes = tree.probes.keys().map(|key| ("probes", key, invalid_name(key)));
        let variants = tree.variants.keys().filter(|key| key.contains(is_unprintable));
        let variants = variants.map(|key| ("variants", key, invalid_name(key)));
        for (section, key, why) in probes.chain(variants) {
            if let Some(why) = why {
                let message = format!("`{}` is no name: {why}", key.escape_debug());
                let place = Some(self.at.key_place(&[section, key]));
                self.say(Diagnostic { place, ..Diagnostic::error(message) });
            }
        }
    }
}

/// `text` with `{i}` replaced by `number`, and `{i%n}` by 1..n counted round; unchanged outside a population.
pub(super) fn stamp(text: &str, number: u32) -> String {
    if number == 0 || !text.contains('{') {
        return text.to_owned();
    }
    let (mut out, mut rest) = (String::with_capacity(text.len() + 4), text);
    while let Some(open) = rest.find('{') {
        let Some(close) = rest[open..].find('}').map(|close| open + close) else { break };
        out.push_str(&rest[..open]);
        let inside = rest[open + 1..close].trim();
        let modulus = inside.strip_prefix("i%").and_then(|n| n.trim().parse::<u32>().ok()).filter(|&n| n > 0);
        match (inside, modulus) {
            ("i", _) => out.push_str(&number.to_string()),
            (_, Some(modulus)) => out.push_str(&((number - 1) % modulus + 1).to_string()),
            _ => out.push_str(&rest[open..=close]),
        }
        rest = &rest[close + 1..];
    }
    out.push_str(rest);
    out
}

/// Whether a name matches a pattern in which `*` stands for any text.
pub fn is_match(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.is_empty()
}

/// Why a text is no name of anything: tables and terminals show names on one line, and a reference with `*` is a glob.
pub(super) fn invalid_name(name: &str) -> Option<&'static str> {
    match name {
        _ if name.trim().is_empty() => Some("it is empty"),
        _ if name.contains(is_unprintable) => Some("a character that cannot be printed"),
        _ if name.contains('*') => Some("`*` stands for any text in references"),
        _ => None,
    }
}

/// Whether a character does not show, moves the cursor or turns the direction of writing (Unicode standard annex 9).
pub(super) fn is_unprintable(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether a name is an address and no name.
pub(super) fn is_address(name: &str) -> bool {
    name.parse::<std::net::IpAddr>().is_ok()
}

/// Why a text is no domain name (RFC 1035 section 2.3.4, RFC 1123 section 2.1; `_` as in service names).
pub fn invalid_domain(name: &str) -> Option<&'static str> {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match name {
        "." => None,
        "" => Some("it is empty"),
        _ if name.len() > 253 => Some("it is longer than 253 characters"),
        _ if name.split('.').any(|label| label.is_empty() || label.len() > 63) => {
            Some("each label has 1 to 63 characters")
        }
        _ if !name.chars().all(|c| is_letter(c) || c == '.') => Some("a character that names do not have"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_stamped_and_count_round() {
        assert_eq!(stamp("mx{i}.d{i%10}.example", 12), "mx12.d2.example");
        assert_eq!(stamp("d{i%10}", 10), "d10");
        assert_eq!(stamp("plain", 3), "plain");
        assert_eq!(stamp("open{", 3), "open{");
    }

    #[test]
    fn names_show_on_one_line_and_are_no_globs() {
        assert!(["campus", "Universität 日本", "a/b, \"c\""].iter().all(|name| invalid_name(name).is_none()));
        for name in ["", " ", "a\nb", "a\u{1b}[31m", "\u{202e}x", "*", "isp-*"] {
            assert!(invalid_name(name).is_some(), "{name:?}");
        }
    }

    #[test]
    fn globs_match_whole_names() {
        assert!(is_match("isp-*", "isp-7") && is_match("*", "x") && is_match("a*c*e", "abcde"));
        assert!(!is_match("isp-*", "my-isp-7") && !is_match("a*c", "abcd") && !is_match("ab*ba", "aba"));
    }
}
