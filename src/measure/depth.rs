//! How much something holds in time: exact time averages and maxima, per grid cell and over the window.

use crate::engine::time::SimTime;
use crate::model::Clock;

/// A level that changes at instants.
#[derive(Debug, Clone)]
pub(super) struct Level {
    value: u64,
    since: SimTime,
    window: (SimTime, SimTime),
    /// Value times nanoseconds, within the window.
    window_area: u128,
    window_max: u64,
    cell_area: u128,
    cell_max: u64,
    cell_start: SimTime,
    /// One (mean, max) a cell.
    pub cells: Vec<(f64, u64)>,
    keeps_cells: bool,
}

impl Level {
    pub fn new(clock: &Clock, keeps_cells: bool) -> Self {
        Self {
            value: 0,
            since: SimTime::ZERO,
            window: (clock.window_start, clock.window_end),
            window_area: 0,
            window_max: 0,
            cell_area: 0,
            cell_max: 0,
            cell_start: SimTime::ZERO,
            cells: Vec::new(),
            keeps_cells,
        }
    }

    pub fn value(&self) -> u64 {
        self.value
    }

    /// Accounts for the time since the last change.
    #[inline]
    fn settle(&mut self, now: SimTime) {
        let held = u128::from(self.value);
        self.cell_area += held * u128::from(now.since(self.since).as_nanos());
        let (start, end) = (self.since.max(self.window.0), now.min(self.window.1));
        self.window_area += held * u128::from(end.since(start).as_nanos());
        self.since = now;
    }

    #[inline]
    pub fn set(&mut self, now: SimTime, value: u64) {
        self.settle(now);
        self.value = value;
        self.cell_max = self.cell_max.max(value);
        if now >= self.window.0 && now < self.window.1 {
            self.window_max = self.window_max.max(value);
        }
    }

    #[inline]
    pub fn add(&mut self, now: SimTime, more: u64) {
        self.set(now, self.value + more);
    }

    #[inline]
    pub fn remove(&mut self, now: SimTime, less: u64) {
        self.set(now, self.value - less);
    }

    /// Closes the cell that ends now.
    pub fn grid(&mut self, now: SimTime) {
        self.settle(now);
        // What the window begins with is part of its maximum.
        if self.window.0 > self.cell_start && self.window.0 <= now {
            self.window_max = self.window_max.max(self.value);
        }
        let width = now.since(self.cell_start).as_nanos();
        if self.keeps_cells && width > 0 {
            self.cells.push((self.cell_area as f64 / width as f64, self.cell_max));
        }
        self.cell_area = 0;
        self.cell_max = self.value;
        self.cell_start = now;
    }

    /// The average over the window, up to `end` of the run.
    pub fn window_mean(&mut self, end: SimTime) -> f64 {
        self.settle(end);
        let width = self.window.1.since(self.window.0).as_nanos();
        self.window_area as f64 / width as f64
    }

    pub fn window_max(&self) -> u64 {
        self.window_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::time::SimDuration;

    #[test]
    fn averages_are_over_time_and_maxima_are_exact() {
        let s = SimTime::from_secs;
        let clock = Clock {
            starts_in_week_s: 0,
            window_start: s(10),
            window_end: s(30),
            end: s(40),
            arrivals_end: s(30),
            cell: SimDuration::from_secs(20),
            cells: 2,
        };
        let mut level = Level::new(&clock, true);
        level.add(s(5), 2);
        level.add(s(15), 2);
        level.grid(s(20));
        level.remove(s(25), 4);
        level.grid(s(40));
        // Window 10..30: 2 for 5 s, 4 for 10 s, 0 for 5 s.
        assert_eq!(level.window_mean(s(40)), 50.0 / 20.0);
        assert_eq!(level.window_max(), 4);
        // Cells: 2 * 10 + 4 * 5 over 20 s, 4 * 5 over 20 s.
        assert_eq!(level.cells, [(2.0, 4), (1.0, 4)]);
    }
}
