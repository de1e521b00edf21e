//! Who would answer with what is no longer so.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Jump;
use crate::dns::Outcome;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::dns::Question;
use crate::model::timeline::ActionModel;
use crate::model::{DataId, Model};

/// What a cache would answer, beside the primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum CacheView {
    /// Nothing from itself.
    Empty,
    /// What is no longer so.
    Old,
    /// What is so.
    New,
}

/// The shares q of caches, per cent, for which convergence is told, and what the tables call them.
pub(super) const CONVERGED: [(u64, &str); 4] = [(50, "p50"), (90, "p90"), (99, "p99"), (100, "max")];

/// Most changes of one cache's view that are kept beside those seen on the grid.
const VIEWS_MAX: usize = 4096;

/// One question that the timeline changes the answer of.
#[derive(Debug, Clone)]
pub(super) struct Tracked {
    pub question: Question,
    current: DataId,
    /// What each cache holds, and until when.
    caches: Vec<(DataId, SimTime)>,
    /// When stale answers end, and of which cache; those replaced or dropped since are passed over.
    ends: BinaryHeap<Reverse<(SimTime, u32)>>,
    stale: u64,
    pub changes: Vec<Change>,
    /// On the grid: share of all caches, share of those that hold an answer, split view.
    pub grid: Vec<(f64, f64, f64)>,
    /// At each change, the share of all caches that is stale.
    pub jumps: Vec<Jump>,
    /// Views of caches are kept from here on.
    views_from: SimTime,
    pub views: Vec<Vec<(SimTime, CacheView)>>,
}

/// One change of its data.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub scope: String,
    pub at: SimTime,
    /// For each of [`CONVERGED`]: how many caches may still be stale, and since when no more are.
    reached: [(u64, Option<SimTime>); 4],
    /// Until when each cache was seen to be stale; `at` if it never was.
    last_stale: Vec<SimTime>,
    /// Caches that were still stale when the next change came or the run ended; known then.
    pub censored: Option<u64>,
}

impl Tracked {
    /// The questions that a model's timeline changes, in the order of their first change. `keeps_views`: what each cache
    /// would answer is kept in time.
    pub fn of(model: &Model, keeps_views: bool) -> Vec<Self> {
        let mut tracked: Vec<Self> = Vec::new();
        for item in &model.timeline {
            let ActionModel::SetData { question, .. } = item.action else { continue };
            if tracked.iter().any(|known| known.question == question) {
                continue;
            }
            let current = model.dns.rrsets.iter().find(|rrset| rrset.question == question);
            // A chart shows less of what comes before than a fifth of what may follow.
            let before = SimDuration::from_nanos(model.clock.end.since(item.at).as_nanos() / 5) + model.clock.cell;
            let views_from = if keeps_views { item.at - before } else { SimTime::NEVER };
            let data = current.map_or(DataId::ABSENT, |rrset| rrset.data);
            tracked.push(Self::new(question, data, model.dns.caches.len(), views_from));
        }
        tracked
    }

    fn new(question: Question, current: DataId, caches: usize, views_from: SimTime) -> Self {
        Self {
            question,
            current,
            caches: vec![(DataId::ABSENT, SimTime::ZERO); caches],
            ends: BinaryHeap::new(),
            stale: 0,
            changes: Vec::new(),
            grid: Vec::new(),
            jumps: Vec::new(),
            views_from,
            views: vec![Vec::new(); caches],
        }
    }

    fn is_stale(&self, now: SimTime, cache: usize) -> bool {
        let (data, until) = self.caches[cache];
        until > now && data != self.current
    }

    /// Stale answers whose time is up until now end, one after the other.
    fn settle(&mut self, now: SimTime) {
        while let Some(&Reverse((until, cache))) = self.ends.peek().filter(|Reverse((until, _))| *until <= now) {
            self.ends.pop();
            let (data, held_until) = self.caches[cache as usize];
            if held_until == until && data != self.current {
                self.caches[cache as usize].1 = SimTime::ZERO;
                self.end(until, cache as usize);
                self.view(until, cache as usize, CacheView::Empty);
            }
        }
    }

    /// A cache is no longer stale.
    fn end(&mut self, at: SimTime, cache: usize) {
        self.stale -= 1;
        let stale = self.stale;
        if let Some(change) = self.changes.last_mut() {
            change.last_stale[cache] = change.last_stale[cache].max(at);
            change.reached.iter_mut().filter(|(allowed, _)| *allowed == stale).for_each(|(_, since)| *since = Some(at));
        }
    }

    /// A cache has become stale, until `until`.
    fn begin(&mut self, cache: usize, until: SimTime) {
        self.stale += 1;
        self.ends.push(Reverse((until, cache as u32)));
        let stale = self.stale;
        if let Some(change) = self.changes.last_mut() {
            change.reached.iter_mut().filter(|(allowed, _)| *allowed < stale).for_each(|(_, since)| *since = None);
        }
    }

