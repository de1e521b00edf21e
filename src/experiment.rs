//! Replications and variants run in parallel, and what they come to together.

mod execute;
mod keep;
mod paired;
pub mod statistics;
mod summary;

pub use execute::{ExperimentError, Plan, Progress, RecordsFolder, execute, resume};
pub use keep::Keep;
pub use summary::{
    Change, JumpSummary, LatencyCurve, ObjectiveResult, ReplicationResult, SeriesSummary, Shade, SummaryRow,
    VariantResults,
};

/// The results of one scenario.
#[derive(Debug, Clone)]
pub struct Results {
    /// In the order of the plan; the baseline first.
    pub variants: Vec<VariantResults>,
    /// Whether it was stopped before all replications were done. What is here is whole.
    pub interrupted: bool,
}
