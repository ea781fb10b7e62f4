//! An ordered set that counts: a B+tree whose branches know the number of keys below each
//! child. Clones share every node until one of them changes it.
//!
//! It answers in logarithmic time the two questions of a page of a list: the number of keys
//! before a bound, and the n-th key. An insertion moves at most one node on each level, so
//! growing never stalls.

use std::sync::Arc;

/// The most keys of a leaf, and the most children of a branch.
const MOST: usize = 64;
/// The width below which a node is merged with a neighbour, if one node can hold both.
const FEW: usize = MOST / 4;

/// A counted, ordered, copy-on-write set.
#[derive(Debug, Clone)]
pub struct Index<K> {
    root: Arc<Node<K>>,
}

#[derive(Debug, Clone)]
enum Node<K> {
    Leaf(Vec<K>),
    Branch(Vec<Child<K>>),
}

#[derive(Debug, Clone)]
struct Child<K> {
    /// The least key in `node`, or one that is less than it.
    first: K,
    len: usize,
    node: Arc<Node<K>>,
}

enum Inserted<K> {
    Present,
    Added,
    /// The key was added, and the upper part of the node became a new right neighbour.
    Split(Child<K>),
}

impl<K> Default for Index<K> {
    fn default() -> Self {
        Self {
            root: Arc::new(Node::Leaf(Vec::new())),
        }
    }
}

impl<K: Ord + Clone> Index<K> {
    /// Returns `true` if this is a clone of `other` and neither has been written since.
    pub fn is_clone_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.root, &other.root)
    }

    /// Builds the set from keys in strictly ascending order.
    pub fn from_sorted(keys: Vec<K>) -> Self {
        debug_assert!(keys.is_sorted_by(|a, b| a < b));
        let mut level: Vec<Child<K>> = Vec::with_capacity(keys.len() / MOST + 1);
        let mut keys = keys.into_iter().peekable();
        while keys.peek().is_some() {
            let leaf: Vec<K> = keys.by_ref().take(MOST).collect();
            level.extend(Node::Leaf(leaf).into_child());
        }
        while level.len() > 1 {
            let mut above = Vec::with_capacity(level.len() / MOST + 1);
            let mut children = level.into_iter().peekable();
            while children.peek().is_some() {
                let branch: Vec<Child<K>> = children.by_ref().take(MOST).collect();
                above.extend(Node::Branch(branch).into_child());
            }
            level = above;
        }
        level
            .pop()
            .map_or_else(Self::default, |root| Self { root: root.node })
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.root.len()
    }

    /// Returns `true` if the set has no keys.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a key. Returns `false` if it was there already.
    pub fn insert(&mut self, key: K) -> bool {
        match Arc::make_mut(&mut self.root).insert(key) {
            Inserted::Present => false,
            Inserted::Added => true,
            Inserted::Split(right) => {
                let left = std::mem::replace(
                    Arc::make_mut(&mut self.root),
                    Node::Branch(Vec::with_capacity(2)),
                );
                if let Node::Branch(children) = Arc::make_mut(&mut self.root) {
                    children.extend(left.into_child());
                    children.push(right);
                }
                true
            }
        }
    }

    /// Removes a key. Returns `false` if it was not there.
    pub fn remove(&mut self, key: &K) -> bool {
        let removed = Arc::make_mut(&mut self.root).remove(key);
        while let Node::Branch(children) = &*self.root
            && children.len() <= 1
        {
            let only = children.first().map(|child| Arc::clone(&child.node));
            self.root = only.unwrap_or_else(|| Arc::new(Node::Leaf(Vec::new())));
        }
        removed
    }

    /// Returns `true` if the set has the key.
    pub fn contains(&self, key: &K) -> bool {
        let at = self.rank(|k| k < key);
        self.nth(at) == Some(key)
    }

    /// The number of keys before a bound. `before` has to return `true` for these and `false`
    /// for all others.
    pub fn rank(&self, before: impl Fn(&K) -> bool) -> usize {
        let mut node = &*self.root;
        let mut rank = 0;
        loop {
            match node {
                Node::Leaf(keys) => return rank + keys.partition_point(&before),
                Node::Branch(children) => {
                    let at = children.partition_point(|child| before(&child.first));
                    let Some(at) = at.checked_sub(1) else {
                        return rank;
                    };
                    rank += children[..at].iter().map(|child| child.len).sum::<usize>();
                    node = &children[at].node;
                }
            }
        }
    }

    /// The key at a zero-based position.
    pub fn nth(&self, position: usize) -> Option<&K> {
        self.iter_from(position).next()
    }

    /// Iterates over the keys in order, from a zero-based position on.
    pub fn iter_from(&self, position: usize) -> Iter<'_, K> {
        let mut iter = Iter {
            branches: Vec::new(),
            leaf: [].iter(),
        };
        let mut node = &*self.root;
        let mut position = position;
        loop {
            match node {
                Node::Leaf(keys) => {
                    iter.leaf = keys.get(position..).unwrap_or_default().iter();
                    return iter;
                }
                Node::Branch(children) => {
                    let mut at = 0;
                    while at < children.len() && position >= children[at].len {
                        position -= children[at].len;
                        at += 1;
                    }
                    let Some(child) = children.get(at) else {
                        return iter;
                    };
                    iter.branches.push(children[at + 1..].iter());
                    node = &child.node;
                }
            }
        }
    }
}

