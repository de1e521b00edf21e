//! The charts that make sense for a scenario, from its results.

use std::path::{Path, PathBuf};

mod caches;
mod glyphs;
mod hosts;
mod queues;

pub use glyphs::warn_of_glyphs;

use caches::{freshness, split_view};
use hosts::{failover, shares};
use queues::by_node;

use super::Outcome;
use super::chart::{
    CacheRow, CacheState, ChartError, Curve, Footer, Heading, HeatmapChart, LatencyChart, LatencyCurve, Mark,
    QueueDepthChart, Shade, StalenessChart, draw_failover, draw_heatmap, draw_latency, draw_lines, draw_queue_depth,
    draw_shares, draw_staleness, draw_trade,
};
use super::closed_form::ClosedForm;
use super::folder::{Folder, WriteError};
use super::tables::grid;
use crate::engine::time::SimTime;
use crate::experiment::{JumpSummary, SeriesSummary, VariantResults};
use crate::measure::{CacheView, RrsetView};
use crate::model::compile::Variant;
use crate::model::{CacheId, Model};
use crate::scenario::tree::FailureMode;

/// Draws latency and queue depth where mail is sent, staleness and the map of caches where the timeline changes
/// records that caches hold, and the failover where hosts fail.
///
/// # Errors
/// The first chart that could not be written.
pub fn draw_all(folder: &mut Folder, outcome: &Outcome<'_>) -> Result<(), WriteError> {
    let Some((baseline, model)) = outcome.results.variants.first().zip(outcome.baseline()) else { return Ok(()) };
    let heading = heading(outcome, baseline, model);
    if let Some(chart) = latency(outcome, &heading) {
        draw(folder, "latency", |path| draw_latency(path, &chart))?;
    }
    if let Some(chart) = queue_depth(outcome, &heading) {
        draw(folder, "queue_depth", |path| draw_queue_depth(path, &chart))?;
    }
    if let Some(chart) = by_node(outcome, &heading) {
        draw(folder, "queue_by_node", |path| draw_queue_depth(path, &chart))?;
    }
    for (index, chart) in staleness(outcome, &heading).iter().enumerate() {
        draw(folder, &numbered("staleness", index), |path| draw_staleness(path, chart))?;
    }
    for (index, view) in baseline.views.iter().take(RRSETS_MAX).enumerate() {
        if let Some(chart) = heatmap(outcome, &view.label, &heading) {
            draw(folder, &numbered("heatmap", index), |path| draw_heatmap(path, &chart))?;
        }
    }
    if let Some(chart) = split_view(outcome, &heading) {
        draw(folder, "split_view", |path| draw_lines(path, &chart))?;
    }
    if let Some(chart) = freshness(outcome, &heading) {
        draw(folder, "freshness", |path| draw_trade(path, &chart))?;
    }
    let of_one = of_one(&heading, baseline);
    if let Some(chart) = failover(baseline, model, &shown_name(outcome, baseline), &of_one) {
        draw(folder, "failover", |path| draw_failover(path, &chart))?;
    }
    if let Some(chart) = shares(outcome, &heading) {
        draw(folder, "shares", |path| draw_shares(path, &chart))?;
    }
    Ok(())
}

/// What a chart of one variant calls it; nothing where there is no other.
fn shown_name(outcome: &Outcome<'_>, variant: &VariantResults) -> String {
    if outcome.results.variants.len() > 1 { variant.name.clone() } else { String::new() }
}

/// Charts of this many RRsets are drawn; the tables hold them all.
const RRSETS_MAX: usize = 4;

fn numbered(name: &str, index: usize) -> String {
    if index == 0 { name.to_owned() } else { format!("{name}_{}", index + 1) }
}

fn draw(
    folder: &mut Folder,
    name: &str,
    draw: impl FnOnce(&Path) -> Result<Vec<PathBuf>, ChartError>,
) -> Result<(), WriteError> {
    let path = folder.place(&format!("charts/{name}"))?;
    let files = draw(&path).map_err(|error| match error {
        ChartError::Io { path, source } => WriteError { path, source },
        other => WriteError { path, source: std::io::Error::other(other) },
    })?;
    files.iter().try_for_each(|file| folder.note(file))
}

