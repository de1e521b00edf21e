//! Caches, resolvers and authoritative servers. Knows nothing of mail: whoever asks gives a [`Waiter`] and gets it back.

mod address;
mod asking;
mod authority;
mod cache;
mod current;
mod delegation;
pub mod dig;
mod down;
mod fetch;
mod finish;
mod forward;
mod last_resort;
mod look;
mod lru;
pub mod observe;
mod operator;
mod paged;
mod path;
mod push;
mod resolver;
mod selection;
mod soa;
mod stale;
mod stub;
mod throttle;
mod transfer;
mod walk;

pub use look::Link;
pub use observe::{Asker, DnsObserver, LookupRecord};
pub use resolver::Dns;

use crate::engine::random::EntityKey;
use crate::engine::time::SimTime;
use crate::model::dns::Question;
use crate::model::{DataId, NameId, RegionId, ResolverId};

/// How a question ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// There is data.
    Data(DataId),
    /// The name exists, without data of that type.
    NoData,
    /// The name does not exist.
    NxDomain,
    /// The resolver could not find out.
    ServFail,
    /// The resolver does not answer for that name.
    Refused,
}

impl Outcome {
    /// Its data; [`DataId::ABSENT`] if there is none.
    pub const fn data(self) -> DataId {
        match self {
            Self::Data(data) => data,
            Self::NoData | Self::NxDomain | Self::ServFail | Self::Refused => DataId::ABSENT,
        }
    }
}

/// Where an answer came from (`hit` covers positive answers only).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Fetched for this asker.
    Miss,
    /// Fetched already for another asker, whom this one joined.
    Coalesced,
    /// From the cache.
    Hit,
    /// From the cache, after its time (RFC 8767).
    Expired,
    /// From the cache: that there is nothing.
    Negative,
    /// From the cache: that it could not be found out.
    Failure,
}

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// What it says.
    pub outcome: Outcome,
    /// The name the data belongs to: the question's, or the end of its chain of aliases.
    pub owner: NameId,
    /// Time left to live, whole seconds.
    pub ttl_s: u32,
    /// When it ends for whoever gave it: the same, finer.
    pub until: SimTime,
    /// Whether the primary of the zone now holds other data (judged when the resolver answered).
    pub stale: bool,
    /// How many times the RRset had changed at its primary when this data was put there; 0 at the start.
    pub data_version: u32,
    /// Where it came from.
    pub source: Source,
}

/// Who waits for an answer: an opaque number of the asker's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiter(pub u32);

/// A question on its way from an asker.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// Whom.
    pub resolver: ResolverId,
    /// What.
    pub question: Question,
    /// Where the asker is.
    pub region: RegionId,
    /// What draws made for it are keyed by: round trip to the resolver, member of the farm. `draw(key, a, b ^ n)` for
    /// n = 0, 1, ... of which the low 8 bits of `b` are left free.
    pub key: EntityKey,
    /// See `key`.
    pub a: u64,
    /// See `key`.
    pub b: u64,
    /// For the record.
    pub asker: Asker,
    /// Comes back with the answer.
    pub waiter: Waiter,
}

/// An answer that came later than at once.
#[derive(Debug, Clone, Copy)]
pub struct Completed {
    /// Whose.
    pub waiter: Waiter,
    /// On whose behalf.
    pub asker: Asker,
    /// The answer.
    pub answer: Answer,
    /// When it was asked.
    pub asked: SimTime,
}

/// What can happen in DNS; the number is a slot of the resolver's own tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DnsEvent {
    /// An asker's question reaches its resolver.
    QuestionArrives(u32),
    /// An answer reaches its asker.
    AnswerArrives(u32),
    /// A fetch's query reaches a server (or upstream resolver).
    QueryArrives(u32),
    /// The response reaches the resolver.
    ResponseArrives(u32),
    /// A fetch has waited long enough.
    TimedOut(u32),
    /// A secondary's check of the SOA is due.
    CheckDue(u32),
    /// A primary's NOTIFY to a secondary is due.
    NotifyDue(u32),
    /// A secondary has the zone.
    Transferred(u32),
    /// A forwarder may have waited long enough for its upstream.
    ForwardTimedOut(u32),
    /// An asker may have waited long enough to be given what has expired.
    StaleDue(u32),
    /// A cache is told of a change.
    Told(u32),
    /// An asker may have waited long enough to ask again, or to give up.
    StubDue(u32),
}

/// Whether name servers are up.
pub trait ServerState {
    /// Whether it answers now.
    fn server_is_up(&self, server: crate::model::ServerId) -> bool;
    /// Whether, not being up, it refuses at once (ICMP) instead of being silent.
    fn server_refuses(&self, server: crate::model::ServerId) -> bool;
}
