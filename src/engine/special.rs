//! Special functions of probability on `libm`, so that they give the same bits on every machine.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// The standard normal quantile for lower tail `p` and upper tail `q = 1 - p`, both given so that neither tail
/// loses digits; infinite where one of them is 0.
///
/// Wichura, "Algorithm AS 241: The Percentage Points of the Normal Distribution", Applied Statistics 37 (1988),
/// routine PPND16: relative accuracy about 1e-16.
pub fn normal_quantile(p: f64, q: f64) -> f64 {
    const CENTRE: Rational = Rational {
        numerator: [
            2_509.080_928_730_122_6,
            33_430.575_583_588_13,
            67_265.770_927_008_7,
            45_921.953_931_549_87,
            13_731.693_765_509_46,
            1_971.590_950_306_551_3,
            133.141_667_891_784_38,
            3.387_132_872_796_366_5,
        ],
        denominator: [
            5_226.495_278_852_854,
            28_729.085_735_721_943,
            39_307.895_800_092_71,
            21_213.794_301_586_597,
            5_394.196_021_424_751,
            687.187_007_492_057_9,
            42.313_330_701_600_91,
            1.0,
        ],
    };
    const TAIL: Rational = Rational {
        numerator: [
            7.745_450_142_783_414e-4,
            2.272_384_498_926_918_4e-2,
            2.417_807_251_774_506e-1,
            1.270_458_252_452_368_4,
            3.647_848_324_763_204_5,
            5.769_497_221_460_691,
            4.630_337_846_156_546,
            1.423_437_110_749_683_5,
        ],
        denominator: [
            1.050_750_071_644_416_9e-9,
            5.475_938_084_995_345e-4,
            1.519_866_656_361_645_7e-2,
            1.481_039_764_274_800_8e-1,
            6.897_673_349_851e-1,
            1.676_384_830_183_803_8,
            2.053_191_626_637_759,
            1.0,
        ],
    };
    const FAR_TAIL: Rational = Rational {
        numerator: [
            2.010_334_399_292_288_1e-7,
            2.711_555_568_743_487_6e-5,
            1.242_660_947_388_078_4e-3,
            2.653_218_952_657_612_3e-2,
            2.965_605_718_285_049e-1,
            1.784_826_539_917_291_3,
            5.463_784_911_164_114,
            6.657_904_643_501_103,
        ],
        denominator: [
            2.044_263_103_389_939_8e-15,
            1.421_511_758_316_446e-7,
            1.846_318_317_510_054_8e-5,
            7.868_691_311_456_133e-4,
            1.487_536_129_085_061_5e-2,
            1.369_298_809_227_358e-1,
            5.998_322_065_558_88e-1,
            1.0,
        ],
    };
    let from_centre = if p < 0.5 { p - 0.5 } else { 0.5 - q };
    if from_centre.abs() <= 0.425 {
        return from_centre * CENTRE.at(0.180_625 - from_centre * from_centre);
    }
    let tail = p.min(q);
    if tail <= 0.0 {
        return if p < 0.5 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    let r = (-libm::log(tail)).sqrt();
    let size = if r <= 5.0 { TAIL.at(r - 1.6) } else { FAR_TAIL.at(r - 5.0) };
    if p < 0.5 { -size } else { size }
}

/// A quotient of polynomials of degree seven, coefficients from the highest power down.
struct Rational {
    numerator: [f64; 8],
    denominator: [f64; 8],
}

impl Rational {
    #[inline]
    fn at(&self, x: f64) -> f64 {
        let horner = |coefficients: &[f64; 8]| coefficients.iter().fold(0.0, |sum, c| sum * x + c);
        horner(&self.numerator) / horner(&self.denominator)
    }
}

/// The probability that a standard normal variable exceeds `z`.
pub fn normal_upper_tail(z: f64) -> f64 {
    0.5 * libm::erfc(z * FRAC_1_SQRT_2)
}

/// The regularised incomplete gamma functions P(`shape`, `x`) and Q = 1 - P, the smaller computed and the larger
/// its complement. `shape` is above 0; `x` below 0 counts as 0.
///
/// The power series for `x < shape + 1`, else Legendre's continued fraction by Lentz's method (NIST Digital Library
/// of Mathematical Functions 8.11.4 and 8.9.2).
pub fn incomplete_gamma(shape: f64, x: f64) -> (f64, f64) {
    if x <= 0.0 {
        return (0.0, 1.0);
    }
    let scale = libm::exp(shape * libm::log(x) - x - libm::lgamma(shape));
    if scale == 0.0 {
        return if x < shape { (0.0, 1.0) } else { (1.0, 0.0) };
    }
    if x < shape + 1.0 {
        let (mut term, mut sum, mut k) = (1.0 / shape, 1.0 / shape, shape);
        while term > sum * 1e-17 {
            k += 1.0;
            term *= x / k;
            sum += term;
        }
        let lower = (scale * sum).min(1.0);
        (lower, 1.0 - lower)
    } else {
        let step = |n: u32| (-f64::from(n) * (f64::from(n) - shape), x + 1.0 - shape + 2.0 * f64::from(n));
        let upper = (scale / continued_fraction(x + 1.0 - shape, step)).min(1.0);
        (1.0 - upper, upper)
    }
}

/// The probability that the absolute value of Student's t with `freedom` degrees exceeds `t >= 0`.
///
/// It is the regularised incomplete beta function I_x(freedom/2, 1/2) at x = freedom / (freedom + t^2), or one minus
/// its mirror image, whichever's continued fraction converges fast (Digital Library of Mathematical Functions 8.17.22).
pub fn student_two_tails(t: f64, freedom: f64) -> f64 {
    if t <= 0.0 {
        return 1.0;
    }
    let odds = t * t / freedom;
    let (a, x, complement) = (freedom / 2.0, 1.0 / (1.0 + odds), odds / (1.0 + odds));
    // x^a (1-x)^(1/2) / B(a, 1/2)
    let scale = libm::exp(-a * libm::log1p(odds)) * (complement / PI).sqrt() * half_step_gamma_ratio(a);
    if x < (a + 1.0) / (a + 2.5) {
        scale / (a * beta_fraction(a, 0.5, x))
    } else {
        1.0 - 2.0 * scale / beta_fraction(0.5, a, complement)
    }
}

/// The continued fraction that divides the incomplete beta function's leading factor x^a (1-x)^b / (a B(a, b)).
fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    continued_fraction(1.0, |n| {
        let m = f64::from(n / 2);
        let numerator = if n % 2 == 0 {
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        } else {
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        };
        (numerator, 1.0)
    })
}

