//! The queue of a node whose system does more than keep a timer a message: an active queue with limits, destinations
//! whose concurrency is controlled, queue runs, hosts that rest.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::connections::{Connections, Idle};
use super::destination::{Ready, Sessions};
use super::memory::Remembered;
use super::mta_relay::{Connected, Route, next_look};
use super::ready_queue::ReadyQueues;
use super::runs::Runs;
use super::scans::Scans;
use super::serialized::Serialized;
use super::world::World;
use super::{Address, HostAvailability, Mail, MailContext, MailEvent, MailObserver, Phase, Step};
use crate::dns::{DnsObserver, ServerState};
use crate::engine::time::{SimDuration, SimTime};
use crate::model::NodeId;
use crate::model::client::KeptSessions;
use crate::model::mail::{DestinationRules, Memory, NodeModel, Pickup, QueueLimits, RouteLimits};
use crate::scenario::tree::Feedback;

/// A node's queue in one replication.
#[derive(Debug)]
pub(super) struct Queue {
    /// How many deliveries to one destination may run; without it all start at once.
    pub gate: Option<DestinationRules>,
    pub(super) limits: QueueLimits,
    pub(super) running: u32,
    pub(super) active: u32,
    /// Beyond the active queue's limit.
    pub(super) incoming: VecDeque<u32>,
    pub(super) admitted: u64,
    pub(super) ready: Ready,
    /// What it remembers of hosts.
    pub memory: Option<Remembered>,
    /// Its queue runs.
    pub runs: Option<Runs>,
    /// Hosts with which one connection at a time is begun, if there are any.
    pub(super) serialized: Option<Serialized>,
    /// How sessions are kept, if they are.
    pub(super) keeps: Option<KeptSessions>,
    pub connections: Connections,
    /// The kept or passed-on session that a delivery goes through.
    pub sessions: FxHashMap<u32, Idle>,
    /// Time between connections to one destination.
    pub(super) apart: SimDuration,
    /// Connections in all, where those are counted.
    pub(super) open: u32,
    /// KumoMTA's ready queues, if it has those.
    pub(super) ready_queues: Option<ReadyQueues>,
    pub(super) is_pumped: bool,
}

/// What a delivery has of its node's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Place {
    /// Nothing: it waits, or nothing is limited.
    #[default]
    None,
    /// A place in the active queue.
    Active,
    /// One of the deliveries that run, and what it does with kept sessions.
    Running(Sessions),
}

/// What an attempt came across, for what is remembered of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    /// Hosts passed over since they rest.
    pub held: u16,
    /// Of these, such as have failed for too long.
    pub held_expired: u16,
    /// Records of failure written, and of these past their last cutoff.
    pub records: u16,
    pub timed_out: u16,
    /// Whether something failed that is the message's own.
    pub own: bool,
    /// Whether that was a recipient.
    pub of_address: bool,
    /// Whether hosts that are past their cutoff are tried once more (Exim without `delay_after_cutoff`).
    pub past_cutoff: bool,
    /// Whether the last try failed at the site.
    pub site: bool,
}

/// How a delivery left its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// The site answered.
    Served,
    /// The site could not be reached.
    SiteFailed,
    /// It was not tried.
    Suspended,
}

impl Place {
    /// What a delivery in this place does with kept sessions.
    pub fn sessions(self) -> Sessions {
        match self {
            Place::Running(sessions) => sessions,
            Place::None | Place::Active => Sessions::default(),
        }
    }
}

impl Queue {
    /// The queue that a node's policy needs; `None` if a timer a message, or a scan, is all.
    pub fn new(node: &NodeModel) -> Option<Box<Self>> {
        let (policy, limits) = (&node.retry, node.retry.limits);
        let is_limited = [limits.active, limits.deliveries, limits.per_destination].into_iter().any(|n| n != u32::MAX);
        let probes = policy.memory == Memory::NextHopQueue;
        let gate = match policy.memory {
            Memory::Destination(rules) => Some(rules),
            _ => (is_limited || probes).then_some(DestinationRules {
                initial: limits.per_destination,
                limit: limits.per_destination,
                positive: Feedback::Constant(0.0),
                negative: Feedback::Constant(0.0),
                failed_cohort_limit: if probes { f64::MIN_POSITIVE } else { 0.0 },
                rest: SimDuration::ZERO,
                rate_delay: SimDuration::ZERO,
                remembers: false,
                probes,
            }),
        };
        let ready_queues = match policy.memory {
            Memory::ReadyQueue { failures, most } => Some(ReadyQueues::new(failures, most)),
            _ => None,
        };
        let memory = Remembered::new(&policy.memory);
        let runs = match policy.pickup {
            Pickup::QueueRun { runners, order, .. } => Some(Runs::new(runners, order)),
            Pickup::AtOnce | Pickup::Scan(_) => None,
        };
        (gate.is_some() || memory.is_some() || runs.is_some()).then(|| {
            Box::new(Self {
                gate,
                limits,
                running: 0,
                active: 0,
                incoming: VecDeque::new(),
                admitted: 0,
                ready: Ready::new(),
                memory,
                runs,
                serialized: Serialized::new(&policy.memory),
                keeps: node.client.keeps,
                connections: Connections::default(),
                sessions: FxHashMap::default(),
                apart: node.client.connections_apart,
                open: 0,
                ready_queues,
                is_pumped: false,
            })
        })
    }

