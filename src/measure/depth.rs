//! How much something holds in time: exact time averages and maxima, per grid cell and over the window.

use crate::engine::time::{SimDuration, SimTime};
use crate::model::Clock;

/// Levels that change together at instants. A change costs one multiplication each: what the window and the grid want is
/// settled when they begin and end.
#[derive(Debug, Clone)]
pub(super) struct Levels<const N: usize> {
    levels: [Level; N],
    since: SimTime,
    /// The next boundary of the window; `NEVER` after both.
    mark: SimTime,
    window: (SimTime, SimTime),
    cell: SimDuration,
    cell_start: SimTime,
    keeps_cells: bool,
}

/// One of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Level {
    value: u64,
    /// Value times nanoseconds, since the start of the run.
    area: u128,
    /// Greatest value since the last boundary.
    peak: u64,
    /// The area at the window's start and end, as far as they are past.
    window_area: (u128, Option<u128>),
    window_max: u64,
    cell_area: u128,
    cell_max: u64,
    /// One (mean, max) a cell.
    pub cells: Vec<(f64, u64)>,
}

impl<const N: usize> Levels<N> {
    pub fn new(clock: &Clock, keeps_cells: bool) -> Self {
        Self {
            levels: std::array::from_fn(|_| Level::default()),
            since: SimTime::ZERO,
            mark: clock.window_start,
            window: (clock.window_start, clock.window_end),
            cell: clock.cell,
            cell_start: SimTime::ZERO,
            keeps_cells,
        }
    }

    pub fn get(&self, index: usize) -> &Level {
        &self.levels[index]
    }

    /// What they are now.
    pub fn values(&self) -> [u64; N] {
        std::array::from_fn(|index| self.levels[index].value)
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
            let span = u128::from(until.since(self.since).as_nanos());
            for level in &mut self.levels {
                level.area += u128::from(level.value) * span;
                level.peak = level.peak.max(level.value);
            }
            self.since = until;
        }
    }

    /// Passes the next boundary of the window.
    #[cold]
    fn cross(&mut self) {
        let at = self.mark;
        self.hold(at);
        self.fold();
        let is_start = at < self.window.1;
        for level in &mut self.levels {
            if is_start {
                level.window_area.0 = level.area;
            } else {
                level.window_area.1 = Some(level.area);
            }
        }
        self.mark = if is_start { self.window.1 } else { SimTime::NEVER };
    }

    /// Puts the peaks where they belong: to the cell, and to the window while it lasts.
    fn fold(&mut self) {
        let is_in_window = self.mark == self.window.1;
        for level in &mut self.levels {
            level.cell_max = level.cell_max.max(level.peak);
            if is_in_window {
                level.window_max = level.window_max.max(level.peak);
            }
            level.peak = 0;
        }
    }

    #[inline]
    pub fn set(&mut self, now: SimTime, values: [u64; N]) {
        self.settle(now);
        for (level, value) in self.levels.iter_mut().zip(values) {
            level.value = value;
            level.peak = level.peak.max(value);
        }
    }

    #[inline]
    pub fn add(&mut self, now: SimTime, more: [u64; N]) {
        self.set(now, std::array::from_fn(|index| self.levels[index].value + more[index]));
    }

    #[inline]
    pub fn remove(&mut self, now: SimTime, less: [u64; N]) {
        self.set(now, std::array::from_fn(|index| self.levels[index].value - less[index]));
    }

    /// Closes the cell that ends now.
    pub fn grid(&mut self, now: SimTime) {
        self.close_cell(now, [now.since(self.cell_start); N]);
    }

    /// Closes the cell that ends now and is so wide, for each.
    fn close_cell(&mut self, now: SimTime, widths: [SimDuration; N]) {
        self.settle(now);
        self.fold();
        for (level, width) in self.levels.iter_mut().zip(widths) {
            if self.keeps_cells && !width.is_zero() {
                let mean = (level.area - level.cell_area) as f64 / width.as_nanos() as f64;
                level.cells.push((mean, level.cell_max));
            }
            level.cell_area = level.area;
            level.cell_max = 0;
        }
        self.cell_start = now;
    }

    /// The run is over before its time. What is empty stays empty: the rest of the grid is 0 then, and not a number else.
    pub fn finish(&mut self, ended: SimTime, clock: &Clock) {
        let stays_empty = self.values().map(|value| value == 0);
        if ended > self.cell_start {
            let full = self.cell.min(clock.end.since(self.cell_start));
            let seen = ended.since(self.cell_start);
            self.close_cell(ended, stays_empty.map(|is_empty| if is_empty { full } else { seen }));
        }
        if self.keeps_cells {
            for (level, is_empty) in self.levels.iter_mut().zip(stays_empty) {
                let rest = if is_empty { (0.0, 0) } else { (f64::NAN, 0) };
                level.cells.resize((clock.cells as usize).max(level.cells.len()), rest);
            }
        }
        self.settle(clock.end.max(ended));
        self.fold();
    }

    /// The average over the window, once it is over.
    pub fn window_mean(&self, index: usize) -> f64 {
        let (width, level) = (self.window.1.since(self.window.0).as_nanos(), &self.levels[index]);
        (level.window_area.1.unwrap_or(level.area) - level.window_area.0) as f64 / width as f64
    }
}

