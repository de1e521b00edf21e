//! What a run shows to whoever watches its DNS, and measured rows.

use std::sync::atomic::AtomicBool;

use mxsim::dns::{DnsObserver, LookupRecord, Outcome};
use mxsim::engine::time::SimTime;
use mxsim::faults::FaultObserver;
use mxsim::mail::MailObserver;
use mxsim::model::dns::Question;
use mxsim::model::{CacheId, Model, ServerId};
use mxsim::sim::Observer;

/// Every answer, and every query that reached an authoritative server.
#[derive(Debug, Default)]
pub struct Watch {
    pub lookups: Vec<LookupRecord>,
    pub queries: Vec<(SimTime, ServerId, CacheId, Question)>,
    /// Of each answer, the queries before it.
    pub queries_before: Vec<usize>,
}

impl DnsObserver for Watch {
    fn on_lookup(&mut self, record: &LookupRecord) {
        self.lookups.push(*record);
        self.queries_before.push(self.queries.len());
    }

    fn on_query(&mut self, now: SimTime, server: ServerId, cache: CacheId, question: Question) {
        self.queries.push((now, server, cache, question));
    }
}

impl FaultObserver for Watch {}
impl MailObserver for Watch {}
impl Observer for Watch {}

/// A scenario's model.
pub fn model(text: &str) -> std::sync::Arc<Model> {
    std::sync::Arc::clone(&crate::support::loaded(text).variants[0].model)
}

/// One replication of a model.
pub fn watch(model: &Model, replication: u32) -> Watch {
    let mut watch = Watch::default();
    mxsim::sim::run(model, replication, &mut watch, &AtomicBool::new(false)).unwrap_or_else(|why| panic!("{why}"));
    watch
}

/// One replication of a scenario.
pub fn watch_text(text: &str) -> Watch {
    watch(&model(text), 0)
}

impl Watch {
    /// Queries that reached a server of that name, by the name's first label.
    pub fn queries_at(&self, model: &Model, label: &str) -> usize {
        let is_meant = |server: ServerId| label_of(model, server) == label;
        self.queries.iter().filter(|(_, server, ..)| is_meant(*server)).count()
    }

    /// How each lookup ended.
    pub fn outcomes(&self) -> Vec<Outcome> {
        self.lookups.iter().map(|lookup| lookup.answer.outcome).collect()
    }
}

/// The first label of a server's name.
pub fn label_of(model: &Model, server: ServerId) -> &str {
    let name = model.dns.names.text(model.dns.servers[server.index()].name);
    name.split('.').next().unwrap_or(name)
}

/// Rows of a fixture as columns by name; the first line says where they come from.
pub fn rows(file: &str) -> Vec<std::collections::BTreeMap<String, String>> {
    let path = format!("{}/tests/fixtures/dns/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{path}: {why}"));
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let row =
        |line: &str| header.iter().map(|name| (*name).to_owned()).zip(line.split(',').map(str::to_owned)).collect();
    lines.map(row).collect()
}

/// The preset that stands for a resolver of the recordings.
pub fn software(resolver: &str) -> &'static str {
    match resolver.trim_end_matches('8') {
        "B" => "Bind()",
        "Bnopf" => "Bind(prefetch: Off)",
        "K" => "KnotResolver()",
        "P" => "PowerDnsRecursor()",
        "U" => "UnboundPre125()",
        "Upf" => "UnboundPre125(prefetch: Near(share: 0.1))",
        other => panic!("no resolver {other}"),
    }
}

/// Seconds.
pub fn seconds(at: SimTime) -> f64 {
    at.since(SimTime::ZERO).as_secs_f64()
}
