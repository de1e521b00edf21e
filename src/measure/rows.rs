//! From counts to the rows and series of one replication, in a fixed order.

use super::collector::{Collector, Lookups};
use super::depth::Level;
use super::ledger::{Ledger, latencies, quantile_s};
use super::{Measurements, Row, RrsetView, SERIES_MAX, Series, is_listed, question_label};
use crate::engine::time::SimTime;

/// Collects rows.
struct Rows(Vec<Row>);

impl Rows {
    fn add(&mut self, measure: &'static str, scope: &str, statistic: &'static str, unit: &'static str, value: f64) {
        self.0.push(Row { measure, scope: scope.to_owned(), statistic, unit, value });
    }

    fn count(&mut self, measure: &'static str, scope: &str, value: u64) {
        self.add(measure, scope, "count", "1", value as f64);
    }

    fn share(&mut self, measure: &'static str, scope: &str, part: u64, whole: u64) {
        self.add(measure, scope, "share", "share", ratio(part, whole));
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { f64::NAN } else { part as f64 / whole as f64 }
}

fn mean_s(sum_ns: u128, count: u64) -> f64 {
    if count == 0 { f64::NAN } else { sum_ns as f64 / count as f64 / 1e9 }
}

impl Collector<'_> {
    /// What it all comes to; `ended` is when the run ended.
    ///
    /// # Panics
    /// If deliveries were not conserved: then the simulation is wrong.
    pub fn finish(mut self, ended: SimTime) -> Measurements {
        self.assert_conserved();
        let clock = self.model.clock;
        // A run that ends early has empty queues from there on.
        self.grid(ended);
        let mut latency = latencies();
        for histogram in &self.histograms {
            // Both have the same bounds, so that nothing is lost.
            latency.add(histogram).unwrap_or_else(|why| unreachable!("equal bounds: {why:?}"));
        }
        let mut all = Ledger::default();
        self.ledgers.iter().for_each(|ledger| all.add(ledger));
        let mut rows = Rows(Vec::new());
        if self.model.mail.senders > 0 {
            ledger_rows(&mut rows, "all", &all);
            latency_rows(&mut rows, "all", &all, Some(&latency));
            self.sender_rows(&mut rows);
            self.domain_rows(&mut rows);
            self.depth_rows(&mut rows, ended);
            self.host_rows(&mut rows, ended);
        }
        self.outage_rows(&mut rows);
        self.dns_rows(&mut rows);
        let series = self.series(clock.cells as usize);
        let views = self.views();
        let failover = self.failover;
        Measurements { rows: rows.0, series, latency, deliveries: all.created, failover, views }
    }

    fn sender_rows(&self, rows: &mut Rows) {
        if self.ledgers.len() < 2 || !is_listed(self.ledgers.len()) {
            return;
        }
        for (index, ledger) in self.ledgers.iter().enumerate() {
            let scope = format!("sender:{}", self.model.mail.nodes[index].name);
            ledger_rows(rows, &scope, ledger);
            latency_rows(rows, &scope, ledger, self.histograms.get(index));
        }
    }

    fn domain_rows(&self, rows: &mut Rows) {
        if self.domains.len() < 2 {
            return;
        }
        for (name, ledger) in self.domain_names.iter().zip(&self.domains) {
            let scope = format!("zone:{}", self.model.dns.names.text(*name));
            ledger_rows(rows, &scope, ledger);
            latency_rows(rows, &scope, ledger, None);
        }
    }

    fn depth_rows(&mut self, rows: &mut Rows, ended: SimTime) {
        let end = self.model.clock.end.max(ended);
        let mut add = |scope: &str, level: &mut Level| {
            rows.add("queue_depth", scope, "mean", "1", level.window_mean(end));
            rows.add("queue_depth", scope, "max", "1", level.window_max() as f64);
        };
        add("all", &mut self.depth);
        let nodes = &self.model.mail.nodes;
        if nodes.len() < 2 || !is_listed(nodes.len()) {
            return;
        }
        for (level, node) in self.depths.iter_mut().zip(nodes) {
            let kind = if node.source.is_some() { "sender" } else { "host" };
            add(&format!("{kind}:{}", node.name), level);
        }
    }