impl Level {
    pub fn value(&self) -> u64 {
        self.value
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
        let mut level = Levels::<1>::new(&clock, true);
        level.grid(s(0));
        level.add(s(5), [2]);
        level.add(s(15), [2]);
        level.grid(s(20));
        level.remove(s(25), [4]);
        level.grid(s(40));
        level.finish(s(40), &clock);
        // Window 10..30: 2 for 5 s, 4 for 10 s, 0 for 5 s.
        assert_eq!(level.window_mean(0), 50.0 / 20.0);
        assert_eq!(level.get(0).window_max(), 4);
        // Cells: 2 * 10 + 4 * 5 over 20 s, 4 * 5 over 20 s.
        assert_eq!(level.get(0).cells, [(2.0, 4), (1.0, 4)]);
    }

    #[test]
    fn what_the_window_begins_with_is_part_of_its_maximum_on_the_grid_or_off_it() {
        let s = SimTime::from_secs;
        for cell in [20, 7] {
            let clock = clock(10, 30, 42, cell);
            let mut level = Levels::<1>::new(&clock, false);
            level.add(s(5), [9]);
            level.remove(s(6), [2]);
            level.remove(s(12), [6]);
            // Beyond the window.
            level.add(s(30), [50]);
            level.finish(s(42), &clock);
            assert_eq!(level.get(0).window_max(), 7, "cells of {cell} s");
            assert_eq!(level.window_mean(0), (2.0 * 7.0 + 18.0) / 20.0);
        }
        let clock = clock(10, 30, 42, 20);
        let mut level = Levels::<1>::new(&clock, false);
        level.add(s(5), [9]);
        level.remove(s(10), [8]);
        level.finish(s(42), &clock);
        assert_eq!(level.get(0).window_max(), 1, "what changes at the window's start is not held in it");
    }

    #[test]
    fn a_run_that_ends_early_has_all_its_cells_and_what_is_left_unseen_is_no_number() {
        let (s, clock) = (SimTime::from_secs, clock(0, 20, 80, 20));
        let mut level = Levels::<1>::new(&clock, true);
        level.add(s(10), [4]);
        level.grid(s(20));
        level.remove(s(30), [4]);
        let mut unseen = level.clone();
        level.finish(s(30), &clock);
        assert_eq!(level.get(0).cells, [(2.0, 4), (2.0, 4), (0.0, 0), (0.0, 0)]);
        unseen.add(s(30), [1]);
        unseen.finish(s(30), &clock);
        assert_eq!(unseen.get(0).cells[..2], [(2.0, 4), (4.0, 4)]);
        assert!(unseen.get(0).cells.len() == 4 && unseen.get(0).cells[2..].iter().all(|cell| cell.0.is_nan()));
    }
}
