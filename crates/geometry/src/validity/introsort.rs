//! A sort that leaves equal keys in the order in which GEOS' sort leaves them.
//!
//! GEOS sorts the boxes of its tree with `std::sort`, which says nothing about equal keys. On an integer grid many are
//! equal, and their order decides which of several failures is found. Built with GNU's C++ library, as on Linux, it is
//! introsort (D. R. Musser, "Introspective sorting and selection algorithms", 1997) with the parameters below.

/// Shorter runs are left to insertion.
const RUN: usize = 16;

/// A key, and whose it is.
pub(super) type Keyed = (f64, usize);

/// Sorts by key; no key is NaN.
pub(super) fn introsort(items: &mut [Keyed]) {
    if items.len() > RUN {
        partition(items, 2 * items.len().ilog2());
        insert_each(items);
    } else {
        insert_each(items);
    }
}

/// Leaves no more than a run of items unsorted among themselves.
fn partition(mut items: &mut [Keyed], mut depth_left: u32) {
    while items.len() > RUN {
        if depth_left == 0 {
            // Keys that rise and fall, as those of a comb do, lead here.
            heapsort(items);
            return;
        }
        depth_left -= 1;
        let cut = partition_once(items);
        let (low, high) = items.split_at_mut(cut);
        partition(high, depth_left);
        items = low;
    }
}

/// Around the median of the second, the middle and the last item, which goes first and stays there.
fn partition_once(items: &mut [Keyed]) -> usize {
    let (a, b, c) = (1, items.len() / 2, items.len() - 1);
    let is_less = |one: usize, other: usize| items[one].0 < items[other].0;
    let median = match (is_less(a, b), is_less(b, c), is_less(a, c)) {
        (true, true, _) | (false, false, false) => b,
        (true, false, true) | (false, true, false) => c,
        (true, false, false) | (false, _, true) => a,
    };
    items.swap(0, median);
    let pivot = items[0].0;
    let (mut low, mut high) = (1, items.len());
    loop {
        while items[low].0 < pivot {
            low += 1;
        }
        high -= 1;
        while pivot < items[high].0 {
            high -= 1;
        }
        if low >= high {
            return low;
        }
        items.swap(low, high);
        low += 1;
    }
}

/// R. W. Floyd's: a hole sinks to a leaf along the larger children (the second of equal ones), and the item that is to fill
/// it rises from there.
fn heapsort(items: &mut [Keyed]) {
    for top in (0..items.len() / 2).rev() {
        let item = items[top];
        sift(items, top, item);
    }
    for end in (1..items.len()).rev() {
        let item = items[end];
        items[end] = items[0];
        sift(&mut items[..end], 0, item);
    }
}

fn sift(heap: &mut [Keyed], top: usize, item: Keyed) {
    let mut hole = top;
    loop {
        let (first, second) = (2 * hole + 1, 2 * hole + 2);
        let larger = if second < heap.len() && heap[second].0 >= heap[first].0 {
            second
        } else if first < heap.len() {
            first
        } else {
            break;
        };
        heap[hole] = heap[larger];
        hole = larger;
    }
    while hole > top {
        let parent = (hole - 1) / 2;
        if heap[parent].0 >= item.0 {
            break;
        }
        heap[hole] = heap[parent];
        hole = parent;
    }
    heap[hole] = item;
}

fn insert_each(items: &mut [Keyed]) {
    for end in 1..items.len() {
        let item = items[end];
        let mut at = end;
        while at > 0 && item.0 < items[at - 1].0 {
            items[at] = items[at - 1];
            at -= 1;
        }
        items[at] = item;
    }
}
