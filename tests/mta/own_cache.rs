//! Senders that keep answers themselves: what they keep outlives what their resolver would say.

use crate::harness::{Case, hosts, run, zone};

/// Mail every seven seconds from 100 s on to a domain whose MX (TTL 1 s) moves at 1000 s: how long after that the last
/// message that goes to the old host is created, seconds; `None` if none is.
fn last_to_the_old(retry: &str) -> Option<f64> {
    let case = Case {
        retry: retry.into(),
        zones: zone("d.example", r#"(10, "a.d.example")"#),
        hosts: hosts(&["a.d.example", "b.d.example"], ""),
        timeline: r#"(at: "1000s", do: SetMx(zone: "d.example", mx: [(10, "b.d.example")])), "#.into(),
        arrivals: (0..300).map(|i| (100.0 + 7.0 * f64::from(i), "d.example".into())).collect(),
        ..Case::default()
    };
    run(&case, |log| {
        assert!(log.ended.values().all(|ended| ended.outcome == "sent"), "{retry}");
        let old = log.ended.values().filter(|ended| ended.host == "a.d.example" && ended.created_s >= 1000.0);
        old.map(|ended| ended.created_s - 1000.0).reduce(f64::max)
    })
}

#[test]
fn zonemta_keeps_every_answer_for_ten_minutes_whatever_its_ttl() {
    // lib/ip-tools.js: the answer of 100 s lasts until 700 s, the next one until 1302 s (asked again at 702 s).
    let last = last_to_the_old("ZoneMta()").expect("kept answers");
    assert!((290.0..=302.0).contains(&last), "{last}");
    let last = last_to_the_old(r#"ZoneMta(cacheTTL: "1h")"#).expect("kept answers");
    assert!(last > 1000.0, "{last}");
    assert_eq!(last_to_the_old("ZoneMta(caching: false)"), None);
}

#[test]
fn kumomta_and_exchange_heed_the_ttl() {
    for retry in ["Postfix()", "KumoMta()", "Exchange()"] {
        assert_eq!(last_to_the_old(retry), None, "{retry}");
    }
}

/// The same for a name that has nothing (kept for a second by the resolver) until 900 s: how long after that the last message
/// is created that is not delivered at once.
fn last_refused(retry: &str) -> Option<f64> {
    let case = Case {
        retry: retry.into(),
        zones: zone("d.example", "").replace("ns: \"3650d\"", "ns: \"3650d\", negative: \"1s\""),
        hosts: hosts(&["a.d.example"], ""),
        timeline: r#"(at: "0s", do: SetAddress(name: "late.d.example", hosts: [])),
            (at: "900s", do: SetAddress(name: "late.d.example", hosts: ["a.d.example"])), "#
            .into(),
        arrivals: (0..300).map(|i| (100.0 + 7.0 * f64::from(i), "late.d.example".into())).collect(),
        ..Case::default()
    };
    run(&case, |log| {
        let late = |ended: &&crate::harness::Ended| ended.outcome != "sent" || ended.attempts > 1;
        let refused = log.ended.values().filter(|ended| ended.created_s >= 900.0).filter(late);
        refused.map(|ended| ended.created_s - 900.0).reduce(f64::max)
    })
}

#[test]
fn kumomta_keeps_for_five_minutes_that_there_is_nothing() {
    // crates/dns-resolver: MX_NEGATIVE_TTL 300 s, asked again each 301 s from 100 s on.
    let last = last_refused("KumoMta()").expect("kept failures");
    assert!((1.0..=300.0).contains(&last), "{last}");
    let short = last_refused(r#"KumoMta(mx_negative_cache_ttl: "20s")"#).unwrap_or(0.0);
    assert!(short <= 20.0 && short < last, "{short}, {last}");
}
