//! The far tier: unsorted buckets, one for each value of each digit of the time.

use super::Entry;

/// Bits of a digit: each level has `1 << DIGIT_BITS` buckets. Of 6 to 11 bits, 8 measured best or
/// within the noise of it.
const DIGIT_BITS: u32 = 8;
const DIGITS: usize = 1 << DIGIT_BITS;
const LEVELS: usize = u64::BITS.div_ceil(DIGIT_BITS) as usize;
/// Words of the bitmap of a level's buckets.
const WORDS: usize = DIGITS.div_ceil(64);
/// Entries of a chunk. Buckets are lists of chunks, so that what a bucket once held does not stay with it.
const CHUNK: usize = 32;
/// The end of a list of chunks.
const NO_CHUNK: u32 = u32::MAX;

/// Which bucket: the digit of the time at `level` (0 is nanoseconds) is `digit`.
#[derive(Clone, Copy)]
pub(super) struct BucketId {
    level: u32,
    digit: usize,
}

impl BucketId {
    /// Whether all times in the bucket are equal.
    pub(super) const fn is_one_instant(self) -> bool {
        self.level == 0
    }

    const fn shift(self) -> u32 {
        self.level * DIGIT_BITS
    }

    const fn index(self) -> usize {
        self.level as usize * DIGITS + self.digit
    }
}

#[derive(Clone, Copy)]
struct Bucket {
    /// The chunk that is being filled, whose predecessors are full.
    tail: u32,
    len: u32,
}

/// Buckets for every time after [`Self::taken_until`].
///
/// A time lies at the level of the highest digit in which it differs from `base`, in the bucket of that digit. So the
/// levels below are earlier than those above, the buckets of a level are in order, and the earliest bucket is the
/// lowest bit of the lowest level that has any.
pub(super) struct Wheel<E> {
    /// The start of the bucket last taken or split: all times in the wheel are compared with it.
    base: u64,
    /// The last nanosecond that belongs to the near tier.
    taken_until: u64,
    buckets: Box<[Bucket; LEVELS * DIGITS]>,
    occupied: [[u64; WORDS]; LEVELS],
    /// A bit for each level with an occupied bucket.
    levels: u32,
    len: usize,
    /// All chunks, end to end.
    entries: Vec<Entry<E>>,
    /// For each chunk the one filled before it, or the next free one.
    previous: Vec<u32>,
    free: u32,
}

