//! An MX host's sessions and the connections that wait for one.

use std::collections::VecDeque;

use super::freeze::Standstill;
use super::reception::Guard;
use crate::engine::dist::Dist;
use crate::engine::time::SimTime;
use crate::model::RegionId;
use crate::model::faults::Brownout;
use crate::model::mail::HostModel;
use crate::scenario::tree::{BacklogFull, HostIpv6, WhenFull};

/// A host in one replication. What every try reads comes first and fills a cache line.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Host<'m> {
    /// Most sessions at once, now.
    pub limit: Option<u32>,
    /// Service time, now.
    pub service: Dist,
    /// What it asks of those who connect.
    pub guard: Option<Box<Guard<'m>>>,
    /// How it browns out now.
    pub brownout: Option<Box<Brownout>>,
    /// Where it is.
    pub region: RegionId,
    /// Sessions open; counted only while there is a limit.
    pub sessions: u32,
    /// Whether whatever it accepts is at its end, and plainly so: it relays nothing, asks nothing, has one store.
    pub is_plain_end: bool,
    /// What a connection over IPv6 meets, now.
    pub ipv6: HostIpv6,
    /// Connections that wait, first come first served.
    pub backlog: VecDeque<Waiting>,
    /// How long it stood still.
    pub standstill: Standstill,
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
    /// Its SYN is dropped.
    Dropped,
}

impl<'m> Host<'m> {
    pub fn new(model: &'m HostModel) -> Self {
        Self {
            limit: model.sessions,
            service: model.service.clone(),
            region: model.region,
            ipv6: model.ipv6,
            sessions: 0,
            backlog: VecDeque::new(),
            is_plain_end: model.relay.is_none() && model.store.is_none() && model.reception.is_none(),
            guard: model.reception.as_ref().map(|rules| Box::new(Guard::new(rules))),
            standstill: Standstill::default(),
            brownout: None,
        }
    }

    /// Whether everyone is served at once, as far as the host is up.
    #[inline]
    pub fn is_open(&self) -> bool {
        self.limit.is_none() && self.guard.is_none() && self.brownout.is_none()
    }

    /// Takes a session if one is free.
    pub fn welcome(&mut self, model: &HostModel) -> Welcome {
        match self.limit {
            None => Welcome::Session,
            Some(limit) if self.sessions < limit => {
                self.sessions += 1;
                Welcome::Session
            }
            Some(_) => match model.when_full {
                WhenFull::Backlog => self.wait(model),
                WhenFull::Refuse => Welcome::Refused,
                WhenFull::Busy => Welcome::Busy,
            },
        }
    }

    /// A place in the backlog, if there is one.
    pub fn wait(&self, model: &HostModel) -> Welcome {
        if self.backlog.len() < model.backlog as usize {
            return Welcome::Backlog;
        }
        match model.when_backlog_full {
            BacklogFull::Drop => Welcome::Dropped,
            BacklogFull::Refuse => Welcome::Refused,
        }
    }

    /// Whether someone waits and could be served.
    pub fn can_serve_waiting(&self) -> bool {
        !self.backlog.is_empty() && self.limit.is_none_or(|limit| self.sessions < limit) && !self.standstill.is_frozen()
    }
}
