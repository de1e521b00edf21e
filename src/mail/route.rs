//! Where an attempt may go: the look-ups of MX and addresses, and the order in which they are tried.

use super::candidates::{self, Candidate, Exchanges};
use super::world::{Purpose, World, place};
use super::{BounceCause, Delivery, HostAvailability, Mail, MailContext, MailObserver, NoHost, Phase, Step};
use crate::dns::{Answer, Ask, Asker, DnsObserver, Outcome, ServerState, Waiter};
use crate::engine::random::draw;
use crate::model::client::{Literals, NoRoute};
use crate::model::dns::{Question, Rdata};
use crate::model::{DataId, HostId, NameId};
use crate::scenario::tree::{AddressLookups, AddressPreference, RecordType, Tls};

/// Hops that questions for IPv6 addresses are told apart by: beyond those of all exchanges.
const IPV6_HOPS: u32 = 1 << 17;

impl<'m> Mail<'m> {
    pub(super) fn ask_mx<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        name: NameId,
    ) {
        self.slots[slot as usize].work.step = Step::Mx;
        if let Some(answer) = self.ask(cx, slot, Question::new(name, RecordType::Mx), 0) {
            self.on_mx(cx, slot, &answer);
        }
    }

    #[inline]
    pub(super) fn ask<E: World, O: MailObserver + DnsObserver, F: ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        question: Question,
        hop: u32,
    ) -> Option<Answer> {
        let delivery = &self.slots[slot as usize];
        let node = &self.model.mail.nodes[delivery.node.index()];
        let ask = Ask {
            resolver: node.resolver,
            question,
            region: node.region,
            key: self.nodes[delivery.sender.index()].key,
            a: delivery.number,
            b: place(delivery.attempts, hop, Purpose::Ask),
            asker: Asker::Node(delivery.node),
            waiter: Waiter(slot),
        };
        let answer = cx.dns.ask(cx.scheduler, cx.observer, cx.faults, ask);
        if answer.is_none() {
            self.slots[slot as usize].enter(cx.observer, cx.scheduler.now(), Phase::Active);
        }
        answer
    }

    /// What the MX RRset says (RFC 5321 section 5.1): none means the domain itself, at preference 0.
    pub(super) fn on_mx<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        answer: &Answer,
    ) {
        let delivery = &mut self.slots[slot as usize];
        delivery.stale_route |= answer.stale;
        delivery.work.owner = answer.owner;
        delivery.work.mx = match answer.outcome {
            Outcome::Data(data) => data,
            Outcome::NoData => DataId::ABSENT,
            Outcome::NxDomain => return self.no_route(cx, slot, BounceCause::NoDomain),
            Outcome::ServFail => {
                cx.observer.on_no_host(cx.scheduler.now(), delivery, NoHost::ServFail);
                return self.not_routed(cx, slot, NoRoute::Defer, BounceCause::NoDomain);
            }
            Outcome::Refused => {
                cx.observer.on_no_host(cx.scheduler.now(), delivery, NoHost::Refused);
                let then = self.model.mail.nodes[delivery.node.index()].client.dns.refused;
                return self.not_routed(cx, slot, then, BounceCause::NoDomain);
            }
        };
        self.follow_mx(cx, slot);
    }

    /// The MX RRset is known: asks for the addresses of as many of its exchanges as the client wants at first.
    #[inline]
    pub(super) fn follow_mx<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
    ) {
        let delivery = &self.slots[slot as usize];
        let lookups = self.model.mail.nodes[delivery.node.index()].client.lookups;
        let first = match (lookups, self.exchanges(&self.slots[slot as usize])) {
            (AddressLookups::All, _) => u16::MAX,
            (AddressLookups::ByPreference, Ok(exchanges)) => exchanges.next_preference(None).unwrap_or(u16::MAX),
            (AddressLookups::ByPreference, Err(cause)) => return self.no_route(cx, slot, cause),
        };
        let work = &mut self.slots[slot as usize].work;
        (work.after, work.upto) = (None, first);
        self.gather(cx, slot, 0);
    }

    /// Asks for the addresses of the exchanges from the `from`-th on, as far as the preferences in question go, and connects
    /// when all are known.
    pub(super) fn gather<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        mut from: usize,
    ) {
        let exchanges = match self.exchanges(&self.slots[slot as usize]) {
            Ok(exchanges) => exchanges,
            Err(cause) => return self.no_route(cx, slot, cause),
        };
        loop {
            let (after, upto) = (self.slots[slot as usize].work.after, self.slots[slot as usize].work.upto);
            while let Some((place, preference, name)) = exchanges.next(from, after, upto) {
                if let Some(host) = self.model.mail.literal(name) {
                    if !self.add_literal(slot, preference, name, host) {
                        cx.observer.on_no_host(cx.scheduler.now(), &self.slots[slot as usize], NoHost::NoAddress);
                        return self.bounce(cx, slot, BounceCause::NoAddress);
                    }
                    from = place + 1;
                    continue;
                }
                match self.ask(cx, slot, Question::new(name, RecordType::A), 1 + place as u32) {
                    Some(answer) => self.add_address(cx, slot, preference, name, false, &answer),
                    None => {
                        self.slots[slot as usize].work.step = Step::Address(place as u16);
                        return;
                    }
                }
                if self.waits_for_ipv6(cx, slot, place, preference, name) {
                    return;
                }
                from = place + 1;
            }
            let candidates = &self.slots[slot as usize].work.candidates;
            let first = candidates.iter().position(|known| after.is_none_or(|after| known.preference > after));
            if let Some(first) = first {
                if first == 0 && self.nodes[self.slots[slot as usize].node.index()].known.is_some() {
                    self.keep_route(cx, slot);
                }
                return self.try_in_order(cx, slot, first);
            }
            if !self.widen(slot) {
                break;
            }
            from = 0;
        }
        let delivery = &self.slots[slot as usize];
        match (delivery.work.candidates.is_empty(), delivery.work.soft_failure) {
            (true, None) => return self.no_route(cx, slot, BounceCause::NoAddress),
            (true, Some(why)) => cx.observer.on_no_host(cx.scheduler.now(), delivery, why),
            (false, _) => {}
        }
        self.not_routed(cx, slot, NoRoute::Defer, BounceCause::NoAddress);
    }

    /// Tries the candidates from the `first` on, in the order that the client puts them in.
    #[inline]
    pub(super) fn try_in_order<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        first: usize,
    ) {
        self.order(slot, first);
        self.by_connections(cx.scheduler.now(), slot, first);
        self.try_hosts(cx, slot, first as u16);
    }

    /// There is nowhere to send it: what its system makes of that.
    pub(super) fn no_route<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        cause: BounceCause,
    ) {
        let delivery = &self.slots[slot as usize];
        let rules = self.model.mail.nodes[delivery.node.index()].client.dns;
        let (then, why) = match cause {
            BounceCause::NullMx => (rules.null_mx, NoHost::NullMx),
            BounceCause::NoAddress => (rules.no_address, NoHost::NoAddress),
            BounceCause::NoDomain => (NoRoute::Bounce, NoHost::NxDomain),
            BounceCause::Loop | BounceCause::Rejected => (rules.only_itself, NoHost::Loop),
        };
        cx.observer.on_no_host(cx.scheduler.now(), delivery, why);
        self.not_routed(cx, slot, then, cause);
    }

    /// A look-up led nowhere: to a fallback relay, unless the message goes round in circles, else it waits or bounces.
    fn not_routed<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        then: NoRoute,
        cause: BounceCause,
    ) {
        let delivery = &self.slots[slot as usize];
        let client = &self.model.mail.nodes[delivery.node.index()].client;
        let loops = cause == BounceCause::Loop;
        let is_forgiven = client.dns.not_found_falls_back && !loops;
        let is_relay = client.smart_host.is_some() || delivery.work.fell_back > 0;
        if (then == NoRoute::Defer && !loops || is_forgiven) && self.falls_back(cx, slot) {
            return;
        }
        match then {
            NoRoute::Bounce if !(is_forgiven && is_relay) => self.bounce(cx, slot, cause),
            NoRoute::Bounce | NoRoute::Defer => self.defer(cx, slot),
        }
    }

    /// Goes on to the next preference: `false` if there is none.
    #[inline]
    pub(super) fn widen(&mut self, slot: u32) -> bool {
        let work = &self.slots[slot as usize].work;
        if work.upto == u16::MAX {
            return false;
        }
        let upto = work.upto;
        let next = self.exchanges(&self.slots[slot as usize]).ok().and_then(|all| all.next_preference(Some(upto)));
        let work = &mut self.slots[slot as usize].work;
        work.after = Some(upto);
        work.upto = next.unwrap_or(u16::MAX);
        next.is_some()
    }

    pub(super) fn on_address<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        exchange: u16,
        is_v6: bool,
        answer: &Answer,
    ) {
        let place = usize::from(exchange);
        if let Ok(exchanges) = self.exchanges(&self.slots[slot as usize])
            && let Some((_, preference, name)) = exchanges.next(place, None, u16::MAX)
        {
            self.add_address(cx, slot, preference, name, is_v6, answer);
            if !is_v6 && self.waits_for_ipv6(cx, slot, place, preference, name) {
                return;
            }
        }
        self.gather(cx, slot, place + 1);
    }

    /// Asks for the IPv6 addresses of an exchange, where the client does and there are any in the scenario; `true` if their
    /// answer is on its way.
    fn waits_for_ipv6<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        exchange: usize,
        preference: u16,
        name: NameId,
    ) -> bool {
        let client = &self.model.mail.nodes[self.slots[slot as usize].node.index()].client;
        if !self.model.mail.has_ipv6 || client.address_preference == AddressPreference::Ipv4Only {
            return false;
        }
        match self.ask(cx, slot, Question::new(name, RecordType::Aaaa), IPV6_HOPS + exchange as u32) {
            Some(answer) => self.add_address(cx, slot, preference, name, true, &answer),
            None => {
                self.slots[slot as usize].work.step = Step::Address6(exchange as u16);
                return true;
            }
        }
        false
    }

    #[inline]
    pub(super) fn exchanges(&self, delivery: &Delivery) -> Result<Exchanges<'m>, BounceCause> {
        match &self.model.dns.data[delivery.work.mx.index()] {
            Rdata::Mx(mx) => {
                let node = &self.model.mail.nodes[delivery.node.index()];
                let own = node.host.map(|host| self.model.mail.hosts[host.index()].name);
                Exchanges::of(mx, own, self.root, &node.client)
            }
            _ => Ok(Exchanges::implicit(delivery.work.owner, self.root)),
        }
    }

    #[inline]
    fn add_address<E: Copy, O: MailObserver, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        preference: u16,
        name: NameId,
        is_v6: bool,
        answer: &Answer,
    ) {
        let delivery = &mut self.slots[slot as usize];
        delivery.stale_route |= answer.stale;
        match answer.outcome {
            Outcome::Data(data) => {
                if let Rdata::Address(hosts) = &self.model.dns.data[data.index()] {
                    if self.sts.is_used() {
                        let has_tls = |host: &HostId| self.model.mail.hosts[host.index()].smtp.tls != Tls::Off;
                        let exchange = self.model.dns.names.text(name);
                        let all_tls = hosts.iter().all(has_tls);
                        if !self.sts.permits(delivery.node, delivery.domain, exchange, all_tls) {
                            // No delivery, and no failure for good: the policy may change (RFC 8461 section 5).
                            delivery.work.soft_failure = Some(NoHost::Policy);
                            return cx.observer.on_sts_refused(cx.scheduler.now(), delivery);
                        }
                    }
                    candidates::add(&mut delivery.work.candidates, preference, name, hosts, is_v6);
                }
            }
            Outcome::ServFail => delivery.work.soft_failure = Some(NoHost::ServFail),
            Outcome::Refused => delivery.work.soft_failure = Some(NoHost::Refused),
            Outcome::NoData | Outcome::NxDomain => {}
        }
    }

    /// An exchange that is no name but an address: taken as it stands, or no host at all. `false` refuses the message.
    fn add_literal(&mut self, slot: u32, preference: u16, name: NameId, host: HostId) -> bool {
        let delivery = &mut self.slots[slot as usize];
        match self.model.mail.nodes[delivery.node.index()].client.dns.literals {
            Literals::Taken => candidates::add(&mut delivery.work.candidates, preference, name, &[host], false),
            Literals::NoAddress => {}
            Literals::LeftOut => delivery.work.soft_failure = Some(NoHost::NoAddress),
            Literals::Refused => return false,
        }
        true
    }

    /// Puts the candidates from the `first` on in the order of trial.
    pub(super) fn order(&mut self, slot: u32, first: usize) {
        let delivery = &self.slots[slot as usize];
        // Nothing to shuffle where no two are equal: the usual case, and not worth a list of names.
        let rising = |pair: &[Candidate]| pair[0].preference < pair[1].preference;
        if !delivery.work.candidates[first..].windows(2).all(rising) {
            self.shuffle(slot, first);
        }
        let delivery = &mut self.slots[slot as usize];
        let client = &self.model.mail.nodes[delivery.node.index()].client;
        let candidates = &mut delivery.work.candidates;
        if self.model.mail.has_ipv6 {
            candidates::prefer(&mut candidates[first..], client.address_preference);
            if first == 0 && client.balances_families {
                candidates::balance(candidates, client.address_limit);
            }
        }
        candidates::limit(candidates, client);
    }

    /// Shuffles equals among them as the client does.
    fn shuffle(&mut self, slot: u32, first: usize) {
        let delivery = &mut self.slots[slot as usize];
        let candidates = &mut delivery.work.candidates[first..];
        let shuffle = self.model.mail.nodes[delivery.node.index()].client.shuffle;
        let (key, number, attempt) = (self.nodes[delivery.sender.index()].key, delivery.number, delivery.attempts);
        let names: smallvec::SmallVec<[_; 4]> = candidates.iter().map(|c| c.name).collect();
        let exchange = |place: usize| names.iter().position(|name| *name == names[place]).unwrap_or(place) as u32;
        let weight = |name: NameId| self.model.mail.nodes[delivery.node.index()].client.weight(name);
        candidates::order(candidates, shuffle, exchange, weight, |of| {
            draw(key, number, place(attempt, first as u32 + of, Purpose::Shuffle))
        });
    }
}
