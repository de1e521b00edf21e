//! What caches hold and primaries say, for those who watch: looking changes nothing.

use super::Outcome;
use super::authority::Reply;
use super::cache::Kind;
use super::current::ALIASES_MAX;
use super::resolver::{Dns, outcome_of};
use crate::engine::time::SimTime;
use crate::model::dns::Question;
use crate::model::{CacheId, DataId, NameId, ZoneId};
use crate::scenario::tree::RecordType;

/// An alias on the way to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Its owner, for CNAME.
    pub question: Question,
    /// The record.
    pub data: DataId,
    /// How often the record had changed when it was fetched.
    pub version: u32,
    /// TTL left, seconds.
    pub ttl_s: u32,
    /// Where it leads.
    pub target: NameId,
}

impl Dns<'_> {
    /// What a cache would answer from itself, failures among it; `None` if it would have to ask.
    pub fn held(&self, now: SimTime, cache: CacheId, question: Question) -> Option<Outcome> {
        let held = &self.caches[cache.index()];
        let mut owner = question.name();
        for _ in 0..=ALIASES_MAX {
            let asked = Question::new(owner, question.kind());
            let found = held.entry(asked).filter(|entry| !matches!(entry.kind, Kind::Empty | Kind::NxDomain));
            if let Some(entry) = found.filter(|entry| self.given_until(now, cache, entry).is_some()) {
                return Some(outcome_of(entry).0);
            }
            if held.failed(asked).is_some_and(|failed| now < failed.until) {
                return Some(Outcome::ServFail);
            }
            if self.no_such_name(now, cache, owner).is_some() {
                return Some(Outcome::NxDomain);
            }
            let alias = held.live(now, Question::new(owner, RecordType::Cname))?;
            owner = self.alias_target(alias.data)?;
        }
        None
    }

    /// TTLs of the first and of the other records of an RRset at its primary, seconds.
    pub fn ttls_s(&self, question: Question) -> (u32, u32) {
        self.authority.ttls_s(question)
    }

    /// How many of a zone's servers have it as it was, or give it out no more: 0 once all agree with the primary.
    pub fn lagging(&self, zone: ZoneId) -> usize {
        self.authority.lagging(zone)
    }

    /// What a cache that holds nothing would be told now, if a server could be reached.
    pub fn would_fetch(&self, question: Question) -> Outcome {
        let mut owner = question.name();
        for _ in 0..=ALIASES_MAX {
            match self.authority.primarys(Question::new(owner, question.kind())) {
                Reply::Data { data, .. } => return Outcome::Data(data),
                Reply::NoData { .. } => return Outcome::NoData,
                Reply::NxDomain { .. } => return Outcome::NxDomain,
                Reply::Alias { target, .. } => owner = target,
                _ => break,
            }
        }
        Outcome::ServFail
    }

    /// The live alias that a cache holds for a name or, since a forwarder keeps an answer whole, one before which it stands does.
    pub fn alias(&self, now: SimTime, cache: CacheId, name: NameId) -> Option<Link> {
        let question = Question::new(name, RecordType::Cname);
        if let Some(entry) = self.caches[cache.index()].live(now, question) {
            let (data, version) = (entry.data, entry.version);
            let ttl_s = self.rules(cache).ttl_left_s(now, entry.until);
            return Some(Link { question, data, version, ttl_s, target: self.alias_target(data)? });
        }
        let behind =
            self.resolver_of(cache).upstream.iter().map(|resolver| &self.model.dns.resolvers[resolver.index()]);
        let caches = behind.flat_map(|resolver| {
            (0..resolver.sites * resolver.farm.count() as u32).map(|member| CacheId(resolver.first_cache.0 + member))
        });
        caches.filter_map(|cache| self.alias(now, cache, name)).next()
    }

    /// The alias that the primary has for a name.
    pub fn primarys_alias(&self, name: NameId, ttl_s: u32) -> Option<Link> {
        let question = Question::new(name, RecordType::Cname);
        let data = self.authority.current(question);
        Some(Link { question, data, version: self.version(question), ttl_s, target: self.alias_target(data)? })
    }

    /// The TTL left of what a cache would say of this very question from itself, without aliases, seconds.
    pub fn ttl_held_s(&self, now: SimTime, cache: CacheId, question: Question) -> Option<u32> {
        let entry = self.caches[cache.index()].live(now, question).filter(|entry| entry.kind != Kind::Empty);
        let entry = entry.or_else(|| self.no_such_name(now, cache, question.name()))?;
        Some(self.rules(cache).ttl_left_s(now, self.ttl_until(cache, entry)))
    }

    /// The data of a question at its primary, without aliases.
    pub fn current_data(&self, question: Question) -> DataId {
        self.authority.current(question)
    }

    /// How many entries of a cache are live: RRsets, and that there is none.
    pub fn entries(&self, now: SimTime, cache: CacheId) -> u64 {
        self.caches[cache.index()].count_live(now)
    }
}
