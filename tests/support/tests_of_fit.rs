//! Tests of goodness of fit, for tests of simulated quantities against theory.

/// The two-sample Kolmogorov-Smirnov statistic, the greatest distance between two empirical distribution functions,
/// and its asymptotic p value (Stephens' correction for finite samples, as in Press et al., "Numerical Recipes",
/// section 14.3). Ties make the p value too large, never too small. `None` for an empty sample or one with NaN.
pub fn kolmogorov_smirnov(one: &[f64], other: &[f64]) -> Option<(f64, f64)> {
    if one.is_empty() || other.is_empty() || one.iter().chain(other).any(|value| value.is_nan()) {
        return None;
    }
    let sorted = |values: &[f64]| {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        values
    };
    let (one, other) = (sorted(one), sorted(other));
    let (n, m) = (one.len() as f64, other.len() as f64);
    let (mut i, mut j, mut distance) = (0, 0, 0.0f64);
    while i < one.len() && j < other.len() {
        let value = one[i].min(other[j]);
        i += one[i..].iter().take_while(|&&x| x <= value).count();
        j += other[j..].iter().take_while(|&&x| x <= value).count();
        distance = distance.max((i as f64 / n - j as f64 / m).abs());
    }
    let size = (n * m / (n + m)).sqrt();
    Some((distance, kolmogorov_upper_tail((size + 0.12 + 0.11 / size) * distance)))
}

/// P(K > x) for Kolmogorov's limiting distribution, by whichever of its two series converges fast.
pub fn kolmogorov_upper_tail(x: f64) -> f64 {
    use std::f64::consts::PI;
    if x <= 0.0 {
        return 1.0;
    }
    if x < 1.0 {
        let below: f64 = (0..20).map(|k| f64::from(2 * k + 1) * PI / x).map(|odd| libm::exp(-odd * odd / 8.0)).sum();
        return 1.0 - (2.0 * PI).sqrt() / x * below;
    }
    (1..20).map(|k| if k % 2 == 1 { 2.0 } else { -2.0 } * libm::exp(-2.0 * f64::from(k * k) * x * x)).sum()
}

/// Pearson's statistic of `observed` counts against `expected` ones, and its p value with `parameters` of the
/// expectation estimated from the data. `None` for unequal lengths, an expectation not above 0, or no freedom left.
pub fn chi_square(observed: &[u64], expected: &[f64], parameters: usize) -> Option<(f64, f64)> {
    let freedom = observed.len().checked_sub(1 + parameters)?;
    let expectations_hold = expected.iter().all(|&count| count > 0.0 && count.is_finite());
    if freedom == 0 || observed.len() != expected.len() || !expectations_hold {
        return None;
    }
    let statistic = observed.iter().zip(expected).map(|(&o, &e)| (o as f64 - e) * (o as f64 - e) / e).sum();
    Some((statistic, chi_square_upper_tail(statistic, freedom as f64)))
}

/// P(X > x) for chi-square with `freedom` degrees: the regularised incomplete gamma function Q(freedom/2, x/2),
/// by its power series below the mean and Legendre's continued fraction above.
pub fn chi_square_upper_tail(x: f64, freedom: f64) -> f64 {
    let (a, x) = (freedom / 2.0, x / 2.0);
    if x <= 0.0 {
        return 1.0;
    }
    let scale = libm::exp(a * libm::log(x) - x - libm::lgamma(a));
    if x < a + 1.0 {
        let (mut term, mut sum, mut k) = (1.0 / a, 1.0 / a, a);
        while term > sum * 1e-17 {
            k += 1.0;
            term *= x / k;
            sum += term;
        }
        return (1.0 - scale * sum).max(0.0);
    }
    // From the far end of the fraction, in steps enough for every x above the mean.
    let steps = 200 + (10.0 * a.sqrt()) as u32;
    let rest = (1..=steps).rev().map(f64::from).fold(0.0, |rest, n| n * (a - n) / (x + 2.0 * n + 1.0 - a + rest));
    scale / (x + 1.0 - a + rest)
}
