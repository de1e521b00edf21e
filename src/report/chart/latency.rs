//! Delivery latency as a complementary distribution function.

use std::path::{Path, PathBuf};

use super::panel::{End, Panel, PanelCurve, Scale, page};
use super::{ChartError, Curve, Heading, file, ticks};

/// One variant of a [`LatencyChart`].
#[derive(Clone, Debug, Default)]
pub struct LatencyCurve {
    /// Share of deliveries, 0..1, not yet delivered after x seconds, with a band over replications.
    pub curve: Curve,
    /// Share of deliveries that ended without being delivered: bounced, expired or discarded. They are at infinity, so the
    /// curve goes on level at this height. What is not a share in 0..1 counts as 0.
    pub undelivered: f64,
    /// Share of deliveries that were still queued when the run stopped; likewise.
    pub queued: f64,
    /// The greatest age in seconds at which one of them was seen. The curve ends there, with a bar: what follows is not known.
    pub queued_until_s: f64,
}

/// Delivery latency (`delivery_latency` of the measures) on logarithmic axes, one curve a variant.
#[derive(Clone, Debug, Default)]
pub struct LatencyChart {
    /// Words and facts around the plot.
    pub heading: Heading,
    /// One a variant, the baseline first.
    pub curves: Vec<LatencyCurve>,
}

/// Shares below this are not told apart; no run that fits a machine resolves them.
const SHARE_MIN: f64 = 1e-8;

