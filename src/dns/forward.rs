//! Forwarders: a fetch that asks another resolver instead of walking the tree.

use super::cache::Kind;
use super::fetch::{Purpose, QUERIES_MAX};
use super::path::{half, round_trip};
use super::resolver::Dns;
use super::{Answer, DnsEvent, DnsObserver, Outcome, ServerState, Source};
use crate::engine::random::{below, draw};
use crate::engine::scheduler::Scheduler;
use crate::model::dns::Question;
use crate::model::{CacheId, DataId, ResolverId};
use crate::scenario::tree::RecordType;

impl Dns<'_> {
    /// A forwarder asks one of its upstream resolvers.
    pub(super) fn send_upstream<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        fetch: u32,
    ) {
        let now = scheduler.now();
        let state = &self.fetches[fetch as usize];
        let own = self.resolver_of(state.cache);
        let wait = own.rules.asking.wait(state.tries, own.upstream.len(), now.since(state.began));
        if wait.is_none() || state.queries >= QUERIES_MAX {
            return self.finish_failed(scheduler, observer, faults, fetch);
        }
        let (key, index) = (self.keys[state.cache.index()], state.question.index() as u64);
        let bits = draw(key, index, state.place(Purpose::Order, 0));
        let turn = below(bits, own.upstream.len() as u64) as usize + state.tries as usize;
        let upstream: ResolverId = own.upstream[turn % own.upstream.len()];
        let to = &self.model.dns.resolvers[upstream.index()];
        let member = to.farm.index(draw(key, index, state.place(Purpose::Upstream, 0)));
        let trip = round_trip(&self.model.network, own.region, to.region, |link| {
            draw(key, index, state.place(Purpose::RoundTrip, u32::from(link)))
        });
        let (cache, question) = (CacheId(to.first_cache.0 + member as u32), state.question);
        self.fetches[fetch as usize].queries += 1;
        let slot = self.put_ask(Self::sub_ask(cache, question, fetch, now, half(trip)));
        if half(trip).is_zero() {
            self.on_question(scheduler, observer, faults, slot);
        } else {
            let entity = self.first_entity + cache.0;
            scheduler.schedule(entity, now + half(trip), DnsEvent::QuestionArrives(slot).into());
        }
    }

    /// A forwarder keeps its upstream's answer for the time that is left of it (RFC 1034 section 3.6).
    pub(super) fn finish_upstream<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        fetch: u32,
        answer: Answer,
    ) {
        let now = scheduler.now();
        let state = &self.fetches[fetch as usize];
        let (cache, question) = (state.cache, state.question);
        let rules = self.rules(cache);
        let (kind, data, ttl_s) = match answer.outcome {
            Outcome::Data(data) => (Kind::Data, data, rules.positive_ttl_s(answer.ttl_s)),
            Outcome::NoData => (Kind::NoData, DataId::ABSENT, rules.negative_ttl_s(Some((answer.ttl_s, answer.ttl_s)))),
            Outcome::NxDomain => {
                (Kind::NxDomain, DataId::ABSENT, rules.negative_ttl_s(Some((answer.ttl_s, answer.ttl_s))))
            }
            Outcome::ServFail => return self.finish_failed(scheduler, observer, faults, fetch),
        };
        let place = if kind == Kind::NxDomain { Question::new(question.name(), RecordType::Soa) } else { question };
        self.store(now, observer, cache, place, kind, data, answer.data_version, ttl_s);
        let answer = Answer { ttl_s, source: Source::Miss, ..answer };
        self.finish(scheduler, observer, faults, fetch, answer);
    }
}
