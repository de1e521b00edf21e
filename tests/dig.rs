//! `mxsim dig`: what an instructor sees at an instant of a run.

use assert_cmd::Command;

const SCENARIO: &str = r#"(
    title: "Two resolvers and a change",
    run: (warmup: "1h", measure: "1d", seed: 3),
    regions: { "here": (rtt: "0s") },
    zones: { "example.org": (ttl: "1h", ttls: (negative: "10m"), mx: [(10, "mx1.example.org"), (20, "mx2.example.org")]) },
    hosts: { "mx1.example.org": (), "mx2.example.org": () },
    resolvers: { "isp": (software: Ideal(), farm: 2), "own": (software: Ideal()) },
    clients: { "users": (resolver: "isp", asks: [("example.org", MX)], arrivals: Periodic(every: "7s")) },
    senders: { "campus": (resolver: "own", arrivals: Periodic(every: "1h", offset: "0s"), to: Weights({"example.org": 1.0})) },
    timeline: [ (name: "cutover", at: "warmup + 2h", do: SetMx(zone: "example.org", mx: [(10, "mx2.example.org")])) ],
    variants: { "short": { "zones/example.org/ttl": "5m" } },
)"#;

fn dig(arguments: &[&str]) -> std::process::Output {
    dig_in(SCENARIO, arguments)
}

fn dig_in(scenario: &str, arguments: &[&str]) -> std::process::Output {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("lesson.ron");
    std::fs::write(&path, scenario).expect("written");
    let mut command = Command::cargo_bin("mxsim").expect("built");
    command.arg("dig").arg(&path).args(arguments).output().expect("it runs")
}

