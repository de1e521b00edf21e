//! The part of the tree that is retry policies: each system's parameters by its own names.
//!
//! Defaults are those of the version that `mxsim presets NAME` names; their sources stand there, number by number.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::text::{FromText, TextError, impl_text_serde};
use super::units::{Duration, seconds};

/// When a delivery that failed for now is tried again, and until when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Retry {
    /// Postfix 3.x: the age doubles, clamped; taken up by the deferred-queue scan.
    Postfix(PostfixRetry),
    /// The same, from the output of `postconf -n`, and the process limit of a `master.cf`.
    PostfixConfig(PostfixConfig),
    /// Exim 4.9x: a rule string, acted on by queue runs.
    Exim(EximRetry),
    /// The same, with a whole `begin retry` section from a file.
    EximConfig(EximConfig),
    /// sendmail 8.17: every queue run.
    Sendmail(SendmailRetry),
    /// qmail, notqmail: (20 k)^2 seconds after birth.
    Qmail(QmailRetry),
    /// OpenSMTPD 6.8 to 7.x: 400 n^2 seconds after creation.
    OpenSmtpd(OpenSmtpdRetry),
    /// Haraka 3.x: doubling from 64 s, thirteen failures.
    Haraka(HarakaRetry),
    /// KumoMTA: doubling from 20 minutes, with a small jitter.
    KumoMta(KumoMtaRetry),
    /// Stalwart 0.12: a table whose last entry repeats.
    Stalwart(StalwartRetry),
    /// ZoneMTA 3.x: a table that ends after 48 h.
    ZoneMta(ZoneMtaRetry),
    /// mox: doubling from 7.5 minutes, eight attempts.
    Mox(MoxRetry),
    /// maddy 0.8: 15 minutes times a truncated power of 1.25.
    Maddy(MaddyRetry),
    /// chasquid: by age, at most every 20 minutes, for 20 hours.
    Chasquid(ChasquidRetry),
    /// Microsoft Exchange 2016 to 2019, as documented.
    Exchange(ExchangeRetry),
    /// Any other schedule.
    Custom(CustomRetry),
    /// For a population: its members follow these policies, in proportion to the weights.
    Mix(Vec<(f64, Retry)>),
}

impl Default for Retry {
    fn default() -> Self {
        Self::Postfix(PostfixRetry::default())
    }
}

/// Postfix's parameters by their own names (postconf(5)).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PostfixRetry {
    /// Shortest time between attempts, and how long a dead destination rests.
    pub minimal_backoff_time: Duration,
    /// Longest time between attempts.
    pub maximal_backoff_time: Duration,
    /// Time between scans of the deferred queue.
    pub queue_run_delay: Duration,
    /// Given up at the first attempt after this age.
    pub maximal_queue_lifetime: Duration,
    /// The same for bounces.
    pub bounce_queue_lifetime: Duration,
    /// After this age its sender is told once that a message is late; `"0s"` is never.
    pub delay_warning_time: Duration,
    /// Messages in the active queue.
    pub qmgr_message_active_limit: u32,
    /// Deliveries at once; `master.cf` may say otherwise for the smtp client.
    pub default_process_limit: u32,
    /// Deliveries at once to a destination to begin with.
    pub initial_destination_concurrency: u32,
    /// And at most; `0` is no limit.
    pub default_destination_concurrency_limit: u32,
    /// What a delivery adds to the window.
    pub default_destination_concurrency_positive_feedback: Feedback,
    /// What a failed connection takes from it.
    pub default_destination_concurrency_negative_feedback: Feedback,
    /// Failed cohorts after which a destination is dead; `0` is never.
    pub default_destination_concurrency_failed_cohort_limit: f64,
    /// How long a SYN may go unanswered.
    pub smtp_connect_timeout: Duration,
    /// How long the greeting may take.
    pub smtp_helo_timeout: Duration,
    /// Most addresses in one attempt; `0` is no limit.
    pub smtp_mx_address_limit: u32,
    /// Most sessions past the greeting in one attempt; `0` is no limit.
    pub smtp_mx_session_limit: u32,
    /// Whether addresses of equal preference are shuffled.
    pub smtp_randomize_addresses: bool,
    /// Whether sessions are kept while deliveries to a destination follow one another.
    pub smtp_connection_cache_on_demand: bool,
    /// An idle session is closed after this.
    pub smtp_connection_cache_time_limit: Duration,
    /// A session older than this is not used again.
    pub smtp_connection_reuse_time_limit: Duration,
    /// When the queue manager's scans fall, as a time less than `queue_run_delay`; drawn once a replication if absent.
    /// (No parameter of Postfix: the time since it was started.)
    pub scan_phase: Option<Duration>,
}

