//! Zones, records, resolvers, clients, probes.

use super::*;
use crate::engine::time::SimDuration;
use crate::model::dns::TTL_MAX_S;
use crate::scenario::tree::{Expiry, ProbeKind, ServeStale};
use crate::scenario::units::Duration;

#[test]
fn a_host_lives_in_the_closest_zone_that_is_declared() {
    let zones = r#"{"example.org": (ttl: "5m", mx: [(10, "mx.example.org")]), "mail.example.org": (ttls: (a: "2m"))}"#;
    let model =
        small(&[("zones", zones), ("hosts", r#"{"mx.example.org": (addresses: 2), "a.mail.example.org": ()}"#)]);
    assert_eq!(rdata(&model, "mx.example.org", RecordType::A), "mx.example.org, mx.example.org (300 s)");
    assert_eq!(rdata(&model, "a.mail.example.org", RecordType::A), "a.mail.example.org (120 s)");
    let apexes: Vec<&str> = model.dns.zones.iter().map(|zone| model.dns.names.text(zone.apex)).collect();
    assert_eq!(apexes, [".", "org", "example.org", "mail.example.org"]);
    assert_eq!(model.dns.zones[3].parent.index(), 2);
}

#[test]
fn a_master_file_gives_its_ttls_and_what_stands_beside_it_wins() {
    let file = "$TTL 7200\n@ SOA ns1 root 1 3600 600 86400 300\n@ NS ns1\n@ NS ns.other.net.\n@ MX 10 mx\n@ MX 20 spare\n\
                mx 60 A 192.0.2.1\nmx 60 A 192.0.2.2\nspare CNAME mx\nns1 A 192.0.2.3\n";
    let files = [("org.zone", file)];
    let zone = |beside: &str| format!("{{\"example.org\": (zone_file: \"org.zone\"{beside})}}");
    let (model, _) = model_of(SMALL, &[("zones", &zone(""))], &files);
    let servers: Vec<&str> = model.dns.zones[2]
        .servers
        .iter()
        .map(|server| model.dns.names.text(model.dns.servers[server.index()].name))
        .collect();
    assert_eq!(servers, ["ns1.example.org", "ns.other.net"]);
    assert_eq!(rdata(&model, "example.org", RecordType::Mx), "10 mx.example.org, 20 spare.example.org (7200 s)");
    assert_eq!(rdata(&model, "mx.example.org", RecordType::A), "mx.example.org, mx.example.org (60 s)");
    assert_eq!(rdata(&model, "spare.example.org", RecordType::Cname), "-> mx.example.org (7200 s)");
    assert_eq!(model.dns.zones[2].soa.in_negative(model.dns.zones[2].soa.ttl_s).map(|soa| soa.0), Some(300));
    let beside = ", ttls: (a: \"10s\", negative: \"1m\"), mx: [(5, \"mx.example.org\")]";
    let (model, _) = model_of(SMALL, &[("zones", &zone(beside))], &files);
    assert_eq!(rdata(&model, "example.org", RecordType::Mx), "5 mx.example.org (3600 s)");
    assert_eq!(rdata(&model, "mx.example.org", RecordType::A), "mx.example.org, mx.example.org (10 s)");
    assert_eq!(model.dns.zones[2].soa.in_negative(model.dns.zones[2].soa.ttl_s).map(|soa| soa.0), Some(60));
}

#[test]
fn an_exchange_of_a_master_file_must_be_a_host() {
    let file = "$TTL 7200\n@ SOA ns1 root 1 3600 600 86400 300\n@ NS ns1\n@ MX 10 mx\n@ MX 20 spare\n\
                mx A 192.0.2.1\nspare A 192.0.2.2\nns1 A 192.0.2.3\n";
    let found = complaints(&[("zones", "{\"example.org\": (zone_file: \"org.zone\")}")], &[("org.zone", file)]);
    assert_eq!(found, ["MX to a host that does not exist: `spare.example.org` @ @ MX 20 spare"]);
}

#[test]
fn an_alias_stands_alone_at_its_name() {
    assert_eq!(
        complaints(&[("zones/example.org/cnames", r#"{"mx.example.org": "x.example.org"}"#)], &[]),
        ["`mx.example.org` is an alias and has other records (RFC 1034 section 3.6.2) @ \"x.example.org\""]
    );
    assert_eq!(
        complaints(&[("zones/example.org/cnames", r#"{"example.org": "x.example.org"}"#)], &[]),
        ["`example.org` is an alias and is the apex of a zone (RFC 1034 section 3.6.2) @ \"x.example.org\""]
    );
}

#[test]
fn zones_have_servers_that_exist_and_answer() {
    let zone = |ns: &str| format!("(mx: [(10, \"mx.example.org\")], ns: [\"{ns}\"])");
    let servers = r#"{"ns{i}.example.org": (count: 2)}"#;
    let model = small(&[("servers", servers), ("zones/example.org", &zone("ns{i}.example.org"))]);
    assert_eq!(model.dns.zones[2].servers.len(), 2);
    assert_eq!(
        complaints(&[("servers", servers), ("zones/example.org", &zone("ns3.example.org"))], &[]),
        ["no server `ns3.example.org` @ \"ns3.example.org\""]
    );
    let dead = r#"{"ns1.example.org": (loss: 1.0)}"#;
    assert_eq!(
        complaints(&[("servers", dead), ("zones/example.org", &zone("ns1.example.org"))], &[]),
        ["no name server of `example.org` ever answers @ [\"ns1.example.org\"]"]
    );
    let lossy = r#"{"ns1.example.org": (loss: 1.5)}"#;
    assert_eq!(
        complaints(&[("servers", lossy), ("zones/example.org", &zone("ns1.example.org"))], &[]),
        ["1.5 is no share @ 1.5"]
    );
}

#[test]
fn a_ttl_is_whole_seconds_of_31_bits() {
    let ttl = |value: &str| complaints(&[("zones/example.org/ttl", value)], &[]);
    assert_eq!(ttl("1500ms"), ["1s500ms is no TTL @ 1500ms"]);
    assert_eq!(ttl("2147483648s"), ["24855d3h14m8s is no TTL @ 2147483648s"]);
    assert_eq!(ttl("2147483647s"), [""; 0]);
}

#[test]
fn a_resolver_follows_its_preset_and_what_overrides_it() {
    let rules = |software: &str| small(&[("resolvers/isp/software", software)]).dns.resolvers[0].rules.clone();
    let ideal = rules("Ideal()");
    assert_eq!((ideal.expiry, ideal.ttl.max_s, ideal.negatives.max_s), (Expiry::Exact, TTL_MAX_S, TTL_MAX_S));
    let whole = rules("WholeSecond()");
    assert_eq!((whole.expiry, whole.ttl.max_s, whole.negatives.max_s), (Expiry::Before, 86_400, 3600));
    let waited: u64 = whole.asking.timeouts.iter().map(|span| span.as_nanos() / 1_000_000).sum();
    assert_eq!(waited, 376 + 752 + 1504 + 3008 + 6016);
    let own = rules("WholeSecond(max_ttl: \"1h\", timeouts: [\"1s\"])");
    assert_eq!((own.ttl.max_s, own.asking.timeouts), (3600, vec![SimDuration::from_secs(1)]));
    let bind = rules("Bind(prefetch: Off, serve_stale: After(\"1800ms\"), cached_types: [A])");
    assert_eq!((bind.prefetch, bind.cached_types), (None, 1 << RecordType::A as u8));
    assert_eq!(bind.stale.serve, ServeStale::After(Duration(SimDuration::from_nanos(1_800_000_000))));
    assert_eq!(
        complaints(&[("resolvers/isp/software", "Ideal(min_ttl: \"2h\", max_ttl: \"1h\")")], &[]),
        ["a `min_ttl` above the `max_ttl` @ \"2h\""]
    );
}

#[test]
fn forwarders_lead_to_something_that_walks_the_tree() {
    let loops = r#"{"isp": (upstream: ["b"]), "b": (upstream: ["c"]), "c": (upstream: ["b"])}"#;
    assert_eq!(complaints(&[("resolvers", loops)], &[]), ["forwarders in a loop: b -> c -> b @ [\"b\"]"]);
    let nothing = r#"{"isp": (upstream: [])}"#;
    assert_eq!(complaints(&[("resolvers", nothing)], &[]), ["a forwarder without an upstream @ []"]);
    let chain = r#"{"isp": (upstream: ["up{i}"]), "up{i}": (count: 2)}"#;
    assert_eq!(small(&[("resolvers", chain)]).dns.resolvers[0].upstream.len(), 2);
}

#[test]
fn a_probe_looks_at_every_cache_of_a_farm() {
    let model = small(&[
        ("resolvers", r#"{"isp": (farm: 3, weights: [1, 1, 2])}"#),
        ("probes", r#"{"look": (resolver: "is*", asks: ("example.org", MX), every: "1m", how: Ask)}"#),
    ]);
    assert_eq!((model.dns.probes[0].caches.len(), model.dns.probes[0].how), (3, ProbeKind::Ask));
    assert_eq!(model.dns.resolvers[0].farm.share(2), 0.5);
    assert_eq!(
        complaints(&[("resolvers/isp", "(farm: 3, weights: [1, 2])")], &[]),
        ["2 weights for 3 caches @ [1, 2]"]
    );
}

#[test]
fn a_resolver_that_nothing_asks_is_a_warning() {
    let found = complaints(&[("resolvers/spare", "()")], &[]);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("nothing asks the resolver `spare` @ "), "{found:?}");
}

#[test]
fn a_client_may_ask_for_what_does_not_exist() {
    let clients = r#"{"c": (resolver: "isp", asks: [("nobody.example", MX), ("example.org", A)],
                            popularity: Weights([3, 1]), arrivals: Poisson(rate: "1/h"))}"#;
    let model = small(&[("clients", clients)]);
    assert_eq!(model.dns.clients[0].choice.share(0), 0.75);
    assert_eq!(rdata(&model, "nobody.example", RecordType::Mx), "nothing");
    let clients = clients.replace("[3, 1]", "[0, 0]");
    assert_eq!(complaints(&[("clients", &clients)], &[]), ["the weights are all 0 @ Weights([0, 0])"]);
}

#[test]
fn a_zone_is_found_without_itself() {
    let zones = |first: &str, second: &str| {
        format!(
            "{{\"example.org\": (ns: [\"{first}\"], mx: [(10, \"mx.example.org\")]), \"b.net\": (ns: [\"{second}\"])}}"
        )
    };
    let servers = ("servers", r#"{"ns.example.org": (), "ns.b.net": (), "ns.c.com": ()}"#);
    for (first, second) in [
        ("ns.b.net", "ns.b.net"),
        ("ns.b.net", "ns.c.com"),
        ("ns.example.org", "ns.example.org"),
        ("ns.c.com", "ns.c.com"),
    ] {
        small(&[servers, ("zones", &zones(first, second))]);
    }
    assert_eq!(
        complaints(&[servers, ("zones", &zones("ns.b.net", "ns.example.org"))], &[]),
        [
            "the name servers of `example.org` cannot be found: they are named in zones that need it @ [\"ns.b.net\"]",
            "the name servers of `b.net` cannot be found: they are named in zones that need it @ [\"ns.example.org\"]",
        ]
    );
}
