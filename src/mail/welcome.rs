//! What a connection meets at its host: a session, a wait, or one of the ways to fail.

use smallvec::SmallVec;

use super::host::{Waiting, Welcome};
use super::reception::{self, Client, Judgement};
use super::recipients::Fate;
use super::session::RoundTrips;
use super::world::{Purpose, World, place};
use super::{Delivery, End, HostAvailability, Mail, MailContext, MailEvent, MailObserver, Step, TryResult, Verdict};
use crate::dns::{DnsObserver, ServerState};
use crate::engine::random::{draw, unit_open};
use crate::engine::time::{SimDuration, SimTime};
use crate::model::HostId;
use crate::scenario::tree::{FailureMode, HostIpv6, Stage, WhenFull};

/// What a try that ended gives back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Departure {
    pub holds_session: bool,
    /// From the client's end of the session to the host's.
    after: SimDuration,
    client: Option<Client>,
}

impl<'m> Mail<'m> {
    /// The SYN of the current try is at its host: sets the verdict and gives the time at which the client knows it;
    /// `None` if the connection waits. The state of the host now decides: a session that began is finished.
    #[inline]
    pub(super) fn meet_host<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        host: HostId,
    ) -> Option<SimTime> {
        if self.slots[slot as usize].work.reused {
            // Whatever comes of it, the try gives back what the session holds.
            self.slots[slot as usize].work.holds_session = self.holds_kept_session(slot);
        }
        if self.model.mail.has_ipv6
            && let Some(mode) = self.dead_end(slot, host)
        {
            return Some(self.fail(slot, host, mode));
        }
        if let Some(mode) = cx.faults.host_down(host)
            && let Some(mode) = self.meets(slot, host, mode)
        {
            if mode != FailureMode::Freeze {
                return Some(self.fail(slot, host, mode));
            }
            let welcome = self.hosts[host.index()].wait(&self.model.mail.hosts[host.index()]);
            return self.greet(cx, slot, host, welcome);
        }
        let (now, state) = (cx.scheduler.now(), &self.hosts[host.index()]);
        if state.is_open() && !self.slots[slot as usize].work.reused {
            return Some(self.begin_session(slot, host, now, now));
        }
        if let Some(brownout) = state.brownout.as_deref().copied()
            && !self.slots[slot as usize].work.reused
            && !self.is_answered(slot, brownout.answers)
            && let Some(mode) = self.meets(slot, host, brownout.mode)
        {
            return Some(self.fail(slot, host, mode));
        }
        if self.hosts[host.index()].guard.is_some()
            && !self.slots[slot as usize].work.reused
            && let Some(mode @ (FailureMode::Refuse | FailureMode::BlackHole)) = self.chance(slot, host)
        {
            return Some(self.fail(slot, host, mode));
        }
        if self.slots[slot as usize].work.reused {
            // The session was there all along.
            return Some(self.begin_session(slot, host, now, now));
        }
        let welcome = self.hosts[host.index()].welcome(&self.model.mail.hosts[host.index()]);
        self.greet(cx, slot, host, welcome)
    }

    /// How a connection fails whose IPv6 address leads nowhere.
    fn dead_end(&self, slot: u32, host: HostId) -> Option<FailureMode> {
        let work = &self.slots[slot as usize].work;
        let Step::Host(hop) = work.step else { return None };
        let is_v6 = work.candidates.get(usize::from(hop)).is_some_and(|known| known.is_v6);
        match self.hosts[host.index()].ipv6 {
            _ if !is_v6 || work.reused => None,
            HostIpv6::Works => None,
            HostIpv6::Absent | HostIpv6::Dead => Some(FailureMode::BlackHole),
            HostIpv6::Refuses => Some(FailureMode::Refuse),
        }
    }

    /// How long a connection that meets silence is alone, where the client connects to the exchange's other family as well.
    fn fallback_delay(&self, slot: u32) -> Option<SimDuration> {
        let delivery = &self.slots[slot as usize];
        let delay = self.model.mail.nodes[delivery.node.index()].client.fast_fallback?;
        let Step::Host(hop) = delivery.work.step else { return None };
        let (now, then) = delivery.work.candidates.get(usize::from(hop)..)?.split_first()?;
        let is_other = then.iter().any(|next| next.name == now.name && next.is_v6 != now.is_v6);
        is_other.then_some(delay)
    }

    pub(super) fn chance(&self, slot: u32, host: HostId) -> Option<FailureMode> {
        let (delivery, guard) = (&self.slots[slot as usize], self.hosts[host.index()].guard.as_ref()?);
        let Step::Host(hop) = delivery.work.step else { return None };
        reception::chance(guard.rules, host, self.nodes[delivery.sender.index()].key, delivery, hop)
    }

    #[inline]
    fn greet<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        host: HostId,
        welcome: Welcome,
    ) -> Option<SimTime> {
        let now = cx.scheduler.now();
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
            Welcome::Dropped => Some(self.drop_syn(cx, slot)?),
        }
    }

    /// A SYN was dropped: the client's kernel sends the next one at its time, or gives up.
    fn drop_syn<E: World, O, F>(&mut self, cx: &mut MailContext<'_, 'm, E, O, F>, slot: u32) -> Option<SimTime> {
        let delivery = &self.slots[slot as usize];
        let (rules, work) = (&self.model.mail.nodes[delivery.node.index()].client, &delivery.work);
        let way = SimDuration::from_nanos(work.round_trip.as_nanos() / 2);
        let elapsed = cx.scheduler.now().since(work.try_started + way);
        let mut times = rules.syn.times_s().iter().map(|&s| SimDuration::from_secs(s));
        let connect_timeout = rules.connect_patience(delivery.node_attempts);
        match times.find(|&sent| sent > elapsed).filter(|&sent| sent + work.round_trip < connect_timeout) {
            Some(sent) => {
                let at = work.try_started + sent + way;
                self.schedule(cx, slot, at, MailEvent::SynArrives(slot));
                None
            }
            None => {
                let at = work.try_started + connect_timeout;
                self.verdict_timed_out(slot, Stage::Connect);
                Some(at)
            }
        }
    }

    /// Fails the current try as the mode says, before there is a session.
    fn fail(&mut self, slot: u32, host: HostId, mode: FailureMode) -> SimTime {
        let (verdict, talk, wait) = self.failure(slot, host, mode);
        let work = &mut self.slots[slot as usize].work;
        work.verdict = verdict;
        work.standstill_seen = SimDuration::MAX;
        work.try_started + talk + wait
    }

    /// How a try fails in a mode, and when the client knows: round trips since its SYN, and a wait.
    fn failure(&self, slot: u32, host: HostId, mode: FailureMode) -> (Verdict, SimDuration, SimDuration) {
        let delivery = &self.slots[slot as usize];
        let model = &self.model.mail.hosts[host.index()];
        let rules = &self.model.mail.nodes[delivery.node.index()].client;
        let trips = || self.trips(slot, host);
        let rounds = |n: u32| delivery.work.round_trip.saturating_mul(u64::from(n));
        let none = SimDuration::ZERO;
        match mode {
            FailureMode::Refuse => {
                let verdict = Verdict::failed(TryResult::Refused, Stage::Connect);
                match (&model.refusal, delivery.work.step) {
                    (Some(refusal), Step::Host(hop)) => {
                        let key = self.nodes[delivery.sender.index()].key;
                        let at = place(delivery.attempts, u32::from(hop), Purpose::Refusal);
                        (verdict, none, refusal.sample_span(draw(key, delivery.number, at)))
                    }
                    _ => (verdict, rounds(1), none),
                }
            }
            FailureMode::BlackHole => {
                let patience = rules.connect_patience(delivery.node_attempts);
                let patience = self.fallback_delay(slot).map_or(patience, |delay| patience.min(delay));
                (Verdict::failed(TryResult::TimedOut, Stage::Connect), none, patience)
            }
            // A host that stands still only ever makes its clients wait.
            FailureMode::Silent | FailureMode::Freeze => {
                (Verdict::failed(TryResult::TimedOut, Stage::Greeting), rounds(1), rules.greeting_timeout)
            }
            FailureMode::SilentAt { stage } => {
                let verdict = Verdict::failed(TryResult::TimedOut, stage);
                // The client begins to wait with the reply before.
                (verdict, rounds(trips().until(stage).saturating_sub(1)), rules.patience(stage))
            }
            FailureMode::Stalls => {
                let verdict = Verdict::failed(TryResult::TimedOut, Stage::Data);
                (verdict, rounds(trips().until(Stage::Data)), rules.timeouts.block)
            }
            FailureMode::Reply { stage, code } => {
                (Verdict::failed(TryResult::Reply(code), stage), rounds(trips().until(stage)), none)
            }
            FailureMode::Lost { stage } => {
                (Verdict::failed(TryResult::Lost, stage), rounds(trips().until(stage)), none)
            }
            FailureMode::LostReply => {
                let lost = Verdict::failed(TryResult::Lost, Stage::EndOfData);
                (Verdict { taken: true, ..lost }, rounds(trips().accepted()), none)
            }
        }
    }

    /// Begins the session of a connection whose SYN arrived at `arrived`.
    #[inline]
    pub(super) fn begin_session(&mut self, slot: u32, host: HostId, arrived: SimTime, now: SimTime) -> SimTime {
        self.session_stands(slot);
        let delivery = &mut self.slots[slot as usize];
        let (Step::Host(hop), state) = (delivery.work.step, &self.hosts[host.index()]) else { return now };
        let key = self.nodes[delivery.sender.index()].key;
        let bits = draw(key, delivery.number, place(delivery.attempts, u32::from(hop), Purpose::Service));
        let node = &self.model.mail.nodes[delivery.node.index()];
        let transfer = self.paths.cost(node.region, state.region).transfer(delivery.size_bytes);
        let mut service = state.service.sample_span(bits);
        if let Some(brownout) = &state.brownout {
            service = service.times(brownout.slow);
        }
        let is_too_slow = service > node.client.timeouts.end_of_data;
        let served = service + transfer;
        delivery.work.standstill_seen = state.standstill.total();
        let round_trip = delivery.work.round_trip;
        let is_guarded = state.guard.is_some();
        if !is_guarded && round_trip.is_zero() && !is_too_slow {
            delivery.work.verdict = Verdict::accepted(served);
            return now + served;
        }
        let judgement = if is_guarded { self.judge(slot, host, now) } else { Judgement::Accept };
        let trips = self.trips(slot, host);
        // The SYN took half a round trip to come here; while it waited the kernel finished the TCP handshake.
        let gone = SimDuration::from_nanos(round_trip.as_nanos() / 2) + now.since(arrived).min(round_trip);
        let (mut verdict, talk, mut wait) = match judgement {
            Judgement::Accept => {
                (Verdict::accepted(served), round_trip.saturating_mul(u64::from(trips.accepted())), served)
            }
            Judgement::Fail(mode, status) => {
                let (mut verdict, talk, wait) = self.failure(slot, host, mode);
                verdict.status = status.unwrap_or(verdict.status);
                // What is refused after the end of data has been transferred; what is taken has been served, too.
                let after = match (verdict.stage, verdict.taken) {
                    (Stage::EndOfData, false) => transfer,
                    (Stage::EndOfData, true) => served,
                    _ => SimDuration::ZERO,
                };
                (verdict, talk, wait + after)
            }
            Judgement::Parts(fates) => self.part(slot, fates, trips, served),
        };
        if is_too_slow && verdict.result == TryResult::Accepted {
            (verdict, wait) = self.outlasted(slot, verdict, service, transfer);
        }
        let stuck = if is_guarded { self.stuck_at(slot, host, hop, verdict.stage) } else { None };
        let wait = match stuck {
            None => wait + self.pauses(slot, host, hop, verdict.stage),
            Some(stage) => {
                self.parts.remove(&slot);
                self.verdict_timed_out(slot, stage);
                return now + self.lost_patience(slot, host, hop, stage, gone);
            }
        };
        self.slots[slot as usize].work.verdict = verdict;
        let shaken = if self.slots[slot as usize].work.reused { trips.handshake } else { 0 };
        let gone = gone + round_trip.saturating_mul(u64::from(shaken));
        let talk = talk + round_trip.saturating_mul(u64::from(self.slots[slot as usize].work.cleared));
        now + talk.saturating_sub(gone) + wait
    }

    /// The verdict on a message whose recipients have different fates: accepted if any is.
    fn part(
        &mut self,
        slot: u32,
        fates: SmallVec<[Fate; 8]>,
        trips: RoundTrips,
        served: SimDuration,
    ) -> (Verdict, SimDuration, SimDuration) {
        let round_trip = self.slots[slot as usize].work.round_trip;
        let rounds = |n: u32| round_trip.saturating_mul(u64::from(n));
        let any = fates.contains(&Fate::Accepted);
        self.parts.insert(slot, fates);
        if any {
            return (Verdict { in_parts: true, ..Verdict::accepted(served) }, rounds(trips.accepted()), served);
        }
        let verdict = Verdict::failed(TryResult::Reply(450), Stage::Rcpt);
        (Verdict { in_parts: true, ..verdict }, rounds(trips.until(Stage::Rcpt)), SimDuration::ZERO)
    }

    /// From the client's 250 until the host sees the end of the session.
    #[inline]
    fn quit_time(&self, slot: u32, host: HostId) -> SimDuration {
        let quit = self.trips(slot, host).quit;
        let way = SimDuration::from_nanos(self.slots[slot as usize].work.round_trip.as_nanos() / 2);
        way.saturating_mul(u64::from(quit))
    }

    /// What a try that ended has to give back: a session, and when it is over at the host; a place among its client's.
    #[inline]
    pub(super) fn departure(&mut self, slot: u32, host: HostId) -> Departure {
        let work = &mut self.slots[slot as usize].work;
        work.standstill_seen = SimDuration::MAX;
        if !work.holds_session && !work.is_counted {
            return Departure { holds_session: false, after: SimDuration::ZERO, client: None };
        }
        let (holds_session, is_counted) =
            (std::mem::take(&mut work.holds_session), std::mem::take(&mut work.is_counted));
        let after =
            if holds_session { self.quit_time(slot, host).max(self.goes_on_for(slot)) } else { SimDuration::ZERO };
        let client = is_counted.then(|| self.client_of(slot));
        Departure { holds_session, after, client }
    }

    /// Gives it back.
    pub(super) fn depart<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        host: HostId,
        departure: Departure,
    ) {
        if let (Some(client), Some(guard)) = (departure.client, &mut self.hosts[host.index()].guard) {
            guard.leave(client);
        }
        if !departure.holds_session {
            return;
        }
        if departure.after.is_zero() {
            self.on_host_frees(cx, host);
        } else {
            let at = cx.scheduler.now() + departure.after;
            cx.scheduler.schedule(self.entities.hosts + host.0, at, MailEvent::HostFrees(host.0).into());
        }
    }

    /// The final host has the message: on its disk, in its store; some it throws away.
    pub(super) fn keep<E: Copy, O: MailObserver, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        host: HostId,
        delivery: &Delivery,
    ) -> End {
        let now = cx.scheduler.now();
        let model = &self.model.mail.hosts[host.index()];
        let random = |purpose| {
            draw(self.nodes[delivery.sender.index()].key, delivery.number, place(delivery.attempts, 0, purpose))
        };
        if let Some(guard) = &mut self.hosts[host.index()].guard {
            guard.store(now, delivery.size_bytes);
            if guard.rules.discards > 0.0 && unit_open(random(Purpose::Discard)) < guard.rules.discards {
                return End::Discarded;
            }
        }
        if let Some(store) = &model.store {
            // One replica took it; a reader looks at any.
            let is_there = random(Purpose::Replica) % u64::from(store.replicas) == 0;
            let lag = if is_there { SimDuration::ZERO } else { store.lag.sample_span(random(Purpose::Lag)) };
            cx.observer.on_visible(now, delivery, lag);
        }
        End::Delivered
    }

    pub(super) fn verdict_timed_out(&mut self, slot: u32, stage: Stage) {
        let work = &mut self.slots[slot as usize].work;
        work.verdict = Verdict::failed(TryResult::TimedOut, stage);
        work.standstill_seen = SimDuration::MAX;
    }

    pub(super) fn host_of(&self, slot: u32) -> Option<HostId> {
        let work = &self.slots[slot as usize].work;
        let Step::Host(hop) = work.step else { return None };
        work.candidates.get(usize::from(hop)).map(|candidate| candidate.host)
    }
}
