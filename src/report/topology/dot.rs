//! A topology in the language of Graphviz.

use std::fmt::Write;

use petgraph::visit::EdgeRef;

use super::{Kind, Thing, Topology};

/// The graph as DOT: a box of dashes for each region, a shape for each kind, dashed lines for what the timeline brings.
pub fn to_dot(topology: &Topology) -> String {
    let mut out = String::from("digraph mxsim {\n");
    let mut put = |line: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{line}");
    };
    put(format!("  label={}; labelloc=t; rankdir=LR; compound=true;", quoted(&topology.title)));
    put("  node [fontname=\"sans-serif\", fontsize=11]; edge [fontname=\"sans-serif\", fontsize=9];".into());
    for sentence in &topology.couplings {
        put(format!("  // {}", one_line(sentence)));
    }
    put(format!("  // parts that share nothing: {}", topology.parts));
    for (index, region) in topology.regions.iter().enumerate() {
        put(format!("  subgraph cluster_{index} {{"));
        put(format!("    label={}; style=dashed;", quoted(&format!("region {region}"))));
        // An empty cluster is not drawn, and a link needs an end.
        put(format!("    r{index} [shape=point, style=invis];"));
        for node in topology.graph.node_indices() {
            let thing = &topology.graph[node];
            if thing.region.is_some_and(|region| region.index() == index) {
                put(format!("    n{} {};", node.index(), attributes(thing)));
            }
        }
        put("  }".into());
    }
    for node in topology.graph.node_indices() {
        if topology.graph[node].region.is_none() {
            put(format!("  n{} {};", node.index(), attributes(&topology.graph[node])));
        }
    }
    for (a, b) in &topology.links {
        let (a, b) = (a.index(), b.index());
        put(format!("  r{a} -> r{b} [ltail=cluster_{a}, lhead=cluster_{b}, dir=none, style=bold, label=\"link\"];"));
    }
    for edge in topology.graph.edge_references() {
        let (from, to, line) = (edge.source().index(), edge.target().index(), edge.weight());
        let style = if line.from_start { "" } else { ", style=dashed" };
        put(format!("  n{from} -> n{to} [label={}{style}];", quoted(&line.label)));
    }
    out.push_str("}\n");
    out
}

fn attributes(thing: &Thing) -> String {
    let shape = match thing.kind {
        Kind::Sender => "box3d",
        Kind::Client => "ellipse",
        Kind::Resolver => "cylinder",
        Kind::Zone => "folder",
        Kind::Server => "component",
        Kind::Host => "box",
        Kind::Risk => "octagon",
    };
    let mut label = format!("{}\n{}", thing.kind.word(), thing.name);
    if thing.count > 1 {
        label.push_str(&format!(" ({})", thing.count));
    }
    if !thing.note.is_empty() {
        label.push_str(&format!("\n{}", thing.note));
    }
    format!("[shape={shape}, label={}]", quoted(&label))
}

/// A quoted string; a line feed is DOT's own escape for one.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
