//! Sessions kept open for the messages that follow (Postfix's `scache`, OpenSMTPD's and KumoMTA's kept-alive sessions).

use super::Candidate;
use crate::engine::time::SimTime;
use crate::model::{HostId, NameId};

/// An idle session of one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Idle {
    pub host: HostId,
    /// For which destination it was last used.
    pub name: NameId,
    /// When it is closed if nobody uses it.
    pub until: SimTime,
    /// When it was opened.
    pub opened: SimTime,
    /// Messages sent through it.
    pub messages: u32,
    /// Whether it holds one of its host's limited sessions.
    pub holds_session: bool,
}

/// The idle sessions of one node, oldest first.
#[derive(Debug, Default)]
pub(super) struct Connections {
    idle: Vec<Idle>,
}

impl Connections {
    pub fn put(&mut self, idle: Idle) {
        self.idle.push(idle);
    }

    /// A session for a destination that would try `candidates` in this order: one that it used before to a host of the best
    /// preference (`SMTP_FEATURE_BEST_MX`), else one to any of their addresses, in their order (`smtp_reuse_session`). So a
    /// session to a backup is used while the primary is silent (measured). With the place of its candidate.
    pub fn take(&mut self, now: SimTime, name: NameId, candidates: &[Candidate]) -> Option<(usize, Idle)> {
        let best = candidates.first()?.preference;
        let is_live = |idle: &Idle| now < idle.until;
        let place_of = |host: HostId| candidates.iter().position(|candidate| candidate.host == host);
        let is_best = |idle: &Idle| place_of(idle.host).is_some_and(|place| candidates[place].preference == best);
        let by_name = self.idle.iter().position(|idle| idle.name == name && is_live(idle) && is_best(idle));
        let by_address = || {
            candidates
                .iter()
                .find_map(|candidate| self.idle.iter().position(|idle| idle.host == candidate.host && is_live(idle)))
        };
        let idle = self.idle.remove(by_name.or_else(by_address)?);
        place_of(idle.host).map(|place| (place, idle))
    }

    /// A session of that destination, whatever its host.
    pub fn take_for(&mut self, now: SimTime, name: NameId) -> Option<Idle> {
        let place = self.idle.iter().position(|idle| idle.name == name && now < idle.until)?;
        Some(self.idle.remove(place))
    }

    /// Takes out the sessions to some hosts.
    pub fn close(&mut self, is_meant: impl Fn(HostId) -> bool) -> Vec<Idle> {
        let (closed, kept) = self.idle.iter().partition(|idle| is_meant(idle.host));
        self.idle = kept;
        closed
    }

    /// Takes out what is due to be closed.
    pub fn expired(&mut self, now: SimTime) -> Vec<Idle> {
        let (closed, kept) = self.idle.iter().partition(|idle| idle.until <= now);
        self.idle = kept;
        closed
    }
}
