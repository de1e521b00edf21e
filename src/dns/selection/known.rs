//! What a cache remembers of the servers it has asked.

use crate::dns::fetch::Address;
use crate::dns::paged::Paged;
use crate::engine::random::{EntityKey, below, draw, unit_open};
use crate::engine::time::{SimDuration, SimTime};
use crate::model::dns::AskingRules;
use crate::scenario::tree::{KnownTimeout, RecordType, Selection};

/// What a cache remembers of the servers it asked, by address. Times are in seconds.
#[derive(Debug)]
pub(in super::super) struct Servers(Paged<Known>);

/// One of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// Smoothed round-trip time, or the average that fades.
    pub srtt: f64,
    variance: f64,
    /// Time-out, where that is what is kept (Unbound).
    timeout: f64,
    /// Time-outs in a row.
    pub losses: u16,
    has_answered: bool,
    /// Time-outs in a row of queries for A, for AAAA and for any other type, up to `LOST_MAX` (Unbound).
    lost: [u8; 3],
    /// The second in which it last faded.
    pub faded_s: u32,
    pub dead_until: SimTime,
    /// When something was last learnt of it or, for an average that fades, when it was last looked at; where a time-out is
    /// kept, when it was first asked.
    pub seen: SimTime,
    /// Until when what its parent said of the address, at a last resort, is kept.
    confirmed_until: SimTime,
}

const UNKNOWN: Known = Known {
    srtt: 0.0,
    variance: 0.0,
    timeout: 0.0,
    losses: 0,
    has_answered: false,
    lost: [0; 3],
    faded_s: 0,
    dead_until: SimTime::ZERO,
    seen: SimTime::ZERO,
    confirmed_until: SimTime::ZERO,
};

/// Queries of a type that a server held dead may miss before it is left alone (Unbound: services/cache/infra.c,
/// TIMEOUT_COUNT_MAX).
const LOST_MAX: u8 = 3;

/// A time-out of PowerDNS counts as a second (syncres.cc).
const FADING_LOSS_S: f64 = 1.0;

/// What BIND adds to a server's SRTT for what it has not answered, at most (lib/dns/resolver.c: 2^20 microseconds).
const SRTT_PENALTY_S: f64 = 1.048_576;

impl Servers {
    pub fn new() -> Self {
        Self(Paged::new())
    }

    /// Whether a server is left alone now.
    pub(super) fn holds_dead(&self, now: SimTime, at: Address) -> bool {
        self.0.get(at.index()).is_some_and(|known| known.dead_until > now)
    }

    /// Whether its parent has said this address at a last resort, and that is still kept.
    pub(in super::super) fn is_confirmed(&self, now: SimTime, at: Address) -> bool {
        self.0.get(at.index()).is_some_and(|known| known.confirmed_until > now)
    }

    /// Its parent says this address, for so long.
    pub(in super::super) fn confirm(&mut self, at: Address, until: SimTime) {
        self.0.get_mut(at.index(), UNKNOWN).confirmed_until = until;
    }

    /// How long Unbound expects to wait for a server that it may ask for this type, seconds; `None` for one that it leaves
    /// alone (iter_utils.c, iter_filter_unsuitable; infra.c, infra_get_lame_rtt).
    pub(super) fn expected_s(&self, now: SimTime, rules: &AskingRules, at: Address, kind: RecordType) -> Option<f64> {
        let most_s = rules.max_timeout.as_secs_f64();
        // Where nothing better is, but not beside it.
        let at_last_s = (most_s - 1.0).max(0.0);
        let known = self.0.get(at.index()).unwrap_or(&UNKNOWN);
        if known.is_forgotten(now, rules) {
            return Some(if known.timeout >= most_s { at_last_s } else { rules.first_timeout.as_secs_f64() });
        }
        let is_left = known.is_probed(rules) && known.dead_until > now;
        match (is_left, known.lost[lost_of(kind)] >= LOST_MAX) {
            (true, true) => None,
            (true, false) => Some(at_last_s),
            (false, _) => Some(known.timeout).filter(|timeout_s| *timeout_s < most_s),
        }
    }

    /// What is known of a server, with the preset's idea of one that is new.
    pub(super) fn of(&mut self, now: SimTime, rules: &AskingRules, key: EntityKey, at: Address) -> &mut Known {
        let known = self.0.get_mut(at.index(), UNKNOWN);
        let keeps_timeout = matches!(rules.known_timeout, KnownTimeout::Jacobson(_));
        if known.is_forgotten(now, rules) && (keeps_timeout || known.dead_until <= now) {
            // One that is given up stays so (Unbound: infra_host).
            let is_given_up = keeps_timeout && known.timeout >= rules.max_timeout.as_secs_f64();
            let old = std::mem::replace(known, UNKNOWN);
            known.confirmed_until = old.confirmed_until;
            known.seen = now.max(SimTime::ZERO + SimDuration::TICK);
            match (rules.known_timeout, rules.selection) {
                // Unbound: no SRTT yet, and the variance that gives the first time-out (util/rtt.c).
                (KnownTimeout::Jacobson(_), _) => {
                    known.variance = rules.first_timeout.as_secs_f64() / 4.0;
                    known.timeout = rules.first_timeout.as_secs_f64();
                    if is_given_up {
                        (known.timeout, known.dead_until, known.lost) = (old.timeout, old.dead_until, old.lost);
                    }
                }
                // BIND: 1 to 31 microseconds, so that what is new is tried first (lib/dns/adb.c).
                (_, Selection::LowestSrtt { .. }) => {
                    known.srtt = (1.0 + below(draw(key, at.index() as u64, u64::MAX), 31) as f64) * 1e-6;
                }
                _ => {}
            }
        }
        known
    }
}

