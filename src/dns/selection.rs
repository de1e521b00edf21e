//! Which of a zone's servers is asked next, how long it is waited for, and what is remembered of it.

use super::fetch::{Candidate, Fetch, Purpose};
use super::paged::Paged;
use super::resolver::Dns;
use crate::engine::random::{EntityKey, below, draw, unit_open};
use crate::engine::time::{SimDuration, SimTime};
use crate::model::ServerId;
use crate::model::dns::AskingRules;
use crate::scenario::tree::{BackOff, BadReplies, KnownTimeout, Selection};

/// What a cache remembers of the servers it asked, by server. Times are in seconds.
#[derive(Debug)]
pub(super) struct Servers(Paged<Known>);

/// One of them.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// Smoothed round-trip time, or the average that fades.
    srtt: f64,
    variance: f64,
    /// Time-out, where that is what is kept (Unbound).
    timeout: f64,
    /// Time-outs in a row.
    losses: u16,
    /// How often it was held dead since it last answered.
    deaths: u16,
    has_answered: bool,
    /// The second in which it last faded.
    faded_s: u32,
    dead_until: SimTime,
    /// When something was last learnt of it or, for an average that fades, when it was last looked at.
    seen: SimTime,
}

const UNKNOWN: Known = Known {
    srtt: 0.0,
    variance: 0.0,
    timeout: 0.0,
    losses: 0,
    deaths: 0,
    has_answered: false,
    faded_s: 0,
    dead_until: SimTime::ZERO,
    seen: SimTime::ZERO,
};

/// A time-out of PowerDNS counts as a second (syncres.cc).
const FADING_LOSS_S: f64 = 1.0;

/// What BIND adds to a server's SRTT for what it has not answered, at most (lib/dns/resolver.c: 2^20 microseconds).
const SRTT_PENALTY_S: f64 = 1.048_576;

impl Servers {
    pub fn new() -> Self {
        Self(Paged::new())
    }

    /// What is known of a server, with the preset's idea of one that is new.
    fn of(&mut self, now: SimTime, rules: &AskingRules, key: EntityKey, server: ServerId) -> &mut Known {
        let known = self.0.get_mut(server.index(), UNKNOWN);
        let is_forgotten = known.seen == SimTime::ZERO || now.since(known.seen) > rules.server_memory;
        if is_forgotten && known.dead_until <= now {
            *known = UNKNOWN;
            known.seen = now.max(SimTime::ZERO + SimDuration::TICK);
            match (rules.known_timeout, rules.selection) {
                // Unbound: no SRTT yet, and the variance that gives the first time-out (util/rtt.c).
                (KnownTimeout::Jacobson(_), _) => {
                    known.variance = rules.first_timeout.as_secs_f64() / 4.0;
                    known.timeout = rules.first_timeout.as_secs_f64();
                }
                // BIND: 1 to 31 microseconds, so that what is new is tried first (lib/dns/adb.c).
                (_, Selection::LowestSrtt { .. }) => {
                    known.srtt = (1.0 + below(draw(key, server.index() as u64, u64::MAX), 31) as f64) * 1e-6;
                }
                _ => {}
            }
        }
        known
    }
}

impl Known {
    fn is_new(&self) -> bool {
        !self.has_answered && self.losses == 0
    }

    /// Time-out before back-off, seconds.
    fn timeout_s(&self, rules: &AskingRules) -> f64 {
        let first = rules.first_timeout.as_secs_f64();
        match rules.known_timeout {
            KnownTimeout::Fixed => first,
            KnownTimeout::Jacobson(_) => self.timeout,
            KnownTimeout::Slack(least) if self.has_answered => {
                self.srtt + (4.0 * self.variance).max(least.0.as_secs_f64())
            }
            KnownTimeout::Slack(_) => first,
            // BIND: a fudge of 50, 100 or 200 ms (lib/dns/resolver.c, fctx_setretryinterval).
            KnownTimeout::AtLeastFirst => {
                let fudge = match self.srtt {
                    srtt if srtt < 0.05 => 0.05,
                    srtt if srtt < 0.1 => 0.1,
                    _ => 0.2,
                };
                first.max(self.srtt + fudge)
            }
        }
    }