/// Draws `<path>.svg` and `<path>.png` and returns their paths.
///
/// ```
/// use mxsim::report::chart::{Curve, Heading, LatencyChart, LatencyCurve, draw_latency};
///
/// let folder = std::env::temp_dir().join(format!("mxsim-doc-{}", std::process::id()));
/// std::fs::create_dir_all(&folder)?;
/// let half_at_once = Curve::new("baseline", vec![(0.1, 1.0), (0.1, 0.5), (60.0, 0.5), (3600.0, 0.02)]);
/// let chart = LatencyChart {
///     heading: Heading { title: "Half wait for a retry".into(), ..Heading::default() },
///     curves: vec![LatencyCurve { curve: half_at_once, undelivered: 0.02, ..LatencyCurve::default() }],
/// };
/// let paths = draw_latency(&folder.join("latency"), &chart)?;
/// assert!(paths.iter().all(|path| path.exists()));
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ChartError`] if a file cannot be written.
pub fn draw_latency(path_without_extension: &Path, chart: &LatencyChart) -> Result<Vec<PathBuf>, ChartError> {
    let canvas = page(&panel(chart))?;
    file::write_both(path_without_extension, &canvas, &chart.heading)
}

pub(super) fn panel(chart: &LatencyChart) -> Panel<'_> {
    let floor = share_floor(&chart.curves, chart.heading.footer.deliveries);
    let (from, to) = time_range(&chart.curves, floor);
    let curve = |c| {
        let (note, note_short) = notes(c);
        let plateau = Some((left(c), seen_until(c))).filter(|(height, _)| *height > 0.0);
        PanelCurve {
            points: above_floor(c, floor),
            note,
            note_short,
            plateau,
            end: if share(c.queued) > 0.0 { End::Censored } else { End::Plain },
            maximum: &[],
            ..PanelCurve::of(&c.curve)
        }
    };
    Panel {
        heading: &chart.heading,
        x: Scale {
            from,
            to,
            log: true,
            ticks: ticks::time_log(from, to),
            title: String::from("time since creation (logarithmic)"),
        },
        y: Scale {
            from: floor,
            to: 1.0,
            log: true,
            ticks: ticks::shares_log(floor),
            title: String::from("deliveries not yet delivered, % of all (logarithmic)"),
        },
        curves: chart.curves.iter().map(curve).collect(),
        shades: &[],
        marks: &[],
    }
}

/// The points of a curve up to the first that is on or below the floor: beyond, it would run along the axis.
fn above_floor(c: &LatencyCurve, floor: f64) -> &[(f64, f64)] {
    let points = &c.curve.points;
    let end = points.iter().position(|p| p.1 <= floor).map_or(points.len(), |i| i + 1);
    points.get(..end).unwrap_or(points)
}

fn share(value: f64) -> f64 {
    if value > 0.0 && value <= 1.0 { value } else { 0.0 }
}

/// The share that no latency is known of.
fn left(c: &LatencyCurve) -> f64 {
    (share(c.undelivered) + share(c.queued)).min(1.0)
}

/// How far the curve goes on level: for ever, but where it would tell more of the queued than was seen.
fn seen_until(c: &LatencyCurve) -> f64 {
    if share(c.queued) > 0.0 && c.queued_until_s >= 0.0 { c.queued_until_s } else { f64::INFINITY }
}

/// What a label says of the deliveries that were not made: a line of its own, and in few characters.
fn notes(c: &LatencyCurve) -> (String, String) {
    let (undelivered, queued) = (share(c.undelivered), share(c.queued));
    let never = || format!("{} never delivered", percent(undelivered));
    match (undelivered > 0.0, queued > 0.0) {
        (false, false) if !c.curve.points.iter().any(|p| p.0 > 0.0 && p.1.is_finite()) => {
            (String::from("no data"), String::new())
        }
        (false, false) => (String::from("all delivered"), String::new()),
        (true, false) => (never(), percent(undelivered)),
        (false, true) => (format!("{} still queued", percent(queued)), format!("{} queued", percent(queued))),
        (true, true) => (
            format!("{}, {} queued", never(), percent(queued)),
            format!("{} + {} queued", percent(undelivered), percent(queued)),
        ),
    }
}

/// A share in percent with two significant digits, more where needed to tell it from 100 %.
fn percent(share: f64) -> String {
    let value = share * 100.0;
    if value < 0.000_01 {
        return String::from("< 0.00001 %");
    }
    let decimals = (0..7).find(|d| value * libm::pow(10.0, f64::from(*d)) >= 9.95).unwrap_or(7);
    let text = format!("{value:.*}", decimals as usize);
    match text.as_str() {
        "100" if share < 1.0 => String::from("> 99 %"),
        _ if text.contains('.') => format!("{} %", text.trim_end_matches('0').trim_end_matches('.')),
        _ => format!("{text} %"),
    }
}

/// From shortly before the first curve leaves 100 % to shortly after the last point.
fn time_range(curves: &[LatencyCurve], floor: f64) -> (f64, f64) {
    let usable = |p: &&(f64, f64)| p.0 > 0.0 && p.0.is_finite() && p.1 <= 1.0;
    let points = || curves.iter().map(|c| above_floor(c, floor).iter().filter(usable));
    let leaves = points().filter_map(|mut of_curve| {
        let mut last_full = None;
        let first_below = of_curve.find(|p| {
            let full = p.1 >= 0.999;
            if full {
                last_full = Some(p.0);
            }
            !full
        });
        last_full.or(first_below.map(|p| p.0))
    });
    let from = leaves.fold(f64::INFINITY, f64::min);
    let last = points().flatten().map(|p| p.0).fold(0.0, f64::max);
    if !from.is_finite() {
        return (0.001, 1000.0);
    }
    // A level stretch long enough to be seen as one, where there are deliveries that are never made; what is queued ends
    // where it was last seen.
    let any_never = curves.iter().any(|c| left(c) > 0.0 && seen_until(c).is_infinite());
    let queued = curves.iter().filter(|c| left(c) > 0.0).map(seen_until).filter(|until| until.is_finite());
    let to = queued.fold(last * if any_never { 1.6 } else { 1.1 }, |to, until| to.max(until * 1.1));
    if to > from * 1.5 { (from * 0.9, to) } else { (from / 3.0, from * 3.0) }
}

/// The power of ten at or below the smallest positive share that a run of so many `deliveries` (0 if unknown) can tell
/// from none, at most 10 %.
fn share_floor(curves: &[LatencyCurve], deliveries: u64) -> f64 {
    let one_delivery = if deliveries > 0 { 1.0 / deliveries as f64 } else { 0.0 };
    let shares = curves.iter().flat_map(|c| c.curve.points.iter().map(|p| p.1).chain([left(c)]));
    let smallest = shares.filter(|s| *s > 0.0 && s.is_finite()).fold(1.0, f64::min).max(SHARE_MIN).max(one_delivery);
    let exponent = libm::floor(libm::log10(smallest) + 1e-9).min(-1.0);
    libm::pow(10.0, exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(points: Vec<(f64, f64)>, undelivered: f64) -> LatencyCurve {
        LatencyCurve { curve: Curve::new("a", points), undelivered, ..LatencyCurve::default() }
    }

    #[test]
    fn the_range_starts_where_a_curve_leaves_one() {
        let curves = [curve(vec![(0.001, 1.0), (0.1, 1.0), (0.2, 0.5), (100.0, 0.0), (900.0, 0.0)], 0.0)];
        let (from, to) = time_range(&curves, 0.1);
        assert!((from - 0.09).abs() < 1e-12 && (to - 110.0).abs() < 1e-9, "{from} {to}");
        assert_eq!(time_range(&[], 0.1), (0.001, 1000.0));
        assert_eq!(time_range(&[curve(vec![(0.0, 1.0), (f64::NAN, 0.3)], 0.0)], 0.1), (0.001, 1000.0));
    }

    #[test]
    fn the_floor_holds_every_share_that_a_run_resolves() {
        assert_eq!(share_floor(&[curve(vec![(1.0, 0.5)], 0.0)], 0), 0.1);
        assert!((share_floor(&[curve(vec![(1.0, 0.5)], 0.002)], 0) - 0.001).abs() < 1e-15);
        assert_eq!(share_floor(&[curve(vec![(1.0, 1e-300)], 0.0)], 0), 1e-8);
        assert_eq!(share_floor(&[curve(vec![(1.0, 1e-300)], 0.0)], 5000), 1e-4);
    }

    #[test]
    fn what_is_queued_is_drawn_as_far_as_it_was_seen() {
        let queued = LatencyCurve { queued: 0.6, queued_until_s: 900.0, ..curve(vec![(1.0, 1.0), (100.0, 0.6)], 0.0) };
        let given_up = curve(vec![(1.0, 1.0), (100.0, 0.6)], 0.6);
        let chart = LatencyChart { curves: vec![queued.clone(), given_up.clone()], ..LatencyChart::default() };
        let panel = panel(&chart);
        assert_eq!((panel.curves[0].plateau, panel.curves[0].end), (Some((0.6, 900.0)), End::Censored));
        assert_eq!((panel.curves[1].plateau, panel.curves[1].end), (Some((0.6, f64::INFINITY)), End::Plain));
        let of = |curve: LatencyCurve| time_range(&[curve], 0.1).1;
        assert!((of(queued) - 990.0).abs() < 1e-9 && (of(given_up) - 160.0).abs() < 1e-9);
    }

    #[test]
    fn a_curve_ends_where_it_reaches_the_floor() {
        let c = curve(vec![(1.0, 1.0), (2.0, 0.0), (3.0, 0.0)], 0.0);
        assert_eq!(above_floor(&c, 0.1), [(1.0, 1.0), (2.0, 0.0)]);
        assert!(above_floor(&LatencyCurve::default(), 0.1).is_empty());
    }

    #[test]
    fn shares_at_infinity_are_told() {
        let note = |undelivered: f64| notes(&curve(vec![(1.0, 0.5)], undelivered)).0;
        assert_eq!(notes(&LatencyCurve::default()).0, "no data");
        assert_eq!(note(0.021), "2.1 % never delivered");
        assert_eq!(note(0.25), "25 % never delivered");
        assert_eq!(note(1.0), "100 % never delivered");
        assert_eq!(note(0.9999), "> 99 % never delivered");
        assert_eq!(note(f64::NAN), "all delivered");
        let queued = |undelivered, queued| LatencyCurve { queued, ..curve(vec![(1.0, 0.7)], undelivered) };
        assert_eq!(notes(&queued(0.0, 0.653)).0, "65 % still queued");
        assert_eq!(notes(&queued(0.021, 0.653)).0, "2.1 % never delivered, 65 % queued");
        assert_eq!(percent(0.000_123), "0.012 %");
        assert_eq!(percent(0.004), "0.4 %");
    }
}
