//! Choice among weighted alternatives.

/// Draws an index with probability proportional to its weight, by inversion of the cumulative weights.
///
/// A guide table tells where to start looking (Chen and Asau, "On Generating Random Variates from an Empirical
/// Distribution", AIIE Transactions 6, 1974): however many weights there are, a draw compares two bounds on average.
/// Unlike an alias table this keeps the draw never decreasing in its word.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightedChoice {
    /// Index `i` is chosen by the words from `bounds[i - 1]` on and below `bounds[i]`, in units of 2^-64.
    bounds: Box<[u64]>,
    /// For each of [`CELLS`] equal cells a weight, the index chosen by the cell's first word.
    guide: Box<[u32]>,
    shares: Box<[f64]>,
    /// The last index with a weight above 0, which has the words up to the greatest.
    last: usize,
}

/// Why there is nothing to choose from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum InvalidWeights {
    /// There are none.
    Empty,
    /// The weight at `index` is negative, infinite or not a number.
    Weight { index: usize, weight: f64 },
    /// The weights add up to this: 0, or more than a number can hold.
    Sum(f64),
    /// More than 2^32 - 1.
    TooMany(usize),
}

impl std::fmt::Display for InvalidWeights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("there are no weights to choose by"),
            Self::Weight { index, weight } => {
                write!(f, "weight number {} must be 0 or a positive number, not {weight}", index + 1)
            }
            Self::Sum(sum) if *sum == 0.0 => f.write_str("the weights are all 0"),
            Self::Sum(_) => f.write_str("the weights are too large to add up"),
            Self::TooMany(count) => write!(f, "{count} weights are more than can be chosen from"),
        }
    }
}

impl std::error::Error for InvalidWeights {}

impl WeightedChoice {
    /// A choice among `weights.len()` indices. A weight of 0 is never chosen.
    ///
    /// # Errors
    /// No weights or too many, one that is negative or not finite, or a sum that is 0 or not finite.
    pub fn new(weights: &[f64]) -> Result<Self, InvalidWeights> {
        if u32::try_from(weights.len()).is_err() {
            return Err(InvalidWeights::TooMany(weights.len()));
        }
        if let Some((index, &weight)) = weights.iter().enumerate().find(|(_, w)| !w.is_finite() || **w < 0.0) {
            return Err(InvalidWeights::Weight { index, weight });
        }
        let total: f64 = weights.iter().fold(0.0, |sum, weight| sum + weight);
        let last = weights.iter().rposition(|&weight| weight > 0.0);
        let last = match last {
            Some(last) if total.is_finite() => last,
            _ if weights.is_empty() => return Err(InvalidWeights::Empty),
            _ => return Err(InvalidWeights::Sum(total)),
        };
        let mut sum = 0.0;
        let bounds: Box<[u64]> = weights
            .iter()
            .map(|weight| {
                sum += weight;
                // `as` saturates: what rounds to 2^64 becomes the greatest word.
                (sum / total * 18_446_744_073_709_551_616.0) as u64
            })
            .collect();
        let shares = weights.iter().map(|weight| weight / total).collect();
        let guide = guide(&bounds, last);
        Ok(Self { bounds, guide, shares, last })
    }

    /// Zipf's law: index `i` has weight (i + 1)^-`exponent`, for `n` indices. 0 makes all equal.
    ///
    /// # Errors
    /// As [`WeightedChoice::new`], of the weights that come out.
    pub fn zipf(n: usize, exponent: f64) -> Result<Self, InvalidWeights> {
        if u32::try_from(n).is_err() {
            return Err(InvalidWeights::TooMany(n));
        }
        let weights: Vec<f64> = (1..=n).map(|rank| libm::pow(rank as f64, -exponent)).collect();
        Self::new(&weights)
    }

    /// The index that the uniform word `u` stands for; never decreasing in `u`.
    #[inline]
    pub fn index(&self, u: u64) -> usize {
        let cell = (u128::from(u) * self.guide.len() as u128) >> 64;
        let mut index = self.guide[cell as usize] as usize;
        while index < self.last && u >= self.bounds[index] {
            index += 1;
        }
        index
    }

    /// The probability of an index, 0 for one that does not exist.
    pub fn share(&self, index: usize) -> f64 {
        self.shares.get(index).copied().unwrap_or(0.0)
    }

    /// How many indices there are, those of weight 0 included.
    pub fn count(&self) -> usize {
        self.bounds.len()
    }
}

