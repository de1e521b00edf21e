//! What a host with rules says to a session that begins: to the client, to the message, to each recipient.

use rustc_hash::FxHashMap;

use smallvec::SmallVec;

use super::greylist::{Memory, Triplet};
use super::recipients::Fate;
use super::world::{Purpose, place};
use super::{Delivery, Mail, Status, TryResult, Verdict};
use crate::engine::random::{EntityKey, draw, unit_open};
use crate::engine::time::{SimDuration, SimTime};
use crate::model::HostId;
use crate::model::mail::{ClientRates, Reception};
use crate::scenario::tree::{FailureMode, Per, Stage};

/// The rules of a host, and what it remembers.
#[derive(Debug)]
pub(super) struct Guard<'m> {
    pub rules: &'m Reception,
    greylist: Option<Memory<'m>>,
    clients: Clients,
    /// Bytes on the disk of a final host, and when that was so.
    spool: (u64, SimTime),
}

/// What a session comes to.
#[derive(Debug, PartialEq)]
pub(super) enum Judgement {
    /// Every recipient is accepted.
    Accept,
    /// It fails like this.
    Fail(FailureMode, Option<Status>),
    /// Each recipient has a fate of its own.
    Parts(SmallVec<[Fate; 8]>),
}

/// Who connects: an address, and the network it is in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Client {
    pub address: u64,
    network: u64,
}

/// What is counted of client addresses.
#[derive(Debug, Default)]
struct Clients(FxHashMap<u64, Counts>);

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    sessions: u32,
    since: SimTime,
    connections: u32,
    messages: u32,
}

/// What a full disk says (RFC 3463).
const FULL: Status = Status::new(4, 3, 1);

/// Beyond so many addresses those that are idle are forgotten.
const CLIENTS_KEPT: usize = 65_536;

impl Clients {
    /// The counts of a client in its interval, which may begin now (Postfix anvil(8)).
    fn of(&mut self, now: SimTime, client: u64, per: SimDuration) -> &mut Counts {
        if self.0.len() >= CLIENTS_KEPT {
            self.0.retain(|_, counts| counts.sessions > 0 || now.since(counts.since) < per);
        }
        let counts = self.0.entry(client).or_insert(Counts { since: now, ..Counts::default() });
        if now.since(counts.since) >= per {
            *counts = Counts { sessions: counts.sessions, since: now, ..Counts::default() };
        }
        counts
    }
}

impl<'m> Guard<'m> {
    pub fn new(rules: &'m Reception) -> Self {
        Self {
            rules,
            greylist: rules.greylist.as_ref().map(Memory::new),
            clients: Clients::default(),
            spool: (0, SimTime::ZERO),
        }
    }

    /// A session of this client is over.
    pub fn leave(&mut self, client: Client) {
        if let Some(counts) = self.clients.0.get_mut(&client.address) {
            counts.sessions = counts.sessions.saturating_sub(1);
        }
    }

    /// A message was accepted, and lies on the disk until something takes it off.
    pub fn store(&mut self, now: SimTime, bytes: u32) {
        if self.rules.disk.is_some_and(|disk| disk.drains.is_some()) {
            self.spool = (self.spooled(now).saturating_add(u64::from(bytes)), now);
        }
    }

    fn spooled(&self, now: SimTime) -> u64 {
        let (bytes, since) = self.spool;
        let rate = self.rules.disk.and_then(|disk| disk.drains).unwrap_or(0.0);
        bytes.saturating_sub((rate * now.since(since).as_secs_f64()) as u64)
    }

    /// The client is let in, or turned away like this. `Ok(true)` if its session is counted. One that was kept has been let in:
    /// it brings a message, and is no connection.
    fn admit(&mut self, now: SimTime, client: Client, is_kept: bool) -> Result<bool, (FailureMode, Status)> {
        let Some(rates) = self.rules.clients else { return Ok(false) };
        let ClientRates { sessions, connections, messages, per, connection_code, message_code } = rates;
        let counts = self.clients.of(now, client.address, per);
        counts.connections = counts.connections.saturating_add(u32::from(!is_kept));
        if !is_kept && (counts.sessions >= sessions || counts.connections > connections) {
            let class = if connection_code < 500 { 4 } else { 5 };
            let mode = FailureMode::Reply { stage: Stage::Greeting, code: connection_code };
            return Err((mode, Status::new(class, 7, 0)));
        }
        counts.messages = counts.messages.saturating_add(1);
        if counts.messages > messages {
            let class = if message_code < 500 { 4 } else { 5 };
            return Err((FailureMode::Reply { stage: Stage::Mail, code: message_code }, Status::new(class, 7, 1)));
        }
        counts.sessions += 1;
        Ok(true)
    }

    /// What is wrong with the message as such: too large for the host, or for its disk. `queued` is what a relay holds.
    fn refuse(&self, now: SimTime, bytes: u32, queued: u64) -> Option<(FailureMode, Status)> {
        if let Some((limit, announced)) = self.rules.size_limit
            && u64::from(bytes) > limit
        {
            let stage = if announced { Stage::Mail } else { Stage::EndOfData };
            return Some((FailureMode::Reply { stage, code: 552 }, Status::new(5, 3, 4)));
        }
        self.is_full(now, bytes, queued).then_some((FailureMode::Reply { stage: Stage::Mail, code: 452 }, FULL))
    }

    /// Whether its disk has no room for so much.
    fn is_full(&self, now: SimTime, bytes: u32, queued: u64) -> bool {
        self.rules.disk.is_some_and(|disk| {
            let held = if disk.drains.is_some() { self.spooled(now) } else { queued };
            held.saturating_add(u64::from(bytes)) > disk.capacity
        })
    }
}

