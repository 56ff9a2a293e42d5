//! From the release file's words to the importer crate's.

use std::collections::BTreeMap;

use cutover_core::release_file::{
    self as file, ColumnSource, Derived, ImportSource, ImportWay, OtherColumns, TemplateError, TemplateFacts,
    Transform,
};
use cutover_core::{Ident, QualifiedName};
use cutover_importer::preflight::{Bounds, Check, Engine, GeometryCheck, Severity, Tolerance};
use cutover_importer::{CsvSource, Import, RejectLimits, Source, Way};

use crate::checks_of_imports::Moment;
use crate::{Cutover, ReleaseError, ReleaseOptions};

impl Cutover {
    /// A relation that is read: a member that has a staging twin by the time it is read means the twin.
    pub(crate) fn source_relation(&self, relation: &file::RelationRef) -> QualifiedName {
        let name = relation.in_schema(self.schema());
        let is_member =
            name.schema == *self.schema() && self.file.release().members().any(|m| *m == name.name);
        if is_member { self.staging(&name.name) } else { name }
    }

    /// An importer, ready to be planned.
    pub(crate) fn import(
        &self,
        import: &file::Import,
        facts: &TemplateFacts,
        options: &ReleaseOptions,
    ) -> Result<Import, ReleaseError> {
        let render = |template: &file::QueryTemplate| {
            template
                .render(facts)
                .map_err(|source| template_error("import", &import.name, source))
        };
        let (source, columns) = match &import.source {
            ImportSource::Relation { from, columns } => (
                Source::Relation(self.source_relation(from)),
                columns.as_ref().map(renamed),
            ),
            ImportSource::Query { query, columns } => {
                (Source::Query(render(query)?), columns.as_ref().map(renamed))
            }
            ImportSource::Csv(csv) => {
                let path = self.in_folder(&render(&csv.csv)?);
                let columns = csv.columns.as_ref().map(|map| {
                    map.iter()
                        .map(|(target, field)| (target.clone(), field.clone()))
                        .collect()
                });
                let mut source = CsvSource::new(path)
                    .delimiter(csv.delimiter.get())
                    .nulls(csv.null.clone());
                if !csv.header {
                    source = source.fields(csv.fields.clone());
                }
                (Source::Csv(source), columns)
            }
            ImportSource::Rust { rust } => (Source::Program(self.rows_of(&import.name, rust, facts)?), None),
            _ => {
                return Err(ReleaseError::not_supported(
                    "this kind of import source",
                    &import.name,
                ));
            }
        };
        let way = match import.way {
            ImportWay::Server => Way::ServerSide,
            ImportWay::Copy => Way::CopyPipe,
            _ => Way::Auto,
        };
        let mut limits = RejectLimits::none();
        if let Some(rows) = import.max_rejects {
            limits = limits.at_most(rows);
        }
        if let Some(share) = import.max_reject_share {
            limits = limits.share(share);
        }
        let mut planned = Import::new(&import.name, self.staging(&import.into), source)
            .way(way)
            .key(import.key.clone())
            .rejects(limits);
        if let Some(columns) = columns {
            planned = planned.columns(columns);
        }
        planned = planned.transforms(self.transforms(import));
        if import.others == OtherColumns::ByName {
            planned = planned.others_by_name();
        }
        if let Some(first) = &import.first_by {
            planned = planned.first_by(first.clone());
        }
        if !options.adds_values() {
            planned = planned.adding_nothing();
        }
        if let Some(rows) = options.sample {
            planned = planned.sample(rows);
        }
        Ok(planned.checked(self.checks_of(import, options)?))
    }

    /// What changes on its way; a lookup in a member means its staging twin.
    fn transforms(&self, import: &file::Import) -> Vec<(Ident, Transform)> {
        let columns = import.source.columns().into_iter().flatten();
        let transforms = columns.filter_map(|(target, source)| Some((target, source.transform()?)));
        transforms
            .map(|(target, transform)| {
                let mut transform = transform.clone();
                if let Some(Derived::Lookup(lookup)) = &mut transform.derived {
                    lookup.table = self.source_relation(&lookup.table).into();
                }
                (target.clone(), transform)
            })
            .collect()
    }

