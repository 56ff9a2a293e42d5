//! Holes outside their shells, holes in holes, polygons in polygons; of rings that do not cross.

use std::ops::ControlFlow;

use super::corner::Undecided;
use super::location::{Location, Locator};
use super::planar::Xy;
use super::reason::{Failure, InvalidReason};
use super::rings::Rings;
use super::tree::Tree;

/// A hole whose box reaches out of the shell's, or which is not in the shell: its first vertex.
pub(super) fn hole_outside_shell(
    rings: &Rings,
    locator: &mut Locator<'_>,
    polygon: usize,
) -> Result<Option<Failure>, Undecided> {
    let mut holes = rings.of_polygon(polygon);
    let Some(shell) = holes.next() else {
        return Ok(None);
    };
    for hole in holes {
        if !rings.bounds(shell).covers(rings.bounds(hole)) || !locator.is_nested(hole, shell)? {
            return Ok(Some(failure(
                InvalidReason::HoleOutsideShell,
                rings,
                polygon,
                rings.given(hole)[0],
            )));
        }
    }
    Ok(None)
}

/// A hole in another: its first vertex.
pub(super) fn hole_in_hole(
    rings: &Rings,
    locator: &mut Locator<'_>,
    tree: &mut Tree,
    polygon: usize,
) -> Result<Option<Failure>, Undecided> {
    let all = rings.of_polygon(polygon);
    let holes = all.start + 1..all.end;
    if holes.len() < 2 {
        return Ok(None);
    }
    tree.build(holes.start, holes.clone().map(|hole| *rings.bounds(hole)));
    for hole in holes {
        let bounds = rings.bounds(hole);
        let found = tree.visit(bounds, 0, |other| {
            if other == hole || !rings.bounds(other).covers(bounds) {
                return ControlFlow::Continue(());
            }
            match locator.is_nested(hole, other) {
                Ok(false) => ControlFlow::Continue(()),
                nested => ControlFlow::Break(nested),
            }
        });
        if let ControlFlow::Break(nested) = found {
            nested?;
            return Ok(Some(failure(
                InvalidReason::NestedHoles,
                rings,
                polygon,
                rings.given(hole)[0],
            )));
        }
    }
    Ok(None)
}

/// A polygon in another and not in one of its holes: a vertex of its shell.
pub(super) fn shell_in_polygon(
    rings: &Rings,
    locator: &mut Locator<'_>,
    tree: &mut Tree,
) -> Result<Option<Failure>, Undecided> {
    if rings.polygons() < 2 {
        return Ok(None);
    }
    let shell_of = |polygon: usize| rings.of_polygon(polygon).start;
    tree.build(
        0,
        (0..rings.polygons()).map(|polygon| *rings.bounds(shell_of(polygon))),
    );
    for polygon in 0..rings.polygons() {
        let shell = shell_of(polygon);
        let bounds = rings.bounds(shell);
        let found = tree.visit(bounds, 0, |outer| {
            if outer == polygon || !rings.bounds(shell_of(outer)).covers(bounds) {
                return ControlFlow::Continue(());
            }
            match vertex_inside(rings, locator, shell, outer) {
                Ok(None) => ControlFlow::Continue(()),
                found => ControlFlow::Break(found),
            }
        });
        if let ControlFlow::Break(found) = found {
            let nested = found?;
            return Ok(nested.map(|at| failure(InvalidReason::NestedShells, rings, polygon, at)));
        }
    }
    Ok(None)
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

fn failure(reason: InvalidReason, rings: &Rings, polygon: usize, at: Xy) -> Failure {
    Failure::at(reason, at).of_element(rings.element(polygon))
}
