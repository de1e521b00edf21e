//! The part of the tree that is DNS: zones, servers, resolvers, and what asks them.

use serde::{Deserialize, Serialize};

use super::distribution::{DistSpec, DurationDist};
use super::tree::Map;
use super::tree_authority::{Ipv6, Lame, ServerSoftware, SoaRecord, Transfer};
use super::tree_mail::Arrivals;
use super::tree_resolver::{ResolverRules, Software};
use super::units::Duration;

/// Types of resource record that mxsim knows (RFC 1035 section 3.2.2, RFC 3596).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RecordType {
    /// Mail exchanger.
    Mx,
    /// Address.
    A,
    /// IPv6 address.
    Aaaa,
    /// Canonical name.
    Cname,
    /// Name server.
    Ns,
    /// Text.
    Txt,
    /// Start of authority.
    Soa,
}

/// A zone, as its primary holds it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Zone {
    /// How many, with `{i}` in the key.
    pub count: Option<u32>,
    /// Another entry whose fields are defaults here.
    pub like: Option<String>,
    /// An RFC 1035 master file to read its records from; what stands beside it here wins.
    pub zone_file: Option<String>,
    /// TTL of its records, one hour if absent (the commonest MX TTL).
    pub ttl: Option<Duration>,
    /// TTLs by type.
    pub ttls: Ttls,
    /// RRsets whose records differ in TTL, against RFC 2181 section 5.2: owner, type, the TTL of all its records but the first.
    pub unequal_ttls: Vec<(String, RecordType, Duration)>,
    /// The MX RRset of the apex: preference and exchange; `(0, ".")` is a null MX (RFC 7505).
    pub mx: Vec<(u16, String)>,
    /// Address records beside those that hosts bring: owner, and the hosts whose addresses it holds.
    pub addresses: Map<Vec<String>>,
    /// Aliases: owner and target.
    pub cnames: Map<String>,
    /// The SOA in its negative answers.
    pub negative_soa: NegativeSoa,
    /// Text records: owner and texts.
    pub txt: Map<Vec<String>>,
    /// Its MTA-STS policy (RFC 8461).
    pub sts: Option<super::tree::Sts>,
    /// Its name servers, names of `servers`; `ns1.` and the zone's name is made if empty.
    pub ns: Vec<String>,
    /// Those of `ns` that do not hold it.
    pub lame: Vec<String>,
    /// Its SOA.
    pub soa: SoaRecord,
    /// How changes reach its secondaries; if absent, all its servers have them at once.
    pub transfer: Option<Transfer>,
    /// Whether it is signed, with a DS record at the parent.
    pub signed: bool,
}

/// TTLs of one zone by type; what is absent follows `ttl`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ttls {
    /// MX records.
    pub mx: Option<Duration>,
    /// Address records.
    pub a: Option<Duration>,
    /// CNAME records.
    pub cname: Option<Duration>,
    /// Text records.
    pub txt: Option<Duration>,
    /// How long a negative answer is kept: min(SOA TTL, SOA MINIMUM) (RFC 2308 section 3).
    pub negative: Option<Duration>,
    /// TTL of the SOA record itself, `negative` if absent.
    pub soa: Option<Duration>,
    /// The SOA's MINIMUM, `negative` if absent.
    pub minimum: Option<Duration>,
    /// NS records at the parent, two days if absent (RFC 9199).
    pub ns: Option<Duration>,
    /// NS records in the zone itself, those of the parent if absent.
    pub child_ns: Option<Duration>,
    /// Glue at the parent, two days if absent.
    pub glue: Option<Duration>,
}

/// What a zone's servers say of its SOA in a negative answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum NegativeSoa {
    /// The SOA with TTL min(its TTL, MINIMUM) (RFC 2308 section 3).
    #[default]
    Trimmed,
    /// The SOA with its own TTL, against that rule.
    Untrimmed,
    /// None.
    Absent,
}

