//! What a session costs, in round trips.

use crate::engine::time::SimDuration;
use crate::scenario::tree::{SmtpService, Stage, SynRetry, Tls};

/// Segments of the initial congestion window (RFC 6928), and bytes in each (Ethernet without options).
const INITIAL_WINDOW: u64 = 10;
const SEGMENT_BYTES: u64 = 1460;

/// Round trips from the first SYN until something is known to the client, by counting (RFC 5321, 3207, 2920, 3030, 5246,
/// 8446): a server speaks first, an encrypted session says EHLO twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoundTrips {
    /// TCP, greeting, EHLO, and with TLS: STARTTLS, its handshake, EHLO again.
    pub handshake: u32,
    /// MAIL, RCPT for each recipient, DATA; one flight if pipelined. Where it is chunked, the body takes the place of DATA.
    pub envelope: u32,
    /// From the handshake to the reply to DATA, or to BDAT.
    pub data: u32,
    /// The body and its 250, and the rounds by which slow start exceeds one flight.
    pub body: u32,
    /// QUIT, unless it is pipelined with the end of data.
    pub quit: u32,
}

impl RoundTrips {
    /// Those of one message of `size_bytes` with so many flights of RCPT: one a recipient, or one for all.
    pub fn of(smtp: &SmtpService, recipients: u16, size_bytes: u32) -> Self {
        let tls = match smtp.tls {
            Tls::Off => 0,
            Tls::V12 => 4,
            Tls::V13 => 3,
        };
        let data = if smtp.pipelining { 1 } else { 2 + u32::from(recipients) };
        Self {
            handshake: 3 + tls,
            envelope: data - u32::from(smtp.chunking),
            data,
            body: 1 + slow_start_rounds(u64::from(size_bytes)),
            quit: u32::from(!smtp.pipelining),
        }
    }

    /// Until the 250 after the end of data.
    pub fn accepted(&self) -> u32 {
        self.handshake + self.envelope + self.body
    }

    /// Until the reply at a stage.
    pub fn until(&self, stage: Stage) -> u32 {
        match stage {
            Stage::Connect => 1,
            Stage::Greeting => 2,
            Stage::Ehlo => 3,
            Stage::StartTls => 4.min(self.handshake),
            Stage::Mail => self.handshake + 1,
            Stage::Rcpt => self.handshake + self.envelope.clamp(1, 2),
            Stage::Data => self.handshake + self.data,
            Stage::EndOfData => self.accepted(),
        }
    }
}

/// Replies to commands until the one at a stage, each of which a tarpit may delay; the greeting answers none.
pub(super) fn replies(smtp: &SmtpService, recipients: u16, stage: Stage) -> u32 {
    let tls = if smtp.tls == Tls::Off { 0 } else { 2 };
    let envelope = 1 + tls;
    let recipients = u32::from(recipients);
    match stage {
        Stage::Connect | Stage::Greeting => 0,
        Stage::Ehlo => 1,
        Stage::StartTls => tls.min(1) + 1,
        Stage::Mail => envelope + 1,
        Stage::Rcpt => envelope + 1 + recipients,
        Stage::Data => envelope + 2 + recipients,
        // BDAT has no reply before the last (RFC 3030).
        Stage::EndOfData => envelope + 2 + recipients + u32::from(!smtp.chunking),
    }
}

/// Round trips beyond the first that a body takes while its window doubles from the initial one.
fn slow_start_rounds(bytes: u64) -> u32 {
    let segments = bytes.div_ceil(SEGMENT_BYTES);
    let (mut window, mut sent, mut rounds) = (INITIAL_WINDOW, INITIAL_WINDOW, 0);
    while sent < segments {
        window *= 2;
        sent += window;
        rounds += 1;
    }
    rounds
}

/// When the SYNs of a connection are sent, seconds, and when the kernel gives up (Linux ip-sysctl, both texts).
const CLASSIC_S: [u64; 7] = [0, 1, 3, 7, 15, 31, 63];
const LINEAR_S: [u64; 11] = [0, 1, 2, 3, 4, 5, 7, 11, 19, 35, 67];

impl SynRetry {
    /// When SYNs are sent, in seconds from the first.
    pub const fn times_s(self) -> &'static [u64] {
        match self {
            Self::Classic => &CLASSIC_S,
            Self::Linear => &LINEAR_S,
        }
    }

    /// When the kernel gives a silent peer up.
    pub const fn gives_up(self) -> SimDuration {
        match self {
            Self::Classic => SimDuration::from_secs(127),
            Self::Linear => SimDuration::from_secs(131),
        }
    }

    /// When the first SYN that gets through is sent, if each is lost (itself or its answer) with probability `loss`;
    /// `None` if none does before `timeout`. `u` is uniform on (0, 1).
    pub fn first_through(self, loss: f64, timeout: SimDuration, u: f64) -> Option<SimDuration> {
        if loss <= 0.0 {
            return Some(SimDuration::ZERO);
        }
        // P(the first k are lost) = loss^k, by inversion.
        let lost = if loss >= 1.0 { f64::INFINITY } else { libm::floor(libm::log(u) / libm::log(loss)) };
        let times = self.times_s();
        let sent = if lost < times.len() as f64 { SimDuration::from_secs(times[lost as usize]) } else { return None };
        (sent < timeout).then_some(sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_are_counted_as_the_rfcs_have_them() {
        // Exact theory of SMTP round trips, cases o132..o142: TLS, pipelining, chunking, recipients, size;
        // handshake, envelope, body, accepted, session.
        let cases = [
            (Tls::Off, false, false, 1, 20_000, 3, 3, 2, 8, 9),
            (Tls::Off, true, false, 1, 20_000, 3, 1, 2, 6, 6),
            (Tls::Off, true, true, 1, 20_000, 3, 0, 2, 5, 5),
            (Tls::V12, false, false, 1, 20_000, 7, 3, 2, 12, 13),
            (Tls::V12, true, false, 1, 20_000, 7, 1, 2, 10, 10),
            (Tls::V12, true, true, 1, 20_000, 7, 0, 2, 9, 9),
            (Tls::V13, false, false, 1, 20_000, 6, 3, 2, 11, 12),
            (Tls::V13, true, false, 1, 20_000, 6, 1, 2, 9, 9),
            (Tls::V13, true, true, 1, 20_000, 6, 0, 2, 8, 8),
            (Tls::V13, false, false, 5, 5_000, 6, 7, 1, 14, 15),
            (Tls::V13, true, false, 1, 2_000_000, 6, 1, 8, 15, 15),
        ];
        for (tls, pipelining, chunking, recipients, size, handshake, envelope, body, accepted, session) in cases {
            let trips = RoundTrips::of(&SmtpService { tls, pipelining, chunking }, recipients, size);
            assert_eq!((trips.handshake, trips.envelope, trips.body), (handshake, envelope, body));
            assert_eq!((trips.accepted(), trips.accepted() + trips.quit), (accepted, session));
        }
    }

    #[test]
    fn a_refused_stage_is_known_no_later_than_acceptance() {
        let trips = RoundTrips::of(&SmtpService::default(), 1, 1000);
        let stages = [
            Stage::Connect,
            Stage::Greeting,
            Stage::Ehlo,
            Stage::StartTls,
            Stage::Mail,
            Stage::Rcpt,
            Stage::Data,
            Stage::EndOfData,
        ];
        let counts: Vec<u32> = stages.into_iter().map(|stage| trips.until(stage)).collect();
        assert!(counts.is_sorted(), "{counts:?}");
        assert_eq!(counts.last(), Some(&trips.accepted()));
    }
}
