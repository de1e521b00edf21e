//! What the SMTP clients of real systems say of what a host offers, as data. What was not looked up in a system's source is as
//! [`Speaks::ALL`] has it: it says whatever is offered, and a failure at STARTTLS is one of the host's.

use crate::engine::time::SimDuration;
use crate::model::speaks::{Clear, InClear, Speaks};
use crate::scenario::tree::ClientSystem;

/// What a system's client says, at its defaults.
pub const fn speaks(system: ClientSystem) -> Speaks {
    match system {
        // mail_params.h: DEF_SMTP_TLS_LEVEL is empty, no STARTTLS. At `may`: smtp_proto.c, smtp_helo, goes on in clear text after
        // a refusal ("Else try to continue in plain-text mode"); smtp.h, PLAINTEXT_FALLBACK_OK_AFTER_STARTTLS_FAILURE, once the
        // message is minimal_backoff_time old after a failed handshake. It knows no BDAT.
        ClientSystem::Postfix => Speaks {
            starttls: false,
            chunking: false,
            in_clear: InClear { refused: Clear::SameConnection, broken: Clear::OnceOld(SimDuration::from_secs(300)) },
            ..Speaks::ALL
        },
        // transports/smtp.c: tls_tempfail_tryclear is TRUE: clear text after a refusal, and on a new connection after a failed
        // handshake.
        ClientSystem::Exim => {
            Speaks { in_clear: InClear { refused: Clear::SameConnection, broken: Clear::NewConnection }, ..Speaks::ALL }
        }
        // qmail-remote.c: HELO, one command after the other.
        ClientSystem::Qmail => Speaks { starttls: false, pipelining: false, chunking: false, ..Speaks::ALL },
        // outbound/delivery.rs, StartTlsResult::Unavailable: "TLS is not required, proceed in plain-text"; a failed handshake leads
        // to the next host.
        ClientSystem::Stalwart => {
            Speaks { in_clear: InClear { refused: Clear::SameConnection, broken: Clear::Never }, ..Speaks::ALL }
        }
        // tls-retry.js, shouldRetryWithoutTls: ETLS and ECONNRESET. remote/connect.go: a TLSError, "falling back to plaintext".
        ClientSystem::ZoneMta | ClientSystem::Maddy => {
            Speaks { in_clear: InClear { refused: Clear::NewConnection, broken: Clear::NewConnection }, ..Speaks::ALL }
        }
        ClientSystem::Ideal
        | ClientSystem::Sendmail
        | ClientSystem::OpenSmtpd
        | ClientSystem::Haraka
        | ClientSystem::KumoMta
        | ClientSystem::Mox
        | ClientSystem::Chasquid
        | ClientSystem::Exchange => Speaks::ALL,
    }
}
