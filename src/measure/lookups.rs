//! Questions and answers, by resolver and by server.

use hdrhistogram::Histogram;

use crate::dns::{Answer, Asker, LookupRecord, Outcome, Source};
use crate::model::dns::{Question, Rdata};
use crate::model::listing::{is_listed, types};
use crate::model::outages::destinations;
use crate::model::{CacheId, Model, ServerId};
use crate::scenario::tree::RecordType;

/// Times of look-ups are kept in microseconds, up to an hour, with two digits.
const TOOK_MAX_US: u64 = 3600 * 1_000_000;

/// Types that questions are counted by: as many as a [`Question`] can tell apart.
pub(super) type ByType = [u64; RecordType::ALL.len()];

/// Answers of one resolver in the window.
#[derive(Debug, Clone, Default)]
pub(super) struct Lookups {
    pub answers: u64,
    pub hits: u64,
    pub negative: u64,
    pub failures: u64,
    pub coalesced: u64,
    pub misses: u64,
    pub servfail: u64,
    pub stale: u64,
    pub took_ns: u128,
    pub longest_ns: u64,
    pub by_type: ByType,
}

/// All counts of DNS.
#[derive(Debug)]
pub(super) struct DnsCounts<'m> {
    model: &'m Model,
    /// By resolver: what nodes, clients and probes asked, and what other resolvers did.
    pub own: Vec<Lookups>,
    pub forwarded: Vec<Lookups>,
    /// By resolver: times that were not zero.
    took: Vec<Option<Box<Histogram<u64>>>>,
    /// By resolver: queries sent to servers or to other resolvers, and those of them for what it is asked itself.
    pub sent: Vec<u64>,
    pub sent_for_askers: Vec<u64>,
    /// By resolver: those of `sent_for_askers` that went to servers.
    pub walked: Vec<u64>,
    /// By resolver: messages that told it of changes.
    pub pushed: Vec<u64>,
    /// By server: queries received.
    pub servers: Vec<ByType>,
    /// Names of servers that nobody asks for but resolvers, to find the servers.
    is_infrastructure: Vec<bool>,
    /// Types to be reported one by one, in the order of their numbers.
    pub types: Vec<RecordType>,
}

impl<'m> DnsCounts<'m> {
    pub fn new(model: &'m Model) -> Self {
        let resolvers = model.dns.resolvers.len();
        Self {
            model,
            own: vec![Lookups::default(); resolvers],
            forwarded: vec![Lookups::default(); resolvers],
            took: vec![None; if is_listed(resolvers) { resolvers } else { 1 }],
            sent: vec![0; resolvers],
            sent_for_askers: vec![0; resolvers],
            walked: vec![0; resolvers],
            pushed: vec![0; resolvers],
            servers: vec![[0; RecordType::ALL.len()]; model.dns.servers.len()],
            is_infrastructure: infrastructure(model),
            types: types(&model.dns),
        }
    }

    /// An answer to a question asked in the window.
    #[inline]
    pub fn on_lookup(&mut self, record: &LookupRecord) {
        let resolver = self.model.dns.caches[record.cache.index()].resolver.index();
        let counts = match record.asker {
            // A cache that looks up a server's address for itself asks nobody.
            Asker::Cache(cache) if cache == record.cache => return,
            Asker::Cache(cache) => {
                let asker = self.model.dns.caches[cache.index()].resolver.index();
                self.sent[asker] += 1;
                self.sent_for_askers[asker] += 1;
                &mut self.forwarded[resolver]
            }
            _ => &mut self.own[resolver],
        };
        let Answer { source, outcome, stale, .. } = record.answer;
        counts.answers += 1;
        counts.by_type[record.question.kind() as usize] += 1;
        counts.stale += u64::from(stale);
        match source {
            Source::Hit | Source::Expired => counts.hits += 1,
            Source::Miss => counts.misses += 1,
            Source::Coalesced => counts.coalesced += 1,
            Source::Negative => counts.negative += 1,
            Source::Failure => counts.failures += 1,
        }
        counts.servfail += u64::from(matches!(outcome, Outcome::ServFail | Outcome::Refused));
        // Most are answered at once: those need no histogram.
        if !record.took.is_zero() {
            counts.took_ns += u128::from(record.took.as_nanos());
            counts.longest_ns = counts.longest_ns.max(record.took.as_nanos());
            if !matches!(record.asker, Asker::Cache(_)) {
                let index = if self.took.len() == 1 { 0 } else { resolver };
                let micros = (record.took.as_nanos() / 1000).max(1);
                self.took[index].get_or_insert_with(times).saturating_record(micros);
            }
        }
    }

