//! A fetch: a question that a cache is finding out, and who waits for it.

use smallvec::SmallVec;

use super::authority::Response;
use super::cache::NO_FETCH;
use super::resolver::{Dns, NONE, failure};
use super::{DnsEvent, DnsObserver, ServerState, Source};
use crate::engine::scheduler::Scheduler;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::dns::{KeyId, Question};
use crate::model::{CacheId, DataId, ServerId, ZoneId};
use crate::scenario::tree::RecordType;

/// Fetches that may wait for each other's server addresses, one inside the other.
const DEPTH_MAX: u8 = 6;

/// Queries of one fetch; a walk that needs more has gone astray.
pub(super) const QUERIES_MAX: u32 = 64;

/// A question being fetched by one cache.
#[derive(Debug, Clone)]
pub(super) struct Fetch {
    pub cache: CacheId,
    pub question: Question,
    /// First of those who wait, in the order in which they came.
    pub first: u32,
    pub last: u32,
    /// The zone whose servers are asked now.
    pub zone: ZoneId,
    /// Its NS RRset.
    pub ns: DataId,
    /// What its parent's DS stands for.
    pub ds: KeyId,
    /// Whether servers named inside it are known by glue.
    pub has_glue: bool,
    /// Whether it has come to its zone by a referral, and had to find out the servers' addresses.
    pub is_referred: bool,
    /// Minimised queries to come before the question.
    pub minimised: u8,
    /// Its servers, in an order drawn for this fetch.
    pub servers: SmallVec<[Candidate; 4]>,
    /// The one that is asked now, and how often in a row.
    pub current: usize,
    pub run: u32,
    /// Sends to it at this time-out.
    pub sends: u32,
    /// Its losses in a row when it was last sent to.
    pub losses: u16,
    /// Whether it is asked only to see how it does.
    pub is_exploring: bool,
    /// Failed tries (see `Fetch::is_once_more`) and bad replies at this zone so far, and queries in all.
    pub tries: u32,
    pub bad: u32,
    pub queries: u32,
    pub depth: u8,
    /// Which fetch of this question by this cache it is.
    count: u32,
    pub began: SimTime,
    /// How long it waits at this try.
    pub wait: SimDuration,
    /// A forwarder's question to its upstream that it waits for, 0 if none, and until when.
    pub serial: u32,
    pub deadline: SimTime,
    /// Upstreams that could not find out.
    pub failures: u32,
    pub sent: SimTime,
    pub round_trip: SimDuration,
    /// The zone of which it has asked the parent anew when all servers were spent.
    pub confirmed: Option<ZoneId>,
    /// Servers whose addresses it has asked for after all were spent, the answers that it waits for, and those that fetches
    /// on its behalf have asked for, too.
    pub resorted: u32,
    pub awaited: u32,
    pub resorts: u32,
    /// Whether this try goes over TCP.
    pub is_tcp: bool,
    /// Whether nothing will come back from this try.
    pub is_unanswered: bool,
    /// What is on its way back.
    pub response: Option<Response>,
    /// An address that this fetch has just asked for and got, cached or not.
    pub reachable: Option<Address>,
}

/// One of a server's addresses: what is learnt of it is kept by address, so that a dead IPv6 stands beside a live IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Address {
    pub server: ServerId,
    pub is_v6: bool,
}

impl Address {
    /// A dense number.
    pub const fn index(self) -> usize {
        self.server.index() * 2 + self.is_v6 as usize
    }

    /// The type of its record.
    pub const fn kind(self) -> RecordType {
        if self.is_v6 { RecordType::Aaaa } else { RecordType::A }
    }
}

/// An address that a fetch may ask, and how it has done in this fetch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub at: Address,
    /// Tries that failed.
    pub tries: u16,
    /// Replies of no use.
    pub bad: u8,
    /// Whether it was not to be found out.
    pub is_unreachable: bool,
}

impl Candidate {
    pub const fn new(server: ServerId, is_v6: bool) -> Self {
        Self { at: Address { server, is_v6 }, tries: 0, bad: 0, is_unreachable: false }
    }
}

/// What a draw of a fetch is for.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Order = 1,
    Loss,
    Latency,
    RoundTrip,
    Upstream,
    Choice,
    Explore,
    Penalty,
}

impl Fetch {
    /// The current try has failed.
    pub(super) fn count_try(&mut self) {
        self.tries += 1;
        self.queries += 1;
        if let Some(candidate) = self.servers.get_mut(self.current) {
            candidate.tries = candidate.tries.saturating_add(1);
        }
    }

