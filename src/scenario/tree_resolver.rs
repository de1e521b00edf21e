//! What resolver software does, as a scenario writes it: presets, and what overrides them by name.

use serde::{Deserialize, Serialize};

use super::tree_dns::RecordType;
use super::units::Duration;

/// Presets of resolver rules, each with what it overrides. `mxsim presets NAME` prints every number with its source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Software {
    /// Exact time, no rounding, no clamps: the resolver of theory.
    Ideal(ResolverRules),
    /// Whole-second clocks as most real resolvers keep them: live while floor(t) < floor(t0) + TTL.
    WholeSecond(ResolverRules),
    /// Unbound 1.25 and later.
    Unbound(ResolverRules),
    /// Unbound 1.17.1, as measured.
    UnboundPre125(ResolverRules),
    /// BIND 9.18.
    Bind(ResolverRules),
    /// BIND 9.21.21 and later: delegations are the parent's.
    BindParentCentric(ResolverRules),
    /// Knot Resolver 5.6.
    KnotResolver(ResolverRules),
    /// PowerDNS Recursor 4.8.
    PowerDnsRecursor(ResolverRules),
    /// dnsmasq 2.90, a forwarder.
    Dnsmasq(ResolverRules),
    /// An ideal resolver that the primaries tell of each change.
    Pushed(ResolverRules),
}

impl Software {
    /// The preset's name and what overrides it.
    pub const fn parts(&self) -> (&'static str, &ResolverRules) {
        match self {
            Self::Ideal(own) => ("Ideal", own),
            Self::WholeSecond(own) => ("WholeSecond", own),
            Self::Unbound(own) => ("Unbound", own),
            Self::UnboundPre125(own) => ("UnboundPre125", own),
            Self::Bind(own) => ("Bind", own),
            Self::BindParentCentric(own) => ("BindParentCentric", own),
            Self::KnotResolver(own) => ("KnotResolver", own),
            Self::PowerDnsRecursor(own) => ("PowerDnsRecursor", own),
            Self::Dnsmasq(own) => ("Dnsmasq", own),
            Self::Pushed(own) => ("Pushed", own),
        }
    }

    /// What overrides the preset, to be changed.
    pub const fn rules_mut(&mut self) -> &mut ResolverRules {
        match self {
            Self::Ideal(own)
            | Self::WholeSecond(own)
            | Self::Unbound(own)
            | Self::UnboundPre125(own)
            | Self::Bind(own)
            | Self::BindParentCentric(own)
            | Self::KnotResolver(own)
            | Self::PowerDnsRecursor(own)
            | Self::Dnsmasq(own)
            | Self::Pushed(own) => own,
        }
    }
}

