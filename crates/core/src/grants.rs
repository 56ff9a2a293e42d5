//! Owner and access privileges, exactly: also what default privileges added is taken away.

use crate::catalog::{Acl, AclItem};
use crate::{Ident, Sql};

/// The privileges on an object that is made like one of live, and how it came to those it has.
#[derive(Debug, Clone)]
pub struct Grants<'a> {
    /// `TABLE "public"."staging_x"`.
    pub on: Sql,
    /// The owner, live's and by now the new object's too.
    pub owner: &'a Ident,
    /// What live has.
    pub live: &'a Acl,
    /// What the creating role's default privileges gave to the new object.
    pub given: &'a Acl,
    /// The role that made the new object.
    pub creator: &'a Ident,
    /// Whether the built-in default lets everybody use such an object, as it does with functions.
    pub public_by_default: bool,
}

impl Grants<'_> {
    /// The statements that turn what was given into what live has, in the order in which live has it.
    ///
    /// Live without a list (`relacl IS NULL`) means the built-in default; where default privileges gave the new object a
    /// list, it ends with a list that says just that.
    #[must_use]
    pub fn statements(&self) -> Vec<Sql> {
        if self.live.is_none() && self.given.is_none() {
            return Vec::new();
        }
        let mut statements = vec![self.revoke_all()];
        match self.live {
            None => {
                let all = Sql::text("GRANT ALL ON ").append(&self.on).then(" TO ");
                let all = if self.public_by_default {
                    all.then("PUBLIC, ")
                } else {
                    all
                };
                statements.push(all.ident(self.owner));
            }
            Some(items) => statements.extend(self.grantees(None).statements(items, &[])),
        }
        statements
    }

    /// Takes away what default privileges gave to others than the owner: nobody reads a twin before it is ready.
    #[must_use]
    pub fn keep_to_the_owner(&self) -> Option<Sql> {
        let mut from: Vec<Sql> = Vec::new();
        for item in self.given.iter().flatten() {
            let to_others =
                item.grantee.as_ref() != Some(self.creator) && item.grantee.as_ref() != Some(self.owner);
            let grantee = item.grantee_sql();
            if to_others && !from.contains(&grantee) {
                from.push(grantee);
            }
        }
        (!from.is_empty()).then(|| {
            Sql::text("REVOKE ALL ON ")
                .append(&self.on)
                .then(" FROM ")
                .append(&Sql::join(from, ", "))
        })
    }

    fn grantees<'b>(&'b self, column: Option<&'b Ident>) -> GrantsOn<'b> {
        GrantsOn {
            on: &self.on,
            column,
            owner: self.owner,
            session: self.creator,
        }
    }

    /// The grants on a column; it has none to begin with. To be made after those on the table, whose grant options hold
    /// for its columns too.
    #[must_use]
    pub fn on_column(&self, column: &Ident, live: &Acl) -> Vec<Sql> {
        let of_table = self.live.as_deref().unwrap_or_default();
        let items = live.as_deref().unwrap_or_default();
        self.grantees(Some(column)).statements(items, of_table)
    }

    /// From the owner too, so that the list is empty and fills in live's order.
    fn revoke_all(&self) -> Sql {
        let mut from = vec![Some(self.owner)];
        if self.public_by_default {
            from.push(None);
        }
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
}

/// Grants on a relation, or on one column of it.
struct GrantsOn<'a> {
    on: &'a Sql,
    column: Option<&'a Ident>,
    owner: &'a Ident,
    /// The role of the session, who grants in the owner's name.
    session: &'a Ident,
}

impl GrantsOn<'_> {
    fn statements(&self, items: &[AclItem], held: &[AclItem]) -> Vec<Sql> {
        let (ordered, _) = in_grant_order(items, self.owner, held);
        let mut statements = Vec::new();
        for by_one in ordered.chunk_by(|a, b| a.grantor == b.grantor) {
            let Some(grantor) = by_one.first().map(|item| &item.grantor) else {
                continue;
            };
            let grants = by_one.chunk_by(|a, b| a.grantee == b.grantee).flat_map(|to_one| {
                [false, true]
                    .into_iter()
                    .filter_map(|grantable| self.grant(to_one, grantable))
            });
            if grantor == self.owner {
                statements.extend(grants);
            } else {
                statements.push(Sql::text("SET LOCAL ROLE ").ident(grantor));
                statements.extend(grants);
                // Not RESET: that goes to the role the session began as, which may be another.
                statements.push(Sql::text("SET LOCAL ROLE ").ident(self.session));
            }
        }
        statements
    }

    fn grant(&self, to_one: &[&AclItem], grantable: bool) -> Option<Sql> {
        let items = || to_one.iter().filter(|item| item.grantable == grantable);
        let first = items().next()?;
        let privileges = items()
            .filter_map(|item| item.keyword())
            .map(|keyword| match self.column {
                Some(column) => Sql::text(keyword).then(" (").ident(column).then(")"),
                None => Sql::text(keyword),
            });
        Some(
            Sql::text("GRANT ")
                .append(&Sql::join(privileges, ", "))
                .then(" ON ")
                .append(self.on)
                .then(" TO ")
                .append(&first.grantee_sql())
                .then(if grantable { " WITH GRANT OPTION" } else { "" }),
        )
    }
}

