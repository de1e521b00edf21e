//! What most deliveries are made by: an attempt over a known route to one host that is up and serves everyone, and the
//! end of it.
//!
//! Nothing here is a rule of its own. It is what [`super::attempt`] does step by step, for the case in which each step
//! has one outcome, with everything looked at once; whatever is not that case goes there. What look-ups are recorded one
//! by one takes the long way, and has the same results (tests/records.rs).

use super::queue::Tally;
use super::world::{Purpose, World, place};
use super::{
    AttemptRecord, End, HostAvailability, Mail, MailContext, MailEvent, MailObserver, Step, TryResult, Verdict,
};
use crate::dns::{Asker, DnsObserver, ServerState};
use crate::engine::random::draw;
use crate::engine::time::SimDuration;

impl<'m> Mail<'m> {
    /// Begins an attempt whose outcome is known; `false`, with nothing done, if it is not.
    #[inline]
    pub(super) fn start_plainly<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
    ) -> bool {
        let now = cx.scheduler.now();
        let delivery = &mut self.slots[slot as usize];
        let node = &self.nodes[delivery.node.index()];
        let known = node.known.as_ref().filter(|_| node.queue.is_none() && node.machine.is_none());
        let Some((known, route)) = known.and_then(|known| known.find(now, cx.dns, delivery)) else { return false };
        let &[candidate] = route.candidates() else { return false };
        let host = &self.hosts[candidate.host.index()];
        let path = self.paths.cost(node.region, host.region);
        if !path.is_instant() || !host.is_open() || cx.faults.host_down(candidate.host).is_some() {
            return false;
        }
        let attempt = delivery.attempts + 1;
        let bits = draw(node.key, delivery.number, place(attempt, 0, Purpose::Service));
        let service = host.service.sample_span(bits);
        let served = service + path.transfer(delivery.size_bytes);
        if served.is_zero() || service > known.patience {
            return false;
        }
        delivery.attempts = attempt;
        delivery.node_attempts += 1;
        delivery.attempt_started = now;
        delivery.first_syn = now;
        delivery.first_failed = false;
        delivery.stale_route = false;
        let work = &mut delivery.work;
        (work.mx, work.owner, work.after, work.upto) = (route.mx, delivery.domain, None, route.upto);
        (work.soft_failure, work.fell_back, work.reused) = (false, false, false);
        (work.sessions, work.tried) = (0, 1);
        work.tally = Tally::default();
        work.candidates.clear();
        work.candidates.push(candidate);
        cx.observer.on_attempt_start(now, delivery);
        let asker = Asker::Node(delivery.node);
        cx.observer.on_plain_hits(now, known.cache, asker, 1, u64::from(route.answers));
        let work = &mut delivery.work;
        work.step = Step::Host(0);
        work.try_started = now;
        work.round_trip = SimDuration::ZERO;
        work.standstill_seen = host.standstill.total();
        work.verdict = Verdict::accepted(served);
        let generation = work.generation;
        cx.observer.on_syn(now, delivery, candidate.host);
        let end = now + served;
        if end <= self.model.clock.end {
            cx.scheduler.schedule(
                self.entities.nodes + delivery.node.0,
                end,
                MailEvent::TryEnds(slot, generation).into(),
            );
        }
        true
    }

    /// Ends a try, and with it the delivery, that its final host accepted whole; `false`, with nothing done, if it is not
    /// such a one, or something else goes on because of it.
    #[inline]
    pub(super) fn end_plainly<E: World, O: MailObserver + DnsObserver, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
    ) -> bool {
        let now = cx.scheduler.now();
        let delivery = &mut self.slots[slot as usize];
        let (work, node) = (&delivery.work, &self.nodes[delivery.node.index()]);
        let Step::Host(hop) = work.step else { return false };
        let (candidate, verdict) = (work.candidates[usize::from(hop)], work.verdict);
        let is_whole = verdict.result == TryResult::Accepted && !verdict.in_parts && !verdict.taken;
        let gives_back = work.holds_session || work.is_counted || node.queue.is_some();
        if !is_whole || gives_back || !self.hosts[candidate.host.index()].is_plain_end {
            return false;
        }
        cx.observer.on_try(&AttemptRecord::of(candidate, hop, work.try_started, now, &verdict), delivery);
        delivery.handed_off = delivery.handed_off.min(now);
        delivery.host = Some(candidate.host);
        delivery.work.standstill_seen = SimDuration::MAX;
        self.let_go(cx, slot, End::Delivered);
        true
    }
}
