//! A destination's place in the active queue: how many deliveries to it may run at once, and whether it is dead.
//!
//! Postfix's `src/qmgr/qmgr_queue.c`, `qmgr_feedback.c`, `qmgr_entry.c`; a system with a fixed limit is the same without
//! feedback.

use std::collections::{BTreeSet, VecDeque};

use rustc_hash::FxHashMap;

use super::mta_relay::KnownHosts;
use super::ready_queue::Plan;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::mail::DestinationRules;
use crate::model::{DataId, NameId, NodeId};
use crate::scenario::tree::Feedback;

/// Where a message goes next, as a queue knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum NextHop {
    /// A domain, or a relay.
    Name(NameId),
    /// A site: whatever has the exchanges of this MX RRset (`mail::ready_queue`).
    Site(DataId),
}

/// What a delivery does with kept sessions, decided when it starts (`DEL_REQ_FLAG_CONN_LOAD` and `_STORE`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sessions {
    /// Goes through one that was kept.
    pub loads: bool,
    /// Leaves its own to those that follow.
    pub stores: bool,
}

/// One destination of one node, in memory while something is there for it, or while it is dead.
#[derive(Debug, Clone)]
pub(super) struct Destination {
    pub node: NodeId,
    pub to: NextHop,
    /// Deliveries that may run at once; none while it is dead.
    pub window: u32,
    /// Deliveries that run.
    pub busy: u32,
    /// Waiting for their turn, with the place in the active queue of each.
    pub todo: VecDeque<(u64, u32)>,
    success: f64,
    failure: f64,
    cohorts: f64,
    /// Until when it rests, while it is dead or suspended.
    pub rests_until: SimTime,
    /// Whether it is left alone for a while after a delivery (`qmgr_queue_suspend`).
    pub is_suspended: bool,
    /// Whole second of the last completed delivery.
    last_done: Option<u64>,
    /// What the deliveries that start now do with kept sessions.
    pub sessions: Sessions,
    /// When a connection to it was last begun.
    pub last_connection: Option<SimTime>,
    /// Deliveries in a row that reached no host, where that is counted (`mail::ready_queue`).
    pub in_a_row: u32,
    /// Connections of deliveries, and how many of them have no session yet, where that is counted (`mail::mta_relay`).
    pub in_session: u32,
    pub connecting: u32,
    /// Its hosts when they were last looked up.
    pub hosts: KnownHosts,
    /// The way that all its messages go, where that is found before they come to it.
    pub plan: Option<Plan>,
}

impl Destination {
    fn new(node: NodeId, to: NextHop, rules: &DestinationRules) -> Self {
        Self {
            node,
            to,
            window: rules.initial.min(rules.limit).max(1),
            busy: 0,
            todo: VecDeque::new(),
            success: 0.0,
            failure: 0.0,
            cohorts: 0.0,
            rests_until: SimTime::ZERO,
            is_suspended: false,
            last_done: None,
            sessions: Sessions::default(),
            last_connection: None,
            in_a_row: 0,
            in_session: 0,
            connecting: 0,
            hosts: KnownHosts::new(),
            plan: None,
        }
    }

    /// Whether its window is closed.
    pub fn is_dead(&self) -> bool {
        self.window == 0
    }

    /// Whether another delivery may start.
    pub fn may_start(&self) -> bool {
        self.busy < self.window && !self.todo.is_empty() && !self.is_suspended
    }

    /// How many may.
    pub fn startable(&self) -> usize {
        match self.is_suspended {
            true => 0,
            false => self.todo.len().min(self.window.saturating_sub(self.busy) as usize),
        }
    }

    /// Nothing is there for it: its history is lost unless it is dead (`qmgr_entry_done`).
    pub fn is_idle(&self) -> bool {
        self.busy == 0 && self.todo.is_empty()
    }

    /// A delivery is over, and the next may start only after a while: also if it is dead (`qmgr_entry_done`).
    pub fn suspend(&mut self, now: SimTime, rules: &DestinationRules) {
        if self.is_dead() {
            self.revive(rules);
        }
        self.is_suspended = true;
        self.rests_until = SimTime::from_secs(now.whole_seconds()) + rules.rate_delay;
    }

    /// Whether its last delivery failed at the site.
    pub fn has_failed(&self) -> bool {
        self.cohorts > 0.0
    }

    /// Whole second of the last delivery that ended.
    pub fn last_done_s(&self) -> Option<u64> {
        self.last_done
    }

    /// A delivery ended without a failure of the site (`qmgr_queue_unthrottle`).
    pub fn succeeded(&mut self, rules: &DestinationRules) {
        if rules.probes {
            (self.window, self.cohorts) = (rules.limit, 0.0);
            return;
        }
        if self.is_dead() {
            return self.revive(rules);
        }
        self.cohorts = 0.0;
        // With a margin of the initial concurrency above what is in use.
        if self.window >= rules.limit || self.window >= self.busy.saturating_add(rules.initial) {
            return;
        }
        let gain = step(rules.positive, self.window);
        self.success += gain;
        while gain > 0.0 && self.success + gain / 2.0 >= HYSTERESIS {
            self.window += 1;
            self.success -= HYSTERESIS;
            self.failure = 0.0;
        }
        self.window = self.window.min(rules.limit);
    }

