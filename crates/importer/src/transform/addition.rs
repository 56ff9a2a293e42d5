//! What lookups add to their tables before an import: new rows for values that are not there, and nothing else.

use std::fmt;

use cutover_core::release_file::UnknownValue;
use cutover_core::{Ident, LockMode, ObjectKind, ObjectName, QualifiedName, Sql, StatementError, Step};
use tokio_postgres::{GenericClient, Transaction};

use super::lookup::LookedUp;
use super::outputs::Output;
use super::{Query, parts};
use crate::error::from_text;
use crate::target::{Target, WithoutValue};
use crate::{Import, ImportError, Journal};

/// Values that are fetched, and written down, at a time.
const BATCH: i32 = 1000;

/// Values that are named of those that would be added.
const NAMED: i64 = 5;

/// One lookup whose table gets the values that it lacks before the rows are imported ([`UnknownValue::Add`]).
///
/// It is one statement, for a transaction of its own that is committed before the import begins to read: so that the import finds
/// what was added, and so that nobody waits for a lock on a new value longer than the statement takes. Values go in in their own
/// order, so that of two who add the same ones neither waits for the other in a circle. Whoever comes second adds nothing.
#[derive(Debug, Clone)]
pub struct Addition {
    importer: String,
    from: String,
    column: Ident,
    table: QualifiedName,
    matching: Ident,
    setup: Sql,
    missing: Sql,
    step: Step,
}

/// What would be added.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingValues {
    /// How many values.
    pub values: u64,
    /// The first of them, as PostgreSQL prints them.
    pub first: Vec<String>,
}

impl Addition {
    /// The column that is filled by the lookup.
    #[must_use]
    pub fn column(&self) -> &Ident {
        &self.column
    }

    /// The table that is added to.
    #[must_use]
    pub fn table(&self) -> &QualifiedName {
        &self.table
    }

    /// The column of that table that gets the values.
    #[must_use]
    pub fn matching(&self) -> &Ident {
        &self.matching
    }

    /// The statement and its locks.
    #[must_use]
    pub fn step(&self) -> &Step {
        &self.step
    }

    /// Adds what is missing and writes it down in the record of a release, in the caller's transaction; returns how many values.
    ///
    /// The transaction is to be `READ COMMITTED`, as with any other a value that somebody else has just added is an error, and
    /// committed before the source is read. The settings of the import are `SET LOCAL` in it.
    ///
    /// # Locks
    /// `ROW EXCLUSIVE` on the table, and until the transaction ends whoever adds the same values waits; `ACCESS SHARE` on the
    /// relations of the source.
    ///
    /// # Errors
    /// [`ImportError::Statement`], [`ImportError::Journal`]. Roll the transaction back then.
    pub async fn run_in(&self, target: &Transaction<'_>, journal: &Journal<'_>) -> Result<u64, ImportError> {
        let failed = |error| self.failed(error);
        self.set_up(target).await?;
        let statement = target.prepare(self.step.sql.as_str()).await.map_err(failed)?;
        // In batches: nobody says that a column has few values.
        let portal = target.bind(&statement, &[]).await.map_err(failed)?;
        let mut added = 0;
        loop {
            let rows = target.query_portal(&portal, BATCH).await.map_err(failed)?;
            let values: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
            if !values.is_empty() {
                journal
                    .add_values(target, &self.importer, (&self.table, &self.matching), &values)
                    .await
                    .map_err(|source| ImportError::Journal {
                        importer: self.importer.clone(),
                        source,
                    })?;
            }
            added += values.len() as u64;
            if rows.len() < BATCH.unsigned_abs() as usize {
                return Ok(added);
            }
        }
    }

    /// Counts what would be added, and adds nothing.
    ///
    /// # Errors
    /// [`ImportError::Statement`].
    pub async fn missing(&self, target: &Transaction<'_>) -> Result<MissingValues, ImportError> {
        self.set_up(target).await?;
        let ask = Sql::text(
            "SELECT pg_catalog.count(*), \
             COALESCE((pg_catalog.array_agg(CAST(n.value AS pg_catalog.text) ORDER BY n.value))[1:",
        )
        .number(NAMED)
        .then("], '{}')\n  FROM ")
        .append(&self.missing)
        .then(" AS n");
        let row = target
            .query_one(ask.as_str(), &[])
            .await
            .map_err(|error| self.failed(error))?;
        Ok(MissingValues {
            values: u64::try_from(row.get::<_, i64>(0)).unwrap_or_default(),
            first: row.get(1),
        })
    }

