//! What a cell may hold: a time, a count, a value.

use std::sync::Arc;

use super::table::{self, Cell};
use super::timestamp::Timestamp;
use crate::engine::time::{NANOS_PER_SECOND, SimDuration, SimTime};
use crate::scenario::diagnostic::{Diagnostic, SourceText};
use crate::scenario::lines::Lines;
use crate::scenario::units::{TextError, parse_duration, parse_size};

/// A time as a cell gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Time {
    /// Since the start of the trace.
    Elapsed(SimDuration),
    /// An instant of the calendar.
    Calendar(Timestamp),
}

impl Time {
    /// Reads seconds, a duration or a timestamp.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        if Timestamp::is_begun_by(text) {
            return Timestamp::parse(text).map(Self::Calendar);
        }
        parse_elapsed(text).map(Self::Elapsed)
    }

    /// The instant of the run; `None` if it is before the start or too late to be said.
    pub fn instant(self, start: Option<Timestamp>) -> Option<SimTime> {
        match self {
            Self::Elapsed(span) => SimTime::ZERO.checked_add(span).filter(|at| *at != SimTime::NEVER),
            Self::Calendar(timestamp) => timestamp.since(start?),
        }
    }
}

/// Keeps to the kind of time that the first time of the file has.
#[derive(Default)]
pub(super) struct Clock {
    /// The first time, and the line it is on.
    first: Option<(Time, usize)>,
}

impl Clock {
    /// Reads a time of the same kind as those before.
    pub fn read(&mut self, source: &Arc<SourceText>, cell: &Cell) -> Result<Time, Diagnostic> {
        let time = Time::parse(&cell.text).map_err(|error| cell.text_error(source, error))?;
        let (first, line) = *self.first.get_or_insert_with(|| (time, Lines::new(source).number(cell.span.start)));
        match (first, time) {
            (Time::Elapsed(_), Time::Elapsed(_)) | (Time::Calendar(_), Time::Calendar(_)) => Ok(time),
            (Time::Calendar(_), _) => Err(mixed(source, cell, "a timestamp", line)),
            (Time::Elapsed(_), _) => Err(mixed(source, cell, "seconds or a duration", line)),
        }
    }
}

fn mixed(source: &Arc<SourceText>, cell: &Cell, expected: &str, line: usize) -> Diagnostic {
    let message = format!("`{}` is another kind of time than before", cell.text);
    let expected = format!("{expected}, as on line {line}");
    cell.error(source, message, &expected)
}

/// A span: seconds as a bare number, or a duration.
pub(super) fn parse_elapsed(text: &str) -> Result<SimDuration, TextError> {
    const EXPECTED: &str = "seconds, a duration such as `1h30m`, or a timestamp";
    let negative =
        text.strip_prefix('-').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit() || c == '.'));
    if negative {
        return Err(TextError::new(0..text.len(), "a time is negative", "zero or later"));
    }
    match parse_number(text) {
        Some(_) => {
            seconds(text).ok_or_else(|| TextError::new(0..text.len(), "too long a time", "at most about 584 years"))
        }
        None => parse_duration(text).map_err(|error| TextError { expected: EXPECTED.into(), ..error }),
    }
}

/// A bare decimal number, not negative; an exponent is allowed, names such as `inf` are not.
fn parse_number(text: &str) -> Option<f64> {
    let numeric = text.starts_with(|c: char| c.is_ascii_digit() || c == '.' || c == '+')
        && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    text.parse().ok().filter(|number: &f64| numeric && number.is_finite())
}

/// Seconds to the nearest nanosecond, exactly where they are written without an exponent.
fn seconds(text: &str) -> Option<SimDuration> {
    if text.contains(['e', 'E']) {
        return Some(SimDuration::from_secs_f64(parse_number(text)?)).filter(|span| *span != SimDuration::MAX);
    }
    let plain = text.strip_prefix('+').unwrap_or(text);
    let (whole, decimals) = plain.split_once('.').unwrap_or((plain, ""));
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let (mut nanos, mut scale) = (0u64, NANOS_PER_SECOND);
    let mut digits = decimals.bytes().map(|byte| u64::from(byte.saturating_sub(b'0')));
    for digit in digits.by_ref().take(9) {
        scale /= 10;
        nanos += digit * scale;
    }
    let up = u64::from(digits.next().is_some_and(|digit| digit >= 5));
    whole.checked_mul(NANOS_PER_SECOND)?.checked_add(nanos)?.checked_add(up).map(SimDuration::from_nanos)
}

