//! The measures by name: what an objective may be about.

/// A measure as it stands in the tables.
#[derive(Debug, Clone, Copy)]
pub struct Measure {
    /// Its name.
    pub name: &'static str,
    /// Its statistics; none where they are spans (`slo_attainment.15m`).
    pub statistics: &'static [&'static str],
    /// What its values are: see [`Measure::unit`].
    unit: &'static str,
    /// Kinds of scope that have it.
    pub scopes: &'static [&'static str],
}

impl Measure {
    /// Seconds (`s`), bytes (`B`), a share of 1 (`share`), or a plain number (`1`).
    pub fn unit(&self, statistic: &str) -> &'static str {
        match statistic {
            "share" => "share",
            "count" | "censored" => "1",
            "drained" => "s",
            _ => self.unit,
        }
    }
}

const fn measure(
    name: &'static str,
    unit: &'static str,
    statistics: &'static [&'static str],
    scopes: &'static [&'static str],
) -> Measure {
    Measure { name, statistics, unit, scopes }
}

const COUNT: &[&str] = &["count"];
const SHARE: &[&str] = &["share"];
const MEAN: &[&str] = &["mean"];
const LEVEL: &[&str] = &["mean", "max"];
const CENSORED: &[&str] = &["max", "censored"];

/// Deliveries are told of by who sends and where to, queues by the node that has them.
const MAIL: &[&str] = &["all", "sender", "zone", "pair"];
const SENDERS: &[&str] = &["all", "sender"];
const NODES: &[&str] = &["all", "sender", "host"];
const ALL: &[&str] = &["all"];
const HOSTS: &[&str] = &["all", "host"];
const HOST: &[&str] = &["host"];
const EVENT: &[&str] = &["event"];
const RESOLVERS: &[&str] = &["all", "resolver"];

/// Every series, in the order of the tables.
pub const SERIES: &[&str] = &[
    "queue_depth",
    "queue_depth_max",
    "queue_active",
    "queue_active_max",
    "queue_deferred",
    "queue_deferred_max",
    "queue_in_session",
    "queue_in_session_max",
    "spool_bytes",
    "oldest_in_queue",
    "host_load",
    "backlog",
    "stale_resolvers",
    "stale_resolvers_holding",
    "split_view",
    "cache_entries",
];

/// How scopes begin: whose a number is.
pub const SCOPES: &[&str] =
    &["all", "sender:", "host:", "resolver:", "server:", "zone:", "pair:", "event:", "change:", "rrset:"];

/// Every measure that has rows, in the order of the tables.
pub const MEASURES: &[Measure] = &[
    measure("deliveries", "1", COUNT, MAIL),
    measure("delivered", "1", &["count", "share"], MAIL),
    measure("bounced", "1", &["count", "rejected", "no_domain", "no_address", "null_mx", "loop"], MAIL),
    measure("expired", "1", COUNT, MAIL),
    measure("discarded", "1", COUNT, MAIL),
    measure("queued", "1", COUNT, MAIL),
    measure("bounce_rate", "share", SHARE, MAIL),
    measure("expiry_rate", "share", SHARE, MAIL),
    measure("first_attempt_success", "share", SHARE, MAIL),
    measure("attempts_per_delivery", "1", MEAN, MAIL),
    measure("suspensions", "1", &["count", "mean"], MAIL),
    measure("stale_deliveries", "1", &["share", "count", "current_host", "former_host"], MAIL),
    measure("failover_time", "s", &["mean", "max", "count"], MAIL),
    measure("delivery_latency", "s", &["mean", "p50", "p90", "p95", "p99", "p999", "max"], MAIL),
    measure("handoff_latency", "s", MEAN, MAIL),
    measure("slo_attainment", "share", &[], SENDERS),
    measure("visible_latency", "s", &["mean", "p50", "p90", "p99"], ALL),
    measure("replication_lag", "s", MEAN, ALL),
    measure("not_yet_visible", "share", SHARE, ALL),
    measure("delay_warnings", "1", COUNT, ALL),
    measure("bounce_messages", "1", &["count", "delivered", "discarded"], ALL),
    measure("double_bounces", "1", COUNT, ALL),
    measure("admin_notices", "1", COUNT, ALL),
    measure("bounce_latency", "s", MEAN, ALL),
    measure("notices_queued", "1", LEVEL, ALL),
    measure("sts_refused", "1", COUNT, ALL),
    measure(
        "queue_at_start",
        "1",
        &["count", "delivered", "bounced", "expired", "discarded", "queued", "drained"],
        SENDERS,
    ),
    measure("queue_depth", "1", LEVEL, NODES),
    measure("queue_active", "1", LEVEL, NODES),
    measure("queue_deferred", "1", LEVEL, NODES),
    measure("queue_in_session", "1", LEVEL, NODES),
    measure("oldest_in_queue", "s", &["max"], NODES),
    measure("spool_bytes", "B", LEVEL, NODES),
    measure("connections", "1", COUNT, HOSTS),
    measure("connections_wasted", "share", SHARE, HOSTS),
    measure("duplicates", "1", COUNT, HOSTS),
    measure("accepted", "1", &["count", "share"], HOST),
    measure("refused", "1", COUNT, HOST),
    measure("timed_out", "1", COUNT, HOST),
    measure("host_load", "share", LEVEL, HOST),
    measure("full_refused", "1", COUNT, HOST),
    measure("full_421", "1", COUNT, HOST),
    measure("backlog_left", "1", COUNT, HOST),
    measure("backlog", "1", LEVEL, HOST),
    measure("time_to_drain", "s", CENSORED, EVENT),
    measure("time_to_normal", "s", CENSORED, EVENT),
    measure("failover_gap", "s", CENSORED, EVENT),
    measure("retries_at_recovery", "1", &["count", "first_10s", "max", "ratio"], EVENT),
    measure("time_to_convergence", "s", &["p50", "p90", "p99", "max", "mean", "censored"], &["change"]),
    measure("lookups", "1", COUNT, RESOLVERS),
    measure("hit_ratio_client", "share", SHARE, RESOLVERS),
    measure("coalesced", "share", SHARE, RESOLVERS),
    measure("stale_answers", "share", SHARE, RESOLVERS),
    measure("servfail", "share", SHARE, RESOLVERS),
    measure("lookup_time", "s", &["mean", "p50", "p90", "p99", "max"], RESOLVERS),
    measure("hit_ratio_upstream", "share", SHARE, RESOLVERS),
    measure("upstream_queries", "1", COUNT, &["resolver"]),
    measure("push_messages", "1", COUNT, RESOLVERS),
    measure(
        "dns_queries",
        "1",
        &["count", "MX", "A", "AAAA", "CNAME", "NS", "TXT", "SOA"],
        &["all", "resolver", "server"],
    ),
    measure("cache_entries", "1", LEVEL, RESOLVERS),
];
