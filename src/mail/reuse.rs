//! Sessions that outlive a delivery: kept, passed on, used again, closed.

use super::connections::Idle;
use super::world::World;
use super::{Candidate, HostAvailability, Mail, MailContext, MailEvent, MailObserver, Step};
use crate::dns::{DnsObserver, ServerState};
use crate::engine::time::{SimDuration, SimTime};
use crate::model::{HostId, NodeId};

impl<'m> Mail<'m> {
    /// A kept session that the attempt may go through instead of connecting anew: its candidate comes first then.
    pub(super) fn reuse<E: World, O, F: HostAvailability>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        hop: u16,
    ) -> bool {
        let now = cx.scheduler.now();
        let delivery = &mut self.slots[slot as usize];
        let Some(queue) = &mut self.nodes[delivery.node.index()].queue else { return false };
        let from = usize::from(hop);
        if let Some(passed_on) = queue.sessions.get(&slot) {
            let host = passed_on.host;
            let place = delivery.work.candidates[from..].iter().position(|candidate| candidate.host == host);
            let Some(place) = place.filter(|_| cx.faults.host_down(host).is_none()) else {
                self.close_unused(cx, slot);
                return false;
            };
            delivery.work.candidates[from..=from + place].rotate_right(1);
            return true;
        }
        let Some(keeps) = queue.keeps else { return false };
        let name = self.model.mail.nodes[delivery.node.index()].client.next_hop_name(delivery.domain);
        if keeps.on_demand && !delivery.work.place.sessions().loads {
            return false;
        }
        let Some((place, idle)) = queue.connections.take(now, name, &delivery.work.candidates[from..]) else {
            return false;
        };
        if cx.faults.host_down(idle.host).is_some() {
            queue.count(idle.host, false);
            self.free_session(cx, &idle);
            return false;
        }
        delivery.work.candidates[from..=from + place].rotate_right(1);
        queue.sessions.insert(slot, idle);
        true
    }

    /// Closes the session that a delivery was given and did not come to use.
    pub(super) fn close_unused<E: World, O, F>(&mut self, cx: &mut MailContext<'_, 'm, E, O, F>, slot: u32) {
        let node = self.slots[slot as usize].node;
        let Some(queue) = &mut self.nodes[node.index()].queue else { return };
        if let Some(idle) = queue.sessions.remove(&slot) {
            queue.count(idle.host, false);
            self.free_session(cx, &idle);
        }
    }

    /// The host of a session that was closed has one more: an event, since whoever closes it may not be done yet.
    fn free_session<E: World, O, F>(&self, cx: &mut MailContext<'_, 'm, E, O, F>, idle: &Idle) {
        if idle.holds_session {
            let at = cx.scheduler.now() + SimDuration::TICK;
            cx.scheduler.schedule(self.entities.hosts + idle.host.0, at, MailEvent::HostFrees(idle.host.0).into());
        }
    }

    /// Whether the kept session that a delivery goes through holds one of its host's.
    pub(super) fn holds_kept_session(&self, slot: u32) -> bool {
        let node = self.slots[slot as usize].node;
        let queue = self.nodes[node.index()].queue.as_ref();
        queue.and_then(|queue| queue.sessions.get(&slot)).is_some_and(|idle| idle.holds_session)
    }

    /// A connection is made, not reused.
    pub(super) fn connects(&mut self, now: SimTime, slot: u32, host: HostId) {
        let delivery = &self.slots[slot as usize];
        let Some(queue) = &mut self.nodes[delivery.node.index()].queue else { return };
        queue.count(host, true);
        if !queue.apart.is_zero() {
            let name = self.model.mail.nodes[delivery.node.index()].client.next_hop_name(delivery.domain);
            if let Some(id) = self.destinations.find(delivery.node, name) {
                self.destinations.slab[id as usize].last_connection = Some(now);
            }
        }
    }

    /// When the next host of an attempt may be tried: at once, or where connections keep a distance after that.
    pub(super) fn next_host_at(&self, now: SimTime, slot: u32) -> SimTime {
        let delivery = &self.slots[slot as usize];
        let Some(queue) = &self.nodes[delivery.node.index()].queue else { return now };
        if queue.apart.is_zero() {
            return now;
        }
        let name = self.model.mail.nodes[delivery.node.index()].client.next_hop_name(delivery.domain);
        let destination = self.destinations.find(delivery.node, name).map(|id| &self.destinations.slab[id as usize]);
        destination.map_or(now, |destination| destination.next_connection(now, queue.apart))
    }

    /// A host took the message: its session is kept, passed on to one that waits for that host, or closed. `true` if
    /// the session goes on.
    pub(super) fn keep_session<E: World, O, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        host: HostId,
        holds_session: bool,
    ) -> bool {
        let now = cx.scheduler.now();
        let delivery = &mut self.slots[slot as usize];
        let node = delivery.node;
        let Some(queue) = &mut self.nodes[node.index()].queue else { return false };
        if let Some(memory) = &mut queue.memory {
            let current = match delivery.work.step {
                Step::Host(hop) => delivery.work.candidates.get(usize::from(hop)),
                _ => None,
            };
            memory.worked(current.map_or(host, Candidate::address));
        }
        let name = self.model.mail.nodes[node.index()].client.next_hop_name(delivery.domain);
        if queue.counts_connections() {
            self.reschedule_deferred(now, node, name);
        }
        let delivery = &mut self.slots[slot as usize];
        let Some(queue) = &mut self.nodes[node.index()].queue else { return false };
        let before = queue.sessions.remove(&slot);
        let (opened, messages) = before.map_or((delivery.work.try_started, 0), |idle| (idle.opened, idle.messages));
        let mut idle = Idle { host, name, until: now, opened, messages: messages + 1, holds_session };
        if idle.messages < queue.limits.per_session {
            if queue.keeps_records() {
                let runner = std::mem::take(&mut delivery.work.runner);
                if let Some(next) = self.next_for(now, node, host) {
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
            if wanted && now.since(opened) < keeps.reuse {
                idle.until = now + keeps.idle;
                queue.connections.put(idle);
                if (holds_session || queue.counts_connections()) && idle.until <= self.model.clock.end {
                    let entity = self.entities.nodes + node.0;
                    cx.scheduler.schedule(entity, idle.until, MailEvent::Closes(node.0).into());
                }
                return true;
            }
        }
        if let Some(queue) = &mut self.nodes[node.index()].queue {
            queue.count(host, false);
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
            queue.count(idle.host, false);
        }
        for idle in closed {
            if idle.holds_session {
                self.on_host_frees(cx, idle.host);
            }
        }
    }

    /// Puts the candidates that are to be tried in the order of the connections they have, where routes are chosen so.
    pub(super) fn by_connections(&mut self, slot: u32, first: usize) {
        let delivery = &mut self.slots[slot as usize];
        if let Some(queue) = &self.nodes[delivery.node.index()].queue
            && queue.counts_connections()
        {
            delivery.work.candidates[first..]
                .sort_by_key(|candidate| (candidate.preference, queue.open(candidate.host)));
        }
    }
}
