//! Scenarios drawn at random: resolvers behind one another, zones whose servers need each other, and what may befall them.
//! A run ends, is the same twice, and each question has one answer.

use std::fmt::Write;

use mxsim::dns::{Asker, LookupRecord};
use mxsim::engine::random::{Stream, below};
use mxsim::engine::time::SimTime;
use mxsim::model::Model;

use crate::bench::{model, watch};

/// All of a run, seconds, and until when a question must have been put to be answered for certain: the longest fetch of a preset
/// ends after 395.96 s of silence (Unbound without `discard_timeout`, which is not drawn here), others within some 10 s,
/// and up to six wait for one another.
const END_S: u64 = 900;
const ASKED_BEFORE_S: u64 = 700;

/// A client asks so often, seconds.
const EVERY_S: u64 = 5;

struct Draw(Stream);

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        below(self.0.next_u64(), n as u64) as usize
    }

    fn is(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn of<'a>(&mut self, among: &[&'a str]) -> &'a str {
        among[self.below(among.len())]
    }

    fn name(&mut self, among: &[String]) -> String {
        among[self.below(among.len())].clone()
    }
}

const SOFTWARE: [&str; 9] = [
    "Unbound",
    "UnboundPre125",
    "Bind",
    "BindParentCentric",
    "KnotResolver",
    "PowerDnsRecursor",
    "Ideal",
    "WholeSecond",
    "Pushed",
];

const RULES: [&str; 14] = [
    "",
    "",
    "",
    "prefetch: Near(share: 0.3)",
    "serve_stale: AtOnce",
    "serve_stale: After(\"1800ms\")",
    "serve_stale: AfterFailure",
    "cache_size: 3",
    "coalescing: false",
    "servfail_ttl: \"0s\"",
    "ns: ChildRenewed",
    "qname_minimisation: AToo",
    "last_resort: true, tries_per_server: 3",
    "refresh_asks_parent: true, prefetch: Near(share: 0.5)",
];

const ACTIONS: [&str; 12] = [
    "Outage(server: \"ns*\")",
    "Outage(server: \"ns*\", mode: Refuse)",
    "Outage(region: \"us\")",
    "Outage(resolver: \"r0\")",
    "Partition(between: (\"eu\", \"us\"))",
    "Brownout(server: \"ns*\", answers: 0.5)",
    "FlushCache(resolver: \"r*\")",
    "SetTtl(zone: \"z0.org\", ttl: \"0s\")",
    "SetNs(zone: \"z0.org\", ns: [\"ns1.z0.org\"], old: Drop)",
    "SetCname(name: \"al.z0.org\", to: \"mx.z0.org\")",
    "SetServeStale(resolver: \"r*\", serve_stale: AtOnce)",
    "SetMx(zone: \"z0.org\", mx: [])",
];

