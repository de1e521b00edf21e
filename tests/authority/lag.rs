//! Secondaries that lag behind their primary.

use mxsim::model::Model;

use crate::watch::{Watch, label_of, model, rows, seconds, watch};

/// A zone with a primary and one secondary, asked ten times a second with TTL 0, so that each answer is a server's own; its
/// MX changes every 81 s.
fn scenario(secondary: &str, transfer: &str, more: &str) -> String {
    let changes: String = (1..=20)
        .map(|n| {
            let host = if n % 2 == 1 { "b.example" } else { "a.example" };
            format!("(at: \"{}s\", do: SetMx(zone: \"lag.lab\", mx: [(10, \"{host}\")])),", 1000 + 81 * n)
        })
        .collect();
    format!(
        r#"(
        title: "lag",
        run: (measure: "3000s", drain: "0s", seed: 11),
        regions: {{ "here": (rtt: "0s") }},
        zones: {{
            "lag.lab": (ttls: (mx: "0s"), ns: ["first.lag.lab", "second.lag.lab"], mx: [(10, "a.example")],
                soa: (refresh: "20s", retry: "5s"), transfer: ({transfer})),
        }},
        servers: {{ "first.lag.lab": (latency: "0s", software: BindServer()),
                    "second.lag.lab": (latency: "0s", software: {secondary}) }},
        hosts: {{ "a.example": (), "b.example": () }},
        resolvers: {{ "r": (software: Ideal()) }},
        clients: {{ "c": (resolver: "r", asks: [("lag.lab", MX)], arrivals: Periodic(every: "100ms", offset: "0s")) }},
        timeline: [{changes} {more}],
    )"#
    )
}

/// What each server said when: seconds, server's label, version of the data.
fn answers<'m>(watch: &Watch, model: &'m Model) -> Vec<(f64, &'m str, u32)> {
    let said = watch.lookups.iter().zip(&watch.queries_before).filter_map(|(lookup, &before)| {
        let (_, server, ..) = watch.queries.get(before.checked_sub(1)?)?;
        Some((seconds(lookup.asked), label_of(model, *server), lookup.answer.data_version))
    });
    said.collect()
}

/// From each change to the secondary's first answer with it.
fn lags(text: &str, replications: u32) -> Vec<f64> {
    let model = model(text);
    let mut lags = Vec::new();
    for replication in 0..replications {
        let answers = answers(&watch(&model, replication), &model);
        for version in 1..=20u32 {
            let changed = 1000.0 + 81.0 * f64::from(version);
            let first = answers.iter().find(|(_, server, seen)| *server == "second" && *seen >= version);
            lags.extend(first.map(|(at, ..)| at - changed));
        }
    }
    lags.sort_by(f64::total_cmp);
    lags
}

/// NSD and Knot check every 20 s as the SOA says; BIND no more often than every 300 s (min-refresh-time), so that three
/// changes 81 s apart arrive with one transfer. The recording has three changes only: its lags must lie within
/// the simulated range, which must end where the refresh does.
#[test]
fn without_notify_a_secondary_lags_as_its_software_did() {
    for (server, software, refresh) in
        [("sec-nsd", "Nsd()", 20.0), ("sec-knot", "KnotDns()", 20.0), ("sec-bind", "BindServer()", 300.0)]
    {
        let lags = lags(&scenario(software, "notify: false", ""), 6);
        let (least, greatest) = (lags[0], lags[lags.len() - 1]);
        assert!(greatest <= refresh + 1.5 && greatest > 0.7 * refresh, "{server}: {greatest}");
        for row in rows("secondary_lag.csv").iter().filter(|row| row["server"] == server) {
            let measured = row["first_new_s"].parse::<f64>().unwrap_or(f64::NAN);
            assert!(least <= measured && measured <= greatest, "{row:?}: {least} to {greatest}");
        }
        let mean = lags.iter().sum::<f64>() / lags.len() as f64;
        let expected = if server == "sec-nsd" { 9.5 } else { refresh / 2.0 };
        assert!((mean - expected).abs() < 0.2 * refresh, "{server}: mean lag {mean}");
    }
    let primary = rows("secondary_lag.csv");
    let primary = primary.iter().filter(|row| row["server"] == "primary-bind");
    assert!(
        primary.clone().count() == 3
            && primary.clone().all(|row| row["first_new_s"].parse::<f64>().is_ok_and(|s| s < 0.1))
    );
}

