//! OpenSMTPD's relays (`mta.c`, `mta_session.c`): when another connection to a destination is made, over which of its routes,
//! and what a session does that has nothing to send.

use smallvec::SmallVec;

use super::world::World;
use super::{Address, Candidate, Mail, MailContext, MailEvent, Step};
use crate::engine::time::{SimDuration, SimTime};
use crate::model::NodeId;
use crate::model::mail::RouteLimits;

/// A route: what is known of one address (`mta_route`: a source and a host's `sockaddr`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Route {
    /// Until when it is disabled, and the penalty for the next time.
    pub until: SimTime,
    pub penalty: u32,
    /// When a connection was last begun, and when one last ended.
    pub connected: Option<SimTime>,
    pub closed: Option<SimTime>,
    /// Whether a session has come about since it was made or enabled (no `ROUTE_NEW`).
    pub is_valid: bool,
    /// Connections.
    pub open: u32,
}

/// What a delivery has of its relay's connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Connected {
    #[default]
    No,
    /// One that has no session yet.
    Connecting,
    Session,
}

/// A destination's hosts when they were last looked up.
pub(super) type KnownHosts = SmallVec<[(u16, Address); 4]>;

/// A connector looks again after this when a limit holds it (`DELAY_CHECK_LIMIT`), unless something happens before.
const CHECK_LIMIT: SimDuration = SimDuration::from_secs(5);

/// A relay looks for a source when it has its first task, again after this (`DELAY_CHECK_SOURCE`), and from then on less
/// often (`DELAY_CHECK_SOURCE_SLOW`). Not before does it find that its connector has no route left, and fails its tasks
/// (`mta_drain`, `mta_on_source`). Measured, OpenSMTPD 6.8.0p2, over 280 attempts at hosts that refuse: they failed 0 to 4 s
/// and 10 to 14 s after they were due, and none between.
const CHECK_SOURCE: SimDuration = SimDuration::from_secs(1);
const CHECK_SOURCE_SLOW: SimDuration = SimDuration::from_secs(10);

/// When tasks fail whose last route failed at `now`, and the first was connected to at `first`.
fn fails_at(first: SimTime, now: SimTime) -> SimTime {
    let second = first + CHECK_SOURCE;
    let slow = CHECK_SOURCE_SLOW.as_nanos();
    second + SimDuration::from_nanos(now.since(second).as_nanos().div_ceil(slow) * slow)
}

/// A session without a message looks for one this often (`runq_schedule(hangon, 1, s)`).
const LOOK: SimDuration = SimDuration::from_secs(1);

/// Whether a session that has been idle since then looks for a message at this instant.
pub(super) fn looks(since: SimTime, now: SimTime) -> bool {
    now.since(since).as_nanos().is_multiple_of(LOOK.as_nanos())
}

/// When it does next.
pub(super) fn next_look(since: SimTime, now: SimTime) -> SimTime {
    let gone = now.since(since).as_nanos();
    now + SimDuration::from_nanos(LOOK.as_nanos() - gone % LOOK.as_nanos())
}

impl Route {
    /// When it may be connected to, if no limit holds it.
    pub fn ready_at(&self, limits: &RouteLimits) -> SimTime {
        let after = |last: Option<SimTime>, delay: SimDuration| last.map_or(SimTime::ZERO, |last| last + delay);
        after(self.connected, limits.conndelay_route).max(after(self.closed, limits.discdelay_route))
    }

    fn is_full(&self, limits: &RouteLimits) -> bool {
        self.open >= limits.maxconn_per_route || self.open >= limits.maxconn_per_host || self.open > 0 && !self.is_valid
    }
}

