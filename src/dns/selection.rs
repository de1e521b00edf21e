//! Which address of a zone's servers is asked next, and how long it is waited for.

mod known;

use smallvec::SmallVec;

use super::fetch::{Candidate, Fetch, Purpose};
use super::resolver::Dns;
use super::throttle::Throttled;
use crate::engine::random::{EntityKey, below, draw, unit_open};
use crate::engine::time::{SimDuration, SimTime};
use crate::model::dns::AskingRules;
use crate::scenario::tree::{BackOff, BadReplies, KnownTimeout, Selection};
pub(super) use known::Servers;
use known::{Known, Lost};

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
        let query = self.query(fetch);
        let state = &mut self.fetches[fetch as usize];
        let key = self.keys[state.cache.index()];
        let random = |state: &Fetch, purpose| draw(key, state.question.index() as u64, state.place(purpose, 0));
        let known = &mut self.known[state.cache.index()];
        let (next, is_exploring) = loop {
            let (next, is_exploring) = pick(now, rules, key, state, known, &random)?;
            let candidate = &mut state.servers[next];
            if !self.throttles.leaves_out(now, (state.cache, candidate.at, query)) {
                break (next, is_exploring);
            }
            candidate.is_unreachable = true;
        };
        state.sends = if state.is_once_more(rules) { state.sends + 1 } else { 1 };
        state.run = if next == state.current { state.run + 1 } else { 1 };
        if rules.tries_in_a_row.is_some_and(|most| state.run > most) {
            return None;
        }
        (state.current, state.is_exploring) = (next, is_exploring);
        let candidate = state.servers[next];
        let server = known.of(now, rules, key, candidate.at);
        let mut wait_s = server.timeout_s(rules);
        if matches!(rules.known_timeout, KnownTimeout::Jacobson(_)) {
            server.on_send(now, rules);
        }
        let state = &mut self.fetches[fetch as usize];
        state.losses = server.losses;
        let doublings = match (rules.back_off, rules.known_timeout) {
            // Knot Resolver doubles for each time-out of the server, and for what it asks after another was silent
            // (measured: 0, 0.4, 1.2, 2.0, 2.8, 4.4 s).
            (BackOff::PerServer, KnownTimeout::Slack(_)) => u32::from(server.losses).max(state.tries.min(1)),
            (BackOff::PerRound, _) => {
                // BIND looks for its servers' addresses anew whenever one is found, and counts each look as a round
                // (lib/dns/resolver.c, fctx_getaddresses; measured: two more in the first fetch, none in the next).
                let rounds = u32::from(candidate.tries) + 1 + if state.is_referred { 2 } else { 0 };
                rounds.saturating_sub(rules.rounds_before_back_off)
            }
            _ => 0,
        };
        let times = f64::from(1u32 << doublings.min(24));
        // What BIND expects of a server is a bound that does not double.
        wait_s = match rules.known_timeout {
            KnownTimeout::AtLeastFirst => wait_s.max(rules.first_timeout.as_secs_f64() * times),
            _ => wait_s * times,
        };
        let wait_s = if is_exploring { wait_s.min(best_timeout_s(now, rules, key, state, known)) } else { wait_s };
        let wait = SimDuration::from_secs_f64(wait_s);
        // Only a first try: after a connection that was refused, Knot Resolver goes back to UDP (lib/selection.c, force_udp), and
        // a fetch under way lasts at closed ports as long as at silent ones (measured: 10.8 s).
        let is_first = self.fetches[fetch as usize].tries == 0;
        self.fetches[fetch as usize].is_tcp = is_first && rules.tcp_above.is_some_and(|most| wait > most);
        let wait = wait.min(rules.max_timeout).max(SimDuration::TICK);
        let left = rules.total.filter(|_| rules.total_cuts).map(|total| total.saturating_sub(elapsed));
        let wait = left.map_or(wait, |left| wait.min(left));
        Some(self.until_stale(now, fetch).map_or(wait, |left| wait.min(left)))
    }

    /// The current server has answered, `took` after it was asked.
    pub(super) fn on_server_answered(&mut self, now: SimTime, fetch: u32) {
        let state = &self.fetches[fetch as usize];
        let rules = &self.rules(state.cache).asking;
        if !rules.timeouts.is_empty() || state.servers.is_empty() {
            return;
        }
        let (key, kind) = (self.keys[state.cache.index()], self.query(fetch).kind());
        let known = &mut self.known[state.cache.index()];
        let took_s = now.since(state.sent).as_secs_f64();
        known.of(now, rules, key, state.servers[state.current].at).on_answer(now, rules, kind, took_s);
        if let Selection::LowestSrtt { decay } = rules.selection {
            let second = u32::try_from(now.whole_seconds()).unwrap_or(u32::MAX);
            for (index, other) in state.servers.iter().enumerate() {
                let other = known.of(now, rules, key, other.at);
                if index != state.current && other.faded_s != second {
                    (other.srtt, other.faded_s) = (other.srtt * decay, second);
                }
            }
        }
    }

    /// Leaves the query out at the current server for a while, if the rules do.
    pub(super) fn throttle(&mut self, now: SimTime, fetch: u32, why: Throttled) {
        let state = &self.fetches[fetch as usize];
        let Some(candidate) = state.servers.get(state.current) else { return };
        let rules = &self.rules(state.cache).asking;
        let lasts = match why {
            Throttled::Silent => rules.silent_throttle,
            Throttled::Failed | Throttled::Unreachable => rules.failing_throttle,
        };
        self.throttles.begin(now, (state.cache, candidate.at, self.query(fetch)), lasts, why);
    }

    /// The current server has not answered in time, or (not `is_silent`) has failed where that counts as much.
    pub(super) fn on_server_silent(&mut self, now: SimTime, fetch: u32, is_silent: bool) {
        let state = &self.fetches[fetch as usize];
        let rules = &self.rules(state.cache).asking;
        // A short look at a server that was not the best says little of it.
        if !rules.timeouts.is_empty() || state.servers.is_empty() || state.is_exploring {
            return;
        }
        if !state.is_once_more(rules) {
            let key = self.keys[state.cache.index()];
            let (waited_s, losses) = (state.wait.as_secs_f64(), state.losses);
            let lost = Lost { kind: self.query(fetch).kind(), waited_s, is_silent, losses };
            let random = draw(key, state.question.index() as u64, state.place(Purpose::Penalty, 0));
            let server = state.servers[state.current].at;
            self.known[state.cache.index()].of(now, rules, key, server).on_loss(now, rules, random, lost);
        }
    }
}

