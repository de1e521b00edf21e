//! The part of the tree that is what a host asks of those who connect: limits, greylisting, checks.

use serde::{Deserialize, Serialize};

use super::distribution::{DistSpec, DurationDist};
use super::tree_host::FailureMode;
use super::units::{Bandwidth, Duration, Size, seconds};

/// Receiving software, with its own parameters' names; defaults as `mxsim presets` shows them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Receiver {
    /// No limits at all.
    Ideal(IdealReceiver),
    /// Postfix smtpd: a process a session, the rest waits in the kernel's queue.
    Postfix(PostfixReceiver),
    /// Exim's daemon: a process a session, 421 to the rest.
    Exim(EximReceiver),
}

impl Default for Receiver {
    fn default() -> Self {
        Self::Ideal(IdealReceiver::default())
    }
}

/// No parameters.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdealReceiver {}

/// Postfix smtpd's parameters (postconf(5)).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PostfixReceiver {
    /// smtpd processes, and so sessions; also the length of the kernel's queue (`master_listen.c`).
    pub default_process_limit: u32,
    /// Sessions of one client at once; `0` is no limit.
    pub smtpd_client_connection_count_limit: u32,
    /// Connections of one client in `anvil_rate_time_unit`; `0` is no limit.
    pub smtpd_client_connection_rate_limit: u32,
    /// Messages of one client in `anvil_rate_time_unit`; `0` is no limit.
    pub smtpd_client_message_rate_limit: u32,
    /// The span that rates are counted in.
    pub anvil_rate_time_unit: Duration,
    /// The largest message, announced with SIZE; `0` is no limit.
    pub message_size_limit: Size,
}

impl Default for PostfixReceiver {
    fn default() -> Self {
        Self {
            default_process_limit: 100,
            smtpd_client_connection_count_limit: 50,
            smtpd_client_connection_rate_limit: 0,
            smtpd_client_message_rate_limit: 0,
            anvil_rate_time_unit: seconds(60),
            message_size_limit: Size(10_240_000),
        }
    }
}

/// The parameters of Exim's daemon (specification, "Main configuration").
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EximReceiver {
    /// Sessions at once; `0` is no limit.
    pub smtp_accept_max: u32,
    /// Sessions of one client at once; `0` is no limit.
    pub smtp_accept_max_per_host: u32,
    /// Length of the kernel's queue.
    pub smtp_connect_backlog: u32,
    /// The largest message, announced with SIZE; `0` is no limit.
    pub message_size_limit: Size,
}

impl Default for EximReceiver {
    fn default() -> Self {
        Self {
            smtp_accept_max: 20,
            smtp_accept_max_per_host: 0,
            smtp_connect_backlog: 20,
            message_size_limit: Size(50 << 20),
        }
    }
}

/// A failure of a share of what comes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chance {
    /// Of so many.
    pub share: f64,
    /// In this way.
    pub fails: FailureMode,
    /// Drawn anew at each connection, or once a message and host.
    #[serde(default)]
    pub per: Per,
}

/// What a chance is drawn for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Per {
    /// Each connection.
    #[default]
    Connection,
    /// Each message: what failed so once will always.
    Message,
}

/// Greylisting (RFC 6647).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Greylist {
    /// As Postgrey does it, with the names of its options.
    Postgrey(Postgrey),
}

/// Postgrey's options.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Postgrey {
    /// A triplet passes when its first attempt is so long ago.
    pub delay: Duration,
    /// A retry later than this after the first attempt counts as a first one.
    pub retry_window: Duration,
    /// What was not seen for so long is forgotten.
    pub max_age: Duration,
    /// Whether the client in a triplet is its /24 or its address.
    pub lookup_by_subnet: bool,
    /// A client address that passed so often (counted once an hour) always passes; `0` is never.
    pub auto_whitelist_clients: u32,
    /// What RCPT is answered with.
    pub code: u16,
}

impl Default for Postgrey {
    fn default() -> Self {
        Self {
            delay: seconds(300),
            retry_window: seconds(2 * 86_400),
            max_age: seconds(35 * 86_400),
            lookup_by_subnet: true,
            auto_whitelist_clients: 5,
            code: 450,
        }
    }
}

/// How often one client address may come; `0` is no limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientLimits {
    /// Sessions at once.
    pub sessions: u32,
    /// Connections in an interval; beyond: 421 for a greeting.
    pub connections: u32,
    /// Messages in an interval; beyond: 450 at MAIL.
    pub messages: u32,
    /// The interval, which begins with the first that comes after the last one ended (Postfix anvil(8)).
    pub per: Duration,
    /// Greets who comes too often.
    pub connection_code: u16,
    /// Answers who sends too much.
    pub message_code: u16,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self { sessions: 0, connections: 0, messages: 0, per: seconds(60), connection_code: 421, message_code: 450 }
    }
}

/// Pauses before replies, which hold the session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tarpit {
    /// Before the greeting.
    pub greeting: DurationDist,
    /// Before the reply to each command.
    pub reply: DurationDist,
}

impl Default for Tarpit {
    fn default() -> Self {
        let none = DurationDist(DistSpec::Constant(0.0));
        Self { greeting: none.clone(), reply: none }
    }
}

/// A limit on the size of a message (RFC 1870).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SizeLimit {
    /// The largest it takes; larger ones get 552.
    pub bytes: Size,
    /// Whether EHLO says so, and MAIL is answered with it; otherwise it shows after the end of data.
    #[serde(default = "yes")]
    pub announced: bool,
}

fn yes() -> bool {
    true
}

/// A disk for what was accepted: the queue of a relay, the incoming spool of a final host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    /// Its size.
    pub capacity: Size,
    /// How fast a final host takes mail off it; of a relay leaves what is handed over.
    #[serde(default)]
    pub drains: Option<Bandwidth>,
}

/// A replicated mailbox store: a reader looks at one replica, a message is written to one and copied to the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// How many.
    #[serde(default = "two")]
    pub replicas: u32,
    /// Time from the 250 until a message is on another replica.
    pub lag: DurationDist,
}

fn two() -> u32 {
    2
}

/// An MTA-STS policy (RFC 8461 section 3.2).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sts {
    /// What senders that check make of it.
    #[serde(default)]
    pub mode: StsMode,
    /// Exchanges that may be used; `*.example.org` stands for one label.
    pub mx: Vec<String>,
    /// How long senders keep it.
    #[serde(default = "a_week")]
    pub max_age: Duration,
    /// How long they keep the TXT record that tells of a new one.
    #[serde(default = "an_hour")]
    pub txt_ttl: Duration,
}

/// The mode of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum StsMode {
    /// No delivery to what it does not name.
    #[default]
    Enforce,
    /// It forbids nothing.
    Testing,
}

fn a_week() -> Duration {
    seconds(7 * 86_400)
}

fn an_hour() -> Duration {
    seconds(3600)
}
