//! What caches disagree about, and what their freshness costs.

use super::super::Outcome;
use super::super::chart::{Heading, LinesChart, Measured, TradeChart, TradePoint, YUnit};
use super::{about, curve, cut_head, cut_tail, find, marks};
use crate::experiment::{SummaryRow, VariantResults};
use crate::model::Model;

/// How likely two caches are to answer differently: of the first RRset that changes, where a resolver is a farm, since there one
/// user sees it.
pub(super) fn split_view(outcome: &Outcome<'_>, heading: &Heading) -> Option<LinesChart> {
    let (baseline, model) = outcome.results.variants.first().zip(outcome.baseline())?;
    let is_farm = |model: &Model| model.dns.resolvers.iter().any(|resolver| resolver.farm.count() > 1);
    let tracked = baseline.series.iter().find(|series| series.measure == "split_view").filter(|_| is_farm(model))?;
    let variants = outcome.results.variants.iter().zip(&outcome.loaded.variants);
    let mut curves: Vec<_> = variants
        .filter_map(|(variant, loaded)| {
            Some(curve(&variant.name, find(variant, "split_view", &tracked.scope)?, &loaded.model))
        })
        .collect();
    let changes = marks(baseline);
    let times = || changes.iter().map(|change| change.at_s);
    cut_head(&mut curves, times().fold(f64::INFINITY, f64::min));
    cut_tail(&mut curves, times().fold(0.0, f64::max));
    let of = tracked.scope.strip_prefix("rrset:").unwrap_or(&tracked.scope);
    Some(LinesChart {
        heading: Heading { subtitle: about(of, &heading.subtitle), ..heading.clone() },
        x_title: "time since the start of the run".into(),
        y_title: "split view: how likely two caches are to answer differently (mean)".into(),
        y_unit: YUnit::Share,
        curves,
        shades: Vec::new(),
        marks: changes,
    })
}

/// Variants that make a range.
const VARIANTS_MIN: usize = 5;

/// How much more one must cost than another for that.
const COSTS_APART: f64 = 2.0;

/// Stale answers against the messages that the servers see, where variants differ in both.
pub(super) fn freshness(outcome: &Outcome<'_>, heading: &Heading) -> Option<TradeChart> {
    let clock = &outcome.baseline()?.clock;
    let hours = clock.window_end.since(clock.window_start).as_secs_f64() / 3600.0;
    let points: Vec<TradePoint> = outcome.results.variants.iter().filter_map(|variant| point(variant, hours)).collect();
    let extreme = |start: f64, pick: fn(f64, f64) -> f64| points.iter().map(|p| p.cost.mean).fold(start, pick);
    let (least, most) = (extreme(f64::INFINITY, f64::min), extreme(0.0, f64::max));
    let is_stale = points.iter().any(|point| point.share.mean > 0.0);
    (points.len() >= VARIANTS_MIN && is_stale && most >= COSTS_APART * least).then(|| TradeChart {
        heading: heading.clone(),
        x_title: "queries at the servers, and pushes, an hour (mean)".into(),
        y_title: "stale answers, % of all (mean)".into(),
        points,
    })
}

fn point(variant: &VariantResults, hours: f64) -> Option<TradePoint> {
    let share = measured(variant.row("stale_answers", "all", "share")?, 1.0)?;
    let queries = measured(variant.row("dns_queries", "all", "count")?, hours)?;
    let pushes = variant.row("push_messages", "all", "count").and_then(|row| measured(row, hours)).unwrap_or_default();
    // Intervals of a sum are no wider than the sum of them.
    let sum =
        |pick: fn((f64, f64)) -> f64| Some(queries.interval.map(pick)? + pushes.interval.map_or(pushes.mean, pick));
    let cost = Measured { mean: queries.mean + pushes.mean, interval: sum(|i| i.0).zip(sum(|i| i.1)) };
    (cost.mean > 0.0).then(|| TradePoint { label: variant.name.clone(), cost, share })
}

fn measured(row: &SummaryRow, over: f64) -> Option<Measured> {
    let interval = row.interval.map(|(low, high)| (low / over, high / over));
    row.value.is_finite().then(|| Measured { mean: row.value / over, interval })
}
