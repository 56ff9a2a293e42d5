//! Holes outside their shells, holes in holes, polygons in polygons; of rings that do not cross.

use std::ops::ControlFlow;

use super::corner::Undecided;
use super::location::{Location, Locator};
use super::patience::Patience;
use super::planar::{Bounds, Xy};
use super::reason::{Failure, InvalidReason};
use super::rings::Rings;
use super::sweep;
use super::tree::Tree;

/// Looks for rings that do not lie where they may, in the order of GEOS.
pub(super) struct Nesting<'a, 'b> {
    pub(super) rings: &'a Rings,
    pub(super) locator: &'b mut Locator<'a>,
    pub(super) tree: &'b mut Tree,
    pub(super) patience: &'b mut Patience,
    /// Whether rings touch, so that a sweep proves nothing.
    pub(super) is_touched: bool,
}

/// What ends the search.
enum End {
    Failure(Failure),
    /// The sweep has proved that there is no failure.
    ProvedValid,
    Undecided,
}

impl From<Undecided> for End {
    fn from(_: Undecided) -> Self {
        Self::Undecided
    }
}

impl Nesting<'_, '_> {
    pub(super) fn failure(&mut self) -> Result<Option<Failure>, Undecided> {
        match self.search() {
            Ok(()) | Err(End::ProvedValid) => Ok(None),
            Err(End::Failure(failure)) => Ok(Some(failure)),
            Err(End::Undecided) => Err(Undecided),
        }
    }

    fn search(&mut self) -> Result<(), End> {
        for polygon in 0..self.rings.polygons() {
            self.holes_in_shell(polygon)?;
        }
        for polygon in 0..self.rings.polygons() {
            self.holes_apart(polygon)?;
        }
        self.polygons_apart()
    }

    /// Fails for a hole whose box reaches out of the shell's, or which is not in the shell: at its first vertex.
    fn holes_in_shell(&mut self, polygon: usize) -> Result<(), End> {
        let mut holes = self.rings.of_polygon(polygon);
        let Some(shell) = holes.next() else { return Ok(()) };
        for hole in holes {
            let in_box = self.rings.bounds(shell).covers(self.rings.bounds(hole));
            if !in_box || !self.locator.is_nested(hole, shell)? {
                return Err(self.fail(InvalidReason::HoleOutsideShell, hole, None));
            }
            self.may_be_proved()?;
        }
        Ok(())
    }

    /// Fails for a hole in another: at its first vertex.
    fn holes_apart(&mut self, polygon: usize) -> Result<(), End> {
        let all = self.rings.of_polygon(polygon);
        let holes = all.start + 1..all.end;
        if holes.len() < 2 {
            return Ok(());
        }
        let rings = self.rings;
        self.tree
            .build(holes.start, holes.clone().map(|hole| *rings.bounds(hole)));
        for hole in holes {
            let found = self.in_boxes_around(rings.bounds(hole), |locator, other| {
                Ok((other != hole && locator.is_nested(hole, other)?).then_some(()))
            })?;
            if found.is_some() {
                return Err(self.fail(InvalidReason::NestedHoles, hole, None));
            }
            self.may_be_proved()?;
        }
        Ok(())
    }

    /// Fails for a polygon in another and not in one of its holes: at a vertex of its shell.
    fn polygons_apart(&mut self) -> Result<(), End> {
        let rings = self.rings;
        if rings.polygons() < 2 {
            return Ok(());
        }
        let shell_of = |polygon: usize| rings.of_polygon(polygon).start;
        let shells = (0..rings.polygons()).map(shell_of);
        self.tree
            .build(0, shells.clone().map(|shell| *rings.bounds(shell)));
        for (polygon, shell) in shells.enumerate() {
            let found = self.in_boxes_around(rings.bounds(shell), |locator, outer| {
                if outer == polygon {
                    return Ok(None);
                }
                vertex_inside(rings, locator, shell, outer)
            })?;
            if let Some(at) = found {
                return Err(self.fail(InvalidReason::NestedShells, shell, Some(at)));
            }
            self.may_be_proved()?;
        }
        Ok(())
    }

    /// Asks about each item of the tree whose box covers `bounds`, until there is an answer.
    fn in_boxes_around<T>(
        &mut self,
        bounds: &Bounds,
        mut ask: impl FnMut(&mut Locator<'_>, usize) -> Result<Option<T>, Undecided>,
    ) -> Result<Option<T>, Undecided> {
        let mut nodes = 0;
        let covers = |node: &Bounds| {
            let covers = node.covers(bounds);
            nodes += usize::from(covers);
            covers
        };
        let found = self
            .tree
            .visit(covers, 0, |item| match ask(self.locator, item).transpose() {
                Some(answer) => ControlFlow::Break(answer),
                None => ControlFlow::Continue(()),
            });
        self.patience.count(nodes);
        match found {
            ControlFlow::Break(answer) => answer.map(Some),
            ControlFlow::Continue(()) => Ok(None),
        }
    }

    /// Leaves the rest to the sweep when patience is at an end.
    fn may_be_proved(&mut self) -> Result<(), End> {
        self.patience.count(self.locator.take_steps());
        if !self.patience.is_at_end() {
            return Ok(());
        }
        if !self.is_touched && sweep::proves_validity(self.rings) {
            return Err(End::ProvedValid);
        }
        self.patience.become_endless();
        Ok(())
    }

    /// At the vertex, else at the first one of the ring.
    fn fail(&self, reason: InvalidReason, ring: usize, at: Option<Xy>) -> End {
        let at = at.unwrap_or(self.rings.given(ring)[0]);
        let element = self.rings.element(self.rings.polygon(ring));
        End::Failure(Failure::at(reason, at).of_element(element))
    }
}

/// The first or second vertex of the shell, if it is inside the polygon; the first, if both are on the polygon's edge
/// and the shell goes inside from there.
fn vertex_inside(
    rings: &Rings,
    locator: &mut Locator<'_>,
    shell: usize,
    polygon: usize,
) -> Result<Option<Xy>, Undecided> {
    let vertices = rings.given(shell);
    for &vertex in &vertices[..2] {
        match locator.locate(vertex, rings.of_polygon(polygon)) {
            Location::Outside => return Ok(None),
            Location::Inside => return Ok(Some(vertex)),
            Location::Boundary => {}
        }
    }
    let mut holes = rings.of_polygon(polygon);
    let Some(outer_shell) = holes.next() else {
        return Ok(None);
    };
    if !locator.is_nested(shell, outer_shell)? {
        return Ok(None);
    }
    for hole in holes {
        if rings.bounds(hole).covers(rings.bounds(shell)) && locator.is_nested(shell, hole)? {
            return Ok(None);
        }
    }
    Ok(Some(vertices[0]))
}
