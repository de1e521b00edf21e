//! The part of the tree that is mail: hosts, senders, arrivals, retry policies.

use serde::{Deserialize, Serialize};

use super::distribution::{DistSpec, DurationDist, NumberDist, SizeDist};
use super::tree::Map;
use super::units::{Duration, Rate, seconds};

/// A mail exchanger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Host {
    /// How many, with `{i}` in the key.
    pub count: Option<u32>,
    /// Another entry whose fields are defaults here.
    pub like: Option<String>,
    /// Where it is; the first region if absent.
    pub region: Option<String>,
    /// How many addresses its name has.
    pub addresses: u32,
    /// Most sessions at once, unlimited if absent.
    pub sessions: Option<u32>,
    /// What happens to a connection when all sessions are taken.
    pub when_full: WhenFull,
    /// Time it takes to serve one message, beside the round trips.
    pub service: DurationDist,
    /// What it offers, and so how many round trips a session takes.
    pub smtp: SmtpService,
    /// Time to failure.
    pub up: Option<DurationDist>,
    /// Time to repair.
    pub down: Option<DurationDist>,
    /// What a connection meets while it is down.
    pub fails: FailureMode,
    /// Time until a refusal is known to the client, counted from its SYN; one round trip if absent.
    pub refusal: Option<DurationDist>,
    /// Risks it shares.
    pub risks: Vec<String>,
    /// Outages from a CSV file.
    pub outages: Option<String>,
    /// Zones (names or globs) for which it stores and forwards instead of being the final host.
    pub relays_for: Vec<String>,
    /// Its own resolver, when it relays; if absent, the first in its region, else the first of all.
    pub resolver: Option<String>,
    /// Its own retry policy, when it relays.
    pub retry: Retry,
}

impl Default for Host {
    fn default() -> Self {
        Self {
            count: None,
            like: None,
            region: None,
            addresses: 1,
            sessions: None,
            when_full: WhenFull::Backlog,
            service: DurationDist(DistSpec::Constant(0.0)),
            smtp: SmtpService::default(),
            up: None,
            down: None,
            fails: FailureMode::default(),
            refusal: None,
            risks: Vec::new(),
            outages: None,
            relays_for: Vec::new(),
            resolver: None,
            retry: Retry::default(),
        }
    }
}

/// What a connection meets at a host whose sessions are all taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum WhenFull {
    /// It waits, first come first served, in the kernel's backlog.
    #[default]
    Backlog,
    /// It is reset.
    Refuse,
    /// It is greeted with 421 and closed.
    Busy,
}

/// What a server offers in its EHLO reply (RFC 3207, 2920, 3030).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmtpService {
    /// Whether a session is encrypted, and how many round trips that takes.
    pub tls: Tls,
    /// RFC 2920: the envelope in one flight.
    pub pipelining: bool,
    /// RFC 3030: the body without waiting for 354.
    pub chunking: bool,
}

impl Default for SmtpService {
    fn default() -> Self {
        Self { tls: Tls::V13, pipelining: true, chunking: false }
    }
}

/// TLS of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Tls {
    /// Clear text.
    Off,
    /// TLS 1.2, a full handshake: two round trips (RFC 5246).
    V12,
    /// TLS 1.3: one round trip (RFC 8446).
    #[default]
    V13,
}

/// What a connection meets at a host that is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum FailureMode {
    /// The connection is reset.
    #[default]
    Refuse,
    /// SYNs are dropped: the connect time-out passes.
    BlackHole,
    /// It is accepted and never greeted: the greeting time-out passes.
    Silent,
    /// It is answered with this code at this stage.
    Reply { stage: Stage, code: u16 },
}

/// Where in a session something is answered (RFC 5321 section 4.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Stage {
    /// The connection itself.
    Connect,
    /// The greeting.
    Greeting,
    /// EHLO.
    Ehlo,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Rcpt,
    /// DATA.
    Data,
    /// The end of data.
    EndOfData,
}

/// An SMTP client with a queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sender {
    /// How many, with `{i}` in the key.
    #[serde(default)]
    pub count: Option<u32>,
    /// Another entry whose fields are defaults here.
    #[serde(default)]
    pub like: Option<String>,
    /// Where it is; the first region if absent.
    #[serde(default)]
    pub region: Option<String>,
    /// Whom it asks.
    pub resolver: String,
    /// When messages come.
    pub arrivals: Arrivals,
    /// When it begins.
    #[serde(default = "super::tree_dns::at_once")]
    pub begins: DurationDist,
    /// Whom they are for.
    pub to: Destinations,
    /// How large they are.
    #[serde(default = "default_size")]
    pub size: SizeDist,
    /// How many recipients (all at one domain) a message has: each is a delivery.
    #[serde(default = "one_recipient")]
    pub recipients: NumberDist,
    /// When it tries again, and until when.
    #[serde(default)]
    pub retry: Retry,
    /// What its SMTP client does.
    #[serde(default)]
    pub client: SmtpClient,
}

fn default_size() -> SizeDist {
    SizeDist(DistSpec::Constant(10_000.0))
}

fn one_recipient() -> NumberDist {
    NumberDist(DistSpec::Constant(1.0))
}

