//! Retry parameters of the systems younger than those of `tree_unix`, each by its own names.

use serde::{Deserialize, Serialize};

use super::units::{Duration, seconds};

/// Haraka's parameters (`outbound.ini`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HarakaRetry {
    /// Given up at this failure; where `temp_fail_intervals` are given, their number decides.
    #[serde(rename = "maxTempFailures")]
    pub max_temp_failures: u32,
    /// Waits in turn, instead of 2^(n + 5) seconds.
    pub temp_fail_intervals: Vec<Duration>,
    /// Deliveries at once.
    pub concurrency_max: u32,
    /// How long a SYN, and each reply, may go unanswered.
    pub connect_timeout: Duration,
}

impl Default for HarakaRetry {
    fn default() -> Self {
        Self {
            max_temp_failures: 13,
            temp_fail_intervals: Vec::new(),
            concurrency_max: 10_000,
            connect_timeout: seconds(30),
        }
    }
}

/// KumoMTA's parameters (`make_queue_config`, `make_egress_path`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KumoMtaRetry {
    /// The first wait; each further one is double.
    pub retry_interval: Duration,
    /// No wait is longer; no bound if absent.
    pub max_retry_interval: Option<Duration>,
    /// Given up as soon as the next attempt would be later than this.
    pub max_age: Duration,
    /// Connections of a source to a site.
    pub connection_limit: u32,
    /// Messages in a connection.
    pub max_deliveries_per_connection: u32,
    /// Connections in a row that find no host, after which the ready queue is delayed.
    pub consecutive_connection_failures_before_delay: u32,
    /// Most messages in a ready queue.
    pub max_ready: u32,
    /// Most recipients in a transaction: a message with more is several.
    pub max_recipients_per_batch: u32,
    /// Whether a message whose connection breaks or falls silent goes on to the next host at once.
    pub try_next_host_on_transport_error: bool,
    /// How long a SYN may go unanswered.
    pub connect_timeout: Duration,
    /// How long the greeting may take.
    pub banner_timeout: Duration,
    /// How long the reply to EHLO may take.
    pub ehlo_timeout: Duration,
    /// And that to STARTTLS, with the handshake.
    pub starttls_timeout: Duration,
    /// And that to MAIL.
    pub mail_from_timeout: Duration,
    /// And that to a RCPT.
    pub rcpt_to_timeout: Duration,
    /// And that to DATA, and each part of the body.
    pub data_timeout: Duration,
    /// And that to the end of data.
    pub data_dot_timeout: Duration,
    /// Most answers in its own DNS cache.
    pub cache_size: u32,
    /// How long its own DNS cache keeps that there is no such domain, or that a look-up failed.
    pub mx_negative_cache_ttl: Duration,
    /// How long it waits for its resolver.
    pub mx_timeout: Duration,
}

impl Default for KumoMtaRetry {
    fn default() -> Self {
        Self {
            retry_interval: seconds(20 * 60),
            max_retry_interval: None,
            max_age: seconds(7 * 86_400),
            connection_limit: 32,
            max_deliveries_per_connection: 1024,
            consecutive_connection_failures_before_delay: 100,
            max_ready: 1024,
            max_recipients_per_batch: 100,
            try_next_host_on_transport_error: false,
            connect_timeout: seconds(60),
            banner_timeout: seconds(60),
            ehlo_timeout: seconds(300),
            starttls_timeout: seconds(5),
            mail_from_timeout: seconds(300),
            rcpt_to_timeout: seconds(300),
            data_timeout: seconds(300),
            data_dot_timeout: seconds(300),
            cache_size: 8192,
            mx_negative_cache_ttl: seconds(300),
            mx_timeout: seconds(5),
        }
    }
}

