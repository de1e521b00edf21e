//! Rules of the RFCs that concern a cache, by their numbers in the reference page. The others: 7, 8, 14 and 21 to 23 are of
//! servers and the walk (`tests/authority`); 17, 18 and 20 of mail (`rfc_mail.rs`).

use mxsim::dns::{Outcome, Source};
use mxsim::model::Model;
use mxsim::model::dns::{Rules, TTL_MAX_S};
use mxsim::scenario::tree::RecordType::{A, Cname, Mx, Txt};

use crate::bench::{Bench, model, world};

/// One zone with a TTL, and a resolver that follows these rules.
fn lab(ttl_s: u32, rules: &str) -> Model {
    let zones = format!(
        r#""d.lab": (ttls: (mx: "{ttl_s}s", a: "{ttl_s}s", cname: "20s", negative: "60s", ns: "3650d", glue: "3650d"), ns: ["ns.lab"],
            mx: [(10, "old.lab")], addresses: {{ "www.d.lab": ["old.lab"] }}, cnames: {{ "alias.d.lab": "www.d.lab" }}),
        "other.lab": (mx: [(10, "new.lab")], ns: ["ns.lab"]),"#
    );
    let clients = r#"clients: { "c": (resolver: "r", arrivals: Periodic(every: "1h"), asks: [("d.lab", MX), ("alias.d.lab", A),
        ("no.d.lab", MX), ("x.no.d.lab", MX), ("www.d.lab", TXT)]) }"#;
    model(&world("measure: \"1h\"", &zones, &format!("\"r\": (software: {rules}),"), clients))
}

fn rules(text: &str) -> Rules {
    lab(60, text).dns.resolvers[0].rules.clone()
}

#[test]
fn rule_1_a_ttl_bounds_how_long_and_zero_is_for_one_transaction() {
    let model = lab(30, "Bind(prefetch: Off)");
    let mut bench = Bench::new(&model);
    let sources = [100.0, 129.9, 130.0].map(|now| bench.ask(now, "r", "d.lab", Mx).0.source);
    assert_eq!(sources, [Source::Miss, Source::Hit, Source::Miss]);
    // Knot Resolver and PowerDNS keep it for 5 s and 1 s: their minimum TTLs.
    for (software, fetches) in [("Ideal()", 3), ("Unbound()", 3), ("Bind()", 3), ("KnotResolver()", 1)] {
        let model = lab(0, software);
        let mut bench = Bench::new(&model);
        bench.lead(1.0, "r", "d.lab");
        for now in [100.0, 100.5, 101.2] {
            assert!(matches!(bench.ask(now, "r", "d.lab", Mx).0.outcome, Outcome::Data(_)));
        }
        assert_eq!(bench.queries("r", "d.lab", Mx), fetches, "{software}");
    }
}

#[test]
fn rule_2_the_ttl_counts_down_so_that_chains_do_not_lengthen_it() {
    let zones = r#""d.lab": (ttls: (mx: "100s", ns: "3650d", glue: "3650d"), ns: ["ns.lab"], mx: [(10, "old.lab")]),"#;
    // Ten hops, more than resolvers nest questions.
    let mut chain = String::from("\"h10\": (software: Bind()),");
    for hop in 0..10 {
        chain += &format!("\"h{hop}\": (software: Bind(), upstream: [\"h{}\"]),", hop + 1);
    }
    let clients = "clients: { \"c\": (resolver: \"h0\", asks: [(\"d.lab\", MX)], arrivals: Periodic(every: \"1h\")) }";
    let model = model(&world("measure: \"1h\"", zones, &chain, clients));
    let mut bench = Bench::new(&model);
    assert_eq!(bench.ask(100.0, "h10", "d.lab", Mx).0.ttl_s, 100);
    assert_eq!(bench.ask(140.0, "h5", "d.lab", Mx).0.ttl_s, 60);
    assert_eq!(bench.ask(150.0, "h0", "d.lab", Mx).0.ttl_s, 50);
    let (last, _) = bench.ask(199.9, "h0", "d.lab", Mx);
    assert_eq!((last.ttl_s, last.source), (1, Source::Hit));
    assert_eq!(bench.ask(200.0, "h0", "d.lab", Mx).0.source, Source::Miss);
}

