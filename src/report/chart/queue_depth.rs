//! Queue depth in time, with outages shaded.

use std::path::{Path, PathBuf};

use super::{ChartError, Curve, Heading, LinesChart, Shade, YUnit, draw_lines};

/// Deliveries in custody over time (`queue_depth` of the measures), one curve a variant.
#[derive(Clone, Debug, Default)]
pub struct QueueDepthChart {
    /// Words and facts around the plot.
    pub heading: Heading,
    /// Mean over replications in deliveries by seconds since the start of the run, with a band and, if wanted, the
    /// maximum over replications.
    pub curves: Vec<Curve>,
    /// Outages by name, in seconds since the start of the run.
    pub outages: Vec<Shade>,
}

/// Draws `<path>.svg` and `<path>.png` and returns their paths.
///
/// # Errors
/// [`ChartError`] if a file cannot be written.
pub fn draw_queue_depth(path_without_extension: &Path, chart: &QueueDepthChart) -> Result<Vec<PathBuf>, ChartError> {
    draw_lines(path_without_extension, &lines(chart))
}

pub(super) fn lines(chart: &QueueDepthChart) -> LinesChart {
    let thin = chart.curves.iter().any(|c| c.maximum.as_ref().is_some_and(|m| !m.is_empty()));
    let y_title = if thin { "deliveries queued: mean (thick), maximum (thin)" } else { "deliveries queued (mean)" };
    LinesChart {
        heading: chart.heading.clone(),
        x_title: String::from("time since the start of the run"),
        y_title: y_title.to_owned(),
        y_unit: YUnit::Count,
        curves: chart.curves.clone(),
        shades: chart.outages.clone(),
        marks: Vec::new(),
    }
}
