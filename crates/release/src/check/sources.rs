//! What importers and checks read: whether it is there, and the role may read it.

use std::collections::BTreeSet;

use cutover_core::release_file::{ImportSource, RelationRef};
use cutover_core::{QualifiedName, Session};

use super::{Concern, Findings};
use crate::run::session_error;
use crate::{Cutover, ReleaseError};

impl Cutover {
    pub(super) async fn check_sources(
        &self,
        session: &Session,
        findings: &mut Findings,
    ) -> Result<(), ReleaseError> {
        let concern = Concern::Sources;
        let relations = self.relations_read();
        for name in &relations {
            let row = session
                .query_one(
                    include_str!("sql/readable.sql"),
                    &[&name.schema.as_str(), &name.name.as_str()],
                )
                .await
                .map_err(|error| session_error("look for the sources in", error))?;
            match row.get::<_, Option<bool>>(0) {
                None => findings.error(
                    concern,
                    format!("there is no {name}"),
                    "create it, or correct the release file",
                ),
                Some(false) => findings.error(
                    concern,
                    format!("the role may not read {name}"),
                    "GRANT SELECT on it, and USAGE on its schema, to the role",
                ),
                Some(true) => {}
            }
        }
        for addition in self.planned_additions() {
            let table = addition.table;
            let row = session
                .query_one(
                    include_str!("sql/may_insert.sql"),
                    &[&table.schema.as_str(), &table.name.as_str(), &addition.column],
                )
                .await
                .map_err(|error| session_error("look for the sources in", error))?;
            if row.get::<_, Option<bool>>(0) == Some(false) {
                findings.error(
                    concern,
                    format!("importer {} adds to {table}, where the role may not insert", addition.importer),
                    "GRANT INSERT on it to the role, and USAGE on its schema and on the sequences that its defaults draw from",
                );
            }
        }
        for import in self.file.imports() {
            if let ImportSource::Csv(csv) = &import.source {
                let facts = self.template_facts(&self.choose_label(None)?);
                let path = csv.csv.render(&facts).map(|path| self.in_folder(&path));
                if let Ok(path) = path
                    && !path.is_file()
                {
                    findings.warning(
                        concern,
                        format!("importer {}: there is no file {}", import.name, path.display()),
                        "put it there before the release; with another label it may have another name",
                    );
                }
            }
        }
        let imports = self.file.imports().iter();
        for error in imports.filter_map(|import| self.refuse_unknown_rust([import]).err()) {
            findings.failed(concern, &error);
        }
        let what = format!("{} views and tables are there and can be read", relations.len());
        findings.ok_unless_found(concern, what);
        Ok(())
    }

    /// What the file names; what a query reads only the server knows.
    pub(super) fn relations_read(&self) -> BTreeSet<QualifiedName> {
        let imports = self
            .file
            .imports()
            .iter()
            .filter_map(|import| match &import.source {
                ImportSource::Relation { from, .. } => Some(from),
                _ => None,
            });
        let lookups = self
            .file
            .imports()
            .iter()
            .flat_map(|import| import.source.lookups());
        let lookups = lookups.map(|(_, lookup)| &lookup.table);
        let preflight = self.file.preflight();
        let checked = preflight
            .view
            .iter()
            .map(|check| &check.view)
            .chain(preflight.not_empty.iter().flat_map(|check| &check.any_of))
            .chain(preflight.unique.iter().map(|check| &check.view))
            .chain(preflight.geometry.iter().map(|check| &check.view));
        let named = imports
            .chain(lookups)
            .chain(&self.file.refresh().views)
            .chain(checked);
        named
            .map(|relation: &RelationRef| relation.in_schema(self.schema()))
            .collect()
    }
}
