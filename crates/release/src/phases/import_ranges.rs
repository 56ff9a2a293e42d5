//! Where an importer in chunks begins or goes on, and by how many ranges at once.

use cutover_core::Session;
use cutover_core::records::ImportSoFar;
use cutover_core::release_file::Import as FileImport;
use cutover_importer::{
    Import, ImportOutcome, ImportPlan, Journal, KeyRanges, LoadSettings, RangeSessions, SourceSnapshot,
};
use tokio_postgres::{Client, Transaction};

use crate::ReleaseError;
use crate::run::{Run, session_error};

/// What the record says of an importer in chunks when it begins.
pub(super) struct Beginning<'a> {
    pub(super) journal: Journal<'a>,
    pub(super) so_far: ImportSoFar,
    /// The ranges that it was cut into before.
    pub(super) kept: Option<KeyRanges>,
    /// Ranges at once, as the release file has it.
    wanted: u32,
    in_one_transaction: bool,
}

impl Run<'_> {
    pub(super) async fn beginning_of(
        &self,
        import: &FileImport,
        client: &Client,
    ) -> Result<Beginning<'_>, ReleaseError> {
        let mut journal = Journal::of(&self.records, self.release);
        if !self.options.checkpoints {
            journal = journal.without_checkpoints();
        }
        Ok(Beginning {
            so_far: journal.so_far(client, &import.name).await?,
            kept: journal.kept_ranges(client, &import.name).await?,
            wanted: self.cutover.file.ranges_of(import),
            in_one_transaction: !self.options.checkpoints,
            journal,
        })
    }

    /// The settings of an importer in chunks.
    pub(super) fn settings_of_chunks(&self, import: &FileImport, settings: &LoadSettings) -> LoadSettings {
        let mut settings = settings.clone();
        if let Some(bytes) = self.options.chunk_bytes {
            settings = settings.chunk_bytes(bytes);
        }
        if let Some(longest) = import.max_silence {
            settings = settings.source_silence(longest);
        }
        settings
    }

    /// A state of the target's database for ranges to read.
    pub(super) async fn state_of_target(
        &self,
        settings: &LoadSettings,
    ) -> Result<SourceSnapshot, ReleaseError> {
        let session: Session = self.cutover.target.connect(&self.purpose()).await?;
        SourceSnapshot::export(session, settings)
            .await
            .map_err(|error| session_error("keep one state of", error))
    }

    /// Loads what is not in yet, by ranges or as one stream. Of the transactions that read, the first is the one that `plan` was
    /// made with, and there is one for each session that writes.
    pub(super) async fn load_chunks(
        &self,
        beginning: &Beginning<'_>,
        plan: &ImportPlan,
        ranges: &KeyRanges,
        (target, source): (&mut Client, &Transaction<'_>),
        (targets, sources): (&mut [deadpool_postgres::Client], &[Transaction<'_>]),
    ) -> Result<ImportOutcome, ReleaseError> {
        let apart = self.check_apart(plan, &beginning.so_far).await?;
        let (journal, events) = (&beginning.journal, &self.events);
        let mut outcome = if ranges.count() == 1 {
            Box::pin(plan.run_in_chunks(target, Some(source), journal, events)).await?
        } else {
            let more = targets.iter_mut().map(|target| &mut ***target).zip(sources);
            let mut sessions: Vec<RangeSessions<'_>> = std::iter::once((target, source))
                .chain(more)
                .map(|(target, source)| RangeSessions { target, source })
                .collect();
            Box::pin(plan.run_in_ranges(ranges, &mut sessions, journal, events)).await?
        };
        outcome.checks.extend(apart);
        Ok(outcome)
    }
}

impl Beginning<'_> {
    /// The import as it is to be planned.
    pub(super) fn of(&self, import: Import) -> Import {
        let import = import.in_chunks();
        let import = match &self.kept {
            Some(kept) if kept.count() > 1 => return import.in_kept_ranges(kept),
            _ if self.may_be_cut() => import.in_ranges(self.wanted),
            _ => import.after(self.so_far.last_key.clone()),
        };
        if self.in_one_transaction {
            import.in_one_transaction()
        } else {
            import
        }
    }

    /// The import of a file as it is to be planned: where it goes on, the journal says.
    pub(super) fn of_file(&self, import: Import) -> Import {
        let import = import.in_chunks();
        if self.in_one_transaction {
            import.in_one_transaction()
        } else {
            import
        }
    }

    /// Whether it is to have several ranges, and has nothing yet.
    fn may_be_cut(&self) -> bool {
        self.wanted > 1 && self.so_far.chunks == 0
    }

    /// Whether several sessions may have to read one state.
    pub(super) fn may_have_ranges(&self) -> bool {
        self.wanted > 1 && (self.may_be_cut() || self.kept.as_ref().is_some_and(|kept| kept.count() > 1))
    }

    /// The ranges, and how many are loaded at once: one, where the sessions that read would not read one state.
    pub(super) async fn ranges(
        &self,
        plan: &ImportPlan,
        source: &Transaction<'_>,
        is_shared: bool,
    ) -> Result<(KeyRanges, usize), ReleaseError> {
        let ranges = match &self.kept {
            Some(kept) => kept.clone(),
            None if self.may_be_cut() && is_shared => plan.read_ranges(source, self.wanted).await?,
            None => KeyRanges::one(),
        };
        let at_once = if plan.one_range_because().is_none() && is_shared {
            ranges
                .count()
                .min(usize::try_from(self.wanted).unwrap_or(usize::MAX))
        } else {
            1
        };
        Ok((ranges, at_once))
    }
}
