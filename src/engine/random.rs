//! Randomness that is keyed, never shared.
//!
//! What no decision of a simulated program can advance (arrivals, message attributes, availability) is drawn
//! in order from a [`Stream`]. Everything drawn on behalf of one delivery or one fetch is a function of where it
//! stands, [`draw`], so that a variant that draws more or fewer numbers leaves all others unmoved: both variants
//! meet the same world (common random numbers).

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A generator of its own for one purpose of one entity: ChaCha8, keyed by [`Stream::new`]'s arguments.
///
/// Keying costs a few hundred nanoseconds and the state about 300 bytes, so there is one a purpose, not one a
/// message.
#[derive(Clone, Debug)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream for `purpose` of the entity of this `kind` and `name`, in this replication of an experiment.
    ///
    /// Different arguments give streams that have nothing to do with each other, whatever their texts have in
    /// common: an entity added to a scenario moves no stream of another.
    pub fn new(seed: u64, replication: u32, kind: &str, name: &str, purpose: &str) -> Self {
        Self(ChaCha8Rng::from_seed(hash(seed, replication, kind, name, purpose)))
    }

    /// The next 64 uniform random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }
}

/// The 64 bits that stand for one purpose of one entity in [`draw`], computed once an entity.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct EntityKey(u64);

impl EntityKey {
    /// The key for `purpose` of the entity of this `kind` and `name`, in this replication: 64 bits of the hash
    /// that keys [`Stream::new`].
    pub fn new(seed: u64, replication: u32, kind: &str, name: &str, purpose: &str) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = hash(seed, replication, kind, name, purpose);
        Self(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
    }
}

/// BLAKE3 over the parts, each preceded by its length, so that no two lists of parts are the same bytes.
fn hash(seed: u64, replication: u32, kind: &str, name: &str, purpose: &str) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let parts: [&[u8]; 5] =
        [&seed.to_le_bytes(), &replication.to_le_bytes(), kind.as_bytes(), name.as_bytes(), purpose.as_bytes()];
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}

/// 64 uniform random bits that belong to place (`a`, `b`) of an entity: the same place, the same bits.
///
/// `a` and `b` may be as regular as they like, say a delivery's number and (attempt, hop, purpose) packed into one
/// word.
///
/// The mixer is the one with which wyhash (Wang Yi, version 3, `wyhash.h`, whose constants these are) finishes a
/// key of 16 bytes: a full 64 by 64 bit product, both halves masked and multiplied once more, and the halves
/// folded by exclusive or. Here the key masks both factors of the first product and one of the second, so that
/// what would be a multiplication by zero depends on the key alone and befalls about one place in 2^63.
#[inline]
pub fn draw(key: EntityKey, a: u64, b: u64) -> u64 {
    const MASKS: [u64; 4] =
        [0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db, 0x8ebc_6af0_9c88_c6e3, 0x5899_65cc_7537_4cc3];
    let (low, high) = wide_product(a ^ key.0 ^ MASKS[0], b ^ key.0.rotate_left(32) ^ MASKS[1]);
    let (low, high) = wide_product(low ^ MASKS[2], high ^ key.0 ^ MASKS[3]);
    low ^ high
}

/// The low and high half of a product.
#[inline]
fn wide_product(x: u64, y: u64) -> (u64, u64) {
    let product = u128::from(x) * u128::from(y);
    (product as u64, (product >> 64) as u64)
}

/// A uniform number strictly between 0 and 1 from the upper 52 bits of `u`: the middle of one of 2^52 equal cells.
///
/// The middles are the odd multiples of 2^-53. So every value and its distance from 1 are exact, and neither is
/// ever less than 2^-53 (with 53 bits and their middles the largest would round to 1).
#[inline]
pub fn unit_open(u: u64) -> f64 {
    const CELL: f64 = 1.0 / (1u64 << 52) as f64;
    ((u >> 12) as f64 + 0.5) * CELL
}

/// A uniform integer from 0 to `n - 1`, never decreasing in `u`; 0 where `n` is 0.
///
/// The upper half of a product. Probabilities differ by at most 2^-64, which no run is long enough to see.
#[inline]
pub fn below(u: u64, n: u64) -> u64 {
    wide_product(u, n).1
}