    /// Whether failures are kept in records of hosts, as Exim does.
    pub fn keeps_records(&self) -> bool {
        matches!(self.memory, Some(Remembered::Records { .. }))
    }

    /// Whether routes are chosen by the connections they have.
    pub fn counts_connections(&self) -> bool {
        matches!(self.memory, Some(Remembered::Routes { .. }))
    }

    /// A connection to an address begins or ends, where that is counted.
    pub(super) fn count(&mut self, now: SimTime, address: Address, opened: bool) {
        let Some(route) = self.route(address) else { return };
        let before = route.open;
        if opened {
            (route.open, route.connected) = (before + 1, Some(now));
        } else {
            (route.open, route.closed) = (before.saturating_sub(1), Some(now));
        }
        let after = route.open;
        self.open = self.open + after - before;
    }

    /// What is known of an address, where routes are.
    pub(super) fn route(&mut self, address: Address) -> Option<&mut Route> {
        match &mut self.memory {
            Some(Remembered::Routes { hosts, .. }) => Some(hosts.entry(address).or_default()),
            _ => None,
        }
    }

    /// The same, to be looked at.
    pub(super) fn known_route(&self, address: Address) -> Route {
        match &self.memory {
            Some(Remembered::Routes { hosts, .. }) => hosts.get(&address).copied().unwrap_or_default(),
            _ => Route::default(),
        }
    }

    /// Limits on routes, if there are any.
    pub(super) fn route_limits(&self) -> Option<RouteLimits> {
        match &self.memory {
            Some(Remembered::Routes { limits, .. }) => Some(*limits),
            _ => None,
        }
    }
}