macro_rules! overridable {
    ($($(#[doc = $doc:literal])+ $field:ident: $kind:ty,)*) => {
        /// Overrides of a resolver preset; what is absent is the preset's. A preset has them all.
        #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct ResolverRules {
            $($(#[doc = $doc])+ pub $field: Option<$kind>,)*
        }

        impl ResolverRules {
            /// All of them, in order.
            pub const FIELDS: &[&str] = &[$(stringify!($field)),*];

            /// What each means, in lines.
            pub const MEANINGS: &[&[&str]] = &[$(&[$($doc),+]),*];

            /// These, and where one is absent that of `base`.
            pub fn or(&self, base: &Self) -> Self {
                Self { $($field: self.$field.clone().or_else(|| base.$field.clone()),)* }
            }
        }
    };
}

overridable! {
    /// When an entry stored at t0 with TTL T ends: `Exact`, at t0 + T; `Before`, live while floor(t) < floor(t0) + T in whole
    /// seconds; `Through`, live while floor(t) <= floor(t0) + T, with TTL 0 in the last second.
    expiry: Expiry,
    /// Shortest time a positive answer is kept. With 0, an answer with TTL 0 is not kept at all.
    min_ttl: Duration,
    /// Longest time a positive answer is kept.
    max_ttl: Duration,
    /// Greatest TTL it hands out, whatever it keeps (dnsmasq's `--max-ttl`); 0 for none.
    max_answer_ttl: Duration,
    /// What it makes of a TTL above 2^31 - 1: `Zero` (RFC 2181 section 8) or `Large`, to be capped (RFC 8767 section 4).
    top_bit_ttl: TopBit,
    /// Which TTL it keeps an RRset by whose records have different ones: the `Least`, handed out for all (RFC 2181 section 5.2),
    /// or that of the `First` record; with `LeastEach` and `FirstEach` each record is handed out with its own.
    unequal_ttls: UnequalTtls,
    /// Whether the asker for whom it was fetched is told the TTL as received, not as kept.
    passes_ttl: bool,
    /// Types that it caches.
    cached_types: Vec<RecordType>,
    /// Which value of the SOA a negative answer lives by: `SoaTtl`, the TTL it came with (which the server should have trimmed,
    /// RFC 2308 section 3), or the `Least` of that and MINIMUM.
    negative_ttl: NegativeTtl,
    /// Shortest time a negative answer is kept.
    min_negative_ttl: Duration,
    /// Longest time a negative answer is kept.
    max_negative_ttl: Duration,
    /// Whether `min_ttl` holds for negative answers, too.
    min_ttl_raises_negatives: bool,
    /// Whether that goes for NODATA answers with TTL 0, or those are not kept.
    zero_nodata_is_raised: bool,
    /// How long a negative answer without SOA is kept.
    no_soa_ttl: Duration,
    /// Whether all negative answers of a zone refer to the one SOA RRset that is cached: they go out with the TTL left of
    /// it, and end with it, unless another answer has brought it anew.
    negatives_share_soa: bool,
    /// Whether a name that does not exist means that nothing below it does, unsigned zones included (RFC 8020).
    nxdomain_cut: bool,
    /// Refresh before the end, at a hit: `Off`, or `Near(left: "2s", share: 0.1, min_ttl: "9s")` when at most `left` and that
    /// share of the TTL together are left of a TTL of at least `min_ttl`.
    prefetch: Prefetch,
    /// When it gives out what has expired (RFC 8767): `Off`; `AtOnce`, while a refresh goes on; `After("1800ms")` of a refresh,
    /// or when that failed; `AfterFailure`.
    serve_stale: ServeStale,
    /// What the time in `After` counts from: the question of `Each` who waits; that of the `First` of those who wait, for all of
    /// them; or the beginning of the `Fetch`, where who waits is given it whenever a query times out from then on, and
    /// `stale_refresh_time` begins only if somebody has waited to the end.
    stale_timer: StaleTimer,
    /// TTL in a stale answer; 0 for what is left of an extension.
    stale_ttl: Duration,
    /// Whether that is at most the TTL that it came with.
    stale_ttl_is_capped: bool,
    /// How long after its end something is given out; 0 for ever.
    max_stale: Duration,
    /// How long it gives out stale data at once after a refresh failed, instead of trying again.
    stale_refresh_time: Duration,
    /// How often it lets an entry live on for its TTL or 30 s, whichever is less (PowerDNS); 0 if `max_stale` counts.
    stale_extensions: u32,
    /// How long a failure is kept (RFC 9520: 1 s to 5 min).
    servfail_ttl: Duration,
    /// Whether that is counted exactly, or from a second on in whole ones as `expiry` counts TTLs.
    servfail_is_exact: bool,
    /// A fetched answer that comes so long after the question is not sent (Unbound's `discard-timeout`); 0 for always. Whoever
    /// asked asks again after 5 s, and gives up after 10 s.
    discard_timeout: Duration,
    /// RRsets that it holds; the least recently used goes first. 0 for no limit.
    cache_size: u32,
    /// Whether those who ask for what is being fetched wait for that fetch.
    coalescing: bool,
    /// Whether primaries tell it of changes: `Off`, or `After("0s")`, so long after each, a message to each cache that holds it.
    push: Push,
    /// How long it waits for each try of a query, over the zone's servers in turn; then SERVFAIL. If there are any, they
    /// stand for everything from `first_timeout` to `dead_for`.
    timeouts: Vec<Duration>,
    /// How long it waits for a server it knows nothing of.
    first_timeout: Duration,
    /// How long it waits for a server that has answered before: `Fixed`, as for an unknown one; `Jacobson("50ms")`, srtt + 4
    /// rttvar but at least this; `Slack("400ms")`, srtt + max(4 rttvar, this); `AtLeastFirst`, as for an unknown one or longer.
    known_timeout: KnownTimeout,
    /// What a time-out does to the next: nothing (`Off`), it doubles for that server (`PerServer`), or when all were tried
    /// (`PerRound`).
    back_off: BackOff,
    /// Rounds over all servers before that with `PerRound`; two less at servers whose addresses the fetch had to find out.
    rounds_before_back_off: u32,
    /// Longest wait for one try.
    max_timeout: Duration,
    /// Time from a question to SERVFAIL when nobody answers; 0 for none.
    total_time: Duration,
    /// Whether that ends a try that is under way.
    total_time_cuts: bool,
    /// Tries at each server in one fetch that fail, several sends at one time-out counting once; 0 for any number.
    tries_per_server: u32,
    /// Whether a fetch whose servers are spent asks the parent for them once more, and then for the address of each (Unbound).
    last_resort: bool,
    /// Tries at one server without another between them; 0 for any number.
    tries_in_a_row: u32,
    /// Sends at one time-out before it counts as a loss.
    sends_per_loss: u32,
    /// How many replies of no use (REFUSED, SERVFAIL, upward referrals) a fetch bears: `PerServer(2)` or `PerFetch(12)`.
    bad_replies: BadReplies,
    /// Whether SERVFAIL from a server counts as a time-out of it.
    servfail_is_loss: bool,
    /// How long a server that failed, refused or turned the query away is not asked the same again; 0 for not at all
    /// (PowerDNS). Fetches that would have asked it count, too: after 3, or 100 where it turned the query away, one asks.
    failing_throttle: Duration,
    /// The same of one that was silent, or until 5 fetches would have asked it.
    silent_throttle: Duration,
    /// Time-outs in a row after which a server is held dead; 0 for never.
    dead_after: u32,
    /// How long it is left alone then; with `Jacobson`, the time-out from which on one query at a time goes to it once three of
    /// that type (A, AAAA, any other) have timed out in a row.
    dead_for: Duration,
    /// How long what is known of a server is remembered; with `Jacobson`, from when it was first asked.
    server_memory: Duration,
    /// Whether a refused datagram (ICMP) counts at once.
    heeds_refusals: bool,
    /// A first try that may take longer than this goes over TCP, whose refusal counts at once; 0 for never.
    tcp_above: Duration,
    /// Which of a zone's servers it asks: `Random` order for each fetch; any whose time-out is within a `Band("400ms")` of the
    /// best; `LowestSrtt(decay: 0.98)`, the others' decaying by that factor a second; `FadingAverage("60s")`, the lowest average,
    /// fading with that time constant; `BestOrAny(0.05)`, the best known and with that probability another; `FirstToAnswer`.
    selection: Selection,
    /// Whose NS RRset it goes by: the `Parent`'s for its TTL; either for the `Shorter` of both; the `Child`'s from when it was
    /// first seen; `ChildRenewed`, begun anew with every answer that brings it.
    ns: NsRule,
    /// Whether a refresh ahead of time (`prefetch`) asks the parent anew instead of the servers that are cached.
    refresh_asks_parent: bool,
    /// Extra queries for the names on the way (RFC 9156): `Off`, `Ns`, `A`, or `AToo`, A for the name itself, too.
    qname_minimisation: QnameMinimisation,
    /// Whether an alias' target is taken from the answer that brought the alias, where the same server holds both, instead of
    /// being asked for.
    takes_alias_targets: bool,
}

/// When an entry stored at t0 with TTL T ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expiry {
    /// At t0 + T exactly.
    Exact,
    /// Whole seconds: live while floor(t) < floor(t0) + T.
    Before,
    /// Whole seconds: live while floor(t) <= floor(t0) + T, with TTL 0 in the last second.
    Through,
}

/// What a TTL with the top bit set means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TopBit {
    /// 0 (RFC 2181 section 8).
    Zero,
    /// A large number, to be capped (RFC 8767 section 4).
    Large,
}

/// By which of several TTLs an RRset is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum UnequalTtls {
    /// The least, which is handed out for all (RFC 2181 section 5.2).
    Least,
    /// The least; each record is handed out with its own.
    LeastEach,
    /// That of the first record, which is handed out for all.
    First,
    /// That of the first record; each is handed out with its own.
    FirstEach,
}

