//! ZoneMTA's memory of domains that it could not reach, by its source (zone-mta, `lib/sender.js`, `getConnectionWithCache`:
//! two minutes after no connection could be opened every message for the domain is deferred with the same error).

use crate::harness::{Case, hosts, run, zone};

/// Ages at which each message was put off, or ended; when they were created; connections.
fn ages(fails: &str, for_: &str, arrivals: &[f64]) -> (Vec<Vec<f64>>, u64) {
    let case = Case {
        retry: "ZoneMta()".into(),
        zones: zone("d.example", r#"(10, "a.d.example")"#),
        hosts: hosts(&["a.d.example"], ""),
        timeline: format!(r#"(at: "0s", do: Outage(host: "a.d.example", mode: {fails}), for: "{for_}")"#),
        arrivals: arrivals.iter().map(|at| (*at, "d.example".into())).collect(),
        drain_s: 7200,
        ..Case::default()
    };
    run(&case, |log| {
        assert!(log.ended.values().all(|ended| ended.outcome == "sent"));
        (log.put_off.values().map(|ages| ages.iter().map(|age| age.round()).collect()).collect(), log.connections)
    })
}

#[test]
fn a_domain_without_a_connection_is_deferred_for_two_minutes() {
    // The host is back at 170 s. What comes at 150 s and at 219 s is within two minutes of the failure at 100 s, and waits
    // five minutes, the first of its waits, all the same; what comes at 221 s is tried.
    let (found, connections) = ages("Refuse", "170s", &[100.0, 150.0, 219.0, 221.0]);
    assert_eq!(found, [vec![0.0, 300.0], vec![0.0, 300.0], vec![0.0, 300.0], vec![0.0]]);
    // One kept session may do for several.
    assert!(connections <= 5, "{connections}");
    // A deferral without a connection counts: after the failure at 450 s the second of its waits, seven minutes.
    let (found, _) = ages("Refuse", "460s", &[100.0, 150.0]);
    assert_eq!(found, [vec![0.0, 300.0, 720.0], vec![0.0, 300.0, 720.0]]);
}

#[test]
fn a_host_that_answers_the_syn_does_not_make_its_domain_unreachable() {
    let (found, _) = ages("Reply(stage: Greeting, code: 421)", "170s", &[100.0, 180.0]);
    assert_eq!(found, [vec![0.0, 300.0], vec![0.0]]);
}
