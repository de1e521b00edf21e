//! Watches one replication and counts.

use hdrhistogram::Histogram;

use super::depth::Level;
use super::events::Outage;
use super::ledger::{Ledger, latencies};
use super::records::Records;
use super::staleness::Tracked;
use super::{Failover, SERIES_MAX, is_listed};
use crate::dns::{Answer, Asker, DnsObserver, LookupRecord, Outcome, Source};
use crate::engine::time::SimTime;
use crate::faults::FaultObserver;
use crate::mail::{AttemptRecord, Delivery, End, MailObserver, TryResult};
use crate::model::dns::Question;
use crate::model::timeline::{ActionModel, TimelineItem};
use crate::model::{CacheId, DataId, HostId, Model, NodeId, ServerId, TargetId};
use crate::scenario::tree::{FailureMode, RecordType};
use crate::sim::{Observer, View};

/// Tries of hosts kept for the failover chart.
const TRIES_MAX: usize = 2000;

/// Tries kept from before the first change of a host's state.
const TRIES_BEFORE: usize = 100;

/// Changes of host states kept for it.
const STATES_MAX: usize = 20_000;

/// Counts of one resolver's answers in the window.
#[derive(Debug, Clone, Default)]
pub(super) struct Lookups {
    pub answers: u64,
    pub hits: u64,
    pub negative: u64,
    pub failures: u64,
    pub coalesced: u64,
    pub misses: u64,
    pub servfail: u64,
    pub stale: u64,
    pub took_ns: u128,
    pub queries: u64,
}

/// Counts of one host.
#[derive(Debug, Clone, Default)]
pub(super) struct HostCount {
    pub connections: u64,
    pub accepted: u64,
    pub refused: u64,
    pub timed_out: u64,
    /// Copies of measured deliveries whose 250 was lost.
    pub duplicates: u64,
}

/// Load of a host with a limit.
#[derive(Debug, Clone)]
pub(super) struct HostLoad {
    pub host: HostId,
    pub sessions: Level,
    pub backlog: Level,
}

/// An observer that measures.
pub struct Collector<'m> {
    pub(super) model: &'m Model,
    pub(super) keeps_traces: bool,
    /// One a sender (deliveries of the measured window), and the latencies of each if they are few, else of all.
    pub(super) ledgers: Vec<Ledger>,
    pub(super) histograms: Vec<Histogram<u64>>,
    /// All deliveries, measured or not: created, ended, still queued.
    whole: (u64, u64, u64),
    /// By recipient domain, if they are few; index of each name among them.
    pub(super) domains: Vec<Ledger>,
    pub(super) domain_names: Vec<crate::model::NameId>,
    domain_of: Vec<u32>,
    pub(super) depth: Level,
    pub(super) depths: Vec<Level>,
    pub(super) hosts: Vec<HostCount>,
    /// Hosts with a session limit, in order.
    pub(super) loads: Vec<HostLoad>,
    pub(super) resolvers: Vec<Lookups>,
    pub(super) servers: Vec<u64>,
    pub(super) outages: Vec<Outage>,
    pub(super) tracked: Vec<Tracked>,
    /// Timeline items that changed data, to name the changes by.
    pub(super) failover: Failover,
    records: Option<Records<'m>>,
    /// Live deliveries by domain name, kept only while outages want to know.
    live: Vec<u64>,
}

const UNLISTED: u32 = u32::MAX;

