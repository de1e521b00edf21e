//! What DNS tells whoever watches. Nothing flows back: watching changes no run.

use super::Answer;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::dns::Question;
use crate::model::{CacheId, ClientId, DataId, NodeId, ProbeId, ServerId};

/// On whose behalf a question was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// A node, for a delivery.
    Node(NodeId),
    /// A client.
    Client(ClientId),
    /// A probe that asks.
    Probe(ProbeId),
    /// A user at a terminal, by the number of the question.
    Dig(u32),
    /// Another cache, as its upstream.
    Cache(CacheId),
}

/// One answer to one question, as its asker saw it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LookupRecord {
    /// Who answered.
    pub cache: CacheId,
    /// Who asked.
    pub asker: Asker,
    /// What.
    pub question: Question,
    /// When it was asked.
    pub asked: SimTime,
    /// From asking to the answer.
    pub took: SimDuration,
    /// The answer.
    pub answer: Answer,
}

/// Callbacks of the DNS layer. Every method has an empty default.
pub trait DnsObserver {
    /// An asker got its answer, at `record.asked + record.took`.
    fn on_lookup(&mut self, record: &LookupRecord) {
        let _ = record;
    }
    /// Whether it wants to hear of each look-up: if not, it may be told of plain hits together.
    fn hears_each_lookup(&self) -> bool {
        true
    }
    /// A node's questions for so many MX RRsets, and for the addresses of so many exchanges, were hits in a cache, at once, with
    /// data that is the primary's: instead of [`DnsObserver::on_lookup`] for each.
    fn on_plain_hits(&mut self, now: SimTime, cache: CacheId, asker: Asker, mx: u64, addresses: u64) {
        let _ = (now, cache, asker, mx, addresses);
    }
    /// A query arrived at an authoritative server (whether it answers or not).
    fn on_query(&mut self, now: SimTime, server: ServerId, cache: CacheId, question: Question) {
        let _ = (now, server, cache, question);
    }
    /// A cache stored data (or its absence) for a question, to be given out until before `until`; or fell back on what
    /// had expired.
    fn on_store(&mut self, now: SimTime, cache: CacheId, question: Question, data: DataId, until: SimTime) {
        let _ = (now, cache, question, data, until);
    }
    /// A cache dropped a question before its time, or has nothing to fall back on.
    fn on_flush(&mut self, now: SimTime, cache: CacheId, question: Question) {
        let _ = (now, cache, question);
    }
    /// A cache was told that a question's data has changed.
    fn on_push(&mut self, now: SimTime, cache: CacheId, question: Question) {
        let _ = (now, cache, question);
    }
    /// The primary's data for a question changed.
    fn on_change(&mut self, now: SimTime, question: Question, data: DataId) {
        let _ = (now, question, data);
    }
    /// A peek saw this: data and time left, `None` for an empty cache.
    fn on_peek(&mut self, now: SimTime, probe: ProbeId, cache: CacheId, seen: Option<(DataId, SimDuration)>) {
        let _ = (now, probe, cache, seen);
    }
}
