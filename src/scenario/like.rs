//! `like: "other"`: an entry takes another entry's fields as defaults, as if they were written in it.

use std::sync::Arc;

use super::diagnostic::{Diagnostic, SourceText};
use super::locator::Locator;
use super::nearest::did_you_mean;
use super::splice::Override;

/// The sections whose entries may be like others of the same section.
const SECTIONS: [&str; 9] =
    ["regions", "zones", "servers", "hosts", "resolvers", "clients", "probes", "senders", "risks"];

/// What the entries of a text are like.
#[derive(Debug)]
pub struct Likes {
    written: Locator,
    /// The fields that entries take from those they are like, as overrides that insert them, in the order of the text. What
    /// an entry says itself stands; `count` and `like` are never taken.
    pub fields: Vec<Override>,
    /// By section and entry, those it is like, the nearest first.
    chains: Vec<(&'static str, String, Vec<String>)>,
}

impl Likes {
    /// Reads them off a text.
    ///
    /// # Errors
    /// An entry that is like one that is not there, or, by whatever way, like itself.
    pub fn of(source: &Arc<SourceText>) -> Result<Self, Vec<Diagnostic>> {
        let written = Locator::of(source);
        let (mut fields, mut chains, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        for section in SECTIONS {
            for key in written.keys(&[section]) {
                match taken(source, &written, section, key) {
                    Ok((_, chain)) if chain.is_empty() => {}
                    Ok((found, chain)) => {
                        fields.extend(found);
                        chains.push((section, key.to_owned(), chain));
                    }
                    Err(problem) => problems.push(problem),
                }
            }
        }
        if problems.is_empty() { Ok(Self { written, fields, chains }) } else { Err(problems) }
    }

    /// The same overrides, each followed by what it comes to in entries that take that field from where it is set: what is
    /// set in an entry is what others take. A whole entry that is replaced is taken as the file has it.
    pub fn follow(&self, overrides: &[Override]) -> Vec<Override> {
        if self.chains.is_empty() {
            return overrides.to_vec();
        }
        let paths: Vec<Vec<String>> = overrides.iter().map(|change| change.segments().unwrap_or_default()).collect();
        let says = |section: &str, key: &str, field: &str| {
            let is_set = |path: &Vec<String>| path.len() == 3 && path[..] == [section, key, field];
            self.written.value(&[section, key, field]).is_some() || paths.iter().any(is_set)
        };
        let mut all = Vec::new();
        for (change, path) in overrides.iter().zip(&paths) {
            all.push(change.clone());
            let [section, key, field, rest @ ..] = &path[..] else { continue };
            if field == "like" || field == "count" {
                continue;
            }
            for (_, taker, chain) in self.chains.iter().filter(|(of, ..)| of == section) {
                let Some(place) = chain.iter().position(|other| other == key) else { continue };
                let mut nearer = [taker].into_iter().chain(&chain[..place]);
                let to: Vec<&str> = [section, taker, field].into_iter().chain(rest).map(String::as_str).collect();
                if nearer.any(|entry| says(section, entry, field)) || paths.iter().any(|path| path[..] == to[..]) {
                    continue;
                }
                let path = to.iter().map(|name| escape(name)).collect::<Vec<_>>().join("/");
                all.push(Override { path, ..change.clone() });
            }
        }
        all
    }
}

fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The fields that an entry takes, and those it is like, the nearest first.
fn taken(
    source: &Arc<SourceText>,
    written: &Locator,
    section: &str,
    key: &str,
) -> Result<(Vec<Override>, Vec<String>), Diagnostic> {
    let mut have: Vec<String> = written.keys(&[section, key]).into_iter().map(str::to_owned).collect();
    let mut seen = vec![key.to_owned()];
    let (mut at, mut overrides) = (key.to_owned(), Vec::new());
    while let Some(span) = written.value(&[section, &at, "like"]) {
        // Written out, an entry that is like no other says `None`, and one that is may say `Some("..")`.
        let said = source.text[span.clone()].trim();
        let said = said.strip_prefix("Some(").and_then(|inside| inside.strip_suffix(')')).unwrap_or(said).trim();
        if said == "None" {
            break;
        }
        let other = said.trim_matches('"').to_owned();
        let keys = written.keys(&[section]);
        if !keys.contains(&other.as_str()) {
            let help =
                did_you_mean(&other, keys.into_iter()).unwrap_or_else(|| format!("name an entry of `{section}`"));
            return Err(Diagnostic::error(format!("no entry `{other}` in `{section}`")).at(source, span).help(help));
        }
        if seen.contains(&other) {
            let message = format!("`{key}` would be like itself: {} -> {other}", seen.join(" -> "));
            return Err(Diagnostic::error(message).at(source, span).help("let one of them stand alone"));
        }
        for field in written.keys(&[section, &other]) {
            let Some(value) = written.value(&[section, &other, field]) else { continue };
            if field == "like" || field == "count" || have.iter().any(|own| own == field) {
                continue;
            }
            have.push(field.to_owned());
            overrides.push(Override {
                path: format!("{section}/{}/{field}", escape(key)),
                value: source.text[value.clone()].to_owned(),
                origin: written.place(value),
            });
        }
        seen.push(other.clone());
        at = other;
    }
    seen.remove(0);
    Ok((overrides, seen))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<(String, String)>, Vec<String>> {
        let source = Arc::new(SourceText { name: "test.ron".into(), text: text.into() });
        Likes::of(&source)
            .map(|found| found.fields.into_iter().map(|taken| (taken.path, taken.value)).collect())
            .map_err(|problems| problems.into_iter().map(|problem| problem.message).collect())
    }

    #[test]
    fn fields_are_taken_along_the_chain_and_own_ones_stand() {
        let found = of(r#"(title: "t", hosts: {
            "a": (region: "eu", sessions: 3, count: 2),
            "b": (like: "a", sessions: 5, addresses: 2),
            "c": (like: "b", region: "us"),
        })"#);
        let pair = |path: &str, value: &str| (path.to_owned(), value.to_owned());
        assert_eq!(
            found,
            Ok(vec![pair("hosts/b/region", "\"eu\""), pair("hosts/c/sessions", "5"), pair("hosts/c/addresses", "2")])
        );
    }

    #[test]
    fn what_is_not_there_or_goes_round_is_an_error() {
        let missing = of(r#"(title: "t", hosts: { "mx1": (), "b": (like: "mx2") })"#);
        assert_eq!(missing, Err(vec!["no entry `mx2` in `hosts`".to_owned()]));
        let round = of(r#"(title: "t", hosts: { "a": (like: "b"), "b": (like: "a") })"#);
        assert_eq!(round.map_err(|problems| problems.len()), Err(2));
    }
}
