//! A population whose members follow different policies.
//!
//! One server runs one system: its queue, its scans and what it remembers of destinations are its own. So a mix is of
//! the members of a population, never of the messages of one sender.

use super::super::Compiler;
use super::{NodePreset, field};
use crate::engine::random::{Stream, shuffle};
use crate::model::mail::RetryPolicy;
use crate::scenario::tree::{PostfixRetry, Retry};

impl Compiler<'_> {
    /// The policy of a node, and the tree's that it comes from: that of its share, if there are several.
    pub(in crate::model::compile) fn node_retry(
        &mut self,
        path: &[&str],
        retry: &Retry,
        count: Option<u32>,
    ) -> (RetryPolicy, NodePreset) {
        let Retry::Mix(parts) = retry else { return self.configured(path, retry) };
        let place = path.join("/");
        if !self.mixes.contains_key(&place) {
            let members = self.shares_of(path, parts, count);
            self.mixes.insert(place.clone(), members);
            // All parts are checked, those that no member follows too.
            for (index, (_, part)) in parts.iter().enumerate() {
                let index = index.to_string();
                self.configured(&field(&field(path, &index), "1"), part);
            }
        }
        let number = self.number.saturating_sub(1) as usize;
        let part = self.mixes.get(&place).and_then(|members| members.get(number)).copied().unwrap_or(0);
        match parts.get(part).map(|(_, chosen)| chosen).filter(|chosen| !matches!(chosen, Retry::Mix(_))) {
            Some(chosen) => self.configured(&field(&field(path, &part.to_string()), "1"), chosen),
            // What is wrong with the mix has been said.
            None => {
                let fallback = Retry::Postfix(PostfixRetry::default());
                (super::preset_policy(&fallback), fallback.into())
            }
        }
    }

    /// For each member the part it follows: as many as the weights say, to one, the members chosen by a draw that is
    /// keyed by the population's name only, so that they are the same in every replication and every variant.
    fn shares_of(&mut self, path: &[&str], parts: &[(f64, Retry)], count: Option<u32>) -> Vec<usize> {
        let sum: f64 = parts.iter().map(|(weight, _)| weight).sum();
        if parts.is_empty() || !parts.iter().all(|(weight, _)| *weight >= 0.0) || !(sum > 0.0 && sum.is_finite()) {
            self.error(path, "shares without a sum").label = "expected weights of at least 0, one above it".into();
            return Vec::new();
        }
        if parts.iter().any(|(_, part)| matches!(part, Retry::Mix(_))) {
            self.error(path, "a mix of mixes").help = Some("write the parts side by side".into());
            return Vec::new();
        }
        let Some(count) = count else {
            self.error(path, "a mix for a single sender").help =
                Some("one server runs one system: make it a population, `\"name-{i}\": (count: 100, ..)`".into());
            return Vec::new();
        };
        // The largest remainders get what whole numbers leave over, the earlier part where they are equal.
        let exact: Vec<f64> = parts.iter().map(|(weight, _)| f64::from(count) * weight / sum).collect();
        let mut quota: Vec<usize> = exact.iter().map(|share| libm::floor(*share) as usize).collect();
        let mut by_remainder: Vec<usize> = (0..parts.len()).collect();
        by_remainder.sort_by(|a, b| (exact[*b] - quota[*b] as f64).total_cmp(&(exact[*a] - quota[*a] as f64)));
        let missing = (count as usize).saturating_sub(quota.iter().sum());
        for part in by_remainder.into_iter().cycle().take(missing) {
            quota[part] += 1;
        }
        let mut members: Vec<usize> =
            quota.iter().enumerate().flat_map(|(part, n)| std::iter::repeat_n(part, *n)).collect();
        let mut stream = Stream::new(self.tree.run.seed, 0, "population", &path.join("/"), "retry mix");
        shuffle(&mut members, || stream.next_u64());
        members
    }
}
