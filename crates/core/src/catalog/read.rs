//! Reading the catalog.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_postgres::Transaction;
use tokio_postgres::types::ToSql;

use super::{
    CatalogSnapshot, Relation, RoleFacts, ServerFacts, deparsing, read_dependents, read_fingerprint,
};
use crate::{Digest, Ident, NamingPolicy, ObjectKind, ObjectName, QualifiedName, StatementError};

/// The catalog could not be read, or does not hold what was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// A query failed.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// Members that do not exist, all of them at once.
    #[error("schema {schema} has no relation {}", list(.missing))]
    Missing {
        /// Where they were looked for.
        schema: Ident,
        /// Which.
        missing: Vec<Ident>,
    },
    /// The server answered in a shape this version does not know.
    #[error("the catalog's description of {of} could not be understood")]
    Shape {
        /// What was being read.
        of: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

fn list(names: &[Ident]) -> String {
    names
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

impl CatalogError {
    /// What the operator can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Statement(error) => error.remedy(),
            Self::Missing { .. } => "check `tables` and `matviews` in the release file, and [target] schema",
            Self::Shape { .. } => {
                "report this with the server's version: it may be newer than this release of Cutover"
            }
        }
    }
}

impl CatalogSnapshot {
    /// Reads the relations of these names with all that hangs on them and all that depends on them: a fixed number of
    /// queries, however many relations. Partitions of all levels come along; children by inheritance do not.
    ///
    /// Sets the transaction's search path to `schema`, and how dates, intervals and floats print, for its own queries,
    /// and puts them back. In a `REPEATABLE READ`
    /// transaction the queries agree with each other; the deparsers of the server always see the latest catalog.
    /// The server's own functions and operators come first on it; those of `schema` could only stand in where they fit a call
    /// better, so what relies on a conversion of names, classes or untyped constants is called by its schema or exact type.
    ///
    /// # Locks
    /// `ACCESS SHARE` on system catalogs; for a moment on the members and their indexes, which are measured, and on views
    /// that are deparsed.
    ///
    /// # Cancel safety
    /// When dropped, these settings stay changed until the transaction ends.
    ///
    /// # Errors
    /// [`CatalogError::Missing`] names every relation that does not exist.
    ///
    /// # Examples
    /// ```no_run
    /// use cutover_core::{Ident, catalog::CatalogSnapshot};
    ///
    /// # async fn example(client: &mut tokio_postgres::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let tx = client.build_transaction().read_only(true).start().await?;
    /// let set = CatalogSnapshot::read(&tx, &Ident::new("public")?, &[Ident::new("sources")?]).await?;
    /// assert_eq!(set.relations[0].name.name.as_str(), "sources");
    /// # Ok(()) }
    /// ```
    pub async fn read(tx: &Transaction<'_>, schema: &Ident, members: &[Ident]) -> Result<Self, CatalogError> {
        Self::read_beside(tx, schema, schema, members).await
    }

    /// Reads relations of `schema` as they look from `set`, the live schema: with that one alone on the search path. What
    /// live and its twin or backup in another schema have in common is then printed alike, whatever schema it is in.
    ///
    /// Settings, locks, cancel safety and errors are those of [`CatalogSnapshot::read`].
    ///
    /// # Errors
    /// [`CatalogError::Missing`] names every relation that does not exist.
    pub async fn read_beside(
        tx: &Transaction<'_>,
        set: &Ident,
        schema: &Ident,
        members: &[Ident],
    ) -> Result<Self, CatalogError> {
        let before = deparsing::begin(tx, set).await?;
        let result = Self::read_on_path(tx, schema, members).await;
        // A failed statement has ended the transaction, and its settings with it.
        if !matches!(result, Err(CatalogError::Statement(_))) {
            before.restore(tx, schema).await?;
        }
        result
    }

    /// Reads only the relations of these names with all that hangs on them, as they look from `set`: a fixed number of
    /// queries, however many relations.
    ///
    /// Settings, locks, cancel safety and errors are those of [`CatalogSnapshot::read_beside`].
    ///
    /// # Errors
    /// [`CatalogError::Missing`] names every relation that does not exist.
    pub async fn read_relations(
        tx: &Transaction<'_>,
        set: &Ident,
        schema: &Ident,
        members: &[Ident],
    ) -> Result<Vec<Relation>, CatalogError> {
        let before = deparsing::begin(tx, set).await?;
        let result = Self::read_members(tx, schema, members).await;
        // A failed statement has ended the transaction, and its settings with it.
        if !matches!(result, Err(CatalogError::Statement(_))) {
            before.restore(tx, schema).await?;
        }
        result
    }

