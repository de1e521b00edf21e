//! A change of data some time after a change of TTL: the recipe of a migration.
//!
//! A cache is stationary under a TTL T0 until the TTL becomes T1, a lead L before the data changes. Let E(u) be the chance
//! that it holds nothing u after the TTL changed, and l the rate at which it is asked: it is filled at l E(v), and what was
//! fetched under T0 is still there with p0 (1 - u / T0), p0 = l T0 / (1 + l T0). So
//!
//! ```text
//! E(u) = 1 - p0 (1 - u / T0)+ - l (integral of E from (u - T1)+ to u)
//! ```
//!
//! a Volterra equation with a delay, and t after the change of data a cache still holds what was before with
//! p0 (1 - (L + t) / T0)+ + l (integral of E from (L + t - T1)+ to L). Solved by the trapezoidal rule.

/// The solution for one kind of cache; all times in seconds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lowered {
    rate: f64,
    /// p0, T0, T1, L.
    held: f64,
    old_s: f64,
    new_s: f64,
    lead_s: f64,
    step_s: f64,
    /// The integral of E from 0 to each step.
    empty_s: Vec<f64>,
}

/// Steps of a TTL T1, at least, and of a mean gap between two questions.
const STEPS_OF_TTL: f64 = 400.0;
const STEPS_OF_GAP: f64 = 25.0;

/// Most steps of all: a tenth of a second's work.
const STEPS_MAX: f64 = 4e6;

/// Points of a drawn curve.
const POINTS: u32 = 48;

impl Lowered {
    /// `None` where the lead is so long beside the new TTL that the grid would be too large.
    pub fn new(rate: f64, old_s: f64, new_s: f64, lead_s: f64) -> Option<Self> {
        // The delay T1 is a whole number of steps.
        let delay = libm::ceil((rate * new_s * STEPS_OF_GAP).max(STEPS_OF_TTL));
        let step_s = new_s / delay;
        let steps = libm::ceil(lead_s / step_s);
        let is_within = new_s > 0.0 && steps <= STEPS_MAX && delay <= STEPS_MAX;
        if !is_within {
            return None;
        }
        let (delay, steps) = (delay as usize, steps as usize);
        let held = rate * old_s / (1.0 + rate * old_s);
        let mut empty_s = Vec::with_capacity(steps + 1);
        empty_s.push(0.0);
        let mut empty = 1.0 - held;
        let half = step_s / 2.0;
        for step in 1..=steps {
            let kept = held * (1.0 - step as f64 * step_s / old_s).max(0.0);
            let (last, gone) = (empty_s[step - 1], step.checked_sub(delay).map_or(0.0, |from| empty_s[from]));
            // The unknown E(u) stands in the last trapezium, too.
            let before = last + half * empty;
            empty = (1.0 - kept - rate * (before - gone)) / (1.0 + rate * half);
            empty_s.push(before + half * empty);
        }
        Some(Self { rate, held, old_s, new_s, lead_s, step_s, empty_s })
    }

    /// T0.
    pub const fn old_s(&self) -> f64 {
        self.old_s
    }

    /// The chance that the cache holds what was before the change of data, so long after it.
    pub fn stale(&self, age_s: f64) -> f64 {
        let kept = self.held * (1.0 - (self.lead_s + age_s) / self.old_s).max(0.0);
        let from_s = (self.lead_s + age_s - self.new_s).max(0.0);
        kept + self.rate * (self.empty_until(self.lead_s) - self.empty_until(from_s.min(self.lead_s)))
    }

    /// The integral of E from 0 to an instant.
    fn empty_until(&self, at_s: f64) -> f64 {
        let place = at_s / self.step_s;
        let last = self.empty_s.len() - 1;
        let below = (place as usize).min(last);
        let above = (below + 1).min(last);
        self.empty_s[below] + (place - below as f64).clamp(0.0, 1.0) * (self.empty_s[above] - self.empty_s[below])
    }

    /// Ages at which the curve is drawn: to where what was fetched under either TTL has gone.
    pub fn corners(&self) -> Vec<f64> {
        let ends = [self.new_s, self.old_s - self.lead_s];
        let even = ends.into_iter().flat_map(|end| (1..=POINTS).map(move |n| end * f64::from(n) / f64::from(POINTS)));
        even.filter(|age| *age > 0.0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values to ten digits, by an independent solution (Richardson extrapolation).
    #[test]
    fn the_solution_is_that_of_theory() {
        type Case = (f64, f64, f64, f64, &'static [(f64, f64)]);
        let cases: [Case; 4] = [
            (
                0.01,
                86_400.0,
                300.0,
                0.0,
                &[
                    (0.0, 0.998_843_930_6),
                    (150.0, 0.997_109_826_6),
                    (3600.0, 0.957_225_433_5),
                    (43_200.0, 0.499_421_965_3),
                ],
            ),
            (
                0.01,
                86_400.0,
                300.0,
                43_200.0,
                &[
                    (0.0, 0.874_530_346_8),
                    (150.0, 0.685_567_196_5),
                    (3600.0, 0.457_803_468_2),
                    (43_000.0, 0.002_312_138_728),
                ],
            ),
            (
                0.01,
                3600.0,
                300.0,
                3600.0,
                &[(0.0, 0.742_402_817_3), (150.0, 0.378_796_700_4), (299.0, 0.002_575_633_759), (301.0, 0.0)],
            ),
            (
                0.002,
                3600.0,
                300.0,
                1800.0,
                &[(0.0, 0.640_815_334_3), (150.0, 0.506_764_452_2), (1000.0, 0.195_121_951_2), (1801.0, 0.0)],
            ),
        ];
        for (rate, old_s, new_s, lead_s, ages) in cases {
            let solved = Lowered::new(rate, old_s, new_s, lead_s).unwrap_or_else(|| panic!("too large"));
            for &(age_s, expected) in ages {
                let found = solved.stale(age_s);
                assert!((found - expected).abs() < 2e-6, "T0 {old_s} L {lead_s} age {age_s}: {found}, not {expected}");
            }
        }
    }

    #[test]
    fn a_lead_without_end_is_not_solved() {
        assert!(Lowered::new(0.01, 86_400.0, 1.0, 1e9).is_none());
    }
}
