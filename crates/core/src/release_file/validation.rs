//! `[[validate]]`: the gates that staging must pass before the swap.

use serde::Serialize;

use super::table_reader::TableReader;
use super::{QueryTemplate, Severity};
use crate::Ident;

/// What has to hold for one relation of the release set, in staging, before it goes live.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Validation {
    /// The member.
    pub table: Ident,
    /// The fewest rows it may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_rows: Option<u64>,
    /// The largest share of live's rows by which it may be smaller: 0.05 is 5 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_shrink: Option<f64>,
    /// The largest share of live's rows by which it may be larger; 1.0 is twice as many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_growth: Option<f64>,
    /// A geometry column that must hold a geometry in every row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub geometry_present: Option<Ident>,
    /// A query whose rows are violations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<QueryTemplate>,
    /// Whether a violation stops the release.
    pub severity: Severity,
}

impl Validation {
    /// Asks nothing of `table` yet.
    #[must_use]
    pub fn new(table: Ident) -> Self {
        Self {
            table,
            min_rows: None,
            max_shrink: None,
            max_growth: None,
            geometry_present: None,
            query: None,
            severity: Severity::Error,
        }
    }

    /// The fewest rows it may have; any number unless set.
    #[must_use]
    pub fn min_rows(mut self, rows: u64) -> Self {
        self.min_rows = Some(rows);
        self
    }

    /// The largest share of live's rows by which it may be smaller; any unless set.
    #[must_use]
    pub fn max_shrink(mut self, share: f64) -> Self {
        self.max_shrink = Some(share);
        self
    }

    /// The largest share of live's rows by which it may be larger; any unless set.
    #[must_use]
    pub fn max_growth(mut self, share: f64) -> Self {
        self.max_growth = Some(share);
        self
    }

    pub(super) fn read(table: &mut TableReader<'_>) -> Option<Self> {
        let relation = table.required("table");
        let min_rows = table.optional("min_rows");
        let max_shrink = table.optional("max_shrink");
        let max_growth = table.optional("max_growth");
        let geometry_present = table.optional("geometry_present");
        let query = table.optional("query");
        let severity = table.or("severity", Severity::default());
        Some(Self {
            table: relation?,
            min_rows,
            max_shrink,
            max_growth,
            geometry_present,
            query,
            severity,
        })
    }
}
