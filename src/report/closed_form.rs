//! The propagation curve in closed form, where there is one.
//!
//! A cache that Poisson askers ask at a rate l holds an answer of TTL T a share p = l T / (1 + l T) of the time (Jung,
//! Berger and Balakrishnan, "Modeling TTL-based Internet caches", 2003). The age of what it holds is uniform over T, so
//! t after a change it still answers with what was before with probability p (1 - t / T), and never beyond T.

use crate::engine::dist::Dist;
use crate::engine::time::SimTime;
use crate::model::dns::{ArrivalsModel, ClientModel, Question};
use crate::model::mail::NodeModel;
use crate::model::timeline::{ActionModel, TimelineItem};
use crate::model::{DataId, Model, ResolverId};
use crate::scenario::tree::{ProbeKind, RecordType, ServeStale};

/// The expected share of stale caches after one change of an RRset.
#[derive(Debug, Clone, PartialEq)]
pub struct ClosedForm {
    /// When it changes, seconds.
    at_s: f64,
    /// Of each cache that the form holds for: p and T in seconds.
    caches: Vec<(f64, f64)>,
    /// All caches, those among them that it does not hold for.
    total: usize,
}

/// Share of caches for which the form must hold.
const MOST: f64 = 0.9;

impl ClosedForm {
    /// The form for a question: one change of an RRset that is there before and whose TTL nobody touches, caches that are
    /// filled by Poisson askers alone, keep a TTL as it is, and have forgotten how they began. `None` unless that is so
    /// for nine caches of ten.
    pub fn of(model: &Model, question: Question) -> Option<Self> {
        let mut changes = model.timeline.iter().filter(|item| is_about(&item.action, question));
        let (change, None) = (changes.next()?, changes.next()) else { return None };
        let ActionModel::SetData { .. } = change.action else { return None };
        // Servers that disagree for a while, or change, make answers old that are new to the cache.
        let zone = model.dns.names.zone_of[question.name().index()];
        let moves = |item: &TimelineItem| matches!(item.action, ActionModel::SetNs { .. });
        if model.dns.secondaries.iter().any(|secondary| secondary.zone == zone) || model.timeline.iter().any(moves) {
            return None;
        }
        let before = model.dns.rrsets.iter().find(|rrset| rrset.question == question)?;
        if before.data == DataId::ABSENT || before.ttl_s == 0 {
            return None;
        }
        let mut caches = Vec::new();
        for (resolver, id) in model.dns.resolvers.iter().zip(0..) {
            let rules = &resolver.rules;
            let is_plain = resolver.upstream.is_empty()
                && rules.prefetch.is_none()
                && rules.stale.serve == ServeStale::Off
                && rules.capacity.is_none()
                && rules.told_after.is_none()
                && rules.caches(question.kind());
            let Some(askers) = Askers::of(model, ResolverId(id), question).filter(|_| is_plain) else { continue };
            let ttl_s = f64::from(rules.positive_ttl_s(before.ttl_s));
            for member in 0..resolver.farm.count() {
                let rate = askers.rate * resolver.farm.share(member);
                if askers.are_forgotten(rate, ttl_s, change.at) {
                    caches.push((rate * ttl_s / (1.0 + rate * ttl_s), ttl_s));
                }
            }
        }
        let total = model.dns.caches.len();
        let form = Self { at_s: change.at.as_secs_f64(), caches, total };
        (form.caches.len() as f64 >= MOST * total as f64 && total > 0).then_some(form)
    }

    /// The share that is stale at an instant, in seconds since the start of the run.
    pub fn share(&self, at_s: f64) -> f64 {
        let age = at_s - self.at_s;
        if age < 0.0 {
            return 0.0;
        }
        let sum: f64 = self.caches.iter().map(|(held, ttl_s)| held * (1.0 - age / ttl_s).max(0.0)).sum();
        sum / self.caches.len() as f64
    }

    /// The corners of the curve, up to `end_s`.
    pub fn points(&self, end_s: f64) -> Vec<(f64, f64)> {
        let mut ends: Vec<f64> = self.caches.iter().map(|(_, ttl_s)| self.at_s + ttl_s).collect();
        ends.sort_unstable_by(f64::total_cmp);
        ends.dedup();
        let inner = ends.into_iter().filter(|at| *at < end_s);
        let corners = [0.0, self.at_s].into_iter().chain([self.at_s]).chain(inner).chain([end_s]);
        // Just before the change nothing is stale.
        corners.enumerate().map(|(index, at)| (at, if index < 2 { 0.0 } else { self.share(at) })).collect()
    }

    /// For how many of how many caches it holds.
    pub fn coverage(&self) -> (usize, usize) {
        (self.caches.len(), self.total)
    }
}

/// Whether an action changes what caches hold of a question, or for how long.
fn is_about(action: &ActionModel, question: Question) -> bool {
    match action {
        ActionModel::SetData { question: set, .. } => *set == question,
        ActionModel::SetTtl { questions } => questions.iter().any(|(set, _)| *set == question),
        ActionModel::FlushCache { name, .. } => name.is_none_or(|name| name == question.name()),
        _ => false,
    }
}

/// Who asks a resolver for one thing: independent Poisson processes.
struct Askers {
    /// Questions a second.
    rate: f64,
    /// When the first may begin and when the last has, seconds.
    begin: (f64, f64),
    /// Whether the first begins at a time spread evenly over that span.
    spread: Option<(f64, f64)>,
}

