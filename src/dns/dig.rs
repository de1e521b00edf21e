//! Questions of a user at a terminal: to one cache, and along the delegation.

use super::authority::Reply;
use super::resolver::{Dns, Pending, Who};
use super::{Asker, DnsEvent, DnsObserver, ServerState, Waiter};
use crate::engine::scheduler::Scheduler;
use crate::engine::time::SimDuration;
use crate::model::dns::{DelegationModel, Question, Rdata};
use crate::model::{CacheId, DataId, ServerId, ZoneId};

/// What one server said on the way from the root to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceStep {
    /// Of which zone it was asked.
    pub zone: ZoneId,
    /// Which server.
    pub server: ServerId,
    /// About what: another name after an alias.
    pub question: Question,
    /// What it said.
    pub said: Said,
    /// What its copy of the zone says in its SOA.
    pub soa: SoaTold,
}

/// What may change in a zone's SOA (RFC 1035 section 3.3.13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SoaTold {
    /// SERIAL.
    pub serial: u32,
    /// MNAME, the server that the zone's data come from.
    pub primary: Option<ServerId>,
}

/// What an authoritative server said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// Ask the servers of this zone.
    Referral(ZoneId, DelegationModel),
    /// The data and its TTL in seconds.
    Data(DataId, u32),
    /// An alias and its TTL in seconds.
    Alias(DataId, u32),
    /// The name exists without data of that type; with the negative TTL in seconds if there was an SOA.
    NoData(Option<u32>),
    /// The name does not exist; likewise.
    NxDomain(Option<u32>),
    /// Nothing of use, in words.
    Failed(&'static str),
}

/// Zones and aliases that a trace follows.
const STEPS_MAX: usize = 64;

impl Dns<'_> {
    /// Asks one cache, as a user at its own host does: no round trip, and no draw of which member answers. The answer
    /// comes with [`DnsObserver::on_lookup`], for [`Asker::Dig`] and `number`.
    pub fn dig<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        faults: &impl ServerState,
        cache: CacheId,
        question: Question,
        number: u32,
    ) {
        let who = Who::Asker(Asker::Dig(number), Waiter(number));
        let slot = self.put_ask(Pending::begin(cache, question, who, scheduler.now(), SimDuration::ZERO));
        self.on_question(scheduler, observer, faults, slot);
    }

    /// The walk from the root to the answer, as one who has no cache finds it now: at each zone the first server named that
    /// is up and holds the zone, after those that are not.
    pub fn trace(&self, question: Question, faults: &impl ServerState) -> Vec<TraceStep> {
        let mut steps = Vec::new();
        let (mut zone, mut question) = (ZoneId(0), question);
        let mut servers = self.model.dns.zones[0].servers.clone();
        while steps.len() < STEPS_MAX {
            let mut said = Said::Failed("no server is named");
            for server in std::mem::take(&mut servers) {
                let soa;
                (said, soa) = if faults.server_is_up(server) {
                    self.said(server, zone, question)
                } else {
                    (Said::Failed("no answer: the server is down"), SoaTold::default())
                };
                steps.push(TraceStep { zone, server, question, said, soa });
                if !matches!(said, Said::Failed(_)) {
                    break;
                }
            }
            match said {
                Said::Referral(child, delegation) => {
                    zone = child;
                    if let Rdata::Ns(named) = &self.model.dns.data[delegation.ns.index()] {
                        servers = named.to_vec();
                    }
                }
                Said::Alias(data, _) => {
                    let Some(target) = self.alias_target(data) else { break };
                    question = Question::new(target, question.kind());
                    zone = ZoneId(0);
                    servers = self.model.dns.zones[0].servers.clone();
                }
                _ => break,
            }
        }
        steps
    }

    fn said(&self, server: ServerId, zone: ZoneId, question: Question) -> (Said, SoaTold) {
        let negative = |soa: Option<(u32, u32)>| soa.map(|(ttl_s, minimum_s)| ttl_s.min(minimum_s));
        let response = self.authority.reply(server, zone, question);
        let said = match response.reply {
            Reply::Data { data, ttl_s, .. } => Said::Data(data, ttl_s),
            Reply::Alias { data, ttl_s, .. } => Said::Alias(data, ttl_s),
            Reply::NoData { soa, .. } => Said::NoData(negative(soa)),
            Reply::NxDomain { soa, .. } => Said::NxDomain(negative(soa)),
            Reply::Referral(child, delegation) => Said::Referral(child, delegation),
            Reply::Upward => Said::Failed("a referral to the root: the server does not hold the zone"),
            Reply::Refused => Said::Failed("REFUSED: the server does not hold the zone"),
            Reply::ServFail => Said::Failed("SERVFAIL"),
            Reply::Unreachable => Said::Failed("nothing listens there"),
        };
        (said, self.authority.soa_at(zone, response.changes))
    }
}