impl<E: Copy> Wheel<E> {
    /// An empty wheel, of which the instant 0 is taken.
    pub(super) fn new() -> Self {
        Self {
            base: 0,
            taken_until: 0,
            buckets: Box::new([Bucket { tail: NO_CHUNK, len: 0 }; LEVELS * DIGITS]),
            occupied: [[0; WORDS]; LEVELS],
            levels: 0,
            len: 0,
            entries: Vec::new(),
            previous: Vec::new(),
            free: NO_CHUNK,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.entries.capacity()
    }

    #[inline]
    pub(super) fn taken_until(&self) -> u64 {
        self.taken_until
    }

    /// Adds an entry whose time is later than `taken_until`.
    #[inline]
    pub(super) fn push(&mut self, entry: Entry<E>) {
        let nanos = entry.nanos();
        let level = (nanos ^ self.base | 1).ilog2() / DIGIT_BITS;
        let digit = (nanos >> (level * DIGIT_BITS)) as usize % DIGITS;
        let id = BucketId { level, digit };
        let mut bucket = self.buckets[id.index()];
        let slot = bucket.len as usize % CHUNK;
        if slot == 0 {
            if bucket.len == 0 {
                self.levels |= 1 << level;
                self.occupied[level as usize][digit / 64] |= 1 << (digit % 64);
            }
            bucket.tail = self.new_chunk(bucket.tail, entry);
        }
        self.entries[bucket.tail as usize * CHUNK + slot] = entry;
        bucket.len += 1;
        self.buckets[id.index()] = bucket;
        self.len += 1;
    }

    /// The bucket that holds the earliest entries.
    pub(super) fn earliest(&self) -> Option<BucketId> {
        if self.levels == 0 {
            return None;
        }
        let level = self.levels.trailing_zeros();
        let words = &self.occupied[level as usize];
        let word = words.iter().position(|&word| word != 0)?;
        Some(BucketId { level, digit: word * 64 + words[word].trailing_zeros() as usize })
    }

    /// The earliest time that can be in the bucket.
    pub(super) fn start_of(&self, id: BucketId) -> u64 {
        // `base` has the digits above the bucket's level; the bucket's own digit is never below that of `base`.
        let above = self.base.checked_shr(id.shift() + DIGIT_BITS).unwrap_or(0);
        (above << DIGIT_BITS | id.digit as u64) << id.shift()
    }

    pub(super) fn len_of(&self, id: BucketId) -> usize {
        self.buckets[id.index()].len as usize
    }

    /// Appends the bucket's entries to `out` and gives its whole span to the near tier. `id` is the earliest bucket.
    pub(super) fn take(&mut self, id: BucketId, out: &mut Vec<Entry<E>>) {
        self.base = self.start_of(id);
        self.taken_until = self.base + ((1 << id.shift()) - 1);
        let (mut chunk, mut filled) = self.detach(id);
        while chunk != NO_CHUNK {
            let start = chunk as usize * CHUNK;
            out.extend_from_slice(&self.entries[start..start + filled]);
            chunk = self.free_chunk(chunk);
            filled = CHUNK;
        }
    }

    /// Spreads the bucket's entries over the levels below. `id` is the earliest bucket, and not of one instant.
    pub(super) fn split(&mut self, id: BucketId) {
        self.base = self.start_of(id);
        // A bucket above level 0 has a digit above that of `base` as it was, so its start is not 0.
        self.taken_until = self.base - 1;
        let (mut chunk, mut filled) = self.detach(id);
        while chunk != NO_CHUNK {
            let start = chunk as usize * CHUNK;
            for slot in start..start + filled {
                self.push(self.entries[slot]);
            }
            chunk = self.free_chunk(chunk);
            filled = CHUNK;
        }
    }

    /// Takes the span from `first` on back from the near tier, whose earliest time that is: the caller then pushes all
    /// that it holds. `false`, and nothing is changed, if the span is one instant already, or if `first` precedes it:
    /// then finer buckets would not follow on from those of the wheel.
    pub(super) fn reopen(&mut self, first: u64) -> bool {
        if first < self.base || self.base == self.taken_until {
            return false;
        }
        self.base = first;
        self.taken_until = first - 1;
        true
    }

    /// Empties the bucket: its list of chunks, and how much of the first is filled.
    fn detach(&mut self, id: BucketId) -> (u32, usize) {
        let Bucket { tail, len } = std::mem::replace(&mut self.buckets[id.index()], Bucket { tail: NO_CHUNK, len: 0 });
        self.len -= len as usize;
        let words = &mut self.occupied[id.level as usize];
        words[id.digit / 64] &= !(1 << (id.digit % 64));
        if words.iter().all(|&word| word == 0) {
            self.levels &= !(1 << id.level);
        }
        (tail, (len as usize).wrapping_sub(1) % CHUNK + 1)
    }

    /// A chunk that follows `previous`; `filler` makes new memory whole.
    fn new_chunk(&mut self, previous: u32, filler: Entry<E>) -> u32 {
        let chunk = self.free;
        if chunk == NO_CHUNK {
            self.entries.extend_from_slice(&[filler; CHUNK]);
            self.previous.push(previous);
            // 2^32 chunks would be terabytes.
            return (self.previous.len() - 1) as u32;
        }
        self.free = std::mem::replace(&mut self.previous[chunk as usize], previous);
        chunk
    }

    /// Sets the chunk free; the one filled before it.
    fn free_chunk(&mut self, chunk: u32) -> u32 {
        let previous = std::mem::replace(&mut self.previous[chunk as usize], self.free);
        self.free = chunk;
        previous
    }
}