fn text(arguments: &[&str]) -> String {
    let output = dig(arguments);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn an_answer_counts_down_and_is_stale_after_a_change() {
    // The farm's caches were first asked within seconds of the start, and again every hour: a minute after the change, at
    // three hours, they hold what they fetched at three hours; at the change itself, what was fetched before.
    let before = text(&["example.org", "mx", "--at", "cutover - 10m", "--resolver", "isp#1"]);
    assert!(
        before.contains("\tIN\tMX\t10 mx1.example.org.") && before.contains("\tIN\tMX\t20 mx2.example.org."),
        "{before}"
    );
    let ttl: u32 = before
        .lines()
        .find(|line| line.starts_with("example.org."))
        .and_then(|line| line.split_whitespace().nth(1))
        .expect("a TTL")
        .parse()
        .expect("a number");
    assert!((1..=3600).contains(&ttl), "{before}");
    let stale = text(&["example.org", "--at", "cutover + 1s", "--resolver", "own"]);
    assert!(stale.contains("fetched"), "own asks each hour, at the hour: {stale}");
    let stale =
        text(&["example.org", "--at", "cutover + 1s", "--set", "zones/example.org/ttl=5h", "--resolver", "own"]);
    assert!(stale.contains("STALE: version 0 of the data; the primary holds version 1"), "{stale}");
}

#[test]
fn all_resolvers_answer_each_member_of_a_farm_by_itself() {
    let all = text(&["example.org", "--at", "30m"]);
    for who in ["isp#1", "isp#2", "own"] {
        assert!(all.contains(&format!("@{who} example.org. MX")), "{all}");
    }
    assert_eq!(text(&["example.org", "--at", "30m", "--resolver", "isp"]).matches("status: NOERROR").count(), 2);
}

#[test]
fn a_trace_walks_the_delegation_from_the_root() {
    let trace = text(&["example.org", "MX", "--at", "30m", "--trace"]);
    let zones: Vec<&str> = trace.lines().filter(|line| line.starts_with(";; Received")).collect();
    assert_eq!(zones.len(), 4, "{trace}");
    assert!(zones[1].ends_with("(zone .)") && zones[3].ends_with("(zone example.org.)"), "{trace}");
}

#[test]
fn a_name_that_nobody_declared_does_not_exist_and_says_for_how_long() {
    let answer = text(&["nosuch.example.org", "A", "--at", "30m", "--resolver", "own"]);
    assert!(answer.contains("status: NXDOMAIN") && answer.contains("ANSWER: 0, AUTHORITY: 1"), "{answer}");
    let soa = "example.org.\t\t600\tIN\tSOA\tns1.example.org. hostmaster.example.org. 1 7200 900 1209600 600";
    assert!(answer.contains(&format!(";; AUTHORITY SECTION:\n{soa}\n")), "{answer}");
}

/// The whole of an answer in the order and the columns of `dig`, which scripts read.
#[test]
fn an_answer_stands_as_dig_prints_it() {
    let answer = text(&["example.org", "MX", "--at", "30m", "--resolver", "own"]);
    let expected = "\
; <<>> mxsim dig <<>> @own example.org. MX
;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 1
;; flags: qr rd ra; QUERY: 1, ANSWER: 2, AUTHORITY: 0, ADDITIONAL: 0

;; QUESTION SECTION:
;example.org.\t\t\tIN\tMX

;; ANSWER SECTION:
example.org.\t\t1801\tIN\tMX\t10 mx1.example.org.
example.org.\t\t1801\tIN\tMX\t20 mx2.example.org.

;; Query time: 0 msec
;; SERVER: own
;; WHEN: Mon 00:30:00 (30m after the start of the run)
;; cached
";
    // The sender asks on the hour; the walk took three milliseconds, so that a little more than 1800 s is left, rounded up.
    assert_eq!(answer, expected);
}

/// A primary, a secondary that looks every two hours, a cutover of three records, and back after an hour.
const SERIALS: &str = r#"(
    title: "Serials",
    run: (measure: "1d", seed: 3),
    regions: { "here": (rtt: "0s") },
    zones: { "example.org": (ttl: "1h", ttls: (negative: "10m", soa: "10m"), mx: [(10, "mx1.example.org")],
        ns: ["ns2.example.org", "ns1.example.org"], soa: (serial: 4294967295, refresh: "2h"),
        transfer: (primary: "ns1.example.org", notify: false)) },
    servers: { "ns1.example.org": (latency: "0s"), "ns2.example.org": (latency: "0s") },
    hosts: { "mx1.example.org": (), "mx2.example.org": () },
    resolvers: { "own": (software: Bind()), "hop": (software: Dnsmasq(), upstream: ["own"]) },
    clients: { "users": (resolver: "own", asks: [("no.example.org", A)], arrivals: Periodic(every: "7s")) },
    timeline: [
        (name: "cutover", at: "10h", do: SetMx(zone: "example.org", mx: [(10, "mx2.example.org")]), for: "1h"),
        (at: "10h", do: SetTtl(zone: "example.org", ttl: "5m")),
        (at: "20h", do: SetSerial(zone: "example.org", serial: 2026112801)),
    ],
)"#;

fn serials(arguments: &[&str]) -> Vec<u32> {
    let output = dig_in(SERIALS, arguments);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    let lines = text.lines().filter(|line| line.contains("\tSOA\t"));
    lines.filter_map(|line| line.split_whitespace().nth(6)?.parse().ok()).collect()
}

/// Each action of the timeline is one more, modulo 2^32 (RFC 1982 section 3.1); a secondary's serial is that of its copy, a
/// cache's that of the SOA that it was given.
#[test]
fn the_serial_moves_with_each_change_and_lags_where_a_copy_does() {
    let trace = |at: &str| serials(&["example.org", "SOA", "--at", at, "--trace"]);
    assert_eq!(trace("9h"), [4_294_967_295], "as written");
    // The first server named is the secondary: it finds out within its two hours.
    assert_eq!(trace("cutover"), [4_294_967_295]);
    assert_eq!(trace("cutover + 4h"), [2], "two actions at the cutover, and back an hour later");
    assert_eq!(trace("23h"), [2_026_112_801]);
    let first = r#"zones/example.org/ns=["ns1.example.org", "ns2.example.org"]"#;
    let primarys = |at: &str| serials(&["example.org", "SOA", "--at", at, "--trace", "--set", first]);
    assert_eq!(primarys("cutover"), [1], "4294967295 + 2, the two actions of that instant");
    assert_eq!(primarys("cutover + 1h"), [2]);
    // What a cache has been given stays with its answer, one hop on, too.
    let before = serials(&["no.example.org", "A", "--at", "cutover + 1s", "--resolver", "own"]);
    assert_eq!(before, [4_294_967_295]);
    assert_eq!(serials(&["no.example.org", "A", "--at", "19h", "--resolver", "hop"]), [2]);
}