/// Which value of a negative answer's SOA counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NegativeTtl {
    /// The SOA record's TTL as received, which the server should have trimmed (RFC 2308 section 3).
    SoaTtl,
    /// The lesser of that and MINIMUM.
    Least,
}

/// Refresh at a hit near the end: when at most `left` and `share` of the TTL together are left.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Prefetch {
    /// Never.
    Off,
    /// When at most so much is left of a TTL of at least `min_ttl`.
    Near {
        /// Span.
        #[serde(default)]
        left: Duration,
        /// Share of the TTL, added to it.
        #[serde(default)]
        share: f64,
        /// Least TTL for which it is done.
        #[serde(default)]
        min_ttl: Duration,
    },
}

/// When expired data is given out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum ServeStale {
    /// Never.
    Off,
    /// At once; a refresh goes on behind.
    AtOnce,
    /// When a refresh has taken so long, or failed.
    After(Duration),
    /// When a refresh failed.
    AfterFailure,
}

/// What the time counts from after which a refresh is waited for no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StaleTimer {
    /// Each question.
    Each,
    /// That of the first who waits.
    First,
    /// The beginning of the fetch; it is looked at when a query times out.
    Fetch,
}

/// Whether primaries tell a cache of changes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Push {
    /// No: only time ends an entry.
    Off,
    /// Yes: what changed is dropped so long after the change, at the cost of a message to each cache that holds it.
    After(Duration),
}

