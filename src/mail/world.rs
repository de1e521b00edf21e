//! Mail's state in one replication: deliveries, nodes, hosts, and what happens to them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use smallvec::SmallVec;

use super::destination::Destinations;
use super::flight::{Flight, no_session_is_disturbed};
use super::freeze::freezable;
use super::host::Host;
use super::message::Message;
use super::node::Node;
use super::path::Paths;
use super::queue::Left;
use super::ready_queue::Sites;
use super::recipients::Fate;
use super::scans::Scan;
use super::sts::Sts;
use super::{BounceCause, Delivery, End, Kind, MailObserver, Step};
use crate::arrivals::Arrival;
use crate::dns::{Answer, Dns, DnsEvent, DnsObserver, ServerState};
use crate::engine::random::{draw, unit_open};
use crate::engine::scheduler::Scheduler;
use crate::model::{Entities, HostId, Model, NameId, NodeId};
use crate::scenario::tree::FailureMode;

/// What can happen in mail; numbers are a node, a slot of the deliveries, or a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailEvent {
    /// A node's next message is created.
    Arrival(u32),
    /// A delivery is due again.
    Due(u32, u16),
    /// A delivery's lifetime is over between attempts.
    Expires(u32, u16),
    /// A warning about a delivery that waits is due.
    WarningDue(u32, u16),
    /// A node scans its deferred queue.
    Scan(u32),
    /// A SYN reaches its host.
    SynArrives(u32),
    /// A try of a host ends.
    TryEnds(u32, u16),
    /// A flight is over.
    Lands(u32),
    /// A session is over at its host.
    HostFrees(u32),
    /// A destination's rest is over, or its next connection may begin.
    Wakes(u32),
    /// A node closes idle sessions.
    Closes(u32),
    /// The next host of an attempt may be tried.
    NextHost(u32, u16),
    /// A client has waited long enough for a greeting.
    Impatient(u32, u16),
    /// A node's machine is ready for its next delivery.
    Turn(u32),
    /// A queue runner of a node is done with a message that it put off.
    Visited(u32, u16),
}

/// Whether hosts are up.
pub trait HostAvailability {
    /// How a connection to the host fails now; `None` if it is up.
    fn host_down(&self, host: HostId) -> Option<FailureMode>;
}

/// What mail works with and does not own.
pub struct MailContext<'c, 'm, E: Copy, O, F> {
    /// The clock and what is yet to happen.
    pub scheduler: &'c mut Scheduler<E>,
    /// Who watches.
    pub observer: &'c mut O,
    /// Whom nodes ask.
    pub dns: &'c mut Dns<'m>,
    /// What is up.
    pub faults: &'c F,
}

/// What mail may do in a simulation whose events are `E`.
pub(super) trait World: Copy + From<MailEvent> + From<DnsEvent> {}
impl<E: Copy + From<MailEvent> + From<DnsEvent>> World for E {}

/// Purposes of draws within one try.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Domain = 1,
    Size,
    Recipients,
    Ask,
    Shuffle,
    RoundTrip,
    Syn,
    Service,
    Refusal,
    Jitter,
    Address,
    Pair,
    Chance,
    Unknown,
    Tarpit,
    Discard,
    Replica,
    Lag,
    NullSender,
    Rest,
    Run,
    Brownout,
}

/// The place of a draw: attempt, hop and purpose, the low byte left free for what the purpose counts.
pub(super) const fn place(attempt: u32, hop: u32, purpose: Purpose) -> u64 {
    (attempt as u64) << 40 | ((hop & 0xff_ffff) as u64) << 16 | (purpose as u64) << 8
}

/// All of mail in one replication.
#[derive(Debug)]
pub struct Mail<'m> {
    pub(super) model: &'m Model,
    pub(super) slots: Vec<Delivery>,
    free: Vec<u32>,
    pub(super) flights: Vec<Flight>,
    /// Places of flights that are over.
    pub(super) landed: Vec<u32>,
    pub(super) hosts: Vec<Host<'m>>,
    pub(super) nodes: Vec<Node<'m>>,
    /// Destinations of nodes that limit concurrency.
    pub(super) destinations: Destinations,
    /// What the destinations of ready queues are.
    pub(super) sites: Sites,
    /// Nodes whose queues may go on.
    pub(super) pumps: Vec<NodeId>,
    next_arrivals: Vec<Option<Arrival>>,
    pub(super) paths: Paths<'m>,
    pub(super) entities: Entities,
    /// The exchange of a null MX.
    pub(super) root: NameId,
    /// Connections in all backlogs.
    pub(super) waiting: usize,
    /// The fates of recipients in a try, by slot, where they differ.
    pub(super) parts: BTreeMap<u32, SmallVec<[Fate; 8]>>,
    /// Hosts that may stand still.
    pub(super) freezable: Vec<HostId>,
    /// Whether a session that began ends as it was going to.
    pub(super) no_session_is_disturbed: bool,
    /// MTA-STS policies.
    pub(super) sts: Sts<'m>,
    pub(super) measured_live: u64,
}

