use super::*;
use crate::engine::random::Stream;

fn hyper() -> Dist {
    Dist::HyperExponential([(0.7, 1.0), (0.25, 20.0), (0.05, 300.0)].into())
}

/// Each distribution with its second moment in closed form.
fn with_second_moments() -> Vec<(Dist, f64)> {
    vec![
        (Dist::Constant(3.0), 9.0),
        (Dist::Uniform { low: 1.0, high: 4.0 }, 7.0),
        (Dist::Exponential { mean: 5.0 }, 50.0),
        (Dist::LogNormal { median: 2.0, sigma: 0.5 }, 4.0 * libm::exp(0.5)),
        (Dist::Weibull { scale: 3.0, shape: 2.0 }, 9.0),
        (Dist::Weibull { scale: 3.0, shape: 0.75 }, 9.0 * libm::tgamma(1.0 + 2.0 / 0.75)),
        (Dist::Pareto { min: 2.0, alpha: 6.0 }, 6.0),
        (Dist::Lomax { scale: 2.0, alpha: 6.0 }, 0.4),
        (hyper(), 2.0 * (0.7 + 0.25 * 400.0 + 0.05 * 90_000.0)),
        (Dist::Empirical([0.0, 1.0, 1.0, 4.0].into()), 4.5),
    ]
}

/// Words in the middles of `count` equal cells, in ascending order.
fn even_words(count: u64) -> impl Iterator<Item = u64> {
    (0..count).map(move |n| (u64::MAX / count) * n + u64::MAX / count / 2)
}

fn assert_close(what: &str, value: f64, expected: f64, tolerance: f64) {
    assert!((value - expected).abs() <= tolerance * expected.abs(), "{what}: {value:?} instead of {expected:?}");
}

#[test]
fn draws_have_the_means_and_second_moments_of_theory() {
    const DRAWS: u64 = 1 << 17;
    for (dist, second) in with_second_moments() {
        let (mut sum, mut squares) = (0.0, 0.0);
        for value in even_words(DRAWS).map(|u| dist.sample(u)) {
            sum += value;
            squares += value * value;
        }
        assert_close(&format!("mean of {dist:?}"), sum / DRAWS as f64, dist.mean(), 2e-3);
        assert_close(&format!("square of {dist:?}"), squares / DRAWS as f64, second, 2e-2);
    }
}

#[test]
fn residual_draws_have_the_mean_of_renewal_theory() {
    const DRAWS: u64 = 1 << 13;
    for (dist, second) in with_second_moments() {
        let sum: f64 = even_words(DRAWS).filter_map(|u| dist.sample_residual(u)).sum();
        assert_close(&format!("residual of {dist:?}"), sum / DRAWS as f64, second / (2.0 * dist.mean()), 1e-2);
    }
}

/// The residual's distribution function, integrated from 1 - F, at the residual's own quantiles.
#[test]
fn residual_quantiles_cut_the_area_they_should() {
    const STEPS: u64 = 1 << 16;
    for (dist, _) in with_second_moments() {
        for u in [1 << 60, 1 << 62, 1 << 63, 3 << 62] {
            let end = dist.sample_residual(u).unwrap();
            let area: f64 =
                (0..STEPS).map(|n| end * (n as f64 + 0.5) / STEPS as f64).map(|x| upper_tail(&dist, x)).sum();
            let share = area * end / STEPS as f64 / dist.mean();
            assert_close(&format!("{dist:?} at {u:#x}"), share, unit_open(u), 2e-4);
        }
    }
}

/// 1 - F in closed form.
fn upper_tail(dist: &Dist, x: f64) -> f64 {
    match dist {
        Dist::Constant(value) => f64::from(x < *value),
        Dist::Uniform { low, high } => ((high - x) / (high - low)).clamp(0.0, 1.0),
        Dist::Exponential { mean } => libm::exp(-x / mean),
        Dist::LogNormal { median, sigma } => 0.5 * libm::erfc(libm::log(x / median) / sigma / 2f64.sqrt()),
        Dist::Weibull { scale, shape } => libm::exp(-libm::pow(x / scale, *shape)),
        Dist::Pareto { min, alpha } => libm::pow(min / x.max(*min), *alpha),
        Dist::Lomax { scale, alpha } => libm::pow(1.0 + x / scale, -alpha),
        Dist::HyperExponential(branches) => branches.iter().map(|(share, mean)| share * libm::exp(-x / mean)).sum(),
        Dist::Empirical(values) => values.iter().filter(|&&value| value > x).count() as f64 / values.len() as f64,
    }
}

