//! A retry rule as Exim writes it: `* * F,2h,15m; G,16h,1h,1.5; F,4d,6h` (Exim specification, chapter "Retry
//! configuration"; read by `readconf.c`).

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::engine::time::SimDuration;
use crate::scenario::diagnostic::{Diagnostic, SourceText};

/// Exim keeps a time in seconds in a C `int`.
const SECONDS_MAX: u64 = i32::MAX as u64;

/// The steps of one retry rule; there is at least one.
#[derive(Debug, Clone, PartialEq)]
pub struct EximRule {
    /// In order; the first whose cutoff has not passed since the first failure applies, else the last.
    pub steps: Vec<EximStep>,
}

impl EximRule {
    /// The cutoff of the last step, seconds: messages older than that are given up after their next failure.
    pub fn last_cutoff_s(&self) -> Option<u64> {
        self.steps.last().map(|step| step.cutoff().whole_seconds())
    }
}

/// How long to wait, until the time since the first failure passes `cutoff`. All times are positive whole seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum EximStep {
    /// `F,cutoff,interval`: always the same wait.
    Fixed {
        /// Time since the first failure up to which the step applies.
        cutoff: SimDuration,
        /// The wait.
        interval: SimDuration,
    },
    /// `G,cutoff,interval,factor`: `interval` at first, then the last wait times `factor`.
    Geometric {
        /// Time since the first failure up to which the step applies.
        cutoff: SimDuration,
        /// The least wait.
        interval: SimDuration,
        /// At least 1, in thousandths.
        factor: f64,
    },
    /// `H,cutoff,interval,factor`: as `G`, drawn uniformly from the upper half of what lies between `interval` and the
    /// last wait times `factor`.
    Random {
        /// Time since the first failure up to which the step applies.
        cutoff: SimDuration,
        /// The least wait.
        interval: SimDuration,
        /// At least 1, in thousandths.
        factor: f64,
    },
}

impl EximStep {
    /// Time since the first failure up to which the step applies.
    pub fn cutoff(&self) -> SimDuration {
        match *self {
            Self::Fixed { cutoff, .. } | Self::Geometric { cutoff, .. } | Self::Random { cutoff, .. } => cutoff,
        }
    }
}

impl fmt::Display for EximStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whole seconds print in d, h, m and s, which are Exim's units too.
        match self {
            Self::Fixed { cutoff, interval } => write!(f, "F,{cutoff},{interval}"),
            Self::Geometric { cutoff, interval, factor } => write!(f, "G,{cutoff},{interval},{factor}"),
            Self::Random { cutoff, interval, factor } => write!(f, "H,{cutoff},{interval},{factor}"),
        }
    }
}

/// The steps in canonical form, without pattern and error name: `F,2h,15m; G,16h,1h,1.5`.
impl fmt::Display for EximRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            step.fmt(f)?;
        }
        Ok(())
    }
}

/// Reads the retry rule that stands at `span` of `source`, with or without its pattern and error name.
///
/// # Errors
/// The rule is `None` if any diagnostic is an error; all steps are looked at, so all errors are reported at once.
pub fn read_exim_rule(source: &Arc<SourceText>, span: Range<usize>) -> (Option<EximRule>, Vec<Diagnostic>) {
    let text = source.text.get(span.clone()).unwrap_or_default();
    let mut reader = Reader { source, base: span.start, diagnostics: Vec::new() };
    let steps_start = reader.conditions(text);
    let steps = reader.steps(text, steps_start);
    let rule = if reader.diagnostics.iter().any(Diagnostic::is_error) { None } else { Some(EximRule { steps }) };
    (rule, reader.diagnostics)
}

struct Reader<'a> {
    source: &'a Arc<SourceText>,
    /// Offset of the rule in the source.
    base: usize,
    diagnostics: Vec<Diagnostic>,
}

/// A part of the rule with its offset in it.
pub(super) type Part<'a> = (usize, &'a str);

