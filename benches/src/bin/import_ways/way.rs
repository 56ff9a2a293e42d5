//! The ways that are compared.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::importer::Checked;
use crate::report::Baselines;
use crate::servers::Servers;
use crate::{importer, pipes, scripts, tools};

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
    // Only where checkpoints are compared.
    PsqlPipeByKeyLz4,
    ImporterChunksOf(u16),
    /// Fills nothing: what no way can beat.
    Reading,
}

/// What a session that fills the table says first.
pub(crate) const LZ4: &str = "SET default_toast_compression = 'lz4'";

impl Way {
    pub(crate) const BASELINES: Baselines = Baselines {
        first: Self::PsqlPipe,
        second: Some((Self::PsqlPipeLz4, "lz4")),
    };
    pub(crate) const BASELINES_OF_CHECKED: Baselines = Baselines {
        first: Self::ImporterForeignPipe(Checked::Not),
        second: Some((Self::ImporterStraight, "straight")),
    };
    pub(crate) const BASELINES_OF_RANGED: Baselines = Baselines {
        first: Self::ImporterChunks(1),
        second: Some((Self::ImporterChunksPglz(1), "pglz")),
    };
    pub(crate) const BASELINES_OF_CHECKPOINTS: Baselines = Baselines {
        first: Self::ImporterStraight,
        second: Some((Self::PsqlPipeByKeyLz4, "psql by key")),
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

    /// Imports in one transaction and in chunks that commit with their checkpoints, and what reading by the key costs by itself.
    pub(crate) const CHECKPOINTS: [Self; 6] = [
        Self::PsqlPipeLz4,
        Self::PsqlPipeByKeyLz4,
        Self::ImporterStraight,
        Self::ImporterChunksOf(4),
        Self::ImporterChunksOf(16),
        Self::ImporterChunksOf(64),
    ];

    /// What `--ways` calls them.
    const NAMED: [(&str, Self); 24] = [
        ("psql", Self::PsqlPipe),
        ("row-by-row", Self::RowByRow),
        ("insert-select", Self::InsertSelect),
        ("insert-select-fetch-size", Self::InsertSelectFetchSize),
        ("pg_dump", Self::PgDump),
        ("ogr2ogr", Self::Ogr2ogr),
        ("pgcopydb", Self::Pgcopydb),
        ("psql-text", Self::PsqlTextPipe),
        ("psql-ranges", Self::PsqlRanges),
        ("insert-select-lz4", Self::InsertSelectLz4),
        ("psql-foreign-lz4", Self::PsqlForeignPipeLz4),
        ("psql-ranges-lz4", Self::PsqlRangesLz4),
        ("psql-lz4", Self::PsqlPipeLz4),
        ("psql-key-lz4", Self::PsqlPipeByKeyLz4),
        ("server-side", Self::ImporterServerSide),
        ("pipe", Self::ImporterPipe),
        ("straight", Self::ImporterStraight),
        ("straight-chunked", Self::ImporterChunks(1)),
        ("straight-chunked-ranges", Self::ImporterChunks(2)),
        ("straight-chunked-pglz", Self::ImporterChunksPglz(1)),
        ("straight-chunked-4", Self::ImporterChunksOf(4)),
        ("straight-chunked-16", Self::ImporterChunksOf(16)),
        ("straight-chunked-64", Self::ImporterChunksOf(64)),
        ("reading", Self::Reading),
    ];

    /// The way of that name.
    pub(crate) fn named(name: &str) -> Result<Self, String> {
        let found = Self::NAMED.iter().find(|(known, _)| *known == name);
        found.map(|(_, way)| *way).ok_or_else(|| {
            let names = Self::NAMED.map(|(known, _)| known).join(", ");
            format!("the ways are {names}")
        })
    }

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
            Self::PsqlPipeByKeyLz4 => pipes::binary_by_key(servers, Some(LZ4))?,
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
                importer::in_chunks(servers, None, at_once).await?;
            }
            Self::ImporterChunksOf(mebibytes) => importer::in_chunks(servers, Some(mebibytes), 1).await?,
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
            Self::PsqlPipeByKeyLz4 => "psql to psql, binary COPY by key, lz4",
            Self::ImporterChunksOf(mebibytes) => {
                return write!(f, "importer, straight, in chunks of {mebibytes} MiB");
            }
            Self::ImporterChunks(1) => "importer, straight, in chunks, lz4",
            Self::ImporterChunks(_) => "the same, two ranges at once",
            Self::ImporterChunksPglz(1) => "importer, straight, in chunks, columns that stay pglz",
            Self::ImporterChunksPglz(_) => "the same with pglz, two ranges at once",
            Self::Reading => "reading it on the portal to nowhere",
        })
    }
}
