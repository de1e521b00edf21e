//! Differences between variants, replication by replication.

use super::VariantResults;
use super::statistics::Interval;

impl VariantResults {
    /// Student's t interval for the mean difference of one number from that of a `baseline`, over the replications that
    /// both have: number k of one is compared with number k of the other, whatever else an interrupted run left out.
    /// `None` for fewer than two such pairs, or a value that is not finite.
    pub fn difference(
        &self,
        baseline: &Self,
        measure: &str,
        scope: &str,
        statistic: &str,
        confidence: f64,
    ) -> Option<Interval> {
        let (mut values, mut bases) = (Vec::new(), Vec::new());
        for own in &self.replications {
            let other = baseline.replications.iter().find(|other| other.replication == own.replication);
            let Some(other) = other else { continue };
            let value = own.value(measure, scope, statistic);
            let base = other.value(measure, scope, statistic);
            if let (Some(value), Some(base)) = (value, base) {
                values.push(value);
                bases.push(base);
            }
        }
        Interval::of_differences(&values, &bases, confidence)
    }
}
