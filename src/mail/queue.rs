//! The queue of a node whose system does more than keep a timer a message: an active queue with limits, destinations
//! whose concurrency is controlled, queue runs, hosts that rest.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::connections::{Connections, Idle};
use super::destination::{Ready, Sessions};
use super::memory::{Held, Remembered, Rule, last_cutoff_s};
use super::retry::Retried;
use super::runs::Runs;
use super::world::{Purpose, World, place};
use super::{Candidate, Delivery, HostAvailability, Mail, MailContext, MailEvent, MailObserver, Step, TryResult};
use crate::dns::{DnsObserver, ServerState};
use crate::engine::random::draw;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::client::{Blame, KeptSessions};
use crate::model::mail::{DestinationRules, Memory, NodeModel, Pickup, QueueLimits, RetrySchedule};
use crate::model::{HostId, NameId, NodeId};
use crate::scenario::tree::{Feedback, Stage};

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
    /// How sessions are kept, if they are.
    pub(super) keeps: Option<KeptSessions>,
    pub connections: Connections,
    /// The kept or passed-on session that a delivery goes through.
    pub sessions: FxHashMap<u32, Idle>,
    /// Connections open to each host, where routes are chosen by them.
    pub(super) open: FxHashMap<HostId, u32>,
    /// Time between connections to one destination.
    pub(super) apart: SimDuration,
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
        let gate = match policy.memory {
            Memory::Destination(rules) => Some(rules),
            _ => is_limited.then_some(DestinationRules {
                initial: limits.per_destination,
                limit: limits.per_destination,
                positive: Feedback::Constant(0.0),
                negative: Feedback::Constant(0.0),
                failed_cohort_limit: 0.0,
                rest: SimDuration::ZERO,
                remembers: false,
            }),
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
                keeps: node.client.keeps,
                connections: Connections::default(),
                sessions: FxHashMap::default(),
                open: FxHashMap::default(),
                apart: node.client.connections_apart,
                is_pumped: false,
            })
        })
    }

    /// Whether failures are kept in records of hosts, as Exim does.
    pub fn keeps_records(&self) -> bool {
        matches!(self.memory, Some(Remembered::Records { .. }))
    }

    /// Connections open to a host, where that is counted.
    pub fn open(&self, host: HostId) -> u32 {
        self.open.get(&host).copied().unwrap_or(0)
    }

    /// Whether routes are chosen by the connections they have.
    pub fn counts_connections(&self) -> bool {
        matches!(self.memory, Some(Remembered::Routes { .. }))
    }

    pub(super) fn count(&mut self, host: HostId, opened: bool) {
        if self.counts_connections() {
            let open = self.open.entry(host).or_insert(0);
            *open = if opened { *open + 1 } else { open.saturating_sub(1) };
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
        let node = self.slots[slot as usize].node;
        match &mut self.nodes[node.index()].queue {
            Some(queue) if queue.gate.is_some() => {
                self.slots[slot as usize].work.step = Step::Queued;
                queue.incoming.push_back(slot);
                self.wants_pump(node);
            }
            _ => self.start_attempt(cx, slot),
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
            self.admit(cx, node);
            while let Some(slot) = self.next_to_start(cx, node) {
                self.start_attempt(cx, slot);
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
            let delivery = &mut self.slots[slot as usize];
            delivery.work.place = Place::Active;
            let name = self.model.mail.nodes[node.index()].client.next_hop_name(delivery.domain);
            let id = self.destinations.of(node, name, &rules);
            let destination = &mut self.destinations.slab[id as usize];
            if destination.is_dead() {
                self.leave(cx, slot, Left::Suspended);
                self.suspend(cx, slot);
            } else {
                destination.todo.push_back(entry);
                self.list(id);
            }
        }
    }

    /// Puts a destination that may start something on its node's list.
    fn list(&mut self, id: u32) {
        let destination = &self.destinations.slab[id as usize];
        if destination.may_start()
            && let Some(&(entry, _)) = destination.todo.front()
            && let Some(queue) = &mut self.nodes[destination.node.index()].queue
        {
            queue.ready.insert((entry, id));
        }
    }

    /// The next delivery that may start.
    fn next_to_start<E: World, O, F>(&mut self, cx: &mut MailContext<'_, 'm, E, O, F>, node: NodeId) -> Option<u32> {
        let now = cx.scheduler.now();
        loop {
            let queue = self.nodes[node.index()].queue.as_mut()?;
            if queue.running >= queue.limits.deliveries {
                return None;
            }
            let (entry, id) = queue.ready.pop_first()?;
            let destination = &mut self.destinations.slab[id as usize];
            // An entry of the list may be of a destination that has become full, dead or another since.
            if !destination.may_start() || destination.todo.front().is_none_or(|&(first, _)| first != entry) {
                continue;
            }
            let at = destination.next_connection(now, queue.apart);
            // Where connections keep a distance, an idle session is one delivery's from here on: others that start while it
            // looks its route up would connect all the same.
            let session = if queue.apart.is_zero() { None } else { queue.connections.take_for(now, destination.name) };
            if at > now && session.is_none() {
                if at <= self.model.clock.end {
                    cx.scheduler.schedule(self.entities.nodes + node.0, at, MailEvent::Wakes(id).into());
                }
                continue;
            }
            let (_, slot) = destination.todo.pop_front()?;
            destination.busy += 1;
            let sessions = destination.starts(now);
            queue.running += 1;
            match session {
                Some(session) => drop(queue.sessions.insert(slot, session)),
                None if !queue.apart.is_zero() => destination.last_connection = Some(now),
                None => {}
            }
            self.slots[slot as usize].work.place = Place::Running(sessions);
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
        if destination.is_dead() && destination.rests_until <= now {
            destination.revive(&rules);
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
        let (node, domain) = (delivery.node, delivery.domain);
        let place = std::mem::take(&mut delivery.work.place);
        let runner = std::mem::take(&mut delivery.work.runner);
        let Some(queue) = &mut self.nodes[node.index()].queue else { return };
        if place == Place::None && runner == 0 {
            return;
        }
        if let Some(runs) = &mut queue.runs {
            runs.finished(runner);
        }
        self.wants_pump(node);
        let Some(queue) = &mut self.nodes[node.index()].queue else { return };
        let Some(rules) = queue.gate.filter(|_| place != Place::None) else { return };
        queue.active -= 1;
        let name = self.model.mail.nodes[node.index()].client.next_hop_name(domain);
        let Some(id) = self.destinations.find(node, name) else { return };
        let destination = &mut self.destinations.slab[id as usize];
        let mut died = false;
        match left {
            Left::Served => destination.succeeded(&rules),
            Left::SiteFailed => died = destination.failed(now, &rules),
            Left::Suspended => {}
        }
        if matches!(place, Place::Running(_)) {
            queue.running -= 1;
            destination.done(now);
        }
        let put_off = if died { std::mem::take(&mut destination.todo) } else { VecDeque::new() };
        if died && destination.rests_until <= self.model.clock.end {
            let at = destination.rests_until;
            cx.scheduler.schedule(self.entities.nodes + node.0, at, MailEvent::Wakes(id).into());
        }
        if destination.is_idle() && !destination.is_dead() && !(rules.remembers && destination.has_failed()) {
            self.destinations.forget(id);
        } else {
            self.list(id);
        }
        for (_, slot) in put_off {
            self.slots[slot as usize].work.place = Place::None;
            if let Some(queue) = &mut self.nodes[node.index()].queue {
                queue.active -= 1;
            }
            self.suspend(cx, slot);
        }
    }

    /// A delivery is put off without having been tried: a suspension, no attempt.
    pub(super) fn suspend<E: World, O: MailObserver, F>(&mut self, cx: &mut MailContext<'_, 'm, E, O, F>, slot: u32) {
        let delivery = &mut self.slots[slot as usize];
        delivery.suspensions += 1;
        cx.observer.on_suspended(cx.scheduler.now(), delivery);
        self.cache_deferred(cx.scheduler.now(), slot);
        let earliest = self.rests_until(cx.scheduler.now(), slot);
        self.put_off_until(cx, slot, earliest);
    }

    /// Until when what holds a delivery back does so, for a policy of one's own: real systems look at their own timers.
    fn rests_until(&self, now: SimTime, slot: u32) -> SimTime {
        let delivery = &self.slots[slot as usize];
        let node = &self.model.mail.nodes[delivery.node.index()];
        if !matches!(node.retry.schedule, RetrySchedule::Custom { .. }) {
            return now;
        }
        let destination = self.destinations.find(delivery.node, node.client.next_hop_name(delivery.domain));
        let dead = destination.map(|id| &self.destinations.slab[id as usize]).filter(|dead| dead.is_dead());
        let memory = self.nodes[delivery.node.index()].queue.as_ref().and_then(|queue| queue.memory.as_ref());
        let hosts =
            delivery.work.candidates.iter().filter_map(|candidate| memory?.rests_until(candidate.address())).min();
        dead.map(|dead| dead.rests_until).or(hosts).map_or(now, |until| until.max(now))
    }

    /// The attempt found every host at rest: it was none.
    pub(super) fn hold_back<E: World, O: MailObserver, F>(&mut self, cx: &mut MailContext<'_, 'm, E, O, F>, slot: u32) {
        let delivery = &mut self.slots[slot as usize];
        delivery.attempts = delivery.attempts.saturating_sub(1);
        delivery.node_attempts = delivery.node_attempts.saturating_sub(1);
        delivery.work.tally.site = false;
        self.leave(cx, slot, Left::Suspended);
        self.suspend(cx, slot);
    }

    /// Whether the node lets a candidate rest.
    pub(super) fn is_held(&mut self, now: SimTime, slot: u32, candidate: Candidate) -> bool {
        let delivery = &self.slots[slot as usize];
        let Some(queue) = &self.nodes[delivery.node.index()].queue else { return false };
        let Some(memory) = &queue.memory else { return false };
        let policy = &self.model.mail.nodes[delivery.node.index()].retry;
        let age_s = custody_s(now, delivery);
        let key = self.nodes[delivery.sender.index()].key;
        let bits = draw(key, delivery.number, place(delivery.attempts, u32::from(candidate.preference), Purpose::Rest));
        let mut held = memory.holds(now, candidate.address(), age_s, last_cutoff_s(policy, delivery.domain), bits);
        if queue.runs.as_ref().is_some_and(|runs| runs.has_failed(delivery.work.runner, candidate.address())) {
            held = Held::Rests;
        }
        let tally = &mut self.slots[slot as usize].work.tally;
        tally.held += u16::from(held != Held::No);
        tally.held_expired += u16::from(held == Held::RestsExpired);
        held != Held::No
    }

    /// Remembers how a try of a host failed.
    pub(super) fn remember(&mut self, now: SimTime, slot: u32, candidate: Candidate, blame: Blame, hop: u16) {
        let (host, address) = (candidate.host, candidate.address());
        let delivery = &mut self.slots[slot as usize];
        let model = &self.model.mail.nodes[delivery.node.index()];
        let (verdict, cause) = (delivery.work.verdict, delivery.work.cause());
        delivery.work.tally.site = blame == Blame::Host;
        let Some(queue) = &mut self.nodes[delivery.node.index()].queue else { return };
        if verdict.stage >= Stage::Connect && verdict.result != TryResult::Accepted {
            queue.sessions.remove(&slot);
            queue.count(host, false);
        }
        if queue.memory.is_none() {
            return;
        }
        if blame != Blame::Host {
            delivery.work.tally.own = true;
            return;
        }
        if let Some(runs) = &mut queue.runs {
            runs.host_failed(delivery.work.runner, address);
        }
        let rule = match &model.retry.schedule {
            RetrySchedule::Exim { rules, interval_max } => {
                rules.iter().find(|case| case.fits(delivery.domain, cause)).map(|case| Rule(&case.rule, *interval_max))
            }
            _ => None,
        };
        let key = self.nodes[delivery.sender.index()].key;
        let bits = draw(key, delivery.number, place(delivery.attempts, u32::from(hop), Purpose::Jitter));
        let timed_out = verdict.result == TryResult::TimedOut && verdict.stage == Stage::Connect;
        let what = Retried { now, arrived: None, bits };
        let Some(queue) = &mut self.nodes[delivery.node.index()].queue else { return };
        let Some(memory) = queue.memory.as_mut() else { return };
        if let Some(record) = memory.failed(&what, address, timed_out, rule) {
            let arrived = delivery.in_custody_since.whole_seconds();
            let age_s = custody_s(now, delivery);
            let cutoff_s = rule.and_then(|rule| rule.last_cutoff_s());
            let too_old = arrived <= record.first_failed && cutoff_s.is_none_or(|cutoff| age_s > cutoff);
            delivery.work.tally.records += 1;
            delivery.work.tally.timed_out += u16::from(record.expired || too_old);
        }
    }
}

/// How long a node has had a message, by whole-second clocks.
fn custody_s(now: SimTime, delivery: &Delivery) -> u64 {
    let since = now.whole_seconds().saturating_sub(delivery.in_custody_since.whole_seconds());
    since.saturating_add(delivery.held_before().whole_seconds())
}

impl crate::model::client::ClientRules {
    /// The name by which a queue knows where a message goes next.
    pub(super) fn next_hop_name(&self, domain: NameId) -> NameId {
        self.smart_host.map_or(domain, |relay| relay.name)
    }
}
