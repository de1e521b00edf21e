//! The part of the tree that is mail: senders, arrivals.

use serde::{Deserialize, Serialize};

use super::distribution::{DistSpec, DurationDist, NumberDist, SizeDist};
use super::tree::{Map, Retry};
use super::units::{Duration, Rate, seconds};

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
    /// From how many addresses it connects, each attempt from one at random.
    #[serde(default = "one")]
    pub addresses: u32,
    /// In how many networks (/24) they are.
    #[serde(default = "one")]
    pub networks: u32,
    /// How many pairs of envelope sender and recipient it has at each domain, for greylisting; `0`: each recipient is new.
    #[serde(default)]
    pub correspondents: u32,
    /// Share of its messages that have a null return path: nobody is told of their failure.
    #[serde(default)]
    pub null_sender: f64,
    /// Whether it looks for MTA-STS policies and keeps them.
    #[serde(default)]
    pub mta_sts: bool,
    /// The domain that bounces and delay warnings go to; if absent, they reach the sender at once.
    #[serde(default)]
    pub return_path: Option<String>,
    /// What is in its queue at the start; nothing if absent.
    #[serde(default)]
    pub queue: Option<QueueFile>,
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

fn one() -> u32 {
    1
}

fn one_recipient() -> NumberDist {
    NumberDist(DistSpec::Constant(1.0))
}

/// A real queue to start from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum QueueFile {
    /// The output of `postqueue -j`.
    Postqueue {
        /// Its file.
        file: String,
        /// When it was printed, a timestamp such as `2026-03-02 07:00:00Z`: what is simulated begins then. If absent, at the
        /// latest arrival in it.
        #[serde(default)]
        printed: Option<String>,
    },
}

/// What an SMTP client does within one attempt; what is absent is the retry preset's.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmtpClient {
    /// Whose rules of failure, selection and DNS it follows.
    pub rules: Option<ClientSystem>,
    /// How long a SYN may go unanswered.
    pub connect_timeout: Option<Duration>,
    /// How long a greeting may take.
    pub greeting_timeout: Option<Duration>,
    /// How long what follows the greeting may take.
    #[serde(default)]
    pub timeouts: ReplyTimeouts,
    /// Most addresses tried in one attempt; `0` is no limit.
    pub address_limit: Option<u32>,
    /// Most exchanges whose addresses are tried in one attempt; `0` is no limit.
    pub exchange_limit: Option<u32>,
    /// Most addresses of one exchange; `0` is no limit.
    pub exchange_address_limit: Option<u32>,
    /// Most sessions that got past the greeting in one attempt; `0` is no limit.
    pub session_limit: Option<u32>,
    /// What is shuffled among equal preferences.
    pub shuffle: Option<Shuffle>,
    /// Weights of exchanges for `shuffle: Weighted`; 1 for those that are not named.
    pub weights: Map<f64>,
    /// When the addresses of exchanges are asked for.
    pub lookups: Option<AddressLookups>,
    /// Which of IPv4 and IPv6 comes first.
    pub address_preference: Option<AddressPreference>,
    /// How long an exchange's first family is waited for before the other is connected to as well (RFC 8305); 0 for not.
    pub fast_fallback: Option<Duration>,
    /// Whether sessions are encrypted where the host offers it (RFC 3207).
    pub tls: Option<ClientTls>,
    /// When lost SYNs are sent again.
    pub syn: Option<SynRetry>,
    /// Processors of its machine (1 if absent): at most so many deliveries have one at a time, the others wait.
    pub processors: Option<u32>,
    /// How long a delivery needs one before its session begins: its process, its look at the queue file. Nothing if absent.
    pub processor_time: Option<Duration>,
    /// How long it keeps it beyond: for its records, its log, its end. Nothing if absent.
    pub processor_time_after: Option<Duration>,
    /// What becomes of a relay's own name in an MX list.
    pub own_mx: Option<OwnMx>,
    /// Where everything goes: a domain, or a host in brackets, whose MX are not looked for; of several in a list the next
    /// when the one before took nothing (Postfix `relayhost`).
    pub smart_host: Option<String>,
    /// Where what every MX host of a domain failed to take goes (Postfix `smtp_fallback_relay`, sendmail
    /// `FallbackMXhost`), written likewise.
    pub fallback_relay: Option<String>,
}

