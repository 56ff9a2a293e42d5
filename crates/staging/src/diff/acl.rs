//! Access privileges by what they mean.

use std::collections::BTreeSet;
use std::fmt::Write;

use cutover_core::Ident;
use cutover_core::catalog::{Acl, AclItem};

/// Whether two lists grant the same. No list at all means what the server gives an owner from the start, which is
/// `built_in`.
pub(super) fn same(live: &Acl, staging: &Acl, built_in: &[AclItem]) -> bool {
    set(live.as_deref().unwrap_or(built_in)) == set(staging.as_deref().unwrap_or(built_in))
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

    fn built_in() -> Vec<AclItem> {
        ["SELECT", "UPDATE", "USAGE"]
            .map(|privilege| item(Some("owner"), privilege, false))
            .to_vec()
    }

    #[track_caller]
    fn check(live: &Acl, staging: &Acl, expected: bool) {
        assert_eq!(same(live, staging, &built_in()), expected);
        assert_eq!(same(staging, live, &built_in()), expected);
    }

    #[test]
    fn no_list_means_what_is_built_in() {
        check(&None, &Some(built_in()), true);
        check(&None, &Some(built_in().split_off(1)), false);
        check(
            &None,
            &Some([built_in(), vec![item(None, "SELECT", false)]].concat()),
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
