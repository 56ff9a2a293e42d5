//! Which ring is around which, told by what is below the vertex where a sweep comes upon a ring.

use super::rings::Rings;

/// Which rings lie in which, of those that the line has come upon.
pub(super) struct Enclosures<'a> {
    rings: &'a Rings,
    /// The first of its vertices, and the ring.
    by_vertex: Vec<(usize, usize)>,
    begun: Vec<Option<Begun>>,
}

#[derive(Clone, Copy)]
struct Begun {
    is_counterclockwise: bool,
    /// The innermost ring around this one.
    around: Option<usize>,
}

impl<'a> Enclosures<'a> {
    pub(super) fn of(rings: &'a Rings) -> Self {
        let mut by_vertex: Vec<_> = (0..rings.len())
            .map(|ring| (rings.noded(ring).start, ring))
            .collect();
        by_vertex.sort_unstable();
        Self {
            rings,
            by_vertex,
            begun: vec![None; rings.len()],
        }
    }

    fn ring(&self, edge: usize) -> Option<usize> {
        let after = self.by_vertex.partition_point(|&(first, _)| first <= edge);
        Some(self.by_vertex.get(after.checked_sub(1)?)?.1)
    }

    /// The line comes upon a vertex from which two edges go on, of which `edge` is one; with the edge below it and whether
    /// that heads right. Fails where a ring begins that may not lie there.
    pub(super) fn begin(
        &mut self,
        edge: usize,
        is_counterclockwise: bool,
        below: Option<(usize, bool)>,
    ) -> Option<()> {
        let ring = self.ring(edge)?;
        if self.begun[ring].is_some() {
            return Some(());
        }
        let around = match below {
            None => None,
            Some((edge, heads_right)) => {
                let other = self.ring(edge)?;
                let begun = self.begun[other]?;
                if begun.is_counterclockwise == heads_right {
                    Some(other)
                } else {
                    begun.around
                }
            }
        };
        self.begun[ring] = Some(Begun {
            is_counterclockwise,
            around,
        });
        self.may_lie_in(ring, around).then_some(())
    }

    /// A shell in nothing or in a hole, a hole in its own shell: then no polygon is inside another, and no hole outside its
    /// shell or in another hole, for all rings around them lie where they may.
    fn may_lie_in(&self, ring: usize, around: Option<usize>) -> bool {
        match around {
            None => self.rings.is_shell(ring),
            Some(around) if self.rings.is_shell(ring) => !self.rings.is_shell(around),
            Some(around) => around == self.rings.of_polygon(self.rings.polygon(ring)).start,
        }
    }
}