/// `first + a1 / (b1 + a2 / (b2 + ...))` for the pairs (an, bn) that `step(n)` gives, by Lentz's method as modified
/// by Thompson and Barnett (Journal of Computational Physics 64, 1986).
fn continued_fraction(first: f64, step: impl Fn(u32) -> (f64, f64)) -> f64 {
    const TINY: f64 = 1e-300;
    const STEPS_MAX: u32 = 100_000;
    let away_from_zero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut value = away_from_zero(first);
    let (mut c, mut d) = (value, 0.0);
    for n in 1..=STEPS_MAX {
        let (numerator, denominator) = step(n);
        d = 1.0 / away_from_zero(denominator + numerator * d);
        c = away_from_zero(denominator + numerator / c);
        value *= c * d;
        if (c * d - 1.0).abs() < 1e-15 {
            break;
        }
    }
    value
}

/// Gamma(a + 1/2) / Gamma(a).
///
/// From the two Stirling series (Digital Library of Mathematical Functions 5.11.8), whose difference keeps the digits
/// that the difference of two `lgamma` loses; small `a` are raised by the recurrence first.
pub fn half_step_gamma_ratio(a: f64) -> f64 {
    let (mut raised, mut factor) = (a, 1.0);
    while raised < 16.0 {
        factor *= raised / (raised + 0.5);
        raised += 1.0;
    }
    let inverse = 1.0 / raised;
    let square = inverse * inverse;
    // The sum over k of -(1 - 4^-k) B(2k) / (k (2k - 1)) a^(1-2k), B being Bernoulli's numbers.
    let series = [-31.0 / 18_432.0, 17.0 / 14_336.0, -1.0 / 640.0, 1.0 / 192.0, -1.0 / 8.0];
    let exponent = inverse * series.iter().fold(691.0 / 180_224.0, |sum, c| sum * square + c);
    factor * raised.sqrt() * libm::exp(exponent)
}
