//! What is told in time, on the grid.

use super::collector::{Collector, has_series};
use super::queue::{Counted, Queue};
use super::{Jump, RrsetView, SERIES_MAX, Series, question_label};
use crate::model::listing::is_listed;

impl Collector<'_> {
    /// All series, in a fixed order: of the queues, of the caches.
    pub(super) fn series(&self) -> Vec<Series> {
        let mut series = Vec::new();
        let cells = self.model.clock.cells as usize;
        let nodes = &self.model.mail.nodes;
        if self.model.mail.senders > 0 {
            queue_series(&mut series, "all", self.all_queues(), cells);
        }
        if nodes.len() > 1 {
            for (index, (queue, node)) in self.queues.iter().zip(nodes).enumerate() {
                if has_series(self.model, index) {
                    queue_series(&mut series, &node.scope(), queue, cells);
                }
            }
        }
        for load in self.loads.iter().take(SERIES_MAX) {
            let scope = format!("host:{}", self.model.dns.names.text(self.model.mail.hosts[load.host.index()].name));
            let [share, backlog] = load.cells();
            let mut one = |measure, unit, values: Vec<f64>| {
                series.push(Series {
                    measure,
                    scope: scope.clone(),
                    unit,
                    values: values.into_iter().take(cells).collect(),
                    jumps: Vec::new(),
                });
            };
            one("host_load", "share", share);
            one("backlog", "1", backlog);
        }
        for tracked in self.tracked.iter().take(SERIES_MAX) {
            let scope = format!("rrset:{}", question_label(self.model, tracked.question));
            let mut one = |measure, jumps: &[Jump], value: fn(&(f64, f64, f64)) -> f64| {
                series.push(Series {
                    measure,
                    scope: scope.clone(),
                    unit: "share",
                    values: seen(tracked.grid.iter().map(value), cells),
                    jumps: jumps.to_vec(),
                });
            };
            one("stale_resolvers", &tracked.jumps, |point| point.0);
            one("stale_resolvers_holding", &[], |point| point.1);
            one("split_view", &[], |point| point.2);
        }
        self.entry_series(&mut series, cells);
        series
    }

    fn entry_series(&self, series: &mut Vec<Series>, cells: usize) {
        let resolvers = &self.model.dns.resolvers;
        if self.dns.own.iter().all(|lookups| lookups.answers == 0) {
            return;
        }
        let one =
            |scope: String, values| Series { measure: "cache_entries", scope, unit: "1", values, jumps: Vec::new() };
        series.push(one("all".into(), (0..=cells).map(|index| self.entries_of_all(index)).collect()));
        if resolvers.len() > 1 && is_listed(resolvers.len()) {
            for (entries, resolver) in self.entries.iter().zip(resolvers).take(SERIES_MAX) {
                series.push(one(format!("resolver:{}", resolver.name), seen(entries.iter().copied(), cells)));
            }
        }
    }

    pub(super) fn views(&self) -> Vec<RrsetView> {
        let tracked = self.tracked.iter().filter(|_| self.trace.is_some());
        tracked
            .map(|tracked| RrsetView {
                question: tracked.question,
                label: question_label(self.model, tracked.question),
                changes: tracked.changes.iter().map(|change| change.at).collect(),
                caches: tracked.views.clone(),
            })
            .collect()
    }
}

/// Values at the grid's instants; what comes after the end of the run was not seen.
fn seen(values: impl Iterator<Item = f64>, cells: usize) -> Vec<f64> {
    let mut values: Vec<f64> = values.take(cells + 1).collect();
    values.resize(cells + 1, f64::NAN);
    values
}

fn queue_series(series: &mut Vec<Series>, scope: &str, queue: &Queue, cells: usize) {
    let mut add = |measure, unit, values| {
        series.push(Series { measure, scope: scope.to_owned(), unit, values, jumps: Vec::new() });
    };
    let mean = |count: &Counted<'_>| count.cells.iter().map(|cell| cell.0).take(cells).collect::<Vec<f64>>();
    for count in queue.counts() {
        add(count.measure, "1", mean(&count));
        add(count.max_series, "1", count.cells.iter().map(|cell| cell.1 as f64).take(cells).collect());
    }
    add("spool_bytes", "B", mean(&queue.bytes()));
    add("oldest_in_queue", "s", seen(queue.oldest_looks.iter().map(|age| age.as_secs_f64()), cells));
}