    /// The checks of `[preflight]` that are made in the phase `preflight`.
    pub(crate) fn checks(
        &self,
        facts: &TemplateFacts,
        options: &ReleaseOptions,
    ) -> Result<Vec<Check>, ReleaseError> {
        let preflight = &self.file.preflight();
        let mut checks = Vec::new();
        for check in &preflight.view {
            let typed = check
                .types
                .iter()
                .map(|(column, data_type)| (column.clone(), Some(data_type.clone())));
            let plain = check
                .columns
                .iter()
                .filter(|c| !check.types.contains_key(c))
                .map(|c| (c.clone(), None));
            checks.push(
                Check::view(self.source_relation(&check.view), plain.chain(typed))
                    .severity(severity(check.severity)),
            );
        }
        for check in &preflight.not_empty {
            let views: Vec<QualifiedName> = check
                .any_of
                .iter()
                .map(|view| self.source_relation(view))
                .collect();
            checks.push(Check::not_empty(views).severity(severity(check.severity)));
        }
        for check in &preflight.unique {
            checks.push(
                Check::unique(self.source_relation(&check.view), check.key.clone())
                    .severity(severity(check.severity))
                    .tolerance(tolerance(check.max, None))
                    .max_keys(keys(check.max_keys)),
            );
        }
        for check in &preflight.geometry {
            let planned = self.geometry(check)?;
            match self.moment(check, options) {
                Moment::Preflight => checks.push(planned),
                Moment::Apart(why) => checks.push(planned.note(format!("read apart: {why}"))),
                Moment::With(_) => {}
            }
        }
        for check in &preflight.query {
            let sql = check
                .sql
                .render(facts)
                .map_err(|source| template_error("check", &check.name, source))?;
            checks.push(
                Check::query(&check.name, sql)
                    .severity(severity(check.severity))
                    .tolerance(tolerance(check.max, None))
                    .max_keys(keys(check.max_keys)),
            );
        }
        Ok(checks)
    }

    /// A geometry check, whenever it is made.
    pub(crate) fn geometry(&self, check: &file::GeometryCheck) -> Result<Check, ReleaseError> {
        let planned = Check::geometry(self.geometry_check(check)?);
        Ok(planned
            .severity(severity(check.severity))
            .tolerance(tolerance(check.max, check.max_share))
            .max_keys(keys(check.max_keys)))
    }

    fn geometry_check(&self, check: &file::GeometryCheck) -> Result<GeometryCheck, ReleaseError> {
        let view = self.source_relation(&check.view);
        let Some(srid) = check.srid else {
            return Err(ReleaseError::not_supported(
                "a geometry check without an SRID",
                view.name.as_str(),
            ));
        };
        if !check.valid {
            return Err(ReleaseError::not_supported(
                "a geometry check without validity",
                view.name.as_str(),
            ));
        }
        let mut planned = GeometryCheck::new(view, check.column.clone(), srid)
            .key(check.key.clone())
            .types(check.types.iter().map(|geometry_type| geometry_type.as_str()))
            .engine(match check.engine {
                file::GeometryEngine::Server => Engine::Server,
                file::GeometryEngine::Verify => Engine::Verify,
                _ => Engine::Native,
            });
        if check.allow_empty {
            planned = planned.allow_empty();
        }
        if let Some([min_x, min_y, max_x, max_y]) = check.bounds {
            planned = planned.bounds(Some(Bounds {
                min_x,
                min_y,
                max_x,
                max_y,
            }));
        }
        Ok(planned)
    }
}

fn renamed(columns: &BTreeMap<Ident, ColumnSource>) -> Vec<(Ident, String)> {
    columns
        .iter()
        .filter(|(_, source)| source.transform().is_none())
        .map(|(target, source)| (target.clone(), source.from().as_str().to_owned()))
        .collect()
}

fn severity(severity: file::Severity) -> Severity {
    match severity {
        file::Severity::Warn => Severity::Warn,
        file::Severity::Error => Severity::Error,
    }
}

fn tolerance(max: Option<u64>, max_share: Option<f64>) -> Tolerance {
    let tolerance = max.map_or(Tolerance::none(), |rows| Tolerance::none().at_most(rows));
    max_share.map_or(tolerance, |share| tolerance.share(share))
}

fn keys(max_keys: u32) -> usize {
    usize::try_from(max_keys).unwrap_or(usize::MAX)
}

fn template_error(what: &'static str, name: &str, source: TemplateError) -> ReleaseError {
    ReleaseError::Template {
        what,
        name: name.to_owned(),
        source,
    }
}
