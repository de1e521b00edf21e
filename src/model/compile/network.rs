//! Regions, links and paths.

use petgraph::graph::{NodeIndex, UnGraph};
use petgraph::visit::EdgeRef;

use super::Compiler;
use crate::engine::dist::Dist;
use crate::model::RegionId;
use crate::model::mail::MailModel;
use crate::model::network::{LinkModel, Network};

impl Compiler<'_> {
    pub(super) fn network(&mut self) -> Network {
        let count = self.regions.len();
        let mut graph: UnGraph<RegionId, usize> = UnGraph::default();
        for region in 0..count as u32 {
            graph.add_node(RegionId(region));
        }
        let mut links = Vec::new();
        let tree = self.tree;
        for (index, link) in tree.links.iter().enumerate() {
            let index = index.to_string();
            let ends = [(&link.between.0, "0"), (&link.between.1, "1")]
                .map(|(name, end)| self.find_one(&["links", &index, "between", end], "region", name));
            let rtt = self.dist(&["links", &index, "rtt"], &link.rtt.0);
            if !rtt.mean().is_finite() {
                self.error(&["links", &index, "rtt"], "a round-trip time without a mean").help =
                    Some("paths are chosen by the mean: use a distribution that has one".into());
            }
            let loss = self.share(&["links", &index, "loss"], link.loss);
            if let [Some(from), Some(to)] = ends {
                if from == to {
                    self.error(&["links", &index, "between"], "a link from a region to itself").help =
                        Some("give the region its own `rtt` and `loss`".into());
                }
                graph.add_edge(NodeIndex::new(from as usize), NodeIndex::new(to as usize), links.len());
            }
            links.push(LinkModel { rtt, loss, bandwidth: link.bandwidth.map_or(f64::INFINITY, |b| b.0) });
        }
        let inside = links.len() as u32;
        for region in 0..count {
            links.push(self.inside_of(region));
        }
        let paths = (0..count)
            .flat_map(|from| {
                let mut row = paths_from(&graph, &links, from);
                row[from] = vec![inside + from as u32];
                row
            })
            .collect();
        let regions = self.regions.members.iter().map(|member| member.name.clone()).collect();
        Network { regions, graph, links, paths }
    }

    fn inside_of(&mut self, region: usize) -> LinkModel {
        let member = &self.regions.members[region];
        let Some((key, region)) = self.tree.regions.get_index(member.key) else {
            return LinkModel { rtt: Dist::Constant(0.001), loss: 0.0, bandwidth: f64::INFINITY };
        };
        let rtt = self.dist(&["regions", key, "rtt"], &region.rtt.0);
        let loss = self.share(&["regions", key, "loss"], region.loss);
        LinkModel { rtt, loss, bandwidth: f64::INFINITY }
    }

    /// Everything that a sender may have to reach is reached by some way.
    pub(super) fn check_reach(&mut self, network: &Network, mail: &MailModel) {
        let regions = network.regions.len();
        if regions < 2 {
            return;
        }
        let is_way = |from: RegionId, to: RegionId| network.path(from, to).next().is_some();
        let places = mail
            .hosts
            .iter()
            .map(|host| (host.region, "a host"))
            .chain(self.dns.servers.iter().map(|server| (server.region, "a name server")));
        let places = places.chain(self.dns.resolvers.iter().map(|resolver| (resolver.region, "a resolver")));
        let mut used: Vec<Option<&str>> = vec![None; regions];
        for (region, what) in places {
            used[region.index()].get_or_insert(what);
        }
        let mut askers: Vec<RegionId> = mail.nodes.iter().map(|node| node.region).collect();
        askers.extend(self.dns.resolvers.iter().map(|resolver| resolver.region));
        askers.extend(self.dns.clients.iter().map(|client| client.region));
        askers.sort_unstable();
        askers.dedup();
        for from in askers {
            for (to, what) in used.iter().enumerate() {
                if let Some(what) = what
                    && !is_way(from, RegionId(to as u32))
                {
                    let (from, to) = (&network.regions[from.index()], &network.regions[to]);
                    self.error(&["regions"], format!("no way from `{from}` to `{to}`, where there is {what}")).help =
                        Some(format!("add a link: `links: [ (between: (\"{from}\", \"{to}\"), rtt: \"20ms\") ]`"));
                }
            }
        }
    }
}

/// The links of the paths of least mean round-trip time from one region to all, by Dijkstra's method.
fn paths_from(graph: &UnGraph<RegionId, usize>, links: &[LinkModel], from: usize) -> Vec<Vec<u32>> {
    let start = NodeIndex::new(from);
    let weight = |link: usize| {
        let mean = links[link].rtt.mean();
        // Integers, so that a tie is a tie on every machine.
        if mean.is_finite() { (mean * 1e9) as u64 } else { u64::MAX / 1_000_000 }
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
                        let is_on_path = before.checked_add(weight(*edge.weight())) == Some(total);
                        (is_on_path && path.len() < graph.node_count()).then_some((*edge.weight(), other))
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
