//! Rows that a program makes.

mod field; // a value as text
mod sink; // where rows go

use std::fmt;
use std::pin::Pin;

pub use field::Field;
pub use sink::{RowSink, SinkClosed};
use tokio_postgres::Transaction;

use crate::error::ImportError;

/// A future that has sent all rows when it is done.
pub type RowsSent<'a> =
    Pin<Box<dyn Future<Output = Result<(), Box<dyn std::error::Error + Send + Sync>>> + Send + 'a>>;

/// A source of rows that is written in Rust, for [`Source::Program`](crate::Source::Program).
///
/// Its rows take the way of all others that pass through the client: streamed into the table by COPY, in the import's transaction,
/// throttled, counted, matched to columns by name. Values are sent as text, which the server parses, so every type works.
///
/// ```
/// use std::sync::Arc;
///
/// use cutover_core::{Ident, QualifiedName};
/// use cutover_importer::{Import, RowSink, RowSource, RowsSent, Source};
/// use tokio_postgres::Transaction;
///
/// /// The years of a span.
/// #[derive(Debug)]
/// struct Years(std::ops::RangeInclusive<i32>);
///
/// impl RowSource for Years {
///     fn columns(&self) -> Vec<String> {
///         vec!["year".to_owned(), "is_leap".to_owned(), "remark".to_owned()]
///     }
///
///     fn send_rows<'a>(
///         &'a self,
///         _reading: Option<&'a Transaction<'_>>,
///         rows: &'a mut RowSink<'_>,
///     ) -> RowsSent<'a> {
///         Box::pin(async move {
///             for year in self.0.clone() {
///                 let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
///                 let remark = (year == 2000).then_some("the metre is 201 years old");
///                 rows.send(&[&year, &is_leap, &remark]).await?;
///             }
///             Ok(())
///         })
///     }
/// }
///
/// let into = QualifiedName::new(Ident::new("public")?, Ident::new("staging_years")?);
/// let import = Import::new("years", into, Source::Program(Arc::new(Years(1990..=2030))));
/// # assert_eq!(import.name(), "years");
/// # Ok::<(), cutover_core::IdentError>(())
/// ```
pub trait RowSource: fmt::Debug + Send + Sync {
    /// The names of the columns, in the order in which rows have their values. Asked for whenever the import is planned; an import
    /// whose columns have changed since is refused.
    fn columns(&self) -> Vec<String>;

    /// Sends all rows.
    ///
    /// `reading` is the source transaction that the import is run with, where there is one: the session that loads is busy with
    /// COPY, so whatever has to be read from the database meanwhile is read here. An error ends the import, and none of its rows
    /// are in the table. The future is dropped when the import is.
    fn send_rows<'a>(
        &'a self,
        reading: Option<&'a Transaction<'_>>,
        rows: &'a mut RowSink<'_>,
    ) -> RowsSent<'a>;
}

/// Streams what the program sends into the table; rows taken and bytes sent.
pub(crate) async fn load(
    program: &dyn RowSource,
    reading: Option<&Transaction<'_>>,
    mut sink: RowSink<'_>,
) -> Result<(u64, u64), ImportError> {
    let ended = program.send_rows(reading, &mut sink).await;
    sink.end(ended).await
}
