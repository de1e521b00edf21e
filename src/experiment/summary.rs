//! From replications to means with intervals: the replication is the unit of inference, never the message.

use std::borrow::Cow;
use std::collections::HashMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::statistics::{Interval, mean};
use crate::engine::time::SimTime;
use crate::measure::{AgeTable, Censored, Failover, Jump, Measurements, Row, RrsetView, Series, exact};
use crate::model::timeline::ActionModel;
use crate::model::{Model, Objective, TargetId};
use crate::sim::RunEnd;

/// What one replication gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplicationResult {
    /// Which, from 0.
    pub replication: u32,
    /// The seed it was keyed by.
    pub seed: u64,
    /// Events handled.
    pub events: u64,
    /// A hash over them.
    pub fingerprint: u64,
    /// Its numbers.
    pub rows: Vec<Row>,
    /// Its series.
    pub series: Vec<Series>,
    /// Age tables of its queues.
    pub ages: Vec<AgeTable>,
}

impl ReplicationResult {
    /// One of its numbers.
    pub fn value(&self, measure: &str, scope: &str, statistic: &str) -> Option<f64> {
        let is_it = |row: &&Row| row.measure == measure && row.scope == scope && row.statistic == statistic;
        self.rows.iter().find(is_it).map(|row| row.value)
    }
}

/// A replication with what only the summary needs: all that is left of it, and so what an interrupted run keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Done {
    pub result: ReplicationResult,
    #[serde(with = "exact::histogram")]
    latency: Histogram<u64>,
    deliveries: u64,
    censored: Censored,
    failover: Failover,
    views: Vec<RrsetView>,
}

impl Done {
    pub fn new(replication: u32, seed: u64, end: &RunEnd, measurements: Measurements) -> Self {
        let Measurements { rows, series, latency, deliveries, censored, failover, views, ages } = measurements;
        let RunEnd { events, fingerprint, .. } = *end;
        let result = ReplicationResult { replication, seed, events, fingerprint, rows, series, ages };
        Self { result, latency, deliveries, censored, failover, views }
    }

    /// The shares of deliveries that took longer than each of the ascending latencies in microseconds: one pass.
    fn late(&self, micros: &[f64]) -> Vec<f64> {
        let mut buckets = self.latency.iter_recorded().peekable();
        let mut in_time = 0;
        let of = |micros: &f64| {
            let edge = self.latency.highest_equivalent(*micros as u64);
            while let Some(bucket) = buckets.next_if(|bucket| bucket.value_iterated_to() <= edge) {
                in_time += bucket.count_at_value();
            }
            1.0 - in_time as f64 / self.deliveries as f64
        };
        micros.iter().map(of).collect()
    }
}

/// A number over all replications.
#[derive(Debug, Clone, PartialEq)]
pub struct SummaryRow {
    /// What is measured.
    pub measure: &'static str,
    /// Whose.
    pub scope: String,
    /// Which statistic of it.
    pub statistic: Cow<'static, str>,
    /// Its unit.
    pub unit: &'static str,
    /// The mean over the replications in which it was observed; infinite if it is so in any.
    pub value: f64,
    /// Student's t interval of that mean; none with fewer than two replications, or an infinite value.
    pub interval: Option<(f64, f64)>,
    /// In how many it was observed.
    pub replications: u32,
    /// In how many of those it is infinite: not before the end of what was seen.
    pub infinite: u32,
}

/// A series over all replications: mean, interval, greatest, a point of the grid.
#[derive(Debug, Clone)]
pub struct SeriesSummary {
    /// What is measured.
    pub measure: &'static str,
    /// Whose.
    pub scope: String,
    /// Its unit.
    pub unit: &'static str,
    /// Mean.
    pub mean: Vec<f64>,
    /// Low end of its interval, the mean itself if there is none.
    pub low: Vec<f64>,
    /// High end.
    pub high: Vec<f64>,
    /// Greatest.
    pub max: Vec<f64>,
    /// Where it jumps.
    pub jumps: Vec<JumpSummary>,
}

/// Mean, low and high end of its interval, of a value just before and just after an instant.
#[derive(Debug, Clone, PartialEq)]
pub struct JumpSummary {
    /// When.
    pub at: SimTime,
    /// From.
    pub before: (f64, f64, f64),
    /// To.
    pub after: (f64, f64, f64),
}