/// What an SMTP client does within one attempt; what is absent is the retry preset's.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmtpClient {
    /// How long a SYN may go unanswered.
    pub connect_timeout: Option<Duration>,
    /// How long a greeting may take.
    pub greeting_timeout: Option<Duration>,
    /// Most addresses tried in one attempt; `0` is no limit.
    pub address_limit: Option<u32>,
    /// Most sessions that got past the greeting in one attempt; `0` is no limit.
    pub session_limit: Option<u32>,
    /// What is shuffled among equal preferences.
    pub shuffle: Option<Shuffle>,
    /// When lost SYNs are sent again.
    pub syn: Option<SynRetry>,
}

/// What is uniform among MX of equal preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shuffle {
    /// Addresses: a name with two is twice as likely to be first (Postfix, measured).
    Addresses,
    /// Names, a name's addresses in the order the resolver gave (Exim and sendmail, measured; RFC 5321 section 5.1).
    Names,
    /// Nothing: the order of the zone.
    Off,
}

/// Linux SYN retransmission (ip-sysctl): `Classic` doubles from 1 s, `Linear` sends four at 1 s first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SynRetry {
    /// 0, 1, 3, 7, 15, 31, 63 s; gives up at 127 s.
    Classic,
    /// 0, 1, 2, 3, 4, 5, 7, 11, 19, 35, 67 s; gives up at 131 s.
    Linear,
}

/// When a source's messages or queries come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Arrivals {
    /// Independent of each other, at a constant rate.
    Poisson { rate: Rate },
    /// One each `every`, the first at `offset` (default: a random phase, drawn once a replication).
    Periodic {
        every: Duration,
        #[serde(default)]
        offset: Option<Duration>,
    },
    /// `count` at once at `at` (a time as in the timeline, whose names it may hold), or spread evenly over `over`.
    Burst {
        at: String,
        count: u64,
        #[serde(default = "no_time")]
        over: Duration,
    },
    /// Independent gaps of one distribution.
    Renewal { gap: DurationDist },
    /// Poisson with a daily and weekly profile: `per_day` on average over the week, at `peak_hour` local time
    /// `peak_factor` times the day's average, `weekend_share` of a week's mail on Saturday and Sunday.
    Diurnal {
        per_day: f64,
        #[serde(default = "eleven")]
        peak_hour: f64,
        #[serde(default = "one_and_a_half")]
        peak_factor: f64,
        #[serde(default = "even_week")]
        weekend_share: f64,
    },
    /// Times from a CSV file, counted from the start of the run or from `at`.
    Trace {
        file: String,
        #[serde(default)]
        at: Option<String>,
    },
}

fn no_time() -> Duration {
    seconds(0)
}
fn eleven() -> f64 {
    11.0
}
fn one_and_a_half() -> f64 {
    1.5
}
fn even_week() -> f64 {
    2.0 / 7.0
}

/// Whom messages are for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Destinations {
    /// Domains in proportion to their weights.
    Weights(Map<f64>),
    /// The zones that a name or glob means, the k-th in proportion to k^-exponent.
    Zipf { exponent: f64, zones: String },
    /// The zones that a name or glob means, all alike.
    Uniform { zones: String },
    /// The `domain` column of the arrivals' trace.
    Trace,
}

/// When a delivery that failed for now is tried again, and until when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Retry {
    /// Postfix 3.x: the age doubles, clamped; taken up by the deferred-queue scan.
    Postfix(PostfixRetry),
    /// Exim 4.9x: a rule string, acted on by queue runs.
    Exim(EximRetry),
    /// qmail, notqmail: (20 k)^2 seconds after birth.
    Qmail(QmailRetry),
    /// Any other schedule.
    Custom(CustomRetry),
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
    /// Shortest time between attempts.
    pub minimal_backoff_time: Duration,
    /// Longest time between attempts.
    pub maximal_backoff_time: Duration,
    /// Time between scans of the deferred queue.
    pub queue_run_delay: Duration,
    /// Given up at the first attempt after this age.
    pub maximal_queue_lifetime: Duration,
}

impl Default for PostfixRetry {
    fn default() -> Self {
        Self {
            minimal_backoff_time: seconds(300),
            maximal_backoff_time: seconds(4000),
            queue_run_delay: seconds(300),
            maximal_queue_lifetime: seconds(5 * 86_400),
        }
    }
}

/// Exim's parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EximRetry {
    /// A retry rule as in `begin retry`.
    pub rule: String,
    /// Time between queue runs (`-q30m`).
    pub queue_run: Duration,
}

impl Default for EximRetry {
    fn default() -> Self {
        Self { rule: "* * F,2h,15m; G,16h,1h,1.5; F,4d,6h".into(), queue_run: seconds(30 * 60) }
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
}

impl Default for QmailRetry {
    fn default() -> Self {
        Self { queuelifetime: seconds(604_800), chanskip: 20 }
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
    /// The age at the failure, at least `min` and at most `max`.
    Age { min: Duration, max: Duration },
    /// The ages of attempts 2, 3, ...; given up after the last.
    Table(Vec<Duration>),
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
