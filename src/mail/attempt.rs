//! One attempt: lookups, then hosts in turn, then acceptance, deferral or the end.

use super::queue::{Left, Place, Tally};
use super::world::{Purpose, World, place};
use super::{
    AttemptRecord, BounceCause, End, Hop, HostAvailability, Mail, MailContext, MailEvent, MailObserver, Phase, Step,
    TryResult, Verdict,
};
use crate::dns::{DnsObserver, ServerState};
use crate::engine::random::draw;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::client::{Failing, RelayTo, Then};
use crate::model::{DataId, HostId, NodeId};
use crate::scenario::tree::Stage;

impl<'m> Mail<'m> {
    /// An attempt begins.
    #[inline]
    pub(super) fn open_attempt<E: World, O: MailObserver, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
    ) {
        let now = cx.scheduler.now();
        let delivery = &mut self.slots[slot as usize];
        delivery.attempts += 1;
        delivery.node_attempts += 1;
        delivery.attempt_started = now;
        delivery.first_syn = SimTime::NEVER;
        delivery.first_failed = false;
        // What was found of its site is what it goes by.
        delivery.stale_route &= delivery.work.site.is_some();
        let work = &mut delivery.work;
        work.soft_failure = None;
        work.sessions = 0;
        work.tried = 0;
        work.fell_back = 0;
        work.reused = false;
        work.tally = Tally::default();
        work.candidates.clear();
        cx.observer.on_attempt_start(now, delivery);
    }

    /// The node that has custody takes the delivery up.
    #[inline]
    pub(super) fn start_attempt<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
    ) {
        self.open_attempt(cx, slot);
        let now = cx.scheduler.now();
        if self.take_known_route(cx, slot) {
            return self.try_in_order(cx, slot, 0);
        }
        if self.is_unreachable(now, slot) {
            return self.defer_unreachable(cx, slot);
        }
        let delivery = &self.slots[slot as usize];
        let (node, domain) = (delivery.node, delivery.domain);
        if self.sts.is_used() && self.model.mail.nodes[node.index()].checks_sts {
            self.sts.refresh(now, node, domain);
        }
        if self.slots[slot as usize].work.site.is_some() {
            return self.follow_mx(cx, slot);
        }
        match self.model.mail.nodes[delivery.node.index()].client.smart_host {
            None => self.ask_mx(cx, slot, self.slots[slot as usize].domain),
            Some(relay) => self.route_to(cx, slot, relay),
        }
    }

    /// Finds the way to a relay that is named by configuration.
    pub(super) fn route_to<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        relay: RelayTo,
    ) {
        if !relay.is_host {
            return self.ask_mx(cx, slot, relay.name);
        }
        let work = &mut self.slots[slot as usize].work;
        (work.mx, work.owner, work.after, work.upto) = (DataId::ABSENT, relay.name, None, u16::MAX);
        self.gather(cx, slot, 0);
    }

    /// Connects to the candidates from the `hop`-th on, until one accepts or takes its time.
    #[inline]
    pub(super) fn try_hosts<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        mut hop: u16,
    ) {
        let now = cx.scheduler.now();
        let delivery = &self.slots[slot as usize];
        let has_queue = self.nodes[delivery.node.index()].queue.is_some();
        let mut reused = has_queue && delivery.work.tried == 0 && self.reuse(cx, slot, hop);
        loop {
            let delivery = &mut self.slots[slot as usize];
            let node = &self.model.mail.nodes[delivery.node.index()];
            let rules = &node.client;
            let candidate = match delivery.work.next_hop(hop, rules) {
                Hop::To(next) => {
                    hop = next;
                    delivery.work.candidates[usize::from(hop)]
                }
                Hop::Widen => match self.take_known_next(cx, slot) {
                    Some(first) => return self.try_in_order(cx, slot, first),
                    None if self.widen(slot) => return self.gather(cx, slot, 0),
                    None => return self.exhausted(cx, slot),
                },
                Hop::Over => return self.exhausted(cx, slot),
            };
            if has_queue && !reused {
                if self.is_held(now, slot, candidate) {
                    hop += 1;
                    continue;
                }
                self.connects(now, slot, candidate);
            }
            let delivery = &mut self.slots[slot as usize];
            delivery.work.step = Step::Host(hop);
            delivery.work.tried += 1;
            delivery.work.reused = reused;
            delivery.work.cleared = 0;
            // A queue with a gate has waited for the machine already.
            let waits = delivery.work.tried == 1 && delivery.work.place == Place::None;
            let machine = &mut self.nodes[delivery.node.index()].machine;
            let ready = match machine.as_mut().filter(|_| waits) {
                Some(machine) => machine.start(now),
                None => now,
            };
            delivery.work.try_started = ready;
            delivery.first_syn = delivery.first_syn.min(now);
            delivery.enter(cx.observer, now, Phase::InSession);
            if !reused {
                cx.observer.on_syn(now, delivery, candidate.host);
            }
            let (key, number, attempt) = (self.nodes[delivery.sender.index()].key, delivery.number, delivery.attempts);
            let random = |purpose| draw(key, number, place(attempt, u32::from(hop), purpose));
            let to = self.hosts[candidate.host.index()].region;
            let path = self.paths.cost(node.region, to);
            let round_trip = match path.fixed {
                Some(fixed) => fixed,
                None => self.paths.round_trip(node.region, to, |link| {
                    draw(key, number, place(attempt, u32::from(hop), Purpose::RoundTrip) | u64::from(link & 0xff))
                }),
            };
            delivery.work.round_trip = round_trip;
            let is_new = !std::mem::take(&mut reused);
            let node_attempts = delivery.node_attempts;
            let connect_timeout = || rules.connect_patience(node_attempts);
            let sent = if path.loss > 0.0 && is_new {
                let u = crate::engine::random::unit_open(random(Purpose::Syn));
                rules.syn.first_through(path.loss, connect_timeout().saturating_sub(round_trip), u)
            } else {
                // A SYN-ACK that comes later finds nobody.
                let is_heard = round_trip.is_zero() || !is_new || round_trip < connect_timeout();
                is_heard.then_some(SimDuration::ZERO)
            };
            let at = match sent {
                Some(sent) => ready + sent + SimDuration::from_nanos(round_trip.as_nanos() / 2),
                None => {
                    let end = ready + connect_timeout();
                    self.verdict_timed_out(slot, Stage::Connect);
                    return self.try_ends_at(cx, slot, end);
                }
            };
            if at > now {
                return self.schedule(cx, slot, at, MailEvent::SynArrives(slot));
            }
            let Some(end) = self.meet_host(cx, slot, candidate.host) else { return };
            if end > now {
                return self.try_ends_at(cx, slot, end);
            }
            match self.conclude(cx, slot) {
                Some(next) => hop = next,
                None => return,
            }
        }
    }

    /// No candidate is left to try: fallback relays come last; then the attempt is over.
    fn exhausted<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
    ) {
        if self.tries_past_cutoff(slot) {
            return self.try_hosts(cx, slot, 0);
        }
        if self.falls_back(cx, slot) {
            return;
        }
        let work = &self.slots[slot as usize].work;
        if work.tried == 0 && work.tally.held > 0 {
            return self.hold_back(cx, slot);
        }
        let now = cx.scheduler.now();
        match self.is_flushed_at(now, slot) {
            Some(at) if at > now => {
                // With the same hop once more: none is left then, either.
                let delivery = &mut self.slots[slot as usize];
                delivery.enter(cx.observer, now, Phase::Active);
                let event = MailEvent::NextHost(slot, delivery.work.generation);
                self.schedule(cx, slot, at, event);
            }
            _ => self.defer(cx, slot),
        }
    }

    /// Goes on with the next fallback relay of an attempt: `false` if none is left.
    pub(super) fn falls_back<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
    ) -> bool {
        let delivery = &mut self.slots[slot as usize];
        let fallback = &self.model.mail.nodes[delivery.node.index()].client.fallback;
        let Some(&relay) = fallback.get(delivery.work.fell_back as usize) else { return false };
        let work = &mut delivery.work;
        (work.fell_back, work.sessions, work.tried) = (work.fell_back.saturating_add(1), 0, 0);
        work.candidates.clear();
        self.route_to(cx, slot, relay);
        true
    }

    pub(super) fn on_syn_arrives<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
    ) {
        if let Some(host) = self.host_of(slot)
            && let Some(end) = self.meet_host(cx, slot, host)
        {
            let end = end.max(cx.scheduler.now());
            self.try_ends_at(cx, slot, end);
        }
    }

    /// The current try ends at `at`, unless it is broken off before.
    #[inline]
    pub(super) fn try_ends_at<E: World, O, F>(&self, cx: &mut MailContext<'_, 'm, E, O, F>, slot: u32, at: SimTime) {
        let generation = self.slots[slot as usize].work.generation;
        self.schedule(cx, slot, at, MailEvent::TryEnds(slot, generation));
    }

    #[inline]
    pub(super) fn on_try_ends<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
    ) {
        if !self.freezable.is_empty() && self.goes_on(cx, slot) {
            return;
        }
        if let Some(hop) = self.conclude(cx, slot) {
            self.try_hosts(cx, slot, hop);
        }
    }

    /// Acts on how a try ended: `Some` is the next hop to try in the same attempt.
    pub(super) fn conclude<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
    ) -> Option<u16> {
        let now = cx.scheduler.now();
        let delivery = &mut self.slots[slot as usize];
        let Step::Host(hop) = delivery.work.step else { return None };
        let candidate = delivery.work.candidates[usize::from(hop)];
        let mut verdict = delivery.work.verdict;
        if verdict.result == TryResult::Accepted && self.hosts[candidate.host.index()].guard.is_some() {
            verdict = self.unless_full(now, slot, candidate.host, verdict);
        }
        let delivery = &mut self.slots[slot as usize];
        let record = AttemptRecord::of(candidate, hop, delivery.work.try_started, now, &verdict);
        delivery.first_failed |= delivery.work.tried == 1 && verdict.result != TryResult::Accepted;
        delivery.work.sessions += u16::from(verdict.stage > Stage::StartTls);
        cx.observer.on_try(&record, delivery);
        if verdict.taken {
            cx.observer.on_duplicate(now, delivery, candidate.host);
        }
        self.ends_serialized(slot);
        let mut departure = self.departure(slot, candidate.host);
        let parts = if verdict.in_parts { self.parts.remove(&slot) } else { None };
        let verdict = match parts {
            Some(fates) => {
                let verdict = self.settle(cx, slot, candidate.host, fates, verdict);
                self.slots[slot as usize].work.verdict = verdict;
                verdict
            }
            None => verdict,
        };
        let verdict = if verdict.result == TryResult::Reply(552) { self.softened(slot, verdict) } else { verdict };
        let failing = match verdict.result {
            TryResult::Accepted => {
                if self.nodes[self.slots[slot as usize].node.index()].queue.is_some() {
                    let held = departure.holds_session;
                    departure.holds_session &= !self.keep_session(cx, slot, candidate.address(), held);
                    self.leave(cx, slot, Left::Served);
                }
                self.accept(cx, slot, candidate.host);
                self.depart(cx, candidate.host, departure);
                return None;
            }
            TryResult::Refused | TryResult::Lost => Failing::Lost,
            TryResult::TimedOut => Failing::Silence,
            TryResult::Reply(code) if code < 500 => Failing::Transient,
            TryResult::Reply(_) => Failing::Permanent,
        };
        self.depart(cx, candidate.host, departure);
        let node = self.slots[slot as usize].node;
        let (then, blame) = self.model.mail.nodes[node.index()].client.failures.at(verdict.stage, failing);
        if self.nodes[node.index()].queue.is_some() {
            self.remember(now, slot, candidate, blame, hop);
        }
        match then {
            Then::NextHost => {
                let next = self.slots[slot as usize].work.next_place(hop, &self.model.mail.nodes[node.index()].client);
                return self.next_host(cx, slot, next);
            }
            Then::Defer => self.defer(cx, slot),
            Then::Bounce => self.bounce(cx, slot, BounceCause::Rejected),
        }
        None
    }

    /// What a client makes of a 552.
    #[cold]
    fn softened(&mut self, slot: u32, verdict: Verdict) -> Verdict {
        let delivery = &mut self.slots[slot as usize];
        if !self.model.mail.nodes[delivery.node.index()].client.softens_552(verdict.stage) {
            return verdict;
        }
        let soft = Verdict { result: TryResult::Reply(452), status: verdict.status.of_class(4), ..verdict };
        delivery.work.verdict = soft;
        soft
    }

    /// The next hop, if it may be tried now; else it is scheduled.
    fn next_host<E: World, O: MailObserver, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        hop: u16,
    ) -> Option<u16> {
        let now = cx.scheduler.now();
        let at = self.next_host_at(now, slot, hop);
        let delivery = &mut self.slots[slot as usize];
        if at <= now || usize::from(hop) >= delivery.work.candidates.len() {
            return Some(hop);
        }
        delivery.enter(cx.observer, now, Phase::Active);
        let generation = delivery.work.generation;
        self.schedule(cx, slot, at, MailEvent::NextHost(slot, generation));
        None
    }

    pub(super) fn on_next_host<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
    ) {
        if let Step::Host(hop) = self.slots[slot as usize].work.step {
            self.try_hosts(cx, slot, hop + 1);
        }
    }

    /// A host took the message: the final one, or a relay that now has custody.
    #[inline]
    fn accept<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        host: HostId,
    ) {
        let now = cx.scheduler.now();
        let delivery = &mut self.slots[slot as usize];
        delivery.handed_off = delivery.handed_off.min(now);
        delivery.host = Some(host);
        if self.hosts[host.index()].is_plain_end {
            return self.end(cx, slot, End::Delivered);
        }
        let model = &self.model.mail.hosts[host.index()];
        match model.relay.filter(|_| model.relays_for.binary_search(&delivery.domain).is_ok()) {
            None => {
                let end = self.ending(cx, slot, host);
                self.end(cx, slot, end);
            }
            Some(relay) => self.hand_over(cx, slot, relay),
        }
    }

    /// How a delivery ends that its final host has.
    fn ending<E: World, O: MailObserver, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        host: HostId,
    ) -> End {
        let delivery = self.slots[slot as usize].clone();
        self.keep(cx, host, &delivery)
    }

    pub(super) fn hand_over<E: World, O: MailObserver, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        relay: NodeId,
    ) {
        let now = cx.scheduler.now();
        let delivery = &mut self.slots[slot as usize];
        let (from, count) = (delivery.node, u64::from(delivery.recipients));
        self.nodes[from.index()].depth -= count;
        self.nodes[relay.index()].depth += count;
        delivery.enter(cx.observer, now, Phase::Active);
        let bytes = u64::from(delivery.size_bytes);
        if !delivery.shares_file {
            self.nodes[from.index()].bytes = self.nodes[from.index()].bytes.saturating_sub(bytes);
        }
        self.nodes[relay.index()].bytes += bytes;
        delivery.node = relay;
        delivery.node_attempts = 0;
        delivery.warned_before = delivery.warned;
        delivery.work.previous = None;
        delivery.work.step = Step::Waiting;
        delivery.work.is_listed = false;
        delivery.work.site = None;
        delivery.work.handoffs += 1;
        delivery.work.generation = delivery.work.generation.wrapping_add(1);
        cx.observer.on_custody(now, delivery, from, relay);
        delivery.shares_file = false;
        delivery.in_custody_since = now;
        if delivery.work.handoffs > self.model.mail.nodes[relay.index()].client.hops_max {
            return self.bounce(cx, slot, BounceCause::Loop);
        }
        let event = MailEvent::Due(slot, delivery.work.generation);
        self.schedule(cx, slot, now + SimDuration::TICK, event);
    }
}
