//! What authoritative servers are told: SOA, zone transfers, what a server says of what it does not hold.

use serde::{Deserialize, Serialize};

use super::units::Duration;

/// A zone's SOA, as far as something depends on it (RFC 1035 section 3.3.13).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SoaRecord {
    /// Serial at time 0, 1 if absent; each action that changes the zone adds one, modulo 2^32 (RFC 1982).
    pub serial: Option<u32>,
    /// A secondary's time between checks, two hours if absent (RFC 1912 section 2.2: 20 min to 12 h).
    pub refresh: Option<Duration>,
    /// Its time to the next check after a failed one, 15 min if absent.
    pub retry: Option<Duration>,
    /// It stops answering so long after its last success, two weeks if absent (RFC 1912: 2 to 4 weeks).
    pub expire: Option<Duration>,
}

/// How a zone's other servers come by its changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Transfer {
    /// The primary, one of the zone's `ns`; the first of them if absent. The others are secondaries.
    pub primary: Option<String>,
    /// Whether the primary tells them of a change (RFC 1996).
    pub notify: bool,
    /// Share of NOTIFY messages lost, beside the loss of the way.
    pub notify_loss: f64,
}

impl Default for Transfer {
    fn default() -> Self {
        Self { primary: None, notify: true, notify_loss: 0.0 }
    }
}

/// What a server says when it is asked about a zone that it does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Lame {
    /// REFUSED.
    #[default]
    Refused,
    /// A referral upward, to the root.
    Referral,
    /// SERVFAIL.
    ServFail,
}

/// A name server's IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Ipv6 {
    /// It has none.
    #[default]
    Absent,
    /// It works as IPv4 does.
    Works,
    /// It has one, and nothing comes back from there.
    Dead,
}

/// Presets of authoritative servers, each with what it overrides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ServerSoftware {
    /// The RFCs' own numbers.
    Plain(ServerRules),
    /// NSD 4.6.
    Nsd(ServerRules),
    /// Knot DNS 3.2.
    KnotDns(ServerRules),
    /// BIND 9.18 as an authoritative server.
    BindServer(ServerRules),
}

impl Default for ServerSoftware {
    fn default() -> Self {
        Self::Plain(ServerRules::default())
    }
}

impl ServerSoftware {
    /// The preset's name and what overrides it.
    pub const fn parts(&self) -> (&'static str, &ServerRules) {
        match self {
            Self::Plain(own) => ("Plain", own),
            Self::Nsd(own) => ("Nsd", own),
            Self::KnotDns(own) => ("KnotDns", own),
            Self::BindServer(own) => ("BindServer", own),
        }
    }
}

macro_rules! overridable {
    ($($(#[doc = $doc:literal])+ $field:ident: $kind:ty,)*) => {
        /// Overrides of an authoritative server's preset; what is absent is the preset's. A preset has them all.
        #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct ServerRules {
            $($(#[doc = $doc])+ pub $field: Option<$kind>,)*
        }

        impl ServerRules {
            /// All of them, in order.
            pub const FIELDS: &[&str] = &[$(stringify!($field)),*];

            /// These, and where one is absent that of `base`.
            pub fn or(&self, base: &Self) -> Self {
                Self { $($field: self.$field.clone().or_else(|| base.$field.clone()),)* }
            }
        }
    };
}

overridable! {
    /// As a secondary: least time between two checks of the SOA, whatever the SOA says.
    min_refresh: Duration,
    /// As a secondary: least time to the next check after a failed one.
    min_retry: Duration,
    /// As a secondary: refresh and retry are drawn anew from this share of their span to the whole of it.
    jitter_from: f64,
    /// As a primary: from a change to the NOTIFY.
    notify_delay: Duration,
    /// As a primary: between NOTIFY messages until one is acknowledged.
    notify_retry: Duration,
    /// As a primary: NOTIFY messages at most.
    notify_tries: u32,
    /// Whether the zone's NS RRset is left out of the authority section of answers.
    minimal_responses: bool,
}
