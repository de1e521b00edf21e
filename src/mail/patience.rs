//! Time-outs of a session: how long a client waits at each stage for a host that takes its time (RFC 5321 section 4.5.3.2).

use super::session;
use super::world::{Purpose, place};
use super::{Mail, TryResult, Verdict};
use crate::engine::random::draw;
use crate::engine::time::SimDuration;
use crate::model::HostId;
use crate::scenario::tree::{Stage, Tls};

/// Stages at which a command is answered, in order.
const ANSWERED: [Stage; 6] = [Stage::Ehlo, Stage::StartTls, Stage::Mail, Stage::Rcpt, Stage::Data, Stage::EndOfData];

impl<'m> Mail<'m> {
    fn tarpit(&self, slot: u32, host: HostId, hop: u16) -> Option<(SimDuration, SimDuration)> {
        let (greeting, reply) = self.model.mail.hosts[host.index()].reception.as_ref()?.tarpit.as_ref()?;
        let delivery = &self.slots[slot as usize];
        let key = self.nodes[delivery.sender.index()].key;
        let at = place(delivery.attempts, u32::from(hop), Purpose::Tarpit);
        let pause = |of: &crate::engine::dist::Dist, nth| of.sample_span(draw(key, delivery.number, at | nth));
        Some((pause(greeting, 0), pause(reply, 1)))
    }

    /// The tarpit's pauses until the reply at a stage.
    pub(super) fn pauses(&self, slot: u32, host: HostId, hop: u16, stage: Stage) -> SimDuration {
        let Some((greeting, reply)) = self.tarpit(slot, host, hop) else { return SimDuration::ZERO };
        let (smtp, delivery) = (self.spoken(slot, host), &self.slots[slot as usize]);
        let replies = session::replies(&smtp, delivery.recipients, stage);
        if delivery.work.reused {
            // Greeting, EHLO and STARTTLS were long ago.
            let before = session::replies(&smtp, delivery.recipients, Stage::Mail) - 1;
            return reply.saturating_mul(u64::from(replies.saturating_sub(before)));
        }
        greeting + reply.saturating_mul(u64::from(replies))
    }

    /// The first stage, of those up to the one at which a try ends, at which the tarpit is deeper than the client's patience.
    pub(super) fn stuck_at(&self, slot: u32, host: HostId, hop: u16, until: Stage) -> Option<Stage> {
        let (greeting, reply) = self.tarpit(slot, host, hop)?;
        let rules = &self.model.mail.nodes[self.slots[slot as usize].node.index()].client;
        let smtp = self.spoken(slot, host);
        let is_kept = self.slots[slot as usize].work.reused;
        if !is_kept && greeting >= rules.greeting_timeout {
            return Some(Stage::Greeting);
        }
        let mut asked = ANSWERED.into_iter().filter(|stage| *stage <= until && (!is_kept || *stage >= Stage::Mail));
        asked.find(|&stage| (stage != Stage::StartTls || smtp.tls != Tls::Off) && reply >= rules.patience(stage))
    }

    /// When a client that is stuck at a stage hangs up, counted from now; `gone` is what of the talk is over.
    pub(super) fn lost_patience(
        &self,
        slot: u32,
        host: HostId,
        hop: u16,
        stage: Stage,
        gone: SimDuration,
    ) -> SimDuration {
        let delivery = &self.slots[slot as usize];
        let rules = &self.model.mail.nodes[delivery.node.index()].client;
        let trips = self.trips(slot, host);
        let shaken = if delivery.work.reused { trips.handshake } else { 0 };
        let rounds = trips.until(stage).saturating_sub(1).saturating_sub(shaken);
        let talk = delivery.work.round_trip.saturating_mul(u64::from(rounds));
        let before = match ANSWERED.iter().position(|known| *known == stage) {
            None => SimDuration::ZERO,
            Some(0) => self.pauses(slot, host, hop, Stage::Greeting),
            Some(place) => self.pauses(slot, host, hop, ANSWERED[place - 1]),
        };
        talk.saturating_sub(gone) + before + rules.patience(stage)
    }

    /// A host that takes longer for a message than its client waits for the last reply: the client hangs up and tries again
    /// later, the host goes on and has a copy (RFC 1047). Which of several recipients has one is not told.
    pub(super) fn outlasted(
        &mut self,
        slot: u32,
        verdict: Verdict,
        service: SimDuration,
        transfer: SimDuration,
    ) -> (Verdict, SimDuration) {
        let rules = &self.model.mail.nodes[self.slots[slot as usize].node.index()].client;
        let patience = rules.patience(Stage::EndOfData);
        let timed_out = Verdict {
            taken: !verdict.in_parts,
            served: service.saturating_sub(patience),
            ..Verdict::failed(TryResult::TimedOut, Stage::EndOfData)
        };
        if verdict.in_parts {
            self.parts.remove(&slot);
        }
        (timed_out, transfer + patience)
    }

    /// How long a host goes on with a message whose client has hung up.
    pub(super) fn goes_on_for(&self, slot: u32) -> SimDuration {
        let verdict = &self.slots[slot as usize].work.verdict;
        if verdict.result == TryResult::TimedOut { verdict.served } else { SimDuration::ZERO }
    }
}
