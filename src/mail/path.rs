//! What the network between two regions does to a connection.

use crate::engine::time::SimDuration;
use crate::model::RegionId;
use crate::model::network::Network;

/// The paths between all regions, summed up once a replication.
#[derive(Debug)]
pub(super) struct Paths<'m> {
    network: &'m Network,
    costs: Vec<Cost>,
}

/// One path.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    /// Its round-trip time, if that is always the same.
    pub fixed: Option<SimDuration>,
    /// Probability that a packet or its answer is lost; 1 where there is no way.
    pub loss: f64,
    /// Bytes a second of one connection.
    bytes_per_s: f64,
}

impl<'m> Paths<'m> {
    pub fn new(network: &'m Network) -> Self {
        let regions = network.regions.len() as u32;
        let pairs = (0..regions).flat_map(|from| (0..regions).map(move |to| (RegionId(from), RegionId(to))));
        let costs = pairs
            .map(|(from, to)| {
                let (mut fixed, mut kept, mut bytes_per_s) = (Some(SimDuration::ZERO), 1.0, f64::INFINITY);
                for link in network.path(from, to) {
                    let span = link.rtt.is_constant().then(|| link.rtt.sample_span(0));
                    fixed = fixed.zip(span).map(|(sum, span)| sum + span);
                    kept *= (1.0 - link.loss) * (1.0 - link.loss);
                    bytes_per_s = bytes_per_s.min(link.bandwidth);
                }
                let is_way = network.path(from, to).next().is_some();
                Cost { fixed, loss: if is_way { 1.0 - kept } else { 1.0 }, bytes_per_s }
            })
            .collect();
        Self { network, costs }
    }

    /// The path from one region to another.
    #[inline]
    pub fn cost(&self, from: RegionId, to: RegionId) -> &Cost {
        &self.costs[from.index() * self.network.regions.len() + to.index()]
    }

    /// A round-trip time that is not fixed; `random(i)` is a number of the i-th link.
    pub fn round_trip(&self, from: RegionId, to: RegionId, random: impl Fn(u32) -> u64) -> SimDuration {
        let links = self.network.path(from, to).zip(0..);
        links.fold(SimDuration::ZERO, |sum, (link, place)| sum + link.rtt.sample_span(random(place)))
    }
}

impl Cost {
    /// Whether packets get through, and at once.
    #[inline]
    pub fn is_instant(&self) -> bool {
        self.fixed == Some(SimDuration::ZERO) && self.loss <= 0.0
    }

    /// Time for a body of this size at the path's bandwidth.
    #[inline]
    pub fn transfer(&self, bytes: u32) -> SimDuration {
        if self.bytes_per_s == f64::INFINITY {
            return SimDuration::ZERO;
        }
        SimDuration::from_secs_f64(f64::from(bytes) / self.bytes_per_s)
    }
}
