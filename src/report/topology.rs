//! The topology of a scenario as a graph: who asks whom, who sends where, what couples what.

mod couplings;
mod dot;
mod mermaid;

pub use dot::to_dot;
pub use mermaid::to_mermaid;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use couplings::{couplings, parts};

use crate::model::dns::{Question, Rdata};
use crate::model::timeline::ActionModel;
use crate::model::{DataId, Model, RegionId, ResolverId, ZoneId};
use crate::scenario::tree::Scenario;

/// What a node of the graph is. The order is that of a lookup and a delivery, from whom it starts to where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An SMTP client with a queue.
    Sender,
    /// What asks without mail.
    Client,
    /// A resolver, with all of its caches.
    Resolver,
    /// A zone.
    Zone,
    /// An authoritative server.
    Server,
    /// An MX host.
    Host,
    /// A cause that takes several things down.
    Risk,
}

impl Kind {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sender => "sender",
            Self::Client => "client",
            Self::Resolver => "resolver",
            Self::Zone => "zone",
            Self::Server => "server",
            Self::Host => "host",
            Self::Risk => "risk",
        }
    }
}

/// A thing, or a population of things that are alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thing {
    /// What it is.
    pub kind: Kind,
    /// Its name, or its population's key, such as `isp-{i}`.
    pub name: String,
    /// How many there are of it.
    pub count: usize,
    /// Where it is; what is in no place, or in several, has none.
    pub region: Option<RegionId>,
    /// What limits it, such as `3 sessions`; empty if nothing.
    pub note: String,
}

/// A line from one thing to another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// What it says, such as `MX 10`.
    pub label: String,
    /// Whether it holds from the start; if not, the timeline brings it.
    pub from_start: bool,
}

/// The graph of a scenario.
#[derive(Debug, Clone)]
pub struct Topology {
    /// The scenario's title.
    pub title: String,
    /// Names of the regions.
    pub regions: Vec<String>,
    /// Pairs of regions that a link joins.
    pub links: Vec<(RegionId, RegionId)>,
    /// Things and lines.
    pub graph: DiGraph<Thing, Line>,
    /// What couples what, one sentence each: shared caches, shared limits, shared risks.
    pub couplings: Vec<String>,
    /// How many parts there are that share nothing.
    pub parts: usize,
}

impl Topology {
    /// The topology of a scenario and the model it was compiled to. Populations are one node each.
    pub fn of(scenario: &Scenario, model: &Model) -> Self {
        let mut draft = Draft::new(scenario, model);
        draft.zones_and_servers();
        draft.hosts();
        draft.resolvers();
        draft.askers();
        draft.risks();
        draft.timeline();
        draft.finish()
    }
}

struct Draft<'a> {
    model: &'a Model,
    /// The population of each stamped name, by kind.
    keys: HashMap<(Kind, String), &'a str>,
    declared: BTreeSet<String>,
    graph: DiGraph<Thing, Line>,
    nodes: BTreeMap<(Kind, String), NodeIndex>,
    members: BTreeSet<(Kind, String)>,
    lines: BTreeSet<(NodeIndex, NodeIndex, Line)>,
}

impl<'a> Draft<'a> {
    fn new(scenario: &'a Scenario, model: &'a Model) -> Self {
        let mut keys = HashMap::new();
        let mut stamp = |kind: Kind, entries: Vec<(&'a String, Option<u32>)>| {
            for (key, count) in entries {
                for i in 1..=count.unwrap_or(0) {
                    let name = key.replace("{i}", &i.to_string());
                    let domain = matches!(kind, Kind::Zone | Kind::Server | Kind::Host);
                    keys.insert((kind, if domain { crate::model::dns::canonical(&name) } else { name }), key.as_str());
                }
            }
        };
        stamp(Kind::Sender, scenario.senders.iter().map(|(key, v)| (key, v.count)).collect());
        stamp(Kind::Client, scenario.clients.iter().map(|(key, v)| (key, v.count)).collect());
        stamp(Kind::Resolver, scenario.resolvers.iter().map(|(key, v)| (key, v.count)).collect());
        stamp(Kind::Zone, scenario.zones.iter().map(|(key, v)| (key, v.count)).collect());
        stamp(Kind::Server, scenario.servers.iter().map(|(key, v)| (key, v.count)).collect());
        stamp(Kind::Host, scenario.hosts.iter().map(|(key, v)| (key, v.count)).collect());
        stamp(Kind::Risk, scenario.risks.iter().map(|(key, v)| (key, v.count)).collect());
        let declared = scenario.zones.keys().map(|key| crate::model::dns::canonical(key)).collect();
        Self {
            model,
            keys,
            declared,
            graph: DiGraph::new(),
            nodes: BTreeMap::new(),
            members: BTreeSet::new(),
            lines: BTreeSet::new(),
        }
    }

    /// The node of a thing, made at its first mention.
    fn node(&mut self, kind: Kind, name: &str, region: Option<RegionId>) -> NodeIndex {
        let full = (kind, name.to_owned());
        let key = self.keys.get(&full).map_or(name, |key| *key).to_owned();
        let graph = &mut self.graph;
        let node = *self
            .nodes
            .entry((kind, key.clone()))
            .or_insert_with(|| graph.add_node(Thing { kind, name: key, count: 0, region, note: String::new() }));
        if self.members.insert(full) {
            let thing = &mut self.graph[node];
            thing.count += 1;
            // A population spread over regions is in none.
            thing.region = thing.region.filter(|_| thing.region == region);
        }
        node
    }

    fn line(&mut self, from: NodeIndex, to: NodeIndex, label: impl Into<String>, from_start: bool) {
        self.lines.insert((from, to, Line { label: label.into(), from_start }));
    }

