//! Who would answer with what is no longer so.

use crate::engine::time::{SimDuration, SimTime};
use crate::model::dns::Question;
use crate::model::timeline::ActionModel;
use crate::model::{DataId, Model};

/// What a cache would answer, beside the primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheView {
    /// Nothing from itself.
    Empty,
    /// What is no longer so.
    Old,
    /// What is so.
    New,
}

/// One question that the timeline changes the answer of.
#[derive(Debug, Clone)]
pub(super) struct Tracked {
    pub question: Question,
    current: DataId,
    /// What each cache holds, and until when.
    caches: Vec<(DataId, SimTime)>,
    pub changes: Vec<Change>,
    /// On the grid: share of all caches, share of those that hold an answer, split view.
    pub grid: Vec<(f64, f64, f64)>,
    pub views: Vec<Vec<(SimTime, CacheView)>>,
}

/// One change of its data.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub name: String,
    pub at: SimTime,
    /// Until when the latest stale answer of each cache lasts; `at` if it has none.
    last_stale: Vec<SimTime>,
    /// The next change of the same question.
    closed: Option<SimTime>,
}

impl Tracked {
    /// The questions that a model's timeline changes, in the order of their first change.
    pub fn of(model: &Model) -> Vec<Self> {
        let mut tracked: Vec<Self> = Vec::new();
        for item in &model.timeline {
            let ActionModel::SetData { question, .. } = item.action else { continue };
            if tracked.iter().any(|known| known.question == question) {
                continue;
            }
            let current = model.dns.rrsets.iter().find(|rrset| rrset.question == question);
            let count = model.dns.caches.len();
            tracked.push(Self {
                question,
                current: current.map_or(DataId::ABSENT, |rrset| rrset.data),
                caches: vec![(DataId::ABSENT, SimTime::ZERO); count],
                changes: Vec::new(),
                grid: Vec::new(),
                views: vec![Vec::new(); count],
            });
        }
        tracked
    }

    pub fn on_store(&mut self, now: SimTime, cache: usize, data: DataId, until: SimTime) {
        self.caches[cache] = (data, until);
        let is_stale = data != self.current;
        if let Some(change) = self.changes.last_mut() {
            let last = &mut change.last_stale[cache];
            *last = if is_stale { until } else { (*last).min(now.max(change.at)) };
        }
    }

    pub fn on_flush(&mut self, now: SimTime, cache: usize) {
        self.caches[cache].1 = now;
        if let Some(change) = self.changes.last_mut() {
            let last = &mut change.last_stale[cache];
            *last = (*last).min(now);
        }
    }

    pub fn on_change(&mut self, now: SimTime, data: DataId, name: String) {
        if let Some(before) = self.changes.last_mut() {
            before.closed = Some(now);
        }
        self.current = data;
        let last_stale =
            self.caches.iter().map(|&(held, until)| if until > now && held != data { until } else { now }).collect();
        self.changes.push(Change { name, at: now, last_stale, closed: None });
    }

    pub fn on_grid(&mut self, now: SimTime, keeps_views: bool) {
        let (mut stale, mut holding) = (0u64, 0u64);
        let mut answers: Vec<DataId> = Vec::with_capacity(self.caches.len());
        for (cache, &(data, until)) in self.caches.iter().enumerate() {
            let holds = until > now;
            let is_stale = holds && data != self.current;
            holding += u64::from(holds);
            stale += u64::from(is_stale);
            answers.push(if holds { data } else { self.current });
            if keeps_views {
                let view = match (holds, is_stale) {
                    (false, _) => CacheView::Empty,
                    (true, true) => CacheView::Old,
                    (true, false) => CacheView::New,
                };
                let views = &mut self.views[cache];
                if views.last().map_or(CacheView::Empty, |(_, last)| *last) != view {
                    views.push((now, view));
                }
            }
        }
        let ratio = |of: u64| if of == 0 { f64::NAN } else { stale as f64 / of as f64 };
        self.grid.push((ratio(self.caches.len() as u64), ratio(holding), split_view(answers)));
    }
}

/// 1 - sum n_k (n_k - 1) / (n (n - 1)) over classes of answer: the probability that two askers of different caches differ.
fn split_view(mut answers: Vec<DataId>) -> f64 {
    let n = answers.len() as u64;
    if n < 2 {
        return 0.0;
    }
    answers.sort_unstable();
    let same: u64 = answers.chunk_by(|a, b| a == b).map(|class| class.len() as u64).map(|k| k * (k - 1)).sum();
    1.0 - same as f64 / (n * (n - 1)) as f64
}

impl Change {
    /// The first time from which at most a share `1 - q` of all caches is stale, until the next change; infinite if a
    /// change came first (it is censored).
    pub fn convergence_s(&self, q: f64) -> f64 {
        let mut ends = self.last_stale.clone();
        ends.sort_unstable();
        if ends.is_empty() {
            return f64::NAN;
        }
        // So many caches may stay stale.
        let allowed = libm::floor((1.0 - q) * ends.len() as f64 + 1e-9) as usize;
        let end = match (ends.len() - allowed).checked_sub(1) {
            Some(index) => ends[index],
            None => self.at,
        };
        if self.closed.is_some_and(|closed| end > closed) {
            return f64::INFINITY;
        }
        span_s(end.since(self.at))
    }

    /// The mean over caches of how long each stayed stale.
    pub fn mean_s(&self) -> f64 {
        let sum: u128 = self.last_stale.iter().map(|end| u128::from(end.since(self.at).as_nanos())).sum();
        sum as f64 / 1e9 / self.last_stale.len() as f64
    }
}

fn span_s(span: SimDuration) -> f64 {
    span.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NameId;
    use crate::scenario::tree::RecordType;

    fn tracked(caches: usize) -> Tracked {
        Tracked {
            question: Question::new(NameId(1), RecordType::Mx),
            current: DataId(1),
            caches: vec![(DataId::ABSENT, SimTime::ZERO); caches],
            changes: Vec::new(),
            grid: Vec::new(),
            views: vec![Vec::new(); caches],
        }
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
        tracked.on_grid(s(20), true);
        tracked.on_flush(s(30), 0);
        let change = &tracked.changes[0];
        assert_eq!(change.convergence_s(1.0), 50.0);
        assert_eq!(change.convergence_s(0.75), 20.0);
        assert_eq!(change.convergence_s(0.5), 0.0);
        assert_eq!(change.mean_s(), (20.0 + 50.0) / 4.0);
        // Two of four stale, of three that hold an answer; the empty one counts as what it would fetch.
        assert_eq!(tracked.grid, [(0.5, 2.0 / 3.0, 1.0 - 4.0 / 12.0)]);
    }

    #[test]
    fn going_back_is_fresh_again_and_a_second_change_censors() {
        let s = SimTime::from_secs;
        let mut tracked = tracked(1);
        tracked.on_store(s(0), 0, DataId(1), s(100));
        tracked.on_change(s(10), DataId(2), "away".into());
        tracked.on_change(s(20), DataId(1), "back".into());
        assert_eq!(tracked.changes[0].convergence_s(1.0), f64::INFINITY);
        assert_eq!(tracked.changes[1].convergence_s(1.0), 0.0);
    }
}
