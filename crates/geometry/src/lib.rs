#![doc = include_str!("../README.md")]

mod centroid; // as GEOS sums it up
mod dimensions;
mod error;
mod ewkb;
mod facts;
mod geo_values; // to and from `geo`
mod geometry_type;
mod header;
mod hex;
mod postgis_values; // to and from `postgis`
mod reader;
mod ring_orientation; // clockwise, counterclockwise
mod validity; // OGC validity, with the verdict of PostGIS
mod view;

pub use dimensions::Dimensions;
pub use error::{EwkbError, EwkbErrorKind};
pub use ewkb::{Ewkb, Primitive, Primitives};
pub use facts::{Extent, Facts, Occurrences};
pub use geo_values::{EncodeError, ToGeoError, encode_geo};
pub use geometry_type::{GeometryType, UnknownGeometryType, UnsupportedType};
pub use hex::{HexError, decode_hex, encode_hex};
pub use postgis_values::{PostgisPoint, ToPostgisError, encode_postgis};
pub use reader::ByteOrder;
pub use ring_orientation::RingOrientation;
pub use validity::{Invalid, InvalidReason, RingRule, Validator};
pub use view::{Collection, Coord, Coords, Elements, Geometry, LineString, MAX_DEPTH, Point, Polygon, Rings};