/// Whether a client says STARTTLS (RFC 3207).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientTls {
    /// Never (Postfix's empty `smtp_tls_security_level`).
    Off,
    /// Where the host offers it; what it makes of a failure is its system's.
    May,
}

/// Which addresses a client connects to first, among those of one preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AddressPreference {
    /// It asks for A records only.
    Ipv4Only,
    /// All IPv4 ones first.
    Ipv4First,
    /// All IPv6 ones first.
    Ipv6First,
    /// Of each exchange its IPv4 ones first.
    Ipv4FirstOfEach,
    /// Of each exchange its IPv6 ones first.
    Ipv6FirstOfEach,
    /// As the shuffle has them. Where there are more than are tried in an attempt, some of each are
    /// (Postfix's `smtp_address_preference = any` and `smtp_balance_inet_protocols`).
    Any,
}

/// How long the replies after the greeting may take (RFC 5321 section 4.5.3.2); what is absent is the system's.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReplyTimeouts {
    /// To EHLO.
    pub ehlo: Option<Duration>,
    /// To STARTTLS, with the handshake.
    pub starttls: Option<Duration>,
    /// To MAIL.
    pub mail: Option<Duration>,
    /// To a RCPT.
    pub rcpt: Option<Duration>,
    /// To DATA.
    pub data: Option<Duration>,
    /// Until the host takes the next part of the body.
    pub block: Option<Duration>,
    /// To the end of data.
    pub end_of_data: Option<Duration>,
}

/// Whose SMTP client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientSystem {
    /// Every host in turn, no limits: what RFC 5321 section 5.1 asks for.
    Ideal,
    Postfix,
    Exim,
    Sendmail,
    OpenSmtpd,
    Qmail,
    Haraka,
    KumoMta,
    Stalwart,
    ZoneMta,
    Mox,
    Maddy,
    Chasquid,
    Exchange,
}

impl ClientSystem {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Ideal,
        Self::Postfix,
        Self::Exim,
        Self::Sendmail,
        Self::OpenSmtpd,
        Self::Qmail,
        Self::Haraka,
        Self::KumoMta,
        Self::Stalwart,
        Self::ZoneMta,
        Self::Mox,
        Self::Maddy,
        Self::Chasquid,
        Self::Exchange,
    ];
}

/// What becomes of a relay's own name in an MX list (RFC 5321 section 5.1 asks for the first).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OwnMx {
    /// It goes, with its equals and all less preferred.
    DropEqualsAndWorse,
    /// Only it goes.
    DropItself,
    /// It stays: a relay may send to itself, until the message is seen to loop.
    Keep,
}

/// When an attempt asks for the addresses of a domain's exchanges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AddressLookups {
    /// All before the first connection (Postfix `smtp_domain_addr`, Exim `host_find_bydns`, qmail `dns_mxip`).
    All,
    /// Those of a preference once all of the preference before it have failed (the order that RFC 5321 section 5.1 asks
    /// for needs no more; sendmail `deliver` looks a host up when its turn comes).
    ByPreference,
}

/// What is uniform among MX of equal preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shuffle {
    /// Addresses: a name with two is twice as likely to be first (Postfix, measured).
    Addresses,
    /// Names, a name's addresses in the order the resolver gave (sendmail, measured; RFC 5321 section 5.1).
    Names,
    /// Names, and the addresses of each (Exim, measured).
    NamesAndAddresses,
    /// Names, each time one of those left in proportion to their weights (the order of SRV records, RFC 2782), a name's
    /// addresses in the order the resolver gave.
    Weighted,
    /// One pass of coin flips that swap neighbours, as Haraka's `sort_mx` does: the last of three equals never comes first.
    AdjacentSwaps,
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
