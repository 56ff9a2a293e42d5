use cutover_core::QualifiedName;
use cutover_swap::{SpaceOf, space};

use crate::release_set::{MEMBERS, ReleaseSet, ident};

fn names(prefix: &str) -> Vec<QualifiedName> {
    MEMBERS
        .iter()
        .map(|name| QualifiedName::new(ident("public"), ident(&format!("{prefix}{name}"))))
        .collect()
}

/// What is told adds up to what the server says.
#[tokio::test]
async fn live_staging_and_backups_are_told_apart() {
    let mut set = ReleaseSet::staged("m2").await;
    let first = set.swap().await;
    set.stage("m3").await;
    set.database
        .execute("ALTER TABLE sites ADD COLUMN big text, ALTER big SET STORAGE EXTERNAL; UPDATE sites SET big = repeat('x', 5000)")
        .await
        .unwrap();
    let report = space(&set.client, &set.records, &names(""), &names("staging_"))
        .await
        .unwrap();
    let sets: Vec<&SpaceOf> = report.sets.iter().map(|set| &set.set).collect();
    assert_eq!(
        sets,
        [
            &SpaceOf::Live,
            &SpaceOf::Staging,
            &SpaceOf::Backup(first.backup.clone())
        ]
    );
    for (of, prefix) in report
        .sets
        .iter()
        .zip(["", "staging_", &format!("bk{}_", first.backup)])
    {
        let expected: Vec<Option<String>> = set
            .database
            .query_texts(&format!(
                "SELECT pg_total_relation_size(c.oid) FROM pg_class c, unnest('{{sites,sources,site_counts,sites & countries}}'::text[]) m \
                  WHERE c.relname = '{prefix}' || m AND c.relnamespace = 'public'::regnamespace ORDER BY c.relname"
            ))
            .await
            .unwrap();
        let told: Vec<Option<String>> = of
            .relations
            .iter()
            .map(|relation| Some(relation.total_bytes().to_string()))
            .collect();
        assert_eq!(told, expected, "{of:?}");
    }
    let sites = report.sets[0]
        .relations
        .iter()
        .find(|relation| relation.name.name.as_str() == "sites")
        .unwrap();
    assert!(
        sites.table_bytes > 0 && sites.index_bytes > 0 && sites.toast_bytes > 200_000,
        "{sites:?}"
    );
    let all: u64 = report.sets.iter().map(cutover_swap::SetSpace::total_bytes).sum();
    assert!(report.database_bytes > all && report.share(all) > 0.0 && report.share(all) < 1.0);
}

/// A parent holds nothing itself; its partitions are told beside it.
#[tokio::test]
async fn partitions_are_measured_with_their_parents() {
    let set = ReleaseSet::new().await;
    set.database
        .execute("CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF p DEFAULT PARTITION BY LIST (id); \
                  CREATE TABLE p11 PARTITION OF p1 DEFAULT; INSERT INTO p VALUES (1)")
        .await
        .unwrap();
    let live = [QualifiedName::new(ident("public"), ident("p"))];
    let report = space(&set.client, &set.records, &live, &[]).await.unwrap();
    let told: Vec<(&str, u64)> = report.sets[0]
        .relations
        .iter()
        .map(|relation| (relation.name.name.as_str(), relation.total_bytes()))
        .collect();
    assert_eq!(told, [("p", 0), ("p1", 0), ("p11", 8192)]);
}
