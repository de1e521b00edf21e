//! A host whose server process ends: sessions under way break off, connections that wait and sessions that were kept are
//! gone.

use super::world::World;
use super::{HostAvailability, Mail, MailContext, MailObserver, TryResult, Verdict};
use crate::dns::{DnsObserver, ServerState};
use crate::engine::time::{SimDuration, SimTime};
use crate::model::HostId;
use crate::scenario::tree::Stage;

impl<'m> Mail<'m> {
    /// Breaks off what is under way at a host. Nothing of a message whose 250 was not sent has been kept.
    pub fn close_sessions<E, O, F>(&mut self, cx: &mut MailContext<'_, 'm, E, O, F>, host: HostId)
    where
        E: Copy + From<super::MailEvent> + From<crate::dns::DnsEvent>,
        O: MailObserver + DnsObserver,
        F: HostAvailability + ServerState,
    {
        let now = cx.scheduler.now();
        let has_begun = |slot: &u32| self.slots[*slot as usize].work.standstill_seen != SimDuration::MAX;
        let mut open: Vec<u32> = (0..self.slots.len() as u32).filter(has_begun).collect();
        open.retain(|&slot| self.host_of(slot) == Some(host));
        open.sort_by_key(|&slot| self.slots[slot as usize].arrival_order());
        for slot in open {
            let stage = self.stage_at(slot, host, now);
            self.break_off(cx, slot, stage);
        }
        for waiting in std::mem::take(&mut self.hosts[host.index()].backlog) {
            self.waiting -= 1;
            if self.is_current(waiting.slot, waiting.generation) {
                self.break_off(cx, waiting.slot, Stage::Greeting);
            }
        }
        for node in 0..self.nodes.len() {
            let Some(queue) = &mut self.nodes[node].queue else { continue };
            let closed = queue.connections.close(|other| other == host);
            closed.iter().for_each(|idle| queue.count(now, idle.address, false));
            for _ in closed.iter().filter(|idle| idle.holds_session) {
                self.on_host_frees(cx, host);
            }
        }
        self.pump_all(cx);
    }

    /// The client of a session learns, half a round trip from now, that it is gone.
    fn break_off<E: World, O, F>(&mut self, cx: &mut MailContext<'_, 'm, E, O, F>, slot: u32, stage: Stage) {
        let now = cx.scheduler.now();
        self.parts.remove(&slot);
        if let Some(host) = self.host_of(slot) {
            self.hosts[host.index()].standstill.forget(slot);
        }
        let work = &mut self.slots[slot as usize].work;
        work.verdict = Verdict::failed(TryResult::Lost, stage);
        work.standstill_seen = SimDuration::MAX;
        work.generation = work.generation.wrapping_add(1);
        let way = SimDuration::from_nanos(work.round_trip.as_nanos() / 2);
        self.try_ends_at(cx, slot, now + way.max(SimDuration::TICK));
    }

    /// What the client of a session waits for, by the round trips that it has had time for.
    fn stage_at(&self, slot: u32, host: HostId, now: SimTime) -> Stage {
        let delivery = &self.slots[slot as usize];
        let trips = self.trips(slot, host);
        let round_trip = delivery.work.round_trip;
        let before = if delivery.work.reused { trips.handshake } else { 0 };
        let gone = now.since(delivery.work.try_started) + round_trip.saturating_mul(u64::from(before));
        let mut stages =
            [Stage::Greeting, Stage::Ehlo, Stage::StartTls, Stage::Mail, Stage::Rcpt, Stage::Data].into_iter();
        let waits = |stage: &Stage| gone < round_trip.saturating_mul(u64::from(trips.until(*stage)));
        stages.find(waits).unwrap_or(Stage::EndOfData)
    }
}
