//! A topology in the language of Mermaid.

use std::fmt::Write;

use petgraph::visit::EdgeRef;

use super::dot::one_line;
use super::{Kind, Thing, Topology};

/// The graph as a Mermaid flowchart: a subgraph for each region, a shape for each kind, dotted lines for what the
/// timeline brings.
pub fn to_mermaid(topology: &Topology) -> String {
    let mut out = String::from("flowchart LR\n");
    let mut put = |line: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{line}");
    };
    put(format!("  %% {}", one_line(&topology.title)));
    for sentence in &topology.couplings {
        put(format!("  %% {}", one_line(sentence)));
    }
    put(format!("  %% parts that share nothing: {}", topology.parts));
    let mut drawn = vec![false; topology.regions.len()];
    for (index, region) in topology.regions.iter().enumerate() {
        let inside: Vec<String> = topology
            .graph
            .node_indices()
            .filter(|node| topology.graph[*node].region.is_some_and(|region| region.index() == index))
            .map(|node| format!("    n{}{}", node.index(), shape(&topology.graph[node])))
            .collect();
        // An empty subgraph is an error in some versions.
        if inside.is_empty() {
            continue;
        }
        drawn[index] = true;
        put(format!("  subgraph r{index}[\"{}\"]", escaped(&format!("region {region}"))));
        inside.into_iter().for_each(&mut put);
        put("  end".into());
    }
    for node in topology.graph.node_indices() {
        if topology.graph[node].region.is_none() {
            put(format!("  n{}{}", node.index(), shape(&topology.graph[node])));
        }
    }
    for (a, b) in &topology.links {
        let (a, b) = (a.index(), b.index());
        if drawn.get(a) == Some(&true) && drawn.get(b) == Some(&true) {
            put(format!("  r{a} ===|\"link\"| r{b}"));
        }
    }
    for edge in topology.graph.edge_references() {
        let (from, to, line) = (edge.source().index(), edge.target().index(), edge.weight());
        let arrow = if line.from_start { "-->" } else { "-.->" };
        put(format!("  n{from} {arrow}|\"{}\"| n{to}", escaped(&line.label)));
    }
    out
}

fn shape(thing: &Thing) -> String {
    let (open, close) = match thing.kind {
        Kind::Sender => ("[[", "]]"),
        Kind::Client => ("([", "])"),
        Kind::Resolver => ("[(", ")]"),
        Kind::Zone => ("[/", "/]"),
        Kind::Server => ("(", ")"),
        Kind::Host => ("[", "]"),
        Kind::Risk => ("{{", "}}"),
    };
    let mut label = format!("{}<br/>{}", thing.kind.word(), escaped(&thing.name));
    if thing.count > 1 {
        label.push_str(&format!(" ({})", thing.count));
    }
    if !thing.note.is_empty() {
        label.push_str(&format!("<br/>{}", escaped(&thing.note)));
    }
    format!("{open}\"{label}\"{close}")
}

/// What would end a label, or be read as markup, as Mermaid's entity codes.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("#quot;"),
            '#' => out.push_str("#35;"),
            '<' => out.push_str("#lt;"),
            '>' => out.push_str("#gt;"),
            '&' => out.push_str("#amp;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
