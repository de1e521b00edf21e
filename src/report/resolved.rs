//! A scenario with its defaults written out.

use ron::Options;
use ron::extensions::Extensions;
use ron::ser::PrettyConfig;

use crate::model::compile::{DELEGATION_TTL_S, NEGATIVE_TTL_S, TTL_S, presets};
use crate::scenario::tree::Scenario;
use crate::scenario::units::seconds;

/// The scenario with what its resolvers have from their presets written out, a number a field, and the defaults of zones
/// and regions. What follows another field, such as the TTL of a type that of its zone, stays `None`: a variant may change
/// that field.
pub fn with_presets(mut scenario: Scenario) -> Scenario {
    for zone in scenario.zones.values_mut().filter(|zone| zone.zone_file.is_none()) {
        let ttls = &mut zone.ttls;
        let defaults = [
            (&mut zone.ttl, TTL_S),
            (&mut ttls.negative, NEGATIVE_TTL_S),
            (&mut ttls.ns, DELEGATION_TTL_S),
            (&mut ttls.glue, DELEGATION_TTL_S),
        ];
        defaults.into_iter().for_each(|(field, default)| {
            field.get_or_insert(seconds(u64::from(default)));
        });
    }
    if let Some(first) = scenario.regions.keys().next().filter(|name| !name.contains('{')).cloned() {
        let hosts = scenario.hosts.values_mut().map(|host| &mut host.region);
        let servers = scenario.servers.values_mut().map(|server| &mut server.region);
        let senders = scenario.senders.values_mut().map(|sender| &mut sender.region);
        let all = hosts.chain(servers).chain(senders);
        all.for_each(|region| {
            region.get_or_insert_with(|| first.clone());
        });
    }
    for resolver in scenario.resolvers.values_mut() {
        let (name, own) = resolver.software.parts();
        let all = own.or(&presets::resolver_rules(name));
        *resolver.software.rules_mut() = all;
    }
    scenario
}

