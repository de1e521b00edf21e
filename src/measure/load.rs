//! How full a host with a session limit is.

use super::SERIES_MAX;
use super::depth::Levels;
use crate::engine::time::SimTime;
use crate::model::{Clock, HostId, Model};
use crate::scenario::tree::WhenFull;

/// Shares are whole numbers of this part, so that they add up exactly.
const UNIT: u64 = 1 << 32;

/// Load of a host that has, or will have, a limit.
#[derive(Debug, Clone)]
pub(super) struct HostLoad {
    pub host: HostId,
    limit: Option<u32>,
    sessions: u32,
    /// Sessions over the limit of the time, in [`UNIT`]s and 0 while there is none; connections in the backlog.
    levels: Levels<2>,
    /// Connections of the window that were refused, answered with 421, or lost from the backlog.
    pub refused: u64,
    pub busy: u64,
    pub left: u64,
}

impl HostLoad {
    /// Hosts with a limit at some time, in the order of their ids.
    pub fn of(model: &Model) -> Vec<Self> {
        let hosts = model.limited_hosts().into_iter();
        let load = |(nth, host): (usize, HostId)| {
            Self::new(host, model.mail.hosts[host.index()].sessions, &model.clock, nth < SERIES_MAX)
        };
        hosts.enumerate().map(load).collect()
    }

    fn new(host: HostId, limit: Option<u32>, clock: &Clock, has_series: bool) -> Self {
        Self { host, limit, sessions: 0, levels: Levels::new(clock, has_series), refused: 0, busy: 0, left: 0 }
    }

    pub fn on_load(&mut self, now: SimTime, sessions: u32, backlog: u32) {
        self.sessions = sessions;
        let share = match self.limit {
            None => 0,
            // A host that takes none is full.
            Some(0) => UNIT,
            Some(limit) => u64::from(sessions) * UNIT / u64::from(limit),
        };
        self.levels.set(now, [share, u64::from(backlog)]);
    }

    pub fn on_limit(&mut self, now: SimTime, limit: Option<u32>) {
        self.limit = limit;
        self.on_load(now, self.sessions, self.levels.value(1) as u32);
    }

    pub fn on_turned_away(&mut self, how: WhenFull) {
        match how {
            WhenFull::Refuse => self.refused += 1,
            WhenFull::Busy => self.busy += 1,
            WhenFull::Backlog => self.left += 1,
        }
    }

    pub fn grid(&mut self, now: SimTime) {
        self.levels.grid(now);
    }

    /// For each grid cell the average of sessions over the limit, and of connections in the backlog; the first hosts only.
    pub fn cells(&self) -> [Vec<f64>; 2] {
        let of = |index, unit: f64| self.levels.past(index).cells.iter().map(|cell| cell.0 / unit).collect();
        [of(0, UNIT as f64), of(1, 1.0)]
    }

    pub fn finish(&mut self, ended: SimTime, clock: &Clock) {
        let is_empty = self.sessions == 0 && self.levels.value(1) == 0;
        self.levels.finish(ended, clock, is_empty);
    }

    /// Sessions over the limit: the average over the window, and the greatest.
    pub fn share(&self) -> (f64, f64) {
        (self.levels.window_mean(0) / UNIT as f64, self.levels.window_max(0) as f64 / UNIT as f64)
    }

    /// Connections in the backlog: the average over the window, and the most.
    pub fn backlog(&self) -> (f64, f64) {
        (self.levels.window_mean(1), self.levels.window_max(1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::time::SimDuration;

    #[test]
    fn load_is_over_the_limit_of_the_time() {
        let s = SimTime::from_secs;
        let clock = Clock {
            starts_in_week_s: 0,
            window_start: s(0),
            window_end: s(40),
            end: s(40),
            arrivals_end: s(40),
            cell: SimDuration::from_secs(40),
            cells: 1,
        };
        let mut load = HostLoad::new(HostId(0), None, &clock, true);
        load.on_load(s(0), 7, 0);
        load.on_limit(s(10), Some(14));
        load.on_limit(s(20), Some(10));
        load.on_limit(s(30), None);
        load.finish(s(40), &clock);
        let (mean, max) = load.share();
        assert!((mean - (0.5 + 0.7) / 4.0).abs() < 1e-9 && (max - 0.7).abs() < 1e-9, "{mean} {max}");
        assert!((load.cells()[0][0] - mean).abs() < 1e-9, "one cell as long as the window");
    }
}
