//! Enhanced mail system status codes (RFC 3463; registry of RFC 5248), and by which of them a client reports what it found
//! out by itself.

use std::fmt;

use super::client::{DnsRules, NoRoute};

/// `class.subject.detail`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// 2 success, 4 persistent transient failure, 5 permanent failure.
    pub class: u8,
    /// What it is about.
    pub subject: u8,
    /// And what exactly.
    pub detail: u8,
}

impl Status {
    /// A code.
    pub const fn new(class: u8, subject: u8, detail: u8) -> Self {
        Self { class, subject, detail }
    }

    /// The same of another class.
    pub const fn of_class(self, class: u8) -> Self {
        Self { class, ..self }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// What a client finds out without a reply of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// A null MX (RFC 7505).
    NullMx,
    /// The domain does not exist.
    NoDomain,
    /// No exchange has an address.
    NoAddress,
    /// A name could not be looked up: SERVFAIL, no answer.
    Lookup,
    /// The resolver does not answer for it: REFUSED.
    LookupRefused,
    /// It is itself the best exchange, or the message has been through too many hosts.
    Loop,
    /// A kept MTA-STS policy allows none of the exchanges.
    Policy,
    /// No connection: refused, or nothing came back.
    NoConnection,
    /// A connection that broke, or on which nothing came any more.
    Broken,
}

/// By which codes a client reports what it found out by itself; those that wait are of class 4 whatever stands here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusCodes {
    /// A null MX.
    pub null_mx: Status,
    /// No such domain.
    pub no_domain: Status,
    /// No address.
    pub no_address: Status,
    /// A failure of DNS.
    pub lookup: Status,
    /// A loop.
    pub looping: Status,
    /// MTA-STS.
    pub policy: Status,
    /// No connection.
    pub no_connection: Status,
    /// A broken connection.
    pub broken: Status,
    /// What is refused is reported so whatever the reason; by the reason if `None`.
    pub refused: Option<Status>,
    /// What is given up after the queue lifetime.
    pub expired: Expired,
}

/// The code of what is given up after the queue lifetime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expired {
    /// This.
    As(Status),
    /// That of the last failure, as it was.
    AsLast,
    /// That of the last failure, as a permanent one.
    AsLastPermanent,
    /// The same, but as it was where a host gave it.
    AsLastReply,
}

/// The meanings that RFC 3463 section 3 gives, RFC 7505 section 4.1 to a null MX. That a delivery time has expired "is useful only
/// as a persistent transient error".
pub const RFC_3463: StatusCodes = StatusCodes {
    null_mx: Status::new(5, 1, 10),
    no_domain: Status::new(5, 1, 2),
    no_address: Status::new(5, 4, 4),
    lookup: Status::new(4, 4, 3),
    looping: Status::new(5, 4, 6),
    policy: Status::new(4, 7, 0),
    no_connection: Status::new(4, 4, 1),
    broken: Status::new(4, 4, 2),
    refused: None,
    expired: Expired::As(Status::new(4, 4, 7)),
};

impl StatusCodes {
    /// One code for all.
    pub const fn only(refused: Status) -> Self {
        let waits = refused.of_class(4);
        Self {
            null_mx: refused,
            no_domain: refused,
            no_address: refused,
            lookup: waits,
            looping: refused,
            policy: waits,
            no_connection: waits,
            broken: waits,
            refused: None,
            expired: Expired::AsLastPermanent,
        }
    }

    /// Of what was found, by a client of these rules.
    pub fn of(&self, found: Finding, rules: &DnsRules) -> Status {
        let or_waits = |code: Status, then: NoRoute| match then {
            NoRoute::Bounce => code,
            NoRoute::Defer => code.of_class(4),
        };
        match found {
            Finding::NullMx => or_waits(self.null_mx, rules.null_mx),
            Finding::NoDomain => self.no_domain,
            Finding::NoAddress => or_waits(self.no_address, rules.no_address),
            Finding::Lookup => self.lookup,
            Finding::LookupRefused => or_waits(self.lookup.of_class(5), rules.refused),
            Finding::Loop => or_waits(self.looping, rules.only_itself),
            Finding::Policy => self.policy,
            Finding::NoConnection => self.no_connection,
            Finding::Broken => self.broken,
        }
    }

    /// Of a delivery that was given up after `last`, which came from a host or not.
    pub fn of_expired(&self, last: Status, was_reply: bool) -> Status {
        match self.expired {
            Expired::As(code) => code,
            Expired::AsLast => last,
            Expired::AsLastReply if was_reply => last,
            Expired::AsLastReply | Expired::AsLastPermanent => last.of_class(5),
        }
    }

    /// As text, for whoever looks at a preset.
    pub fn describe(&self, rules: &DnsRules) -> String {
        let of = |found| self.of(found, rules);
        let refused = self.refused.map_or(String::new(), |code| format!("; refused {code} whatever the reply"));
        let expired = match self.expired {
            Expired::As(code) => code.to_string(),
            Expired::AsLast => "as the last failure".into(),
            Expired::AsLastPermanent => "as the last failure, of class 5".into(),
            Expired::AsLastReply => "as the last reply, else 5.0.0".into(),
        };
        format!(
            "null MX {}, NXDOMAIN {}, no address {}, SERVFAIL {}, no connection {}, a broken one {}{refused}; expired {expired}",
            of(Finding::NullMx),
            of(Finding::NoDomain),
            of(Finding::NoAddress),
            of(Finding::Lookup),
            of(Finding::NoConnection),
            of(Finding::Broken),
        )
    }
}
