//! Which server is asked, how long it is waited for, and when the resolver gives up: against the recordings.

use std::collections::BTreeMap;

use mxsim::dns::{Asker, Outcome};

use crate::watch::{Watch, label_of, model, rows, seconds, software, watch};

/// A zone on servers of these kinds (as the recordings name them), asked for so many names in turn as `client` says.
fn scenario(resolver: &str, kinds: &str, names_asked: u32, client: &str, measure: &str) -> String {
    let (mut servers, mut names, mut lame, mut timeline) = (String::new(), String::new(), String::new(), String::new());
    for (index, kind) in kinds.split('+').enumerate() {
        let name = format!("ns{index}.sel.lab");
        let latency = match kind.strip_prefix('d') {
            Some(milliseconds) => format!("{milliseconds}ms"),
            None => "300us".into(),
        };
        let says = if kind == "servfail" { "ServFail" } else { "Refused" };
        servers += &format!("\"{name}\": (latency: \"{latency}\", lame: {says}),\n");
        names += &format!("\"{name}\", ");
        if kind == "servfail" || kind == "refused" {
            lame += &format!("\"{name}\", ");
        }
        if kind == "bh" || kind == "closed" {
            let mode = if kind == "bh" { "BlackHole" } else { "Refuse" };
            timeline += &format!("(at: \"0s\", do: Outage(server: \"{name}\", mode: {mode})),\n");
        }
    }
    let asks: String = (0..names_asked).map(|n| format!("(\"n{n}.sel.lab\", MX),")).collect();
    format!(
        r#"(
        title: "selection",
        run: (measure: "{measure}", drain: "0s", seed: 3),
        regions: {{ "here": (rtt: "0s") }},
        zones: {{ "sel.lab": (ns: [{names}], lame: [{lame}]), "lab": (ns: ["ns.lab"]), ".": (ns: ["ns.root"]) }},
        servers: {{ "ns.lab": (latency: "0s"), "ns.root": (latency: "0s"), {servers} }},
        resolvers: {{ "r": (software: {resolver}, ipv6: false) }},
        clients: {{ "c": (resolver: "r", asks: [{asks}], {client}) }},
        timeline: [{timeline}],
    )"#
    )
}

/// Queries to each of the zone's servers.
fn packets(watch: &Watch, model: &mxsim::model::Model) -> BTreeMap<String, f64> {
    let mut packets = BTreeMap::new();
    for (_, server, ..) in &watch.queries {
        let label = label_of(model, *server);
        if label.starts_with("ns") && label.len() == 3 {
            *packets.entry(label.to_owned()).or_insert(0.0) += 1.0;
        }
    }
    packets
}

const REPLICATIONS: u32 = 15;

/// Among so many simulated fetches the recorded one has to be.
const DRAWS: u32 = 200;

fn quantile(sorted: &[f64], q: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * q).round() as usize]
}

