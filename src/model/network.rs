//! Regions and what it takes to get from one to another.

use petgraph::graph::{NodeIndex, UnGraph};
use petgraph::visit::EdgeRef;

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
    /// Regions joined by links; `links` end with one for the inside of each region, in order.
    pub fn new(regions: Vec<String>, graph: UnGraph<RegionId, usize>, links: Vec<LinkModel>) -> Self {
        let inside = links.len() - regions.len();
        let paths = (0..regions.len())
            .flat_map(|from| {
                let mut row = paths_from(&graph, &links, from);
                row[from] = vec![(inside + from) as u32];
                row
            })
            .collect();
        Self { regions, graph, links, paths }
    }

    /// The same without some of its links; paths go round them where they can.
    pub fn without(&self, cut: &[usize]) -> Self {
        let mut graph = self.graph.clone();
        graph.retain_edges(|graph, edge| !cut.contains(&graph[edge]));
        Self::new(self.regions.clone(), graph, self.links.clone())
    }

    /// The links between two regions; empty if there is no way.
    pub fn path(&self, from: RegionId, to: RegionId) -> impl Iterator<Item = &LinkModel> {
        self.paths[from.index() * self.regions.len() + to.index()].iter().map(|&link| &self.links[link as usize])
    }

    /// Whether there is a way from one region to another.
    pub fn is_way(&self, from: RegionId, to: RegionId) -> bool {
        !self.paths[from.index() * self.regions.len() + to.index()].is_empty()
    }
}

/// The links of the paths of least mean round-trip time from one region to all, by Dijkstra's method.
fn paths_from(graph: &UnGraph<RegionId, usize>, links: &[LinkModel], from: usize) -> Vec<Vec<u32>> {
    let start = NodeIndex::new(from);
    let weight = |link: usize| {
        let mean = links[link].rtt.mean();
        // Integers, so that a tie is a tie on every machine; above zero, so that each step back is nearer.
        ((mean * 1e9) as u64).clamp(1, u64::MAX / 1_000_000)
    };
    let cost = petgraph::algo::dijkstra(graph, start, None, |edge| weight(*edge.weight()));
    (0..graph.node_count())
        .map(|to| {
            let (mut at, mut path) = (NodeIndex::new(to), Vec::new());
            while at != start {
                let Some(&total) = cost.get(&at) else { return Vec::new() };
                let step = graph
                    .edges(at)
                    .filter_map(|edge| {
                        let other = if edge.source() == at { edge.target() } else { edge.source() };
                        let before = *cost.get(&other)?;
                        (before + weight(*edge.weight()) == total).then_some((*edge.weight(), other))
                    })
                    .min();
                let Some((link, other)) = step else { return Vec::new() };
                path.push(link as u32);
                at = other;
            }
            path.reverse();
            path
        })
        .collect()
}
