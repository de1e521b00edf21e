//! Scenarios of the measured runs, and a log of what happens in them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use mxsim::dns::DnsObserver;
use mxsim::engine::time::SimTime;
use mxsim::faults::FaultObserver;
use mxsim::mail::retry::{Cause, Failure};
use mxsim::mail::{AttemptRecord, Delivery, End, MailObserver, Notice};
use mxsim::model::compile::{Memory, load_source};
use mxsim::model::{Model, NameId};
use mxsim::scenario::diagnostic::SourceText;
use mxsim::scenario::render::render;
use mxsim::sim::Observer;

/// Postfix as it was measured; `more` are further parameters.
pub fn postfix(more: &str) -> String {
    format!(
        r#"Postfix(queue_run_delay: "3s", minimal_backoff_time: "6s", maximal_backoff_time: "48s",
            maximal_queue_lifetime: "300s", smtp_connect_timeout: "2s", smtp_helo_timeout: "3s", {more})"#
    )
}

/// Exim as it was measured.
pub fn exim(more: &str) -> String {
    format!(
        r#"Exim(rule: "* * F,60s,5s; G,240s,10s,1.5; F,330s,40s", queue_run: "2s", connect_timeout: "2s",
            command_timeout: "3s", {more})"#
    )
}

/// sendmail as it was measured.
pub fn sendmail(more: &str) -> String {
    format!(
        r#"Sendmail(queue_run: "3s", MinQueueAge: "0s", queuereturn: "300s", connect: "2s", initial: "3s", {more})"#
    )
}

/// OpenSMTPD as it was measured.
pub fn opensmtpd(more: &str) -> String {
    format!(r#"OpenSmtpd(ttl: "6h", {more})"#)
}

/// A policy by its system's name in the rows.
pub fn policy(system: &str, more: &str) -> String {
    match system {
        "postfix" => postfix(more),
        "exim" => exim(more),
        "sendmail" => sendmail(more),
        "opensmtpd" => opensmtpd(more),
        _ => panic!("no system {system}"),
    }
}

/// What is simulated: texts of the sections, and the arrivals.
pub struct Case {
    pub retry: String,
    pub client: String,
    pub zones: String,
    pub hosts: String,
    pub timeline: String,
    /// Seconds and domain of each message.
    pub arrivals: Vec<(f64, String)>,
    /// How long after the last arrival.
    pub drain_s: u64,
    pub seed: u64,
    /// Round trip to the hosts.
    pub host_rtt: &'static str,
    /// Round trip to the resolver: with it the time that a system takes to visit a message.
    pub resolver_rtt: &'static str,
    /// Domains that the resolver refuses to answer for, quoted each but at the ends.
    pub refuses: String,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            retry: String::new(),
            client: "()".into(),
            zones: String::new(),
            hosts: String::new(),
            timeline: String::new(),
            arrivals: Vec::new(),
            drain_s: 400,
            seed: 1,
            host_rtt: "1ms",
            resolver_rtt: "0s",
            refuses: "nothing.example".into(),
        }
    }
}

/// How a message ended.
#[derive(Debug, Clone)]
pub struct Ended {
    pub created_s: f64,
    pub ended_s: f64,
    /// `sent`, `bounce`, `expired` or, at the end of the run, `queued`.
    pub outcome: &'static str,
    pub host: String,
    pub attempts: u32,
    pub suspensions: u32,
}

/// The n-th failure of a message that arrived then, at once; `previous` is when the one before it failed and what followed.
pub fn failure(
    mode: &str,
    arrived: SimTime,
    now: SimTime,
    failures: u32,
    previous: Option<(SimTime, SimTime)>,
) -> Failure {
    let cause = if mode == "servfail" { Cause::Dns } else { Cause::Refused };
    let (started, failed, domain, host, is_bounce) = (now, now, NameId(0), None, false);
    Failure { arrived, started, failed, failures, previous, cause, domain, host, is_bounce, bits: 0 }
}

