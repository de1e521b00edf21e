//! Distributions of random quantities, drawn by inversion.
//!
//! A draw is a never decreasing function of one uniform word. So two variants that draw with the same word see the
//! same luck, even under distributions with other parameters (common random numbers). Elementary functions are
//! `libm`'s: the same bits on every machine.

mod residual;

use std::sync::Arc;

use crate::engine::logarithm::minus_ln;
use crate::engine::random::{below, unit_open};
use crate::engine::special::normal_quantile;
use crate::engine::time::SimDuration;

/// The distribution of a quantity that is never negative, in seconds wherever it is a span.
#[derive(Debug, Clone, PartialEq)]
pub enum Dist {
    /// Always the same value.
    Constant(f64),
    /// Equally likely from `low` to `high`.
    Uniform { low: f64, high: f64 },
    /// Without memory.
    Exponential { mean: f64 },
    /// `median` times e to the power of `sigma` times a standard normal variable.
    LogNormal { median: f64, sigma: f64 },
    /// P(X > x) = exp(-(x / scale)^shape): below shape 1, what has lasted lasts.
    Weibull { scale: f64, shape: f64 },
    /// P(X > x) = (min / x)^alpha from `min` on. The mean is infinite unless `alpha` exceeds 1.
    Pareto { min: f64, alpha: f64 },
    /// Pareto moved to start at 0: P(X > x) = (1 + x / scale)^-alpha.
    Lomax { scale: f64, alpha: f64 },
    /// One of several exponentials: pairs of a probability and a mean, the probabilities adding up to 1.
    HyperExponential(Arc<[(f64, f64)]>),
    /// One of these values, each equally likely; in ascending order.
    Empirical(Arc<[f64]>),
}

/// Why the parameters of a distribution do not make one.
#[derive(Debug, Clone, PartialEq)]
pub enum InvalidDist {
    /// The parameter of this name must be a finite number above 0 and is this.
    NotPositive(&'static str, f64),
    /// The parameter of this name must be a finite number, 0 or above, and is this.
    Negative(&'static str, f64),
    /// A uniform distribution from `low` down to `high`.
    Reversed { low: f64, high: f64 },
    /// No values, or no branches.
    Empty,
    /// The branches' probabilities add up to this instead of 1.
    ProbabilitySum(f64),
    /// Empirical values out of order.
    Unsorted,
}

impl std::fmt::Display for InvalidDist {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotPositive(name, value) => write!(f, "{name} must be above 0, not {value}"),
            Self::Negative(name, value) => write!(f, "{name} must be 0 or above, not {value}"),
            Self::Reversed { low, high } => write!(f, "a uniform distribution cannot go from {low} down to {high}"),
            Self::Empty => f.write_str("a distribution needs at least one value"),
            Self::ProbabilitySum(sum) => write!(f, "the probabilities add up to {sum} instead of 1"),
            Self::Unsorted => f.write_str("empirical values must be in ascending order"),
        }
    }
}

impl std::error::Error for InvalidDist {}

impl Dist {
    /// Whether the parameters make a distribution, else the first that does not. Everything else here takes that
    /// for granted, and gives meaningless numbers, but no panic, without.
    pub fn check(&self) -> Result<(), InvalidDist> {
        let positive = |name, value: f64| match value.is_finite() && value > 0.0 {
            true => Ok(()),
            false => Err(InvalidDist::NotPositive(name, value)),
        };
        let not_negative = |name, value: f64| match value.is_finite() && value >= 0.0 {
            true => Ok(()),
            false => Err(InvalidDist::Negative(name, value)),
        };
        match self {
            Self::Constant(value) => not_negative("a constant", *value),
            Self::Uniform { low, high } => {
                not_negative("low", *low)?;
                not_negative("high", *high)?;
                if low <= high { Ok(()) } else { Err(InvalidDist::Reversed { low: *low, high: *high }) }
            }
            Self::Exponential { mean } => positive("mean", *mean),
            Self::LogNormal { median, sigma } => positive("median", *median).and(not_negative("sigma", *sigma)),
            Self::Weibull { scale, shape } => positive("scale", *scale).and(positive("shape", *shape)),
            Self::Pareto { min, alpha } => positive("min", *min).and(positive("alpha", *alpha)),
            Self::Lomax { scale, alpha } => positive("scale", *scale).and(positive("alpha", *alpha)),
            Self::HyperExponential(branches) => {
                if branches.is_empty() {
                    return Err(InvalidDist::Empty);
                }
                for &(probability, mean) in branches.iter() {
                    not_negative("a probability", probability)?;
                    positive("a mean", mean)?;
                }
                let sum: f64 = branches.iter().map(|branch| branch.0).sum();
                if (sum - 1.0).abs() <= 1e-9 { Ok(()) } else { Err(InvalidDist::ProbabilitySum(sum)) }
            }
            Self::Empirical(values) => {
                values.iter().try_for_each(|&value| not_negative("an empirical value", value))?;
                match values.is_empty() {
                    true => Err(InvalidDist::Empty),
                    false if !values.is_sorted() => Err(InvalidDist::Unsorted),
                    false => Ok(()),
                }
            }
        }
    }

