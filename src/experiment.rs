//! Replications, variants, statistics.

pub mod statistics;
