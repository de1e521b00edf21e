//! The day's profile, and how most candidates of its thinning are judged without computing it.

use crate::engine::time::{NANOS_PER_SECOND, SimTime};
use crate::model::dns::DiurnalModel;

pub(super) const DAY_S: f64 = 86_400.0;

impl DiurnalModel {
    /// Arrivals a second at `now`.
    pub fn rate(&self, now: SimTime) -> f64 {
        let (day, hour) = self.local(now);
        self.day_rate(day) * self.shape(hour)
    }

    /// Day of the week, Monday 0, and the hour in it, local time.
    fn local(&self, now: SimTime) -> (usize, f64) {
        let nanos = now.as_nanos() % (7 * 86_400 * NANOS_PER_SECOND);
        let in_week = (self.starts_in_week_s as f64 + nanos as f64 / 1e9) % (7.0 * DAY_S);
        (((in_week / DAY_S) as usize).min(6), in_week % DAY_S / 3600.0)
    }

    /// Arrivals a second at the peak of a day.
    fn day_rate(&self, day: usize) -> f64 {
        self.per_day[day] / DAY_S * self.peak_factor
    }

    /// The share of the peak's rate.
    fn shape(&self, hour: f64) -> f64 {
        libm::pow(self.base(hour), self.exponent)
    }

    fn base(&self, hour: f64) -> f64 {
        let angle = 2.0 * std::f64::consts::PI * (hour - self.peak_hour) / 24.0;
        (1.0 + libm::cos(angle)) / 2.0
    }
}

const CELLS: usize = 96;
const CELL_H: f64 = 24.0 / CELLS as f64;

/// Bounds of the profile in each quarter of an hour, found when first needed: only a candidate between them needs the
/// profile itself (the squeeze of Marsaglia, Computers and Mathematics with Applications 3, 1977). Decisions are the same.
#[derive(Debug, Default)]
pub(super) struct Squeeze(Vec<Option<(f64, f64)>>);

impl Squeeze {
    /// Whether `ordinate` lies below the rate of `diurnal` at `now`.
    pub fn is_below_rate(&mut self, ordinate: f64, diurnal: &DiurnalModel, now: SimTime) -> bool {
        let (day, hour) = diurnal.local(now);
        let rate = diurnal.day_rate(day);
        let cell = ((hour / CELL_H) as usize).min(CELLS - 1);
        self.0.resize(CELLS, None);
        let (low, high) = *self.0[cell].get_or_insert_with(|| bounds(diurnal, cell));
        ordinate < rate * low || (ordinate < rate * high && ordinate < rate * diurnal.shape(hour))
    }
}

/// What the shape stays between in a cell: between the peak and the trough it is monotone. A little wider than its ends, for
/// rounding, and down to nothing around the trough, where rounding is all there is.
fn bounds(diurnal: &DiurnalModel, cell: usize) -> (f64, f64) {
    const ROUNDING: f64 = 1e-9;
    let (from, to) = (cell as f64 * CELL_H, (cell + 1) as f64 * CELL_H);
    let within = |hour: f64| [-24.0, 0.0, 24.0].iter().any(|turn| (from..=to).contains(&(hour + turn)));
    let (first, last) = (diurnal.shape(from), diurnal.shape(to));
    let near_trough = within(diurnal.peak_hour - 12.0) || diurnal.base(from).min(diurnal.base(to)) < 1e-6;
    let low = if near_trough { 0.0 } else { first.min(last) * (1.0 - ROUNDING) };
    let high = if within(diurnal.peak_hour) { 1.0 } else { first.max(last) };
    (low, high * (1.0 + ROUNDING))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_squeeze_decides_as_the_profile_does() {
        for (peak_hour, exponent) in [(11.0, 1.0), (0.0, 3.7), (23.9, 0.2), (12.1, 14.0)] {
            let per_day = [9e4, 8e4, 7e4, 6e4, 5e4, 2e4, 0.0];
            let diurnal = DiurnalModel { per_day, peak_hour, peak_factor: 2.5, exponent, starts_in_week_s: 4321 };
            let (mut squeeze, mut below, mut near) = (Squeeze::default(), 0, 0);
            for step in 0..40_000_u64 {
                let now = SimTime::from_nanos(step * 15_120_000_000 + step * step % 997);
                let rate = diurnal.rate(now);
                // A grid over the day's rates, and next to the profile itself.
                let grid = (step * 37 % 101) as f64 / 100.0 * diurnal.day_rate(0);
                for ordinate in [grid, rate, rate * (1.0 - 1e-15), rate * (1.0 + 1e-15)] {
                    assert_eq!(squeeze.is_below_rate(ordinate, &diurnal, now), ordinate < rate, "{now:?} {ordinate}");
                }
                below += u32::from(grid < rate);
                let (low, high) = bounds(&diurnal, (diurnal.local(now).1 / CELL_H) as usize);
                near += u32::from((low..high).contains(&(grid / diurnal.day_rate(0))));
            }
            assert!((1000..39_000).contains(&below), "both happen: {below}");
            assert!(near < 3000, "few need the profile: {near}");
        }
    }
}