/// Whether one of the hosts may be connected to now (`mta_find_route`): the first preference counts of which not all are
/// disabled. Else when to look again. With nothing but disabled routes an attempt is made, to find that out.
pub(super) fn find_route(
    now: SimTime,
    hosts: &[(u16, Address)],
    limits: &RouteLimits,
    route: impl Fn(Address) -> Route,
) -> Result<(), SimTime> {
    let (mut level, mut wait, mut is_limited) = (None, None::<SimTime>, false);
    for &(preference, host) in hosts {
        if level.is_some_and(|level| preference > level) && (wait.is_some() || is_limited) {
            break;
        }
        level = Some(preference);
        let route = route(host);
        if now < route.until {
            continue;
        }
        let at = route.ready_at(limits);
        match (route.is_full(limits), at > now) {
            (true, _) => is_limited = true,
            (false, true) => wait = Some(wait.map_or(at, |wait| wait.min(at))),
            (false, false) => return Ok(()),
        }
    }
    match (is_limited, wait) {
        (true, _) => Err(now + CHECK_LIMIT),
        (false, Some(at)) => Err(at),
        (false, None) => Ok(()),
    }
}

impl<'m> Mail<'m> {
    /// When an attempt is over that has no route left; `None` where that is at once.
    pub(super) fn is_flushed_at(&self, now: SimTime, slot: u32) -> Option<SimTime> {
        let delivery = &self.slots[slot as usize];
        let queue = self.nodes[delivery.node.index()].queue.as_ref()?;
        let is_to_wait =
            queue.counts_connections() && delivery.work.tried > 0 && matches!(delivery.work.step, Step::Host(_));
        is_to_wait.then(|| fails_at(delivery.first_syn, now))
    }

    /// Another connection to a destination whose sessions are all busy or asleep, or when to think of that again; `None`: not
    /// before something happens (`mta_connect`).
    pub(super) fn connect_at(&self, now: SimTime, id: u32) -> Option<SimTime> {
        let destination = &self.destinations.slab[id as usize];
        let queue = self.nodes[destination.node.index()].queue.as_ref()?;
        let idle = queue.connections.count(destination.to) as u32;
        let connections = destination.in_session + idle;
        let ready = connections - destination.connecting.min(connections);
        let waiting = destination.todo.len() as u32;
        if ready >= waiting || connections > 2 && connections >= waiting / 2 {
            return None;
        }
        let at = destination.next_connection(now, queue.apart);
        if at > now {
            return Some(at);
        }
        if queue.route_limits().is_some_and(|limits| queue.open >= limits.maxconn_per_source) {
            return Some(now + CHECK_LIMIT);
        }
        match queue.memory.as_ref().and_then(|memory| memory.find_route(now, &destination.hosts)) {
            Some(Err(at)) => Some(at),
            _ => Some(now),
        }
    }

    /// Something is to be looked at again at a destination.
    pub(super) fn wake<E: World, O, F>(
        &self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        node: NodeId,
        id: u32,
        at: SimTime,
    ) {
        if at <= self.model.clock.end {
            cx.scheduler.schedule(self.entities.nodes + node.0, at, MailEvent::Wakes(id).into());
        }
    }

    /// A delivery has, or no longer has, one of its relay's connections.
    pub(super) fn set_connected(&mut self, slot: u32, connected: Connected) {
        let delivery = &mut self.slots[slot as usize];
        let before = std::mem::replace(&mut delivery.work.connected, connected);
        if before == connected {
            return;
        }
        let node = delivery.node;
        if let Some(id) = self.destinations.find(node, self.next_hop(slot)) {
            let destination = &mut self.destinations.slab[id as usize];
            destination.in_session += u32::from(connected != Connected::No);
            destination.in_session -= u32::from(before != Connected::No).min(destination.in_session);
            destination.connecting += u32::from(connected == Connected::Connecting);
            destination.connecting -= u32::from(before == Connected::Connecting).min(destination.connecting);
            // What waits may do with another now (`mta_route_ok`, `mta_route_collect`).
            self.list(id);
            self.wants_pump(node);
        }
    }

    /// A connection became a session: its route is valid (`mta_route_ok`).
    #[inline]
    pub(super) fn session_stands(&mut self, slot: u32) {
        let delivery = &self.slots[slot as usize];
        let Some(queue) = &mut self.nodes[delivery.node.index()].queue else { return };
        if !queue.counts_connections() {
            return;
        }
        if let Step::Host(hop) = delivery.work.step
            && let Some(route) = queue.route(delivery.work.candidates[usize::from(hop)].address())
        {
            route.is_valid = true;
        }
        self.set_connected(slot, Connected::Session);
    }

