//! Messages, MX selection, sessions, hosts, queues and retry policies.

pub mod observe;

mod attempt;
mod backlog;
mod candidates;
mod closing;
mod connections;
mod deferral;
mod degraded;
mod destination;
mod flight;
mod flush;
mod freeze;
mod greylist;
mod hints;
mod host;
mod hoststat;
mod inherit;
mod known_routes;
mod machine;
mod memory;
mod message;
mod mta_relay;
mod node;
mod notices;
mod path;
mod patience;
mod pump;
mod queue;
mod ready_queue;
mod reception;
mod recipients;
mod remember;
pub mod retry;
mod reuse;
mod route;
mod runs;
mod scans;
mod serialized;
mod session;
mod spoken;
mod status;
mod sts;
mod tcpto;
mod unreachable;
mod welcome;
mod world;

pub(crate) use candidates::{Address, Candidate};
use destination::NextHop;
pub use flight::Flight;
pub use message::Message;
use mta_relay::Connected;
pub use notices::Notice;
pub use observe::MailObserver;
use queue::{Place, Tally};
pub use status::Status;
pub use world::{HostAvailability, Mail, MailContext, MailEvent};

use smallvec::SmallVec;

use crate::engine::time::{SimDuration, SimTime};
use crate::model::client::ClientRules;
use crate::model::{DataId, HostId, NameId, NodeId};
use crate::scenario::tree::Stage;

/// `recipients` deliveries of one message to one domain: they share every transaction. Where a host gives them different
/// fates, those that end leave it.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// When the message was created.
    pub created: SimTime,
    /// The first of its numbers, counted per sender from 1.
    pub number: u64,
    /// Who originated it.
    pub sender: NodeId,
    /// Who has custody.
    pub node: NodeId,
    /// When custody came to that node.
    pub in_custody_since: SimTime,
    /// Whom it is for.
    pub domain: NameId,
    /// The domain's place in its sender's list; `MAX` for none.
    pub(crate) place_in_list: u32,
    /// Bytes.
    pub size_bytes: u32,
    /// Its age at the start, whole seconds, if it was in its sender's queue then: `created` is the start itself.
    pub before_start_s: u32,
    /// How many deliveries it stands for.
    pub recipients: u16,
    /// Mail, or a notice about some.
    pub kind: Kind,
    /// Whether its return path is null, so that nobody is told of its failure.
    pub null_sender: bool,
    /// Delay warnings sent so far, and how many of them by nodes that had it before.
    pub warned: u16,
    pub(crate) warned_before: u16,
    /// Whether others of the message stay in the queue that it leaves.
    pub shares_file: bool,
    /// Which ones, where others of the message have ended before.
    pub(crate) members: Option<Box<recipients::Members>>,
    /// Attempts so far, at all nodes.
    pub attempts: u32,
    /// Attempts so far at the node that has custody.
    pub node_attempts: u32,
    /// Times it was put off without a connection.
    pub suspensions: u32,
    /// Whether it was created in the measured window.
    pub measured: bool,
    /// When the current attempt began.
    pub attempt_started: SimTime,
    /// When the first SYN of the current attempt was sent; `NEVER` before.
    pub first_syn: SimTime,
    /// Whether the current attempt's first-tried host failed.
    pub first_failed: bool,
    /// Whether the current attempt used a stale MX or address.
    pub stale_route: bool,
    /// When some host first answered 250 to it; `NEVER` before.
    pub handed_off: SimTime,
    /// The host that accepted it last.
    pub host: Option<HostId>,
    /// What it is doing, for those who count.
    pub(crate) phase: Phase,
    /// What the attempt is doing, and what is kept for it.
    pub(crate) work: Work,
}

/// What a delivery in a queue is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// New, or taken up: waiting for DNS, for its turn, or between two hosts.
    Active,
    /// Between two attempts, or on hold.
    Deferred,
    /// From the start of a try, its wait for the node's processor included, until the try ends.
    InSession,
}

