//! Inference over replications: Student's t and the intervals made with it.
//!
//! The replication is the unit: one value a replication, never one a message. Sums run in the order given, so that
//! equal values in equal order give the same bits.

use std::cell::Cell;

use crate::engine::special::{half_step_gamma_ratio, normal_quantile, student_two_tails};

/// A two-sided confidence interval for a mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The mean of the values.
    pub mean: f64,
    /// Half the interval's width: the t quantile times the standard error.
    pub half_width: f64,
    /// How many values.
    pub n: usize,
}

impl Interval {
    /// Student's t interval for the mean of independent `values`, one a replication, at a `confidence` such as 0.95.
    ///
    /// `None` for fewer than two values, values that are not all finite, or a confidence outside (0, 1): no
    /// interval is better than one without a meaning.
    pub fn new(values: &[f64], confidence: f64) -> Option<Self> {
        let n = values.len();
        if n < 2 || !(confidence > 0.0 && confidence < 1.0) {
            return None;
        }
        let mean = mean(values)?;
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        let freedom = (n - 1) as f64;
        let standard_error = (squares / freedom / n as f64).sqrt();
        let half_width = known_t_quantile(0.5 + confidence / 2.0, freedom) * standard_error;
        half_width.is_finite().then_some(Self { mean, half_width, n })
    }

    /// The interval for the mean of the differences `values[i] - baseline[i]`: for replications that met the same
    /// world, narrower than one from the two means. `None` as for [`Interval::new`], or for unequal lengths.
    pub fn of_differences(values: &[f64], baseline: &[f64], confidence: f64) -> Option<Self> {
        if values.len() != baseline.len() {
            return None;
        }
        let differences: Vec<f64> = values.iter().zip(baseline).map(|(value, base)| value - base).collect();
        Self::new(&differences, confidence)
    }

    /// The lower end.
    pub fn low(&self) -> f64 {
        self.mean - self.half_width
    }

    /// The upper end.
    pub fn high(&self) -> f64 {
        self.mean + self.half_width
    }
}

/// The arithmetic mean in two passes, the second for what rounding took from the first; `None` without values or
/// where one is not finite.
pub fn mean(values: &[f64]) -> Option<f64> {
    let count = values.len() as f64;
    let first = values.iter().sum::<f64>() / count;
    let mean = first + values.iter().map(|value| value - first).sum::<f64>() / count;
    mean.is_finite().then_some(mean)
}

/// [`student_t_quantile`], kept: each number and each point of a series of a run asks for the same few.
fn known_t_quantile(p: f64, freedom: f64) -> f64 {
    thread_local!(static LAST: Cell<Option<[f64; 3]>> = const { Cell::new(None) });
    match LAST.get() {
        Some([of, with, t]) if of == p && with == freedom => t,
        _ => {
            let t = student_t_quantile(p, freedom);
            LAST.set(Some([p, freedom, t]));
            t
        }
    }
}