impl<'m> Mail<'m> {
    /// The node that has custody takes a delivery up: at once, or when its queue lets it.
    #[inline]
    pub(super) fn take_up<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
    ) {
        let delivery = &self.slots[slot as usize];
        let node = delivery.node;
        if delivery.recipients > self.model.mail.nodes[node.index()].client.recipients_max {
            return self.take_up_apart(cx, slot);
        }
        match &self.nodes[node.index()].queue {
            Some(queue) if queue.ready_queues.is_some() => self.find_site(cx, slot),
            Some(queue) if queue.gate.is_some() => {
                self.wait_in_line(cx, slot);
            }
            _ => self.start_attempt(cx, slot),
        }
    }

    /// A delivery is to come into its node's active queue.
    pub(super) fn wait_in_line<E: World, O: MailObserver, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
    ) {
        let delivery = &mut self.slots[slot as usize];
        let node = delivery.node;
        delivery.work.step = Step::Queued;
        delivery.enter(cx.observer, cx.scheduler.now(), Phase::Active);
        if let Some(queue) = &mut self.nodes[node.index()].queue {
            queue.incoming.push_back(slot);
        }
        self.stirs(cx, node);
        self.wants_pump(node);
    }

    /// A node's queue manager has something to do.
    pub(super) fn stirs<E: World, O, F>(&mut self, cx: &MailContext<'_, 'm, E, O, F>, node: NodeId) {
        if let Some(scans) = &mut self.nodes[node.index()].scans {
            scans.stirs(cx.scheduler.now());
        }
    }

    pub(super) fn wants_pump(&mut self, node: NodeId) {
        if let Some(queue) = &mut self.nodes[node.index()].queue
            && !std::mem::replace(&mut queue.is_pumped, true)
        {
            self.pumps.push(node);
        }
    }

    /// Lets every queue go on whose state has changed. Called once an event, never from within an attempt, so that a
    /// long queue of failures is a loop and not a recursion.
    pub(super) fn pump_all<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
    ) {
        while let Some(node) = self.pumps.pop() {
            if let Some(queue) = &mut self.nodes[node.index()].queue {
                queue.is_pumped = false;
            }
            if self.nodes[node.index()].scans.as_ref().is_some_and(Scans::is_woken) {
                self.on_scan(cx, node.0);
            }
            self.admit(cx, node);
            while let Some(slot) = self.next_to_start(cx, node) {
                self.start_attempt(cx, slot);
            }
            if let Some(machine) = &mut self.nodes[node.index()].machine {
                machine.lets_go();
            }
            self.pass_on(cx, node);
            self.run(cx, node);
        }
    }

    /// Fills the active queue.
    fn admit<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        node: NodeId,
    ) {
        loop {
            let Some(queue) = &mut self.nodes[node.index()].queue else { return };
            let Some(rules) = queue.gate.filter(|_| queue.active < queue.limits.active) else { return };
            let Some(slot) = queue.incoming.pop_front() else { return };
            queue.active += 1;
            queue.admitted += 1;
            let entry = (queue.admitted, slot);
            let most = queue.ready_queues.as_ref().map_or(usize::MAX, |rules| rules.most as usize);
            self.slots[slot as usize].work.place = Place::Active;
            let id = self.destinations.of(node, self.next_hop(slot), &rules);
            let destination = &mut self.destinations.slab[id as usize];
            destination.plan = destination.plan.or(self.slots[slot as usize].work.plan());
            // All timers of a second fire before the queue is fed (`events.c: event_loop`), that of its rest among them.
            if destination.is_dead() && destination.rests_until <= cx.scheduler.now() {
                destination.revive(&rules);
            }
            if destination.is_dead() {
                self.leave(cx, slot, Left::Suspended);
                self.suspend(cx, slot);
            } else if destination.todo.len() >= most {
                self.turn_away(cx, slot);
            } else {
                destination.todo.push_back(entry);
                self.list(id);
            }
        }
    }

    /// Puts a destination that may start something on its node's list.
    pub(super) fn list(&mut self, id: u32) {
        let destination = &self.destinations.slab[id as usize];
        if self.may_start(id)
            && let Some(&(entry, _)) = destination.todo.front()
            && let Some(queue) = &mut self.nodes[destination.node.index()].queue
        {
            queue.ready.insert((entry, id));
        }
    }

    /// The next delivery that may start.
    fn next_to_start<E: World, O, F>(&mut self, cx: &mut MailContext<'_, 'm, E, O, F>, node: NodeId) -> Option<u32> {
        let now = cx.scheduler.now();
        if !self.has_turn(cx, node) {
            return None;
        }
        loop {
            let queue = self.nodes[node.index()].queue.as_mut()?;
            if queue.running >= queue.limits.deliveries {
                return None;
            }
            let (entry, id) = queue.ready.pop_first()?;
            // An entry of the list may be of a destination that has become full, dead or another since.
            let may_start = self.may_start(id);
            let queue = self.nodes[node.index()].queue.as_mut()?;
            let destination = &mut self.destinations.slab[id as usize];
            if !may_start || destination.todo.front().is_none_or(|&(first, _)| first != entry) {
                continue;
            }
            // Where connections keep a distance, an idle session is one delivery's from here on: others that start while it
            // looks its route up would connect all the same.
            let (to, counted) = (destination.to, !queue.apart.is_zero());
            let session = if counted { queue.connections.take_for(now, to) } else { None };
            if counted && session.is_none() {
                let idle_since = queue.connections.idle_since(to);
                let at = self.connect_at(now, id);
                let look = idle_since.map(|since| next_look(since, now));
                if at.is_none_or(|at| at > now) {
                    if let Some(at) = at.into_iter().chain(look).min() {
                        self.wake(cx, node, id, at);
                    }
                    continue;
                }
            }
            let state = &mut self.nodes[node.index()];
            if let Some(machine) = &mut state.machine {
                machine.takes_turn();
            }
            let queue = state.queue.as_mut()?;
            let destination = &mut self.destinations.slab[id as usize];
            let (_, slot) = destination.todo.pop_front()?;
            if let Some(plan) = destination.plan {
                self.slots[slot as usize].work.follow(plan);
            }
            destination.busy += 1;
            let sessions = destination.starts(now);
            queue.running += 1;
            self.slots[slot as usize].work.place = Place::Running(sessions);
            match session {
                Some(session) => {
                    queue.sessions.insert(slot, session);
                    self.set_connected(slot, Connected::Session);
                }
                None if counted => destination.last_connection = Some(now),
                None => {}
            }
            self.list(id);
            return Some(slot);
        }
    }

    /// A destination's rest is over, or its next connection may begin.
    pub(super) fn on_wakes<E: World, O, F>(&mut self, cx: &mut MailContext<'_, 'm, E, O, F>, id: u32) {
        let now = cx.scheduler.now();
        let destination = &mut self.destinations.slab[id as usize];
        let node = destination.node;
        let Some(rules) = self.nodes[node.index()].queue.as_ref().and_then(|queue| queue.gate) else { return };
        if (destination.is_dead() || destination.is_suspended) && destination.rests_until <= now {
            if !std::mem::take(&mut destination.is_suspended) {
                destination.revive(&rules);
            }
            if destination.is_idle() {
                self.destinations.forget(id);
                return;
            }
        }
        self.list(id);
        self.wants_pump(node);
    }

    /// A delivery leaves its place in the queue; the destination learns of it, and if it is dead now all that waits for
    /// it is put off.
    pub(super) fn leave<E: World, O: MailObserver, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        left: Left,
    ) {
        let now = cx.scheduler.now();
        self.close_unused(cx, slot);
        let delivery = &mut self.slots[slot as usize];
        let node = delivery.node;
        let place = std::mem::take(&mut delivery.work.place);
        let runner = std::mem::take(&mut delivery.work.runner);
        if place == Place::None && runner == 0 {
            return;
        }
        self.stirs(cx, node);
        self.leaves_runner(cx, node, runner, left);
        self.notes_reach(now, slot, left);
        self.wants_pump(node);
        let Some(queue) = &mut self.nodes[node.index()].queue else { return };
        let Some(rules) = queue.gate.filter(|_| place != Place::None) else { return };
        queue.active -= 1;
        let failures_allowed = queue.ready_queues.as_ref().map(|rules| rules.failures);
        let to = self.next_hop(slot);
        let Some(id) = self.destinations.find(node, to) else { return };
        let destination = &mut self.destinations.slab[id as usize];
        let mut died = false;
        let mut rests = false;
        match (left, failures_allowed) {
            (Left::Served, _) => {
                destination.in_a_row = 0;
                destination.succeeded(&rules);
            }
            (Left::SiteFailed, Some(failures)) => {
                rests = true;
                died = self.ready_queue_failed(cx, id, failures);
            }
            (Left::SiteFailed, None) => {
                died = destination.failed(now, &rules);
                if died && rules.probes {
                    destination.in_a_row += 1;
                    let schedule = &self.model.mail.nodes[node.index()].retry.schedule;
                    destination.rests_until = now + schedule.wait_after(destination.in_a_row);
                }
            }
            (Left::Suspended, _) => {}
        }
        let Some(queue) = &mut self.nodes[node.index()].queue else { return };
        let destination = &mut self.destinations.slab[id as usize];
        if matches!(place, Place::Running(_)) {
            queue.running -= 1;
            destination.done(now);
        }
        let put_off = if died { std::mem::take(&mut destination.todo) } else { VecDeque::new() };
        let is_limited = !rules.rate_delay.is_zero() && matches!(place, Place::Running(_));
        if is_limited {
            destination.suspend(now, &rules);
        }
        // What is put off with a queue in retry is due with it.
        let sleeps = is_limited || destination.is_dead() && died && !rules.probes;
        if sleeps && destination.rests_until <= self.model.clock.end {
            let at = destination.rests_until;
            cx.scheduler.schedule(self.entities.nodes + node.0, at, MailEvent::Wakes(id).into());
        }
        // A relay whose last connection hangs on is not forgotten.
        let hangs_on = queue.counts_connections() && queue.connections.count(to) > 0;
        let is_known = rules.remembers && destination.has_failed() || hangs_on;
        if destination.is_idle() && failures_allowed.is_some() {
            self.empties(now.whole_seconds(), id);
        } else if destination.is_idle() && !destination.is_dead() && !destination.is_suspended && !is_known {
            self.destinations.forget(id);
        } else if !rests {
            self.list(id);
        }
        for (_, slot) in put_off {
            let delivery = &mut self.slots[slot as usize];
            delivery.work.place = Place::None;
            delivery.node_attempts += u32::from(failures_allowed.is_some());
            if let Some(queue) = &mut self.nodes[node.index()].queue {
                queue.active -= 1;
            }
            self.suspend(cx, slot);
        }
    }
}