/// Puts `items` in an order drawn uniformly from all orders, with one number of `draws` for each item but one
/// (Fisher and Yates, in Durstenfeld's form).
pub fn shuffle<T>(items: &mut [T], mut draws: impl FnMut() -> u64) {
    for last in (1..items.len()).rev() {
        let chosen = below(draws(), last as u64 + 1) as usize;
        items.swap(last, chosen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: u64 = 4;

    fn key(n: u64) -> EntityKey {
        EntityKey::new(n, 0, "sender", "campus", "delivery")
    }

    /// A delivery's draw as the simulation makes it: `b` is attempt, hop and purpose in one word.
    fn structured(key: EntityKey, delivery: u64, attempt: u64, hop: u64, purpose: u64) -> u64 {
        draw(key, delivery, attempt << 32 | hop << 8 | purpose)
    }

    /// Pearson's statistic for equally likely `cells`, as standard deviations from its mean.
    fn deviation(cells: &[u64]) -> f64 {
        let expected = cells.iter().sum::<u64>() as f64 / cells.len() as f64;
        let statistic: f64 = cells.iter().map(|&n| (n as f64 - expected) * (n as f64 - expected) / expected).sum();
        let freedom = (cells.len() - 1) as f64;
        (statistic - freedom) / (2.0 * freedom).sqrt()
    }

    /// Fails where the values' 10-bit cells are filled too unequally or too equally, at both ends of the word.
    fn assert_uniform(what: &str, values: impl Iterator<Item = u64>) {
        let (mut low, mut high) = (vec![0u64; 1024], vec![0u64; 1024]);
        for value in values {
            low[(value & 1023) as usize] += 1;
            high[(value >> 54) as usize] += 1;
        }
        for (end, cells) in [("low", low), ("high", high)] {
            assert!(deviation(&cells).abs() < 5.0, "{what}: {end} bits deviate by {}", deviation(&cells));
        }
    }

    #[test]
    fn streams_and_keys_are_what_they_have_always_been() {
        let mut stream = Stream::new(1, 0, "sender", "campus", "arrivals");
        assert_eq!(
            [stream.next_u64(), stream.next_u64(), stream.next_u64()],
            [7_243_051_984_268_313_021, 9_968_714_340_246_435_449, 10_643_394_641_460_315_058]
        );
        let key = EntityKey::new(1, 0, "sender", "campus", "arrivals");
        assert_eq!(key, EntityKey(0x3ed9_8d8a_4ca9_7035));
        let draws = [draw(key, 0, 0), draw(key, 1, 0), draw(key, 0, 1), draw(key, 123, 2 << 32 | 1 << 8 | 3)];
        assert_eq!(draws, [0x33b6_32aa_6394_57ee, 0xbe54_5712_b979_2a28, 0x15b8_7c1e_a90d_008a, 0x6daf_8272_455a_e288]);
    }

    #[test]
    fn each_part_of_a_key_makes_another_stream() {
        let base = (7, 3, "resolver", "campus", "timeout");
        let others = [
            (8, 3, "resolver", "campus", "timeout"),
            (7, 4, "resolver", "campus", "timeout"),
            (7, 3, "sender", "campus", "timeout"),
            (7, 3, "resolver", "campus2", "timeout"),
            (7, 3, "resolver", "campus", "choice"),
            (7, 3, "resolverc", "ampus", "timeout"),
            (7, 3, "resolver", "campust", "imeout"),
        ];
        let first = |(seed, replication, kind, name, purpose): (u64, u32, &str, &str, &str)| {
            Stream::new(seed, replication, kind, name, purpose).next_u64()
        };
        for other in others {
            assert_ne!(first(base), first(other), "{other:?}");
            assert_ne!(
                EntityKey::new(base.0, base.1, base.2, base.3, base.4),
                EntityKey::new(other.0, other.1, other.2, other.3, other.4)
            );
        }
    }

    #[test]
    fn draws_are_uniform_over_each_regular_input() {
        for key in (0..KEYS).map(key) {
            assert_uniform("deliveries", (0..1 << 18).map(|n| structured(key, n, 1, 0, 0)));
            assert_uniform("attempts", (0..1 << 18).map(|n| structured(key, 5, n, 2, 1)));
            assert_uniform("hops", (0..1 << 18).map(|n| structured(key, 5, 1, n, 1)));
            assert_uniform("purposes", (0..1 << 18).map(|n| structured(key, n >> 8, 1, 0, n & 255)));
            assert_uniform("single bits", (0..1 << 12).map(|n| draw(key, 1 << (n & 63), 1 << (n >> 6))));
            assert_uniform(
                "differences of neighbours",
                (0..1 << 18).map(|n| structured(key, n + 1, 1, 0, 0).wrapping_sub(structured(key, n, 1, 0, 0))),
            );
            assert_uniform(
                "exclusive or of neighbours",
                (0..1 << 18).map(|n| structured(key, n, 1, 0, 3) ^ structured(key, n, 1, 0, 2)),
            );
        }
    }

    #[test]
    fn draws_are_uniform_over_entities() {
        assert_uniform(
            "entities",
            (0..1 << 14).map(|n| draw(EntityKey::new(1, 0, "sender", &n.to_string(), "delivery"), 0, 0)),
        );
    }

    #[test]
    fn pairs_of_neighbours_fill_the_plane() {
        for key in (0..KEYS).map(key) {
            for shift in [0, 29, 59] {
                let cell = |value: u64| (value >> shift & 31) as usize;
                let (mut deliveries, mut attempts) = (vec![0u64; 1024], vec![0u64; 1024]);
                for n in 0..1 << 17 {
                    let here = cell(structured(key, n, 1, 0, 0));
                    deliveries[here * 32 + cell(structured(key, n + 1, 1, 0, 0))] += 1;
                    attempts[here * 32 + cell(structured(key, n, 2, 0, 0))] += 1;
                }
                assert!(deviation(&deliveries).abs() < 5.0 && deviation(&attempts).abs() < 5.0, "shift {shift}");
            }
        }
    }

    #[test]
    fn neighbours_and_entities_are_uncorrelated() {
        const DRAWS: u64 = 1 << 17;
        let centred = |u: u64| (unit_open(u) - 0.5) * 12f64.sqrt();
        let correlation = |pair: &dyn Fn(u64) -> (u64, u64)| {
            let sum: f64 = (0..DRAWS).map(pair).map(|(x, y)| centred(x) * centred(y)).sum();
            sum / (DRAWS as f64).sqrt()
        };
        let (one, two) = (key(1), key(2));
        for (what, score) in [
            ("next delivery", correlation(&|n| (draw(one, n, 7), draw(one, n + 1, 7)))),
            ("next purpose", correlation(&|n| (draw(one, n, 6), draw(one, n, 7)))),
            ("next attempt", correlation(&|n| (draw(one, n, 1 << 32), draw(one, n, 2 << 32)))),
            ("other entity", correlation(&|n| (draw(one, n, 7), draw(two, n, 7)))),
            ("arguments exchanged", correlation(&|n| (draw(one, n, n + 1), draw(one, n + 1, n)))),
        ] {
            assert!(score.abs() < 4.5, "{what}: {score} standard deviations");
        }
    }

    #[test]
    fn each_input_bit_moves_each_output_bit_half_the_time() {
        const TRIALS: u64 = 4096;
        let flips = |flipped: &dyn Fn(u64) -> u64| {
            let mut counts = [0u64; 64];
            for n in 0..TRIALS {
                let changed = draw(key(1), n, n % 5) ^ flipped(n);
                for (bit, count) in counts.iter_mut().enumerate() {
                    *count += changed >> bit & 1;
                }
            }
            counts
        };
        for bit in 0..64 {
            let counts = [
                flips(&|n| draw(key(1), n ^ 1 << bit, n % 5)),
                flips(&|n| draw(key(1), n, (n % 5) ^ (1 << bit))),
                flips(&|n| draw(EntityKey(key(1).0 ^ 1 << bit), n, n % 5)),
            ];
            for count in counts.into_iter().flatten() {
                let deviation = (count as f64 - TRIALS as f64 / 2.0) / (TRIALS as f64).sqrt() * 2.0;
                assert!(deviation.abs() < 6.0, "input bit {bit}: {deviation}");
            }
        }
    }

    #[test]
    fn units_stay_inside_their_interval() {
        let (smallest, largest) = (unit_open(0), unit_open(u64::MAX));
        assert!(smallest > 0.0 && largest < 1.0);
        assert_eq!(smallest, 1.0 - largest);
        assert!(unit_open(1 << 63) > 0.5 && unit_open((1 << 63) - 1) < 0.5);
    }

    #[test]
    fn integers_stay_below_their_bound() {
        assert_eq!([below(0, 10), below(u64::MAX, 10), below(u64::MAX, 1), below(u64::MAX, 0)], [0, 9, 0, 0]);
        assert_eq!(below(1 << 63, 10), 5);
    }

    #[test]
    fn shuffles_reach_every_order_equally() {
        let mut stream = Stream::new(1, 0, "test", "orders", "shuffle");
        let mut orders = [0u64; 24];
        for _ in 0..24_000 {
            let mut items = [0, 1, 2, 3];
            shuffle(&mut items, || stream.next_u64());
            // The order's number: of the items after each, how many are smaller.
            let smaller = |at: usize| items[at + 1..].iter().filter(|&&item| item < items[at]).count();
            orders[smaller(0) * 6 + smaller(1) * 2 + smaller(2)] += 1;
        }
        assert!(deviation(&orders).abs() < 5.0, "{orders:?}");
        shuffle::<u8>(&mut [], || 0);
    }
}
