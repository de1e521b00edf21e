//! What the collector hears of DNS, of faults, and of the simulation as a whole.

use super::super::ages::tables;
use super::Collector;
use crate::dns::{Asker, DnsObserver, LookupRecord};
use crate::engine::time::SimTime;
use crate::faults::FaultObserver;
use crate::mail::{Delivery, Kind};
use crate::model::dns::Question;
use crate::model::timeline::{ActionModel, TimelineItem};
use crate::model::{CacheId, DataId, HostId, NameId, ServerId, TargetId};
use crate::scenario::tree::FailureMode;
use crate::sim::{Observer, View};

impl DnsObserver for Collector<'_> {
    #[inline]
    fn on_lookup(&mut self, record: &LookupRecord) {
        if self.is_in_window(record.asked) {
            self.dns.on_lookup(record);
        }
        if self.records.is_some() {
            self.record_lookup(record);
        }
    }

    fn hears_each_lookup(&self) -> bool {
        self.records.is_some()
    }

    #[inline]
    fn on_plain_hits(&mut self, now: SimTime, cache: CacheId, _asker: Asker, mx: u64, addresses: u64) {
        if self.is_in_window(now) {
            self.dns.on_plain_hits(cache, mx, addresses);
        }
    }

    fn on_query(&mut self, now: SimTime, server: ServerId, cache: CacheId, question: Question) {
        if self.is_in_window(now) {
            self.dns.on_query(server, cache, question);
        }
    }

    fn on_push(&mut self, now: SimTime, cache: CacheId, _question: Question) {
        if self.is_in_window(now) {
            self.dns.on_push(cache);
        }
    }

    fn on_store(&mut self, now: SimTime, cache: CacheId, question: Question, data: DataId, until: SimTime) {
        for tracked in self.tracked(question) {
            tracked.on_store(now, cache.index(), data, until);
        }
    }

    fn on_flush(&mut self, now: SimTime, cache: CacheId, question: Question) {
        for tracked in self.tracked(question) {
            tracked.on_flush(now, cache.index());
        }
    }

    fn on_change(&mut self, now: SimTime, question: Question, data: DataId) {
        self.routes.on_change(question, data);
        let is_this = |item: &TimelineItem| {
            item.at == now
                && matches!(item.action, ActionModel::SetData { question: set, data: to, .. } if set == question && to == data)
        };
        let index = self.model.timeline.iter().position(is_this);
        let scope = index.and_then(|index| self.scopes.get(index)).cloned().unwrap_or_default();
        for tracked in self.tracked(question) {
            tracked.on_change(now, data, scope.clone());
        }
    }
}

impl FaultObserver for Collector<'_> {
    fn on_state(&mut self, now: SimTime, target: TargetId, down: Option<FailureMode>) {
        if let Some(trace) = self.trace.as_mut().filter(|_| target.index() < self.model.faults.hosts) {
            trace.on_state(now, HostId(target.0), down);
        }
    }
}

impl Observer for Collector<'_> {
    fn on_grid(&mut self, now: SimTime, index: u32, view: &View<'_, '_>) {
        self.queues.iter_mut().chain(&mut self.all_queues).for_each(|queue| queue.grid(now));
        self.loads.iter_mut().for_each(|load| load.grid(now));
        let caches = self.model.dns.caches.len() as u32;
        for tracked in &mut self.tracked {
            let fetched = view.dns.would_fetch(tracked.question);
            let held = |cache| view.dns.held(now, CacheId(cache), tracked.question).unwrap_or(fetched);
            tracked.on_grid(now, Some((0..caches).map(held).collect()));
        }
        self.tell_depth(now);
        self.count_entries(now, index, view);
        self.look_at_queues(now, view);
    }

    fn on_look(&mut self, now: SimTime, view: &View<'_, '_>) {
        self.ages.extend(tables(now, self.queues.len(), view.mail.queued()));
    }

    fn on_timeline(&mut self, now: SimTime, item: &TimelineItem) {
        if let (Some(trace), ActionModel::SetBrownout { each }) = (&mut self.trace, &item.action) {
            let hosts = each.iter().filter(|(target, _)| target.index() < self.model.faults.hosts);
            hosts.for_each(|(target, brownout)| trace.on_brownout(now, HostId(target.0), brownout.is_some()));
        }
        if !item.undoes {
            return;
        }
        let depth = self.depth();
        for outage in self.outages.iter_mut().filter(|outage| outage.end == now && outage.drained_at.is_none()) {
            let names = (0..self.live.len() as u32).filter(|&name| outage.is_about(NameId(name)));
            let queued = names.map(|name| self.live[name as usize]).sum();
            outage.on_over(now, queued, depth);
        }
    }

    fn on_still_queued(&mut self, now: SimTime, delivery: &Delivery) {
        if delivery.kind != Kind::Mail {
            return self.notices.still_queued(delivery);
        }
        self.whole.2 += u64::from(delivery.recipients);
        for queue in [Some(&mut self.queues[delivery.node.index()]), self.all_queues.as_mut()].into_iter().flatten() {
            queue.remains(now, delivery);
        }
        if delivery.measured {
            self.books.write(delivery, |ledger| ledger.still_queued(delivery));
            self.censored.count += u64::from(delivery.recipients);
            self.censored.age_max = self.censored.age_max.max(now.since(delivery.created));
        }
        if let Some(records) = &mut self.records {
            records.queued(delivery);
        }
    }
}