/// The bit that numbers of inherited messages have: they move no draw of those that a sender creates.
const INHERITED: u64 = 1 << 60;

impl Delivery {
    /// Whether it was in its sender's queue before the start.
    #[inline]
    pub fn is_inherited(&self) -> bool {
        self.number & INHERITED != 0
    }

    /// Whether a run goes on, at most until its end, for as long as it is queued.
    #[inline]
    pub(crate) fn is_awaited(&self) -> bool {
        self.measured | self.is_inherited()
    }

    /// How old it is.
    #[inline]
    pub fn age(&self, now: SimTime) -> SimDuration {
        now.since(self.created).saturating_add(SimDuration::from_secs(u64::from(self.before_start_s)))
    }

    /// How long before the start the node that has custody got it: custody taken later begins at an instant of the run.
    #[inline]
    pub(crate) fn held_before(&self) -> SimDuration {
        match self.in_custody_since {
            SimTime::ZERO => SimDuration::from_secs(u64::from(self.before_start_s)),
            _ => SimDuration::ZERO,
        }
    }

    /// How long it has been in the custody of the node that has it.
    pub fn in_custody_for(&self, now: SimTime) -> SimDuration {
        now.since(self.in_custody_since).saturating_add(self.held_before())
    }

    /// A name for one of its numbers: `campus#12`, or `campus#queued-3` of what was there at the start.
    pub fn label(sender: &str, number: u64) -> String {
        match number & INHERITED {
            0 => format!("{sender}#{number}"),
            _ => format!("{sender}#queued-{}", number & !INHERITED),
        }
    }

    /// What it is doing; within one instant perhaps still what it did before.
    #[inline]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether that goes with the step that it is at, as it must whenever time passes.
    pub(crate) fn is_in_step(&self) -> bool {
        match self.work.step {
            Step::Waiting if self.node_attempts > 0 || self.suspensions > 0 => self.phase == Phase::Deferred,
            Step::Waiting => self.phase != Phase::InSession,
            Step::Queued | Step::Site | Step::Mx | Step::Address(_) | Step::Address6(_) => self.phase == Phase::Active,
            Step::Host(_) => self.phase != Phase::Deferred,
        }
    }

    /// It does something else from now on.
    #[inline]
    pub(crate) fn enter<O: MailObserver>(&mut self, observer: &mut O, now: SimTime, phase: Phase) {
        if self.phase != phase {
            let before = std::mem::replace(&mut self.phase, phase);
            observer.on_phase(now, self, before);
        }
    }
}

/// What an attempt needs to go on.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    /// What it is doing.
    pub step: Step,
    /// The MX RRset it goes by; [`crate::model::DataId::ABSENT`] for an implicit MX.
    pub mx: DataId,
    /// The domain, or the end of its chain of aliases.
    pub owner: NameId,
    /// Addresses are known, or being asked for, of preferences up to `upto`; those up to `after` have been tried.
    pub after: Option<u16>,
    pub upto: u16,
    /// Why an address could not be found out for now, if one could not.
    pub soft_failure: Option<NoHost>,
    /// Sessions of this attempt that got past the greeting.
    pub sessions: u16,
    /// Addresses tried in this attempt.
    pub tried: u16,
    /// Whether the current try goes through a session that was kept.
    pub reused: bool,
    /// Its place in its node's queue.
    pub place: Place,
    /// The site that it goes to, where that is found before it comes into the queue.
    pub site: Option<NextHop>,
    /// The queue runner that waits for it; 0 for none.
    pub runner: u16,
    /// Whether it is on the lists of those that wait for a host.
    pub is_listed: bool,
    /// What this attempt came across.
    pub tally: Tally,
    /// What it has of its relay's connections, where those are counted.
    pub connected: Connected,
    /// How many fallback relays this attempt has come to.
    pub fell_back: u32,
    /// The addresses of the attempt, in order of trial.
    pub candidates: SmallVec<[Candidate; 4]>,
    /// When the SYN of the current try was sent.
    pub try_started: SimTime,
    /// Round-trip time to the host of the current try.
    pub round_trip: SimDuration,
    /// How the current try will end.
    pub verdict: Verdict,
    /// Whether it holds one of the host's limited sessions.
    pub holds_session: bool,
    /// Whether it is counted among the sessions of its client.
    pub is_counted: bool,
    /// How long its host had stood still when its session began; `MAX` without a session.
    pub standstill_seen: SimDuration,
    /// When the attempt before failed, and when the policy then wanted the next.
    pub previous: Option<(SimTime, SimTime)>,
    /// Round trips that the current try lost before it went on in clear text; 0 if it did not.
    pub cleared: u8,
    /// Hosts that took custody so far.
    pub handoffs: u8,
    /// Counts what happened in this slot, so that an event for something past is known as such.
    pub generation: u16,
}

