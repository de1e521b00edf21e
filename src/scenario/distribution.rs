//! Random quantities as text: `45ms`, `lognormal(median 45ms, sigma 0.3)`.

use std::fmt;
use std::sync::Arc;

use crate::engine::dist::Dist;
use crate::engine::time::{NANOS_PER_SECOND, SimDuration};
use crate::scenario::nearest::{did_you_mean, one_of};
use crate::scenario::text::{FromText, TextError, impl_text_serde};
use crate::scenario::units::{Size, parse_duration, parse_size};

mod call;

use call::Call;

/// A distribution as written, its parameters in base units: seconds, bytes, or plain numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum DistSpec {
    /// `45ms`: always the same.
    Constant(f64),
    /// `uniform(1s, 2s)`: equally likely between the two.
    Uniform { low: f64, high: f64 },
    /// `exponential(5m)`, by its mean.
    Exponential { mean: f64 },
    /// `lognormal(median 45ms, sigma 0.3)`: the logarithm is normal with standard deviation sigma.
    LogNormal { median: f64, sigma: f64 },
    /// `weibull(scale 3h, shape 0.75)`.
    Weibull { scale: f64, shape: f64 },
    /// `pareto(min 1s, alpha 1.2)`: P(X > x) = (min / x)^alpha.
    Pareto { min: f64, alpha: f64 },
    /// `lomax(scale 1s, alpha 1.2)`, the Pareto distribution moved to begin at zero: P(X > x) = (1 + x / scale)^-alpha.
    Lomax { scale: f64, alpha: f64 },
    /// `hyperexponential(0.9 of 1m, 0.1 of 1h)`: with each probability an exponential of that mean.
    HyperExponential(Vec<(f64, f64)>),
    /// `empirical(outages.csv)`: one of the values in a file.
    Empirical(String),
}

/// What a distribution is over, which decides how its parameters are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Durations, in seconds.
    Duration,
    /// Sizes, in bytes.
    Size,
    /// Numbers without a unit.
    Number,
}

/// A random duration, in seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct DurationDist(pub DistSpec);

/// A random size, in bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct SizeDist(pub DistSpec);

/// A random plain number; a constant may be written as a bare number.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberDist(pub DistSpec);

/// The functions by name, and how each is written.
const FUNCTIONS: [(&str, &str); 8] = [
    ("uniform", "uniform(LOW, HIGH)"),
    ("exponential", "exponential(MEAN)"),
    ("lognormal", "lognormal(median M, sigma S)"),
    ("weibull", "weibull(scale S, shape K)"),
    ("pareto", "pareto(min M, alpha A)"),
    ("lomax", "lomax(scale S, alpha A)"),
    ("hyperexponential", "hyperexponential(P1 of M1, P2 of M2, ...) with probabilities that sum to 1"),
    ("empirical", "empirical(FILE.csv)"),
];

impl DistSpec {
    /// Reads a distribution over `quantity`.
    ///
    /// Parameters stand in the order shown at the variants or are named; the shape parameters (`sigma`, `shape`,
    /// `alpha`) and their companions must be named, in any order.
    ///
    /// # Errors
    /// An unknown function or parameter, one missing or given twice, and a value outside its range: scales, means,
    /// medians, minima, shapes and alphas are above zero, sigma is not below it, low is not above high.
    pub fn parse(text: &str, quantity: Quantity) -> Result<Self, TextError> {
        let start = text.len() - text.trim_start().len();
        let trimmed = text.trim();
        let Some(open) = trimmed.find('(') else {
            return constant(trimmed, start, quantity);
        };
        let name = trimmed.get(..open).unwrap_or("").trim_end();
        let Some((name, form)) = FUNCTIONS.iter().find(|(known, _)| *known == name) else {
            return Err(unknown_function(name, start));
        };
        let call = Call { form, quantity, whole: start..start + trimmed.len() };
        let inside = trimmed.get(open + 1..).and_then(|rest| rest.strip_suffix(')'));
        let inside = inside.ok_or_else(|| call.error(call.whole.clone(), "no closing `)` at the end"))?;
        call.read(name, inside, start + open + 1)
    }

    /// The text that [`DistSpec::parse`] reads as the same distribution.
    pub fn to_text(&self, quantity: Quantity) -> String {
        let amount = |value: &f64| quantity.to_text(*value);
        match self {
            Self::Constant(value) => amount(value),
            Self::Uniform { low, high } => format!("uniform({}, {})", amount(low), amount(high)),
            Self::Exponential { mean } => format!("exponential({})", amount(mean)),
            Self::LogNormal { median, sigma } => format!("lognormal(median {}, sigma {sigma})", amount(median)),
            Self::Weibull { scale, shape } => format!("weibull(scale {}, shape {shape})", amount(scale)),
            Self::Pareto { min, alpha } => format!("pareto(min {}, alpha {alpha})", amount(min)),
            Self::Lomax { scale, alpha } => format!("lomax(scale {}, alpha {alpha})", amount(scale)),
            Self::HyperExponential(parts) => {
                let parts: Vec<String> = parts.iter().map(|(p, mean)| format!("{p} of {}", amount(mean))).collect();
                format!("hyperexponential({})", parts.join(", "))
            }
            Self::Empirical(path) => format!("empirical({path})"),
        }
    }

