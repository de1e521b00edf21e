//! The tests of fit against tables: what judges the simulation is judged first.

#[path = "support/tests_of_fit.rs"]
mod tests_of_fit;

use tests_of_fit::{chi_square, chi_square_upper_tail, kolmogorov_smirnov, kolmogorov_upper_tail};

fn assert_close(value: f64, expected: f64) {
    assert!((value - expected).abs() <= 1e-10 * expected.abs(), "{value:?} instead of {expected:?}");
}

#[test]
fn chi_square_tails_agree_with_closed_forms() {
    for x in [0.01f64, 0.5, 3.0, 10.0, 60.0] {
        assert_close(chi_square_upper_tail(x, 1.0), libm::erfc((x / 2.0).sqrt()));
        assert_close(chi_square_upper_tail(x, 2.0), libm::exp(-x / 2.0));
        assert_close(chi_square_upper_tail(x, 6.0), libm::exp(-x / 2.0) * (1.0 + x / 2.0 + x * x / 8.0));
    }
    // 95 % points from tables.
    for (freedom, x) in [(10.0, 18.307_038_053_275_146), (100.0, 124.342_113_404_004_14)] {
        assert_close(chi_square_upper_tail(x, freedom), 0.05);
    }
    for freedom in [50.0, 1023.0] {
        let (near, far) =
            (chi_square_upper_tail(freedom + 1.999, freedom), chi_square_upper_tail(freedom + 2.001, freedom));
        assert!(near > far && near - far < 1e-4, "{near} {far}: series and fraction meet");
    }
}

#[test]
fn chi_square_tells_a_fair_die_from_a_loaded_one() {
    let (statistic, p) = chi_square(&[16, 18, 16, 14, 12, 12], &[88.0 / 6.0; 6], 0).unwrap();
    assert_close(statistic, 2.0);
    assert!(p > 0.8);
    assert!(chi_square(&[40, 10, 10, 10, 10, 8], &[88.0 / 6.0; 6], 0).unwrap().1 < 1e-6);
    assert_eq!(chi_square(&[1], &[1.0], 0), None);
    assert_eq!(chi_square(&[1, 2], &[1.0, 0.0], 0), None);
}

#[test]
fn kolmogorov_tails_agree_with_tables_and_join() {
    assert!((kolmogorov_upper_tail(1.358_098_639_322_55) - 0.05).abs() < 1e-12);
    assert!((kolmogorov_upper_tail(1.627_623_611_518_95) - 0.01).abs() < 1e-12);
    assert!((kolmogorov_upper_tail(1.0 - 1e-12) - kolmogorov_upper_tail(1.0)).abs() < 1e-10);
}

#[test]
fn kolmogorov_smirnov_tells_equal_from_shifted() {
    let ramp = |from: f64| (0..256).map(|n| from + f64::from(n) / 256.0).collect::<Vec<_>>();
    let (distance, p) = kolmogorov_smirnov(&ramp(0.0), &ramp(0.0)).unwrap();
    assert!(distance == 0.0 && p == 1.0);
    let (distance, p) = kolmogorov_smirnov(&ramp(0.0), &ramp(0.25)).unwrap();
    assert!((distance - 0.25).abs() < 1e-12 && p < 1e-4, "{distance} {p}");
    assert_eq!(kolmogorov_smirnov(&[], &[1.0]), None);
    assert_eq!(kolmogorov_smirnov(&[1.0, 2.0], &[3.0]).map(|(distance, _)| distance), Some(1.0));
}
