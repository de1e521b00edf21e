//! One cache: what it holds, until when, and what it says of it.

use super::paged::Paged;
use crate::engine::time::{NANOS_PER_SECOND, SimDuration, SimTime};
use crate::model::dns::{Question, Rules};
use crate::model::{DataId, NameId};
use crate::scenario::tree::{Expiry, RecordType};

/// What an entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing was ever stored.
    Empty,
    Data,
    NoData,
    /// The whole name does not exist; stands at the name's SOA question.
    NxDomain,
    Failure,
}

/// A cached RRset, or that there is none: 32 bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// It is given out strictly before this instant.
    pub until: SimTime,
    pub data: DataId,
    pub version: u32,
    /// Fetches of this question so far: what their draws are keyed by.
    pub fetches: u32,
    pub kind: Kind,
    /// The fetch of it that is in flight; `NO_FETCH` if there is none.
    pub flight: u32,
}

/// No fetch in flight.
pub(super) const NO_FETCH: u32 = u32::MAX;

const EMPTY: Entry =
    Entry { until: SimTime::ZERO, data: DataId::ABSENT, version: 0, fetches: 0, kind: Kind::Empty, flight: NO_FETCH };

/// A cache.
#[derive(Debug)]
pub(super) struct Cache {
    entries: Paged<Entry>,
}

impl Cache {
    pub fn new() -> Self {
        Self { entries: Paged::new() }
    }

    /// The live entry for a question.
    #[inline]
    pub fn live(&self, now: SimTime, question: Question) -> Option<&Entry> {
        self.entries.get(question.index()).filter(|entry| entry.until > now && entry.kind != Kind::Empty)
    }

    /// Whether the whole name is known not to exist: the entry that says so (RFC 2308 section 5: per name).
    pub fn no_such_name(&self, now: SimTime, name: NameId) -> Option<&Entry> {
        self.live(now, Question::new(name, RecordType::Soa)).filter(|entry| entry.kind == Kind::NxDomain)
    }

    /// How many entries are live.
    pub fn count_live(&self, now: SimTime) -> u64 {
        self.entries.iter().filter(|entry| entry.until > now && entry.kind != Kind::Empty).count() as u64
    }

    pub fn entry_mut(&mut self, question: Question) -> &mut Entry {
        self.entries.get_mut(question.index(), EMPTY)
    }

    pub fn store(&mut self, question: Question, kind: Kind, data: DataId, version: u32, until: SimTime) {
        let entry = self.entry_mut(question);
        *entry = Entry { until, data, version, kind, ..*entry };
    }

    /// Drops what is live for a name, or everything; `dropped` hears of each.
    pub fn flush(&mut self, now: SimTime, name: Option<NameId>, mut dropped: impl FnMut(Question)) {
        for (index, entry) in self.entries.iter_mut() {
            let question = Question::from_index(index as u32);
            if name.is_none_or(|name| question.name() == name) && entry.until > now {
                entry.until = SimTime::ZERO;
                dropped(question);
            }
        }
    }
}

impl Rules {
    /// The instant before which something stored now is given out, for a TTL in seconds.
    pub(super) fn until(&self, now: SimTime, ttl_s: u32) -> SimTime {
        let ttl = SimDuration::from_secs(u64::from(ttl_s));
        let second = SimTime::from_secs(now.whole_seconds());
        match self.expiry {
            Expiry::Exact => now + ttl,
            Expiry::Before => second + ttl,
            Expiry::Through => second + ttl + SimDuration::from_secs(1),
        }
    }

    /// The TTL in the answer for something given out until `until`: whole seconds left, rounded up on an exact clock.
    pub(super) fn ttl_left_s(&self, now: SimTime, until: SimTime) -> u32 {
        let left = until.whole_seconds().saturating_sub(now.whole_seconds());
        let left = match self.expiry {
            Expiry::Exact => until.since(now).as_nanos().div_ceil(NANOS_PER_SECOND),
            Expiry::Before => left,
            Expiry::Through => left.saturating_sub(1),
        };
        u32::try_from(left).unwrap_or(u32::MAX).min(self.ttl.max_answer_s)
    }
}
