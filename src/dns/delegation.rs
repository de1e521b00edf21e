//! What a cache knows of zone cuts: the NS RRset it goes by, its glue, and until when.

use super::paged::Paged;
use crate::engine::time::SimTime;
use crate::model::dns::{DelegationModel, KeyId, Rules};
use crate::model::{DataId, ZoneId};
use crate::scenario::tree::NsRule;

/// A zone cut in a cache. Glue stands here and nowhere else, so that no address from an additional section ever answers a
/// question (RFC 2181 section 5.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(align(32))]
pub(super) struct Cut {
    /// Live before this instant.
    pub until: SimTime,
    /// Addresses of servers named inside the zone are known before this one.
    pub glue_until: SimTime,
    pub ns: DataId,
    /// What the parent's DS stands for.
    pub ds: KeyId,
    /// Whether the NS RRset is the child's own, which ranks above the parent's (RFC 2181 section 5.4.1).
    is_childs: bool,
    /// Whether the parent was asked for it once more when its servers were spent.
    is_confirmed: bool,
}

const NONE: Cut = Cut {
    until: SimTime::ZERO,
    glue_until: SimTime::ZERO,
    ns: DataId::ABSENT,
    ds: KeyId(0),
    is_childs: false,
    is_confirmed: false,
};

/// All zone cuts of one cache, by zone.
#[derive(Debug)]
pub(super) struct Delegations(Paged<Cut>);

impl Delegations {
    pub fn new() -> Self {
        Self(Paged::new())
    }

    /// The cut of a zone, if it is live.
    #[inline]
    pub fn live(&self, now: SimTime, zone: ZoneId) -> Option<&Cut> {
        self.0.get(zone.index()).filter(|cut| cut.until > now)
    }

    /// Whoever asked the parent keeps its referral.
    pub fn on_referral(&mut self, now: SimTime, rules: &Rules, zone: ZoneId, referral: &DelegationModel) {
        let held = self.0.get_mut(zone.index(), NONE);
        let until = |ttl_s| rules.until(now, rules.positive_ttl_s(ttl_s));
        let glue_until = until(referral.glue_ttl_s);
        if held.until > now && held.is_childs {
            // Lower rank never replaces higher: all that is new is the glue.
            (held.glue_until, held.ds) = (glue_until, referral.ds);
            return;
        }
        *held = Cut {
            until: until(referral.ns_ttl_s),
            glue_until,
            ns: referral.ns,
            ds: referral.ds,
            is_childs: false,
            is_confirmed: held.is_confirmed && held.until > now,
        };
    }

    /// The parent is asked for a cut once more: not again while that lasts. Whether it is to be.
    pub fn confirm(&mut self, now: SimTime, zone: ZoneId) -> bool {
        let held = self.0.get_mut(zone.index(), NONE);
        held.until <= now || !std::mem::replace(&mut held.is_confirmed, true)
    }

    /// An answer from the zone brought its own NS RRset along, in the authority section.
    pub fn on_child_ns(&mut self, now: SimTime, rules: &Rules, zone: ZoneId, ns: DataId, ttl_s: u32) {
        // A zone whose cut may not be kept is the transaction's own.
        let Some(held) = Some(self.0.get_mut(zone.index(), NONE)).filter(|cut| cut.until > now) else { return };
        let until = rules.until(now, rules.positive_ttl_s(ttl_s));
        let until = match rules.asking.ns {
            NsRule::Parent => return,
            NsRule::Shorter => until.min(held.until),
            NsRule::Child if held.is_childs => return,
            NsRule::Child | NsRule::ChildRenewed => until,
        };
        // The addresses of the servers it names come along, too.
        *held = Cut { until, glue_until: held.glue_until.max(until), ns, is_childs: true, ..*held };
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.0.iter_mut().for_each(|(_, cut)| *cut = NONE);
    }

    /// Forgets one.
    pub fn forget(&mut self, zone: ZoneId) {
        if self.0.get(zone.index()).is_some() {
            *self.0.get_mut(zone.index(), NONE) = NONE;
        }
    }
}
