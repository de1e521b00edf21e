//! The propagation curve in closed form, where there is one.
//!
//! A cache that Poisson askers ask at a rate l holds an answer of TTL T a share p = l T / (1 + l T) of the time (Jung,
//! Berger and Balakrishnan, "Modeling TTL-based Internet caches", 2003). The age of what it holds is uniform over T, so
//! t after a change it still answers with what was before with probability p (1 - t / T), and never beyond T. Where the
//! TTL was changed before the data, see [`Lowered`].

mod lowered;

use crate::engine::dist::Dist;
use crate::engine::time::SimTime;
use crate::model::dns::{ArrivalsModel, ClientModel, Question};
use crate::model::mail::NodeModel;
use crate::model::timeline::{ActionModel, TimelineItem};
use crate::model::{DataId, Model, ResolverId};
use crate::scenario::tree::{ProbeKind, RecordType, ServeStale};
use lowered::Lowered;

/// The expected share of stale caches after one change of an RRset.
#[derive(Debug, Clone, PartialEq)]
pub struct ClosedForm {
    /// When it changes, seconds.
    at_s: f64,
    /// Of the caches that the form holds for: how many follow which curve.
    caches: Vec<(usize, Curve)>,
    /// All caches, those among them that it does not hold for.
    total: usize,
}

/// The chance that a cache is stale, by the age of the change.
#[derive(Debug, Clone, PartialEq)]
enum Curve {
    /// The TTL is what it was: p and T in seconds.
    Untouched(f64, f64),
    /// The TTL was changed before.
    Lowered(Lowered),
}

impl Curve {
    fn stale(&self, age_s: f64) -> f64 {
        match self {
            Self::Untouched(held, ttl_s) => held * (1.0 - age_s / ttl_s).max(0.0),
            Self::Lowered(lowered) => lowered.stale(age_s),
        }
    }

    /// Ages at which a straight line between them is as good as the curve; the last is when it ends.
    fn corners(&self) -> Vec<f64> {
        match self {
            Self::Untouched(_, ttl_s) => vec![*ttl_s],
            Self::Lowered(lowered) => lowered.corners(),
        }
    }
}

/// What happens to an RRset that the form is for.
struct Story {
    /// When its data changes.
    change: SimTime,
    /// Its TTL at the start, seconds.
    ttl_s: u32,
    /// When that was changed before, and to what.
    lowered: Option<(SimTime, u32)>,
}

/// Share of caches for which the form must hold.
const MOST: f64 = 0.9;

impl ClosedForm {
    /// The form for a question: one change of an RRset that is there before, its TTL set anew once before that or not at all,
    /// servers that are always up, caches that are filled by Poisson askers alone, keep a TTL as it is, and have forgotten
    /// how they began. `None` unless that is so for nine caches of ten.
    pub fn of(model: &Model, question: Question) -> Option<Self> {
        let story = Story::of(model, question)?;
        let mut caches: Vec<(f64, f64, usize, Curve)> = Vec::new();
        for (resolver, id) in model.dns.resolvers.iter().zip(0..) {
            let rules = &resolver.rules;
            let is_plain = resolver.upstream.is_empty()
                && rules.prefetch.is_none()
                && rules.stale.serve == ServeStale::Off
                && rules.capacity.is_none()
                && rules.told_after.is_none()
                && rules.caches(question.kind());
            let Some(askers) = Askers::of(model, ResolverId(id), question).filter(|_| is_plain) else { continue };
            let ttl_s = f64::from(rules.positive_ttl_s(story.ttl_s));
            let lowered = story.lowered.map(|(at, ttl_s)| (at, f64::from(rules.positive_ttl_s(ttl_s))));
            let lowered = lowered.filter(|lowered| lowered.1 != ttl_s);
            let settled = lowered.map_or(story.change, |(at, _)| at);
            for member in 0..resolver.farm.count() {
                let rate = askers.rate * resolver.farm.share(member);
                if !askers.are_forgotten(rate, ttl_s, settled) {
                    continue;
                }
                let least_s = lowered.map_or(ttl_s, |lowered| lowered.1);
                let alike = caches.iter_mut().find(|known| (known.0, known.1) == (rate, least_s));
                match alike.filter(|known| known.3.is_for(ttl_s)) {
                    Some(known) => known.2 += 1,
                    None => {
                        let curve = match lowered {
                            None => Curve::Untouched(rate * ttl_s / (1.0 + rate * ttl_s), ttl_s),
                            Some((at, new_s)) => {
                                let lead_s = story.change.since(at).as_secs_f64();
                                Curve::Lowered(Lowered::new(rate, ttl_s, new_s, lead_s)?)
                            }
                        };
                        caches.push((rate, least_s, 1, curve));
                    }
                }
            }
        }
        let total = model.dns.caches.len();
        let caches = caches.into_iter().map(|(.., count, curve)| (count, curve)).collect();
        let form = Self { at_s: story.change.as_secs_f64(), caches, total };
        (form.coverage().0 as f64 >= MOST * total as f64 && total > 0).then_some(form)
    }

