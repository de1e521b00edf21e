//! Hosts, and nodes: what has a queue.

pub mod reception;
pub mod retry;

pub use reception::*;
pub use retry::*;

pub use super::client::ClientRules;
use super::dns::ArrivalsModel;
use super::{HostId, NameId, RegionId, ResolverId};
use crate::engine::choice::WeightedChoice;
use crate::engine::dist::Dist;
use crate::scenario::tree::{BacklogFull, FailureMode, HostIpv6, SmtpService, WhenFull};

/// All of mail, as it is at simulated time 0.
#[derive(Debug, Clone, Default)]
pub struct MailModel {
    /// MX hosts.
    pub hosts: Vec<HostModel>,
    /// Senders in the order written, then the relays among the hosts.
    pub nodes: Vec<NodeModel>,
    /// How many of the nodes are senders.
    pub senders: usize,
    /// Hosts that have no name but their address, by it.
    pub literals: Vec<(NameId, HostId)>,
    /// Whether any host ever has an IPv6 address: else nobody asks for one.
    pub has_ipv6: bool,
    /// Domains that ever have an MTA-STS policy, and the first of each.
    pub sts: Vec<StsFirst>,
    /// All policies that any of them ever has.
    pub sts_policies: Vec<StsPolicy>,
}

impl MailModel {
    /// Whether some bounces and warnings are messages of their own: they have a domain to go to.
    pub fn has_notices(&self) -> bool {
        self.nodes.iter().any(|node| node.source.as_ref().is_some_and(|source| source.return_path.is_some()))
    }

    /// The host of an exchange that is an address literal.
    #[inline]
    pub fn literal(&self, exchange: NameId) -> Option<HostId> {
        if self.literals.is_empty() {
            return None;
        }
        let place = self.literals.binary_search_by_key(&exchange, |literal| literal.0).ok()?;
        Some(self.literals[place].1)
    }
}

/// A domain's MTA-STS policy at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StsFirst {
    /// Whose.
    pub domain: NameId,
    /// Which; none yet.
    pub policy: Option<usize>,
    /// How long the TXT record that announces it is kept.
    pub txt_ttl: crate::engine::time::SimDuration,
}

/// An MTA-STS policy (RFC 8461 section 3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StsPolicy {
    /// Mode `enforce`; otherwise `testing`, which forbids nothing.
    pub enforces: bool,
    /// How long a sender keeps it.
    pub max_age: crate::engine::time::SimDuration,
    /// The `mx` lines.
    pub names: Vec<String>,
}

/// An MX host.
#[derive(Debug, Clone)]
pub struct HostModel {
    /// Its name.
    pub name: NameId,
    /// Where it is.
    pub region: RegionId,
    /// Most sessions at once.
    pub sessions: Option<u32>,
    /// What a connection meets when all are taken.
    pub when_full: WhenFull,
    /// Most connections that wait.
    pub backlog: u32,
    /// What a connection meets beyond them.
    pub when_backlog_full: BacklogFull,
    /// Service time of a message, seconds.
    pub service: Dist,
    /// What a connection over IPv6 meets.
    pub ipv6: HostIpv6,
    /// What it offers.
    pub smtp: SmtpService,
    /// How it fails on its own.
    pub fails: FailureMode,
    /// Time until a refusal is known to the client, counted from its SYN.
    pub refusal: Option<Dist>,
    /// What it asks of those who connect.
    pub reception: Option<Box<Reception>>,
    /// How its mailboxes are kept, if they are replicated.
    pub store: Option<StoreModel>,
    /// Zone apexes for which it stores and forwards, sorted.
    pub relays_for: Vec<NameId>,
    /// The node that holds what it relays.
    pub relay: Option<super::NodeId>,
}

/// Something with a queue.
#[derive(Debug, Clone)]
pub struct NodeModel {
    /// Its name: a sender's, or a relay host's.
    pub name: String,
    /// Where it is.
    pub region: RegionId,
    /// Whom it asks.
    pub resolver: ResolverId,
    /// When it tries again.
    pub retry: RetryPolicy,
    /// What it does within an attempt.
    pub client: ClientRules,
    /// The host it is, if it is a relay: dropped from MX lists with its equals and worse (RFC 5321 section 5.1).
    pub host: Option<HostId>,
    /// Whether it looks for MTA-STS policies.
    pub checks_sts: bool,
    /// Whether its postmaster is told of bounces that cannot be delivered.
    pub tells_postmaster: bool,
    /// From which addresses it connects.
    pub pool: Pool,
    /// What it originates; nothing if it is a relay.
    pub source: Option<SourceModel>,
}

/// The addresses that a node connects from: an attempt takes one at random, the i-th is in network `i % networks`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// How many.
    pub addresses: u32,
    /// How many networks (/24) they are in.
    pub networks: u32,
}

/// What a sender originates.
#[derive(Debug, Clone)]
pub struct SourceModel {
    /// When.
    pub arrivals: ArrivalsModel,
    /// When it begins, seconds.
    pub begins: Dist,
    /// To which domains; empty if the trace says so row by row.
    pub domains: Vec<NameId>,
    /// Which of them.
    pub choice: WeightedChoice,
    /// Bytes of a message.
    pub size: Dist,
    /// Recipients of a message.
    pub recipients: Dist,
    /// How many pairs of envelope sender and recipient it writes to at a domain; `0`: each recipient is a new pair.
    pub correspondents: u32,
    /// Share of messages with a null return path.
    pub null_sender: f64,
    /// Where notices about its messages go; `None`: they are there at once.
    pub return_path: Option<NameId>,
    /// What is in its queue at the start, in the order of the file.
    pub queue: Vec<InheritedMessage>,
}

/// A message that was in a queue before the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InheritedMessage {
    /// Whom it is for.
    pub domain: NameId,
    /// Its age at the start, seconds.
    pub age_s: u32,
    /// Bytes.
    pub size_bytes: u32,
    /// How many recipients of that domain it has.
    pub recipients: u16,
    /// Whether its return path is null.
    pub null_sender: bool,
    /// Whether it waits for its next attempt; else it is taken up at once.
    pub is_deferred: bool,
    /// Whether it is on hold: nothing happens to it.
    pub is_held: bool,
    /// Whether it is given up when its next attempt fails.
    pub is_forced: bool,
}

impl NodeModel {
    /// Whose its numbers are, in the tables.
    pub fn scope(&self) -> String {
        format!("{}:{}", if self.source.is_some() { "sender" } else { "host" }, self.name)
    }
}

impl SourceModel {
    /// Every domain it may send to: those it chooses from, and those that the rows of its trace name.
    pub fn all_domains(&self) -> impl Iterator<Item = NameId> {
        let rows = if let ArrivalsModel::Trace(rows) = &self.arrivals { &rows[..] } else { &[] };
        let queued = self.queue.iter().map(|message| message.domain);
        self.domains.iter().copied().chain(rows.iter().filter_map(|row| row.domain)).chain(queued)
    }
}
