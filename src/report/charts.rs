//! The charts that make sense for a scenario, from its results.

use std::path::{Path, PathBuf};

use super::Outcome;
use super::chart::{
    Attempt, AttemptOutcome, CacheRow, CacheState, ChartError, Curve, FailoverChart, Footer, HOSTS_MAX, Heading,
    HeatmapChart, HostLane, HostState, LatencyChart, LatencyCurve, Mark, QueueDepthChart, Shade, StalenessChart,
    draw_failover, draw_heatmap, draw_latency, draw_queue_depth, draw_staleness,
};
use super::closed_form::ClosedForm;
use super::folder::{Folder, WriteError};
use super::tables::grid;
use crate::engine::time::SimTime;
use crate::experiment::{SeriesSummary, VariantResults};
use crate::mail::TryResult;
use crate::measure::{CacheView, Failover, RrsetView, Try, surroundings};
use crate::model::compile::Variant;
use crate::model::{CacheId, HostId, Model};
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
    for (index, chart) in staleness(outcome, &heading).iter().enumerate() {
        draw(folder, &numbered("staleness", index), |path| draw_staleness(path, chart))?;
    }
    for (index, view) in baseline.views.iter().take(RRSETS_MAX).enumerate() {
        if let Some(chart) = heatmap(baseline, model, view, &heading) {
            draw(folder, &numbered("heatmap", index), |path| draw_heatmap(path, &chart))?;
        }
    }
    if let Some(chart) = failover(baseline, model, &heading) {
        draw(folder, "failover", |path| draw_failover(path, &chart))?;
    }
    Ok(())
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
        seed: model.seed,
        // One replication has no intervals.
        confidence: if outcome.replications() > 1 { model.confidence } else { 0.0 },
    };
    Heading { title: model.title.clone(), subtitle: model.look_for.clone(), footer }
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
            LatencyCurve { curve, undelivered: variant.latency.undelivered }
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
    let points = at.iter().zip(&series.mean).map(|(x, y)| (*x, *y)).collect();
    let band = at.iter().zip(series.low.iter().zip(&series.high)).map(|(x, (low, high))| (*x, low.max(0.0), *high));
    Curve::new(label, points).with_band(band.collect())
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
    let outages = outcome.results.variants.first().map_or_else(Vec::new, shades);
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

fn shades(variant: &VariantResults) -> Vec<Shade> {
    let shade = |shade: &crate::experiment::Shade| Shade {
        label: shade.name.clone(),
        from_s: shade.from.as_secs_f64(),
        to_s: shade.to.as_secs_f64(),
    };
    variant.shades.iter().map(shade).collect()
}

fn marks(variant: &VariantResults) -> Vec<Mark> {
    variant.changes.iter().map(|change| Mark { label: change.name.clone(), at_s: change.at.as_secs_f64() }).collect()
}

/// One chart an RRset that changes.
fn staleness(outcome: &Outcome<'_>, heading: &Heading) -> Vec<StalenessChart> {
    let Some(baseline) = outcome.results.variants.first() else { return Vec::new() };
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
            cut_tail(&mut curves, changes.iter().map(|change| change.at_s).fold(0.0, f64::max));
            let heading = Heading { subtitle: about(of, &heading.subtitle), ..heading.clone() };
            StalenessChart { heading, curves, changes, theory }
        })
        .collect()
}

/// With more curves than this, those of theory hide what they are to be beside.
const MEANT_MAX: usize = 6;

