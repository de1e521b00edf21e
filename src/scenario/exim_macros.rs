//! What Exim resolves before it reads a line: macros, conditionals and included files (Exim specification, chapter "The Exim
//! run time configuration file"; `readconf.c`, `get_config_line`). None of it is resolved here, and a rule that has some is
//! another rule than the one that is written.

use std::ops::Range;
use std::sync::Arc;

use super::diagnostic::{Diagnostic, SourceText};
use super::exim_section::read_errors;

/// What begins something that is not resolved; what goes on with it or ends it is passed over.
const BEGIN: [&str; 4] = [".ifdef", ".ifndef", ".include", ".include_if_exists"];
const GO_ON: [&str; 4] = [".else", ".elifdef", ".elifndef", ".endif"];

const HELP: &str = "give the output of `exim -bP config`: macros, conditionals and included files are resolved in it";

/// The macros that a file defines: a capital letter, then letters, digits and `_`, then `=`.
pub(super) fn macros(text: &str) -> Vec<&str> {
    let defined = text.lines().filter_map(|line| Some(line.trim().split_once('=')?.0.trim_end()));
    let is_name = |name: &&str| {
        name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    defined.filter(is_name).collect()
}

/// Whether the line at `span` is none to be read as it stands; what is wrong with it is added to what was `found`.
pub(super) fn is_unresolved(
    source: &Arc<SourceText>,
    span: &Range<usize>,
    macros: &[&str],
    found: &mut Vec<Diagnostic>,
) -> bool {
    let line = source.text.get(span.clone()).unwrap_or_default();
    let mut words = line.split_whitespace();
    let first = words.next().unwrap_or_default();
    if GO_ON.contains(&first) {
        return true;
    }
    let (what, part) = if BEGIN.contains(&first) {
        ("`{}` is not followed", first)
    } else if let Some(part) = macros.iter().find_map(|name| line.find(name).map(|at| &line[at..at + name.len()])) {
        ("the macro `{}` is not expanded", part)
    } else if let Some(part) = words.find(|word| is_like_a_macro(word)) {
        ("`{}` is a macro, as it seems, and those are not expanded", part)
    } else {
        return false;
    };
    let at = span.start + (part.as_ptr() as usize).saturating_sub(line.as_ptr() as usize);
    found.push(Diagnostic::error(what.replace("{}", part)).at(source, at..at + part.len()).help(HELP));
    true
}

/// Capitals where an error name or the first step stands: error names are legal in capitals, too.
fn is_like_a_macro(word: &str) -> bool {
    word.len() > 1
        && word.starts_with(|c: char| c.is_ascii_uppercase())
        && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        && read_errors(word).is_none()
}

#[cfg(test)]
mod tests {
    use super::super::exim_section::read_exim_section;
    use super::*;

    /// What is said of a text, with the place of each.
    fn said(text: &str) -> Vec<(String, &str)> {
        let (_, found) = read_exim_section(&Arc::new(SourceText { name: "exim.conf".into(), text: text.into() }));
        assert!(found.iter().all(Diagnostic::is_error), "{found:?}");
        found
            .iter()
            .map(|one| (one.message.clone(), &text[one.place.as_ref().expect("a place").span.clone()]))
            .collect()
    }

    #[test]
    fn what_exim_resolves_before_it_reads_a_rule_is_named() {
        let text = "RULE = F,2h,15m\nbegin retry\n* * RULE\n* * OTHER_RULE; F,1h,5m\n.ifdef X\n* * F,1h,5m\n.else\n\
                    * REFUSED F,2h,5m\n.endif\n.include /etc/x\n";
        assert_eq!(
            said(text),
            [
                ("the macro `RULE` is not expanded".to_owned(), "RULE"),
                ("the macro `RULE` is not expanded".to_owned(), "RULE"),
                ("`.ifdef` is not followed".to_owned(), ".ifdef"),
                ("`.include` is not followed".to_owned(), ".include"),
            ]
        );
        // Without its definition it is one by its looks.
        let text = "begin retry\n* * RULE\n* ERRORS F,1h,5m\nEXAMPLE.ORG * F,1h,5m\n* * F,1h,5m\n";
        let looks = |name: &str| format!("`{name}` is a macro, as it seems, and those are not expanded");
        assert_eq!(said(text), [(looks("RULE"), "RULE"), (looks("ERRORS"), "ERRORS")]);
    }
}