/// A zone that goes to another operator's servers, whose old ones keep it as it was.
const MOVE: &str = r#"(
    title: "A move",
    run: (measure: "1d", seed: 3),
    regions: { "here": (rtt: "0s") },
    zones: { "example.org": (ttl: "1h", ttls: (negative: "2h", soa: "2h", ns: "4h"), mx: [(10, "mx1.example.org")],
        ns: ["ns2.old.example", "ns1.old.example"], transfer: (primary: "ns1.old.example")) },
    servers: { "ns1.old.example": (latency: "0s"), "ns2.old.example": (latency: "0s"), "a.new.example": (latency: "0s"),
        "b.new.example": (latency: "0s") },
    hosts: { "mx1.example.org": () },
    resolvers: { "own": (software: Unbound()), "late": (software: Unbound()), "hop": (software: Dnsmasq(), upstream: ["own"]) },
    clients: {
        "users": (resolver: "own", asks: [("no.example.org", A)], arrivals: Periodic(every: "7s")),
        "others": (resolver: "late", asks: [("example.org", MX)], begins: "9h", arrivals: Periodic(every: "7s")),
    },
    timeline: [
        (name: "move", at: "10h",
            do: SetNs(zone: "example.org", ns: ["a.new.example", "b.new.example"], at: Both, old: Keep, ttl: "4h")),
    ],
)"#;

