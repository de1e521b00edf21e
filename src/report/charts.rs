//! From results to the charts that make sense for a scenario.

use std::path::{Path, PathBuf};

use super::chart::{
    Attempt, AttemptOutcome, CacheRow, CacheState, ChartError, Curve, FailoverChart, Footer, Heading, HeatmapChart,
    HostLane, HostState, LatencyChart, LatencyCurve, Mark, QueueDepthChart, Shade, StalenessChart, draw_failover,
    draw_heatmap, draw_latency, draw_queue_depth, draw_staleness,
};
use crate::engine::time::SimTime;
use crate::experiment::{Results, SeriesSummary, VariantResults};
use crate::measure::CacheView;
use crate::model::dns::DnsModel;
use crate::model::{CacheId, Model};

/// Draws every chart of a scenario into `folder`, which exists; the files made.
///
/// # Errors
/// The first chart that could not be drawn or written; nothing half-written stays.
pub fn draw_charts(folder: &Path, model: &Model, results: &Results) -> Result<Vec<PathBuf>, ChartError> {
    let Some(baseline) = results.variants.first().filter(|variant| !variant.replications.is_empty()) else {
        return Ok(Vec::new());
    };
    let mut files = Vec::new();
    let heading = |what: &str| Heading {
        title: format!("{}: {what}", model.title),
        subtitle: model.look_for.clone(),
        footer: Footer {
            deliveries: baseline.latency.deliveries,
            replications: baseline.replications.len() as u32,
            seed: model.seed,
            confidence: model.confidence,
        },
    };
    if results.variants.iter().any(|variant| !variant.latency.points.is_empty()) {
        let curves = results.variants.iter().map(latency).collect();
        let chart = LatencyChart { heading: heading("delivery latency"), curves };
        files.extend(draw_latency(&folder.join("latency"), &chart)?);
        let chart = queue_depth(heading("queue depth"), model, results);
        files.extend(draw_queue_depth(&folder.join("queue_depth"), &chart)?);
    }
    if let Some(chart) = staleness(heading("stale resolvers"), model, results) {
        files.extend(draw_staleness(&folder.join("staleness"), &chart)?);
    }
    if let Some(chart) = heatmap(heading("what each cache holds"), model, baseline) {
        files.extend(draw_heatmap(&folder.join("heatmap"), &chart)?);
    }
    if let Some(chart) = failover(heading("hosts and attempts"), model, baseline) {
        files.extend(draw_failover(&folder.join("failover"), &chart)?);
    }
    Ok(files)
}

fn latency(variant: &VariantResults) -> LatencyCurve {
    let points = &variant.latency.points;
    let mut curve = Curve::new(variant.name.clone(), points.iter().map(|point| (point.0, point.1)).collect());
    if variant.replications.len() > 1 {
        curve = curve.with_band(points.iter().map(|point| (point.0, point.2, point.3)).collect());
    }
    LatencyCurve { curve, undelivered: variant.latency.undelivered }
}

/// A series over time as a curve, cells at their middles; what was not observed is left out.
fn curve(label: String, series: &SeriesSummary, model: &Model, is_cell: bool) -> Curve {
    let cell = model.clock.cell.as_secs_f64();
    let at = |index: usize| (index as f64 + if is_cell { 0.5 } else { 0.0 }) * cell;
    let seen = |index: &usize| !series.mean[*index].is_nan();
    let points = (0..series.mean.len()).filter(seen).map(|index| (at(index), series.mean[index])).collect();
    let band = (0..series.mean.len())
        .filter(seen)
        .map(|index| (at(index), series.low[index].max(0.0), series.high[index]))
        .collect();
    Curve::new(label, points).with_band(band)
}

fn shades(model: &Model, results: &Results) -> Vec<Shade> {
    let baseline = results.variants.first();
    let shades = baseline.map_or_else(Vec::new, |variant| variant.shades.clone());
    shades
        .into_iter()
        .map(|shade| Shade {
            label: shade.name,
            from_s: shade.from.as_secs_f64(),
            to_s: shade.to.min(model.clock.end).as_secs_f64(),
        })
        .collect()
}

fn queue_depth(heading: Heading, model: &Model, results: &Results) -> QueueDepthChart {
    let mut curves = Vec::new();
    for variant in &results.variants {
        let find = |measure: &str| variant.series.iter().find(|s| s.measure == measure && s.scope == "all");
        let Some(series) = find("queue_depth") else { continue };
        let mut drawn = curve(variant.name.clone(), series, model, true);
        if results.variants.len() == 1
            && let Some(max) = find("queue_depth_max")
        {
            let cell = model.clock.cell.as_secs_f64();
            let points = max.max.iter().enumerate().map(|(index, value)| ((index as f64 + 0.5) * cell, *value));
            drawn = drawn.with_maximum(points.collect());
        }
        curves.push(drawn);
    }
    trim(&mut curves);
    QueueDepthChart { heading, curves, outages: shades(model, results) }
}

