//! What a connection meets at its host: a session, a wait, or one of the ways to fail.

use super::host::{Waiting, Welcome};
use super::session::RoundTrips;
use super::world::{Purpose, World, place};
use super::{HostAvailability, Mail, MailContext, MailEvent, MailObserver, Step, TryResult, Verdict};
use crate::dns::{DnsObserver, ServerState};
use crate::engine::random::draw;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::HostId;
use crate::scenario::tree::{FailureMode, Stage, WhenFull};

impl<'m> Mail<'m> {
    /// The SYN of the current try is at its host: sets the verdict and gives the time at which the client knows it;
    /// `None` if the connection waits. The state of the host now decides: a session that began is finished.
    #[inline]
    pub(super) fn meet_host<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
    ) -> Option<SimTime> {
        let now = cx.scheduler.now();
        let host = self.host_of(slot)?;
        if let Some(mode) = cx.faults.host_down(host) {
            return Some(self.fail(slot, host, mode));
        }
        let when_full = self.model.mail.hosts[host.index()].when_full;
        let state = &mut self.hosts[host.index()];
        let welcome = state.welcome(when_full);
        match welcome {
            Welcome::Session => {
                self.slots[slot as usize].work.holds_session = self.hosts[host.index()].limit.is_some();
                self.tell_load(cx, host);
                Some(self.begin_session(slot, host, now, now))
            }
            Welcome::Backlog => {
                let generation = self.slots[slot as usize].work.generation;
                self.waiting += 1;
                self.hosts[host.index()].backlog.push_back(Waiting { slot, generation, since: now });
                self.tell_load(cx, host);
                let delivery = &self.slots[slot as usize];
                let patience = self.model.mail.nodes[delivery.node.index()].client.greeting_timeout;
                self.schedule(cx, slot, now + patience, MailEvent::Impatient(slot, generation));
                None
            }
            Welcome::Refused => {
                cx.observer.on_turned_away(now, host, WhenFull::Refuse);
                Some(self.fail(slot, host, FailureMode::Refuse))
            }
            Welcome::Busy => {
                cx.observer.on_turned_away(now, host, WhenFull::Busy);
                Some(self.fail(slot, host, FailureMode::Reply { stage: Stage::Greeting, code: 421 }))
            }
        }
    }

    /// Fails the current try as the mode says.
    fn fail(&mut self, slot: u32, host: HostId, mode: FailureMode) -> SimTime {
        let delivery = &mut self.slots[slot as usize];
        let Step::Host(hop) = delivery.work.step else { return delivery.work.try_started };
        let model = &self.model.mail.hosts[host.index()];
        let rules = &self.model.mail.nodes[delivery.node.index()].client;
        let work = &mut delivery.work;
        let rounds = |n: u32| work.round_trip.saturating_mul(u64::from(n));
        let taken = mode == FailureMode::LostReply;
        let (result, stage, after) = match mode {
            FailureMode::Refuse => {
                let bits = || {
                    let key = self.nodes[delivery.sender.index()].key;
                    draw(key, delivery.number, place(delivery.attempts, u32::from(hop), Purpose::Refusal))
                };
                let after = model.refusal.as_ref().map_or_else(|| rounds(1), |refusal| refusal.sample_span(bits()));
                (TryResult::Refused, Stage::Connect, after)
            }
            FailureMode::BlackHole => {
                (TryResult::TimedOut, Stage::Connect, rules.connect_timeout.min(rules.syn.gives_up()))
            }
            FailureMode::Silent => (TryResult::TimedOut, Stage::Greeting, rounds(1) + rules.greeting_timeout),
            FailureMode::Reply { stage, code } => {
                let trips = RoundTrips::of(&model.smtp, delivery.recipients, delivery.size_bytes);
                (TryResult::Reply(code), stage, rounds(trips.until(stage)))
            }
            FailureMode::Lost { stage } => {
                let trips = RoundTrips::of(&model.smtp, delivery.recipients, delivery.size_bytes);
                (TryResult::Lost, stage, rounds(trips.until(stage)))
            }
            FailureMode::LostReply => {
                let trips = RoundTrips::of(&model.smtp, delivery.recipients, delivery.size_bytes);
                (TryResult::Lost, Stage::EndOfData, rounds(trips.accepted()))
            }
        };
        work.verdict = Verdict { taken, ..Verdict::failed(result, stage) };
        work.try_started + after
    }

    /// Begins the session of a connection whose SYN arrived at `arrived`.
    #[inline]
    fn begin_session(&mut self, slot: u32, host: HostId, arrived: SimTime, now: SimTime) -> SimTime {
        let delivery = &mut self.slots[slot as usize];
        let Step::Host(hop) = delivery.work.step else { return now };
        let model = &self.model.mail.hosts[host.index()];
        let trips = RoundTrips::of(&model.smtp, delivery.recipients, delivery.size_bytes);
        let key = self.nodes[delivery.sender.index()].key;
        let bits = draw(key, delivery.number, place(delivery.attempts, u32::from(hop), Purpose::Service));
        let from = self.model.mail.nodes[delivery.node.index()].region;
        let transfer = self.paths.cost(from, model.region).transfer(delivery.size_bytes);
        let served = self.hosts[host.index()].service.sample_span(bits) + transfer;
        let round_trip = delivery.work.round_trip;
        // The SYN took half a round trip to come here; while it waited the kernel finished the TCP handshake.
        let gone = SimDuration::from_nanos(round_trip.as_nanos() / 2) + now.since(arrived).min(round_trip);
        let talk = round_trip.saturating_mul(u64::from(trips.accepted())).saturating_sub(gone);
        delivery.work.verdict = Verdict::accepted(served);
        now + talk + served
    }

    /// From the client's 250 until the host sees the end of the session.
    #[inline]
    pub(super) fn quit_time(&self, slot: u32) -> SimDuration {
        let delivery = &self.slots[slot as usize];
        let Some(host) = delivery.host else { return SimDuration::ZERO };
        let smtp = &self.model.mail.hosts[host.index()].smtp;
        let quit = RoundTrips::of(smtp, delivery.recipients, delivery.size_bytes).quit;
        SimDuration::from_nanos(delivery.work.round_trip.as_nanos() / 2).saturating_mul(u64::from(quit))
    }

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
        let is_down = cx.faults.host_down(host).is_some();
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
                work.holds_session = true;
                self.hosts[host.index()].sessions += 1;
                self.begin_session(waiting.slot, host, waiting.since, now)
            };
            // An event even where it takes no time: whoever freed the session may not be done yet.
            self.schedule(cx, waiting.slot, end.max(now + SimDuration::TICK), MailEvent::TryEnds(waiting.slot));
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
            if !self.hosts[host.index()].backlog.is_empty() && cx.faults.host_down(host).is_some() {
                self.serve_waiting(cx, host);
                self.tell_load(cx, host);
            }
        }
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
        if let Some(host) = self.host_of(slot) {
            let backlog = &mut self.hosts[host.index()].backlog;
            let before = backlog.len();
            backlog.retain(|waiting| waiting.slot != slot);
            self.waiting -= before - backlog.len();
            cx.observer.on_turned_away(cx.scheduler.now(), host, WhenFull::Backlog);
            self.tell_load(cx, host);
        }
        self.verdict_timed_out(slot, Stage::Greeting);
        let work = &mut self.slots[slot as usize].work;
        work.generation = work.generation.wrapping_add(1);
        self.on_try_ends(cx, slot);
    }

    pub(super) fn verdict_timed_out(&mut self, slot: u32, stage: Stage) {
        self.slots[slot as usize].work.verdict = Verdict::failed(TryResult::TimedOut, stage);
    }

    fn host_of(&self, slot: u32) -> Option<HostId> {
        let work = &self.slots[slot as usize].work;
        let Step::Host(hop) = work.step else { return None };
        work.candidates.get(usize::from(hop)).map(|candidate| candidate.host)
    }

    fn tell_load<E: World, O: MailObserver, F>(&self, cx: &mut MailContext<'_, 'm, E, O, F>, host: HostId) {
        let state = &self.hosts[host.index()];
        if state.limit.is_some() {
            cx.observer.on_host_load(cx.scheduler.now(), host, state.sessions, state.backlog.len() as u32);
        }
    }
}