    async fn set_up(&self, target: &Transaction<'_>) -> Result<(), ImportError> {
        target
            .batch_execute(self.setup.as_str())
            .await
            .map_err(|error| self.failed(error))
    }

    fn failed(&self, error: tokio_postgres::Error) -> ImportError {
        ImportError::Statement {
            importer: self.importer.clone(),
            from: self.from.clone(),
            source: StatementError::new(self.step.purpose, self.step.object.clone(), error),
        }
    }
}

/// Why a lookup cannot add to its table. `Display` names the remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdditionObstacle {
    /// It is a view, say.
    NoTable,
    /// Two who add the same value at once could both do so.
    NotUnique {
        /// The column that would get the values.
        matching: Ident,
    },
    /// `ON CONFLICT` would go by it, and cannot.
    Deferrable {
        /// The constraint.
        constraint: String,
    },
    /// The server gives the column its values.
    FilledByServer {
        /// The column that would get the values.
        matching: Ident,
    },
    /// The role has no right to.
    NotAllowed {
        /// The column that would get the values.
        matching: Ident,
    },
    /// Other columns draw from sequences that the role may not use.
    NoSequence {
        /// The sequences.
        sequences: Vec<String>,
    },
    /// Other columns need a value, too.
    NotFilled {
        /// The columns.
        columns: Vec<Ident>,
    },
}

impl fmt::Display for AdditionObstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTable => f.write_str("it is no table: name the table behind it"),
            Self::NotUnique { matching } => write!(
                f,
                "nothing keeps two rows with the same {matching} out of it: create a unique index on that column alone"
            ),
            Self::Deferrable { constraint } => write!(
                f,
                "its constraint {constraint} is deferrable, so a conflict is not seen at once: make it NOT DEFERRABLE"
            ),
            Self::FilledByServer { matching } => {
                write!(f, "the server itself fills {matching}: match by another column")
            }
            Self::NotAllowed { matching } => {
                write!(
                    f,
                    "the role may not insert there: GRANT INSERT ({matching}) on it to the role"
                )
            }
            Self::NoSequence { sequences } => write!(
                f,
                "the role may not use {}: GRANT USAGE on the sequence to the role",
                sequences.join(", ")
            ),
            Self::NotFilled { columns } => {
                let columns: Vec<String> = columns.iter().map(ToString::to_string).collect();
                write!(
                    f,
                    "its new rows would lack {}, NOT NULL without a default: give a default, or add by hand what the source brings \
                     (unknown = \"reject\" tells what that is)",
                    columns.join(", ")
                )
            }
        }
    }
}

/// A table that a lookup can add to.
#[derive(Debug, Clone)]
pub(super) struct Extendable {
    /// The type below any domain of the column that gets the values.
    base_type: QualifiedName,
    collation: Option<QualifiedName>,
}

impl Extendable {
    /// Reads what the catalog says against it.
    pub(super) async fn read(
        session: &impl GenericClient,
        table: &QualifiedName,
        matching: &Ident,
        is_unique: bool,
    ) -> Result<Result<Self, Vec<AdditionObstacle>>, tokio_postgres::Error> {
        let found = Target::read(session, table).await?;
        let columns = found.map(|table| table.columns).unwrap_or_default();
        let Some(own) = columns.iter().find(|column| column.name == *matching) else {
            return Ok(Err(vec![AdditionObstacle::NoTable]));
        };
        let mut obstacles = Vec::new();
        let matching = matching.clone();
        if !is_unique {
            obstacles.push(AdditionObstacle::NotUnique {
                matching: matching.clone(),
            });
        }
        if matches!(
            own.without_value,
            WithoutValue::Generated | WithoutValue::Identity
        ) {
            obstacles.push(AdditionObstacle::FilledByServer {
                matching: matching.clone(),
            });
        }
        let rights = session
            .query_one(
                include_str!("sql/lookup_rights.sql"),
                &[&table.schema.as_str(), &table.name.as_str(), &matching.as_str()],
            )
            .await?;
        if !rights.get::<_, bool>(0) {
            obstacles.push(AdditionObstacle::NotAllowed {
                matching: matching.clone(),
            });
        }
        if let Some(constraint) = rights.get(4) {
            obstacles.push(AdditionObstacle::Deferrable { constraint });
        }
        let sequences: Vec<String> = rights.get(1);
        if !sequences.is_empty() {
            obstacles.push(AdditionObstacle::NoSequence { sequences });
        }
        let lacking = columns
            .iter()
            .filter(|column| column.name != matching && column.without_value == WithoutValue::Refused);
        let lacking: Vec<Ident> = lacking.map(|column| column.name.clone()).collect();
        if !lacking.is_empty() {
            obstacles.push(AdditionObstacle::NotFilled { columns: lacking });
        }
        if !obstacles.is_empty() {
            return Ok(Err(obstacles));
        }
        let name = |n| {
            rights
                .get::<_, Option<String>>(n)
                .and_then(|name| Ident::new(name).ok())
        };
        Ok(Ok(Self {
            base_type: own.base_type.clone(),
            collation: match (name(2), name(3)) {
                (Some(schema), Some(name)) => Some(QualifiedName::new(schema, name)),
                _ => None,
            },
        }))
    }
}

