//! Whether a session is with the database that the foreign tables stand for, and that is as they say.

use cutover_core::Sql;
use tokio_postgres::Transaction;

use super::{Direct, NotDirect, undone};
use crate::error::ImportError;

impl Direct {
    /// Proves that `portal`, a transaction on a session of its own, is with the same database as the foreign server, and
    /// that the tables there have the columns that the foreign tables say.
    ///
    /// The session takes a name that nobody can guess, and the foreign server is asked through the wrapper which
    /// sessions it has, and which database it is: whatever stands between, address translation, a tunnel, a proxy,
    /// only the same server can know that name. The foreign tables for it are made in the temporary schema and taken
    /// back; for them the role needs `USAGE` on the server, `TEMPORARY` on the database and a user mapping.
    ///
    /// Where the two databases sort texts differently the source is read the local way, too: an aggregate's `ORDER BY`
    /// would give another result there.
    ///
    /// # Errors
    /// The inner one says what differs. [`ImportError::Statement`] when a connection is lost.
    pub async fn verify(
        &self,
        target: &Transaction<'_>,
        portal: &Transaction<'_>,
    ) -> Result<Result<(), NotDirect>, ImportError> {
        undone(&self.import, target, async {
            if let Err(why) = self.same_database(target, portal).await? {
                return Ok(Err(why));
            }
            if let Err(why) = self.same_names(portal).await? {
                return Ok(Err(why));
            }
            self.same_columns(portal).await
        })
        .await
    }

    async fn same_database(
        &self,
        target: &Transaction<'_>,
        portal: &Transaction<'_>,
    ) -> Result<Result<(), NotDirect>, tokio_postgres::Error> {
        let named = "SELECT pg_catalog.set_config('application_name', 'cutover ' || pg_catalog.gen_random_uuid(), true)";
        let name: String = portal.query_one(named, &[]).await?.get(0);
        let ask = Sql::text("CREATE FOREIGN TABLE pg_temp.cutover_sessions (application_name text) SERVER ")
            .ident(&self.server)
            .then(" OPTIONS (schema_name 'pg_catalog', table_name 'pg_stat_activity');\n")
            .then("CREATE FOREIGN TABLE pg_temp.cutover_database (catalog_name text) SERVER ")
            .ident(&self.server)
            .then(
                " OPTIONS (schema_name 'information_schema', table_name 'information_schema_catalog_name')",
            );
        target.batch_execute(ask.as_str()).await?;
        let seen = target
            .query_one(
                "SELECT EXISTS (SELECT FROM pg_temp.cutover_sessions WHERE application_name = $1), \
                        (SELECT catalog_name FROM pg_temp.cutover_database)",
                &[&name],
            )
            .await?;
        let identity = include_str!("sql/identity.sql");
        let (here, there) = (
            target.query_one(identity, &[]).await?,
            portal.query_one(identity, &[]).await?,
        );
        if !seen.get::<_, bool>(0) || seen.get::<_, Option<String>>(1) != there.get(1) {
            return Ok(Err(NotDirect::because(format!(
                "the connection leads to another server or database than foreign server {}",
                self.server
            ))));
        }
        let (here, there): (String, String) = (here.get(0), there.get(0));
        if here != there {
            return Ok(Err(NotDirect::because(format!(
                "texts sort as in {there} there, and as in {here} here"
            ))));
        }
        Ok(Ok(()))
    }

    async fn same_names(
        &self,
        portal: &Transaction<'_>,
    ) -> Result<Result<(), NotDirect>, tokio_postgres::Error> {
        let path: Vec<&str> = self
            .settings
            .source_path()
            .iter()
            .map(cutover_core::Ident::as_str)
            .collect();
        let captured = portal
            .query_opt(include_str!("sql/captured_names.sql"), &[&path])
            .await?;
        Ok(match captured {
            None => Ok(()),
            Some(row) => Err(NotDirect::because(format!(
                "{} there might be taken for one of PostgreSQL or of an extension",
                row.get::<_, String>(0)
            ))),
        })
    }

    async fn same_columns(
        &self,
        portal: &Transaction<'_>,
    ) -> Result<Result<(), NotDirect>, tokio_postgres::Error> {
        let used = || self.columns.iter().filter(|column| column.used);
        let schemas: Vec<&str> = used().map(|column| column.remote_table.schema.as_str()).collect();
        let tables: Vec<&str> = used().map(|column| column.remote_table.name.as_str()).collect();
        let columns: Vec<&str> = used().map(|column| column.remote_name.as_str()).collect();
        let type_schemas: Vec<&str> = used().map(|column| column.type_name.schema.as_str()).collect();
        let types: Vec<&str> = used().map(|column| column.type_name.name.as_str()).collect();
        let modifiers: Vec<i32> = used().map(|column| column.type_modifier).collect();
        let collations: Vec<&str> = used().map(|column| column.collation.as_str()).collect();
        let other = portal
            .query_opt(
                include_str!("sql/portal_columns.sql"),
                &[
                    &schemas,
                    &tables,
                    &columns,
                    &type_schemas,
                    &types,
                    &modifiers,
                    &collations,
                ],
            )
            .await?;
        Ok(match other {
            None => Ok(()),
            Some(row) => Err(NotDirect::because(format!(
                "column {} of {}.{} is another one there than the foreign table says: {}",
                row.get::<_, &str>(2),
                row.get::<_, &str>(0),
                row.get::<_, &str>(1),
                row.get::<_, &str>(3)
            ))),
        })
    }
}
