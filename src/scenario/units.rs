//! Durations, sizes, rates and bandwidths as text with units.

use std::fmt;
use std::ops::Range;

use crate::engine::time::{NANOS_PER_SECOND, SimDuration};
use crate::scenario::text::impl_text_serde;
pub use crate::scenario::text::{FromText, TextError};

mod scanner;

use scanner::Scanner;

/// Units of time, the largest first; the first name of a span is the one that is printed.
const TIME_UNITS: [(&str, u64); 9] = [
    ("w", 7 * 86_400 * NANOS_PER_SECOND),
    ("d", 86_400 * NANOS_PER_SECOND),
    ("h", 3_600 * NANOS_PER_SECOND),
    ("min", 60 * NANOS_PER_SECOND),
    ("m", 60 * NANOS_PER_SECOND),
    ("s", NANOS_PER_SECOND),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Units of size, the largest first: decimal as in SI, binary as in IEC 80000-13.
const SIZE_UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("B", 1),
];

/// Units of data in a bandwidth, in bits, the largest first.
const BIT_UNITS: [(&str, u64); 4] = [("Gbit", 1_000_000_000), ("Mbit", 1_000_000), ("kbit", 1_000), ("bit", 1)];

const DURATION_EXPECTED: &str = "a duration such as \"90s\", \"1h30m\" or \"5d\"";
const SIZE_EXPECTED: &str = "a size such as \"12KiB\", \"4.5kB\" or \"300B\"";
const RATE_EXPECTED: &str = "a rate such as \"50/s\", \"3/min\" or \"12/h\"";
const BANDWIDTH_EXPECTED: &str = "a bandwidth such as \"100Mbit/s\" or \"10MB/s\"";

/// A span of time as a scenario writes it: `90s`, `1h30m`, `1.5ms`, `2w`, `0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Duration(pub SimDuration);

/// A span of whole seconds, for defaults.
pub const fn seconds(seconds: u64) -> Duration {
    Duration(SimDuration::from_secs(seconds))
}

/// A size in bytes as a scenario writes it: `12KiB`, `4.5kB`, `300B`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Size(pub u64);

/// A rate in events per second as a scenario writes it: `50/s`, `3/min`, `12/h`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Rate(pub f64);

/// A bandwidth in bytes per second as a scenario writes it: `100Mbit/s`, `10MB/s`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Bandwidth(pub f64);

/// A share, 0 to 1, written as a bare number: `0.001`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Share(pub f64);

/// A duration: decimal numbers, each with a unit of `w d h m s ms us ns` (`min` for `m`), larger units first; spaces
/// are free. A bare `0` needs no unit.
///
/// # Errors
/// An empty text, a missing or unknown unit, a unit repeated or out of order, a sign, what is not a whole number of
/// nanoseconds, and what is longer than [`SimDuration::MAX`].
pub fn parse_duration(text: &str) -> Result<SimDuration, TextError> {
    if text.trim() == "0" {
        return Ok(SimDuration::ZERO);
    }
    let mut scanner = Scanner::new(text, DURATION_EXPECTED);
    let mut total: u64 = 0;
    let mut smallest: Option<u64> = None;
    loop {
        let number = scanner.number()?;
        let (unit, span) = scanner.unit(&number, &TIME_UNITS)?;
        if smallest.is_some_and(|smallest| unit >= smallest) {
            return Err(TextError::new(
                span,
                "units out of order",
                "each unit once, the larger first, as in \"1h30m\"",
            ));
        }
        smallest = Some(unit);
        let span = number.span.start..span.end;
        let nanos = number.times(unit).ok_or_else(|| too_long(0..text.len()))?;
        let nanos = nanos.whole().ok_or_else(|| {
            TextError::new(
                span,
                "finer than a nanosecond",
                "a whole number of nanoseconds, the grain of simulated time",
            )
        })?;
        total = total.checked_add(nanos).ok_or_else(|| too_long(0..text.len()))?;
        if scanner.at_end() {
            return Ok(SimDuration::from_nanos(total));
        }
    }
}

/// A size: one decimal number with a unit of `B kB MB GB TB KiB MiB GiB TiB`, in bytes. A bare `0` needs no unit.
///
/// # Errors
/// An empty text, a missing or unknown unit, a sign, what is not a whole number of bytes, what exceeds 64 bits.
pub fn parse_size(text: &str) -> Result<u64, TextError> {
    if text.trim() == "0" {
        return Ok(0);
    }
    let mut scanner = Scanner::new(text, SIZE_EXPECTED);
    let number = scanner.number()?;
    let (unit, span) = scanner.unit(&number, &SIZE_UNITS)?;
    scanner.end()?;
    let span = number.span.start..span.end;
    let bytes =
        number.times(unit).ok_or_else(|| TextError::new(span.clone(), "too large", "at most 2^64 - 1 bytes"))?;
    bytes.whole().ok_or_else(|| TextError::new(span, "not a whole number of bytes", SIZE_EXPECTED))
}

