//! Exact theory against simulation: each case names its formula and the value to ten digits. An estimate passes within
//! four standard errors, where the standard error is at most 1 % of the value (or a reason stands beside it).
//! Long, so only in release builds: `cargo test --release --test theory`.
#![cfg(not(debug_assertions))]

mod support;

#[path = "theory/availability.rs"]
mod availability;
#[path = "theory/backlogs.rs"]
mod backlogs;
#[path = "theory/balance.rs"]
mod balance;
#[path = "theory/caches.rs"]
mod caches;
#[path = "theory/chains.rs"]
mod chains;
#[path = "theory/changes.rs"]
mod changes;
#[path = "theory/queues.rs"]
mod queues;
#[path = "theory/receivers.rs"]
mod receivers;
#[path = "theory/retries.rs"]
mod retries;
#[path = "theory/retry_cases.rs"]
mod retry_cases;
#[path = "theory/routes.rs"]
mod routes;
#[path = "theory/sessions.rs"]
mod sessions;
#[path = "theory/staleness.rs"]
mod staleness;
