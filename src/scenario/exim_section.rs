//! A whole `begin retry` section of an Exim configuration (Exim specification, chapter "Retry configuration").

use std::ops::Range;
use std::sync::Arc;

use super::diagnostic::{Diagnostic, SourceText};
use super::exim_macros::{is_unresolved, macros};
use super::exim_retry::{EximRule, begins_with_step, read_exim_rule, word};

/// One rule of the section.
#[derive(Debug, Clone, PartialEq)]
pub struct EximLine {
    /// Pattern and error name as they are written.
    pub of: String,
    /// For which addresses.
    pub pattern: Pattern,
    /// Where it says so.
    pub span: Range<usize>,
    /// For which failures.
    pub errors: EximErrors,
    /// What it says; without steps it never retries.
    pub rule: EximRule,
}

/// An address pattern, as far as it is of domains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// `*`: all.
    All,
    /// `example.org`, `*@example.org`.
    Domain(String),
    /// `*.example.org`, `*example.org`: what ends so.
    Ending(String),
    /// Users, regular expressions, look-ups: not modelled, never fits.
    Never,
}

/// The error column of Exim's retry section (specification, "Choosing which retry rule to use").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EximErrors {
    /// `*`: every failure.
    #[default]
    Any,
    /// `refused`: refused connections (`refused_MX` and `refused_A` say where the host came from).
    Refused,
    /// `timeout`: any time-out.
    Timeout,
    /// `timeout_connect`: no answer to the SYN.
    TimeoutConnect,
    /// `mail_4xx`, `rcpt_4xx`, `data_4xx`: a code, or with `None` digits any, at that command.
    Reply { stage: ReplyStage, low: u16, high: u16 },
    /// `lost_connection`.
    LostConnection,
    /// `tls_required`, quota and so on: what the simulation has not; never fits.
    Never,
}

/// The command that a 4xx answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyStage {
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA or its end.
    Data,
}

impl Pattern {
    /// Whether a domain, or a host by its name, is meant.
    pub fn fits(&self, domain: &str) -> bool {
        match self {
            Self::All => true,
            Self::Domain(name) => domain.trim_end_matches('.').eq_ignore_ascii_case(name),
            Self::Ending(end) => {
                let (domain, end) = (domain.trim_end_matches('.').to_ascii_lowercase(), end.to_ascii_lowercase());
                domain.ends_with(&end)
            }
            Self::Never => false,
        }
    }
}

/// Reads the rules, in order: the first that fits a failure applies.
///
/// # Errors
/// No `begin retry`, and all that is wrong with any rule, among the diagnostics. What is not modelled (patterns of users,
/// kinds of errors, sender lists) is warned of, and its rule never fits.
pub fn read_exim_section(source: &Arc<SourceText>) -> (Vec<EximLine>, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let joined = joined(source);
    let Some(section) = section(&joined.text) else {
        let error = Diagnostic::error("no `begin retry` in this file").at(source, 0..0);
        found.push(error.help("give a whole configuration of Exim's, or its part from `begin retry` on"));
        return (Vec::new(), found);
    };
    let (mut lines, macros) = (Vec::new(), macros(&joined.text));
    let mut at = section.start;
    for line in joined.text[section].split_inclusive('\n') {
        let span = at..at + line.trim_end().len();
        at += line.len();
        let text = line.trim();
        if !text.is_empty() && !text.starts_with('#') && !is_unresolved(&joined, &span, &macros, &mut found) {
            lines.extend(read_line(&joined, span, &mut found));
        }
    }
    if lines.is_empty() && found.is_empty() {
        found.push(Diagnostic::warning("a retry section without rules: nothing is ever tried again").at(source, 0..0));
    }
    // What was joined is shown as it was written.
    for problem in &mut found {
        if let Some(place) = &mut problem.place {
            place.source = Arc::clone(source);
        }
    }
    (lines, found)
}

/// A line that ends with a backslash goes on with the next: both become blanks, so that every place stays.
pub(super) fn joined(source: &SourceText) -> Arc<SourceText> {
    let text = source.text.replace("\\\r\n", "   ").replace("\\\n", "  ");
    Arc::new(SourceText { name: source.name.clone(), text })
}

/// From behind `begin retry` to the next `begin`, or to the end.
fn section(text: &str) -> Option<Range<usize>> {
    let mut at = 0;
    let mut start = None;
    for line in text.split_inclusive('\n') {
        let words: Vec<&str> = line.split_whitespace().collect();
        match (start, words.as_slice()) {
            (None, ["begin", "retry"]) => start = Some(at + line.len()),
            (Some(start), ["begin", ..]) => return Some(start..at),
            _ => {}
        }
        at += line.len();
    }
    start.map(|start| start..at)
}