fn heading(outcome: &Outcome<'_>, baseline: &VariantResults, model: &Model) -> Heading {
    let footer = Footer {
        deliveries: baseline.latency.deliveries,
        replications: outcome.replications() as u32,
        seed: Some(model.seed),
        // One replication has no intervals.
        confidence: if outcome.replications() > 1 { model.confidence } else { 0.0 },
    };
    Heading { title: model.title.clone(), subtitle: model.look_for.clone(), footer }
}

/// The heading of a chart of one replication: its facts are of that.
fn of_one(heading: &Heading, variant: &VariantResults) -> Heading {
    let shown = variant.replications.first();
    let deliveries = shown.and_then(|one| one.value("deliveries", "all", "count")).map_or(0, |count| count as u64);
    // Which replication it is stands in a note of its own.
    let footer = Footer { deliveries, replications: 0, confidence: 0.0, ..heading.footer };
    Heading { footer, ..heading.clone() }
}

fn latency(outcome: &Outcome<'_>, heading: &Heading) -> Option<LatencyChart> {
    let curves: Vec<LatencyCurve> = outcome
        .results
        .variants
        .iter()
        .filter(|variant| variant.latency.deliveries > 0)
        .map(|variant| {
            let points = variant.latency.points.iter().map(|p| (p.0, p.1)).collect();
            let band = variant.latency.points.iter().map(|p| (p.0, p.2, p.3)).collect();
            let curve = Curve::new(&variant.name, points).with_band(band);
            let all = &variant.latency;
            LatencyCurve { curve, undelivered: all.undelivered, queued: all.queued, queued_until_s: all.queued_until_s }
        })
        .collect();
    (!curves.is_empty()).then(|| LatencyChart { heading: heading.clone(), curves })
}

/// A curve of a series; a value over a cell stands in the cell's middle.
fn curve(label: &str, series: &SeriesSummary, model: &Model) -> Curve {
    let times = grid(&model.clock);
    let over_cells = series.mean.len() < times.len();
    let middle = |pair: &[f64]| if over_cells { pair.iter().sum::<f64>() / pair.len() as f64 } else { pair[0] };
    let mut at: Vec<f64> = times.windows(2).map(middle).collect();
    at.extend(times.last().filter(|_| !over_cells));
    let on_grid = at.iter().zip(series.mean.iter().zip(series.low.iter().zip(&series.high)));
    let on_grid = on_grid.map(|(x, (mean, (low, high)))| (*x, (*mean, *low, *high)));
    let all = with_jumps(on_grid.collect(), &series.jumps);
    let points = all.iter().map(|(x, (mean, ..))| (*x, *mean)).collect();
    let band = all.iter().map(|(x, (_, low, high))| (*x, low.max(0.0), *high)).collect();
    Curve::new(label, points).with_band(band)
}

/// A mean and the ends of its interval, at an instant in seconds.
type Point = (f64, (f64, f64, f64));

/// The points of a grid with those of jumps between them, which stand for a grid's point at the same instant, too.
fn with_jumps(mut points: Vec<Point>, jumps: &[JumpSummary]) -> Vec<Point> {
    for jump in jumps {
        let at = jump.at.as_secs_f64();
        let from = points.partition_point(|point| point.0 < at);
        let same = points[from..].partition_point(|point| point.0 <= at);
        points.splice(from..from + same, [(at, jump.before), (at, jump.after)]);
    }
    points
}

fn find<'a>(variant: &'a VariantResults, measure: &str, scope: &str) -> Option<&'a SeriesSummary> {
    variant.series.iter().find(|series| series.measure == measure && series.scope == scope)
}

fn queue_depth(outcome: &Outcome<'_>, heading: &Heading) -> Option<QueueDepthChart> {
    let mut curves = Vec::new();
    for (variant, loaded) in outcome.results.variants.iter().zip(&outcome.loaded.variants) {
        let Some(series) = find(variant, "queue_depth", "all") else { continue };
        let mut curve = curve(&variant.name, series, &loaded.model);
        if let Some(series) = find(variant, "queue_depth_max", "all") {
            curve.maximum = Some(curve.points.iter().zip(&series.max).map(|((x, _), max)| (*x, *max)).collect());
        }
        curves.push(curve);
    }
    let mut outages = outcome.results.variants.first().map_or_else(Vec::new, |variant| shades(variant.shades.iter()));
    outages.extend(outcome.baseline().map_or_else(Vec::new, logged));
    let events = outages.iter().flat_map(|shade| [shade.from_s, shade.to_s]);
    cut_tail(&mut curves, events.fold(0.0, f64::max));
    (!curves.is_empty()).then(|| QueueDepthChart { heading: heading.clone(), curves, outages })
}