/// The time-out toward a server that has answered before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum KnownTimeout {
    /// That of an unknown server.
    Fixed,
    /// srtt + 4 rttvar, at least this (Jacobson; gains 1/8 and 1/4).
    Jacobson(Duration),
    /// srtt + max(4 rttvar, this).
    Slack(Duration),
    /// That of an unknown server, or more if its srtt is long.
    AtLeastFirst,
}

/// What a time-out does to the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackOff {
    /// Nothing.
    Off,
    /// It doubles for that server.
    PerServer,
    /// It doubles when all servers were tried.
    PerRound,
}

/// How many replies of no use a fetch bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BadReplies {
    /// From each server.
    PerServer(u32),
    /// From all together.
    PerFetch(u32),
}

/// Which server of a zone is asked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Selection {
    /// Any, in an order drawn for each fetch.
    Random,
    /// Any whose time-out is within this of the best's.
    Band(Duration),
    /// The one with the lowest smoothed round-trip time; the others' decay by this factor per second.
    LowestSrtt {
        /// Factor per second.
        decay: f64,
    },
    /// The one with the lowest average, which fades with this time constant when looked at.
    FadingAverage(Duration),
    /// The best known, and with this probability another; unknown ones first.
    BestOrAny(f64),
    /// The first that answered.
    FirstToAnswer,
}

/// Whose NS RRset a resolver goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NsRule {
    /// The parent's, for the parent's TTL.
    Parent,
    /// Either, for the shorter of both TTLs.
    Shorter,
    /// The child's in place of the parent's, for the child's TTL from when it was first seen.
    Child,
    /// The child's, begun anew with every answer that brings it.
    ChildRenewed,
}

/// Extra queries of QNAME minimisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum QnameMinimisation {
    /// None.
    Off,
    /// NS queries for names on the way.
    Ns,
    /// A queries for names on the way.
    A,
    /// A queries for names on the way and for the name itself, before the question.
    AToo,
}
