//! What is joined to what, as DOT or Mermaid.

use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::model::dns::Rdata;
use crate::model::{HostId, Model, TargetId};
use crate::scenario::tree::RecordType;

/// A language for graphs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GraphFormat {
    /// Graphviz.
    Dot,
    /// Mermaid.
    Mermaid,
}

/// Most things of a kind that are drawn one by one; the rest are one node that says how many.
const MOST: usize = 12;

struct Topology {
    graph: DiGraph<(String, &'static str), &'static str>,
}

/// The topology of a model: who asks whom, who sends to whom, what goes down together.
pub fn topology(model: &Model, format: GraphFormat) -> String {
    let mut topology = Topology { graph: DiGraph::new() };
    topology.build(model);
    match format {
        GraphFormat::Dot => topology.dot(&model.title),
        GraphFormat::Mermaid => topology.mermaid(),
    }
}

impl Topology {
    /// Nodes for a kind: one each up to [`MOST`], all others share the last.
    fn kind(&mut self, names: Vec<String>, what: &'static str) -> Vec<NodeIndex> {
        let total = names.len();
        let mut nodes: Vec<NodeIndex> = Vec::new();
        for (index, name) in names.into_iter().enumerate() {
            if index < MOST {
                nodes.push(self.graph.add_node((name, what)));
            } else if index == MOST {
                nodes.push(self.graph.add_node((format!("{} more", total - MOST), what)));
            } else {
                nodes.push(nodes[MOST]);
            }
        }
        nodes
    }

    fn edge(&mut self, from: NodeIndex, to: NodeIndex, label: &'static str) {
        if from != to && !self.graph.edges_connecting(from, to).any(|edge| *edge.weight() == label) {
            self.graph.add_edge(from, to, label);
        }
    }

    fn build(&mut self, model: &Model) {
        let dns = &model.dns;
        let text = |id| dns.names.text(id).to_owned();
        let regions = self.kind(model.network.regions.clone(), "region");
        let senders =
            self.kind(model.mail.nodes[..model.mail.senders].iter().map(|n| n.name.clone()).collect(), "sender");
        let clients = self.kind(dns.clients.iter().map(|client| client.name.clone()).collect(), "client");
        let resolvers = self.kind(
            dns.resolvers
                .iter()
                .map(|r| {
                    if r.farm.count() > 1 { format!("{} ({} caches)", r.name, r.farm.count()) } else { r.name.clone() }
                })
                .collect(),
            "resolver",
        );
        let servers = self.kind(dns.servers.iter().map(|server| text(server.name)).collect(), "name server");
        let zones = self.kind(dns.zones.iter().map(|zone| text(zone.apex)).collect(), "zone");
        let hosts = self.kind(model.mail.hosts.iter().map(|host| text(host.name)).collect(), "MX host");
        for link in model.network.graph.edge_references() {
            self.edge(regions[link.source().index()], regions[link.target().index()], "link");
        }
        for (client, node) in dns.clients.iter().zip(&clients) {
            self.edge(*node, resolvers[client.resolver.index()], "asks");
        }
        for (resolver, node) in dns.resolvers.iter().zip(&resolvers) {
            resolver.upstream.iter().for_each(|up| self.edge(*node, resolvers[up.index()], "forwards to"));
        }
        for (zone, node) in dns.zones.iter().zip(&zones) {
            zone.servers.iter().for_each(|server| self.edge(*node, servers[server.index()], "served by"));
            self.edge(zones[zone.parent.index()], *node, "delegates");
        }
        let mut of_zone = vec![Vec::new(); dns.zones.len()];
        for rrset in dns.rrsets.iter().filter(|rrset| rrset.question.kind() == RecordType::Mx) {
            let Rdata::Mx(list) = &dns.data[rrset.data.index()] else { continue };
            let zone = dns.names.zone_of[rrset.question.name().index()];
            for host in list.iter().flat_map(|(_, name)| hosts_of(model, *name)) {
                self.edge(zones[zone.index()], hosts[host.index()], "MX");
                of_zone[zone.index()].push(host);
            }
        }
        for (node, sender) in model.mail.nodes.iter().zip(&senders) {
            self.edge(*sender, resolvers[node.resolver.index()], "asks");
            for domain in node.source.iter().flat_map(|source| &source.domains) {
                self.edge(*sender, zones[dns.names.zone_of[domain.index()].index()], "sends to");
            }
        }
        self.risks(model, &hosts, &servers);
    }

    fn risks(&mut self, model: &Model, hosts: &[NodeIndex], servers: &[NodeIndex]) {
        let first = model.faults.hosts + model.faults.servers;
        let risks = &model.faults.targets[first..];
        let nodes = self.kind(risks.iter().map(|risk| risk.name.clone()).collect(), "risk");
        for (risk, node) in risks.iter().zip(nodes) {
            for &TargetId(target) in &risk.takes_down {
                let target = target as usize;
                let hit = hosts.get(target).or_else(|| servers.get(target.checked_sub(model.faults.hosts)?));
                if let Some(hit) = hit {
                    self.edge(node, *hit, "takes down");
                }
            }
        }
    }

    fn dot(&self, title: &str) -> String {
        let quote = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let mut out = format!("digraph {} {{\n  rankdir=LR;\n", quote(title));
        for node in self.graph.node_indices() {
            let (name, what) = &self.graph[node];
            let label = quote(&format!("{name}\n{what}")).replace('\n', "\\n");
            out.push_str(&format!("  n{} [label={label}, shape={}];\n", node.index(), shape(what)));
        }
        for edge in self.graph.edge_references() {
            let (from, to) = (edge.source().index(), edge.target().index());
            out.push_str(&format!("  n{from} -> n{to} [label={}];\n", quote(edge.weight())));
        }
        out.push_str("}\n");
        out
    }

    fn mermaid(&self) -> String {
        let mut out = String::from("flowchart LR\n");
        for node in self.graph.node_indices() {
            let (name, what) = &self.graph[node];
            let name = name.replace('"', "#quot;");
            out.push_str(&format!("  n{}[\"{name}<br/>{what}\"]\n", node.index()));
        }
        for edge in self.graph.edge_references() {
            let (from, to) = (edge.source().index(), edge.target().index());
            out.push_str(&format!("  n{from} -->|{}| n{to}\n", edge.weight()));
        }
        out
    }
}

fn shape(what: &str) -> &'static str {
    match what {
        "sender" | "client" => "ellipse",
        "zone" => "folder",
        "risk" => "octagon",
        "region" => "component",
        _ => "box",
    }
}

fn hosts_of(model: &Model, name: crate::model::NameId) -> Vec<HostId> {
    let question = crate::model::dns::Question::new(name, RecordType::A);
    let found = model.dns.rrsets.binary_search_by_key(&question, |rrset| rrset.question);
    match found.map(|index| &model.dns.data[model.dns.rrsets[index].data.index()]) {
        Ok(Rdata::Address(list)) => list.to_vec(),
        _ => Vec::new(),
    }
}
