//! From counts to the rows of one replication, in a fixed order.

use std::borrow::Cow;

use hdrhistogram::Histogram;

use super::collector::Collector;
use super::events::Outage;
use super::ledger::{BOUNCES, Latencies, Ledger, quantiles_s};
use super::queue::Queue;
use super::staleness::CONVERGED;
use super::{Measurements, Row};
use crate::engine::time::SimTime;
use crate::model::listing::is_listed;

/// Collects rows.
pub(super) struct Rows(Vec<Row>);

impl Rows {
    pub fn add(
        &mut self,
        measure: &'static str,
        scope: &str,
        statistic: impl Into<Cow<'static, str>>,
        unit: &'static str,
        value: f64,
    ) {
        self.0.push(Row { measure, scope: scope.to_owned(), statistic: statistic.into(), unit, value });
    }

    pub fn count(&mut self, measure: &'static str, scope: &str, value: u64) {
        self.add(measure, scope, "count", "1", value as f64);
    }

    pub fn share(&mut self, measure: &'static str, scope: &str, part: u64, whole: u64) {
        self.add(measure, scope, "share", "share", ratio(part, whole));
    }

    /// Quantiles in ascending order, by name and share, of `total` times in seconds, the longest seen of which is `max_s`:
    /// see [`quantiles_s`].
    #[allow(clippy::too_many_arguments, reason = "what a histogram leaves out")]
    pub fn quantiles<const N: usize>(
        &mut self,
        measure: &'static str,
        scope: &str,
        ps: [(&'static str, f64); N],
        histogram: &Histogram<u64>,
        zeros: u64,
        total: u64,
        max_s: f64,
    ) {
        // A bucket's middle may lie above all that is in it; what lies beyond the histogram stays infinite.
        let cut = |value: f64| if value.is_finite() { value.min(max_s) } else { value };
        let values = quantiles_s(histogram, zeros, total, ps.map(|(_, p)| p)).map(cut);
        ps.into_iter().zip(values).for_each(|((statistic, _), value)| self.add(measure, scope, statistic, "s", value));
    }

    /// A time that may lie beyond what was seen: infinite then, and counted as censored.
    fn censored(&mut self, measure: &'static str, scope: &str, value_s: f64) {
        self.add(measure, scope, "max", "s", value_s);
        self.add(measure, scope, "censored", "1", f64::from(u8::from(value_s.is_infinite())));
    }
}

pub(super) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { f64::NAN } else { part as f64 / whole as f64 }
}

pub(super) fn mean_s(sum_ns: u128, count: u64) -> f64 {
    if count == 0 { f64::NAN } else { sum_ns as f64 / count as f64 / 1e9 }
}

impl Collector<'_> {
    /// What it all comes to; `ended` is when the run ended.
    ///
    /// # Panics
    /// If deliveries were not conserved: then the simulation is wrong.
    pub fn finish(mut self, ended: SimTime) -> Measurements {
        self.assert_conserved();
        self.close(ended);
        let mut latency = Latencies::new();
        self.histograms.iter().for_each(|of_one| latency.add(of_one));
        let latency = latency.histogram();
        let all = self.books.all();
        let mut rows = Rows(Vec::new());
        if self.model.mail.senders > 0 {
            ledger_rows(&mut rows, "all", &all);
            latency_rows(&mut rows, "all", &all, Some(&latency));
            self.attainment_rows(&mut rows, "all", None);
            self.sender_rows(&mut rows);
            self.domain_rows(&mut rows);
            self.queue_rows(&mut rows);
            self.host_rows(&mut rows);
            self.notices.rows(&mut rows);
            self.inherited.iter().for_each(|inherited| inherited.rows(self.model, &mut rows));
            self.visibility.iter().for_each(|visibility| visibility.rows(&mut rows));
        }
        self.outage_rows(&mut rows);
        self.change_rows(&mut rows);
        self.dns_rows(&mut rows);
        let series = self.series();
        let views = self.views();
        let failover = self.trace.map(|trace| trace.failover).unwrap_or_default();
        let (ages, censored) = (self.ages, self.censored);
        Measurements { rows: rows.0, series, latency, deliveries: all.created, censored, failover, views, ages }
    }

    fn sender_rows(&self, rows: &mut Rows) {
        let senders = self.model.mail.senders;
        if !is_listed(senders) {
            return;
        }
        for (index, node) in self.model.mail.nodes.iter().take(senders).enumerate() {
            let (scope, ledger) = (format!("sender:{}", node.name), self.books.sender(index));
            ledger_rows(rows, &scope, &ledger);
            latency_rows(rows, &scope, &ledger, self.histograms.get(index).map(Latencies::histogram).as_ref());
            self.attainment_rows(rows, &scope, Some(index));
        }
    }

