//! Name servers: who holds what, moves, secondaries.

use super::*;
use crate::engine::time::SimDuration;

const SERVERS: (&str, &str) = ("servers", r#"{"ns1.example.org": (), "ns2.example.org": (software: BindServer())}"#);

fn zone(beside: &str) -> String {
    format!(r#"(mx: [(10, "mx.example.org")], ns: ["ns1.example.org", "ns2.example.org"], {beside})"#)
}

#[test]
fn a_secondary_follows_the_soa_and_its_own_software() {
    let model = small(&[
        SERVERS,
        ("zones/example.org", &zone(r#"soa: (refresh: "20s", retry: "5s"), transfer: (notify_loss: 0.1)"#)),
    ]);
    let secondary = &model.dns.secondaries[0];
    assert_eq!(model.dns.secondaries.len(), 1);
    assert_eq!((secondary.primary, secondary.server), (model.dns.zones[2].servers[0], model.dns.zones[2].servers[1]));
    // BIND's least refresh and retry; the two weeks of the default.
    let spans = [secondary.refresh, secondary.retry, secondary.expire].map(SimDuration::whole_seconds);
    assert_eq!(spans, [300, 500, 14 * 86_400]);
    let notify = secondary.notify.expect("the primary tells it");
    assert_eq!((notify.loss, notify.tries, notify.delay), (0.1, 6, SimDuration::ZERO));
}

#[test]
fn a_master_files_soa_sets_the_timers_of_secondaries() {
    let file = "$TTL 7200\n@ SOA ns1 root 77 3600 600 86400 300\n@ 5000 NS ns1\n@ 5000 NS ns2\n@ MX 10 mx\nmx A 192.0.2.1\n\
                ns1 A 192.0.2.2\nns2 A 192.0.2.3\n@ TXT \"v=spf1 \" \"-all\"\n";
    let zone = r#"{"example.org": (zone_file: "org.zone", transfer: (notify: false))}"#;
    let (model, _) = model_of(SMALL, &[("zones", zone)], &[("org.zone", file)]);
    let secondary = &model.dns.secondaries[0];
    let spans = [secondary.refresh, secondary.retry, secondary.expire].map(SimDuration::whole_seconds);
    assert_eq!((spans, secondary.notify), ([3600, 600, 86_400], None));
    assert_eq!(model.dns.zones[2].soa.serial, 77);
    assert_eq!(rdata(&model, "example.org", RecordType::Ns), "ns1.example.org, ns2.example.org (5000 s)");
    assert_eq!(rdata(&model, "example.org", RecordType::Txt), "v=spf1 -all (7200 s)");
}

#[test]
fn what_cannot_be_of_name_servers_is_said_at_its_place() {
    let said = |beside: &str| complaints(&[SERVERS, ("zones/example.org", &zone(beside))], &[]);
    assert_eq!(said(r#"lame: ["ns1.example.org"]"#), [""; 0]);
    let other = ("servers", r#"{"ns1.example.org": (), "ns2.example.org": (), "ns3.example.org": ()}"#);
    assert_eq!(
        complaints(&[other, ("zones/example.org", &zone(r#"lame: ["ns3.example.org"]"#))], &[]),
        ["`ns3.example.org` is no name server of the zone @ \"ns3.example.org\""]
    );
    assert_eq!(
        complaints(&[other, ("zones/example.org", &zone(r#"transfer: (primary: "ns3.example.org")"#))], &[]),
        ["the primary is none of the zone's name servers @ \"ns3.example.org\""]
    );
    assert_eq!(said(r#"soa: (refresh: "0s"), transfer: ()"#), ["a refresh of zero would never end @ \"0s\""]);
    assert_eq!(said(r#"transfer: (notify_loss: 2.0)"#), ["2 is no share @ 2.0"]);
}

#[test]
fn a_move_names_servers_that_exist_and_is_not_put_back() {
    let said = |action: &str, lasts: &str| {
        let timeline = format!("[(at: \"10s\", do: {action}{lasts})]");
        complaints(&[SERVERS, ("zones/example.org", &zone("")), ("timeline", &timeline)], &[])
    };
    assert_eq!(said(r#"SetNs(zone: "example.org", ns: ["ns2.example.org"])"#, ""), [""; 0]);
    assert_eq!(
        said(r#"SetNs(zone: "example.org", ns: ["ns9.example.org"])"#, ""),
        ["no server `ns9.example.org` @ \"ns9.example.org\""]
    );
    assert_eq!(said(r#"SetNs(zone: "example.org", ns: [])"#, ""), ["a zone without name servers @ []"]);
    assert_eq!(
        said(r#"SetNs(zone: "example.org", ns: ["ns2.example.org"], ds: LeftBehind)"#, ""),
        ["the zone has no DS record to leave behind @ LeftBehind"]
    );
    assert_eq!(
        said(r#"SetNs(zone: "example.org", ns: ["ns2.example.org"])"#, r#", for: "5s""#),
        ["what name servers do afterwards cannot be put back @ \"5s\""]
    );
    assert_eq!(said(r#"Outage(region: "eu")"#, ""), [r#"no region `eu` @ "eu""#]);
}