    /// The form that is sampled. `load` gives the values in a file that `empirical` names, in base units.
    ///
    /// # Errors
    /// What `load` says, and a file that holds no value or one that is not finite.
    pub fn to_dist(&self, load: &mut dyn FnMut(&str) -> Result<Vec<f64>, TextError>) -> Result<Dist, TextError> {
        Ok(match self {
            Self::Constant(value) => Dist::Constant(*value),
            Self::Uniform { low, high } => Dist::Uniform { low: *low, high: *high },
            Self::Exponential { mean } => Dist::Exponential { mean: *mean },
            Self::LogNormal { median, sigma } => Dist::LogNormal { median: *median, sigma: *sigma },
            Self::Weibull { scale, shape } => Dist::Weibull { scale: *scale, shape: *shape },
            Self::Pareto { min, alpha } => Dist::Pareto { min: *min, alpha: *alpha },
            Self::Lomax { scale, alpha } => Dist::Lomax { scale: *scale, alpha: *alpha },
            Self::HyperExponential(parts) => Dist::HyperExponential(Arc::from(parts.as_slice())),
            Self::Empirical(path) => Dist::Empirical(sorted_values(path, load(path)?)?),
        })
    }
}

fn sorted_values(path: &str, mut values: Vec<f64>) -> Result<Arc<[f64]>, TextError> {
    if values.is_empty() {
        return Err(TextError::new(0..0, format!("no value in `{path}`"), "a file with one value or more"));
    }
    if let Some(value) = values.iter().find(|value| !value.is_finite()) {
        return Err(TextError::new(0..0, format!("`{path}` holds {value}"), "finite numbers"));
    }
    values.sort_by(f64::total_cmp);
    Ok(Arc::from(values))
}

fn constant(text: &str, start: usize, quantity: Quantity) -> Result<DistSpec, TextError> {
    if text.starts_with(char::is_alphabetic) && !(quantity == Quantity::Number && text.parse::<f64>().is_ok()) {
        let name_end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        return Err(unknown_function(text.get(..name_end).unwrap_or(text), start));
    }
    quantity.parse(text).map(DistSpec::Constant).map_err(|error| error.shifted(start))
}

fn unknown_function(name: &str, start: usize) -> TextError {
    let span = start..start + name.len();
    if let Some((known, form)) = FUNCTIONS.iter().find(|(known, _)| *known == name) {
        return TextError::new(span, format!("`{known}` without its parameters"), *form);
    }
    let names = || FUNCTIONS.iter().map(|(known, _)| *known);
    let mut expected = format!("an amount, or {}", one_of(names()));
    if let Some(help) = did_you_mean(name, names()) {
        expected = format!("{expected}; {help}");
    }
    TextError::new(span, format!("no distribution `{name}`"), expected)
}

impl Quantity {
    /// An amount in base units.
    fn parse(self, text: &str) -> Result<f64, TextError> {
        match self {
            Self::Duration => parse_duration(text).map(seconds),
            Self::Size => parse_size(text).map(|bytes| bytes as f64),
            Self::Number => match text.trim().parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(number),
                _ => {
                    Err(TextError::new(0..text.len(), format!("`{}` is not a number", text.trim()), "a finite number"))
                }
            },
        }
    }

    /// The amount as text, from which `parse` makes the same one.
    fn to_text(self, value: f64) -> String {
        match self {
            Self::Duration => duration(value).to_string(),
            Self::Size => Size(libm::round(value) as u64).to_string(),
            Self::Number => value.to_string(),
        }
    }
}

/// Seconds with one rounding: whole seconds are exact, and so is their sum with a fraction to the last bit.
fn seconds(span: SimDuration) -> f64 {
    span.whole_seconds() as f64 + (span.as_nanos() % NANOS_PER_SECOND) as f64 / 1e9
}

/// The inverse of [`seconds`]: whole seconds and the rest apart, so that nothing is lost above 2^53 ns.
fn duration(seconds: f64) -> SimDuration {
    let whole = libm::floor(seconds);
    SimDuration::from_secs(whole as u64) + SimDuration::from_secs_f64(seconds - whole)
}

/// The serde and text forms of a distribution over one quantity.
macro_rules! distribution_over {
    ($name:ident, $quantity:expr, $expected:literal, $number:expr) => {
        impl FromText for $name {
            const EXPECTED: &'static str = $expected;

            fn from_text(text: &str) -> Result<Self, TextError> {
                DistSpec::parse(text, $quantity).map(Self)
            }

            fn from_number(number: f64) -> Option<Result<Self, TextError>> {
                $number(number)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0.to_text($quantity))
            }
        }

        impl_text_serde!($name);
    };
}

distribution_over!(
    DurationDist,
    Quantity::Duration,
    "a duration or a distribution of one, such as \"45ms\" or \"exponential(5m)\"",
    |_| None
);
distribution_over!(
    SizeDist,
    Quantity::Size,
    "a size or a distribution of one, such as \"12KiB\" or \"lognormal(median 12KiB, sigma 1)\"",
    |_| None
);
distribution_over!(
    NumberDist,
    Quantity::Number,
    "a number or a distribution of one, such as 3 or \"uniform(1, 4)\"",
    |number: f64| Some(if number.is_finite() {
        Ok(Self(DistSpec::Constant(number)))
    } else {
        Err(TextError::new(0..0, format!("{number} where a finite number is needed"), Self::EXPECTED))
    })
);

#[cfg(test)]
mod tests;