fn read_line(source: &Arc<SourceText>, span: Range<usize>, found: &mut Vec<Diagnostic>) -> Option<EximLine> {
    let text = source.text.get(span.clone())?;
    let (pattern, mut at) = word(text, 0);
    let (errors, end) = word(text, at);
    let place = |part: (usize, &str)| span.start + part.0..span.start + part.0 + part.1.len();
    if errors.1.is_empty() || begins_with_step(errors.1) {
        let error = Diagnostic::error("the error name is missing").at(source, place(errors));
        found.push(error.label("expected pattern, error name, then steps: `* * F,2h,15m`"));
        return None;
    }
    at = end;
    let mut pattern_is = read_pattern(pattern.1);
    if pattern_is == Pattern::Never {
        let message = format!("the address pattern `{}` is not modelled: its rule never applies", pattern.1);
        let warning = Diagnostic::warning(message).at(source, place(pattern));
        found.push(warning.label("`*`, `domain`, `*.domain` and `*@domain` are"));
    }
    let errors_are = read_errors(errors.1);
    match errors_are {
        None => {
            let message = format!("`{}` is no error name of Exim's", errors.1);
            let error = Diagnostic::error(message).at(source, place(errors));
            found.push(
                error.label("expected `*`, `refused`, `timeout`, `timeout_connect`, `rcpt_4xx`, `lost_connection`, .."),
            );
        }
        Some((EximErrors::Never, _)) => {
            let message = format!("the error `{}` does not happen in a simulation: its rule never applies", errors.1);
            found.push(Diagnostic::warning(message).at(source, place(errors)));
        }
        Some((EximErrors::Reply { stage: ReplyStage::Data, .. }, _)) if !errors.1.starts_with(['d', 'D']) => {
            let message = format!("Exim takes `{}` for `data_4xx`: of a command it looks for a small letter", errors.1);
            found.push(Diagnostic::warning(message).at(source, place(errors)).label("write it in small letters"));
        }
        Some((_, false)) => {
            let message =
                format!("whether a host comes from an MX record is not looked at: `{}` applies to both", errors.1);
            found.push(Diagnostic::warning(message).at(source, place(errors)));
        }
        Some((_, true)) => {}
    }
    let (senders, end) = word(text, at);
    if senders.1.starts_with("senders=") {
        let message = format!("the sender list `{}` is not modelled: its rule never applies", senders.1);
        found.push(Diagnostic::warning(message).at(source, place(senders)));
        pattern_is = Pattern::Never;
        at = end;
    }
    let steps = text.get(at..).unwrap_or_default();
    let rule = match steps.trim().is_empty() {
        true => Some(EximRule { steps: Vec::new() }),
        false => {
            let blanks = steps.len() - steps.trim_start().len();
            let (rule, problems) = read_exim_rule(source, span.start + at + blanks..span.end);
            found.extend(problems);
            rule
        }
    };
    let of = format!("{} {}", pattern.1, errors.1);
    Some(EximLine { of, pattern: pattern_is, span: place(pattern), errors: errors_are?.0, rule: rule? })
}

fn read_pattern(text: &str) -> Pattern {
    let text = text.trim_matches('"');
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
    };
    match text {
        "*" | "*@*" => Pattern::All,
        _ if is_name(text) => Pattern::Domain(text.to_owned()),
        _ => match (text.strip_prefix("*@"), text.strip_prefix('*')) {
            (Some(domain), _) if is_name(domain) => Pattern::Domain(domain.to_owned()),
            (Some(domain), _) if domain.strip_prefix('*').is_some_and(is_name) => {
                Pattern::Ending(domain.trim_start_matches('*').to_owned())
            }
            (None, Some(end)) if is_name(end) => Pattern::Ending(end.to_owned()),
            _ => Pattern::Never,
        },
    }
}

