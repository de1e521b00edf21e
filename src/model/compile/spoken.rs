//! What the SMTP clients of real systems say of what a host offers, as data. What was not looked up in a system's source is as
//! [`Speaks::ALL`] has it: it says whatever is offered, and a failure at STARTTLS is one of the host's.

use crate::engine::time::SimDuration;
use crate::model::speaks::{Clear, InClear, Pipelining, Speaks};
use crate::scenario::tree::ClientSystem;

/// One command after the other, each waiting for its reply.
const ONE_BY_ONE: Speaks = Speaks { pipelining: Pipelining::No, chunking: false, ..Speaks::ALL };

const fn in_clear(refused: Clear, broken: Clear) -> InClear {
    InClear { refused, broken }
}

/// What a system's client says, at its defaults. Sources: `presets/retry/client_sources.rs`, `session`.
pub const fn speaks(system: ClientSystem) -> Speaks {
    match system {
        // DEF_SMTP_TLS_LEVEL is empty, no STARTTLS. At `may`: smtp_helo goes on in clear text after a refusal ("Else try to
        // continue in plain-text mode"); PLAINTEXT_FALLBACK_OK_AFTER_STARTTLS_FAILURE, once the message is minimal_backoff_time
        // old after a failed handshake. It knows no BDAT.
        ClientSystem::Postfix => Speaks {
            starttls: false,
            chunking: false,
            in_clear: in_clear(Clear::SameConnection, Clear::OnceOld(SimDuration::from_secs(300))),
            ..Speaks::ALL
        },
        // tls_tempfail_tryclear is TRUE: clear text after a refusal, and on a new connection after a failed handshake.
        ClientSystem::Exim => Speaks { in_clear: in_clear(Clear::SameConnection, Clear::NewConnection), ..Speaks::ALL },
        // MAIL "isn't pipelined", RCPTs are (MCIF_PIPELINED), DATA reads their replies first. starttls() returns EX_TEMPFAIL or
        // EX_UNAVAILABLE for a refusal, and the session goes on; EX_SOFTWARE for a failed handshake drops the connection, and
        // the next host follows (TLSFallbacktoClear is off).
        ClientSystem::Sendmail => Speaks {
            pipelining: Pipelining::Recipients,
            in_clear: in_clear(Clear::SameConnection, Clear::Never),
            ..ONE_BY_ONE
        },
        ClientSystem::Qmail => Speaks { starttls: false, ..ONE_BY_ONE },
        // MTA_STARTTLS without MTA_WANT_SECURE enters MTA_AUTH; an I/O error in it sets MTA_DOWNGRADE_PLAIN and connects anew.
        ClientSystem::OpenSmtpd => {
            Speaks { in_clear: in_clear(Clear::SameConnection, Clear::NewConnection), ..ONE_BY_ONE }
        }
        // A 4yz to STARTTLS puts the message off, a 5yz bounces it; an error in the handshake leads to the next host.
        ClientSystem::Haraka | ClientSystem::Chasquid => ONE_BY_ONE,
        // Rejected, or FailedHandshake: the next address (opportunistic_tls_reconnect_on_failed_handshake is off).
        ClientSystem::KumoMta => Speaks { chunking: false, ..Speaks::ALL },
        // StartTlsResult::Unavailable: "TLS is not required, proceed in plain-text"; a failed handshake leads to the next host.
        ClientSystem::Stalwart => Speaks {
            pipelining: Pipelining::No,
            in_clear: in_clear(Clear::SameConnection, Clear::Never),
            ..Speaks::ALL
        },
        // opportunisticTLS: _actionSTARTTLS goes on unencrypted; shouldRetryWithoutTls: ETLS and ECONNRESET. That the newest try a
        // reduced ClientHello first is not modelled.
        ClientSystem::ZoneMta => Speaks {
            pipelining: Pipelining::Recipients,
            in_clear: in_clear(Clear::SameConnection, Clear::NewConnection),
            ..ONE_BY_ONE
        },
        // ErrTLS, of a refusal and of a handshake: "connecting again for delivery attempt without tls".
        ClientSystem::Mox => {
            Speaks { chunking: false, in_clear: in_clear(Clear::NewConnection, Clear::NewConnection), ..Speaks::ALL }
        }
        // A TLSError, of either: "falling back to plaintext".
        ClientSystem::Maddy => Speaks { in_clear: in_clear(Clear::NewConnection, Clear::NewConnection), ..ONE_BY_ONE },
        ClientSystem::Ideal | ClientSystem::Exchange => Speaks::ALL,
    }
}
