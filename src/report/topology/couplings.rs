//! What couples what: things that share a cache, a limit or a cause of failure.

use std::collections::BTreeSet;

use petgraph::graph::DiGraph;
use petgraph::unionfind::UnionFind;
use petgraph::visit::{EdgeRef, NodeIndexable};

use super::{Kind, Line, Thing};

/// What is shared by two or more, and what that does to them.
pub(super) fn couplings(graph: &DiGraph<Thing, Line>) -> Vec<String> {
    let mut out = Vec::new();
    for node in graph.node_indices() {
        let thing = &graph[node];
        let ends = |edges: petgraph::Direction| -> Vec<String> {
            let mut names: Vec<_> =
                graph.neighbors_directed(node, edges).map(|other| thing_name(&graph[other])).collect();
            names.sort();
            names.dedup();
            names
        };
        let (incoming, outgoing) = (ends(petgraph::Incoming), ends(petgraph::Outgoing));
        let sentence = match thing.kind {
            Kind::Resolver if incoming.len() > 1 => {
                format!("{} share its cache: {}", thing_name(thing), incoming.join(", "))
            }
            Kind::Host if !thing.note.is_empty() && incoming.len() > 1 => {
                format!("{} ({}) is competed for: {}", thing_name(thing), thing.note, incoming.join(", "))
            }
            Kind::Server if incoming.len() > 1 => {
                format!("{} serves several: {}", thing_name(thing), incoming.join(", "))
            }
            Kind::Risk if !outgoing.is_empty() => {
                format!("{} takes down together: {}", thing_name(thing), outgoing.join(", "))
            }
            _ => continue,
        };
        out.push(sentence);
    }
    out
}

/// Groups of things that no line joins: each would run alike without the others.
pub(super) fn parts(graph: &DiGraph<Thing, Line>) -> usize {
    let mut groups = UnionFind::new(graph.node_bound());
    for edge in graph.edge_references() {
        groups.union(edge.source().index(), edge.target().index());
    }
    groups.into_labeling().into_iter().collect::<BTreeSet<_>>().len()
}

/// `resolver isp-{i}`.
fn thing_name(thing: &Thing) -> String {
    format!("{} {}", thing.kind.word(), thing.name)
}
