//! What most deliveries are: a new message over a known route to one host that is up and serves everyone, or after that
//! was down to another.
//!
//! Such a delivery has one future at a time: its host refuses it at once, or accepts it when service and transfer are over.
//! It needs no place among those that wait and are tried again, only the event that ends its try. Nothing here is a rule
//! of its own: it is what [`super::attempt`] does step by step, for the case in which each step has one outcome, and
//! whatever is not that case goes there. Look-ups that are recorded one by one take that way, too, with the same results
//! (tests/records.rs).

use super::message::Message;
use super::world::{Purpose, World, place};
use super::{
    AttemptRecord, Candidate, Delivery, End, HostAvailability, Mail, MailContext, MailEvent, MailObserver, Phase, Step,
    TryResult, Verdict,
};
use crate::dns::{Asker, DnsObserver, ServerState};
use crate::engine::random::draw;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::timeline::{ActionModel, TimelineItem};
use crate::model::{DataId, HostId, Model};
use crate::scenario::tree::{FailureMode, Stage};

/// A message at its first attempt, on its way to a host of which it is known what it will do.
#[derive(Debug, Clone, Copy)]
pub struct Flight {
    /// What is on its way.
    pub message: Message,
    /// When the SYN of the current try was sent.
    pub started: SimTime,
    mx: DataId,
    upto: u16,
    /// Whether the current host will refuse it.
    is_refused: bool,
    candidate: Candidate,
    /// The one that refused it before, if there is one.
    first: Option<Candidate>,
    /// How long the current try takes: a refusal, or service and transfer.
    takes: SimDuration,
}

/// Whether no session can be broken off, or held up by a host that stands still.
pub(super) fn no_session_is_disturbed(model: &Model, freezable: &[HostId]) -> bool {
    let closes = |item: &TimelineItem| matches!(item.action, ActionModel::CloseSessions { .. });
    freezable.is_empty() && !model.timeline.iter().any(closes)
}

impl Flight {
    /// Where it goes.
    #[inline]
    pub const fn host(&self) -> HostId {
        self.candidate.host
    }

    /// The host that was tried before and refused it.
    #[inline]
    pub fn refused_by(&self) -> Option<HostId> {
        self.first.map(|candidate| candidate.host)
    }

    /// When its try ends.
    #[inline]
    fn end(&self) -> SimTime {
        self.started + self.takes
    }

    fn verdict(&self) -> Verdict {
        if self.is_refused { REFUSED } else { Verdict::accepted(self.takes) }
    }

    /// The delivery during its current try.
    pub fn delivery(&self) -> Delivery {
        let mut delivery = Delivery::new(&self.message);
        delivery.attempts = 1;
        delivery.node_attempts = 1;
        delivery.first_syn = self.message.created;
        delivery.first_failed = self.first.is_some();
        delivery.phase = Phase::InSession;
        let work = &mut delivery.work;
        work.candidates.extend(self.first);
        let hop = work.candidates.len() as u16;
        work.candidates.push(self.candidate);
        (work.mx, work.upto, work.step, work.tried) = (self.mx, self.upto, Step::Host(hop), hop + 1);
        (work.try_started, work.verdict) = (self.started, self.verdict());
        delivery
    }

    /// Tells of it step by step.
    pub fn tell_start<O: MailObserver + ?Sized>(&self, observer: &mut O, now: SimTime) {
        observer.on_created(now, &Delivery::new(&self.message));
        let delivery = self.delivery();
        observer.on_attempt_start(now, &delivery);
        observer.on_phase(now, &delivery, Phase::Active);
        observer.on_syn(now, &delivery, self.host());
    }

    /// Tells step by step that the first host refused it and that it goes to this one now.
    pub fn tell_turn<O: MailObserver + ?Sized>(&self, observer: &mut O, now: SimTime) {
        let mut delivery = self.delivery();
        let Some(first) = self.first else { return };
        (delivery.work.step, delivery.work.tried) = (Step::Host(0), 1);
        observer.on_try(&AttemptRecord::of(first, 0, self.message.created, now, &REFUSED), &delivery);
        observer.on_syn(now, &self.delivery(), self.host());
    }

    /// Tells of its end step by step.
    pub fn tell_end<O: MailObserver + ?Sized>(&self, observer: &mut O, now: SimTime) {
        let mut delivery = self.delivery();
        let hop = u16::from(self.first.is_some());
        observer.on_try(&AttemptRecord::of(self.candidate, hop, self.started, now, &self.verdict()), &delivery);
        (delivery.handed_off, delivery.host) = (now, Some(self.host()));
        observer.on_end(now, &delivery, End::Delivered);
    }
}

const REFUSED: Verdict = Verdict::failed(TryResult::Refused, Stage::Connect);

/// What a host will do with a message, and how long it takes.
struct Outcome {
    is_refused: bool,
    takes: SimDuration,
}

