//! Round trips of DNS messages.

use crate::engine::time::SimDuration;
use crate::model::RegionId;
use crate::model::network::Network;

/// A round-trip time between two regions; `random(i)` is a number of the i-th link of the path.
#[inline]
pub(super) fn round_trip(network: &Network, from: RegionId, to: RegionId, random: impl Fn(u8) -> u64) -> SimDuration {
    let mut sum = SimDuration::ZERO;
    for (link, place) in network.path(from, to).zip(1..=250u8) {
        if !link.rtt.is_zero() {
            sum += link.rtt.sample_span(random(place));
        }
    }
    sum
}

/// Probability that a datagram is lost on the way; 1 where there is no way.
pub(super) fn one_way_loss(network: &Network, from: RegionId, to: RegionId) -> f64 {
    let mut links = network.path(from, to).peekable();
    if links.peek().is_none() {
        return 1.0;
    }
    1.0 - links.fold(1.0, |kept, link| kept * (1.0 - link.loss))
}

/// One way of a round trip.
pub(super) const fn half(round_trip: SimDuration) -> SimDuration {
    SimDuration::from_nanos(round_trip.as_nanos() / 2)
}