/// Privileges so that each comes after the grant option that its grantor has it from, as near to the given order as
/// that allows; and those that no grant option explains. `held` are grant options from elsewhere.
#[must_use]
pub fn in_grant_order<'a>(
    items: &'a [AclItem],
    owner: &Ident,
    held: &[AclItem],
) -> (Vec<&'a AclItem>, Vec<&'a AclItem>) {
    let (mut ordered, mut rest): (Vec<_>, Vec<_>) = items.iter().partition(|item| item.grantor == *owner);
    loop {
        let (ready, waiting): (Vec<_>, Vec<_>) = rest.iter().partition(|item| {
            let gives = |option: &AclItem| {
                option.grantable
                    && option.privilege == item.privilege
                    && option.grantee.as_ref() == Some(&item.grantor)
            };
            ordered.iter().any(|item| gives(item)) || held.iter().any(gives)
        });
        if ready.is_empty() {
            return (ordered, waiting);
        }
        ordered.extend(ready);
        rest = waiting;
    }
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
            public_by_default: false,
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
    fn grantors_follow_those_that_they_have_their_grant_option_from() {
        let by = |grantor: &str, grantee: &str, grantable| AclItem {
            grantor: ident(grantor),
            ..item(Some(grantee), "SELECT", grantable)
        };
        let live = Some(vec![
            by("b", "c", false),
            by("owner", "a", true),
            by("a", "b", true),
        ]);
        check(
            &live,
            &None,
            &[
                r#"REVOKE ALL ON TABLE t FROM "owner""#,
                r#"GRANT SELECT ON TABLE t TO "a" WITH GRANT OPTION"#,
                r#"SET LOCAL ROLE "a""#,
                r#"GRANT SELECT ON TABLE t TO "b" WITH GRANT OPTION"#,
                r#"SET LOCAL ROLE "creator""#,
                r#"SET LOCAL ROLE "b""#,
                r#"GRANT SELECT ON TABLE t TO "c""#,
                r#"SET LOCAL ROLE "creator""#,
            ],
        );
    }

    #[test]
    fn a_grant_without_a_grant_option_behind_it_is_left_over() {
        let stray = AclItem {
            grantor: ident("a"),
            ..item(Some("b"), "SELECT", false)
        };
        let other_privilege = item(Some("a"), "INSERT", true);
        let items = [stray.clone(), other_privilege];
        let (ordered, left) = in_grant_order(&items, &ident("owner"), &[]);
        assert_eq!((ordered.len(), left), (1, vec![&stray]));
        let held = [item(Some("a"), "SELECT", true)];
        assert_eq!(in_grant_order(&items, &ident("owner"), &held).1.len(), 0);
    }

    #[test]
    fn everybody_may_use_a_function_unless_it_is_said_otherwise() {
        let (live, given) = (Some(vec![item(Some("app"), "EXECUTE", false)]), None);
        let function = |live, given| {
            Grants {
                on: Sql::text("FUNCTION f()"),
                owner: &ident("owner"),
                live,
                given,
                creator: &ident("creator"),
                public_by_default: true,
            }
            .statements()
        };
        assert_eq!(function(&None, &given), []);
        let revoke = Sql::text(r#"REVOKE ALL ON FUNCTION f() FROM "owner", PUBLIC"#);
        let grant = Sql::text(r#"GRANT EXECUTE ON FUNCTION f() TO "app""#);
        assert_eq!(function(&live, &given), [revoke.clone(), grant]);
        let back = Sql::text(r#"GRANT ALL ON FUNCTION f() TO PUBLIC, "owner""#);
        assert_eq!(function(&None, &live), [revoke.then(r#", "app""#), back]);
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
