//! Zones, what their parents say of them, and the servers that hold them.

use crate::engine::dist::Dist;
use crate::engine::time::SimDuration;
use crate::model::{DataId, NameId, RegionId, ServerId, ZoneId};
use crate::scenario::tree::{Ipv6, Lame, NegativeSoa};

/// A zone.
#[derive(Debug, Clone)]
pub struct ZoneModel {
    /// Its apex.
    pub apex: NameId,
    /// The zone that delegates to it; its own id at the root.
    pub parent: ZoneId,
    /// Its servers at time 0, in the order written.
    pub servers: Vec<ServerId>,
    /// What the parent says of it at time 0.
    pub delegation: DelegationModel,
    /// Its SOA.
    pub soa: SoaModel,
    /// Servers that are named as its own and do not hold it.
    pub lame: Vec<ServerId>,
}

/// A delegation as the parent holds it: NS, glue, and DS where the child is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DelegationModel {
    /// [`super::Rdata::Ns`].
    pub ns: DataId,
    /// TTL of the NS RRset, seconds.
    pub ns_ttl_s: u32,
    /// TTL of the glue, seconds.
    pub glue_ttl_s: u32,
    /// The key that the DS RRset stands for.
    pub ds: KeyId,
}

/// The key that a zone is signed with, or a DS RRset stands for; 0 for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyId(pub u8);

/// What a zone's SOA says (RFC 1035 section 3.3.13).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoaModel {
    /// Serial at time 0.
    pub serial: u32,
    /// REFRESH, RETRY and EXPIRE, seconds.
    pub timers_s: [u32; 3],
    /// TTL of the record, seconds.
    pub ttl_s: u32,
    /// MINIMUM: the negative TTL (RFC 2308 section 4), seconds.
    pub minimum_s: u32,
    /// What the servers make of it in negative answers.
    pub sent: NegativeSoa,
}

impl SoaModel {
    /// What a negative answer brings, where the record's TTL is now `ttl_s`: TTL as sent and MINIMUM, seconds, or no SOA
    /// (RFC 2308 section 3).
    pub fn in_negative(&self, ttl_s: u32) -> Option<(u32, u32)> {
        match self.sent {
            NegativeSoa::Trimmed => Some((ttl_s.min(self.minimum_s), self.minimum_s)),
            NegativeSoa::Untrimmed => Some((ttl_s, self.minimum_s)),
            NegativeSoa::Absent => None,
        }
    }
}

/// An authoritative server.
#[derive(Debug, Clone)]
#[repr(align(64))]
pub struct ServerModel {
    /// Its host name.
    pub name: NameId,
    /// Where it is.
    pub region: RegionId,
    /// Time it takes to answer, seconds.
    pub latency: Dist,
    /// Share of queries never answered.
    pub loss: f64,
    /// Whether it leaves the zone's NS RRset out of the authority section.
    pub minimal_responses: bool,
    /// What it says of a zone that it does not hold.
    pub lame: Lame,
    /// Its IPv6 address.
    pub ipv6: Ipv6,
}

/// A server that copies a zone from its primary (RFC 1034 section 4.3.5, RFC 1996).
#[derive(Debug, Clone)]
pub struct SecondaryModel {
    /// Of what.
    pub zone: ZoneId,
    /// Which server.
    pub server: ServerId,
    /// From which.
    pub primary: ServerId,
    /// SOA check after a success; the server's own least and greatest are in it.
    pub refresh: SimDuration,
    /// After a failure; likewise.
    pub retry: SimDuration,
    /// Least share of `refresh` and `retry` that is drawn: 1 for none.
    pub jitter: f64,
    /// It stops answering so long after its last success.
    pub expire: SimDuration,
    /// How a change is told.
    pub notify: Option<NotifyModel>,
}

/// NOTIFY from a primary to one secondary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NotifyModel {
    /// From the change to the message.
    pub delay: SimDuration,
    /// Share lost beside the loss of the way.
    pub loss: f64,
    /// Between messages until one is acknowledged.
    pub retry: SimDuration,
    /// Messages at most.
    pub tries: u32,
}
