//! One cache: what it holds, until when, and what it says of it.

use rustc_hash::FxHashMap;

use super::lru::Lru;
use super::paged::Paged;
use crate::engine::time::{NANOS_PER_SECOND, SimDuration, SimTime};
use crate::model::dns::{Question, Rules};
use crate::model::{DataId, NameId};
use crate::scenario::tree::{Expiry, RecordType};

/// What an entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing was ever stored, or it was dropped.
    Empty,
    Data,
    NoData,
    /// The whole name does not exist; stands at the name's SOA question.
    NxDomain,
}

/// A cached RRset, or that there is none: a cache line, so that a hit reads one and never two.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Entry {
    /// Strictly before this instant it is given out as it is: data that is neither over, nor to be refreshed, nor to be
    /// counted as used.
    pub plain_until: SimTime,
    /// It is live strictly before this instant.
    pub until: SimTime,
    pub stored: SimTime,
    pub data: DataId,
    pub version: u32,
    /// The name that has the data: the question's, or the end of a chain of aliases that an upstream followed.
    pub owner: NameId,
    pub ttl_s: u32,
    /// Fetches of this question so far: what their draws are keyed by.
    pub fetches: u32,
    /// The fetch of it that is in flight; `NO_FETCH` if there is none.
    pub flight: u32,
    pub kind: Kind,
    /// How often it was let live on.
    pub extensions: u16,
}

/// No fetch in flight.
pub(super) const NO_FETCH: u32 = u32::MAX;

const EMPTY: Entry = Entry {
    plain_until: SimTime::ZERO,
    until: SimTime::ZERO,
    stored: SimTime::ZERO,
    data: DataId::ABSENT,
    version: 0,
    owner: NameId(0),
    ttl_s: 0,
    fetches: 0,
    flight: NO_FETCH,
    kind: Kind::Empty,
    extensions: 0,
};

/// What is to be stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct New {
    pub kind: Kind,
    pub data: DataId,
    pub version: u32,
    pub owner: NameId,
    pub ttl_s: u32,
    pub until: SimTime,
}

/// That something could not be found out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failed {
    /// SERVFAIL without trying again before this instant.
    pub until: SimTime,
    /// What has expired is given out without trying again before this one.
    pub stale_until: SimTime,
}

/// A cache.
#[derive(Debug)]
pub(super) struct Cache {
    /// By type, then by name: what finds the entries of one type is small enough to stay near.
    entries: [Paged<Entry>; RecordType::ALL.len()],
    /// What failed; only ever looked up by question.
    failures: FxHashMap<Question, Failed>,
    lru: Option<Lru>,
    /// Moves whenever what would still have been given out as it is was replaced or dropped.
    epoch: u64,
}

impl Cache {
    pub fn new(rules: &Rules) -> Self {
        Self {
            entries: std::array::from_fn(|_| Paged::new()),
            failures: FxHashMap::default(),
            lru: rules.capacity.map(Lru::new),
            epoch: 0,
        }
    }

    /// What there is for a question, live or not.
    #[inline]
    pub fn entry(&self, question: Question) -> Option<&Entry> {
        self.entries[question.kind() as usize].get(question.name().index())
    }

    /// The entry for a question, if a hit of it is one that there is nothing to say of.
    #[inline]
    pub fn plain(&self, now: SimTime, question: Question) -> Option<&Entry> {
        self.entry(question).filter(|entry| now < entry.plain_until)
    }

    /// The live entry for a question.
    #[inline]
    pub fn live(&self, now: SimTime, question: Question) -> Option<&Entry> {
        self.entry(question).filter(|entry| entry.until > now)
    }

    /// Whether the whole name is known not to exist: the entry that says so (RFC 2308 section 5: per name).
    pub fn no_such_name(&self, now: SimTime, name: NameId) -> Option<&Entry> {
        self.live(now, Question::new(name, RecordType::Soa)).filter(|entry| entry.kind == Kind::NxDomain)
    }

    /// How many entries are live.
    pub fn count_live(&self, now: SimTime) -> u64 {
        self.entries.iter().flat_map(Paged::iter).filter(|entry| entry.until > now && entry.kind != Kind::Empty).count()
            as u64
    }

    pub fn entry_mut(&mut self, question: Question) -> &mut Entry {
        self.entries[question.kind() as usize].get_mut(question.name().index(), EMPTY)
    }

    /// The failure that is remembered for a question.
    pub fn failed(&self, question: Question) -> Option<Failed> {
        if self.failures.is_empty() { None } else { self.failures.get(&question).copied() }
    }

    pub fn store_failure(&mut self, question: Question, failed: Failed) {
        self.failures.insert(question, failed);
    }

