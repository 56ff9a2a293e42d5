//! Owner and access privileges, exactly: also what default privileges added is taken away.

use cutover_core::catalog::{Acl, AclItem};
use cutover_core::{Ident, Sql};

/// What an object is granted from, and by whom it was made.
pub(crate) struct Grants<'a> {
    /// `TABLE "public"."staging_x"`.
    pub(crate) on: Sql,
    /// The owner, live's and by now the twin's too.
    pub(crate) owner: &'a Ident,
    /// What live has.
    pub(crate) live: &'a Acl,
    /// What the creating role's default privileges gave to the twin.
    pub(crate) given: &'a Acl,
    /// The role that made the twin.
    pub(crate) creator: &'a Ident,
}

impl Grants<'_> {
    /// The statements that turn what was given into what live has, in the order in which live has it.
    ///
    /// Live without a list (`relacl IS NULL`) means the owner has everything and nobody else anything; where default
    /// privileges gave the twin a list, it ends with a list that says just that.
    pub(crate) fn statements(&self) -> Vec<Sql> {
        if self.live.is_none() && self.given.is_none() {
            return Vec::new();
        }
        let mut statements = vec![self.revoke_all()];
        match self.live {
            None => statements.push(
                Sql::text("GRANT ALL ON ")
                    .append(&self.on)
                    .then(" TO ")
                    .ident(self.owner),
            ),
            Some(items) => {
                for of_grantee in items.chunk_by(|a, b| a.grantee == b.grantee) {
                    statements.extend(self.grant(of_grantee, false));
                    statements.extend(self.grant(of_grantee, true));
                }
            }
        }
        statements
    }

    /// From the owner too, so that the list is empty and fills in live's order.
    fn revoke_all(&self) -> Sql {
        let mut from = vec![Some(self.owner)];
        for item in self.given.iter().flatten() {
            // The change of owner put the new one in the creator's place.
            let grantee = match &item.grantee {
                Some(role) if role == self.creator => Some(self.owner),
                other => other.as_ref(),
            };
            if !from.contains(&grantee) {
                from.push(grantee);
            }
        }
        let from = from.into_iter().map(|role| match role {
            Some(role) => Sql::text("").ident(role),
            None => Sql::text("PUBLIC"),
        });
        Sql::text("REVOKE ALL ON ")
            .append(&self.on)
            .then(" FROM ")
            .append(&Sql::join(from, ", "))
    }

    fn grant(&self, of_grantee: &[AclItem], grantable: bool) -> Option<Sql> {
        let items: Vec<&AclItem> = of_grantee
            .iter()
            .filter(|item| item.grantable == grantable)
            .collect();
        let first = items.first()?;
        let privileges = items.iter().filter_map(|item| item.keyword()).map(Sql::text);
        Some(
            Sql::text("GRANT ")
                .append(&Sql::join(privileges, ", "))
                .then(" ON ")
                .append(&self.on)
                .then(" TO ")
                .append(&first.grantee_sql())
                .then(if grantable { " WITH GRANT OPTION" } else { "" }),
        )
    }
}

/// The grants on one column; it has none to begin with.
pub(crate) fn column_grants(table: &Sql, column: &Ident, live: &Acl) -> Vec<Sql> {
    let items = live.as_deref().unwrap_or_default();
    let mut statements = Vec::new();
    for of_grantee in items.chunk_by(|a, b| a.grantee == b.grantee && a.grantable == b.grantable) {
        let Some(first) = of_grantee.first() else { continue };
        let privileges = of_grantee
            .iter()
            .filter_map(AclItem::keyword)
            .map(|keyword| Sql::text(keyword).then(" (").ident(column).then(")"));
        statements.push(
            Sql::text("GRANT ")
                .append(&Sql::join(privileges, ", "))
                .then(" ON ")
                .append(table)
                .then(" TO ")
                .append(&first.grantee_sql())
                .then(if first.grantable { " WITH GRANT OPTION" } else { "" }),
        );
    }
    statements
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ident(name: &str) -> Ident {
        Ident::new(name).unwrap()
    }

    fn item(grantee: Option<&str>, privilege: &str, grantable: bool) -> AclItem {
        AclItem {
            grantee: grantee.map(ident),
            grantor: ident("owner"),
            privilege: privilege.to_owned(),
            grantable,
        }
    }

    #[track_caller]
    fn check(live: &Acl, given: &Acl, expected: &[&str]) {
        let grants = Grants {
            on: Sql::text("TABLE t"),
            owner: &ident("owner"),
            live,
            given,
            creator: &ident("creator"),
        };
        let statements = grants.statements();
        assert_eq!(statements.iter().map(Sql::as_str).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn nothing_given_and_nothing_on_live_needs_nothing() {
        check(&None, &None, &[]);
    }

    #[test]
    fn what_default_privileges_gave_is_taken_away() {
        let given = Some(vec![
            item(Some("creator"), "SELECT", false),
            item(None, "SELECT", false),
        ]);
        check(
            &None,
            &given,
            &[
                r#"REVOKE ALL ON TABLE t FROM "owner", PUBLIC"#,
                r#"GRANT ALL ON TABLE t TO "owner""#,
            ],
        );
    }

    #[test]
    fn an_empty_list_stays_empty() {
        check(&Some(vec![]), &None, &[r#"REVOKE ALL ON TABLE t FROM "owner""#]);
    }

    #[test]
    fn grant_options_are_granted_beside_plain_privileges_in_live_order() {
        let live = Some(vec![
            item(None, "SELECT", false),
            item(Some("app"), "INSERT", false),
            item(Some("app"), "SELECT", true),
        ]);
        check(
            &live,
            &None,
            &[
                r#"REVOKE ALL ON TABLE t FROM "owner""#,
                "GRANT SELECT ON TABLE t TO PUBLIC",
                r#"GRANT INSERT ON TABLE t TO "app""#,
                r#"GRANT SELECT ON TABLE t TO "app" WITH GRANT OPTION"#,
            ],
        );
    }
}
