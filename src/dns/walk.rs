//! The walk: from the deepest cached zone cut to the answer, one query after another.

use super::authority::{Reply, Response};
use super::cache::Kind;
use super::fetch::{Candidate, Purpose, QUERIES_MAX};
use super::path::{half, one_way_loss, round_trip};
use super::resolver::{Dns, NONE, Who};
use super::soa::Negative;
use super::throttle::Throttled;
use super::{DnsEvent, DnsObserver, Outcome, ServerState};
use crate::engine::random::{draw, shuffle, unit_open};
use crate::engine::scheduler::Scheduler;
use crate::engine::time::SimTime;
use crate::model::dns::{KeyId, Question, Rdata};
use crate::model::faults::Brownout;
use crate::model::{DataId, NameId, ServerId, ZoneId};
use crate::scenario::tree::{Ipv6, QnameMinimisation, RecordType};

/// Sends of a minimised query after which the whole question is asked (Unbound: MAX_MINIMISE_TIMEOUT_COUNT 3, two each, which
/// count as one).
const MINIMISED_SENDS_MAX: u32 = 6;

impl<'m> Dns<'m> {
    /// The zone from which on upward a fetch looks for a cut that is cached: the name's, or its parent, which is to say anew
    /// what it says of that.
    pub(super) fn begins_at(&self, fetch: u32) -> ZoneId {
        let state = &self.fetches[fetch as usize];
        let zone = self.model.dns.names.zone_of[state.question.name().index()];
        // Nobody waits for a refresh ahead of time when it begins.
        let is_from_parent = match state.first {
            NONE => self.rules(state.cache).asking.refresh_asks_parent,
            slot => matches!(self.asks[slot as usize].who, Who::Resort(_)),
        };
        if is_from_parent { self.model.dns.zones[zone.index()].parent } else { zone }
    }

    /// Starts at the deepest zone from this one upward whose cut is cached; the root's servers are always known (root hints).
    pub(super) fn enter_zone(&mut self, now: SimTime, fetch: u32, from: ZoneId) {
        let cache = self.fetches[fetch as usize].cache;
        let zones = &self.model.dns.zones;
        let mut zone = from;
        while zone != ZoneId(0) {
            if let Some(&cut) = self.delegations[cache.index()].live(now, zone)
                && (cut.glue_until > now || self.has_reachable(now, cache, zone, cut.ns))
            {
                return self.set_zone(fetch, zone, cut.ns, cut.glue_until > now, cut.ds);
            }
            zone = zones[zone.index()].parent;
        }
        let hints = zones[0].delegation;
        self.set_zone(fetch, ZoneId(0), hints.ns, true, hints.ds);
    }