/// The primary's name in an SOA (RFC 1035 section 3.3.13, MNAME) is data of the zone: a server says what its copy says, a cache
/// what it was given.
#[test]
fn the_primarys_name_moves_with_the_zones_data() {
    let primaries = |arguments: &[&str]| -> Vec<String> {
        let output = dig_in(MOVE, arguments);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("text");
        let lines = text.lines().filter(|line| line.contains("\tSOA\t"));
        lines.filter_map(|line| line.split_whitespace().nth(4).map(str::to_owned)).collect()
    };
    let trace = |at: &str| primaries(&["example.org", "SOA", "--at", at, "--trace"]);
    assert_eq!(trace("move - 1s"), ["ns1.old.example."], "the primary, not the first server named");
    assert_eq!(trace("move + 1s"), ["a.new.example."]);
    // A cache keeps the SOA of a denial for the denial's TTL, one hop on, too.
    let denial = |resolver: &str, at: &str| primaries(&["no.example.org", "A", "--at", at, "--resolver", resolver]);
    assert_eq!(denial("own", "move + 1s"), ["ns1.old.example."]);
    assert_eq!(denial("hop", "move + 1s"), ["ns1.old.example."]);
    // One that still has the old delegation asks the old servers, which say what they always said.
    assert_eq!(denial("late", "move + 2h"), ["ns1.old.example."]);
    assert_eq!(denial("late", "move + 12h"), ["a.new.example."]);
    assert_eq!(denial("own", "move + 12h"), ["a.new.example."]);
    assert_eq!(denial("hop", "move + 12h"), ["a.new.example."]);
    // Others named at the parent alone: what is in the zone is what it was.
    let parent = MOVE.replace("at: Both", "at: Parent");
    let output = dig_in(&parent, &["example.org", "SOA", "--at", "move + 1s", "--trace"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("\tSOA\tns1.old.example. "), "{output:?}");
}

#[test]
fn records_of_one_rrset_may_have_ttls_of_their_own() {
    let ttls = |software: &str| -> Vec<u32> {
        let software = format!("resolvers/own/software={software}()");
        let unequal = r#"zones/example.org/unequal_ttls=[("example.org", MX, "40m")]"#;
        let answer = text(&["example.org", "--at", "30m", "--resolver", "own", "--set", &software, "--set", unequal]);
        let lines = answer.lines().filter(|line| line.starts_with("example.org."));
        lines.filter_map(|line| line.split_whitespace().nth(1)?.parse().ok()).collect()
    };
    assert_eq!(ttls("Unbound"), [1800, 600]);
    assert_eq!(ttls("Bind"), [600, 600]);
    assert_eq!(ttls("KnotResolver"), [1800, 1800]);
}

#[test]
fn a_resolver_that_is_down_gives_no_answer() {
    let outage = r#"timeline=[(at: "0s", do: Outage(resolver: "own"))]"#;
    let answer = text(&["example.org", "MX", "--at", "30m", "--resolver", "*", "--set", outage]);
    assert!(answer.contains(";; communications error to own: timed out\n;; no servers could be reached\n"), "{answer}");
    assert_eq!(answer.matches("status: NOERROR").count(), 2, "the others answer: {answer}");
}

#[test]
fn a_variant_and_json_for_machines() {
    let json = text(&["example.org", "--at", "30m", "--variant", "short", "--json", "--resolver", "isp#1"]);
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let ttl = value["answers"][0]["ttl_s"].as_u64().expect("a TTL");
    assert!(ttl <= 300 && value["answers"][0]["records"].as_array().is_some_and(|list| list.len() == 2), "{json}");
}

#[test]
fn what_is_not_there_has_a_way_out() {
    for (arguments, hint) in [
        (&["example.org", "MXX"][..], "did you mean `MX`?"),
        (&["example.org", "--at", "cutovr"], "did you mean `cutover`?"),
        (&["example.org", "--resolver", "isq"], "did you mean `isp`?"),
        (&["example.org", "--variant", "shot"], "did you mean `short`?"),
        (&["example.org", "--at", "9d"], "behind the end of the run"),
    ] {
        let output = dig(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains(hint), "{arguments:?}: {said}");
    }
}

/// Aliases, one of a short TTL before data of a long one, and a forwarder that keeps such answers whole.
const ALIASES: &str = r#"(
    title: "Aliases",
    run: (measure: "1d", seed: 3),
    regions: { "here": (rtt: "0s") },
    zones: {
        "example.org": (ttls: (mx: "1h", a: "1h", cname: "1m", soa: "10m", minimum: "10m", ns: "4h"), signed: true,
            mx: [(10, "mx1.example.org")], cnames: { "www.example.org": "mx1.example.org", "old.example.org": "no.example.org" },
            addresses: { "other.example.org": ["mx2.example.org"] }, ns: ["ns1.example.org"]),
    },
    servers: { "ns1.example.org": () },
    hosts: { "mx1.example.org": (ipv6: Works), "mx2.example.org": () },
    resolvers: { "own": (software: Bind()), "hop": (software: Dnsmasq(), upstream: ["own"]) },
    clients: {
        "users": (resolver: "own", asks: [("mx1.example.org", A)], arrivals: Periodic(every: "2h", offset: "0s")),
        "guests": (resolver: "hop", asks: [("www.example.org", A)], arrivals: Periodic(every: "2h", offset: "0s")),
    },
    timeline: [
        (name: "move", at: "10h 30s", do: SetCname(name: "www.example.org", to: "other.example.org")),
        (name: "back", at: "14h 30s", do: SetAddress(name: "mx1.example.org", hosts: [])),
        (name: "down", at: "20h", do: Outage(server: "ns1.example.org")),
    ],
)"#;