    /// A delivery failed at the site (`qmgr_queue_throttle`): `true` if it is dead now.
    pub fn failed(&mut self, now: SimTime, rules: &DestinationRules) -> bool {
        if self.is_dead() {
            return false;
        }
        self.cohorts += 1.0 / f64::from(self.window);
        if rules.failed_cohort_limit > 0.0 && self.cohorts >= rules.failed_cohort_limit {
            self.window = 0;
            self.sessions = Sessions::default();
            // The queue manager's timers count whole seconds (`event_request_timer`).
            self.rests_until = SimTime::from_secs(now.whole_seconds()) + rules.rest;
            return true;
        }
        let loss = step(rules.negative, self.window);
        self.failure -= loss;
        while loss > 0.0 && self.failure - loss / 2.0 < 0.0 {
            self.window = self.window.saturating_sub(1).max(1);
            self.success = 0.0;
            self.failure += HYSTERESIS;
        }
        false
    }

    /// The rest is over: another chance, with as many as are still under way, else as at first.
    pub fn revive(&mut self, rules: &DestinationRules) {
        let anew = if rules.probes && self.in_a_row > 0 { 1 } else { rules.initial.min(rules.limit).max(1) };
        self.window = if self.busy > 0 { self.busy } else { anew };
        (self.success, self.failure, self.cohorts) = (0.0, 0.0, 0.0);
    }

    /// A delivery is about to start: decides what it does with kept sessions. Back-to-back deliveries switch keeping on,
    /// the end of both them and concurrency switches it off; what was kept may be taken all the same
    /// (`qmgr_entry_select`). It goes with the request, so a delivery under way keeps nothing that was not wanted when it began.
    pub fn starts(&mut self, now: SimTime) -> Sessions {
        let back_to_back = self.last_done.is_some_and(|done| done + 1 >= now.whole_seconds());
        self.sessions.stores = back_to_back || self.sessions.stores && self.busy > 1;
        self.sessions.loads |= self.sessions.stores;
        self.sessions
    }

    /// A delivery ended.
    pub fn done(&mut self, now: SimTime) {
        self.busy = self.busy.saturating_sub(1);
        self.last_done = Some(now.whole_seconds());
    }

    /// When the next connection may begin, if connections keep a distance.
    pub fn next_connection(&self, now: SimTime, apart: SimDuration) -> SimTime {
        self.last_connection.map_or(now, |last| now.max(last + apart))
    }
}

/// Windows move by whole deliveries (`qmgr_feedback_init`).
const HYSTERESIS: f64 = 1.0;

fn step(feedback: Feedback, window: u32) -> f64 {
    let window = f64::from(window);
    match feedback {
        Feedback::Constant(x) => x,
        Feedback::Inverse(x) => x / window,
        Feedback::InverseRoot(x) => x / window.sqrt(),
    }
}

/// The destinations of all nodes.
#[derive(Debug, Default)]
pub(super) struct Destinations {
    pub slab: Vec<Destination>,
    free: Vec<u32>,
    by_next_hop: FxHashMap<(NodeId, NextHop), u32>,
}

impl Destinations {
    /// A node's destination there, made if it is not in memory.
    pub fn of(&mut self, node: NodeId, to: NextHop, rules: &DestinationRules) -> u32 {
        *self.by_next_hop.entry((node, to)).or_insert_with(|| {
            let new = Destination::new(node, to, rules);
            match self.free.pop() {
                Some(id) => {
                    self.slab[id as usize] = new;
                    id
                }
                None => {
                    self.slab.push(new);
                    self.slab.len() as u32 - 1
                }
            }
        })
    }

    /// The same, if it is in memory.
    pub fn find(&self, node: NodeId, to: NextHop) -> Option<u32> {
        self.by_next_hop.get(&(node, to)).copied()
    }

    /// A node's queue is flushed: what is dead gets another chance at once (`qmgr.c`, `QMGR_REQ_FLUSH_DEAD`).
    pub fn flush(&mut self, node: NodeId, rules: &DestinationRules) {
        for id in 0..self.slab.len() as u32 {
            let destination = &mut self.slab[id as usize];
            if destination.node == node && destination.is_dead() {
                destination.revive(rules);
                if destination.is_idle() {
                    self.forget(id);
                }
            }
        }
    }

    /// Forgets a destination.
    pub fn forget(&mut self, id: u32) {
        let destination = &self.slab[id as usize];
        self.by_next_hop.remove(&(destination.node, destination.to));
        self.free.push(id);
    }
}

