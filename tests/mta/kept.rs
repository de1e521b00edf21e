//! Sessions that are kept or passed on, under everything at once: nothing is lost, nothing is delivered twice, and every
//! session is given back.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use mxsim::dns::DnsObserver;
use mxsim::engine::time::SimTime;
use mxsim::faults::FaultObserver;
use mxsim::mail::{Delivery, End, MailObserver};
use mxsim::model::{HostId, NodeId};
use mxsim::sim::Observer;

use crate::support::loaded;

/// How often each delivery was created and ended, and the load of hosts as it was last told.
#[derive(Default)]
struct Books {
    created: BTreeMap<(NodeId, u64), u32>,
    ended: BTreeMap<(NodeId, u64), u32>,
    accepted_in_part: u32,
    connections: u32,
    attempts: u32,
    load: BTreeMap<HostId, (u32, u32)>,
    most: u32,
}

impl DnsObserver for Books {}
impl FaultObserver for Books {}
impl Observer for Books {
    fn on_still_queued(&mut self, _: SimTime, delivery: &Delivery) {
        delivery.numbers().for_each(|number| *self.ended.entry((delivery.sender, number)).or_default() += 1);
    }
}
impl MailObserver for Books {
    fn on_created(&mut self, _: SimTime, delivery: &Delivery) {
        delivery.numbers().for_each(|number| *self.created.entry((delivery.sender, number)).or_default() += 1);
    }
    fn on_attempt_start(&mut self, _: SimTime, _: &Delivery) {
        self.attempts += 1;
    }
    fn on_syn(&mut self, _: SimTime, _: &Delivery, _: HostId) {
        self.connections += 1;
    }
    fn on_end(&mut self, _: SimTime, delivery: &Delivery, _: End) {
        self.accepted_in_part += u32::from(delivery.shares_file);
        delivery.numbers().for_each(|number| *self.ended.entry((delivery.sender, number)).or_default() += 1);
    }
    fn on_host_load(&mut self, now: SimTime, host: HostId, sessions: u32, backlog: u32) {
        self.most = self.most.max(sessions);
        if now < SimTime::from_secs(20_000) {
            self.load.insert(host, (sessions, backlog));
        }
    }
}

fn books(system: &str, host: &str, timeline: &str, seed: u32) -> Books {
    let text = format!(
        r#"(
        title: "kept sessions",
        run: (measure: "21000s", drain: "10d", seed: {seed}),
        regions: {{ "here": (rtt: "20ms"), "dns": (rtt: "0s") }},
        links: [ (between: ("here", "dns"), rtt: "80ms") ],
        zones: {{
            "d{{i}}.example": (count: 3, ttl: "2s", ns: ["ns.example"], mx: [(10, "a.example"), (20, "b.example")]),
            "example": (ns: ["ns.example"], ttl: "2s"),
        }},
        servers: {{ "ns.example": (region: "dns", latency: "0s") }},
        hosts: {{
            "a.example": (region: "here", sessions: 3, service: "exponential(400ms)", {host}),
            "b.example": (region: "here", sessions: 2, service: "exponential(400ms)", {host}),
            "relay.example": (region: "here", relays_for: ["d*.example"], retry: {system}, sessions: 2, service: "50ms", {host}),
        }},
        resolvers: {{ "r": (region: "dns", software: Ideal()) }},
        senders: {{ "s": (
            region: "here", resolver: "r", arrivals: Burst(at: "0s", count: 500, over: "300s"), to: Uniform(zones: "d{{i}}.example"),
            recipients: "uniform(1, 5)", retry: {system},
        ),
        // One more, long after: until then all idle sessions have been closed.
        "late": (region: "here", resolver: "r", arrivals: Burst(at: "20000s", count: 1), to: Uniform(zones: "d{{i}}.example")),
        }},
        timeline: [ {timeline} ],
    )"#
    );
    let mut books = Books::default();
    mxsim::sim::run(&loaded(&text).variants[0].model, 0, &mut books, &AtomicBool::new(false))
        .expect("within the budget");
    books
}

const SYSTEMS: [&str; 6] = [
    r#"Postfix(minimal_backoff_time: "10s", queue_run_delay: "10s")"#,
    r#"Exim(rule: "* * F,1h,10s; F,4d,1m", queue_run: "7s")"#,
    r#"Sendmail(queue_run: "10s")"#,
    r#"OpenSmtpd(backoff: "20s")"#,
    "KumoMta(retry_interval: \"20s\")",
    "Qmail()",
];

#[test]
fn every_delivery_ends_once_and_every_session_is_given_back() {
    let timelines = [
        "",
        // Down and up in the middle of it, once with what was under way broken off.
        r#"(at: "60s", do: Outage(host: "a.example"), for: "40s"), (at: "150s", do: Outage(host: "a.example"), for: "20s"),
           (at: "150s", do: CloseSessions(host: "a.example"))"#,
        r#"(at: "50s", do: Outage(host: "*.example", mode: BlackHole), for: "60s"), (at: "200s", do: CloseSessions(host: "b.example"))"#,
        // The route changes under those that wait for a host: a session is passed on to one that goes elsewhere now.
        r#"(at: "40s", do: Outage(host: "a.example"), for: "60s"),
           (at: "100s", do: SetMx(zone: "d1.example", mx: [(10, "b.example")])),
           (at: "101s", do: SetMx(zone: "d2.example", mx: [])),
           (at: "130s", do: SetMx(zone: "d3.example", mx: [(10, "relay.example"), (5, "a.example")]))"#,
        r#"(at: "0s", do: SetMx(zone: "d1.example", mx: [(5, "relay.example"), (10, "a.example"), (20, "b.example")]))"#,
        r#"(at: "60s", do: Outage(server: "ns.example"), for: "30s"), (at: "80s", do: Outage(host: "a.example"), for: "30s")"#,
    ];
    for (number, system) in SYSTEMS.iter().enumerate() {
        for host in [
            "",
            "unknown_users: 0.2, when_full: Busy",
            r#"greylist: Postgrey(delay: "30s"), unknown_users: 0.1"#,
            r#"chances: [(share: 0.1, fails: Reply(stage: Rcpt, code: 450)), (share: 0.05, fails: Lost(stage: Data))], backlog: 3"#,
        ] {
            for (place, timeline) in timelines.iter().enumerate() {
                let books = books(system, host, timeline, (number * 10 + place) as u32);
                let label = format!("{system}, {host}, timeline {place}");
                assert!(books.created.len() > 1000, "{label}");
                assert!(books.created.values().all(|n| *n == 1), "{label}");
                assert_eq!(books.created.keys().collect::<Vec<_>>(), books.ended.keys().collect::<Vec<_>>(), "{label}");
                let twice: Vec<_> = books.ended.iter().filter(|(_, n)| **n != 1).collect();
                assert!(twice.is_empty(), "{label}: {twice:?}");
                assert!(books.most <= 3, "{label}: {} sessions of three", books.most);
                for (host, load) in &books.load {
                    assert_eq!(*load, (0, 0), "{label}: sessions and backlog of {host:?} at the end");
                }
                if host.contains("unknown") {
                    assert!(books.accepted_in_part > 50, "{label}: {} parts", books.accepted_in_part);
                }
            }
        }
    }
}