impl<'m> Mail<'m> {
    /// Empty queues, with each source's first message scheduled.
    pub fn new<E: Copy + From<MailEvent>>(model: &'m Model, replication: u32, scheduler: &mut Scheduler<E>) -> Self {
        let freezable = freezable(model);
        let mut mail = Self {
            model,
            slots: Vec::new(),
            free: Vec::new(),
            flights: Vec::new(),
            landed: Vec::new(),
            hosts: model.mail.hosts.iter().map(Host::new).collect(),
            nodes: model.mail.nodes.iter().map(|node| Node::new(model, node, replication)).collect(),
            destinations: Destinations::default(),
            sites: Sites::default(),
            pumps: Vec::new(),
            next_arrivals: vec![None; model.mail.nodes.len()],
            paths: Paths::new(&model.network),
            entities: model.entities(),
            root: model.dns.names.get(".").unwrap_or(NameId(u32::MAX)),
            waiting: 0,
            parts: BTreeMap::new(),
            no_session_is_disturbed: no_session_is_disturbed(model, &freezable),
            freezable,
            sts: Sts::new(&model.mail),
            measured_live: 0,
        };
        for node in 0..mail.nodes.len() {
            mail.schedule_arrival(scheduler, node);
        }
        mail
    }

    /// Deliveries in a node's custody.
    pub fn depth(&self, node: NodeId) -> u64 {
        self.nodes[node.index()].depth
    }

    /// Deliveries of the measured window, and of queues at the start, that have not ended.
    pub fn measured_live(&self) -> u64 {
        self.measured_live
    }

