//! Access privileges by what they mean.

use std::collections::BTreeSet;
use std::fmt::Write;

use cutover_core::Ident;
use cutover_core::catalog::{Acl, AclItem};

/// What an owner has where nothing is said; `MAINTAIN` joined with PostgreSQL 17.
pub(super) const OF_TABLES: &[&str] = &[
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "TRUNCATE",
    "REFERENCES",
    "TRIGGER",
];
pub(super) const OF_SEQUENCES: &[&str] = &["SELECT", "UPDATE", "USAGE"];
pub(super) const OF_COLUMNS: &[&str] = &[];

/// Whether two lists grant the same. No list at all means that the owner has everything and nobody else anything.
pub(super) fn same(live: &Acl, staging: &Acl, owner: &Ident, all: &[&str]) -> bool {
    match (live, staging) {
        (None, None) => true,
        (Some(items), None) | (None, Some(items)) => is_built_in(items, owner, all),
        (Some(live), Some(staging)) => set(live) == set(staging),
    }
}

fn is_built_in(items: &[AclItem], owner: &Ident, all: &[&str]) -> bool {
    let owners = items
        .iter()
        .all(|item| item.grantee.as_ref() == Some(owner) && !item.grantable);
    owners
        && all
            .iter()
            .all(|privilege| items.iter().any(|item| item.privilege == *privilege))
}

fn set(items: &[AclItem]) -> BTreeSet<(Option<&Ident>, &Ident, &str, bool)> {
    items
        .iter()
        .map(|item| {
            (
                item.grantee.as_ref(),
                &item.grantor,
                item.privilege.as_str(),
                item.grantable,
            )
        })
        .collect()
}

/// For people: `SELECT to PUBLIC, INSERT to "app" with grant option`.
pub(super) fn print(acl: &Acl) -> String {
    let Some(items) = acl else {
        return "the built-in default".to_owned();
    };
    let mut text = String::new();
    for item in items {
        let separator = if text.is_empty() { "" } else { ", " };
        let option = if item.grantable { " with grant option" } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "{separator}{} to {}{option}",
            item.privilege,
            item.grantee_sql()
        );
    }
    if text.is_empty() {
        "nothing to anybody".to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(grantee: Option<&str>, privilege: &str, grantable: bool) -> AclItem {
        let ident = |name| Ident::new(name).unwrap();
        AclItem {
            grantee: grantee.map(ident),
            grantor: ident("owner"),
            privilege: privilege.to_owned(),
            grantable,
        }
    }

    #[track_caller]
    fn check(live: &Acl, staging: &Acl, expected: bool) {
        let owner = Ident::new("owner").unwrap();
        assert_eq!(same(live, staging, &owner, OF_SEQUENCES), expected);
        assert_eq!(same(staging, live, &owner, OF_SEQUENCES), expected);
    }

    #[test]
    fn no_list_means_everything_to_the_owner() {
        let all = || {
            OF_SEQUENCES
                .iter()
                .map(|p| item(Some("owner"), p, false))
                .collect::<Vec<_>>()
        };
        check(&None, &Some(all()), true);
        check(&None, &Some(all().split_off(1)), false);
        check(
            &None,
            &Some([all(), vec![item(None, "SELECT", false)]].concat()),
            false,
        );
        check(&None, &Some(vec![]), false);
    }

    #[test]
    fn order_does_not_matter_and_the_grant_option_does() {
        let a = item(Some("a"), "SELECT", false);
        let b = item(None, "USAGE", false);
        check(&Some(vec![a.clone(), b.clone()]), &Some(vec![b, a.clone()]), true);
        check(
            &Some(vec![a]),
            &Some(vec![item(Some("a"), "SELECT", true)]),
            false,
        );
    }
}