impl Default for PostfixRetry {
    fn default() -> Self {
        Self {
            minimal_backoff_time: seconds(300),
            maximal_backoff_time: seconds(4000),
            queue_run_delay: seconds(300),
            maximal_queue_lifetime: seconds(5 * 86_400),
            bounce_queue_lifetime: seconds(5 * 86_400),
            delay_warning_time: seconds(0),
            qmgr_message_active_limit: 20_000,
            default_process_limit: 100,
            initial_destination_concurrency: 5,
            default_destination_concurrency_limit: 20,
            default_destination_concurrency_positive_feedback: Feedback::Constant(1.0),
            default_destination_concurrency_negative_feedback: Feedback::Constant(1.0),
            default_destination_concurrency_failed_cohort_limit: 1.0,
            smtp_connect_timeout: seconds(30),
            smtp_helo_timeout: seconds(300),
            smtp_mx_address_limit: 5,
            smtp_mx_session_limit: 2,
            smtp_randomize_addresses: true,
            smtp_connection_cache_on_demand: true,
            smtp_connection_cache_time_limit: seconds(2),
            smtp_connection_reuse_time_limit: seconds(300),
            scan_phase: None,
        }
    }
}

/// A change of Postfix's window W in one step: a number, over W, or over its root. Written as in `main.cf`: `"1"`,
/// `"1/concurrency"`, `"1/sqrt_concurrency"`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Feedback {
    /// x.
    Constant(f64),
    /// x / W.
    Inverse(f64),
    /// x / sqrt(W).
    InverseRoot(f64),
}

impl FromText for Feedback {
    const EXPECTED: &'static str = "a feedback such as \"1\", \"1/concurrency\" or \"1/sqrt_concurrency\"";

    fn from_text(text: &str) -> Result<Self, TextError> {
        let (number, per) = text.split_once('/').map_or((text, ""), |(number, per)| (number, per.trim()));
        let x = number.trim().parse::<f64>().ok().filter(|x| (0.0..=1.0).contains(x));
        match (x, per) {
            (Some(x), "") => Ok(Self::Constant(x)),
            (Some(x), "concurrency") => Ok(Self::Inverse(x)),
            (Some(x), "sqrt_concurrency") => Ok(Self::InverseRoot(x)),
            _ => Err(TextError::new(0..text.len(), format!("`{text}` is no feedback"), Self::EXPECTED)),
        }
    }

    fn from_number(number: f64) -> Option<Result<Self, TextError>> {
        Some(Self::from_text(&number.to_string()))
    }
}

impl fmt::Display for Feedback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(x) => write!(f, "{x}"),
            Self::Inverse(x) => write!(f, "{x}/concurrency"),
            Self::InverseRoot(x) => write!(f, "{x}/sqrt_concurrency"),
        }
    }
}

impl_text_serde!(Feedback);

/// Postfix as its own configuration has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostfixConfig {
    /// The output of `postconf -n`, or a `main.cf`.
    pub file: String,
    /// A `master.cf`, for the process limit of its smtp client.
    #[serde(default)]
    pub master: Option<String>,
    /// As of [`PostfixRetry`].
    #[serde(default)]
    pub scan_phase: Option<Duration>,
}

/// Exim's parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EximRetry {
    /// A retry rule as in `begin retry`.
    pub rule: String,
    /// Time between queue runs (`-q30m`).
    pub queue_run: Duration,
    /// Queue runners at a time.
    pub queue_run_max: u32,
    /// Whether a runner visits messages by arrival, not at random.
    pub queue_run_in_order: bool,
    /// No wait is longer.
    pub retry_interval_max: Duration,
    /// An older record of a failure is ignored.
    pub retry_data_expire: Duration,
    /// Whether a 4xx to RCPT belongs to the pair of recipient and sender.
    pub address_retry_include_sender: bool,
    /// Ages at which a sender is told that a message is late.
    pub delay_warning: Vec<Duration>,
    /// Messages down one connection.
    pub connection_max_messages: u32,
    /// How long a SYN may go unanswered.
    pub connect_timeout: Duration,
    /// How long the greeting or a reply may take.
    pub command_timeout: Duration,
    /// Most hosts in one attempt, not counting those not due.
    pub hosts_max_try: u32,
    /// When the queue runs fall, as a time less than `queue_run`; drawn once a replication if absent.
    pub scan_phase: Option<Duration>,
}

/// The rule of Exim's default configuration.
pub const EXIM_RULE: &str = "* * F,2h,15m; G,16h,1h,1.5; F,4d,6h";

impl Default for EximRetry {
    fn default() -> Self {
        Self {
            rule: EXIM_RULE.into(),
            queue_run: seconds(30 * 60),
            queue_run_max: 5,
            queue_run_in_order: false,
            retry_interval_max: seconds(86_400),
            retry_data_expire: seconds(7 * 86_400),
            address_retry_include_sender: true,
            delay_warning: vec![seconds(86_400)],
            connection_max_messages: 500,
            connect_timeout: seconds(300),
            command_timeout: seconds(300),
            hosts_max_try: 5,
            scan_phase: None,
        }
    }
}