impl Fetch {
    /// Whether, in silence, the current server is asked once more before that counts as a loss.
    pub(super) fn is_once_more(&self, rules: &AskingRules) -> bool {
        self.sends > 0 && self.sends < rules.sends(self.wait)
    }
}

/// Indices of a fetch's addresses.
type Indices = SmallVec<[usize; 8]>;

/// The addresses that may be asked, in their order; none if the fetch is to be given up.
fn usable(now: SimTime, rules: &AskingRules, state: &Fetch, known: &Servers) -> Indices {
    let is_usable = |candidate: &Candidate| {
        let bears = match rules.bad_replies {
            BadReplies::PerServer(most) => u32::from(candidate.bad) < most,
            BadReplies::PerFetch(most) => state.bad < most,
        };
        let has_tries = rules.tries_per_server.is_none_or(|most| u32::from(candidate.tries) < most);
        bears && has_tries && !candidate.is_unreachable
    };
    let mut usable: Indices = (0..state.servers.len()).filter(|&index| is_usable(&state.servers[index])).collect();
    if let BadReplies::PerFetch(_) = rules.bad_replies {
        // Knot Resolver turns to the others first (measured: one that refuses is asked once a question).
        let least = usable.iter().map(|&index| state.servers[index].bad).min().unwrap_or(0);
        usable.retain(|index| state.servers[*index].bad == least);
    }
    if matches!(rules.known_timeout, KnownTimeout::Jacobson(_)) {
        let kind = state.question.kind();
        usable.retain(|index| known.expected_s(now, rules, state.servers[*index].at, kind).is_some());
    } else if rules.dead.is_some() {
        usable.retain(|index| !known.holds_dead(now, state.servers[*index].at));
    }
    usable
}

/// What is chosen from, and with what.
struct Choice<'c> {
    now: SimTime,
    rules: &'c AskingRules,
    key: EntityKey,
    state: &'c Fetch,
    known: &'c mut Servers,
}

