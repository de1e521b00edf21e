//! How much something holds in time: exact time averages and maxima, per grid cell and over the window.

use crate::engine::time::{SimDuration, SimTime};
use crate::model::Clock;

/// Levels that change together at instants. A change costs one multiplication each: what the window and the grid want is
/// settled when they begin and end. A maximum is of what was held for any time: of several changes at one instant the last.
///
/// What each change reads and writes comes first, in as few cache lines as it fits.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub(super) struct Levels<const N: usize> {
    since: SimTime,
    /// The next boundary of the window; `NEVER` after both.
    mark: SimTime,
    values: [u64; N],
    /// Greatest values since the last boundary.
    peaks: [u64; N],
    /// Values times nanoseconds, since the start of the run.
    areas: [u128; N],
    past: [Past; N],
    window: (SimTime, SimTime),
    cell: SimDuration,
    cell_start: SimTime,
    keeps_cells: bool,
}

/// What is settled of one of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Past {
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
            since: SimTime::ZERO,
            mark: clock.window_start,
            values: [0; N],
            peaks: [0; N],
            areas: [0; N],
            past: std::array::from_fn(|_| Past::default()),
            window: (clock.window_start, clock.window_end),
            cell: clock.cell,
            cell_start: SimTime::ZERO,
            keeps_cells,
        }
    }

    /// What it is now.
    pub fn value(&self, index: usize) -> u64 {
        self.values[index]
    }

    pub fn past(&self, index: usize) -> &Past {
        &self.past[index]
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
            for (index, &value) in self.values.iter().enumerate() {
                self.areas[index] += u128::from(value) * span;
                self.peaks[index] = self.peaks[index].max(value);
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
        for (past, &area) in self.past.iter_mut().zip(&self.areas) {
            if is_start {
                past.window_area.0 = area;
            } else {
                past.window_area.1 = Some(area);
            }
        }
        self.mark = if is_start { self.window.1 } else { SimTime::NEVER };
    }

    /// Puts the peaks where they belong: to the cell, and to the window while it lasts.
    fn fold(&mut self) {
        let is_in_window = self.mark == self.window.1;
        for (past, peak) in self.past.iter_mut().zip(&mut self.peaks) {
            past.cell_max = past.cell_max.max(*peak);
            if is_in_window {
                past.window_max = past.window_max.max(*peak);
            }
            *peak = 0;
        }
    }

    #[inline]
    pub fn set(&mut self, now: SimTime, values: [u64; N]) {
        self.settle(now);
        self.values = values;
    }

    /// They grow by `more` and shrink by `less`.
    #[inline]
    pub fn change(&mut self, now: SimTime, more: [u64; N], less: [u64; N]) {
        self.set(now, std::array::from_fn(|index| self.values[index] + more[index] - less[index]));
    }

    #[inline]
    pub fn add(&mut self, now: SimTime, more: [u64; N]) {
        self.change(now, more, [0; N]);
    }

    #[inline]
    pub fn remove(&mut self, now: SimTime, less: [u64; N]) {
        self.change(now, [0; N], less);
    }

    /// Closes the cell that ends now.
    pub fn grid(&mut self, now: SimTime) {
        let width = now.since(self.cell_start);
        self.settle(now);
        self.fold();
        for (past, &area) in self.past.iter_mut().zip(&self.areas) {
            if self.keeps_cells && !width.is_zero() {
                let mean = (area - past.cell_area) as f64 / width.as_nanos() as f64;
                past.cells.push((mean, past.cell_max));
            }
            past.cell_area = area;
            past.cell_max = 0;
        }
        self.cell_start = now;
    }

    /// The run is over, perhaps before its time. In the rest of the grid they are what they are now if they stay so, and
    /// not a number else.
    pub fn finish(&mut self, ended: SimTime, clock: &Clock, stay: bool) {
        if ended > self.cell_start {
            let full = (self.cell_start + self.cell).min(clock.end);
            self.grid(if stay { full.max(ended) } else { ended });
        }
        if self.keeps_cells {
            for (past, &value) in self.past.iter_mut().zip(&self.values) {
                let rest = if stay { (value as f64, value) } else { (f64::NAN, 0) };
                past.cells.resize((clock.cells as usize).max(past.cells.len()), rest);
            }
        }
        self.settle(clock.end.max(ended));
        self.fold();
    }

    /// The average over the window, once it is over.
    pub fn window_mean(&self, index: usize) -> f64 {
        let (width, past) = (self.window.1.since(self.window.0).as_nanos(), &self.past[index]);
        (past.window_area.1.unwrap_or(self.areas[index]) - past.window_area.0) as f64 / width as f64
    }

    /// The greatest value that was held in the window.
    pub fn window_max(&self, index: usize) -> u64 {
        self.past[index].window_max
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
        level.add(s(22), [50]);
        level.remove(s(22), [50]);
        level.remove(s(25), [4]);
        level.grid(s(40));
        level.finish(s(40), &clock, true);
        // Window 10..30: 2 for 5 s, 4 for 10 s, 0 for 5 s.
        assert_eq!(level.window_mean(0), 50.0 / 20.0);
        assert_eq!(level.window_max(0), 4);
        // Cells: 2 * 10 + 4 * 5 over 20 s, 4 * 5 over 20 s.
        assert_eq!(level.past(0).cells, [(2.0, 4), (1.0, 4)]);
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
            level.finish(s(42), &clock, false);
            assert_eq!(level.window_max(0), 7, "cells of {cell} s");
            assert_eq!(level.window_mean(0), (2.0 * 7.0 + 18.0) / 20.0);
        }
        let clock = clock(10, 30, 42, 20);
        let mut level = Levels::<1>::new(&clock, false);
        level.add(s(5), [9]);
        level.remove(s(10), [8]);
        level.finish(s(42), &clock, false);
        assert_eq!(level.window_max(0), 1, "what changes at the window's start is not held in it");
    }

    #[test]
    fn a_run_that_ends_early_has_all_its_cells_and_what_is_left_unseen_is_no_number() {
        let (s, clock) = (SimTime::from_secs, clock(0, 20, 80, 20));
        let mut level = Levels::<1>::new(&clock, true);
        level.add(s(10), [4]);
        level.grid(s(20));
        level.remove(s(30), [4]);
        let mut unseen = level.clone();
        level.finish(s(30), &clock, true);
        assert_eq!(level.past(0).cells, [(2.0, 4), (2.0, 4), (0.0, 0), (0.0, 0)]);
        let mut staying = unseen.clone();
        staying.add(s(30), [1]);
        staying.finish(s(30), &clock, true);
        assert_eq!(staying.past(0).cells, [(2.0, 4), (2.5, 4), (1.0, 1), (1.0, 1)]);
        unseen.add(s(30), [1]);
        unseen.finish(s(30), &clock, false);
        assert_eq!(unseen.past(0).cells[..2], [(2.0, 4), (4.0, 4)]);
        assert!(unseen.past(0).cells.len() == 4 && unseen.past(0).cells[2..].iter().all(|cell| cell.0.is_nan()));
    }
}
