//! An MX host's sessions and the connections that wait for one.

use std::collections::VecDeque;

use crate::engine::dist::Dist;
use crate::engine::time::SimTime;
use crate::model::mail::HostModel;
use crate::scenario::tree::WhenFull;

/// A host in one replication.
#[derive(Debug)]
pub(super) struct Host {
    /// Most sessions at once, now.
    pub limit: Option<u32>,
    /// Service time, now.
    pub service: Dist,
    /// Sessions open; counted only while there is a limit.
    pub sessions: u32,
    /// Connections that wait, first come first served.
    pub backlog: VecDeque<Waiting>,
}

/// A connection in the backlog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waiting {
    pub slot: u32,
    pub generation: u16,
    /// When its SYN arrived.
    pub since: SimTime,
}

/// What a connection meets at a host that is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Welcome {
    Session,
    Backlog,
    Refused,
    Busy,
}

impl Host {
    pub fn new(model: &HostModel) -> Self {
        Self { limit: model.sessions, service: model.service.clone(), sessions: 0, backlog: VecDeque::new() }
    }

    /// Takes a session if one is free.
    pub fn welcome(&mut self, when_full: WhenFull) -> Welcome {
        match self.limit {
            None => Welcome::Session,
            Some(limit) if self.sessions < limit => {
                self.sessions += 1;
                Welcome::Session
            }
            Some(_) => match when_full {
                WhenFull::Backlog => Welcome::Backlog,
                WhenFull::Refuse => Welcome::Refused,
                WhenFull::Busy => Welcome::Busy,
            },
        }
    }

    /// Whether someone waits and could be served.
    pub fn can_serve_waiting(&self) -> bool {
        !self.backlog.is_empty() && self.limit.is_none_or(|limit| self.sessions < limit)
    }
}