    pub fn on_store(&mut self, now: SimTime, cache: usize, data: DataId, until: SimTime) {
        self.settle(now);
        self.expire(now, cache);
        if self.is_stale(now, cache) {
            self.end(now, cache);
        }
        self.caches[cache] = (data, until);
        if self.is_stale(now, cache) {
            self.begin(cache, until);
        }
        let view = if data == self.current { CacheView::New } else { CacheView::Old };
        self.view(now, cache, view);
    }

    pub fn on_flush(&mut self, now: SimTime, cache: usize) {
        self.settle(now);
        self.expire(now, cache);
        if self.is_stale(now, cache) {
            self.end(now, cache);
        }
        self.caches[cache].1 = SimTime::ZERO;
        self.view(now, cache, CacheView::Empty);
    }

    pub fn on_change(&mut self, now: SimTime, data: DataId, scope: String) {
        self.close(now);
        let before = self.ratio(self.caches.len() as u64);
        self.current = data;
        self.ends.clear();
        self.stale = 0;
        let count = self.caches.len();
        let reached = CONVERGED.map(|(q, _)| (count as u64 * (100 - q) / 100, Some(now)));
        self.changes.push(Change { scope, at: now, reached, last_stale: vec![now; count], censored: None });
        for cache in 0..count {
            self.expire(now, cache);
            let (held, until) = self.caches[cache];
            if until > now {
                if held != data {
                    self.begin(cache, until);
                }
                self.view(now, cache, if held == data { CacheView::New } else { CacheView::Old });
            }
        }
        self.jumps.push(Jump { at: now, before, after: self.ratio(self.caches.len() as u64) });
    }

    /// The latest change is seen no further than this: another follows, or the run is over.
    pub fn close(&mut self, now: SimTime) {
        self.settle(now);
        let stale = self.stale;
        if let Some(change) = self.changes.last_mut().filter(|change| change.censored.is_none()) {
            change.censored = Some(stale);
        }
    }

    /// Looks at all caches; `answers` is what each would answer, fetching what it does not hold.
    pub fn on_grid(&mut self, now: SimTime, answers: Option<Vec<Outcome>>) {
        self.settle(now);
        let mut holding = 0u64;
        for cache in 0..self.caches.len() {
            self.expire(now, cache);
            let (data, until) = self.caches[cache];
            holding += u64::from(until > now);
            let view = match (until > now, data == self.current) {
                (false, _) => CacheView::Empty,
                (true, true) => CacheView::New,
                (true, false) => CacheView::Old,
            };
            self.view_on_grid(now, cache, view);
        }
        let split = answers.map_or(f64::NAN, split_view);
        self.grid.push((self.ratio(self.caches.len() as u64), self.ratio(holding), split));
    }

    /// How many of so many are stale.
    fn ratio(&self, of: u64) -> f64 {
        if of == 0 { f64::NAN } else { self.stale as f64 / of as f64 }
    }

    /// Notes that what a cache held is out of date by now.
    fn expire(&mut self, now: SimTime, cache: usize) {
        let until = self.caches[cache].1;
        if until <= now && until > SimTime::ZERO {
            self.view(until, cache, CacheView::Empty);
        }
    }

    fn view(&mut self, at: SimTime, cache: usize, view: CacheView) {
        if self.views[cache].len() < VIEWS_MAX {
            self.view_on_grid(at, cache, view);
        }
    }

    fn view_on_grid(&mut self, at: SimTime, cache: usize, view: CacheView) {
        if at >= self.views_from {
            let views = &mut self.views[cache];
            if views.last().map_or(CacheView::Empty, |(_, last)| *last) != view {
                views.push((at, view));
            }
        }
    }
}

/// 1 - sum n_k (n_k - 1) / (n (n - 1)) over classes of answer: the probability that two askers of different caches differ.
fn split_view(mut answers: Vec<Outcome>) -> f64 {
    let n = answers.len() as u64;
    if n < 2 {
        return 0.0;
    }
    answers.sort_unstable();
    let same: u64 = answers.chunk_by(|a, b| a == b).map(|class| class.len() as u64).map(|k| k * (k - 1)).sum();
    1.0 - same as f64 / (n * (n - 1)) as f64
}

impl Change {
    /// Since the change, the time from which no more than a share `1 - q` of all caches was stale, for each q of
    /// [`CONVERGED`]; infinite where that was not seen.
    pub fn convergence_s(&self) -> [f64; 4] {
        let seen = |at: SimTime| at.since(self.at).as_secs_f64();
        self.reached
            .map(|(_, since)| if self.last_stale.is_empty() { f64::NAN } else { since.map_or(f64::INFINITY, seen) })
    }

