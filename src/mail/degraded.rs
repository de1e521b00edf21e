//! Networks that are parted and hosts that brown out, as mail meets them.

use super::path::Paths;
use super::world::{Purpose, place};
use super::{HostAvailability, Mail, MailContext, MailObserver, Step};
use crate::dns::{DnsObserver, ServerState};
use crate::engine::random::{draw, unit_open};
use crate::model::HostId;
use crate::model::faults::Brownout;
use crate::model::network::Network;

impl<'m> Mail<'m> {
    /// What is sent from now on finds this network. A session that has begun is finished; one that is only kept is gone if
    /// there is no way to its host any more.
    pub fn set_network<E, O, F>(&mut self, cx: &mut MailContext<'_, 'm, E, O, F>, network: &'m Network)
    where
        E: Copy + From<super::MailEvent> + From<crate::dns::DnsEvent>,
        O: MailObserver + DnsObserver,
        F: HostAvailability + ServerState,
    {
        let now = cx.scheduler.now();
        self.paths = Paths::new(network);
        for node in 0..self.nodes.len() {
            let from = self.nodes[node].region;
            let Some(queue) = &mut self.nodes[node].queue else { continue };
            let closed = queue.connections.close(|host| !network.is_way(from, self.hosts[host.index()].region));
            closed.iter().for_each(|idle| queue.count(now, idle.address, false));
            for idle in closed.iter().filter(|idle| idle.holds_session) {
                self.on_host_frees(cx, idle.address.host);
            }
        }
        self.pump_all(cx);
    }

    /// How a host browns out from now on.
    pub fn set_brownout(&mut self, host: HostId, brownout: Option<Brownout>) {
        self.hosts[host.index()].brownout = brownout.map(Box::new);
    }

    /// Whether a connection is one of the share that a host which browns out answers.
    pub(super) fn is_answered(&self, slot: u32, share: f64) -> bool {
        let delivery = &self.slots[slot as usize];
        let Step::Host(hop) = delivery.work.step else { return true };
        let at = place(delivery.attempts, u32::from(hop), Purpose::Brownout);
        share >= 1.0 || unit_open(draw(self.nodes[delivery.sender.index()].key, delivery.number, at)) < share
    }
}