impl<'m> Collector<'m> {
    /// A collector that has seen nothing. `keeps_traces` is for the one replication whose events are drawn.
    pub fn new(model: &'m Model, keeps_traces: bool, records: Option<Records<'m>>) -> Self {
        let clock = &model.clock;
        let senders = model.mail.senders;
        let nodes = model.mail.nodes.len();
        let mut domain_names: Vec<_> =
            model.mail.nodes.iter().filter_map(|node| node.source.as_ref()).flat_map(|s| s.domains.clone()).collect();
        domain_names.sort_unstable();
        domain_names.dedup();
        if !is_listed(domain_names.len()) {
            domain_names.clear();
        }
        let mut domain_of = vec![UNLISTED; if domain_names.is_empty() { 0 } else { model.dns.names.len() }];
        for (index, name) in domain_names.iter().enumerate() {
            domain_of[name.index()] = index as u32;
        }
        let outages = Outage::of(model);
        let limited = model.mail.hosts.iter().zip(0..).filter(|(host, _)| host.sessions.is_some());
        let loads = limited
            .map(|(_, id)| HostLoad {
                host: HostId(id),
                sessions: Level::new(clock, false),
                backlog: Level::new(clock, false),
            })
            .collect();
        Self {
            model,
            keeps_traces,
            ledgers: vec![Ledger::default(); senders],
            histograms: (0..if is_listed(senders) { senders.max(1) } else { 1 }).map(|_| latencies()).collect(),
            whole: (0, 0, 0),
            domains: vec![Ledger::default(); domain_names.len()],
            domain_names,
            domain_of,
            depth: Level::new(clock, true),
            depths: (0..nodes).map(|node| Level::new(clock, node < SERIES_MAX || node >= senders)).collect(),
            hosts: vec![HostCount::default(); model.mail.hosts.len()],
            loads,
            resolvers: vec![Lookups::default(); model.dns.resolvers.len()],
            servers: vec![0; model.dns.servers.len()],
            live: if outages.is_empty() { Vec::new() } else { vec![0; model.dns.names.len()] },
            outages,
            tracked: Tracked::of(model),
            failover: Failover::default(),
            records,
        }
    }

    /// Takes the records out, to be finished.
    pub fn take_records(&mut self) -> Option<Records<'m>> {
        self.records.take()
    }

    pub(super) fn is_in_window(&self, at: SimTime) -> bool {
        at >= self.model.clock.window_start && at < self.model.clock.window_end
    }

    /// Checks that no delivery was lost or made up.
    ///
    /// # Panics
    /// If one was: the simulation is wrong then, and no number of it is to be trusted.
    pub(super) fn assert_conserved(&self) {
        let (created, ended, queued) = self.whole;
        assert!(
            created == ended + queued,
            "deliveries are not conserved: {created} created, {ended} ended, {queued} queued"
        );
        assert!(self.ledgers.iter().all(Ledger::is_balanced), "measured deliveries are not conserved");
    }

    #[inline]
    fn leave(&mut self, now: SimTime, delivery: &Delivery, node: NodeId) {
        let n = u64::from(delivery.recipients);
        self.depths[node.index()].remove(now, n);
        for outage in &mut self.outages {
            if outage.is_about(delivery.domain) {
                outage.on_left(now, delivery.created, n);
            }
        }
    }

    #[inline]
    fn domain(&mut self, delivery: &Delivery) -> Option<&mut Ledger> {
        let index = *self.domain_of.get(delivery.domain.index())?;
        self.domains.get_mut(index as usize)
    }

    fn tell_depth(&mut self, now: SimTime) {
        let depth = self.depth.value();
        self.outages.iter_mut().for_each(|outage| outage.on_depth(now, depth));
    }

    /// What is tracked of a question; that a name does not exist (at its SOA question) is about all its types.
    fn tracked(&mut self, question: Question) -> impl Iterator<Item = &mut Tracked> {
        let whole = Question::new(question.name(), RecordType::Soa);
        self.tracked.iter_mut().filter(move |tracked| {
            tracked.question == question || (question == whole && tracked.question.name() == question.name())
        })
    }
}

impl Collector<'_> {
    #[cold]
    fn record_lookup(&mut self, record: &LookupRecord) {
        if let Some(records) = &mut self.records {
            records.lookup(record);
        }
    }
}

