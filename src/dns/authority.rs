//! What the primaries hold, and what each server says of it: current, as it was, or nothing.

mod history;

use smallvec::SmallVec;

use super::dig::SoaTold;
use super::paged::Paged;
use crate::model::dns::{DelegationModel, DnsModel, KeyId, Question, Rdata};
use crate::model::{DataId, NameId, ServerId, ZoneId};
use crate::scenario::tree::{Lame, RecordType};
use history::History;

/// An RRset at its primary.
#[derive(Debug, Clone, Copy)]
struct Held {
    data: DataId,
    /// Of its first record, and of the others: the same but where a zone breaks RFC 2181 section 5.2.
    ttl_s: u32,
    others_s: u32,
    /// Changes of its data so far.
    version: u32,
}

const NOTHING: Held = Held { data: DataId::ABSENT, ttl_s: 0, others_s: 0, version: 0 };

/// All zones' data in one replication.
#[derive(Debug)]
pub(super) struct Authority<'m> {
    model: &'m DnsModel,
    held: Paged<Held>,
    /// RRsets and zone cuts at or below each name: a name exists while this is not zero (RFC 8020, RFC 4592 section 2.2.2).
    below: Vec<u32>,
    /// Whether any data has changed: while none has, nothing is stale.
    has_changed: bool,
    zones: Vec<ZoneState>,
    history: History,
    /// Zones changed since their secondaries were told.
    changed: Vec<ZoneId>,
}

/// A zone at its primary, and who does not have it as it is there.
#[derive(Debug)]
struct ZoneState {
    /// Changes so far.
    changes: u32,
    serial: u32,
    /// Whether it has changed since its secondaries were told.
    is_changed: bool,
    /// What the parent says.
    delegation: DelegationModel,
    /// What it is signed with.
    key: KeyId,
    copies: SmallVec<[(ServerId, Copied); 1]>,
}

/// What a server has of a zone that it does not have as the primary does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Copied {
    /// The zone after so many changes.
    At(u32),
    /// A copy too old to be given out (RFC 1035 section 3.3.13, EXPIRE).
    Expired,
    /// It was never told to serve it, or has dropped it.
    Nothing,
}

/// What an authoritative server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    Data {
        data: DataId,
        version: u32,
        /// Of its first record, and of the others.
        ttl_s: u32,
        others_s: u32,
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
    Referral(ZoneId, DelegationModel),
    /// A referral to the root, from a server that does not hold the zone.
    Upward,
    Refused,
    ServFail,
    /// Its host says that nothing listens there (ICMP).
    Unreachable,
}

/// A response: what it says, the zone's NS RRset if it came along, the key that it is signed with, and how many changes of
/// the zone the server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Response {
    pub reply: Reply,
    pub ns: Option<(DataId, u32)>,
    pub key: KeyId,
    pub changes: u32,
}

impl From<Reply> for Response {
    fn from(reply: Reply) -> Self {
        Self { reply, ns: None, key: KeyId::default(), changes: 0 }
    }
}

impl<'m> Authority<'m> {
    pub fn new(model: &'m DnsModel) -> Self {
        let zones = model.zones.iter().map(|zone| ZoneState {
            changes: 0,
            serial: zone.soa.serial,
            is_changed: false,
            delegation: zone.delegation,
            key: zone.delegation.ds,
            copies: zone.lame.iter().map(|&server| (server, Copied::Nothing)).collect(),
        });
        let mut authority = Self {
            model,
            held: Paged::new(),
            below: vec![0; model.names.len()],
            has_changed: false,
            zones: zones.collect(),
            history: History::default(),
            changed: Vec::new(),
        };
        for zone in &model.zones {
            authority.count(zone.apex, true);
        }
        for rrset in &model.rrsets {
            *authority.held.get_mut(rrset.question.index(), NOTHING) =
                Held { data: rrset.data, ttl_s: rrset.ttl_s, others_s: rrset.ttl_s, version: 0 };
            if rrset.data != DataId::ABSENT {
                authority.count(rrset.question.name(), true);
            }
        }
        for &(question, others_s) in &model.unequal_ttls {
            authority.held.get_mut(question.index(), NOTHING).others_s = others_s;
        }
        authority
    }

    /// TTLs of an RRset's first record and of the others, seconds.
    pub fn ttls_s(&self, question: Question) -> (u32, u32) {
        let held = self.held(question);
        (held.ttl_s, held.others_s)
    }

