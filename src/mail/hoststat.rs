//! OpenSMTPD's memory of what it put off for want of a route (`mta.c`, `hoststat`): the next success at that domain makes
//! it due, as far as the relay takes it.

use rustc_hash::FxHashMap;

use super::destination::NextHop;
use super::memory::Remembered;
use super::world::{Purpose, place};
use super::{Mail, MailObserver, Phase, Step};
use crate::engine::random::draw;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::NodeId;

/// What is known of domains, and how much of it is used.
#[derive(Debug)]
pub(super) struct Deferred {
    max_deferred: usize,
    task_hiwat: usize,
    of: FxHashMap<NextHop, Stat>,
}

/// What is known of a domain that was delivered to.
#[derive(Debug)]
struct Stat {
    updated: SimTime,
    /// Slots and numbers of the deliveries that wait for the next success.
    waiting: Vec<(u32, u64)>,
}

/// `HOSTSTAT_EXPIRE_DELAY`: a domain without a success for so long is forgotten, with what waits for it.
const FORGOTTEN: SimDuration = SimDuration::from_secs(4 * 3600);

impl Deferred {
    pub fn new(max_deferred: u32, task_hiwat: u32) -> Self {
        Self { max_deferred: max_deferred as usize, task_hiwat: task_hiwat as usize, of: FxHashMap::default() }
    }

    /// Keeps a delivery, if its domain is known and there is room for it (`mta_hoststat_cache`).
    fn cache(&mut self, now: SimTime, domain: NextHop, slot: u32, number: u64) {
        let Some(stat) = self.of.get_mut(&domain) else { return };
        if now.since(stat.updated) >= FORGOTTEN {
            self.of.remove(&domain);
        } else if stat.waiting.len() < self.max_deferred && !stat.waiting.contains(&(slot, number)) {
            stat.waiting.push((slot, number));
        }
    }

    /// A delivery succeeded (`mta_hoststat_update`): what waited for that.
    fn succeeded(&mut self, now: SimTime, domain: NextHop) -> Vec<(u32, u64)> {
        match self.of.insert(domain, Stat { updated: now, waiting: Vec::new() }) {
            Some(before) if now.since(before.updated) < FORGOTTEN => before.waiting,
            _ => Vec::new(),
        }
    }
}

impl<'m> Mail<'m> {
    /// A delivery was put off since no route to its destination was left.
    pub(super) fn cache_deferred(&mut self, now: SimTime, slot: u32) {
        let (to, delivery) = (self.next_hop(slot), &self.slots[slot as usize]);
        if let Some(queue) = &mut self.nodes[delivery.node.index()].queue
            && let Some(Remembered::Routes { deferred, .. }) = &mut queue.memory
        {
            deferred.cache(now, to, slot, delivery.number);
        }
    }

    /// A delivery succeeded: what waited for that is due, in an order of chance (that of envelope numbers). What the relay
    /// has no room for goes back to its own time, since its release does not change that (`scheduler_ram_release`).
    pub(super) fn reschedule_deferred<O: MailObserver>(
        &mut self,
        observer: &mut O,
        now: SimTime,
        node: NodeId,
        to: NextHop,
    ) {
        let Some(queue) = &mut self.nodes[node.index()].queue else { return };
        let Some(Remembered::Routes { deferred, .. }) = &mut queue.memory else { return };
        let (list, hiwat) = (deferred.succeeded(now, to), deferred.task_hiwat);
        if list.is_empty() {
            return;
        }
        let destination = self.destinations.find(node, to).map(|id| &self.destinations.slab[id as usize]);
        let tasks = destination.map_or(0, |destination| destination.todo.len() + destination.busy as usize);
        let room = hiwat.saturating_sub(tasks);
        let key = self.nodes[node.index()].key;
        let second = now.whole_seconds() as u32;
        let waits = |&(slot, number): &(u32, u64)| {
            let delivery = &self.slots[slot as usize];
            // What has ended since has left a slot that looks like one of a delivery that has not begun.
            let is_queued = delivery.attempts > 0 || delivery.suspensions > 0;
            let is_this = delivery.number == number && delivery.node == node;
            is_this && is_queued && delivery.work.step == Step::Waiting
        };
        let mut list: Vec<(u64, u32, u64)> = list
            .into_iter()
            .filter(waits)
            .map(|(slot, number)| (draw(key, number, place(second, 0, Purpose::Run)), slot, number))
            .collect();
        list.sort_unstable();
        for &(_, slot, _) in list.iter().take(room) {
            let delivery = &mut self.slots[slot as usize];
            delivery.work.generation = delivery.work.generation.wrapping_add(1);
            delivery.work.step = Step::Queued;
            delivery.enter(observer, now, Phase::Active);
            if let Some(queue) = &mut self.nodes[node.index()].queue {
                queue.incoming.push_back(slot);
            }
        }
        self.wants_pump(node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NameId;

    #[test]
    fn no_more_are_kept_than_allowed_and_only_for_a_domain_that_worked_lately() {
        let (mut deferred, domain) = (Deferred::new(2, 1), NextHop::Name(NameId(0)));
        let hour = |hour: u64| SimTime::from_secs(3600 * hour);
        deferred.cache(hour(0), domain, 1, 7);
        assert_eq!(deferred.succeeded(hour(1), domain), []);
        for slot in [1, 1, 2, 3] {
            deferred.cache(hour(4), domain, slot, 7);
        }
        assert_eq!(deferred.succeeded(hour(4), domain), [(1, 7), (2, 7)]);
        deferred.cache(hour(8), domain, 1, 7);
        assert_eq!(deferred.succeeded(hour(9), domain), []);
    }
}