impl Askers {
    /// `None` if one of them is something else than a Poisson process, or there are none.
    fn of(model: &Model, resolver: ResolverId, question: Question) -> Option<Self> {
        let dns = &model.dns;
        let probed = dns.probes.iter().filter(|probe| probe.how == ProbeKind::Ask && probe.question == question);
        if probed.flat_map(|probe| &probe.caches).any(|cache| dns.caches[cache.index()].resolver == resolver) {
            return None;
        }
        let mut askers = Self { rate: 0.0, begin: (0.0, 0.0), spread: None };
        for client in dns.clients.iter().filter(|client| client.resolver == resolver) {
            askers.add(client_rate(client, question)?, &client.begins);
        }
        for node in model.mail.nodes.iter().filter(|node| node.resolver == resolver) {
            let (rate, begins) = node_rate(node, question)?;
            askers.add(rate, begins);
        }
        (askers.rate > 0.0).then_some(askers)
    }

    fn add(&mut self, rate: f64, begins: &Dist) {
        if rate == 0.0 {
            return;
        }
        let span = match begins {
            Dist::Uniform { low, high } => (*low, *high),
            Dist::Constant(at) => (*at, *at),
            _ => (0.0, f64::INFINITY),
        };
        // The first to ask decides when the cache is filled; who begins later finds it so.
        if self.rate == 0.0 || span.0 < self.begin.0 {
            self.spread = (span.1 > span.0).then_some(span);
        }
        let first = if self.rate == 0.0 { span.0 } else { self.begin.0.min(span.0) };
        self.begin = (first, self.begin.1.max(span.1));
        self.rate += rate;
    }

    /// Whether a cache's age at the change has nothing to do with when its askers began: that was spread evenly over whole
    /// TTLs, or the random gaps between fetches have added up to more than a TTL.
    fn are_forgotten(&self, rate: f64, ttl_s: f64, at: SimTime) -> bool {
        let gap = 1.0 / rate;
        let past = at.as_secs_f64() - self.begin.1;
        let cycles = past / (ttl_s + gap);
        let spread = self.spread.is_some_and(|(low, high)| {
            let turns = (high - low) / (ttl_s + gap);
            (turns - libm::round(turns)).abs() < 0.05 * turns && turns > 0.5 && past > 0.0
        });
        spread || cycles >= 5.0 + (ttl_s / gap) * (ttl_s / gap)
    }
}

/// Questions of a kind that a client asks a second; `None` if they come otherwise than by a Poisson process.
fn client_rate(client: &ClientModel, question: Question) -> Option<f64> {
    let share: f64 =
        (0..client.asks.len()).filter(|&i| client.asks[i] == question).map(|i| client.choice.share(i)).sum();
    match client.arrivals {
        _ if share == 0.0 => Some(0.0),
        ArrivalsModel::Poisson { rate } => Some(rate * share),
        _ => None,
    }
}

/// MX questions that a sender asks a second, one a message: those of retries are not counted.
fn node_rate(node: &NodeModel, question: Question) -> Option<(f64, &Dist)> {
    const AT_ONCE: &Dist = &Dist::Constant(0.0);
    let Some(source) = &node.source else {
        // When a relay asks depends on what it is given.
        return None;
    };
    if !source.all_domains().any(|domain| domain == question.name()) && question.kind() == RecordType::Mx {
        return Some((0.0, AT_ONCE));
    }
    let domains = source.domains.iter().enumerate().filter(|(_, domain)| **domain == question.name());
    let share: f64 = domains.map(|(index, _)| source.choice.share(index)).sum();
    match source.arrivals {
        ArrivalsModel::Poisson { rate } if question.kind() == RecordType::Mx => Some((rate * share, &source.begins)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_is_that_of_the_caches_it_holds_for() {
        let form = ClosedForm { at_s: 100.0, caches: vec![(0.5, 100.0), (1.0, 200.0)], total: 2 };
        assert_eq!([99.0, 100.0, 150.0, 250.0, 400.0].map(|at| form.share(at)), [0.0, 0.75, 0.5, 0.125, 0.0]);
        let corners = [(0.0, 0.0), (100.0, 0.0), (100.0, 0.75), (200.0, 0.25), (300.0, 0.0), (500.0, 0.0)];
        assert_eq!(form.points(500.0), corners);
    }

    #[test]
    fn how_a_cache_began_is_forgotten_in_time_or_was_spread_from_the_start() {
        let at = SimTime::from_secs(100_000);
        let mut askers = Askers { rate: 0.0, begin: (0.0, 0.0), spread: None };
        askers.add(0.01, &Dist::Constant(0.0));
        // Ten questions a TTL: a hundred cycles and five.
        assert!(!askers.are_forgotten(0.01, 1000.0, at));
        assert!(askers.are_forgotten(0.01, 100.0, at));
        let mut spread = Askers { rate: 0.0, begin: (0.0, 0.0), spread: None };
        spread.add(0.01, &Dist::Uniform { low: 0.0, high: 1100.0 });
        spread.add(0.01, &Dist::Constant(5000.0));
        assert!(spread.are_forgotten(0.01, 1000.0, at));
        assert!(!spread.are_forgotten(0.01, 1700.0, at));
    }
}
