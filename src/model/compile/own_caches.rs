//! DNS caches inside a sending system, between it and its resolver: forwarders of its own, at no distance.

use super::Compiler;
use crate::engine::random::EntityKey;
use crate::engine::time::SimDuration;
use crate::model::dns::{CacheModel, ResolverModel, Rules};
use crate::model::mail::OwnCache;
use crate::model::{RegionId, ResolverId};
use crate::scenario::tree::{FarmChoice, ResolverRules, Software};

impl Compiler<'_> {
    /// Whom a node asks: its resolver, or its own cache before that.
    pub(super) fn own_cache(
        &mut self,
        path: &[&str],
        name: &str,
        region: RegionId,
        resolver: ResolverId,
        own: Option<OwnCache>,
    ) -> ResolverId {
        let Some(own) = own.filter(|_| resolver.index() < self.resolvers.len()) else { return resolver };
        let Some(first_cache) = self.room_for_a_cache(path) else { return resolver };
        let id = ResolverId(self.dns.resolvers.len() as u32);
        let ideal = self.rules("", &Software::Ideal(ResolverRules::default()));
        let name = format!("{name} (own cache)");
        let farm = self.choice(path, &[1.0]);
        self.dns.caches.push(CacheModel { resolver: id, member: 0, region });
        self.dns.resolvers.push(ResolverModel {
            region,
            rules: rules(&own, ideal),
            first_cache,
            farm,
            choice: FarmChoice::default(),
            sites: 1,
            hash: EntityKey::new(self.tree.run.seed, 0, "resolver", &name, "hash"),
            nearest: Vec::new(),
            upstream: vec![resolver],
            validates: false,
            ipv6: false,
            is_inside: true,
            refuses: Vec::new(),
            name,
        });
        id
    }
}

/// An ideal cache with the bounds of a system's own. Of an answer without data, and of a failure, it knows no more than it
/// keeps by its own rules.
fn rules(own: &OwnCache, ideal: Rules) -> Rules {
    let seconds = |span: SimDuration| u32::try_from(span.whole_seconds()).unwrap_or(u32::MAX);
    let mut rules = ideal;
    rules.capacity = (own.entries != u32::MAX).then_some(own.entries.max(1));
    rules.ttl.max_s = rules.ttl.max_s.min(seconds(own.max_ttl));
    rules.ttl.min_s = seconds(own.min_ttl).min(rules.ttl.max_s);
    rules.negatives.max_s = rules.negatives.max_s.min(seconds(own.negative_max));
    rules.negatives.min_s = seconds(own.negative_min).min(rules.negatives.max_s);
    rules.negatives.raises_zero_nodata = !own.negative_min.is_zero();
    rules.servfail_ttl = own.failure;
    rules.asking.timeouts = vec![own.patience];
    rules
}