/// An authoritative name server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// How many, with `{i}` in the key.
    pub count: Option<u32>,
    /// Another entry whose fields are defaults here.
    pub like: Option<String>,
    /// Where it is; the first region if absent.
    pub region: Option<String>,
    /// Time it takes to answer, beside the round trip.
    pub latency: DurationDist,
    /// Share of queries it never answers.
    pub loss: f64,
    /// How it gets and tells changes of zones, and what it puts into answers.
    pub software: ServerSoftware,
    /// What it says of a zone that it does not hold.
    pub lame: Lame,
    /// Its IPv6 address.
    pub ipv6: Ipv6,
    /// Time to failure.
    pub up: Option<DurationDist>,
    /// Time to repair.
    pub down: Option<DurationDist>,
    /// Risks it shares.
    pub risks: Vec<String>,
    /// Outages from a CSV file.
    pub outages: Option<String>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            count: None,
            like: None,
            region: None,
            latency: DurationDist(DistSpec::Constant(1e-3)),
            loss: 0.0,
            software: ServerSoftware::default(),
            lame: Lame::default(),
            ipv6: Ipv6::default(),
            up: None,
            down: None,
            risks: Vec::new(),
            outages: None,
        }
    }
}

/// A resolver: recursive, or a forwarder if it has an upstream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Resolver {
    /// How many, with `{i}` in the key.
    pub count: Option<u32>,
    /// Another entry whose fields are defaults here.
    pub like: Option<String>,
    /// Where it is; the first region if absent.
    pub region: Option<String>,
    /// The rules it caches and asks by.
    pub software: Software,
    /// Independent caches behind the one name.
    pub farm: u32,
    /// How often each of them is chosen, all alike if empty.
    pub weights: Vec<f64>,
    /// Which of them a question falls to.
    pub choice: FarmChoice,
    /// Regions where it stands, each with a farm of its own, in place of `region`: an asker comes to the nearest (anycast).
    pub sites: Vec<String>,
    /// Resolvers that it forwards to instead of walking the tree itself.
    pub upstream: Option<Vec<String>>,
    /// Whether it validates: an answer that the parent's DS record does not fit is a failure (RFC 4035 section 5).
    pub validates: bool,
    /// Whether it asks servers at their IPv6 addresses, where they have one.
    pub ipv6: bool,
    /// Domains that it answers REFUSED for, with all below them (Unbound's `local-zone: NAME refuse`).
    pub refuses: Vec<String>,
}

impl Default for Resolver {
    fn default() -> Self {
        Self {
            count: None,
            like: None,
            region: None,
            software: Software::WholeSecond(ResolverRules::default()),
            farm: 1,
            weights: Vec::new(),
            choice: FarmChoice::Random,
            sites: Vec::new(),
            upstream: None,
            validates: false,
            ipv6: true,
            refuses: Vec::new(),
        }
    }
}

/// Which cache of a farm a question falls to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum FarmChoice {
    /// Any, each time anew.
    #[default]
    Random,
    /// By the name asked for: each name has its cache.
    Hashed,
    /// By the asker: each asker has its cache.
    Sticky,
}

/// What asks a resolver without sending mail, and so fills its caches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// How many, with `{i}` in the key.
    #[serde(default)]
    pub count: Option<u32>,
    /// Another entry whose fields are defaults here.
    #[serde(default)]
    pub like: Option<String>,
    /// Where it is; its resolver's region if absent.
    #[serde(default)]
    pub region: Option<String>,
    /// Whom it asks.
    pub resolver: String,
    /// What it asks: names (or globs of zones) and types; one of them at each arrival.
    pub asks: Vec<(String, RecordType)>,
    /// How the choice among them falls.
    #[serde(default)]
    pub popularity: Popularity,
    /// When it asks.
    pub arrivals: Arrivals,
    /// When it begins; spread over a TTL, it keeps the caches of a population from being in step.
    #[serde(default = "at_once")]
    pub begins: DurationDist,
}

pub(super) fn at_once() -> DurationDist {
    DurationDist(DistSpec::Constant(0.0))
}

/// How often each of several things is chosen.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub enum Popularity {
    /// All alike.
    #[default]
    Uniform,
    /// The k-th in proportion to k^-exponent.
    Zipf(f64),
    /// In proportion to these.
    Weights(Vec<f64>),
}

/// What looks at resolvers on a schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// Another entry whose fields are defaults here.
    #[serde(default)]
    pub like: Option<String>,
    /// Whom it looks at: a name or a glob; every cache of a farm.
    pub resolver: String,
    /// What for.
    pub asks: (String, RecordType),
    /// How often.
    pub every: Duration,
    /// Whether it asks as a client would, or only looks.
    #[serde(default)]
    pub how: ProbeKind,
}

/// Ask fills the cache as `dig` does; Peek changes nothing, so that watching does not alter the curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ProbeKind {
    /// As dig does.
    Ask,
    /// Only looks.
    #[default]
    Peek,
}