fn records(answer: &str) -> Vec<Vec<String>> {
    let lines = answer.lines().filter(|line| !line.starts_with(';') && line.contains("\tIN\t"));
    lines.map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

/// Each record has the TTL that its cache keeps it by (measured: "CNAME and MX keep their own TTLs").
#[test]
fn records_behind_an_alias_have_ttls_of_their_own() {
    for resolver in ["own", "hop"] {
        let output = dig_in(ALIASES, &["www.example.org", "A", "--at", "8h 30m", "--resolver", resolver]);
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        let records = records(&answer);
        assert!(answer.contains("ANSWER: 2,"), "{answer}");
        assert_eq!(
            (&*records[0][0], &*records[0][1], &*records[0][3]),
            ("www.example.org.", "60", "CNAME"),
            "{answer}"
        );
        assert_eq!((&*records[1][0], &*records[1][3]), ("mx1.example.org.", "A"), "{answer}");
        let ttl_s: u32 = records[1][1].parse().expect("a TTL");
        // It was fetched half an hour ago; a forwarder keeps both by the least.
        assert!(if resolver == "own" { (1795..=1800).contains(&ttl_s) } else { ttl_s == 60 }, "{answer}");
    }
    let denied = dig_in(ALIASES, &["old.example.org", "A", "--at", "8h", "--resolver", "own"]);
    let denied = String::from_utf8_lossy(&denied.stdout).into_owned();
    let ttls: Vec<String> = records(&denied).iter().map(|record| record[1].clone()).collect();
    assert_eq!(ttls, ["60", "600"], "{denied}");
    let json = dig_in(ALIASES, &["www.example.org", "A", "--at", "8h 30m", "--resolver", "own", "--json"]);
    let value: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!(value["answers"][0]["records"][0], "www.example.org. 60 IN CNAME mx1.example.org.");
}

/// The versions compared are those of one RRset: the alias' or its target's.
#[test]
fn what_is_stale_behind_an_alias_is_named() {
    let said = |name: &str, at: &str, resolver: &str| {
        let output = dig_in(ALIASES, &[name, "A", "--at", at, "--resolver", resolver]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().filter(|line| line.contains("STALE")).map(str::to_owned).collect::<Vec<_>>()
    };
    let stale = |of: &str| vec![format!(";; STALE: version 0 of the data of {of}; the primary holds version 1")];
    assert_eq!(said("www.example.org", "move + 1s", "hop"), stale("www.example.org. CNAME"));
    assert_eq!(
        said("mx1.example.org", "back + 1s", "own"),
        [";; STALE: version 0 of the data; the primary holds version 1"]
    );
}

/// A trace for machines; the DS that a validating resolver goes by; and a server that is down has sent nothing.
#[test]
fn a_trace_shows_the_ds_and_what_was_not_received() {
    let trace = dig_in(ALIASES, &["example.org", "MX", "--at", "down + 1m", "--trace"]);
    let text = String::from_utf8_lossy(&trace.stdout).into_owned();
    let ds = records(&text).into_iter().find(|record| record[3] == "DS").expect("a DS");
    assert_eq!((&*ds[0], &*ds[1]), ("example.org.", "14400"), "{text}");
    assert!(text.contains(";; ns1.example.org. (zone example.org.): no answer: the server is down"), "{text}");
    assert!(!text.contains("Received from ns1.example.org."), "{text}");
    let json = dig_in(ALIASES, &["example.org", "MX", "--at", "8h", "--trace", "--json"]);
    let value: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    let steps = value["trace"].as_array().expect("steps");
    assert_eq!(steps.len(), 3, "{value}");
    assert_eq!(steps[2]["records"][0], "example.org. 3600 IN MX 10 mx1.example.org.");
    let ds = dig_in(ALIASES, &["example.org", "DS"]);
    assert!(String::from_utf8_lossy(&ds.stderr).contains("--trace"), "{ds:?}");
}

/// RFC 5952 section 4.2.
#[test]
fn an_ipv6_address_is_written_as_dig_writes_it() {
    let output = dig_in(ALIASES, &["mx1.example.org", "AAAA", "--at", "8h", "--resolver", "own"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let address = records(&text)[0][4].clone();
    assert_eq!(address.parse::<std::net::Ipv6Addr>().map(|address| address.to_string()), Ok(address.clone()), "{text}");
}
