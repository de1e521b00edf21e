//! Watches one replication and counts.

mod flights;
mod watching;

use super::ages::AgeTable;
use super::books::Books;
use super::events::Outage;
use super::inherited::Inherited;
use super::ledger::Latencies;
use super::load::HostLoad;
use super::lookups::DnsCounts;
use super::notices::Notices;
use super::queue::{Look, Queue};
use super::records::Records;
use super::routes::Routes;
use super::staleness::Tracked;
use super::traces::Trace;
use super::visibility::Visibility;
use super::{Censored, SERIES_MAX};
use crate::dns::LookupRecord;
use crate::engine::time::{SimDuration, SimTime};
use crate::mail::{AttemptRecord, Delivery, End, Flight, Kind, MailObserver, NoHost, Notice, Phase, TryResult};
use crate::model::dns::Question;
use crate::model::listing::is_listed;
use crate::model::{CacheId, HostId, Model, NodeId};
use crate::scenario::tree::{ProbeKind, RecordType, WhenFull};
use crate::sim::View;

/// Counts of one host, in a cache line.
#[derive(Debug, Clone, Default)]
#[repr(align(64))]
pub(super) struct HostCount {
    pub connections: u64,
    /// Of these, such as carried something that was accepted: through a session that is kept more may follow.
    pub useful: u64,
    pub accepted: u64,
    /// Of these, what senders handed over: what a relay hands on counts where it came first.
    pub from_senders: u64,
    pub refused: u64,
    pub timed_out: u64,
    /// Copies of measured deliveries whose 250 was lost.
    pub duplicates: u64,
}

/// Deliveries of the measured window, by sender, that were made within a span.
#[derive(Debug, Clone)]
pub(super) struct Attainment {
    pub within: SimDuration,
    /// By sender: those that are as old as the span at the end of the run, and those of them that were in time.
    pub counts: Vec<(u64, u64)>,
}

/// An observer that measures.
pub struct Collector<'m> {
    pub(super) model: &'m Model,
    /// Of each timeline item what its rows are called.
    scopes: Vec<String>,
    pub(super) books: Books,
    /// Latencies by sender if they are few, else of all.
    pub(super) histograms: Vec<Latencies>,
    pub(super) attainments: Vec<Attainment>,
    /// All deliveries, measured or not: created, ended, still queued.
    whole: (u64, u64, u64),
    /// By node, and of all where there are several.
    pub(super) queues: Vec<Queue>,
    pub(super) all_queues: Option<Queue>,
    pub(super) hosts: Vec<HostCount>,
    /// Hosts with a session limit, in order.
    pub(super) loads: Vec<HostLoad>,
    pub(super) dns: DnsCounts<'m>,
    /// On the grid, entries of each resolver's caches.
    pub(super) entries: Vec<Vec<f64>>,
    pub(super) outages: Vec<Outage>,
    pub(super) tracked: Vec<Tracked>,
    is_tracked: Vec<bool>,
    pub(super) ages: Vec<AgeTable>,
    routes: Routes<'m>,
    pub(super) trace: Option<Trace>,
    pub(super) visibility: Option<Visibility>,
    pub(super) notices: Notices,
    pub(super) inherited: Option<Inherited>,
    pub(super) censored: Censored,
    records: Option<Records<'m>>,
    /// Live deliveries by domain name, kept only while outages want to know.
    live: Vec<u64>,
}

impl<'m> Collector<'m> {
    /// A collector that has seen nothing. `traced` is the number of the one replication whose events are drawn.
    pub fn new(model: &'m Model, traced: Option<u32>, records: Option<Records<'m>>) -> Self {
        let clock = &model.clock;
        let senders = model.mail.senders;
        let nodes = model.mail.nodes.len();
        let outages = Outage::of(model);
        let tracked = Tracked::of(model, traced.is_some());
        let mut is_tracked = vec![false; if tracked.is_empty() { 0 } else { model.dns.names.len() }];
        tracked.iter().for_each(|tracked| is_tracked[tracked.question.name().index()] = true);
        let attainment = |within: &SimDuration| Attainment { within: *within, counts: vec![(0, 0); senders] };
        Self {
            model,
            scopes: model.scopes(),
            books: Books::new(model),
            histograms: vec![Latencies::new(); if is_listed(senders) { senders.max(1) } else { 1 }],
            attainments: model.slo.iter().map(attainment).collect(),
            whole: (0, 0, 0),
            queues: (0..nodes).map(|node| Queue::new(clock, has_series(model, node))).collect(),
            all_queues: (nodes != 1).then(|| Queue::new(clock, true)),
            hosts: vec![HostCount::default(); model.mail.hosts.len()],
            loads: HostLoad::of(model),
            dns: DnsCounts::new(model),
            entries: vec![Vec::new(); model.dns.resolvers.len()],
            live: if outages.is_empty() { Vec::new() } else { vec![0; model.dns.names.len()] },
            outages,
            tracked,
            is_tracked,
            ages: Vec::new(),
            routes: Routes::new(model),
            trace: traced.map(|replication| Trace::new(model, replication)),
            visibility: Visibility::of(model),
            notices: Notices::new(model),
            inherited: Inherited::of(model),
            censored: Censored::default(),
            records,
        }
    }

