//! Resolvers, and what asks them without mail.

use std::sync::Arc;

use super::Compiler;
use super::names::stamp;
use super::presets;
use crate::engine::choice::WeightedChoice;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::dns::{
    ArrivalsModel, CacheModel, ClientModel, DiurnalModel, ProbeModel, Question, ResolverModel, Rules, TraceRow,
};
use crate::model::mail::MailModel;
use crate::model::{CacheId, Clock, RegionId, ResolverId};
use crate::scenario::trace::read_arrivals;
use crate::scenario::tree::{Arrivals, Popularity, RecordType, ResolverRules, Software};

/// Caches of one farm.
const FARM_MAX: u32 = 100_000;

impl Compiler<'_> {
    pub(super) fn resolvers(&mut self) {
        for id in 0..self.resolvers.len() as u32 {
            let member = self.resolvers.members[id as usize].clone();
            let Some((key, resolver)) = self.tree.resolvers.get_index(member.key) else { continue };
            let region = self.region(&["resolvers", key, "region"], resolver.region.as_ref());
            let rules = self.rules(key, &resolver.software);
            let farm = resolver.farm.clamp(1, FARM_MAX);
            if farm != resolver.farm {
                self.error(&["resolvers", key, "farm"], format!("a farm of {}", resolver.farm)).label =
                    format!("expected 1 to {FARM_MAX}");
            }
            let weights = if resolver.weights.is_empty() { vec![1.0; farm as usize] } else { resolver.weights.clone() };
            if weights.len() != farm as usize {
                self.error(&["resolvers", key, "weights"], format!("{} weights for {farm} caches", weights.len()));
            }
            let choice = self.choice(&["resolvers", key, "weights"], &weights);
            let upstream =
                resolver.upstream.as_ref().map_or_else(Vec::new, |names| self.upstream(key, names, member.number));
            let first_cache = CacheId(self.dns.caches.len() as u32);
            self.dns.caches.extend((0..farm).map(|member| CacheModel { resolver: ResolverId(id), member }));
            let name = member.name;
            self.dns.resolvers.push(ResolverModel { name, region, rules, first_cache, farm: choice, upstream });
        }
        self.check_loops();
    }

    fn upstream(&mut self, key: &str, names: &[String], number: u32) -> Vec<ResolverId> {
        if names.is_empty() {
            self.error(&["resolvers", key, "upstream"], "a forwarder without an upstream").help =
                Some("name a resolver, or leave `upstream` out to walk the tree".into());
        }
        let mut found = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let path = ["resolvers", key, "upstream", &index.to_string()];
            found.extend(self.find(&path, "resolver", &stamp(name, number)).into_iter().map(ResolverId));
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

    fn rules(&mut self, key: &str, software: &Software) -> Rules {
        let (preset, overrides) = match software {
            Software::Ideal(overrides) => (presets::ideal(), overrides),
            Software::WholeSecond(overrides) => (presets::whole_second(), overrides),
        };
        let ResolverRules { min_ttl, max_ttl, max_negative_ttl, servfail_ttl, timeouts } = overrides;
        let mut ttl = |field: &str, span: &Option<crate::scenario::units::Duration>, default: u32| match span {
            Some(span) => self.ttl_s(&["resolvers", key, "software", field], *span),
            None => default,
        };
        let rules = Rules {
            whole_seconds: preset.whole_seconds,
            min_ttl_s: ttl("min_ttl", min_ttl, preset.min_ttl_s),
            max_ttl_s: ttl("max_ttl", max_ttl, preset.max_ttl_s),
            max_negative_ttl_s: ttl("max_negative_ttl", max_negative_ttl, preset.max_negative_ttl_s),
            servfail_ttl: servfail_ttl.map_or(preset.servfail_ttl, |span| span.0),
            timeouts: timeouts.as_ref().map_or(preset.timeouts, |list| list.iter().map(|span| span.0).collect()),
        };
        if rules.timeouts.is_empty() || rules.timeouts.len() > 32 || rules.timeouts.iter().any(|span| span.is_zero()) {
            self.error(&["resolvers", key, "software", "timeouts"], "time-outs out of range").label =
                "expected 1 to 32 durations above zero".into();
        }
        if rules.servfail_ttl > SimDuration::from_secs(300) {
            self.warning(&["resolvers", key, "software", "servfail_ttl"], "failures kept for more than 5 min").help =
                Some("RFC 9520 section 3.2 allows at most 5 min".into());
        }
        rules
    }

    pub(super) fn choice(&mut self, path: &[&str], weights: &[f64]) -> WeightedChoice {
        match WeightedChoice::new(weights) {
            Ok(choice) => choice,
            Err(invalid) => {
                self.error(path, invalid.to_string()).help = Some("give at least one weight above zero".into());
                one()
            }
        }
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

    pub(super) fn clients(&mut self, clock: &Clock) -> Vec<ClientModel> {
        let entries = self.tree.clients.iter().map(|(key, client)| (key, client.count)).collect();
        let registry = super::Registry::stamped("clients", entries, false, self.at, &mut self.problems);
        let mut clients = Vec::new();
        for member in &registry.members {
            let Some((key, client)) = self.tree.clients.get_index(member.key) else { continue };
            let resolver =
                self.find_one(&["clients", key, "resolver"], "resolver", &stamp(&client.resolver, member.number));
            let Some(resolver) = resolver else { continue };
            let own = client.region.as_ref().map(|region| self.region(&["clients", key, "region"], Some(region)));
            let region: RegionId = own.unwrap_or(self.dns.resolvers[resolver as usize].region);
            let mut asks = Vec::new();
            for (index, (name, kind)) in client.asks.iter().enumerate() {
                let path = ["clients", key, "asks", &index.to_string(), "0"];
                asks.extend(self.questions(&path, &stamp(name, member.number), *kind));
            }
            if asks.is_empty() {
                self.error(&["clients", key, "asks"], "a client that asks nothing");
                asks.push(Question::new(self.dns.names.intern("."), RecordType::Mx));
            }
            let choice = self.popularity(&["clients", key, "popularity"], &client.popularity, asks.len());
            let arrivals = self.arrivals(&["clients", key, "arrivals"], &client.arrivals, clock);
            let resolver = ResolverId(resolver);
            let begins = self.dist(&["clients", key, "begins"], &client.begins.0);
            clients.push(ClientModel { name: member.name.clone(), region, resolver, asks, choice, arrivals, begins });
        }
        clients
    }

    /// What a name or a glob of zones asks for. A name that nobody declared may be asked: it does not exist.
    fn questions(&mut self, path: &[&str], name: &str, kind: RecordType) -> Vec<Question> {
        let zones = self.zones.find(name);
        if zones.is_empty() && (name.contains('*') || name.contains('{')) {
            self.error(path, format!("no zone matches `{name}`"));
        }
        if let Some(why) =
            super::names::invalid_domain(&crate::model::dns::canonical(name)).filter(|_| zones.is_empty())
        {
            self.error(path, format!("`{name}` is no domain name: {why}"));
        }
        let names: Vec<String> = if zones.is_empty() {
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
            let caches = (0..self.dns.caches.len() as u32)
                .filter(|&cache| resolvers.contains(&self.dns.caches[cache as usize].resolver.0))
                .map(CacheId)
                .collect();
            if probe.every.0.is_zero() {
                self.error(&["probes", key, "every"], "a probe without a period");
            }
            let question = self.questions(&["probes", key, "asks", "0"], &probe.asks.0, probe.asks.1);
            let Some(&question) = question.first() else { continue };
            probes.push(ProbeModel { caches, question, every: probe.every.0, how: probe.how });
        }
        probes
    }

    pub(super) fn arrivals(&mut self, path: &[&str], arrivals: &Arrivals, clock: &Clock) -> ArrivalsModel {
        let field = |name: &'static str| -> Vec<&str> { path.iter().copied().chain([name]).collect() };
        match arrivals {
            Arrivals::Poisson { rate } => {
                self.positive(&field("rate"), rate.0, "a rate above zero");
                ArrivalsModel::Poisson { rate: rate.0.max(1e-300) }
            }
            Arrivals::Periodic { every, offset } => {
                self.positive(&field("every"), every.0.as_secs_f64(), "a duration above zero");
                ArrivalsModel::Periodic { every: every.0.max(SimDuration::TICK), offset: offset.map(|o| o.0) }
            }
            Arrivals::Burst { at, count, over } => {
                let at = self.instant(&field("at"), at, clock, &[]).unwrap_or(SimTime::ZERO);
                ArrivalsModel::Burst { at, count: *count, over: over.0 }
            }
            Arrivals::Renewal { gap } => {
                let gap = self.dist(&field("gap"), &gap.0);
                if gap.is_zero() {
                    self.error(&field("gap"), "gaps of no time");
                }
                ArrivalsModel::Renewal { gap }
            }
            Arrivals::Diurnal { per_day, peak_hour, peak_factor, weekend_share } => {
                self.positive(&field("per_day"), *per_day, "a number above zero");
                self.share(&field("weekend_share"), *weekend_share);
                if !(*peak_factor >= 1.0 && *peak_factor <= 20.0) {
                    self.error(&field("peak_factor"), format!("a peak of {peak_factor} times the average")).label =
                        "expected 1 to 20".into();
                }
                if !(0.0..24.0).contains(peak_hour) {
                    self.error(&field("peak_hour"), format!("{peak_hour} is no hour of the day"));
                }
                let (weekday, weekend) =
                    (per_day * 7.0 * (1.0 - weekend_share) / 5.0, per_day * 7.0 * weekend_share / 2.0);
                ArrivalsModel::Diurnal(DiurnalModel {
                    per_day: [weekday, weekday, weekday, weekday, weekday, weekend, weekend],
                    peak_hour: *peak_hour,
                    peak_factor: peak_factor.clamp(1.0, 20.0),
                    exponent: peak_exponent(peak_factor.clamp(1.0, 20.0)),
                })
            }
            Arrivals::Trace { file, at } => {
                let start = at.as_ref().and_then(|at| self.instant(&field("at"), at, clock, &[]));
                self.trace(&field("file"), file, start.unwrap_or(SimTime::ZERO))
            }
        }
    }

    fn positive(&mut self, path: &[&str], value: f64, expected: &str) {
        if !(value > 0.0 && value.is_finite()) {
            self.error(path, format!("{value} is out of range")).label = format!("expected {expected}");
        }
    }

    fn trace(&mut self, path: &[&str], file: &str, start: SimTime) -> ArrivalsModel {
        let Some(source) = self.file(path, file) else { return ArrivalsModel::Trace(Arc::new([])) };
        let (rows, problems) = read_arrivals(&source, None);
        self.problems.extend(problems);
        let mut model = Vec::new();
        for row in rows.unwrap_or_default() {
            let domain = row.domain.as_ref().map(|domain| self.dns.names.intern(domain));
            let limited = |value: u64, max: u64| value.min(max);
            model.push(TraceRow {
                at: start + row.at.since(SimTime::ZERO),
                domain,
                size_bytes: row.size_bytes.map(|size| limited(size, u64::from(u32::MAX)) as u32),
                recipients: row.recipients.map(|count| limited(u64::from(count), u64::from(u16::MAX)) as u16),
            });
        }
        ArrivalsModel::Trace(model.into())
    }

    /// A resolver that nothing asks only takes memory.
    pub(super) fn warn_unasked(&mut self, mail: &MailModel) {
        let mut asked = vec![false; self.dns.resolvers.len()];
        let nodes = mail.nodes.iter().map(|node| node.resolver);
        let clients = self.dns.clients.iter().map(|client| client.resolver);
        let upstream = self.dns.resolvers.iter().flat_map(|resolver| resolver.upstream.iter().copied());
        let probed = self.dns.probes.iter().flat_map(|probe| &probe.caches);
        let probed = probed.map(|cache| self.dns.caches[cache.index()].resolver);
        for resolver in nodes.chain(clients).chain(upstream).chain(probed) {
            asked[resolver.index()] = true;
        }
        let mut keys: Vec<usize> =
            (0..asked.len()).filter(|&id| !asked[id]).map(|id| self.resolvers.members[id].key).collect();
        keys.dedup();
        for key in keys {
            if let Some((key, _)) = self.tree.resolvers.get_index(key) {
                let mut warning = crate::scenario::diagnostic::Diagnostic::warning(format!("nothing asks `{key}`"));
                warning.place = Some(self.at.key_place(&["resolvers", key]));
                self.problems.push(warning.help("give it a sender, a client or a probe, or remove it"));
            }
        }
    }
}

fn one() -> WeightedChoice {
    WeightedChoice::zipf(1, 0.0).unwrap_or_else(|_| unreachable!("one thing can be chosen from"))
}

/// The k for which ((1 + cos x) / 2)^k has a peak of `factor` times its mean: the mean is
/// Gamma(k + 1/2) / (sqrt(pi) Gamma(k + 1)), which falls as k grows.
fn peak_exponent(factor: f64) -> f64 {
    let mean = |k: f64| libm::exp(libm::lgamma(k + 0.5) - libm::lgamma(k + 1.0)) / std::f64::consts::PI.sqrt();
    let (mut low, mut high) = (0.0, 1000.0);
    for _ in 0..100 {
        let middle = (low + high) / 2.0;
        if mean(middle) * factor > 1.0 { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponent_gives_the_peak() {
        // k = 1: mean of (1 + cos) / 2 is 1/2; k = 2: 3/8; k = 0: flat.
        assert!((peak_exponent(2.0) - 1.0).abs() < 1e-9);
        assert!((peak_exponent(8.0 / 3.0) - 2.0).abs() < 1e-9);
        assert!(peak_exponent(1.0).abs() < 1e-9);
    }
}