fn trim((at, text): Part<'_>) -> Part<'_> {
    let trimmed = text.trim_start();
    (at + text.len() - trimmed.len(), trimmed.trim_end())
}

/// Parts between `separator`, trimmed.
fn split(part: Part<'_>, separator: char) -> impl Iterator<Item = Part<'_>> {
    let mut at = part.0;
    part.1.split(separator).map(move |piece| {
        let found = trim((at, piece));
        at += piece.len() + separator.len_utf8();
        found
    })
}

/// Whether `text` begins with a step: a letter and a comma.
pub(super) fn begins_with_step(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|letter| letter.is_ascii_alphabetic()) && chars.as_str().trim_start().starts_with(',')
}

/// The next word of `text` from `at` on, or a text in double quotes, and where it ends.
pub(super) fn word(text: &str, at: usize) -> (Part<'_>, usize) {
    let (start, rest) = trim((at, text.get(at..).unwrap_or_default()));
    let length = match rest.strip_prefix('"').and_then(|inner| inner.find('"')) {
        Some(quote) => quote + 2,
        None => rest.find(char::is_whitespace).unwrap_or(rest.len()),
    };
    ((start, rest.get(..length).unwrap_or_default()), start + length)
}

impl Reader<'_> {
    fn span(&self, (at, text): Part<'_>) -> Range<usize> {
        self.base + at..self.base + at + text.len()
    }

    fn error(&mut self, part: Part<'_>, message: impl Into<String>, expected: impl Into<String>) {
        let span = self.span(part);
        self.diagnostics.push(Diagnostic::error(message).at(self.source, span).label(expected));
    }

    fn warn(&mut self, part: Part<'_>, message: impl Into<String>, label: impl Into<String>) {
        let span = self.span(part);
        self.diagnostics.push(Diagnostic::warning(message).at(self.source, span).label(label));
    }

    /// Passes pattern, error name and sender list, and says where the steps begin.
    fn conditions(&mut self, text: &str) -> usize {
        if begins_with_step(trim((0, text)).1) {
            return 0;
        }
        let (pattern, mut at) = word(text, 0);
        if pattern.1.is_empty() {
            return at;
        }
        let message = |what: &str, part: Part<'_>| {
            format!("the {what} `{}` of a rule by itself is not looked at: it always applies", part.1)
        };
        if !matches!(pattern.1, "*" | "\"*\"") {
            self.warn(pattern, message("address pattern", pattern), "`EximConfig` looks at them, in a retry section");
        }
        if begins_with_step(trim((at, text.get(at..).unwrap_or_default())).1) {
            let here = trim((at, text.get(at..).unwrap_or_default()));
            self.error(
                (here.0, here.1.get(..1).unwrap_or_default()),
                "the error name is missing",
                "expected `*` before the first step",
            );
            return at;
        }
        let (error_name, end) = word(text, at);
        at = end;
        if !matches!(error_name.1, "" | "*") {
            self.warn(error_name, message("error name", error_name), "`EximConfig` looks at them, in a retry section");
        }
        let (senders, end) = word(text, at);
        if senders.1.starts_with("senders=") {
            self.warn(senders, message("sender list", senders), "only rules for every sender are modelled");
            at = end;
        }
        at
    }

    fn steps(&mut self, text: &str, start: usize) -> Vec<EximStep> {
        let whole = (start, text.get(start..).unwrap_or_default());
        let mut steps: Vec<EximStep> = Vec::new();
        if whole.1.trim().is_empty() {
            let span = self.base + text.len()..self.base + text.len();
            let error = Diagnostic::error("the retry rule has no step")
                .at(self.source, span)
                .label("expected a step, such as `F,2h,15m`")
                .help("Exim takes a rule without steps as one that never retries; give at least one step here");
            self.diagnostics.push(error);
            return steps;
        }
        let mut parts: Vec<Part<'_>> = split(whole, ';').collect();
        // One `;` may end the rule.
        if parts.last().is_some_and(|part| part.1.is_empty()) {
            parts.pop();
        }
        for part in parts {
            let Some(step) = self.step(part) else { continue };
            if let Some(before) = steps.last().filter(|before| before.cutoff() >= step.cutoff()) {
                let message =
                    format!("the step `{step}` is never used: the one before it lasts until {}", before.cutoff());
                self.warn(part, message, "expected a later cutoff than the step before");
            }
            steps.push(step);
        }
        steps
    }

    fn step(&mut self, part: Part<'_>) -> Option<EximStep> {
        let mut fields = split(part, ',');
        let letter = fields.next().unwrap_or(part);
        let rest: Vec<Part<'_>> = fields.collect();
        let kind = letter.1.to_ascii_uppercase();
        let form = match kind.as_str() {
            "F" => "`F,cutoff,interval`",
            "G" => "`G,cutoff,interval,factor`",
            "H" => "`H,cutoff,interval,factor`",
            "" => {
                self.error(part, "a step is empty", "expected a step, such as `F,2h,15m`");
                return None;
            }
            _ => {
                self.error(
                    letter,
                    format!("no kind of step `{}`", letter.1),
                    "expected `F` (fixed), `G` (geometric) or `H` (random)",
                );
                return None;
            }
        };
        let wanted = if kind == "F" { 2 } else { 3 };
        if let Some(extra) = rest.get(wanted) {
            self.error(*extra, format!("the step `{kind}` takes {wanted} arguments"), format!("expected {form}"));
            return None;
        }
        if rest.len() < wanted {
            self.error(
                part,
                format!("the step `{kind}` takes {wanted} arguments, {} are given", rest.len()),
                format!("expected {form}"),
            );
            return None;
        }
        // Each argument is read, so that all their errors are reported.
        let cutoff = rest.first().and_then(|field| self.time(*field));
        let interval = rest.get(1).and_then(|field| self.time(*field));
        let factor = rest.get(2).map(|field| self.factor(*field));
        let (cutoff, interval) = (cutoff?, interval?);
        match (kind.as_str(), factor) {
            ("F", _) => Some(EximStep::Fixed { cutoff, interval }),
            ("G", Some(Some(factor))) => Some(EximStep::Geometric { cutoff, interval, factor }),
            ("H", Some(Some(factor))) => Some(EximStep::Random { cutoff, interval, factor }),
            _ => None,
        }
    }

    /// A time: numbers, each with its unit w, d, h, m or s (Exim specification, "Time intervals").
    fn time(&mut self, part: Part<'_>) -> Option<SimDuration> {
        const EXPECTED: &str = "expected numbers with w, d, h, m or s, such as `15m` or `5d2h30m`";
        let (mut total, mut number) = (Some(0u64), None::<u64>);
        for byte in part.1.bytes() {
            if byte.is_ascii_digit() {
                // Saturation is caught by the limit below.
                number = Some(number.unwrap_or(0).saturating_mul(10).saturating_add(u64::from(byte - b'0')));
                continue;
            }
            let unit = match byte {
                b'w' => Some(604_800),
                b'd' => Some(86_400),
                b'h' => Some(3_600),
                b'm' => Some(60),
                b's' => Some(1),
                _ => None,
            };
            total = match (total, number.take(), unit) {
                (Some(total), Some(number), Some(unit)) => Some(total.saturating_add(number.saturating_mul(unit))),
                _ => None,
            };
        }
        match total {
            Some(_) if number.is_some() => {
                self.error(part, format!("`{}` has a number without a unit", part.1), EXPECTED)
            }
            None => self.error(part, format!("`{}` is not a time", part.1), EXPECTED),
            Some(0) if part.1.is_empty() => self.error(part, "a time is missing", EXPECTED),
            Some(0) => self.error(part, "a time of a retry step is zero", "expected at least `1s`"),
            Some(total) if total > SECONDS_MAX => {
                self.error(
                    part,
                    format!("`{}` is longer than Exim can say", part.1),
                    format!("expected at most {SECONDS_MAX}s"),
                );
            }
            Some(total) => return Some(SimDuration::from_secs(total)),
        }
        None
    }

    /// A factor: at least 1, at most three decimals, as Exim keeps it in thousandths.
    fn factor(&mut self, part: Part<'_>) -> Option<f64> {
        let (whole, decimals) = part.1.split_once('.').unwrap_or((part.1, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let well_formed = !whole.is_empty() && digits(whole) && digits(decimals) && decimals.len() <= 3;
        let factor = part.1.parse::<f64>().ok().filter(|factor| well_formed && *factor <= 1e6);
        match factor {
            Some(factor) if factor >= 1.0 => Some(factor),
            Some(_) => {
                self.error(part, format!("the factor {} is less than 1", part.1), "expected at least 1, such as `1.5`");
                None
            }
            None => {
                let message = format!("`{}` is not a factor", part.1);
                self.error(part, message, "expected a number with at most three decimals, such as `1.5`");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> (Option<EximRule>, Vec<Diagnostic>) {
        let source = Arc::new(SourceText { name: "rule".into(), text: text.into() });
        read_exim_rule(&source, 0..text.len())
    }

    /// Severity letter, the text under the caret, and the message of each diagnostic.
    fn said(text: &str) -> Vec<String> {
        let (rule, diagnostics) = read(text);
        assert_eq!(rule.is_none(), diagnostics.iter().any(Diagnostic::is_error), "{text}");
        let line = |d: &Diagnostic| {
            let place = d.place.as_ref().expect("every diagnostic has a place");
            format!("{} `{}`: {}", if d.is_error() { "E" } else { "W" }, &text[place.span.clone()], d.message)
        };
        diagnostics.iter().map(line).collect()
    }

    #[test]
    fn the_default_rule_reads_and_prints() {
        let minutes = |n: u64| SimDuration::from_secs(60 * n);
        let (rule, diagnostics) = read("* * F,2h,15m; G,16h,1h,1.5; F,4d,6h");
        assert!(diagnostics.is_empty());
        let rule = rule.expect("no error");
        let expected = vec![
            EximStep::Fixed { cutoff: minutes(120), interval: minutes(15) },
            EximStep::Geometric { cutoff: minutes(960), interval: minutes(60), factor: 1.5 },
            EximStep::Fixed { cutoff: minutes(5_760), interval: minutes(360) },
        ];
        assert_eq!(rule.steps, expected);
        assert_eq!(rule.to_string(), "F,2h,15m; G,16h,1h,1.5; F,4d,6h");
        for same in ["F,2h,15m;G,16h,1h,1.500;F,4d,6h;", "\"*\"  *\tf , 120m , 15m ; G,57600s,1h,1.5; F,4d,6h\n"] {
            assert_eq!(read(same).0.as_ref(), Some(&rule), "{same}");
        }
        assert_eq!(read("H,1w1d2h30m5s,90s,2").0.map(|rule| rule.to_string()).as_deref(), Some("H,8d2h30m5s,1m30s,2"));
    }

    #[test]
    fn every_error_has_its_place() {
        for (text, expected) in [
            (
                "F,2h,15; X,1h,1m; G,1h,1m",
                vec![
                    "E `15`: `15` has a number without a unit",
                    "E `X`: no kind of step `X`",
                    "E `G,1h,1m`: the step `G` takes 3 arguments, 2 are given",
                ],
            ),
            ("F,0s,5y", vec!["E `0s`: a time of a retry step is zero", "E `5y`: `5y` is not a time"]),
            ("F,1h,1m,2", vec!["E `2`: the step `F` takes 2 arguments"]),
            ("G,1h,1m,0.5", vec!["E `0.5`: the factor 0.5 is less than 1"]),
            ("G,1h,1m,1.2345", vec!["E `1.2345`: `1.2345` is not a factor"]),
            (
                "F,99999999999999999999999w,1m",
                vec!["E `99999999999999999999999w`: `99999999999999999999999w` is longer than Exim can say"],
            ),
            ("F,1h,;;F,2h,1h", vec!["E ``: a time is missing", "E ``: a step is empty"]),
            ("* *", vec!["E ``: the retry rule has no step"]),
            ("", vec!["E ``: the retry rule has no step"]),
            ("* F,1h,1m", vec!["E `F`: the error name is missing"]),
        ] {
            assert_eq!(said(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_modelled_is_said_and_the_rule_stands() {
        let text = "*.example.org quota_3d senders=: F,1h,10m; F,30m,5m";
        assert_eq!(
            said(text),
            [
                "W `*.example.org`: the address pattern `*.example.org` of a rule by itself is not looked at: it always applies",
                "W `quota_3d`: the error name `quota_3d` of a rule by itself is not looked at: it always applies",
                "W `senders=:`: the sender list `senders=:` of a rule by itself is not looked at: it always applies",
                "W `F,30m,5m`: the step `F,30m,5m` is never used: the one before it lasts until 1h",
            ]
        );
    }

    #[test]
    fn places_count_from_the_start_of_the_source() {
        let source = Arc::new(SourceText { name: "s".into(), text: "retry: \"F,2h,15x\"".into() });
        let (_, diagnostics) = read_exim_rule(&source, 8..16);
        assert_eq!(diagnostics[0].place.as_ref().map(|place| place.span.clone()), Some(13..16));
        assert!(read_exim_rule(&source, 90..99).0.is_none());
    }

    fn step() -> impl Strategy<Value = EximStep> {
        let time = (1u64..=SECONDS_MAX).prop_map(SimDuration::from_secs);
        (time.clone(), time, 1_000u32..1_000_000, 0..3).prop_map(|(cutoff, interval, thousandths, kind)| {
            let factor = f64::from(thousandths) / 1_000.0;
            match kind {
                0 => EximStep::Fixed { cutoff, interval },
                1 => EximStep::Geometric { cutoff, interval, factor },
                _ => EximStep::Random { cutoff, interval, factor },
            }
        })
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(steps in proptest::collection::vec(step(), 1..6)) {
            let rule = EximRule { steps };
            prop_assert_eq!(read(&rule.to_string()).0, Some(rule));
        }

        #[test]
        fn no_text_panics_and_every_place_is_inside(text in "[\\PC*]{0,12}|[FGH,;* \"0-9wdhms.=\u{e9}]{0,40}") {
            for diagnostic in read(&text).1 {
                let place = diagnostic.place.expect("every diagnostic has a place");
                prop_assert!(text.get(place.span).is_some());
            }
        }
    }
}
