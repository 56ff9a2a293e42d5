//! The release lock.

use cutover_core::{Ident, ReleaseLock};
use cutover_testkit::Cluster;
use tokio_postgres::Client;

/// Release sets whose keys have the top bit set and clear: PostgreSQL shows the keys unsigned and takes them signed.
const NEGATIVE: &str = "a";
const POSITIVE: &str = "b";

fn lock(name: &str) -> ReleaseLock {
    ReleaseLock::of(&Ident::new(name).unwrap())
}

async fn pid(client: &Client) -> i32 {
    client
        .query_one("SELECT pg_backend_pid()", &[])
        .await
        .unwrap()
        .get(0)
}

/// The keys as the server holds them, signed again.
async fn keys(client: &Client) -> Vec<(i64, i32)> {
    client
        .query(
            "SELECT classid::int8, objid::int8::bit(32)::int4 FROM pg_locks
              WHERE locktype = 'advisory' AND pid = pg_backend_pid() ORDER BY 2",
            &[],
        )
        .await
        .unwrap()
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect()
}

#[tokio::test]
async fn one_session_holds_it() {
    let database = Cluster::shared().empty_database().await.unwrap();
    for name in [NEGATIVE, POSITIVE] {
        let lock = lock(name);
        let (ours, theirs) = (
            database.connect().await.unwrap(),
            database.connect().await.unwrap(),
        );
        ours.batch_execute("SET application_name = 'cutover test'")
            .await
            .unwrap();
        assert_eq!(lock.holder(&theirs).await.unwrap(), None);
        assert!(!lock.is_held(&ours).await.unwrap());

        assert!(lock.try_acquire(&ours).await.unwrap());
        assert!(!lock.try_acquire(&theirs).await.unwrap());
        assert!(lock.is_held(&ours).await.unwrap());
        assert!(
            !lock.is_held(&theirs).await.unwrap(),
            "held, but not by this session"
        );

        let holder = lock.holder(&theirs).await.unwrap().unwrap();
        assert_eq!(holder.pid, pid(&ours).await);
        assert_eq!(
            (&*holder.user, &*holder.application),
            ("postgres", "cutover test")
        );
        assert_eq!(holder.client_address.as_deref(), Some("127.0.0.1"));
        let began = ours
            .query_one(
                "SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()",
                &[],
            )
            .await
            .unwrap();
        assert_eq!(holder.since, Some(began.get(0)));
        assert_eq!(
            lock.holder(&ours).await.unwrap().unwrap(),
            holder,
            "the holder sees itself too"
        );

        assert!(
            !lock.release(&theirs).await.unwrap(),
            "only the holder can give it back"
        );
        assert!(lock.release(&ours).await.unwrap());
        assert!(!lock.release(&ours).await.unwrap());
        assert_eq!(lock.holder(&theirs).await.unwrap(), None);
        assert!(lock.try_acquire(&theirs).await.unwrap());
    }
}

#[tokio::test]
async fn the_keys_cover_both_signs() {
    let client = Cluster::shared()
        .empty_database()
        .await
        .unwrap()
        .connect()
        .await
        .unwrap();
    for name in [NEGATIVE, POSITIVE] {
        assert!(lock(name).try_acquire(&client).await.unwrap());
    }
    let keys = keys(&client).await;
    assert_eq!(keys.len(), 2);
    assert!(keys.iter().all(|(class, _)| *class == 0x4375_7430));
    assert!(keys[0].1 < 0 && keys[1].1 > 0, "{keys:?}: choose other names");
}

#[tokio::test]
async fn it_survives_the_end_of_a_transaction() {
    let database = Cluster::shared().empty_database().await.unwrap();
    let mut client = database.connect().await.unwrap();
    let lock = lock("wdpa");
    let tx = client.transaction().await.unwrap();
    assert!(lock.try_acquire(&tx).await.unwrap());
    tx.rollback().await.unwrap();
    assert!(lock.is_held(&client).await.unwrap());
}