/// Zones, servers, resolvers, clients and a timeline.
fn scenario(seed: u64) -> String {
    let draw = &mut Draw(Stream::new(seed, 0, "test", "scenario", "draws"));
    let names: Vec<String> = (0..2 + draw.below(3)).map(|zone| format!("z{zone}.org")).collect();
    let (mut zones, mut servers, mut hosts) = (String::new(), String::new(), String::new());
    for name in &names {
        // One inside; else servers of other zones, which may be outside of theirs in turn.
        let mut ns: Vec<String> = (0..draw.below(2) + 1).map(|_| format!("ns.{}", draw.name(&names))).collect();
        if draw.is(70) {
            ns.push(format!("ns1.{name}"));
        }
        ns.sort();
        ns.dedup();
        let [mx, a, ns_ttl, glue] = [(); 4].map(|()| draw.of(&["0s", "1s", "5s", "30s", "5m"]));
        let (target, ns) = (draw.name(&names), ns.join("\", \""));
        write!(
            zones,
            "\"{name}\": (ttls: (mx: \"{mx}\", a: \"{a}\", ns: \"{ns_ttl}\", glue: \"{glue}\"), ns: [\"{ns}\"],
                mx: [(10, \"mx.{name}\")], cnames: {{ \"al.{name}\": \"mx.{target}\" }}),"
        )
        .unwrap_or_default();
        for server in ["ns", "ns1"] {
            let (region, loss) = (draw.of(&["eu", "us"]), draw.of(&["0.0", "0.0", "0.3"]));
            write!(servers, "\"{server}.{name}\": (region: \"{region}\", loss: {loss}),").unwrap_or_default();
        }
        write!(hosts, "\"mx.{name}\": (region: \"eu\"),").unwrap_or_default();
    }
    let (mut resolvers, mut clients) = (String::new(), String::new());
    for resolver in 0..2 + draw.below(3) {
        let (software, rules) = (draw.of(&SOFTWARE), draw.of(&RULES));
        let upstream = match resolver {
            0 => String::new(),
            _ if draw.is(30) => String::new(),
            _ => format!(", upstream: [\"r{}\"]", draw.below(resolver)),
        };
        let more = draw.of(&["", "", ", ipv6: false", ", farm: 2", ", sites: [\"eu\", \"us\"]"]);
        write!(resolvers, "\"r{resolver}\": (software: {software}({rules}){upstream}{more}),").unwrap_or_default();
        let asks: String = (0..5)
            .map(|_| {
                let (name, kind) = (draw.name(&names), draw.below(5));
                let asked = ["", "mx.", "al.", "no.x.", ""][kind];
                format!("(\"{asked}{name}\", {}),", ["MX", "A", "A", "A", "NS"][kind])
            })
            .collect();
        write!(
            clients,
            "\"c{resolver}\": (resolver: \"r{resolver}\", region: \"{}\", asks: [{asks}],
                arrivals: Periodic(every: \"{EVERY_S}s\", offset: \"1s\")),",
            draw.of(&["eu", "us"])
        )
        .unwrap_or_default();
    }
    let mut timeline = String::new();
    for _ in 0..1 + draw.below(4) {
        let (at, action) = (10 + draw.below(500), draw.of(&ACTIONS));
        let lasts = action.starts_with("Outage") || action.starts_with("Partition") || action.starts_with("Brownout");
        let lasts = if lasts { draw.of(&[", for: \"30s\"", ", for: \"5m\"", ""]) } else { "" };
        write!(timeline, "(at: \"{at}s\", do: {action}{lasts}),").unwrap_or_default();
    }
    format!(
        "(title: \"random\", run: (measure: \"{END_S}s\", drain: \"0s\", seed: {seed}),
        regions: {{ \"eu\": (), \"us\": () }}, links: [(between: (\"eu\", \"us\"), rtt: \"80ms\", loss: 0.01)],
        zones: {{ {zones} }}, servers: {{ {servers} }}, hosts: {{ {hosts} }}, resolvers: {{ {resolvers} }},
        clients: {{ {clients} }}, timeline: [{timeline}])"
    )
}

/// Looks at each client's answers.
fn assert_each_question_is_answered_once(model: &Model, lookups: &[LookupRecord], what: &str) {
    for client in 0..model.dns.clients.len() as u32 {
        let is_own = |record: &&LookupRecord| matches!(record.asker, Asker::Client(own) if own.0 == client);
        let asked = lookups.iter().filter(is_own).map(|record| record.asked.since(SimTime::ZERO).as_nanos());
        let mut asked: Vec<u64> = asked.filter(|asked| *asked < ASKED_BEFORE_S * 1_000_000_000).collect();
        asked.sort_unstable();
        let expected: Vec<u64> =
            (0..).map(|index| (1 + index * EVERY_S) * 1_000_000_000).take(asked.len().max(140)).collect();
        assert_eq!(asked, expected, "{what}, client {client}");
    }
}

#[test]
fn every_question_of_random_scenarios_is_answered_once() {
    for seed in 0..40 {
        let text = scenario(seed);
        let model = model(&text);
        let seen = watch(&model, true);
        assert_each_question_is_answered_once(&model, &seen.lookups, &text);
        assert_eq!(seen.lookups, watch(&model, true).lookups, "{text}");
    }
}

/// Two zones whose servers need each other's addresses, all down, behind a forwarder that gives up before its upstream: what
/// waits for whom was once followed through fetches that were over, round and round.
#[test]
fn servers_that_need_each_other_fail_behind_a_forwarder() {
    for (forwarder, seed) in [("Bind()", 1), ("Bind()", 2), ("Unbound()", 3), ("Unbound()", 4), ("Ideal()", 5)] {
        let text = format!(
            r#"(title: "two providers that serve each other", run: (measure: "1h", drain: "0s", seed: {seed}),
            zones: {{ "p.org": (ttls: (mx: "1m", a: "1m"), mx: [(10, "mx.p.org")], ns: ["ns1.p.org", "ns2.other.org"]),
                "other.org": (ns: ["ns.p.org"]) }},
            servers: {{ "ns1.p.org": (), "ns2.other.org": (), "ns.p.org": () }}, hosts: {{ "mx.p.org": () }},
            resolvers: {{ "u": (software: Unbound()), "f": (software: {forwarder}, upstream: ["u"]) }},
            clients: {{ "g": (resolver: "f", asks: [("p.org", MX), ("mx.p.org", A)],
                arrivals: Periodic(every: "{EVERY_S}s", offset: "1s")) }},
            timeline: [(at: "5m", do: Outage(server: "ns*"))])"#
        );
        let model = model(&text);
        assert_each_question_is_answered_once(&model, &watch(&model, true).lookups, &text);
    }
}

/// The same with two domains at one provider.
#[test]
fn a_provider_of_two_domains_fails_behind_a_forwarder() {
    for seed in 5..8 {
        let text = format!(
            r#"(title: "one provider", run: (warmup: "1h", measure: "2h", drain: "0s", seed: {seed}),
            zones: {{ "d1.org": (ttls: (mx: "1m"), mx: [(10, "mx.prov.org")], ns: ["ns1.prov.org", "ns2.prov.org"]),
                "d2.org": (ttls: (mx: "1m"), mx: [(10, "mx.prov.org")], ns: ["ns1.prov.org", "ns2.prov.org"]),
                "prov.org": (ttls: (a: "5m"), ns: ["ns1.prov.org", "ns2.prov.org"]) }},
            servers: {{ "ns1.prov.org": (), "ns2.prov.org": () }}, hosts: {{ "mx.prov.org": () }},
            resolvers: {{ "u": (software: Unbound()), "f": (software: Unbound(), upstream: ["u"]) }},
            clients: {{ "g": (resolver: "f", asks: [("d1.org", MX), ("d2.org", MX), ("mx.prov.org", A)],
                arrivals: Poisson(rate: "1/s")) }},
            timeline: [(at: "warmup + 10m", do: Outage(server: "ns*"), for: "30m")])"#
        );
        let model = model(&text);
        let asked = watch(&model, true).answers.values().sum::<u64>();
        // A question a second at `f`, which asks `u` again for some.
        assert!(asked > 10_000, "seed {seed}: {asked} answers");
    }
}

/// Each zone's server stands in the next zone, and all of their addresses are being asked for: the last one's silence ends one
/// fetch after the other.
#[test]
fn a_long_chain_of_those_who_wait_ends() {
    const ZONES: u32 = 3000;
    for software in ["Ideal()", "Bind()", "Unbound()"] {
        let (mut zones, mut servers, mut clients) = (String::new(), String::new(), String::new());
        for zone in 0..ZONES {
            let next = (zone + 1).min(ZONES - 1);
            write!(zones, "\"z{zone}.org\": (ns: [\"ns.z{next}.org\"]),").unwrap_or_default();
            write!(servers, "\"ns.z{zone}.org\": (),").unwrap_or_default();
            write!(
                clients,
                "\"c{zone}\": (resolver: \"r\", asks: [(\"ns.z{zone}.org\", A)],
                    arrivals: Burst(at: \"1s\", count: 1, over: \"0s\")),"
            )
            .unwrap_or_default();
        }
        let text = format!(
            "(title: \"a chain\", run: (measure: \"1h\", drain: \"0s\"), zones: {{ {zones} }}, servers: {{ {servers} }},
            resolvers: {{ \"r\": (software: {software}, ipv6: false) }}, clients: {{ {clients} }},
            timeline: [(at: \"0s\", do: Outage(server: \"ns.z{}.org\"))])",
            ZONES - 1
        );
        let seen = watch(&model(&text), true);
        assert_eq!(seen.lookups.len(), ZONES as usize, "{software}");
    }
}
