//! Queue runs: runners that visit what waits one after the other (Exim `queue.c`, sendmail `queue.c`). A host that takes
//! its time to fail keeps a runner for that long.

use std::collections::{BTreeSet, VecDeque};

use rustc_hash::FxHashMap;

use super::memory::FailedInRun;
use super::message::ArrivalOrder;
use super::queue::Left;
use super::world::{Purpose, World, place};
use super::{Address, HostAvailability, Mail, MailContext, MailEvent, MailObserver, Step};
use crate::dns::{DnsEvent, DnsObserver, ServerState};
use crate::engine::random::draw;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::mail::RunOrder;
use crate::model::{HostId, NodeId};

/// The queue runs of one node.
#[derive(Debug)]
pub(super) struct Runs {
    /// Runners at once.
    limit: u32,
    order: RunOrder,
    /// Deliveries that wait for a run, by slot.
    pub waiting: BTreeSet<u32>,
    runners: Vec<Option<Runner>>,
    /// Whether the next run is scheduled.
    pub is_scheduled: bool,
    /// Runs so far.
    count: u32,
    /// Which messages wait for which host, the latest last (Exim's `wait-` databases): slot and number.
    waits_for: FxHashMap<HostId, Vec<(u32, u64)>>,
    /// Deliveries to which a session was passed on.
    pub passed_on: VecDeque<u32>,
}

#[derive(Debug)]
struct Runner {
    list: Vec<(u32, u16)>,
    at: usize,
    is_busy: bool,
    failed: FailedInRun,
}

impl Runs {
    pub fn new(limit: u32, order: RunOrder) -> Self {
        Self {
            // A delivery keeps its runner's number, from 1 on, in 16 bits.
            limit: limit.min(u32::from(u16::MAX) - 1),
            order,
            waiting: BTreeSet::new(),
            runners: Vec::new(),
            is_scheduled: false,
            count: 0,
            waits_for: FxHashMap::default(),
            passed_on: VecDeque::new(),
        }
    }

    /// A runner's delivery is over; runners count from 1.
    pub fn finished(&mut self, runner: u16) {
        if let Some(runner) = self.runner(runner) {
            runner.is_busy = false;
        }
    }

    fn runner(&mut self, runner: u16) -> Option<&mut Runner> {
        self.runners.get_mut(usize::from(runner).checked_sub(1)?)?.as_mut()
    }

    /// A host failed a runner's delivery: the rest of its run passes it over.
    pub fn host_failed(&mut self, runner: u16, host: Address) {
        if let Some(runner) = self.runner(runner) {
            runner.failed.insert(host);
        }
    }

    /// Whether a host has failed in the run of a runner, where that counts.
    pub fn has_failed(&self, runner: u16, host: Address) -> bool {
        matches!(self.order, RunOrder::Priority { .. })
            && usize::from(runner)
                .checked_sub(1)
                .and_then(|place| self.runners.get(place)?.as_ref())
                .is_some_and(|runner| runner.failed.contains(&host))
    }

    fn start(&mut self, list: Vec<(u32, u16)>) {
        let new = Some(Runner { list, at: 0, is_busy: false, failed: FailedInRun::default() });
        match self.runners.iter_mut().find(|runner| runner.is_none()) {
            Some(place) => *place = new,
            None => self.runners.push(new),
        }
    }
}