    fn host_rows(&mut self, rows: &mut Rows, ended: SimTime) {
        let connections: u64 = self.hosts.iter().map(|host| host.connections).sum();
        let accepted: u64 = self.hosts.iter().map(|host| host.accepted).sum();
        rows.count("connections", "all", connections);
        rows.share("connections_wasted", "all", connections.saturating_sub(accepted), connections);
        let duplicates: u64 = self.hosts.iter().map(|host| host.duplicates).sum();
        rows.count("duplicates", "all", duplicates);
        if !is_listed(self.hosts.len()) {
            return;
        }
        let end = self.model.clock.end.max(ended);
        for (index, (host, model)) in self.hosts.iter().zip(&self.model.mail.hosts).enumerate() {
            let scope = format!("host:{}", self.model.dns.names.text(model.name));
            rows.count("connections", &scope, host.connections);
            rows.count("accepted", &scope, host.accepted);
            rows.share("accepted", &scope, host.accepted, accepted);
            rows.count("refused", &scope, host.refused);
            rows.count("timed_out", &scope, host.timed_out);
            let load = self.loads.iter_mut().find(|load| load.host.index() == index);
            if let (Some(limit), Some(load)) = (model.sessions, load) {
                let limit = f64::from(limit);
                rows.add("host_load", &scope, "mean", "share", load.sessions.window_mean(end) / limit);
                rows.add("host_load", &scope, "max", "share", load.sessions.window_max() as f64 / limit);
                rows.add("backlog", &scope, "mean", "1", load.backlog.window_mean(end));
                rows.add("backlog", &scope, "max", "1", load.backlog.window_max() as f64);
            }
        }
    }

    fn outage_rows(&self, rows: &mut Rows) {
        for outage in &self.outages {
            let scope = format!("event:{}", outage.name);
            // Censored where it did not happen before the end of the run.
            let since = |at: Option<SimTime>| at.map_or(f64::INFINITY, |at| at.since(outage.end).as_secs_f64());
            rows.add("time_to_drain", &scope, "max", "s", since(outage.drained_at));
            rows.add("time_to_normal", &scope, "max", "s", since(outage.normal_at));
            rows.add("failover_gap", &scope, "max", "s", outage.gap.as_secs_f64());
            rows.count("retries_at_recovery", &scope, outage.herd);
            rows.add("retries_at_recovery", &scope, "first_10s", "1", outage.herd_at_once() as f64);
            rows.add("retries_at_recovery", &scope, "max", "1", f64::from(outage.herd_peak()));
            rows.add("retries_at_recovery", &scope, "ratio", "1", outage.herd_ratio());
        }
        for tracked in &self.tracked {
            for change in &tracked.changes {
                let scope = format!("change:{}", change.name);
                for (statistic, q) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)] {
                    rows.add("time_to_convergence", &scope, statistic, "s", change.convergence_s(q));
                }
                rows.add("time_to_convergence", &scope, "mean", "s", change.mean_s());
            }
        }
    }

    fn dns_rows(&self, rows: &mut Rows) {
        let mut all = Lookups::default();
        for counts in &self.resolvers {
            let Lookups { answers, hits, negative, failures, coalesced, misses, servfail, stale, took_ns, queries } =
                counts;
            all.answers += answers;
            all.hits += hits;
            all.negative += negative;
            all.failures += failures;
            all.coalesced += coalesced;
            all.misses += misses;
            all.servfail += servfail;
            all.stale += stale;
            all.took_ns += took_ns;
            all.queries += queries;
        }
        if all.answers == 0 {
            return;
        }
        lookup_rows(rows, "all", &all);
        if self.resolvers.len() > 1 && is_listed(self.resolvers.len()) {
            for (counts, resolver) in self.resolvers.iter().zip(&self.model.dns.resolvers) {
                lookup_rows(rows, &format!("resolver:{}", resolver.name), counts);
            }
        }
        if is_listed(self.servers.len()) {
            for (&queries, server) in self.servers.iter().zip(&self.model.dns.servers) {
                rows.count("dns_queries", &format!("server:{}", self.model.dns.names.text(server.name)), queries);
            }
        }
    }

    fn series(&self, cells: usize) -> Vec<Series> {
        let mut series = Vec::new();
        let mut add = |scope: String, level: &Level| {
            let pad = |value: fn(&(f64, u64)) -> f64| {
                let mut values: Vec<f64> = level.cells.iter().map(value).take(cells).collect();
                values.resize(cells, 0.0);
                values
            };
            let mean = pad(|cell| cell.0);
            series.push(Series { measure: "queue_depth", scope: scope.clone(), unit: "1", values: mean });
            series.push(Series { measure: "queue_depth_max", scope, unit: "1", values: pad(|cell| cell.1 as f64) });
        };
        let nodes = &self.model.mail.nodes;
        if self.model.mail.senders > 0 {
            add("all".into(), &self.depth);
        }
        if nodes.len() > 1 {
            for (level, node) in self.depths.iter().zip(nodes).take(SERIES_MAX) {
                let kind = if node.source.is_some() { "sender" } else { "host" };
                add(format!("{kind}:{}", node.name), level);
            }
        }
        for tracked in self.tracked.iter().take(SERIES_MAX) {
            let scope = format!("rrset:{}", question_label(self.model, tracked.question));
            let mut one = |measure, value: fn(&(f64, f64, f64)) -> f64| {
                let mut values: Vec<f64> = tracked.grid.iter().map(value).take(cells + 1).collect();
                // What happens after the end of the run was not seen.
                values.resize(cells + 1, f64::NAN);
                series.push(Series { measure, scope: scope.clone(), unit: "share", values });
            };
            one("stale_resolvers", |point| point.0);
            one("stale_resolvers_holding", |point| point.1);
            one("split_view", |point| point.2);
        }
        series
    }

    fn views(&self) -> Vec<RrsetView> {
        let tracked = self.tracked.iter().filter(|_| self.keeps_traces);
        tracked
            .map(|tracked| RrsetView {
                label: question_label(self.model, tracked.question),
                changes: tracked.changes.iter().map(|change| change.at).collect(),
                caches: tracked.views.clone(),
            })
            .collect()
    }
}

