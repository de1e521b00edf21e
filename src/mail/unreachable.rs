//! ZoneMTA's memory of domains of which no host could be connected to (`lib/sender.js`, `getConnectionWithCache`): what else
//! is for such a domain is deferred for the same error without a connection, which counts as a deferral.

use rustc_hash::FxHashMap;

use super::memory::Remembered;
use super::queue::Left;
use super::retry::Cause;
use super::world::World;
use super::{Mail, MailContext, MailObserver, TryResult};
use crate::engine::time::{SimDuration, SimTime};
use crate::model::NameId;
use crate::scenario::tree::Stage;

/// The domains, and until when each is held to be out of reach.
#[derive(Debug)]
pub(super) struct Unreachable {
    rest: SimDuration,
    /// Only ever looked up by domain.
    until: FxHashMap<NameId, SimTime>,
}

impl Unreachable {
    pub fn new(rest: SimDuration) -> Self {
        Self { rest, until: FxHashMap::default() }
    }

    /// The queue is flushed.
    pub fn flush(&mut self) {
        self.until.clear();
    }
}

impl<'m> Mail<'m> {
    /// Whether a delivery's domain was out of reach a while ago.
    pub(super) fn is_unreachable(&self, now: SimTime, slot: u32) -> bool {
        let delivery = &self.slots[slot as usize];
        let memory = self.nodes[delivery.node.index()].queue.as_ref().and_then(|queue| queue.memory.as_ref());
        let Some(Remembered::Domains(domains)) = memory else { return false };
        domains.until.get(&delivery.domain).is_some_and(|until| now < *until)
    }

    /// Defers a delivery whose domain is out of reach: a suspension, after which it waits as after one more failure.
    pub(super) fn defer_unreachable<E: World, O: MailObserver, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
    ) {
        let delivery = &mut self.slots[slot as usize];
        delivery.attempts = delivery.attempts.saturating_sub(1);
        delivery.work.tally.site = false;
        self.leave(cx, slot, Left::Suspended);
        self.suspend(cx, slot);
    }

    /// An attempt is over: no connection puts its domain out of reach, any that was opened brings it back.
    pub(super) fn notes_reach(&mut self, now: SimTime, slot: u32, left: Left) {
        let delivery = &self.slots[slot as usize];
        let queue = self.nodes[delivery.node.index()].queue.as_mut();
        let Some(Remembered::Domains(domains)) = queue.and_then(|queue| queue.memory.as_mut()) else { return };
        let verdict = delivery.work.verdict;
        let unconnected = verdict.stage == Stage::Connect && verdict.result != TryResult::Accepted;
        match left {
            Left::SiteFailed if unconnected || delivery.work.cause() == Cause::Dns => {
                domains.until.insert(delivery.domain, now + domains.rest);
            }
            Left::SiteFailed | Left::Served => drop(domains.until.remove(&delivery.domain)),
            Left::Suspended => {}
        }
    }
}