    /// Stores what was found out; what had to go for it, if that was still live.
    pub fn store(&mut self, now: SimTime, rules: &Rules, question: Question, new: New) -> Option<Question> {
        let is_plain = new.kind == Kind::Data && new.owner == question.name() && self.lru.is_none();
        let plain_until = if is_plain { new.until.min(rules.refresh_from(now, new.ttl_s)) } else { SimTime::ZERO };
        self.retire(now, question);
        let entry = self.entry_mut(question);
        let New { kind, data, version, owner, ttl_s, until } = new;
        *entry = Entry { plain_until, until, stored: now, data, version, owner, ttl_s, kind, extensions: 0, ..*entry };
        if !self.failures.is_empty() {
            self.failures.remove(&question);
        }
        let gone = self.lru.as_mut()?.insert(question)?;
        let was_live = self.live(now, gone).is_some();
        self.forget(gone);
        was_live.then_some(gone)
    }

    /// A question was answered from here.
    #[inline]
    pub fn touch(&mut self, question: Question) {
        if let Some(lru) = &mut self.lru {
            lru.touch(question);
        }
    }

    /// What a plain hit said of a question, if there are any now, holds no more.
    fn retire(&mut self, now: SimTime, question: Question) {
        self.epoch += u64::from(self.entry(question).is_some_and(|entry| now < entry.plain_until));
    }

    /// Moves whenever what would still have been given out as it is was replaced or dropped.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Moves it, though nothing was replaced: who asks may no longer be answered.
    pub fn move_on(&mut self) {
        self.epoch += 1;
    }

    fn forget(&mut self, question: Question) {
        self.epoch += 1;
        let entry = self.entry_mut(question);
        (entry.plain_until, entry.until, entry.kind) = (SimTime::ZERO, SimTime::ZERO, Kind::Empty);
    }

    /// Gives the negative answer at a question another end; `false` if none is there.
    pub fn move_end(&mut self, question: Question, until: SimTime) -> bool {
        let is_there = self.entry(question).is_some_and(|entry| matches!(entry.kind, Kind::NoData | Kind::NxDomain));
        if is_there {
            self.entry_mut(question).until = until;
        }
        is_there
    }

    /// Drops one question; whether it was live.
    pub fn drop_question(&mut self, now: SimTime, question: Question) -> bool {
        let was_live = self.live(now, question).is_some();
        self.failures.remove(&question);
        if self.entry(question).is_some_and(|entry| entry.kind != Kind::Empty) {
            self.forget(question);
            if let Some(lru) = &mut self.lru {
                lru.remove(question);
            }
        }
        was_live
    }

    /// Drops a name, or everything; `dropped` hears of each question that was live.
    pub fn flush(&mut self, now: SimTime, name: Option<NameId>, mut dropped: impl FnMut(Question)) {
        if let Some(name) = name {
            for kind in &RecordType::ALL[..7] {
                let question = Question::new(name, *kind);
                if self.drop_question(now, question) {
                    dropped(question);
                }
            }
            return;
        }
        self.failures.clear();
        self.epoch += 1;
        if let Some(lru) = &mut self.lru {
            lru.clear();
        }
        for (kind, entries) in RecordType::ALL.into_iter().zip(&mut self.entries) {
            for (name, entry) in entries.iter_mut() {
                if entry.until > now {
                    dropped(Question::new(NameId(name as u32), kind));
                }
                (entry.plain_until, entry.until, entry.kind) = (SimTime::ZERO, SimTime::ZERO, Kind::Empty);
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

    /// The instant from which a hit refreshes something stored now, for a TTL in seconds.
    fn refresh_from(&self, now: SimTime, ttl_s: u32) -> SimTime {
        let Some(prefetch) = self.prefetch.as_ref().filter(|prefetch| ttl_s >= prefetch.min_ttl_s) else {
            return SimTime::NEVER;
        };
        let ttl = SimDuration::from_secs(u64::from(ttl_s));
        let left = prefetch.left + SimDuration::from_secs_f64(prefetch.share * f64::from(ttl_s));
        match self.expiry {
            Expiry::Exact => now + ttl.saturating_sub(left),
            // The TTL left counts down in whole seconds.
            Expiry::Before | Expiry::Through => {
                let left = SimDuration::from_secs(left.whole_seconds());
                SimTime::from_secs(now.whole_seconds()) + ttl.saturating_sub(left)
            }
        }
    }

    /// Whether a hit now refreshes an entry.
    pub(super) fn is_refresh_due(&self, now: SimTime, entry: &Entry) -> bool {
        self.prefetch.is_some() && now >= self.refresh_from(entry.stored, entry.ttl_s)
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

    /// Until when a failure is kept: exactly (BIND: 1.0 s), or counted as TTLs are (Unbound 1.17 keeps failures as messages:
    /// measured 5.9 s of 5; PowerDNS in its packet cache: 59 to 60 s of 60).
    pub(super) fn failed_until(&self, now: SimTime) -> SimTime {
        match u32::try_from(self.servfail_ttl.whole_seconds()) {
            Ok(seconds) if !self.servfail_is_exact && seconds > 0 => self.until(now, seconds),
            _ => now + self.servfail_ttl,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_fills_a_cache_line() {
        assert_eq!(size_of::<Entry>(), 64);
    }
}