/// The quantile of Student's t with `freedom` degrees of freedom (above 0, whole or not) for 0 < `p` < 1; infinite
/// at 0 and 1, not a number beyond. Relative accuracy 1e-12 or better where the tests look, from 1 to a million degrees.
///
/// Newton's method on the upper tail from the normal quantile, which is always too small: the tail is convex, so
/// that no step passes the solution.
pub fn student_t_quantile(p: f64, freedom: f64) -> f64 {
    const STEPS_MAX: u32 = 200;
    if !(0.0..=1.0).contains(&p) || freedom.is_nan() || freedom <= 0.0 {
        return f64::NAN;
    }
    let tail = p.min(1.0 - p);
    let mut t = normal_quantile(1.0 - tail, tail);
    if t.is_finite() {
        let peak = half_step_gamma_ratio(freedom / 2.0) / (freedom * std::f64::consts::PI).sqrt();
        for _ in 0..STEPS_MAX {
            let density = peak * libm::exp(-(freedom + 1.0) / 2.0 * libm::log1p(t * t / freedom));
            let step = (student_two_tails(t, freedom) / 2.0 - tail) / density;
            if step.is_nan() || step <= t * 1e-15 {
                break;
            }
            t += step;
        }
    }
    if p < 0.5 { -t } else { t }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(value: f64, expected: f64, tolerance: f64) {
        assert!((value - expected).abs() <= tolerance * expected.abs(), "{value:?} instead of {expected:?}");
    }

    /// Values from 40-digit arithmetic. (Some printed tables and libraries are off by 1e-11 to 1e-9 here.)
    #[test]
    fn t_quantiles_agree_with_tables() {
        for (p, freedom, expected) in [
            (0.975, 1.0, 12.706_204_736_174_693),
            (0.975, 2.0, 4.302_652_729_749_462),
            (0.975, 4.0, 2.776_445_105_197_793_4),
            (0.975, 9.0, 2.262_157_162_798_205),
            (0.975, 19.0, 2.093_024_054_408_309),
            (0.975, 30.0, 2.042_272_456_301_237_9),
            (0.995, 9.0, 3.249_835_541_592_126),
            (0.9, 3.0, 1.637_744_353_696_210_4),
            (0.975, 99.0, 1.984_216_951_586_417_2),
            (0.995, 999.0, 2.580_759_637_267_636_5),
            (0.975, 1_000_000.0, 1.959_966_356_814_106_6),
            (0.9995, 9.0, 4.780_912_585_931_218),
            (0.75, 2.5, 0.785_013_682_992_301_1),
            (0.55, 40.0, 0.126_461_718_365_106_6),
            (0.999, 100_000.0, 3.090_313_809_427_237_3),
        ] {
            assert_close(student_t_quantile(p, freedom), expected, 1e-12);
        }
    }

    #[test]
    fn t_quantiles_of_one_and_two_degrees_are_in_closed_form() {
        for p in [0.501, 0.6, 0.9, 0.999, 0.999_999] {
            assert_close(student_t_quantile(p, 1.0), 1.0 / libm::tan(std::f64::consts::PI * (1.0 - p)), 1e-12);
            let two = (2.0 * p - 1.0) / (2.0 * p * (1.0 - p)).sqrt();
            assert_close(student_t_quantile(p, 2.0), two, 1e-12);
        }
    }

    #[test]
    fn t_quantiles_are_symmetric_and_end_at_infinity() {
        assert_eq!(student_t_quantile(0.5, 7.0), 0.0);
        assert_eq!(student_t_quantile(0.25, 7.0), -student_t_quantile(0.75, 7.0));
        assert_eq!([0.0, 1.0].map(|p| student_t_quantile(p, 3.0)), [f64::NEG_INFINITY, f64::INFINITY]);
        assert!(student_t_quantile(1.5, 3.0).is_nan() && student_t_quantile(0.9, 0.0).is_nan());
    }

    #[test]
    fn an_interval_is_the_textbook_one() {
        let interval = Interval::new(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.95).unwrap();
        assert_eq!((interval.mean, interval.n), (3.0, 5));
        assert_close(interval.half_width, 2.776_445_105_197_793_4 * 0.5f64.sqrt(), 1e-12);
        assert_eq!((interval.low() + interval.high()) / 2.0, 3.0);
    }

    #[test]
    fn no_interval_without_a_meaning() {
        assert_eq!(Interval::new(&[], 0.95), None);
        assert_eq!(Interval::new(&[1.0], 0.95), None);
        assert_eq!(Interval::new(&[1.0, f64::NAN], 0.95), None);
        assert_eq!(Interval::new(&[1.0, f64::INFINITY], 0.95), None);
        assert_eq!(Interval::new(&[1.0, 2.0], 1.0), None);
        assert_eq!(Interval::of_differences(&[1.0, 2.0], &[1.0], 0.95), None);
        assert_eq!(mean(&[]), None);
    }

    #[test]
    fn common_luck_cancels_in_differences() {
        let paired = Interval::of_differences(&[11.0, 22.0, 33.0], &[10.0, 21.0, 32.0], 0.95).unwrap();
        assert_eq!((paired.mean, paired.half_width), (1.0, 0.0));
    }
}