impl<K: Ord + Clone> Node<K> {
    fn len(&self) -> usize {
        match self {
            Self::Leaf(keys) => keys.len(),
            Self::Branch(children) => children.iter().map(|child| child.len).sum(),
        }
    }

    /// Wraps the node as a child; `None` if it is empty.
    fn into_child(self) -> Option<Child<K>> {
        let first = match &self {
            Self::Leaf(keys) => keys.first()?.clone(),
            Self::Branch(children) => children.first()?.first.clone(),
        };
        Some(Child {
            first,
            len: self.len(),
            node: Arc::new(self),
        })
    }

    /// The number of keys of a leaf, or of children of a branch.
    fn width(&self) -> usize {
        match self {
            Self::Leaf(keys) => keys.len(),
            Self::Branch(children) => children.len(),
        }
    }

    fn insert(&mut self, key: K) -> Inserted<K> {
        match self {
            Self::Leaf(keys) => {
                let Err(at) = keys.binary_search(&key) else {
                    return Inserted::Present;
                };
                if keys.len() < MOST {
                    keys.insert(at, key);
                    return Inserted::Added;
                }
                let mut right = keys.split_off(split_at(at));
                if at > keys.len() || keys.len() == MOST {
                    right.insert(at - keys.len(), key);
                } else {
                    keys.insert(at, key);
                }
                Self::Leaf(right)
                    .into_child()
                    .map_or(Inserted::Added, Inserted::Split)
            }
            Self::Branch(children) => {
                let at = children
                    .partition_point(|child| child.first <= key)
                    .saturating_sub(1);
                let child = &mut children[at];
                if key < child.first {
                    child.first = key.clone();
                }
                match Arc::make_mut(&mut child.node).insert(key) {
                    Inserted::Present => Inserted::Present,
                    Inserted::Added => {
                        child.len += 1;
                        Inserted::Added
                    }
                    Inserted::Split(right) => {
                        child.len = child.len + 1 - right.len;
                        children.insert(at + 1, right);
                        if children.len() <= MOST {
                            return Inserted::Added;
                        }
                        let right = children.split_off(split_at(at + 1));
                        Self::Branch(right)
                            .into_child()
                            .map_or(Inserted::Added, Inserted::Split)
                    }
                }
            }
        }
    }

    fn remove(&mut self, key: &K) -> bool {
        match self {
            Self::Leaf(keys) => match keys.binary_search(key) {
                Ok(at) => {
                    keys.remove(at);
                    true
                }
                Err(_) => false,
            },
            Self::Branch(children) => {
                let Some(at) = children
                    .partition_point(|child| child.first <= *key)
                    .checked_sub(1)
                else {
                    return false;
                };
                let child = &mut children[at];
                if !Arc::make_mut(&mut child.node).remove(key) {
                    return false;
                }
                child.len -= 1;
                if child.len == 0 {
                    children.remove(at);
                } else if child.node.width() < FEW {
                    merge(children, at);
                }
                true
            }
        }
    }
}

/// The position at which a full node is split. A node that grows at its end, as those of ids
/// and times do, stays full.
fn split_at(at: usize) -> usize {
    if at >= MOST { MOST } else { MOST / 2 }
}

