//! Which enhanced status code a reply has, and what a client reports that had none.

use super::{NoHost, TryResult};
use crate::model::status::Finding;
pub use crate::model::status::Status;
use crate::scenario::tree::Stage;

impl Status {
    /// What is usual for a result at a stage: of the replies Postfix's smtpd gives (`smtpd.c`, `smtpd_check.c`). What a
    /// client finds out by itself it reports in its own way: [`crate::model::status::StatusCodes`].
    pub const fn of(result: TryResult, stage: Stage) -> Self {
        match result {
            TryResult::Accepted => Self::new(2, 0, 0),
            // 4.4.1: no answer from host; 4.4.2: bad connection.
            TryResult::Refused => Self::new(4, 4, 1),
            TryResult::TimedOut => match stage {
                Stage::Connect => Self::new(4, 4, 1),
                _ => Self::new(4, 4, 2),
            },
            TryResult::Lost => Self::new(4, 4, 2),
            TryResult::Reply(code) => Self::of_reply(code, stage),
        }
    }

    const fn of_reply(code: u16, stage: Stage) -> Self {
        let class = if code < 500 { 4 } else { 5 };
        match (code, stage) {
            // Mailbox full, message too large for it, size limit of the system, spool full (RFC 1870, 3463).
            (452, _) => Self::new(4, 3, 1),
            (552, _) => Self::new(5, 3, 4),
            // Closing, or too many connections.
            (421, _) => Self::new(4, 3, 2),
            // RFC 7505 section 4.1.
            (556, _) => Self::new(5, 1, 10),
            (_, Stage::Connect | Stage::Greeting | Stage::Ehlo) => Self::new(class, 3, 2),
            (_, Stage::StartTls) => Self::new(class, 7, 0),
            (_, Stage::Mail) => Self::new(class, 1, 0),
            (550, Stage::Rcpt) => Self::new(5, 1, 1),
            (_, Stage::Rcpt) => Self::new(class, 2, 0),
            (_, Stage::Data | Stage::EndOfData) => {
                Self::new(class, if class == 4 { 3 } else { 7 }, if class == 4 { 0 } else { 1 })
            }
        }
    }
}

impl TryResult {
    /// What a client found out by itself, if no host replied.
    pub const fn finding(self, stage: Stage) -> Option<Finding> {
        match (self, stage) {
            (Self::Accepted | Self::Reply(_), _) => None,
            (Self::Refused, _) | (Self::TimedOut, Stage::Connect) => Some(Finding::NoConnection),
            (Self::TimedOut | Self::Lost, _) => Some(Finding::Broken),
        }
    }
}

impl NoHost {
    /// What its look-ups told a client.
    pub const fn finding(self) -> Finding {
        match self {
            Self::ServFail => Finding::Lookup,
            Self::Refused => Finding::LookupRefused,
            Self::NxDomain => Finding::NoDomain,
            Self::NoAddress => Finding::NoAddress,
            Self::NullMx => Finding::NullMx,
            Self::Loop => Finding::Loop,
            Self::Policy => Finding::Policy,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_of_a_status_is_that_of_its_reply() {
        // RFC 2034 section 4: the first digits agree.
        let stages = [Stage::Greeting, Stage::StartTls, Stage::Mail, Stage::Rcpt, Stage::Data, Stage::EndOfData];
        for code in [421, 450, 451, 452, 550, 552, 554, 556] {
            for stage in stages {
                assert_eq!(u16::from(Status::of(TryResult::Reply(code), stage).class), code / 100);
            }
        }
        assert_eq!(Status::of(TryResult::Reply(550), Stage::Rcpt).to_string(), "5.1.1");
        assert_eq!(Status::of(TryResult::Refused, Stage::Connect).to_string(), "4.4.1");
    }
}
