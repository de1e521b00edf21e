//! What most deliveries are: a new message over a known route to one host that is up and serves everyone.
//!
//! Such a delivery has one future: its host accepts it when service and transfer are over. It needs no place among those
//! that wait and are tried again, only the event of its end. Nothing here is a rule of its own: it is what
//! [`super::attempt`] does step by step, for the case in which each step has one outcome, and whatever is not that case
//! goes there. Look-ups that are recorded one by one take that way, too, with the same results (tests/records.rs).

use super::message::Message;
use super::world::{Purpose, World, place};
use super::{
    AttemptRecord, Candidate, Delivery, End, HostAvailability, Mail, MailContext, MailEvent, MailObserver, Step,
    Verdict,
};
use crate::dns::{Asker, DnsObserver, ServerState};
use crate::engine::random::draw;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::timeline::{ActionModel, TimelineItem};
use crate::model::{DataId, HostId, Model};

/// A message on its way to the host that will accept it, at its first attempt.
#[derive(Debug, Clone, Copy)]
pub struct Flight {
    /// What is on its way.
    pub message: Message,
    candidate: Candidate,
    mx: DataId,
    upto: u16,
    /// Service and transfer: how long it takes.
    served: SimDuration,
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

    /// The delivery during its attempt.
    pub fn delivery(&self) -> Delivery {
        let mut delivery = Delivery::new(&self.message);
        delivery.attempts = 1;
        delivery.node_attempts = 1;
        delivery.first_syn = self.message.created;
        let work = &mut delivery.work;
        (work.mx, work.upto, work.step, work.tried) = (self.mx, self.upto, Step::Host(0), 1);
        work.candidates.push(self.candidate);
        work.verdict = Verdict::accepted(self.served);
        delivery
    }

    /// Tells of it step by step.
    pub fn tell_start<O: MailObserver + ?Sized>(&self, observer: &mut O, now: SimTime) {
        observer.on_created(now, &Delivery::new(&self.message));
        let delivery = self.delivery();
        observer.on_attempt_start(now, &delivery);
        observer.on_syn(now, &delivery, self.host());
    }

    /// Tells of its end step by step.
    pub fn tell_end<O: MailObserver + ?Sized>(&self, observer: &mut O, now: SimTime) {
        let mut delivery = self.delivery();
        let verdict = Verdict::accepted(self.served);
        observer.on_try(&AttemptRecord::of(self.candidate, 0, self.message.created, now, &verdict), &delivery);
        (delivery.handed_off, delivery.host) = (now, Some(self.host()));
        observer.on_end(now, &delivery, End::Delivered);
    }
}

impl<'m> Mail<'m> {
    /// The flight that a new message is, if it is one, after having told of it.
    #[inline]
    pub(super) fn flight<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        message: &Message,
    ) -> Option<Flight> {
        let node = &self.nodes[message.sender.index()];
        let known = node.known.as_ref().filter(|_| self.no_session_is_disturbed && node.is_plain())?;
        let route = known.find(message.created, cx.dns, message.place_in_list)?;
        let &[candidate] = route.candidates() else { return None };
        let host = &self.hosts[candidate.host.index()];
        let path = self.paths.cost(node.region, host.region);
        let takes_all = host.is_open() && host.is_plain_end && path.is_instant();
        if !takes_all || cx.faults.host_down(candidate.host).is_some() {
            return None;
        }
        let service = host.service.sample_span(draw(node.key, message.number, place(1, 0, Purpose::Service)));
        let served = service + path.transfer(message.size_bytes);
        if served.is_zero() || service > known.patience || message.created + served > self.model.clock.end {
            return None;
        }
        let flight = Flight { message: *message, candidate, mx: route.mx, upto: route.upto, served };
        let (now, asker, addresses) = (message.created, Asker::Node(message.sender), u64::from(route.answers));
        cx.observer.on_flight(now, &flight);
        cx.observer.on_plain_hits(now, known.cache, asker, 1, addresses);
        Some(flight)
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
        let end = flight.message.created + flight.served;
        let entity = self.entities.nodes + flight.message.sender.0;
        cx.scheduler.schedule(entity, end, MailEvent::Lands(place).into());
    }

    /// Its host has accepted it.
    #[inline]
    pub(super) fn on_lands<E: World, O: MailObserver, F>(&mut self, cx: &mut MailContext<'_, 'm, E, O, F>, place: u32) {
        let flight = &self.flights[place as usize];
        let message = &flight.message;
        let count = u64::from(message.recipients);
        let node = &mut self.nodes[message.sender.index()];
        node.depth -= count;
        node.bytes = node.bytes.saturating_sub(u64::from(message.size_bytes));
        self.measured_live -= u64::from(message.measured) * count;
        cx.observer.on_landed(cx.scheduler.now(), flight);
        self.landed.push(place);
    }
}