    /// Puts the candidates that are to be tried in the order of `mta_find_route`, and notes them for the next connection.
    pub(super) fn by_connections(&mut self, now: SimTime, slot: u32, first: usize) {
        let delivery = &mut self.slots[slot as usize];
        let Some(queue) = &self.nodes[delivery.node.index()].queue else { return };
        let Some(limits) = queue.route_limits() else { return };
        let key = |candidate: &Candidate| {
            let route = queue.known_route(candidate.address());
            (candidate.preference, route.is_full(&limits) || route.ready_at(&limits) > now, route.open)
        };
        delivery.work.candidates[first..].sort_by_key(key);
        let hosts =
            delivery.work.candidates.iter().map(|candidate| (candidate.preference, candidate.address())).collect();
        let node = delivery.node;
        if let Some(id) = self.destinations.find(node, self.next_hop(slot)) {
            self.destinations.slab[id as usize].hosts = hosts;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: RouteLimits = RouteLimits {
        maxconn_per_host: 10,
        maxconn_per_route: 5,
        maxconn_per_source: 100,
        conndelay_route: SimDuration::from_secs(5),
        discdelay_route: SimDuration::from_secs(3),
    };

    const fn at(second: u64) -> SimTime {
        SimTime::from_secs(second)
    }

    #[test]
    fn a_route_is_found_by_preference_unless_the_better_ones_are_disabled() {
        let hosts = [0, 1, 2].map(|host| (10 * (1 + host as u16 / 2), Address::only(host)));
        let good = Route { is_valid: true, ..Route::default() };
        let with = |routes: [Route; 3]| find_route(at(100), &hosts, &LIMITS, |address| routes[address.host.index()]);
        assert_eq!(with([good; 3]), Ok(()));
        // Connected to two seconds ago: three more (conndelay_route 5). The other of its preference will do.
        let busy = Route { connected: Some(at(98)), ..good };
        assert_eq!(with([busy, good, good]), Ok(()));
        // Both: the backup is not for that.
        let closed = Route { closed: Some(at(99)), ..good };
        assert_eq!(with([busy, closed, good]), Err(at(102)));
        // One connection to a route that has not proved itself is enough, and five to one that has.
        let new = Route { open: 1, is_valid: false, ..good };
        let full = Route { open: 5, ..good };
        assert_eq!(with([new, full, good]), Err(at(105)));
        // Disabled, both: the backup.
        let disabled = Route { until: at(115), ..good };
        assert_eq!(with([disabled, disabled, good]), Ok(()));
        assert_eq!(with([disabled, disabled, busy]), Err(at(103)));
        // All of them: that is for an attempt to find out.
        assert_eq!(with([disabled; 3]), Ok(()));
    }

    #[test]
    fn tasks_without_a_route_fail_when_their_relay_looks_for_a_source() {
        // Refused at once, after the first look, and after 300 s.
        let millis = |ms: u64| SimTime::from_nanos(ms * 1_000_000);
        assert_eq!(fails_at(millis(400_500), millis(400_501)), millis(401_500));
        assert_eq!(fails_at(millis(400_500), millis(401_500)), millis(401_500));
        assert_eq!(fails_at(millis(400_500), millis(401_501)), millis(411_500));
        assert_eq!(fails_at(millis(400_500), millis(700_500)), millis(701_500));
    }

    #[test]
    fn an_idle_session_looks_once_a_second() {
        let since = SimTime::from_nanos(1_250_000_000);
        assert!(looks(since, since) && looks(since, SimTime::from_nanos(4_250_000_000)));
        assert!(!looks(since, SimTime::from_nanos(4_000_000_000)));
        assert_eq!(next_look(since, SimTime::from_nanos(4_000_000_000)), SimTime::from_nanos(4_250_000_000));
        assert_eq!(next_look(since, since), SimTime::from_nanos(2_250_000_000));
    }
}
