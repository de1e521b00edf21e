//! KumoMTA's ready queues (`kumod/src/ready_queue.rs`): one for all domains of a site, how many connections there are to what
//! waits in it, and what becomes of it when nobody answers.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::destination::NextHop;
use super::queue::Left;
use super::world::{Purpose, World, place};
use super::{HostAvailability, Mail, MailContext, MailEvent, MailObserver, Step, Work};
use crate::dns::{Answer, DnsObserver, Outcome, ServerState};
use crate::engine::random::draw;
use crate::engine::time::SimDuration;
use crate::model::dns::{Question, Rdata};
use crate::model::{DataId, NameId, NodeId};
use crate::scenario::tree::RecordType;

/// The rules of all ready queues of a node, and those in which nothing is.
#[derive(Debug)]
pub(super) struct ReadyQueues {
    /// `consecutive_connection_failures_before_delay`.
    pub failures: u32,
    /// `max_ready`.
    pub most: u32,
    /// When each became empty, a whole second.
    empty: VecDeque<(u64, u32)>,
}

impl ReadyQueues {
    pub fn new(failures: u32, most: u32) -> Self {
        Self { failures, most, empty: VecDeque::new() }
    }
}

/// A dispatcher that ends without a message wakes its queue after this (`Dispatcher::drop`).
const SLEEP: SimDuration = SimDuration::from_secs(1);

/// A queue that has been empty for so long is reaped, with its failures and the way it goes (`AGE_OUT_INTERVAL`).
const AGE_OUT_S: u64 = 600;

/// Connections that so many messages deserve (`ideal_connection_count`).
fn ideal_connections(waiting: usize, limit: u32) -> u32 {
    let share = 1.0 - libm::exp(-0.023 * waiting as f64);
    (libm::ceil(f64::from(limit) * share) as u32).min(u32::try_from(waiting).unwrap_or(u32::MAX))
}

/// The way to a site: an MX RRset and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    mx: DataId,
    owner: NameId,
}

/// The sites that came up so far. One is a set of exchanges, whatever their preferences and whose they are
/// (`MailExchanger::site_name`, mailexchanger's `site_name.rs`).
#[derive(Debug, Default)]
pub(super) struct Sites {
    of: FxHashMap<DataId, NextHop>,
    by_exchanges: FxHashMap<SmallVec<[NameId; 4]>, DataId>,
}

impl Sites {
    /// The site of an MX RRset. One exchange is what a domain of that name without MX is, too.
    fn of(&mut self, mx: DataId, exchanges: &[(u16, NameId)]) -> NextHop {
        *self.of.entry(mx).or_insert_with(|| {
            let mut names: SmallVec<[NameId; 4]> = exchanges.iter().map(|&(_, name)| name).collect();
            names.sort_unstable();
            names.dedup();
            match names[..] {
                [only] => NextHop::Name(only),
                _ => NextHop::Site(*self.by_exchanges.entry(names).or_insert(mx)),
            }
        })
    }
}

impl Work {
    /// The way to its site, if it goes to one.
    pub(super) fn plan(&self) -> Option<Plan> {
        self.site.map(|_| Plan { mx: self.mx, owner: self.owner })
    }

    /// It goes that way.
    pub(super) fn follow(&mut self, plan: Plan) {
        (self.mx, self.owner) = (plan.mx, plan.owner);
    }
}

impl<'m> Mail<'m> {
    /// Where a delivery goes next, as its node's queue knows that.
    pub(super) fn next_hop(&self, slot: u32) -> NextHop {
        let delivery = &self.slots[slot as usize];
        let smart_host = self.model.mail.nodes[delivery.node.index()].client.smart_host;
        delivery.work.site.unwrap_or(NextHop::Name(smart_host.map_or(delivery.domain, |relay| relay.name)))
    }