#[test]
fn quantiles_invert_the_distribution_functions() {
    for (dist, _) in with_second_moments() {
        if matches!(dist, Dist::Constant(_) | Dist::Empirical(_)) {
            continue;
        }
        for p in [1e-6, 0.1, 0.5, 0.9, 0.999, 0.999_999] {
            assert_close(&format!("{dist:?} at {p}"), upper_tail(&dist, dist.quantile(p)), 1.0 - p, 1e-9);
        }
    }
}

#[test]
fn empirical_quantiles_are_the_smallest_values_not_exceeded() {
    let dist = Dist::Empirical([1.0, 2.0, 3.0, 4.0].into());
    let quantiles = [0.0, 0.25, 0.26, 0.5, 0.75, 1.0].map(|p| dist.quantile(p));
    assert_eq!(quantiles, [1.0, 1.0, 2.0, 2.0, 3.0, 4.0]);
    assert_eq!([0, 1 << 62, 1 << 63, u64::MAX].map(|u| dist.sample(u)), [1.0, 2.0, 3.0, 4.0]);
}

#[test]
fn draws_rise_with_their_word_and_stay_finite() {
    let mut stream = Stream::new(1, 0, "test", "words", "order");
    let mut words: Vec<u64> = (0..4096).map(|_| stream.next_u64()).chain(even_words(4096)).collect();
    words.extend([0, u64::MAX]);
    words.sort_unstable();
    let steep = [
        Dist::LogNormal { median: 1.0, sigma: 3.0 },
        Dist::LogNormal { median: 1.0, sigma: 0.01 },
        Dist::Weibull { scale: 1.0, shape: 0.2 },
        Dist::Pareto { min: 1.0, alpha: 1.05 },
        Dist::Lomax { scale: 1.0, alpha: 0.5 },
        Dist::HyperExponential([(0.999, 1e-3), (0.001, 1e6), (0.0, 5.0)].into()),
    ];
    for dist in with_second_moments().into_iter().map(|(dist, _)| dist).chain(steep) {
        let values: Vec<f64> = words.iter().map(|&u| dist.sample(u)).collect();
        assert!(values.is_sorted() && values.iter().all(|value| value.is_finite() && *value >= 0.0), "{dist:?}");
        let spread: Vec<u64> = words.iter().copied().step_by(64).chain([u64::MAX]).collect();
        let residuals: Vec<f64> = spread.iter().filter_map(|&u| dist.sample_residual(u)).collect();
        assert_eq!(residuals.is_empty(), dist.mean().is_infinite());
        assert!(residuals.is_sorted() && residuals.iter().all(|value| value.is_finite() && *value >= 0.0), "{dist:?}");
    }
}

#[test]
fn without_a_finite_mean_there_is_no_residual() {
    for dist in [Dist::Pareto { min: 1.0, alpha: 1.0 }, Dist::Lomax { scale: 1.0, alpha: 0.9 }] {
        assert_eq!(dist.mean(), f64::INFINITY);
        assert_eq!(dist.sample_residual(1 << 63), None);
    }
}