/// The share of deliveries that took longer than x, over replications.
#[derive(Debug, Clone, Default)]
pub struct LatencyCurve {
    /// Latency in seconds, mean share that takes longer, low and high end of its interval.
    pub points: Vec<(f64, f64, f64, f64)>,
    /// Share that ended without being delivered.
    pub undelivered: f64,
    /// Share that is still queued when the run stops.
    pub queued: f64,
    /// The greatest age, in seconds, at which one of these was seen: beyond it their latency is not known.
    pub queued_until_s: f64,
    /// Deliveries of all replications.
    pub deliveries: u64,
}

/// A time in which something was out, for charts.
#[derive(Debug, Clone, PartialEq)]
pub struct Shade {
    /// Its name.
    pub name: String,
    /// From.
    pub from: SimTime,
    /// To.
    pub to: SimTime,
    /// Whether a name server, a resolver or a part of the network is out, and not hosts alone.
    pub is_of_dns: bool,
}

/// A change of records, for charts.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Its name.
    pub name: String,
    /// When.
    pub at: SimTime,
}

/// An objective, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectiveResult {
    /// As written.
    pub text: String,
    /// The number it is about; `None` if nothing has that name.
    pub value: Option<f64>,
    /// Its unit.
    pub unit: &'static str,
    /// Whether it is met.
    pub met: bool,
}

/// What one variant gave.
#[derive(Debug, Clone)]
pub struct VariantResults {
    /// Its name.
    pub name: String,
    /// Its replications in order.
    pub replications: Vec<ReplicationResult>,
    /// Numbers over all of them.
    pub summary: Vec<SummaryRow>,
    /// Series over all of them.
    pub series: Vec<SeriesSummary>,
    /// The latency curve.
    pub latency: LatencyCurve,
    /// Objectives judged.
    pub objectives: Vec<ObjectiveResult>,
    /// Outages of the timeline.
    pub shades: Vec<Shade>,
    /// Changes of the timeline.
    pub changes: Vec<Change>,
    /// Events of the first replication, for charts.
    pub failover: Failover,
    /// Caches of the first replication, for charts.
    pub views: Vec<RrsetView>,
}

impl VariantResults {
    pub(super) fn new(name: &str, model: &Model, done: Vec<Done>) -> Self {
        let summary = summarise(&done, model.confidence);
        let objectives = model.objectives.iter().map(|objective| judge(objective, &summary)).collect();
        let (shades, changes) = marks(model);
        let series = summarise_series(&done, model.confidence);
        let latency = latency_curve(&done, model.confidence);
        let traces = done.iter().find(|done| !done.views.is_empty() || !done.failover.counts.is_empty());
        let traces = traces.map(|done| (done.failover.clone(), done.views.clone()));
        let (failover, views) = traces.unwrap_or_default();
        let replications = done.into_iter().map(|done| done.result).collect();
        Self {
            name: name.to_owned(),
            replications,
            summary,
            series,
            latency,
            objectives,
            shades,
            changes,
            failover,
            views,
        }
    }

    /// The row of a measure.
    pub fn row(&self, measure: &str, scope: &str, statistic: &str) -> Option<&SummaryRow> {
        self.summary.iter().find(|row| row.measure == measure && row.scope == scope && row.statistic == statistic)
    }
}

/// Mean and interval of what was observed: a value that is not a number is not.
fn over(values: &[f64], confidence: f64) -> (f64, Option<(f64, f64)>, u32) {
    let seen: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    let count = seen.len() as u32;
    if seen.iter().any(|value| value.is_infinite()) {
        return (f64::INFINITY, None, count);
    }
    let interval = Interval::new(&seen, confidence).map(|interval| (interval.low(), interval.high()));
    (mean(&seen).unwrap_or(f64::NAN), interval, count)
}

/// Everything that some replication has, in the order in which the first that has it tells it: the values of all that do.
fn united<'a, K: std::hash::Hash + Eq, T>(
    lists: impl Iterator<Item = &'a [T]>,
    key: impl Fn(&'a T) -> K,
) -> Vec<Vec<&'a T>> {
    let (mut places, mut found): (HashMap<K, usize>, Vec<Vec<&T>>) = (HashMap::new(), Vec::new());
    for item in lists.flatten() {
        let place = *places.entry(key(item)).or_insert_with(|| {
            found.push(Vec::new());
            found.len() - 1
        });
        found[place].push(item);
    }
    found
}