    fn on_answer(&mut self, now: SimTime, rules: &AskingRules, took_s: f64) {
        let was_known = self.has_answered;
        (self.losses, self.deaths, self.dead_until, self.has_answered) = (0, 0, SimTime::ZERO, true);
        match (rules.known_timeout, rules.selection) {
            (KnownTimeout::Jacobson(least), _) => {
                // In whole milliseconds, as Unbound keeps them: what is cut off leaves a margin (util/rtt.c).
                let (srtt, variance) = (self.srtt * 1e3, self.variance * 1e3);
                let delta = (took_s * 1e3).trunc() - srtt;
                self.srtt = (srtt + (delta / 8.0).trunc()) / 1e3;
                self.variance = (variance + ((delta.abs() - variance) / 4.0).trunc()) / 1e3;
                let timeout = self.srtt + 4.0 * self.variance;
                self.timeout = timeout.max(least.0.as_secs_f64()).min(rules.max_timeout.as_secs_f64());
            }
            (_, Selection::LowestSrtt { .. }) => self.srtt = 0.7 * self.srtt + 0.3 * took_s,
            (_, Selection::FadingAverage(_)) => self.fade_in(now, took_s),
            _ if was_known => {
                let delta = took_s - self.srtt;
                self.srtt += delta / 8.0;
                self.variance += (delta.abs() - self.variance) / 4.0;
            }
            _ => (self.srtt, self.variance) = (took_s, took_s / 2.0),
        }
        if !matches!(rules.selection, Selection::FadingAverage(_)) {
            self.seen = now;
        }
    }

    /// PowerDNS: the new value weighs more the longer ago the last look was (rec-nsspeeds.hh).
    fn fade_in(&mut self, now: SimTime, value_s: f64) {
        let old = libm::exp(-now.since(self.seen).as_secs_f64()) / 2.0;
        self.srtt = if self.srtt == 0.0 { value_s } else { (1.0 - old) * value_s + old * self.srtt };
    }

    fn on_loss(&mut self, now: SimTime, rules: &AskingRules, random: u64) {
        self.losses = self.losses.saturating_add(1);
        match (rules.known_timeout, rules.selection) {
            (KnownTimeout::Jacobson(_), _) => self.timeout = (self.timeout * 2.0).min(rules.max_timeout.as_secs_f64()),
            (_, Selection::LowestSrtt { .. }) => self.srtt += srtt_penalty_s(self.srtt) * unit_open(random),
            (_, Selection::FadingAverage(_)) => self.fade_in(now, FADING_LOSS_S),
            _ => {}
        }
        if !matches!(rules.selection, Selection::FadingAverage(_)) {
            self.seen = now;
        }
        if rules.dead.as_ref().is_some_and(|dead| u32::from(self.losses) >= dead.after) {
            self.hold_dead(now, rules);
        }
    }

    /// Leaves it alone for a while, longer each time where the rules say so.
    fn hold_dead(&mut self, now: SimTime, rules: &AskingRules) {
        let Some(dead) = &rules.dead else { return };
        let doublings = if dead.doubles { self.deaths.min(20) } else { 0 };
        self.deaths = self.deaths.saturating_add(1);
        self.dead_until = now + dead.lasts.saturating_mul(1 << doublings);
    }
}

/// The penalty for silence shrinks with what the SRTT is already (lib/dns/resolver.c).
fn srtt_penalty_s(srtt: f64) -> f64 {
    let steps = [0.025, 0.05, 0.1, 0.2, 0.4, 0.8].iter().filter(|&&bound| srtt > bound).count();
    SRTT_PENALTY_S / f64::from(1u32 << steps)
}

