//! Which of a cache's entries was used least recently.

use super::paged::Paged;
use crate::model::dns::Question;

const NONE: u32 = u32::MAX;

/// A list through the questions that a cache holds, the most recently used first.
#[derive(Debug)]
pub(super) struct Lru {
    capacity: u32,
    len: u32,
    first: u32,
    last: u32,
    links: Paged<Link>,
}

#[derive(Debug, Clone, Copy)]
struct Link {
    before: u32,
    after: u32,
    is_in: bool,
}

const OUT: Link = Link { before: NONE, after: NONE, is_in: false };

impl Lru {
    pub fn new(capacity: u32) -> Self {
        Self { capacity: capacity.max(1), len: 0, first: NONE, last: NONE, links: Paged::new() }
    }

    fn link(&mut self, at: u32) -> &mut Link {
        self.links.get_mut(at as usize, OUT)
    }

    /// Puts a question first; the one that has to go for it.
    pub fn insert(&mut self, question: Question) -> Option<Question> {
        self.remove(question);
        self.put_first(question.index() as u32);
        if self.len <= self.capacity {
            return None;
        }
        let gone = Question::from_index(self.last);
        self.remove(gone);
        Some(gone)
    }

    /// Puts a question first that is in.
    pub fn touch(&mut self, question: Question) {
        let at = question.index() as u32;
        if self.first != at && self.link(at).is_in {
            self.remove(question);
            self.put_first(at);
        }
    }

    fn put_first(&mut self, at: u32) {
        let after = self.first;
        *self.link(at) = Link { before: NONE, after, is_in: true };
        if after == NONE {
            self.last = at;
        } else {
            self.link(after).before = at;
        }
        self.first = at;
        self.len += 1;
    }

    pub fn remove(&mut self, question: Question) {
        let at = question.index() as u32;
        let Link { before, after, is_in } = *self.link(at);
        if !is_in {
            return;
        }
        match before {
            NONE => self.first = after,
            _ => self.link(before).after = after,
        }
        match after {
            NONE => self.last = before,
            _ => self.link(after).before = before,
        }
        *self.link(at) = OUT;
        self.len -= 1;
    }

    pub fn clear(&mut self) {
        (self.len, self.first, self.last, self.links) = (0, NONE, NONE, Paged::new());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_goes() {
        let question = Question::from_index;
        let mut lru = Lru::new(3);
        for index in [10, 20, 30] {
            assert_eq!(lru.insert(question(index)), None);
        }
        lru.touch(question(10));
        assert_eq!(lru.insert(question(40)), Some(question(20)));
        assert_eq!(lru.insert(question(30)), None);
        lru.remove(question(10));
        assert_eq!(lru.insert(question(50)), None);
        assert_eq!(lru.insert(question(60)), Some(question(40)));
        lru.touch(question(40));
        lru.clear();
        assert_eq!(lru.insert(question(1)), None);
    }
}