    /// The share that is stale at an instant, in seconds since the start of the run.
    pub fn share(&self, at_s: f64) -> f64 {
        let age_s = at_s - self.at_s;
        if age_s < 0.0 {
            return 0.0;
        }
        let sum: f64 = self.caches.iter().map(|(count, curve)| *count as f64 * curve.stale(age_s)).sum();
        sum / self.coverage().0 as f64
    }

    /// The corners of the curve, up to `end_s`.
    pub fn points(&self, end_s: f64) -> Vec<(f64, f64)> {
        let mut inner: Vec<f64> = self.caches.iter().flat_map(|(_, curve)| curve.corners()).collect();
        inner.sort_unstable_by(f64::total_cmp);
        inner.dedup();
        let inner = inner.into_iter().map(|age_s| self.at_s + age_s).filter(|at| *at < end_s);
        let corners = [0.0, self.at_s].into_iter().chain([self.at_s]).chain(inner).chain([end_s]);
        // Just before the change nothing is stale.
        corners.enumerate().map(|(index, at)| (at, if index < 2 { 0.0 } else { self.share(at) })).collect()
    }

    /// Whether more than a hundredth is still stale so long after the change.
    pub fn lasts(&self, age_s: f64) -> bool {
        self.share(self.at_s + age_s) > 0.01
    }

    /// For how many of how many caches it holds.
    pub fn coverage(&self) -> (usize, usize) {
        (self.caches.iter().map(|(count, _)| count).sum(), self.total)
    }
}

impl Curve {
    /// Whether it began with this TTL.
    fn is_for(&self, ttl_s: f64) -> bool {
        match self {
            Self::Untouched(_, known) => *known == ttl_s,
            Self::Lowered(lowered) => lowered.old_s() == ttl_s,
        }
    }
}

impl Story {
    fn of(model: &Model, question: Question) -> Option<Self> {
        let zone = model.dns.names.zone_of[question.name().index()];
        // Servers that disagree for a while, or are down, make answers old that are new to the cache, or keep it empty.
        let can_fail = model.faults.targets[model.faults.hosts..]
            .iter()
            .any(|target| target.renewal.is_some() || !target.outages.is_empty());
        if can_fail
            || model.dns.secondaries.iter().any(|secondary| secondary.zone == zone)
            || model.timeline.iter().any(|item| is_disturbing(model, &item.action, question))
        {
            return None;
        }
        let before = model.dns.rrsets.iter().find(|rrset| rrset.question == question)?;
        if before.data == DataId::ABSENT || before.ttl_s == 0 {
            return None;
        }
        let changes =
            |item: &&TimelineItem| matches!(item.action, ActionModel::SetData { question: set, .. } if set == question);
        let mut changed = model.timeline.iter().filter(changes);
        let (change, None) = (changed.next()?.at, changed.next()) else { return None };
        let mut story = Self { change, ttl_s: before.ttl_s, lowered: None };
        let until = model.timeline.iter().position(|item| changes(&item))?;
        for item in &model.timeline[..until] {
            let ActionModel::SetTtl { questions } = &item.action else { continue };
            let Some((_, ttl_s)) = questions.iter().find(|(set, _)| *set == question) else { continue };
            match story.lowered {
                None if *ttl_s == story.ttl_s => {}
                None if *ttl_s > 0 => story.lowered = Some((item.at, *ttl_s)),
                Some((_, known)) if known == *ttl_s => {}
                _ => return None,
            }
        }
        Some(story)
    }
}