#[test]
fn constants_and_zeros_are_known_for_what_they_are() {
    let constants = [
        Dist::Constant(0.0),
        Dist::Uniform { low: 0.0, high: 0.0 },
        Dist::Empirical([0.0, 0.0].into()),
        Dist::LogNormal { median: 2.0, sigma: 0.0 },
    ];
    assert_eq!(constants.clone().map(|dist| dist.is_constant()), [true; 4]);
    assert_eq!(constants.clone().map(|dist| dist.is_zero()), [true, true, true, false]);
    assert_eq!(constants.map(|dist| (dist.min(), dist.sample(77))), [(0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (2.0, 2.0)]);
    assert!(!hyper().is_constant() && !Dist::Uniform { low: 0.0, high: 1.0 }.is_zero());
}

#[test]
fn spans_are_rounded_to_the_nanosecond() {
    assert_eq!(Dist::Constant(1.5e-9).sample_span(0).as_nanos(), 2);
    assert_eq!(Dist::Constant(1e300).sample_span(0), SimDuration::MAX);
    assert_eq!(Dist::Exponential { mean: 60.0 }.sample_span(1 << 63).as_nanos(), 41_588_830_834);
}

#[test]
fn wrong_parameters_are_refused() {
    let wrong = [
        (Dist::Constant(-1.0), InvalidDist::Negative("a constant", -1.0)),
        (Dist::Exponential { mean: 0.0 }, InvalidDist::NotPositive("mean", 0.0)),
        (Dist::Exponential { mean: f64::INFINITY }, InvalidDist::NotPositive("mean", f64::INFINITY)),
        (Dist::Uniform { low: 2.0, high: 1.0 }, InvalidDist::Reversed { low: 2.0, high: 1.0 }),
        (Dist::HyperExponential([(0.5, 1.0)].into()), InvalidDist::ProbabilitySum(0.5)),
        (Dist::HyperExponential([].into()), InvalidDist::Empty),
        (Dist::Empirical([].into()), InvalidDist::Empty),
        (Dist::Empirical([2.0, 1.0].into()), InvalidDist::Unsorted),
    ];
    for (dist, error) in wrong {
        assert_eq!(dist.check(), Err(error));
        let _ = (dist.sample(5), dist.sample_residual(5), dist.quantile(0.5), dist.min());
    }
    assert!(Dist::Weibull { scale: 1.0, shape: f64::NAN }.check().is_err());
    assert!(with_second_moments().iter().all(|(dist, _)| dist.check().is_ok()));
}

/// Reference values from 40-digit arithmetic.
#[test]
fn values_are_what_they_have_always_been() {
    let words = [0x1999_9999_9999_9999, 0x8000_0000_0000_0000, 0xffff_0000_0000_0000];
    for (dist, values) in [
        (Dist::Exponential { mean: 5.0 }, [0.526_802_578_289_131_4, 3.465_735_902_799_728, 55.451_774_444_832_004]),
        (
            Dist::LogNormal { median: 2.0, sigma: 0.5 },
            [1.053_767_036_592_072_8, 2.000_000_000_000_000_4, 16.085_718_718_697_283],
        ),
        (
            Dist::Weibull { scale: 3.0, shape: 0.75 },
            [0.149_288_070_414_560_5, 1.840_299_618_598_255_6, 74.196_231_282_799_23],
        ),
        (
            Dist::Pareto { min: 2.0, alpha: 1.25 },
            [2.175_885_249_691_059_5, 3.482_202_253_184_497_4, 14_263.100_429_126_72],
        ),
        (
            Dist::Lomax { scale: 2.0, alpha: 1.25 },
            [0.175_885_249_691_059_48, 1.482_202_253_184_497_2, 14_261.100_429_126_72],
        ),
        (hyper(), [0.150_980_204_370_449_87, 1.182_537_924_374_893, 2_428.386_784_623_723]),
    ] {
        for (u, expected) in words.into_iter().zip(values) {
            assert_close(&format!("{dist:?}"), dist.sample(u), expected, 4e-15);
        }
    }
}

#[test]
fn equilibrium_quantiles_agree_with_forty_digit_arithmetic() {
    for (dist, expected) in [
        (Dist::LogNormal { median: 2.0, sigma: 0.5 }, 3.018_147_650_120_460_5),
        (Dist::LogNormal { median: 2.0, sigma: 1.5 }, 64.277_400_816_395_64),
        (Dist::Weibull { scale: 3.0, shape: 0.75 }, 12.177_320_832_029_588),
        (Dist::Weibull { scale: 3.0, shape: 2.0 }, 3.489_261_461_030_022_5),
        (Dist::Pareto { min: 2.0, alpha: 3.0 }, 3.651_483_716_701_107_6),
    ] {
        assert_close(&format!("{dist:?}"), dist.sample_residual(0xe666_6666_6666_6666).unwrap(), expected, 1e-12);
    }
}
