//! The status codes that the SMTP clients of real systems report, as data. What a system's source was not looked at for, or
//! does not say, is as RFC 3463 has it.

use crate::model::status::{Expired, RFC_3463, Status, StatusCodes};
use crate::scenario::tree::ClientSystem;

/// The codes of a system.
pub const fn status_codes(system: ClientSystem) -> StatusCodes {
    match system {
        // Measured, 3.7.11 (null MX 5.1.0, MX or domain without address 5.4.4, a failed look-up 4.4.3, no connection 4.4.1).
        // bounce_notify_util.c, bounce_recipient_dsn: what has expired is returned with the status that its log of deferrals has.
        ClientSystem::Postfix => StatusCodes {
            null_mx: Status::new(5, 1, 0),
            no_domain: Status::new(5, 4, 4),
            expired: Expired::AsLast,
            ..RFC_3463
        },
        // deliver.c, deliver_message: a report of failure has "Status: 5.0.0" whatever happened, one of delay 4.0.0.
        ClientSystem::Exim => {
            let failed = Status::new(5, 0, 0);
            StatusCodes { refused: Some(failed), expired: Expired::As(failed), ..StatusCodes::only(failed) }
        }
        // Measured, 8.17.1.9 (null MX 5.1.10, whatever has no address 5.1.2, a failed look-up 4.4.3, no connection 4.4.1);
        // envelope.c, dropenvelope: 4.4.7 for what has expired.
        ClientSystem::Sendmail => StatusCodes { no_address: Status::new(5, 1, 2), ..RFC_3463 },
        // queue.c, IMSG_SCHED_ENVELOPE_EXPIRE: ESC_STATUS_PERMFAIL, ESC_DELIVERY_TIME_EXPIRED.
        ClientSystem::OpenSmtpd => StatusCodes { expired: Expired::As(Status::new(5, 4, 7)), ..RFC_3463 },
        // qmail-remote.c: perm_dns (#5.1.2), perm_nomx (#5.4.4; a null MX leaves no address, too), temp_dns (#4.1.2), perm_ambigmx
        // (#5.4.6), temp_noconn (#4.4.1), dropped (#4.4.2). qmail-send.c returns what has been in the queue too long with the
        // last report.
        ClientSystem::Qmail => StatusCodes {
            null_mx: Status::new(5, 4, 4),
            lookup: Status::new(4, 1, 2),
            expired: Expired::AsLast,
            ..RFC_3463
        },
        // mailexchanger: 556 5.1.10, 451 4.4.4; queue.rs: 551 5.4.7 once the next attempt would be due too late.
        ClientSystem::KumoMta => StatusCodes { expired: Expired::As(Status::new(5, 4, 7)), ..RFC_3463 },
        // queue/dsn.rs, write_dsn_status: a host's reply, else 5.0.0 or 4.0.0.
        ClientSystem::Stalwart => {
            StatusCodes { expired: Expired::AsLastReply, ..StatusCodes::only(Status::new(5, 0, 0)) }
        }
        // queue/dsn.go, deliverDSN: after the last attempt "5." and what the last failure had.
        ClientSystem::Mox => StatusCodes { expired: Expired::AsLastPermanent, ..RFC_3463 },
        ClientSystem::Ideal
        | ClientSystem::Haraka
        | ClientSystem::ZoneMta
        | ClientSystem::Maddy
        | ClientSystem::Chasquid
        | ClientSystem::Exchange => RFC_3463,
    }
}
