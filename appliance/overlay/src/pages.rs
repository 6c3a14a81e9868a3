//! Memory in pages: it grows without copying, and without ever being twice what is needed.

use core::ops::{Index, IndexMut};

/// Elements in a page: few enough that small audiences do not pay for large ones, enough
/// that the table of pages stays in the processor's cache.
const PAGE: u32 = 64;

/// A growing array of `width` elements for each slot.
#[derive(Debug)]
pub(crate) struct Pages<T> {
    pages: Vec<Box<[T]>>,
}

impl<T: Clone + Default> Pages<T> {
    pub(crate) fn new() -> Pages<T> {
        Pages { pages: Vec::new() }
    }

    pub(crate) fn get(&self, index: u32) -> Option<&T> {
        self.pages
            .get((index / PAGE) as usize)?
            .get((index % PAGE) as usize)
    }

    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        self.pages
            .get_mut((index / PAGE) as usize)?
            .get_mut((index % PAGE) as usize)
    }

    /// Has an element under every index up to this one.
    pub(crate) fn reach(&mut self, index: u32) {
        while self.pages.len() <= (index / PAGE) as usize {
            self.pages
                .push(vec![T::default(); PAGE as usize].into_boxed_slice());
        }
    }

    pub(crate) fn clear(&mut self) {
        self.pages = Vec::new();
    }
}

impl<T> Index<u32> for Pages<T> {
    type Output = T;

    fn index(&self, index: u32) -> &T {
        &self.pages[(index / PAGE) as usize][(index % PAGE) as usize]
    }
}

impl<T> IndexMut<u32> for Pages<T> {
    fn index_mut(&mut self, index: u32) -> &mut T {
        &mut self.pages[(index / PAGE) as usize][(index % PAGE) as usize]
    }
}
