//! Queues: how many deliveries, how many bytes, how old, and what the deliveries are doing.

use super::depth::Levels;
use crate::engine::time::{SimDuration, SimTime};
use crate::mail::{Delivery, Flight, Phase};
use crate::model::Clock;

/// What one node, or all of them, have in custody.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    /// Deliveries, and bytes.
    held: Levels<2>,
    /// Deliveries by what they do.
    phases: [Levels<1>; 3],
    window: (SimTime, SimTime),
    /// The greatest age that anything reached in custody within the window.
    oldest: SimDuration,
    /// At each grid instant the age of the oldest; kept for those with a series.
    pub oldest_looks: Vec<SimDuration>,
    /// Deliveries that are there at the end of the run and go on being there, and the age of the oldest then.
    staying: (u64, SimDuration),
}

/// One count: what its rows and its averages over each cell are called, and its maxima over each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted<'q> {
    pub measure: &'static str,
    pub max_series: &'static str,
    pub mean: f64,
    pub max: u64,
    /// One (mean, max) a cell.
    pub cells: &'q [(f64, u64)],
}

impl<'q> Counted<'q> {
    fn of<const N: usize>(
        measure: &'static str,
        max_series: &'static str,
        levels: &'q Levels<N>,
        index: usize,
    ) -> Self {
        let (mean, max) = (levels.window_mean(index), levels.window_max(index));
        Self { measure, max_series, mean, max, cells: &levels.past(index).cells }
    }
}

impl Queue {
    pub fn new(clock: &Clock, keeps_cells: bool) -> Self {
        Self {
            held: Levels::new(clock, keeps_cells),
            phases: std::array::from_fn(|_| Levels::new(clock, keeps_cells)),
            window: (clock.window_start, clock.window_end),
            oldest: SimDuration::ZERO,
            oldest_looks: Vec::new(),
            staying: (0, SimDuration::ZERO),
        }
    }

    /// Whatever comes in is active.
    pub fn enter(&mut self, now: SimTime, delivery: &Delivery) {
        self.add(now, delivery.recipients, delivery.size_bytes, Phase::Active);
    }

    /// A message with so many recipients is one file.
    #[inline]
    fn add(&mut self, now: SimTime, recipients: u16, bytes: u32, phase: Phase) {
        let n = u64::from(recipients);
        self.held.add(now, [n, u64::from(bytes)]);
        self.phases[phase as usize].add(now, [n]);
    }

    #[inline]
    fn remove(&mut self, now: SimTime, recipients: u16, bytes: u32, phase: Phase) {
        let n = u64::from(recipients);
        self.held.remove(now, [n, u64::from(bytes)]);
        self.phases[phase as usize].remove(now, [n]);
    }

    /// A message is at a host at once.
    #[inline]
    pub fn start(&mut self, now: SimTime, flight: &Flight) {
        self.add(now, flight.message.recipients, flight.message.size_bytes, Phase::InSession);
    }

    /// It leaves with the end of its first attempt.
    #[inline]
    pub fn land(&mut self, now: SimTime, flight: &Flight) {
        let message = &flight.message;
        self.remove(now, message.recipients, message.size_bytes, Phase::InSession);
        self.reach(now, message.created, |until| until.since(message.created));
    }

    /// Of what was part of a file, a host made one of its own.
    pub fn copied(&mut self, now: SimTime, delivery: &Delivery) {
        self.held.add(now, [0, u64::from(delivery.size_bytes)]);
    }

    pub fn leave(&mut self, now: SimTime, delivery: &Delivery) {
        // The file stays for as long as any of its recipients.
        let bytes = if delivery.shares_file { 0 } else { delivery.size_bytes };
        self.remove(now, delivery.recipients, bytes, delivery.phase());
        self.age(now, delivery);
    }

    /// It does something else than before.
    pub fn turn(&mut self, now: SimTime, delivery: &Delivery, before: Phase) {
        let n = u64::from(delivery.recipients);
        self.phases[before as usize].remove(now, [n]);
        self.phases[delivery.phase() as usize].add(now, [n]);
    }

    /// In custody until now.
    #[inline]
    pub fn age(&mut self, now: SimTime, delivery: &Delivery) {
        self.reach(now, delivery.in_custody_since, |until| delivery.age(until));
    }

    /// In custody when the run ends, which it does not before its time while anything that was there at the start is on its
    /// way: what is left of that is on hold.
    pub fn remains(&mut self, now: SimTime, delivery: &Delivery) {
        self.age(now, delivery);
        if delivery.is_inherited() {
            self.staying.0 += u64::from(delivery.recipients);
            self.staying.1 = self.staying.1.max(delivery.age(now));
        }
    }

    #[inline]
    fn reach(&mut self, now: SimTime, in_custody_since: SimTime, age: impl Fn(SimTime) -> SimDuration) {
        if now > self.window.0 && in_custody_since < self.window.1 {
            self.oldest = self.oldest.max(age(now.min(self.window.1)));
        }
    }

    pub fn grid(&mut self, now: SimTime) {
        self.held.grid(now);
        self.phases.iter_mut().for_each(|phase| phase.grid(now));
    }

    pub fn finish(&mut self, ended: SimTime, clock: &Clock) {
        let (staying, oldest) = self.staying;
        let stays = self.depth() == staying;
        self.held.finish(ended, clock, stays);
        self.phases.iter_mut().for_each(|phase| phase.finish(ended, clock, stays));
        if stays && !self.oldest_looks.is_empty() {
            for index in self.oldest_looks.len() as u64..=u64::from(clock.cells) {
                let at = (SimTime::ZERO + clock.cell.saturating_mul(index)).min(clock.end);
                let age = if staying > 0 { oldest.saturating_add(at.since(ended)) } else { SimDuration::ZERO };
                self.oldest_looks.push(age);
            }
        }
    }

    /// How many, and how many of them are doing what.
    pub fn counts(&self) -> [Counted<'_>; 4] {
        [
            Counted::of("queue_depth", "queue_depth_max", &self.held, 0),
            Counted::of("queue_active", "queue_active_max", self.doing(Phase::Active), 0),
            Counted::of("queue_deferred", "queue_deferred_max", self.doing(Phase::Deferred), 0),
            Counted::of("queue_in_session", "queue_in_session_max", self.doing(Phase::InSession), 0),
        ]
    }

    fn doing(&self, phase: Phase) -> &Levels<1> {
        &self.phases[phase as usize]
    }

    /// Deliveries by what they do now.
    pub fn by_phase(&self) -> [u64; 3] {
        self.phases.each_ref().map(|phase| phase.value(0))
    }

    pub fn depth(&self) -> u64 {
        self.held.value(0)
    }

    /// Bytes that it holds.
    pub fn stored(&self) -> u64 {
        self.held.value(1)
    }

    /// Bytes in custody: the average over the window, the most, and (mean, max) a cell.
    pub fn bytes(&self) -> Counted<'_> {
        Counted::of("spool_bytes", "spool_bytes_max", &self.held, 1)
    }

    pub fn oldest_s(&self) -> f64 {
        self.oldest.as_secs_f64()
    }
}

/// A queue at an instant: deliveries by what they do, and the age of the oldest.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Look {
    pub by_phase: [u64; 3],
    pub oldest: SimDuration,
}

impl Look {
    pub fn see(&mut self, now: SimTime, delivery: &Delivery) {
        debug_assert!(delivery.is_in_step(), "{delivery:?}");
        self.by_phase[delivery.phase() as usize] += u64::from(delivery.recipients);
        self.oldest = self.oldest.max(delivery.age(now));
    }
}
