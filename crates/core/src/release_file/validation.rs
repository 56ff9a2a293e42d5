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
    /// By how much the share of nulls of any column may grow, by the statistics of the planner: 0.05 is from 1 % to 6 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_null_growth: Option<f64>,
    /// What has to hold for each group of its rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<GroupValidation>,
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
            max_null_growth: None,
            groups: None,
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

    /// By how much the share of nulls of any column may grow; by any unless set.
    #[must_use]
    pub fn max_null_growth(mut self, share: f64) -> Self {
        self.max_null_growth = Some(share);
        self
    }

    /// What has to hold for each group of its rows; nothing unless set.
    #[must_use]
    pub fn groups(mut self, groups: GroupValidation) -> Self {
        self.groups = Some(groups);
        self
    }

    pub(super) fn read(table: &mut TableReader<'_>) -> Option<Self> {
        let relation = table.required("table");
        let min_rows = table.optional("min_rows");
        let max_shrink = table.optional("max_shrink");
        let max_growth = table.optional("max_growth");
        let geometry_present = table.optional("geometry_present");
        let max_null_growth = table.optional("max_null_growth");
        let groups = table.table("groups", GroupValidation::read).flatten();
        let query = table.optional("query");
        let severity = table.or("severity", Severity::default());
        Some(Self {
            table: relation?,
            min_rows,
            max_shrink,
            max_growth,
            geometry_present,
            max_null_growth,
            groups,
            query,
            severity,
        })
    }
}

/// What has to hold for each group of a relation's rows: those of one value of a column.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GroupValidation {
    /// The column; live and staging have it.
    pub by: Ident,
    /// The largest share of live's rows by which a group may be smaller; any unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_shrink: Option<f64>,
    /// The largest share of live's rows by which a group may be larger; any unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_growth: Option<f64>,
    /// How many groups may have no rows any more; none unless set.
    pub max_vanished: u64,
    /// Groups with fewer rows live are not judged; all are unless set.
    pub ignore_below: u64,
}

impl GroupValidation {
    /// No group by this column may vanish.
    #[must_use]
    pub fn by(column: Ident) -> Self {
        Self {
            by: column,
            max_shrink: None,
            max_growth: None,
            max_vanished: 0,
            ignore_below: 0,
        }
    }

    fn read(table: &mut TableReader<'_>) -> Option<Self> {
        let by = table.required("by");
        let max_shrink = table.optional("max_shrink");
        let max_growth = table.optional("max_growth");
        let max_vanished = table.or("max_vanished", 0);
        let ignore_below = table.or("ignore_below", 0);
        Some(Self {
            by: by?,
            max_shrink,
            max_growth,
            max_vanished,
            ignore_below,
        })
    }
}