    /// Takes the records out, to be finished.
    pub fn take_records(&mut self) -> Option<Records<'m>> {
        self.records.take()
    }

    fn is_in_window(&self, at: SimTime) -> bool {
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
        assert!(self.books.are_balanced(), "measured deliveries are not conserved");
        let held = |of: fn(&Queue) -> u64| self.queues.iter().map(of).fold(0, u64::wrapping_add);
        assert!(
            held(Queue::depth) == self.depth() && held(Queue::stored) == self.all_queues().stored(),
            "the queues of the nodes are not the queue of all"
        );
        assert!(self.notices.is_balanced(), "notices are not conserved: {:?}", self.notices);
    }

    /// The queue of all nodes.
    pub(super) fn all_queues(&self) -> &Queue {
        self.all_queues.as_ref().unwrap_or_else(|| &self.queues[0])
    }

    fn depth(&self) -> u64 {
        self.all_queues().depth()
    }

    /// It is no longer in the queue where it has been since `delivery.in_custody_since`.
    fn tell_left(&mut self, now: SimTime, delivery: &Delivery) {
        for outage in self.outages.iter_mut().filter(|outage| outage.is_about(delivery.domain)) {
            outage.on_left(now, delivery.in_custody_since, u64::from(delivery.recipients));
        }
    }

    fn tell_depth(&mut self, now: SimTime) {
        let depth = self.depth();
        self.outages.iter_mut().for_each(|outage| outage.on_depth(now, depth));
    }

    /// Whether a delivery will be so old at the end of the run.
    fn counts_for(&self, created: SimTime, within: SimDuration) -> bool {
        created + within <= self.model.clock.end
    }

    /// What is tracked of a question; that a name does not exist (at its SOA question) is about all its types.
    fn tracked(&mut self, question: Question) -> impl Iterator<Item = &mut Tracked> {
        let is_tracked = self.is_tracked.get(question.name().index()).copied().unwrap_or(false);
        let whole = Question::new(question.name(), RecordType::Soa);
        let all = if is_tracked { &mut self.tracked[..] } else { &mut [] };
        all.iter_mut().filter(move |tracked| {
            tracked.question == question || (question == whole && tracked.question.name() == question.name())
        })
    }

    /// So many measured deliveries were made.
    #[inline]
    fn count_latency(&mut self, sender: NodeId, created: SimTime, latency: SimDuration, n: u64) {
        let sender = sender.index();
        let index = if self.histograms.len() == 1 { 0 } else { sender };
        self.histograms[index].record(latency.as_nanos() / 1000, n);
        for index in 0..self.attainments.len() {
            let within = self.attainments[index].within;
            if latency <= within && self.counts_for(created, within) {
                self.attainments[index].counts[sender].1 += n;
            }
        }
    }

    /// A measured delivery was made.
    fn on_delivered(&mut self, now: SimTime, delivery: &Delivery) {
        let latency = now.since(delivery.created);
        self.count_latency(delivery.sender, delivery.created, latency, u64::from(delivery.recipients));
        if delivery.stale_route {
            let is_current = delivery.host.is_some_and(|host| self.routes.is_current(delivery.domain, host));
            self.books.write(delivery, |ledger| ledger.delivered_stale(delivery, is_current));
        }
    }

    /// Entries in the caches of each resolver, at every so many grid instants where there are very many.
    fn count_entries(&mut self, now: SimTime, index: u32, view: &View<'_, '_>) {
        /// Names that may be gone through in one replication, over all caches.
        const WORK_MAX: usize = 1_000_000;
        let caches = &self.model.dns.caches;
        let work = self.model.dns.names.len() * caches.len() * self.model.clock.cells as usize;
        let is_skipped = !(index as usize).is_multiple_of(work / WORK_MAX + 1);
        self.entries.iter_mut().for_each(|entries| entries.push(if is_skipped { f64::NAN } else { 0.0 }));
        if is_skipped {
            return;
        }
        for (cache, id) in caches.iter().zip(0..) {
            if let Some(count) = self.entries[cache.resolver.index()].last_mut() {
                *count += view.dns.entries(now, CacheId(id)) as f64;
            }
        }
    }

    /// What each queue looks like now.
    ///
    /// # Panics
    /// If that is not what was told of it change by change: no number of the simulation is to be trusted then.
    fn look_at_queues(&mut self, now: SimTime, view: &View<'_, '_>) {
        let mut looks = vec![Look::default(); self.queues.len()];
        for delivery in view.mail.queued() {
            looks[delivery.node.index()].see(now, &delivery);
        }
        if let Some(queue) = &mut self.all_queues {
            queue.oldest_looks.extend(looks.iter().map(|look| look.oldest).max());
        }
        for (node, (queue, look)) in self.queues.iter_mut().zip(looks).enumerate() {
            assert_eq!(queue.by_phase(), look.by_phase, "deliveries by what they do, as told and as seen, at {now:?}");
            if has_series(self.model, node) {
                queue.oldest_looks.push(look.oldest);
            }
        }
    }
}

