//! The values of a row as PostgreSQL prints them.

use bytes::{BufMut, BytesMut};
use serde_json::{Map, Value};
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Statement, Transaction};

use super::plan::ChunkPlan;
use super::row_format::{RowFormat, unescaped};
use crate::ImportPlan;

/// Values larger than this are told by their size: a reject is to be read, and jsonb has its limits.
const VALUE_BYTES: usize = 1 << 20;

/// Prints rows of one import. In the binary format the server does it, with the types' own output functions.
#[derive(Debug)]
pub(crate) struct Printer<'a> {
    plan: &'a ImportPlan,
    chunks: &'a ChunkPlan,
    of_key: Option<Statement>,
    of_all: Option<Statement>,
}

impl<'a> Printer<'a> {
    pub(crate) fn new(plan: &'a ImportPlan, chunks: &'a ChunkPlan) -> Self {
        Self {
            plan,
            chunks,
            of_key: None,
            of_all: None,
        }
    }

    /// The row's key, in the key's order.
    pub(crate) async fn key(
        &mut self,
        tx: &Transaction<'_>,
        row: &[u8],
    ) -> Result<Vec<Option<String>>, tokio_postgres::Error> {
        let fields = self.chunks.format.fields(row);
        let key: Vec<Option<&[u8]>> = self
            .chunks
            .key
            .iter()
            .map(|at| fields.get(*at).copied().flatten())
            .collect();
        if self.chunks.format == RowFormat::Text {
            return Ok(key.iter().map(|field| field.map(unescaped)).collect());
        }
        let statement = match &mut self.of_key {
            Some(statement) => statement,
            none => none.insert(
                tx.prepare(self.chunks.printing(&self.chunks.key).as_str())
                    .await?,
            ),
        };
        printed(tx, statement, &key).await
    }

    /// All columns of the row by name.
    pub(crate) async fn row(
        &mut self,
        tx: &Transaction<'_>,
        row: &[u8],
    ) -> Result<Map<String, Value>, tokio_postgres::Error> {
        let fields = self.fields(row);
        let kept: Vec<Option<&[u8]>> = fields
            .iter()
            .map(|field| field.filter(|value| value.len() <= VALUE_BYTES))
            .collect();
        let texts = match self.chunks.format {
            // A file may hold NUL, which no text of a server can, nor JSON that it is to keep.
            RowFormat::Text => kept
                .iter()
                .map(|field| field.map(|text| unescaped(text).replace('\0', "\u{fffd}")))
                .collect(),
            RowFormat::Binary => {
                let statement = match &mut self.of_all {
                    Some(statement) => statement,
                    none => {
                        let all: Vec<usize> = (0..fields.len()).collect();
                        none.insert(tx.prepare(self.chunks.printing(&all).as_str()).await?)
                    }
                };
                printed(tx, statement, &kept).await?
            }
        };
        let told = fields.iter().zip(texts).map(|(field, text)| match (field, text) {
            (_, Some(text)) => Value::String(text),
            (Some(value), None) => Value::String(format!("({} bytes)", value.len())),
            (None, None) => Value::Null,
        });
        Ok(self.named(told))
    }

    /// All columns of a row that the types' output functions cannot print, as hexadecimal digits.
    pub(crate) fn undecoded(&self, row: &[u8]) -> Map<String, Value> {
        let hex = |value: &[u8]| {
            let kept = &value[..value.len().min(VALUE_BYTES / 2)];
            let digits: Vec<String> = kept.iter().map(|byte| format!("{byte:02x}")).collect();
            Value::String(format!("\\x{}", digits.concat()))
        };
        let fields = self.fields(row);
        self.named(fields.into_iter().map(|field| field.map_or(Value::Null, hex)))
    }

    /// The key's columns out of all.
    pub(crate) fn key_of(&self, row: &Map<String, Value>) -> Option<Map<String, Value>> {
        let names = self.plan.import.key_columns().iter();
        let key: Map<String, Value> = names
            .filter_map(|name| row.get_key_value(name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        (!key.is_empty()).then_some(key)
    }

    /// The fields of the columns; behind them may be a verdict.
    fn fields<'r>(&self, row: &'r [u8]) -> Vec<Option<&'r [u8]>> {
        let mut fields = self.chunks.format.fields(row);
        fields.truncate(self.plan.columns.len());
        fields
    }

    fn named(&self, values: impl Iterator<Item = Value>) -> Map<String, Value> {
        let names = self.plan.columns.iter().map(|name| name.as_str().to_owned());
        names.zip(values).collect()
    }
}

/// The values of these fields, which are in the binary format, as the statement prints them.
pub(crate) async fn printed(
    tx: &Transaction<'_>,
    statement: &Statement,
    fields: &[Option<&[u8]>],
) -> Result<Vec<Option<String>>, tokio_postgres::Error> {
    let sent: Vec<Sent<'_>> = fields.iter().map(|field| Sent(*field)).collect();
    let parameters: Vec<&(dyn ToSql + Sync)> =
        sent.iter().map(|field| field as &(dyn ToSql + Sync)).collect();
    Ok(tx.query_one(statement, &parameters).await?.get(0))
}

/// A value in its type's binary format already.
#[derive(Debug)]
struct Sent<'a>(Option<&'a [u8]>);

impl ToSql for Sent<'_> {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        Ok(match self.0 {
            Some(value) => {
                out.put_slice(value);
                IsNull::No
            }
            None => IsNull::Yes,
        })
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