impl Known {
    pub fn is_new(&self) -> bool {
        !self.has_answered && self.losses == 0
    }

    fn is_forgotten(&self, now: SimTime, rules: &AskingRules) -> bool {
        self.seen == SimTime::ZERO || now.since(self.seen) > rules.server_memory
    }

    /// The time-out that what it has answered would give it, seconds (Unbound: util/rtt.c, calc_rto).
    fn without_losses_s(&self, rules: &AskingRules) -> f64 {
        let KnownTimeout::Jacobson(least) = rules.known_timeout else { return 0.0 };
        (self.srtt + 4.0 * self.variance).max(least.0.as_secs_f64()).min(rules.max_timeout.as_secs_f64())
    }

    /// Whether it gets one query at a time at this time-out: where that comes of losses, not of a slow server.
    fn is_probed(&self, rules: &AskingRules) -> bool {
        let Some(dead) = &rules.dead else { return false };
        self.timeout >= dead.lasts.as_secs_f64() && 4.0 * self.without_losses_s(rules) <= self.timeout
    }

    /// Time-out before back-off, seconds.
    pub fn timeout_s(&self, rules: &AskingRules) -> f64 {
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

    pub fn on_answer(&mut self, now: SimTime, rules: &AskingRules, kind: RecordType, took_s: f64) {
        let was_known = self.has_answered;
        (self.losses, self.dead_until, self.has_answered) = (0, SimTime::ZERO, true);
        match (rules.known_timeout, rules.selection) {
            (KnownTimeout::Jacobson(_), _) => {
                self.lost[lost_of(kind)] = 0;
                if self.timeout >= rules.max_timeout.as_secs_f64() {
                    (self.srtt, self.variance) = (0.0, rules.first_timeout.as_secs_f64() / 4.0);
                }
                // In whole milliseconds, as Unbound keeps them: what is cut off leaves a margin (util/rtt.c).
                let (srtt, variance) = (self.srtt * 1e3, self.variance * 1e3);
                let delta = (took_s * 1e3).trunc() - srtt;
                self.srtt = (srtt + (delta / 8.0).trunc()) / 1e3;
                self.variance = (variance + ((delta.abs() - variance) / 4.0).trunc()) / 1e3;
                self.timeout = self.without_losses_s(rules);
                return;
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

    /// A query has had no answer.
    pub fn on_loss(&mut self, now: SimTime, rules: &AskingRules, random: u64, lost: Lost) {
        let Lost { kind, waited_s, is_silent, losses } = lost;
        // Queries that are lost together count once (Knot Resolver: lib/selection.c, cache_timeout).
        if matches!(rules.known_timeout, KnownTimeout::Slack(_)) && self.losses != losses {
            return;
        }
        self.losses = self.losses.saturating_add(1);
        match (rules.known_timeout, rules.selection) {
            // What the query waited for is doubled, so that queries that are lost together count once (Unbound: util/rtt.c,
            // rtt_lost).
            (KnownTimeout::Jacobson(_), _) => {
                // What was forgotten while the query was on its way is begun with what that waited for (infra_rtt_update).
                if self.seen == now {
                    self.timeout = self.timeout.max(waited_s);
                }
                let doubled = self.timeout.max(2.0 * waited_s).min(rules.max_timeout.as_secs_f64());
                // One that has answered meanwhile is not blamed.
                self.timeout = if self.timeout < waited_s { self.timeout } else { doubled };
                let lost = &mut self.lost[lost_of(kind)];
                *lost = LOST_MAX.min(*lost + 1);
                return;
            }
            (_, Selection::LowestSrtt { .. }) => {
                // A quarter for a server that has never answered, with EDNS or without (fctx_cancelquery: mask >>= 2).
                let share = if self.has_answered { 1.0 } else { 0.25 };
                self.srtt += share * srtt_penalty_s(self.srtt) * unit_open(random);
            }
            (_, Selection::FadingAverage(_)) => self.fade_in(now, FADING_LOSS_S),
            _ => {}
        }
        if !matches!(rules.selection, Selection::FadingAverage(_)) {
            self.seen = now;
        }
        let Some(dead) = rules.dead.as_ref().filter(|dead| u32::from(self.losses) >= dead.after) else { return };
        if is_silent {
            self.dead_until = now + dead.lasts;
        } else {
            // One that fails is not dead: it is asked each time where there is no other (measured, exp3: Knot Resolver).
            self.losses = u16::try_from(dead.after - 1).unwrap_or(u16::MAX);
        }
    }

    /// A query goes out. One that a server is probed with keeps others away until its time-out has passed, and a second or two
    /// (Unbound: services/cache/infra.c, infra_host).
    pub fn on_send(&mut self, now: SimTime, rules: &AskingRules) {
        if self.is_probed(rules) {
            let begins = SimTime::ZERO + SimDuration::from_secs(now.whole_seconds());
            self.dead_until = begins + SimDuration::from_secs((self.timeout + 1.999) as u64);
        }
    }
}

/// A query that nobody answered: for what, how long it waited, seconds, whether there was silence, and the server's losses in a
/// row when it was sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lost {
    pub kind: RecordType,
    pub waited_s: f64,
    pub is_silent: bool,
    pub losses: u16,
}

/// Where time-outs of a type are counted.
const fn lost_of(kind: RecordType) -> usize {
    match kind {
        RecordType::A => 0,
        RecordType::Aaaa => 1,
        _ => 2,
    }
}

/// The penalty for silence shrinks with what the SRTT is already (lib/dns/resolver.c).
fn srtt_penalty_s(srtt: f64) -> f64 {
    let steps = [0.025, 0.05, 0.1, 0.2, 0.4, 0.8].iter().filter(|&&bound| srtt > bound).count();
    SRTT_PENALTY_S / f64::from(1u32 << steps)
}
