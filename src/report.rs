//! Files, tables and charts of a finished experiment.

pub mod chart;
mod charts;
mod files;
mod format;
mod table;
mod topology;

pub use charts::draw_charts;
pub use files::{Finished, OutputError, write_run};
pub use format::{plain_number, with_unit};
pub use table::summary_text;
pub use topology::{GraphFormat, topology};