    pub(super) fn servers_of(&self, ns: DataId) -> &'m [ServerId] {
        match &self.model.dns.data[ns.index()] {
            Rdata::Ns(servers) => servers,
            _ => &[],
        }
    }

    fn set_zone(&mut self, fetch: u32, zone: ZoneId, ns: DataId, has_glue: bool, ds: KeyId) {
        let key = self.keys[self.fetches[fetch as usize].cache.index()];
        let minimised = self.minimised(fetch, zone);
        let servers = self.servers_of(ns);
        let uses_v6 = self.resolver_of(self.fetches[fetch as usize].cache).ipv6;
        let state = &mut self.fetches[fetch as usize];
        (state.zone, state.ns, state.has_glue, state.ds, state.minimised) = (zone, ns, has_glue, ds, minimised);
        (state.tries, state.current, state.run, state.sends, state.bad, state.resorted) = (0, 0, 0, 0, 0, 0);
        state.servers.clear();
        for &server in servers {
            state.servers.push(Candidate::new(server, false));
            if uses_v6 && self.model.dns.servers[server.index()].ipv6 != Ipv6::Absent {
                state.servers.push(Candidate::new(server, true));
            }
        }
        if state.servers.len() > 1 {
            let (index, mut place) = (state.question.index() as u64, 0);
            let base = state.place(Purpose::Order, 0);
            shuffle(&mut state.servers, || {
                place += 1;
                draw(key, index, base + place)
            });
        }
    }

    /// Queries that QNAME minimisation puts before the question at a zone on the way (RFC 9156 section 3): one for each label
    /// between the two, of which the first below a zone cut is answered with a referral, and, with Unbound, one for the whole
    /// name.
    fn minimised(&self, fetch: u32, zone: ZoneId) -> u8 {
        let state = &self.fetches[fetch as usize];
        let rule = self.rules(state.cache).asking.qname_minimisation;
        let names = &self.model.dns.names;
        let question = state.question;
        if rule == QnameMinimisation::Off {
            return 0;
        }
        let apex = self.model.dns.zones[zone.index()].apex;
        let mut labels = 0u8;
        let mut name = question.name();
        while name != apex && labels < 10 {
            (name, labels) = (names.parent[name.index()], labels + 1);
        }
        let whole = rule == QnameMinimisation::AToo && question.kind() != RecordType::A;
        labels.saturating_sub(1) + u8::from(whole)
    }

    /// What is asked now: the fetch's question, or a minimised one.
    pub(super) fn query(&self, fetch: u32) -> Question {
        let state = &self.fetches[fetch as usize];
        let rule = self.rules(state.cache).asking.qname_minimisation;
        let kind = if rule == QnameMinimisation::Ns { RecordType::Ns } else { RecordType::A };
        let whole = u8::from(rule == QnameMinimisation::AToo && state.question.kind() != RecordType::A);
        match state.minimised {
            0 => state.question,
            left => {
                let mut name = state.question.name();
                for _ in whole..left {
                    name = self.model.dns.names.parent[name.index()];
                }
                Question::new(name, kind)
            }
        }
    }

    /// Sends the next query, or gives up.
    pub(super) fn send<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        fetch: u32,
    ) {
        let now = scheduler.now();
        let resolver = self.resolver_of(self.fetches[fetch as usize].cache);
        if !resolver.upstream.is_empty() {
            return self.send_upstream(scheduler, observer, faults, fetch);
        }
        self.skip_minimised(now, fetch);
        let wait = if self.fetches[fetch as usize].queries < QUERIES_MAX { self.choose(now, fetch) } else { None };
        let Some(wait) = wait else { return self.on_spent(scheduler, observer, faults, fetch) };
        let state = &mut self.fetches[fetch as usize];
        state.wait = wait;
        let at = state.servers[state.current].at;
        if !self.has_address(now, fetch, at) {
            return self.fetch_address(scheduler, observer, faults, fetch, at);
        }
        self.send_query(scheduler, observer, faults, fetch);
    }

    /// Sends a query to the current server.
    pub(super) fn send_query<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        fetch: u32,
    ) {
        let now = scheduler.now();
        let state = &self.fetches[fetch as usize];
        let from = self.model.dns.caches[state.cache.index()].region;
        let at = state.servers[state.current].at;
        let to = &self.model.dns.servers[at.server.index()];
        let wait = state.wait;
        let (key, index) = (self.keys[state.cache.index()], state.question.index() as u64);
        let is_dead_end = at.is_v6 && to.ipv6 == Ipv6::Dead;
        let way = if is_dead_end { 1.0 } else { one_way_loss(self.network, from, to.region) };
        let answers = self.brownout(at.server).map_or(1.0, |brownout| brownout.answers);
        let lost = 1.0 - (1.0 - way) * (1.0 - way) * (1.0 - to.loss) * answers;
        let fate = if lost > 0.0 { unit_open(draw(key, index, state.place(Purpose::Loss, 0))) } else { 1.0 };
        let trip = round_trip(self.network, from, to.region, |link| {
            draw(key, index, state.place(Purpose::RoundTrip, u32::from(link)))
        });
        let state = &mut self.fetches[fetch as usize];
        (state.sent, state.round_trip, state.is_unanswered) = (now, trip, fate < lost);
        if fate < way || half(trip) >= wait {
            return self.schedule(scheduler, fetch, now + wait, DnsEvent::TimedOut(fetch));
        }
        if half(trip).is_zero() {
            self.on_query_arrives(scheduler, observer, faults, fetch);
        } else {
            self.schedule(scheduler, fetch, now + half(trip), DnsEvent::QueryArrives(fetch));
        }
    }

    /// How a server browns out now.
    fn brownout(&self, server: ServerId) -> Option<&Brownout> {
        self.brownouts.get(server.index())?.as_ref()
    }

    /// A query is at its server: what it says now is what comes back, if it is up.
    pub(super) fn on_query_arrives<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        fetch: u32,
    ) {
        let now = scheduler.now();
        let query = self.query(fetch);
        let state = &self.fetches[fetch as usize];
        let server = state.servers[state.current].at.server;
        let timeout = state.sent + state.wait;
        let back = state.round_trip.saturating_sub(half(state.round_trip));
        let is_up = faults.server_is_up(server);
        let is_heard = state.is_tcp || self.rules(state.cache).asking.heeds_refusals;
        let refuses = !is_up && faults.server_refuses(server) && is_heard;
        // What a closed port turns away is no query of the server's.
        if is_up || !faults.server_refuses(server) {
            observer.on_query(now, server, state.cache, query);
        }
        let latency = &self.model.dns.servers[server.index()].latency;
        let bits =
            || draw(self.keys[state.cache.index()], state.question.index() as u64, state.place(Purpose::Latency, 0));
        let took = || match self.brownout(server) {
            None => latency.sample_span(bits()),
            Some(brownout) => latency.sample_span(bits()).times(brownout.slow),
        };
        let answers_at = if refuses { now + back } else { now + took() + back };
        // A response after the time-out finds nobody: the next try has another port.
        if !(is_up || refuses) || state.is_unanswered || answers_at >= timeout {
            return self.schedule(scheduler, fetch, timeout, DnsEvent::TimedOut(fetch));
        }
        let response =
            if refuses { Reply::Unreachable.into() } else { self.authority.reply(server, state.zone, query) };
        self.fetches[fetch as usize].response = Some(response);
        if answers_at == now {
            self.on_response(scheduler, observer, faults, fetch);
        } else {
            self.schedule(scheduler, fetch, answers_at, DnsEvent::ResponseArrives(fetch));
        }
    }

    pub(super) fn on_timed_out<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        fetch: u32,
    ) {
        self.on_server_silent(scheduler.now(), fetch, true);
        self.give_stale(scheduler, observer, faults, fetch);
        let state = &mut self.fetches[fetch as usize];
        let rules = &self.model.dns.resolvers[self.model.dns.caches[state.cache.index()].resolver.index()].rules.asking;
        if state.is_once_more(rules) {
            state.queries += 1;
        } else {
            self.throttle(scheduler.now(), fetch, Throttled::Silent);
            self.fetches[fetch as usize].count_try();
        }
        let state = &mut self.fetches[fetch as usize];
        if state.tries >= MINIMISED_SENDS_MAX / rules.sends_per_loss.max(1) {
            state.minimised = 0;
        }
        self.send(scheduler, observer, faults, fetch);
    }

    pub(super) fn on_response<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        fetch: u32,
    ) {
        let now = scheduler.now();
        let Some(response) = self.fetches[fetch as usize].response.take() else { return };
        let state = &self.fetches[fetch as usize];
        let cache = state.cache;
        let is_bogus = self.resolver_of(cache).validates
            && state.ds != KeyId::default()
            && response.key != state.ds
            && !matches!(response.reply, Reply::Referral(..));
        let rules = self.rules(cache);
        match response.reply {
            // A connection that is refused is as one that times out, and this question leaves the server alone (Knot
            // Resolver, lib/selection.c, error and invalidate_dead_upstream).
            Reply::Unreachable if state.is_tcp => {
                self.on_server_silent(now, fetch, true);
                self.fetches[fetch as usize].count_try();
                let state = &mut self.fetches[fetch as usize];
                if let Some(candidate) = state.servers.get_mut(state.current) {
                    candidate.is_unreachable = true;
                }
            }
            Reply::Upward => self.on_bad_reply(now, fetch, false),
            Reply::Unreachable => {
                self.throttle(now, fetch, Throttled::Unreachable);
                self.on_bad_reply(now, fetch, false);
            }
            Reply::Refused => {
                self.throttle(now, fetch, Throttled::Failed);
                self.on_bad_reply(now, fetch, false);
            }
            Reply::ServFail => {
                self.throttle(now, fetch, Throttled::Failed);
                self.on_bad_reply(now, fetch, rules.asking.servfail_is_loss);
            }
            _ if is_bogus => self.on_bad_reply(now, fetch, false),
            Reply::Referral(child, referral) => {
                self.on_server_answered(now, fetch);
                self.fetches[fetch as usize].queries += 1;
                self.delegations[cache.index()].on_referral(now, rules, child, &referral);
                self.set_zone(fetch, child, referral.ns, true, referral.ds);
                self.fetches[fetch as usize].is_referred = true;
                self.resume(now, fetch, &referral);
            }
            // An alias at the whole name is one for every type (measured: Unbound's A query finds it, and it asks no more there).
            Reply::Alias { .. } if state.minimised > 0 && self.query(fetch).name() == state.question.name() => {
                self.on_server_answered(now, fetch);
                self.fetches[fetch as usize].queries += 1;
                return self.on_answer(scheduler, observer, faults, fetch, response);
            }
            _ if state.minimised > 0 => {
                self.on_server_answered(now, fetch);
                if rules.asking.qname_minimisation == QnameMinimisation::AToo {
                    self.keep_minimised(now, observer, fetch, response);
                }
                let state = &mut self.fetches[fetch as usize];
                state.queries += 1;
                state.minimised -= 1;
                (state.tries, state.run, state.sends) = (0, 0, 0);
            }
            _ => {
                self.on_server_answered(now, fetch);
                self.fetches[fetch as usize].queries += 1;
                return self.on_answer(scheduler, observer, faults, fetch, response);
            }
        }
        self.send(scheduler, observer, faults, fetch);
    }

    /// What a minimised query brought is kept as the answer to it (Unbound: iterator.c, processQueryResponse).
    fn keep_minimised(&mut self, now: SimTime, observer: &mut impl DnsObserver, fetch: u32, response: Response) {
        let question = self.query(fetch);
        let state = &self.fetches[fetch as usize];
        let (cache, zone, changes) = (state.cache, state.zone, response.changes);
        match response.reply {
            Reply::Data { data, version, ttl_s, others_s } => {
                let ttl_s = self.rules(cache).rrset_ttl_s(ttl_s, others_s);
                self.store(now, observer, cache, question, Kind::Data, data, version, ttl_s);
            }
            Reply::NoData { version, soa } => {
                let kind = Kind::NoData;
                self.store_negative(now, observer, cache, &Negative { question, kind, version, soa, zone, changes });
            }
            Reply::NxDomain { version, soa } => {
                let kind = Kind::NxDomain;
                self.store_negative(now, observer, cache, &Negative { question, kind, version, soa, zone, changes });
            }
            _ => {}
        }
    }

    /// Leaves out minimised queries whose answer is in the cache (Unbound: iterator.c, processQueryTargets).
    fn skip_minimised(&mut self, now: SimTime, fetch: u32) {
        let cache = self.fetches[fetch as usize].cache;
        if self.rules(cache).asking.qname_minimisation != QnameMinimisation::AToo {
            return;
        }
        while self.fetches[fetch as usize].minimised > 0 {
            let query = self.query(fetch);
            let known = self.caches[cache.index()].live(now, query);
            if !known.is_some_and(|entry| matches!(entry.kind, Kind::Data | Kind::NoData)) {
                return;
            }
            self.fetches[fetch as usize].minimised -= 1;
        }
    }

    /// Keeps what the server of an alias says of its target in the same answer, where it holds both.
    fn store_target(&mut self, now: SimTime, observer: &mut impl DnsObserver, fetch: u32, target: NameId) {
        let state = &self.fetches[fetch as usize];
        let (cache, zone, server) = (state.cache, state.zone, state.servers[state.current].at.server);
        let question = Question::new(target, state.question.kind());
        if self.model.dns.names.zone_of[target.index()] != zone {
            return;
        }
        if let Reply::Data { data, version, ttl_s, others_s } = self.authority.reply(server, zone, question).reply {
            let ttl_s = self.rules(cache).rrset_ttl_s(ttl_s, others_s);
            self.store(now, observer, cache, question, Kind::Data, data, version, ttl_s);
        }
    }

    /// A server that does not hold the zone, or cannot answer: of no use for this fetch.
    fn on_bad_reply(&mut self, now: SimTime, fetch: u32, is_loss: bool) {
        if is_loss {
            self.on_server_silent(now, fetch, false);
        } else {
            self.on_server_answered(now, fetch);
        }
        let state = &mut self.fetches[fetch as usize];
        state.count_try();
        state.bad += 1;
        // Unbound asks the whole question at once then (measured: one of two servers that refuse gets half as many A
        // queries as there are questions).
        (state.minimised, state.run, state.sends) = (0, 0, 0);
        if let Some(candidate) = state.servers.get_mut(state.current) {
            candidate.bad = candidate.bad.saturating_add(1);
        }
    }

    /// An authoritative answer: what it is worth, and to whom it goes.
    fn on_answer<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        fetch: u32,
        response: Response,
    ) {
        let now = scheduler.now();
        let state = &self.fetches[fetch as usize];
        let (cache, question, zone) = (state.cache, state.question, state.zone);
        let rules = self.rules(cache);
        if let Some((ns, ttl_s)) = response.ns.filter(|_| zone != ZoneId(0)) {
            self.delegations[cache.index()].on_child_ns(now, rules, zone, ns, ttl_s);
        }
        match response.reply {
            Reply::Data { data, version, ttl_s, others_s } => {
                if question.kind() == RecordType::Soa {
                    self.note_serial(cache, question, response.changes);
                }
                let ttl_s = rules.rrset_ttl_s(ttl_s, others_s);
                self.store(now, observer, cache, question, Kind::Data, data, version, ttl_s);
                let answer = self.fresh(question, Outcome::Data(data), data, version, ttl_s);
                self.finish(scheduler, observer, faults, fetch, answer);
            }
            Reply::Alias { data, version, target, ttl_s } => {
                let ttl_s = rules.positive_ttl_s(ttl_s);
                let alias = Question::new(question.name(), RecordType::Cname);
                self.store(now, observer, cache, alias, Kind::Data, data, version, ttl_s);
                let stale = data != self.authority.current(alias);
                if rules.asking.takes_alias_targets {
                    self.store_target(now, observer, fetch, target);
                }
                self.finish_alias(scheduler, observer, faults, fetch, target, ttl_s, stale);
            }
            Reply::NoData { version, soa } => {
                let kind = Kind::NoData;
                let negative = Negative { question, kind, version, soa, zone, changes: response.changes };
                let ttl_s = self.store_negative(now, observer, cache, &negative);
                let answer = self.fresh(question, Outcome::NoData, DataId::ABSENT, version, ttl_s);
                self.finish(scheduler, observer, faults, fetch, answer);
            }
            Reply::NxDomain { version, soa } => {
                let kind = Kind::NxDomain;
                let negative = Negative { question, kind, version, soa, zone, changes: response.changes };
                let ttl_s = self.store_negative(now, observer, cache, &negative);
                let answer = self.fresh(question, Outcome::NxDomain, DataId::ABSENT, version, ttl_s);
                self.finish(scheduler, observer, faults, fetch, answer);
            }
            // These are no answers; `on_response` has dealt with them.
            Reply::Referral(..) | Reply::Upward | Reply::Refused | Reply::ServFail | Reply::Unreachable => {
                self.finish_failed(scheduler, observer, faults, fetch);
            }
        }
    }
}
