//! Connections that wait at a full host, or at one that stands still: who is served when a session is free, who is reset when
//! the host goes down, and who loses patience.

use super::host::Waiting;
use super::world::World;
use super::{HostAvailability, Mail, MailContext, MailEvent, MailObserver, TryResult, Verdict};
use crate::dns::{DnsObserver, ServerState};
use crate::engine::time::SimDuration;
use crate::model::HostId;
use crate::scenario::tree::{FailureMode, Stage, WhenFull};

impl<'m> Mail<'m> {
    pub(super) fn on_host_frees<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        host: HostId,
    ) {
        let state = &mut self.hosts[host.index()];
        state.sessions = state.sessions.saturating_sub(1);
        self.serve_waiting(cx, host);
        self.tell_load(cx, host);
    }

    /// Gives free sessions to those who wait; a host that went down meanwhile resets them.
    pub(super) fn serve_waiting<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        host: HostId,
    ) {
        let now = cx.scheduler.now();
        let is_down = cx.faults.host_down(host).is_some_and(|mode| mode != FailureMode::Freeze);
        while is_down || self.hosts[host.index()].can_serve_waiting() {
            let Some(waiting) = self.hosts[host.index()].backlog.pop_front() else { break };
            self.waiting -= 1;
            if !self.is_current(waiting.slot, waiting.generation) {
                continue;
            }
            let work = &mut self.slots[waiting.slot as usize].work;
            work.generation = work.generation.wrapping_add(1);
            let end = if is_down {
                work.verdict = Verdict::failed(TryResult::Refused, Stage::Greeting);
                now
            } else {
                if self.hosts[host.index()].limit.is_some() {
                    work.holds_session = true;
                    self.hosts[host.index()].sessions += 1;
                }
                self.begin_session(waiting.slot, host, waiting.since, now)
            };
            // An event even where it takes no time: whoever freed the session may not be done yet.
            self.try_ends_at(cx, waiting.slot, end.max(now + SimDuration::TICK));
        }
    }

    /// Resets what waits at hosts that are down.
    pub fn reset_backlogs<E, O, F>(&mut self, cx: &mut MailContext<'_, 'm, E, O, F>)
    where
        E: Copy + From<MailEvent> + From<crate::dns::DnsEvent>,
        O: MailObserver + DnsObserver,
        F: HostAvailability + ServerState,
    {
        if self.waiting == 0 {
            return;
        }
        for host in (0..self.hosts.len() as u32).map(HostId) {
            if !self.hosts[host.index()].backlog.is_empty()
                && cx.faults.host_down(host).is_some_and(|mode| mode != FailureMode::Freeze)
            {
                self.serve_waiting(cx, host);
                self.tell_load(cx, host);
            }
        }
        self.pump_all(cx);
    }

    pub(super) fn on_impatient<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        generation: u16,
    ) {
        if !self.is_current(slot, generation) {
            return;
        }
        let Some(host) = self.host_of(slot) else { return };
        let now = cx.scheduler.now();
        let patience = self.model.mail.nodes[self.slots[slot as usize].node.index()].client.greeting_timeout;
        let state = &mut self.hosts[host.index()];
        let was_paused = state.standstill.forget(slot);
        // Most who wait are served long before; by now a busy slot may have come round to the same generation.
        let is_waiting = |waiting: &Waiting| waiting.slot == slot && waiting.since + patience == now;
        let place = state.backlog.iter().position(is_waiting);
        if let Some(place) = place {
            state.backlog.remove(place);
            self.waiting -= 1;
        } else if !was_paused {
            return;
        }
        cx.observer.on_turned_away(now, host, WhenFull::Backlog);
        self.tell_load(cx, host);
        self.verdict_timed_out(slot, if was_paused { Stage::EndOfData } else { Stage::Greeting });
        let work = &mut self.slots[slot as usize].work;
        work.generation = work.generation.wrapping_add(1);
        self.on_try_ends(cx, slot);
    }

    pub(super) fn tell_load<E: World, O: MailObserver, F>(&self, cx: &mut MailContext<'_, 'm, E, O, F>, host: HostId) {
        let state = &self.hosts[host.index()];
        if state.limit.is_some() {
            cx.observer.on_host_load(cx.scheduler.now(), host, state.sessions, state.backlog.len() as u32);
        }
    }
}