#[test]
fn rule_3_a_ttl_with_the_top_bit_is_zero_or_large() {
    let top = TTL_MAX_S + 1 + 60;
    assert_eq!(rules("UnboundPre125()").positive_ttl_s(top), 0);
    assert_eq!(rules("Unbound()").positive_ttl_s(top), 86_400);
    assert_eq!(rules("Bind()").positive_ttl_s(top), 604_800);
    assert_eq!(rules("KnotResolver()").positive_ttl_s(top), 86_400);
    assert_eq!(rules("Ideal()").positive_ttl_s(TTL_MAX_S), TTL_MAX_S);
}

#[test]
fn rule_4_records_of_one_rrset_with_different_ttls_are_kept_by_one_of_them() {
    // The least of them for all (RFC 2181 section 5.2), but with Knot Resolver the first.
    for (software, kept_s) in
        [("Ideal()", 5), ("Bind()", 5), ("Unbound()", 5), ("PowerDnsRecursor()", 5), ("KnotResolver()", 30)]
    {
        let zones = r#""d.lab": (ttls: (mx: "30s", ns: "3650d", glue: "3650d"), ns: ["ns.lab"],
            mx: [(10, "old.lab"), (20, "new.lab")], unequal_ttls: [("d.lab", MX, "5s")]),"#;
        let clients = r#"clients: { "c": (resolver: "r", asks: [("d.lab", MX)], arrivals: Periodic(every: "1h")) }"#;
        let model = model(&world("measure: \"1h\"", zones, &format!("\"r\": (software: {software}),"), clients));
        let mut bench = Bench::new(&model);
        assert_eq!(bench.ask(100.0, "r", "d.lab", Mx).0.ttl_s, kept_s, "{software}");
        assert_eq!(bench.ask(104.5, "r", "d.lab", Mx).0.source, Source::Hit, "{software}");
        let later = bench.ask(106.5, "r", "d.lab", Mx).0.source;
        assert_eq!(later, if kept_s == 5 { Source::Miss } else { Source::Hit }, "{software}");
        // Whoever sets its TTL sets it for all records.
        let question = bench.question("d.lab", Mx);
        bench.dns.set_ttl(question, 30);
        assert_eq!(bench.ask(200.0, "r", "d.lab", Mx).0.ttl_s, 30, "{software}");
    }
}

#[test]
fn rule_5_additional_addresses_answer_no_direct_question() {
    let model = lab(300, "Bind()");
    let mut bench = Bench::new(&model);
    bench.ask(100.0, "r", "d.lab", Mx);
    let (answer, _) = bench.ask(101.0, "r", "old.lab", A);
    assert_eq!((answer.source, bench.queries("r", "old.lab", A)), (Source::Miss, 1));
}

#[test]
fn rule_6_an_rrset_is_replaced_as_a_whole() {
    let model = lab(30, "Ideal()");
    let mut bench = Bench::new(&model);
    let old = bench.ask(100.0, "r", "d.lab", Mx).0.outcome;
    bench.wait(110.0);
    bench.set("d.lab", Mx, bench.mx("new.lab"), 30);
    let stale = bench.ask(111.0, "r", "d.lab", Mx).0;
    assert_eq!((stale.outcome, stale.stale, stale.data_version), (old, true, 0));
    let new = bench.ask(131.0, "r", "d.lab", Mx).0;
    assert_eq!((new.outcome, new.stale, new.data_version), (Outcome::Data(bench.mx("new.lab")), false, 1));
}

