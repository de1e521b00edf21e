//! What asks resolvers without mail, and what looks at them.

use super::Compiler;
use super::names::{Registry, invalid_domain, stamp};
use crate::model::dns::{ClientModel, ProbeModel, Question, canonical};
use crate::model::mail::MailModel;
use crate::model::{CacheId, Clock, RegionId, ResolverId};
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::tree::{ProbeKind, RecordType};

impl Compiler<'_> {
    pub(super) fn clients(&mut self, clock: &Clock) -> Vec<ClientModel> {
        let entries = self.tree.clients.iter().map(|(key, client)| (key, client.count)).collect();
        let mut found = Vec::new();
        let registry = Registry::stamped("clients", entries, false, self.at, &mut found);
        self.say_all(found);
        let mut clients = Vec::new();
        for member in &registry.members {
            let Some((key, client)) = self.tree.clients.get_index(member.key) else { continue };
            self.number = member.number;
            let resolver = self.find_one(&["clients", key, "resolver"], "resolver", &client.resolver);
            let Some(resolver) = resolver else { continue };
            let own = client.region.as_ref().map(|region| self.region(&["clients", key, "region"], Some(region)));
            let region: RegionId = own.unwrap_or(self.dns.resolvers[resolver as usize].region);
            let mut asks = Vec::new();
            for (index, (name, kind)) in client.asks.iter().enumerate() {
                let path = ["clients", key, "asks", &index.to_string(), "0"];
                if !self.is_too_many(&path, 0) {
                    asks.extend(self.questions(&path, &stamp(name, member.number), *kind));
                }
            }
            if client.asks.is_empty() {
                self.error(&["clients", key, "asks"], "a client that asks nothing").help =
                    Some("give it a question: `asks: [(\"example.org\", MX)]`".into());
            }
            if asks.is_empty() {
                asks.push(Question::new(self.dns.names.intern("."), RecordType::Mx));
            }
            let choice = self.popularity(&["clients", key, "popularity"], &client.popularity, asks.len());
            let arrivals = self.arrivals(&["clients", key, "arrivals"], &client.arrivals, region, clock);
            let begins = self.begins(&["clients", key], &client.begins.0, &arrivals, clock);
            let resolver = ResolverId(resolver);
            clients.push(ClientModel { name: member.name.clone(), region, resolver, asks, choice, arrivals, begins });
        }
        self.number = 0;
        clients
    }

    /// What a name or a glob of zones asks for. A name that nobody declared may be asked: it does not exist.
    fn questions(&mut self, path: &[&str], name: &str, kind: RecordType) -> Vec<Question> {
        let zones = self.zones.find(name);
        if zones.is_empty() && (name.contains('*') || name.contains('{')) {
            self.error(path, format!("no zone matches `{name}`"));
        }
        if let Some(why) = invalid_domain(&canonical(name)).filter(|_| zones.is_empty()) {
            self.error(path, format!("`{name}` is no domain name: {why}"));
        }
        let names: Vec<String> = if zones.is_empty() || self.is_too_many(path, zones.len()) {
            vec![name.into()]
        } else {
            zones.iter().map(|&id| self.zones.name(id).into()).collect()
        };
        names.into_iter().map(|name| Question::new(self.dns.names.intern(&name), kind)).collect()
    }

    pub(super) fn probes(&mut self) -> Vec<ProbeModel> {
        let mut probes = Vec::new();
        let tree = self.tree;
        for (key, probe) in &tree.probes {
            let resolvers = self.find(&["probes", key, "resolver"], "resolver", &probe.resolver);
            let caches = self.caches_of(&resolvers);
            if probe.every.0.is_zero() {
                self.error(&["probes", key, "every"], "a probe without a period");
            }
            let question = self.questions(&["probes", key, "asks", "0"], &probe.asks.0, probe.asks.1);
            if question.len() > 1 {
                let message = format!("`{}` means {} zones, and a probe asks for one", probe.asks.0, question.len());
                self.error(&["probes", key, "asks", "0"], message);
            }
            let Some(&question) = question.first() else { continue };
            let name = key.clone();
            probes.push(ProbeModel { name, caches, question, every: probe.every.0, how: probe.how });
        }
        probes
    }

    /// Every cache of these resolvers.
    pub(super) fn caches_of(&self, resolvers: &[u32]) -> Vec<CacheId> {
        let resolvers = resolvers.iter().map(|&id| &self.dns.resolvers[id as usize]);
        resolvers
            .flat_map(|resolver| {
                let first = resolver.first_cache.0;
                (first..first + resolver.caches()).map(CacheId)
            })
            .collect()
    }

    /// What nothing uses was probably meant for something.
    pub(super) fn warn_unused(&mut self, mail: &MailModel) {
        if mail.senders == 0 && self.dns.clients.is_empty() {
            self.warning(&[], "no senders and no clients: nothing happens");
        }
        let mut is_asked = vec![false; self.dns.resolvers.len()];
        let nodes = mail.nodes.iter().map(|node| node.resolver);
        let clients = self.dns.clients.iter().map(|client| client.resolver);
        let upstream = self.dns.resolvers.iter().flat_map(|resolver| resolver.upstream.iter().copied());
        let asking = self.dns.probes.iter().filter(|probe| probe.how == ProbeKind::Ask);
        let probed = asking.flat_map(|probe| &probe.caches).map(|cache| self.dns.caches[cache.index()].resolver);
        for resolver in nodes.chain(clients).chain(upstream).chain(probed) {
            if let Some(is_asked) = is_asked.get_mut(resolver.index()) {
                *is_asked = true;
            }
        }
        let mut keys: Vec<usize> = self
            .resolvers
            .members
            .iter()
            .zip(&is_asked)
            .filter(|(_, asked)| !**asked)
            .map(|(one, _)| one.key)
            .collect();
        keys.dedup();
        for key in keys {
            if let Some((key, _)) = self.tree.resolvers.get_index(key) {
                let warning = Diagnostic::warning(format!("nothing asks the resolver `{key}`"))
                    .help("give it a sender, a client or a probe that asks, or remove it");
                self.say(Diagnostic { place: Some(self.at.key_place(&["resolvers", key])), ..warning });
            }
        }
    }
}
