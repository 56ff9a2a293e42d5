//! The rings of a polygon or multi-polygon, decoded once.

use std::ops::Range;

use super::chains::{Chain, append_chains};
use super::planar::{Bounds, Xy};
use super::reason::{Failure, InvalidReason};
use crate::view::{LineString, Polygon};

/// The fewest vertices of a ring, the last one included and repetitions left out.
const MIN_RING_VERTICES: usize = 4;

/// Everything is kept in a few lists, which the next geometry uses again.
#[derive(Debug, Default)]
pub(super) struct Rings {
    vertices: Vec<Xy>,
    all: Vec<Ring>,
    polygons: Vec<RingsOfPolygon>,
    chains: Vec<Chain>,
}

/// A ring that is not empty.
#[derive(Debug)]
struct Ring {
    bounds: Bounds,
    polygon: usize,
    given: Range<usize>,
    /// Without repeated vertices.
    noded: Range<usize>,
    chains: Range<usize>,
    /// Whether `noded` lacks vertices that repeat none, but are too close to the one before.
    is_thinned: bool,
}

/// A polygon that is not empty.
#[derive(Debug)]
struct RingsOfPolygon {
    /// Which element of the multi-polygon it is.
    element: usize,
    /// The shell, then the holes.
    rings: Range<usize>,
}

impl Rings {
    pub(super) fn clear(&mut self) {
        self.vertices.clear();
        self.all.clear();
        self.polygons.clear();
        self.chains.clear();
    }

    /// Makes room, so that lists need not grow.
    pub(super) fn reserve(&mut self, polygons: usize, vertices: usize) {
        self.polygons.reserve(polygons);
        self.all.reserve(polygons);
        self.vertices.reserve(vertices);
    }

    /// Adds a polygon whose rings are closed, unless its coordinates or its rings' lengths are invalid.
    pub(super) fn add(&mut self, polygon: &Polygon<'_>, element: usize) -> Result<(), Failure> {
        let mut rings = polygon.rings().peekable();
        if rings.peek().is_none_or(|shell| shell.coords().len() == 0) {
            return Ok(());
        }
        let (first_ring, index) = (self.all.len(), self.polygons.len());
        self.all.reserve(rings.len());
        for ring in rings.filter(|ring| ring.coords().len() > 0) {
            self.decode(ring, index)
                .map_err(|failure| failure.of_element(element))?;
        }
        let rings = first_ring..self.all.len();
        for ring in rings.clone() {
            if !has_distinct_vertices(self.given(ring), MIN_RING_VERTICES) {
                let failure = Failure::at(InvalidReason::TooFewPoints, self.given(ring)[0]);
                return Err(failure.of_element(element));
            }
        }
        for ring in rings.clone() {
            self.cut(ring);
        }
        self.polygons.push(RingsOfPolygon { element, rings });
        Ok(())
    }

    fn decode(&mut self, ring: LineString<'_>, polygon: usize) -> Result<(), Failure> {
        let start = self.vertices.len();
        ring.append_xy(&mut self.vertices);
        check_finite(&self.vertices[start..])?;
        let given = start..self.vertices.len();
        self.all.push(Ring {
            bounds: Bounds::NOTHING,
            polygon,
            noded: given.clone(),
            given,
            chains: 0..0,
            is_thinned: false,
        });
        Ok(())
    }

    /// Leaves out repeated vertices and makes the chains.
    fn cut(&mut self, index: usize) {
        let given = self.all[index].given.clone();
        let mut noded = given.clone();
        let mut is_thinned = false;
        if self.vertices[given.clone()]
            .windows(2)
            .any(|edge| edge[0] == edge[1])
        {
            let start = self.vertices.len();
            let mut last = self.vertices[given.start];
            self.vertices.push(last);
            for at in given.start + 1..given.end {
                let vertex = self.vertices[at];
                if vertex == last {
                    continue;
                }
                // As GEOS does it, but only in a ring that has a true repetition.
                if vertex.distance_squared(last) == 0.0 {
                    is_thinned = true;
                    continue;
                }
                self.vertices.push(vertex);
                last = vertex;
            }
            noded = start..self.vertices.len();
        }
        let first_chain = self.chains.len();
        append_chains(&self.vertices, &noded, index, &mut self.chains);
        let chains = first_chain..self.chains.len();
        let bounds = if is_thinned {
            let vertices = &self.vertices[given.clone()];
            vertices
                .iter()
                .map(|&vertex| Bounds::around(vertex, vertex))
                .fold(Bounds::NOTHING, Bounds::union)
        } else {
            self.chains[chains.clone()]
                .iter()
                .map(|chain| chain.bounds(&self.vertices))
                .fold(Bounds::NOTHING, Bounds::union)
        };
        let ring = &mut self.all[index];
        (ring.bounds, ring.noded, ring.chains, ring.is_thinned) = (bounds, noded, chains, is_thinned);
    }

    pub(super) fn vertices(&self) -> &[Xy] {
        &self.vertices
    }

    /// The chains of all rings, in their order.
    pub(super) fn chains(&self) -> &[Chain] {
        &self.chains
    }

    pub(super) fn chains_of(&self, ring: usize) -> Range<usize> {
        self.all[ring].chains.clone()
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn polygons(&self) -> usize {
        self.polygons.len()
    }

    /// The rings of a polygon, its shell first.
    pub(super) fn of_polygon(&self, polygon: usize) -> Range<usize> {
        self.polygons[polygon].rings.clone()
    }

    pub(super) fn polygon(&self, ring: usize) -> usize {
        self.all[ring].polygon
    }

    /// Which element of the multi-polygon a polygon is.
    pub(super) fn element(&self, polygon: usize) -> usize {
        self.polygons[polygon].element
    }

    pub(super) fn is_shell(&self, ring: usize) -> bool {
        self.of_polygon(self.polygon(ring)).start == ring
    }

    pub(super) fn bounds(&self, ring: usize) -> &Bounds {
        &self.all[ring].bounds
    }

    /// The vertices as they stand.
    pub(super) fn given(&self, ring: usize) -> &[Xy] {
        &self.vertices[self.all[ring].given.clone()]
    }

    /// The vertices without repetitions, as the chains have them.
    pub(super) fn noded(&self, ring: usize) -> Range<usize> {
        self.all[ring].noded.clone()
    }

    /// Whether the chains lack vertices which the ring has.
    pub(super) fn is_thinned(&self, ring: usize) -> bool {
        self.all[ring].is_thinned
    }
}

/// Fails at the first vertex with an X or Y that is NaN or infinite.
pub(super) fn check_finite(vertices: &[Xy]) -> Result<(), Failure> {
    // Without a branch for each vertex.
    if vertices.iter().fold(true, |all, vertex| all & vertex.is_finite()) {
        return Ok(());
    }
    match vertices.iter().find(|vertex| !vertex.is_finite()) {
        Some(&vertex) => Err(Failure::at(InvalidReason::InvalidCoordinate, vertex)),
        None => Ok(()),
    }
}

/// Whether so many vertices differ from the one before them, the first counted.
pub(super) fn has_distinct_vertices(vertices: &[Xy], least: usize) -> bool {
    let changes = vertices.windows(2).filter(|pair| pair[0] != pair[1]);
    !vertices.is_empty() && changes.take(least - 1).count() == least - 1
}