    fn count(&mut self, name: NameId, more: bool) {
        let zone = self.zone_of(name);
        let mut name = name;
        loop {
            let is_inside = self.zone_of(name) == zone;
            let below = &mut self.below[name.index()];
            // Beyond the zone's apex, the cut alone makes names exist.
            if is_inside {
                self.history.below.push(name, self.zones[zone.index()].changes, *below);
            }
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

    fn held_at(&self, question: Question, at: Option<u32>) -> Held {
        let before = at.and_then(|at| self.history.held.at(question.index() as u32, at));
        before.unwrap_or_else(|| self.held(question))
    }

    fn zone_of(&self, name: NameId) -> ZoneId {
        self.model.names.zone_of[name.index()]
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
        let before = self.held(question);
        if before.data == data {
            return false;
        }
        self.has_changed = true;
        self.remember(question, before);
        let ttl_s = if before.data == DataId::ABSENT { ttl_s_if_new } else { before.ttl_s };
        *self.held.get_mut(question.index(), NOTHING) =
            Held { data, ttl_s, others_s: ttl_s, version: before.version + 1 };
        match (before.data, data) {
            (DataId::ABSENT, _) => self.count(question.name(), true),
            (_, DataId::ABSENT) => self.count(question.name(), false),
            _ => {}
        }
        true
    }

    pub fn set_ttl(&mut self, question: Question, ttl_s: u32) {
        let before = self.held(question);
        self.remember(question, before);
        let held = self.held.get_mut(question.index(), NOTHING);
        (held.ttl_s, held.others_s) = (ttl_s, ttl_s);
    }

    /// Begins a change of a zone: a copy made before it keeps what was.
    fn remember(&mut self, question: Question, before: Held) {
        let zone = self.zone_of(question.name());
        let changes = self.change(zone);
        self.history.held.push(question.index() as u32, changes, before);
    }

    /// One more change of a zone; how many there have been. All that one action changes is one more of the serial (RFC 2136
    /// section 3.6, RFC 1982).
    fn change(&mut self, zone: ZoneId) -> u32 {
        let state = &mut self.zones[zone.index()];
        state.changes += 1;
        let changes = state.changes;
        if !std::mem::replace(&mut state.is_changed, true) {
            let serial = state.serial.wrapping_add(1);
            self.put_serial(zone, serial);
            self.changed.push(zone);
        }
        changes
    }

    fn put_serial(&mut self, zone: ZoneId, serial: u32) {
        let state = &mut self.zones[zone.index()];
        let before = std::mem::replace(&mut state.serial, serial);
        self.history.serials.push(zone, state.changes, before);
    }

    /// The SOA of a copy of a zone made after so many changes. The primary is the one that secondaries ask, while the zone
    /// names it: with other servers come other data, and the first of them stands for where they are kept.
    pub fn soa_at(&self, zone: ZoneId, changes: u32) -> SoaTold {
        let serial = self.history.serials.at(zone, changes).unwrap_or(self.zones[zone.index()].serial);
        let ns = self.held_at(Question::new(self.model.zones[zone.index()].apex, RecordType::Ns), Some(changes)).data;
        let servers: &[ServerId] = if let Rdata::Ns(servers) = &self.model.data[ns.index()] { servers } else { &[] };
        let asked = self.model.secondaries.iter().find(|secondary| secondary.zone == zone);
        let asked = asked.map(|secondary| secondary.primary).filter(|primary| servers.contains(primary));
        SoaTold { serial, primary: asked.or(servers.first().copied()) }
    }

    /// The zones whose changes their secondaries have not been told of, each once, in order.
    pub fn take_changed(&mut self) -> Vec<ZoneId> {
        let mut changed = std::mem::take(&mut self.changed);
        changed.sort_unstable();
        changed.iter().for_each(|zone| self.zones[zone.index()].is_changed = false);
        changed
    }

    /// What the parent of a zone says of it from now on.
    pub fn set_delegation(&mut self, zone: ZoneId, delegation: DelegationModel) {
        let parent = self.model.zones[zone.index()].parent;
        let changes = self.change(parent);
        let before = std::mem::replace(&mut self.zones[zone.index()].delegation, delegation);
        self.history.delegations.push(zone, changes, before);
    }

    pub fn delegation(&self, zone: ZoneId) -> DelegationModel {
        self.zones[zone.index()].delegation
    }

    /// What a zone is signed with from now on.
    pub fn set_key(&mut self, zone: ZoneId, key: KeyId) {
        let changes = self.change(zone);
        let before = std::mem::replace(&mut self.zones[zone.index()].key, key);
        self.history.keys.push(zone, changes, before);
    }

    pub fn set_serial(&mut self, zone: ZoneId, serial: u32) {
        self.change(zone);
        self.zones[zone.index()].serial = serial;
    }

    /// Changes of a zone so far, and its serial.
    pub fn revision(&self, zone: ZoneId) -> (u32, u32) {
        let state = &self.zones[zone.index()];
        (state.changes, state.serial)
    }

    /// What a server has of a zone from now on; `None` for whatever the primary has.
    pub fn set_copy(&mut self, zone: ZoneId, server: ServerId, copied: Option<Copied>) {
        let copies = &mut self.zones[zone.index()].copies;
        copies.retain(|(known, _)| *known != server);
        copies.extend(copied.map(|copied| (server, copied)));
    }

    /// What a server has of a zone that is not as at the primary.
    pub fn copy(&self, zone: ZoneId, server: ServerId) -> Option<Copied> {
        let copies = &self.zones[zone.index()].copies;
        copies.iter().find(|(known, _)| *known == server).map(|(_, copied)| *copied)
    }

    /// How many servers hold an old copy of a zone.
    pub fn lagging(&self, zone: ZoneId) -> usize {
        self.zones[zone.index()].copies.iter().filter(|(_, copied)| *copied != Copied::Nothing).count()
    }

    /// What a server says to a question about a zone.
    pub fn reply(&self, server: ServerId, zone: ZoneId, question: Question) -> Response {
        let at = match self.copy(zone, server) {
            None => None,
            Some(Copied::At(changes)) => Some(changes),
            Some(Copied::Expired) => return Reply::ServFail.into(),
            Some(Copied::Nothing) => {
                return match self.model.servers[server.index()].lame {
                    Lame::Refused => Reply::Refused.into(),
                    Lame::Referral => Reply::Upward.into(),
                    Lame::ServFail => Reply::ServFail.into(),
                };
            }
        };
        let reply = self.reply_at(zone, question, at);
        let state = &self.zones[zone.index()];
        let key = at.and_then(|at| self.history.keys.at(zone, at)).unwrap_or(state.key);
        let changes = at.unwrap_or(state.changes);
        let is_positive = matches!(reply, Reply::Data { .. } | Reply::Alias { .. });
        if !is_positive || self.model.servers[server.index()].minimal_responses {
            return Response { reply, ns: None, key, changes };
        }
        let ns = self.held_at(Question::new(self.model.zones[zone.index()].apex, RecordType::Ns), at);
        Response { reply, ns: (ns.data != DataId::ABSENT).then_some((ns.data, ns.ttl_s)), key, changes }
    }

    /// What the primary of the zone that holds the name says.
    pub fn primarys(&self, question: Question) -> Reply {
        self.reply_at(self.zone_of(question.name()), question, None)
    }

    /// What a copy of `zone` says (RFC 1034 section 4.3.2): a referral where the name lies in a child, an alias where there
    /// is one, data, or which of the two nothings it is (RFC 2308 section 2).
    fn reply_at(&self, zone: ZoneId, question: Question, at: Option<u32>) -> Reply {
        let holder = self.zone_of(question.name());
        if holder != zone {
            let child = self.child_towards(zone, holder);
            let then = at.and_then(|at| self.history.delegations.at(child, at));
            return Reply::Referral(child, then.unwrap_or_else(|| self.delegation(child)));
        }
        let held = self.held_at(question, at);
        if held.data != DataId::ABSENT {
            let Held { data, ttl_s, others_s, version } = held;
            return Reply::Data { data, version, ttl_s, others_s };
        }
        let alias = self.held_at(Question::new(question.name(), RecordType::Cname), at);
        if let Rdata::Cname(target) = self.model.data[alias.data.index()] {
            return Reply::Alias { data: alias.data, version: alias.version, target, ttl_s: alias.ttl_s };
        }
        let (version, soa) = (held.version, self.negative_soa(zone, at));
        let name = question.name();
        let below = at.and_then(|at| self.history.below.at(name, at)).unwrap_or(self.below[name.index()]);
        if below > 0 { Reply::NoData { version, soa } } else { Reply::NxDomain { version, soa } }
    }

    /// TTL and MINIMUM of the SOA as it goes out with a negative answer (RFC 2308 section 3).
    fn negative_soa(&self, zone: ZoneId, at: Option<u32>) -> Option<(u32, u32)> {
        let model = &self.model.zones[zone.index()];
        let ttl_s = self.held_at(Question::new(model.apex, RecordType::Soa), at).ttl_s;
        model.soa.in_negative(ttl_s)
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
