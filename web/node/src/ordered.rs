//! A small ordered map, and order without a sorting library.
//!
//! A page pays for its code by the byte. A node's maps hold some dozens of entries, mostly
//! added at the end and taken from the front; for that a sorted vector does as well as the
//! standard library's tree, at a tenth of the code (the trees and sorts were a sixth of the
//! page).

/// A map in the order of its keys.
#[derive(Debug, Clone)]
pub(crate) struct Map<K, V>(Vec<(K, V)>);

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Map(Vec::new())
    }
}

impl<K: Ord, V> Map<K, V> {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        let at = self.find(key).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let at = self.find(key).ok()?;
        self.0.get_mut(at).map(|(_, value)| value)
    }

    pub(crate) fn contains_key(&self, key: &K) -> bool {
        self.find(key).is_ok()
    }

    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(at) => Some(core::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                self.0.insert(at, (key, value));
                None
            }
        }
    }

    pub(crate) fn get_or_insert(&mut self, key: K, new: impl FnOnce() -> V) -> &mut V {
        let at = self.find(&key).unwrap_or_else(|at| {
            self.0.insert(at, (key, new()));
            at
        });
        &mut self.0[at].1
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let at = self.find(key).ok()?;
        Some(self.0.remove(at).1)
    }

    pub(crate) fn first_key_value(&self) -> Option<(&K, &V)> {
        self.0.first().map(|(key, value)| (key, value))
    }

    pub(crate) fn pop_first(&mut self) -> Option<(K, V)> {
        (!self.0.is_empty()).then(|| self.0.remove(0))
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.0.retain_mut(|(key, value)| keep(key, value));
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.0.iter_mut().map(|(key, value)| (&*key, value))
    }

    pub(crate) fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.0.iter().map(|(key, _)| key)
    }

    pub(crate) fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    /// The entries behind a key, or all of them.
    pub(crate) fn after(&self, key: Option<K>) -> impl Iterator<Item = (&K, &V)> {
        let from = key.map_or(0, |key| self.0.partition_point(|(other, _)| *other <= key));
        self.0.iter().skip(from).map(|(key, value)| (key, value))
    }

    fn find(&self, key: &K) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| other.cmp(key))
    }
}

/// Puts a short slice in order.
pub(crate) fn sort<T: PartialOrd>(values: &mut [T]) {
    for end in 1..values.len() {
        let mut at = end;
        while at > 0 && values[at] < values[at - 1] {
            values.swap(at, at - 1);
            at -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_map_is_as_good_as_a_tree(steps in prop::collection::vec((0u8..6, 0u8..20, 0u8..9), 0..200)) {
            let mut tree = BTreeMap::new();
            let mut map = Map::new();
            for (what, key, value) in steps {
                match what {
                    0 | 1 => prop_assert_eq!(map.insert(key, value), tree.insert(key, value)),
                    2 => prop_assert_eq!(map.remove(&key), tree.remove(&key)),
                    4 => prop_assert_eq!(
                        map.get_or_insert(key, || value),
                        tree.entry(key).or_insert(value)
                    ),
                    3 => prop_assert_eq!(map.pop_first(), tree.pop_first()),
                    _ => {
                        map.retain(|key, _| *key > value);
                        tree.retain(|key, _| *key > value);
                    }
                }
                prop_assert_eq!(map.get(&key), tree.get(&key));
                prop_assert_eq!(map.get_mut(&value), tree.get_mut(&value));
                prop_assert_eq!(map.contains_key(&key), tree.contains_key(&key));
                prop_assert_eq!(map.first_key_value(), tree.first_key_value());
                prop_assert_eq!(map.len(), tree.len());
                prop_assert!(map.iter().eq(tree.iter()));
                prop_assert!(map.iter_mut().eq(tree.iter_mut()));
                prop_assert!(map.keys().rev().eq(tree.keys().rev()));
                prop_assert!(map.values().eq(tree.values()));
                prop_assert!(map.values_mut().eq(tree.values_mut()));
                prop_assert!(map.after(None).eq(tree.iter()));
                prop_assert!(map.after(Some(key)).eq(tree.range(key + 1..)));
            }
        }

        #[test]
        fn sorting_sorts(mut values in prop::collection::vec(-9.0f64..9.0, 0..40)) {
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            sort(&mut values);
            prop_assert_eq!(values, sorted);
        }
    }
}
