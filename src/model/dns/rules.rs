//! How a resolver caches and asks: numbers only, from a preset and what overrides it.

use crate::engine::time::SimDuration;
use crate::scenario::tree::{
    BackOff, BadReplies, Expiry, KnownTimeout, NegativeTtl, NsRule, QnameMinimisation, RecordType, Selection,
    ServeStale, StaleTimer, TopBit, UnequalTtls,
};

/// How a resolver caches and asks.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// When an entry ends.
    pub expiry: Expiry,
    /// TTLs of positive answers.
    pub ttl: TtlRules,
    /// TTLs of negative answers.
    pub negatives: NegativeRules,
    /// Refresh before the end, if it does.
    pub prefetch: Option<PrefetchRules>,
    /// What it gives out after the end.
    pub stale: StaleRules,
    /// How long a failure is kept; zero for not at all (RFC 9520).
    pub servfail_ttl: SimDuration,
    /// Whether that is counted exactly.
    pub servfail_is_exact: bool,
    /// How late an answer is no longer sent, if there is a limit.
    pub discard_after: Option<SimDuration>,
    /// RRsets it holds at most.
    pub capacity: Option<u32>,
    /// Types that it caches, a bit each by their numbers.
    pub cached_types: u8,
    /// Whether askers wait for a fetch that is on its way.
    pub coalesces: bool,
    /// How long after a change the primaries have told it, if they do.
    pub told_after: Option<SimDuration>,
    /// How it asks.
    pub asking: AskingRules,
}

/// TTLs of positive answers, seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TtlRules {
    /// Shortest it is kept.
    pub min_s: u32,
    /// Longest.
    pub max_s: u32,
    /// Greatest handed out.
    pub max_answer_s: u32,
    /// What a TTL above 2^31 - 1 is.
    pub top_bit: TopBit,
    /// By which of several an RRset is kept.
    pub unequal: UnequalTtls,
    /// Whether the first asker is told the TTL as received.
    pub passes: bool,
}

/// TTLs of negative answers, seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NegativeRules {
    /// Which value of the SOA.
    pub from: NegativeTtl,
    /// Shortest it is kept.
    pub min_s: u32,
    /// Longest.
    pub max_s: u32,
    /// Without SOA.
    pub no_soa_s: u32,
    /// Whether NODATA with TTL 0 is kept for `min_s`.
    pub raises_zero_nodata: bool,
    /// Whether all negative answers of a zone refer to the one SOA RRset that is cached.
    pub shares_soa: bool,
    /// Whether NXDOMAIN covers what is below the name.
    pub cut: bool,
}

/// Refresh at a hit when at most `left + share * TTL` is left of a TTL of at least `min_ttl_s`.
#[derive(Debug, Clone, PartialEq)]
pub struct PrefetchRules {
    /// Span.
    pub left: SimDuration,
    /// Share of the TTL.
    pub share: f64,
    /// Least TTL, seconds.
    pub min_ttl_s: u32,
}

/// Stale answers (RFC 8767).
#[derive(Debug, Clone, PartialEq)]
pub struct StaleRules {
    /// When; the timeline may change it.
    pub serve: ServeStale,
    /// What the time in that counts from.
    pub timer: StaleTimer,
    /// TTL in them, seconds; 0 for what is left of an extension.
    pub ttl_s: u32,
    /// Whether that is at most the TTL it came with.
    pub ttl_is_capped: bool,
    /// How long after its end something is given out.
    pub max: SimDuration,
    /// How long after a failed refresh it is not tried again.
    pub refresh: SimDuration,
    /// Extensions of an entry by its TTL or 30 s, whichever is less; 0 if `max` counts.
    pub extensions: u32,
}

/// How a resolver asks servers (or, as a forwarder, other resolvers).
#[derive(Debug, Clone, PartialEq)]
pub struct AskingRules {
    /// How long it waits at each try, over the servers in turn; if not empty, it stands for the other time-outs.
    pub timeouts: Vec<SimDuration>,
    /// First time-out toward a server it knows nothing of.
    pub first_timeout: SimDuration,
    /// Toward one that has answered before.
    pub known_timeout: KnownTimeout,
    /// What a time-out does to the next.
    pub back_off: BackOff,
    /// Rounds over all servers before that, where it goes by rounds.
    pub rounds_before_back_off: u32,
    /// Longest wait for one try.
    pub max_timeout: SimDuration,
    /// From the question to SERVFAIL, if there is a limit.
    pub total: Option<SimDuration>,
    /// Whether that ends a try that is under way.
    pub total_cuts: bool,
    /// Tries at each server in one fetch that fail.
    pub tries_per_server: Option<u32>,
    /// Whether the parent, and then the servers' addresses, are asked for when the servers are spent.
    pub last_resort: bool,
    /// Tries at one server without another between them.
    pub tries_in_a_row: Option<u32>,
    /// Sends at one time-out before it counts as a loss.
    pub sends_per_loss: u32,
    /// Replies of no use that a fetch bears.
    pub bad_replies: BadReplies,
    /// Whether SERVFAIL counts as a time-out.
    pub servfail_is_loss: bool,
    /// Memory of servers that do not answer, if any.
    pub dead: Option<DeadRules>,
    /// How long what is known of a server is remembered.
    pub server_memory: SimDuration,
    /// Whether a refused datagram counts at once.
    pub heeds_refusals: bool,
    /// For how long a server that has just failed, refused or turned away a query is not asked the same again, and one that was
    /// silent.
    pub failing_throttle: SimDuration,
    pub silent_throttle: SimDuration,
    /// Expected waits beyond this go over TCP.
    pub tcp_above: Option<SimDuration>,
    /// Which server.
    pub selection: Selection,
    /// Whose NS RRset.
    pub ns: NsRule,
    /// Whether a refresh ahead of time asks the parent anew.
    pub refresh_asks_parent: bool,
    /// Extra queries on the way.
    pub qname_minimisation: QnameMinimisation,
    /// Whether an alias' target is taken from the answer that brought the alias.
    pub takes_alias_targets: bool,
}

