//! Proof, under the locks, that nobody changed the catalog since the plan was found to fit.
//!
//! Reading the whole fingerprint takes longer than all renames. So it is read right before the locks are asked for, when
//! nobody waits for us, and under them it is first asked whether any transaction has committed since: what did not commit
//! changed nothing. Only where one has, in whichever database, is the fingerprint read again.
//!
//! That is what `pg_current_snapshot` tells ([9.27.10]). Its `xmax` is past the newest transaction that has ended, and below
//! it are listed those that have not. Whoever commits either raises the one or leaves the list; a transaction without an
//! id has written nothing. Prepared transactions are in it like others. This session's own transaction, whose id and
//! subtransactions are older than the first look, changes neither until it ends.
//!
//! [9.27.10]: https://www.postgresql.org/docs/15/functions-info.html#FUNCTIONS-PG-SNAPSHOT

use tokio_postgres::GenericClient;

use cutover_core::catalog::FingerprintWithoutPartNames;
use cutover_core::{Digest, Ident, ObjectKind, ObjectName, StatementError};

/// What must not change until the commit.
pub(crate) struct Unchanged {
    query: FingerprintWithoutPartNames,
    oids: Vec<u32>,
    schema: Ident,
    expected: Digest,
}

/// The transactions that had ended at some moment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended(String);

impl Unchanged {
    /// Notes how the catalog describes `oids`, relations of `schema`.
    pub(crate) async fn since_now(
        client: &impl GenericClient,
        schema: &Ident,
        oids: Vec<u32>,
    ) -> Result<Self, StatementError> {
        let query = FingerprintWithoutPartNames::prepare(client).await?;
        let expected = query.read(client, &oids).await?;
        Ok(Self {
            query,
            oids,
            schema: schema.clone(),
            expected,
        })
    }

    /// `None` where the catalog has changed. The moment returned is before it was read, so that no commit lies between.
    pub(crate) async fn look(&self, client: &impl GenericClient) -> Result<Option<Ended>, StatementError> {
        // Sent together, answered in this order, each under a snapshot of its own.
        let (ended, found) = tokio::try_join!(self.ended(client), self.query.read(client, &self.oids))?;
        Ok((found == self.expected).then_some(ended))
    }

    /// Whether the catalog is what it was at the moment of an earlier look.
    pub(crate) async fn holds_since(
        &self,
        client: &impl GenericClient,
        before: &Ended,
    ) -> Result<bool, StatementError> {
        if self.ended(client).await? == *before {
            return Ok(true);
        }
        Ok(self.query.read(client, &self.oids).await? == self.expected)
    }

    async fn ended(&self, client: &impl GenericClient) -> Result<Ended, StatementError> {
        let rows = client
            .query_typed("SELECT pg_catalog.pg_current_snapshot()::pg_catalog.text", &[])
            .await
            .map_err(|error| {
                let object = ObjectName::global(ObjectKind::Schema, &self.schema);
                StatementError::new("ask who has committed beside the swap of", object, error)
            })?;
        Ok(Ended(rows.iter().map(|row| row.get::<_, &str>(0)).collect()))
    }
}
