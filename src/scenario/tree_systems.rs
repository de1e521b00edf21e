//! Retry parameters of the other systems, each by its own names.

use serde::{Deserialize, Serialize};

use super::units::{Duration, seconds};

/// sendmail's options (op.txt), with the queue run's interval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(non_snake_case, reason = "the options' own names")]
pub struct SendmailRetry {
    /// Time between queue runs (`-q10m`).
    pub queue_run: Duration,
    /// A job tried less than this ago is skipped, where `MaxQueueAge` is zero.
    pub MinQueueAge: Duration,
    /// Above zero: a job waits as long as it was old at its last try, at most this, so that its age doubles.
    pub MaxQueueAge: Duration,
    /// `Timeout.queuereturn`: given up after the try at which it is older.
    pub queuereturn: Duration,
    /// `Timeout.queuewarn`; `"0s"` is never.
    pub queuewarn: Duration,
    /// What a failed try adds to a job's priority: it sinks.
    pub RetryFactor: u32,
    /// Whether the status of hosts is kept over processes (`HostStatusDirectory`).
    pub HostStatusDirectory: bool,
    /// `Timeout.hoststatus`.
    pub hoststatus: Duration,
    /// Connections that a queue run keeps open for the messages that follow.
    pub ConnectionCacheSize: u32,
    /// How long.
    pub ConnectionCacheTimeout: Duration,
    /// `Timeout.connect`; `"0s"` is the kernel's own.
    pub connect: Duration,
    /// `Timeout.iconnect`: the same at a message's first attempt; `"0s"` is `connect`.
    pub iconnect: Duration,
    /// Most jobs in a queue run, those that came first; `0` is no limit.
    pub MaxQueueRunSize: u32,
    /// Most recipients in a transaction: a message with more is several.
    pub SMTP_MAILER_MAXRCPTS: u32,
    /// `Timeout.initial`: how long the greeting may take.
    pub initial: Duration,
    /// `Timeout.helo`: and the replies to EHLO,
    pub helo: Duration,
    /// `Timeout.starttls`: to STARTTLS, with the handshake,
    pub starttls: Duration,
    /// `Timeout.mail`: to MAIL,
    pub mail: Duration,
    /// `Timeout.rcpt`: to a RCPT,
    pub rcpt: Duration,
    /// `Timeout.datainit`: to DATA;
    pub datainit: Duration,
    /// `Timeout.datablock`: how long the host may take no more of the body,
    pub datablock: Duration,
    /// `Timeout.datafinal`: and how long the reply to the end of data may take.
    pub datafinal: Duration,
    /// When the queue runs fall, as a time less than `queue_run`; drawn once a replication if absent.
    pub scan_phase: Option<Duration>,
}

impl Default for SendmailRetry {
    fn default() -> Self {
        Self {
            queue_run: seconds(600),
            MinQueueAge: seconds(0),
            MaxQueueAge: seconds(0),
            queuereturn: seconds(5 * 86_400),
            queuewarn: seconds(4 * 3600),
            RetryFactor: 90_000,
            HostStatusDirectory: false,
            hoststatus: seconds(30 * 60),
            ConnectionCacheSize: 1,
            ConnectionCacheTimeout: seconds(300),
            connect: seconds(0),
            iconnect: seconds(0),
            MaxQueueRunSize: 0,
            SMTP_MAILER_MAXRCPTS: 100,
            initial: seconds(300),
            helo: seconds(300),
            starttls: seconds(3600),
            mail: seconds(600),
            rcpt: seconds(3600),
            datainit: seconds(300),
            datablock: seconds(3600),
            datafinal: seconds(3600),
            scan_phase: None,
        }
    }
}

/// qmail's parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QmailRetry {
    /// `queuelifetime`: tried once more after this age, then given up.
    pub queuelifetime: Duration,
    /// `chanskip` of the remote channel.
    pub chanskip: u32,
    /// Deliveries at once.
    pub concurrencyremote: u32,
    /// How long a SYN may go unanswered.
    pub timeoutconnect: Duration,
    /// How long a reply may take.
    pub timeoutremote: Duration,
}

impl Default for QmailRetry {
    fn default() -> Self {
        Self {
            queuelifetime: seconds(604_800),
            chanskip: 20,
            concurrencyremote: 20,
            timeoutconnect: seconds(60),
            timeoutremote: seconds(1200),
        }
    }
}