    fn zone(&mut self, zone: ZoneId) -> Option<NodeIndex> {
        let name = self.model.dns.names.text(self.model.dns.zones.get(zone.index())?.apex);
        let shown = self.declared.contains(name) || self.keys.contains_key(&(Kind::Zone, name.to_owned()));
        shown.then(|| self.node(Kind::Zone, name, None))
    }

    fn host(&mut self, index: usize) -> Option<NodeIndex> {
        let host = self.model.mail.hosts.get(index)?;
        Some(self.node(Kind::Host, self.model.dns.names.text(host.name), Some(host.region)))
    }

    fn resolver(&mut self, id: ResolverId) -> Option<NodeIndex> {
        let resolver = self.model.dns.resolvers.get(id.index())?;
        Some(self.node(Kind::Resolver, &resolver.name, Some(resolver.region)))
    }

    fn zones_and_servers(&mut self) {
        for (index, zone) in self.model.dns.zones.iter().enumerate() {
            let Some(node) = self.zone(ZoneId(index as u32)) else { continue };
            for server in zone.servers.iter().filter_map(|id| self.model.dns.servers.get(id.index())) {
                let to = self.node(Kind::Server, self.model.dns.names.text(server.name), Some(server.region));
                self.line(node, to, "NS", true);
            }
        }
        for rrset in &self.model.dns.rrsets {
            self.data(rrset.question, rrset.data, "", true);
        }
    }

    /// Lines from a zone to the hosts that an MX RRset of it names.
    fn data(&mut self, question: Question, data: DataId, event: &str, from_start: bool) {
        let model = self.model;
        let (Some(Rdata::Mx(list)), Some(&zone)) =
            (model.dns.data.get(data.index()), model.dns.names.zone_of.get(question.name().index()))
        else {
            return;
        };
        let Some(from) = self.zone(zone) else { return };
        for (preference, exchange) in list {
            let hosts = model.mail.hosts.iter().position(|host| host.name == *exchange);
            if let Some(to) = hosts.and_then(|index| self.host(index)) {
                self.line(from, to, format!("{event}MX {preference}"), from_start);
            }
        }
    }

    fn hosts(&mut self) {
        for index in 0..self.model.mail.hosts.len() {
            let Some(node) = self.host(index) else { continue };
            let model = &self.model.mail.hosts[index];
            if let Some(sessions) = model.sessions {
                self.graph[node].note = format!("{sessions} session{}", if sessions == 1 { "" } else { "s" });
            }
            let relay = model.relay.and_then(|id| self.model.mail.nodes.get(id.index()));
            if let Some(to) = relay.and_then(|relay| self.resolver(relay.resolver)) {
                self.line(node, to, "asks, to relay", true);
            }
        }
    }

    fn resolvers(&mut self) {
        for (index, resolver) in self.model.dns.resolvers.iter().enumerate() {
            let Some(node) = self.resolver(ResolverId(index as u32)) else { continue };
            let caches = resolver.caches();
            if caches > 1 {
                self.graph[node].note = format!("{caches} caches");
            }
            for upstream in &resolver.upstream {
                if let Some(to) = self.resolver(*upstream) {
                    self.line(node, to, "forwards", true);
                }
            }
        }
    }

    fn askers(&mut self) {
        let model = self.model;
        for sender in model.mail.nodes.iter().take(model.mail.senders) {
            let node = self.node(Kind::Sender, &sender.name, Some(sender.region));
            if let Some(to) = self.resolver(sender.resolver) {
                self.line(node, to, "asks", true);
            }
            for domain in sender.source.iter().flat_map(|source| &source.domains) {
                let zone = model.dns.names.zone_of.get(domain.index()).and_then(|zone| self.zone(*zone));
                if let Some(to) = zone {
                    self.line(node, to, "mail", true);
                }
            }
        }
        for client in &model.dns.clients {
            let node = self.node(Kind::Client, &client.name, Some(client.region));
            if let Some(to) = self.resolver(client.resolver) {
                self.line(node, to, "asks", true);
            }
        }
    }

    fn risks(&mut self) {
        let model = self.model;
        for target in model.faults.targets.iter().filter(|target| target.kind == "risk") {
            let node = self.node(Kind::Risk, &target.name, None);
            for id in &target.takes_down {
                let index = id.index();
                let to =
                    match index.checked_sub(model.faults.hosts) {
                        None => self.host(index),
                        Some(server) => model.dns.servers.get(server).map(|server| {
                            self.node(Kind::Server, model.dns.names.text(server.name), Some(server.region))
                        }),
                    };
                if let Some(to) = to {
                    self.line(node, to, "takes down", true);
                }
            }
        }
    }

    fn timeline(&mut self) {
        let model = self.model;
        for item in model.timeline.iter().filter(|item| !item.undoes) {
            if let ActionModel::SetData { question, data, .. } = &item.action {
                self.data(*question, *data, &format!("{}: ", item.name), false);
            }
        }
    }

    fn finish(mut self) -> Topology {
        for (from, to, line) in std::mem::take(&mut self.lines) {
            self.graph.add_edge(from, to, line);
        }
        let network = &self.model.network;
        let links = network.graph.edge_references();
        let mut links: Vec<_> = links
            .filter_map(|edge| {
                let (a, b) = (*network.graph.node_weight(edge.source())?, *network.graph.node_weight(edge.target())?);
                (a != b).then_some((a.min(b), a.max(b)))
            })
            .collect();
        links.sort_unstable();
        links.dedup();
        let (couplings, parts) = (couplings(&self.graph), parts(&self.graph));
        let (title, regions) = (self.model.title.clone(), network.regions.clone());
        Topology { title, regions, links, graph: self.graph, couplings, parts }
    }
}

#[cfg(test)]
mod tests;
