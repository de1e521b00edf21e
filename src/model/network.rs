//! Regions and what it takes to get from one to another.

use petgraph::graph::UnGraph;

use super::RegionId;
use crate::engine::dist::Dist;

/// The region graph and the path between each two regions.
#[derive(Debug, Clone)]
pub struct Network {
    /// Names of the regions.
    pub regions: Vec<String>,
    /// Regions as nodes, links as edges (index into `links`).
    pub graph: UnGraph<RegionId, usize>,
    /// Links, then one for the inside of each region.
    pub links: Vec<LinkModel>,
    /// `paths[from * regions + to]`: indexes into `links`, empty if there is no way.
    pub paths: Vec<Vec<u32>>,
}

/// A link, or the inside of a region.
#[derive(Debug, Clone)]
pub struct LinkModel {
    /// Round-trip time, seconds.
    pub rtt: Dist,
    /// Share of packets lost, each way.
    pub loss: f64,
    /// Bytes a second of one connection, infinite if unlimited.
    pub bandwidth: f64,
}

impl Network {
    /// The links between two regions; empty if there is no way.
    pub fn path(&self, from: RegionId, to: RegionId) -> impl Iterator<Item = &LinkModel> {
        self.paths[from.index() * self.regions.len() + to.index()].iter().map(|&link| &self.links[link as usize])
    }
}
