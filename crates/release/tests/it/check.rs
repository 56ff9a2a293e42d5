//! What could stand against a release is told all at once, and nothing is changed by looking.

use std::fmt::Write as _;

use cutover::{CheckReport, CheckSeverity, Concern};
use regex::Regex;

use crate::world::{Site, assert_same_dump, cutover};

fn told(report: &CheckReport) -> String {
    let files = Regex::new(r"/\S+/data/(\w+)_\w+\.csv").unwrap();
    let numbers = Regex::new(r"\d+(\.\d+)*( \(Debian[^)]*\))?").unwrap();
    let mut text = String::new();
    for finding in &report.findings {
        let what = files.replace_all(&finding.what, "[folder]/${1}_[label].csv");
        let what = numbers.replace_all(&what, "[n]");
        writeln!(text, "{} {}: {what}", finding.severity, finding.concern).unwrap();
        if let Some(remedy) = &finding.remedy {
            writeln!(text, "  {remedy}").unwrap();
        }
    }
    text
}

#[tokio::test]
async fn all_findings_are_told_at_once_and_nothing_is_changed() {
    let mut site = Site::month_1().await;
    let before = site.dump_everything();
    let report = site.cutover.check().await.unwrap();
    assert!(!report.has_errors());
    insta::assert_snapshot!(told(&report), @r#"
    ok connection: PostgreSQL [n], database "test_[n]" as role "wdpa_owner", not through a pooling proxy
    ok clock: the server's and this machine's agree
    ok rights: the role may keep records, and sees whose sessions are in the way
    ok structure: [n] relations can be cloned, with the rights that takes
    ok swap: the set and everything that refers to it can change places
    ok names: "public"."index_protected_areas_on_management_authority_id_and_name" is cut in backups: with what goes before it, it has over [n] bytes; cutover.backup_object has the whole name
    ok names: "public"."index_countries_protected_areas_on_protected_area_id" is cut in backups: with what goes before it, it has over [n] bytes; cutover.backup_object has the whole name
    warning sources: importer country_statistics: there is no file [folder]/country_statistics_[label].csv
      put it there before the release; with another label it may have another name
    warning sources: importer global_statistics: there is no file [folder]/global_statistics_[label].csv
      put it there before the release; with another label it may have another name
    ok foreign server: "portal": PostgreSQL [n], connected in [n] ms, a query takes [n] ms, fetch_size [n]
    ok replication: wal_level is replica; no standby, no slot that keeps much log, no archive that fails
    warning disk: a release takes about [n] MB more while it is built: tables [n] MB, TOAST [n] MB, indexes [n] kB (live's sizes and [n] % more, as no release tells how it grows), [n] kB to sort indexes, [n] MB of write-ahead log (of [n] MB that are written); live ([n] MB) and the backup sets ([n] kB) stay meanwhile, and [n] MB more than now are taken when it is done; how much is free is not known: the server runs on this machine, but the role may not read data_directory
      set [disk] free_query or free; where the server is on this machine, GRANT pg_read_all_settings to the role
    ok vacuum: none is due that would make the swap wait
    "#);
    assert_same_dump(&site.dump_everything(), &before);

    // One of everything that can be brought about on a throwaway server.
    site.live()
        .execute(
            "CREATE TABLE outside (); ALTER TABLE outside ADD s sources; \
             REVOKE SELECT ON portal_standard_pame FROM wdpa_owner; \
             ALTER SERVER portal OPTIONS (SET host '127.0.0.1', SET port '1'); \
             ALTER TABLE story_map_links RENAME CONSTRAINT story_map_links_pkey \
                TO story_map_links_with_a_name_of_its_own_that_is_rather_long; \
             CREATE FUNCTION veto() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; \
             CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '1'); \
             CREATE FOREIGN TABLE unread () SERVER elsewhere; \
             CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION veto()",
        )
        .await
        .unwrap();
    site.edit(|text| {
        format!("{text}\n[[hook]]\non = \"failed\"\nname = \"page\"\nhttp = {{ url = \"env:PAGER\" }}\n")
    });
    let report = site.cutover.check().await.unwrap();
    insta::assert_snapshot!(told(&report), @r#"
    ok connection: PostgreSQL [n], database "test_[n]" as role "wdpa_owner", not through a pooling proxy
    ok clock: the server's and this machine's agree
    ok rights: the role may keep records, and sees whose sessions are in the way
    error structure: materialized view "public"."portal_standard_pame" may not be read by role "wdpa_owner", so its columns cannot be copied
      GRANT SELECT ON it to the role
    warning structure: event trigger "watch" fires on the clone's statements and may veto them: rehearse, or disable it meanwhile
      see `cutover plan`
    error swap: column s of table outside depends on sources and would go on with the backup set
      give the column another type: jsonb, or a composite type (CREATE TYPE … AS) that is no table's
    ok names: "public"."story_map_links_with_a_name_of_its_own_that_is_rather_long" is cut in backups: with what goes before it, it has over [n] bytes; cutover.backup_object has the whole name
    ok names: "public"."index_protected_areas_on_management_authority_id_and_name" is cut in backups: with what goes before it, it has over [n] bytes; cutover.backup_object has the whole name
    ok names: "public"."index_countries_protected_areas_on_protected_area_id" is cut in backups: with what goes before it, it has over [n] bytes; cutover.backup_object has the whole name
    error sources: the role may not read "public"."portal_standard_pame"
      GRANT SELECT on it, and USAGE on its schema, to the role
    warning sources: importer country_statistics: there is no file [folder]/country_statistics_[label].csv
      put it there before the release; with another label it may have another name
    warning sources: importer global_statistics: there is no file [folder]/global_statistics_[label].csv
      put it there before the release; with another label it may have another name
    warning foreign server: "elsewhere" does not answer this role: permission denied for foreign server elsewhere (SQLSTATE [n])
      check its options, the role's user mapping and USAGE on it, and the network between the servers
    error foreign server: "portal" does not answer this role: could not connect to server "portal" (SQLSTATE [n]); detail: connection to server at "[n]", port [n] failed: Connection refused
    	Is the server running on that host and accepting TCP/IP connections?
      check its options, the role's user mapping and USAGE on it, and the network between the servers
    ok replication: wal_level is replica; no standby, no slot that keeps much log, no archive that fails
    warning disk: a release takes about [n] MB more while it is built: tables [n] MB, TOAST [n] MB, indexes [n] kB (live's sizes and [n] % more, as no release tells how it grows), [n] kB to sort indexes, [n] MB of write-ahead log (of [n] MB that are written); live ([n] MB) and the backup sets ([n] kB) stay meanwhile, and [n] MB more than now are taken when it is done; how much is free is not known: the server runs on this machine, but the role may not read data_directory
      set [disk] free_query or free; where the server is on this machine, GRANT pg_read_all_settings to the role
    ok vacuum: none is due that would make the swap wait
    error hooks: the environment variable `PAGER` that `hook["page"].http.url` of the release file asks for is not set
      set the variable
    "#);
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_is_a_finding() {
    let site = Site::empty().await;
    let nowhere = cutover("postgresql://nobody@127.0.0.1:1/none", site.directory());
    let report = nowhere.check().await.unwrap();
    let findings: Vec<(Concern, CheckSeverity)> = report
        .findings
        .iter()
        .map(|finding| (finding.concern, finding.severity))
        .collect();
    assert_eq!(findings, [(Concern::Connection, CheckSeverity::Error)]);
}
