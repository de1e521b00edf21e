//! Names, zones and servers; resolvers with their rules; what asks them.

mod rules;
mod zone;

pub use rules::*;

use std::collections::HashMap;
use std::sync::Arc;

pub use zone::{DelegationModel, KeyId, NotifyModel, SecondaryModel, ServerModel, SoaModel, ZoneModel};

use super::{CacheId, ClientId, DataId, HostId, NameId, RegionId, ResolverId, ServerId, ZoneId};
use smallvec::SmallVec;

use crate::engine::choice::WeightedChoice;
use crate::engine::dist::Dist;
use crate::engine::random::{EntityKey, draw};
use crate::engine::time::{SimDuration, SimTime};
use crate::scenario::tree::{FarmChoice, ProbeKind, RecordType};

/// All of DNS, as it is at simulated time 0.
#[derive(Debug, Clone, Default)]
pub struct DnsModel {
    /// Every name that can be asked about.
    pub names: Names,
    /// Zones; a parent stands before its children, the root first.
    pub zones: Vec<ZoneModel>,
    /// Authoritative servers.
    pub servers: Vec<ServerModel>,
    /// Rdata by [`DataId`]; the first is that of an absent RRset. Holds what the timeline will bring, too.
    pub data: Vec<Rdata>,
    /// The RRsets present at time 0.
    pub rrsets: Vec<RrsetModel>,
    /// Of RRsets whose records differ in TTL: that of all but the first, seconds.
    pub unequal_ttls: Vec<(Question, u32)>,
    /// Servers that copy a zone from its primary.
    pub secondaries: Vec<SecondaryModel>,
    /// Resolvers.
    pub resolvers: Vec<ResolverModel>,
    /// Caches, those of one resolver together.
    pub caches: Vec<CacheModel>,
    /// What asks without mail.
    pub clients: Vec<ClientModel>,
    /// What looks on a schedule.
    pub probes: Vec<ProbeModel>,
}

/// Interned domain names: lower case, without the final dot; the root is `.`.
#[derive(Clone, Default)]
pub struct Names {
    texts: Vec<Arc<str>>,
    ids: HashMap<Arc<str>, NameId>,
    /// The closest enclosing zone of each name: the zone that is authoritative for it.
    pub zone_of: Vec<ZoneId>,
    /// The name one label up, if interned; its own id at the root.
    pub parent: Vec<NameId>,
}

/// A question: a name and a type, as one dense number `name * 8 + type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Question(u32);

impl Question {
    /// The question for `kind` records of `name`.
    pub const fn new(name: NameId, kind: RecordType) -> Self {
        Self(name.0 << 3 | kind as u32)
    }
    /// The question with that index.
    pub const fn from_index(index: u32) -> Self {
        Self(index)
    }
    /// Its name.
    pub const fn name(self) -> NameId {
        NameId(self.0 >> 3)
    }
    /// Its type.
    pub const fn kind(self) -> RecordType {
        RecordType::ALL[(self.0 & 7) as usize]
    }
    /// As an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Data of an RRset. Short lists stand in place: an attempt reads two or three of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Rdata {
    /// There is none.
    Absent,
    /// Preference and exchange, in zone order. The root as exchange is a null MX (RFC 7505).
    Mx(SmallVec<[(u16, NameId); 2]>),
    /// Hosts whose addresses the name has: one entry an address.
    Address(SmallVec<[HostId; 4]>),
    /// An alias.
    Cname(NameId),
    /// Text.
    Txt(Box<[Box<str>]>),
    /// Name servers, in the order written.
    Ns(SmallVec<[ServerId; 4]>),
    /// The start of a zone of authority: one for all zones, since what differs is no data of an answer's age.
    Soa,
}

/// An RRset at time 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RrsetModel {
    /// Owner and type.
    pub question: Question,
    /// Its data.
    pub data: DataId,
    /// Its TTL, seconds.
    pub ttl_s: u32,
}

