//! mxsim: a deterministic discrete-event simulator of mail routing.
//!
//! A scenario file goes in; delivery latency, failover and propagation inconsistency come out. One way through the
//! house: [`scenario`] (what the user wrote) → [`model`] (dense tables) → [`sim`] (state and events) → [`measure`]
//! (integers that merge) → [`experiment`] (replications, intervals) → [`report`] (files, charts). A module uses those
//! to its left, never those to its right.

pub mod arrivals;
pub mod dns;
pub mod engine;
pub mod experiment;
pub mod faults;
pub mod mail;
pub mod measure;

pub mod model;
pub mod report;
pub mod scenario;
pub mod sim;
