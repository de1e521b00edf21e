//! The scans of a deferred queue: what waits for which of them, and when each comes.

use std::collections::BTreeMap;

use crate::engine::time::{SimDuration, SimTime};
use crate::model::mail::Clockwork;

/// What waits for which scan. One event is pending for each scan that will find something, not one a message.
#[derive(Debug)]
pub(super) struct Scans {
    pub phase: SimDuration,
    pub period: SimDuration,
    due: BTreeMap<u64, Vec<(u32, u16)>>,
    spare: Vec<Vec<(u32, u16)>>,
    sleep: Option<Sleep>,
}

/// How a queue manager sleeps that asks for whole seconds, from when it last had something to do (Postfix's `events.c:
/// event_loop`: `select_delay = timer->when - time()`).
#[derive(Debug)]
struct Sleep {
    /// The fraction of a second at which it last had something to do.
    fraction: SimDuration,
    /// The scan whose second has come, while it sleeps through the rest of its fraction.
    open: Option<u64>,
    /// Whether something woke it in that second.
    is_woken: bool,
}

/// What a node does when the event of a scan comes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scan {
    /// Takes up what waits for it.
    Takes(Vec<(u32, u16)>),
    /// Sleeps on until then.
    Sleeps(SimTime),
}

impl Scans {
    /// The scans of a clock whose first tick is at `phase`.
    pub fn new(clock: &Clockwork, phase: SimDuration) -> Self {
        let second = SimDuration::from_secs(1).as_nanos();
        let fraction = SimDuration::from_nanos(phase.as_nanos() % second);
        let is_whole = clock.sleeps_whole_seconds && clock.period.as_nanos().is_multiple_of(second);
        let sleep = is_whole.then_some(Sleep { fraction, open: None, is_woken: false });
        let phase = if is_whole { SimDuration::from_nanos(phase.as_nanos() - fraction.as_nanos()) } else { phase };
        Self { phase, period: clock.period, due: BTreeMap::new(), spare: Vec::new(), sleep }
    }

    /// Puts a delivery in the queue of the first scan at or after `due`. `Some(when)` if nothing waited for that scan yet.
    pub fn put(&mut self, due: SimTime, slot: u32, generation: u16) -> (SimTime, bool) {
        let (tick, at) = super::retry::next_scan(due, self.phase, self.period);
        let spare = &mut self.spare;
        let mut is_new = false;
        let waiting = self.due.entry(tick).or_insert_with(|| {
            is_new = true;
            spare.pop().unwrap_or_default()
        });
        waiting.push((slot, generation));
        (at, is_new)
    }

    /// The event of a scan has come: of its second, or of its instant in that second.
    pub fn comes(&mut self, now: SimTime) -> Scan {
        let (tick, at) = super::retry::next_scan(now, self.phase, self.period);
        let Some(sleep) = &mut self.sleep else { return Scan::Takes(self.due.remove(&tick).unwrap_or_default()) };
        if let Some(open) = sleep.open.take() {
            return Scan::Takes(self.due.remove(&open).unwrap_or_default());
        }
        match (at == now, sleep.fraction.is_zero()) {
            (true, true) => Scan::Takes(self.due.remove(&tick).unwrap_or_default()),
            (true, false) => {
                (sleep.open, sleep.is_woken) = (Some(tick), false);
                Scan::Sleeps(now + sleep.fraction)
            }
            // Something woke it before.
            (false, _) => Scan::Takes(Vec::new()),
        }
    }

    /// The queue manager has something to do: a message came, or a delivery agent spoke.
    pub fn stirs(&mut self, now: SimTime) {
        if let Some(sleep) = &mut self.sleep {
            let since_start = now.since(SimTime::ZERO).as_nanos();
            sleep.fraction = SimDuration::from_nanos(since_start % SimDuration::from_secs(1).as_nanos());
            sleep.is_woken = sleep.open.is_some();
        }
    }

    /// Whether a scan is to begin since something woke the queue manager.
    pub fn is_woken(&self) -> bool {
        self.sleep.as_ref().is_some_and(|sleep| sleep.open.is_some() && sleep.is_woken)
    }

    /// Gives a vector that `comes` gave back, to be used again.
    pub fn give_back(&mut self, mut used: Vec<(u32, u16)>) {
        used.clear();
        // One backlog after a long outage must not hold its memory for ever.
        if used.capacity() > 0 && used.capacity() <= 4096 && self.spare.len() < 16 {
            self.spare.push(used);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_nanos(ms * 1_000_000)
    }

    /// Scans at 1, 4, 7 s and so on, of one who went to sleep at .250.
    fn scans() -> Scans {
        let period = SimDuration::from_secs(3);
        Scans::new(
            &Clockwork { period, phase: None, sleeps_whole_seconds: true },
            SimDuration::from_nanos(1_250_000_000),
        )
    }

    #[test]
    fn a_scan_falls_at_the_fraction_of_the_last_thing_done() {
        // Measured (runs 2 to 5 of outage_backlog, Postfix 3.7.11): the last message came at .496, .274, .746 and .304 of a
        // second, and the first pulse after it 3.01 to 3.10 s later, in the second of its scan.
        let mut scans = scans();
        assert_eq!(scans.put(at(3600), 7, 0), (at(4000), true));
        assert_eq!(scans.comes(at(4000)), Scan::Sleeps(at(4250)));
        assert_eq!(scans.comes(at(4250)), Scan::Takes(vec![(7, 0)]));
        scans.stirs(at(4496));
        scans.put(at(4600), 8, 0);
        assert_eq!(scans.comes(at(7000)), Scan::Sleeps(at(7496)));
        assert!(!scans.is_woken());
        assert_eq!(scans.comes(at(7496)), Scan::Takes(vec![(8, 0)]));
    }

    #[test]
    fn what_comes_in_its_second_wakes_the_scan() {
        // Measured (the same runs): while messages come five times a second, scans fall in the first fifth of their seconds.
        let mut scans = scans();
        scans.stirs(at(3900));
        scans.put(at(3950), 7, 0);
        assert_eq!(scans.comes(at(4000)), Scan::Sleeps(at(4900)));
        scans.stirs(at(4100));
        assert!(scans.is_woken());
        assert_eq!(scans.comes(at(4100)), Scan::Takes(vec![(7, 0)]));
        assert_eq!(scans.comes(at(4900)), Scan::Takes(Vec::new()), "it has been");
    }
}
