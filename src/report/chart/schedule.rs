//! Retry schedules beside each other: attempts made by a message's age.

use std::path::{Path, PathBuf};

use super::panel::{Panel, PanelCurve, Scale, page};
use super::{ChartError, Curve, Heading, file, ticks};

/// Staircases in logarithmic time.
#[derive(Clone, Debug, Default)]
pub struct ScheduleChart {
    /// Words and facts around the plot.
    pub heading: Heading,
    /// Name, and the ages in seconds of the attempts, in order; the first, at 0, is not drawn but counted.
    pub schedules: Vec<(String, Vec<f64>)>,
}

/// Draws `<path>.svg` and `<path>.png` and returns their paths.
///
/// # Errors
/// [`ChartError`] if a file cannot be written.
pub fn draw_schedules(path_without_extension: &Path, chart: &ScheduleChart) -> Result<Vec<PathBuf>, ChartError> {
    let curves: Vec<Curve> = chart.schedules.iter().map(|(name, ages)| Curve::new(name, staircase(ages))).collect();
    let ages = || chart.schedules.iter().flat_map(|(_, ages)| ages.iter().copied().filter(|age| *age > 0.0));
    let (first, last) = (ages().fold(f64::INFINITY, f64::min), ages().fold(0.0, f64::max));
    let (from, to) = if first < last { (first * 0.8, last * 1.2) } else { (30.0, 604_800.0) };
    // Most is told by the first attempts; what goes on every few minutes for days leaves the picture at its top.
    let most = chart.schedules.iter().map(|(_, ages)| ages.len()).max().unwrap_or(1).min(60);
    let (y_ticks, top) = ticks::counts(most as f64, 6);
    let panel = Panel {
        heading: &chart.heading,
        x: Scale {
            from,
            to,
            log: true,
            ticks: ticks::time_log(from, to),
            title: String::from("age of the message (logarithmic)"),
        },
        y: Scale { from: 0.0, to: top, log: false, ticks: y_ticks, title: String::from("attempts made") },
        curves: curves.iter().map(PanelCurve::of).collect(),
        shades: &[],
        marks: &[],
    };
    file::write_both(path_without_extension, &page(&panel)?, &chart.heading)
}

fn staircase(ages: &[f64]) -> Vec<(f64, f64)> {
    let later = ages.iter().copied().enumerate().filter(|(_, age)| *age > 0.0);
    later
        .flat_map(|(made, age)| [(age, made as f64), (age, made as f64 + 1.0)])
        .take_while(|step| step.1 <= 60.0)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_attempt_is_a_step() {
        assert_eq!(staircase(&[0.0, 60.0, 90.0]), [(60.0, 1.0), (60.0, 2.0), (90.0, 2.0), (90.0, 3.0)]);
        assert!(staircase(&[]).is_empty());
    }
}
