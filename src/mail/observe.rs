//! What mail tells whoever watches. Nothing flows back.

use super::{AttemptRecord, Delivery, End, Flight, NoHost, Notice, Phase};
use crate::engine::time::{SimDuration, SimTime};
use crate::model::{HostId, NodeId};
use crate::scenario::tree::WhenFull;

/// Callbacks of the mail layer. Every method has an empty default. A [`Delivery`] stands for `recipients` deliveries of
/// one message that share every transaction: whoever counts, counts that many.
pub trait MailObserver {
    /// A delivery was created at its sender; a notice is not told here, but in all else.
    fn on_created(&mut self, now: SimTime, delivery: &Delivery) {
        let _ = (now, delivery);
    }
    /// A node took up a delivery: `delivery.attempts` counts it already.
    fn on_attempt_start(&mut self, now: SimTime, delivery: &Delivery) {
        let _ = (now, delivery);
    }
    /// A delivery does something else than `before`: see [`Delivery::phase`]. A new one is active without a word, and what
    /// it does for no time is not told.
    fn on_phase(&mut self, now: SimTime, delivery: &Delivery, before: Phase) {
        let _ = (now, delivery, before);
    }
    /// A SYN was sent to a host (its first; retransmissions are not told).
    fn on_syn(&mut self, now: SimTime, delivery: &Delivery, host: HostId) {
        let _ = (now, delivery, host);
    }
    /// One try of one address within an attempt ended.
    fn on_try(&mut self, record: &AttemptRecord, delivery: &Delivery) {
        let _ = (record, delivery);
    }
    /// The look-ups of an attempt left it no host to try.
    fn on_no_host(&mut self, now: SimTime, delivery: &Delivery, why: NoHost) {
        let _ = (now, delivery, why);
    }
    /// A message was created and its first attempt began, at a host of which it is known what it will do.
    #[inline]
    fn on_flight(&mut self, now: SimTime, flight: &Flight) {
        flight.tell_start(self, now);
    }
    /// That host refused it, and it went to the next.
    #[inline]
    fn on_turned(&mut self, now: SimTime, flight: &Flight) {
        flight.tell_turn(self, now);
    }
    /// Its host accepted it, and the delivery ended.
    #[inline]
    fn on_landed(&mut self, now: SimTime, flight: &Flight) {
        flight.tell_end(self, now);
    }
    /// An attempt ended without acceptance; the node will try again at `next`.
    fn on_deferred(&mut self, now: SimTime, delivery: &Delivery, next: SimTime) {
        let _ = (now, delivery, next);
    }
    /// A delivery was put off without a connection, for what its node remembers of the destination: `delivery.suspensions`
    /// counts it already. What follows is told as for a deferral.
    fn on_suspended(&mut self, now: SimTime, delivery: &Delivery) {
        let _ = (now, delivery);
    }
    /// A relay accepted custody: `from` no longer holds it, `to` does. `delivery.in_custody_since` is when `from` took it.
    fn on_custody(&mut self, now: SimTime, delivery: &Delivery, from: NodeId, to: NodeId) {
        let _ = (now, delivery, from, to);
    }
    /// A delivery ended.
    fn on_end(&mut self, now: SimTime, delivery: &Delivery, end: End) {
        let _ = (now, delivery, end);
    }
    /// An exchange was passed over, since the policy that the node keeps of its domain does not allow it (RFC 8461).
    fn on_sts_refused(&mut self, now: SimTime, delivery: &Delivery) {
        let _ = (now, delivery);
    }
    /// Somebody is told of a delivery, or would have been.
    fn on_notice(&mut self, now: SimTime, delivery: &Delivery, notice: Notice) {
        let _ = (now, delivery, notice);
    }
    /// A reader of the mailbox sees it `lag` after it was delivered, now.
    fn on_visible(&mut self, now: SimTime, delivery: &Delivery, lag: SimDuration) {
        let _ = (now, delivery, lag);
    }
    /// A host took the message and its 250 was lost: a copy that the sender knows nothing of (RFC 1047).
    fn on_duplicate(&mut self, now: SimTime, delivery: &Delivery, host: HostId) {
        let _ = (now, delivery, host);
    }
    /// A host's session limit was changed.
    fn on_limit(&mut self, now: SimTime, host: HostId, limit: Option<u32>) {
        let _ = (now, host, limit);
    }
    /// A host whose sessions are all taken refused a connection, answered it with 421, or lost it from its backlog.
    fn on_turned_away(&mut self, now: SimTime, host: HostId, how: WhenFull) {
        let _ = (now, host, how);
    }
    /// A host with a session limit has so many sessions open and so many connections waiting.
    fn on_host_load(&mut self, now: SimTime, host: HostId, sessions: u32, backlog: u32) {
        let _ = (now, host, sessions, backlog);
    }
}
