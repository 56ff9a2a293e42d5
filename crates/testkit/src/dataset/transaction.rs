//! All or nothing on a client that is only borrowed.

use anyhow::Result;
use tokio_postgres::Client;

/// Runs `work` between BEGIN and COMMIT; rolls back when it fails. When dropped half way the transaction stays open: the
/// client should then be dropped, too.
pub(super) async fn in_transaction(client: &Client, work: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
    client.batch_execute("BEGIN").await?;
    match work().await {
        Ok(()) => Ok(client.batch_execute("COMMIT").await?),
        Err(error) => {
            // The first error is the one that tells; the connection may be gone.
            let _ = client.batch_execute("ROLLBACK").await;
            Err(error)
        }
    }
}
