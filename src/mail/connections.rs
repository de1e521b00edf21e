//! Sessions kept open for the messages that follow (Postfix's `scache`, OpenSMTPD's and KumoMTA's kept-alive sessions,
//! sendmail's within a queue run, `mci.c`).

use super::destination::NextHop;
use super::mta_relay::looks;
use super::{Address, Candidate};
use crate::engine::time::SimTime;
use crate::model::HostId;

/// An idle session of one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Idle {
    pub address: Address,
    /// For which destination it was last used.
    pub to: NextHop,
    /// Since when it has been idle.
    pub since: SimTime,
    /// When it is closed if nobody uses it.
    pub until: SimTime,
    /// When it was opened.
    pub opened: SimTime,
    /// Messages sent through it.
    pub messages: u32,
    /// Whether it holds one of its host's limited sessions.
    pub holds_session: bool,
    /// The queue runner whose process has it; 0 where all of a node is one.
    pub runner: u16,
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
    /// session to a backup is used while the primary is silent (measured). Where sessions are not `shared`, one of that
    /// destination, whichever of its hosts it goes to. With the place of its candidate.
    pub fn take(&mut self, now: SimTime, to: NextHop, candidates: &[Candidate], shared: bool) -> Option<(usize, Idle)> {
        let best = candidates.first()?.preference;
        let is_live = |idle: &Idle| now < idle.until;
        let place_of = |address: Address| candidates.iter().position(|candidate| candidate.address() == address);
        let is_best = |idle: &Idle| place_of(idle.address).is_some_and(|place| candidates[place].preference == best);
        let is_on_the_way = |idle: &Idle| place_of(idle.address).is_some();
        let fits = |idle: &Idle| if shared { is_best(idle) } else { is_on_the_way(idle) };
        let by_next_hop = self.idle.iter().position(|idle| idle.to == to && is_live(idle) && fits(idle));
        let by_address = || {
            candidates.iter().find_map(|candidate| {
                self.idle.iter().position(|idle| idle.address == candidate.address() && is_live(idle))
            })
        };
        let found = if shared { by_next_hop.or_else(by_address) } else { by_next_hop };
        let idle = self.idle.remove(found?);
        place_of(idle.address).map(|place| (place, idle))
    }

    /// Sessions that are kept for a destination.
    pub fn count(&self, to: NextHop) -> usize {
        self.idle.iter().filter(|idle| idle.to == to).count()
    }

    /// A session of that destination, whatever its host, that looks for a message now.
    pub fn take_for(&mut self, now: SimTime, to: NextHop) -> Option<Idle> {
        let fits = |idle: &Idle| idle.to == to && now < idle.until && looks(idle.since, now);
        let place = self.idle.iter().position(fits)?;
        Some(self.idle.remove(place))
    }

    /// Since when the first of a destination's sessions has been idle.
    pub fn idle_since(&self, to: NextHop) -> Option<SimTime> {
        self.idle.iter().find(|idle| idle.to == to).map(|idle| idle.since)
    }

    /// A session of that runner to that host (`mci_get`).
    pub fn take_of_run(&mut self, now: SimTime, runner: u16, address: Address) -> Option<Idle> {
        let fits = |idle: &Idle| idle.runner == runner && idle.address == address && now < idle.until;
        let place = self.idle.iter().position(fits)?;
        Some(self.idle.remove(place))
    }

    /// Takes out the oldest of a runner's sessions until so many are left (`mci_scan`).
    pub fn leave_to_run(&mut self, runner: u16, most: usize) -> Vec<Idle> {
        let count = self.idle.iter().filter(|idle| idle.runner == runner).count();
        let mut more = count.saturating_sub(most);
        let mut closed = Vec::new();
        self.idle.retain(|idle| {
            let goes = idle.runner == runner && more > 0;
            if goes {
                more -= 1;
                closed.push(*idle);
            }
            !goes
        });
        closed
    }

    /// Takes out the sessions to some hosts.
    pub fn close(&mut self, is_meant: impl Fn(HostId) -> bool) -> Vec<Idle> {
        let (closed, kept) = self.idle.iter().partition(|idle| is_meant(idle.address.host));
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