/// Stalwart's parameters (`queue.schedule`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StalwartRetry {
    /// Waits in turn; the last repeats.
    pub retry: Vec<Duration>,
    /// Ages at which a sender is told that a message is late.
    pub notify: Vec<Duration>,
    /// Given up at this age.
    pub expire: Duration,
    /// `queue.outbound.limits.mx`: most exchanges in one attempt.
    pub mx: u32,
    /// `queue.outbound.limits.multihomed`: most addresses of each.
    pub multihomed: u32,
    /// `queue.outbound.timeouts.connect`: of the connection.
    pub connect: Duration,
    /// Likewise of the greeting.
    pub greeting: Duration,
    /// Likewise of STARTTLS and its handshake.
    pub tls: Duration,
    /// Likewise of the reply to EHLO.
    pub ehlo: Duration,
    /// Likewise of the reply to MAIL (`mail-from`).
    #[serde(alias = "mail-from")]
    pub mail_from: Duration,
    /// Likewise of the reply to a RCPT (`rcpt-to`).
    #[serde(alias = "rcpt-to")]
    pub rcpt_to: Duration,
    /// Likewise of DATA, the body and its end.
    pub data: Duration,
}

impl Default for StalwartRetry {
    fn default() -> Self {
        Self {
            retry: [2, 5, 10, 15, 30, 60, 120].map(|minutes| seconds(60 * minutes)).to_vec(),
            notify: vec![seconds(86_400), seconds(3 * 86_400)],
            expire: seconds(5 * 86_400),
            mx: 5,
            multihomed: 2,
            connect: seconds(300),
            greeting: seconds(300),
            tls: seconds(180),
            ehlo: seconds(300),
            mail_from: seconds(300),
            rcpt_to: seconds(300),
            data: seconds(600),
        }
    }
}

/// ZoneMTA's parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ZoneMtaRetry {
    /// `DEFAULT_DEFER_TIMES`: waits in turn; given up after the last.
    pub defer_times: Vec<Duration>,
    /// Connections of a zone.
    pub connections: u32,
    /// `connectionCache.ttl`: how long an idle session is kept for its domain.
    #[serde(rename = "connectionCacheTtl")]
    pub connection_cache_ttl: Duration,
    /// `connectionCache.reuseCount`: messages in a session.
    #[serde(rename = "connectionCacheReuseCount")]
    pub connection_cache_reuse_count: u32,
    /// How long a connection may take.
    #[serde(rename = "connectionTimeout")]
    pub connection_timeout: Duration,
    /// How long the greeting may take.
    #[serde(rename = "greetingTimeout")]
    pub greeting_timeout: Duration,
    /// How long a reply may take.
    #[serde(rename = "socketTimeout")]
    pub socket_timeout: Duration,
    /// `dns.caching`: whether it keeps answers itself.
    pub caching: bool,
    /// `dns.cacheTTL`: for how long, whatever their TTL.
    #[serde(rename = "cacheTTL")]
    pub cache_ttl: Duration,
}

impl Default for ZoneMtaRetry {
    fn default() -> Self {
        let minutes = [5, 7, 8, 25, 75, 120].into_iter().chain(std::iter::repeat_n(240, 11));
        Self {
            defer_times: minutes.map(|minutes| seconds(60 * minutes)).collect(),
            connections: 10,
            connection_cache_ttl: seconds(5),
            connection_cache_reuse_count: 100,
            connection_timeout: seconds(300),
            greeting_timeout: seconds(120),
            socket_timeout: seconds(600),
            caching: true,
            cache_ttl: seconds(600),
        }
    }
}

/// mox's parameters (constants of `queue.go`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MoxRetry {
    /// The first wait; each further one is double.
    pub backoff: Duration,
    /// Attempts in all.
    pub max_attempts: u32,
    /// The attempt after whose failure a delayed DSN is sent.
    pub delayed_dsn_attempt: u32,
    /// `maxConcurrentDeliveries`, one a domain.
    pub max_concurrent_deliveries: u32,
    /// How long a connection may take.
    pub dial_timeout: Duration,
}

impl Default for MoxRetry {
    fn default() -> Self {
        Self {
            backoff: seconds(450),
            max_attempts: 8,
            delayed_dsn_attempt: 5,
            max_concurrent_deliveries: 10,
            dial_timeout: seconds(30),
        }
    }
}

/// maddy's parameters (`target.queue`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MaddyRetry {
    /// `initialRetryTime`.
    pub initial_retry_time: Duration,
    /// `retryTimeScale`: the wait after the n-th failure is the first times this to the power of n - 1, truncated to a
    /// whole number.
    pub retry_time_scale: f64,
    /// Attempts in all.
    pub max_tries: u32,
    /// Deliveries at once.
    pub max_parallelism: u32,
    /// Messages after which a session is not used again.
    pub conn_reuse_limit: u32,
    /// Most idle sessions that are kept for a domain.
    pub conn_max_idle_count: u32,
    /// How long they are.
    pub conn_max_idle_time: Duration,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long a reply may take.
    pub command_timeout: Duration,
    /// How long the reply to the end of data may take.
    pub submission_timeout: Duration,
}