/// A height below this share of the highest point is as good as none.
const FLAT: f64 = 0.005;

/// Cuts what follows once all curves are down for good and `events` are over, such as the days of a drain in which nothing
/// is left; some of it stays, so that one sees that it is over.
fn cut_tail(curves: &mut [Curve], events: f64) {
    let heights = || curves.iter().flat_map(|curve| &curve.points).filter(|point| point.1.is_finite());
    let top = heights().map(|point| point.1).fold(0.0, f64::max);
    let last = heights().filter(|point| point.1 > top * FLAT).map(|point| point.0).fold(events, f64::max);
    let first = heights().map(|point| point.0).fold(f64::INFINITY, f64::min);
    let until = last + (last - first) * MARGIN;
    if top <= 0.0 || !until.is_finite() {
        return;
    }
    for curve in curves {
        curve.points.retain(|point| point.0 <= until);
        curve.band.iter_mut().for_each(|band| band.retain(|point| point.0 <= until));
        curve.maximum.iter_mut().for_each(|maximum| maximum.retain(|point| point.0 <= until));
    }
}

/// Cuts what comes before the first event, but for as much as shows that nothing is the matter yet.
fn cut_head(curves: &mut [Curve], event: f64) {
    let last = curves.iter().flat_map(|curve| &curve.points).map(|point| point.0).fold(event, f64::max);
    let from = event - (last - event) * MARGIN;
    let cut = |points: &mut Vec<(f64, f64)>| points.retain(|point| point.0 >= from);
    // A grid that is coarse has no point so near.
    let has_head = |curve: &Curve| curve.points.iter().any(|point| point.0 >= from && point.0 < event);
    if !from.is_finite() || !curves.first().is_some_and(has_head) {
        return;
    }
    for curve in curves {
        cut(&mut curve.points);
        curve.band.iter_mut().for_each(|band| band.retain(|point| point.0 >= from));
        curve.maximum.iter_mut().for_each(cut);
    }
}

fn shades<'a>(of: impl Iterator<Item = &'a crate::experiment::Shade>) -> Vec<Shade> {
    let shade = |shade: &crate::experiment::Shade| Shade {
        label: shade.name.clone(),
        from_s: shade.from.as_secs_f64(),
        to_s: shade.to.as_secs_f64(),
    };
    of.map(shade).collect()
}

/// Most outages of logs that are shaded: more are a texture.
const LOGGED_MAX: usize = 12;

/// The outages of hosts that logs tell of: the same in all replications.
fn logged(model: &Model) -> Vec<Shade> {
    let hosts = &model.faults.targets[..model.faults.hosts];
    let of = |(from, to, _): &(SimTime, SimTime, FailureMode), name: &String| Shade {
        label: name.clone(),
        from_s: from.as_secs_f64(),
        to_s: to.as_secs_f64(),
    };
    let all = || hosts.iter().flat_map(|host| host.outages.iter().map(|outage| of(outage, &host.name)));
    if all().count() <= LOGGED_MAX { all().collect() } else { Vec::new() }
}

fn marks(variant: &VariantResults) -> Vec<Mark> {
    variant.changes.iter().map(|change| Mark { label: change.name.clone(), at_s: change.at.as_secs_f64() }).collect()
}

