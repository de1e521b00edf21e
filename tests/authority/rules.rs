//! RFC requirements on delegation, authority and the walk, numbered as in the table of 24 that the resolvers were read by.
//!
//! Elsewhere: 1 to 4, 6, 9 to 12 and 15 are about what a cache keeps; 17, 18 and 20 about what mail makes of an answer;
//! 21 to 23 stand in `lag.rs`. Rule 13's "not more than 3 queries to one address" is what Unbound departs from (ten
//! packets to two servers, measured), and its preset does too; how long failures are kept is the caches' part of it.

use mxsim::dns::Outcome;
use mxsim::model::NameId;
use mxsim::model::dns::Rdata;
use mxsim::scenario::tree::RecordType;

use crate::watch::{Watch, label_of, model, seconds, watch, watch_text};

/// `d.lab` on `ns1.d.lab`, asked for what `asks` lists, in turn of `every`; `zone`, `more` and `software` as written.
fn scenario(zone: &str, more: &str, software: &str, asks: &str, every: &str) -> String {
    format!(
        r#"(
        title: "rules",
        run: (measure: "100s", drain: "0s"),
        regions: {{ "here": (rtt: "0s"), "there": (rtt: "0s") }},
        links: [(between: ("here", "there"), rtt: "0s")],
        zones: {{ "d.lab": ({zone} mx: [(10, "mx.d.lab"), (20, "mx.other.lab")]), {more} }},
        servers: {{ "ns1.d.lab": (latency: "1ms"), "ns2.d.lab": (latency: "1ms"), "ns.other.lab": (latency: "1ms", region: "there") }},
        hosts: {{ "mx.d.lab": (), "mx.other.lab": () }},
        resolvers: {{ "r": {software} }},
        clients: {{ "c": (resolver: "r", asks: {asks}, arrivals: Periodic(every: "{every}", offset: "1s")) }},
    )"#
    )
}

const MX: &str = r#"[("d.lab", MX)]"#;

fn queries_for(watch: &Watch, kind: RecordType) -> usize {
    watch.queries.iter().filter(|(.., question)| question.kind() == kind).count()
}

