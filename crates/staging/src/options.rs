//! What the caller may choose about a clone.

use std::time::Duration;

use cutover_core::Ident;

use crate::DeclaredChanges;

/// From which value the sequences of the staging tables go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SequenceStart {
    /// After the last value that live has handed out, so that no id is ever given twice.
    #[default]
    Continue,
    /// At their `START` value, as on the day live was created.
    Restart,
}

/// How a release set is cloned.
///
/// ```
/// use cutover_staging::{CloneOptions, SequenceStart};
///
/// // Keys and indexes before the load, for a set so small that it does not matter:
/// let options = CloneOptions::default().lightweight(false).sequences(SequenceStart::Restart);
/// # drop(options);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct CloneOptions {
    lightweight: bool,
    include_indexes: Option<bool>,
    include_fks: Option<bool>,
    sequences: SequenceStart,
    lock_timeout: Duration,
    scratch_schema: Ident,
    changes: DeclaredChanges,
}

impl Default for CloneOptions {
    #[expect(clippy::expect_used, reason = "the literal is a valid identifier")]
    fn default() -> Self {
        Self {
            lightweight: true,
            include_indexes: None,
            include_fks: None,
            sequences: SequenceStart::Continue,
            lock_timeout: Duration::from_secs(2),
            scratch_schema: Ident::new("cutover_scratch").expect("a valid identifier"),
            changes: DeclaredChanges::default(),
        }
    }
}

impl CloneOptions {
    /// Whether indexes and foreign keys wait until the rows are there; `true` unless set.
    pub fn lightweight(mut self, lightweight: bool) -> Self {
        self.lightweight = lightweight;
        self
    }

    /// Whether indexes and the keys they back are made before the load; the opposite of `lightweight` unless set.
    pub fn include_indexes(mut self, include: bool) -> Self {
        self.include_indexes = Some(include);
        self
    }

    /// Whether foreign keys are made before the load; the opposite of `lightweight` unless set.
    ///
    /// The indexes that foreign keys within the set refer to are then made before the load too.
    pub fn include_fks(mut self, include: bool) -> Self {
        self.include_fks = Some(include);
        self
    }

    /// From which value sequences go on; [`SequenceStart::Continue`] unless set.
    pub fn sequences(mut self, start: SequenceStart) -> Self {
        self.sequences = start;
        self
    }

    /// The longest wait for one lock, so that nobody queues behind us for longer; 2 seconds unless set.
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// The schema in which the twins are built, made and dropped in the clone's own transaction; `cutover_scratch`
    /// unless set.
    pub fn scratch_schema(mut self, schema: Ident) -> Self {
        self.scratch_schema = schema;
        self
    }

    /// How the twins are meant to differ from live; not at all unless set.
    pub fn changes(mut self, changes: DeclaredChanges) -> Self {
        self.changes = changes;
        self
    }

    pub(crate) fn declared_changes(&self) -> &DeclaredChanges {
        &self.changes
    }

    pub(crate) fn indexes_first(&self) -> bool {
        self.include_indexes.unwrap_or(!self.lightweight)
    }

    pub(crate) fn foreign_keys_first(&self) -> bool {
        self.include_fks.unwrap_or(!self.lightweight)
    }

    pub(crate) fn continues_sequences(&self) -> bool {
        self.sequences == SequenceStart::Continue
    }

    pub(crate) fn lock_wait(&self) -> Duration {
        self.lock_timeout
    }

    pub(crate) fn scratch(&self) -> &Ident {
        &self.scratch_schema
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_separate_switches_override_lightweight() {
        let options = CloneOptions::default();
        assert!(!options.indexes_first() && !options.foreign_keys_first());
        let options = CloneOptions::default().include_indexes(true);
        assert!(options.indexes_first() && !options.foreign_keys_first());
        let options = CloneOptions::default().lightweight(false).include_fks(false);
        assert!(options.indexes_first() && !options.foreign_keys_first());
    }
}