    /// The value that the uniform word `u` stands for.
    #[inline(always)]
    pub fn sample(&self, u: u64) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Exponential { mean } => mean * minus_ln(1.0 - unit_open(u)),
            _ => self.sample_other(u),
        }
    }

    /// The value that a word stands for which is only drawn where the value depends on it.
    #[inline(always)]
    pub fn sample_from(&self, draw: impl FnOnce() -> u64) -> f64 {
        match self {
            Self::Constant(value) => *value,
            _ => self.sample(draw()),
        }
    }

    /// What takes longer to draw than a call costs.
    #[inline(never)]
    fn sample_other(&self, u: u64) -> f64 {
        if let Self::Empirical(values) = self {
            return values.get(below(u, values.len() as u64) as usize).copied().unwrap_or(0.0);
        }
        let p = unit_open(u);
        // A heavy tail can exceed what a number holds.
        self.inverse(p, 1.0 - p).min(f64::MAX)
    }

    /// [`Dist::sample`] as a span: seconds, rounded to the nanosecond, never negative, the longest span at most.
    #[inline]
    pub fn sample_span(&self, u: u64) -> SimDuration {
        SimDuration::from_secs_f64(self.sample(u))
    }

    /// The smallest value that a share `p` of all values does not exceed; at 0 the minimum, at 1 the least upper
    /// bound, which may be infinite. `p` outside 0..1 counts as the nearer end.
    pub fn quantile(&self, p: f64) -> f64 {
        let p = p.clamp(0.0, 1.0);
        if p == 0.0 { self.min() } else { self.inverse(p, 1.0 - p) }
    }

    /// The value with lower tail `p` and upper tail `q`.
    fn inverse(&self, p: f64, q: f64) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Uniform { low, high } => low + (high - low) * p,
            Self::Exponential { mean } => -mean * libm::log(q),
            Self::LogNormal { median, .. } if self.is_constant() => *median,
            Self::LogNormal { median, sigma } => median * libm::exp(sigma * normal_quantile(p, q)),
            Self::Weibull { scale, shape } => scale * libm::pow(-libm::log(q), 1.0 / shape),
            Self::Pareto { min, alpha } => min * libm::pow(q, -1.0 / alpha),
            Self::Lomax { scale, alpha } => scale * libm::expm1(-libm::log(q) / alpha),
            Self::HyperExponential(branches) => hyper_exponential_inverse(branches, q),
            Self::Empirical(values) => {
                let rank = libm::ceil(p * values.len() as f64) as usize;
                values.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
            }
        }
    }

    /// The expected value; infinite for `Pareto` and `Lomax` with `alpha` of 1 or below.
    pub fn mean(&self) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Uniform { low, high } => low + (high - low) / 2.0,
            Self::Exponential { mean } => *mean,
            Self::LogNormal { median, sigma } => median * libm::exp(sigma * sigma / 2.0),
            Self::Weibull { scale, shape } => scale * libm::tgamma(1.0 + 1.0 / shape),
            Self::Pareto { alpha, .. } | Self::Lomax { alpha, .. } if *alpha <= 1.0 => f64::INFINITY,
            Self::Pareto { min, alpha } => min * alpha / (alpha - 1.0),
            Self::Lomax { scale, alpha } => scale / (alpha - 1.0),
            Self::HyperExponential(branches) => branches.iter().map(|(probability, mean)| probability * mean).sum(),
            Self::Empirical(values) => values.iter().sum::<f64>() / values.len().max(1) as f64,
        }
    }

    /// The greatest lower bound of the values.
    pub fn min(&self) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Uniform { low, .. } => *low,
            Self::Pareto { min, .. } => *min,
            Self::LogNormal { median, .. } if self.is_constant() => *median,
            Self::Exponential { .. }
            | Self::LogNormal { .. }
            | Self::Weibull { .. }
            | Self::Lomax { .. }
            | Self::HyperExponential(_) => 0.0,
            Self::Empirical(values) => values.first().copied().unwrap_or(0.0),
        }
    }

    /// Whether every draw is the same.
    pub fn is_constant(&self) -> bool {
        match self {
            Self::Constant(_) => true,
            Self::Uniform { low, high } => low == high,
            Self::LogNormal { sigma, .. } => *sigma == 0.0,
            Self::Empirical(values) => values.first() == values.last(),
            _ => false,
        }
    }

    /// Whether every draw is 0.
    pub fn is_zero(&self) -> bool {
        self.is_constant() && self.min() == 0.0
    }
}

/// The x at which the sum of `probability * exp(-x / mean)` over the branches is `q`.
///
/// Minus the logarithm of that sum is increasing and concave in x, so that Newton's steps from a point below the
/// solution never pass it. The start is the best of the bounds that each branch alone and the hazard at 0 give.
fn hyper_exponential_inverse(branches: &[(f64, f64)], q: f64) -> f64 {
    const STEPS_MAX: u32 = 64;
    let depth = -libm::log(q);
    if depth == f64::INFINITY {
        return f64::INFINITY;
    }
    let hazard: f64 = branches.iter().map(|(probability, mean)| probability / mean).sum();
    let mut x = branches
        .iter()
        .map(|&(probability, mean)| mean * (depth + libm::log(probability)))
        .fold(depth / hazard, f64::max);
    for _ in 0..STEPS_MAX {
        let (mut tail, mut density) = (0.0, 0.0);
        for &(probability, mean) in branches {
            let share = probability * libm::exp(-x / mean);
            tail += share;
            density += share / mean;
        }
        let step = (depth + libm::log(tail)) * tail / density;
        if step.is_nan() || step <= x * 1e-15 {
            break;
        }
        x += step;
    }
    x
}

#[cfg(test)]
mod tests;
