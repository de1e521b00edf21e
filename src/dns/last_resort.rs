//! What Unbound does when all servers of a zone are spent (iterator.c, processLastResort): it asks the parent for them once
//! more, then for the addresses of each, and only then gives up.

use smallvec::SmallVec;

use super::fetch::{Address, QUERIES_MAX};
use super::resolver::{Dns, Pending, Who};
use super::{DnsEvent, DnsObserver, ServerState};
use crate::engine::scheduler::Scheduler;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::dns::{DelegationModel, Question};
use crate::model::{ServerId, ZoneId};
use crate::scenario::tree::{Ipv6, RecordType};

/// Fetches that may wait for each other so, one inside the other (target-fetch-policy has five numbers).
const DEPTH_MAX: u8 = 4;

/// Addresses that a fetch and those on its behalf ask for so (iterator.h, MAX_TARGET_COUNT).
const RESORTS_MAX: u32 = 64;

impl Dns<'_> {
    /// No server of the fetch's zone may be asked any more.
    pub(super) fn on_spent<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        fetch: u32,
    ) {
        let now = scheduler.now();
        let state = &self.fetches[fetch as usize];
        let (cache, zone) = (state.cache, state.zone);
        let is_last = zone == ZoneId(0) || state.depth >= DEPTH_MAX || state.queries >= QUERIES_MAX;
        if is_last || !self.rules(cache).asking.last_resort {
            return self.finish_failed(scheduler, observer, faults, fetch);
        }
        if !state.is_referred && self.delegations[cache.index()].confirm(now, zone) {
            self.fetches[fetch as usize].confirmed = Some(zone);
            self.enter_zone(now, fetch, self.model.dns.zones[zone.index()].parent);
            return self.send(scheduler, observer, faults, fetch);
        }
        if !self.resort(scheduler, observer, faults, fetch) {
            self.finish_failed(scheduler, observer, faults, fetch);
        }
    }

    /// The parent has said where a zone is. If it was asked anew because all servers were spent, each gets one more try, for the
    /// whole question (iter_merge_retry_counts); if it was asked for an address of one of them, that is kept.
    pub(super) fn resume(&mut self, now: SimTime, fetch: u32, referral: &DelegationModel) {
        let state = &mut self.fetches[fetch as usize];
        let (cache, zone, question) = (state.cache, state.zone, state.question);
        let rules = &self.model.dns.resolvers[self.model.dns.caches[cache.index()].resolver.index()].rules;
        if state.confirmed == Some(zone) {
            let spent = rules.asking.tries_per_server.map_or(0, |most| most.saturating_sub(1));
            let spent = u16::try_from(spent).unwrap_or(u16::MAX);
            state.servers.iter_mut().for_each(|candidate| candidate.tries = spent);
            state.minimised = 0;
        }
        let is_resort = self.asks.get(state.first as usize).is_some_and(|ask| matches!(ask.who, Who::Resort(_)));
        if is_resort && let Some((at, is_there)) = self.address_of(fetch, question) {
            // That there is none, too (iter_store_parentside_neg).
            let ttl_s = if is_there { referral.glue_ttl_s } else { referral.ns_ttl_s };
            self.known[cache.index()].confirm(at, rules.until(now, rules.positive_ttl_s(ttl_s)));
        }
    }

    /// Which address of the fetch's zone's servers a question is for, if it is one, and whether there is such a record.
    fn address_of(&self, fetch: u32, question: Question) -> Option<(Address, bool)> {
        let of = |server: ServerId| &self.model.dns.servers[server.index()];
        let servers = self.servers_of(self.fetches[fetch as usize].ns);
        let server = servers.iter().copied().find(|server| of(*server).name == question.name())?;
        let is_v6 = question.kind() == RecordType::Aaaa;
        Some((Address { server, is_v6 }, !is_v6 || of(server).ipv6 != Ipv6::Absent))
    }

    /// Asks for the addresses of the next server that it makes sense for, the last of the RRset first (delegpt_add_ns puts each
    /// before the others); whether there is one.
    fn resort<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        fetch: u32,
    ) -> bool {
        let state = &self.fetches[fetch as usize];
        let (cache, servers) = (state.cache, self.servers_of(state.ns));
        let families: &[bool] = if self.resolver_of(cache).ipv6 { &[true, false] } else { &[false] };
        let now = scheduler.now();
        let on_behalf_of = self.outermost(fetch);
        let mut questions: SmallVec<[Question; 2]> = SmallVec::new();
        while questions.is_empty() {
            let state = &mut self.fetches[fetch as usize];
            let Some(&server) = servers.iter().rev().nth(state.resorted as usize) else { return false };
            state.resorted += 1;
            let name = self.model.dns.servers[server.index()].name;
            let new = families.iter().map(|&is_v6| Address { server, is_v6 });
            let new = new.filter(|at| !self.known[cache.index()].is_confirmed(now, *at));
            let asked = new.map(|at| Question::new(name, at.kind()));
            questions.extend(asked.filter(|question| !self.waits_for(fetch, *question)));
        }
        let resorts = &mut self.fetches[on_behalf_of as usize].resorts;
        *resorts += questions.len() as u32;
        if *resorts > RESORTS_MAX {
            return false;
        }
        self.fetches[fetch as usize].awaited = questions.len() as u32;
        for question in questions {
            let who = Who::Resort(fetch);
            let slot = self.put_ask(Pending::begin(cache, question, who, now, SimDuration::ZERO));
            // The last may end this fetch.
            self.join_or_fetch(scheduler, observer, faults, slot);
        }
        true
    }

    /// The fetch that one stands for in the end.
    fn outermost(&self, fetch: u32) -> u32 {
        let mut at = fetch;
        while let Some(Who::Resort(above)) = self.asks.get(self.fetches[at as usize].first as usize).map(|ask| ask.who)
        {
            at = above;
        }
        at
    }

    /// What was asked for has come, or not: it brings no address that was not tried, but a server may be worth a try by now.
    pub(super) fn on_resort_answered<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        fetch: u32,
    ) {
        let state = &mut self.fetches[fetch as usize];
        state.awaited = state.awaited.saturating_sub(1);
        if state.awaited == 0 {
            self.send(scheduler, observer, faults, fetch);
        }
    }
}
