//! From values to page coordinates, linear or by decimal logarithm.

/// A range of values laid along a range of pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    from: f64,
    to: f64,
    px_from: f64,
    px_to: f64,
    log: bool,
}

impl Axis {
    /// A linear axis; an empty or impossible range becomes one of width 1.
    pub(super) fn linear(from: f64, to: f64, px_from: f64, px_to: f64) -> Self {
        let from = if from.is_finite() { from } else { 0.0 };
        let to = if to.is_finite() && to > from { to } else { from + 1.0_f64.max(from.abs() * 1e-6) };
        Self { from, to, px_from, px_to, log: false }
    }

    /// A logarithmic axis; `from` must be positive, else the axis starts three decades below `to`.
    pub(super) fn log(from: f64, to: f64, px_from: f64, px_to: f64) -> Self {
        let to = if to.is_finite() && to > 0.0 { to } else { 1.0 };
        let from = if from > 0.0 && from < to { from } else { to / 1000.0 };
        Self { from: libm::log10(from), to: libm::log10(to), px_from, px_to, log: true }
    }

    /// The pixel of a value, clamped to the axis; on a logarithmic axis what is not positive lies at the start. `None`
    /// for a value that is not a number.
    pub(super) fn px(&self, value: f64) -> Option<f64> {
        if value.is_nan() {
            return None;
        }
        let value = match self.log {
            true if value <= 0.0 => self.from,
            true => libm::log10(value),
            false => value,
        };
        let share = (value.clamp(self.from, self.to) - self.from) / (self.to - self.from);
        Some(self.px_from + share * (self.px_to - self.px_from))
    }

    /// Whether a value lies on the axis without clamping.
    pub(super) fn holds(&self, value: f64) -> bool {
        let value = if self.log && value > 0.0 { libm::log10(value) } else { value };
        value >= self.from && value <= self.to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decades_are_evenly_spaced() {
        let axis = Axis::log(0.001, 1.0, 300.0, 0.0);
        assert_eq!(axis.px(1.0), Some(0.0));
        assert!((axis.px(0.1).unwrap() - 100.0).abs() < 1e-9);
        assert_eq!(axis.px(0.0), Some(300.0));
        assert_eq!(axis.px(-5.0), Some(300.0));
        assert_eq!(axis.px(f64::INFINITY), Some(0.0));
        assert_eq!(axis.px(f64::NAN), None);
    }

    #[test]
    fn degenerate_ranges_still_give_pixels() {
        for axis in [
            Axis::linear(5.0, 5.0, 0.0, 100.0),
            Axis::linear(f64::NAN, f64::NAN, 0.0, 100.0),
            Axis::linear(1e300, 1e300, 0.0, 100.0),
            Axis::log(0.0, 0.0, 0.0, 100.0),
            Axis::log(f64::NAN, f64::INFINITY, 0.0, 100.0),
        ] {
            for value in [-1.0, 0.0, 5.0, 1e300, f64::NEG_INFINITY] {
                assert!(axis.px(value).is_some_and(|p| (0.0..=100.0).contains(&p)), "{axis:?} {value}");
            }
        }
    }
}