/// What the share of stale caches is by theory, for the variants in which it says so.
fn closed_forms(outcome: &Outcome<'_>, rrset: &str, most: usize) -> Vec<(Curve, ClosedForm)> {
    let variants = outcome.results.variants.iter().zip(&outcome.loaded.variants);
    let form = |(variant, loaded): (&VariantResults, &Variant)| {
        let view = variant.views.iter().find(|view| view.label == rrset)?;
        let form = ClosedForm::of(&loaded.model, view.question)?;
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

fn heatmap(baseline: &VariantResults, model: &Model, view: &RrsetView, heading: &Heading) -> Option<HeatmapChart> {
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
        heading: Heading { subtitle: about(&view.label, &heading.subtitle), ..heading.clone() },
        from_s: (first - margin).max(0.0),
        to_s: (last + margin).min(model.clock.end.as_secs_f64()),
        rows,
        changes: marks(baseline),
        replication: shown_replication(baseline),
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

fn failover(baseline: &VariantResults, model: &Model, heading: &Heading) -> Option<FailoverChart> {
    let trace = &baseline.failover;
    let down = trace.states.iter().find(|(_, _, mode)| mode.is_some())?;
    let (from, mut to) = around(&trace.states, down.0, model.clock.end);
    // What is down for good is of interest as long as somebody tries.
    if let Some(last) = trace.tries.last().filter(|last| last.at > down.0) {
        to = to.min(last.at + surroundings(last.at.since(down.0)));
    }
    // Whole bins, so that the count of all tries is of just what is shown.
    let (start, end) = trace.bins(from, to);
    let lanes = lanes(trace, model, start, end);
    let lane = |host: HostId| HostLane {
        label: model.dns.names.text(model.mail.hosts[host.index()].name).to_owned(),
        changes: trace
            .states
            .iter()
            .filter(|(_, id, _)| *id == host)
            .map(|(at, _, mode)| (at.as_secs_f64(), if mode.is_some() { HostState::Down } else { HostState::Up }))
            .collect(),
    };
    let seen = trace.tries.iter().filter(|tried| tried.at >= start && tried.at < end);
    let attempts: Vec<Attempt> = seen
        .map(|tried| Attempt {
            delivery: (tried.sender.0, tried.number),
            host: lanes.iter().position(|host| *host == tried.host).unwrap_or(usize::MAX),
            at_s: tried.at.as_secs_f64(),
            outcome: match tried.result {
                TryResult::Accepted => AttemptOutcome::Accepted,
                TryResult::Reply(..500) => AttemptOutcome::Deferred,
                _ => AttemptOutcome::Failed,
            },
        })
        .collect();
    if attempts.is_empty() {
        return None;
    }
    Some(FailoverChart {
        heading: heading.clone(),
        from_s: start.as_secs_f64(),
        to_s: end.as_secs_f64(),
        hosts: lanes.iter().map(|host| lane(*host)).collect(),
        attempts_total: trace.total(from, to),
        attempts,
        replication: shown_replication(baseline),
    })
}

/// Hosts in the order of their lanes: as declared, but those that are down or tried in vain first where not all may be
/// shown.
fn lanes(trace: &Failover, model: &Model, start: SimTime, end: SimTime) -> Vec<HostId> {
    let mut hosts: Vec<HostId> = (0..model.mail.hosts.len() as u32).map(HostId).collect();
    if hosts.len() > HOSTS_MAX {
        let fails = |host: HostId| {
            let is_down =
                |(at, id, mode): &(SimTime, HostId, Option<FailureMode>)| *id == host && mode.is_some() && *at < end;
            let fails = |tried: &Try| tried.host == host && tried.result != TryResult::Accepted && tried.at >= start;
            trace.states.iter().any(is_down) && trace.tries.iter().any(fails)
        };
        hosts.sort_by_key(|host| !fails(*host));
    }
    hosts
}

/// The first time that a host is down, with its surroundings.
fn around(states: &[(SimTime, HostId, Option<FailureMode>)], start: SimTime, end: SimTime) -> (SimTime, SimTime) {
    let host = states.iter().find(|(at, _, mode)| *at == start && mode.is_some()).map(|(_, host, _)| *host);
    let up = states.iter().find(|(at, id, mode)| *at > start && Some(*id) == host && mode.is_none());
    let up = up.map_or(end, |(at, ..)| *at);
    let margin = surroundings(up.since(start));
    (start - margin, (up + margin).min(end))
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
    fn the_first_failure_is_shown_with_its_surroundings() {
        let (down, at) = (Some(FailureMode::Refuse), SimTime::from_secs);
        let states = [
            (at(5), HostId(1), None),
            (at(1000), HostId(0), down),
            (at(1500), HostId(1), down),
            (at(1600), HostId(0), None),
        ];
        assert_eq!(around(&states, at(1000), at(10_000)), (at(400), at(2200)));
        assert_eq!(around(&states[..3], at(1000), at(10_000)), (at(0), at(10_000)));
    }
}
