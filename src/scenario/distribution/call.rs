//! The parameters in the parentheses of a distribution.

use std::ops::Range;

use super::{DistSpec, Quantity};
use crate::scenario::nearest::did_you_mean;
use crate::scenario::text::TextError;

/// How far the probabilities of a hyperexponential may miss 1: three thirds written with nine digits still pass.
const PROBABILITY_TOLERANCE: f64 = 1e-9;

/// A function's name with its parentheses, on the way to a [`DistSpec`].
pub(super) struct Call {
    pub(super) form: &'static str,
    pub(super) quantity: Quantity,
    /// The whole of it in the text.
    pub(super) whole: Range<usize>,
}

/// One parameter as written, with the place of its value.
struct Argument<'a> {
    name: Option<(&'a str, Range<usize>)>,
    value: &'a str,
    span: Range<usize>,
}

/// A parameter's value and its place.
type Read = (f64, Range<usize>);

impl Call {
    pub(super) fn error(&self, span: Range<usize>, message: impl Into<String>) -> TextError {
        TextError::new(span, message, self.form)
    }

    pub(super) fn read(&self, function: &str, inside: &str, offset: usize) -> Result<DistSpec, TextError> {
        if function == "empirical" {
            return self.empirical(inside, offset);
        }
        if function == "hyperexponential" {
            return self.hyperexponential(inside, offset);
        }
        let arguments = arguments(inside, offset);
        match function {
            "uniform" => {
                let [(low, low_at), (high, high_at)] = self.parameters(&arguments, ["low", "high"])?;
                if low > high {
                    return Err(self.error(low_at.start..high_at.end, "the low end is above the high one"));
                }
                Ok(DistSpec::Uniform { low, high })
            }
            "exponential" => {
                let [mean] = self.parameters(&arguments, ["mean"])?;
                Ok(DistSpec::Exponential { mean: self.positive("mean", mean)? })
            }
            "lognormal" => {
                let [median, (sigma, sigma_at)] = self.parameters(&arguments, ["median", "sigma"])?;
                if sigma < 0.0 {
                    return Err(TextError::new(sigma_at, "a negative sigma", "zero or more"));
                }
                Ok(DistSpec::LogNormal { median: self.positive("median", median)?, sigma })
            }
            "weibull" => {
                let [scale, shape] = self.parameters(&arguments, ["scale", "shape"])?;
                Ok(DistSpec::Weibull { scale: self.positive("scale", scale)?, shape: self.positive("shape", shape)? })
            }
            "pareto" => {
                let [min, alpha] = self.parameters(&arguments, ["min", "alpha"])?;
                Ok(DistSpec::Pareto { min: self.positive("min", min)?, alpha: self.positive("alpha", alpha)? })
            }
            _ => {
                let [scale, alpha] = self.parameters(&arguments, ["scale", "alpha"])?;
                Ok(DistSpec::Lomax { scale: self.positive("scale", scale)?, alpha: self.positive("alpha", alpha)? })
            }
        }
    }

    fn positive(&self, name: &str, (value, span): Read) -> Result<f64, TextError> {
        if value > 0.0 { Ok(value) } else { Err(TextError::new(span, format!("{name} is not above zero"), self.form)) }
    }

