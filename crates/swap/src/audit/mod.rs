//! Audit: everything that tells one state of a release set from another, taken before and compared after.

mod change; // what differs between two audits
mod facts; // a catalog snapshot as named facts
mod rows; // the rows of a relation, summed up

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_postgres::{Client, IsolationLevel};

use cutover_core::catalog::{CatalogError, CatalogSnapshot};
use cutover_core::{Ident, ObjectKind, ObjectName, StatementError};

pub use change::{AuditChange, AuditDiff, AuditError};
pub use rows::{RowSum, sum_rows};

/// The version of an audit's shape. Audits of different versions are not compared.
const SHAPE: u32 = 1;

/// How an audit is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct AuditOptions {
    checksums: bool,
}

impl AuditOptions {
    /// Whether the rows of each table are summed up in a checksum, which reads and prints every value: some minutes for
    /// some gigabytes. Off unless set.
    pub fn checksums(mut self, take: bool) -> Self {
        self.checksums = take;
        self
    }
}

/// A release set at one moment: rows, sizes, and every fact of its catalog under a name that a reader understands.
///
/// Serialises to a file that a later audit is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Audit {
    /// The version of this shape.
    pub audit_version: u32,
    /// When it was taken, by the clock of whoever took it.
    pub taken_at: Timestamp,
    /// The database.
    pub database: Ident,
    /// The schema of the release set.
    pub schema: Ident,
    /// Facts by relation and name: `"rows": "1842"`, `"index sites_pkey: definition": "CREATE UNIQUE INDEX …"`.
    ///
    /// Views and foreign keys outside the set that depend on it stand beside its members.
    pub relations: BTreeMap<String, BTreeMap<String, String>>,
}

impl Audit {
    /// Whether rows were summed up in checksums.
    #[must_use]
    pub fn has_checksums(&self) -> bool {
        self.relations
            .values()
            .any(|facts| facts.contains_key("checksum"))
    }

    /// Takes an audit of the live relations of these names.
    ///
    /// One `REPEATABLE READ` transaction: counts and checksums are of one moment.
    ///
    /// # Locks
    /// `ACCESS SHARE` on the members until the last of them is counted.
    /// # Cancel safety
    /// Reads only.
    /// # Errors
    /// [`CatalogError`] when a member does not exist, or may not be read.
    ///
    /// # Examples
    /// ```no_run
    /// use cutover_core::Ident;
    /// use cutover_swap::{Audit, AuditOptions};
    ///
    /// # async fn example(client: &mut tokio_postgres::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let (schema, members) = (Ident::new("public")?, [Ident::new("sources")?]);
    /// let before = Audit::take(client, &schema, &members, &AuditOptions::default()).await?;
    /// // … a release goes live …
    /// let after = Audit::take(client, &schema, &members, &AuditOptions::default()).await?;
    /// print!("{}", before.diff(&after)?.structural());
    /// # Ok(()) }
    /// ```
    pub async fn take(
        client: &mut Client,
        schema: &Ident,
        members: &[Ident],
        options: &AuditOptions,
    ) -> Result<Self, CatalogError> {
        let object = ObjectName::global(ObjectKind::Schema, schema);
        let tx = client
            .build_transaction()
            .isolation_level(IsolationLevel::RepeatableRead)
            .read_only(true)
            .start()
            .await
            .map_err(|error| StatementError::new("begin to audit", object.clone(), error))?;
        rows::print_alike(&tx)
            .await
            .map_err(|error| StatementError::new("set up the audit of", object, error))?;
        let snapshot = CatalogSnapshot::read(&tx, schema, members).await?;
        let mut relations = facts::of(&snapshot);
        for relation in &snapshot.relations {
            let (rows, checksum) =
                rows::count(&tx, &relation.name, relation.object(), options.checksums).await?;
            let facts = relations
                .entry(relation.name.name.as_str().to_owned())
                .or_default();
            facts.insert("rows".to_owned(), rows.to_string());
            facts.extend(checksum.map(|sum| ("checksum".to_owned(), sum)));
        }
        Ok(Self {
            audit_version: SHAPE,
            taken_at: Timestamp::now(),
            database: snapshot.server.database.clone(),
            schema: schema.clone(),
            relations,
        })
    }
}