#[test]
fn rule_9_nxdomain_is_of_the_name_and_nodata_of_name_and_type() {
    let model = lab(300, "Ideal()");
    let mut bench = Bench::new(&model);
    assert_eq!(bench.ask(100.0, "r", "no.d.lab", Mx).0.outcome, Outcome::NxDomain);
    let (other, _) = bench.ask(101.5, "r", "no.d.lab", A);
    assert_eq!((other.outcome, other.source, other.ttl_s), (Outcome::NxDomain, Source::Negative, 59));
    assert_eq!(bench.ask(160.1, "r", "no.d.lab", A).0.source, Source::Miss);
    assert_eq!(bench.ask(200.0, "r", "www.d.lab", Txt).0.outcome, Outcome::NoData);
    assert_eq!(bench.ask(201.0, "r", "www.d.lab", Txt).0.source, Source::Negative);
    assert_eq!(bench.ask(202.0, "r", "www.d.lab", A).0.source, Source::Miss);
    // What exists now of one type makes the answer old for that type only.
    bench.set("no.d.lab", Mx, bench.mx("new.lab"), 300);
    let mx = bench.ask(203.0, "r", "no.d.lab", Mx).0;
    let a = bench.ask(204.0, "r", "no.d.lab", A).0;
    assert_eq!((mx.outcome, mx.stale, mx.data_version), (Outcome::NxDomain, true, 0));
    assert_eq!((a.stale, a.data_version), (false, 0));
}

#[test]
fn rule_10_without_soa_nothing_is_kept_unless_the_software_does() {
    let kept = ["Ideal()", "Bind()", "Unbound()", "KnotResolver()", "PowerDnsRecursor()"];
    let kept = kept.map(|software| rules(software).negative_ttl_s(None));
    assert_eq!(kept, [0, 0, 5, 5, 60]);
}

#[test]
fn rule_11_negative_answers_are_capped() {
    let soa = Some((1_000_000, 1_000_000));
    let caps =
        ["Bind()", "Unbound()", "KnotResolver()", "PowerDnsRecursor()"].map(|name| rules(name).negative_ttl_s(soa));
    assert_eq!(caps, [10_800, 3600, 86_400, 3600]);
    assert_eq!(rules("UnboundPre125(min_ttl: \"15s\", max_negative_ttl: \"7s\")").negative_ttl_s(Some((10, 10))), 7);
    assert_eq!(rules("Bind(min_ttl: \"15s\")").negative_ttl_s(Some((10, 10))), 10);
}

/// Asks while all servers are down: when a failure is remembered and when it is tried again.
#[test]
fn rules_12_and_13_failures_are_kept_one_second_to_five_minutes() {
    for (software, kept) in [("Ideal()", 1.0), ("Bind()", 1.0), ("PowerDnsRecursor()", 60.0)] {
        let model = lab(30, software);
        let mut bench = Bench::new(&model);
        bench.down.0.extend((0..model.dns.servers.len() as u32).map(mxsim::model::ServerId));
        let (failed, took) = bench.ask(100.0, "r", "d.lab", Mx);
        assert_eq!((failed.outcome, failed.source), (Outcome::ServFail, Source::Miss), "{software}");
        // PowerDNS counts whole seconds, from the one in which it failed.
        let until = if kept == 60.0 { (100.0 + took + kept).floor() } else { 100.0 + took + kept };
        let (again, _) = bench.ask(until - 0.001, "r", "d.lab", Mx);
        assert_eq!((again.outcome, again.source), (Outcome::ServFail, Source::Failure), "{software}");
        // Of another type nothing is known.
        bench.down.0.clear();
        assert!(matches!(bench.ask(until - 0.0005, "r", "www.d.lab", A).0.outcome, Outcome::Data(_)), "{software}");
        assert_eq!(bench.ask(until + 0.001, "r", "d.lab", Mx).0.source, Source::Miss, "{software}");
    }
}