/// Exim with the retry section of its own configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EximConfig {
    /// A configuration, or its part from `begin retry` on.
    pub file: String,
    /// The parameters that stand elsewhere, on the command line or in other sections; `rule` is not looked at.
    #[serde(default)]
    pub with: EximRetry,
}

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
    /// `Timeout.connect`; `"0s"` is the kernel's own.
    pub connect: Duration,
    /// `Timeout.initial`: how long the greeting may take.
    pub initial: Duration,
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
            connect: seconds(0),
            initial: seconds(300),
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
    /// `limit mta max-conn-per-route`.
    pub max_conn_per_route: u32,
    /// `limit mta session-...`: messages in a session.
    pub max_mail_per_session: u32,
    /// Time-out of a connection and of each reply.
    pub timeout: Duration,
}

impl Default for OpenSmtpdRetry {
    fn default() -> Self {
        Self {
            backoff: seconds(400),
            ttl: seconds(4 * 86_400),
            warn_interval: vec![seconds(4 * 3600)],
            max_conn_per_route: 5,
            max_mail_per_session: 100,
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
    /// How long a SYN may go unanswered.
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
    /// How long a SYN may go unanswered.
    pub connect_timeout: Duration,
    /// How long the greeting may take.
    pub banner_timeout: Duration,
    /// Most answers in its DNS cache.
    pub cache_size: u32,
    /// How long a failed MX resolution is kept.
    pub mx_negative_cache_ttl: Duration,
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
            connect_timeout: seconds(60),
            banner_timeout: seconds(60),
            cache_size: 8192,
            mx_negative_cache_ttl: seconds(300),
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
    /// Time-out of connection, greeting and replies.
    pub timeout: Duration,
}

impl Default for StalwartRetry {
    fn default() -> Self {
        Self {
            retry: [2, 5, 10, 15, 30, 60, 120].map(|minutes| seconds(60 * minutes)).to_vec(),
            notify: vec![seconds(86_400), seconds(3 * 86_400)],
            expire: seconds(5 * 86_400),
            mx: 5,
            timeout: seconds(300),
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
            connect_timeout: seconds(300),
            command_timeout: seconds(300),
        }
    }
}

/// chasquid's constants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChasquidRetry {
    /// `giveUpAfter`: at this age there is no further attempt.
    pub give_up_after: Duration,
    /// `maxQueueSize`: messages in the queue.
    pub max_queue_size: u32,
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
            give_up_after: seconds(20 * 3600),
            max_queue_size: 200,
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
    /// this age.
    pub MessageExpirationTimeout: Duration,
    /// After this age a sender is told that a message is late.
    pub DelayNotificationTimeout: Duration,
    /// `MaxPerDomainOutboundConnections`.
    pub MaxPerDomainOutboundConnections: u32,
    /// `MaxOutboundConnections`.
    pub MaxOutboundConnections: u32,
}

impl Default for ExchangeRetry {
    fn default() -> Self {
        Self {
            QueueGlitchRetryCount: 4,
            QueueGlitchRetryInterval: seconds(60),
            TransientFailureRetryCount: 6,
            TransientFailureRetryInterval: seconds(300),
            OutboundConnectionFailureRetryInterval: seconds(600),
            MessageExpirationTimeout: seconds(2 * 86_400),
            DelayNotificationTimeout: seconds(4 * 3600),
            MaxPerDomainOutboundConnections: 20,
            MaxOutboundConnections: 1000,
        }
    }
}

/// Any schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomRetry {
    /// The waits.
    pub schedule: Schedule,
    /// No wait is longer.
    #[serde(default)]
    pub cap: Option<Duration>,
    /// How a wait is spread.
    #[serde(default)]
    pub jitter: Jitter,
    /// What is due is taken up at multiples of this, at a phase drawn once a sender; at once if absent.
    #[serde(default)]
    pub scan: Option<Duration>,
    /// Given up after an attempt at this age or more.
    #[serde(default = "five_days")]
    pub lifetime: Duration,
    /// Ages at which a sender is told that a message is late.
    #[serde(default)]
    pub delay_warning: Vec<Duration>,
}

fn five_days() -> Duration {
    seconds(5 * 86_400)
}

/// The wait after the n-th failed attempt, n from 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Schedule {
    /// Always the same.
    Constant(Duration),
    /// `first + (n - 1) step`.
    Linear { first: Duration, step: Duration },
    /// `base * factor^(n - 1)`.
    Exponential { base: Duration, factor: f64 },
    /// `base * n^power`.
    Polynomial { base: Duration, power: f64 },
    /// The age at the failure, at least `min` and at most `max`.
    Age { min: Duration, max: Duration },
    /// The ages of attempts 2, 3, ...; given up after the last.
    Table(Vec<Duration>),
    /// The same, from the column of a CSV file: seconds, or durations with units.
    Csv(String),
}

/// How a wait w is spread (names after the AWS Architecture Blog's, as the theory of herds uses them).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub enum Jitter {
    /// Not at all.
    #[default]
    Off,
    /// Uniform on 0..w.
    Full,
    /// Uniform on w/2..w.
    Equal,
    /// Uniform on w(1 - f)..w(1 + f).
    Share(f64),
}
