//! Routes that need no look-up: where a sender's messages go first and second, for as long as its resolver would say the same.
//!
//! Most look-ups are hits that change nothing. A sender that knows which answers its last route to a domain stood on
//! need not put it together again before the first of them runs out; its observer is told of the hits all the same.

use smallvec::SmallVec;

use super::candidates::{self, Exchanges};
use super::world::World;
use super::{Candidate, Delivery, HostAvailability, Mail, MailContext, MailObserver};
use crate::dns::{Asker, Dns, DnsObserver, ServerState};
use crate::engine::time::{SimDuration, SimTime};
use crate::model::client::{Failing, Then};
use crate::model::dns::{ArrivalsModel, Question, Rdata};
use crate::model::mail::{MailModel, Memory, NodeModel};
use crate::model::{CacheId, DataId, HostId, NameId};
use crate::scenario::tree::{AddressPreference, RecordType, Stage};

/// Most routes that all senders keep: 64 MiB. A list that is longer has its most likely domains first as a rule.
const ROUTES_MAX: usize = 1 << 20;

/// Most addresses of a route that is kept: it fills a cache line with them.
const ADDRESSES_MAX: usize = 3;

/// The first routes of one sender, by the places of their domains in its list.
#[derive(Debug)]
pub(super) struct KnownRoutes {
    pub cache: CacheId,
    routes: Vec<Known>,
    /// Most of them.
    limit: usize,
    /// How long the sender waits for the reply to the end of data.
    pub patience: SimDuration,
    /// Whether what one host refuses goes to the next in the same attempt.
    pub passes_on: bool,
}

/// A route, and how long it is the one: a cache line.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Known {
    /// Every answer that it stands on is given out strictly before this instant, unless the epoch moves.
    until: SimTime,
    epoch: u64,
    pub mx: DataId,
    /// Up to which preference it goes.
    pub upto: u16,
    /// How many addresses, and in how many answers.
    count: u8,
    pub answers: u8,
    /// The same for the next preference, whose addresses follow; 0 if they were not all at hand.
    next_count: u8,
    pub next_answers: u8,
    candidates: [Candidate; ADDRESSES_MAX],
}

const NOTHING: Known = Known {
    until: SimTime::ZERO,
    epoch: 0,
    mx: DataId::ABSENT,
    upto: 0,
    count: 0,
    answers: 0,
    next_count: 0,
    next_answers: 0,
    candidates: [Candidate { host: HostId(0), preference: 0, is_v6: false, nth: 0, name: NameId(0) }; ADDRESSES_MAX],
};

impl KnownRoutes {
    /// For a node whose routes come from nothing but MX and A records; a relay sees itself in them.
    /// `senders` share the memory.
    pub fn new(node: &NodeModel, mail: &MailModel) -> Option<Self> {
        let limit = ROUTES_MAX / mail.senders.max(1);
        let is_plain = node.source.is_some() && node.host.is_none() && node.client.smart_host.is_none();
        let tries = node.client.address_limit > 0 && node.client.session_limit > 0;
        let asks_ipv6 = mail.has_ipv6 && node.client.address_preference != AddressPreference::Ipv4Only;
        // What is remembered of domains or sites is looked at before the route.
        let skips_domains = matches!(node.retry.memory, Memory::UnreachableDomains { .. } | Memory::ReadyQueue { .. });
        (is_plain && is_whole(node) && tries && !node.checks_sts && !asks_ipv6 && !skips_domains).then(|| Self {
            cache: CacheId(0),
            routes: Vec::new(),
            limit,
            patience: node.client.timeouts.end_of_data,
            passes_on: node.client.address_limit > 1
                && node.client.failures.at(Stage::Connect, Failing::Lost).0 == Then::NextHost,
        })
    }

    /// The route to the domain at a place of the sender's list, if it still is the one.
    #[inline]
    pub fn find(&self, now: SimTime, dns: &Dns<'_>, place_in_list: u32) -> Option<&Known> {
        let route = self.routes.get(place_in_list as usize)?;
        (now < route.until && route.epoch == dns.epoch(self.cache)).then_some(route)
    }

    /// The route of a delivery.
    fn route_of(&self, now: SimTime, dns: &Dns<'_>, delivery: &Delivery) -> Option<(&Self, &Known)> {
        let route = self.find(now, dns, delivery.place_in_list).filter(|_| delivery.node == delivery.sender)?;
        Some((self, route))
    }
}

impl Known {
    /// Where it goes.
    #[inline]
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates[..usize::from(self.count)]
    }

    /// Where it goes if all of those fail.
    #[inline]
    pub fn next(&self) -> &[Candidate] {
        &self.candidates[usize::from(self.count)..][..usize::from(self.next_count)]
    }
}