/// Whether an action does to caches what the form does not know of.
fn is_disturbing(model: &Model, action: &ActionModel, question: Question) -> bool {
    let is_server = |target: &crate::model::TargetId| target.index() >= model.faults.hosts;
    match action {
        ActionModel::FlushCache { name, .. } => name.is_none_or(|name| name == question.name()),
        ActionModel::SetNs { .. }
        | ActionModel::SetDown { .. }
        | ActionModel::SetNetwork { .. }
        | ActionModel::SetServeStale { .. } => true,
        ActionModel::Down { targets, .. } => targets.iter().any(is_server),
        ActionModel::SetBrownout { each } => each.iter().any(|(target, _)| is_server(target)),
        _ => false,
    }
}

/// Who asks a resolver for one thing: independent Poisson processes.
struct Askers {
    /// Questions a second.
    rate: f64,
    /// From when to when the first may begin, seconds.
    first: (f64, f64),
    /// When the last has.
    last_begins: f64,
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
        let mut askers = Self { rate: 0.0, first: (0.0, 0.0), last_begins: 0.0, spread: None };
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
        // The first to ask decides when the cache is filled; who begins later finds it so. Of several that may be the first,
        // the earliest time is not spread evenly.
        if self.rate == 0.0 || span.1 <= self.first.0 {
            (self.first, self.spread) = (span, (span.1 > span.0).then_some(span));
        } else if span.0 < self.first.1 {
            (self.first, self.spread) = ((span.0.min(self.first.0), span.1.min(self.first.1)), None);
        }
        self.last_begins = self.last_begins.max(span.1);
        self.rate += rate;
    }

    /// Whether a cache's age at the change has nothing to do with when its askers began: that was spread evenly over whole
    /// TTLs, or the random gaps between fetches have added up to more than a TTL.
    fn are_forgotten(&self, rate: f64, ttl_s: f64, at: SimTime) -> bool {
        let gap = 1.0 / rate;
        let past = at.as_secs_f64() - self.last_begins;
        let cycles = past / (ttl_s + gap);
        let spread = self.spread.is_some_and(|(low, high)| {
            let turns = (high - low) / (ttl_s + gap);
            (turns - libm::round(turns)).abs() < 0.05 * turns && turns > 0.5 && past >= 0.0
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
        let caches = vec![(1, Curve::Untouched(0.5, 100.0)), (1, Curve::Untouched(1.0, 200.0))];
        let form = ClosedForm { at_s: 100.0, caches, total: 2 };
        assert_eq!([99.0, 100.0, 150.0, 250.0, 400.0].map(|at| form.share(at)), [0.0, 0.75, 0.5, 0.125, 0.0]);
        let corners = [(0.0, 0.0), (100.0, 0.0), (100.0, 0.75), (200.0, 0.25), (300.0, 0.0), (500.0, 0.0)];
        assert_eq!(form.points(500.0), corners);
    }

    #[test]
    fn how_a_cache_began_is_forgotten_in_time_or_was_spread_from_the_start() {
        let at = SimTime::from_secs(100_000);
        let mut askers = Askers { rate: 0.0, first: (0.0, 0.0), last_begins: 0.0, spread: None };
        askers.add(0.01, &Dist::Constant(0.0));
        // Ten questions a TTL: a hundred cycles and five.
        assert!(!askers.are_forgotten(0.01, 1000.0, at));
        assert!(askers.are_forgotten(0.01, 100.0, at));
        let mut spread = Askers { rate: 0.0, first: (0.0, 0.0), last_begins: 0.0, spread: None };
        spread.add(0.01, &Dist::Uniform { low: 0.0, high: 1100.0 });
        spread.add(0.01, &Dist::Constant(5000.0));
        assert!(spread.are_forgotten(0.01, 1000.0, at));
        assert!(!spread.are_forgotten(0.01, 1700.0, at));
        // Twenty that begin within a TTL: the first of them does so early in it.
        let mut many = Askers { rate: 0.0, first: (0.0, 0.0), last_begins: 0.0, spread: None };
        (0..20).for_each(|_| many.add(0.01, &Dist::Uniform { low: 0.0, high: 1005.0 }));
        assert!(!many.are_forgotten(many.rate, 1000.0, at));
    }
}