    /// The current server is of no use without an address: as if it had timed out at once.
    pub(super) fn without_address(&mut self) {
        self.tries += 1;
        if let Some(candidate) = self.servers.get_mut(self.current) {
            candidate.is_unreachable = true;
        }
    }

    pub(super) fn place(&self, purpose: Purpose, place: u32) -> u64 {
        u64::from(self.count) << 32 | u64::from(self.queries & 0xff) << 24 | (purpose as u64) << 16 | u64::from(place)
    }

    /// A place that is the same for all queries of a fetch.
    pub(super) fn place_of_fetch(&self, purpose: Purpose) -> u64 {
        u64::from(self.count) << 32 | (purpose as u64) << 16
    }
}

impl<'m> Dns<'m> {
    /// The asker in `slot` waits for the fetch of its question that is in flight, or a new one.
    pub(super) fn join_or_fetch<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        slot: u32,
    ) {
        let ask = self.asks[slot as usize];
        let question = Question::new(ask.owner, ask.question.kind());
        self.asks[slot as usize].next = NONE;
        let flight = self.caches[ask.cache.index()].entry_mut(question).flight;
        self.time_stale(scheduler, slot, flight);
        self.time_stub(scheduler, slot);
        if flight != NO_FETCH && self.rules(ask.cache).coalesces {
            // An alias at a server's name may lead to what waits for that server.
            if let Some(above) = ask.who.waiting_fetch()
                && ask.aliases > 0
                && self.waits_for(above, question)
            {
                return self.send_answer(scheduler, observer, faults, slot, failure(ask.owner, Source::Failure));
            }
            let ask = &mut self.asks[slot as usize];
            (ask.source, ask.fetch) = (Source::Coalesced, flight);
            let fetch = &mut self.fetches[flight as usize];
            match std::mem::replace(&mut fetch.last, slot) {
                NONE => fetch.first = slot,
                last => self.asks[last as usize].next = slot,
            }
            return;
        }
        // A forwarder's question begins anew at its upstream: only what one cache asks itself is nested.
        let depth = ask.who.waiting_fetch().map_or(0, |above| self.fetches[above as usize].depth + 1);
        self.start_fetch(scheduler, observer, faults, ask.cache, question, slot, depth);
    }

    /// Begins a fetch for the one in `slot`, or for nobody.
    #[allow(clippy::too_many_arguments, reason = "the layers a resolver works with, and a question")]
    pub(super) fn start_fetch<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        cache: CacheId,
        question: Question,
        slot: u32,
        depth: u8,
    ) {
        let entry = self.caches[cache.index()].entry_mut(question);
        entry.fetches += 1;
        let count = entry.fetches;
        let fetch = self.put_fetch(Fetch {
            cache,
            question,
            first: slot,
            last: slot,
            zone: ZoneId(0),
            ns: DataId::ABSENT,
            ds: KeyId::default(),
            has_glue: false,
            is_referred: false,
            minimised: 0,
            servers: SmallVec::new(),
            current: 0,
            run: 0,
            sends: 0,
            losses: 0,
            is_exploring: false,
            tries: 0,
            bad: 0,
            queries: 0,
            failures: 0,
            depth,
            count,
            began: scheduler.now(),
            wait: SimDuration::ZERO,
            serial: 0,
            deadline: SimTime::NEVER,
            sent: scheduler.now(),
            round_trip: SimDuration::ZERO,
            confirmed: None,
            resorted: 0,
            awaited: 0,
            resorts: 0,
            is_tcp: false,
            is_unanswered: false,
            response: None,
            reachable: None,
        });
        self.caches[cache.index()].entry_mut(question).flight = fetch;
        if slot != NONE {
            self.asks[slot as usize].fetch = fetch;
        }
        if depth > DEPTH_MAX {
            return self.finish_failed(scheduler, observer, faults, fetch);
        }
        // A forwarder does not walk.
        if self.resolver_of(cache).upstream.is_empty() {
            let from = self.begins_at(fetch);
            self.enter_zone(scheduler.now(), fetch, from);
        }
        self.send(scheduler, observer, faults, fetch);
    }

    fn put_fetch(&mut self, fetch: Fetch) -> u32 {
        match self.free_fetches.pop() {
            Some(slot) => {
                self.fetches[slot as usize] = fetch;
                slot
            }
            None => {
                self.fetches.push(fetch);
                self.fetches.len() as u32 - 1
            }
        }
    }

    pub(super) fn schedule<E: Copy + From<DnsEvent>>(
        &self,
        scheduler: &mut Scheduler<E>,
        fetch: u32,
        at: SimTime,
        event: DnsEvent,
    ) {
        let entity = self.first_entity + self.fetches[fetch as usize].cache.0;
        scheduler.schedule(entity, at, event.into());
    }
}