/// A resolver: its caches, the rules they share.
#[derive(Debug, Clone)]
pub struct ResolverModel {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub region: RegionId,
    /// How it caches and asks.
    pub rules: Rules,
    /// Its first cache; they are consecutive.
    pub first_cache: CacheId,
    /// How a query falls to one of those at a site.
    pub farm: WeightedChoice,
    /// By what.
    pub choice: FarmChoice,
    /// How many sites it has, each with its own farm.
    pub sites: u32,
    /// What names are hashed with.
    pub hash: EntityKey,
    /// For an asker in each region, the nearest site; empty if there is but one.
    pub nearest: Vec<u32>,
    /// Resolvers it forwards to; empty if it walks the tree itself.
    pub upstream: Vec<ResolverId>,
    /// Whether an answer that the DS at the parent does not fit is a failure.
    pub validates: bool,
    /// Whether it asks servers at their IPv6 addresses, too.
    pub ipv6: bool,
    /// Whether it is a cache inside a sender, which asks it without going anywhere.
    pub is_inside: bool,
    /// Domains that it refuses to answer for, with all below them.
    pub refuses: Vec<NameId>,
}

/// One cache.
#[derive(Debug, Clone, Copy)]
pub struct CacheModel {
    /// Whose.
    pub resolver: ResolverId,
    /// Which of them, from 0: the farm of the first site, then that of the next.
    pub member: u32,
    /// Where it is.
    pub region: RegionId,
}

impl ResolverModel {
    /// How many caches it has.
    pub fn caches(&self) -> u32 {
        self.farm.count() as u32 * self.sites
    }

    /// The cache that a question from a region falls to; `random` is drawn if chance decides.
    #[inline]
    pub fn cache_for(
        &self,
        region: RegionId,
        question: Question,
        asker: EntityKey,
        random: impl FnOnce() -> u64,
    ) -> CacheId {
        let first = self.first_at(region);
        if self.farm.count() == 1 {
            return first;
        }
        let bits = match self.choice {
            FarmChoice::Random => random(),
            FarmChoice::Hashed => draw(self.hash, u64::from(question.name().0), 0),
            FarmChoice::Sticky => draw(asker, u64::from(self.first_cache.0), u64::MAX),
        };
        CacheId(first.0 + self.farm.index(bits) as u32)
    }

    /// The first cache of the site that a region's questions go to.
    #[inline]
    pub fn first_at(&self, region: RegionId) -> CacheId {
        let site = self.nearest.get(region.index()).copied().unwrap_or(0);
        CacheId(self.first_cache.0 + site * self.farm.count() as u32)
    }

    /// The cache that answers every question of a region, if there is only one.
    pub fn only_cache(&self, region: RegionId) -> Option<CacheId> {
        (self.farm.count() == 1).then(|| self.first_at(region))
    }
}

impl DnsModel {
    /// Whether some other resolver forwards to this one.
    pub fn is_forwarded_to(&self, resolver: ResolverId) -> bool {
        self.resolvers.iter().any(|other| other.upstream.contains(&resolver))
    }
}

/// What asks without mail.
#[derive(Debug, Clone)]
pub struct ClientModel {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub region: RegionId,
    /// Whom it asks.
    pub resolver: ResolverId,
    /// What it may ask.
    pub asks: Vec<Question>,
    /// Which of them.
    pub choice: WeightedChoice,
    /// When.
    pub arrivals: ArrivalsModel,
    /// When it begins, seconds.
    pub begins: Dist,
}

/// What looks on a schedule at each of some caches.
#[derive(Debug, Clone)]
pub struct ProbeModel {
    /// What it is called.
    pub name: String,
    /// Whom it looks at.
    pub caches: Vec<CacheId>,
    /// What for.
    pub question: Question,
    /// How often; the first look is at 0.
    pub every: SimDuration,
    /// Ask or peek.
    pub how: ProbeKind,
}

/// When something comes.
#[derive(Debug, Clone)]
pub enum ArrivalsModel {
    /// A Poisson process, per second.
    Poisson { rate: f64 },
    /// One each `every`; at a random phase if there is no offset.
    Periodic { every: SimDuration, offset: Option<SimDuration> },
    /// `count` from `at` on, evenly over `over`.
    Burst { at: SimTime, count: u64, over: SimDuration },
    /// Independent gaps, seconds; the first is counted from 0.
    Renewal { gap: Dist },
    /// A Poisson process whose rate follows the day and the week: see [`DiurnalModel`].
    Diurnal(DiurnalModel),
    /// Rows of a file, in time order.
    Trace(Arc<[TraceRow]>),
}