impl Work {
    /// What made the attempt fail: its last try, or its look-ups.
    pub fn cause(&self) -> retry::Cause {
        match (self.step, self.verdict.result) {
            (Step::Site | Step::Mx | Step::Address(_) | Step::Address6(_) | Step::Waiting | Step::Queued, _) => {
                retry::Cause::Dns
            }
            (_, TryResult::Refused | TryResult::Accepted) => retry::Cause::Refused,
            (_, TryResult::TimedOut) => retry::Cause::TimedOut(self.verdict.stage),
            (_, TryResult::Lost) => retry::Cause::Lost(self.verdict.stage),
            (_, TryResult::Reply(code)) => retry::Cause::Reply(self.verdict.stage, code),
        }
    }

    /// Whether its own retry time has come, by whole-second clocks.
    fn is_due(&self, now: SimTime) -> bool {
        self.previous.is_none_or(|(_, due)| due.whole_seconds() <= now.whole_seconds())
    }

    /// The place after that of a candidate that failed: where a client leaves an exchange once it was connected to, behind all
    /// its addresses.
    fn next_place(&self, hop: u16, rules: &ClientRules) -> u16 {
        let rest = &self.candidates[usize::from(hop)..];
        let is_left = rules.leaves_exchange && self.verdict.stage > Stage::Connect;
        let of_it = rest.iter().take_while(|candidate| is_left && candidate.name == rest[0].name).count();
        hop + of_it.max(1) as u16
    }

    /// The place of the next candidate from the `from`-th on that the limits of an attempt leave.
    fn next_hop(&self, from: u16, rules: &ClientRules) -> Hop {
        let next = usize::from(from);
        if u32::from(self.sessions) >= rules.session_limit {
            return Hop::Over;
        }
        if u32::from(self.tried) < rules.address_limit {
            return if next < self.candidates.len() { Hop::To(from) } else { Hop::Widen };
        }
        // Exim's hosts_max_try: past the limit, one host of each next preference.
        let true = rules.spares_next_preference.is_some_and(|most| u32::from(self.tried) < most) else {
            return Hop::Over;
        };
        let last = next.checked_sub(1).and_then(|last| self.candidates.get(last));
        let Some(last) = last else { return Hop::Over };
        let place = self.candidates[next..].iter().position(|candidate| candidate.preference > last.preference);
        place.map_or(Hop::Widen, |place| Hop::To((next + place) as u16))
    }
}

/// Where an attempt goes next.
pub(crate) enum Hop {
    /// To this candidate.
    To(u16),
    /// To those of the next preference, if there are any.
    Widen,
    /// Nowhere.
    Over,
}

/// How a try ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Verdict {
    pub result: TryResult,
    pub stage: Stage,
    pub served: SimDuration,
    pub status: Status,
    /// Whether the host has taken a copy that the client will not hear of (RFC 1047).
    pub taken: bool,
    /// Whether recipients have fates of their own.
    pub in_parts: bool,
}

