//! Farms of caches, sites, and what the timeline and the primaries do to caches, in whole runs.

use std::collections::{BTreeSet, HashMap};

use mxsim::dns::{Outcome, Source};
use mxsim::engine::time::SimTime;
use mxsim::model::{CacheId, Model};
use mxsim::scenario::tree::RecordType::Mx;

use crate::bench::{Bench, model, watch, world, zone};

/// Names of 30 zones.
fn zones() -> String {
    (0..30).map(|name| zone(&format!("d{name}.lab"), 3600)).collect()
}

/// Which members of a farm of eight answered, by client and name: 20 clients ask for 30 names.
fn members(choice: &str) -> HashMap<(String, String), BTreeSet<CacheId>> {
    let clients =
        r#"clients: { "c{i}": (count: 20, resolver: "r", asks: [("d*.lab", MX)], arrivals: Poisson(rate: "0.2/s")) }"#;
    let resolvers = format!(r#""r": (software: Bind(), farm: 8, choice: {choice}),"#);
    let model = model(&world("measure: \"3600s\"", &zones(), &resolvers, clients));
    let mut members: HashMap<_, BTreeSet<_>> = HashMap::new();
    for record in watch(&model, true).lookups {
        let mxsim::dns::Asker::Client(client) = record.asker else { continue };
        let who = model.dns.clients[client.index()].name.to_string();
        let what = model.dns.names.text(record.question.name()).to_owned();
        members.entry((who, what)).or_default().insert(record.cache);
    }
    members
}

#[test]
fn a_farm_is_entered_at_random_by_name_or_by_asker() {
    let random = members("Random");
    let spread = random.values().filter(|caches| caches.len() > 1).count();
    assert!(spread > random.len() * 9 / 10, "{spread} of {}", random.len());
    for (choice, part) in [("Hashed", 1), ("Sticky", 0)] {
        let of_farm = members(choice);
        let mut by: HashMap<&String, BTreeSet<CacheId>> = HashMap::new();
        for (key, caches) in &of_farm {
            by.entry(if part == 0 { &key.0 } else { &key.1 }).or_default().extend(caches);
        }
        // One member each, and not the same for all.
        assert!(by.values().all(|caches| caches.len() == 1), "{choice}: {by:?}");
        let used: BTreeSet<CacheId> = by.values().flatten().copied().collect();
        assert!(used.len() >= 5, "{choice}: {used:?}");
    }
}

#[test]
fn an_anycast_resolver_is_asked_at_the_nearest_site_that_can_be_reached() {
    let text = r#"(
        title: "anycast",
        run: (measure: "1000s", drain: "0s"),
        regions: { "eu": (rtt: "0s"), "us": (rtt: "0s"), "asia": (rtt: "0s") },
        links: [(between: ("eu", "us"), rtt: "80ms"), (between: ("us", "asia"), rtt: "120ms")],
        zones: { "d.lab": (ns: ["ns.lab"], mx: [(10, "old.lab")]), "lab": (ns: ["ns.lab"]) },
        servers: { "ns.lab": (region: "eu") },
        hosts: { "old.lab": (region: "eu") },
        resolvers: { "r": (software: Unbound(), sites: ["eu", "us"], farm: 2) },
        clients: {
            "in-eu": (region: "eu", resolver: "r", asks: [("d.lab", MX)], arrivals: Poisson(rate: "1/s")),
            "in-us": (region: "us", resolver: "r", asks: [("d.lab", MX)], arrivals: Poisson(rate: "1/s")),
            "in-asia": (region: "asia", resolver: "r", asks: [("d.lab", MX)], arrivals: Poisson(rate: "1/s")),
        },
    )"#;
    let model = model(text);
    let region = |name: &str| model.network.regions.iter().position(|region| region == name);
    let mut seen: HashMap<String, BTreeSet<Option<usize>>> = HashMap::new();
    let mut caches: HashMap<String, BTreeSet<CacheId>> = HashMap::new();
    for record in watch(&model, true).lookups {
        let mxsim::dns::Asker::Client(client) = record.asker else { continue };
        let who = model.dns.clients[client.index()].name.to_string();
        seen.entry(who.clone()).or_default().insert(Some(model.dns.caches[record.cache.index()].region.index()));
        caches.entry(who).or_default().insert(record.cache);
    }
    for (who, site) in [("in-eu", "eu"), ("in-us", "us"), ("in-asia", "us")] {
        assert_eq!(seen[who], BTreeSet::from([region(site)]), "{who}");
        assert_eq!(caches[who].len(), 2, "each site has a farm");
    }
    assert_eq!(caches["in-us"], caches["in-asia"]);
}

/// Each answer: seconds, where it came from, TTL, version.
fn told(model: &Model) -> Vec<(f64, Source, u32, u32)> {
    let answers = watch(model, true).lookups.into_iter().map(|record| {
        let answer = record.answer;
        (record.asked.as_secs_f64(), answer.source, answer.ttl_s, answer.data_version)
    });
    answers.collect()
}