/// What happened.
pub struct Log<'m> {
    model: &'m Model,
    /// Tries of hosts in first attempts.
    pub first_tries: u64,
    /// All tries: of which attempt, and of which host.
    pub tries: Vec<(u32, String)>,
    /// By number.
    pub ended: BTreeMap<u64, Ended>,
    /// Connections made.
    pub connections: u64,
    /// When each was put off, seconds since its arrival, after an attempt or without one; at its end, too.
    pub put_off: BTreeMap<u64, Vec<f64>>,
    /// The age at which its sender was first told that it is late.
    pub warned: BTreeMap<u64, f64>,
}

impl Log<'_> {
    fn name(&self, host: mxsim::model::HostId) -> String {
        self.model.dns.names.text(self.model.mail.hosts[host.index()].name).to_owned()
    }

    fn put_off(&mut self, now: SimTime, delivery: &Delivery) {
        let ages = self.put_off.entry(delivery.number).or_default();
        ages.push(now.as_secs_f64() - delivery.created.as_secs_f64());
    }

    fn end(&mut self, now: SimTime, delivery: &Delivery, outcome: &'static str) {
        let host = delivery.host.map_or_else(String::new, |host| self.name(host));
        let (created_s, ended_s) = (delivery.created.as_secs_f64(), now.as_secs_f64());
        let (attempts, suspensions) = (delivery.attempts, delivery.suspensions);
        self.ended.insert(delivery.number, Ended { created_s, ended_s, outcome, host, attempts, suspensions });
    }
}

impl MailObserver for Log<'_> {
    fn on_syn(&mut self, _: SimTime, _: &Delivery, _: mxsim::model::HostId) {
        self.connections += 1;
    }

    fn on_try(&mut self, record: &AttemptRecord, delivery: &Delivery) {
        self.tries.push((delivery.attempts, self.name(record.host)));
        self.first_tries += u64::from(delivery.attempts == 1);
    }

    fn on_notice(&mut self, now: SimTime, delivery: &Delivery, notice: Notice) {
        if notice == Notice::Warning {
            let age = now.as_secs_f64() - delivery.created.as_secs_f64();
            self.warned.entry(delivery.number).or_insert(age);
        }
    }

    fn on_deferred(&mut self, now: SimTime, delivery: &Delivery, _: SimTime) {
        self.put_off(now, delivery);
    }

    fn on_end(&mut self, now: SimTime, delivery: &Delivery, end: End) {
        self.put_off(now, delivery);
        match end {
            End::Delivered => self.end(now, delivery, "sent"),
            End::Bounced(_) => self.end(now, delivery, "bounce"),
            _ => self.end(now, delivery, "expired"),
        }
    }
}

impl DnsObserver for Log<'_> {}
impl FaultObserver for Log<'_> {}
impl Observer for Log<'_> {
    fn on_still_queued(&mut self, now: SimTime, delivery: &Delivery) {
        self.end(now, delivery, "queued");
    }
}

impl Log<'_> {
    /// Attempts of all messages.
    pub fn attempts(&self) -> u64 {
        self.ended.values().map(|ended| u64::from(ended.attempts)).sum()
    }

    /// Latencies of what was delivered, by number.
    pub fn latencies(&self) -> Vec<f64> {
        let sent = self.ended.values().filter(|ended| ended.outcome == "sent");
        sent.map(|ended| ended.ended_s - ended.created_s).collect()
    }

    /// Deliveries by a host.
    pub fn delivered_to(&self, host: &str) -> usize {
        self.ended.values().filter(|ended| ended.outcome == "sent" && ended.host == host).count()
    }
}

