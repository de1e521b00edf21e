//! How much something holds in time: exact time averages and maxima, per grid cell and over the window.

use crate::engine::time::{SimDuration, SimTime};
use crate::model::Clock;

/// A level that changes at instants. A change costs one multiplication: what the window and the grid want is settled when
/// they begin and end.
#[derive(Debug, Clone)]
pub(super) struct Level {
    value: u64,
    since: SimTime,
    /// Value times nanoseconds, since the start of the run.
    area: u128,
    /// Greatest value since the last boundary.
    peak: u64,
    /// The next boundary of the window; `NEVER` after both.
    mark: SimTime,
    window: (SimTime, SimTime),
    /// The area at the window's start and end, as far as they are past.
    window_area: (u128, Option<u128>),
    window_max: u64,
    cell: SimDuration,
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
            area: 0,
            peak: 0,
            mark: clock.window_start,
            window: (clock.window_start, clock.window_end),
            window_area: (0, None),
            window_max: 0,
            cell: clock.cell,
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
        while now >= self.mark {
            self.cross();
        }
        self.hold(now);
    }

    #[inline]
    fn hold(&mut self, until: SimTime) {
        if until > self.since {
            self.area += u128::from(self.value) * u128::from(until.since(self.since).as_nanos());
            self.peak = self.peak.max(self.value);
            self.since = until;
        }
    }

    /// Passes the next boundary of the window.
    #[cold]
    fn cross(&mut self) {
        let at = self.mark;
        self.hold(at);
        self.fold();
        if at < self.window.1 {
            self.window_area.0 = self.area;
            self.mark = self.window.1;
        } else {
            self.window_area.1 = Some(self.area);
            self.mark = SimTime::NEVER;
        }
    }

    /// Puts the peak where it belongs: to the cell, and to the window while it lasts.
    fn fold(&mut self) {
        self.cell_max = self.cell_max.max(self.peak);
        if self.mark == self.window.1 {
            self.window_max = self.window_max.max(self.peak);
        }
        self.peak = 0;
    }

    #[inline]
    pub fn set(&mut self, now: SimTime, value: u64) {
        self.settle(now);
        self.value = value;
        self.peak = self.peak.max(value);
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
        self.close_cell(now, now.since(self.cell_start));
    }

    fn close_cell(&mut self, now: SimTime, width: SimDuration) {
        self.settle(now);
        self.fold();
        if self.keeps_cells && !width.is_zero() {
            self.cells.push(((self.area - self.cell_area) as f64 / width.as_nanos() as f64, self.cell_max));
        }
        self.cell_area = self.area;
        self.cell_max = 0;
        self.cell_start = now;
    }

    /// The run is over before its time. What is empty stays empty: the rest of the grid is 0 then, and not a number else.
    pub fn finish(&mut self, ended: SimTime, clock: &Clock) {
        let stays_empty = self.value == 0;
        if ended > self.cell_start {
            let full = self.cell.min(clock.end.since(self.cell_start));
            let width = if stays_empty { full } else { ended.since(self.cell_start) };
            self.close_cell(ended, width);
        }
        if self.keeps_cells {
            let rest = if stays_empty { (0.0, 0) } else { (f64::NAN, 0) };
            self.cells.resize((clock.cells as usize).max(self.cells.len()), rest);
        }
        self.settle(clock.end.max(ended));
        self.fold();
    }

    /// The average over the window, once it is over.
    pub fn window_mean(&self) -> f64 {
        let width = self.window.1.since(self.window.0).as_nanos();
        (self.window_area.1.unwrap_or(self.area) - self.window_area.0) as f64 / width as f64
    }

    pub fn window_max(&self) -> u64 {
        self.window_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(start: u64, end: u64, run: u64, cell: u64) -> Clock {
        Clock {
            starts_in_week_s: 0,
            window_start: SimTime::from_secs(start),
            window_end: SimTime::from_secs(end),
            end: SimTime::from_secs(run),
            arrivals_end: SimTime::from_secs(end),
            cell: SimDuration::from_secs(cell),
            cells: (run / cell) as u32,
        }
    }

    #[test]
    fn averages_are_over_time_and_maxima_are_exact() {
        let (s, clock) = (SimTime::from_secs, clock(10, 30, 40, 20));
        let mut level = Level::new(&clock, true);
        level.grid(s(0));
        level.add(s(5), 2);
        level.add(s(15), 2);
        level.grid(s(20));
        level.remove(s(25), 4);
        level.grid(s(40));
        level.finish(s(40), &clock);
        // Window 10..30: 2 for 5 s, 4 for 10 s, 0 for 5 s.
        assert_eq!(level.window_mean(), 50.0 / 20.0);
        assert_eq!(level.window_max(), 4);
        // Cells: 2 * 10 + 4 * 5 over 20 s, 4 * 5 over 20 s.
        assert_eq!(level.cells, [(2.0, 4), (1.0, 4)]);
    }

    #[test]
    fn what_the_window_begins_with_is_part_of_its_maximum_on_the_grid_or_off_it() {
        let s = SimTime::from_secs;
        for cell in [20, 7] {
            let clock = clock(10, 30, 42, cell);
            let mut level = Level::new(&clock, false);
            level.add(s(5), 9);
            level.remove(s(6), 2);
            level.remove(s(12), 6);
            // Beyond the window.
            level.add(s(30), 50);
            level.finish(s(42), &clock);
            assert_eq!(level.window_max(), 7, "cells of {cell} s");
            assert_eq!(level.window_mean(), (2.0 * 7.0 + 18.0) / 20.0);
        }
        let clock = clock(10, 30, 42, 20);
        let mut level = Level::new(&clock, false);
        level.add(s(5), 9);
        level.remove(s(10), 8);
        level.finish(s(42), &clock);
        assert_eq!(level.window_max(), 1, "what changes at the window's start is not held in it");
    }

    #[test]
    fn a_run_that_ends_early_has_all_its_cells_and_what_is_left_unseen_is_no_number() {
        let (s, clock) = (SimTime::from_secs, clock(0, 20, 80, 20));
        let mut level = Level::new(&clock, true);
        level.add(s(10), 4);
        level.grid(s(20));
        level.remove(s(30), 4);
        let mut unseen = level.clone();
        level.finish(s(30), &clock);
        assert_eq!(level.cells, [(2.0, 4), (2.0, 4), (0.0, 0), (0.0, 0)]);
        unseen.add(s(30), 1);
        unseen.finish(s(30), &clock);
        assert_eq!(unseen.cells[..2], [(2.0, 4), (4.0, 4)]);
        assert!(unseen.cells.len() == 4 && unseen.cells[2..].iter().all(|cell| cell.0.is_nan()));
    }
}