/// BIND's own primary waits 5 s before it tells (notify-delay); a NOTIFY is as if REFRESH had ended, also where the
/// software's least refresh is 300 s (RFC 1996 section 4.3).
#[test]
fn rule_21_notify_makes_a_secondary_check_at_once() {
    let lags = lags(&scenario("BindServer()", "", ""), 2);
    assert_eq!(lags.len(), 40);
    // One may have been due for a check just then.
    assert!(lags.iter().all(|lag| *lag < 6.8) && lags.iter().filter(|lag| **lag >= 5.0).count() >= 36, "{lags:?}");
}

/// A lost NOTIFY is sent again until it is acknowledged (RFC 1996 section 3.6): here after 5 s, three times at most.
#[test]
fn rule_21_a_lost_notify_is_sent_again() {
    let lags = lags(&scenario("BindServer()", "notify_loss: 0.5", ""), 6);
    let share =
        |from: f64, to: f64| lags.iter().filter(|lag| (from..to).contains(*lag)).count() as f64 / lags.len() as f64;
    assert!((share(4.9, 6.8) - 0.5).abs() < 0.15 && (share(9.9, 11.8) - 0.25).abs() < 0.13, "{lags:?}");
    assert!(lags.iter().any(|lag| *lag > 20.0), "one in eight is never told: {lags:?}");
}