fn ledger_rows(rows: &mut Rows, scope: &str, ledger: &Ledger) {
    rows.count("deliveries", scope, ledger.created);
    rows.count("delivered", scope, ledger.delivered);
    rows.count("bounced", scope, ledger.bounced);
    rows.count("expired", scope, ledger.expired);
    rows.count("discarded", scope, 0);
    rows.count("queued", scope, ledger.queued);
    rows.share("delivered", scope, ledger.delivered, ledger.created);
    rows.share("bounce_rate", scope, ledger.bounced, ledger.created);
    rows.share("expiry_rate", scope, ledger.expired, ledger.created);
    rows.share("first_attempt_success", scope, ledger.first_attempt, ledger.created);
    rows.add("attempts_per_delivery", scope, "mean", "1", ratio(ledger.attempts, ledger.created));
    rows.share("stale_deliveries", scope, ledger.stale, ledger.delivered);
    rows.add("failover_time", scope, "mean", "s", mean_s(ledger.failover_ns, ledger.failovers));
    rows.count("failover_time", scope, ledger.failovers);
}

fn latency_rows(rows: &mut Rows, scope: &str, ledger: &Ledger, histogram: Option<&hdrhistogram::Histogram<u64>>) {
    rows.add("delivery_latency", scope, "mean", "s", mean_s(ledger.latency_ns, ledger.delivered));
    if let Some(histogram) = histogram {
        for (statistic, p) in [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999)] {
            rows.add("delivery_latency", scope, statistic, "s", quantile_s(histogram, ledger.created, p));
        }
    }
    let max = match (ledger.created, ledger.delivered) {
        (0, _) => f64::NAN,
        (created, delivered) if delivered < created => f64::INFINITY,
        _ => ledger.latency_max.as_secs_f64(),
    };
    rows.add("delivery_latency", scope, "max", "s", max);
    rows.add("handoff_latency", scope, "mean", "s", mean_s(ledger.handoff_ns, ledger.handoffs));
}

fn lookup_rows(rows: &mut Rows, scope: &str, counts: &Lookups) {
    let at_once = counts.hits + counts.negative + counts.failures;
    rows.count("lookups", scope, counts.answers);
    rows.share("hit_ratio_client", scope, at_once, counts.answers);
    rows.share("coalesced", scope, counts.coalesced, counts.answers);
    rows.share("stale_answers", scope, counts.stale, counts.answers);
    rows.share("servfail", scope, counts.servfail, counts.answers);
    rows.add("lookup_time", scope, "mean", "s", mean_s(counts.took_ns, counts.answers));
    rows.count("dns_queries", scope, counts.queries);
    let upstream = ratio(counts.queries, counts.answers);
    rows.add("hit_ratio_upstream", scope, "share", "share", 1.0 - upstream);
}
