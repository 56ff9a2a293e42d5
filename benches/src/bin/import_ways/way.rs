//! The ways that are compared.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::importer::Checked;
use crate::report::Baselines;
use crate::servers::Servers;
use crate::{importer, pipes, ranges, scripts, tools};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// The baseline.
    PsqlPipe,
    RowByRow,
    InsertSelect,
    InsertSelectFetchSize,
    PgDump,
    Ogr2ogr,
    Pgcopydb,
    PsqlTextPipe,
    PsqlRanges,
    InsertSelectLz4,
    PsqlForeignPipeLz4,
    PsqlRangesLz4,
    /// What the importer is measured against.
    PsqlPipeLz4,
    ImporterServerSide,
    ImporterPipe,
    ImporterStraight,
    // Only where checks are compared.
    ImporterForeignPipe(Checked),
    ImporterStraightChecked(Checked),
    // Only where ranges are compared: by so many at once.
    ImporterChunks(u32),
    ImporterChunksPglz(u32),
    /// Fills nothing: what no way can beat.
    Reading,
}

/// What a session that fills the table says first.
pub(crate) const LZ4: &str = "SET default_toast_compression = 'lz4'";

impl Way {
    pub(crate) const BASELINES: Baselines = Baselines {
        first: Self::PsqlPipe,
        second: Self::PsqlPipeLz4,
        second_name: "lz4",
    };
    pub(crate) const BASELINES_OF_CHECKED: Baselines = Baselines {
        first: Self::ImporterForeignPipe(Checked::Not),
        second: Self::ImporterStraight,
        second_name: "straight",
    };
    pub(crate) const BASELINES_OF_RANGED: Baselines = Baselines {
        first: Self::ImporterChunks(1),
        second: Self::ImporterChunksPglz(1),
        second_name: "pglz",
    };
    const ALL: [Self; 17] = [
        Self::PsqlPipe,
        Self::RowByRow,
        Self::InsertSelect,
        Self::InsertSelectFetchSize,
        Self::PgDump,
        Self::Ogr2ogr,
        Self::Pgcopydb,
        Self::PsqlTextPipe,
        Self::PsqlRanges,
        Self::InsertSelectLz4,
        Self::PsqlForeignPipeLz4,
        Self::PsqlRangesLz4,
        Self::PsqlPipeLz4,
        Self::ImporterServerSide,
        Self::ImporterPipe,
        Self::ImporterStraight,
        Self::Reading,
    ];

    /// Imports of checked geometries; the first and the fourth are not.
    pub(crate) const CHECKED: [Self; 6] = [
        Self::ImporterForeignPipe(Checked::Not),
        Self::ImporterForeignPipe(Checked::Apart),
        Self::ImporterForeignPipe(Checked::InPassing),
        Self::ImporterStraight,
        Self::ImporterStraightChecked(Checked::Apart),
        Self::ImporterStraightChecked(Checked::InPassing),
    ];

    /// Imports in chunks by one stream and by two ranges, beside psql doing the same.
    pub(crate) const RANGED: [Self; 8] = [
        Self::PsqlPipeLz4,
        Self::PsqlRangesLz4,
        Self::ImporterChunks(1),
        Self::ImporterChunks(2),
        Self::PsqlPipe,
        Self::PsqlRanges,
        Self::ImporterChunksPglz(1),
        Self::ImporterChunksPglz(2),
    ];

    /// All ways, but for tools that this machine lacks.
    pub(crate) fn available() -> Vec<Self> {
        let installed = |way: &Self| match way {
            Self::Ogr2ogr => tools::is_installed("ogr2ogr"),
            Self::Pgcopydb => tools::is_installed("pgcopydb"),
            _ => true,
        };
        Self::ALL.into_iter().filter(installed).collect()
    }

    /// Whether the table holds the rows afterwards.
    pub(crate) fn fills(self) -> bool {
        self != Self::Reading
    }

    /// Whether the table's columns are made to stay pglz before.
    pub(crate) fn stays_pglz(self) -> bool {
        matches!(self, Self::ImporterChunksPglz(_))
    }

