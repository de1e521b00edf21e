//! Simulation against measurement: one simulated run for each measured run of a real mail server, with the same
//! parameters and arrival times. What was measured stands in `tests/fixtures/mta/`, each file with its source.

mod support;

#[path = "mta/harness.rs"]
mod harness;

#[path = "mta/addresses.rs"]
mod addresses;
#[path = "mta/ages.rs"]
mod ages;
#[path = "mta/attempts.rs"]
mod attempts;
#[path = "mta/backlog.rs"]
mod backlog;
#[path = "mta/backup.rs"]
mod backup;
#[path = "mta/exim_ages.rs"]
mod exim_ages;
#[path = "mta/kept.rs"]
mod kept;
#[path = "mta/own_cache.rs"]
mod own_cache;
#[path = "mta/parameters.rs"]
mod parameters;
#[path = "mta/retry_own.rs"]
mod retry_own;
#[path = "mta/schedules.rs"]
mod schedules;
#[path = "mta/selection.rs"]
mod selection;
#[path = "mta/stories.rs"]
mod stories;
#[path = "mta/whole_runs.rs"]
mod whole_runs;
#[path = "mta/zonemta.rs"]
mod zonemta;