impl MailObserver for Collector<'_> {
    #[inline]
    fn on_created(&mut self, now: SimTime, delivery: &Delivery) {
        let n = u64::from(delivery.recipients);
        self.whole.0 += n;
        if delivery.measured {
            self.ledgers[delivery.sender.index()].created += n;
            if let Some(domain) = self.domain(delivery) {
                domain.created += n;
            }
        }
        self.depth.add(now, n);
        self.depths[delivery.node.index()].add(now, n);
        if !self.outages.is_empty() {
            self.live[delivery.domain.index()] += n;
            self.tell_depth(now);
        }
    }

    #[inline]
    fn on_syn(&mut self, now: SimTime, delivery: &Delivery, host: HostId) {
        let in_window = self.is_in_window(now);
        self.hosts[host.index()].connections += u64::from(in_window);
        for outage in &mut self.outages {
            outage.on_syn(now, host, delivery.attempts);
        }
    }

    #[inline]
    fn on_try(&mut self, record: &AttemptRecord, delivery: &Delivery) {
        let in_window = self.is_in_window(record.start);
        let host = &mut self.hosts[record.host.index()];
        let n = u64::from(in_window);
        match record.result {
            TryResult::Accepted => {
                host.accepted += n;
                for outage in self.outages.iter_mut().filter(|outage| outage.is_about(delivery.domain)) {
                    outage.on_accepted(record.end);
                }
            }
            TryResult::Refused | TryResult::Lost | TryResult::Reply(_) => host.refused += n,
            TryResult::TimedOut => host.timed_out += n,
        }
        if self.keeps_traces {
            self.failover.tries_total += 1;
            // Of what comes before the first outage only the end is of interest.
            if self.failover.states.is_empty() && self.failover.tries.len() >= 2 * TRIES_BEFORE {
                self.failover.tries.drain(..TRIES_BEFORE);
            }
            if self.failover.tries.len() < TRIES_MAX {
                let accepted = record.result == TryResult::Accepted;
                let is_last = matches!(record.result, TryResult::Reply(500..));
                self.failover.tries.push((record.start, delivery.number, record.host, accepted, is_last));
            }
        }
        if let Some(records) = &mut self.records {
            records.attempt(record, delivery);
        }
    }

    fn on_custody(&mut self, now: SimTime, delivery: &Delivery, from: NodeId, to: NodeId) {
        let n = u64::from(delivery.recipients);
        self.depths[from.index()].remove(now, n);
        self.depths[to.index()].add(now, n);
        if delivery.measured {
            self.ledgers[delivery.sender.index()].accepted(now, delivery);
            if let Some(domain) = self.domain(delivery) {
                domain.accepted(now, delivery);
            }
        }
    }

    #[inline]
    fn on_end(&mut self, now: SimTime, delivery: &Delivery, end: End) {
        self.whole.1 += u64::from(delivery.recipients);
        if delivery.measured {
            let sender = delivery.sender.index();
            self.ledgers[sender].end(now, delivery, end);
            if let Some(domain) = self.domain(delivery) {
                domain.end(now, delivery, end);
            }
            if end == End::Delivered {
                let index = if self.histograms.len() == 1 { 0 } else { sender };
                let micros = now.since(delivery.created).as_nanos() / 1000;
                self.histograms[index].saturating_record_n(micros, u64::from(delivery.recipients));
            }
        }
        self.depth.remove(now, u64::from(delivery.recipients));
        if !self.outages.is_empty() {
            self.live[delivery.domain.index()] -= u64::from(delivery.recipients);
            self.tell_depth(now);
        }
        self.leave(now, delivery, delivery.node);
        if let Some(records) = &mut self.records
            && delivery.measured
        {
            records.end(now, delivery, end);
        }
    }

    fn on_duplicate(&mut self, _now: SimTime, delivery: &Delivery, host: HostId) {
        if delivery.measured {
            self.hosts[host.index()].duplicates += u64::from(delivery.recipients);
        }
    }

    fn on_host_load(&mut self, now: SimTime, host: HostId, sessions: u32, backlog: u32) {
        let Ok(index) = self.loads.binary_search_by_key(&host, |load| load.host) else { return };
        let load = &mut self.loads[index];
        load.sessions.set(now, u64::from(sessions));
        load.backlog.set(now, u64::from(backlog));
    }
}

