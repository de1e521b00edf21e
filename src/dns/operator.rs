//! What an operator does to zones and caches.

use super::authority::Copied;
use super::cache::Cache;
use super::resolver::{Dns, instant_paths};
use super::{DnsEvent, DnsObserver};
use crate::engine::scheduler::Scheduler;
use crate::model::dns::{DelegationModel, KeyId, Question, Rdata};
use crate::model::faults::Brownout;
use crate::model::network::Network;
use crate::model::{DataId, ServerId, ZoneId};
use crate::scenario::tree::{NsAt, OldServers, RecordType};

impl<'m> Dns<'m> {
    /// Names other servers for a zone: at its parent, in itself, or both. A server that is then named in neither goes on
    /// as `old` says; one that is named anew has what the primary has.
    #[allow(clippy::too_many_arguments, reason = "the parts of one action")]
    pub fn set_ns<E: Copy + From<DnsEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl DnsObserver,
        zone: ZoneId,
        ns: DataId,
        ttl_s: Option<u32>,
        at: NsAt,
        old: OldServers,
    ) {
        let before = self.named(zone);
        // What they keep is the zone as it was before it named others.
        let (changes, _) = self.authority.revision(zone);
        if at != NsAt::Child {
            let delegation = self.authority.delegation(zone);
            let ns_ttl_s = ttl_s.unwrap_or(delegation.ns_ttl_s);
            self.authority.set_delegation(zone, DelegationModel { ns, ns_ttl_s, ..delegation });
        }
        if at != NsAt::Parent {
            let question = Question::new(self.model.dns.zones[zone.index()].apex, RecordType::Ns);
            self.set_data(scheduler, observer, question, ns, ttl_s.unwrap_or(0));
            if let Some(ttl_s) = ttl_s {
                self.set_ttl(question, ttl_s);
            }
        }
        let after = self.named(zone);
        for &server in before.iter().filter(|server| !after.contains(server)) {
            match (old, self.authority.copy(zone, server)) {
                // What it has stays as old as it is.
                (OldServers::Follow, _) | (OldServers::Keep, Some(_)) => {}
                (OldServers::Keep, None) => self.authority.set_copy(zone, server, Some(Copied::At(changes))),
                (OldServers::Drop, _) => self.authority.set_copy(zone, server, Some(Copied::Nothing)),
            }
            self.set_secondary(zone, server, old == OldServers::Follow);
        }
        for &server in after.iter().filter(|server| !before.contains(server)) {
            self.authority.set_copy(zone, server, None);
            self.set_secondary(zone, server, true);
        }
    }

    /// The servers that a zone has, by its parent or by itself.
    fn named(&self, zone: ZoneId) -> Vec<ServerId> {
        let question = Question::new(self.model.dns.zones[zone.index()].apex, RecordType::Ns);
        let sets = [self.authority.delegation(zone).ns, self.authority.current(question)];
        let servers = sets.into_iter().filter_map(|ns| match &self.model.dns.data[ns.index()] {
            Rdata::Ns(servers) => Some(servers.iter().copied()),
            _ => None,
        });
        servers.flatten().collect()
    }

    /// The zone is signed with another key from now on, or not at all: the DS at the parent no longer fits.
    pub fn change_key(&mut self, zone: ZoneId) {
        let ds = self.authority.delegation(zone).ds;
        self.authority.set_key(zone, KeyId(ds.0.wrapping_add(1)));
    }

    /// Takes a zone's DS away from its parent.
    pub fn remove_ds(&mut self, zone: ZoneId) {
        let delegation = self.authority.delegation(zone);
        self.authority.set_delegation(zone, DelegationModel { ds: KeyId::default(), ..delegation });
    }

    /// What is sent from now on finds this network. Whoever knows that an answer is at hand asks again.
    pub fn set_network(&mut self, network: &'m Network) {
        self.network = network;
        self.is_instant = instant_paths(network);
        self.is_disturbed = self.is_network_other() || self.down.iter().any(|causes| *causes > 0);
        self.caches.iter_mut().for_each(Cache::move_on);
    }

    /// A server answers like this from now on.
    pub fn set_brownout(&mut self, server: ServerId, brownout: Option<Brownout>) {
        self.brownouts.resize(self.model.dns.servers.len(), None);
        self.brownouts[server.index()] = brownout;
    }

    /// Sets a zone's serial.
    pub fn set_serial(&mut self, zone: ZoneId, serial: u32) {
        self.authority.set_serial(zone, serial);
    }
}
