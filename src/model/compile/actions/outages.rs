//! Entries that take something down, cut it off or slow it.

use super::{Done, State};
use crate::model::compile::Compiler;
use crate::model::timeline::ActionModel;
use crate::model::{CacheId, RegionId, TargetId};
use crate::scenario::tree::Action;

impl Compiler<'_> {
    /// Outages, partitions and brownouts.
    pub(super) fn fail(&mut self, entry: u32, action: &Action, state: &mut State, done: &mut Done) {
        let index = entry.to_string();
        let path = |field: &'static str| ["timeline", index.as_str(), "do", field];
        match action {
            Action::Outage { host, server, resolver, risk, region, mode } => {
                let mode = self.failure_mode(&path("mode"), *mode);
                let mut targets: Vec<TargetId> = Vec::new();
                let (hosts, servers) = (self.hosts.len() as u32, self.dns.servers.len() as u32);
                for (kind, reference, first) in
                    [("host", host, 0), ("server", server, hosts), ("risk", risk, hosts + servers)]
                {
                    if let Some(reference) = reference {
                        let found = self.find(&path(kind), kind, reference);
                        targets.extend(found.into_iter().map(|id| TargetId(first + id)));
                    }
                }
                let found = resolver.as_ref().map(|resolver| self.find(&path("resolver"), "resolver", resolver));
                let mut caches = self.caches_of(&found.unwrap_or_default());
                if let Some(region) = region {
                    self.warn_of_made_servers(&path("region"), region);
                    let sites = self.caches_in(region);
                    targets.extend(self.targets_in(&path("region"), region, !sites.is_empty(), state));
                    caches.extend(sites);
                    caches.sort_unstable();
                    caches.dedup();
                }
                if [host, server, resolver, risk, region].into_iter().all(Option::is_none) {
                    self.error(&["timeline", &index, "do"], "an outage of nothing").help =
                        Some("name a `host`, a `server`, a `resolver`, a `risk` or a `region`".into());
                }
                if !targets.is_empty() || caches.is_empty() {
                    let undo = vec![ActionModel::Up { targets: targets.clone() }];
                    state.set(done, ActionModel::Down { targets, mode }, undo);
                }
                if !caches.is_empty() {
                    let undo = vec![ActionModel::SetDown { caches: caches.clone(), is_down: false }];
                    state.set(done, ActionModel::SetDown { caches, is_down: true }, undo);
                }
            }
            Action::Partition { between } => {
                let cut = self.cut(entry, between);
                done.actions = state.degraded.partition(entry, cut);
                done.degrades = Some(entry);
            }
            Action::Brownout { host, server, region, slow, answers, mode } => {
                let brownout = self.brownout(entry, *slow, *answers, *mode);
                let mut targets: Vec<TargetId> = Vec::new();
                for (kind, reference, first) in [("host", host, 0), ("server", server, self.hosts.len() as u32)] {
                    if let Some(reference) = reference {
                        let found = self.find(&path(kind), kind, reference);
                        targets.extend(found.into_iter().map(|id| TargetId(first + id)));
                    }
                }
                if let Some(region) = region {
                    targets.extend(self.targets_in(&path("region"), region, false, state));
                }
                if host.is_none() && server.is_none() && region.is_none() {
                    self.error(&["timeline", &index, "do"], "a brownout of nothing").help =
                        Some("name a `host`, a `server` or a `region`".into());
                }
                done.actions = state.degraded.brownout(entry, targets, brownout);
                done.degrades = Some(entry);
            }
            _ => {}
        }
    }

    /// Servers that were made for the root and top-level zones stand in the first region, and go down with it.
    fn warn_of_made_servers(&mut self, path: &[&str], region: &str) {
        let is_first = self.regions.find(region).contains(&0);
        let root = self.dns.zones[0].servers.first().map(|server| self.dns.servers[server.index()].name);
        let is_made = root.is_some_and(|root| self.made_servers.contains_key(&root));
        if is_first && is_made && self.tree.regions.len() > 1 {
            self.warning(
                path,
                "the servers of the root and of top-level zones that were made are in this region, too",
            )
            .help = Some("declare those zones with servers elsewhere, to take the site down alone".into());
        }
    }

    /// The caches of all resolvers of a region, or of their sites there; a sender's own stays with it.
    fn caches_in(&self, region: &str) -> Vec<CacheId> {
        let regions = self.regions.find(region);
        let is_meant = |cache: &CacheId| {
            let model = &self.dns.caches[cache.index()];
            regions.contains(&model.region.0) && !self.dns.resolvers[model.resolver.index()].is_inside
        };
        (0..self.dns.caches.len() as u32).map(CacheId).filter(is_meant).collect()
    }

    /// All hosts and name servers of a region; that there are none is an error, unless it `has_others`.
    fn targets_in(&mut self, path: &[&str], region: &str, has_others: bool, state: &State) -> Vec<TargetId> {
        let regions = self.find(path, "region", region);
        let is_there = |at: RegionId| regions.contains(&at.0);
        let hosts = state.regions.iter().zip(0..).filter(|(at, _)| is_there(**at)).map(|(_, id)| id);
        let first = self.hosts.len() as u32;
        let servers = self.dns.servers.iter().zip(first..).filter(|(server, _)| is_there(server.region));
        let targets: Vec<TargetId> = hosts.chain(servers.map(|(_, id)| id)).map(TargetId).collect();
        if targets.is_empty() && !regions.is_empty() && !has_others {
            self.error(path, "nothing that can be down is in that region");
        }
        targets
    }
}