impl<'m> Mail<'m> {
    /// The flight that a new message is, if it is one, after having told of it.
    #[inline]
    pub(super) fn flight<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        message: &Message,
    ) -> Option<Flight> {
        let (now, node) = (message.created, &self.nodes[message.sender.index()]);
        let known = node.known.as_ref().filter(|_| self.no_session_is_disturbed && node.is_plain())?;
        let route = known.find(now, cx.dns, message.place_in_list)?;
        let &[candidate] = route.candidates() else { return None };
        let Outcome { is_refused, takes } = self.outcome(cx, now, message, candidate, 0)?;
        let (mx, upto) = (route.mx, route.upto);
        let flight = Flight { message: *message, started: now, mx, upto, is_refused, candidate, first: None, takes };
        cx.observer.on_flight(now, &flight);
        cx.observer.on_plain_hits(now, known.cache, Asker::Node(message.sender), 1, u64::from(route.answers));
        Some(flight)
    }

    /// What comes of a try that starts now, if there is only one thing that can.
    #[inline]
    fn outcome<E: World, O, F: HostAvailability>(
        &self,
        cx: &MailContext<'_, 'm, E, O, F>,
        now: SimTime,
        message: &Message,
        candidate: Candidate,
        hop: u32,
    ) -> Option<Outcome> {
        let (node, host) = (&self.nodes[message.sender.index()], &self.hosts[candidate.host.index()]);
        let path = self.paths.cost(node.region, host.region);
        if !path.is_instant() || !host.is_open() || !host.is_plain_end {
            return None;
        }
        let known = node.known.as_ref()?;
        let random = |purpose| draw(node.key, message.number, place(1, hop, purpose));
        let down = cx.faults.host_down(candidate.host);
        let takes = match down {
            None => {
                let service = host.service.sample_span(random(Purpose::Service));
                if service > known.patience {
                    return None;
                }
                service + path.transfer(message.size_bytes)
            }
            Some(FailureMode::Refuse) if hop == 0 && known.passes_on => {
                let refusal = self.model.mail.hosts[candidate.host.index()].refusal.as_ref()?;
                refusal.sample_span(random(Purpose::Refusal))
            }
            Some(_) => return None,
        };
        let is_seen = !takes.is_zero() && now + takes <= self.model.clock.end;
        is_seen.then_some(Outcome { is_refused: down.is_some(), takes })
    }

    /// Sends a flight on its way.
    #[inline]
    pub(super) fn take_off<E: World, O: MailObserver, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        flight: Flight,
    ) {
        let place = match self.landed.pop() {
            Some(place) => {
                self.flights[place as usize] = flight;
                place
            }
            None => {
                self.flights.push(flight);
                self.flights.len() as u32 - 1
            }
        };
        self.lands_later(cx, place);
    }

    #[inline]
    fn lands_later<E: World, O, F>(&self, cx: &mut MailContext<'_, 'm, E, O, F>, place: u32) {
        let flight = &self.flights[place as usize];
        let entity = self.entities.nodes + flight.message.sender.0;
        cx.scheduler.schedule(entity, flight.end(), MailEvent::Lands(place).into());
    }

    /// The host that it went to has accepted it, or refused.
    #[inline]
    pub(super) fn on_lands<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        place: u32,
    ) {
        let flight = &self.flights[place as usize];
        if flight.is_refused {
            return self.on_refused(cx, place);
        }
        let message = &flight.message;
        let count = u64::from(message.recipients);
        let node = &mut self.nodes[message.sender.index()];
        node.depth -= count;
        node.bytes = node.bytes.saturating_sub(u64::from(message.size_bytes));
        self.measured_live -= u64::from(message.measured) * count;
        cx.observer.on_landed(cx.scheduler.now(), flight);
        self.landed.push(place);
    }

    /// It turns to the host of the next preference, or goes on as any delivery does.
    fn on_refused<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        place: u32,
    ) {
        let flight = self.flights[place as usize];
        if let Some(turned) = self.turned(cx, &flight) {
            self.flights[place as usize] = turned;
            return self.lands_later(cx, place);
        }
        self.landed.push(place);
        let slot = self.insert(flight.delivery());
        if let Some(hop) = self.conclude(cx, slot) {
            self.try_hosts(cx, slot, hop);
        }
    }

    /// A refused flight at the second host, if that leaves one outcome, after having told of it.
    fn turned<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        flight: &Flight,
    ) -> Option<Flight> {
        let (now, message) = (cx.scheduler.now(), &flight.message);
        let known = self.nodes[message.sender.index()].known.as_ref()?;
        let route = known.find(now, cx.dns, message.place_in_list)?;
        let &[candidate] = route.next() else { return None };
        let Outcome { is_refused, takes } = self.outcome(cx, now, message, candidate, 1)?;
        if (route.mx, route.upto) != (flight.mx, flight.upto) {
            return None;
        }
        let first = Some(flight.candidate);
        let turned =
            Flight { started: now, upto: candidate.preference, is_refused, candidate, first, takes, ..*flight };
        cx.observer.on_turned(now, &turned);
        let asker = Asker::Node(message.sender);
        cx.observer.on_plain_hits(now, known.cache, asker, 0, u64::from(route.next_answers));
        Some(turned)
    }
}