/// rate(t) = day rate of the weekday / 86400 * shape(hour), shape = f ((1 + cos 2 pi (hour - peak) / 24) / 2)^k with mean 1.
#[derive(Debug, Clone, PartialEq)]
pub struct DiurnalModel {
    /// A day's total, Monday first.
    pub per_day: [f64; 7],
    /// Hour of the peak, local time.
    pub peak_hour: f64,
    /// The peak over the day's average.
    pub peak_factor: f64,
    /// The exponent k that gives it.
    pub exponent: f64,
    /// Seconds from Monday 00:00 to the start of the run, local time.
    pub starts_in_week_s: u64,
}

/// One row of a trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TraceRow {
    /// When.
    pub at: SimTime,
    /// For which domain, where the file says so.
    pub domain: Option<NameId>,
    /// How large, where it says so.
    pub size_bytes: Option<u32>,
    /// How many recipients, where it says so.
    pub recipients: Option<u16>,
}

/// The texts say all; the table that finds them has no order of its own.
impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { texts, ids: _, zone_of, parent } = self;
        f.debug_struct("Names").field("texts", texts).field("zone_of", zone_of).field("parent", parent).finish()
    }
}

impl Names {
    /// The id of a name, interned now if it is new. `zone_of` and `parent` are set by [`Names::settle`].
    pub fn intern(&mut self, text: &str) -> NameId {
        let text = canonical(text);
        if let Some(&id) = self.ids.get(text.as_str()) {
            return id;
        }
        let id = NameId(self.texts.len() as u32);
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        self.ids.insert(text, id);
        id
    }

    /// The id of a name, if it is known.
    pub fn get(&self, text: &str) -> Option<NameId> {
        self.ids.get(canonical(text).as_str()).copied()
    }

    /// The name as text.
    pub fn text(&self, id: NameId) -> &str {
        &self.texts[id.index()]
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Interns every ancestor of every name and finds each name's parent and zone (by apex, longest first).
    pub fn settle(&mut self, zones: &[ZoneModel]) {
        let root = self.intern(".");
        let mut at = 0;
        self.parent.clear();
        while at < self.texts.len() {
            let text = Arc::clone(&self.texts[at]);
            let parent = match text.split_once('.') {
                Some((_, rest)) if !rest.is_empty() => self.intern(rest),
                _ => root,
            };
            self.parent.push(parent);
            at += 1;
        }
        let mut zone_at: HashMap<NameId, ZoneId> = HashMap::new();
        for (index, zone) in zones.iter().enumerate() {
            zone_at.insert(zone.apex, ZoneId(index as u32));
        }
        self.zone_of = (0..self.texts.len() as u32)
            .map(|id| {
                let mut name = NameId(id);
                loop {
                    if let Some(&zone) = zone_at.get(&name) {
                        return zone;
                    }
                    let up = self.parent[name.index()];
                    if up == name {
                        return ZoneId(0);
                    }
                    name = up;
                }
            })
            .collect();
    }
}

/// A name as it is interned: lower case (RFC 1035 section 2.3.3), no final dot.
pub fn canonical(text: &str) -> String {
    let text = text.trim();
    match text.strip_suffix('.') {
        // The root, and an empty last label, which is no name: both stay as they are.
        Some(rest) if rest.is_empty() || rest.ends_with('.') => text.to_ascii_lowercase(),
        rest => rest.unwrap_or(text).to_ascii_lowercase(),
    }
}

impl RecordType {
    /// All types in the order of their numbers within a [`Question`].
    pub const ALL: [Self; 8] = [Self::Mx, Self::A, Self::Aaaa, Self::Cname, Self::Ns, Self::Txt, Self::Soa, Self::Soa];

    /// As zone files write it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Mx => "MX",
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Cname => "CNAME",
            Self::Ns => "NS",
            Self::Txt => "TXT",
            Self::Soa => "SOA",
        }
    }
}

impl DnsModel {
    /// `client:users-1` or the like, for output.
    pub fn client_name(&self, id: ClientId) -> &str {
        &self.clients[id.index()].name
    }

    /// `isp#3` for a member of a farm, `isp` for a single cache.
    pub fn cache_name(&self, id: CacheId) -> String {
        let cache = self.caches[id.index()];
        let resolver = &self.resolvers[cache.resolver.index()];
        if resolver.caches() == 1 { resolver.name.clone() } else { format!("{}#{}", resolver.name, cache.member + 1) }
    }
}
