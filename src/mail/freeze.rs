//! Hosts that stand still: SYNs are answered by the kernel and wait, sessions in progress go on afterwards where they
//! were, for as long as their clients have patience.

use super::world::World;
use super::{HostAvailability, Mail, MailContext, MailEvent, MailObserver};
use crate::dns::{DnsObserver, ServerState};
use crate::engine::time::{SimDuration, SimTime};
use crate::model::timeline::ActionModel;
use crate::model::{HostId, Model};
use crate::scenario::tree::{FailureMode, Stage};

/// How long a host has stood still.
#[derive(Debug)]
pub(super) struct Standstill {
    /// Since when it does; `NEVER` if it does not.
    since: SimTime,
    /// In all, before that.
    total: SimDuration,
    /// Sessions that should have ended meanwhile, and the time that each has still to go.
    paused: Vec<(u32, SimDuration)>,
}

impl Default for Standstill {
    fn default() -> Self {
        Self { since: SimTime::NEVER, total: SimDuration::ZERO, paused: Vec::new() }
    }
}

impl Standstill {
    pub fn is_frozen(&self) -> bool {
        self.since < SimTime::NEVER
    }

    /// What a session that begins now has seen of it.
    pub const fn total(&self) -> SimDuration {
        self.total
    }

    /// Forgets a session; whether it was one of those that wait.
    pub fn forget(&mut self, slot: u32) -> bool {
        let before = self.paused.len();
        self.paused.retain(|(paused, _)| *paused != slot);
        self.paused.len() < before
    }
}

/// Hosts that may stand still one day: only those are looked after.
pub(super) fn freezable(model: &Model) -> Vec<HostId> {
    let targets = &model.faults.targets;
    let mut may: Vec<bool> = targets
        .iter()
        .map(|target| {
            let by_trace = target.outages.iter().any(|(.., mode)| *mode == FailureMode::Freeze);
            (target.renewal.is_some() && target.fails == FailureMode::Freeze) || by_trace
        })
        .collect();
    for item in &model.timeline {
        if let ActionModel::Down { targets, mode: FailureMode::Freeze } = &item.action {
            targets.iter().for_each(|target| may[target.index()] = true);
        }
    }
    // What shares a risk follows it.
    for (index, target) in targets.iter().enumerate() {
        if may[index] {
            target.takes_down.iter().for_each(|target| may[target.index()] = true);
        }
    }
    (0..model.mail.hosts.len() as u32).map(HostId).filter(|host| may[host.index()]).collect()
}

impl<'m> Mail<'m> {
    /// Something went down or came up: who stands still stops, who moves again goes on.
    pub fn on_faults<E, O, F>(&mut self, cx: &mut MailContext<'_, 'm, E, O, F>)
    where
        E: Copy + From<MailEvent> + From<crate::dns::DnsEvent>,
        O: MailObserver + DnsObserver,
        F: HostAvailability + ServerState,
    {
        let now = cx.scheduler.now();
        for index in 0..self.freezable.len() {
            let host = self.freezable[index];
            let is_frozen = cx.faults.host_down(host) == Some(FailureMode::Freeze);
            let still = &mut self.hosts[host.index()].standstill;
            if is_frozen == still.is_frozen() {
                continue;
            }
            if is_frozen {
                still.since = now;
                continue;
            }
            still.total += now.since(still.since);
            still.since = SimTime::NEVER;
            let total = still.total;
            for (slot, left) in std::mem::take(&mut still.paused) {
                let work = &mut self.slots[slot as usize].work;
                work.standstill_seen = total;
                // Whoever lost patience with it would have done so before.
                work.generation = work.generation.wrapping_add(1);
                self.try_ends_at(cx, slot, now + left.max(SimDuration::TICK));
            }
            self.serve_waiting(cx, host);
        }
        self.reset_backlogs(cx);
    }

    /// Whether a session that should end now has to go on, since its host stood still meanwhile.
    pub(super) fn goes_on<E: World, O, F>(&mut self, cx: &mut MailContext<'_, 'm, E, O, F>, slot: u32) -> bool {
        let now = cx.scheduler.now();
        let Some(host) = self.host_of(slot) else { return false };
        let delivery = &mut self.slots[slot as usize];
        let still = &mut self.hosts[host.index()].standstill;
        if delivery.work.verdict.stage == Stage::Connect || delivery.work.standstill_seen == SimDuration::MAX {
            return false;
        }
        let missed = still.total.saturating_sub(delivery.work.standstill_seen);
        if still.is_frozen() {
            // Sessions do not begin while the host stands still: it was in progress all that time.
            still.paused.push((slot, missed + now.since(still.since)));
            let patience = self.model.mail.nodes[delivery.node.index()].client.patience(Stage::EndOfData);
            let generation = delivery.work.generation;
            self.schedule(cx, slot, now + patience, MailEvent::Impatient(slot, generation));
            return true;
        }
        if missed.is_zero() {
            return false;
        }
        delivery.work.standstill_seen = still.total;
        self.try_ends_at(cx, slot, now + missed);
        true
    }
}
