//! Staging and backups in schemas of their own, where nobody publishes them by accident (trap 34).

use cutover::{BackupChoice, RollbackOptions, Selection, StopSignal};
use cutover_core::{Events, Phase};
use cutover_swap::SpaceOf;
use cutover_testkit::dataset::LIVE_OWNER;

use crate::child;
use crate::world::{Site, assert_same_dump, dump_of_month_1, dump_of_month_2_alone, swap_what_is_staged};

/// What a tile server or an API that logs in as the reader publishes: whatever it may find and read.
const PUBLISHED: &str = "SELECT string_agg(c.oid::regclass::text, ' ' ORDER BY c.oid::regclass::text) FROM pg_class c \
    WHERE c.relkind IN ('r', 'p', 'v', 'm') AND c.relowner = 'wdpa_owner'::regrole \
      AND has_schema_privilege('wdpa_reader', c.relnamespace, 'USAGE') AND has_table_privilege('wdpa_reader', c.oid, 'SELECT')";

/// Relations by the schema that they are in.
const BY_SCHEMA: &str = "SELECT n.nspname || ' ' || left(c.relname, 2) || ' ' || count(*) FROM pg_class c \
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm') AND c.relowner = 'wdpa_owner'::regrole \
      AND (n.nspname IN ('next', 'past') OR c.relname ~ '^(staging_|bk[0-9])') GROUP BY n.nspname, left(c.relname, 2) ORDER BY 1";

/// Month 1 is live, released beside live as ever; from now on staging and backups are apart.
async fn site() -> Site {
    let mut site = Site::month_1().await;
    // Before, the backup of what was there before month 1 could be seen.
    let all: Vec<_> = site.cutover.backups().await.unwrap();
    let stamps = all.into_iter().map(|set| set.stamp).collect();
    site.cutover
        .drop_backups(&BackupChoice::Stamps(stamps), &Events::none())
        .await
        .unwrap();
    site.replace(
        "schema = \"public\"",
        "schema = \"public\"\nstaging_schema = \"next\"\nbackup_schema = \"past\"",
    );
    site
}

async fn schemas(site: &Site) -> Vec<String> {
    site.texts(BY_SCHEMA).await
}

#[tokio::test]
async fn a_month_and_back_without_a_trace_for_whoever_publishes_all_it_sees() {
    let site = site().await;
    let published = site.texts(PUBLISHED).await;
    let checked = site.cutover.check().await.unwrap();
    assert!(!checked.has_errors(), "{checked:#?}");
    let build = Selection::all().stop_after(Phase::ValidateAndManifest).unwrap();
    site.run(site.options().selection(build)).await.unwrap();
    assert_eq!(schemas(&site).await, ["next st 25"]);
    assert_eq!(site.texts(PUBLISHED).await, published, "with staging whole");
    let unmanaged = site.cutover.status().await.unwrap().unmanaged;
    assert_eq!(unmanaged, [], "staging is known");

    let report = site.run(swap_what_is_staged()).await.unwrap();
    let first = report.swap.unwrap().backup;
    assert_eq!(schemas(&site).await, ["past bk 25"]);
    assert_eq!(site.texts(PUBLISHED).await, published, "with a backup set");
    assert_same_dump(&site.dump_live().await, dump_of_month_2_alone().await);
    let space = site.cutover.space().await.unwrap();
    let of_backup = SpaceOf::Backup(first.clone());
    let backup = space.sets.iter().find(|set| set.set == of_backup);
    let relations = &backup.unwrap().relations;
    assert!(!relations.is_empty() && relations.iter().all(|r| r.name.schema.as_str() == "past"));

    let back = async |stamp: &_| {
        let (options, stop, events) = (RollbackOptions::default(), StopSignal::never(), Events::none());
        let rolled_back = site.cutover.rollback(stamp, &options, stop, &events).await;
        rolled_back.unwrap().swap.backup
    };
    let second = back(&first).await;
    assert_same_dump(&site.dump_live().await, dump_of_month_1().await);
    assert_eq!(schemas(&site).await, ["past bk 25"]);
    back(&second).await;
    assert_same_dump(&site.dump_live().await, dump_of_month_2_alone().await);

    // Look-alikes are told wherever they are, what is open to others is warned of, and dropping all leaves the schemas.
    site.live()
        .execute("CREATE TABLE next.staging_old (); CREATE TABLE past.bk2001010000_old (); GRANT USAGE ON SCHEMA past TO wdpa_reader, PUBLIC")
        .await
        .unwrap();
    let unmanaged = site.cutover.status().await.unwrap().unmanaged;
    let unmanaged: Vec<String> = unmanaged
        .iter()
        .map(|name| name.to_string().replace('"', ""))
        .collect();
    assert_eq!(unmanaged, ["next.staging_old", "past.bk2001010000_old"]);
    let checked = site.cutover.check().await.unwrap();
    let told: Vec<&str> = checked
        .findings
        .iter()
        .map(|finding| finding.what.as_str())
        .collect();
    let open = "schema \"past\" is open to PUBLIC, wdpa_reader:";
    assert!(told.iter().any(|what| what.starts_with(open)), "{told:#?}");
    let all = site
        .cutover
        .backups()
        .await
        .unwrap()
        .into_iter()
        .map(|set| set.stamp);
    let choice = BackupChoice::Stamps(all.collect());
    site.cutover.drop_backups(&choice, &Events::none()).await.unwrap();
    assert_eq!(schemas(&site).await, Vec::<String>::new());
}

#[tokio::test]
async fn killed_with_staging_in_another_schema_nothing_is_left() {
    child::obey().await;
    for dies_at in ["phase_started import_core", "phase_started finalise_swap"] {
        let site = site().await;
        let test = "apart::killed_with_staging_in_another_schema_nothing_is_left";
        site.release_in_a_child_that_dies(test, dies_at).await;
        assert_eq!(schemas(&site).await, ["next st 25"], "{dies_at}");
        site.cutover.abort(&Events::none()).await.unwrap();
        assert_eq!(schemas(&site).await, Vec::<String>::new(), "{dies_at}");
        site.assert_tidy().await;
        assert_same_dump(&site.dump_live().await, dump_of_month_1().await);
    }
}

/// All that is missing is told before anything is built.
#[tokio::test]
async fn what_cannot_hold_staging_or_backups_is_refused_by_name() {
    let site = site().await;
    let name = site.live().name();
    let role = format!("{name}_owner");
    site.live()
        .execute(&format!(
            "CREATE ROLE {role}; GRANT {role} TO {LIVE_OWNER}; ALTER TABLE sources OWNER TO {role}; \
             CREATE SCHEMA next; GRANT USAGE ON SCHEMA next TO {LIVE_OWNER}; REVOKE CREATE ON DATABASE {name} FROM {LIVE_OWNER}"
        ))
        .await
        .unwrap();
    let checked = site.cutover.check().await.unwrap();
    assert!(checked.has_errors());
    let told = checked
        .findings
        .iter()
        .map(|finding| finding.what.replace('"', ""));
    let told: Vec<String> = told.filter(|what| what.starts_with("schema ")).collect();
    insta::assert_snapshot!(told.join("\n").replace(&role, "[owner]"), @"
    schema next does not let role wdpa_owner create relations and find them
    schema next does not let role [owner], which owns relations of the set or granted privileges on them, find relations: their foreign keys could not be checked there, nor the privileges be granted again
    schema next does not let role [owner] create relations, to which some are to be given there
    schema past does not exist, and role wdpa_owner may not create it
    schema next is open to nobody but the roles of the set
    ");
}
