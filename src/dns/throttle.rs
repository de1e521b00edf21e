//! Queries that a cache leaves out for a while at a server that has just failed them (PowerDNS Recursor: syncres.cc,
//! doResolveAtThisIP and throttledOrBlocked).

use rustc_hash::FxHashMap;

use super::fetch::Address;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::CacheId;
use crate::model::dns::Question;

/// Why a query is left out for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Throttled {
    /// The server failed it or refused it.
    Failed,
    /// The server was not to be reached.
    Unreachable,
    /// The server was silent.
    Silent,
}

impl Throttled {
    /// How many fetches leave it out before one asks again all the same.
    const fn fetches(self) -> u32 {
        match self {
            Self::Failed => 3,
            Self::Unreachable => 100,
            Self::Silent => 5,
        }
    }
}

/// What is left out, and until when; only ever looked up.
#[derive(Debug, Default)]
pub(super) struct Throttles(FxHashMap<(CacheId, usize, Question), (SimTime, u32)>);

impl Throttles {
    /// Leaves a query out for so long, or for as many fetches as the reason says. Time is in whole seconds there, the last one included.
    pub fn begin(
        &mut self,
        now: SimTime,
        (cache, at, query): (CacheId, Address, Question),
        lasts: SimDuration,
        why: Throttled,
    ) {
        if !lasts.is_zero() {
            let until = SimTime::ZERO + SimDuration::from_secs(now.whole_seconds() + 1) + lasts;
            self.0.insert((cache, at.index(), query), (until, why.fetches()));
        }
    }

    /// Whether a fetch that would ask leaves the query out.
    pub fn leaves_out(&mut self, now: SimTime, (cache, at, query): (CacheId, Address, Question)) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let key = (cache, at.index(), query);
        match self.0.get_mut(&key) {
            Some((until, left)) if now < *until && *left > 0 => {
                *left -= 1;
                true
            }
            Some(_) => {
                self.0.remove(&key);
                false
            }
            None => false,
        }
    }
}
