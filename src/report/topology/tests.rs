use std::sync::Arc;

use super::*;
use crate::model::compile::{Memory, load_source};
use crate::scenario::diagnostic::SourceText;

fn topology(text: &str) -> Topology {
    let source = Arc::new(SourceText { name: "a.ron".into(), text: text.into() });
    let loaded = load_source(&source, &[], &mut Memory::default())
        .unwrap_or_else(|problems| panic!("{}", crate::scenario::render::render(&problems, false)));
    Topology::of(&loaded.variants[0].scenario, &loaded.variants[0].model)
}

fn two_senders() -> Topology {
    topology(
        r#"(
            title: "one \"cache\" for two",
            regions: { "eu": (), "us": () },
            links: [(between: ("eu", "us"), rtt: "85ms")],
            zones: { "d{i}.example": (count: 3, mx: [(10, "mx.example"), (20, "mx2.example")]) },
            hosts: { "mx.example": (sessions: 2, risks: ["power"]), "mx2.example": (region: "us", risks: ["power"]), "new.example": () },
            resolvers: { "isp": (farm: 2) },
            risks: { "power": (up: "exponential(5d)", down: "1h") },
            senders: {
                "a": (resolver: "isp", arrivals: Poisson(rate: "1/s"), to: Uniform(zones: "d{i}.example")),
                "b": (resolver: "isp", arrivals: Poisson(rate: "1/s"), to: Weights({"d1.example": 1})),
            },
            timeline: [(name: "cutover", at: "1h", do: SetMx(zone: "d1.example", mx: [(5, "new.example")]))],
        )"#,
    )
}

#[test]
fn populations_are_one_node_and_what_is_shared_is_said() {
    let topology = two_senders();
    let zone = topology.graph.node_weights().find(|thing| thing.kind == Kind::Zone).unwrap();
    assert_eq!((zone.name.as_str(), zone.count), ("d{i}.example", 3));
    assert!(topology.couplings.contains(&"resolver isp share its cache: sender a, sender b".to_owned()));
    assert!(
        topology.couplings.contains(&"risk power takes down together: host mx.example, host mx2.example".to_owned())
    );
    assert!(topology.couplings.iter().all(|coupling| !coupling.starts_with("host new.example")));
    assert_eq!(topology.parts, 1);
}

#[test]
fn what_the_timeline_brings_is_dashed() {
    let topology = two_senders();
    let (dot, mermaid) = (to_dot(&topology), to_mermaid(&topology));
    assert!(dot.contains("[label=\"cutover: MX 5\", style=dashed]"), "{dot}");
    assert!(mermaid.contains("-.->|\"cutover: MX 5\"|"), "{mermaid}");
    assert!(dot.contains("[label=\"MX 10\"]") && mermaid.contains("-->|\"MX 10\"|"));
}

#[test]
fn names_cannot_break_out_of_their_quotes() {
    let topology = two_senders();
    assert!(to_dot(&topology).contains(r#"label="one \"cache\" for two""#));
    assert_eq!(to_dot(&topology).matches('{').count() - to_dot(&topology).matches('}').count(), 0);
}
