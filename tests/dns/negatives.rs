//! exp3: how long a resolver denies what has been created since.

use mxsim::dns::Outcome;
use mxsim::scenario::tree::RecordType::Mx;

use crate::bench::{Bench, model, number, resolver, rows, world};

#[test]
fn exp3_a_created_name_is_seen_when_it_was() {
    let mut added_up = 0;
    for row in rows("exp3_negative.csv") {
        let code = row["resolver"].as_str();
        let (soa_s, minimum_s) = (number(&row, "soa_ttl") as u32, number(&row, "soa_minimum") as u32);
        let (seen, last_stale) = (number(&row, "seen"), number(&row, "last_stale"));
        // Unbound gives the shared SOA's TTL out with each negative answer, so that another name of the zone lengthens what
        // a forwarder keeps: negative answers of a chain add up there, or end early. One name at a time is simulated here.
        let chained = code.starts_with('D');
        let least = f64::from(soa_s.min(minimum_s))
            .max(if code == "Dcl" && (soa_s.min(minimum_s) > 0 || row["kind"] == "NXDOMAIN") { 15.0 } else { 0.0 });
        let cap = if code == "Ucl" { 7.0 } else { f64::INFINITY };
        let is_shared = number(&row, "first_neg_soa_ttl") < f64::from(soa_s.min(minimum_s)).min(cap);
        let is_added_up = chained && (last_stale > least + 1.5 || seen < least - 0.2);
        if is_added_up || is_shared && (chained || code.starts_with('U')) {
            added_up += 1;
            continue;
        }
        let zones = format!(
            r#""neg.lab": (ttls: (soa: "{soa_s}s", minimum: "{minimum_s}s", mx: "300s", ns: "3650d", glue: "3650d"), ns: ["ns.lab"],
                addresses: {{ "there.neg.lab": ["old.lab"] }}),
            "mx.lab": (mx: [(10, "new.lab")], ns: ["ns.lab"]),"#
        );
        let clients = r#"clients: { "c": (resolver: "r", asks: [("new.neg.lab", MX), ("there.neg.lab", MX)],
            arrivals: Periodic(every: "1h")) }"#;
        let model = model(&world("measure: \"1h\"", &zones, &resolver("r", code), clients));
        let mut bench = Bench::new(&model);
        let name = if row["kind"] == "NODATA" { "there.neg.lab" } else { "new.neg.lab" };
        let t0 = number(&row, "t0").rem_euclid(1.0) + 1.0;
        let first = bench.ask(t0, "r", name, Mx).0;
        let expected = if row["kind"] == "NODATA" { Outcome::NoData } else { Outcome::NxDomain };
        assert_eq!(first.outcome, expected, "{row:?}");
        bench.wait(t0 + number(&row, "t_change"));
        bench.set(name, Mx, bench.mx("new.lab"), 300);
        let mut poll = number(&row, "t_change");
        let found = loop {
            if matches!(bench.ask(t0 + poll, "r", name, Mx).0.outcome, Outcome::Data(_)) {
                break poll;
            }
            poll += 0.02;
        };
        // Between the last old answer and the first new one, give or take what an answer took on a busy machine.
        let is_within = found >= last_stale - 0.15 && found <= seen + 0.15;
        assert!(is_within, "{row:?}: simulated {found}");
    }
    // Recordings have two names a zone and batch: a sixth of the rows show it.
    assert!(added_up <= 41, "{added_up} of 240");
}

#[test]
fn exp3_what_a_synthetic_authority_says_is_kept_as_long() {
    // (case, SOA TTL, MINIMUM, whether there is a SOA)
    let cases = [
        ("sy1", 60, 10, true),
        ("sy2", 10, 60, true),
        ("sy3", 0, 0, false),
        ("sy7", 0, 0, false),
        ("sy8", 60, 10, true),
    ];
    for row in rows("exp3_synthetic.csv") {
        let code = row["resolver"].as_str();
        let Some(&(case, soa_s, minimum_s, has_soa)) = cases.iter().find(|known| known.0 == row["case"]) else {
            continue;
        };
        // Knot Resolver 5.6 took the least TTL of the packet, its OPT record's 0 included, from this authority: a defect
        // of that version (mended in 6.1.0). With authorities that echo the DO bit it kept the SOA's TTL.
        if code == "K" && has_soa {
            continue;
        }
        let sent = if has_soa { "Untrimmed" } else { "Absent" };
        let zones = format!(
            r#""neg.lab": (ttls: (soa: "{soa_s}s", minimum: "{minimum_s}s", ns: "3650d", glue: "3650d"), ns: ["ns.lab"],
                negative_soa: {sent}, addresses: {{ "there.neg.lab": ["old.lab"] }}),"#
        );
        let clients = r#"clients: { "c": (resolver: "r", asks: [("new.neg.lab", MX), ("there.neg.lab", MX)],
            arrivals: Periodic(every: "1h")) }"#;
        let model = model(&world("measure: \"1h\"", &zones, &resolver("r", code), clients));
        let mut bench = Bench::new(&model);
        let name = if case >= "sy7" { "there.neg.lab" } else { "new.neg.lab" };
        let behind = if code.starts_with('D') { "r-up" } else { "r" };
        let polls = number(&row, "client_queries") as u32;
        // As in the recording, 122 s.
        let every = 122.0 / f64::from(polls);
        for poll in 0..polls {
            bench.ask(1.3 + every * f64::from(poll), "r", name, Mx);
        }
        let upstream = bench.queries(behind, name, Mx) as f64;
        let measured = number(&row, "upstream_mx_queries");
        let is_uncached = measured > f64::from(polls) / 3.0;
        // BIND coalesced about half of the polls where it does not cache: it answered a burst of them with one fetch.
        let is_alike = if is_uncached { upstream > f64::from(polls) * 0.9 } else { (upstream - measured).abs() <= 2.0 };
        assert!(is_alike, "{row:?}: simulated {upstream} upstream queries");
    }
}
