//! The near tier: one bucket in order, and a small heap beside it for what is pushed into its span later.

use std::cmp::Reverse;

use super::{Entry, EventKey};
use crate::engine::time::SimTime;

/// Children of a node of the heap: four share a cache line or two, and the heap is half as deep as a binary one.
const ARITY: usize = 4;

/// An event that belongs among so many of the earliest is put in its place in the vector: most replies and arrivals are
/// due sooner than what a bucket holds, and moving a few entries that are in the cache anyway costs less than a heap.
const INSERT_MAX: usize = 24;

/// From so many on, a heap left alone is sorted as a whole: cheaper than popping it piece by piece.
const HEAP_SORT_MIN: usize = 32;

/// The earliest events: a vector sorted latest first, read from its end, and a 4-ary heap of those that came later.
///
/// The heap is why a push never moves more than a few entries, however many events the vector holds.
pub(super) struct Near<E> {
    sorted: Vec<Entry<E>>,
    heap: Vec<Entry<E>>,
}

impl<E: Copy> Near<E> {
    pub(super) const fn new() -> Self {
        Self { sorted: Vec::new(), heap: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.sorted.len() + self.heap.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sorted.is_empty() && self.heap.is_empty()
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.sorted.capacity() + self.heap.capacity()
    }

    /// Events in the heap.
    pub(super) fn unsorted_len(&self) -> usize {
        self.heap.len()
    }

    /// The vector, to be filled in any order and then given to [`Self::sort`].
    pub(super) fn sorted_mut(&mut self) -> &mut Vec<Entry<E>> {
        &mut self.sorted
    }

    pub(super) fn sort(&mut self) {
        self.sorted.sort_unstable_by_key(|entry| Reverse(entry.key));
    }

    #[inline]
    pub(super) fn first_key(&self) -> Option<EventKey> {
        match (self.sorted.last(), self.heap.first()) {
            (Some(sorted), Some(heap)) => Some(sorted.key.min(heap.key)),
            (Some(entry), None) | (None, Some(entry)) => Some(entry.key),
            (None, None) => None,
        }
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<Entry<E>> {
        match (self.sorted.last(), self.heap.first()) {
            (Some(sorted), Some(heap)) if heap.key < sorted.key => self.pop_heap(),
            (None, Some(_)) if self.heap.len() >= HEAP_SORT_MIN => {
                std::mem::swap(&mut self.sorted, &mut self.heap);
                self.sort();
                self.sorted.pop()
            }
            (None, Some(_)) => self.pop_heap(),
            (_, _) => self.sorted.pop(),
        }
    }

    /// The earliest event if it is before `limit`.
    #[inline]
    pub(super) fn pop_before(&mut self, limit: SimTime) -> Option<Entry<E>> {
        match self.sorted.last() {
            // As a rule nothing is in the heap.
            Some(entry) if self.heap.is_empty() => (entry.key.time < limit).then(|| self.sorted.pop()).flatten(),
            _ => (self.first_key()?.time < limit).then(|| self.pop()).flatten(),
        }
    }

    /// Adds to the vector near its end, else to the heap.
    #[inline]
    pub(super) fn push(&mut self, entry: Entry<E>) {
        let len = self.sorted.len();
        let from = len.saturating_sub(INSERT_MAX);
        if from > 0 && self.sorted[from].key < entry.key {
            return self.push_heap(entry);
        }
        self.sorted.push(entry);
        let last = &mut self.sorted[from..];
        let mut place = last.len() - 1;
        // By time first, which is one comparison a step; few events share an instant.
        while place > 0 && last[place - 1].nanos() < entry.nanos() {
            last[place] = last[place - 1];
            place -= 1;
        }
        while place > 0 && last[place - 1].key < entry.key {
            last[place] = last[place - 1];
            place -= 1;
        }
        last[place] = entry;
    }

    fn push_heap(&mut self, entry: Entry<E>) {
        let mut hole = self.heap.len();
        self.heap.push(entry);
        while hole > 0 {
            let parent = (hole - 1) / ARITY;
            if self.heap[parent].key < entry.key {
                break;
            }
            self.heap[hole] = self.heap[parent];
            hole = parent;
        }
        self.heap[hole] = entry;
    }

    /// Hands every event to `each`, in no order worth naming, and keeps none.
    pub(super) fn drain_each(&mut self, each: impl FnMut(Entry<E>)) {
        self.sorted.drain(..).chain(self.heap.drain(..)).for_each(each);
    }

    fn pop_heap(&mut self) -> Option<Entry<E>> {
        let last = self.heap.pop()?;
        let heap = self.heap.as_mut_slice();
        let Some(&first) = heap.first() else { return Some(last) };
        let mut hole = 0;
        loop {
            let start = hole * ARITY + 1;
            let end = heap.len().min(start + ARITY);
            let Some(least) = (start..end).min_by_key(|&child| heap[child].key) else { break };
            if last.key < heap[least].key {
                break;
            }
            heap[hole] = heap[least];
            hole = least;
        }
        heap[hole] = last;
        Some(first)
    }
}