impl Dns<'_> {
    /// Makes a server the fetch's current one and says how long to wait for it; `None` if it is time to give up.
    pub(super) fn choose(&mut self, now: SimTime, fetch: u32) -> Option<SimDuration> {
        let rules = &self.rules(self.fetches[fetch as usize].cache).asking;
        let state = &mut self.fetches[fetch as usize];
        if !rules.timeouts.is_empty() {
            // The simple way: over the servers in turn, a time-out each.
            let wait = rules.timeouts.get(state.tries as usize).copied()?;
            state.current = state.tries as usize % state.servers.len().max(1);
            return (!state.servers.is_empty()).then_some(wait);
        }
        let elapsed = now.since(state.began);
        if rules.total.is_some_and(|total| elapsed >= total) {
            return None;
        }
        let key = self.keys[state.cache.index()];
        let random = |state: &Fetch, purpose| draw(key, state.question.index() as u64, state.place(purpose, 0));
        let known = &mut self.known[state.cache.index()];
        let (next, is_exploring) = pick(now, rules, key, state, known, &random)?;
        if next == state.current {
            state.run += 1;
        } else {
            state.run = 1;
        }
        if rules.tries_in_a_row.is_some_and(|most| state.run > most) {
            return None;
        }
        (state.current, state.is_exploring) = (next, is_exploring);
        let candidate = state.servers[next];
        let server = known.of(now, rules, key, candidate.server);
        if server.dead_until != SimTime::ZERO && server.dead_until <= now {
            // One probe, and no other before the next is due.
            server.hold_dead(now, rules);
        }
        let mut wait_s = server.timeout_s(rules);
        let doublings = match (rules.back_off, rules.known_timeout) {
            // Knot Resolver doubles for each time-out of the server, and for what it asks after another was silent
            // (measured: 0, 0.4, 1.2, 2.0, 2.8, 4.4 s).
            (BackOff::PerServer, KnownTimeout::Slack(_)) => u32::from(server.losses).max(state.tries.min(1)),
            (BackOff::PerRound, _) => u32::from(candidate.tries),
            _ => 0,
        };
        let times = f64::from(1u32 << doublings.min(24));
        // What BIND expects of a server is a bound that does not double.
        wait_s = match rules.known_timeout {
            KnownTimeout::AtLeastFirst => wait_s.max(rules.first_timeout.as_secs_f64() * times),
            _ => wait_s * times,
        };
        let wait_s = if is_exploring { wait_s.min(best_timeout_s(now, rules, key, state, known)) } else { wait_s };
        let wait = SimDuration::from_secs_f64(wait_s).min(rules.max_timeout).max(SimDuration::TICK);
        let left = rules.total.filter(|_| rules.total_cuts).map(|total| total.saturating_sub(elapsed));
        Some(left.map_or(wait, |left| wait.min(left)))
    }

    /// The current server has answered, `took` after it was asked.
    pub(super) fn on_server_answered(&mut self, now: SimTime, fetch: u32) {
        let state = &self.fetches[fetch as usize];
        let rules = &self.rules(state.cache).asking;
        if !rules.timeouts.is_empty() || state.servers.is_empty() {
            return;
        }
        let key = self.keys[state.cache.index()];
        let known = &mut self.known[state.cache.index()];
        let took_s = now.since(state.sent).as_secs_f64();
        known.of(now, rules, key, state.servers[state.current].server).on_answer(now, rules, took_s);
        if let Selection::LowestSrtt { decay } = rules.selection {
            let second = u32::try_from(now.whole_seconds()).unwrap_or(u32::MAX);
            for (index, other) in state.servers.iter().enumerate() {
                let other = known.of(now, rules, key, other.server);
                if index != state.current && other.faded_s != second {
                    (other.srtt, other.faded_s) = (other.srtt * decay, second);
                }
            }
        }
    }

    /// The current server has not answered in time.
    pub(super) fn on_server_silent(&mut self, now: SimTime, fetch: u32) {
        let state = &self.fetches[fetch as usize];
        let rules = &self.rules(state.cache).asking;
        // A short look at a server that was not the best says little of it.
        if !rules.timeouts.is_empty() || state.servers.is_empty() || state.is_exploring {
            return;
        }
        if state.run.is_multiple_of(rules.sends_per_loss.max(1)) {
            let key = self.keys[state.cache.index()];
            let random = draw(key, state.question.index() as u64, state.place(Purpose::Penalty, 0));
            let server = state.servers[state.current].server;
            self.known[state.cache.index()].of(now, rules, key, server).on_loss(now, rules, random);
        }
    }
}