impl Default for MaddyRetry {
    fn default() -> Self {
        Self {
            initial_retry_time: seconds(900),
            retry_time_scale: 1.25,
            max_tries: 20,
            max_parallelism: 16,
            conn_reuse_limit: 10,
            conn_max_idle_count: 10,
            conn_max_idle_time: seconds(150),
            connect_timeout: seconds(300),
            command_timeout: seconds(300),
            submission_timeout: seconds(300),
        }
    }
}

/// chasquid's constants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChasquidRetry {
    /// At this age there is no further attempt (`internal/config`, `GiveUpSendAfter`).
    #[serde(alias = "give_up_after")]
    pub give_up_send_after: Duration,
    /// With so many in its queue it takes no more (`MaxQueueItems`). Not modelled: a sender's queue takes all that arrives.
    #[serde(alias = "max_queue_size")]
    pub max_queue_items: u32,
    /// Most exchanges in one attempt.
    pub max_mx: u32,
    /// `smtpDialTimeout`.
    pub dial_timeout: Duration,
    /// `smtpTotalTimeout`: of a whole session.
    pub total_timeout: Duration,
}

impl Default for ChasquidRetry {
    fn default() -> Self {
        Self {
            give_up_send_after: seconds(20 * 3600),
            max_queue_items: 200,
            max_mx: 5,
            dial_timeout: seconds(60),
            total_timeout: seconds(600),
        }
    }
}

/// Exchange's parameters (message intervals; `Set-TransportService`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(non_snake_case, reason = "the parameters' own names")]
pub struct ExchangeRetry {
    /// So many retries come first.
    pub QueueGlitchRetryCount: u32,
    /// The interval of those.
    pub QueueGlitchRetryInterval: Duration,
    /// So many follow.
    pub TransientFailureRetryCount: u32,
    /// The interval of those.
    pub TransientFailureRetryInterval: Duration,
    /// The interval of all others.
    pub OutboundConnectionFailureRetryInterval: Duration,
    /// A message that its host refuses for now (4yz, not 421) is tried again after this, whatever the connections did.
    pub MessageRetryInterval: Duration,
    /// After so long in its queue a message is routed anew: here it is at each attempt.
    pub MaxIdleTimeBeforeResubmit: Duration,
    /// A message is given up at this age.
    pub MessageExpirationTimeout: Duration,
    /// After this age a sender is told that a message is late.
    pub DelayNotificationTimeout: Duration,
    /// `MaxPerDomainOutboundConnections`.
    pub MaxPerDomainOutboundConnections: u32,
    /// `MaxOutboundConnections`.
    pub MaxOutboundConnections: u32,
    /// `Set-SendConnector`: how long a host may say nothing.
    pub ConnectionInactivityTimeOut: Duration,
    /// Longest time that the DNS client of Windows, which it asks through, keeps an answer.
    pub MaxCacheTtl: Duration,
    /// And that there is none.
    pub MaxNegativeCacheTtl: Duration,
}

impl Default for ExchangeRetry {
    fn default() -> Self {
        Self {
            QueueGlitchRetryCount: 4,
            QueueGlitchRetryInterval: seconds(60),
            TransientFailureRetryCount: 6,
            TransientFailureRetryInterval: seconds(300),
            OutboundConnectionFailureRetryInterval: seconds(600),
            MessageRetryInterval: seconds(900),
            MaxIdleTimeBeforeResubmit: seconds(12 * 3600),
            MessageExpirationTimeout: seconds(2 * 86_400),
            DelayNotificationTimeout: seconds(4 * 3600),
            MaxPerDomainOutboundConnections: 20,
            MaxOutboundConnections: 1000,
            ConnectionInactivityTimeOut: seconds(600),
            MaxCacheTtl: seconds(86_400),
            MaxNegativeCacheTtl: seconds(900),
        }
    }
}
