//! Publications that list members: the list follows the swap, their subscribers cannot.
//!
//! A publication holds oids, so after the renames it would publish the backup set. The step that moves its list comes
//! last in the switch: the tables are ours by then, and of the publication itself only another change of it is kept out.

use std::collections::BTreeMap;

use cutover_core::catalog::{CatalogSnapshot, PublicationMembership, Relation};
use cutover_core::{Ident, LockMode, NamingPolicy, ObjectKind, ObjectName, QualifiedName, Sql, Step};

use crate::members::Member;
use crate::refused::{Refusal, RefusalKind};

/// Collects the publications that cannot follow.
pub(crate) fn check(
    live: &CatalogSnapshot,
    incoming: &CatalogSnapshot,
    members: &[Member<'_>],
    policy: &NamingPolicy,
    refusals: &mut Vec<Refusal>,
) {
    let mut refuse = |publication: &Ident, reason: String, remedy| {
        refusals.push(Refusal::new(
            RefusalKind::Publication,
            object(publication),
            reason,
            remedy,
        ));
    };
    for publication in &live.server.all_tables_publications {
        refuse(
            publication,
            "publishes all tables, staging and backups included".to_owned(),
            "make one that lists tables (FOR TABLE …; those of the release set may be among them), let its subscribers \
             subscribe to that, and drop it",
        );
    }
    // Where only live is in live's schema, whoever publishes that publishes live.
    let beside = incoming.schema == live.schema || *policy.backup_schema(&live.schema) == live.schema;
    for relation in live.relations.iter().filter(|_| beside) {
        for publication in &relation.schema_publications {
            refuse(
                publication,
                format!(
                    "publishes {} with its whole schema, staging and backups included",
                    relation.name
                ),
                "ALTER PUBLICATION … DROP TABLES IN SCHEMA, then ADD TABLE what is to be published: tables of the release \
                 set may be among it; or give both staging and backups schemas of their own",
            );
        }
    }
    for relation in &incoming.relations {
        for publication in relation
            .schema_publications
            .iter()
            .filter(|_| incoming.schema != live.schema)
        {
            refuse(
                publication,
                format!(
                    "publishes {} with its whole schema, and it is not live",
                    relation.name
                ),
                "ALTER PUBLICATION … DROP TABLES IN SCHEMA: what live's publications hold goes to it with the swap",
            );
        }
        for listed in &relation.publications {
            refuse(
                &listed.name,
                format!("publishes {}, which is not live", relation.name),
                "ALTER PUBLICATION … DROP TABLE it: what live's publications hold goes to it with the swap",
            );
        }
    }
    let rights = members.iter().flat_map(|member| &member.live.publications);
    let rights: BTreeMap<_, _> = rights.map(|listed| (&listed.name, listed)).collect();
    for listed in rights.values().filter(|listed| !listed.may_act_as_owner) {
        refuse(
            &listed.name,
            format!(
                "belongs to {}, whose rights the session's role does not have: its list cannot follow the swap",
                listed.owner
            ),
            "GRANT the owning role, or take the tables of the release set off the list",
        );
    }
    for Member { live, incoming, .. } in members {
        for listed in &live.publications {
            let changed = listed.reads.iter().find(|name| !same_type(live, incoming, name));
            if let Some(column) = changed {
                refuse(
                    &listed.name,
                    format!("names column {column} of {}, which changes", live.name),
                    "take the column out of its column list and row filter before the swap",
                );
            }
        }
    }
}

fn same_type(live: &Relation, incoming: &Relation, column: &Ident) -> bool {
    let of = |relation: &Relation| {
        let column = relation.column(column)?;
        Some((column.data_type.clone(), column.collation.clone()))
    };
    of(live) == of(incoming)
}

/// What the subscribers of each publication have to do.
pub(crate) fn warnings(live: &CatalogSnapshot, members: &[Member<'_>]) -> Vec<String> {
    let mut tables: BTreeMap<&Ident, Vec<&QualifiedName>> = BTreeMap::new();
    for (publication, listed) in lists(members) {
        let listed = listed.iter().map(|(member, _)| &member.live.name);
        tables.entry(publication).or_default().extend(listed);
    }
    // The list of a whole schema follows by itself.
    for relation in &live.relations {
        for publication in &relation.schema_publications {
            tables.entry(publication).or_default().push(&relation.name);
        }
    }
    tables
        .into_iter()
        .map(|(publication, tables)| {
            let tables: Vec<String> = tables.iter().map(ToString::to_string).collect();
            format!(
                "{} goes on with what goes live: subscribers are sent later changes of {}, but not the rows that went \
                 live; copy them afresh (there: take the table out by ALTER SUBSCRIPTION … REFRESH PUBLICATION while it \
                 is off the list, TRUNCATE it, and REFRESH PUBLICATION again once it is back on it)",
                object(publication),
                tables.join(", "),
            )
        })
        .collect()
}

/// Takes what is a backup by now off the lists, and puts what is live by now on them, with the same columns and rows.
pub(crate) fn follow(members: &[Member<'_>], backup: &dyn Fn(&QualifiedName) -> QualifiedName) -> Vec<Step> {
    lists(members)
        .into_iter()
        .flat_map(|(publication, listed)| {
            let off = listed
                .iter()
                .map(|(member, _)| Sql::text("ONLY ").name(&backup(&member.live.name)));
            let on = listed.iter().map(|(member, listed)| item(member, listed));
            let alter = || Sql::text("ALTER PUBLICATION ").ident(publication);
            let off = alter().then(" DROP TABLE ").append(&Sql::join(off, ", "));
            let on = alter().then(" ADD TABLE ").append(&Sql::join(on, ", "));
            [off, on].map(|sql| {
                let step = Step::new("move the list of", object(publication), sql);
                listed.iter().fold(step, |step, (member, _)| {
                    step.locking(LockMode::ShareUpdateExclusive, &member.live.name)
                })
            })
        })
        .collect()
}

/// `ONLY`, because children that are published are listed themselves.
fn item(member: &Member<'_>, listed: &PublicationMembership) -> Sql {
    let mut sql = Sql::text("ONLY ").name(&member.live.name);
    if let Some(columns) = &listed.columns {
        sql = sql.then(" (").idents(columns).then(")");
    }
    match &listed.row_filter {
        // Parentheses are the syntax's, and the server prints none around a lone column.
        Some(filter) => sql.then(" WHERE (").deparsed(filter).then(")"),
        None => sql,
    }
}

type Listed<'a> = (&'a Member<'a>, &'a PublicationMembership);

/// What each publication lists of the set, publications by name.
fn lists<'a>(members: &'a [Member<'_>]) -> BTreeMap<&'a Ident, Vec<Listed<'a>>> {
    let mut lists: BTreeMap<&Ident, Vec<Listed<'_>>> = BTreeMap::new();
    for member in members {
        for listed in &member.live.publications {
            lists.entry(&listed.name).or_default().push((member, listed));
        }
    }
    lists
}

fn object(publication: &Ident) -> ObjectName {
    ObjectName::global(ObjectKind::Publication, publication)
}