/// When a server is held dead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadRules {
    /// Time-outs in a row.
    pub after: u32,
    /// How long it is left alone.
    pub lasts: SimDuration,
}

/// From this time-out on Unbound sends once at each, no longer once more with a smaller EDNS size
/// (services/outside_network.c, serviced_udp_callback).
const SENT_ONCE_FROM: SimDuration = SimDuration::from_secs(5);

/// The greatest TTL (RFC 2181 section 8).
pub const TTL_MAX_S: u32 = (1 << 31) - 1;

impl Rules {
    /// A positive TTL, seconds, as this resolver keeps it.
    pub fn positive_ttl_s(&self, ttl_s: u32) -> u32 {
        let ttl_s = if ttl_s > TTL_MAX_S && self.ttl.top_bit == TopBit::Zero { 0 } else { ttl_s };
        ttl_s.min(self.ttl.max_s).max(self.ttl.min_s)
    }

    /// The TTL, seconds, by which this resolver keeps an RRset whose first record and the others have these.
    pub fn rrset_ttl_s(&self, first_s: u32, others_s: u32) -> u32 {
        self.positive_ttl_s(self.ttl.unequal.pick(first_s, others_s))
    }

    /// The TTLs in an answer, seconds, of the first record of an RRset and of the others, which have these at their primary,
    /// where `left_s` is left of the RRset.
    pub fn told_ttls_s(&self, (first_s, others_s): (u32, u32), left_s: u32) -> (u32, u32) {
        let kept_s = match self.ttl.unequal {
            UnequalTtls::Least | UnequalTtls::First => return (left_s, left_s),
            each => each.pick(first_s, others_s),
        };
        let age_s = kept_s.saturating_sub(left_s);
        let clamped = kept_s != self.positive_ttl_s(kept_s);
        let told = |ttl_s: u32| if clamped { left_s } else { ttl_s.saturating_sub(age_s) };
        (told(first_s), told(others_s))
    }

    /// The TTL of a negative answer as this resolver keeps it: the SOA's own TTL and MINIMUM, seconds, or that there was
    /// no SOA.
    pub fn negative_ttl_s(&self, soa: Option<(u32, u32)>) -> u32 {
        let negatives = &self.negatives;
        let ttl_s = match soa {
            None => return negatives.no_soa_s,
            Some((ttl_s, minimum_s)) if negatives.from == NegativeTtl::Least => ttl_s.min(minimum_s),
            Some((ttl_s, _)) => ttl_s,
        };
        ttl_s.max(negatives.min_s).min(negatives.max_s).min(self.ttl.max_s)
    }

    /// Whether answers of a type are cached at all.
    #[inline]
    pub const fn caches(&self, kind: RecordType) -> bool {
        self.cached_types & (1 << kind as u8) != 0
    }
}

impl UnequalTtls {
    /// Which of the TTLs of an RRset's first record and of the others counts.
    pub fn pick(self, first_s: u32, others_s: u32) -> u32 {
        match self {
            Self::Least | Self::LeastEach => first_s.min(others_s),
            Self::First | Self::FirstEach => first_s,
        }
    }
}

impl AskingRules {
    /// How long to wait at the `tries`-th try (from 0) over `targets` upstreams in turn, as many rounds at one time-out as count
    /// for one loss, `elapsed` after the fetch began; `None` when it is time to give up.
    pub fn wait(&self, tries: u32, targets: usize, elapsed: SimDuration) -> Option<SimDuration> {
        if !self.timeouts.is_empty() {
            return self.timeouts.get(tries as usize).copied();
        }
        let targets = u32::try_from(targets.max(1)).unwrap_or(u32::MAX);
        let wait_in = |round: u32| {
            let doublings = if self.back_off == BackOff::Off { 0 } else { round.min(30) };
            self.first_timeout.saturating_mul(1 << doublings).min(self.max_timeout)
        };
        let (mut round, mut left) = (0, tries);
        loop {
            if self.tries_per_server.is_some_and(|most| round >= most) {
                return None;
            }
            let tries_in_round = targets.saturating_mul(self.sends(wait_in(round)));
            if left < tries_in_round {
                break;
            }
            (round, left) = (round + 1, left - tries_in_round);
        }
        let wait = wait_in(round);
        match self.total.map(|total| total.saturating_sub(elapsed)) {
            Some(left) if left.is_zero() => None,
            Some(left) => Some(wait.min(left)),
            None => Some(wait),
        }
    }

    /// Sends at a time-out before it counts as a loss.
    pub fn sends(&self, wait: SimDuration) -> u32 {
        if wait < SENT_ONCE_FROM { self.sends_per_loss.max(1) } else { 1 }
    }
}