fn summarise(done: &[Done], confidence: f64) -> Vec<SummaryRow> {
    let rows = done.iter().map(|done| &done.result.rows[..]);
    let mut summary = Vec::new();
    for same in united(rows, |row: &Row| (row.measure, row.scope.as_str(), row.statistic.as_ref())) {
        let Some(row) = same.first() else { continue };
        let values: Vec<f64> = same.iter().map(|row| row.value).collect();
        let (value, interval, replications) = over(&values, confidence);
        summary.push(SummaryRow {
            measure: row.measure,
            scope: row.scope.clone(),
            statistic: row.statistic.clone(),
            unit: row.unit,
            value,
            interval,
            replications,
            infinite: values.iter().filter(|value| value.is_infinite()).count() as u32,
        });
    }
    summary
}

fn summarise_series(done: &[Done], confidence: f64) -> Vec<SeriesSummary> {
    let all = done.iter().map(|done| &done.result.series[..]);
    let mut summaries = Vec::new();
    for same in united(all, |series: &Series| (series.measure, series.scope.as_str())) {
        let Some(series) = same.first() else { continue };
        let mut summary = SeriesSummary {
            measure: series.measure,
            scope: series.scope.clone(),
            unit: series.unit,
            mean: Vec::new(),
            low: Vec::new(),
            high: Vec::new(),
            max: Vec::new(),
            jumps: jumps(&same, confidence),
        };
        for point in 0..series.values.len() {
            let values: Vec<f64> = same.iter().filter_map(|series| series.values.get(point).copied()).collect();
            let (mean, low, high) = with_ends(&values, confidence);
            summary.mean.push(mean);
            summary.low.push(low);
            summary.high.push(high);
            summary.max.push(values.into_iter().filter(|value| !value.is_nan()).fold(f64::NAN, f64::max));
        }
        summaries.push(summary);
    }
    summaries
}

/// A mean with the ends of its interval, which are the mean itself if there is none.
fn with_ends(values: &[f64], confidence: f64) -> (f64, f64, f64) {
    let (mean, interval, _) = over(values, confidence);
    let (low, high) = interval.unwrap_or((mean, mean));
    (mean, low, high)
}

/// Changes are at the same instants in all replications.
fn jumps(same: &[&Series], confidence: f64) -> Vec<JumpSummary> {
    let first = same.iter().max_by_key(|series| series.jumps.len()).map_or(&[][..], |series| &series.jumps);
    let of = |index: usize, value: fn(&Jump) -> f64| {
        let values: Vec<f64> = same.iter().filter_map(|series| series.jumps.get(index).map(value)).collect();
        with_ends(&values, confidence)
    };
    let summary = |(index, jump): (usize, &Jump)| JumpSummary {
        at: jump.at,
        before: of(index, |jump| jump.before),
        after: of(index, |jump| jump.after),
    };
    first.iter().enumerate().map(summary).collect()
}

/// Points a factor of ten in latency.
const POINTS_A_DECADE: i32 = 40;