/// The scenario as RON that reads again as the same scenario, every default in it.
///
/// # Errors
/// What RON cannot write; nothing that was read from RON.
pub fn to_ron(scenario: &Scenario) -> Result<String, ron::Error> {
    let options =
        Options::default().with_default_extension(Extensions::IMPLICIT_SOME | Extensions::UNWRAP_VARIANT_NEWTYPES);
    // Lines end alike on every system.
    let pretty = PrettyConfig::new().new_line("\n").indentor("    ").struct_names(false);
    options.to_string_pretty(scenario, pretty).map(|text| text + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::diagnostic::SourceText;
    use crate::scenario::read::read;
    use std::sync::Arc;

    fn parse(text: &str) -> Scenario {
        let source = Arc::new(SourceText { name: "a.ron".into(), text: text.into() });
        read(&source).unwrap_or_else(|problems| panic!("{}", crate::scenario::render::render(&problems, false)))
    }

    #[test]
    fn a_resolved_scenario_reads_again_as_itself() {
        let scenario = parse(
            r#"(
                title: "every kind of \"value\"",
                run: (warmup: "1h30m", confidence: 0.9),
                regions: { "eu": (rtt: "lognormal(median 5ms, sigma 0.3)"), "us": () },
                links: [(between: ("eu", "us"), rtt: "85ms", loss: 0.001, bandwidth: "100Mbit/s")],
                zones: { "a.example": (ttl: "5m", ttls: (negative: "1m"), sts: (mx: ["*.a.example"]), mx: [(10, "mx.a.example"), (20, "mx2.a.example")]) },
                hosts: {
                    "mx.a.example": (sessions: 3, when_full: Busy, fails: Reply(stage: Rcpt, code: 451), software: Postfix(default_process_limit: 50), backlog: 9,
                        chances: [(share: 0.1, fails: Lost(stage: Data), per: Message)], greylist: Postgrey(delay: "1m"), client_limits: (messages: 9), unknown_users: 0.1,
                        tarpit: (reply: "1s"), size_limit: (bytes: "1MB"), disk: (capacity: "1GB", drains: "1MB/s"), discards: 0.1, store: (lag: "1s"), up: "exponential(5d)", down: "weibull(scale 3h, shape 0.75)"),
                    "mx2.a.example": (relays_for: ["a.example"], retry: Exim(rule: "* * F,2h,15m"), smtp: (tls: Off)),
                },
                resolvers: { "isp": (software: Ideal(max_ttl: "1d"), farm: 2), "old": (software: WholeSecond()) },
                clients: { "u-{i}": (count: 3, resolver: "isp", asks: [("a.example", MX)], arrivals: Poisson(rate: "12/h"), popularity: Zipf(0.9)) },
                probes: { "p": (resolver: "isp", asks: ("a.example", MX), every: "1m", how: Peek) },
                senders: {
                    "s": (resolver: "isp", null_sender: 0.1, mta_sts: true, return_path: "a.example", addresses: 4, networks: 2, correspondents: 9, arrivals: Burst(at: "warmup", count: 5), to: Weights({"a.example": 1.0}), retry: Qmail()),
                    "t": (resolver: "isp", arrivals: Diurnal(per_day: 1000), to: Uniform(zones: "*.example"), recipients: "uniform(1, 4)", size: "12KiB",
                          retry: Custom(schedule: Exponential(base: "1m", factor: 2), jitter: Share(0.1), scan: "10s", keyed_on: Host(rest: "1m")),
                          queue: Postqueue(file: "q.json"), client: (shuffle: Names, syn: Linear, timeouts: (mail: "1m"))),
                },
                risks: { "power": (outages: "power.csv", fails: BlackHole) },
                timeline: [
                    (name: "cut", at: "warmup + 1h", do: SetMx(zone: "a.example", mx: [])),
                    (at: "cut + 1h", do: Outage(host: "mx.a.example", mode: SilentAt(stage: Rcpt)), for: "6h"),
                    (at: "Tue 07:00", do: SetCname(name: "x.a.example", to: None)),
                    (at: "3h", do: SetSessions(host: "mx.a.example", sessions: 5)),
                ],
                variants: { "short": { "zones/a.example/ttl": "1m" } },
                objectives: [(measure: "delivery_latency.p99", below: "10m")],
            )"#,
        );
        let text = to_ron(&scenario).unwrap();
        assert_eq!(parse(&text), scenario, "{text}");
        assert!(text.contains("event_budget") && text.contains("maximal_queue_lifetime"), "{text}");
        assert_eq!(to_ron(&parse(&text)).unwrap(), text);
    }

    #[test]
    fn defaults_of_zones_and_regions_are_written_out_and_what_follows_another_field_is_not() {
        let written = to_ron(&with_presets(parse(
            r#"(title: "a", regions: { "eu": (), "us": () }, hosts: { "mx.a.example": (), "mx2.a.example": (region: "us") },
                zones: { "a.example": (mx: [(10, "mx.a.example")]), "b.example": (ttl: "5m", ttls: (ns: "1h")) })"#,
        )))
        .unwrap();
        let count = |text: &str| written.matches(text).count();
        assert_eq!((count("ttl: \"1h\""), count("ttl: \"5m\"")), (1, 1), "{written}");
        assert_eq!((count("negative: \"15m\""), count(" ns: \"2d\""), count(" ns: \"1h\"")), (2, 1, 1), "{written}");
        assert_eq!((count("region: \"eu\""), count("region: \"us\"")), (1, 1), "{written}");
        assert_eq!((count("glue: \"2d\""), count(" mx: None")), (2, 2), "{written}");
    }

    #[test]
    fn what_resolvers_have_from_their_presets_is_written_out_and_means_the_same() {
        use crate::model::compile::{Memory, load_source};
        let model = |text: &str| {
            let source = Arc::new(SourceText { name: "a.ron".into(), text: text.into() });
            let loaded = load_source(&source, &[], &mut Memory::default());
            let loaded = loaded.unwrap_or_else(|all| panic!("{}", crate::scenario::render::render(&all, false)));
            let resolvers = &loaded.variants[0].model.dns.resolvers;
            (
                loaded.variants[0].scenario.clone(),
                format!("{:?}", resolvers.iter().map(|r| &r.rules).collect::<Vec<_>>()),
            )
        };
        let names = ["Ideal", "WholeSecond", "Unbound", "UnboundPre125", "Bind", "BindParentCentric", "KnotResolver"];
        let names = names.into_iter().chain(["PowerDnsRecursor", "Pushed"]);
        let resolvers: String =
            names.map(|name| format!("\"{name}\": (software: {name}(max_ttl: \"12h\")),")).collect();
        let text = format!(
            r#"(title: "presets", zones: {{ "a.example": () }}, resolvers: {{ {resolvers}
                "forwarder": (software: Dnsmasq(), upstream: ["Bind"]) }})"#
        );
        let (scenario, rules) = model(&text);
        let written = to_ron(&with_presets(scenario)).unwrap();
        assert_eq!(model(&written).1, rules);
        // Unbound's `cache-max-ttl` is overridden, its `cache-max-negative-ttl` is not.
        assert!(written.contains("max_ttl: \"12h\"") && written.contains("max_negative_ttl: \"1h\""), "{written}");
        assert!(!written.contains("serve_stale: None"), "{written}");
    }
}