/// Destinations with something to do and room to do it, by the place of their next message in the active queue: first
/// come, first served, except that a full destination lets others by (`qmgr_job.c` without preemption, since each
/// message here is one entry).
pub(super) type Ready = BTreeSet<(u64, u32)>;

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(positive: Feedback, negative: Feedback) -> DestinationRules {
        DestinationRules {
            initial: 5,
            limit: 20,
            positive,
            negative,
            failed_cohort_limit: 1.0,
            rest: SimDuration::from_secs(300),
            rate_delay: SimDuration::ZERO,
            remembers: false,
            probes: false,
        }
    }

    fn destination(rules: &DestinationRules) -> Destination {
        Destination::new(NodeId(0), NextHop::Name(NameId(0)), rules)
    }

    #[test]
    fn three_failures_in_a_row_kill_a_destination() {
        // 1/5 + 1/3 + 1/2 > 1: the first failure costs the window two, since the cycle of hysteresis begins at zero
        // (`qmgr_queue_throttle`). Measured: 3 to 5 probes a cycle, the more the more are under way when the third fails.
        let rules = rules(Feedback::Constant(1.0), Feedback::Constant(1.0));
        let mut destination = destination(&rules);
        let deaths: Vec<bool> = (0..3).map(|_| destination.failed(SimTime::ZERO, &rules)).collect();
        assert_eq!(deaths, [false, false, true]);
        assert_eq!(destination.rests_until, SimTime::from_secs(300));
        destination.revive(&rules);
        assert_eq!(destination.window, 5);
    }

    #[test]
    fn one_success_forgives_all_failures() {
        let rules = rules(Feedback::Constant(1.0), Feedback::Constant(1.0));
        let mut destination = destination(&rules);
        for _ in 0..2 {
            assert!(!destination.failed(SimTime::ZERO, &rules));
        }
        destination.succeeded(&rules);
        assert!(!destination.failed(SimTime::ZERO, &rules));
    }

    #[test]
    fn the_window_grows_as_the_feedback_says() {
        // SCHEDULER_README: with 1 the window doubles in each round of replies, with 1/W it grows by one a round.
        for (positive, rounds) in [(Feedback::Constant(1.0), [10, 20, 20]), (Feedback::Inverse(1.0), [6, 7, 8])] {
            let rules = rules(positive, Feedback::Constant(1.0));
            let mut destination = destination(&rules);
            let windows = rounds.map(|_| {
                for _ in 0..destination.window {
                    destination.busy = destination.window;
                    destination.succeeded(&rules);
                }
                destination.window
            });
            assert_eq!(windows, rounds, "{positive:?}");
        }
    }

    #[test]
    fn feedback_by_the_root_of_the_window_is_between_the_two() {
        // SCHEDULER_README, "concurrency_positive_feedback 1/sqrt(concurrency)": a round of W replies adds about sqrt(W). From
        // 16: 4 more by the end of a round, as each reply adds 1/4 (less once the window has grown within it).
        let rules = rules(Feedback::InverseRoot(1.0), Feedback::Constant(1.0));
        let mut destination = destination(&DestinationRules { initial: 16, ..rules });
        for _ in 0..16 {
            destination.busy = destination.window;
            destination.succeeded(&DestinationRules { initial: 16, ..rules });
        }
        assert!((19..=20).contains(&destination.window), "{}", destination.window);
    }

    #[test]
    fn negative_feedback_takes_one_a_failure_or_one_a_window_of_failures() {
        // No cohort limit, so that nothing is declared dead. The cycle of hysteresis begins at zero, so the very first
        // failure of all takes one more (`qmgr_queue_throttle`). 1: one a failure; 1/W: one for as many failures as the
        // window is wide; 1/sqrt(W): one for each four at 16.
        for (negative, failures, least, most) in [
            (Feedback::Constant(1.0), 4, 11, 12),
            (Feedback::Inverse(1.0), 16, 14, 15),
            (Feedback::InverseRoot(1.0), 16, 11, 12),
        ] {
            let rules =
                DestinationRules { initial: 16, failed_cohort_limit: 0.0, ..rules(Feedback::Constant(1.0), negative) };
            let mut destination = destination(&rules);
            for _ in 0..failures {
                assert!(!destination.failed(SimTime::ZERO, &rules));
            }
            assert!((least..=most).contains(&destination.window), "{negative:?}: {}", destination.window);
        }
        // It never closes the window by itself.
        let rules =
            DestinationRules { failed_cohort_limit: 0.0, ..rules(Feedback::Constant(1.0), Feedback::Constant(1.0)) };
        let mut destination = destination(&rules);
        for _ in 0..50 {
            destination.failed(SimTime::ZERO, &rules);
        }
        assert_eq!(destination.window, 1);
    }

    #[test]
    fn sessions_are_kept_once_deliveries_follow_each_other() {
        let rules = rules(Feedback::Constant(1.0), Feedback::Constant(1.0));
        let mut destination = destination(&rules);
        let sessions = destination.starts(SimTime::from_secs(10));
        assert_eq!(sessions, Sessions { loads: false, stores: false });
        destination.busy = 1;
        destination.done(SimTime::from_secs(10));
        let sessions = destination.starts(SimTime::from_secs(11));
        assert_eq!(sessions, Sessions { loads: true, stores: true });
        destination.done(SimTime::from_secs(11));
        // What is kept is used up.
        let sessions = destination.starts(SimTime::from_secs(13));
        assert_eq!(sessions, Sessions { loads: true, stores: false });
    }
}