    /// Hits of a node in the window.
    #[inline]
    pub fn on_plain_hits(&mut self, cache: CacheId, mx: u64, addresses: u64) {
        let counts = &mut self.own[self.model.dns.caches[cache.index()].resolver.index()];
        counts.answers += mx + addresses;
        counts.hits += mx + addresses;
        counts.by_type[RecordType::Mx as usize] += mx;
        counts.by_type[RecordType::A as usize] += addresses;
    }

    /// A query received by a server in the window.
    pub fn on_query(&mut self, server: ServerId, cache: CacheId, question: Question) {
        self.servers[server.index()][question.kind() as usize] += 1;
        let resolver = self.model.dns.caches[cache.index()].resolver.index();
        self.sent[resolver] += 1;
        let is_own = matches!(question.kind(), RecordType::Ns | RecordType::Soa)
            || self.is_infrastructure[question.name().index()];
        self.sent_for_askers[resolver] += u64::from(!is_own);
        self.walked[resolver] += u64::from(!is_own);
    }

    /// A cache was told of a change in the window.
    pub fn on_push(&mut self, cache: CacheId) {
        self.pushed[self.model.dns.caches[cache.index()].resolver.index()] += 1;
    }

    /// Times of one resolver that were not zero.
    pub fn took_of(&self, resolver: usize) -> Histogram<u64> {
        self.took.get(resolver).and_then(Option::as_deref).map_or_else(|| *times(), Clone::clone)
    }

    /// Times of all that were not zero.
    pub fn took_of_all(&self) -> Histogram<u64> {
        let mut all = times();
        for histogram in self.took.iter().flatten() {
            // All have the same bounds, so that nothing is lost.
            all.add(&**histogram).unwrap_or_else(|why| unreachable!("equal bounds: {why:?}"));
        }
        *all
    }
}

impl Lookups {
    pub fn add(&mut self, other: &Self) {
        let Self {
            answers,
            hits,
            negative,
            failures,
            coalesced,
            misses,
            servfail,
            stale,
            took_ns,
            longest_ns,
            by_type,
        } = other;
        self.answers += answers;
        self.hits += hits;
        self.negative += negative;
        self.failures += failures;
        self.coalesced += coalesced;
        self.misses += misses;
        self.servfail += servfail;
        self.stale += stale;
        self.took_ns += took_ns;
        self.longest_ns = self.longest_ns.max(*longest_ns);
        self.by_type.iter_mut().zip(by_type).for_each(|(all, more)| *all += more);
    }
}

fn times() -> Box<Histogram<u64>> {
    // Bounds and digits are constants within what the crate accepts.
    Box::new(Histogram::new_with_bounds(1, TOOK_MAX_US, 2).unwrap_or_else(|_| unreachable!("constant bounds")))
}

/// Names of servers that no message, client, probe or exchange is about.
fn infrastructure(model: &Model) -> Vec<bool> {
    let mut is_server = vec![false; model.dns.names.len()];
    model.dns.servers.iter().for_each(|server| is_server[server.name.index()] = true);
    let asks = model.dns.clients.iter().flat_map(|client| &client.asks);
    let asked = asks.chain(model.dns.probes.iter().map(|probe| &probe.question)).map(|question| question.name());
    let exchanges = model.dns.data.iter().filter_map(|data| match data {
        Rdata::Mx(list) => Some(list.iter().map(|(_, name)| *name)),
        _ => None,
    });
    for name in asked.chain(exchanges.flatten()).chain(destinations(model)) {
        is_server[name.index()] = false;
    }
    is_server
}