    async fn read_on_path(
        tx: &Transaction<'_>,
        schema: &Ident,
        members: &[Ident],
    ) -> Result<Self, CatalogError> {
        let server: ServerFacts = parse(
            "the server",
            query_value(tx, schema, include_str!("sql/server.sql"), &[&schema.as_str()]).await?,
        )?;
        let relations = Self::read_members(tx, schema, members).await?;
        let dependents = read_dependents::read(tx, schema, &relations).await?;
        let members = relations.iter().flat_map(Relation::roles);
        let roles = read_roles(tx, schema, members.chain(dependents.roles())).await?;
        let mut snapshot = Self {
            server,
            schema: schema.clone(),
            relations,
            roles,
            views: dependents.views,
            functions: dependents.functions,
            rules: dependents.rules,
            upper_dependents: dependents.upper,
            inbound_foreign_keys: dependents.inbound_foreign_keys,
            parts: dependents.parts,
            other_dependents: dependents.others,
            schemas: Vec::new(),
            fingerprint: Digest::of([]),
        };
        snapshot.fingerprint = read_fingerprint(tx, &snapshot.fingerprint_oids()).await?;
        Ok(snapshot)
    }

    /// Adds what is known of the schemas that `naming` puts staging and backups into, where they are others than the set's.
    /// Plans with such a policy need it.
    ///
    /// # Errors
    /// [`CatalogError`] when the catalog cannot be read.
    pub async fn with_schemas(
        mut self,
        tx: &Transaction<'_>,
        naming: &NamingPolicy,
    ) -> Result<Self, CatalogError> {
        let others = naming.schemas(&self.schema).into_iter();
        let others: Vec<&str> = others
            .filter(|schema| **schema != self.schema)
            .map(Ident::as_str)
            .collect();
        if !others.is_empty() {
            let roles: Vec<&str> = self.roles.iter().map(|role| role.name.as_str()).collect();
            let sql = include_str!("sql/schemas.sql");
            self.schemas = listed(tx, &self.schema, "schemas", sql, &[&others, &roles]).await?;
        }
        Ok(self)
    }

    /// The members with all that hangs on them.
    async fn read_members(
        tx: &Transaction<'_>,
        schema: &Ident,
        members: &[Ident],
    ) -> Result<Vec<Relation>, CatalogError> {
        let names: Vec<&str> = members.iter().map(Ident::as_str).collect();
        let oids: Vec<u32> = tx
            .query(include_str!("sql/members.sql"), &[&schema.as_str(), &names])
            .await
            .map_err(reading(schema))?
            .iter()
            .map(|row| row.get(0))
            .collect();
        let mut found: BTreeMap<u32, Relation> = keyed(
            tx,
            schema,
            "relations",
            include_str!("sql/relations.sql"),
            &[&oids],
        )
        .await?;
        let known: BTreeSet<&QualifiedName> = found.values().map(|relation| &relation.name).collect();
        let missing: Vec<Ident> = members
            .iter()
            .filter(|name| !known.contains(&QualifiedName::new(schema.clone(), (*name).clone())))
            .cloned()
            .collect();
        if !missing.is_empty() {
            return Err(CatalogError::Missing {
                schema: schema.clone(),
                missing,
            });
        }
        // One that was dropped between the two queries is gone here too.
        let mut relations: Vec<Relation> = oids.iter().filter_map(|oid| found.remove(oid)).collect();
        let oids: Vec<u32> = relations.iter().map(|relation| relation.oid).collect();
        read_parts(tx, schema, &mut relations, &oids).await?;
        Ok(relations)
    }
}

