//! Load balancing by DNS, seen through caches (variance of a weighted sum of indicators), with the resolver `Ideal`.

use std::fmt::Write;
use std::sync::atomic::AtomicBool;

use mxsim::dns::DnsObserver;
use mxsim::engine::time::SimTime;
use mxsim::faults::FaultObserver;
use mxsim::mail::MailObserver;
use mxsim::model::dns::Question;
use mxsim::model::{CacheId, DataId};
use mxsim::scenario::tree::RecordType;
use mxsim::sim::Observer;

use crate::support::{assert_estimate, loaded};

/// Between two looks at the caches, seconds: more than a TTL and the gap after it, so that each finds other answers.
const EVERY_S: u64 = 51;
const LOOKS: u64 = 90;

/// Which host each cache holds, by the number of its data, and the traffic's shares of hosts at each look.
struct Watch<'w> {
    weights: &'w [f64],
    held: Vec<Option<DataId>>,
    hosts: Vec<DataId>,
    next: SimTime,
    shares: Vec<Vec<f64>>,
}

impl DnsObserver for Watch<'_> {
    fn on_store(&mut self, now: SimTime, cache: CacheId, question: Question, data: DataId, _until: SimTime) {
        if question.kind() != RecordType::Mx {
            return;
        }
        while now >= self.next {
            let of_host = |host: &DataId| {
                let pinned = self.held.iter().zip(self.weights).filter(|(held, _)| **held == Some(*host));
                pinned.map(|(_, weight)| weight).sum::<f64>()
            };
            self.shares.push(self.hosts.iter().map(of_host).collect());
            self.next += mxsim::engine::time::SimDuration::from_secs(EVERY_S);
        }
        if !self.hosts.contains(&data) {
            self.hosts.push(data);
        }
        self.held[cache.index()] = Some(data);
    }
}
impl MailObserver for Watch<'_> {}
impl FaultObserver for Watch<'_> {}
impl Observer for Watch<'_> {}

#[test]
fn lb_cached() {
    // A cache keeps one of k hosts for a TTL: the share of a host has mean 1/k and variance (1/k) (1 - 1/k) sum v_r^2, v_r the
    // resolvers' shares of the traffic. Cases o130, o131: k = 4. The zone names another host four times a second, and
    // caches ask at random instants, so that each keeps any of the four for its TTL of 10 s.
    const HOSTS: usize = 4;
    for (resolvers, exponent, sd) in [(100, 0.0, 0.043_301_270_19), (1000, 1.0, 0.074_169_230_91)] {
        let mut timeline = String::new();
        for quarter in 1..4 * EVERY_S * (LOOKS + 4) {
            let (at_ms, host) = (250 * quarter, quarter as usize % HOSTS);
            let _ =
                write!(timeline, r#"(at: "{at_ms}ms", do: SetMx(zone: "d.example", mx: [(10, "h{host}.example")])),"#);
        }
        let text = format!(
            r#"(
            title: "balance",
            run: (measure: "{}s", drain: "0s", seed: 9),
            regions: {{ "here": (rtt: "0s") }},
            zones: {{
                "d.example": (ttls: (mx: "10s", ns: "3650d", glue: "3650d"), ns: ["ns.d.example"], mx: [(10, "h0.example")]),
                "example": (ttls: (ns: "3650d", glue: "3650d"), ns: ["ns.example"]),
            }},
            servers: {{ "ns.example": (latency: "0s"), "ns.d.example": (latency: "0s") }},
            hosts: {{ "h0.example": (), "h1.example": (), "h2.example": (), "h3.example": () }},
            resolvers: {{ "r{{i}}": (count: {resolvers}, software: Ideal()) }},
            clients: {{ "c{{i}}": (count: {resolvers}, resolver: "r{{i}}", asks: [("d.example", MX)],
                arrivals: Poisson(rate: "0.1/s")) }},
            timeline: [ {timeline} ],
        )"#,
            EVERY_S * (LOOKS + 4)
        );
        let model = loaded(&text).variants.remove(0).model;
        let weights: Vec<f64> = (1..=resolvers).map(|rank| libm::pow(f64::from(rank), -exponent)).collect();
        let all: f64 = weights.iter().sum();
        let weights: Vec<f64> = weights.iter().map(|weight| weight / all).collect();
        let (mut variances, mut means) = (Vec::new(), Vec::new());
        for replication in 0..20 {
            let mut watch = Watch {
                weights: &weights,
                held: vec![None; model.dns.caches.len()],
                hosts: Vec::new(),
                // By then every cache holds something.
                next: SimTime::from_secs(3 * EVERY_S),
                shares: Vec::new(),
            };
            let stop = AtomicBool::new(false);
            mxsim::sim::run(&model, replication, &mut watch, &stop).unwrap_or_else(|why| panic!("{why}"));
            assert_eq!((watch.hosts.len(), watch.shares.len() as u64 >= LOOKS), (HOSTS, true));
            let off = watch.shares.iter().flatten().map(|share| (share - 0.25) * (share - 0.25));
            variances.push(off.sum::<f64>() / (watch.shares.len() * HOSTS) as f64);
            means.push(watch.shares.iter().map(|shares| shares[0]).sum::<f64>() / watch.shares.len() as f64);
        }
        // 2 % of a variance is 1 % of the standard deviation.
        assert_estimate(&format!("{resolvers} resolvers: variance"), &variances, sd * sd, 0.02);
        assert_estimate(&format!("{resolvers} resolvers: mean"), &means, 0.25, 0.01);
    }
}
