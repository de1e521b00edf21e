//! What the primaries hold, and what their servers say of it.

use super::paged::Paged;
use crate::model::dns::{DnsModel, Question, Rdata};
use crate::model::{DataId, NameId, ZoneId};
use crate::scenario::tree::RecordType;

/// An RRset at its primary.
#[derive(Debug, Clone, Copy)]
struct Held {
    data: DataId,
    ttl_s: u32,
    /// Changes of its data so far.
    version: u32,
}

const NOTHING: Held = Held { data: DataId::ABSENT, ttl_s: 0, version: 0 };

/// All zones' data in one replication.
#[derive(Debug)]
pub(super) struct Authority<'m> {
    model: &'m DnsModel,
    held: Paged<Held>,
    /// RRsets and zone cuts at or below each name: a name exists while this is not zero (RFC 8020, RFC 4592 section 2.2.2).
    below: Vec<u32>,
    /// Whether any data has changed: while none has, nothing is stale.
    has_changed: bool,
}

/// What an authoritative server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    Data {
        data: DataId,
        version: u32,
        ttl_s: u32,
    },
    Alias {
        data: DataId,
        version: u32,
        target: NameId,
        ttl_s: u32,
    },
    /// With the SOA's TTL and MINIMUM, seconds, if it came with one.
    NoData {
        version: u32,
        soa: Option<(u32, u32)>,
    },
    NxDomain {
        version: u32,
        soa: Option<(u32, u32)>,
    },
    Referral(ZoneId),
}

impl<'m> Authority<'m> {
    pub fn new(model: &'m DnsModel) -> Self {
        let mut authority = Self { model, held: Paged::new(), below: vec![0; model.names.len()], has_changed: false };
        for zone in &model.zones {
            authority.count(zone.apex, true);
        }
        for rrset in &model.rrsets {
            *authority.held.get_mut(rrset.question.index(), NOTHING) =
                Held { data: rrset.data, ttl_s: rrset.ttl_s, version: 0 };
            if rrset.data != DataId::ABSENT {
                authority.count(rrset.question.name(), true);
            }
        }
        authority
    }

    fn count(&mut self, name: NameId, more: bool) {
        let mut name = name;
        loop {
            let below = &mut self.below[name.index()];
            *below = if more { *below + 1 } else { below.saturating_sub(1) };
            let parent = self.model.names.parent[name.index()];
            if parent == name {
                return;
            }
            name = parent;
        }
    }

    fn held(&self, question: Question) -> Held {
        self.held.get(question.index()).copied().unwrap_or(NOTHING)
    }

    /// The data now.
    pub fn current(&self, question: Question) -> DataId {
        self.held(question).data
    }

    /// Whether this is no longer what the primary holds.
    #[inline]
    pub fn is_stale(&self, question: Question, data: DataId) -> bool {
        self.has_changed && self.held(question).data != data
    }

    /// Changes so far.
    pub fn version(&self, question: Question) -> u32 {
        self.held(question).version
    }

    /// Replaces data. `false` if it is what was there: a change of TTL alone is no new version.
    pub fn set_data(&mut self, question: Question, data: DataId, ttl_s_if_new: u32) -> bool {
        let held = self.held.get_mut(question.index(), NOTHING);
        let before = held.data;
        if before == data {
            return false;
        }
        self.has_changed = true;
        *held = Held {
            data,
            ttl_s: if before == DataId::ABSENT { ttl_s_if_new } else { held.ttl_s },
            version: held.version + 1,
        };
        match (before, data) {
            (DataId::ABSENT, _) => self.count(question.name(), true),
            (_, DataId::ABSENT) => self.count(question.name(), false),
            _ => {}
        }
        true
    }

    pub fn set_ttl(&mut self, question: Question, ttl_s: u32) {
        self.held.get_mut(question.index(), NOTHING).ttl_s = ttl_s;
    }

    /// What a server of `zone` says to a question (RFC 1034 section 4.3.2): a referral where the name lies in a child, an
    /// alias where there is one, data, or which of the two nothings it is (RFC 2308 section 2).
    pub fn reply(&self, zone: ZoneId, question: Question) -> Reply {
        let holder = self.model.names.zone_of[question.name().index()];
        if holder != zone {
            return Reply::Referral(self.child_towards(zone, holder));
        }
        let held = self.held(question);
        if held.data != DataId::ABSENT {
            return Reply::Data { data: held.data, version: held.version, ttl_s: held.ttl_s };
        }
        let alias = self.held(Question::new(question.name(), RecordType::Cname));
        if let Rdata::Cname(target) = self.model.data[alias.data.index()] {
            return Reply::Alias { data: alias.data, version: alias.version, target, ttl_s: alias.ttl_s };
        }
        let (version, soa) = (held.version, self.model.zones[zone.index()].soa.in_negative());
        if self.below[question.name().index()] > 0 {
            Reply::NoData { version, soa }
        } else {
            Reply::NxDomain { version, soa }
        }
    }

    /// The zone below `from` on the way to `to`.
    fn child_towards(&self, from: ZoneId, to: ZoneId) -> ZoneId {
        let mut zone = to;
        while self.model.zones[zone.index()].parent != from && zone != ZoneId(0) {
            zone = self.model.zones[zone.index()].parent;
        }
        zone
    }
}