impl Query<'_> {
    /// The additions of all lookups that add, in the order of the columns.
    pub(super) fn additions(&self, import: &Import, setup: &Sql) -> Vec<Addition> {
        let lookups = self.outputs.iter().zip(self.lookups);
        let adding = lookups.filter_map(|(output, lookup)| {
            let lookup = lookup.as_ref()?;
            Some((output, lookup, lookup.adds.as_ref()?))
        });
        adding
            .map(|(output, lookup, extendable)| {
                let missing = self.missing(output, lookup, extendable);
                Addition {
                    importer: import.name().to_owned(),
                    from: from_text(import),
                    column: output.column.clone(),
                    table: lookup.table.clone(),
                    matching: lookup.matching.clone(),
                    setup: setup.clone(),
                    step: add(lookup, &missing),
                    missing,
                }
            })
            .collect()
    }

    /// The values that the lookup's join does not find, each once, as the type of the column that they are compared with. Without
    /// its modifier: that is for the assignment to mind, which refuses what is too long where a cast would cut it.
    fn missing(&self, output: &Output<'_>, lookup: &LookedUp, extendable: &Extendable) -> Sql {
        let value = output.value();
        let mut query = Sql::text("(SELECT DISTINCT CAST(")
            .append(&value)
            .then(" AS ")
            .name(&extendable.base_type)
            .then(")");
        if let Some(collation) = &extendable.collation {
            query = query.then(" COLLATE ").name(collation);
        }
        query = query
            .then(" AS value\n   FROM ")
            .append(&self.rows())
            .then(" AS r");
        if let Some(list) = output.transform.and_then(|transform| transform.split.as_deref()) {
            query = query.then("\n CROSS JOIN LATERAL ").append(&parts(output, list));
        }
        query
            .then("\n  WHERE ")
            .append(&value)
            .then(" IS NOT NULL AND NOT EXISTS (SELECT FROM ")
            .name(&lookup.table)
            .then(" AS k WHERE k.")
            .ident(&lookup.matching)
            .then(" = ")
            .append(&value)
            .then("))")
    }
}

/// What is there already is not even tried to be inserted: a number would be drawn for it. `ON CONFLICT` is for what others add
/// meanwhile; it names the column, so that any other conflict is an error and not a value that is silently left out.
fn add(lookup: &LookedUp, missing: &Sql) -> Step {
    let sql = Sql::text("INSERT INTO ")
        .name(&lookup.table)
        .then(" AS t (")
        .ident(&lookup.matching)
        .then(")\nSELECT n.value\n  FROM ")
        .append(missing)
        .then(" AS n\n ORDER BY n.value\nON CONFLICT (")
        .ident(&lookup.matching)
        .then(") DO NOTHING\nRETURNING CAST(t.")
        .ident(&lookup.matching)
        .then(" AS pg_catalog.text)");
    let object = ObjectName::qualified(ObjectKind::Table, &lookup.table);
    Step::new("add what is looked up to", object, sql).locking(LockMode::RowExclusive, &lookup.table)
}

/// What becomes of a row whose value is not in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotFound {
    /// It is set aside. Of what was to be added, too: the source may bring a value since.
    SetAside,
    /// Its column is NULL.
    Null,
    /// It is not imported: it waits for a value that is not added this time.
    LeaveOut,
}

impl NotFound {
    pub(super) fn of(unknown: UnknownValue, adds_nothing: bool, not_null: bool) -> Self {
        match unknown {
            UnknownValue::Null => Self::Null,
            UnknownValue::Add if adds_nothing && not_null => Self::LeaveOut,
            UnknownValue::Add if adds_nothing => Self::Null,
            // `Reject`, and kinds that are not known here.
            _ => Self::SetAside,
        }
    }
}