impl<'m> Mail<'m> {
    /// Takes the first route to the delivery's domain from what is known; `false` if it must be looked up.
    pub(super) fn take_known_route<E: World, O: DnsObserver, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
    ) -> bool {
        let now = cx.scheduler.now();
        let delivery = &mut self.slots[slot as usize];
        let known = self.nodes[delivery.node.index()].known.as_ref();
        let Some((known, route)) = known.and_then(|known| known.route_of(now, cx.dns, delivery)) else { return false };
        let work = &mut delivery.work;
        (work.mx, work.owner, work.after, work.upto) = (route.mx, delivery.domain, None, route.upto);
        work.candidates = SmallVec::from_slice(route.candidates());
        cx.observer.on_plain_hits(now, known.cache, Asker::Node(delivery.node), 1, u64::from(route.answers));
        true
    }

    /// Goes on to the next preference if that is known, too: the place of its first address among the candidates.
    pub(super) fn take_known_next<E: World, O: DnsObserver, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
    ) -> Option<usize> {
        let now = cx.scheduler.now();
        let delivery = &mut self.slots[slot as usize];
        let known = self.nodes[delivery.node.index()].known.as_ref();
        let (known, route) = known.and_then(|known| known.route_of(now, cx.dns, delivery))?;
        let work = &mut delivery.work;
        let is_it = work.after.is_none() && (work.mx, work.upto) == (route.mx, route.upto) && work.fell_back == 0;
        let preference = route.next().first().filter(|_| is_it)?.preference;
        (work.after, work.upto) = (Some(route.upto), preference);
        let first = work.candidates.len();
        work.candidates.extend_from_slice(route.next());
        cx.observer.on_plain_hits(now, known.cache, Asker::Node(delivery.node), 0, u64::from(route.next_answers));
        Some(first)
    }

    /// Keeps the first route of an attempt, if every answer it stands on is a hit that there is nothing to say of.
    #[inline(never)]
    pub(super) fn keep_route<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &MailContext<'_, 'm, E, O, F>,
        slot: u32,
    ) {
        if let Some((cache, route)) = self.plain_route(cx, slot)
            && let delivery = &self.slots[slot as usize]
            && let Some(known) = &mut self.nodes[delivery.node.index()].known
        {
            let place = delivery.place_in_list as usize;
            if place >= known.limit {
                return;
            }
            known.cache = cache;
            if known.routes.len() <= place {
                known.routes.resize(place + 1, NOTHING);
            }
            known.routes[place] = route;
        }
    }

    fn plain_route<E: World, O: DnsObserver, F>(
        &self,
        cx: &MailContext<'_, 'm, E, O, F>,
        slot: u32,
    ) -> Option<(CacheId, Known)> {
        let (now, delivery) = (cx.scheduler.now(), &self.slots[slot as usize]);
        let work = &delivery.work;
        let is_first = work.after.is_none() && work.owner == delivery.domain && work.fell_back == 0;
        if !is_first || delivery.node != delivery.sender || cx.observer.hears_each_lookup() {
            return None;
        }
        let node = &self.model.mail.nodes[delivery.node.index()];
        let cache = cx.dns.only_cache(node.resolver, node.region)?;
        let (data, until) = cx.dns.plain_hit(now, cache, Question::new(delivery.domain, RecordType::Mx))?;
        let mut route = Known { until, epoch: cx.dns.epoch(cache), mx: data, upto: work.upto, ..NOTHING };
        let exchanges = self.exchanges(delivery).ok().filter(|_| data == work.mx)?;
        (route.count, route.answers) = self.add_plain(cx, cache, &exchanges, None, &mut route)?;
        // What follows may be unknown as yet, or more than fits.
        if let Some(preference) = exchanges.next_preference(Some(route.upto)) {
            let mut longer = route;
            if let Some(next) = self.add_plain(cx, cache, &exchanges, Some(preference), &mut longer) {
                route = Known { next_count: next.0, next_answers: next.1, ..longer };
            }
        }
        Some((cache, route))
    }

    /// Adds the addresses of the first exchanges, or of those of a later preference: how many, and in how many answers.
    fn add_plain<E: World, O, F>(
        &self,
        cx: &MailContext<'_, 'm, E, O, F>,
        cache: CacheId,
        exchanges: &Exchanges<'m>,
        later: Option<u16>,
        route: &mut Known,
    ) -> Option<(u8, u8)> {
        let (now, start) = (cx.scheduler.now(), usize::from(route.count));
        let (after, upto) = match later {
            Some(preference) => (Some(route.upto), preference),
            None => (None, route.upto),
        };
        let (mut from, mut count, mut answers) = (0, 0, 0);
        while let Some((place, preference, name)) = exchanges.next(from, after, upto) {
            let (data, until) = cx.dns.plain_hit(now, cache, Question::new(name, RecordType::A))?;
            let Rdata::Address(hosts) = &self.model.dns.data[data.index()] else { return None };
            route.until = route.until.min(until);
            answers += 1;
            for (place, &host) in hosts.iter().enumerate() {
                *route.candidates.get_mut(start + usize::from(count))? =
                    Candidate { host, preference, is_v6: false, nth: candidates::nth(hosts, place), name };
                count += 1;
            }
            from = place + 1;
        }
        Some((count, answers))
    }
}

/// Whether each message of a node is one transaction.
fn is_whole(node: &NodeModel) -> bool {
    node.source.as_ref().is_none_or(|source| {
        let rows = if let ArrivalsModel::Trace(rows) = &source.arrivals { &rows[..] } else { &[] };
        let drawn = source.recipients.quantile(1.0);
        let most = rows.iter().filter_map(|row| row.recipients).map(f64::from).fold(drawn, f64::max);
        most <= f64::from(node.client.recipients_max)
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_route_fills_a_cache_line() {
        assert_eq!(size_of::<super::Known>(), 64);
    }
}
