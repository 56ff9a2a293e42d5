//! Reading a source straight from the foreign server that its relations live on, past the foreign data wrapper.
//!
//! The source, with all views that it goes through, becomes one query for that server: PostgreSQL prints the views'
//! definitions with the relations' bare names, and WITH queries of those names stand before it. What `sites` is in
//! the definition is then what the WITH query says, by PostgreSQL's own name resolution; no text is rewritten.

mod login; // where the server is, and as whom
mod not_direct; // why not
mod query; // the query for the server
mod reads; // what a source reads
mod snapshot; // one state for several sessions
mod verify; // whether a session is where the source's relations are

use cutover_core::release_file::Derived;
use cutover_core::{Ident, Sql};
use tokio_postgres::{GenericClient, Transaction};

pub use not_direct::NotDirect;
pub use snapshot::SourceSnapshot;

use crate::error::ImportError;
use crate::import::Straight;
use crate::session::KnownSettings;
use crate::source::sub_select;
use crate::{Import, LoadSettings, Source, Way};
use reads::{ForeignColumn, Reads};

/// An import whose source can be read from the foreign server itself.
///
/// That is so when every relation which the source reads, through however many views, is a foreign table of one
/// `postgres_fdw` server, and everything else in its queries means the same there: functions, operators, types and
/// collations that `initdb` made or that belong to an extension which the server's option `extensions` lists,
/// provided they are immutable. It is `postgres_fdw`'s own rule ([F.38.1.5]), only for whole queries.
///
/// [`login`](Self::login) and [`verify`](Self::verify) come before [`import`](Self::import) is planned and run.
///
/// [F.38.1.5]: https://www.postgresql.org/docs/18/postgres-fdw.html#POSTGRES-FDW-OPTIONS-REMOTE-EXECUTION
#[derive(Debug, Clone)]
pub struct Direct {
    server: Ident,
    role: Ident,
    columns: Vec<ForeignColumn>,
    import: Import,
    settings: LoadSettings,
}

/// What is put aside before the server is asked.
const BEGIN: &str = "SAVEPOINT cutover_direct";
/// Also after an error: the transaction goes on as if nothing had been asked.
const END: &str = "ROLLBACK TO SAVEPOINT cutover_direct; RELEASE SAVEPOINT cutover_direct";

impl Direct {
    /// Finds out whether an import's source can be read straight from a foreign server.
    ///
    /// Asks the catalog of the target's database; the foreign server only where planning over it does
    /// (`use_remote_estimate`). Makes a temporary view and takes it back.
    ///
    /// # Locks
    /// `ACCESS SHARE` on the relations that the source reads, for the time of the call.
    ///
    /// # Cancel safety
    /// Roll the transaction back after dropping the future.
    ///
    /// # Errors
    /// The inner one says why the source is read the local way. [`ImportError::Statement`] when the connection is
    /// lost.
    pub async fn find(
        import: &Import,
        settings: &LoadSettings,
        target: &Transaction<'_>,
    ) -> Result<Result<Self, NotDirect>, ImportError> {
        let from = match import.source() {
            Source::Relation(name) => Sql::text("").name(name),
            Source::Query(query) => sub_select(query),
            Source::Csv(_) => return Ok(Err(NotDirect::because("it is a file"))),
            Source::Program(_) => return Ok(Err(NotDirect::because("a program makes its rows"))),
        };
        if import.way_asked() != Way::Auto {
            return Ok(Err(NotDirect::because("another way was asked for")));
        }
        if let Some(why) = transformed_here(import) {
            return Ok(Err(NotDirect::because(why)));
        }
        undone(import, target, Self::look(import, settings, &from, target)).await
    }

    async fn look(
        import: &Import,
        settings: &LoadSettings,
        from: &Sql,
        target: &Transaction<'_>,
    ) -> Result<Result<Self, NotDirect>, tokio_postgres::Error> {
        let known = KnownSettings::read(target).await?;
        target.batch_execute(settings.for_target(known).as_str()).await?;
        let (view, reads) = match Reads::of(from, target).await? {
            Ok(found) => found,
            Err(why) => return Ok(Err(why)),
        };
        let query = match query::remote(view, &reads, target).await? {
            Ok(query) => query,
            Err(why) => return Ok(Err(why)),
        };
        let import = import
            .clone()
            .reading(Source::Query(query.sql.as_str().to_owned()))
            .straight(Straight::From(reads.server.clone()));
        Ok(Ok(Self {
            settings: settings.clone().source_search_path(query.search_path),
            server: reads.server,
            role: reads.role,
            columns: reads.columns,
            import,
        }))
    }

    /// The foreign server.
    #[must_use]
    pub fn server(&self) -> &Ident {
        &self.server
    }

    /// The import with its source as that server knows it: plan and run it with a session there as its source.
    #[must_use]
    pub fn import(&self) -> &Import {
        &self.import
    }

    /// The settings to plan it with.
    #[must_use]
    pub fn settings(&self) -> &LoadSettings {
        &self.settings
    }
}

/// What an import asks for that only this database can do, or that may come out otherwise elsewhere.
fn transformed_here(import: &Import) -> Option<String> {
    import
        .transformed_columns()
        .iter()
        .find_map(|(column, transform)| match &transform.derived {
            Some(Derived::Lookup(lookup)) => Some(format!(
                "column {column} is looked up in {}, which is here",
                lookup.table.in_schema(&import.into_table().schema)
            )),
            Some(_) => Some(format!("column {column} is computed by this database's PostGIS")),
            None => None,
        })
}

/// Asks, and takes back what was made for it.
async fn undone<T>(
    import: &Import,
    target: &Transaction<'_>,
    asking: impl Future<Output = Result<Result<T, NotDirect>, tokio_postgres::Error>>,
) -> Result<Result<T, NotDirect>, ImportError> {
    let failed =
        |error| ImportError::failed(import, "find out whether to go straight to the source of")(error);
    target.batch_execute(BEGIN).await.map_err(failed)?;
    let outcome = asking.await;
    target.batch_execute(END).await.map_err(failed)?;
    // What the server refuses is for the local way to say, if it refuses it there too.
    Ok(outcome.unwrap_or_else(|error| Err(NotDirect::refused(error))))
}

/// A name that the catalog gave.
fn ident(row: &tokio_postgres::Row, column: usize) -> Option<Ident> {
    Ident::new(row.get::<_, String>(column)).ok()
}

/// The number of the temporary view of a source.
async fn view_of(from: &Sql, client: &impl GenericClient) -> Result<u32, tokio_postgres::Error> {
    let view = Sql::text("CREATE TEMPORARY VIEW cutover_direct AS SELECT * FROM ")
        .append(from)
        .then(" AS s");
    client.batch_execute(view.as_str()).await?;
    // Checks the rights on everything that it reads, which making a view does not.
    client
        .batch_execute("EXPLAIN SELECT * FROM pg_temp.cutover_direct")
        .await?;
    let row = client
        .query_one(
            "SELECT 'pg_temp.cutover_direct'::pg_catalog.regclass::pg_catalog.oid",
            &[],
        )
        .await?;
    Ok(row.get(0))
}
