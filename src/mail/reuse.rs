//! Sessions that outlive a delivery: kept, passed on, used again, closed.

use super::connections::Idle;
use super::mta_relay::Connected;
use super::world::World;
use super::{Address, Candidate, HostAvailability, Mail, MailContext, MailEvent, MailObserver};
use crate::dns::{DnsObserver, ServerState};
use crate::engine::time::{SimDuration, SimTime};
use crate::model::NodeId;

impl<'m> Mail<'m> {
    /// A kept session that the attempt may go through instead of connecting anew: its candidate comes first then.
    pub(super) fn reuse<E: World, O, F: HostAvailability>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        hop: u16,
    ) -> bool {
        let (now, to) = (cx.scheduler.now(), self.next_hop(slot));
        let delivery = &mut self.slots[slot as usize];
        let Some(queue) = &mut self.nodes[delivery.node.index()].queue else { return false };
        let from = usize::from(hop);
        if let Some(passed_on) = queue.sessions.get(&slot) {
            let address = passed_on.address;
            let place = delivery.work.candidates[from..].iter().position(|candidate| candidate.address() == address);
            let Some(place) = place.filter(|_| cx.faults.host_down(address.host).is_none()) else {
                self.close_unused(cx, slot);
                return false;
            };
            delivery.work.candidates[from..=from + place].rotate_right(1);
            return true;
        }
        let Some(keeps) = queue.keeps else { return false };
        if queue.runs.is_some() {
            return self.reuse_in_run(cx, slot, from);
        }
        if keeps.on_demand && !delivery.work.place.sessions().loads {
            return false;
        }
        let Some((place, idle)) = queue.connections.take(now, to, &delivery.work.candidates[from..], keeps.shared)
        else {
            return false;
        };
        if cx.faults.host_down(idle.address.host).is_some() {
            queue.count(now, idle.address, false);
            self.free_session(cx, &idle);
            return false;
        }
        delivery.work.candidates[from..=from + place].rotate_right(1);
        queue.sessions.insert(slot, idle);
        true
    }

    /// A session that the runner of the delivery has open to the host that comes first.
    fn reuse_in_run<E: World, O, F: HostAvailability>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        from: usize,
    ) -> bool {
        let now = cx.scheduler.now();
        let work = &self.slots[slot as usize].work;
        let (runner, first) = (work.runner, work.candidates.get(from).map(Candidate::address));
        let node = self.slots[slot as usize].node;
        let Some(queue) = &mut self.nodes[node.index()].queue else { return false };
        let Some(address) = first.filter(|_| runner != 0) else { return false };
        let Some(idle) = queue.connections.take_of_run(now, runner, address) else { return false };
        if cx.faults.host_down(address.host).is_some() {
            self.free_session(cx, &idle);
            return false;
        }
        queue.sessions.insert(slot, idle);
        true
    }

    /// Closes what a queue runner has open, but the latest `most`.
    pub(super) fn close_of_run<E: World, O, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        node: NodeId,
        runner: u16,
        most: usize,
    ) {
        let Some(queue) = &mut self.nodes[node.index()].queue else { return };
        for idle in queue.connections.leave_to_run(runner, most) {
            self.free_session(cx, &idle);
        }
    }

    /// Closes the session that a delivery was given and did not come to use.
    pub(super) fn close_unused<E: World, O, F>(&mut self, cx: &mut MailContext<'_, 'm, E, O, F>, slot: u32) {
        let now = cx.scheduler.now();
        let node = self.slots[slot as usize].node;
        let Some(queue) = &mut self.nodes[node.index()].queue else { return };
        if let Some(idle) = queue.sessions.remove(&slot) {
            queue.count(now, idle.address, false);
            self.free_session(cx, &idle);
            self.set_connected(slot, Connected::No);
        }
    }

    /// The host of a session that was closed has one more: an event, since whoever closes it may not be done yet.
    fn free_session<E: World, O, F>(&self, cx: &mut MailContext<'_, 'm, E, O, F>, idle: &Idle) {
        if idle.holds_session {
            let at = cx.scheduler.now() + SimDuration::TICK;
            let host = idle.address.host.0;
            cx.scheduler.schedule(self.entities.hosts + host, at, MailEvent::HostFrees(host).into());
        }
    }

    /// Whether the kept session that a delivery goes through holds one of its host's.
    pub(super) fn holds_kept_session(&self, slot: u32) -> bool {
        let node = self.slots[slot as usize].node;
        let queue = self.nodes[node.index()].queue.as_ref();
        queue.and_then(|queue| queue.sessions.get(&slot)).is_some_and(|idle| idle.holds_session)
    }

    /// A connection is made, not reused.
    pub(super) fn connects(&mut self, now: SimTime, slot: u32, candidate: Candidate) {
        let delivery = &self.slots[slot as usize];
        let Some(queue) = &mut self.nodes[delivery.node.index()].queue else { return };
        queue.count(now, candidate.address(), true);
        if let Some(serialized) = &mut queue.serialized {
            serialized.begins(candidate.name, slot);
        }
        if !queue.apart.is_zero() {
            if let Some(id) = self.destinations.find(delivery.node, self.next_hop(slot)) {
                self.destinations.slab[id as usize].last_connection = Some(now);
            }
            self.set_connected(slot, Connected::Connecting);
        }
    }

    /// When the `hop`-th host of an attempt may be tried: at once, or where connections keep a distance after that.
    pub(super) fn next_host_at(&self, now: SimTime, slot: u32, hop: u16) -> SimTime {
        let delivery = &self.slots[slot as usize];
        let Some(queue) = &self.nodes[delivery.node.index()].queue else { return now };
        if queue.apart.is_zero() {
            return now;
        }
        let destination = self.destinations.find(delivery.node, self.next_hop(slot));
        let destination = destination.map(|id| &self.destinations.slab[id as usize]);
        let at = destination.map_or(now, |destination| destination.next_connection(now, queue.apart));
        let next = delivery.work.candidates.get(usize::from(hop));
        let route = next.and_then(|next| Some(queue.known_route(next.address()).ready_at(&queue.route_limits()?)));
        route.map_or(at, |route| at.max(route))
    }

    /// A host took the message: its session is kept, passed on to one that waits for that host, or closed. `true` if
    /// the session goes on.
    pub(super) fn keep_session<E: World, O: MailObserver, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        address: Address,
        holds_session: bool,
    ) -> bool {
        let (now, to) = (cx.scheduler.now(), self.next_hop(slot));
        let delivery = &mut self.slots[slot as usize];
        let node = delivery.node;
        let Some(queue) = &mut self.nodes[node.index()].queue else { return false };
        if let Some(memory) = &mut queue.memory {
            memory.worked(address);
        }
        if queue.counts_connections() {
            self.reschedule_deferred(cx.observer, now, node, to);
            self.set_connected(slot, Connected::No);
        } else if queue.keeps_records() {
            self.forget_routing(slot, true);
        }
        let delivery = &mut self.slots[slot as usize];
        let Some(queue) = &mut self.nodes[node.index()].queue else { return false };
        let before = queue.sessions.remove(&slot);
        let (opened, messages) = before.map_or((delivery.work.try_started, 0), |idle| (idle.opened, idle.messages));
        let mut idle =
            Idle { address, to, since: now, until: now, opened, messages: messages + 1, holds_session, runner: 0 };
        if idle.messages < queue.limits.per_session {
            if queue.keeps_records() {
                let runner = std::mem::take(&mut delivery.work.runner);
                if let Some(next) = self.next_for(now, node, address.host) {
                    self.slots[next as usize].work.runner = runner;
                    if let Some(queue) = &mut self.nodes[node.index()].queue {
                        queue.sessions.insert(next, idle);
                        if let Some(runs) = &mut queue.runs {
                            runs.passed_on.push_back(next);
                        }
                    }
                    self.wants_pump(node);
                    return true;
                }
                self.slots[slot as usize].work.runner = runner;
                return false;
            }
            let Some(keeps) = queue.keeps else { return false };
            let wanted = !keeps.on_demand || delivery.work.place.sessions().stores;
            let of_run = queue.runs.is_some();
            // The last of a relay's connections hangs on, the others leave when there is nothing to send.
            let is_spare = queue.counts_connections()
                && self.destinations.find(node, to).is_some_and(|id| {
                    let destination = &self.destinations.slab[id as usize];
                    let others = destination.in_session as usize + queue.connections.count(to);
                    destination.todo.is_empty() && others > 0
                });
            idle.runner = if of_run { delivery.work.runner } else { 0 };
            let is_full = match of_run {
                // Who begins a message of its own has no process that goes on.
                true => idle.runner == 0 || keeps.most == 0,
                false => keeps.most != u32::MAX && queue.connections.count(to) >= keeps.most as usize,
            };
            if wanted && !is_full && !is_spare && now.since(opened) < keeps.reuse {
                idle.until = now + keeps.idle;
                queue.connections.put(idle);
                if (holds_session || queue.counts_connections()) && idle.until <= self.model.clock.end {
                    let entity = self.entities.nodes + node.0;
                    cx.scheduler.schedule(entity, idle.until, MailEvent::Closes(node.0).into());
                }
                if of_run {
                    self.close_of_run(cx, node, idle.runner, keeps.most as usize);
                }
                return true;
            }
        }
        if let Some(queue) = &mut self.nodes[node.index()].queue {
            queue.count(now, address, false);
        }
        false
    }

    /// Closes idle sessions whose time is over.
    pub(super) fn on_closes<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        node: NodeId,
    ) {
        let now = cx.scheduler.now();
        let Some(queue) = &mut self.nodes[node.index()].queue else { return };
        let closed = queue.connections.expired(now);
        for idle in &closed {
            queue.count(now, idle.address, false);
        }
        for idle in closed {
            if idle.holds_session {
                self.on_host_frees(cx, idle.address.host);
            }
        }
    }
}
