//! Rows of look-ups, queries and caches.

use super::collector::Collector;
use super::lookups::{ByType, Lookups};
use super::rows::{Rows, mean_s, ratio};
use crate::model::ResolverId;
use crate::model::listing::is_listed;
use crate::scenario::tree::RecordType;

impl Collector<'_> {
    pub(super) fn dns_rows(&self, rows: &mut Rows) {
        let counts = &self.dns;
        let (mut own, mut forwarded) = (Lookups::default(), Lookups::default());
        counts.own.iter().for_each(|lookups| own.add(lookups));
        counts.forwarded.iter().for_each(|lookups| forwarded.add(lookups));
        if self.model.dns.resolvers.is_empty() {
            return;
        }
        // What a resolver asks another for is no client's question.
        lookup_rows(rows, "all", &own, Some(&counts.took_of_all()));
        upstream_rows(rows, "all", counts.walked.iter().sum(), own.answers);
        let mut received: ByType = [0; RecordType::ALL.len()];
        for server in &counts.servers {
            received.iter_mut().zip(server).for_each(|(all, more)| *all += more);
        }
        self.query_rows(rows, "all", &received);
        let entries: Vec<f64> =
            (0..self.model.clock.cells as usize + 1).map(|index| self.entries_of_all(index)).collect();
        self.entry_rows(rows, "all", &entries);
        if self.model.dns.resolvers.iter().any(|resolver| resolver.rules.told_after.is_some()) {
            rows.count("push_messages", "all", counts.pushed.iter().sum());
        }
        self.resolver_rows(rows);
        if is_listed(counts.servers.len()) {
            for (received, server) in counts.servers.iter().zip(&self.model.dns.servers) {
                self.query_rows(rows, &format!("server:{}", self.model.dns.names.text(server.name)), received);
            }
        }
    }

    fn resolver_rows(&self, rows: &mut Rows) {
        let resolvers = &self.model.dns.resolvers;
        if !is_listed(resolvers.len()) {
            return;
        }
        for (index, resolver) in resolvers.iter().enumerate() {
            let scope = format!("resolver:{}", resolver.name);
            let (own, forwarded) = (&self.dns.own[index], &self.dns.forwarded[index]);
            let mut received = own.clone();
            received.add(forwarded);
            // Times of what other resolvers forward are in no histogram.
            let took = (!self.model.dns.is_forwarded_to(ResolverId(index as u32))).then(|| self.dns.took_of(index));
            lookup_rows(rows, &scope, &received, took.as_ref());
            upstream_rows(rows, &scope, self.dns.sent_for_askers[index], received.answers);
            rows.count("upstream_queries", &scope, self.dns.sent[index]);
            if resolver.rules.told_after.is_some() {
                rows.count("push_messages", &scope, self.dns.pushed[index]);
            }
            self.query_rows(rows, &scope, &received.by_type);
            self.entry_rows(rows, &scope, &self.entries[index]);
        }
    }

    /// Queries received, in all and by type.
    fn query_rows(&self, rows: &mut Rows, scope: &str, received: &ByType) {
        rows.count("dns_queries", scope, received.iter().sum());
        for &kind in &self.dns.types {
            rows.add("dns_queries", scope, kind.text(), "1", received[kind as usize] as f64);
        }
    }

    /// Entries at the grid's instants within the window.
    fn entry_rows(&self, rows: &mut Rows, scope: &str, entries: &[f64]) {
        let clock = &self.model.clock;
        let cell = clock.cell.as_nanos();
        let is_in = |index: usize| {
            let at = cell.saturating_mul(index as u64);
            at >= clock.window_start.as_nanos() && at <= clock.window_end.as_nanos()
        };
        let seen: Vec<f64> = entries
            .iter()
            .enumerate()
            .filter(|(index, value)| is_in(*index) && !value.is_nan())
            .map(|(_, v)| *v)
            .collect();
        let mean = if seen.is_empty() { f64::NAN } else { seen.iter().sum::<f64>() / seen.len() as f64 };
        rows.add("cache_entries", scope, "mean", "1", mean);
        rows.add("cache_entries", scope, "max", "1", seen.into_iter().fold(f64::NAN, f64::max));
    }

    /// Entries of all caches at a grid instant; not a number where nobody looked.
    pub(super) fn entries_of_all(&self, index: usize) -> f64 {
        self.entries.iter().map(|entries| entries.get(index).copied().unwrap_or(f64::NAN)).sum()
    }
}

fn lookup_rows(rows: &mut Rows, scope: &str, counts: &Lookups, took: Option<&hdrhistogram::Histogram<u64>>) {
    let at_once = counts.hits + counts.negative + counts.failures;
    rows.count("lookups", scope, counts.answers);
    rows.share("hit_ratio_client", scope, at_once, counts.answers);
    rows.share("coalesced", scope, counts.coalesced, counts.answers);
    rows.share("stale_answers", scope, counts.stale, counts.answers);
    rows.share("servfail", scope, counts.servfail, counts.answers);
    rows.add("lookup_time", scope, "mean", "s", mean_s(counts.took_ns, counts.answers));
    let longest_s = if counts.answers == 0 { f64::NAN } else { counts.longest_ns as f64 / 1e9 };
    if let Some(took) = took {
        let zeros = counts.answers.saturating_sub(took.len());
        let ps = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)];
        rows.quantiles("lookup_time", scope, ps, took, zeros, counts.answers, longest_s);
    }
    rows.add("lookup_time", scope, "max", "s", longest_s);
}

fn upstream_rows(rows: &mut Rows, scope: &str, sent: u64, asked: u64) {
    rows.add("hit_ratio_upstream", scope, "share", "share", 1.0 - ratio(sent, asked));
}
