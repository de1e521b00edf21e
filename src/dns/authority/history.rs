//! What zones held before: what a copy that was made then still says.

use rustc_hash::FxHashMap;
use std::hash::Hash;

use smallvec::SmallVec;

use super::Held;
use crate::model::dns::{DelegationModel, KeyId};
use crate::model::{NameId, ZoneId};

/// Everything that has changed, as it was.
#[derive(Debug, Default)]
pub(super) struct History {
    /// RRsets by question.
    pub held: Log<u32, Held>,
    /// How much there was at or below a name.
    pub below: Log<NameId, u32>,
    /// Delegations, by the changes of the parent.
    pub delegations: Log<ZoneId, DelegationModel>,
    pub keys: Log<ZoneId, KeyId>,
    pub serials: Log<ZoneId, u32>,
}

/// Values by key, each with the number of the zone's change that ended it.
#[derive(Debug)]
pub(super) struct Log<K, T>(FxHashMap<K, SmallVec<[(u32, T); 1]>>);

impl<K, T> Default for Log<K, T> {
    fn default() -> Self {
        Self(FxHashMap::default())
    }
}

impl<K: Hash + Eq, T: Copy> Log<K, T> {
    /// `value` was so until the zone's `change`-th change. The 0th is the making of the zone.
    pub fn push(&mut self, key: K, change: u32, value: T) {
        if change > 0 {
            self.0.entry(key).or_default().push((change, value));
        }
    }

    /// The value in a copy made after `changes` changes; `None` if it is still the current one.
    pub fn at(&self, key: K, changes: u32) -> Option<T> {
        self.0.get(&key)?.iter().find(|(change, _)| *change > changes).map(|(_, value)| *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_says_what_was_so_when_it_was_made() {
        let mut log: Log<u32, char> = Log::default();
        log.push(7, 0, '-');
        log.push(7, 2, 'a');
        log.push(7, 5, 'b');
        let seen: Vec<Option<char>> = (0..7).map(|changes| log.at(7, changes)).collect();
        assert_eq!(seen, [Some('a'), Some('a'), Some('b'), Some('b'), Some('b'), None, None]);
        assert_eq!(log.at(8, 0), None);
    }
}
