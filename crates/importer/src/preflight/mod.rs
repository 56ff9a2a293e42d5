//! Checks of the sources before anything is imported.
//!
//! [`Check`]s are values. [`PreflightPlan::read`] looks at the catalog once and computes one statement for each;
//! [`PreflightPlan::run`] executes them on a pool, as many at a time as it has connections, and returns a
//! [`PreflightReport`] with every finding of every check. Nothing is written, nothing stops at the first violation:
//! each is counted, and the first few of each kind are kept with their key and the place in the geometry.
//!
//! A pool and not a single session, because the checks are independent scans: on one session the slowest geometry
//! view would hold up all the others. Each check sees a state of its own: the views checked are materialized (or
//! tables) in the releases this is made for, and do not change meanwhile.
//!
//! ```no_run
//! use cutover_core::{Events, Ident, QualifiedName};
//! use cutover_importer::preflight::{Check, GeometryCheck, PreflightPlan, PreflightSettings};
//!
//! # async fn example(pool: &deadpool_postgres::Pool) -> Result<(), Box<dyn std::error::Error>> {
//! let public = Ident::new("public")?;
//! let polygons = QualifiedName::new(public.clone(), Ident::new("portal_standard_polygons")?);
//! let key = [Ident::new("site_id")?, Ident::new("site_pid")?];
//! let checks = [
//!     Check::geometry(
//!         GeometryCheck::new(polygons.clone(), Ident::new("wkb_geometry")?, 4326)
//!             .types(["Polygon", "MultiPolygon"])
//!             .key(key.clone()),
//!     ),
//!     Check::unique(polygons, key),
//! ];
//! let settings = PreflightSettings::new([public]);
//! let plan = PreflightPlan::read(pool, &checks, &settings).await?;
//! let report = plan.run(pool, &Events::none()).await;
//! if report.is_fatal() {
//!     return Err(report.to_string().into());
//! }
//! # Ok(())
//! # }
//! ```

mod catalog; // the relations checked, read once
mod check; // what to check
mod files; // findings in a folder
mod findings; // violations gathered by reason
mod geojson; // violations to look at on a map
mod geometry; // what is wrong with geometries, by either engine
pub(crate) mod in_passing; // geometry checks on the rows of an import
mod plan; // catalog facts -> one statement per check
mod report; // what was found
mod run; // on a pool
mod tolerance; // how many violations are put up with

pub(crate) use catalog::postgis_schema;
pub(crate) use geometry::batches::Workers;

pub use check::{Bounds, Check, Engine, GeometryCheck, Severity};
pub use files::FindingsError;
pub use plan::{CannotRun, PreflightError, PreflightPlan, PreflightSettings};
pub use report::{CheckOutcome, CheckReport, Finding, Offender, PreflightReport};
pub use tolerance::Tolerance;
