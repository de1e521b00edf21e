//! What can be down, and why.

use std::sync::Arc;

use super::TargetId;
use crate::engine::dist::Dist;
use crate::engine::time::SimTime;
use crate::scenario::tree::FailureMode;

/// Everything that can be down: hosts first, then name servers, then risks.
#[derive(Debug, Clone, Default)]
pub struct FaultsModel {
    /// `targets[0..hosts]` are the hosts, the next `servers` the name servers, the rest risks.
    pub targets: Vec<TargetModel>,
    /// How many are hosts.
    pub hosts: usize,
    /// How many are name servers.
    pub servers: usize,
}

/// One of them.
#[derive(Debug, Clone)]
pub struct TargetModel {
    /// `host`, `server` or `risk`: with `name`, what its availability stream is keyed by.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// How it fails on its own account.
    pub fails: FailureMode,
    /// Times to failure and to repair, seconds, if it fails by chance.
    pub renewal: Option<(Dist, Dist)>,
    /// Outages of a trace, in time order: from, to, mode.
    pub outages: Arc<[(SimTime, SimTime, FailureMode)]>,
    /// What goes down with it.
    pub takes_down: Vec<TargetId>,
}

/// How a host or a name server answers that is neither up nor down.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Brownout {
    /// Its service times, or latencies, are so many times as long.
    pub slow: f64,
    /// Share of connections, or queries, that are answered.
    pub answers: f64,
    /// How the other connections fail.
    pub mode: FailureMode,
}
