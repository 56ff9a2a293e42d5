use std::collections::BTreeSet;

use cutover_swap::{Audit, AuditDiff, AuditError, AuditOptions};

use crate::release_set::{MEMBERS, ReleaseSet, ident};

async fn take(set: &mut ReleaseSet, options: &AuditOptions) -> Audit {
    let members = MEMBERS.map(ident);
    Audit::take(&mut set.client, &ident("public"), &members, options)
        .await
        .unwrap()
}

/// Takes an audit, executes `sql`, takes another.
async fn check(sql: &str, expected: &[&str]) {
    let mut set = ReleaseSet::new().await;
    let before = take(&mut set, &AuditOptions::default()).await;
    set.database.execute(sql).await.unwrap();
    let after = take(&mut set, &AuditOptions::default()).await;
    let diff = before.diff(&after).unwrap();
    let text = diff.to_string();
    for line in expected {
        assert!(
            text.lines().any(|told| told == *line),
            "{line} is not told:\n{text}"
        );
    }
    let relations: BTreeSet<&str> = diff
        .changes()
        .iter()
        .map(|change| change.relation.as_str())
        .collect();
    let concerned = expected
        .iter()
        .filter_map(|line| line.split_once(", "))
        .map(|(relation, _)| relation);
    assert_eq!(relations, concerned.collect(), "{text}");
    assert_eq!(after.diff(&after).unwrap().changes(), []);
}

#[tokio::test]
async fn each_thing_that_changes_is_told() {
    check(
        "ALTER TABLE sources ADD COLUMN year int DEFAULT 1",
        &[
            "sources, column year: data type: none → integer",
            "sources, column year: default: none → 1",
        ],
    )
    .await;
    check(
        "DROP INDEX sites_lower_name",
        &[
            "sites, index sites_lower_name: computed: yes → none",
            "sites, index sites_lower_name: definition: \
             CREATE INDEX sites_lower_name ON sites USING btree (lower(name::text)) → none",
            "sites, index sites_lower_name: tail: USING btree (lower(name::text)) → none",
            "sites, index sites_lower_name: valid: yes → none",
        ],
    )
    .await;
    check(
        "DELETE FROM \"sites & countries\" WHERE site_id = 17; DELETE FROM sites WHERE id = 17",
        &["sites, rows: 50 → 49", "sites & countries, rows: 50 → 49"],
    )
    .await;
    check(
        "SELECT nextval('sources_id_seq')",
        &["sources, sequence sources_id_seq: last value: 3 → 4"],
    )
    .await;
    check(
        "ALTER VIEW titled_sources RESET (check_option)",
        &["view \"public\".\"titled_sources\", options: check_option=cascaded → none"],
    )
    .await;
    check(
        "ALTER TABLE reviews ALTER CONSTRAINT reviews_site_fk DEFERRABLE INITIALLY DEFERRED",
        &["foreign key \"reviews_site_fk\" of \"public\".\"reviews\", deferred: none → yes"],
    )
    .await;
    check(
        "REVOKE ALL ON sources FROM swap_reader; GRANT UPDATE (title) ON sources TO swap_reader",
        &[
            "sources, column title: privileges of swap_reader from postgres: none → UPDATE",
            "sources, privileges of swap_reader from postgres: SELECT → none",
        ],
    )
    .await;
}

/// A swap is structurally nothing, and so is its rollback; with checksums it is seen that the rows came back.
#[tokio::test]
async fn a_swap_and_its_rollback() {
    let mut set = ReleaseSet::staged("m2").await;
    let checksums = AuditOptions::default().checksums(true);
    let before = take(&mut set, &checksums).await;
    let report = set.swap().await;
    let between = take(&mut set, &checksums).await;
    let diff: AuditDiff = before.diff(&between).unwrap();
    assert!(
        diff.changes()
            .iter()
            .any(|change| change.relation == "sites" && change.fact == "checksum"),
        "{diff}"
    );
    assert_eq!(diff.structural().to_string(), "");
    set.roll_back(&report.backup).await;
    let after = take(&mut set, &checksums).await;
    assert_eq!(before.diff(&after).unwrap().to_string(), "");
}

/// The same rows in another order have the same checksum, one row twice has not.
#[tokio::test]
async fn a_checksum_is_of_rows_and_not_of_their_order() {
    let mut set = ReleaseSet::new().await;
    let checksums = AuditOptions::default().checksums(true);
    let before = take(&mut set, &checksums).await;
    set.database
        .execute(
            "CREATE TABLE copy AS TABLE \"sites & countries\"; DELETE FROM \"sites & countries\"; \
                  INSERT INTO \"sites & countries\" SELECT * FROM copy ORDER BY site_id DESC",
        )
        .await
        .unwrap();
    let after = take(&mut set, &checksums).await;
    let of_rows = |diff: AuditDiff| {
        diff.to_string()
            .lines()
            .filter(|line| !line.contains("bytes"))
            .count()
    };
    assert_eq!(of_rows(before.diff(&after).unwrap()), 0);
    set.database
        .execute("UPDATE \"sites & countries\" SET country_id = 1 + country_id % 5 WHERE site_id IN (1, 2)")
        .await
        .unwrap();
    let changed = take(&mut set, &checksums).await;
    assert_eq!(of_rows(after.diff(&changed).unwrap()), 1);
}

#[tokio::test]
async fn an_audit_survives_its_file_and_another_version_is_refused() {
    let mut set = ReleaseSet::new().await;
    let audit = take(&mut set, &AuditOptions::default()).await;
    let mut value = serde_json::to_value(&audit).unwrap();
    assert_eq!(serde_json::from_value::<Audit>(value.clone()).unwrap(), audit);
    value["audit_version"] = 0.into();
    let other: Audit = serde_json::from_value(value).unwrap();
    assert_eq!(audit.diff(&other).unwrap_err(), AuditError::Version { found: 0 });
}

#[tokio::test]
async fn a_member_that_is_not_there_is_named() {
    let mut set = ReleaseSet::new().await;
    let members = [ident("sites"), ident("nowhere")];
    let error = Audit::take(
        &mut set.client,
        &ident("public"),
        &members,
        &AuditOptions::default(),
    )
    .await
    .unwrap_err();
    assert_eq!(error.to_string(), "schema \"public\" has no relation \"nowhere\"");
}
