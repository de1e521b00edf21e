//! Instants of the calendar (RFC 3339, with a blank for `T` and without an offset too).

use crate::engine::time::{SimDuration, SimTime};
use crate::scenario::units::TextError;

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// An instant of the calendar: nanoseconds since 1970-01-01 00:00:00 UTC, leap seconds not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(i128);

impl Timestamp {
    /// Reads `2026-03-02T07:00:00Z`, `2026-03-02 07:00:00.5+01:00` or `2026-03-02 07:00`; without an offset it is UTC.
    ///
    /// # Errors
    /// Other text, and a date or time that does not exist.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let error = |message: &str| {
            TextError::new(
                0..text.len(),
                message,
                "a timestamp such as `2026-03-02 07:00:00` or `2026-03-02T07:00:00Z`",
            )
        };
        let mut scanner = Scanner { rest: text.as_bytes() };
        let parts = scanner.timestamp().ok_or_else(|| error("not a timestamp"))?;
        parts.instant().map(Self).ok_or_else(|| error("no such date or time"))
    }

    /// Whether `text` begins as a timestamp does: four digits and a hyphen.
    pub fn is_begun_by(text: &str) -> bool {
        matches!(text.as_bytes(), [a, b, c, d, b'-', ..] if [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()))
    }

    /// Whole seconds since 1970, rounded down; `None` before that.
    pub fn unix_seconds(self) -> Option<u64> {
        u64::try_from(self.0.div_euclid(NANOS_PER_SECOND)).ok()
    }

    /// The instant of the run, if the run starts at `start`; `None` if that is earlier or too late to be said.
    pub fn since(self, start: Self) -> Option<SimTime> {
        let nanos = u64::try_from(self.0.checked_sub(start.0)?).ok()?;
        SimTime::ZERO.checked_add(SimDuration::from_nanos(nanos)).filter(|at| *at != SimTime::NEVER)
    }
}

struct Parts {
    year: u32,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
    nanos: u32,
    /// East of Greenwich.
    offset_minutes: i32,
}

impl Parts {
    fn instant(&self) -> Option<i128> {
        let leap = self.year.is_multiple_of(4) && !self.year.is_multiple_of(100) || self.year.is_multiple_of(400);
        let month_days = match self.month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            _ => return None,
        };
        // RFC 3339 allows second 60; it is taken for the next minute's first.
        if !(1..=month_days).contains(&self.day) || self.hour > 23 || self.minute > 59 || self.second > 60 {
            return None;
        }
        let seconds = self.days() * 86_400 + i128::from(self.hour * 3_600 + self.minute * 60 + self.second)
            - i128::from(self.offset_minutes) * 60;
        Some(seconds * NANOS_PER_SECOND + i128::from(self.nanos))
    }

    /// Days since 1970-01-01 in the Gregorian calendar; years begin in March, so that the leap day is the last.
    fn days(&self) -> i128 {
        let (year, month) =
            if self.month > 2 { (self.year, self.month - 3) } else { (self.year.wrapping_sub(1), self.month + 9) };
        let year = i128::from(year.cast_signed());
        let year_day = i128::from((153 * month + 2) / 5 + self.day - 1);
        // 719_468 days lie between 0000-03-01 and 1970-01-01.
        365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + year_day - 719_468
    }
}

struct Scanner<'a> {
    rest: &'a [u8],
}

impl Scanner<'_> {
    fn number(&mut self, digits: usize) -> Option<u32> {
        let (head, rest) = self.rest.split_at_checked(digits)?;
        self.rest = rest;
        head.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0')))
    }

    fn one_of(&mut self, bytes: &[u8]) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        bytes.contains(first).then(|| {
            self.rest = rest;
            *first
        })
    }

    fn timestamp(&mut self) -> Option<Parts> {
        let year = self.number(4)?;
        self.one_of(b"-")?;
        let month = self.number(2)?;
        self.one_of(b"-")?;
        let day = self.number(2)?;
        self.one_of(b"Tt ")?;
        let hour = self.number(2)?;
        self.one_of(b":")?;
        let minute = self.number(2)?;
        let (mut second, mut nanos) = (0, 0);
        if self.one_of(b":").is_some() {
            second = self.number(2)?;
            if self.one_of(b".,").is_some() {
                nanos = self.fraction()?;
            }
        }
        let offset_minutes = self.offset()?;
        self.rest.is_empty().then_some(Parts { year, month, day, hour, minute, second, nanos, offset_minutes })
    }

    /// Digits after the point; those finer than a nanosecond are cut.
    fn fraction(&mut self) -> Option<u32> {
        let mut nanos = 0;
        let mut scale = 100_000_000;
        let before = self.rest.len();
        while let Some(digit) = self.one_of(b"0123456789") {
            nanos += u32::from(digit - b'0') * scale;
            scale /= 10;
        }
        (self.rest.len() < before).then_some(nanos)
    }

    fn offset(&mut self) -> Option<i32> {
        if self.rest.is_empty() || self.one_of(b"Zz").is_some() {
            return Some(0);
        }
        let sign = if self.one_of(b"+-")? == b'-' { -1 } else { 1 };
        let hours = self.number(2)?;
        // Both `+01:00` and `+0100` are met.
        _ = self.one_of(b":");
        let minutes = self.number(2)?;
        (hours <= 23 && minutes <= 59).then(|| sign * (hours * 60 + minutes).cast_signed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_of_the_calendar() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01 01:00:00+01:00", 0),
            ("2000-02-29 12:00", 951_825_600),
            ("2026-03-02T07:00:00Z", 1_772_434_800),
            ("1969-12-31T23:59:59-0000", -1),
            ("0000-03-01 00:00", -719_468 * 86_400),
            ("2016-12-31T23:59:60Z", 1_483_228_800),
        ] {
            assert_eq!(Timestamp::parse(text), Ok(Timestamp(seconds * NANOS_PER_SECOND)), "{text}");
        }
        assert_eq!(Timestamp::parse("1970-01-01 00:00:00.0000000019"), Ok(Timestamp(1)));
        for text in [
            "",
            "2026",
            "2026-02-29 00:00",
            "2026-13-01 00:00",
            "2026-01-01",
            "2026-01-01 24:00",
            "2026-01-01 00:00:00.",
            "2026-01-01 00:00 ",
            "2026-01-01 00:00+1",
            "2026-01-0\u{e9} 00:00",
        ] {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }
}
