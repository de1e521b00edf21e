//! Queries that a cache leaves out for a while at a server that has just failed them (PowerDNS Recursor: syncres.cc,
//! doResolveAtThisIP and throttledOrBlocked).

use rustc_hash::FxHashMap;

use super::fetch::Address;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::CacheId;
use crate::model::dns::Question;

/// Fetches that leave a query out before one asks again all the same: where the server failed or refused, where it was not to be
/// reached, where it was silent.
pub(super) const FAILED: u32 = 3;
pub(super) const UNREACHABLE: u32 = 100;
pub(super) const SILENT: u32 = 5;

/// What is left out, and until when; only ever looked up.
#[derive(Debug, Default)]
pub(super) struct Throttles(FxHashMap<(CacheId, usize, Question), (SimTime, u32)>);

impl Throttles {
    /// Leaves a query out for so long, or for so many fetches. Time is in whole seconds there, the last one included.
    pub fn begin(
        &mut self,
        now: SimTime,
        (cache, at, query): (CacheId, Address, Question),
        lasts: SimDuration,
        fetches: u32,
    ) {
        if !lasts.is_zero() {
            let until = SimTime::ZERO + SimDuration::from_secs(now.whole_seconds() + 1) + lasts;
            self.0.insert((cache, at.index(), query), (until, fetches));
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