/// Runs a case, and hands its log to `look`.
pub fn run<R>(case: &Case, look: impl FnOnce(&Log<'_>) -> R) -> R {
    let last = case.arrivals.last().map_or(0.0, |(at, _)| *at);
    let measure = last as u64 + 1;
    let text = format!(
        r#"(
        title: "measured",
        run: (measure: "{measure}s", drain: "{}s", seed: {}),
        regions: {{ "here": (rtt: "0s"), "dns": (rtt: "0s"), "net": (rtt: "0s") }},
        links: [ (between: ("here", "dns"), rtt: "{}"), (between: ("here", "net"), rtt: "{}") ],
        zones: {{
            {}
            "example": (ttls: (ns: "3650d", glue: "3650d"), ns: ["ns.example"]),
        }},
        servers: {{ "ns.example": (region: "dns", latency: "0s"), "ns.d.example": (region: "dns", latency: "0s"),
            "ns.broken.example": (region: "dns", latency: "0s") }},
        hosts: {{ {} }},
        resolvers: {{ "r": (region: "dns", software: Ideal(), refuses: ["{}"]) }},
        senders: {{ "s": (
            resolver: "r", arrivals: Trace(file: "arrivals.csv", at: "0s"), to: Trace, size: "1kB",
            retry: {}, client: {},
        ) }},
        timeline: [ {} ],
    )"#,
        case.drain_s,
        case.seed,
        case.resolver_rtt,
        case.host_rtt,
        case.zones,
        case.hosts,
        case.refuses,
        case.retry,
        case.client,
        case.timeline
    );
    let rows: String = case.arrivals.iter().map(|(at, domain)| format!("{at:.3}s,{domain}\n")).collect();
    let mut files = Memory::default();
    files.0.insert("arrivals.csv".into(), format!("time,domain\n{rows}"));
    let source = Arc::new(SourceText { name: "measured.ron".into(), text });
    let loaded = load_source(&source, &[], &mut files).unwrap_or_else(|found| panic!("{}", render(&found, false)));
    let model = &loaded.variants[0].model;
    let mut log = Log {
        model,
        first_tries: 0,
        tries: Vec::new(),
        ended: BTreeMap::new(),
        connections: 0,
        put_off: BTreeMap::new(),
        warned: BTreeMap::new(),
    };
    let end = mxsim::sim::run(model, 0, &mut log, &AtomicBool::new(false)).unwrap_or_else(|why| panic!("{why}"));
    assert!(!end.interrupted);
    look(&log)
}

/// Hosts without encryption, a millisecond away: what is tried together is under way together.
pub fn hosts(names: &[&str], more: &str) -> String {
    let host = |name: &&str| format!(r#""{name}": (region: "net", smtp: (tls: Off), {more}), "#);
    names.iter().map(host).collect()
}

/// A zone with long-lived name server records; MX for one second, as measured.
pub fn zone(name: &str, mx: &str) -> String {
    format!(
        r#""{name}": (ttl: "1s", ttls: (ns: "3650d", glue: "3650d"), ns: ["ns.d.example"], mx: [{mx}]),
        "#
    )
}

/// Rows of a fixture, by column name.
pub fn rows(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let columns: Vec<&str> = lines.next().unwrap_or("").split(',').collect();
    lines
        .map(|line| columns.iter().zip(line.split(',')).map(|(c, v)| ((*c).to_owned(), v.to_owned())).collect())
        .collect()
}

/// A cell as a number.
pub fn number(row: &BTreeMap<String, String>, column: &str) -> f64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column}: `{}`", row[column]))
}

/// Latencies in quarters of a second: what is shorter is the machine's own time, not the schedule's.
pub fn coarse(values: &[f64]) -> Vec<f64> {
    values.iter().map(|value| (value * 4.0).floor() / 4.0).collect()
}

/// Latencies in the milliseconds of the recordings.
pub fn millis(values: &[f64]) -> Vec<f64> {
    values.iter().map(|value| (value * 1000.0).round()).collect()
}

/// The largest distance of two empirical distributions (Kolmogorov and Smirnov).
pub fn ks(left: &[f64], right: &[f64]) -> f64 {
    let sorted = |values: &[f64]| {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        values
    };
    let (left, right) = (sorted(left), sorted(right));
    let share = |values: &[f64], x: f64| values.partition_point(|value| *value <= x) as f64 / values.len() as f64;
    left.iter().chain(&right).map(|x| (share(&left, *x) - share(&right, *x)).abs()).fold(0.0, f64::max)
}
