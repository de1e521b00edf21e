//! What client and host speak: what the one makes use of, of what the other offers; clear text where STARTTLS fails.

use super::Mail;
use super::session::RoundTrips;
use crate::model::HostId;
use crate::model::speaks::{Clear, Pipelining};
use crate::scenario::tree::{FailureMode, SmtpService, Stage, Tls};

/// Round trips until the reply to STARTTLS, and of that reply: TCP, greeting, EHLO, STARTTLS.
const UNTIL_STARTTLS: u8 = 4;
const STARTTLS: u8 = 1;

impl<'m> Mail<'m> {
    /// The service that a try has at its host. A node that keeps MTA-STS policies speaks TLS.
    pub(super) fn spoken(&self, slot: u32, host: HostId) -> SmtpService {
        let delivery = &self.slots[slot as usize];
        let node = &self.model.mail.nodes[delivery.node.index()];
        let mut speaks = node.client.speaks;
        speaks.starttls = (speaks.starttls || node.checks_sts) && delivery.work.cleared == 0;
        speaks.with(&self.model.mail.hosts[host.index()].smtp)
    }

    /// Its round trips.
    pub(super) fn trips(&self, slot: u32, host: HostId) -> RoundTrips {
        let delivery = &self.slots[slot as usize];
        let speaks = &self.model.mail.nodes[delivery.node.index()].client.speaks;
        let in_one_flight =
            speaks.pipelining == Pipelining::Recipients && self.model.mail.hosts[host.index()].smtp.pipelining;
        let flights = if in_one_flight { 1 } else { delivery.recipients };
        RoundTrips::of(&self.spoken(slot, host), flights, delivery.size_bytes)
    }

    /// What a host's failure is to a try: at STARTTLS none to a client that does not say it, or goes on in clear text; one
    /// that keeps MTA-STS policies does not.
    pub(super) fn meets(&mut self, slot: u32, host: HostId, mode: FailureMode) -> Option<FailureMode> {
        let delivery = &self.slots[slot as usize];
        let node = &self.model.mail.nodes[delivery.node.index()];
        let clear = match mode {
            FailureMode::Reply { stage: Stage::StartTls, .. } => node.client.speaks.in_clear.refused,
            FailureMode::Lost { stage: Stage::StartTls } => node.client.speaks.in_clear.broken,
            FailureMode::SilentAt { stage: Stage::StartTls } => Clear::Never,
            _ => return Some(mode),
        };
        if delivery.work.reused || self.spoken(slot, host).tls == Tls::Off {
            return None;
        }
        let lost = match clear {
            Clear::SameConnection => STARTTLS,
            Clear::NewConnection => UNTIL_STARTTLS,
            Clear::OnceOld(age) if delivery.in_custody_for(delivery.attempt_started) >= age => UNTIL_STARTTLS,
            Clear::OnceOld(_) | Clear::Never => return Some(mode),
        };
        if node.checks_sts {
            return Some(mode);
        }
        self.slots[slot as usize].work.cleared = lost;
        None
    }
}
