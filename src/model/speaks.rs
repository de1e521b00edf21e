//! What an SMTP client makes use of, of what a host offers, and when it does without.

use crate::engine::time::SimDuration;
use crate::scenario::tree::{SmtpService, Tls};

/// What a client makes use of, of what a host offers in its EHLO reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Speaks {
    /// STARTTLS (RFC 3207).
    pub starttls: bool,
    /// RFC 2920.
    pub pipelining: Pipelining,
    /// RFC 3030.
    pub chunking: bool,
    /// When it goes on in clear text after STARTTLS has failed.
    pub in_clear: InClear,
}

impl Speaks {
    /// Whatever is offered; a failure at STARTTLS is one.
    pub const ALL: Self =
        Self { starttls: true, pipelining: Pipelining::Transaction, chunking: true, in_clear: InClear::NEVER };

    /// The service that it has at a host.
    pub fn with(&self, offered: &SmtpService) -> SmtpService {
        SmtpService {
            tls: if self.starttls { offered.tls } else { Tls::Off },
            pipelining: self.pipelining == Pipelining::Transaction && offered.pipelining,
            chunking: self.chunking && offered.chunking,
        }
    }

    /// As text, for whoever looks at a preset.
    pub fn describe(&self) -> String {
        let pipelining = match self.pipelining {
            Pipelining::No => "",
            Pipelining::Recipients => "PIPELINING (of RCPTs)",
            Pipelining::Transaction => "PIPELINING",
        };
        let uses = [(self.starttls, "STARTTLS"), (!pipelining.is_empty(), pipelining), (self.chunking, "CHUNKING")];
        let uses: Vec<&str> = uses.into_iter().filter(|(is, _)| *is).map(|(_, name)| name).collect();
        let text = |clear: Clear| match clear {
            Clear::Never => "a failure of the host".to_owned(),
            Clear::SameConnection => "on in clear text".to_owned(),
            Clear::NewConnection => "anew in clear text".to_owned(),
            Clear::OnceOld(age) => format!("anew in clear text once it is {age} old"),
        };
        let uses = if uses.is_empty() { "no extension".to_owned() } else { uses.join(", ") };
        format!(
            "{uses}; STARTTLS refused: {}, a broken handshake: {}",
            text(self.in_clear.refused),
            text(self.in_clear.broken)
        )
    }
}

/// Which commands go in one flight, without waiting for replies in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pipelining {
    /// None: one by one.
    No,
    /// The RCPTs of a transaction; MAIL and DATA wait for their replies.
    Recipients,
    /// MAIL, the RCPTs and DATA.
    Transaction,
}

/// When a client goes on with the same host in clear text, in the same try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InClear {
    /// After a 4yz or 5yz to STARTTLS.
    pub refused: Clear,
    /// After a connection that broke in the handshake.
    pub broken: Clear,
}

impl InClear {
    /// It does not.
    pub const NEVER: Self = Self { refused: Clear::Never, broken: Clear::Never };
}

/// How it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clear {
    /// Not at all.
    Never,
    /// On the connection that it has.
    SameConnection,
    /// On another, at once.
    NewConnection,
    /// On another, for a message that its node has had for so long when the attempt begins.
    OnceOld(SimDuration),
}