/// The kind of failure, and whether all that the name says is looked at; `None` for a name that Exim has not. Names are compared
/// without regard to case, only the `x` of a code is a small one (`readconf.c`, `readconf_retry_error`).
pub(super) fn read_errors(text: &str) -> Option<(EximErrors, bool)> {
    let reply = |stage, digits: &str| {
        let mut low = 0_u16;
        let mut high = 0_u16;
        for (index, byte) in digits.bytes().enumerate() {
            let (least, most) = match byte {
                b'x' if index > 0 => (0, 9),
                b'0'..=b'9' => (u16::from(byte - b'0'), u16::from(byte - b'0')),
                _ => return None,
            };
            (low, high) = (low * 10 + least, high * 10 + most);
        }
        (digits.len() == 3 && digits.starts_with('4')).then_some((EximErrors::Reply { stage, low, high }, true))
    };
    let name = text.to_ascii_lowercase();
    match name.as_str() {
        "*" => Some((EximErrors::Any, true)),
        "refused" => Some((EximErrors::Refused, true)),
        "refused_mx" | "refused_a" => Some((EximErrors::Refused, false)),
        // It never worked, and counts as any.
        "timeout" | "timeout_dns" => Some((EximErrors::Timeout, true)),
        "timeout_mx" | "timeout_a" => Some((EximErrors::Timeout, false)),
        "timeout_connect" => Some((EximErrors::TimeoutConnect, true)),
        "timeout_connect_mx" | "timeout_connect_a" => Some((EximErrors::TimeoutConnect, false)),
        "lost_connection" => Some((EximErrors::LostConnection, true)),
        "auth_failed" | "tls_required" | "quota" | "lookup" => Some((EximErrors::Never, true)),
        _ if name.starts_with("quota_") => Some((EximErrors::Never, true)),
        _ => match (name.split_once('_')?.0, text.split_once('_')?.1) {
            ("mail", digits) if text.starts_with('m') => reply(ReplyStage::Mail, digits),
            ("rcpt", digits) if text.starts_with('r') => reply(ReplyStage::Rcpt, digits),
            ("mail" | "rcpt" | "data", digits) => reply(ReplyStage::Data, digits),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<EximLine>, Vec<Diagnostic>) {
        read_exim_section(&Arc::new(SourceText { name: "exim.conf".into(), text: text.into() }))
    }

    const SECTION: &str = "\
begin transports
remote_smtp:
  driver = smtp
begin retry
# Address   Error     Retries
lookingglass.example  refused_MX  F,24h,30m;
*.wonder.example      rcpt_45x    F,4h,5m; \\
                                  G,8h,30m,1.5
*@alice.example       quota_5d    F,7d,3h
alice@wonder.example  *           F,7d,4h
never.example         timeout
*                     *           F,2h,15m; G,16h,1h,1.5; F,4d,6h
begin rewrite
*@a b
";

    #[test]
    fn a_section_is_read_rule_by_rule() {
        let (lines, found) = read(SECTION);
        assert!(found.iter().all(|problem| !problem.is_error()), "{found:?}");
        let said: Vec<String> =
            lines.iter().map(|line| format!("{:?} {:?} {}", line.pattern, line.errors, line.rule)).collect();
        assert_eq!(
            said,
            [
                "Domain(\"lookingglass.example\") Refused F,1d,30m",
                "Ending(\".wonder.example\") Reply { stage: Rcpt, low: 450, high: 459 } F,4h,5m; G,8h,30m,1.5",
                "Domain(\"alice.example\") Never F,7d,3h",
                "Never Any F,7d,4h",
                "Domain(\"never.example\") Timeout ",
                "All Any F,2h,15m; G,16h,1h,1.5; F,4d,6h",
            ]
        );
        let places: Vec<&str> =
            found.iter().map(|problem| &SECTION[problem.place.as_ref().expect("a place").span.clone()]).collect();
        assert_eq!(places, ["refused_MX", "quota_5d", "alice@wonder.example"]);
        assert!(lines[1].pattern.fits("A.Wonder.example.") && !lines[1].pattern.fits("wonder.example"));
        assert!(lines[0].pattern.fits("lookingglass.example") && !lines[0].pattern.fits("x.lookingglass.example"));
    }

    #[test]
    fn error_names_are_compared_without_regard_to_case() {
        let text = "begin retry\na.example REFUSED F,1h,1m\n* Timeout_Connect f,1h,1m\n* RCPT_4xx F,1h,1m\n* DATA_45x F,1h,1m\n\
                    * rCPT_451 F,1h,1m\n* timeout_DNS F,1h,1m\n";
        let (lines, found) = read(text);
        let errors: Vec<EximErrors> = lines.iter().map(|line| line.errors).collect();
        let reply = |stage, low, high| EximErrors::Reply { stage, low, high };
        assert_eq!(
            errors,
            [
                EximErrors::Refused,
                EximErrors::TimeoutConnect,
                // The first letter, as it is written, decides between them.
                reply(ReplyStage::Data, 400, 499),
                reply(ReplyStage::Data, 450, 459),
                reply(ReplyStage::Rcpt, 451, 451),
                EximErrors::Timeout,
            ]
        );
        assert!(found.len() == 1 && !found[0].is_error(), "{found:?}");
        assert!(found[0].message.contains("`RCPT_4xx`"), "{}", found[0].message);
        assert!(read("begin retry\n* rcpt_4XX F,1h,1m\n").1[0].is_error());
    }

    #[test]
    fn every_error_has_its_place() {
        let text = "begin retry\n* sometimes F,1h,5m\n* * F,1h,\\\n 5x\n* F,1h,5m\n";
        let (_, found) = read(text);
        let places: Vec<&str> =
            found.iter().map(|problem| &text[problem.place.as_ref().expect("a place").span.clone()]).collect();
        assert_eq!(places, ["sometimes", "5x", "F,1h,5m"], "{found:?}");
        assert!(read("* * F,1h,5m").1[0].is_error());
        assert!(!read("begin retry\n").1[0].is_error());
    }
}
