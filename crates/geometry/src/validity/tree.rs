//! A packed tree of boxes, built once and asked often.
//!
//! Sort-tile-recursive packing (S. T. Leutenegger, M. A. Lopez, J. Edgington, "STR: a simple and efficient algorithm
//! for R-tree packing", 1997), with nodes of ten and the tiles GEOS makes, so that boxes are found in the order in
//! which GEOS finds them: of several failures the same is told. Only for more than sixteen boxes of which two have the
//! same middle does GEOS' order depend on the sort of its C++ library; here it is then that of the items.

use std::ops::{ControlFlow, Range};

use super::introsort::{Keyed, introsort};
use super::planar::Bounds;

const NODE_CAPACITY: usize = 10;

/// The tree's lists are used again for the next set of boxes.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// The leaves, above them their parents, and so on; the last is the root.
    nodes: Vec<Node>,
    leaves: usize,
    sorting: Vec<Keyed>,
}

#[derive(Debug, Clone)]
struct Node {
    bounds: Bounds,
    /// The nodes below; of a leaf its item.
    first: usize,
    end: usize,
    /// The highest number among the items below.
    last_item: usize,
}

impl Tree {
    /// Starts anew with these boxes; `first_item` is the number of the first, and the others count on from there.
    pub(super) fn build(&mut self, first_item: usize, boxes: impl ExactSizeIterator<Item = Bounds>) {
        self.nodes.clear();
        // A parent above every ten, and one more for each slice.
        let count = boxes.len();
        self.nodes.reserve(count + count / 8 + 2 * count.isqrt() + 2);
        let leaves = (first_item..).zip(boxes).map(|(item, bounds)| Node {
            bounds,
            first: item,
            end: item,
            last_item: item,
        });
        self.nodes.extend(leaves);
        self.leaves = self.nodes.len();
        let mut level = 0..self.nodes.len();
        while level.len() > 1 {
            self.add_parents(level.clone());
            level = level.end..self.nodes.len();
        }
    }

    /// Sorts a level into vertical slices, each from bottom to top, and puts a parent above every ten.
    fn add_parents(&mut self, level: Range<usize>) {
        let slices = ceil_sqrt(level.len().div_ceil(NODE_CAPACITY));
        let slice_len = level.len().div_ceil(slices);
        self.sort(level.clone(), |bounds| bounds.min.x + bounds.max.x);
        for start in level.clone().step_by(slice_len) {
            let slice = start..level.end.min(start + slice_len);
            self.sort(slice.clone(), |bounds| bounds.min.y + bounds.max.y);
            for first in slice.clone().step_by(NODE_CAPACITY) {
                let end = slice.end.min(first + NODE_CAPACITY);
                let children = &self.nodes[first..end];
                let parent = Node {
                    bounds: children
                        .iter()
                        .map(|child| child.bounds)
                        .fold(Bounds::NOTHING, Bounds::union),
                    first,
                    end,
                    last_item: children
                        .iter()
                        .map(|child| child.last_item)
                        .max()
                        .unwrap_or_default(),
                };
                self.nodes.push(parent);
            }
        }
    }

    /// By the key, and where that is the same, as they were.
    fn sort(&mut self, range: Range<usize>, key: impl Fn(&Bounds) -> f64) {
        let nodes = &mut self.nodes[range];
        self.sorting.clear();
        self.sorting
            .extend(nodes.iter().enumerate().map(|(at, node)| (key(&node.bounds), at)));
        introsort(&mut self.sorting);
        // Each cycle of the permutation is followed once; a place that is done then says that it stays.
        for start in 0..nodes.len() {
            let mut to = start;
            loop {
                let from = std::mem::replace(&mut self.sorting[to].1, to);
                if from == start {
                    break;
                }
                nodes.swap(to, from);
                to = from;
            }
        }
    }

    /// Visits the items from number `from` on whose boxes are wanted, until told to stop. A box that is wanted is one whenever
    /// a box in it is.
    pub(super) fn visit<B>(
        &self,
        mut is_wanted: impl FnMut(&Bounds) -> bool,
        from: usize,
        mut visit: impl FnMut(usize) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        match self.nodes.len().checked_sub(1) {
            Some(root) => self.visit_within(root..root + 1, &mut is_wanted, from, &mut visit),
            None => ControlFlow::Continue(()),
        }
    }

    fn visit_within<B>(
        &self,
        siblings: Range<usize>,
        is_wanted: &mut impl FnMut(&Bounds) -> bool,
        from: usize,
        visit: &mut impl FnMut(usize) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let are_leaves = siblings.start < self.leaves;
        for node in &self.nodes[siblings] {
            if node.last_item < from || !is_wanted(&node.bounds) {
                continue;
            }
            if are_leaves {
                visit(node.first)?;
            } else {
                self.visit_within(node.first..node.end, is_wanted, from, visit)?;
            }
        }
        ControlFlow::Continue(())
    }
}

fn ceil_sqrt(value: usize) -> usize {
    let root = value.isqrt();
    root + usize::from(root * root < value)
}
