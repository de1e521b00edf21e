//! Values that a scenario writes as text, and what is said when the text cannot be read.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use serde::de::{self, Deserializer, Visitor};

/// Parts the fields of a [`TextError`] on their way through serde's error, which carries nothing but one text.
const SEPARATOR: char = '\u{1f}';

/// Why a text could not be read, and where inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextError {
    /// Bytes inside the text. `0..0` means the whole of it.
    pub span: Range<usize>,
    /// One line, lower case, no full stop.
    pub message: String,
    /// What would have been right; empty where the message says it.
    pub expected: String,
}

impl TextError {
    /// An error at `span`.
    pub fn new(span: Range<usize>, message: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { span, message: message.into(), expected: expected.into() }
    }

    /// The same error in a text that begins `offset` bytes earlier.
    pub fn shifted(mut self, offset: usize) -> Self {
        self.span = self.span.start + offset..self.span.end + offset;
        self
    }

    /// As an error of serde's, from which [`TextError::from_serde`] makes it again.
    pub fn into_serde<E: de::Error>(self) -> E {
        let Self { span, message, expected } = self;
        E::custom(format!("{message}{SEPARATOR}{expected}{SEPARATOR}{}{SEPARATOR}{}", span.start, span.end))
    }

    /// The error that [`TextError::into_serde`] wrote, or `None` where `text` was not written by it.
    pub fn from_serde(text: &str) -> Option<Self> {
        let mut parts = text.rsplitn(4, SEPARATOR);
        let end = parts.next()?.parse().ok()?;
        let start = parts.next()?.parse().ok()?;
        let expected = parts.next()?;
        let message = parts.next()?;
        Some(Self::new(start..end, message, expected))
    }
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.expected.is_empty() { Ok(()) } else { write!(f, ": expected {}", self.expected) }
    }
}

impl std::error::Error for TextError {}

/// A value that is written as text in a scenario.
pub trait FromText: Sized {
    /// What to write, for the message to one who wrote something else: `a text such as "90s"`.
    const EXPECTED: &'static str;

    /// Reads it.
    ///
    /// # Errors
    /// Where the text is not of the form that the type documents.
    fn from_text(text: &str) -> Result<Self, TextError>;

    /// Reads a bare number where the type has a meaning for one; most have none, since a number lacks its unit.
    fn from_number(_number: f64) -> Option<Result<Self, TextError>> {
        None
    }
}

/// Reads a [`FromText`] type from a serde string; what a `Deserialize` of such a type calls.
///
/// # Errors
/// The type's own, as [`TextError::into_serde`] writes it; where the value is no string, that a text was expected.
pub fn deserialize_text<'de, T: FromText, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    // Not `deserialize_str`: RON's would answer "expected string" itself, and the example in `EXPECTED` would be lost.
    deserializer.deserialize_any(TextVisitor(PhantomData))
}

struct TextVisitor<T>(PhantomData<T>);

impl<T: FromText> TextVisitor<T> {
    fn number<E: de::Error>(self, number: f64, found: de::Unexpected<'_>) -> Result<T, E> {
        match T::from_number(number) {
            Some(read) => read.map_err(TextError::into_serde),
            None => Err(E::invalid_type(found, &self)),
        }
    }
}

impl<T: FromText> Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text).map_err(TextError::into_serde)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        self.number(number as f64, de::Unexpected::Unsigned(number))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        self.number(number as f64, de::Unexpected::Signed(number))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
        self.number(number, de::Unexpected::Float(number))
    }
}

/// Gives a one-field type with `FromText` and `Display` its serde and `FromStr` forms.
macro_rules! impl_text_serde {
    ($($name:ty),+ $(,)?) => {$(
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::scenario::text::deserialize_text(deserializer)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::scenario::text::TextError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                <Self as $crate::scenario::text::FromText>::from_text(text)
            }
        }
    )+};
}
pub(crate) use impl_text_serde;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_its_way_through_serde() {
        let error = TextError::new(3..7, "no unit `hour`", "one of `s`, `h`");
        let wire: ron::Error = error.clone().into_serde();
        assert_eq!(TextError::from_serde(&wire.to_string()), Some(error));
        assert_eq!(TextError::from_serde("expected string"), None);
    }
}