/// Two questions a second for 150 s, as in the recordings (some 300 a row). Servers that are alike in kind are counted
/// together: what told the real ones apart was the noise of a busy machine. Shares within 5 points of the measured; the
/// 99th percentile on the same side of 300 ms as in a tenth of the replications at least (it is the third or fourth of some
/// 300 latencies: PowerDNS sends whoever asks in its first 1.5 s to a server it does not know, 6 of them in one
/// recording, 1 in another like it). The one server of 800 ms is held by its median.
#[test]
fn servers_are_asked_in_the_measured_shares() {
    let mut wrong = Vec::new();
    for row in rows("server_selection.csv") {
        let kinds: Vec<&str> = row["servers"].split('+').collect();
        // Each question is for another name, so that each is a miss.
        let client = r#"arrivals: Poisson(rate: "2/s")"#;
        let text = scenario(software(&row["resolver"]), &row["servers"], 4000, client, "150s");
        let model = model(&text);
        let mut simulated: BTreeMap<String, f64> = BTreeMap::new();
        let (mut p50, mut p99) = (Vec::new(), Vec::new());
        for replication in 0..REPLICATIONS {
            let watch = watch(&model, replication);
            for (label, count) in packets(&watch, &model) {
                let kind = label[2..].parse::<usize>().ok().and_then(|index| kinds.get(index)).unwrap_or(&"?");
                *simulated.entry((*kind).to_owned()).or_insert(0.0) += count;
            }
            let mut took: Vec<f64> = watch.lookups.iter().map(|lookup| lookup.took.as_secs_f64()).collect();
            took.sort_by(f64::total_cmp);
            p50.push(quantile(&took, 0.5));
            p99.push(quantile(&took, 0.99));
        }
        let mut measured: BTreeMap<String, f64> = BTreeMap::new();
        for cell in row["upstream_packets_per_server"].split(' ') {
            let (kind, count) = cell.split_once(':').and_then(|(_, cell)| cell.split_once('=')).unwrap_or(("", "0"));
            *measured.entry(kind.to_owned()).or_insert(0.0) += count.parse::<f64>().unwrap_or(0.0);
        }
        let share = |packets: &BTreeMap<String, f64>, kind: &str| {
            packets.get(kind).copied().unwrap_or(0.0) / packets.values().sum::<f64>()
        };
        for kind in measured.keys().chain(simulated.keys()) {
            let (was, is) = (share(&measured, kind), share(&simulated, kind));
            if (was - is).abs() > 0.05 {
                wrong.push(format!(
                    "{} {} {kind}: measured {was:.3}, simulated {is:.3}",
                    row["resolver"], row["servers"]
                ));
            }
        }
        p50.sort_by(f64::total_cmp);
        let measured_ms = |column: &str| row[column].parse::<f64>().unwrap_or(f64::NAN);
        if row["servers"] == "d800" {
            let median_s = p50[p50.len() / 2];
            let ratio = median_s * 1e3 / measured_ms("p50_ms");
            if (ratio - 1.0).abs() > 0.02 {
                wrong.push(format!("{} d800: median {} s", row["resolver"], median_s));
            }
        } else if p99.iter().filter(|p99| (**p99 > 0.3) == (measured_ms("p99_ms") > 300.0)).count() < 2 {
            wrong.push(format!("{} {}: 99th percentiles {p99:?} s", row["resolver"], row["servers"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A question for one name, and again each time that the recorded client had waited in vain, `every` so long.
fn asked_again(resolver: &str, kinds: &str, every: &str) -> std::sync::Arc<mxsim::model::Model> {
    let client = format!(r#"arrivals: Periodic(every: "{every}", offset: "10s")"#);
    model(&scenario(resolver, kinds, 1, &client, "500s"))
}

/// The times of the queries, and when the first asker heard of its failure.
fn queries(model: &mxsim::model::Model, replication: u32) -> (Vec<f64>, Option<f64>) {
    let watch = watch(model, replication);
    let zone: Vec<f64> = watch
        .queries
        .iter()
        .filter(|(_, server, ..)| label_of(model, *server).starts_with("ns") && label_of(model, *server).len() == 3)
        .map(|(at, ..)| seconds(*at) - 10.0)
        .collect();
    let failed = watch.lookups.iter().find(|lookup| matches!(lookup.asker, Asker::Client(_))).map(|lookup| {
        assert_eq!(lookup.answer.outcome, Outcome::ServFail);
        lookup.took.as_secs_f64()
    });
    (zone, failed)
}

/// Time to SERVFAIL within 10 %. Unbound's comes too late to be sent (`discard_timeout`): none within 240 s in the recording, and
/// here the asker's stub gives up after its 10 s. What fails at once took 1 to 119 ms on the busy machine of the
/// recording (its README: below some 60 ms is noise): there within 120 ms.
#[test]
fn all_servers_dead_ends_when_the_real_one_gave_up() {
    let mut wrong = Vec::new();
    for row in rows("all_dead.csv") {
        let (_, failed) = queries(&asked_again(software(&row["resolver"]), &row["servers"], "300s"), 0);
        let measured = row["first_latency_ms"].parse::<f64>().ok().map(|milliseconds| milliseconds / 1e3);
        let fits = match (failed, measured) {
            (Some(failed), Some(measured)) => (failed - measured).abs() <= (0.1 * measured).max(0.12),
            (Some(failed), None) => (failed - 10.0).abs() < 1e-6,
            (None, _) => false,
        };
        if !fits {
            wrong.push(format!("{} {}: {failed:?} s, measured {measured:?}", row["resolver"], row["servers"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every packet of the recorded first fetch has a simulated one within 10 % of its time (and 50 ms), and there are no others;
/// of Unbound's, every packet that was recorded, the next fetch's and those for the servers' addresses, too. Which server
/// comes next is a draw with Unbound and Knot Resolver, and so are their waits: there the recording is held to be one of
/// so many simulated ones. Knot Resolver's may have more packets, since what it sent over TCP was not recorded.
#[test]
fn silent_servers_are_asked_again_when_the_real_ones_were() {
    let mut wrong = Vec::new();
    for row in rows("all_dead.csv").iter().filter(|row| row["servers"].starts_with("bh")) {
        let resolver = row["resolver"].as_str();
        let end = row["first_latency_ms"].parse::<f64>().map_or(f64::INFINITY, |milliseconds| milliseconds / 1e3);
        let measured: Vec<f64> = row["first_upstream_packets"]
            .split(' ')
            .filter_map(|packet| packet.split_once(':')?.0.parse::<f64>().ok())
            .filter(|at| *at < end)
            .collect();
        let model = asked_again(software(resolver), &row["servers"], if resolver == "U" { "60.5s" } else { "240.49s" });
        let is_near = |sent: &f64, at: &f64| (sent - at).abs() <= (0.1 * at).max(0.05);
        let are_near = |sent: &[f64], at: &[f64]| sent.iter().zip(at).all(|(sent, at)| is_near(sent, at));
        let fits = |replication: u32| {
            let (mut simulated, _) = queries(&model, replication);
            simulated.retain(|sent| *sent < end);
            match resolver {
                "K8" | "K" => measured.iter().all(|at| simulated.iter().any(|sent| is_near(sent, at))),
                // The recording shows the first fourteen.
                "U8" | "U" => simulated.len() >= measured.len() && are_near(&simulated, &measured),
                _ => simulated.len() == measured.len() && are_near(&simulated, &measured),
            }
        };
        let draws = if resolver.starts_with(['U', 'K']) { DRAWS } else { 1 };
        if !(0..draws).any(fits) {
            let (simulated, _) = queries(&model, 0);
            wrong.push(format!("{resolver} {}: measured {measured:?}, simulated {simulated:?}", row["servers"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// All packets of the recordings (`upstream_packets`: 14 at one server, 26 at two; at four the run's end, which is not known,
/// counts), and when the fetch at last fails: the same version of Debian (1.17.1-2+deb12u4) with `discard-timeout: 0` and without
/// IPv6, measured beside silent servers for this test, said SERVFAIL after 29.36 s and 395.96 s, and sent 49 packets to four
/// servers in 500 s.
#[test]
fn a_fetch_of_unbounds_ends_when_nothing_is_left_to_ask() {
    for (servers, packets, failed_s) in
        [("bh", 14, Some(29.36)), ("bh+bh", 26, Some(395.96)), ("bh+bh+bh+bh", 49, None)]
    {
        let (sent, _) = queries(&asked_again(software("U8"), servers, "240.49s"), 0);
        assert_eq!(sent.len(), packets, "{servers}: {sent:?}");
        let patient = "UnboundPre125(discard_timeout: \"0s\")";
        let (_, failed) = queries(&asked_again(patient, servers, "600s"), 0);
        match (failed, failed_s) {
            (Some(is), Some(was)) => assert!((is - was).abs() < 0.005 * was, "{servers}: {is} s"),
            (is, was) => assert_eq!(is, was, "{servers}"),
        }
    }
}

/// A server that takes so long answers a stub resolver of Unbound's when that asks again after 5 s, or if the answer then comes
/// within `discard_timeout` of that; else the stub gives up after 10 s, though Unbound knows by then.
#[test]
fn an_answer_that_comes_too_late_is_for_who_asks_again() {
    let heard_by = |asked: &str, latency: &str| {
        let software = "UnboundPre125(first_timeout: \"20s\", qname_minimisation: Off)";
        let client = r#"arrivals: Burst(at: "10s", count: 1, over: "0s")"#;
        let text = scenario(software, "fast", 1, client, "40s").replace("\"300us\"", &format!("\"{latency}\""));
        let text = text
            .replace("resolvers: {", "resolvers: { \"hop\": (software: Dnsmasq(), upstream: [\"r\"]),")
            .replace("(resolver: \"r\", asks", &format!("(resolver: \"{asked}\", asks"));
        let watch = watch(&model(&text), 0);
        let is_clients = |lookup: &&mxsim::dns::LookupRecord| matches!(lookup.asker, Asker::Client(_));
        let lookup = watch.lookups.iter().find(is_clients).expect("an answer");
        (lookup.answer.outcome, lookup.took.as_secs_f64())
    };
    let heard = |latency: &str| heard_by("r", latency);
    let is_no_data =
        |(outcome, took): (Outcome, f64), at: f64| outcome == Outcome::NxDomain && (took - at).abs() < 1e-6;
    assert!(is_no_data(heard("1.8s"), 1.8));
    assert!(is_no_data(heard("2s"), 5.0));
    assert!(is_no_data(heard("6.8s"), 6.8));
    assert_eq!(heard("7s"), (Outcome::ServFail, 10.0));
    // Dnsmasq has no timer of its own: what its asker asks again is asked again, and its asker is as well off.
    for (latency, at) in [("1.8s", 1.8), ("2s", 5.0), ("6.8s", 6.8)] {
        assert!(is_no_data(heard_by("hop", latency), at), "{latency}: {:?}", heard_by("hop", latency));
    }
    assert_eq!(heard_by("hop", "7s"), (Outcome::ServFail, 10.0));
}

/// Packets in all, of the rows whose questions followed each other at once because each was answered at once: one some 0.56 s
/// after the other for 300 s, or in the other run (its first packets tell) some 0.54 s for 200 s. Within a tenth; PowerDNS, which
/// asks a failing server again after 120 s, to the packet.
#[test]
fn servers_that_fail_get_as_many_packets() {
    let mut wrong = Vec::new();
    for row in rows("all_dead.csv")
        .iter()
        .filter(|row| row["servers"].contains("servfail") || row["servers"].contains("refused"))
    {
        let resolver = row["resolver"].as_str();
        let span_s = if resolver.ends_with('8') { 300.0 } else { 200.0 };
        let [questions, measured] =
            ["client_queries", "upstream_packets"].map(|column| row[column].parse().unwrap_or(0.0));
        let every_ms = (1e3 * span_s / questions) as u32;
        let client = format!(r#"arrivals: Periodic(every: "{every_ms}ms", offset: "10s")"#);
        let model = model(&scenario(software(resolver), &row["servers"], 1, &client, &format!("{}s", 10.0 + span_s)));
        let watch = watch(&model, 0);
        let simulated: f64 = packets(&watch, &model).values().sum();
        let tolerance = if resolver.starts_with('P') { 0.0 } else { 0.1 * measured };
        if (simulated - measured).abs() > tolerance {
            wrong.push(format!("{resolver} {}: measured {measured}, simulated {simulated}", row["servers"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Fact 9: the first time-out toward a server that is not known.
#[test]
fn the_first_retry_comes_after_the_presets_time_out() {
    for (resolver, expected) in [("U", 0.376), ("K", 0.4), ("B", 0.8), ("P", 1.5)] {
        let (sent, _) = queries(&asked_again(software(resolver), "bh+bh", "300s"), 0);
        assert!((sent[1] - sent[0] - expected).abs() < 1e-6, "{resolver}: {sent:?}");
    }
}

/// BIND's second fetch at servers that it knows by then to be silent: its rounds begin to double after three (resolver.c,
/// nonbackofftries), not after one as in the first fetch, which had to find the servers' addresses. Recorded with one server,
/// from the second question on: 10.99, 11.80, 12.60, 13.40, 15.00 and 18.20 s after the first.
#[test]
fn a_fetch_at_known_servers_doubles_its_waits_later() {
    let rows = rows("all_dead.csv");
    let row = rows.iter().find(|row| row["resolver"] == "B8" && row["servers"] == "bh").expect("BIND and one server");
    let packets = row["first_upstream_packets"].split(' ').filter_map(|packet| packet.split_once(':')?.0.parse().ok());
    let second: Vec<f64> = packets.filter(|at| (10.5..21.0).contains(at)).collect();
    assert_eq!(second.len(), 6);
    let client = r#"arrivals: Periodic(every: "10.99s", offset: "10s")"#;
    let model = model(&scenario(software("B8"), "bh", 4000, client, "35s"));
    let watch = watch(&model, 0);
    let sent = watch.queries.iter().filter(|(_, server, ..)| label_of(&model, *server).starts_with("ns0"));
    let simulated: Vec<f64> = sent.map(|(at, ..)| seconds(*at) - 10.0).filter(|at| (10.5..21.0).contains(at)).collect();
    assert_eq!(simulated.len(), second.len(), "{simulated:?}");
    for (at, measured) in simulated.iter().zip(&second) {
        assert!((at - measured).abs() <= 0.1, "{simulated:?} beside {second:?}");
    }
}
