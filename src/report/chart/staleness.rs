//! The share of resolver caches that would answer stale, in time.

use std::path::{Path, PathBuf};

use super::{ChartError, Curve, Heading, LinesChart, Mark, Shade, YUnit, draw_lines};

/// `stale_resolvers(t)` of the measures, one curve a variant, with the changes of data marked.
#[derive(Clone, Debug, Default)]
pub struct StalenessChart {
    /// Words and facts around the plot.
    pub heading: Heading,
    /// Mean over replications of the share of caches, 0..1, by seconds since the start of the run, with a band.
    pub curves: Vec<Curve>,
    /// Changes by name, in seconds since the start of the run.
    pub changes: Vec<Mark>,
    /// Outages of name servers, resolvers and the network, in seconds since the start of the run.
    pub outages: Vec<Shade>,
    /// For how many caches of how many the curves of theory are, if there are any.
    pub theory: Option<(usize, usize)>,
}

/// Draws `<path>.svg` and `<path>.png` and returns their paths.
///
/// # Errors
/// [`ChartError`] if a file cannot be written.
pub fn draw_staleness(path_without_extension: &Path, chart: &StalenessChart) -> Result<Vec<PathBuf>, ChartError> {
    draw_lines(path_without_extension, &lines(chart))
}

pub(super) fn lines(chart: &StalenessChart) -> LinesChart {
    LinesChart {
        heading: chart.heading.clone(),
        x_title: String::from("time since the start of the run"),
        y_title: y_title(chart.theory),
        y_unit: YUnit::Share,
        curves: chart.curves.clone(),
        shades: chart.outages.clone(),
        marks: chart.changes.clone(),
    }
}

fn y_title(theory: Option<(usize, usize)>) -> String {
    let title = "caches that would answer stale, % of all (mean)";
    match theory {
        None => title.to_owned(),
        Some((of, all)) if of == all => format!("{title}; theory: pure TTL"),
        Some((of, all)) => format!("{title}; theory for {of} of {all}"),
    }
}
