//! What a host asks of those who connect, beyond being up and having a session free.

use crate::engine::dist::Dist;
use crate::engine::time::SimDuration;
use crate::scenario::tree::{FailureMode, Per};

/// A host's rules; a host without any has none of this.
#[derive(Debug, Clone, Default)]
pub struct Reception {
    /// Failures of a share of what comes; the first that hits decides.
    pub chances: Vec<ChanceModel>,
    /// Greylisting.
    pub greylist: Option<GreylistRules>,
    /// Limits by client address.
    pub clients: Option<ClientRates>,
    /// Share of recipients that do not exist.
    pub unknown_users: f64,
    /// Pauses before the greeting and before each reply, seconds.
    pub tarpit: Option<(Dist, Dist)>,
    /// The largest message in bytes, and whether EHLO says so.
    pub size_limit: Option<(u64, bool)>,
    /// A disk that fills up.
    pub disk: Option<DiskModel>,
    /// Share of accepted messages that are thrown away.
    pub discards: f64,
}

impl Reception {
    /// Whether there is any rule at all.
    pub fn is_any(&self) -> bool {
        let Self { chances, greylist, clients, unknown_users, tarpit, size_limit, disk, discards } = self;
        !chances.is_empty()
            || greylist.is_some()
            || clients.is_some()
            || *unknown_users > 0.0
            || tarpit.is_some()
            || size_limit.is_some()
            || disk.is_some()
            || *discards > 0.0
    }
}

/// A failure of a share of what comes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChanceModel {
    /// Of so many.
    pub share: f64,
    /// In this way.
    pub fails: FailureMode,
    /// Drawn for each of these.
    pub per: Per,
}

/// Postgrey's rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GreylistRules {
    /// A triplet passes when its first attempt is so long ago.
    pub delay: SimDuration,
    /// A retry later than this after the first attempt counts as a first one.
    pub retry_window: SimDuration,
    /// What was not seen for so long is forgotten.
    pub max_age: SimDuration,
    /// Whether the client in a triplet is its network.
    pub by_network: bool,
    /// A client address that passed so often always passes; `0` is never.
    pub whitelist_after: u32,
    /// What RCPT is answered with.
    pub code: u16,
}

/// Limits by client address; `u32::MAX` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientRates {
    /// Sessions at once.
    pub sessions: u32,
    /// Connections in an interval.
    pub connections: u32,
    /// Messages in an interval.
    pub messages: u32,
    /// The interval.
    pub per: SimDuration,
    /// Greets who comes too often.
    pub connection_code: u16,
    /// Answers who sends too much.
    pub message_code: u16,
}

impl ClientRates {
    /// Whether anything is limited.
    pub fn is_any(&self) -> bool {
        [self.sessions, self.connections, self.messages].iter().any(|&limit| limit < u32::MAX)
    }
}

/// A disk.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DiskModel {
    /// Bytes.
    pub capacity: u64,
    /// Bytes a second that leave it by themselves; for a relay what it hands over leaves it.
    pub drains: Option<f64>,
}

/// A replicated mailbox store.
#[derive(Debug, Clone)]
pub struct StoreModel {
    /// How many replicas: a reader looks at any of them.
    pub replicas: u32,
    /// Time from the 250 until another has it, seconds.
    pub lag: Dist,
}