fn latency_curve(done: &[Done], confidence: f64) -> LatencyCurve {
    let deliveries: u64 = done.iter().map(|done| done.deliveries).sum();
    let delivered: u64 = done.iter().map(|done| done.latency.len()).sum();
    if deliveries == 0 {
        return LatencyCurve::default();
    }
    let histograms = || done.iter().map(|done| &done.latency).filter(|histogram| !histogram.is_empty());
    let low = histograms().map(Histogram::min_nz).min().unwrap_or(1).max(1) as f64;
    let high = histograms().map(Histogram::max).max().unwrap_or(1).max(1) as f64;
    let first = libm::floor(libm::log10(low) * f64::from(POINTS_A_DECADE)) as i32;
    let last = libm::ceil(libm::log10(high) * f64::from(POINTS_A_DECADE)) as i32;
    let steps: Vec<f64> =
        (first..=last.max(first)).map(|step| libm::pow(10.0, f64::from(step) / f64::from(POINTS_A_DECADE))).collect();
    let late: Vec<Vec<f64>> = done.iter().filter(|done| done.deliveries > 0).map(|done| done.late(&steps)).collect();
    let points = steps.iter().enumerate().map(|(step, micros)| {
        let shares: Vec<f64> = late.iter().map(|shares| shares[step]).collect();
        let (mean, low, high) = with_ends(&shares, confidence);
        (micros / 1e6, mean, low.clamp(0.0, 1.0), high.clamp(0.0, 1.0))
    });
    let points = points.collect();
    let censored: u64 = done.iter().map(|done| done.censored.count).sum();
    let oldest = done.iter().map(|done| done.censored.age_max).max().unwrap_or_default();
    let share = |count: u64| count as f64 / deliveries as f64;
    LatencyCurve {
        points,
        undelivered: share(deliveries.saturating_sub(delivered + censored)),
        queued: share(censored),
        queued_until_s: oldest.as_secs_f64(),
        deliveries,
    }
}

fn judge(objective: &Objective, summary: &[SummaryRow]) -> ObjectiveResult {
    let row = summary.iter().find(|row| {
        row.measure == objective.measure && row.statistic == objective.statistic && row.scope == objective.scope
    });
    let value = row.map(|row| row.value);
    let met = value.is_some_and(|value| {
        objective.below.is_none_or(|below| value < below) && objective.above.is_none_or(|above| value > above)
    });
    ObjectiveResult { text: objective.text.clone(), value, unit: row.map_or("1", |row| row.unit), met }
}

fn marks(model: &Model) -> (Vec<Shade>, Vec<Change>) {
    let (mut shades, mut changes) = (Vec::new(), Vec::new());
    for (index, item) in model.timeline.iter().enumerate() {
        match &item.action {
            _ if item.undoes && !matches!(item.action, ActionModel::SetData { .. }) => {}
            ActionModel::Down { .. }
            | ActionModel::SetDown { .. }
            | ActionModel::SetNetwork { .. }
            | ActionModel::SetBrownout { .. } => {
                let up = model.timeline[index..].iter().find(|later| later.entry == item.entry && later.undoes);
                let to = up.map_or(model.clock.end, |up| up.at);
                shades.push(Shade {
                    name: item.name.clone(),
                    from: item.at,
                    to,
                    is_of_dns: is_of_dns(model, &item.action),
                });
            }
            ActionModel::SetData { .. } => changes.push(Change { name: item.name.clone(), at: item.at }),
            _ => {}
        }
    }
    changes.dedup_by(|a, b| a.name == b.name && a.at == b.at);
    (shades, changes)
}

/// Whether an outage is not of hosts alone.
fn is_of_dns(model: &Model, action: &ActionModel) -> bool {
    let is_server = |target: &TargetId| target.index() >= model.faults.hosts;
    match action {
        ActionModel::Down { targets, .. } => targets.iter().any(is_server),
        ActionModel::SetBrownout { each } => each.iter().any(|(target, _)| is_server(target)),
        ActionModel::SetDown { .. } | ActionModel::SetNetwork { .. } => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_first_replication_lacks_is_in_the_summary() {
        let row = |measure, value| Row { measure, scope: "all".into(), statistic: "count".into(), unit: "1", value };
        let end = RunEnd { events: 0, fingerprint: 0, ended: SimTime::ZERO, interrupted: false };
        let replication = |replication, rows: Vec<Row>| {
            let measurements = Measurements {
                rows,
                series: Vec::new(),
                latency: Histogram::new(1).unwrap(),
                deliveries: 0,
                censored: Censored::default(),
                failover: Failover::default(),
                views: Vec::new(),
                ages: Vec::new(),
            };
            Done::new(replication, 1, &end, measurements)
        };
        let done = [
            replication(0, vec![row("a", 1.0)]),
            replication(1, vec![row("b", 5.0), row("a", 3.0)]),
            replication(2, vec![row("b", f64::INFINITY)]),
        ];
        let found: Vec<_> =
            summarise(&done, 0.95).iter().map(|row| (row.measure, row.value, row.replications, row.infinite)).collect();
        assert_eq!(found, [("a", 2.0, 2, 0), ("b", f64::INFINITY, 2, 1)]);
    }
}
