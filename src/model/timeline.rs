//! What an operator does, and when.

use super::dns::Question;
use super::faults::Brownout;
use super::network::Network;
use super::{CacheId, DataId, HostId, NameId, NodeId, ResolverId, TargetId, ZoneId};
use crate::engine::dist::Dist;
use crate::engine::time::SimTime;
use crate::scenario::tree::{FailureMode, HostIpv6, NsAt, OldServers, ServeStale};

/// One thing done at one instant.
#[derive(Debug, Clone)]
pub struct TimelineItem {
    /// What charts call it: the entry's name, or what it does.
    pub name: String,
    /// When.
    pub at: SimTime,
    /// The entry of the scenario it comes from. An entry with `for` gives two items, the second undoing the first.
    pub entry: u32,
    /// Whether it is the undoing.
    pub undoes: bool,
    /// What it does.
    pub action: ActionModel,
}

/// What is done.
#[derive(Debug, Clone)]
pub enum ActionModel {
    /// Replaces an RRset's data at its primary and keeps its TTL; an RRset that was absent gets `ttl_s`.
    SetData { question: Question, data: DataId, ttl_s: u32 },
    /// Changes TTLs at the primary.
    SetTtl { questions: Vec<(Question, u32)> },
    /// Names other servers for a zone; `ttl_s` is the RRset's from then on, if it is to change. With a new key, the DS at
    /// the parent no longer fits what the zone is signed with.
    SetNs { zone: ZoneId, ns: DataId, ttl_s: Option<u32>, at: NsAt, old: OldServers, is_new_key: bool },
    /// Takes zones' DS away from their parents.
    RemoveDs { zones: Vec<ZoneId> },
    /// Sets zones' serials.
    SetSerial { zones: Vec<ZoneId>, serial: u32 },
    /// Adds a cause of being down to some targets.
    Down { targets: Vec<TargetId>, mode: FailureMode },
    /// Takes that cause (of the same entry) away again.
    Up { targets: Vec<TargetId> },
    /// Takes resolvers' caches down for one more cause, or for one less.
    SetDown { caches: Vec<CacheId>, is_down: bool },
    /// Another network: some links are cut, or whole again.
    SetNetwork {
        network: Box<Network>,
        /// Hosts that some sender reached before the entry and does not now.
        cut_off: Vec<HostId>,
    },
    /// Changes how hosts and name servers answer.
    SetBrownout { each: Vec<(TargetId, Option<Brownout>)> },
    /// Changes hosts' session limits.
    SetSessions { hosts: Vec<HostId>, sessions: Option<u32> },
    /// Changes domains' MTA-STS policies: an index among the model's, or none; with a new `id` in the TXT record or not.
    SetSts { domains: Vec<NameId>, policy: Option<usize>, is_announced: bool },
    /// Breaks off what is under way at hosts.
    CloseSessions { hosts: Vec<HostId> },
    /// Changes what connections over IPv6 meet.
    SetIpv6 { hosts: Vec<HostId>, ipv6: HostIpv6 },
    /// Changes hosts' service times, seconds.
    SetService { hosts: Vec<HostId>, service: Dist },
    /// Drops everything, or one name, from caches.
    FlushCache { caches: Vec<CacheId>, name: Option<NameId> },
    /// Changes when resolvers give out what has expired.
    SetServeStale { resolvers: Vec<ResolverId>, serve: ServeStale },
    /// Makes what nodes hold back due now.
    FlushQueue { nodes: Vec<NodeId> },
    /// Starts a queue run.
    RunQueue { nodes: Vec<NodeId> },
}

impl ActionModel {
    /// Whether questions may go to other caches afterwards, take another time, or get lost.
    pub const fn moves_questions(&self) -> bool {
        matches!(self, Self::SetDown { .. } | Self::SetNetwork { .. })
    }
}