#[test]
fn rule_15_stale_answers_come_after_a_failure_or_a_while_and_end() {
    let stale = "Ideal(serve_stale: After(\"1800ms\"), max_stale: \"1h\")";
    let model = lab(30, stale);
    let mut bench = Bench::new(&model);
    bench.ask(100.0, "r", "d.lab", Mx);
    bench.down.0.extend((0..model.dns.servers.len() as u32).map(mxsim::model::ServerId));
    let (late, took) = bench.ask(200.0, "r", "d.lab", Mx);
    assert_eq!((late.source, late.ttl_s, took), (Source::Expired, 30, 1.8));
    // The refresh goes on to fail 10 s after it began; for 30 s from then nobody waits.
    let (at_once, took) = bench.ask(215.0, "r", "d.lab", Mx);
    assert_eq!((at_once.source, took), (Source::Expired, 0.0));
    let (tried, took) = bench.ask(241.0, "r", "d.lab", Mx);
    assert_eq!((tried.source, took), (Source::Expired, 1.8));
    let (over, _) = bench.ask(130.0 + 3600.0, "r", "d.lab", Mx);
    assert_eq!(over.outcome, Outcome::ServFail);
    // Back again, and switched off.
    bench.down.0.clear();
    bench.ask(4000.0, "r", "d.lab", Mx);
    bench.down.0.extend((0..model.dns.servers.len() as u32).map(mxsim::model::ServerId));
    bench.dns.set_serve_stale(mxsim::model::ResolverId(0), mxsim::scenario::tree::ServeStale::Off);
    assert_eq!(bench.ask(4100.0, "r", "d.lab", Mx).0.outcome, Outcome::ServFail);
}

#[test]
fn rule_16_nothing_is_below_a_name_that_does_not_exist_where_that_is_used() {
    for (software, source) in
        [("Ideal()", Source::Miss), ("Unbound()", Source::Miss), ("Ideal(nxdomain_cut: true)", Source::Negative)]
    {
        let model = lab(30, software);
        let mut bench = Bench::new(&model);
        bench.ask(100.0, "r", "no.d.lab", Mx);
        let below = bench.ask(101.0, "r", "x.no.d.lab", Mx).0;
        assert_eq!((below.outcome, below.source), (Outcome::NxDomain, source), "{software}");
    }
}

#[test]
fn rule_19_an_alias_is_followed_and_each_keeps_its_ttl() {
    let model = lab(300, "Unbound()");
    let mut bench = Bench::new(&model);
    let (first, _) = bench.ask(100.0, "r", "alias.d.lab", A);
    assert_eq!((model.dns.names.text(first.owner), first.ttl_s), ("www.d.lab", 20));
    assert_eq!(bench.ask(110.0, "r", "www.d.lab", A).0.ttl_s, 290);
    bench.ask(125.0, "r", "alias.d.lab", A);
    assert_eq!(bench.queries("r", "www.d.lab", A), 1);
}

#[test]
fn rule_24_minimum_is_no_floor_of_ttls() {
    let model = lab(30, "Unbound()");
    let mut bench = Bench::new(&model);
    // MINIMUM is 60 s.
    assert_eq!(bench.ask(100.0, "r", "d.lab", Mx).0.ttl_s, 30);
}

#[test]
fn a_forwarder_keeps_what_is_at_the_end_of_an_alias() {
    let zones = r#""d.lab": (ttls: (a: "300s", cname: "100s", ns: "3650d", glue: "3650d"), ns: ["ns.lab"],
        addresses: { "www.d.lab": ["old.lab"] }, cnames: { "alias.d.lab": "www.d.lab" }),"#;
    let resolvers = r#""r": (software: Bind()), "f": (software: Bind(), upstream: ["r"]),"#;
    let clients = r#"clients: { "c": (resolver: "f", asks: [("alias.d.lab", A)], arrivals: Periodic(every: "1h")) }"#;
    let model = model(&world("measure: \"1h\"", zones, resolvers, clients));
    let mut bench = Bench::new(&model);
    let (first, _) = bench.ask(100.0, "f", "alias.d.lab", A);
    assert!(!first.stale && first.ttl_s == 100);
    let (hit, _) = bench.ask(150.0, "f", "alias.d.lab", A);
    assert_eq!((hit.source, hit.stale, hit.ttl_s), (Source::Hit, false, 50));
    let question = bench.question("alias.d.lab", A);
    let cache = crate::bench::cache_of(&model, "f");
    assert_eq!(bench.dns.peek(bench.now(), cache, question).map(|seen| seen.0), Some(bench.dns.current(question)));
    // The alias goes, and with it what it led to.
    bench.set("alias.d.lab", Cname, mxsim::model::DataId::ABSENT, 100);
    assert!(bench.ask(160.0, "f", "alias.d.lab", A).0.stale);
}

