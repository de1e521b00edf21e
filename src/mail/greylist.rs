//! Greylisting (RFC 6647) as Postgrey does it (`postgrey`, `smtpd_access_policy`).

use rustc_hash::FxHashMap;

use crate::engine::time::{SimDuration, SimTime};
use crate::model::mail::GreylistRules;

/// Who writes to whom: client (address or network), and the pair of envelope sender and recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Triplet {
    pub client: u64,
    pub node: u32,
    pub domain: u32,
    pub pair: u64,
}

/// A passed client is counted at most once in so long.
const COUNT_EVERY: SimDuration = SimDuration::from_secs(3600);

/// Below so many entries nothing is swept out.
const SWEEP_MIN: usize = 4096;

/// What a host remembers. Entries that are too old count as absent at once, and are swept out when the table has doubled:
/// its size is bounded by what comes in `max_age`.
#[derive(Debug)]
pub(super) struct Memory<'m> {
    rules: &'m GreylistRules,
    /// First and last attempt of each triplet.
    triplets: FxHashMap<Triplet, (SimTime, SimTime)>,
    /// Passes counted of each client address, and when the last was.
    clients: FxHashMap<u64, (u32, SimTime)>,
    sweep_at: usize,
}

impl<'m> Memory<'m> {
    pub fn new(rules: &'m GreylistRules) -> Self {
        Self { rules, triplets: FxHashMap::default(), clients: FxHashMap::default(), sweep_at: SWEEP_MIN }
    }

    pub const fn rules(&self) -> &'m GreylistRules {
        self.rules
    }

    /// Whether a recipient of this triplet, from this client address, is let through; the attempt is remembered.
    pub fn passes(&mut self, now: SimTime, triplet: Triplet, address: u64) -> bool {
        let rules = self.rules;
        let counted = self.clients.get(&address).copied().filter(|(_, last)| now.since(*last) <= rules.max_age);
        if let Some((passes, last)) = counted
            && rules.whitelist_after > 0
            && passes >= rules.whitelist_after
        {
            if now.since(last) >= COUNT_EVERY {
                self.clients.insert(address, (passes + 1, now));
            }
            return true;
        }
        let seen = self.triplets.get(&triplet).copied().filter(|(_, last)| now.since(*last) <= rules.max_age);
        let (first, has_passed) = match seen {
            None => (now, false),
            Some((first, last)) if last.since(first) >= rules.delay => (first, true),
            Some((first, _)) if now.since(first) > rules.retry_window => (now, false),
            Some((first, _)) => (first, false),
        };
        self.triplets.insert(triplet, (first, now));
        self.sweep(now);
        let passes = now.since(first) >= rules.delay;
        if passes && !has_passed && counted.is_none_or(|(_, last)| now.since(last) >= COUNT_EVERY) {
            self.clients.insert(address, (counted.map_or(1, |(passes, _)| passes + 1), now));
        }
        passes
    }

    fn sweep(&mut self, now: SimTime) {
        if self.triplets.len() < self.sweep_at {
            return;
        }
        let rules = self.rules;
        self.triplets.retain(|_, (first, last)| {
            let kept = if last.since(*first) >= rules.delay { rules.max_age } else { rules.retry_window };
            now.since(*last) <= kept
        });
        self.clients.retain(|_, (_, last)| now.since(*last) <= rules.max_age);
        self.sweep_at = (2 * self.triplets.len()).max(SWEEP_MIN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: GreylistRules = GreylistRules {
        delay: SimDuration::from_secs(300),
        retry_window: SimDuration::from_secs(2 * 86_400),
        max_age: SimDuration::from_secs(35 * 86_400),
        by_network: true,
        whitelist_after: 2,
        code: 450,
    };

    const fn at(seconds: u64) -> SimTime {
        SimTime::from_secs(seconds)
    }

    const fn triplet(pair: u64) -> Triplet {
        Triplet { client: 7, node: 0, domain: 0, pair }
    }

    #[test]
    fn a_triplet_passes_once_the_delay_is_over_and_then_always() {
        let mut memory = Memory::new(&RULES);
        let mut passes = |s| memory.passes(at(s), triplet(1), 7);
        assert!(!passes(0) && !passes(299));
        assert!(passes(300) && passes(301));
        // Remembered for 35 days after it was last seen.
        assert!(passes(301 + 35 * 86_400));
        assert!(!passes(302 + 70 * 86_400));
    }

    #[test]
    fn a_retry_beyond_the_window_is_a_first_attempt() {
        let mut memory = Memory::new(&RULES);
        assert!(!memory.passes(at(0), triplet(1), 7));
        assert!(!memory.passes(at(2 * 86_400 + 1), triplet(1), 7));
        assert!(memory.passes(at(2 * 86_400 + 301), triplet(1), 7));
    }

    #[test]
    fn a_client_address_that_passed_often_enough_needs_no_triplet() {
        let mut memory = Memory::new(&RULES);
        let mut once = |pair, from| {
            assert!(!memory.passes(at(from), triplet(pair), 7));
            assert!(memory.passes(at(from + 300), triplet(pair), 7));
        };
        // Two passes within one hour count once.
        once(1, 0);
        once(2, 400);
        once(3, 4000);
        assert!(memory.passes(at(5000), triplet(4), 7), "whitelisted");
        assert!(!memory.passes(at(5000), triplet(5), 8), "another address of the network is not");
    }

    #[test]
    fn what_is_too_old_is_swept_out() {
        let mut memory = Memory::new(&RULES);
        for pair in 0..3 * SWEEP_MIN as u64 {
            memory.passes(at(pair * 3600), triplet(pair), pair);
        }
        assert!(memory.triplets.len() <= 2 * SWEEP_MIN, "{}", memory.triplets.len());
    }
}