/// Addresses that come in the additional section are no answers (RFC 2181 section 5.4.1): a direct question for the
/// exchange's address goes upstream, in every software (measured, exp4).
#[test]
fn rule_5_addresses_of_the_additional_section_answer_no_question() {
    for software in ["UnboundPre125()", "Bind()", "KnotResolver()", "PowerDnsRecursor()", "Ideal()"] {
        let clients = r#"[("d.lab", MX)], arrivals: Burst(at: "1s", count: 1, over: "0s")),
                         "a": (resolver: "r", asks: [("mx.d.lab", A)]"#;
        let text = scenario(r#"ns: ["ns1.d.lab"],"#, "", &format!("(software: {software})"), clients, "200s")
            .replace(r#"offset: "1s""#, r#"offset: "2s""#);
        let model = model(&text);
        let watch = watch(&model, 0);
        let direct = watch.queries.iter().filter(|(at, _, _, question)| {
            seconds(*at) >= 2.0
                && question.kind() == RecordType::A
                && model.dns.names.text(question.name()) == "mx.d.lab"
        });
        assert_eq!(direct.count(), 1, "{software}");
        assert_eq!(watch.lookups.len(), 2);
    }
}

/// A resolver that goes by the child's NS keeps it against the parent's, which ranks lower; the child answers a question
/// for NS with its own TTL (RFC 1034 section 4.2.1, RFC 2181 sections 5.4.1 and 6.1).
#[test]
fn rule_7_the_childs_ns_rrset_is_the_authoritative_one() {
    let zone = r#"ns: ["ns1.d.lab", "ns2.d.lab"], ttls: (ns: "1h", child_ns: "77s"),"#;
    let text = scenario(zone, "", "(software: Ideal())", r#"[("d.lab", NS)]"#, "200s");
    let model = model(&text);
    let watch = watch(&model, 0);
    let answer = watch.lookups[0].answer;
    let Outcome::Data(data) = answer.outcome else { panic!("{answer:?}") };
    assert!(matches!(&model.dns.data[data.index()], Rdata::Ns(servers) if servers.len() == 2));
    assert_eq!(answer.ttl_s, 77);
    assert_eq!(label_of(&model, watch.queries[2].1).len(), 3, "the child is asked: {:?}", watch.queries);
}

/// The server sends the SOA of a negative answer with the lesser of its TTL and MINIMUM (RFC 2308 section 3).
#[test]
fn rule_8_the_server_trims_the_soa_of_a_negative_answer() {
    let ttl_s = |zone: &str| {
        let zone = format!("ns: [\"ns1.d.lab\"], {zone}");
        let text = scenario(&zone, "", "(software: Bind())", r#"[("no.d.lab", MX)]"#, "200s");
        let watch = watch_text(&text);
        assert_eq!(watch.lookups[0].answer.outcome, Outcome::NxDomain);
        watch.lookups[0].answer.ttl_s
    };
    assert_eq!(ttl_s(r#"ttls: (soa: "60s", minimum: "10s"),"#), 10);
    assert_eq!(ttl_s(r#"ttls: (soa: "20s", minimum: "30s"),"#), 20);
    assert_eq!(ttl_s(r#"ttls: (soa: "60s", minimum: "10s"), negative_soa: Untrimmed,"#), 60);
}

/// While the cut is cached, a zone whose servers are all silent costs its parent nothing (RFC 9520 section 3.3). But Unbound asks
/// it once more for the addresses of each server before it gives a fetch up (iterator.c, processLastResort; seen at 17.3 s
/// with one silent server).
#[test]
fn rule_14_the_parent_of_a_failed_zone_is_not_asked_again() {
    for software in ["UnboundPre125()", "Bind()", "KnotResolver()", "PowerDnsRecursor()", "Ideal()"] {
        let text = scenario(r#"ns: ["ns1.d.lab"],"#, "", &format!("(software: {software})"), MX, "10s");
        let text = text.replace(
            "clients:",
            r#"timeline: [(at: "0s", do: Outage(server: "ns1.d.lab", mode: BlackHole))], clients:"#,
        );
        let model = model(&text);
        let watch = watch(&model, 0);
        let above = watch.queries.iter().filter(|(_, server, ..)| label_of(&model, *server) == "a");
        // The root and `lab`, once each; the A and the AAAA record of the one server.
        let at_last = if software == "UnboundPre125()" { 2 } else { 0 };
        assert_eq!(above.count(), 2 + at_last, "{software}");
        assert!(watch.queries_at(&model, "ns1") > 1, "{software}");
    }
}

/// A name with something below it exists: NODATA, not NXDOMAIN (RFC 8020 section 2).
#[test]
fn rule_16_nxdomain_means_that_nothing_is_below() {
    let zone = r#"ns: ["ns1.d.lab"], txt: {"x.y.d.lab": ["deep"]},"#;
    let outcome = |name: &str| {
        let text = scenario(zone, "", "(software: Ideal())", &format!("[(\"{name}\", TXT)]"), "200s");
        watch_text(&text).lookups[0].answer.outcome
    };
    assert_eq!(outcome("y.d.lab"), Outcome::NoData);
    assert_eq!(outcome("z.d.lab"), Outcome::NxDomain);
    assert_eq!(outcome("a.x.y.d.lab"), Outcome::NxDomain);
    assert!(matches!(outcome("x.y.d.lab"), Outcome::Data(_)));
}

/// An alias at the mail domain is followed before MX, an alias at an exchange before its address (RFC 5321 section 5.1).
#[test]
fn rule_19_an_alias_is_followed_at_the_owner_and_at_the_target() {
    let zone = r#"ns: ["ns1.d.lab"], cnames: {"www.d.lab": "d.lab", "relay.d.lab": "mx.other.lab"},"#;
    let owner = |name: &str, kind: &str| {
        let text = scenario(zone, "", "(software: Bind())", &format!("[(\"{name}\", {kind})]"), "200s");
        let model = model(&text);
        let answer = watch(&model, 0).lookups[0].answer;
        assert!(matches!(answer.outcome, Outcome::Data(_)), "{answer:?}");
        model.dns.names.text(answer.owner).to_owned()
    };
    assert_eq!(owner("www.d.lab", "MX"), "d.lab");
    assert_eq!(owner("relay.d.lab", "A"), "mx.other.lab");
}

/// SOA MINIMUM is a negative TTL and no lower bound of others (RFC 2308 section 4).
#[test]
fn rule_24_minimum_bounds_no_positive_ttl() {
    let zone = r#"ns: ["ns1.d.lab"], ttls: (mx: "5s", negative: "1h"),"#;
    let watch = watch_text(&scenario(zone, "", "(software: Ideal())", MX, "1s"));
    assert!(watch.lookups.iter().all(|lookup| lookup.answer.ttl_s <= 5));
    // Stored a few milliseconds after the second, it is gone at the sixth question: 1 s, 7 s, .., 97 s; and twice above.
    assert_eq!(queries_for(&watch, RecordType::Mx), 2 + 17);
}

#[test]
fn ns_soa_and_txt_have_answers_of_their_own() {
    let zone = r#"ns: ["ns1.d.lab"], txt: {"d.lab": ["v=spf1 -all"]}, ttls: (txt: "9s", soa: "8s", ns: "7s"),"#;
    for (kind, ttl_s) in [("TXT", 9), ("SOA", 8), ("NS", 7)] {
        let text = scenario(zone, "", "(software: Ideal())", &format!("[(\"d.lab\", {kind})]"), "200s");
        let model = model(&text);
        let answer = watch(&model, 0).lookups[0].answer;
        let Outcome::Data(data) = answer.outcome else { panic!("{kind}: {answer:?}") };
        assert_eq!(answer.ttl_s, ttl_s, "{kind}");
        match &model.dns.data[data.index()] {
            Rdata::Txt(texts) => assert_eq!((kind, &*texts[0]), ("TXT", "v=spf1 -all")),
            Rdata::Soa => assert_eq!(kind, "SOA"),
            Rdata::Ns(_) => assert_eq!(kind, "NS"),
            other => panic!("{kind}: {other:?}"),
        }
    }
}

/// Glue that has run out is no address: with a server elsewhere the cut lives on, without one the parent is asked again.
#[test]
fn glue_has_a_ttl_of_its_own() {
    let from_parent = |ns: &str| {
        let zone = format!("ns: [{ns}], ttls: (mx: \"1s\", ns: \"1d\", child_ns: \"1d\", glue: \"10s\"),");
        let text = scenario(&zone, r#""other.lab": (ns: ["ns.other.lab"]),"#, "(software: Ideal())", MX, "2s");
        let model = model(&text);
        let watch = watch(&model, 0);
        assert!(watch.outcomes().iter().all(|outcome| matches!(outcome, Outcome::Data(_))));
        watch.queries.iter().filter(|(_, server, ..)| label_of(&model, *server) == "a").count()
    };
    // The root once; a referral from `lab` at the first question after each 10 s: 1 s, 13 s, .., 97 s.
    assert_eq!(from_parent(r#""ns1.d.lab""#), 1 + 9);
    // The root once, `lab` for the zone and for the server elsewhere.
    assert_eq!(from_parent(r#""ns1.d.lab", "ns.other.lab""#), 1 + 2);
}

/// A server that is named and does not hold the zone refuses, refers upward or fails; the next one is asked.
#[test]
fn a_lame_server_costs_a_query_and_no_answer() {
    for says in ["Refused", "Referral", "ServFail"] {
        for software in ["UnboundPre125()", "Bind()", "KnotResolver()", "PowerDnsRecursor()", "Ideal()"] {
            let zone = r#"ns: ["ns1.d.lab", "ns2.d.lab"], lame: ["ns1.d.lab"], ttls: (mx: "1s"),"#;
            let text = scenario(zone, "", &format!("(software: {software})"), MX, "7s")
                .replace(r#""ns1.d.lab": ("#, &format!("\"ns1.d.lab\": (lame: {says}, "));
            let model = model(&text);
            let watch = watch(&model, 0);
            assert!(watch.outcomes().iter().all(|outcome| matches!(outcome, Outcome::Data(_))), "{says} {software}");
            assert!(watch.queries_at(&model, "ns1") > 0, "{says} {software}");
        }
    }
}

/// The new servers do not sign with the key that the DS left at the parent stands for: no answer for those who validate,
/// until the DS is gone; nobody else notices (RFC 4035 section 5).
#[test]
fn a_ds_left_behind_fails_at_validating_resolvers_only() {
    let outcomes = |validates: bool| {
        let zone = r#"ns: ["ns1.d.lab"], signed: true, ttls: (mx: "1s", ns: "5s", glue: "5s"),"#;
        let text = scenario(zone, "", &format!("(software: Ideal(), validates: {validates})"), MX, "1s");
        let moves = r#"timeline: [
            (name: "move", at: "30s", do: SetNs(zone: "d.lab", ns: ["ns2.d.lab"], ds: LeftBehind)),
            (at: "60s", do: RemoveDs(zone: "d.lab"))], clients:"#;
        let watch = watch_text(&text.replace("clients:", moves));
        let failed = |from: f64, to: f64| {
            let within: Vec<bool> = watch
                .lookups
                .iter()
                .filter(|lookup| (from..to).contains(&seconds(lookup.asked)))
                .map(|lookup| lookup.answer.outcome == Outcome::ServFail)
                .collect();
            (within.iter().any(|failed| *failed), within.iter().all(|failed| *failed))
        };
        // The old servers still answer for as long as the old delegation is cached.
        [failed(1.0, 30.0), failed(36.0, 60.0), failed(66.0, 100.0)]
    };
    assert_eq!(outcomes(true), [(false, false), (true, true), (false, false)]);
    assert_eq!(outcomes(false), [(false, false); 3]);
}

/// Servers that a zone has left answer what they had, go on with what is new, or refuse.
#[test]
fn servers_that_a_zone_has_left_go_on_as_they_are_told() {
    let last = |old: &str| {
        let zone = r#"ns: ["ns1.d.lab"], ttls: (mx: "1s", ns: "1d"),"#;
        let text = scenario(zone, "", "(software: Ideal())", MX, "1s");
        let moves = format!(
            r#"timeline: [(at: "30s", do: SetNs(zone: "d.lab", ns: ["ns2.d.lab"], old: {old})),
                          (at: "30s", do: SetMx(zone: "d.lab", mx: [(5, "mx.d.lab")]))], clients:"#
        );
        let watch = watch_text(&text.replace("clients:", &moves));
        let last = watch.lookups[watch.lookups.len() - 1].answer;
        (last.outcome == Outcome::ServFail, last.data_version, last.stale)
    };
    // The parent's old delegation is cached for a day.
    assert_eq!(last("Keep"), (false, 0, true));
    assert_eq!(last("Follow"), (false, 1, false));
    assert_eq!(last("Drop"), (true, 0, false));
}

/// A query whose response is lost on the way has reached its server.
#[test]
fn a_lost_response_is_a_query_at_the_server() {
    let zone = r#"ns: ["ns1.d.lab"], ttls: (mx: "0s"),"#;
    let text = scenario(
        zone,
        "",
        "(software: Ideal(servfail_ttl: \"0s\", timeouts: [\"9ms\", \"9ms\", \"9ms\", \"9ms\"]))",
        MX,
        "100ms",
    )
    .replace(r#""ns1.d.lab": (latency: "1ms")"#, r#""ns1.d.lab": (latency: "1ms", region: "there")"#)
    .replace(r#"("here", "there"), rtt: "0s""#, r#"("here", "there"), rtt: "0s", loss: 0.3"#);
    let model = model(&text);
    let watch = watch(&model, 0);
    // A try succeeds with 0.49 and reaches the server with 0.7: queries there are 0.7 / 0.49 an answer.
    let answered = watch.outcomes().iter().filter(|outcome| matches!(outcome, Outcome::Data(_))).count() as f64;
    let ratio = watch.queries_at(&model, "ns1") as f64 / answered;
    assert!(answered > 800.0 && (ratio - 0.7 / 0.49).abs() < 0.12, "{ratio}");
}

/// A region goes down with all that is in it.
#[test]
fn a_site_is_taken_down_as_a_whole() {
    let zone = r#"ns: ["ns.other.lab"], ttls: (mx: "1s"),"#;
    let site = r#"timeline: [(at: "50s", do: Outage(region: "there"))], clients:"#;
    let text = scenario(
        zone,
        r#""other.lab": (ns: ["ns1.d.lab", "ns.other.lab"]),"#,
        "(software: PowerDnsRecursor())",
        MX,
        "1s",
    );
    let watch = watch_text(&text.replace("clients:", site));
    let failed = |lookup: &&mxsim::dns::LookupRecord| lookup.answer.outcome == Outcome::ServFail;
    assert_eq!(watch.lookups.iter().filter(|lookup| seconds(lookup.asked) < 49.0).filter(failed).count(), 0);
    assert!(watch.lookups.iter().filter(|lookup| seconds(lookup.asked) > 52.0).all(|lookup| failed(&lookup)));
}

/// QNAME minimisation (RFC 9156) as each software does it: for names on the way, and with Unbound for the whole name.
#[test]
fn qname_minimisation_costs_what_was_measured() {
    let extra = |software: &str| {
        let zone = r#"ns: ["ns1.d.lab"], txt: {"a.b.c.d.lab": ["x"]}, ttls: (txt: "1s"),"#;
        let text = scenario(zone, "", &format!("(software: {software})"), r#"[("a.b.c.d.lab", TXT)]"#, "200s");
        let model = model(&text);
        let watch = watch(&model, 0);
        let at_zone = watch.queries.iter().filter(|(_, server, ..)| label_of(&model, *server) == "ns1");
        let asked: Vec<(NameId, RecordType)> =
            at_zone.map(|(.., question)| (question.name(), question.kind())).collect();
        let text = |(name, kind): &(NameId, RecordType)| format!("{} {}", model.dns.names.text(*name), kind.text());
        asked.iter().map(text).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(extra("Ideal()"), "a.b.c.d.lab TXT");
    assert_eq!(extra("Bind()"), "c.d.lab NS, b.c.d.lab NS, a.b.c.d.lab TXT");
    assert_eq!(extra("PowerDnsRecursor()"), "c.d.lab A, b.c.d.lab A, a.b.c.d.lab TXT");
    assert_eq!(extra("UnboundPre125()"), "c.d.lab A, b.c.d.lab A, a.b.c.d.lab A, a.b.c.d.lab TXT");
}

/// The root is asked for the TLD alone, the TLD for one label more: who minimises tells nobody above the zone what it is after,
/// and pays a query for a label that is no zone cut (RFC 9156 section 3; the types as measured).
#[test]
fn qname_minimisation_hides_the_name_along_the_whole_walk() {
    let asked = |software: &str| {
        let text = scenario(
            "ns: [\"ns1.d.lab\"],",
            "",
            &format!("(software: {software})"),
            r#"[("example.co.uk", MX)]"#,
            "200s",
        );
        let more = r#""example.co.uk": (ns: ["ns1.example.co.uk"], mx: [(10, "mx.d.lab")]), "d.lab": ("#;
        let text = text.replace("\"d.lab\": (", more).replace("servers: {", "servers: { \"ns1.example.co.uk\": (),");
        let model = model(&text);
        let watch = watch(&model, 0);
        let of = |label: &str| {
            let at = watch.queries.iter().filter(|(_, server, ..)| {
                model.dns.names.text(model.dns.servers[server.index()].name).starts_with(label)
            });
            let text = |name: NameId, kind: RecordType| format!("{} {}", model.dns.names.text(name), kind.text());
            at.map(|(.., question)| text(question.name(), question.kind())).collect::<Vec<_>>().join(", ")
        };
        (of("a.root"), of("a.nic.uk"), of("ns1.example"))
    };
    let expected = |root: &str, tld: &str, zone: &str| (root.to_owned(), tld.to_owned(), zone.to_owned());
    let mx = "example.co.uk MX";
    assert_eq!(asked("Ideal()"), expected(mx, mx, mx));
    for software in ["Bind()", "KnotResolver()"] {
        assert_eq!(asked(software), expected("uk NS", &format!("co.uk NS, {mx}"), mx), "{software}");
    }
    assert_eq!(asked("PowerDnsRecursor()"), expected("uk A", &format!("co.uk A, {mx}"), mx));
    for software in ["Unbound()", "UnboundPre125()"] {
        let (tld, zone) = ("co.uk A, example.co.uk A", format!("example.co.uk A, {mx}"));
        assert_eq!(asked(software), expected("uk A", tld, &zone), "{software}");
    }
}

/// A dead IPv6 address beside a live IPv4 one is learnt by address: after the first look the live one is asked. Theory's
/// resolver, which remembers nothing, finds it out again and again.
#[test]
fn a_dead_ipv6_address_is_told_from_the_live_ipv4_beside_it() {
    let slow = |resolver: &str| {
        let zone = r#"ns: ["ns1.d.lab"], ttls: (mx: "1s"),"#;
        let text = scenario(zone, "", resolver, MX, "7s").replace(r#""ns1.d.lab": ("#, r#""ns1.d.lab": (ipv6: Dead, "#);
        let watch = watch_text(&text);
        assert!(watch.outcomes().iter().all(|outcome| matches!(outcome, Outcome::Data(_))), "{resolver}");
        watch.lookups.iter().filter(|lookup| lookup.took.as_secs_f64() > 0.3).count()
    };
    for software in ["UnboundPre125()", "Bind()", "KnotResolver()", "PowerDnsRecursor()"] {
        assert!(slow(&format!("(software: {software})")) <= 1, "{software}");
    }
    assert!(slow("(software: Ideal())") > 3);
    assert_eq!(slow("(software: Ideal(), ipv6: false)"), 0);
}

/// Where parent and child name different servers, who goes by the child's NS asks the child's, and a referral, which ranks
/// lower, does not take it back while it lives (RFC 2181 section 5.4.1); who goes by the parent's never sees them.
#[test]
fn rule_5_a_referral_never_replaces_the_childs_ns() {
    let asked = |software: &str| {
        let zone = r#"ns: ["ns1.d.lab"], ttls: (mx: "1s", ns: "1d", child_ns: "1d", glue: "10s"),"#;
        let text = scenario(zone, "", &format!("(software: {software})"), MX, "3s");
        let moves = r#"timeline: [(at: "0s", do: SetNs(zone: "d.lab", ns: ["ns2.d.lab"], at: Child))], clients:"#;
        let model = model(&text.replace("clients:", moves));
        let watch = watch(&model, 0);
        assert!(watch.outcomes().iter().all(|outcome| matches!(outcome, Outcome::Data(_))), "{software}");
        (watch.queries_at(&model, "ns1"), watch.queries_at(&model, "ns2"))
    };
    for software in ["Bind()", "PowerDnsRecursor()", "KnotResolver(min_ttl: \"0s\")"] {
        let (parents, childs) = asked(software);
        assert!(parents == 1 && childs > 20, "{software}: {parents} and {childs}");
    }
    for software in ["UnboundPre125()", "BindParentCentric()", "Ideal()"] {
        assert_eq!(asked(software).1, 0, "{software}");
    }
}