impl Verdict {
    /// A failure, with the status that its result and stage usually have.
    pub const fn failed(result: TryResult, stage: Stage) -> Self {
        Self {
            result,
            stage,
            served: SimDuration::ZERO,
            status: Status::of(result, stage),
            taken: false,
            in_parts: false,
        }
    }

    /// 250 after the end of data.
    pub const fn accepted(served: SimDuration) -> Self {
        let (result, stage) = (TryResult::Accepted, Stage::EndOfData);
        Self { result, stage, served, status: Status::of(result, stage), taken: false, in_parts: false }
    }
}

/// What an attempt is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Between attempts.
    Waiting,
    /// In the active queue, for its turn.
    Queued,
    /// Asking for the MX RRset, to know which queue it comes into.
    Site,
    /// Asking for the MX RRset.
    Mx,
    /// Asking for the address of the n-th exchange.
    Address(u16),
    /// Asking for its IPv6 address.
    Address6(u16),
    /// At the n-th candidate.
    Host(u16),
}

/// What a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A message of a sender.
    Mail,
    /// A notice that a message could not be delivered; `created` is when that message was.
    Bounce,
    /// A notice that a message is late; `created` likewise.
    Warning,
}

/// How a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The final host accepted it.
    Delivered,
    /// Refused for good: by a host (5yz), or since there is nowhere to send it.
    Bounced(BounceCause),
    /// Given up after the queue lifetime.
    Expired,
    /// Thrown away without a word.
    Discarded,
}

/// Why the look-ups of an attempt left it no host to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoHost {
    /// SERVFAIL, also for want of an answer.
    ServFail,
    /// REFUSED.
    Refused,
    /// NXDOMAIN.
    NxDomain,
    /// No exchange has an address that may be used.
    NoAddress,
    /// A null MX (RFC 7505).
    NullMx,
    /// A relay found only itself, or worse.
    Loop,
    /// The domain's policy names none of its exchanges (RFC 8461).
    Policy,
}

/// Why something bounced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BounceCause {
    /// A host answered 5yz.
    Rejected,
    /// The domain does not exist (RFC 5321 section 5.1).
    NoDomain,
    /// The domain, or every exchange of it, has no address.
    NoAddress,
    /// A null MX (RFC 7505).
    NullMx,
    /// A relay found only itself, or worse.
    Loop,
}

/// One try of one address.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AttemptRecord {
    /// The host.
    pub host: HostId,
    /// The exchange's name.
    pub exchange: NameId,
    /// Which of the host's addresses of a family in the exchange's RRset it was, from 0, and whether of IPv6.
    pub address: (u8, bool),
    /// Which try within the attempt, from 0.
    pub hop: u16,
    /// When the SYN was sent.
    pub start: SimTime,
    /// When the client knew how it ended.
    pub end: SimTime,
    /// How far it came.
    pub stage: Stage,
    /// How it ended.
    pub result: TryResult,
    /// Service and transfer, without waiting and round trips, for what was accepted.
    pub served: SimDuration,
    /// What an RFC 3463 code says of it.
    pub status: Status,
}

impl AttemptRecord {
    pub(crate) fn of(candidate: Candidate, hop: u16, start: SimTime, end: SimTime, verdict: &Verdict) -> Self {
        let Verdict { result, stage, status, .. } = *verdict;
        let served = if result == TryResult::Accepted { verdict.served } else { SimDuration::ZERO };
        let address = (candidate.nth, candidate.is_v6);
        Self { host: candidate.host, exchange: candidate.name, address, hop, start, end, stage, result, served, status }
    }
}

/// How one try ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum TryResult {
    /// 250 after the end of data.
    Accepted,
    /// Reset.
    Refused,
    /// The connect or greeting time-out passed.
    TimedOut,
    /// The connection broke.
    Lost,
    /// This code at that stage.
    Reply(u16),
}
