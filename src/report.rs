//! Files, tables and charts of a finished experiment.

pub mod chart;