/// Reads what belongs to the members into them.
async fn read_parts(
    tx: &Transaction<'_>,
    schema: &Ident,
    relations: &mut [Relation],
    oids: &[u32],
) -> Result<(), CatalogError> {
    let mut columns = keyed(tx, schema, "columns", include_str!("sql/columns.sql"), &[&oids]).await?;
    let mut constraints = keyed(
        tx,
        schema,
        "constraints",
        include_str!("sql/constraints.sql"),
        &[&oids],
    )
    .await?;
    let mut indexes = keyed(tx, schema, "indexes", include_str!("sql/indexes.sql"), &[&oids]).await?;
    let mut triggers = keyed(tx, schema, "triggers", include_str!("sql/triggers.sql"), &[&oids]).await?;
    let mut sequences = keyed(
        tx,
        schema,
        "sequences",
        include_str!("sql/sequences.sql"),
        &[&oids],
    )
    .await?;
    let mut statistics = keyed(
        tx,
        schema,
        "statistics",
        include_str!("sql/statistics.sql"),
        &[&oids],
    )
    .await?;
    let mut policies = keyed(tx, schema, "policies", include_str!("sql/policies.sql"), &[&oids]).await?;
    let mut rules = keyed(tx, schema, "rules", include_str!("sql/rules.sql"), &[&oids]).await?;
    let mut publications = keyed(
        tx,
        schema,
        "publications",
        include_str!("sql/publications.sql"),
        &[&oids],
    )
    .await?;
    for relation in relations {
        relation.columns = columns.remove(&relation.oid).unwrap_or_default();
        relation.constraints = constraints.remove(&relation.oid).unwrap_or_default();
        relation.indexes = indexes.remove(&relation.oid).unwrap_or_default();
        relation.triggers = triggers.remove(&relation.oid).unwrap_or_default();
        relation.sequences = sequences.remove(&relation.oid).unwrap_or_default();
        relation.statistics = statistics.remove(&relation.oid).unwrap_or_default();
        relation.policies = policies.remove(&relation.oid).unwrap_or_default();
        relation.rules = rules.remove(&relation.oid).unwrap_or_default();
        relation.publications = publications.remove(&relation.oid).unwrap_or_default();
    }
    Ok(())
}

/// What the session may do in the name of these roles.
async fn read_roles(
    tx: &Transaction<'_>,
    schema: &Ident,
    roles: impl Iterator<Item = &Ident>,
) -> Result<Vec<RoleFacts>, CatalogError> {
    let names: BTreeSet<&str> = roles.map(Ident::as_str).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let rows = tx
        .query(include_str!("sql/roles.sql"), &[&names, &schema.as_str()])
        .await
        .map_err(reading(schema))?;
    rows.into_iter()
        .map(|row| parse("roles", row.try_get(0).map_err(reading(schema))?))
        .collect()
}

pub(super) fn reading(schema: &Ident) -> impl Fn(tokio_postgres::Error) -> CatalogError {
    let object = ObjectName::global(ObjectKind::Schema, schema);
    move |error| StatementError::new("read the catalog of", object.clone(), error).into()
}

async fn query_value<T>(
    tx: &Transaction<'_>,
    schema: &Ident,
    sql: &str,
    params: &[&(dyn ToSql + Sync)],
) -> Result<T, CatalogError>
where
    T: for<'a> tokio_postgres::types::FromSql<'a>,
{
    let row = tx.query_one(sql, params).await.map_err(reading(schema))?;
    row.try_get(0).map_err(reading(schema))
}

/// A query whose rows are an oid and the JSON of what belongs to it.
pub(super) async fn keyed<T: DeserializeOwned>(
    tx: &Transaction<'_>,
    schema: &Ident,
    of: &'static str,
    sql: &str,
    params: &[&(dyn ToSql + Sync)],
) -> Result<BTreeMap<u32, T>, CatalogError> {
    let rows = tx.query(sql, params).await.map_err(reading(schema))?;
    rows.into_iter()
        .map(|row| {
            let oid: u32 = row.try_get(0).map_err(reading(schema))?;
            Ok((oid, parse(of, row.try_get(1).map_err(reading(schema))?)?))
        })
        .collect()
}

/// A query whose rows are one JSON value each.
pub(super) async fn listed<T: DeserializeOwned>(
    tx: &Transaction<'_>,
    schema: &Ident,
    of: &'static str,
    sql: &str,
    params: &[&(dyn ToSql + Sync)],
) -> Result<Vec<T>, CatalogError> {
    let rows = tx.query(sql, params).await.map_err(reading(schema))?;
    rows.into_iter()
        .map(|row| parse(of, row.try_get(0).map_err(reading(schema))?))
        .collect()
}

fn parse<T: DeserializeOwned>(of: &'static str, value: Value) -> Result<T, CatalogError> {
    serde_json::from_value(value).map_err(|source| CatalogError::Shape { of, source })
}
