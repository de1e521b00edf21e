//! What is so now, along aliases: what answers are judged by.

use super::authority::Authority;
use super::resolver::Dns;
use crate::engine::time::SimTime;
use crate::model::dns::{Question, Rdata};
use crate::model::{DataId, NameId};
use crate::scenario::tree::RecordType;

/// Links in a chain of aliases that a resolver follows.
pub(super) const ALIASES_MAX: u32 = 8;

impl Authority<'_> {
    /// The data that a question leads to now, along aliases.
    pub fn current_along(&self, question: Question, target: impl Fn(DataId) -> Option<NameId>) -> DataId {
        let mut owner = question.name();
        for _ in 0..=ALIASES_MAX {
            let data = self.current(Question::new(owner, question.kind()));
            let alias = self.current(Question::new(owner, RecordType::Cname));
            match target(alias) {
                Some(next) if data == DataId::ABSENT && question.kind() != RecordType::Cname => owner = next,
                _ => return data,
            }
        }
        DataId::ABSENT
    }
}

impl Dns<'_> {
    /// What the primaries say now, along aliases.
    pub fn current(&self, question: Question) -> DataId {
        self.authority.current_along(question, |data| self.alias_target(data))
    }

    /// Whether data for a question, found at `owner`, is no longer what the primaries say.
    #[inline]
    pub(super) fn is_stale(&self, question: Question, owner: NameId, data: DataId) -> bool {
        // What a resolver found at the end of the links that it keeps is judged link by link.
        if data != DataId::ABSENT && owner == question.name() {
            return self.authority.is_stale(question, data);
        }
        !self.changes.is_empty() && self.current(question) != data
    }

    /// How many times a question's data had changed at an instant.
    pub(super) fn version_at(&self, question: Question, at: SimTime) -> u32 {
        self.changes.iter().filter(|(when, changed)| *changed == question && *when <= at).count() as u32
    }

    pub(super) fn alias_target(&self, data: DataId) -> Option<NameId> {
        match self.model.dns.data[data.index()] {
            Rdata::Cname(target) => Some(target),
            _ => None,
        }
    }
}
