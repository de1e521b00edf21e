//! Secondaries: they check the primary's SOA each REFRESH, each RETRY after a failure, and when a NOTIFY tells them to; what
//! is too old after EXPIRE is given out no more (RFC 1034 section 4.3.5, RFC 1996).

use rustc_hash::FxHashMap;
use std::ops::Range;

use super::authority::Copied;
use super::path::{half, one_way_loss, round_trip};
use super::resolver::Dns;
use super::{DnsEvent, ServerState};
use crate::engine::random::{EntityKey, draw, unit_open};
use crate::engine::scheduler::Scheduler;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::dns::SecondaryModel;
use crate::model::{Model, ServerId, ZoneId};

/// All secondaries of all zones.
#[derive(Debug)]
pub(super) struct Transfers {
    states: Vec<Secondary>,
    /// Those of a zone stand together.
    of_zone: FxHashMap<ZoneId, Range<usize>>,
    first_entity: u32,
}

#[derive(Debug)]
struct Secondary {
    key: EntityKey,
    /// What it has: the zone after so many changes, and its serial.
    changes: u32,
    serial: u32,
    /// When it last heard from the primary.
    heard: SimTime,
    /// The next check; a check at another instant was called off.
    next_check: SimTime,
    /// Messages left of the NOTIFY that goes on.
    notifies: u32,
    /// Checks and messages so far: what draws are keyed by.
    count: u64,
    is_active: bool,
}

/// What a draw of a secondary is for.
#[derive(Clone, Copy)]
enum Purpose {
    Phase = 1,
    Jitter,
    Loss,
    RoundTrip,
}

impl Secondary {
    fn draw(&self, purpose: Purpose, place: u8) -> u64 {
        draw(self.key, self.count, (purpose as u64) << 8 | u64::from(place))
    }
}

impl Transfers {
    pub fn new(model: &Model, replication: u32) -> Self {
        let names = &model.dns.names;
        let mut of_zone: FxHashMap<ZoneId, Range<usize>> = FxHashMap::default();
        let mut states = Vec::new();
        for (index, secondary) in model.dns.secondaries.iter().enumerate() {
            let server = names.text(model.dns.servers[secondary.server.index()].name);
            let zone = &model.dns.zones[secondary.zone.index()];
            let name = format!("{server}/{}", names.text(zone.apex));
            of_zone.entry(secondary.zone).or_insert(index..index).end = index + 1;
            states.push(Secondary {
                key: EntityKey::new(model.seed, replication, "secondary", &name, "transfers"),
                changes: 0,
                serial: zone.soa.serial,
                heard: SimTime::ZERO,
                next_check: SimTime::NEVER,
                notifies: 0,
                count: 0,
                is_active: true,
            });
        }
        Self { states, of_zone, first_entity: model.entities().transfers }
    }

    fn of(&self, zone: ZoneId) -> Range<usize> {
        self.of_zone.get(&zone).cloned().unwrap_or(0..0)
    }
}