impl DnsObserver for Collector<'_> {
    #[inline]
    fn on_lookup(&mut self, record: &LookupRecord) {
        // A cache that looks up a name server's address for itself is no client.
        let is_own = matches!(record.asker, Asker::Cache(cache) if cache == record.cache);
        if !is_own && self.is_in_window(record.asked) {
            let resolver = self.model.dns.caches[record.cache.index()].resolver;
            let counts = &mut self.resolvers[resolver.index()];
            let Answer { source, outcome, stale, .. } = record.answer;
            counts.answers += 1;
            counts.stale += u64::from(stale);
            match source {
                Source::Hit => counts.hits += 1,
                Source::Miss => counts.misses += 1,
                Source::Coalesced => counts.coalesced += 1,
                Source::Negative => counts.negative += 1,
                Source::Failure => counts.failures += 1,
            }
            counts.servfail += u64::from(outcome == Outcome::ServFail);
            counts.took_ns += u128::from(record.took.as_nanos());
        }
        if self.records.is_some() {
            self.record_lookup(record);
        }
    }

    fn on_query(&mut self, now: SimTime, server: ServerId, cache: CacheId, _question: Question) {
        if self.is_in_window(now) {
            self.servers[server.index()] += 1;
            let resolver = self.model.dns.caches[cache.index()].resolver;
            self.resolvers[resolver.index()].queries += 1;
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
        let is_this = |item: &&TimelineItem| {
            item.at == now
                && matches!(item.action, ActionModel::SetData { question: set, data: to, .. } if set == question && to == data)
        };
        let name = self.model.timeline.iter().find(is_this).map_or_else(String::new, |item| item.name.clone());
        for tracked in self.tracked(question) {
            tracked.on_change(now, data, name.clone());
        }
    }
}

impl FaultObserver for Collector<'_> {
    fn on_state(&mut self, now: SimTime, target: TargetId, down: Option<FailureMode>) {
        if self.keeps_traces && target.index() < self.model.faults.hosts && self.failover.states.len() < STATES_MAX {
            self.failover.states.push((now, HostId(target.0), down));
        }
    }
}

impl Observer for Collector<'_> {
    fn on_grid(&mut self, now: SimTime, _index: u32, _view: &View<'_, '_>) {
        self.grid(now);
    }

    fn on_timeline(&mut self, now: SimTime, item: &TimelineItem) {
        if !matches!(item.action, ActionModel::Up { .. }) {
            return;
        }
        let depth = self.depth.value();
        for outage in self.outages.iter_mut().filter(|outage| outage.end == now && outage.drained_at.is_none()) {
            let queued = (0..self.live.len() as u32)
                .filter(|&name| outage.is_about(crate::model::NameId(name)))
                .map(|name| self.live[name as usize])
                .sum();
            outage.on_over(now, queued, depth);
        }
    }

    fn on_still_queued(&mut self, now: SimTime, delivery: &Delivery) {
        self.whole.2 += u64::from(delivery.recipients);
        if delivery.measured {
            self.ledgers[delivery.sender.index()].still_queued(delivery);
            if let Some(domain) = self.domain(delivery) {
                domain.still_queued(delivery);
            }
            if let Some(records) = &mut self.records {
                records.delivery(now, delivery, "queued");
            }
        }
    }
}

impl Collector<'_> {
    /// Closes a grid cell.
    pub(super) fn grid(&mut self, now: SimTime) {
        self.depth.grid(now);
        self.depths.iter_mut().for_each(|level| level.grid(now));
        for load in &mut self.loads {
            load.sessions.grid(now);
            load.backlog.grid(now);
        }
        let keeps = self.keeps_traces;
        self.tracked.iter_mut().for_each(|tracked| tracked.on_grid(now, keeps));
        self.tell_depth(now);
    }
}
