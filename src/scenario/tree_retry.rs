//! The part of the tree that is retry policies: each system's parameters by its own names.
//!
//! Defaults are those of the version that `mxsim presets NAME` names; their sources stand there, number by number.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::text::{FromText, TextError, impl_text_serde};
use super::tree_systems::*;
use super::tree_unix::*;
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
    /// Deliveries at once to a destination to begin with. (Its transport's own name, `smtp_...`, is read too, as of those below.)
    #[serde(alias = "smtp_initial_destination_concurrency")]
    pub initial_destination_concurrency: u32,
    /// And at most; `0` is no limit.
    #[serde(alias = "smtp_destination_concurrency_limit")]
    pub default_destination_concurrency_limit: u32,
    /// What a delivery adds to the window.
    #[serde(alias = "smtp_destination_concurrency_positive_feedback")]
    pub default_destination_concurrency_positive_feedback: Feedback,
    /// What a failed connection takes from it.
    #[serde(alias = "smtp_destination_concurrency_negative_feedback")]
    pub default_destination_concurrency_negative_feedback: Feedback,
    /// Failed cohorts after which a destination is dead; `0` is never.
    #[serde(alias = "smtp_destination_concurrency_failed_cohort_limit")]
    pub default_destination_concurrency_failed_cohort_limit: f64,
    /// Most recipients in a transaction: a message with more is several deliveries; `0` is no limit.
    #[serde(alias = "smtp_destination_recipient_limit")]
    pub default_destination_recipient_limit: u32,
    /// How long a destination is left alone after each delivery, one after the other; `"0s"` is not at all.
    #[serde(alias = "smtp_destination_rate_delay")]
    pub default_destination_rate_delay: Duration,
    /// How long a SYN may go unanswered; `"0s"` is as long as the kernel waits.
    pub smtp_connect_timeout: Duration,
    /// How long the greeting, and the reply to EHLO, may take.
    pub smtp_helo_timeout: Duration,
    /// How long the handshake of TLS may take.
    pub smtp_starttls_timeout: Duration,
    /// How long the reply to MAIL may take.
    pub smtp_mail_timeout: Duration,
    /// How long the reply to a RCPT may take.
    pub smtp_rcpt_timeout: Duration,
    /// How long the reply to DATA may take.
    pub smtp_data_init_timeout: Duration,
    /// How long the host may take no more of the body.
    pub smtp_data_xfer_timeout: Duration,
    /// How long the reply to the end of data may take.
    pub smtp_data_done_timeout: Duration,
    /// Most addresses in one attempt; `0` is no limit.
    pub smtp_mx_address_limit: u32,
    /// Most sessions in one attempt whose handshake (greeting, EHLO, STARTTLS) has not failed; `0` is no limit.
    pub smtp_mx_session_limit: u32,
    /// Whether addresses of equal preference are shuffled.
    pub smtp_randomize_addresses: bool,
    /// Whether a server that greets with a 5yz is passed over; else it refuses the message.
    pub smtp_skip_5xx_greeting: bool,
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
            default_destination_recipient_limit: 50,
            default_destination_rate_delay: seconds(0),
            smtp_connect_timeout: seconds(30),
            smtp_helo_timeout: seconds(300),
            smtp_starttls_timeout: seconds(300),
            smtp_mail_timeout: seconds(300),
            smtp_rcpt_timeout: seconds(300),
            smtp_data_init_timeout: seconds(120),
            smtp_data_xfer_timeout: seconds(180),
            smtp_data_done_timeout: seconds(600),
            smtp_mx_address_limit: 5,
            smtp_mx_session_limit: 2,
            smtp_randomize_addresses: true,
            smtp_skip_5xx_greeting: true,
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
    /// Ages at which a sender is told that a message is late; the last gap of the list goes on for ever.
    pub delay_warning: Vec<Duration>,
    /// Messages down one connection.
    pub connection_max_messages: u32,
    /// How long a SYN may go unanswered; `"0s"` is as long as the kernel waits.
    pub connect_timeout: Duration,
    /// How long the greeting or a reply may take.
    pub command_timeout: Duration,
    /// How long the host may take no more of the body.
    pub data_timeout: Duration,
    /// How long the reply to the end of data may take.
    pub final_timeout: Duration,
    /// Most hosts in one attempt, not counting those not due.
    pub hosts_max_try: u32,
    /// Most hosts in one attempt in any case.
    pub hosts_max_try_hardlimit: u32,
    /// Whether a message to hosts that have all failed for longer than their last cutoff is given up until one is due; else
    /// it first tries those that were last tried before it arrived.
    pub delay_after_cutoff: bool,
    /// Hosts with which one connection at a time is begun, by name or pattern: while there is one, they are passed over.
    pub serialize_hosts: Vec<String>,
    /// Most recipients in a transaction: a message with more is several; `0` is no limit.
    pub max_rcpt: u32,
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
            data_timeout: seconds(300),
            final_timeout: seconds(600),
            hosts_max_try: 5,
            hosts_max_try_hardlimit: 50,
            delay_after_cutoff: true,
            serialize_hosts: Vec::new(),
            max_rcpt: 100,
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
    /// What stands on the command line, and what is to hold instead of what other sections say; `rule` is not looked at.
    #[serde(default)]
    pub with: EximRetry,
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
    /// What a failure holds back.
    #[serde(default)]
    pub keyed_on: KeyedOn,
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

/// What a failure that is a host's or a destination's, and no message's, holds back besides the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum KeyedOn {
    /// Nothing.
    #[default]
    Message,
    /// All that is for the host, for so long; then all whose own wait is over try it together.
    Host { rest: Duration },
    /// All that is for the destination, after so many failures in a row, for so long; then one tries it, and with each
    /// success two more may, up to `concurrency` at once.
    Destination {
        rest: Duration,
        #[serde(default = "one")]
        failures: u32,
        #[serde(default = "twenty")]
        concurrency: u32,
    },
}

fn one() -> u32 {
    1
}

fn twenty() -> u32 {
    20
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