/// Leaves out the empty end that all curves have in common, but for a tenth of what is left.
fn trim(curves: &mut [Curve]) {
    let last = |curve: &Curve| curve.points.iter().rev().find(|point| point.1 > 0.0).map_or(0.0, |point| point.0);
    let end = curves.iter().map(last).fold(0.0, f64::max) * 1.1;
    if end <= 0.0 {
        return;
    }
    for curve in curves {
        curve.points.retain(|point| point.0 <= end);
        if let Some(band) = &mut curve.band {
            band.retain(|point| point.0 <= end);
        }
        if let Some(maximum) = &mut curve.maximum {
            maximum.retain(|point| point.0 <= end);
        }
    }
}

fn marks(variant: &VariantResults) -> Vec<Mark> {
    variant.changes.iter().map(|change| Mark { label: change.name.clone(), at_s: change.at.as_secs_f64() }).collect()
}

fn staleness(heading: Heading, model: &Model, results: &Results) -> Option<StalenessChart> {
    let mut curves = Vec::new();
    for variant in &results.variants {
        // The first RRset that the timeline changes: others are in the table of series.
        if let Some(series) = variant.series.iter().find(|series| series.measure == "stale_resolvers") {
            curves.push(curve(variant.name.clone(), series, model, false));
        }
    }
    let changes = marks(results.variants.first()?);
    (!curves.is_empty()).then_some(StalenessChart { heading, curves, changes })
}

fn heatmap(heading: Heading, model: &Model, variant: &VariantResults) -> Option<HeatmapChart> {
    let view = variant.views.first().filter(|view| !view.caches.is_empty())?;
    let dns: &DnsModel = &model.dns;
    let rows = view
        .caches
        .iter()
        .zip(0..)
        .map(|(changes, cache)| CacheRow {
            label: dns.cache_name(CacheId(cache)),
            changes: changes.iter().map(|(at, view)| (at.as_secs_f64(), state(*view))).collect(),
        })
        .collect();
    let (from, to) = extent(model, variant);
    let heading = Heading { title: format!("{} ({})", heading.title, view.label), ..heading };
    let replication = variant.replications.first().map_or(0, |replication| replication.replication);
    Some(HeatmapChart { heading, from_s: from, to_s: to, rows, changes: marks(variant), replication })
}

fn state(view: CacheView) -> CacheState {
    match view {
        CacheView::Empty => CacheState::Empty,
        CacheView::Old => CacheState::Old,
        CacheView::New => CacheState::New,
    }
}

/// The measured window.
fn extent(model: &Model, _variant: &VariantResults) -> (f64, f64) {
    (model.clock.window_start.as_secs_f64(), model.clock.window_end.as_secs_f64())
}

fn failover(heading: Heading, model: &Model, variant: &VariantResults) -> Option<FailoverChart> {
    let trace = &variant.failover;
    if trace.states.is_empty() || trace.tries.is_empty() {
        return None;
    }
    let seconds = SimTime::as_secs_f64;
    let shown = trace.tries.iter().map(|(.., host, _, _)| *host).chain(trace.states.iter().map(|(_, host, _)| *host));
    let mut hosts: Vec<crate::model::HostId> = shown.collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts.truncate(12);
    let lane = |host: crate::model::HostId| HostLane {
        label: model.dns.names.text(model.mail.hosts[host.index()].name).to_owned(),
        changes: trace
            .states
            .iter()
            .filter(|(_, of, _)| *of == host)
            .map(|(at, _, down)| (seconds(*at), if down.is_some() { HostState::Down } else { HostState::Up }))
            .collect(),
    };
    let attempts = trace
        .tries
        .iter()
        .filter_map(|&(at, delivery, host, accepted, is_last)| {
            let host = hosts.iter().position(|shown| *shown == host)?;
            let outcome = match (accepted, is_last) {
                (true, _) => AttemptOutcome::Accepted,
                (false, true) => AttemptOutcome::Failed,
                (false, false) => AttemptOutcome::Deferred,
            };
            Some(Attempt { delivery, host, at_s: seconds(at), outcome })
        })
        .collect();
    let to = trace.tries.iter().map(|(at, ..)| seconds(*at)).fold(0.0, f64::max);
    let changes = trace.states.iter().map(|(at, ..)| seconds(*at)).filter(|at| *at <= to * 1.2).fold(to, f64::max);
    let replication = variant.replications.first().map_or(0, |replication| replication.replication);
    let lanes = hosts.iter().map(|host| lane(*host)).collect();
    Some(FailoverChart {
        heading,
        from_s: 0.0,
        to_s: changes,
        hosts: lanes,
        attempts,
        attempts_total: trace.tries_total,
        replication,
    })
}