/// Checks go on each RETRY after a failure; after EXPIRE the secondary gives out the zone no more, and again once it has
/// reached the primary.
#[test]
fn rule_22_a_secondary_retries_and_expires() {
    let zone = |text: String| text.replace(r#"retry: "5s""#, r#"retry: "5s", expire: "100s""#);
    let outage = r#"(name: "off", at: "1400s", for: "300s", do: Outage(server: "first.lag.lab")),"#;
    let text = zone(scenario("Plain()", "notify: false", outage));
    let model = model(&text);
    let answers = answers(&watch(&model, 0), &model);
    let versions = |from: f64, to: f64| -> Vec<u32> {
        let within = answers.iter().filter(|(at, server, _)| *server == "second" && (from..to).contains(at));
        within.map(|(.., version)| *version).collect()
    };
    // The 4th change came at 1324 s; the last success of a check lies between 1380 s and 1400 s.
    let held = versions(1400.0, 1479.0);
    assert!(held.len() > 50 && held.iter().all(|version| *version == 4));
    // A server that says SERVFAIL gives no version: what comes then is no answer.
    assert!(versions(1501.0, 1699.0).iter().all(|version| *version == 0));
    // Within RETRY of the primary's return it has what changed meanwhile (the 8th change came at 1648 s).
    let after = versions(1706.0, 1728.0);
    assert!(after.len() > 10 && after.iter().all(|version| *version == 8), "{after:?}");
}

/// A serial half the circle ahead is behind (RFC 1982 section 3.2): secondaries see no newer zone and stay where they are.
#[test]
fn rule_23_a_serial_that_is_not_greater_leaves_secondaries_behind() {
    let text =
        scenario("Plain()", "notify: false", r#"(at: "1500s", do: SetSerial(zone: "lag.lab", serial: 2200000000)),"#);
    let lags = lags(&text, 1);
    // The 6th change came at 1486 s; those after the serial was set are never seen.
    assert!((5..=6).contains(&lags.len()), "{lags:?}");
    let wraps = scenario("Plain()", "notify: false", "").replace(r#"soa: ("#, "soa: (serial: 4294967290, ");
    assert_eq!(self::lags(&wraps, 1).len(), 20);
}

/// P(old at age t) = sum over the secondaries of (1 - t / R)+ / s, case o047: s = 4, R = 10800 s; 0.75, 0.5 and 0.0556 at
/// ages 0, 3600 and 10000 s.
#[cfg(not(debug_assertions))]
#[test]
fn auth_inconsistency() {
    let burst = |name: &str, at: u64| {
        format!(
            r#""{name}": (resolver: "r", asks: [("d{{i}}.lab", MX)], arrivals: Burst(at: "{at}s", count: 20000, over: "1s")),"#
        )
    };
    let text = format!(
        r#"(
        title: "secondaries",
        run: (measure: "40000s", drain: "0s", seed: 5),
        regions: {{ "here": (rtt: "0s") }},
        zones: {{ "d{{i}}.lab": (count: 2000, ttls: (mx: "0s"), ns: ["ns{{i}}.lab"], mx: [(10, "a.example")],
            soa: (refresh: "10800s", expire: "100d"), transfer: (notify: false)) }},
        servers: {{ "ns{{i}}.lab": (count: 4, latency: "0s") }},
        hosts: {{ "a.example": (), "b.example": () }},
        resolvers: {{ "r": (software: Ideal()) }},
        clients: {{ {} {} {} }},
        timeline: [(at: "20000s", do: SetMx(zone: "d{{i}}.lab", mx: [(10, "b.example")]))],
    )"#,
        burst("c0", 20_000),
        burst("c1", 23_600),
        burst("c2", 30_000),
    );
    let text = text.replace(r#"ns: ["ns{i}.lab"]"#, r#"ns: ["ns1.lab", "ns2.lab", "ns3.lab", "ns4.lab"]"#);
    let model = model(&text);
    let mut shares = vec![Vec::new(); 3];
    for replication in 0..60 {
        let watch = watch(&model, replication);
        for (share, from) in shares.iter_mut().zip([20_000.0, 23_600.0, 30_000.0]) {
            let within = watch.lookups.iter().filter(|lookup| (from..from + 1.5).contains(&seconds(lookup.asked)));
            let (old, all) = within.fold((0.0, 0.0), |(old, all), lookup| {
                (old + f64::from(u8::from(lookup.answer.data_version == 0)), all + 1.0)
            });
            share.push(old / all);
        }
    }
    // Half a second into each age, on average, 0.75 * 0.5 / 10800 less.
    crate::support::assert_estimate("old at age 0", &shares[0], 0.75, 0.01);
    crate::support::assert_estimate("old at age 3600", &shares[1], 0.5, 0.01);
    crate::support::assert_estimate("old at age 10000", &shares[2], 0.055_555_555_56, 0.01);
}

/// Looks on the grid at how many zones are the same everywhere.
#[cfg(not(debug_assertions))]
#[derive(Default)]
struct Agreeing {
    /// Seconds, and zones with a server that lags.
    looks: Vec<(f64, usize)>,
    zones: u32,
}

#[cfg(not(debug_assertions))]
impl mxsim::sim::Observer for Agreeing {
    fn on_grid(&mut self, now: mxsim::engine::time::SimTime, _index: u32, view: &mxsim::sim::View<'_, '_>) {
        let lagging = (0..self.zones).filter(|zone| view.dns.lagging(mxsim::model::ZoneId(*zone)) > 0).count();
        self.looks.push((seconds(now), lagging));
    }
}
#[cfg(not(debug_assertions))]
impl mxsim::dns::DnsObserver for Agreeing {}
#[cfg(not(debug_assertions))]
impl mxsim::mail::MailObserver for Agreeing {}
#[cfg(not(debug_assertions))]
impl mxsim::faults::FaultObserver for Agreeing {}

/// The last of s - 1 secondaries has the change after R (s - 1) / s on average, the greatest of as many uniform phases; case
/// o047: 8100 s. The mean time is the sum over the looks of the share that lags, each for the cell after it: half a cell of
/// 10 s too long.
#[cfg(not(debug_assertions))]
#[test]
fn auth_inconsistency_until_consistent() {
    let text = r#"(
        title: "secondaries",
        run: (measure: "40000s", drain: "0s", cells: 4000, seed: 5),
        regions: { "here": (rtt: "0s") },
        zones: { "d{i}.lab": (count: 2000, ns: ["ns1.lab", "ns2.lab", "ns3.lab", "ns4.lab"], mx: [(10, "a.example")],
            soa: (refresh: "10800s", expire: "100d"), transfer: (notify: false)) },
        servers: { "ns{i}.lab": (count: 4, latency: "0s") },
        hosts: { "a.example": (), "b.example": () },
        resolvers: { "r": () },
        clients: { "c": (resolver: "r", asks: [("d1.lab", MX)], arrivals: Periodic(every: "1h")) },
        timeline: [(at: "20000s", do: SetMx(zone: "d{i}.lab", mx: [(10, "b.example")]))],
    )"#;
    let model = model(text);
    let until: Vec<f64> = (0..10)
        .map(|replication| {
            let mut seen = Agreeing { zones: model.dns.zones.len() as u32, ..Agreeing::default() };
            let stop = std::sync::atomic::AtomicBool::new(false);
            mxsim::sim::run(&model, replication, &mut seen, &stop).unwrap_or_else(|why| panic!("{why}"));
            assert!(seen.looks.iter().all(|(at, lagging)| (20_000.0..30_801.0).contains(at) || *lagging == 0));
            seen.looks.iter().map(|(_, lagging)| *lagging as f64).sum::<f64>() * 10.0 / 2000.0 - 5.0
        })
        .collect();
    crate::support::assert_estimate("until all agree", &until, 8100.0, 0.01);
}

/// E = 2 r0 + (1 - h_mx) (ra + (1 - h_ns) rt) + (1 - h_a) ra with independent caches, case o150: r0 1 ms a question of the
/// stub's, ra 80 ms, rt 30 ms, 0.002 lookups a second, TTLs of 3600, 300 and 86400 s. MX and address are asked by a client
/// each, the address in a zone whose cut stays. The formula's h_ns is that of a cache which sees every lookup; a cut is
/// looked at by misses alone, every 1 / (0.002 * 0.122) s, so that one in 22 of them finds it gone: 0.145 ms more.
#[cfg(not(debug_assertions))]
#[test]
fn dns_lookup_cost() {
    let text = r#"(
        title: "cost",
        run: (warmup: "2d", measure: "8000000s", drain: "0s", replications: 20, seed: 5),
        regions: { "stub": (rtt: "0s"), "resolver": (rtt: "0s"), "tld": (rtt: "0s"), "far": (rtt: "0s") },
        links: [
            (between: ("stub", "resolver"), rtt: "1ms"),
            (between: ("resolver", "tld"), rtt: "30ms"),
            (between: ("resolver", "far"), rtt: "80ms"),
        ],
        zones: {
            "d.lab": (ns: ["ns.d.lab"], ttls: (mx: "3600s", ns: "86400s", glue: "86400s"), mx: [(10, "mx.h.lab")]),
            "h.lab": (ns: ["ns.h.lab"], ttls: (a: "300s", ns: "3650d", glue: "3650d")),
            "lab": (ns: ["ns.lab"], ttls: (ns: "3650d", glue: "3650d")),
        },
        servers: {
            "ns.d.lab": (region: "far", latency: "0s"),
            "ns.h.lab": (region: "far", latency: "0s"),
            "ns.lab": (region: "tld", latency: "0s"),
        },
        hosts: { "mx.h.lab": (region: "stub") },
        resolvers: { "r": (region: "resolver", software: Ideal(max_ttl: "3650d")) },
        clients: {
            "mx": (region: "stub", resolver: "r", asks: [("d.lab", MX)], arrivals: Poisson(rate: "0.002/s")),
            "a": (region: "stub", resolver: "r", asks: [("mx.h.lab", A)], arrivals: Poisson(rate: "0.002/s")),
        },
    )"#;
    let results = crate::support::run(text);
    let means = crate::support::values(&results, "lookup_time", "all", "mean");
    let costs: Vec<f64> = means.iter().map(|mean| 2.0 * mean).collect();
    let (mean, error) = crate::support::estimate(&costs);
    let (theory, misses) = (0.061_777_147_83, 0.121_951_219_5);
    let cut_gone = 1.0 / (1.0 + 0.002 * misses * 86_400.0) - 1.0 / (1.0 + 0.002 * 86_400.0);
    let expected = theory + misses * cut_gone * 0.03;
    assert!(
        error < 0.002 * theory && (mean - theory).abs() < 0.005 * theory,
        "{mean} +- {error}, theory says {theory}"
    );
    assert!((mean - expected).abs() <= 4.0 * error, "{mean} +- {error}, not {expected}");
}
