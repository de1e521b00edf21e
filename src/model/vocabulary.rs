//! The measures by name: what an objective may be about.

/// A measure as it stands in the tables.
#[derive(Debug, Clone, Copy)]
pub struct Measure {
    /// Its name.
    pub name: &'static str,
    /// Its statistics; none where they are spans (`slo_attainment.15m`).
    pub statistics: &'static [&'static str],
}

const fn measure(name: &'static str, statistics: &'static [&'static str]) -> Measure {
    Measure { name, statistics }
}

const COUNT: &[&str] = &["count"];
const SHARE: &[&str] = &["share"];
const MEAN: &[&str] = &["mean"];
const LEVEL: &[&str] = &["mean", "max"];
const CENSORED: &[&str] = &["max", "censored"];

/// Every measure that has rows, in the order of the tables.
pub const MEASURES: &[Measure] = &[
    measure("deliveries", COUNT),
    measure("delivered", &["count", "share"]),
    measure("bounced", &["count", "rejected", "no_domain", "no_address", "null_mx", "loop"]),
    measure("expired", COUNT),
    measure("discarded", COUNT),
    measure("queued", COUNT),
    measure("bounce_rate", SHARE),
    measure("expiry_rate", SHARE),
    measure("first_attempt_success", SHARE),
    measure("attempts_per_delivery", MEAN),
    measure("suspensions", &["count", "mean"]),
    measure("stale_deliveries", &["share", "count", "current_host", "former_host"]),
    measure("failover_time", &["mean", "max", "count"]),
    measure("delivery_latency", &["mean", "p50", "p90", "p95", "p99", "p999", "max"]),
    measure("handoff_latency", MEAN),
    measure("slo_attainment", &[]),
    measure("visible_latency", &["mean", "p50", "p90", "p99"]),
    measure("replication_lag", MEAN),
    measure("not_yet_visible", SHARE),
    measure("delay_warnings", COUNT),
    measure("bounce_messages", &["count", "delivered"]),
    measure("double_bounces", COUNT),
    measure("admin_notices", COUNT),
    measure("bounce_latency", MEAN),
    measure("sts_refused", COUNT),
    measure("queue_at_start", &["count", "delivered", "bounced", "expired", "discarded", "queued", "drained"]),
    measure("queue_depth", LEVEL),
    measure("queue_active", MEAN),
    measure("queue_deferred", MEAN),
    measure("queue_in_session", MEAN),
    measure("oldest_in_queue", &["max"]),
    measure("spool_bytes", LEVEL),
    measure("connections", COUNT),
    measure("connections_wasted", SHARE),
    measure("duplicates", COUNT),
    measure("accepted", &["count", "share"]),
    measure("refused", COUNT),
    measure("timed_out", COUNT),
    measure("host_load", LEVEL),
    measure("full_refused", COUNT),
    measure("full_421", COUNT),
    measure("backlog_left", COUNT),
    measure("backlog", LEVEL),
    measure("time_to_drain", CENSORED),
    measure("time_to_normal", CENSORED),
    measure("failover_gap", CENSORED),
    measure("retries_at_recovery", &["count", "first_10s", "max", "ratio"]),
    measure("time_to_convergence", &["p50", "p90", "p99", "max", "mean", "censored"]),
    measure("lookups", COUNT),
    measure("hit_ratio_client", SHARE),
    measure("coalesced", SHARE),
    measure("stale_answers", SHARE),
    measure("servfail", SHARE),
    measure("lookup_time", &["mean", "p50", "p90", "p99", "max"]),
    measure("hit_ratio_upstream", SHARE),
    measure("upstream_queries", COUNT),
    measure("push_messages", COUNT),
    measure("dns_queries", &["count", "MX", "A", "AAAA", "CNAME", "NS", "TXT", "SOA"]),
    measure("cache_entries", LEVEL),
];
