//! What a source reads, through however many views.

use std::collections::BTreeSet;

use cutover_core::{Ident, QualifiedName, Sql};
use tokio_postgres::{Row, Transaction};

use super::{NotDirect, ident, view_of};

/// Relations of one foreign server, and the views over them.
#[derive(Debug)]
pub(super) struct Reads {
    pub(super) server: Ident,
    /// Who reads the foreign tables: the views' owner, or who reads them without a view.
    pub(super) role: Ident,
    /// Each after those that it reads; the last is the source itself.
    pub(super) relations: Vec<Relation>,
    pub(super) columns: Vec<ForeignColumn>,
}

#[derive(Debug)]
pub(super) struct Relation {
    pub(super) oid: u32,
    pub(super) name: QualifiedName,
    /// What a foreign table stands for; `None` of a view.
    pub(super) remote: Option<QualifiedName>,
}

/// A column of a foreign table.
#[derive(Debug, Clone)]
pub(super) struct ForeignColumn {
    pub(super) table: u32,
    pub(super) name: Ident,
    pub(super) remote_table: QualifiedName,
    pub(super) remote_name: Ident,
    /// Whether the source's value depends on it.
    pub(super) used: bool,
    pub(super) type_name: QualifiedName,
    pub(super) type_modifier: i32,
    /// Qualified; empty for a type without.
    pub(super) collation: String,
}

/// A row of `relations.sql`.
struct Found {
    relation: Relation,
    is_view: bool,
    server: Option<Ident>,
    by_postgres_fdw: bool,
    has_children: bool,
    roles: Vec<String>,
}

impl Found {
    fn of(row: &Row) -> Option<Self> {
        let is_view = row.get(3);
        Some(Self {
            relation: Relation {
                oid: row.get(0),
                name: QualifiedName::new(ident(row, 1)?, ident(row, 2)?),
                remote: if is_view {
                    None
                } else {
                    Some(QualifiedName::new(ident(row, 8)?, ident(row, 9)?))
                },
            },
            is_view,
            server: row
                .get::<_, Option<String>>(4)
                .and_then(|name| Ident::new(name).ok()),
            by_postgres_fdw: row.get::<_, Option<bool>>(5) == Some(true),
            has_children: row.get(6),
            roles: row.get(7),
        })
    }
}

impl Reads {
    /// Makes the source a temporary view, and looks up what that reads; returns the view's number, too.
    pub(super) async fn of(
        from: &Sql,
        target: &Transaction<'_>,
    ) -> Result<Result<(u32, Self), NotDirect>, tokio_postgres::Error> {
        let view = view_of(from, target).await?;
        let rows = target.query(include_str!("sql/relations.sql"), &[&view]).await?;
        let found: Vec<Found> = rows.iter().filter_map(Found::of).collect();
        let (server, role) = match one_server(&found) {
            Ok(one) => one,
            Err(why) => return Ok(Err(why)),
        };
        let relations: Vec<Relation> = found.into_iter().map(|found| found.relation).collect();
        let mut reads = Self {
            server,
            role,
            relations,
            columns: Vec::new(),
        };
        let rows = target
            .query(
                include_str!("sql/columns.sql"),
                &[&reads.foreign_tables(), &reads.views()],
            )
            .await?;
        reads.columns = rows.iter().filter_map(|row| reads.column(row)).collect();
        Ok(Ok((view, reads)))
    }

    pub(super) fn views(&self) -> Vec<u32> {
        let views = self.relations.iter().filter(|relation| relation.remote.is_none());
        views.map(|relation| relation.oid).collect()
    }

    fn foreign_tables(&self) -> Vec<u32> {
        let tables = self.relations.iter().filter(|relation| relation.remote.is_some());
        tables.map(|relation| relation.oid).collect()
    }

    fn column(&self, row: &Row) -> Option<ForeignColumn> {
        let table = row.get(0);
        let relation = self.relations.iter().find(|relation| relation.oid == table)?;
        Some(ForeignColumn {
            table,
            name: ident(row, 1)?,
            remote_table: relation.remote.clone()?,
            remote_name: ident(row, 2)?,
            used: row.get(3),
            type_name: QualifiedName::new(ident(row, 4)?, ident(row, 5)?),
            type_modifier: row.get(6),
            collation: row.get(7),
        })
    }
}

/// The one server that all relations live on, and the one role that reads them there.
fn one_server(found: &[Found]) -> Result<(Ident, Ident), NotDirect> {
    let mut servers = BTreeSet::new();
    let mut roles = BTreeSet::new();
    for Found {
        relation,
        is_view,
        server,
        by_postgres_fdw,
        has_children,
        roles: by,
    } in found
    {
        match server {
            None if *is_view => {}
            None => {
                return Err(NotDirect::because(format!(
                    "it reads {}, which is in this database",
                    relation.name
                )));
            }
            Some(server) if !by_postgres_fdw || *has_children => {
                return Err(NotDirect::because(format!(
                    "it reads {}, which is not one table of a postgres_fdw server (but of {server})",
                    relation.name
                )));
            }
            Some(server) => {
                servers.insert(server);
                roles.extend(by);
            }
        }
    }
    let names = |names: &[String]| names.join(", ");
    match (
        servers.iter().collect::<Vec<_>>().as_slice(),
        roles.iter().collect::<Vec<_>>().as_slice(),
    ) {
        ([], _) => Err(NotDirect::because("it reads no foreign table")),
        ([server], [role]) => match Ident::new(role.as_str()) {
            Ok(role) => Ok(((**server).clone(), role)),
            Err(_) => Err(NotDirect::because("nobody reads it")),
        },
        ([_], several) => Err(NotDirect::because(format!(
            "its views read as several roles ({})",
            names(&several.iter().map(ToString::to_string).collect::<Vec<_>>())
        ))),
        (several, _) => Err(NotDirect::because(format!(
            "it reads from several servers ({})",
            names(&several.iter().map(ToString::to_string).collect::<Vec<_>>())
        ))),
    }
}