    /// A message is due: the MX of its domain say into which ready queue it comes (`compute_queue_name`).
    pub(super) fn find_site<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
    ) {
        self.reap(cx.scheduler.now().whole_seconds(), self.slots[slot as usize].node);
        let delivery = &mut self.slots[slot as usize];
        delivery.work.site = None;
        let name = match self.model.mail.nodes[delivery.node.index()].client.smart_host {
            Some(relay) if relay.is_host => return self.wait_in_line(cx, slot),
            Some(relay) => relay.name,
            None => delivery.domain,
        };
        delivery.work.step = Step::Site;
        if let Some(answer) = self.ask(cx, slot, Question::new(name, RecordType::Mx), 0) {
            self.on_site(cx, slot, &answer);
        }
    }

    /// The MX of a message that is due. Without an answer it comes into no ready queue: that was an attempt
    /// (`Queue::insert_ready`, IncrementAttempts::Yes).
    pub(super) fn on_site<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        answer: &Answer,
    ) {
        let mx = match answer.outcome {
            Outcome::Data(data) => data,
            Outcome::NoData => DataId::ABSENT,
            Outcome::NxDomain | Outcome::ServFail | Outcome::Refused => {
                self.open_attempt(cx, slot);
                self.slots[slot as usize].work.step = Step::Mx;
                return self.on_mx(cx, slot, answer);
            }
        };
        let site = match &self.model.dns.data[mx.index()] {
            Rdata::Mx(exchanges) => self.sites.of(mx, exchanges),
            _ => NextHop::Name(answer.owner),
        };
        let delivery = &mut self.slots[slot as usize];
        delivery.stale_route = answer.stale;
        (delivery.work.mx, delivery.work.owner, delivery.work.site) = (mx, answer.owner, Some(site));
        self.wait_in_line(cx, slot);
    }

    /// Whether a node's queue is one of ready queues.
    pub(super) fn has_ready_queues(&self, node: NodeId) -> bool {
        self.nodes[node.index()].queue.as_ref().is_some_and(|queue| queue.ready_queues.is_some())
    }

    /// Whether a destination may start another delivery: one of its limits leaves room, and where connections follow what
    /// waits there is an idle one, or there should be more.
    pub(super) fn may_start(&self, id: u32) -> bool {
        let destination = &self.destinations.slab[id as usize];
        let queue = self.nodes[destination.node.index()].queue.as_ref();
        destination.may_start()
            && queue.filter(|queue| queue.ready_queues.is_some()).is_none_or(|queue| {
                destination.busy < ideal_connections(destination.todo.len(), destination.window)
                    || queue.connections.count(destination.to) > 0
            })
    }

    /// No host of a destination could be reached, once more: `true` if all that waits for it is put off, with an attempt
    /// counted (`delay_ready_queue`). Else what waits is looked at again in a second.
    pub(super) fn ready_queue_failed<E: World, O: MailObserver, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        id: u32,
        failures: u32,
    ) -> bool {
        let now = cx.scheduler.now();
        let destination = &mut self.destinations.slab[id as usize];
        let before = destination.in_a_row;
        destination.in_a_row = before.saturating_add(1);
        if before > failures {
            return true;
        }
        let (node, at) = (destination.node, now + SLEEP);
        if !destination.todo.is_empty() && at <= self.model.clock.end {
            cx.scheduler.schedule(self.entities.nodes + node.0, at, MailEvent::Wakes(id).into());
        }
        false
    }

    /// Nothing is left in a ready queue.
    pub(super) fn empties(&mut self, now_s: u64, id: u32) {
        let node = self.destinations.slab[id as usize].node;
        if let Some(queue) = &mut self.nodes[node.index()].queue
            && let Some(ready_queues) = &mut queue.ready_queues
        {
            ready_queues.empty.push_back((now_s, id));
        }
    }

    /// Reaps the ready queues of a node that have been empty for long enough (`ReadyQueue::reapable`).
    fn reap(&mut self, now_s: u64, node: NodeId) {
        let Some(queue) = &mut self.nodes[node.index()].queue else { return };
        let Some(ready_queues) = &mut queue.ready_queues else { return };
        while let Some(&(since_s, id)) = ready_queues.empty.front().filter(|empty| empty.0 + AGE_OUT_S <= now_s) {
            ready_queues.empty.pop_front();
            // It may have been filled and emptied since, or be another's by now.
            let ready_queue = &self.destinations.slab[id as usize];
            let is_this = self.destinations.find(node, ready_queue.to) == Some(id);
            if is_this && ready_queue.is_idle() && ready_queue.last_done_s() == Some(since_s) {
                self.destinations.forget(id);
            }
        }
    }

    /// A message found its ready queue full: it comes again in less than a minute, by whole seconds (`delay_with_jitter`).
    pub(super) fn turn_away<E: World, O: MailObserver, F>(&mut self, cx: &mut MailContext<'_, 'm, E, O, F>, slot: u32) {
        let now = cx.scheduler.now();
        self.leave(cx, slot, Left::Suspended);
        let delivery = &mut self.slots[slot as usize];
        delivery.suspensions += 1;
        cx.observer.on_suspended(now, delivery);
        let (sender, number, nth) = (delivery.sender, delivery.number, delivery.suspensions);
        let bits = draw(self.nodes[sender.index()].key, number, place(nth, 0xff_ffff, Purpose::Rest));
        self.wait_until(cx, slot, now + SimDuration::from_secs(1 + bits % 59));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_follow_what_waits_as_the_real_table_has_it() {
        // ready_queue.rs, tests: connection_limit_32 and connection_limit_1024.
        for (waiting, of_32, of_1024) in [
            (0, 0, 0),
            (1, 1, 1),
            (2, 2, 2),
            (3, 3, 3),
            (4, 3, 4),
            (5, 4, 5),
            (6, 5, 6),
            (7, 5, 7),
            (8, 6, 8),
            (9, 6, 9),
            (10, 7, 10),
            (20, 12, 20),
            (32, 17, 32),
            (64, 25, 64),
            (128, 31, 128),
            (256, 32, 256),
            (400, 32, 400),
            (1024, 32, 1024),
        ] {
            assert_eq!(
                (ideal_connections(waiting, 32), ideal_connections(waiting, 1024)),
                (of_32, of_1024),
                "{waiting}"
            );
        }
    }
}
