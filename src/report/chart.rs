//! Charts of a run, each drawn to an SVG and a PNG file from plain data.
//!
//! Nothing here knows of the simulation: a caller fills one of the `…Chart` structs and calls its `draw_…` function.
//! The same data gives the same bytes on every machine. Four rules keep that so:
//!
//! - axes are transformed here (logarithms from `libm`) and everything below is drawn in page coordinates;
//! - a chart is first a list of shapes (`canvas`), rounded once to a fixed grid, and both files come from that list;
//! - text is measured and rasterised from an embedded font, never from one installed on the machine;
//! - files are made whole in memory, written under a temporary name and renamed.
//!
//! Pages are 1200 x 750 CSS pixels. Colour never carries meaning alone: curves also differ by dash pattern and marker,
//! attempts by shape and lane, cache states by lightness.

mod axis;
mod canvas;
mod data;
mod failover;
mod file;
mod frame;
mod heatmap;
mod labels;
mod latency;
#[cfg(test)]
mod legibility;
mod lines;
mod palette;
mod panel;
mod queue_depth;
mod render;
mod rows;
mod schedule;
mod series;
mod shares;
mod staleness;
mod text;
mod ticks;
mod trade;

pub use data::{ChartError, Curve, Footer, Heading, Mark, Shade};
pub use failover::{Attempt, AttemptOutcome, FailoverChart, HOSTS_MAX, HostLane, HostState, draw_failover};
pub use heatmap::{CacheRow, CacheState, HeatmapChart, draw_heatmap};
pub use latency::{LatencyChart, LatencyCurve, draw_latency};
pub use lines::{LinesChart, YUnit, draw_lines};
pub use queue_depth::{QueueDepthChart, draw_queue_depth};
pub use schedule::{Schedule, ScheduleChart, draw_schedules};
pub use shares::{Share, ShareRow, SharesChart, draw_shares};
pub use staleness::{StalenessChart, draw_staleness};
pub use text::without_glyph;
pub use trade::{Measured, TradeChart, TradePoint, draw_trade};