#[test]
fn a_negative_answer_is_old_when_an_alias_has_come() {
    let model = lab(300, "Ideal()");
    let mut bench = Bench::new(&model);
    assert!(!bench.ask(100.0, "r", "no.d.lab", A).0.stale);
    let question = bench.question("alias.d.lab", Cname);
    let alias = bench.dns.current(question);
    bench.set("no.d.lab", Cname, alias, 300);
    let old = bench.ask(101.0, "r", "no.d.lab", A).0;
    assert_eq!((old.outcome, old.stale), (Outcome::NxDomain, true));
}

#[test]
fn a_forwarder_asks_the_next_upstream_when_one_is_silent_or_fails() {
    let zones = r#""d.lab": (ttls: (mx: "60s", ns: "3650d", glue: "3650d"), ns: ["ns.d.lab"], mx: [(10, "old.lab")]),"#;
    let resolvers = r#""slow": (software: Ideal(timeouts: ["30s"])), "f": (software: Unbound(discard_timeout: "0s"), upstream: ["slow", "slow"]),
        "quick": (software: Ideal(timeouts: ["100ms"])), "quick2": (software: Ideal(timeouts: ["100ms"])), "g": (software: Unbound(), upstream: ["quick", "quick2"]),"#;
    let more = r#"clients: { "c": (resolver: "f", asks: [("d.lab", MX)], arrivals: Periodic(every: "1h")),
        "e": (resolver: "g", asks: [("d.lab", MX)], arrivals: Periodic(every: "1h")) }"#;
    let text = world("measure: \"1h\"", zones, resolvers, more)
        .replace(r#"servers: { "#, r#"servers: { "ns.d.lab": (latency: "0s"), "#);
    let model = model(&text);
    let mut bench = Bench::new(&model);
    bench.down.0.extend((0..model.dns.servers.len() as u32).map(mxsim::model::ServerId));
    // Both upstreams fail after 100 ms: 200 ms in all, no time-out of its own.
    let (failed, took) = bench.ask(100.0, "g", "d.lab", Mx);
    assert_eq!((failed.outcome, (took * 1e3).round()), (Outcome::ServFail, 200.0));
    // A silent upstream is asked again after 376 ms, twice that after both, and so on, for 34 s in all; its 30 s time-out has to
    // pass, and the answer comes with it.
    let (late, took) = bench.ask(200.0, "f", "d.lab", Mx);
    assert_eq!((late.outcome, took >= 30.0), (Outcome::ServFail, true));
}

#[test]
fn a_full_cache_lets_go_what_was_used_least_recently() {
    let model = lab(
        3000,
        "Dnsmasq(cached_types: [MX, A, AAAA, CNAME, TXT], cache_size: 2), upstream: [\"up\"]), \"up\": (software: Ideal()",
    );
    let mut bench = Bench::new(&model);
    for (now, name, kind) in [(1.0, "d.lab", Mx), (2.0, "www.d.lab", A), (3.0, "d.lab", Mx), (4.0, "other.lab", Mx)] {
        bench.ask(now, "r", name, kind);
    }
    assert_eq!(bench.seen.flushed, [bench.question("www.d.lab", A)]);
    let sources = [("d.lab", Mx), ("other.lab", Mx), ("www.d.lab", A)]
        .map(|(name, kind)| bench.ask(5.0, "r", name, kind).0.source);
    assert_eq!(sources, [Source::Hit, Source::Hit, Source::Miss]);
}

#[test]
fn a_cache_that_is_told_of_changes_is_never_old_and_pays_a_message() {
    let model = lab(3000, "Pushed()");
    let mut bench = Bench::new(&model);
    bench.ask(100.0, "r", "d.lab", Mx);
    bench.wait(110.0);
    bench.set("d.lab", Mx, bench.mx("new.lab"), 3000);
    assert_eq!(bench.seen.pushes, 1);
    let (answer, _) = bench.ask(110.0, "r", "d.lab", Mx);
    assert_eq!((answer.source, answer.stale), (Source::Miss, false));
    // It holds nothing of another name: nothing is sent.
    bench.set("other.lab", Mx, bench.mx("old.lab"), 3000);
    assert_eq!(bench.seen.pushes, 1);
}
