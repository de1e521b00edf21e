//! A sender's machine: deliveries that need a processor for a while before their session begins.

use smallvec::{SmallVec, smallvec};

use crate::engine::time::{SimDuration, SimTime};

/// When each processor is free again: those who come are served in that order, so that their starts are known at once.
#[derive(Debug)]
pub(super) struct Machine {
    free_at: SmallVec<[SimTime; 4]>,
    each: SimDuration,
}

impl Machine {
    /// A machine; `None` if deliveries take no time of it.
    pub fn new(processors: u32, each: SimDuration) -> Option<Self> {
        (!each.is_zero()).then(|| Self { free_at: smallvec![SimTime::ZERO; processors.max(1) as usize], each })
    }

    /// When a delivery that comes now has had its time.
    pub fn start(&mut self, now: SimTime) -> SimTime {
        let each = self.each;
        match self.free_at.iter_mut().min() {
            Some(free) => {
                *free = now.max(*free) + each;
                *free
            }
            None => now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_processors_start_two_at_a_time() {
        let mut machine = Machine::new(2, SimDuration::from_secs(3)).expect("a machine");
        let starts: Vec<u64> = [0, 0, 0, 1, 20].map(|s| machine.start(SimTime::from_secs(s)).whole_seconds()).into();
        assert_eq!(starts, [3, 3, 6, 6, 23]);
        assert!(Machine::new(2, SimDuration::ZERO).is_none());
    }
}