    fn domain_rows(&self, rows: &mut Rows) {
        let domains = &self.books.domains;
        let name = |column: usize| self.model.dns.names.text(domains[column]);
        for column in 0..domains.len() {
            let (scope, ledger) = (format!("zone:{}", name(column)), self.books.domain(column));
            ledger_rows(rows, &scope, &ledger);
            latency_rows(rows, &scope, &ledger, None);
        }
        let senders = self.model.mail.senders;
        if !is_listed(senders.saturating_mul(domains.len())) {
            return;
        }
        for (sender, node) in self.model.mail.nodes.iter().take(senders).enumerate() {
            for column in 0..domains.len() {
                if let Some(ledger) = self.books.pair(sender, column) {
                    let scope = format!("pair:{}>{}", node.name, name(column));
                    ledger_rows(rows, &scope, ledger);
                    latency_rows(rows, &scope, ledger, None);
                }
            }
        }
    }

    fn attainment_rows(&self, rows: &mut Rows, scope: &str, sender: Option<usize>) {
        for attainment in &self.attainments {
            let counts = attainment.counts.iter().enumerate().filter(|(index, _)| sender.is_none_or(|s| s == *index));
            let (old, in_time) = counts.fold((0, 0), |sum, (_, counts)| (sum.0 + counts.0, sum.1 + counts.1));
            rows.add("slo_attainment", scope, attainment.within.to_string(), "share", ratio(in_time, old));
        }
    }

    fn queue_rows(&self, rows: &mut Rows) {
        queue_rows(rows, "all", self.all_queues());
        let nodes = &self.model.mail.nodes;
        if !is_listed(nodes.len()) {
            return;
        }
        for (queue, node) in self.queues.iter().zip(nodes) {
            queue_rows(rows, &node.scope(), queue);
        }
    }

    fn host_rows(&self, rows: &mut Rows) {
        let connections: u64 = self.hosts.iter().map(|host| host.connections).sum();
        let from_senders: u64 = self.hosts.iter().map(|host| host.from_senders).sum();
        let useful: u64 = self.hosts.iter().map(|host| host.useful).sum();
        rows.count("connections", "all", connections);
        rows.share("connections_wasted", "all", connections.saturating_sub(useful), connections);
        rows.count("duplicates", "all", self.hosts.iter().map(|host| host.duplicates).sum());
        if !is_listed(self.hosts.len()) {
            return;
        }
        let mut loads = self.loads.iter().peekable();
        for (index, (host, model)) in self.hosts.iter().zip(&self.model.mail.hosts).enumerate() {
            let scope = format!("host:{}", self.model.dns.names.text(model.name));
            rows.count("connections", &scope, host.connections);
            rows.share("connections_wasted", &scope, host.connections.saturating_sub(host.useful), host.connections);
            rows.count("accepted", &scope, host.accepted);
            rows.share("accepted", &scope, host.from_senders, from_senders);
            rows.count("refused", &scope, host.refused);
            rows.count("timed_out", &scope, host.timed_out);
            rows.count("duplicates", &scope, host.duplicates);
            if let Some(load) = loads.next_if(|load| load.host.index() == index) {
                let (mean, max) = load.share();
                rows.add("host_load", &scope, "mean", "share", mean);
                rows.add("host_load", &scope, "max", "share", max);
                rows.count("full_refused", &scope, load.refused);
                rows.count("full_421", &scope, load.busy);
                rows.count("backlog_left", &scope, load.left);
                let (mean, max) = load.backlog();
                rows.add("backlog", &scope, "mean", "1", mean);
                rows.add("backlog", &scope, "max", "1", max);
            }
        }
    }

    fn outage_rows(&self, rows: &mut Rows) {
        for outage in &self.outages {
            let scope = format!("event:{}", outage.scope);
            // Not before the end of what was seen, where it did not happen.
            let since = |at: Option<SimTime>| at.map_or(f64::INFINITY, |at| at.since(outage.end).as_secs_f64());
            rows.censored("time_to_drain", &scope, since(outage.drained_at));
            rows.censored("time_to_normal", &scope, since(outage.normal_at));
            self.gap_rows(rows, &scope, outage);
            // What has not ended has no retries after it.
            let seen = |value: f64| if outage.is_over() { value } else { f64::NAN };
            rows.add("retries_at_recovery", &scope, "count", "1", seen(outage.herd as f64));
            rows.add("retries_at_recovery", &scope, "first_10s", "1", seen(outage.herd_at_once() as f64));
            rows.add("retries_at_recovery", &scope, "max", "1", seen(f64::from(outage.herd_peak())));
            rows.add("retries_at_recovery", &scope, "ratio", "1", seen(outage.herd_ratio()));
        }
    }

