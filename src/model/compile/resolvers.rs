//! Resolvers and their rules.

use super::Compiler;
use super::names::{invalid_domain, stamp};
use crate::engine::choice::{InvalidWeights, WeightedChoice};
use crate::engine::random::EntityKey;
use crate::model::dns::{CacheModel, ResolverModel, canonical};
use crate::model::network::Network;
use crate::model::{CacheId, NameId, RegionId, ResolverId};
use crate::scenario::tree::{Popularity, Resolver, Software};

/// Caches of one farm.
const FARM_MAX: u32 = 100_000;

/// All caches together.
const CACHES_MAX: usize = 10_000_000;

/// All that clients and senders choose from, together: some 20 bytes each.
const CHOICES_MAX: usize = 20_000_000;

impl Compiler<'_> {
    pub(super) fn resolvers(&mut self, network: &Network) {
        for id in 0..self.resolvers.len() as u32 {
            let member = self.resolvers.members[id as usize].clone();
            let Some((key, resolver)) = self.tree.resolvers.get_index(member.key) else { continue };
            self.number = member.number;
            let sites = self.sites(key, resolver);
            let rules = self.rules(key, &resolver.software);
            let farm = resolver.farm.clamp(1, FARM_MAX);
            if farm != resolver.farm {
                self.error(&["resolvers", key, "farm"], format!("a farm of {}", resolver.farm)).label =
                    format!("expected 1 to {FARM_MAX}");
            }
            let mut weights =
                if resolver.weights.is_empty() { vec![1.0; farm as usize] } else { resolver.weights.clone() };
            if weights.len() != farm as usize {
                self.error(&["resolvers", key, "weights"], format!("{} weights for {farm} caches", weights.len()));
                weights = vec![1.0; farm as usize];
            }
            // Beyond it only errors are looked for.
            let farm = if self.dns.caches.len() < CACHES_MAX { farm } else { 1 };
            weights.truncate(farm as usize);
            let choice = self.choice(&["resolvers", key, "weights"], &weights);
            if matches!(resolver.software, Software::Dnsmasq(_)) && resolver.upstream.is_none() {
                self.error(&["resolvers", key, "software"], "dnsmasq forwards, and this one has no upstream").help =
                    Some("name the resolver it asks: `upstream: [\"isp\"]`".into());
            }
            let upstream = resolver.upstream.as_ref().map_or_else(Vec::new, |names| self.upstream(key, names));
            let first_cache = CacheId(self.dns.caches.len() as u32);
            for (site, &region) in (0..).zip(&sites) {
                let resolver = ResolverId(id);
                let members = (site * farm..).take(farm as usize);
                self.dns.caches.extend(members.map(|member| CacheModel { resolver, member, region }));
            }
            let refuses = self.refuses(key, resolver);
            let name = member.name;
            self.dns.resolvers.push(ResolverModel {
                region: sites[0],
                rules,
                first_cache,
                farm: choice,
                choice: resolver.choice,
                sites: sites.len() as u32,
                hash: EntityKey::new(self.tree.run.seed, 0, "resolver", &name, "hash"),
                nearest: nearest(network, &sites),
                upstream,
                validates: resolver.validates,
                ipv6: resolver.ipv6,
                is_inside: false,
                refuses,
                name,
            });
        }
        self.number = 0;
        if self.dns.caches.len() >= CACHES_MAX {
            self.error(&["resolvers"], "too many caches").label = format!("expected fewer than {CACHES_MAX}");
        }
        self.check_loops();
    }

    /// Where a resolver is: one region or several.
    fn sites(&mut self, key: &str, resolver: &Resolver) -> Vec<RegionId> {
        if resolver.sites.is_empty() {
            return vec![self.region(&["resolvers", key, "region"], resolver.region.as_ref())];
        }
        if resolver.region.is_some() {
            self.error(&["resolvers", key, "region"], "a region beside sites").help =
                Some("`sites` says where it is".into());
        }
        let mut sites: Vec<RegionId> = Vec::new();
        for (index, name) in resolver.sites.iter().enumerate() {
            let path = ["resolvers", key, "sites", &index.to_string()];
            let region = self.region(&path, Some(name));
            if sites.contains(&region) {
                self.error(&path, "a site named twice").help = Some("use `farm` for several caches".into());
            } else {
                sites.push(region);
            }
        }
        sites
    }

    /// The domains that it refuses to answer for.
    fn refuses(&mut self, key: &str, resolver: &Resolver) -> Vec<NameId> {
        let mut found = Vec::new();
        for (index, name) in resolver.refuses.iter().enumerate() {
            let name = canonical(&stamp(name, self.number));
            if let Some(why) = invalid_domain(&name) {
                let path = ["resolvers", key, "refuses", &index.to_string()];
                self.error(&path, format!("`{name}` is no domain name: {why}"));
            }
            found.push(self.dns.names.intern(&name));
        }
        found
    }

    /// Where the next cache comes, if there is room for one more.
    pub(super) fn room_for_a_cache(&mut self, path: &[&str]) -> Option<CacheId> {
        let next = self.dns.caches.len();
        if next >= CACHES_MAX {
            self.error(path, "too many caches").label = format!("expected fewer than {CACHES_MAX}");
            return None;
        }
        Some(CacheId(next as u32))
    }

    fn upstream(&mut self, key: &str, names: &[String]) -> Vec<ResolverId> {
        if names.is_empty() {
            self.error(&["resolvers", key, "upstream"], "a forwarder without an upstream").help =
                Some("name a resolver, or leave `upstream` out to walk the tree".into());
        }
        let mut found = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let path = ["resolvers", key, "upstream", &index.to_string()];
            found.extend(self.find(&path, "resolver", name).into_iter().map(ResolverId));
        }
        found
    }

    /// A chain of forwarders ends somewhere.
    fn check_loops(&mut self) {
        // 0: not seen, 1: on the way, 2: done.
        let mut state = vec![0u8; self.dns.resolvers.len()];
        for start in 0..self.dns.resolvers.len() {
            let mut stack = vec![(start, 0usize)];
            while let Some((at, next)) = stack.pop() {
                state[at] = 1;
                let Some(&up) = self.dns.resolvers[at].upstream.get(next) else {
                    state[at] = 2;
                    continue;
                };
                stack.push((at, next + 1));
                match state[up.index()] {
                    0 => stack.push((up.index(), 0)),
                    1 => {
                        let from = stack.iter().position(|(at, _)| *at == up.index()).unwrap_or(0);
                        let names: Vec<&str> =
                            stack[from..].iter().map(|(at, _)| self.dns.resolvers[*at].name.as_str()).collect();
                        let message = format!("forwarders in a loop: {} -> {}", names.join(" -> "), names[0]);
                        let key = self.tree.resolvers.get_index(self.resolvers.members[at].key).map(|(key, _)| key);
                        let key = key.cloned().unwrap_or_default();
                        self.error(&["resolvers", &key, "upstream"], message).help =
                            Some("one of them must walk the tree itself".into());
                        state.fill(2);
                        return;
                    }
                    _ => {}
                }
            }
        }
    }

    pub(super) fn choice(&mut self, path: &[&str], weights: &[f64]) -> WeightedChoice {
        match WeightedChoice::new(weights) {
            Ok(choice) => choice,
            Err(invalid) => {
                let help = match invalid {
                    InvalidWeights::Empty | InvalidWeights::Sum(0.0) => "give at least one weight above zero",
                    _ => "only the weights' ratios matter: any scale will do",
                };
                self.error(path, invalid.to_string()).help = Some(help.into());
                one()
            }
        }
    }

    /// Whether `count` more to choose from are too many, which is said.
    pub(super) fn is_too_many(&mut self, path: &[&str], count: usize) -> bool {
        self.choices = self.choices.saturating_add(count);
        if self.choices > CHOICES_MAX {
            self.error(path, format!("more than {CHOICES_MAX} things to choose from, over all that choose")).help =
                Some("make the populations smaller, or name fewer".into());
        }
        self.choices > CHOICES_MAX
    }

    pub(super) fn popularity(&mut self, path: &[&str], popularity: &Popularity, count: usize) -> WeightedChoice {
        match popularity {
            Popularity::Uniform => self.zipf(path, count, 0.0),
            Popularity::Zipf(exponent) => self.zipf(path, count, *exponent),
            Popularity::Weights(weights) => {
                if weights.len() != count {
                    self.error(path, format!("{} weights for {count} things", weights.len()));
                }
                self.choice(path, weights)
            }
        }
    }

    pub(super) fn zipf(&mut self, path: &[&str], count: usize, exponent: f64) -> WeightedChoice {
        match WeightedChoice::zipf(count, exponent) {
            Ok(choice) => choice,
            Err(invalid) => {
                self.error(path, invalid.to_string());
                one()
            }
        }
    }
}

/// For each region the site with the least mean round trip; of equals the first.
fn nearest(network: &Network, sites: &[RegionId]) -> Vec<u32> {
    if sites.len() < 2 {
        return Vec::new();
    }
    let regions = (0..network.regions.len() as u32).map(RegionId);
    let mean = |from: RegionId, to: RegionId| {
        let mut links = network.path(from, to).peekable();
        let is_cut = from != to && links.peek().is_none();
        if is_cut { f64::INFINITY } else { links.map(|link| link.rtt.mean()).sum() }
    };
    regions
        .map(|from| {
            let site = (0..).zip(sites).min_by(|a, b| mean(from, *a.1).total_cmp(&mean(from, *b.1)));
            site.map_or(0, |(site, _)| site)
        })
        .collect()
}

fn one() -> WeightedChoice {
    WeightedChoice::zipf(1, 0.0).unwrap_or_else(|_| unreachable!("one thing can be chosen from"))
}
