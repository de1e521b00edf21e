//! Resolvers that are down, and where a question to one of several sites goes.
//!
//! A resolver that is down answers nobody, nor does what it was asked before; what it holds is there when it is back.

use super::cache::Cache;
use super::resolver::{Dns, NONE, Who, failure};
use super::{DnsEvent, Source};
use crate::engine::scheduler::Scheduler;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::{CacheId, RegionId};

/// After how long without an answer a stub resolver asks again (resolv.conf(5): `timeout`).
pub(super) const STUB_ASKS_AGAIN: SimDuration = SimDuration::from_secs(5);

/// After how long it gives up: it asks twice (resolv.conf(5): `attempts`).
pub(super) const STUB_GIVES_UP: SimDuration = SimDuration::from_secs(10);

impl Dns<'_> {
    /// Takes caches down for one cause more, or for one less.
    pub fn set_down(&mut self, caches: &[CacheId], is_down: bool) {
        self.down.resize(self.caches.len(), 0);
        for cache in caches {
            let causes = &mut self.down[cache.index()];
            *causes = if is_down { *causes + 1 } else { causes.saturating_sub(1) };
        }
        // Whoever knows that an answer is at hand asks again.
        self.caches.iter_mut().for_each(Cache::move_on);
        self.is_disturbed = self.is_network_other() || self.down.iter().any(|causes| *causes > 0);
    }

    /// Whether a cache's resolver is up.
    #[inline]
    pub fn is_up(&self, cache: CacheId) -> bool {
        self.down.get(cache.index()).is_none_or(|causes| *causes == 0)
    }

    pub(super) fn is_network_other(&self) -> bool {
        !std::ptr::eq(self.network, &raw const self.model.network)
    }

    /// Whether a cache answers those in a region: it is up, and there is a way.
    pub(super) fn is_answering(&self, from: RegionId, cache: CacheId) -> bool {
        self.is_up(cache) && self.network.is_way(from, self.model.dns.caches[cache.index()].region)
    }

    /// Where a question goes that falls to a cache while all is well: with anycast, routes lead to the nearest site that is
    /// up and can be reached, to the same member of its farm. Routing takes no time here.
    pub(super) fn routed(&self, from: RegionId, cache: CacheId) -> CacheId {
        let resolver = self.resolver_of(cache);
        if resolver.sites < 2 || self.is_answering(from, cache) {
            return cache;
        }
        let first = resolver.first_cache.0;
        let farm = resolver.farm.count() as u32;
        let member = (cache.0 - first) % farm;
        let distance = |cache: &CacheId| -> f64 {
            self.network.path(from, self.model.dns.caches[cache.index()].region).map(|link| link.rtt.mean()).sum()
        };
        let sites = (0..resolver.sites).map(|site| CacheId(first + site * farm + member));
        let answering = sites.filter(|cache| self.is_answering(from, *cache));
        answering.min_by(|one, other| distance(one).total_cmp(&distance(other))).unwrap_or(cache)
    }

    /// A question has come to a resolver that is down, or its answer was not sent before that: its asker waits in vain.
    pub(super) fn lose<E: Copy + From<DnsEvent>>(&mut self, scheduler: &mut Scheduler<E>, slot: u32) {
        let now = scheduler.now();
        let ask = &mut self.asks[slot as usize];
        (ask.fetch, ask.stale_at, ask.stub_at) = (NONE, SimTime::NEVER, SimTime::NEVER);
        let (cache, asked, question) = (ask.cache, ask.asked, ask.question);
        match ask.who {
            Who::Asker(..) => {
                ask.answer = Some(failure(question.name(), Source::Failure));
                let at = now.max(asked + STUB_GIVES_UP);
                scheduler.schedule(self.first_entity + cache.0, at, DnsEvent::AnswerArrives(slot).into());
            }
            // The forwarder's own time-out passes.
            Who::Forwarder(..) | Who::Fetch(_) | Who::Resort(_) => self.free_asks.push(slot),
        }
    }
}