impl Dns<'_> {
    /// Schedules what happens without being asked for: the first check of each secondary, at a random phase.
    pub fn start<E: Copy + From<DnsEvent>>(&mut self, scheduler: &mut Scheduler<E>) {
        for index in 0..self.transfers.states.len() {
            let refresh = self.secondary(index).refresh.as_secs_f64();
            let phase = unit_open(self.transfers.states[index].draw(Purpose::Phase, 0)) * refresh;
            self.check_at(scheduler, index, SimTime::ZERO + SimDuration::from_secs_f64(phase));
        }
    }

    /// After a change: what secondaries have is old, and they may be told.
    pub fn tell_secondaries<E: Copy + From<DnsEvent>>(&mut self, scheduler: &mut Scheduler<E>) {
        for zone in self.authority.take_changed() {
            for index in self.transfers.of(zone) {
                let server = self.secondary(index).server;
                let state = &mut self.transfers.states[index];
                if !state.is_active {
                    continue;
                }
                if self.authority.copy(zone, server).is_none() {
                    self.authority.set_copy(zone, server, Some(Copied::At(state.changes)));
                }
                if let Some(notify) = self.model.dns.secondaries[index].notify {
                    state.notifies = notify.tries;
                    self.schedule_transfer(scheduler, index, notify.delay, DnsEvent::NotifyDue(index as u32));
                }
            }
        }
    }

    /// A server that is no longer a zone's keeps what it has; one that is again begins with what the primary has.
    pub(super) fn set_secondary(&mut self, zone: ZoneId, server: ServerId, is_active: bool) {
        for index in self.transfers.of(zone) {
            if self.secondary(index).server != server {
                continue;
            }
            let (changes, serial) = self.authority.revision(zone);
            let state = &mut self.transfers.states[index];
            state.is_active = is_active;
            if is_active {
                (state.changes, state.serial) = (changes, serial);
            }
        }
    }

    fn secondary(&self, index: usize) -> &SecondaryModel {
        &self.model.dns.secondaries[index]
    }

    /// The primary's NOTIFY goes out, again if it is lost (RFC 1996 section 3.6).
    pub(super) fn on_notify_due<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        faults: &impl ServerState,
        index: usize,
    ) {
        let model = &self.model.dns.secondaries[index];
        let state = &mut self.transfers.states[index];
        let (Some(notify), true) = (model.notify, state.is_active && state.notifies > 0) else { return };
        state.notifies -= 1;
        state.count += 1;
        let (trip, way) = self.way(index);
        let state = &mut self.transfers.states[index];
        let lost = 1.0 - (1.0 - way) * (1.0 - notify.loss);
        let is_lost = unit_open(state.draw(Purpose::Loss, 1)) < lost;
        if is_lost || !faults.server_is_up(model.server) || !faults.server_is_up(model.primary) {
            if state.notifies > 0 {
                self.schedule_transfer(scheduler, index, notify.retry, DnsEvent::NotifyDue(index as u32));
            }
            return;
        }
        // Acknowledged: as if REFRESH had ended (RFC 1996 section 4.3).
        state.notifies = 0;
        let at = scheduler.now() + half(trip);
        self.check_at(scheduler, index, at);
    }

    /// A secondary asks its primary for the SOA.
    pub(super) fn on_check_due<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        faults: &impl ServerState,
        index: usize,
    ) {
        let now = scheduler.now();
        let model = &self.model.dns.secondaries[index];
        let state = &mut self.transfers.states[index];
        if state.next_check != now || !state.is_active {
            return;
        }
        state.count += 1;
        let (trip, way) = self.way(index);
        let state = &self.transfers.states[index];
        let lost = 1.0 - (1.0 - way) * (1.0 - way);
        let is_lost = lost > 0.0 && unit_open(state.draw(Purpose::Loss, 0)) < lost;
        let reached = !is_lost && faults.server_is_up(model.server) && faults.server_is_up(model.primary);
        let span = if reached { model.refresh } else { model.retry };
        let share = model.jitter + (1.0 - model.jitter) * unit_open(state.draw(Purpose::Jitter, 0));
        let span = SimDuration::from_secs_f64(span.as_secs_f64() * share).max(SimDuration::TICK);
        if !reached {
            return self.on_check_failed(scheduler, index, now + span);
        }
        self.transfers.states[index].heard = now;
        self.check_at(scheduler, index, now + span);
        let (_, serial) = self.authority.revision(model.zone);
        let state = &self.transfers.states[index];
        if is_newer(serial, state.serial) || self.authority.copy(model.zone, model.server) == Some(Copied::Expired) {
            // One round trip for the SOA, two for the transfer over TCP.
            self.schedule_transfer(scheduler, index, trip.saturating_mul(3), DnsEvent::Transferred(index as u32));
        }
    }

    fn on_check_failed<E: Copy + From<DnsEvent>>(&mut self, scheduler: &mut Scheduler<E>, index: usize, next: SimTime) {
        let model = &self.model.dns.secondaries[index];
        let expires = self.transfers.states[index].heard + model.expire;
        if expires <= scheduler.now() {
            self.authority.set_copy(model.zone, model.server, Some(Copied::Expired));
            self.check_at(scheduler, index, next);
        } else {
            self.check_at(scheduler, index, next.min(expires));
        }
    }

    /// A secondary has the zone as the primary has it now.
    pub(super) fn on_transferred(&mut self, index: usize) {
        let model = &self.model.dns.secondaries[index];
        let state = &mut self.transfers.states[index];
        if state.is_active {
            (state.changes, state.serial) = self.authority.revision(model.zone);
            self.authority.set_copy(model.zone, model.server, None);
        }
    }

    fn check_at<E: Copy + From<DnsEvent>>(&mut self, scheduler: &mut Scheduler<E>, index: usize, at: SimTime) {
        self.transfers.states[index].next_check = at;
        let after = at.since(scheduler.now());
        self.schedule_transfer(scheduler, index, after, DnsEvent::CheckDue(index as u32));
    }

    fn schedule_transfer<E: Copy + From<DnsEvent>>(
        &self,
        scheduler: &mut Scheduler<E>,
        index: usize,
        after: SimDuration,
        event: DnsEvent,
    ) {
        let at = scheduler.now() + after;
        if at < SimTime::NEVER {
            scheduler.schedule(self.transfers.first_entity + index as u32, at, event.into());
        }
    }

    /// A round trip between a secondary and its primary, and the loss one way.
    fn way(&self, index: usize) -> (SimDuration, f64) {
        let model = self.secondary(index);
        let (from, to) =
            (&self.model.dns.servers[model.server.index()], &self.model.dns.servers[model.primary.index()]);
        let state = &self.transfers.states[index];
        let trip = round_trip(self.network, from.region, to.region, |link| state.draw(Purpose::RoundTrip, link));
        (trip, one_way_loss(self.network, from.region, to.region))
    }
}

/// Whether a serial is greater than another, modulo 2^32 (RFC 1982 section 3.2).
const fn is_newer(serial: u32, than: u32) -> bool {
    serial != than && serial.wrapping_sub(than) < 1 << 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_23_serials_are_compared_modulo_2_to_the_32() {
        assert!(is_newer(2, 1) && !is_newer(1, 2) && !is_newer(7, 7));
        assert!(is_newer(0, u32::MAX) && is_newer(5, u32::MAX - 5) && !is_newer(u32::MAX, 0));
        assert!(is_newer((1 << 31) - 1, 0) && !is_newer((1 << 31) + 1, 0));
    }
}