/// Cells of the guide table a weight: with four, most lie within one index, and the processor guesses right.
const CELLS: u128 = 4;

/// The index chosen by the first word of each cell.
fn guide(bounds: &[u64], last: usize) -> Box<[u32]> {
    let cells = bounds.len() as u128 * CELLS;
    let mut index = 0;
    (0..cells)
        .map(|cell| {
            let first_word = (cell << 64).div_ceil(cells);
            while index < last && first_word >= u128::from(bounds[index]) {
                index += 1;
            }
            index as u32
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::random::Stream;

    /// The definition, one bound after the other.
    fn scan(choice: &WeightedChoice, u: u64) -> usize {
        choice.bounds.iter().position(|&bound| u < bound).unwrap_or(choice.last)
    }

    fn words(bounds: &[u64]) -> Vec<u64> {
        let mut stream = Stream::new(1, 0, "test", "words", "choice");
        let mut words: Vec<u64> = (0..10_000).map(|_| stream.next_u64()).chain([0, u64::MAX]).collect();
        words.extend(bounds.iter().flat_map(|&bound| [bound.saturating_sub(1), bound]));
        words.sort_unstable();
        words
    }

    #[test]
    fn the_guide_table_finds_what_a_scan_finds() {
        for choice in [
            WeightedChoice::new(&[1.0]).unwrap(),
            WeightedChoice::new(&[0.0, 3.0, 0.0, 0.0, 1e-12, 1.0, 0.0]).unwrap(),
            WeightedChoice::new(&[1e300, 1e-300, 1e300]).unwrap(),
            WeightedChoice::zipf(1000, 0.9).unwrap(),
            WeightedChoice::zipf(17, 0.0).unwrap(),
            WeightedChoice::zipf(300, 4.0).unwrap(),
        ] {
            let words = words(&choice.bounds);
            let chosen: Vec<usize> = words.iter().map(|&u| choice.index(u)).collect();
            assert_eq!(chosen, words.iter().map(|&u| scan(&choice, u)).collect::<Vec<_>>());
            assert!(chosen.is_sorted() && chosen.iter().all(|&index| choice.share(index) > 0.0));
        }
    }

    #[test]
    fn frequencies_follow_the_weights() {
        let choice = WeightedChoice::new(&[1.0, 0.0, 2.0, 5.0]).unwrap();
        let mut counts = [0u32; 4];
        let mut stream = Stream::new(1, 0, "test", "frequencies", "choice");
        for _ in 0..80_000 {
            counts[choice.index(stream.next_u64())] += 1;
        }
        for (index, &count) in counts.iter().enumerate() {
            let (share, expected) = (choice.share(index), choice.share(index) * 80_000.0);
            assert!((f64::from(count) - expected).abs() <= 5.0 * (expected * (1.0 - share)).sqrt(), "{counts:?}");
        }
    }

    #[test]
    fn zipf_shares_fall_as_the_law_says() {
        let choice = WeightedChoice::zipf(1000, 0.9).unwrap();
        assert!((choice.share(0) / choice.share(99) - libm::pow(100.0, 0.9)).abs() < 1e-10);
        assert!(((0..1000).map(|index| choice.share(index)).sum::<f64>() - 1.0).abs() < 1e-12);
        assert_eq!((choice.count(), choice.share(1000)), (1000, 0.0));
        assert_eq!(WeightedChoice::zipf(4, 0.0).unwrap().share(3), 0.25);
    }

    #[test]
    fn nothing_to_choose_from_is_an_error() {
        assert_eq!(WeightedChoice::new(&[]), Err(InvalidWeights::Empty));
        assert_eq!(WeightedChoice::new(&[0.0, 0.0]), Err(InvalidWeights::Sum(0.0)));
        assert_eq!(WeightedChoice::new(&[f64::MAX, f64::MAX]), Err(InvalidWeights::Sum(f64::INFINITY)));
        assert_eq!(WeightedChoice::new(&[1.0, -2.0]), Err(InvalidWeights::Weight { index: 1, weight: -2.0 }));
        assert!(matches!(WeightedChoice::new(&[f64::NAN]), Err(InvalidWeights::Weight { index: 0, .. })));
        assert_eq!(WeightedChoice::zipf(0, 1.0), Err(InvalidWeights::Empty));
        assert!(WeightedChoice::zipf(3, f64::NEG_INFINITY).is_err() && WeightedChoice::zipf(3, f64::NAN).is_err());
    }
}