    /// The longest of any zone, and each zone's where there are several.
    fn gap_rows(&self, rows: &mut Rows, scope: &str, outage: &Outage) {
        let mut add = |scope: &str, (gap, is_cut): (crate::engine::time::SimDuration, bool)| {
            rows.add("failover_gap", scope, "max", "s", gap.as_secs_f64());
            rows.add("failover_gap", scope, "censored", "1", f64::from(u8::from(is_cut)));
        };
        if let Some(longest) = outage.gap() {
            add(scope, longest);
        }
        if is_listed(outage.zones.len()) {
            for zone in &outage.zones {
                let name = self.model.dns.names.text(zone.zone);
                add(&format!("{scope} zone:{name}"), (zone.gap, zone.is_cut));
            }
        }
    }

    fn change_rows(&self, rows: &mut Rows) {
        for change in self.tracked.iter().flat_map(|tracked| &tracked.changes) {
            let scope = format!("change:{}", change.scope);
            for ((_, statistic), value) in CONVERGED.into_iter().zip(change.convergence_s()) {
                rows.add("time_to_convergence", &scope, statistic, "s", value);
            }
            rows.add("time_to_convergence", &scope, "mean", "s", change.mean_s());
            // Caches that were stale when last seen.
            rows.add("time_to_convergence", &scope, "censored", "1", change.censored.unwrap_or(0) as f64);
        }
    }
}

fn queue_rows(rows: &mut Rows, scope: &str, queue: &Queue) {
    for count in queue.counts() {
        rows.add(count.measure, scope, "mean", "1", count.mean);
        rows.add(count.measure, scope, "max", "1", count.max as f64);
    }
    rows.add("oldest_in_queue", scope, "max", "s", queue.oldest_s());
    let bytes = queue.bytes();
    rows.add("spool_bytes", scope, "mean", "B", bytes.mean);
    rows.add("spool_bytes", scope, "max", "B", bytes.max as f64);
}

fn ledger_rows(rows: &mut Rows, scope: &str, ledger: &Ledger) {
    let stale = ledger.stale_current + ledger.stale_former;
    rows.count("deliveries", scope, ledger.created);
    rows.count("delivered", scope, ledger.delivered);
    rows.count("bounced", scope, ledger.bounced());
    for (&count, (_, cause)) in ledger.bounces.iter().zip(BOUNCES) {
        rows.add("bounced", scope, cause, "1", count as f64);
    }
    rows.count("expired", scope, ledger.expired);
    rows.count("discarded", scope, ledger.discarded);
    rows.count("queued", scope, ledger.queued);
    rows.share("delivered", scope, ledger.delivered, ledger.created);
    rows.share("bounce_rate", scope, ledger.bounced(), ledger.created);
    rows.share("expiry_rate", scope, ledger.expired, ledger.created);
    rows.share("first_attempt_success", scope, ledger.first_attempt, ledger.created);
    rows.add("attempts_per_delivery", scope, "mean", "1", ratio(ledger.attempts, ledger.created));
    rows.count("suspensions", scope, ledger.suspensions);
    rows.add("suspensions", scope, "mean", "1", ratio(ledger.suspensions, ledger.created));
    rows.share("stale_deliveries", scope, stale, ledger.delivered);
    rows.count("stale_deliveries", scope, stale);
    rows.add("stale_deliveries", scope, "current_host", "1", ledger.stale_current as f64);
    rows.add("stale_deliveries", scope, "former_host", "1", ledger.stale_former as f64);
    rows.add("failover_time", scope, "mean", "s", mean_s(ledger.failover_ns, ledger.failovers));
    let longest = if ledger.failovers == 0 { f64::NAN } else { ledger.failover_max.as_secs_f64() };
    rows.add("failover_time", scope, "max", "s", longest);
    rows.count("failover_time", scope, ledger.failovers);
}

fn latency_rows(rows: &mut Rows, scope: &str, ledger: &Ledger, histogram: Option<&Histogram<u64>>) {
    rows.add("delivery_latency", scope, "mean", "s", mean_s(ledger.latency_ns, ledger.delivered));
    if let Some(histogram) = histogram {
        let ps = [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999)];
        rows.quantiles("delivery_latency", scope, ps, histogram, 0, ledger.created, ledger.latency_max.as_secs_f64());
    }
    let max = match (ledger.created, ledger.delivered) {
        (0, _) => f64::NAN,
        (created, delivered) if delivered < created => f64::INFINITY,
        _ => ledger.latency_max.as_secs_f64(),
    };
    rows.add("delivery_latency", scope, "max", "s", max);
    rows.add("handoff_latency", scope, "mean", "s", mean_s(ledger.handoff_ns, ledger.handoffs));
}