/// One chart an RRset that changes.
fn staleness(outcome: &Outcome<'_>, heading: &Heading) -> Vec<StalenessChart> {
    let Some(baseline) = outcome.results.variants.first() else { return Vec::new() };
    // What is out of hosts is no matter of caches.
    let dns_outages = shades(baseline.shades.iter().filter(|shade| shade.is_of_dns));
    let tracked = baseline.series.iter().filter(|series| series.measure == "stale_resolvers").take(RRSETS_MAX);
    tracked
        .map(|tracked| {
            let of = tracked.scope.strip_prefix("rrset:").unwrap_or(&tracked.scope);
            let variants = outcome.results.variants.iter().zip(&outcome.loaded.variants);
            let mut curves: Vec<Curve> = variants
                .filter_map(|(variant, loaded)| {
                    let series = find(variant, "stale_resolvers", &tracked.scope)?;
                    Some(curve(&variant.name, series, &loaded.model))
                })
                .collect();
            let changes = marks(baseline);
            let forms = closed_forms(outcome, of, MEANT_MAX.saturating_sub(curves.len()));
            let theory = forms.iter().map(|(_, form)| form.coverage()).min();
            curves.extend(forms.into_iter().map(|(curve, _)| curve));
            let first = changes.iter().map(|change| change.at_s).fold(f64::INFINITY, f64::min);
            let first = dns_outages.iter().map(|outage| outage.from_s).fold(first, f64::min);
            let end = outcome.baseline().map_or(0.0, |model| model.clock.end.as_secs_f64());
            let ends = dns_outages.iter().map(|outage| outage.to_s).filter(|to| *to < end);
            cut_tail(&mut curves, changes.iter().map(|change| change.at_s).chain(ends).fold(0.0, f64::max));
            cut_head(&mut curves, first);
            let heading = Heading { subtitle: about(of, &heading.subtitle), ..heading.clone() };
            StalenessChart { heading, curves, changes, outages: dns_outages.clone(), theory }
        })
        .collect()
}

/// With more curves than this, those of theory hide what they are to be beside.
const MEANT_MAX: usize = 8;

/// What the share of stale caches is by theory, for the variants in which it says so, and in which the simulated curve has
/// points to be seen beside it.
fn closed_forms(outcome: &Outcome<'_>, rrset: &str, most: usize) -> Vec<(Curve, ClosedForm)> {
    let variants = outcome.results.variants.iter().zip(&outcome.loaded.variants);
    let form = |(variant, loaded): (&VariantResults, &Variant)| {
        let view = variant.views.iter().find(|view| view.label == rrset)?;
        let cell_s = loaded.model.clock.cell.as_secs_f64();
        let form = ClosedForm::of(&loaded.model, view.question).filter(|form| form.lasts(2.0 * cell_s))?;
        let points = form.points(loaded.model.clock.end.as_secs_f64());
        Some((Curve::new(format!("{}, theory", variant.name), points), form))
    };
    variants.filter_map(form).take(most).collect()
}

/// What a chart is about, before what to look for.
fn about(what: &str, look_for: &str) -> String {
    if look_for.is_empty() { what.to_owned() } else { format!("{what}: {look_for}") }
}

/// Share of the time shown that lies before the first change, and after the last that happens.
const MARGIN: f64 = 0.15;

/// The caches of the first variant that shows an old answer after all, the baseline's if none does.
fn heatmap(outcome: &Outcome<'_>, label: &str, heading: &Heading) -> Option<HeatmapChart> {
    let all = outcome.results.variants.iter().zip(&outcome.loaded.variants);
    let mut views = all.filter_map(|(results, loaded)| {
        Some((results, &*loaded.model, results.views.iter().find(|view| view.label == label)?))
    });
    let holds_old = |view: &RrsetView| view.caches.iter().flatten().any(|(_, view)| *view == CacheView::Old);
    let (variant, model, view) = views.clone().find(|(.., view)| holds_old(view)).or_else(|| views.next())?;
    let first = view.changes.first()?.as_secs_f64();
    let rows: Vec<CacheRow> = view
        .caches
        .iter()
        .enumerate()
        .map(|(index, states)| CacheRow {
            label: model.dns.cache_name(CacheId(index as u32)),
            changes: states_of(states),
        })
        .collect();
    // From the first change to the last old answer: before and after, every cache agrees with the primary.
    let mut last = view.changes.last().map_or(first, |at| at.as_secs_f64());
    for row in &rows {
        let ends = row.changes.windows(2).filter(|pair| pair[0].1 == CacheState::Old).map(|pair| pair[1].0);
        last = ends.fold(last, f64::max);
    }
    let margin = ((last - first) * MARGIN).max(model.clock.cell.as_secs_f64());
    Some(HeatmapChart {
        heading: Heading { subtitle: about(&view.label, &heading.subtitle), ..of_one(heading, variant) },
        from_s: (first - margin).max(0.0),
        to_s: (last + margin).min(model.clock.end.as_secs_f64()),
        rows,
        changes: marks(variant),
        replication: shown_replication(variant),
        variant: shown_name(outcome, variant),
    })
}