    /// The values of the parameters `names`, in that order, whatever the order they are written in.
    fn parameters<const N: usize>(&self, given: &[Argument<'_>], names: [&str; N]) -> Result<[Read; N], TextError> {
        let mut values: [Option<Read>; N] = std::array::from_fn(|_| None);
        for (position, argument) in given.iter().enumerate() {
            let index = match &argument.name {
                Some((name, span)) => names
                    .iter()
                    .position(|known| known == name)
                    .ok_or_else(|| self.unknown_parameter(name, span, &names))?,
                None if is_shape(names[N - 1]) => {
                    return Err(self.error(argument.span.clone(), "a parameter without its name"));
                }
                None => position,
            };
            let Some(slot) = values.get_mut(index) else {
                return Err(self.error(argument.span.clone(), "one parameter too many"));
            };
            if slot.is_some() {
                return Err(self.error(argument.span.clone(), format!("`{}` is given twice", names[index])));
            }
            let quantity = if is_shape(names[index]) { Quantity::Number } else { self.quantity };
            let value = quantity.parse(argument.value).map_err(|error| error.shifted(argument.span.start))?;
            *slot = Some((value, argument.span.clone()));
        }
        if let Some(missing) = values.iter().position(Option::is_none) {
            return Err(self.error(self.whole.clone(), format!("no `{}`", names[missing])));
        }
        Ok(values.map(Option::unwrap_or_default))
    }

    fn unknown_parameter(&self, name: &str, span: &Range<usize>, names: &[&str]) -> TextError {
        let mut error = self.error(span.clone(), format!("no parameter `{name}`"));
        if let Some(help) = did_you_mean(name, names.iter().copied()) {
            error.expected = format!("{}; {help}", error.expected);
        }
        error
    }

    fn hyperexponential(&self, inside: &str, offset: usize) -> Result<DistSpec, TextError> {
        let mut parts = Vec::new();
        for (part, span) in split_commas(inside, offset) {
            let of = part.split_once(" of ").ok_or_else(|| self.error(span.clone(), "no `P of MEAN`"))?;
            let mean_at = span.end - of.1.len();
            let probability = Quantity::Number.parse(of.0).map_err(|error| error.shifted(span.start))?;
            if !(0.0..=1.0).contains(&probability) {
                let at = span.start..span.start + of.0.trim_end().len();
                return Err(self.error(at, format!("{probability} is not a probability")));
            }
            let mean = self.quantity.parse(of.1).map_err(|error| error.shifted(mean_at))?;
            parts.push((probability, self.positive("mean", (mean, mean_at..span.end))?));
        }
        let sum: f64 = parts.iter().map(|(probability, _)| probability).sum();
        if (sum - 1.0).abs() > PROBABILITY_TOLERANCE {
            return Err(self.error(offset..offset + inside.len(), format!("the probabilities sum to {sum}")));
        }
        Ok(DistSpec::HyperExponential(parts))
    }

    fn empirical(&self, inside: &str, offset: usize) -> Result<DistSpec, TextError> {
        let path = inside.trim();
        if path.is_empty() {
            return Err(self.error(self.whole.clone(), "no file"));
        }
        if path.chars().any(char::is_control) {
            return Err(self.error(offset..offset + inside.len(), "a control character in a path"));
        }
        Ok(DistSpec::Empirical(path.to_owned()))
    }
}

/// Whether a parameter is a plain number whatever the distribution is over.
fn is_shape(name: &str) -> bool {
    matches!(name, "sigma" | "shape" | "alpha")
}

/// The parts between commas without the spaces around them, and where each stands.
fn split_commas(inside: &str, offset: usize) -> impl Iterator<Item = (&str, Range<usize>)> {
    let mut at = offset;
    inside.split(',').map(move |part| {
        let start = at + part.len() - part.trim_start().len();
        at += part.len() + 1;
        (part.trim(), start..start + part.trim().len())
    })
}

fn arguments(inside: &str, offset: usize) -> Vec<Argument<'_>> {
    if inside.trim().is_empty() {
        return Vec::new();
    }
    split_commas(inside, offset)
        .map(|(part, span)| {
            let word_end = part.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(part.len());
            let (word, rest) = part.split_at_checked(word_end).unwrap_or((part, ""));
            // `median` names the value after it; `45ms` is a value, and so is `inf`, which is refused as one.
            if !word.starts_with(char::is_alphabetic) || rest.trim().is_empty() {
                return Argument { name: None, value: part, span };
            }
            let value = rest.trim_start();
            let name = Some((word, span.start..span.start + word.len()));
            Argument { name, value, span: span.end - value.len()..span.end }
        })
        .collect()
}
