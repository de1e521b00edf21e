//! A table over dense numbers of which few are used: pages are made when first written.

const PAGE: usize = 64;

/// A sparse table: a look-up is a shift and two loads.
#[derive(Debug)]
pub(super) struct Paged<T> {
    pages: Vec<Option<Box<[T; PAGE]>>>,
}

impl<T: Copy> Paged<T> {
    pub fn new() -> Self {
        Self { pages: Vec::new() }
    }

    /// What stands at `index`, if its page exists.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&T> {
        self.pages.get(index / PAGE)?.as_ref().map(|page| &page[index % PAGE])
    }

    /// What stands at `index`, to be written; a new page is filled with `empty`.
    pub fn get_mut(&mut self, index: usize, empty: T) -> &mut T {
        let page = index / PAGE;
        if page >= self.pages.len() {
            self.pages.resize_with(page + 1, || None);
        }
        &mut self.pages[page].get_or_insert_with(|| Box::new([empty; PAGE]))[index % PAGE]
    }

    /// Every written page's entries, in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.pages.iter().flatten().flat_map(|entries| entries.iter())
    }

    /// Every written page's entries with their indexes, in order.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (usize, &mut T)> {
        self.pages.iter_mut().enumerate().filter_map(|(page, entries)| Some((page, entries.as_mut()?))).flat_map(
            |(page, entries)| entries.iter_mut().enumerate().map(move |(offset, entry)| (page * PAGE + offset, entry)),
        )
    }
}