/// A size: bytes as a bare whole number, or with a unit; less than 4 GiB.
pub(super) fn read_size(source: &Arc<SourceText>, cell: &Cell) -> Result<u32, Diagnostic> {
    let bytes: u64 = match cell.text.parse() {
        Ok(bytes) => bytes,
        Err(_) => parse_size(&cell.text).map_err(|error| {
            let expected = "a whole number of bytes, or a size such as `12KiB`".into();
            cell.text_error(source, TextError { expected, ..error })
        })?,
    };
    let too_large = |_| cell.error(source, format!("`{}`: too large", cell.text), "at most 4294967295 bytes");
    u32::try_from(bytes).map_err(too_large)
}

/// A number of recipients, at least 1.
pub(super) fn read_recipients(source: &Arc<SourceText>, cell: &Cell) -> Result<u16, Diagnostic> {
    match cell.text.parse() {
        Ok(0) | Err(_) => Err(cell.error(
            source,
            format!("`{}` is not a number of recipients", cell.text),
            "a whole number from 1 to 65535",
        )),
        Ok(recipients) => Ok(recipients),
    }
}

/// A domain or host name in lower case without the trailing dot.
pub(super) fn read_name(source: &Arc<SourceText>, cell: &Cell) -> Result<String, Diagnostic> {
    let name = cell.text.strip_suffix('.').unwrap_or(&cell.text);
    let octet = |byte: u8| byte > b' ' && byte != 0x7f && !matches!(byte, b'@' | b',' | b';' | b'"');
    let label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(octet);
    // 253 characters of text are 255 octets on the wire (RFC 1035 section 2.3.4).
    if name.len() <= 253 && name.split('.').all(label) {
        return Ok(name.to_ascii_lowercase());
    }
    let error = cell.error(source, format!("`{}` is not a domain name", cell.text), "a name such as `example.org`");
    Err(match cell.text.rsplit_once('@') {
        Some((_, domain)) => error.help(format!("write the domain alone: `{domain}`")),
        None => error,
    })
}

/// The values of a file of one column.
pub(super) fn read_values(source: &Arc<SourceText>, found: &mut Vec<Diagnostic>) -> Option<Vec<f64>> {
    #[derive(PartialEq, Clone, Copy)]
    enum Kind {
        Duration,
        Size,
    }
    let mut values = Vec::new();
    let mut unit: Option<(Kind, usize)> = None;
    for (index, row) in table::rows(source).iter().enumerate() {
        if let Some(second) = row.cells.get(1) {
            let error = second.error(source, format!("the row has {} cells", row.cells.len()), "one column");
            found.push(error.help("keep the column of values alone in its file"));
            continue;
        }
        let Some(cell) = row.cells.first() else { continue };
        // `NaN` and `inf` are numbers, too, and none that a value may be.
        let is_value = cell.text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+'))
            || cell.text.parse::<f64>().is_ok();
        if index == 0 && !is_value {
            continue;
        }
        let (value, kind) = if let Some(number) = parse_number(&cell.text) {
            (number, None)
        } else if let Ok(bytes) = parse_size(&cell.text) {
            (bytes as f64, Some(Kind::Size))
        } else {
            match parse_elapsed(&cell.text) {
                Ok(span) => (span.as_secs_f64(), Some(Kind::Duration)),
                Err(error) => {
                    let expected =
                        "a number that is not negative, a duration such as `1h30m` or a size such as `12KiB`".into();
                    found.push(cell.text_error(source, TextError { expected, ..error }));
                    continue;
                }
            }
        };
        if let Some(kind) = kind {
            let (first, line) = *unit.get_or_insert_with(|| (kind, Lines::new(source).number(cell.span.start)));
            if first != kind {
                let expected = format!("the same as on line {line}");
                found.push(cell.error(
                    source,
                    format!("`{}` puts durations and sizes in one column", cell.text),
                    &expected,
                ));
            }
        }
        values.push(value);
    }
    if values.is_empty() && found.is_empty() {
        let error = Diagnostic::error("the file has no value").at(source, 0..0);
        found.push(error.label("expected one column of numbers or durations"));
    }
    Some(values)
}
