//! A geometry as plain lists of vertices, which can be written as EWKB and as WKT, varied and shrunk.

use std::fmt::Write as _;

pub(crate) type Ring = Vec<[f64; 2]>;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Figure {
    Points(Ring),
    Lines(Vec<Ring>),
    Polygon(Vec<Ring>),
    Polygons(Vec<Vec<Ring>>),
    Collection(Vec<Figure>),
}

impl Figure {
    /// EWKB without SRID, little endian.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.encode_into(&mut bytes);
        bytes
    }

    fn encode_into(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Points(points) => {
                head(bytes, 4, points.len());
                for point in points {
                    bytes.extend([1, 1, 0, 0, 0]);
                    vertex(bytes, point);
                }
            }
            Self::Lines(lines) => {
                head(bytes, 5, lines.len());
                for line in lines {
                    bytes.extend([1, 2, 0, 0, 0]);
                    vertices(bytes, line);
                }
            }
            Self::Polygon(rings) => polygon(bytes, rings),
            Self::Polygons(polygons) => {
                head(bytes, 6, polygons.len());
                for rings in polygons {
                    polygon(bytes, rings);
                }
            }
            Self::Collection(figures) => {
                head(bytes, 7, figures.len());
                for figure in figures {
                    figure.encode_into(bytes);
                }
            }
        }
    }

    /// WKT with every digit; PostGIS reads it where coordinates are finite and rings closed.
    pub(crate) fn wkt(&self) -> String {
        let mut text = String::new();
        match self {
            Self::Points(points) => {
                let points: Vec<Ring> = points.iter().map(|&point| vec![point]).collect();
                text.push_str("MULTIPOINT");
                list(&mut text, &points, wkt_vertices);
            }
            Self::Lines(lines) => {
                text.push_str("MULTILINESTRING");
                list(&mut text, lines, wkt_vertices);
            }
            Self::Polygon(rings) => {
                text.push_str("POLYGON");
                list(&mut text, rings, wkt_vertices);
            }
            Self::Polygons(polygons) => {
                text.push_str("MULTIPOLYGON");
                list(&mut text, polygons, |text, rings| list(text, rings, wkt_vertices));
            }
            Self::Collection(figures) => {
                text.push_str("GEOMETRYCOLLECTION");
                list(&mut text, figures, |text, figure| text.push_str(&figure.wkt()));
            }
        }
        text
    }

    /// Every ring and line, to be changed.
    pub(crate) fn each_ring(&mut self, change: &mut impl FnMut(&mut Ring)) {
        match self {
            Self::Points(points) => change(points),
            Self::Lines(rings) | Self::Polygon(rings) => rings.iter_mut().for_each(change),
            Self::Polygons(polygons) => polygons.iter_mut().flatten().for_each(change),
            Self::Collection(figures) => figures.iter_mut().for_each(|figure| figure.each_ring(change)),
        }
    }

    pub(crate) fn vertices(&self) -> usize {
        let mut count = 0;
        self.clone().each_ring(&mut |ring| count += ring.len());
        count
    }

    /// Smaller figures: without an element, a ring or a vertex, or with an ordinate rounded.
    pub(crate) fn smaller(&self) -> Vec<Self> {
        let mut smaller = match self {
            Self::Points(points) => without_one(points, &Self::Points),
            Self::Lines(lines) => without_one(lines, &Self::Lines),
            Self::Polygon(rings) => without_one(rings, &Self::Polygon),
            Self::Polygons(polygons) => {
                let mut smaller = without_one(polygons, &Self::Polygons);
                smaller.extend(polygons.iter().cloned().map(Self::Polygon));
                for index in 0..polygons.len() {
                    smaller.extend(without_one(&polygons[index], &|rings| {
                        let mut polygons = polygons.clone();
                        polygons[index] = rings;
                        Self::Polygons(polygons)
                    }));
                }
                smaller
            }
            Self::Collection(figures) => {
                let mut smaller = figures.clone();
                smaller.extend(without_one(figures, &Self::Collection));
                smaller
            }
        };
        for at in 0..self.vertices() {
            smaller.extend(self.with_vertex_changed(at, &|ring, index| {
                let closed = ring.len() > 1 && ring.first() == ring.last();
                ring.remove(index);
                if closed && index == 0 {
                    ring.pop();
                    ring.extend(ring.first().copied());
                }
                ring.len() >= 4
            }));
            smaller.extend(self.with_vertex_changed(at, &|ring, index| {
                let closed = ring.len() > 1 && ring.first() == ring.last();
                let rounded = ring[index].map(f64::round);
                let changed = rounded.map(f64::to_bits) != ring[index].map(f64::to_bits)
                    && rounded.iter().all(|ordinate| ordinate.is_finite());
                ring[index] = rounded;
                if closed {
                    let last = ring.len() - 1;
                    ring[last] = ring[0];
                }
                changed
            }));
        }
        smaller
    }

    /// With the vertex of this number changed, if that makes sense.
    fn with_vertex_changed(&self, at: usize, change: &impl Fn(&mut Ring, usize) -> bool) -> Option<Self> {
        let mut changed = self.clone();
        let mut passed = 0;
        let mut makes_sense = false;
        changed.each_ring(&mut |ring| {
            let len = ring.len();
            if (passed..passed + len).contains(&at) {
                makes_sense = change(ring, at - passed);
            }
            passed += len;
        });
        makes_sense.then_some(changed)
    }
}

fn without_one<T: Clone>(items: &[T], figure: &impl Fn(Vec<T>) -> Figure) -> Vec<Figure> {
    (0..items.len())
        .map(|index| {
            let mut fewer = items.to_vec();
            fewer.remove(index);
            figure(fewer)
        })
        .collect()
}

fn head(bytes: &mut Vec<u8>, code: u8, count: usize) {
    bytes.extend([1, code, 0, 0, 0]);
    bytes.extend(u32::try_from(count).unwrap().to_le_bytes());
}

fn polygon(bytes: &mut Vec<u8>, rings: &[Ring]) {
    head(bytes, 3, rings.len());
    for ring in rings {
        vertices(bytes, ring);
    }
}

fn vertices(bytes: &mut Vec<u8>, ring: &[[f64; 2]]) {
    bytes.extend(u32::try_from(ring.len()).unwrap().to_le_bytes());
    for at in ring {
        vertex(bytes, at);
    }
}

fn vertex(bytes: &mut Vec<u8>, at: &[f64; 2]) {
    for ordinate in at {
        bytes.extend(ordinate.to_le_bytes());
    }
}

fn list<T>(text: &mut String, items: &[T], write: impl Fn(&mut String, &T)) {
    if items.is_empty() {
        text.push_str(" EMPTY");
        return;
    }
    text.push('(');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        write(text, item);
    }
    text.push(')');
}

fn wkt_vertices(text: &mut String, ring: &Ring) {
    list(text, ring, |text, [x, y]| write!(text, "{x} {y}").unwrap());
}
