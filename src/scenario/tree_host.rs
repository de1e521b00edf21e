//! The part of the tree that is MX hosts: what they offer, what they refuse, how they fail.

use serde::{Deserialize, Serialize};

use super::distribution::{DistSpec, DurationDist};
use super::tree::{Retry, SmtpClient};
use super::tree_reception::{Chance, ClientLimits, Disk, Greylist, Receiver, SizeLimit, Store, Tarpit};

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
    /// Its IPv6 addresses, as many as it has of IPv4.
    pub ipv6: HostIpv6,
    /// Whose limits it has; what stands beside it wins.
    pub software: Receiver,
    /// Most sessions at once; the software's if absent.
    pub sessions: Option<u32>,
    /// What happens to a connection when all sessions are taken; the software's way if absent.
    pub when_full: Option<WhenFull>,
    /// Most connections that wait for a session; the software's if absent.
    pub backlog: Option<u32>,
    /// What happens to a connection beyond them.
    pub when_backlog_full: BacklogFull,
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
    /// Failures of single connections or messages.
    pub chances: Vec<Chance>,
    /// Greylisting: who is new has to come again.
    pub greylist: Option<Greylist>,
    /// How often one client may come.
    pub client_limits: Option<ClientLimits>,
    /// Share of recipients that do not exist: 550 at RCPT, whatever the attempt.
    pub unknown_users: f64,
    /// Pauses before replies.
    pub tarpit: Option<Tarpit>,
    /// The largest message it takes; the software's if absent.
    pub size_limit: Option<SizeLimit>,
    /// A disk that fills up: 452 at MAIL when it is full.
    pub disk: Option<Disk>,
    /// Share of accepted messages that it throws away without a word.
    pub discards: f64,
    /// How its mailboxes are kept: a user may not see at once what was delivered.
    pub store: Option<Store>,
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
    /// What its own SMTP client does, when it relays.
    pub client: SmtpClient,
    /// Another relay host whose queue it shares.
    pub shares_queue: Option<String>,
}

/// What a connection over IPv6 meets at a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum HostIpv6 {
    /// It has no AAAA record; an address that is still cached leads nowhere.
    #[default]
    Absent,
    /// What one over IPv4 does.
    Works,
    /// It has one, and nothing comes back from there.
    Dead,
    /// It has one, and nothing listens there.
    Refuses,
}

impl Default for Host {
    fn default() -> Self {
        Self {
            count: None,
            like: None,
            region: None,
            addresses: 1,
            ipv6: HostIpv6::default(),
            software: Receiver::default(),
            sessions: None,
            when_full: None,
            backlog: None,
            when_backlog_full: BacklogFull::default(),
            service: DurationDist(DistSpec::Constant(0.0)),
            smtp: SmtpService::default(),
            up: None,
            down: None,
            fails: FailureMode::default(),
            refusal: None,
            chances: Vec::new(),
            greylist: None,
            client_limits: None,
            unknown_users: 0.0,
            tarpit: None,
            size_limit: None,
            disk: None,
            discards: 0.0,
            store: None,
            risks: Vec::new(),
            outages: None,
            relays_for: Vec::new(),
            resolver: None,
            retry: Retry::default(),
            client: SmtpClient::default(),
            shares_queue: None,
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

/// What a connection meets at a host whose backlog is full, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum BacklogFull {
    /// Its SYN is dropped, and sent again by the client's kernel (Linux, `tcp_abort_on_overflow` 0).
    #[default]
    Drop,
    /// It is reset.
    Refuse,
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
    /// It waits: the host answers SYNs and does nothing else, and goes on afterwards where it was (a stalled disk, a paused
    /// machine).
    Freeze,
    /// It is answered up to this stage, and there nothing comes: the client's time-out for that stage passes.
    SilentAt { stage: Stage },
    /// The host takes no more of the body once it has come to it: the client's time-out for a block passes.
    Stalls,
    /// It is answered with this code at this stage.
    Reply { stage: Stage, code: u16 },
    /// It breaks where the reply of this stage should come.
    Lost { stage: Stage },
    /// The message is taken, and the connection breaks before its 250 is there: the client sends it again (RFC 1047).
    LostReply,
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
    /// STARTTLS and its handshake (RFC 3207); there is none where the host offers no TLS.
    StartTls,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Rcpt,
    /// DATA.
    Data,
    /// The end of data.
    EndOfData,
}
