//! Who in a node's queue starts next: deliveries come into its active queue, start as its limits and those of their destination
//! let them, and leave.

use std::collections::VecDeque;

use super::mta_relay::{Connected, next_look};
use super::queue::{Left, Place};
use super::scans::Scans;
use super::world::World;
use super::{HostAvailability, Mail, MailContext, MailEvent, MailObserver, Phase, Step};
use crate::dns::{DnsObserver, ServerState};
use crate::model::NodeId;
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