    /// The mean over caches of how long each stayed stale; infinite where one still was when last seen.
    pub fn mean_s(&self) -> f64 {
        if self.censored.is_some_and(|stale| stale > 0) {
            return f64::INFINITY;
        }
        let sum: u128 = self.last_stale.iter().map(|end| u128::from(end.since(self.at).as_nanos())).sum();
        sum as f64 / 1e9 / self.last_stale.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NameId;
    use crate::scenario::tree::RecordType;

    fn tracked(caches: usize) -> Tracked {
        Tracked::new(Question::new(NameId(1), RecordType::Mx), DataId(1), caches, SimTime::ZERO)
    }

    fn data(ids: &[u32]) -> Option<Vec<Outcome>> {
        Some(ids.iter().map(|id| Outcome::Data(DataId(*id))).collect())
    }

    #[test]
    fn convergence_is_when_the_last_but_some_have_let_go() {
        let s = SimTime::from_secs;
        let mut tracked = tracked(4);
        tracked.on_store(s(0), 0, DataId(1), s(100));
        tracked.on_store(s(0), 1, DataId(1), s(60));
        tracked.on_store(s(0), 2, DataId(1), s(5));
        tracked.on_change(s(10), DataId(2), "c".into());
        // Cache 2 had let go and fetches the new data; cache 0 is flushed early.
        tracked.on_store(s(12), 2, DataId(2), s(80));
        tracked.on_grid(s(20), data(&[1, 1, 2, 2]));
        tracked.on_flush(s(30), 0);
        tracked.close(s(200));
        let change = &tracked.changes[0];
        // Of four, q of 90 and 99 % allow none that is stale; q of 50 % allows the two there were.
        assert_eq!(change.convergence_s(), [0.0, 50.0, 50.0, 50.0]);
        assert_eq!((change.mean_s(), change.censored), ((20.0 + 50.0) / 4.0, Some(0)));
        let jump = |at, before, after| Jump { at, before, after };
        assert_eq!(tracked.jumps, [jump(s(10), 0.0, 0.5)]);
        // Two of four stale, of three that hold an answer; the empty one counts as what it would fetch.
        assert_eq!(tracked.grid, [(0.5, 2.0 / 3.0, 1.0 - 4.0 / 12.0)]);
        let (old, empty) = (CacheView::Old, CacheView::Empty);
        assert_eq!(tracked.views[0], [(s(0), CacheView::New), (s(10), old), (s(30), empty)]);
        assert_eq!(tracked.views[1], [(s(0), CacheView::New), (s(10), old), (s(60), empty)]);
    }

    #[test]
    fn a_cache_that_is_stale_again_undoes_convergence() {
        let s = SimTime::from_secs;
        let mut tracked = tracked(2);
        tracked.on_store(s(0), 0, DataId(1), s(20));
        tracked.on_change(s(10), DataId(2), "c".into());
        // From a server that lags: old data once more, and both caches.
        tracked.on_store(s(30), 0, DataId(1), s(50));
        tracked.on_store(s(40), 1, DataId(1), s(70));
        tracked.close(s(100));
        assert_eq!(tracked.changes[0].convergence_s(), [40.0, 60.0, 60.0, 60.0]);
    }

    #[test]
    fn what_is_stale_at_the_end_or_at_the_next_change_is_censored_and_not_cut() {
        let s = SimTime::from_secs;
        let mut tracked = tracked(2);
        tracked.on_store(s(0), 0, DataId(1), s(100));
        tracked.on_change(s(10), DataId(2), "away".into());
        tracked.on_change(s(20), DataId(1), "back".into());
        tracked.on_change(s(30), DataId(2), "away again".into());
        tracked.close(s(60));
        let found: Vec<_> = tracked.changes.iter().map(|c| (c.convergence_s()[3], c.mean_s(), c.censored)).collect();
        let inf = f64::INFINITY;
        assert_eq!(found, [(inf, inf, Some(1)), (0.0, 0.0, Some(0)), (inf, inf, Some(1))]);
        let jumps: Vec<_> = tracked.jumps.iter().map(|jump| (jump.before, jump.after)).collect();
        assert_eq!(jumps, [(0.0, 0.5), (0.5, 0.0), (0.0, 0.5)]);
        // Half of the caches may be stale: that was so from the beginning.
        assert_eq!(tracked.changes[2].convergence_s()[0], 0.0);
    }

    #[test]
    fn nothings_of_different_kinds_are_different_answers() {
        assert_eq!(split_view(vec![Outcome::NoData, Outcome::NxDomain]), 1.0);
        assert_eq!(split_view(vec![Outcome::ServFail, Outcome::ServFail]), 0.0);
        assert_eq!(split_view(vec![Outcome::NoData]), 0.0);
    }
}