/// The failure that a connection or message meets by chance.
pub(super) fn chance(
    rules: &Reception,
    host: HostId,
    key: EntityKey,
    delivery: &Delivery,
    hop: u16,
) -> Option<FailureMode> {
    // A connection that was kept has met none.
    let is_kept = delivery.work.reused;
    let mut chances = rules.chances.iter().zip(0u64..).filter(|(chance, _)| !is_kept || chance.per == Per::Message);
    let (hit, _) = chances.find(|(chance, index)| {
        let at = match chance.per {
            Per::Connection => place(delivery.attempts, u32::from(hop), Purpose::Chance),
            // Attempts count from 1.
            Per::Message => place(0, host.0, Purpose::Chance),
        };
        unit_open(draw(key, delivery.number, at | index)) < chance.share
    })?;
    Some(hit.fails)
}

impl<'m> Mail<'m> {
    /// From which address the current attempt connects.
    pub(super) fn client_of(&self, slot: u32) -> Client {
        let delivery = &self.slots[slot as usize];
        let (node, pool) = (u64::from(delivery.node.0) << 32, self.model.mail.nodes[delivery.node.index()].pool);
        if pool.addresses == 1 {
            return Client { address: node, network: node };
        }
        let key = self.nodes[delivery.sender.index()].key;
        let bits = draw(key, delivery.number, place(delivery.attempts, 0, Purpose::Address));
        let address = bits % u64::from(pool.addresses);
        Client { address: node | address, network: node | (address % u64::from(pool.networks)) }
    }

    /// What a host knows that took a message's envelope when it has the data, too: whether others filled its disk meanwhile.
    pub(super) fn unless_full(&mut self, now: SimTime, slot: u32, host: HostId, verdict: Verdict) -> Verdict {
        let relay = self.model.mail.hosts[host.index()].relay;
        let queued = relay.map_or(0, |relay| self.nodes[relay.index()].bytes);
        let bytes = self.slots[slot as usize].size_bytes;
        if !self.hosts[host.index()].guard.as_ref().is_some_and(|guard| guard.is_full(now, bytes, queued)) {
            return verdict;
        }
        self.parts.remove(&slot);
        let full = Verdict { status: FULL, ..Verdict::failed(TryResult::Reply(452), Stage::EndOfData) };
        self.slots[slot as usize].work.verdict = full;
        full
    }

    /// What a session that begins now at a host with rules will come to.
    pub(super) fn judge(&mut self, slot: u32, host: HostId, now: SimTime) -> Judgement {
        let client = self.client_of(slot);
        let by_chance = self.chance(slot, host).and_then(|mode| self.meets(slot, host, mode));
        let model = &self.model.mail.hosts[host.index()];
        let queued = model.relay.map_or(0, |relay| self.nodes[relay.index()].bytes);
        let Some(guard) = &mut self.hosts[host.index()].guard else { return Judgement::Accept };
        let delivery = &mut self.slots[slot as usize];
        let key = self.nodes[delivery.sender.index()].key;
        if let Some(FailureMode::Reply { stage: Stage::Greeting, .. }) = by_chance {
            return Judgement::Fail(by_chance.unwrap_or_default(), None);
        }
        match guard.admit(now, client, delivery.work.reused) {
            Ok(counted) => delivery.work.is_counted = counted,
            Err((mode, status)) => return Judgement::Fail(mode, Some(status)),
        }
        if let Some(mode) = by_chance {
            return Judgement::Fail(mode, None);
        }
        if let Some((mode, status)) = guard.refuse(now, delivery.size_bytes, queued) {
            return Judgement::Fail(mode, Some(status));
        }
        let source = self.model.mail.nodes[delivery.sender.index()].source.as_ref();
        guard.check_recipients(now, delivery, client, key, source.map_or(0, |source| source.correspondents))
    }
}

impl Guard<'_> {
    fn check_recipients(
        &mut self,
        now: SimTime,
        delivery: &Delivery,
        client: Client,
        key: EntityKey,
        correspondents: u32,
    ) -> Judgement {
        let unknown = self.rules.unknown_users;
        if unknown <= 0.0 && self.greylist.is_none() {
            return Judgement::Accept;
        }
        let mut fates: SmallVec<[Fate; 8]> = SmallVec::new();
        for number in delivery.numbers() {
            // Whoever does not exist never will, and is refused before anything is remembered of it (Postfix smtpd
            // asks its policy services last).
            if unknown > 0.0 && unit_open(draw(key, number, place(0, 0, Purpose::Unknown))) < unknown {
                fates.push(Fate::Refused);
                continue;
            }
            let passes = self.greylist.as_mut().is_none_or(|memory| {
                let pair = match u64::from(correspondents) {
                    0 => number,
                    n => draw(key, number, place(0, 0, Purpose::Pair)) % n,
                };
                let network = if memory.rules().by_network { client.network } else { client.address };
                let (node, domain) = (delivery.sender.0, delivery.domain.0);
                memory.passes(now, Triplet { client: network, node, domain, pair }, client.address)
            });
            fates.push(if passes { Fate::Accepted } else { Fate::Deferred });
        }
        let code = self.greylist.as_ref().map_or(450, |memory| memory.rules().code);
        let all = |fate| fates.iter().all(|&other| other == fate);
        if all(Fate::Accepted) {
            Judgement::Accept
        } else if all(Fate::Refused) {
            Judgement::Fail(FailureMode::Reply { stage: Stage::Rcpt, code: 550 }, Some(Status::new(5, 1, 1)))
        } else if all(Fate::Deferred) {
            let class = if code < 500 { 4 } else { 5 };
            Judgement::Fail(FailureMode::Reply { stage: Stage::Rcpt, code }, Some(Status::new(class, 2, 0)))
        } else {
            Judgement::Parts(fates)
        }
    }
}
