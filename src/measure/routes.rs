//! Whether a host is one of a domain's now, as its zones' primaries have it.

use rustc_hash::FxHashMap;

use crate::model::dns::{Question, Rdata};
use crate::model::{DataId, HostId, Model, NameId};
use crate::scenario::tree::RecordType;

/// Links of a chain of aliases that are followed.
const ALIASES_MAX: u32 = 8;

/// The data of all RRsets now.
#[derive(Debug)]
pub(super) struct Routes<'m> {
    model: &'m Model,
    /// What has changed; looked up, never gone through.
    changed: FxHashMap<Question, DataId>,
}

impl<'m> Routes<'m> {
    pub fn new(model: &'m Model) -> Self {
        Self { model, changed: FxHashMap::default() }
    }

    pub fn on_change(&mut self, question: Question, data: DataId) {
        self.changed.insert(question, data);
    }

    fn data(&self, question: Question) -> &'m Rdata {
        let rrsets = &self.model.dns.rrsets;
        let first = || {
            let found = rrsets.binary_search_by_key(&question, |rrset| rrset.question);
            found.map_or(DataId::ABSENT, |index| rrsets[index].data)
        };
        &self.model.dns.data[self.changed.get(&question).copied().unwrap_or_else(first).index()]
    }

    /// The data of a type at the end of a name's chain of aliases, and the name there.
    fn resolved(&self, mut name: NameId, kind: RecordType) -> (NameId, &'m Rdata) {
        for _ in 0..ALIASES_MAX {
            let Rdata::Cname(target) = self.data(Question::new(name, RecordType::Cname)) else { break };
            name = *target;
        }
        (name, self.data(Question::new(name, kind)))
    }

    /// Whether the host has an address of one of the domain's exchanges now (RFC 5321 section 5.1).
    pub fn is_current(&self, domain: NameId, host: HostId) -> bool {
        let has = |name: NameId| {
            [RecordType::A, RecordType::Aaaa]
                .into_iter()
                .any(|kind| matches!(self.resolved(name, kind).1, Rdata::Address(hosts) if hosts.contains(&host)))
        };
        match self.resolved(domain, RecordType::Mx) {
            (_, Rdata::Mx(exchanges)) => exchanges.iter().any(|(_, name)| has(*name)),
            (owner, _) => has(owner),
        }
    }
}