/// States of a cache, each from its instant on.
fn states_of(states: &[(SimTime, CacheView)]) -> Vec<(f64, CacheState)> {
    let state = |view: &CacheView| match view {
        CacheView::Empty => CacheState::Empty,
        CacheView::Old => CacheState::Old,
        CacheView::New => CacheState::New,
    };
    states.iter().map(|(at, view)| (at.as_secs_f64(), state(view))).collect()
}

fn shown_replication(variant: &VariantResults) -> u32 {
    variant.replications.first().map_or(0, |replication| replication.replication)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_days_of_a_drain_are_cut_and_the_events_stay() {
        let hours = |h: u32| f64::from(h) * 3600.0;
        let points: Vec<(f64, f64)> = (0..100).map(|h| (hours(h), if h < 10 { 50.0 } else { 0.0 })).collect();
        let curve = || vec![Curve::new("a", points.clone()).with_maximum(points.clone())];
        let mut curves = curve();
        cut_tail(&mut curves, 0.0);
        assert_eq!(curves[0].points.last(), Some(&(hours(10), 0.0)));
        assert_eq!(curves[0].maximum.as_ref().and_then(|maximum| maximum.last()), Some(&(hours(10), 0.0)));
        let mut curves = curve();
        cut_tail(&mut curves, hours(40));
        assert_eq!(curves[0].points.last(), Some(&(hours(46), 0.0)));
        let mut flat = vec![Curve::new("a", vec![(0.0, 0.0), (1.0, 0.0)])];
        cut_tail(&mut flat, 0.0);
        assert_eq!(flat[0].points.len(), 2);
    }

    #[test]
    fn a_jump_stands_between_the_points_of_the_grid_or_for_one() {
        let at = |share: f64| (share, share, share);
        let jump = |s, before, after| JumpSummary { at: SimTime::from_secs(s), before: at(before), after: at(after) };
        let grid = || vec![(0.0, at(0.0)), (60.0, at(0.2)), (120.0, at(0.1))];
        let shares = |jumps: &[JumpSummary]| -> Vec<(f64, f64)> {
            with_jumps(grid(), jumps).into_iter().map(|(x, (mean, ..))| (x, mean)).collect()
        };
        assert_eq!(shares(&[jump(50, 0.0, 0.6)]), [(0.0, 0.0), (50.0, 0.0), (50.0, 0.6), (60.0, 0.2), (120.0, 0.1)]);
        let two = [jump(60, 0.0, 0.6), jump(60, 0.6, 0.7)];
        assert_eq!(shares(&two), [(0.0, 0.0), (60.0, 0.6), (60.0, 0.7), (120.0, 0.1)]);
        assert_eq!(shares(&[jump(180, 0.1, 0.5)])[3..], [(180.0, 0.1), (180.0, 0.5)]);
    }

    #[test]
    fn the_long_time_before_the_first_change_is_cut_and_some_of_it_stays() {
        let points: Vec<(f64, f64)> = (0..100).map(|h| (f64::from(h), f64::from(h / 60))).collect();
        let mut curves = vec![Curve::new("a", points.clone()), Curve::new("theory", points[60..].to_vec())];
        cut_head(&mut curves, 60.0);
        assert_eq!(curves[0].points.first().map(|point| point.0), Some(55.0));
        assert_eq!(curves[1].points.len(), 40);
        // Without a change there is no before, and a grid may have no point near it.
        let mut curves = vec![Curve::new("a", vec![(0.0, 1.0), (50.0, 1.0), (100.0, 0.0)])];
        cut_head(&mut curves, f64::INFINITY);
        cut_head(&mut curves, 90.0);
        assert_eq!(curves[0].points.len(), 3);
    }
}
