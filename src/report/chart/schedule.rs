//! Retry schedules beside each other: attempts made by a message's age.

use std::path::{Path, PathBuf};

use super::panel::{End, Panel, PanelCurve, Scale, page};
use super::{ChartError, Curve, Heading, file, ticks};

/// The attempts of one policy.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    /// Its name.
    pub name: String,
    /// The ages in seconds of the attempts, in order; the first, at 0, is not drawn but counted.
    pub ages: Vec<f64>,
    /// The age in seconds at which it is given up, if it is.
    pub gives_up: Option<f64>,
}

/// Staircases on logarithmic axes.
#[derive(Clone, Debug, Default)]
pub struct ScheduleChart {
    /// Words and facts around the plot.
    pub heading: Heading,
    /// One a policy.
    pub schedules: Vec<Schedule>,
}

/// Draws `<path>.svg` and `<path>.png` and returns their paths.
///
/// # Errors
/// [`ChartError`] if a file cannot be written.
pub fn draw_schedules(path_without_extension: &Path, chart: &ScheduleChart) -> Result<Vec<PathBuf>, ChartError> {
    let curves: Vec<Curve> = chart.schedules.iter().map(|one| Curve::new(&one.name, staircase(&one.ages))).collect();
    file::write_both(path_without_extension, &page(&panel(chart, &curves))?, &chart.heading)
}

fn panel<'a>(chart: &'a ScheduleChart, curves: &'a [Curve]) -> Panel<'a> {
    let ages = || chart.schedules.iter().flat_map(|one| one.ages.iter().copied().chain(one.gives_up));
    let ages = || ages().filter(|age| *age > 0.0);
    let (first, last) = (ages().fold(f64::INFINITY, f64::min), ages().fold(0.0, f64::max));
    let (from, to) = if first < last { (first * 0.8, last * 1.2) } else { (30.0, 604_800.0) };
    let most = chart.schedules.iter().map(|one| one.ages.len()).max().unwrap_or(1);
    let (y_ticks, top) = ticks::counts_log(most as f64);
    let curve = |(curve, one): (&'a Curve, &Schedule)| PanelCurve {
        plateau: one.gives_up.map(|age| (one.ages.len() as f64, age)),
        end: if one.gives_up.is_some() { End::GivenUp } else { End::Plain },
        ..PanelCurve::of(curve)
    };
    let title = "attempts made (logarithmic); a cross where the message is given up";
    Panel {
        heading: &chart.heading,
        x: Scale {
            from,
            to,
            log: true,
            ticks: ticks::time_log(from, to),
            title: String::from("age of the message (logarithmic)"),
        },
        y: Scale { from: 1.0, to: top, log: true, ticks: y_ticks, title: title.to_owned() },
        curves: curves.iter().zip(&chart.schedules).map(curve).collect(),
        shades: &[],
        marks: &[],
    }
}

fn staircase(ages: &[f64]) -> Vec<(f64, f64)> {
    let later = ages.iter().copied().enumerate().filter(|(_, age)| *age > 0.0);
    later.flat_map(|(made, age)| [(age, made as f64), (age, made as f64 + 1.0)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_attempt_is_a_step() {
        assert_eq!(staircase(&[0.0, 60.0, 90.0]), [(60.0, 1.0), (60.0, 2.0), (90.0, 2.0), (90.0, 3.0)]);
        assert!(staircase(&[]).is_empty());
    }

    #[test]
    fn every_attempt_is_shown_and_where_it_is_given_up() {
        let ages: Vec<f64> = (0..107).map(|n| f64::from(n) * 4000.0).collect();
        let endless = Schedule { name: "b".into(), ages: vec![0.0, 60.0], gives_up: None };
        let given_up = Schedule { name: "a".into(), ages, gives_up: Some(432_000.0) };
        let chart = ScheduleChart { schedules: vec![given_up, endless], ..ScheduleChart::default() };
        let curves: Vec<Curve> =
            chart.schedules.iter().map(|one| Curve::new(&one.name, staircase(&one.ages))).collect();
        let panel = panel(&chart, &curves);
        assert_eq!(panel.curves[0].points.last(), Some(&(424_000.0, 107.0)));
        assert_eq!((panel.curves[0].plateau, panel.curves[0].end), (Some((107.0, 432_000.0)), End::GivenUp));
        assert_eq!((panel.curves[1].plateau, panel.curves[1].end), (None, End::Plain));
        assert!(panel.y.to >= 107.0 && panel.x.to > 432_000.0, "{} {}", panel.y.to, panel.x.to);
    }
}
