//! What is left of a renewal interval that a random instant falls into.

use super::{Dist, hyper_exponential_inverse};
use crate::engine::random::unit_open;
use crate::engine::special::{incomplete_gamma, normal_upper_tail};

impl Dist {
    /// A draw of the equilibrium distribution F_e(x) = (1 / mean) * (integral from 0 to x of 1 - F): the time to the
    /// next renewal, seen from an instant far from the start. A process whose first interval is drawn so is
    /// stationary from the start (Cox, "Renewal Theory", 1962, chapter 5).
    ///
    /// `None` where the mean is infinite: there is no such distribution. Never decreasing in `u`. Lognormal and
    /// Weibull are inverted by bisection, microseconds a draw: fit for once an entity.
    pub fn sample_residual(&self, u: u64) -> Option<f64> {
        let mean = self.mean();
        if !mean.is_finite() {
            return None;
        }
        let p = unit_open(u);
        let q = 1.0 - p;
        let rest = match self {
            Self::Constant(value) => value * p,
            Self::Uniform { low, high } => {
                let area = mean * p;
                if area <= *low { area } else { high - (2.0 * (high - low) * mean * q).sqrt() }
            }
            Self::Exponential { .. } => self.sample(u),
            Self::LogNormal { median, .. } if self.is_constant() => median * p,
            Self::LogNormal { sigma, .. } => mean * log_normal_residual(*sigma, p, q),
            Self::Weibull { shape, .. } => mean * weibull_residual(*shape, p, q),
            Self::Pareto { min, alpha } => {
                let below_min = mean * p;
                if below_min <= *min { below_min } else { min * libm::pow(alpha * q, -1.0 / (alpha - 1.0)) }
            }
            Self::Lomax { scale, alpha } => scale * libm::expm1(-libm::log(q) / (alpha - 1.0)),
            Self::HyperExponential(branches) => {
                let by_length: Vec<_> =
                    branches.iter().map(|&(probability, branch)| (probability * branch / mean, branch)).collect();
                hyper_exponential_inverse(&by_length, q)
            }
            Self::Empirical(values) => empirical_residual(values, mean * p),
        };
        // A heavy tail can exceed what a number holds.
        Some(rest.min(f64::MAX))
    }
}

/// The x at which the area under 1 - F is `area`, F being the distribution function of the sorted `values`.
fn empirical_residual(values: &[f64], area: f64) -> f64 {
    let count = values.len() as f64;
    let (mut start, mut before) = (0.0, 0.0);
    for (rank, &end) in values.iter().enumerate() {
        let height = (count - rank as f64) / count;
        let here = before + (end - start) * height;
        if here >= area {
            return (start + (area - before) / height).min(end);
        }
        (start, before) = (end, here);
    }
    start
}

/// The equilibrium quantile of a lognormal distribution with mean 1.
///
/// At x = e^y with z = (y + sigma^2 / 2) / sigma, the lower tail is x * P(Z > z) + P(Z > sigma - z), Z being
/// standard normal, and the upper tail P(Z > z - sigma) - x * P(Z > z).
fn log_normal_residual(sigma: f64, p: f64, q: f64) -> f64 {
    let tails = |y: f64| {
        let z = (y + sigma * sigma / 2.0) / sigma;
        let long = libm::exp(y) * normal_upper_tail(z);
        (long + normal_upper_tail(sigma - z), normal_upper_tail(z - sigma) - long)
    };
    // A tail of 2^-53 is 8.3 sigma above the mean logarithm of what counts by length.
    libm::exp(log_quantile(tails, p, q, sigma * sigma / 2.0 + 10.0 * sigma + 1.0))
}

/// The equilibrium quantile of a Weibull distribution with mean 1: the tails are the incomplete gamma functions of
/// 1/shape at (x * Gamma(1 + 1/shape))^shape.
fn weibull_residual(shape: f64, p: f64, q: f64) -> f64 {
    let inverse = 1.0 / shape;
    let log_gamma = libm::lgamma(1.0 + inverse);
    let tails = |y: f64| incomplete_gamma(inverse, libm::exp(shape * (y + log_gamma)));
    // By Chernoff's bound the upper tail at 4/shape + 80 is below e^-60 for every shape.
    libm::exp(log_quantile(tails, p, q, libm::log(4.0 * inverse + 80.0) * inverse - log_gamma))
}

/// The y at which `tails(y)`, the lower and upper tail, are `p` and `q`, looked for by bisection from -40 to `high`.
///
/// No equilibrium distribution function exceeds x / mean, so that with mean 1 the solution for `p` of 2^-53 or
/// more is above -37. The smaller tail decides, which has the digits.
fn log_quantile(tails: impl Fn(f64) -> (f64, f64), p: f64, q: f64, high: f64) -> f64 {
    let (mut low, mut high) = (-40.0, high);
    loop {
        let middle = low + (high - low) / 2.0;
        if !(middle > low && middle < high) {
            return middle;
        }
        let (lower, upper) = tails(middle);
        let too_small = if p < 0.5 { lower < p } else { upper > q };
        if too_small {
            low = middle;
        } else {
            high = middle;
        }
    }
}
