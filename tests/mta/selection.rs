//! Which host: failover within an attempt, limits, spread over equals, DNS outcomes.

use std::collections::BTreeMap;

use crate::harness::{Case, Ended, hosts, number, policy, rows, run, zone};

/// How a host fails, by the name of a measured scenario.
fn fault(name: &str) -> &'static str {
    match name {
        "refuse" => "Refuse",
        "blackhole" => "BlackHole",
        "silent" => "Silent",
        "banner421" => "Reply(stage: Greeting, code: 421)",
        "banner554" => "Reply(stage: Greeting, code: 554)",
        "helo421" => "Reply(stage: Ehlo, code: 421)",
        "mail451" => "Reply(stage: Mail, code: 451)",
        "rcpt450" => "Reply(stage: Rcpt, code: 450)",
        "rcpt421" => "Reply(stage: Rcpt, code: 421)",
        "rcpt451" => "Reply(stage: Rcpt, code: 451)",
        "rcpt550" => "Reply(stage: Rcpt, code: 550)",
        "eod451" => "Reply(stage: EndOfData, code: 451)",
        "eod550" => "Reply(stage: EndOfData, code: 550)",
        _ => panic!("no fault {name}"),
    }
}

fn outage(host: &str, mode: &str) -> String {
    format!(r#"(at: "0s", do: Outage(host: "{host}", mode: {mode})), "#)
}

/// Two hosts that fail as a scenario's name says ("a-rcpt451-b-refuse", "a-silent", "both-up"), and messages at these seconds.
fn failover(system: &str, scenario: &str, arrivals_s: &[f64]) -> Vec<Ended> {
    let mut timeline = String::new();
    for (host, part) in [("a", scenario.strip_prefix("a-")), ("b", scenario.split_once("-b-").map(|(_, b)| b))] {
        if let Some(part) = part {
            let part = part.split_once("-b-").map_or(part, |(a, _)| a);
            timeline += &outage(&format!("{host}.d.example"), fault(part));
        }
    }
    let case = Case {
        retry: policy(system, ""),
        zones: zone("d.example", r#"(10, "a.d.example"), (20, "b.d.example")"#),
        hosts: hosts(&["a.d.example", "b.d.example"], ""),
        timeline,
        arrivals: arrivals_s.iter().map(|at| (100.25 + at, "d.example".into())).collect(),
        drain_s: 30,
        ..Case::default()
    };
    run(&case, |log| log.ended.values().cloned().collect())
}

/// `a`, `b`, or what else became of it.
fn end(ended: &Ended) -> &str {
    if ended.outcome == "sent" { &ended.host[..1] } else { ended.outcome }
}

#[test]
fn failover_ends_at_the_measured_host_after_the_measured_time() {
    let rows = rows(include_str!("../fixtures/mta/failover.csv"));
    for row in &rows {
        let (system, scenario) = (row["mta"].as_str(), row["scenario"].as_str());
        let ended = &failover(system, scenario, &[0.0])[0];
        // A black hole or silence outlasted OpenSMTPD's window of observation (its time-out is 300 s).
        assert_eq!(end(ended), row["final"], "{system} {scenario}");
        if ended.outcome == "sent" {
            let whole = |ended: &Ended| ended.ended_s - ended.created_s;
            let added = whole(ended) - whole(&failover(system, "both-up", &[0.0])[0]);
            let class = match scenario {
                "both-up" => 0.0..=0.0,
                _ if system == "opensmtpd" => 2.0..=2.6,
                "a-blackhole" => 2.0..=2.0,
                "a-silent" => 3.0..=3.0,
                _ => 0.0..=0.01,
            };
            // A session that fails takes a few round trips of a millisecond.
            let sessions = 0.01;
            assert!(
                added >= class.start() - sessions && added <= class.end() + sessions,
                "{system} {scenario}: {added} s, class {class:?}"
            );
        }
    }
}

#[test]
fn failover_of_eight_messages_to_one_domain_ends_as_measured() {
    /// When it arrived, where it ended and how long after.
    type Message = (f64, String, String);
    let mut runs: BTreeMap<(String, String), Vec<Message>> = BTreeMap::new();
    for row in rows(include_str!("../fixtures/mta/failover_shared.csv")) {
        let run = runs.entry((row["mta"].clone(), row["scenario"].clone())).or_default();
        run.push((number(&row, "arrival_s"), row["final"].clone(), row["final_t_s"].clone()));
    }
    assert_eq!(runs.len(), 64);
    for ((system, scenario), messages) in runs {
        let arrivals: Vec<f64> = messages.iter().map(|message| message.0).collect();
        for (index, (ended, (_, last, after))) in
            failover(&system, &scenario, &arrivals).iter().zip(&messages).enumerate()
        {
            assert_eq!(end(ended), last, "{system} {scenario} {index}");
            // Exim's times are the busy machine's, up to 2 s with both hosts up; OpenSMTPD's later ones those of sessions that it keeps.
            let is_told = match system.as_str() {
                "postfix" | "sendmail" => true,
                "opensmtpd" => index == 0,
                _ => false,
            };
            let ours = ended.ended_s - ended.created_s;
            let real: Option<f64> = after.parse().ok().filter(|_| is_told && ended.outcome == "sent");
            println!("{system} {scenario} {index}: {ours:.3} ({after})");
            // A quarter of a second is the machine's; OpenSMTPD's class is 2.0 to 2.6 s.
            let most = if system == "opensmtpd" { 0.6 } else { 0.25 };
            assert!(
                real.is_none_or(|real| (ours - real).abs() <= most),
                "{system} {scenario} {index}: {ours} s, measured {after}"
            );
        }
    }
}

#[test]
fn eight_failing_hosts_are_tried_as_far_as_measured() {
    for row in rows(include_str!("../fixtures/mta/mx_limit.csv")) {
        let (system, mode) = (row["mta"].as_str(), row["mode"].as_str());
        let names: Vec<String> = (1..=8).map(|i| format!("m{i}.d.example")).collect();
        let mx: Vec<String> =
            names.iter().enumerate().map(|(i, name)| format!("({}, \"{name}\")", 10 * i + 10)).collect();
        let case = Case {
            retry: policy(system, ""),
            zones: zone("d.example", &mx.join(", ")),
            hosts: hosts(&names.iter().map(String::as_str).collect::<Vec<_>>(), ""),
            timeline: outage("m*.d.example", fault(mode)),
            arrivals: vec![(10.5, "d.example".into())],
            // OpenSMTPD goes on every 2 s while the window of observation lasts.
            drain_s: 8,
            ..Case::default()
        };
        run(&case, |log| {
            let tried = log.first_tries as f64;
            let (least, most) = (number(&row, "least"), number(&row, "most"));
            assert!(tried >= least && tried <= most, "{system} {mode}: {tried} hosts, measured {least} to {most}");
        });
    }
}

/// Upper tail of chi-square with one or two degrees of freedom.
fn chi_square_p(statistic: f64, freedom: usize) -> f64 {
    match freedom {
        // P(|Z| > sqrt x) through the error function.
        1 => libm::erfc((statistic / 2.0).sqrt()),
        2 => libm::exp(-statistic / 2.0),
        _ => panic!("{freedom} degrees of freedom"),
    }
}

/// Whether two samples of counts may be of one distribution.
fn homogeneity_p(left: &[f64], right: &[f64]) -> f64 {
    let (n, m) = (left.iter().sum::<f64>(), right.iter().sum::<f64>());
    let mut statistic = 0.0;
    let mut cells = 0;
    for (a, b) in left.iter().zip(right).filter(|(a, b)| **a + **b > 0.0) {
        let expected = (a + b) / (n + m);
        statistic += (a - expected * n).powi(2) / (expected * n) + (b - expected * m).powi(2) / (expected * m);
        cells += 1;
    }
    if cells < 2 { 1.0 } else { chi_square_p(statistic, cells - 1) }
}

fn measured(system: &str, set: &str) -> Vec<(String, f64)> {
    rows(include_str!("../fixtures/mta/spread.csv"))
        .into_iter()
        .filter(|row| row["mta"] == system && row["set"] == set)
        .map(|row| (row["host"].clone(), number(&row, "deliveries")))
        .collect()
}

/// One message each tenth of a second, each alone.
fn one_by_one(count: u32, every_s: f64) -> Vec<(f64, String)> {
    (0..count).map(|i| (100.0 + every_s * f64::from(i), "d.example".into())).collect()
}

#[test]
fn r17_equals_share_as_measured() {
    let equal = (r#"(10, "a.d.example"), (10, "b.d.example"), (10, "c.d.example")"#, ["a", "b", "c"]);
    for (system, set, more) in [
        ("postfix", "equal-nocache", "smtp_connection_cache_on_demand: false"),
        ("exim", "equal-open", ""),
        ("sendmail", "equal-open", ""),
    ] {
        let case = Case {
            retry: policy(system, more),
            zones: zone("d.example", equal.0),
            hosts: hosts(&["a.d.example", "b.d.example", "c.d.example"], ""),
            arrivals: one_by_one(600, 0.1),
            ..Case::default()
        };
        let counts = run(&case, |log| equal.1.map(|name| log.delivered_to(&format!("{name}.d.example")) as f64));
        let real: Vec<f64> = measured(system, set).into_iter().map(|(_, n)| n).collect();
        let p = homogeneity_p(&counts, &real);
        assert!(p > 0.01, "{system}: {counts:?}, measured {real:?}: p = {p}");
    }
}

#[test]
fn kept_sessions_bias_the_spread_as_measured() {
    // 600 messages, one each 10.8 ms, with sessions kept on demand: whoever finds an idle one uses it, so that the shares are
    // those of some fifteen sessions (7, 4 and 4 of them), and not of six hundred messages. Which host gets most is chance:
    // how much it gets on average over runs stands beside the one measured run.
    let names = ["a", "b", "c"].map(|name| format!("{name}.d.example"));
    let mx = r#"(10, "a.d.example"), (10, "b.d.example"), (10, "c.d.example")"#;
    let real = measured("postfix", "equal-ondemand").into_iter().map(|(_, n)| n).fold(0.0, f64::max);
    let mut largest = Vec::new();
    for seed in 1..=20 {
        let case = Case {
            retry: policy("postfix", ""),
            zones: zone("d.example", mx),
            hosts: hosts(&names.each_ref().map(String::as_str), r#"service: "100ms""#),
            arrivals: one_by_one(600, 0.0108),
            seed,
            ..Case::default()
        };
        run(&case, |log| {
            let counts = names.each_ref().map(|name| log.delivered_to(name) as f64);
            assert_eq!(counts.iter().sum::<f64>(), 600.0);
            assert!(log.connections < 25, "{} connections", log.connections);
            largest.push(counts.into_iter().fold(0.0, f64::max));
        });
    }
    let mean = largest.iter().sum::<f64>() / 20.0;
    println!("largest share {mean}, measured {real}, {largest:?}");
    assert!((mean - real).abs() <= 36.0, "{mean}, measured {real}: six points are 36");
    // Without the cache none has more than 240: chance gives 218 on average.
    assert!(mean > 240.0, "{mean}");
}

#[test]
fn opensmtpd_spreads_over_the_few_connections_that_its_delays_let_it_make() {
    // 600 messages at once, 47 ms each (42 in the two seconds that the first connection was alone), four round trips of 1 ms among
    // them (MAIL, RCPT, DATA and the end of data each wait for their reply): one connection more each
    // two seconds (conndelay_relay), over the route with the fewest, a hundred messages each. Measured: seven, all done
    // after 13.6 s.
    let names = ["a", "b", "c"].map(|name| format!("{name}.d.example"));
    let case = Case {
        retry: policy("opensmtpd", ""),
        zones: zone("d.example", r#"(10, "a.d.example"), (10, "b.d.example"), (10, "c.d.example")"#),
        hosts: hosts(&names.each_ref().map(String::as_str), r#"service: "43ms""#),
        arrivals: one_by_one(600, 0.0108),
        ..Case::default()
    };
    run(&case, |log| {
        let counts = names.each_ref().map(|name| log.delivered_to(name) as f64);
        let last = log.ended.values().map(|ended| ended.ended_s - 100.0).fold(0.0, f64::max);
        println!("{counts:?} over {} connections, last {last:.2} s", log.connections);
        let mut real: Vec<f64> = measured("opensmtpd", "equal-open").into_iter().map(|(_, n)| n).collect();
        let mut sorted = counts.to_vec();
        sorted.sort_by(f64::total_cmp);
        real.sort_by(f64::total_cmp);
        assert!(
            sorted.iter().zip(&real).all(|(ours, real)| (ours - real).abs() <= 36.0),
            "{counts:?}, measured {real:?}"
        );
        assert!((6..=8).contains(&log.connections), "{} connections, measured 7", log.connections);
        // Which of them are open together is a matter of the fractions of its clock.
        assert!((last - 13.58).abs() <= 3.0, "{last}");
    });
}

#[test]
fn r18_addresses_of_a_name_share_as_measured() {
    // Postfix is uniform by address, Exim by name and then by address, sendmail by name with the first address always.
    for system in ["postfix", "exim", "sendmail"] {
        for (set, mx, addresses) in [
            ("A2+B1", r#"(10, "a.d.example"), (10, "b.d.example")"#, vec!["a1", "a2", "b"]),
            ("C3", r#"(10, "c.d.example")"#, vec!["c1", "c2", "c3"]),
        ] {
            let zones = format!(
                r#""d.example": (ttl: "1s", ttls: (ns: "3650d", glue: "3650d"), ns: ["ns.d.example"], mx: [{mx}],
                    addresses: {{ "a.d.example": ["a1.d.example", "a2.d.example"], "c.d.example": ["c1.d.example", "c2.d.example", "c3.d.example"] }}),"#
            );
            let names = ["a1", "a2", "b", "c1", "c2", "c3"].map(|name| format!("{name}.d.example"));
            let case = Case {
                retry: policy(system, ""),
                zones,
                hosts: hosts(&names.iter().map(String::as_str).collect::<Vec<_>>(), ""),
                arrivals: one_by_one(300, 1.2),
                ..Case::default()
            };
            let counts: Vec<f64> = run(&case, |log| {
                addresses.iter().map(|name| log.delivered_to(&format!("{name}.d.example")) as f64).collect()
            });
            let known = measured(system, set);
            let real: Vec<f64> = addresses
                .iter()
                .map(|name| known.iter().find(|(host, _)| host == name).map_or(0.0, |(_, n)| *n))
                .collect();
            let p = homogeneity_p(&counts, &real);
            assert!(p > 0.01, "{system} {set}: {counts:?}, measured {real:?}: p = {p}");
        }
    }
}

#[test]
fn one_dead_of_three_equals_costs_what_was_measured() {
    for row in rows(include_str!("../fixtures/mta/equal_one_dead.csv")) {
        let (system, mode) = (row["mta"].as_str(), row["mode"].as_str());
        if system == "opensmtpd" {
            continue; // Its rows are cut off by the window of observation.
        }
        let zones: String = (0..150)
            .map(|i| {
                zone(&format!("d{i}.d.example"), r#"(10, "a.d.example"), (10, "b.d.example"), (10, "c.d.example")"#)
            })
            .collect();
        let case = Case {
            retry: policy(system, ""),
            zones: zones + &zone("d.example", ""),
            hosts: hosts(&["a.d.example", "b.d.example", "c.d.example"], ""),
            timeline: outage("a.d.example", fault(mode)),
            arrivals: (0..150).map(|i| (100.0 + 0.16 * f64::from(i), format!("d{i}.d.example"))).collect(),
            ..Case::default()
        };
        run(&case, |log| {
            let counts = ["b", "c"].map(|name| log.delivered_to(&format!("{name}.d.example")) as f64);
            let p = homogeneity_p(&counts, &[number(&row, "b"), number(&row, "c")]);
            assert!(p > 0.01, "{system} {mode}: {counts:?}: p = {p}");
            let slow = log.latencies().iter().filter(|latency| **latency > 1.0).count() as f64;
            let real = number(&row, "slow") * 150.0;
            let p = homogeneity_p(&[slow, 150.0 - slow], &[real, 150.0 - real]);
            assert!(p > 0.01, "{system} {mode}: {slow} of 150 were slow, measured {real}: p = {p}");
        });
    }
}

/// A zone whose only server is of no use.
fn broken(name: &str, mx: &str) -> String {
    zone(name, mx).replace("ns.d.example", "ns.broken.example")
}

#[test]
fn dns_outcomes_are_as_measured() {
    for row in rows(include_str!("../fixtures/mta/dns_cases.csv")) {
        let (system, case_name) = (row["mta"].as_str(), row["case"].as_str());
        let good = r#""good.d.example": ()"#;
        let (zones, others, dead, domain) = match case_name {
            "implicit" => (zone("x.d.example", ""), r#""x.d.example": ()"#, "", "x.d.example"),
            "implicitdead" => (zone("x.d.example", ""), r#""x.d.example": ()"#, "x.d.example", "x.d.example"),
            "nullmx" => (zone("x.d.example", r#"(0, ".")"#), good, "", "x.d.example"),
            "nullmix" => (zone("x.d.example", r#"(0, "."), (10, "good.d.example")"#), good, "", "x.d.example"),
            "badmx" => (zone("x.d.example", r#"(10, "none.d.example")"#), good, "", "x.d.example"),
            // The domain itself has an address.
            "badmxa" => {
                let hosts = r#""good.d.example": (), "x.d.example": ()"#;
                (zone("x.d.example", r#"(10, "none.d.example")"#), hosts, "", "x.d.example")
            }
            "badgoodmx" => {
                let mx = r#"(10, "none.d.example"), (20, "good.d.example")"#;
                (zone("x.d.example", mx), good, "", "x.d.example")
            }
            "mxdup" => {
                let mx = r#"(10, "good.d.example"), (10, "good.d.example")"#;
                (zone("x.d.example", mx), good, "", "x.d.example")
            }
            "nodata" => (zone("x.d.example", ""), good, "", "x.d.example"),
            // Whom they ask refuses to answer for the domain.
            "refused" => (zone("x.d.example", r#"(10, "good.d.example")"#), good, "", "x.d.example"),
            // The zone's server is of no use: refusing, or silent until the resolver or its client has had enough.
            "servfail" | "timeout" => (broken("x.d.example", r#"(10, "good.d.example")"#), good, "", "x.d.example"),
            "mxservfail" => {
                let zones = zone("x.d.example", r#"(10, "a.y.example")"#) + &broken("y.example", "");
                (zones, r#""good.d.example": (), "a.y.example": ()"#, "", "x.d.example")
            }
            "mxservfailgood" => {
                let mx = r#"(10, "a.y.example"), (20, "good.d.example")"#;
                let zones = zone("x.d.example", mx) + &broken("y.example", "");
                (zones, r#""good.d.example": (), "a.y.example": ()"#, "", "x.d.example")
            }
            "nxdomain" => (zone("x.d.example", ""), good, "", "none.d.example"),
            // An MX that is an address and no name.
            "mxip" => (zone("x.d.example", r#"(10, "127.0.0.9")"#), r#""127.0.0.9": ()"#, "", "x.d.example"),
            other => panic!("no case {other}"),
        };
        let mut timeline = if dead.is_empty() { String::new() } else { outage(dead, "Refuse") };
        let fails = if case_name == "timeout" { "BlackHole" } else { "Refuse" };
        if zones.contains("ns.broken.example") {
            timeline += &format!(r#"(at: "0s", do: Outage(server: "ns.broken.example", mode: {fails})), "#);
        }
        // A name that has no address: it loses the one that it must have to be written.
        timeline += r#"(at: "0s", do: SetAddress(name: "none.d.example", hosts: [])), "#;
        let case = Case {
            retry: policy(system, ""),
            zones: zones
                + &zone("d.example", "").replace("mx:", r#"addresses: { "none.d.example": ["spare.d.example"] }, mx:"#),
            hosts: format!(r#"{others}, "spare.d.example": ()"#),
            timeline,
            arrivals: vec![(100.5, domain.into())],
            // What waits for DNS is not refused within the minutes of patience with it.
            refuses: if case_name == "refused" { "x.d.example" } else { "nothing.example" }.into(),
            drain_s: if ["timeout", "mxservfail", "mxservfailgood"].contains(&case_name) { 60 } else { 1 },
            ..Case::default()
        };
        run(&case, |log| {
            let outcome = match log.ended[&1].outcome {
                "queued" => "defer",
                other => other,
            };
            assert_eq!(outcome, row["outcome"], "{system} {case_name}");
        });
    }
}
