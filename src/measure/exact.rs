//! Measurements as text or bytes and back, with nothing lost: what a run that was interrupted keeps for the next.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Deserializer};

/// Names of measures and units are constants of this program; one that is read becomes such a constant again. There are
/// some dozens, and each is leaked once.
pub(super) fn name<'de, D: Deserializer<'de>>(from: D) -> Result<&'static str, D::Error> {
    static KNOWN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let text = String::deserialize(from)?;
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(name) = known.get(text.as_str()) {
        return Ok(name);
    }
    let name: &'static str = Box::leak(text.into_boxed_str());
    known.insert(name);
    Ok(name)
}

/// A histogram of latencies as its buckets: a value of each, and its count.
pub(crate) mod histogram {
    use hdrhistogram::Histogram;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::measure::ledger::latencies;

    /// Writes a histogram.
    ///
    /// # Errors
    /// The writer's.
    pub fn serialize<S: Serializer>(histogram: &Histogram<u64>, to: S) -> Result<S::Ok, S::Error> {
        let buckets: Vec<(u64, u64)> =
            histogram.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value())).collect();
        buckets.serialize(to)
    }

    /// Reads what [`serialize`] wrote.
    ///
    /// # Errors
    /// The reader's, and a value that no latency has.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Histogram<u64>, D::Error> {
        let mut histogram = latencies();
        for (value, count) in Vec::<(u64, u64)>::deserialize(from)? {
            histogram.record_n(value, count).map_err(D::Error::custom)?;
        }
        Ok(histogram)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Whole(#[serde(with = "super")] Histogram<u64>);

        #[test]
        fn a_histogram_comes_back_with_every_count_and_both_ends() {
            let mut histogram = latencies();
            for (value, count) in [(0, 3), (1, 1), (2047, 5), (2049, 7), (86_400_000_123, 2)] {
                histogram.record_n(value, count).unwrap();
            }
            let whole = Whole(histogram);
            let again: Whole = postcard::from_bytes(&postcard::to_stdvec(&whole).unwrap()).unwrap();
            assert_eq!(again, whole);
            let ends = |of: &Whole| (of.0.min(), of.0.min_nz(), of.0.max(), of.0.len());
            assert_eq!(ends(&again), ends(&whole));
        }
    }
}