/// Whether a node has series of its own: the first senders, and the relays.
pub(super) fn has_series(model: &Model, node: usize) -> bool {
    let senders = model.mail.senders;
    node < SERIES_MAX.min(senders) || (node >= senders && is_listed(model.mail.nodes.len() - senders))
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
    fn on_flight(&mut self, now: SimTime, flight: &Flight) {
        if self.follows_each(now) {
            return flight.tell_start(self, now);
        }
        self.count_start(flight);
    }

    #[inline]
    fn on_turned(&mut self, now: SimTime, flight: &Flight) {
        if self.follows_each(flight.message.created) {
            return flight.tell_turn(self, now);
        }
        self.count_turn(now, flight);
    }

    #[inline]
    fn on_landed(&mut self, now: SimTime, flight: &Flight) {
        if self.follows_each(flight.message.created) {
            return flight.tell_end(self, now);
        }
        self.count_end(now, flight);
    }

    #[inline]
    fn on_created(&mut self, now: SimTime, delivery: &Delivery) {
        let n = u64::from(delivery.recipients);
        self.whole.0 += n;
        if delivery.measured {
            self.books.write(delivery, |ledger| ledger.created += n);
            for index in 0..self.attainments.len() {
                if self.counts_for(delivery.created, self.attainments[index].within) {
                    self.attainments[index].counts[delivery.sender.index()].0 += n;
                }
            }
        } else if let Some(inherited) = &mut self.inherited {
            inherited.created(delivery);
        }
        self.queues[delivery.node.index()].enter(now, delivery);
        if let Some(all) = &mut self.all_queues {
            all.enter(now, delivery);
        }
        if !self.outages.is_empty() {
            self.live[delivery.domain.index()] += n;
            self.tell_depth(now);
        }
    }

    #[inline]
    fn on_phase(&mut self, now: SimTime, delivery: &Delivery, before: Phase) {
        if delivery.kind != Kind::Mail {
            return;
        }
        self.queues[delivery.node.index()].turn(now, delivery, before);
        if let Some(all) = &mut self.all_queues {
            all.turn(now, delivery, before);
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
                host.from_senders += n * u64::from(delivery.node.index() < self.model.mail.senders);
                host.useful += n * u64::from(!delivery.work.reused);
                for outage in self.outages.iter_mut() {
                    outage.on_accepted(record.end, delivery.domain);
                }
            }
            TryResult::Refused | TryResult::Lost | TryResult::Reply(_) => host.refused += n,
            TryResult::TimedOut => host.timed_out += n,
        }
        if delivery.kind != Kind::Mail {
            return;
        }
        if let Some(trace) = &mut self.trace {
            trace.on_try(record, delivery);
        }
        if let Some(records) = &mut self.records {
            records.attempt(record, delivery);
        }
    }

    fn on_no_host(&mut self, now: SimTime, delivery: &Delivery, why: NoHost) {
        if let Some(records) = self.records.as_mut().filter(|_| delivery.kind == Kind::Mail) {
            records.no_host(now, delivery, why);
        }
    }

    fn on_custody(&mut self, now: SimTime, delivery: &Delivery, from: NodeId, to: NodeId) {
        if delivery.kind != Kind::Mail {
            return;
        }
        self.queues[from.index()].leave(now, delivery);
        self.queues[to.index()].enter(now, delivery);
        if let Some(all) = self.all_queues.as_mut().filter(|_| delivery.shares_file) {
            all.copied(now, delivery);
        }
        self.tell_left(now, delivery);
        if delivery.measured {
            self.books.write(delivery, |ledger| ledger.accepted(now, delivery));
        }
    }

    #[inline]
    fn on_end(&mut self, now: SimTime, delivery: &Delivery, end: End) {
        if delivery.kind != Kind::Mail {
            return self.notices.end(now, delivery, end);
        }
        self.whole.1 += u64::from(delivery.recipients);
        if delivery.measured {
            self.books.write(delivery, |ledger| ledger.end(now, delivery, end));
            if end == End::Delivered {
                self.on_delivered(now, delivery);
            }
        } else if let Some(inherited) = &mut self.inherited {
            inherited.end(now, delivery, end);
        }
        self.queues[delivery.node.index()].leave(now, delivery);
        if let Some(all) = &mut self.all_queues {
            all.leave(now, delivery);
        }
        if !self.outages.is_empty() {
            self.live[delivery.domain.index()] -= u64::from(delivery.recipients);
            self.tell_depth(now);
            self.tell_left(now, delivery);
        }
        if let Some(records) = &mut self.records {
            records.end(now, delivery, end);
        }
    }

    fn on_sts_refused(&mut self, _now: SimTime, delivery: &Delivery) {
        self.notices.sts_refused += u64::from(delivery.measured);
    }

    fn on_notice(&mut self, now: SimTime, delivery: &Delivery, notice: Notice) {
        self.notices.tell(now, delivery, notice);
    }

    fn on_visible(&mut self, now: SimTime, delivery: &Delivery, lag: SimDuration) {
        if let Some(visibility) = &mut self.visibility {
            visibility.see(now, delivery, lag);
        }
    }

    fn on_duplicate(&mut self, _now: SimTime, delivery: &Delivery, host: HostId) {
        if delivery.measured {
            self.hosts[host.index()].duplicates += u64::from(delivery.recipients);
        }
    }

    fn on_limit(&mut self, now: SimTime, host: HostId, limit: Option<u32>) {
        if let Ok(index) = self.loads.binary_search_by_key(&host, |load| load.host) {
            self.loads[index].on_limit(now, limit);
        }
    }

    fn on_turned_away(&mut self, now: SimTime, host: HostId, how: WhenFull) {
        if self.is_in_window(now)
            && let Ok(index) = self.loads.binary_search_by_key(&host, |load| load.host)
        {
            self.loads[index].on_turned_away(how);
        }
    }

    fn on_host_load(&mut self, now: SimTime, host: HostId, sessions: u32, backlog: u32) {
        if let Ok(index) = self.loads.binary_search_by_key(&host, |load| load.host) {
            self.loads[index].on_load(now, sessions, backlog);
        }
    }
}

impl Collector<'_> {
    /// The run is over: levels, outages and changes are told how far they were seen.
    pub(super) fn close(&mut self, ended: SimTime) {
        let clock = &self.model.clock;
        let depth = self.depth();
        self.queues.iter_mut().chain(&mut self.all_queues).for_each(|queue| queue.finish(ended, clock));
        self.loads.iter_mut().for_each(|load| load.finish(ended, clock));
        self.notices.finish(ended, clock);
        self.outages.iter_mut().for_each(|outage| outage.finish(ended, clock.end, depth));
        // A run that ends early is one in which nothing more is asked, but by probes: what caches hold is known to the end.
        let asks_on = self.model.dns.probes.iter().any(|probe| probe.how == ProbeKind::Ask);
        for tracked in &mut self.tracked {
            if asks_on {
                tracked.close(ended);
                continue;
            }
            for index in tracked.grid.len() as u64..=u64::from(clock.cells) {
                let at = (SimTime::ZERO + clock.cell.saturating_mul(index)).min(clock.end);
                tracked.on_grid(at, None);
            }
            tracked.close(clock.end);
        }
    }
}
