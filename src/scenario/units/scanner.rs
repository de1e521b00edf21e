//! Numbers and units, read from a text left to right.

use std::ops::Range;

use crate::scenario::nearest::{did_you_mean, one_of};
use crate::scenario::text::TextError;

/// A decimal number as written: `mantissa / 10^scale`, exactly.
pub(super) struct Decimal<'a> {
    pub(super) mantissa: u128,
    scale: u32,
    text: &'a str,
    pub(super) span: Range<usize>,
}

/// What a decimal makes of a unit: `numerator / 10^scale` of the smallest.
pub(super) struct Scaled {
    numerator: u128,
    scale: u32,
}

impl Decimal<'_> {
    /// `None` where it exceeds 64 bits.
    pub(super) fn times(&self, unit: u64) -> Option<Scaled> {
        let numerator = self.mantissa.checked_mul(u128::from(unit))?;
        let scaled = Scaled { numerator, scale: self.scale };
        (numerator / 10_u128.checked_pow(self.scale)? <= u128::from(u64::MAX)).then_some(scaled)
    }

    pub(super) fn to_f64(&self) -> f64 {
        // Digits and at most one point, which is always a number; its own reading of them rounds only once.
        self.text.parse().unwrap_or(f64::MAX)
    }
}

impl Scaled {
    /// `None` where it is not whole.
    pub(super) fn whole(&self) -> Option<u64> {
        let divisor = 10_u128.checked_pow(self.scale)?;
        if self.numerator.is_multiple_of(divisor) { u64::try_from(self.numerator / divisor).ok() } else { None }
    }
}

/// Reads numbers and units from a text, left to right, skipping spaces.
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    expected: &'static str,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str, expected: &'static str) -> Self {
        Self { text, at: 0, expected }
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> (&'a str, Range<usize>) {
        let rest = self.text.get(self.at..).unwrap_or("");
        let start = self.at;
        self.at += rest.find(|c| !keep(c)).unwrap_or(rest.len());
        (self.text.get(start..self.at).unwrap_or(""), start..self.at)
    }

    pub(super) fn at_end(&mut self) -> bool {
        self.take_while(char::is_whitespace);
        self.at == self.text.len()
    }

    /// From here to the end, for a caret under what should not be there; the end itself where nothing is left.
    fn rest(&self) -> Range<usize> {
        self.at..self.text.trim_end().len().max(self.at)
    }

    fn error(&self, span: Range<usize>, message: impl Into<String>) -> TextError {
        TextError::new(span, message, self.expected)
    }

    pub(super) fn number(&mut self) -> Result<Decimal<'a>, TextError> {
        if self.at_end() {
            let message = if self.text.trim().is_empty() { "an empty text" } else { "the text ends too early" };
            return Err(self.error(self.rest(), message));
        }
        let (digits, span) = self.take_while(|c| c.is_ascii_digit() || c == '.');
        if digits.is_empty() {
            let (word, word_span) = self.take_while(|c| !c.is_whitespace());
            let message = if word.starts_with('-') {
                "a negative amount".to_owned()
            } else {
                format!("`{word}` where a number is needed")
            };
            return Err(self.error(word_span, message));
        }
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() || fraction.contains('.') || digits.ends_with('.') {
            return Err(self.error(span, format!("`{digits}` is not a number")));
        }
        let significant = fraction.trim_end_matches('0');
        let mantissa = format!("{whole}{significant}").parse::<u128>().ok().filter(|_| significant.len() <= 30);
        let mantissa = mantissa.ok_or_else(|| self.error(span.clone(), "too many digits"))?;
        Ok(Decimal { mantissa, scale: significant.len() as u32, text: digits, span })
    }

    pub(super) fn unit(
        &mut self,
        number: &Decimal<'_>,
        units: &[(&str, u64)],
    ) -> Result<(u64, Range<usize>), TextError> {
        self.take_while(char::is_whitespace);
        let (name, span) = self.take_while(char::is_alphabetic);
        if let Some((_, unit)) = units.iter().find(|(known, _)| *known == name) {
            return Ok((*unit, span));
        }
        let known = || units.iter().map(|(known, _)| *known);
        if name.is_empty() {
            return Err(self.error(number.span.start..span.end.max(number.span.end), "a number without its unit"));
        }
        let mut expected = one_of(known());
        if let Some(help) = did_you_mean(name, known()) {
            expected = format!("{expected}; {help}");
        }
        Err(TextError::new(span, format!("no unit `{name}`"), expected))
    }

    pub(super) fn slash(&mut self) -> Result<(), TextError> {
        self.take_while(char::is_whitespace);
        if self.text.get(self.at..).is_some_and(|rest| rest.starts_with('/')) {
            self.at += 1;
            return Ok(());
        }
        Err(self.error(self.rest(), "no `/` and unit of time"))
    }

    pub(super) fn end(&mut self) -> Result<(), TextError> {
        if self.at_end() { Ok(()) } else { Err(self.error(self.rest(), "more than one amount")) }
    }
}