#[test]
fn serve_stale_is_switched_in_the_timeline() {
    let more = r#"clients: { "c": (resolver: "r", asks: [("d.lab", MX)], arrivals: Periodic(every: "10s", offset: "5s")) },
        timeline: [
            (at: "100s", do: Outage(server: "ns.lab")),
            (at: "300s", do: SetServeStale(resolver: "r", serve_stale: AfterFailure)),
            (at: "500s", do: SetServeStale(resolver: "r", serve_stale: Off)),
        ],"#;
    let model = model(&world("measure: \"700s\"", &zone("d.lab", 30), r#""r": (software: Bind()),"#, more));
    let answers = told(&model);
    let sources = |from: f64, to: f64| -> Vec<Source> {
        answers.iter().filter(|answer| (from..to).contains(&answer.0)).map(|answer| answer.1).collect()
    };
    assert!(sources(140.0, 295.0).iter().all(|source| matches!(source, Source::Miss | Source::Failure)));
    let stale = sources(310.0, 485.0);
    assert!(stale.len() > 15 && stale.iter().all(|source| *source == Source::Expired), "{stale:?}");
    // BIND's stale-answer-ttl.
    assert!(answers.iter().filter(|answer| answer.1 == Source::Expired).all(|answer| answer.2 == 30));
    let after = sources(510.0, 700.0);
    assert!(
        after.len() > 15 && after.iter().all(|source| matches!(source, Source::Miss | Source::Failure)),
        "{after:?}"
    );
}

#[test]
fn a_push_with_a_delay_leaves_caches_old_for_that_long() {
    let model = model(&world(
        "measure: \"1h\"",
        &format!("{}{}", zone("d.lab", 3000), zone("other.lab", 3000)),
        r#""r": (software: Ideal(push: After("2s"))),"#,
        r#"clients: { "c": (resolver: "r", asks: [("d.lab", MX)], arrivals: Periodic(every: "1h")) },
            timeline: [(at: "3500s", do: SetMx(zone: "other.lab", mx: [(10, "new.lab")]))],"#,
    ));
    let mut bench = Bench::new(&model);
    bench.ask(100.0, "r", "d.lab", Mx);
    bench.wait(110.0);
    bench.set("d.lab", Mx, bench.mx("new.lab"), 3000);
    let (old, _) = bench.ask(111.9, "r", "d.lab", Mx);
    assert_eq!((old.source, old.stale, bench.seen.pushes), (Source::Hit, true, 0));
    let (new, _) = bench.ask(112.1, "r", "d.lab", Mx);
    assert_eq!((new.source, new.stale, new.data_version, bench.seen.pushes), (Source::Miss, false, 1, 1));
    // Two changes within the delay: both are told; what was fetched between them is old until the second is heard of.
    bench.set("d.lab", Mx, bench.mx("old.lab"), 3000);
    bench.wait(113.0);
    bench.set("d.lab", Mx, bench.mx("new.lab"), 3000);
    let (fetched, _) = bench.ask(114.5, "r", "d.lab", Mx);
    assert_eq!((fetched.stale, fetched.data_version), (false, 3));
    assert!(bench.now() >= SimTime::from_secs(114));
}

#[test]
fn a_cache_that_has_fallen_back_on_expired_data_counts_as_stale_until_a_fetch_succeeds() {
    let stale_at = |rules: &str, times: [usize; 4]| {
        let more = r#"clients: { "c": (resolver: "r", asks: [("d.lab", MX)], arrivals: Periodic(every: "10s", offset: "5s")) },
            timeline: [
                (at: "100s", for: "400s", do: Outage(server: "ns.lab")),
                (at: "200s", do: SetMx(zone: "d.lab", mx: [(10, "new.lab")])),
            ],"#;
        let run = "measure: \"1000s\", cells: 100, replications: 1";
        let text = world(run, &zone("d.lab", 30), &format!("\"r\": (software: {rules}),"), more);
        let results = crate::support::run(&text);
        let series = &results.variants[0].replications[0].series;
        let found = series.iter().find(|series| series.measure == "stale_resolvers");
        let values = found.map(|series| series.values.clone()).unwrap_or_default();
        times.map(|time| values[time / 10])
    };
    // In the outage, twice; in the second after it, before anybody has asked; later, when PowerDNS asks again a server whose host
    // has turned it away (60 s: syncres.cc, doResolveAtThisIP).
    let times = [250, 490, 500, 600];
    assert_eq!(stale_at("Ideal(serve_stale: AfterFailure)", times), [1.0, 1.0, 1.0, 0.0]);
    assert_eq!(stale_at("Ideal(serve_stale: AtOnce)", times), [1.0, 1.0, 1.0, 0.0]);
    assert_eq!(stale_at("Ideal()", times), [0.0; 4]);
    // Extensions of 30 s by PowerDNS: two of them end before the change.
    assert_eq!(stale_at("PowerDnsRecursor(serve_stale: AfterFailure, stale_extensions: 2)", times), [0.0; 4]);
    let many = stale_at("PowerDnsRecursor(serve_stale: AfterFailure, stale_extensions: 20)", times);
    assert_eq!((many[0], many[1], many[3]), (1.0, 1.0, 0.0));
}

/// Two regions, a resolver of one site in each and one that forwards to both; what each answer was.
#[test]
fn a_resolver_that_is_down_answers_nobody_and_has_what_it_held_when_it_is_back() {
    let more = r#"clients: {
            "plain": (resolver: "r", asks: [("d.lab", MX)], arrivals: Periodic(every: "10s", offset: "5s")),
            "behind": (resolver: "f", asks: [("e.lab", MX)], arrivals: Periodic(every: "10s", offset: "6s")),
        },
        timeline: [(name: "out", at: "100s", for: "200s", do: Outage(resolver: "r"))],"#;
    let zones = format!("{}{}", zone("d.lab", 3000), zone("e.lab", 0));
    let resolvers = r#""r": (software: Ideal()), "s": (software: Ideal()),
        "f": (software: Unbound(), upstream: ["r", "s"]),"#;
    let model = model(&world("measure: \"500s\"", &zones, resolvers, more));
    let (mut plain, mut behind) = (Vec::new(), Vec::new());
    for record in watch(&model, true).lookups {
        let mxsim::dns::Asker::Client(client) = record.asker else { continue };
        let told = (record.asked.as_secs_f64(), record.answer.outcome, record.answer.source, record.took.as_secs_f64());
        if model.dns.clients[client.index()].name == "plain" { &mut plain } else { &mut behind }.push(told);
    }
    // A stub resolver asks for five seconds, twice (resolv.conf(5)).
    let within = |from: f64, to: f64| plain.iter().filter(move |told| (from..to).contains(&told.0));
    assert_eq!(within(100.0, 300.0).count(), 20);
    assert!(within(100.0, 300.0).all(|told| told.1 == Outcome::ServFail && told.3 == 10.0), "{plain:?}");
    // Its cache is whole afterwards.
    assert!(within(300.0, 500.0).all(|told| told.2 == Source::Hit && told.3 == 0.0));
    // A forwarder's own time-out of 376 ms passes, and the next upstream answers.
    assert!(behind.iter().all(|told| matches!(told.1, Outcome::Data(_))), "{behind:?}");
    let late = behind.iter().filter(|told| told.3 > 0.3).count();
    assert!((4..=16).contains(&late), "half of those in the outage begin with the one that is down: {late}");
}

#[test]
fn a_site_that_goes_down_leaves_its_askers_to_the_next() {
    let text = r#"(
        title: "anycast",
        run: (measure: "900s", drain: "0s"),
        regions: { "eu": (rtt: "0s"), "us": (rtt: "0s") },
        links: [(between: ("eu", "us"), rtt: "80ms")],
        zones: { "d.lab": (ns: ["ns.lab"], mx: [(10, "old.lab")]), "lab": (ns: ["ns.lab"]), ".": (ns: ["ns.root"]) },
        servers: { "ns.lab": (region: "us"), "ns.root": (region: "us") },
        hosts: { "old.lab": (region: "us") },
        resolvers: { "any": (software: Unbound(), sites: ["eu", "us"]), "alone": (software: Unbound(), region: "eu") },
        clients: {
            "a": (region: "eu", resolver: "any", asks: [("d.lab", MX)], arrivals: Periodic(every: "10s", offset: "5s")),
            "b": (region: "eu", resolver: "alone", asks: [("d.lab", MX)], arrivals: Periodic(every: "10s", offset: "5s")),
        },
        timeline: [(name: "out", at: "300s", for: "300s", do: Outage(region: "eu"))],
    )"#;
    let model = model(text);
    let mut seen: HashMap<(String, u32), BTreeSet<(String, bool)>> = HashMap::new();
    for record in watch(&model, true).lookups {
        let mxsim::dns::Asker::Client(client) = record.asker else { continue };
        let who = model.dns.clients[client.index()].name.to_string();
        let place = model.network.regions[model.dns.caches[record.cache.index()].region.index()].clone();
        let third = (record.asked.as_secs_f64() / 300.0) as u32;
        let is_answered = matches!(record.answer.outcome, Outcome::Data(_));
        seen.entry((who, third)).or_default().insert((place, is_answered));
    }
    let told = |who: &str| -> Vec<Vec<(String, bool)>> {
        (0..3).map(|third| seen[&(who.to_owned(), third)].iter().cloned().collect()).collect()
    };
    let at = |place: &str, is_answered: bool| vec![(place.to_owned(), is_answered)];
    assert_eq!(told("a"), [at("eu", true), at("us", true), at("eu", true)]);
    assert_eq!(told("b"), [at("eu", true), at("eu", false), at("eu", true)]);
}
