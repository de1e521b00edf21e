//! Primaries that tell caches of changes: immediate consistency, at the cost of a message to each cache that holds the
//! old answer. What time-to-live is compared with (Gray and Cheriton, "Leases", SOSP 1989; RFC 8765).

use super::resolver::Dns;
use super::{DnsEvent, DnsObserver};
use crate::engine::scheduler::Scheduler;
use crate::engine::time::SimTime;
use crate::model::CacheId;
use crate::model::dns::Question;
use crate::scenario::tree::RecordType;

impl Dns<'_> {
    /// A primary's data has changed: caches that are told of it, are.
    pub(super) fn push_change<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        question: Question,
    ) {
        let now = scheduler.now();
        for cache in (0..self.model.dns.caches.len() as u32).map(CacheId) {
            let Some(delay) = self.rules(cache).told_after else { continue };
            if !self.affected(question).any(|held| self.caches[cache.index()].live(now, held).is_some()) {
                continue;
            }
            if delay.is_zero() {
                self.drop_told(now, observer, cache, question);
                continue;
            }
            let slot = match self.free_tells.pop() {
                Some(slot) => {
                    self.tells[slot as usize] = (cache, question);
                    slot
                }
                None => {
                    self.tells.push((cache, question));
                    self.tells.len() as u32 - 1
                }
            };
            scheduler.schedule(self.first_entity + cache.0, now + delay, DnsEvent::Told(slot).into());
        }
    }

    pub(super) fn on_told(&mut self, now: SimTime, observer: &mut impl DnsObserver, tell: u32) {
        let (cache, question) = self.tells[tell as usize];
        self.free_tells.push(tell);
        self.drop_told(now, observer, cache, question);
    }

    fn drop_told(&mut self, now: SimTime, observer: &mut impl DnsObserver, cache: CacheId, question: Question) {
        observer.on_push(now, cache, question);
        for held in self.affected(question) {
            if self.caches[cache.index()].drop_question(now, held) {
                observer.on_flush(now, cache, held);
            }
        }
    }

    /// What a change touches: the question itself, what was said of the name as a whole, and, of an alias, every type.
    fn affected(&self, question: Question) -> impl Iterator<Item = Question> + use<> {
        let is_alias = question.kind() == RecordType::Cname;
        RecordType::ALL[..7]
            .iter()
            .map(move |kind| Question::new(question.name(), *kind))
            .filter(move |held| is_alias || *held == question || held.kind() == RecordType::Soa)
    }
}
