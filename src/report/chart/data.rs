//! What every chart is given: headings, footers, curves, shaded spans and marked instants.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// The words at the top of a chart and the facts at its foot.
#[derive(Clone, Debug, Default)]
pub struct Heading {
    /// What is drawn; shortened with an ellipsis if it does not fit on one line.
    pub title: String,
    /// One line on what to look for; may be empty.
    pub subtitle: String,
    /// The sizes and seed behind the picture.
    pub footer: Footer,
}

/// The facts that let a reader judge and repeat a chart. Zero counts are left out of the printed line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Footer {
    /// Deliveries behind the chart, over all replications.
    pub deliveries: u64,
    /// Number of replications.
    pub replications: u32,
    /// Master seed of the run, if chance has a part in it.
    pub seed: Option<u64>,
    /// Confidence level of the bands, a share in (0, 1), such as 0.95; left out of the line if outside.
    pub confidence: f64,
}

/// One curve: the mean over replications of one variant.
///
/// Points are `(x, y)` with x in seconds, in rising order of x, and are joined by straight lines on the page; a jump is
/// two points at one x. A point that is not finite breaks the curve.
#[derive(Clone, Debug, Default)]
pub struct Curve {
    /// Name of the variant, written at the end of the curve.
    pub label: String,
    /// `(x in seconds, y)`.
    pub points: Vec<(f64, f64)>,
    /// `(x in seconds, low, high)`: a confidence interval at each x.
    pub band: Option<Vec<(f64, f64, f64)>>,
    /// `(x in seconds, y)`: the maximum over replications, drawn thin. Charts of latency ignore it.
    pub maximum: Option<Vec<(f64, f64)>>,
}

impl Curve {
    /// A curve with neither band nor maximum.
    pub fn new(label: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self { label: label.into(), points, band: None, maximum: None }
    }

    /// The same curve with a confidence band of `(x in seconds, low, high)`.
    pub fn with_band(mut self, band: Vec<(f64, f64, f64)>) -> Self {
        self.band = Some(band);
        self
    }

    /// The same curve with a thin line of `(x in seconds, maximum)`.
    pub fn with_maximum(mut self, maximum: Vec<(f64, f64)>) -> Self {
        self.maximum = Some(maximum);
        self
    }
}

/// A named span of time, such as an outage. Seconds from the chart's time origin.
#[derive(Clone, Debug, Default)]
pub struct Shade {
    /// Name, written above the plot.
    pub label: String,
    /// Start in seconds.
    pub from_s: f64,
    /// End in seconds; infinity if it never ends.
    pub to_s: f64,
}

/// A named instant, such as a change of records. Seconds from the chart's time origin.
#[derive(Clone, Debug, Default)]
pub struct Mark {
    /// Name, written above the plot.
    pub label: String,
    /// When, in seconds.
    pub at_s: f64,
}

/// Why a chart could not be made. Nothing is left behind: neither the file nor its temporary.
#[derive(Debug)]
pub enum ChartError {
    /// A file could not be written or renamed.
    Io {
        /// The file that was being made.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The path given has no file name to which `.svg` and `.png` could be added.
    NoFileName(PathBuf),
    /// The embedded font could not be read.
    Font,
    /// A backend refused a shape, or the PNG encoder failed.
    Draw(String),
}

impl fmt::Display for ChartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, .. } => write!(f, "cannot write chart {}", path.display()),
            Self::NoFileName(path) => write!(f, "chart path {} has no file name", path.display()),
            Self::Font => write!(f, "the embedded font cannot be read"),
            Self::Draw(why) => write!(f, "cannot draw chart: {why}"),
        }
    }
}

impl std::error::Error for ChartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::NoFileName(_) | Self::Font | Self::Draw(_) => None,
        }
    }
}