impl Choice<'_> {
    fn of(&mut self, index: usize) -> Known {
        *self.known.of(self.now, self.rules, self.key, self.state.servers[index].at)
    }

    /// How long one that may be asked is expected to take, seconds.
    fn expected_s(&mut self, index: usize) -> f64 {
        let (at, kind) = (self.state.servers[index].at, self.state.question.kind());
        match self.rules.known_timeout {
            KnownTimeout::Jacobson(_) => self.known.expected_s(self.now, self.rules, at, kind).unwrap_or(f64::INFINITY),
            _ => self.of(index).timeout_s(self.rules),
        }
    }

    /// The first of those with the least of something, and how much that is.
    fn least(&mut self, among: &[usize], measure: impl Fn(&Known) -> f64) -> (usize, f64) {
        let mut best = (among[0], f64::INFINITY);
        for &index in among {
            let value = measure(&self.of(index));
            if value < best.1 {
                best = (index, value);
            }
        }
        best
    }

    /// Averages fade with the time since each was seen.
    fn fade(&mut self, span_s: f64) {
        for candidate in &self.state.servers {
            let server = self.known.of(self.now, self.rules, self.key, candidate.at);
            server.srtt *= libm::exp(-(self.now.since(server.seen).as_secs_f64() / span_s));
            server.seen = self.now.max(server.seen);
        }
    }

    /// Those that are new, else now and then any to see how it does, else the best.
    fn best_or_any(
        &mut self,
        usable: &[usize],
        share: f64,
        random: &impl Fn(&Fetch, Purpose) -> u64,
    ) -> (Indices, bool) {
        let new: Indices = usable.iter().copied().filter(|&index| self.of(index).is_new()).collect();
        if !new.is_empty() {
            return (new, false);
        }
        if usable.len() > 1 && unit_open(random(self.state, Purpose::Explore)) < share {
            return (usable.into(), true);
        }
        let rules = self.rules;
        let backed_off = |server: &Known| server.timeout_s(rules) * f64::from(1u32 << server.losses.min(24));
        let best = self.least(usable, backed_off).1;
        (usable.iter().copied().filter(|&index| backed_off(&self.of(index)) <= best).collect(), false)
    }
}

/// The index of the address to ask, and whether that is only to see how it does.
fn pick(
    now: SimTime,
    rules: &AskingRules,
    key: EntityKey,
    state: &Fetch,
    known: &mut Servers,
    random: &impl Fn(&Fetch, Purpose) -> u64,
) -> Option<(usize, bool)> {
    // A second send at the same time-out is no choice.
    if state.is_once_more(rules) {
        return Some((state.current, state.is_exploring));
    }
    let mut usable = usable(now, rules, state, known);
    if usable.is_empty() {
        return None;
    }
    // Servers asked less often in this fetch come first.
    let round = usable.iter().map(|&index| state.servers[index].tries).min().unwrap_or(0);
    let in_turn: Indices = usable.iter().copied().filter(|&index| state.servers[index].tries == round).collect();
    let any = |of: &[usize]| of[below(random(state, Purpose::Choice), of.len() as u64) as usize];
    let mut choice = Choice { now, rules, key, state, known };
    let next = match rules.selection {
        Selection::Random | Selection::FirstToAnswer => in_turn[0],
        Selection::LowestSrtt { .. } => choice.least(&in_turn, |server| server.srtt).0,
        Selection::FadingAverage(span) => {
            choice.fade(span.0.as_secs_f64());
            choice.least(&in_turn, |server| server.srtt).0
        }
        Selection::Band(width) => {
            let expected: SmallVec<[f64; 8]> = usable.iter().map(|&index| choice.expected_s(index)).collect();
            let limit = expected.iter().copied().fold(f64::INFINITY, f64::min) + width.0.as_secs_f64();
            let mut expected = expected.into_iter();
            usable.retain(|_| expected.next().is_some_and(|expected_s| expected_s <= limit));
            any(&usable)
        }
        Selection::BestOrAny(share) => {
            let (those, is_to_see) = choice.best_or_any(&usable, share, random);
            return Some((any(&those), is_to_see));
        }
    };
    Some((next, false))
}

/// The shortest time-out among a fetch's servers.
fn best_timeout_s(now: SimTime, rules: &AskingRules, key: EntityKey, state: &Fetch, known: &mut Servers) -> f64 {
    let timeouts = state.servers.iter().map(|candidate| known.of(now, rules, key, candidate.at).timeout_s(rules));
    timeouts.fold(f64::INFINITY, f64::min)
}