/// The index of the server to ask, and whether that is only to see how it does.
fn pick(
    now: SimTime,
    rules: &AskingRules,
    key: EntityKey,
    state: &Fetch,
    known: &mut Servers,
    random: &impl Fn(&Fetch, Purpose) -> u64,
) -> Option<(usize, bool)> {
    let is_usable = |candidate: &Candidate| {
        let bears = match rules.bad_replies {
            BadReplies::PerServer(most) => u32::from(candidate.bad) < most,
            BadReplies::PerFetch(most) => state.bad < most,
        };
        let has_tries = rules.tries_per_server.is_none_or(|most| u32::from(candidate.tries) < most);
        bears && has_tries && !candidate.is_unreachable
    };
    let mut usable: Vec<usize> = (0..state.servers.len()).filter(|&index| is_usable(&state.servers[index])).collect();
    if let BadReplies::PerFetch(_) = rules.bad_replies {
        // Knot Resolver turns to the others first (measured: one that refuses is asked once a question).
        let least = usable.iter().map(|&index| state.servers[index].bad).min().unwrap_or(0);
        usable.retain(|&index| state.servers[index].bad == least);
    }
    if rules.dead.is_some() {
        let is_dead = |index: &usize| known_dead(now, known, state.servers[*index].server);
        let all_dead = usable.iter().all(is_dead);
        // Whoever begins with nobody alive gives up at once; who is under way goes on.
        if all_dead && state.tries == 0 {
            return None;
        }
        if !all_dead {
            usable.retain(|index| !is_dead(index));
        }
    }
    let first = *usable.first()?;
    // A second send at the same time-out.
    if !state.run.is_multiple_of(rules.sends_per_loss.max(1)) && usable.contains(&state.current) {
        return Some((state.current, state.is_exploring));
    }
    let of = |known: &mut Servers, index: usize| *known.of(now, rules, key, state.servers[index].server);
    let least = |known: &mut Servers, usable: &[usize], measure: &dyn Fn(&Known, &Candidate) -> f64| {
        let mut best = (first, f64::INFINITY);
        for &index in usable {
            let value = measure(&of(known, index), &state.servers[index]);
            if value < best.1 {
                best = (index, value);
            }
        }
        best
    };
    // Servers asked less often in this fetch come first.
    let round = usable.iter().map(|&index| state.servers[index].tries).min().unwrap_or(0);
    let in_turn: Vec<usize> = usable.iter().copied().filter(|&index| state.servers[index].tries == round).collect();
    let any = |of: &[usize], purpose| of[below(random(state, purpose), of.len() as u64) as usize];
    let next = match rules.selection {
        Selection::Random | Selection::FirstToAnswer => in_turn[0],
        Selection::LowestSrtt { .. } => least(known, &in_turn, &|server, _| server.srtt).0,
        Selection::FadingAverage(span) => {
            for candidate in &state.servers {
                let server = known.of(now, rules, key, candidate.server);
                server.srtt *= libm::exp(-(now.since(server.seen).as_secs_f64() / span.0.as_secs_f64()));
                server.seen = now.max(server.seen);
            }
            least(known, &in_turn, &|server, _| server.srtt).0
        }
        Selection::Band(width) => {
            let best = least(known, &usable, &|server, _| server.timeout_s(rules)).1;
            let limit = best + width.0.as_secs_f64();
            usable.retain(|&index| of(known, index).timeout_s(rules) <= limit);
            any(&usable, Purpose::Choice)
        }
        Selection::BestOrAny(share) => {
            let new: Vec<usize> = usable.iter().copied().filter(|&index| of(known, index).is_new()).collect();
            if !new.is_empty() {
                any(&new, Purpose::Choice)
            } else if usable.len() > 1 && unit_open(random(state, Purpose::Explore)) < share {
                return Some((any(&usable, Purpose::Choice), true));
            } else {
                let backed_off =
                    |server: &Known, _: &Candidate| server.timeout_s(rules) * f64::from(1u32 << server.losses.min(24));
                let best = least(known, &usable, &backed_off).1;
                let alike: Vec<usize> = usable
                    .iter()
                    .copied()
                    .filter(|&index| backed_off(&of(known, index), &state.servers[index]) <= best)
                    .collect();
                any(&alike, Purpose::Choice)
            }
        }
    };
    Some((next, false))
}

fn known_dead(now: SimTime, known: &Servers, server: ServerId) -> bool {
    known.0.get(server.index()).is_some_and(|server| server.dead_until > now)
}

/// The shortest time-out among a fetch's servers.
fn best_timeout_s(now: SimTime, rules: &AskingRules, key: EntityKey, state: &Fetch, known: &mut Servers) -> f64 {
    let timeouts = state.servers.iter().map(|candidate| known.of(now, rules, key, candidate.server).timeout_s(rules));
    timeouts.fold(f64::INFINITY, f64::min)
}