/// OpenSMTPD's parameters (smtpd.conf(5); the rest are constants of its source).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OpenSmtpdRetry {
    /// `BACKOFF_TRANSFER`: attempts at this times n^2 after creation.
    pub backoff: Duration,
    /// `queue ttl`: given up by a timer at this age.
    pub ttl: Duration,
    /// `bounce warn-interval`.
    pub warn_interval: Vec<Duration>,
    /// `limit mta max-conn-per-connector`: connections to a domain.
    pub max_conn_per_connector: u32,
    /// `limit mta max-conn-per-host`.
    pub max_conn_per_host: u32,
    /// `limit mta max-conn-per-route`.
    pub max_conn_per_route: u32,
    /// `limit mta max-conn-per-source`: connections in all, there being one source address.
    pub max_conn_per_source: u32,
    /// `limit mta max-conn-per-relay`, `-domain`: connections to a domain, as with `max_conn_per_connector`.
    pub max_conn_per_relay: u32,
    pub max_conn_per_domain: u32,
    /// `limit mta conn-delay-relay`, `-connector`, `-domain`: from one connection to a domain to the next; the longest counts.
    pub conn_delay_relay: Duration,
    pub conn_delay_connector: Duration,
    pub conn_delay_domain: Duration,
    /// `limit mta conn-delay-route`, `-host`: from one connection to a host to the next; the longer counts.
    pub conn_delay_route: Duration,
    pub conn_delay_host: Duration,
    /// `limit mta reconn-delay-route`: from the end of a connection to a host to the next.
    #[serde(rename = "reconn_delay_route", alias = "disc_delay_route")]
    pub disc_delay_route: Duration,
    /// `limit mta session-keepalive`: how long the last session to a domain stays without a message.
    pub session_keepalive: Duration,
    /// `limit mta session-mail-max`: messages in a session.
    #[serde(rename = "session_mail_max", alias = "max_mail_per_session")]
    pub max_mail_per_session: u32,
    /// `mta max-deferred`: how many messages a domain, put off since no route was left, are tried at its next success.
    pub max_deferred: u32,
    /// `limit mta task-hiwat`: how many of these are taken up at once; the others wait for their own time.
    pub task_hiwat: u32,
    /// Time-out of a connection and of each reply.
    pub timeout: Duration,
}

impl Default for OpenSmtpdRetry {
    fn default() -> Self {
        Self {
            backoff: seconds(400),
            ttl: seconds(4 * 86_400),
            warn_interval: vec![seconds(4 * 3600)],
            max_conn_per_connector: 20,
            max_conn_per_host: 10,
            max_conn_per_route: 5,
            max_conn_per_source: 100,
            max_conn_per_relay: 100,
            max_conn_per_domain: 100,
            conn_delay_relay: seconds(2),
            conn_delay_connector: seconds(0),
            conn_delay_domain: seconds(0),
            conn_delay_route: seconds(5),
            conn_delay_host: seconds(0),
            disc_delay_route: seconds(3),
            session_keepalive: seconds(10),
            max_mail_per_session: 100,
            max_deferred: 100,
            task_hiwat: 50,
            timeout: seconds(300),
        }
    }
}

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
    /// `queue.limits.mx`: most exchanges in one attempt.
    pub mx: u32,
    /// `queue.limits.multihomed`: most addresses of each.
    pub multihomed: u32,
    /// Time-out of connection, greeting and replies.
    pub timeout: Duration,
    /// `timeouts.data`: of DATA, the body and its end.
    pub data_timeout: Duration,
    /// `tls.timeout`: of STARTTLS and its handshake.
    pub tls_timeout: Duration,
}

impl Default for StalwartRetry {
    fn default() -> Self {
        Self {
            retry: [2, 5, 10, 15, 30, 60, 120].map(|minutes| seconds(60 * minutes)).to_vec(),
            notify: vec![seconds(86_400), seconds(3 * 86_400)],
            expire: seconds(5 * 86_400),
            mx: 5,
            multihomed: 2,
            timeout: seconds(300),
            data_timeout: seconds(600),
            tls_timeout: seconds(180),
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
    /// The first so many retries ...
    pub QueueGlitchRetryCount: u32,
    /// ... at this interval,
    pub QueueGlitchRetryInterval: Duration,
    /// then so many ...
    pub TransientFailureRetryCount: u32,
    /// ... at this one,
    pub TransientFailureRetryInterval: Duration,
    /// then at this one until
    pub OutboundConnectionFailureRetryInterval: Duration,
    /// A message that its host refuses for now (4yz, not 421) is tried again after this, whatever the connections did.
    pub MessageRetryInterval: Duration,
    /// After so long in its queue a message is routed anew: here it is at each attempt.
    pub MaxIdleTimeBeforeResubmit: Duration,
    /// this age.
    pub MessageExpirationTimeout: Duration,
    /// After this age a sender is told that a message is late.
    pub DelayNotificationTimeout: Duration,
    /// `MaxPerDomainOutboundConnections`.
    pub MaxPerDomainOutboundConnections: u32,
    /// `MaxOutboundConnections`.
    pub MaxOutboundConnections: u32,
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
            MaxCacheTtl: seconds(86_400),
            MaxNegativeCacheTtl: seconds(900),
        }
    }
}
