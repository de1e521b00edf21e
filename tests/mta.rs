//! Simulation against measurement: one simulated run for each measured run of a real mail server, with the same
//! parameters and arrival times. What was measured stands in `tests/fixtures/mta/`, each file with its source.

mod support;

#[path = "mta/stories.rs"]
mod stories;

#[path = "mta/retry_own.rs"]
mod retry_own;
