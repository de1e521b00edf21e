//! Regions, links and paths.

use petgraph::graph::{NodeIndex, UnGraph};

use super::Compiler;
use crate::model::RegionId;
use crate::model::mail::MailModel;
use crate::model::network::{LinkModel, Network};
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::tree::Region;

/// Most regions: there is a path for each pair of them.
const REGIONS_MAX: usize = 1000;

impl Compiler<'_> {
    pub(super) fn network(&mut self) -> Network {
        let count = self.regions.len();
        if count > REGIONS_MAX {
            self.error(&["regions"], format!("{count} regions")).label = format!("expected at most {REGIONS_MAX}");
        }
        let count = count.min(REGIONS_MAX);
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
            if let [Some(from), Some(to)] = ends
                && (from as usize) < count
                && (to as usize) < count
            {
                if from == to {
                    self.error(&["links", &index, "between"], "a link from a region to itself").help =
                        Some("give the region its own `rtt` and `loss`".into());
                }
                graph.add_edge(NodeIndex::new(from as usize), NodeIndex::new(to as usize), links.len());
            }
            links.push(LinkModel { rtt, loss, bandwidth: link.bandwidth.map_or(f64::INFINITY, |b| b.0) });
        }
        for region in 0..count {
            links.push(self.inside_of(region));
        }
        let regions = self.regions.members.iter().take(count).map(|member| member.name.clone()).collect();
        Network::new(regions, graph, links)
    }

    fn inside_of(&mut self, region: usize) -> LinkModel {
        let (key, number) = (self.regions.members[region].key, self.regions.members[region].number);
        let Some((key, region)) = self.tree.regions.get_index(key) else {
            let region = Region::default();
            let rtt = self.dist(&["regions"], &region.rtt.0);
            return LinkModel { rtt, loss: region.loss, bandwidth: f64::INFINITY };
        };
        self.number = number;
        let rtt = self.dist(&["regions", key, "rtt"], &region.rtt.0);
        let loss = self.share(&["regions", key, "loss"], region.loss);
        if let Some(offset) = &region.utc_offset {
            self.check_offset(&["regions", key, "utc_offset"], offset);
        }
        self.number = 0;
        LinkModel { rtt, loss, bandwidth: f64::INFINITY }
    }

    /// There is a way between every two regions of which one holds what asks or sends and the other what it may need.
    pub(super) fn check_reach(&mut self, network: &Network, mail: &MailModel) {
        let regions = network.regions.len();
        let mut held: Vec<Option<&str>> = vec![None; regions];
        let mut is_active = vec![false; regions];
        let passive = mail.hosts.iter().map(|host| (host.region, "a host", false));
        let passive = passive.chain(self.dns.servers.iter().map(|server| (server.region, "a name server", false)));
        let active = self.dns.caches.iter().map(|cache| (cache.region, "a resolver", true));
        let active = active.chain(mail.nodes.iter().map(|node| (node.region, "a sender", true)));
        let active = active.chain(self.dns.clients.iter().map(|client| (client.region, "a client", true)));
        for (region, what, is_asking) in passive.chain(active) {
            if region.index() < regions {
                held[region.index()].get_or_insert(what);
                is_active[region.index()] |= is_asking;
            }
        }
        for from in 0..regions {
            for to in from + 1..regions {
                let is_needed = is_active[from] || is_active[to];
                let (Some(one), Some(other), true) = (held[from], held[to], is_needed) else { continue };
                if network.paths[from * regions + to].is_empty() {
                    let (from, to) = (&network.regions[from], &network.regions[to]);
                    let message =
                        format!("no way from `{from}`, where there is {one}, to `{to}`, where there is {other}");
                    let problem = Diagnostic::error(message)
                        .help(format!("add a link: `links: [ (between: (\"{from}\", \"{to}\"), rtt: \"20ms\") ]`"));
                    let place = if self.tree.links.is_empty() {
                        self.at.key_place(&["regions"])
                    } else {
                        self.at.key_place(&["links"])
                    };
                    self.say(Diagnostic { place: Some(place), ..problem });
                }
            }
        }
    }
}