/// Merges a narrow child with a neighbour, if one node can hold both.
fn merge<K: Ord + Clone>(children: &mut Vec<Child<K>>, at: usize) {
    let fits =
        |i: usize, j: usize| children[i].node.width() + children[j].node.width() <= MOST * 3 / 4;
    let left = if at + 1 < children.len() && fits(at, at + 1) {
        at
    } else if at > 0 && fits(at - 1, at) {
        at - 1
    } else {
        return;
    };
    let right = children.remove(left + 1);
    let target = &mut children[left];
    target.len += right.len;
    match (
        Arc::make_mut(&mut target.node),
        Arc::unwrap_or_clone(right.node),
    ) {
        (Node::Leaf(keys), Node::Leaf(more)) => keys.extend(more),
        (Node::Branch(inner), Node::Branch(more)) => inner.extend(more),
        // All leaves have the same depth, so neighbours are of the same kind.
        _ => {}
    }
}

/// An iterator over the keys of an [`Index`], made by [`Index::iter_from`].
#[derive(Debug)]
pub struct Iter<'a, K> {
    branches: Vec<std::slice::Iter<'a, Child<K>>>,
    leaf: std::slice::Iter<'a, K>,
}

impl<'a, K> Iterator for Iter<'a, K> {
    type Item = &'a K;

    fn next(&mut self) -> Option<&'a K> {
        loop {
            if let Some(key) = self.leaf.next() {
                return Some(key);
            }
            let mut node = loop {
                match self.branches.last_mut()?.next() {
                    Some(child) => break &*child.node,
                    None => self.branches.pop(),
                };
            };
            while let Node::Branch(children) = node {
                let mut children = children.iter();
                let first = children.next()?;
                self.branches.push(children);
                node = &first.node;
            }
            if let Node::Leaf(keys) = node {
                self.leaf = keys.iter();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Insert(u16),
        Remove(u16),
        Append(u16),
        Fork,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => any::<u16>().prop_map(Step::Insert),
            4 => any::<u16>().prop_map(Step::Remove),
            1 => (1..200u16).prop_map(Step::Append),
            1 => Just(Step::Fork),
        ]
    }

    #[track_caller]
    fn agrees(index: &Index<u32>, model: &BTreeSet<u32>) {
        assert_eq!(index.len(), model.len());
        assert!(index.iter_from(0).eq(model.iter()));
        for bound in [0, 1000, 30_000, 70_000] {
            assert_eq!(index.rank(|&k| k < bound), model.range(..bound).count());
        }
        let middle = model.len() / 2;
        assert!(index.iter_from(middle).eq(model.iter().skip(middle)));
    }

    proptest! {
        #[test]
        fn it_is_an_ordered_set_and_forks_do_not_mix(
            bulk in prop::collection::btree_set(0..60_000u32, 0..3000),
            steps in prop::collection::vec(step(), 0..600),
        ) {
            let mut index = Index::from_sorted(bulk.iter().copied().collect());
            let mut model = bulk;
            let mut forks = Vec::new();
            for step in steps {
                match step {
                    Step::Insert(k) => {
                        prop_assert_eq!(index.insert(k.into()), model.insert(k.into()));
                    }
                    Step::Remove(k) => {
                        // The nearest key that exists, so that most removals find one.
                        let k = model.range(u32::from(k)..).next().copied().unwrap_or(k.into());
                        prop_assert_eq!(index.remove(&k), model.remove(&k));
                    }
                    Step::Append(n) => {
                        let last = model.last().copied().unwrap_or(0);
                        for k in last + 1..=last + u32::from(n) {
                            index.insert(k);
                            model.insert(k);
                        }
                    }
                    Step::Fork => forks.push((index.clone(), model.clone())),
                }
            }
            forks.push((index, model));
            for (index, model) in &forks {
                agrees(index, model);
            }
        }
    }

    #[test]
    fn emptied_it_is_as_new() {
        let mut index = Index::from_sorted((0..10_000).collect());
        for k in 0..10_000 {
            assert!(index.remove(&k));
        }
        assert!(index.is_empty());
        assert_eq!(index.nth(0), None);
        assert!(index.insert(7));
        assert!(index.contains(&7));
    }

    fn leaves<K>(node: &Node<K>) -> usize {
        match node {
            Node::Leaf(_) => 1,
            Node::Branch(children) => children.iter().map(|c| leaves(&c.node)).sum(),
        }
    }

    #[test]
    fn narrow_nodes_are_merged() {
        let mut index = Index::from_sorted((0..64_000).collect());
        for k in (0..64_000).filter(|k| k % 64 != 0) {
            index.remove(&k);
        }
        assert_eq!(index.len(), 1000);
        assert!(leaves(&index.root) < 100, "{}", leaves(&index.root));
    }
}
