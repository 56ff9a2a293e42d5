//! Rings of a polygon that touch, and whether they cut its interior into pieces.

use std::collections::HashMap;

use super::corner::{Corner, Undecided};
use super::planar::Xy;
use super::rings::Rings;

/// The graph whose nodes are rings and whose edges are touches.
///
/// Two rings that touch twice enclose a piece of the interior, and so does a cycle of touches, unless all are at one
/// place.
#[derive(Debug, Default)]
pub(super) struct Touches {
    /// By the two rings, the lower first.
    places: HashMap<(usize, usize), Xy>,
    /// Of a ring with itself.
    own: Vec<SelfTouch>,
    /// Every touch from both sides, by ring, then by the ring touched.
    links: Vec<Link>,
    /// For each ring the first ring of those it is connected with, once it was reached.
    roots: Vec<Option<usize>>,
    open: Vec<Link>,
}

#[derive(Debug)]
struct SelfTouch {
    ring: usize,
    corner: Corner,
    /// Whence the ring comes when it passes the place again.
    other_before: Xy,
}

#[derive(Debug, Clone, Copy)]
struct Link {
    from: usize,
    to: usize,
    at: Xy,
}

/// The rings touch at another place too.
pub(super) struct TouchTwice;

impl Touches {
    pub(super) fn clear(&mut self) {
        self.places.clear();
        self.own.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty() && self.own.is_empty()
    }

    /// Takes down a touch; only the first place is kept.
    pub(super) fn add(&mut self, a: usize, b: usize, at: Xy) -> Result<(), TouchTwice> {
        let place = *self.places.entry((a.min(b), a.max(b))).or_insert(at);
        if place == at { Ok(()) } else { Err(TouchTwice) }
    }

    pub(super) fn add_self_touch(&mut self, ring: usize, corner: Corner, other_before: Xy) {
        self.own.push(SelfTouch {
            ring,
            corner,
            other_before,
        });
    }

    /// A place where a ring touches itself from inside the polygon, which cuts off a piece; and the ring.
    pub(super) fn inner_self_touch(
        &mut self,
        rings: &Rings,
        mut is_counterclockwise: impl FnMut(usize) -> bool,
    ) -> Result<Option<(Xy, usize)>, Undecided> {
        self.own.sort_by_key(|touch| touch.ring);
        for touch in &self.own {
            let interior_on_right = rings.is_shell(touch.ring) != is_counterclockwise(touch.ring);
            if touch.corner.has_on_right(touch.other_before)? == interior_on_right {
                return Ok(Some((touch.corner.at, touch.ring)));
            }
        }
        Ok(None)
    }

    /// A place on a cycle of touches, and one of the rings.
    pub(super) fn cycle(&mut self, rings: usize) -> Option<(Xy, usize)> {
        if self.places.is_empty() {
            return None;
        }
        self.links.clear();
        for (&(a, b), &at) in &self.places {
            self.links.push(Link { from: a, to: b, at });
            if a != b {
                self.links.push(Link { from: b, to: a, at });
            }
        }
        self.links.sort_unstable_by_key(|link| (link.from, link.to));
        self.roots.clear();
        self.roots.resize(rings, None);
        (0..rings).find_map(|ring| self.cycle_from(ring))
    }

    /// Walks all rings connected with this one; a ring reached twice, over different places, closes a cycle.
    fn cycle_from(&mut self, root: usize) -> Option<(Xy, usize)> {
        if self.roots[root].is_some() {
            return None;
        }
        self.roots[root] = Some(root);
        self.open.clear();
        for link in links_from(&self.links, root) {
            self.roots[link.to] = Some(root);
            self.open.push(*link);
        }
        while let Some(entry) = self.open.pop() {
            for link in links_from(&self.links, entry.to) {
                // Whoever touches at the entry was reached from the ring before.
                if link.at == entry.at {
                    continue;
                }
                if self.roots[link.to] == Some(root) {
                    return Some((link.at, link.from));
                }
                self.roots[link.to] = Some(root);
                self.open.push(*link);
            }
        }
        None
    }
}

fn links_from(links: &[Link], ring: usize) -> &[Link] {
    let first = links.partition_point(|link| link.from < ring);
    let count = links[first..].partition_point(|link| link.from == ring);
    &links[first..first + count]
}