impl<'m> Mail<'m> {
    /// Puts a delivery where queue runs find it. `hosts`: whether it waits for its hosts.
    pub(super) fn wait_for_run<E: World, O, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        for_hosts: bool,
    ) -> Option<SimTime> {
        let now = cx.scheduler.now();
        let delivery = &mut self.slots[slot as usize];
        let node = delivery.node;
        let state = &mut self.nodes[node.index()];
        let scans = state.scans.as_ref()?;
        let (_, next) = super::retry::next_scan(now + SimDuration::TICK, scans.phase, scans.period);
        let runs = state.queue.as_mut()?.runs.as_mut()?;
        runs.waiting.insert(slot);
        if for_hosts && !std::mem::replace(&mut delivery.work.is_listed, true) {
            for candidate in &delivery.work.candidates {
                let list = runs.waits_for.entry(candidate.host).or_default();
                if list.last() != Some(&(slot, delivery.number)) {
                    list.push((slot, delivery.number));
                }
            }
        }
        if !std::mem::replace(&mut runs.is_scheduled, true) && next <= self.model.clock.end {
            cx.scheduler.schedule(self.entities.nodes + node.0, next, MailEvent::Scan(node.0).into());
        }
        Some(next)
    }

    /// The latest message that waits for a host and may be tried: taken out of the queue.
    pub(super) fn next_for(&mut self, now: SimTime, node: NodeId, host: HostId) -> Option<u32> {
        loop {
            let runs = self.nodes[node.index()].queue.as_mut()?.runs.as_mut()?;
            let (slot, number) = runs.waits_for.get_mut(&host)?.pop()?;
            let delivery = &mut self.slots[slot as usize];
            let is_this = delivery.number == number && delivery.node == node && delivery.work.step == Step::Waiting;
            if !is_this || !runs.waiting.contains(&slot) {
                continue;
            }
            delivery.work.is_listed = false;
            if !self.is_due(now, slot) || self.is_passed_over(now, slot) {
                continue;
            }
            let runs = self.nodes[node.index()].queue.as_mut()?.runs.as_mut()?;
            runs.waiting.remove(&slot);
            return Some(slot);
        }
    }

    /// Takes a delivery out of what waits for a run.
    pub(super) fn leave_runs(&mut self, slot: u32) {
        let node = self.slots[slot as usize].node;
        if let Some(runs) = self.nodes[node.index()].queue.as_mut().and_then(|queue| queue.runs.as_mut()) {
            runs.waiting.remove(&slot);
        }
    }

    /// Whether a message's own retry time has come: its policy has moved it before the last cutoff where that forces one.
    fn is_due(&self, now: SimTime, slot: u32) -> bool {
        self.slots[slot as usize].work.is_due(now)
    }

    /// An operator starts a queue run, besides those that a node starts itself (`exim -q`, `sendmail -q`).
    pub fn run_queue<E, O, F>(&mut self, cx: &mut MailContext<'_, 'm, E, O, F>, node: NodeId)
    where
        E: Copy + From<MailEvent> + From<DnsEvent>,
        O: MailObserver + DnsObserver,
        F: HostAvailability + ServerState,
    {
        self.begin_run(cx.scheduler.now(), node);
        self.wants_pump(node);
        self.pump_all(cx);
    }

    /// The time has come for a queue run; the next is scheduled.
    pub(super) fn start_run<E: World, O, F>(&mut self, cx: &mut MailContext<'_, 'm, E, O, F>, node: NodeId) {
        let now = cx.scheduler.now();
        let Some(scans) = &self.nodes[node.index()].scans else { return };
        let (_, next) = super::retry::next_scan(now + SimDuration::TICK, scans.phase, scans.period);
        self.begin_run(now, node);
        let Some(runs) = self.nodes[node.index()].queue.as_mut().and_then(|queue| queue.runs.as_mut()) else { return };
        runs.is_scheduled = !runs.waiting.is_empty() && next <= self.model.clock.end;
        if runs.is_scheduled {
            cx.scheduler.schedule(self.entities.nodes + node.0, next, MailEvent::Scan(node.0).into());
        }
        self.wants_pump(node);
    }

    /// A queue run begins, if a runner is free.
    fn begin_run(&mut self, now: SimTime, node: NodeId) {
        let Some(runs) = self.nodes[node.index()].queue.as_ref().and_then(|queue| queue.runs.as_ref()) else { return };
        let (order, count) = (runs.order, runs.count);
        let mut list: Vec<(u64, ArrivalOrder, u32)> = runs
            .waiting
            .iter()
            // Exim looks when it comes to a message (`retry.c: retry_check_address`), sendmail when it makes its list.
            .filter(|&&slot| !matches!(order, RunOrder::Priority { .. }) || self.is_due(now, slot))
            .map(|&slot| {
                let delivery = &self.slots[slot as usize];
                let rank = match order {
                    RunOrder::Random => {
                        let key = self.nodes[delivery.sender.index()].key;
                        draw(key, delivery.number, place(count, 0, Purpose::Run))
                    }
                    RunOrder::Arrival => 0,
                    // sendmail: size + 30000 a recipient + RetryFactor each time it was processed; lowest first.
                    RunOrder::Priority { retry_factor, .. } => {
                        let processed = u64::from(delivery.node_attempts) + u64::from(delivery.suspensions);
                        u64::from(delivery.size_bytes)
                            + 30_000 * u64::from(delivery.recipients)
                            + u64::from(retry_factor) * processed
                    }
                };
                (rank, delivery.arrival_order(), slot)
            })
            .collect();
        // queue.c, gatherq: only so many files are read, in the order of the directory, and then sorted.
        if let RunOrder::Priority { most, .. } = order
            && list.len() > most as usize
        {
            list.sort_unstable_by_key(|&(_, arrival, _)| arrival);
            list.truncate(most as usize);
        }
        list.sort_unstable();
        let list: Vec<(u32, u16)> =
            list.into_iter().map(|(.., slot)| (slot, self.slots[slot as usize].work.generation)).collect();
        let Some(runs) = self.nodes[node.index()].queue.as_mut().and_then(|queue| queue.runs.as_mut()) else { return };
        runs.count = runs.count.wrapping_add(1);
        let running = runs.runners.iter().flatten().count() as u64;
        if running < u64::from(runs.limit) && !list.is_empty() {
            runs.start(list);
        }
    }

    /// Goes on with the deliveries that a session was passed on to.
    pub(super) fn pass_on<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        node: NodeId,
    ) {
        loop {
            let runs = self.nodes[node.index()].queue.as_mut().and_then(|queue| queue.runs.as_mut());
            let Some(slot) = runs.and_then(|runs| runs.passed_on.pop_front()) else { return };
            self.slots[slot as usize].work.generation = self.slots[slot as usize].work.generation.wrapping_add(1);
            self.start_attempt(cx, slot);
        }
    }

    /// Lets each runner that is free visit the next on its list.
    pub(super) fn run<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        node: NodeId,
    ) {
        let mut place = 0;
        loop {
            let Some(runs) = self.nodes[node.index()].queue.as_mut().and_then(|queue| queue.runs.as_mut()) else {
                return;
            };
            let Some(entry) = runs.runners.get_mut(place) else { return };
            let Some(runner) = entry.as_mut().filter(|runner| !runner.is_busy) else {
                place += 1;
                continue;
            };
            let Some(&(slot, generation)) = runner.list.get(runner.at) else {
                *entry = None;
                self.close_of_run(cx, node, place as u16 + 1, 0);
                continue;
            };
            runner.at += 1;
            let work = &mut self.slots[slot as usize].work;
            if work.generation != generation || !runs.waiting.contains(&slot) {
                continue;
            }
            runner.is_busy = true;
            let number = place as u16 + 1;
            if !work.is_due(cx.scheduler.now()) {
                // deliver.c, deliver_message: ERRNO_RRETRY, "not time for routing" of a recipient, is above ERRNO_WARN_BASE.
                if work.tally.of_address {
                    self.warn_if_late(cx, slot);
                }
                if !self.keeps_runner(cx, node, number) {
                    self.on_visited(node, number);
                }
                continue;
            }
            runs.waiting.remove(&slot);
            work.runner = number;
            work.generation = work.generation.wrapping_add(1);
            if !self.passes_over(cx, slot) {
                self.start_attempt(cx, slot);
            }
        }
    }

    /// A delivery leaves its runner. Each message that Exim visits is a process of its own, also one that is passed over or
    /// finds its hosts at rest (`queue.c: queue_run`): the runner waits for it as long as for one that is tried, which has had
    /// that time before it connected. sendmail's run is one process.
    pub(super) fn leaves_runner<E: World, O, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        node: NodeId,
        runner: u16,
        left: Left,
    ) {
        let Some(runs) = self.nodes[node.index()].queue.as_mut().and_then(|queue| queue.runs.as_mut()) else { return };
        let forks = runner != 0 && left == Left::Suspended && !matches!(runs.order, RunOrder::Priority { .. });
        if !forks || !self.keeps_runner(cx, node, runner) {
            self.on_visited(node, runner);
        }
    }

    /// A runner waits for a process that puts its message off: `false` where that takes no time. It waits for no processor:
    /// what starts meanwhile is not held up by what only looks (measured, Exim 4.96: probes go out within hundredths of a
    /// second while runs visit a backlog).
    fn keeps_runner<E: World, O, F>(&self, cx: &mut MailContext<'_, 'm, E, O, F>, node: NodeId, runner: u16) -> bool {
        let Some(machine) = &self.nodes[node.index()].machine else { return false };
        let at = cx.scheduler.now() + machine.each();
        if at <= self.model.clock.end {
            cx.scheduler.schedule(self.entities.nodes + node.0, at, MailEvent::Visited(node.0, runner).into());
        }
        true
    }

    /// A runner goes on.
    pub(super) fn on_visited(&mut self, node: NodeId, runner: u16) {
        if let Some(runs) = self.nodes[node.index()].queue.as_mut().and_then(|queue| queue.runs.as_mut()) {
            runs.finished(runner);
        }
        self.wants_pump(node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_runner_has_a_number() {
        let runs = Runs::new(u32::MAX, RunOrder::Arrival);
        assert!(u16::try_from(runs.limit).is_ok_and(|last| last.checked_add(1).is_some()));
        assert_eq!(Runs::new(5, RunOrder::Arrival).limit, 5);
    }
}