#[tokio::test]
async fn it_is_gone_with_its_session() {
    let database = Cluster::shared().empty_database().await.unwrap();
    let (ours, theirs) = (
        database.connect().await.unwrap(),
        database.connect().await.unwrap(),
    );
    let lock = lock("wdpa");
    assert!(lock.try_acquire(&ours).await.unwrap());
    // Waits, for at most a minute, until the process is gone.
    let gone: bool = theirs
        .query_one("SELECT pg_terminate_backend($1, 60000)", &[&pid(&ours).await])
        .await
        .unwrap()
        .get(0);
    assert!(gone);
    assert_eq!(lock.holder(&theirs).await.unwrap(), None);
    assert!(lock.try_acquire(&theirs).await.unwrap());

    let error = lock.is_held(&ours).await.unwrap_err();
    assert!(error.database_error().is_connection_lost());
    assert_eq!(error.to_string(), r#"could not check the lock of release "wdpa""#);
}

#[tokio::test]
async fn release_sets_and_databases_do_not_collide() {
    let cluster = Cluster::shared();
    let (one, two) = (
        cluster.empty_database().await.unwrap(),
        cluster.empty_database().await.unwrap(),
    );
    let (ours, neighbour) = (one.connect().await.unwrap(), one.connect().await.unwrap());
    let elsewhere = two.connect().await.unwrap();
    assert!(lock("wdpa").try_acquire(&ours).await.unwrap());
    assert!(lock("oecm").try_acquire(&neighbour).await.unwrap());
    assert_eq!(lock("wdpa").holder(&elsewhere).await.unwrap(), None);
    assert!(!lock("wdpa").is_held(&elsewhere).await.unwrap());
    assert!(lock("wdpa").try_acquire(&elsewhere).await.unwrap());
    assert_eq!(
        lock("wdpa").holder(&ours).await.unwrap().unwrap().pid,
        pid(&ours).await
    );
    assert_eq!(
        lock("oecm").holder(&ours).await.unwrap().unwrap().pid,
        pid(&neighbour).await
    );
}

#[tokio::test]
async fn other_advisory_locks_are_none_of_ours() {
    let client = Cluster::shared()
        .empty_database()
        .await
        .unwrap()
        .connect()
        .await
        .unwrap();
    let lock = lock("wdpa");
    assert!(lock.try_acquire(&client).await.unwrap());
    let key = keys(&client).await[0].1;
    assert!(lock.release(&client).await.unwrap());
    // The same 64 bits as one key, and the same keys shared.
    client
        .execute(
            "SELECT pg_advisory_lock((1131770928::int8 << 32) | ($1::int4::int8 & 4294967295))",
            &[&key],
        )
        .await
        .unwrap();
    client
        .execute("SELECT pg_advisory_lock_shared(1131770928, $1)", &[&key])
        .await
        .unwrap();
    assert!(!lock.is_held(&client).await.unwrap());
    assert_eq!(lock.holder(&client).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_kept_until_the_commit_nobody_gets_before() {
    let database = Cluster::shared().empty_database().await.unwrap();
    let (mut ours, theirs) = (
        database.connect().await.unwrap(),
        database.connect().await.unwrap(),
    );
    let lock = lock(NEGATIVE);
    let tx = ours.transaction().await.unwrap();
    assert!(
        !lock.keep_until_commit(&tx).await.unwrap(),
        "kept, but never held"
    );
    assert!(lock.try_acquire(&theirs).await.unwrap());
    assert!(lock.release(&theirs).await.unwrap());
    tx.rollback().await.unwrap();

    assert!(lock.try_acquire(&ours).await.unwrap());
    let tx = ours.transaction().await.unwrap();
    assert!(lock.keep_until_commit(&tx).await.unwrap());
    tx.batch_execute("SELECT pg_advisory_unlock_all()").await.unwrap();
    assert!(!lock.try_acquire(&theirs).await.unwrap());
    tx.commit().await.unwrap();
    assert!(lock.try_acquire(&theirs).await.unwrap());
}

#[tokio::test]
async fn a_role_that_may_not_look_still_learns_who() {
    let database = Cluster::shared().empty_database().await.unwrap();
    let (ours, theirs) = (
        database.connect().await.unwrap(),
        database.connect().await.unwrap(),
    );
    let role = format!("{}_nobody", database.name());
    theirs
        .batch_execute(&format!("CREATE ROLE {role}; SET ROLE {role}"))
        .await
        .unwrap();
    assert!(lock("wdpa").try_acquire(&ours).await.unwrap());
    let holder = lock("wdpa").holder(&theirs).await.unwrap().unwrap();
    assert_eq!((holder.pid, &*holder.user), (pid(&ours).await, "postgres"));
    assert_eq!(holder.since, None, "rather than a made-up time");
}