    /// Deliveries that have not ended, by slot; no notices.
    pub fn queued(&self) -> impl Iterator<Item = Cow<'_, Delivery>> {
        self.held().filter(|delivery| delivery.kind == Kind::Mail)
    }

    /// Deliveries and notices that have not ended.
    pub fn held(&self) -> impl Iterator<Item = Cow<'_, Delivery>> {
        let flying = in_use(&self.flights, &self.landed).map(|flight| Cow::Owned(flight.delivery()));
        in_use(&self.slots, &self.free).map(Cow::Borrowed).chain(flying)
    }

    /// Carries out one event.
    pub fn handle<E, O, F>(&mut self, cx: &mut MailContext<'_, 'm, E, O, F>, event: MailEvent)
    where
        E: Copy + From<MailEvent> + From<DnsEvent>,
        O: MailObserver + DnsObserver,
        F: HostAvailability + ServerState,
    {
        match event {
            MailEvent::Arrival(node) => self.on_arrival(cx, node),
            MailEvent::Due(slot, generation) => {
                if self.is_current(slot, generation) {
                    self.take_up(cx, slot);
                }
            }
            MailEvent::Expires(slot, generation) => {
                if self.is_current(slot, generation) {
                    self.end(cx, slot, End::Expired);
                }
            }
            MailEvent::WarningDue(slot, generation) => {
                if self.is_current(slot, generation) {
                    self.on_warning_due(cx, slot);
                }
            }
            MailEvent::Scan(node) => self.on_scan(cx, node),
            MailEvent::SynArrives(slot) => self.on_syn_arrives(cx, slot),
            MailEvent::TryEnds(slot, generation) => {
                if self.is_current(slot, generation) {
                    self.on_try_ends(cx, slot);
                }
            }
            MailEvent::Lands(flight) => self.on_lands(cx, flight),
            MailEvent::HostFrees(host) => self.on_host_frees(cx, HostId(host)),
            MailEvent::Impatient(slot, generation) => self.on_impatient(cx, slot, generation),
            MailEvent::Wakes(destination) => self.on_wakes(cx, destination),
            MailEvent::Closes(node) => self.on_closes(cx, NodeId(node)),
            MailEvent::Turn(node) => self.on_turn(cx, NodeId(node)),
            MailEvent::Visited(node, runner) => self.on_visited(NodeId(node), runner),
            MailEvent::NextHost(slot, generation) => {
                if self.is_current(slot, generation) {
                    self.on_next_host(cx, slot);
                }
            }
        }
        if !self.pumps.is_empty() {
            self.pump_all(cx);
        }
    }

    /// The answer to what the delivery in `slot` asked.
    pub fn on_answer<E, O, F>(&mut self, cx: &mut MailContext<'_, 'm, E, O, F>, slot: u32, answer: &Answer)
    where
        E: Copy + From<MailEvent> + From<DnsEvent>,
        O: MailObserver + DnsObserver,
        F: HostAvailability + ServerState,
    {
        match self.slots[slot as usize].work.step {
            Step::Site => self.on_site(cx, slot, answer),
            Step::Mx => self.on_mx(cx, slot, answer),
            Step::Address(exchange) => self.on_address(cx, slot, exchange, false, answer),
            Step::Address6(exchange) => self.on_address(cx, slot, exchange, true, answer),
            Step::Waiting | Step::Queued | Step::Host(_) => debug_assert!(false, "an answer nobody asked for"),
        }
        if !self.pumps.is_empty() {
            self.pump_all(cx);
        }
    }

    /// Changes a host's session limit; whoever waits and now can be served is.
    pub fn set_sessions<E, O, F>(&mut self, cx: &mut MailContext<'_, 'm, E, O, F>, host: HostId, limit: Option<u32>)
    where
        E: Copy + From<MailEvent> + From<DnsEvent>,
        O: MailObserver + DnsObserver,
        F: HostAvailability + ServerState,
    {
        self.hosts[host.index()].limit = limit;
        cx.observer.on_limit(cx.scheduler.now(), host, limit);
        self.serve_waiting(cx, host);
        let state = &self.hosts[host.index()];
        cx.observer.on_host_load(cx.scheduler.now(), host, state.sessions, state.backlog.len() as u32);
        self.pump_all(cx);
    }

    /// Changes a host's service time, for the sessions that begin from now on.
    pub fn set_service(&mut self, host: HostId, service: crate::engine::dist::Dist) {
        self.hosts[host.index()].service = service;
    }

    /// Changes what connections over IPv6 meet at a host from now on.
    pub fn set_ipv6(&mut self, host: HostId, ipv6: crate::scenario::tree::HostIpv6) {
        self.hosts[host.index()].ipv6 = ipv6;
    }

    /// A domain changes its MTA-STS policy.
    pub fn publish_sts(&mut self, domain: NameId, policy: Option<usize>, is_announced: bool) {
        self.sts.publish(domain, policy, is_announced);
    }

    #[inline]
    fn schedule_arrival<E: Copy + From<MailEvent>>(&mut self, scheduler: &mut Scheduler<E>, node: usize) {
        let next = self.nodes[node].arrivals.as_mut().and_then(Iterator::next);
        self.next_arrivals[node] = next.filter(|next| next.at < self.model.clock.arrivals_end);
        if let Some(next) = self.next_arrivals[node] {
            let entity = self.entities.nodes + node as u32;
            // A trace may hold several rows of one instant, and a burst all of them.
            scheduler.schedule(entity, next.at.max(scheduler.now()), MailEvent::Arrival(node as u32).into());
        }
    }

    fn on_arrival<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        node: u32,
    ) {
        let now = cx.scheduler.now();
        let row = self.next_arrivals[node as usize].take().and_then(|arrival| arrival.row);
        let state = &mut self.nodes[node as usize];
        let Some(source) = &self.model.mail.nodes[node as usize].source else { return };
        let number = state.numbered + 1;
        let random = |purpose| draw(state.key, number, place(0, 0, purpose));
        let (domain, place_in_list) = match row.and_then(|row| row.domain) {
            Some(domain) => (domain, u32::MAX),
            None => {
                let place = source.choice.index(random(Purpose::Domain));
                (source.domains[place], place as u32)
            }
        };
        let size = row.and_then(|row| row.size_bytes);
        let size_bytes = size.unwrap_or_else(|| source.size.sample_from(|| random(Purpose::Size)) as u32);
        let recipients = row.and_then(|row| row.recipients);
        let recipients =
            recipients.unwrap_or_else(|| source.recipients.sample_from(|| random(Purpose::Recipients)) as u16).max(1);
        state.numbered += u64::from(recipients);
        state.depth += u64::from(recipients);
        state.bytes += u64::from(size_bytes);
        let null_sender = source.null_sender > 0.0 && unit_open(random(Purpose::NullSender)) < source.null_sender;
        let clock = &self.model.clock;
        let measured = now >= clock.window_start && now < clock.window_end;
        self.measured_live += u64::from(measured) * u64::from(recipients);
        let message = Message {
            created: now,
            number,
            sender: NodeId(node),
            domain,
            place_in_list,
            size_bytes,
            recipients,
            measured,
            null_sender,
        };
        if let Some(flight) = self.flight(cx, &message) {
            self.schedule_arrival(cx.scheduler, node as usize);
            return self.take_off(cx, flight);
        }
        let slot = self.insert(Delivery::new(&message));
        cx.observer.on_created(now, &self.slots[slot as usize]);
        self.schedule_arrival(cx.scheduler, node as usize);
        self.take_up(cx, slot);
    }

    #[inline]
    /// Puts a delivery in a slot of its own.
    pub(super) fn insert(&mut self, mut delivery: Delivery) -> u32 {
        let slot = self.free.pop().unwrap_or(self.slots.len() as u32);
        delivery.work.generation = self.slots.get(slot as usize).map_or(0, |old| old.work.generation);
        match self.slots.get_mut(slot as usize) {
            Some(place) => *place = delivery,
            None => self.slots.push(delivery),
        }
        slot
    }

    pub(super) fn on_scan<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        node: u32,
    ) {
        let now = cx.scheduler.now();
        if self.nodes[node as usize].queue.as_ref().is_some_and(|queue| queue.runs.is_some()) {
            return self.start_run(cx, NodeId(node));
        }
        let Some(scans) = &mut self.nodes[node as usize].scans else { return };
        let due = match scans.comes(now) {
            Scan::Takes(due) => due,
            Scan::Sleeps(until) => {
                if until <= self.model.clock.end {
                    cx.scheduler.schedule(self.entities.nodes + node, until, MailEvent::Scan(node).into());
                }
                return;
            }
        };
        for &(slot, generation) in &due {
            if self.is_current(slot, generation) {
                self.take_up(cx, slot);
            }
        }
        if let Some(scans) = &mut self.nodes[node as usize].scans {
            scans.give_back(due);
        }
    }

    /// Ends a delivery, and gives its slot back.
    #[inline]
    pub(super) fn end<E: World, O: MailObserver, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        end: End,
    ) {
        let end = if matches!(end, End::Bounced(_) | End::Expired) {
            let delivery = self.slots[slot as usize].clone();
            self.tell_failed(cx, &delivery, end)
        } else {
            end
        };
        self.let_go(cx, slot, end);
    }

    /// What has ended leaves its node's queue.
    #[inline]
    pub(super) fn let_go<E: World, O: MailObserver, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        end: End,
    ) {
        let delivery = &mut self.slots[slot as usize];
        let node = &mut self.nodes[delivery.node.index()];
        node.depth -= u64::from(delivery.recipients);
        if !delivery.shares_file {
            debug_assert!(node.bytes >= u64::from(delivery.size_bytes), "bytes of a node that it does not hold");
            node.bytes = node.bytes.saturating_sub(u64::from(delivery.size_bytes));
        }
        self.measured_live -= u64::from(delivery.is_awaited()) * u64::from(delivery.recipients);
        delivery.work.step = Step::Waiting;
        if let Some(runs) = node.queue.as_mut().and_then(|queue| queue.runs.as_mut()) {
            runs.waiting.remove(&slot);
        }
        cx.observer.on_end(cx.scheduler.now(), delivery, end);
        delivery.work.generation = delivery.work.generation.wrapping_add(1);
        // A free slot looks like one that has not begun, to a flush of the queue.
        delivery.attempts = 0;
        delivery.suspensions = 0;
        self.free.push(slot);
    }

    /// Ends some recipients of a message whose others go on: `part` is a copy that stands for them.
    pub(super) fn end_part<E: World, O: MailObserver, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        part: &Delivery,
        mut end: End,
    ) {
        if matches!(end, End::Bounced(_) | End::Expired) {
            end = self.tell_failed(cx, part, end);
        }
        self.nodes[part.node.index()].depth -= u64::from(part.recipients);
        self.measured_live -= u64::from(part.is_awaited()) * u64::from(part.recipients);
        cx.observer.on_end(cx.scheduler.now(), part, end);
    }

    pub(super) fn bounce<E: World, O: MailObserver, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        cause: BounceCause,
    ) {
        self.leave(cx, slot, Left::Served);
        self.end(cx, slot, End::Bounced(cause));
    }

    pub(super) fn is_current(&self, slot: u32, generation: u16) -> bool {
        self.slots[slot as usize].work.generation == generation
    }
}

/// What of `all` is not among the places that are free.
fn in_use<'a, T>(all: &'a [T], free: &[u32]) -> impl Iterator<Item = &'a T> {
    let mut is_free = vec![false; all.len()];
    free.iter().for_each(|&place| is_free[place as usize] = true);
    all.iter().zip(is_free).filter(|(_, is_free)| !is_free).map(|(one, _)| one)
}