/// A rate: a decimal number, `/`, and a unit of time; in events per second.
///
/// # Errors
/// An empty text, no `/`, an unknown unit, a sign.
pub fn parse_rate(text: &str) -> Result<f64, TextError> {
    let mut scanner = Scanner::new(text, RATE_EXPECTED);
    let number = scanner.number()?;
    scanner.slash()?;
    let (unit, _) = scanner.unit(&number, &TIME_UNITS)?;
    scanner.end()?;
    Ok(per_second(number.to_f64(), unit))
}

/// A bandwidth: a decimal number, a unit of size or one of `bit kbit Mbit Gbit`, and `/s`; in bytes per second.
///
/// # Errors
/// An empty text, an unknown unit, no `/s`, a sign, nothing at all.
pub fn parse_bandwidth(text: &str) -> Result<f64, TextError> {
    let mut scanner = Scanner::new(text, BANDWIDTH_EXPECTED);
    let number = scanner.number()?;
    let units: Vec<(&str, u64)> =
        BIT_UNITS.into_iter().chain(SIZE_UNITS.into_iter().map(|(name, bytes)| (name, bytes * 8))).collect();
    let (bits, span) = scanner.unit(&number, &units)?;
    scanner.slash()?;
    scanner.unit(&number, &[("s", NANOS_PER_SECOND)])?;
    scanner.end()?;
    if number.mantissa == 0 {
        return Err(TextError::new(number.span.start..span.end, "a bandwidth of nothing", "more than zero"));
    }
    Ok(number.to_f64() * bits as f64 / 8.0)
}

/// A share, in the range 0 to 1.
///
/// # Errors
/// What lies outside, and what is no number.
pub fn check_share(share: f64) -> Result<f64, TextError> {
    if (0.0..=1.0).contains(&share) {
        Ok(share)
    } else {
        Err(TextError::new(0..0, format!("{share} is not a share"), "a number from 0 to 1"))
    }
}

fn too_long(span: Range<usize>) -> TextError {
    TextError::new(span, "too long a duration", "at most about 584 years")
}

fn per_second(count: f64, unit_nanos: u64) -> f64 {
    if unit_nanos >= NANOS_PER_SECOND {
        count / (unit_nanos / NANOS_PER_SECOND) as f64
    } else {
        count * (NANOS_PER_SECOND / unit_nanos) as f64
    }
}

impl FromText for Duration {
    const EXPECTED: &'static str = DURATION_EXPECTED;
    fn from_text(text: &str) -> Result<Self, TextError> {
        parse_duration(text).map(Self)
    }
}

impl FromText for Size {
    const EXPECTED: &'static str = SIZE_EXPECTED;
    fn from_text(text: &str) -> Result<Self, TextError> {
        parse_size(text).map(Self)
    }
}

impl FromText for Rate {
    const EXPECTED: &'static str = RATE_EXPECTED;
    fn from_text(text: &str) -> Result<Self, TextError> {
        parse_rate(text).map(Self)
    }
}

impl FromText for Bandwidth {
    const EXPECTED: &'static str = BANDWIDTH_EXPECTED;
    fn from_text(text: &str) -> Result<Self, TextError> {
        parse_bandwidth(text).map(Self)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The largest unit of which it is a whole number.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = SIZE_UNITS.iter().find(|(_, bytes)| self.0 != 0 && self.0.is_multiple_of(*bytes));
        let (unit, bytes) = whole.copied().unwrap_or(("B", 1));
        write!(f, "{}{unit}", self.0 / bytes)
    }
}

/// A whole number in the smallest unit from seconds to days that gives one, else a fraction per second; reading it
/// back gives the same number.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, seconds) in [("s", 1.0), ("min", 60.0), ("h", 3600.0), ("d", 86_400.0)] {
            let count = libm::round(self.0 * seconds);
            if count / seconds == self.0 {
                return write!(f, "{count}/{unit}");
            }
        }
        write!(f, "{}/s", self.0)
    }
}

/// A whole number of the largest unit of bits that gives one, else bytes; reading it back gives the same number.
impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, bits) in BIT_UNITS {
            let count = libm::round(self.0 * 8.0 / bits as f64);
            if count >= 1.0 && count * bits as f64 / 8.0 == self.0 {
                return write!(f, "{count}{unit}/s");
            }
        }
        write!(f, "{}B/s", self.0)
    }
}

impl_text_serde!(Duration, Size, Rate, Bandwidth);

impl<'de> serde::Deserialize<'de> for Share {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let share = f64::deserialize(deserializer)?;
        check_share(share).map(Self).map_err(TextError::into_serde)
    }
}

impl serde::Serialize for Share {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0)
    }
}

#[cfg(test)]
mod tests;