    /// Fills the empty target; returns how long it took, from connecting to the commit.
    pub(crate) async fn import(self, servers: &Servers) -> Result<Duration> {
        let started = Instant::now();
        let insert = |from: &'static str, first: &'static str| async move {
            servers
                .live
                .execute(&format!("{first}; INSERT INTO sites SELECT * FROM {from}"))
                .await
        };
        match self {
            Self::PsqlPipe => pipes::binary(servers, None)?,
            Self::PsqlPipeLz4 => pipes::binary(servers, Some(LZ4))?,
            Self::PsqlTextPipe => pipes::text(servers)?,
            Self::PsqlForeignPipeLz4 => pipes::over_the_foreign_table(servers, Some(LZ4))?,
            Self::PsqlRanges => pipes::two_ranges(servers, None)?,
            Self::PsqlRangesLz4 => pipes::two_ranges(servers, Some(LZ4))?,
            Self::Reading => pipes::to_nowhere(servers)?,
            Self::RowByRow => return scripts::row_by_row(servers).await,
            Self::InsertSelect => insert("portal_sites", "").await?,
            Self::InsertSelectFetchSize => insert("portal_sites_10000", "").await?,
            Self::InsertSelectLz4 => insert("portal_sites", LZ4).await?,
            Self::PgDump => tools::pg_dump(servers)?,
            Self::Ogr2ogr => tools::ogr2ogr(servers)?,
            Self::Pgcopydb => tools::pgcopydb(servers)?,
            Self::ImporterServerSide => importer::server_side(servers).await?,
            Self::ImporterPipe => importer::pipe(servers).await?,
            Self::ImporterStraight => importer::straight(servers, Checked::Not).await?,
            Self::ImporterForeignPipe(checked) => importer::foreign_pipe(servers, checked).await?,
            Self::ImporterStraightChecked(checked) => importer::straight(servers, checked).await?,
            Self::ImporterChunks(at_once) | Self::ImporterChunksPglz(at_once) => {
                ranges::straight(servers, at_once).await?;
            }
        }
        Ok(started.elapsed())
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PsqlPipe => "psql to psql, binary COPY",
            Self::RowByRow => "row by row, then UPDATE of geometry, then of centroids",
            Self::InsertSelect => "`INSERT … SELECT`, foreign table",
            Self::InsertSelectFetchSize => "`INSERT … SELECT`, foreign table, `fetch_size` 10000",
            Self::PgDump => "`pg_dump` to psql",
            Self::Ogr2ogr => "`ogr2ogr` (COPY)",
            Self::Pgcopydb => "`pgcopydb copy table-data`",
            Self::PsqlTextPipe => "psql to psql, text COPY",
            Self::PsqlRanges => "psql to psql, binary COPY, two ranges at once",
            Self::InsertSelectLz4 => "`INSERT … SELECT`, foreign table, lz4",
            Self::PsqlForeignPipeLz4 => "psql to psql, binary COPY over the foreign table, lz4",
            Self::PsqlRangesLz4 => "psql to psql, binary COPY, two ranges at once, lz4",
            Self::PsqlPipeLz4 => "psql to psql, binary COPY, lz4",
            Self::ImporterServerSide => "importer, server-side, foreign table",
            Self::ImporterPipe => "importer, COPY pipe",
            Self::ImporterStraight => "importer, foreign table, straight from its server",
            Self::ImporterForeignPipe(Checked::Not) => "importer, COPY pipe over the foreign table",
            Self::ImporterForeignPipe(Checked::Apart) => {
                "the same, geometries checked by a read of their own"
            }
            Self::ImporterForeignPipe(Checked::InPassing) => "the same, geometries checked as they pass",
            Self::ImporterStraightChecked(Checked::Not) => "importer, straight",
            Self::ImporterStraightChecked(Checked::Apart) => {
                "straight, geometries checked by a read of their own"
            }
            Self::ImporterStraightChecked(Checked::InPassing) => "straight, geometries checked as they pass",
            Self::ImporterChunks(1) => "importer, straight, in chunks, lz4",
            Self::ImporterChunks(_) => "the same, two ranges at once",
            Self::ImporterChunksPglz(1) => "importer, straight, in chunks, columns that stay pglz",
            Self::ImporterChunksPglz(_) => "the same with pglz, two ranges at once",
            Self::Reading => "reading it on the portal to nowhere",
        })
    }
}
