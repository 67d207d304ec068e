//! What is older than it is kept goes; the rest is proven as before, and what was proven stays so.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use admin_audit::{READER, prune};
use admin_backends::blob::Folder;
use admin_core::audit::{LogStore, hold_log, log_tile, receipt, release_log};
use admin_core::list_events;
use admin_db::events::EventQuery;
use admin_db::{Tx, audit};
use admin_testkit::postgres::{self, Database};
use admin_tlog::{Entry, Receipt};

use crate::world::World;

const DAY: i64 = 86_400_000_000;

async fn what_is_old_goes(database: Option<Database>) {
    let world = World::new(database).await;
    world.happen(700).await;
    world.clock.0.fetch_add(40 * DAY, Ordering::SeqCst);
    world.happen(50).await;
    // What is not sealed stays.
    assert_eq!(prune(&world.core, world.org, 30, &[]).await.unwrap(), 0);
    world.seal().await.unwrap();
    let old = world.events(99).await.remove(0);
    let kept = receipt(&world.core, &world.op(), old.id, true).await.unwrap().text;
    // Nor what a reader is not done with.
    assert_eq!(prune(&world.core, world.org, 30, &[READER]).await.unwrap(), 0);
    // Nor what is on hold.
    hold_log(&world.core, &world.op(), "a lawsuit").await.unwrap();
    assert_eq!(prune(&world.core, world.org, 30, &[]).await.unwrap(), 0);
    release_log(&world.core, &world.op()).await.unwrap();
    // Whole blocks go: of 700 events and those of the beginning, 512 that are older.
    assert_eq!(prune(&world.core, world.org, 30, &[]).await.unwrap(), 512);
    assert_eq!(prune(&world.core, world.org, 30, &[]).await.unwrap(), 0);
    assert_eq!(world.events(0).await[0].seq, 513);
    world.seal().await.unwrap();
    world.is_whole().await;
    assert_eq!(world.verify().await.pruned, 512);

    // A receipt of what is gone still verifies; there is no new one.
    let parsed = Receipt::parse(kept.as_bytes()).unwrap();
    let policy = world.core.audit_policy(world.org).await.unwrap();
    parsed.verify(&Entry::new(parsed.extra.clone()).unwrap().hash(), &policy).unwrap();
    let error = receipt(&world.core, &world.op(), old.id, false).await.unwrap_err();
    assert_eq!(error.code, "event_gone");
    for (path, there) in
        [("tile/0/000", false), ("tile/entries/001", false), ("tile/0/002", true), ("tile/1/000.p/2", true)]
    {
        assert_eq!(log_tile(&world.core, &world.op(), path).await.is_ok(), there, "{path}");
    }
    // What is left is counted, listed and proven.
    let list = list_events(&world.core, &world.op(), EventQuery::default(), None, Some(1)).await.unwrap();
    assert_eq!(
        (list.items[0].seq, list.pagination.total_items),
        (513, u64::try_from(world.last().await - 512).unwrap())
    );
    world.happen(300).await;
    world.seal().await.unwrap();
    for event in world.events(0).await.iter().step_by(100) {
        let text = receipt(&world.core, &world.op(), event.id, true).await.unwrap().text;
        let parsed = Receipt::parse(text.as_bytes()).unwrap();
        parsed.verify(&Entry::new(parsed.extra.clone()).unwrap().hash(), &policy).unwrap();
    }
    world.is_whole().await;
}

/// Whoever holds the database cannot have the retention remove what proves it.
async fn what_is_not_old_stays(database: Option<Database>) {
    let world = World::new(database).await;
    world.happen(600).await;
    world.seal().await.unwrap();
    let all = world.verify().await.compared;
    remove_rows(&world, 256).await;
    assert_eq!(prune(&world.core, world.org, 30, &[]).await.unwrap(), 0);
    let report = world.verify().await;
    assert_eq!((report.findings[0].what, report.findings[0].event, report.pruned), ("deleted", Some(1), 0));
    assert!(report.compared < all);
}

/// Rows are removed first, and their leaves after that: whoever looks in between finds nothing that is wrong, but for a hold.
async fn what_is_half_removed_is_not_blamed(database: Option<Database>) {
    let world = World::new(database).await;
    world.happen(600).await;
    world.clock.0.fetch_add(40 * DAY, Ordering::SeqCst);
    world.happen(300).await;
    world.seal().await.unwrap();
    remove_rows(&world, 512).await;
    let report = world.verify().await;
    assert_eq!((&report.findings, report.pruned), (&vec![], 512));
    // Nobody removes rows of a log that is on hold.
    hold_log(&world.core, &world.op(), "a lawsuit").await.unwrap();
    world.seal().await.unwrap();
    let report = world.verify().await;
    assert_eq!((report.findings[0].what, report.findings[0].event, report.pruned), ("deleted", Some(1), 0));
    // Nor does the retention then remove their leaves, which are all that is left of them.
    assert_eq!(prune(&world.core, world.org, 30, &[]).await.unwrap(), 0);
    assert!(log_tile(&world.core, &world.op(), "tile/entries/000").await.is_ok());
    release_log(&world.core, &world.op()).await.unwrap();
    world.seal().await.unwrap();
    prune(&world.core, world.org, 30, &[]).await.unwrap();
    assert!(log_tile(&world.core, &world.op(), "tile/entries/000").await.is_err());
    world.is_whole().await;
    // What is not so old is there, whatever the database says of it.
    remove_rows(&world, 768).await;
    let report = world.verify().await;
    assert_eq!((report.findings[0].what, report.findings[0].event, report.pruned), ("deleted", Some(513), 512));
}

/// A copy that is behind a log whose first events were removed is good, and so is one that keeps them.
async fn a_copy_keeps_what_the_retention_removed(database: Option<Database>) {
    let world = World::new(database).await;
    let (folder, empty) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = |folder: &tempfile::TempDir| LogStore::new(Arc::new(Folder::open(folder.path()).unwrap()), world.org);
    world.happen(350).await;
    world.seal().await.unwrap();
    crate::lost::copy(&world.logs(), &folder.path().join("audit"));
    let copied = u64::try_from(world.last().await).unwrap();
    let report = world.verify_in(store(&folder), true).await;
    assert_eq!((&report.findings, report.compared, report.behind), (&vec![], copied, 0));
    world.happen(350).await;
    world.clock.0.fetch_add(40 * DAY, Ordering::SeqCst);
    world.happen(50).await;
    world.seal().await.unwrap();
    assert_eq!(prune(&world.core, world.org, 30, &[]).await.unwrap(), 512);
    let size = u64::try_from(world.last().await).unwrap();
    let report = world.verify_in(store(&folder), true).await;
    assert_eq!((&report.findings, report.pruned, report.behind), (&vec![], copied, size - copied));
    let report = world.verify_in(store(&empty), true).await;
    assert_eq!((&report.findings, report.size, report.behind), (&vec![], 0, size));
    // A row of those that the copy does not have yet is missed all the same.
    let org = world.org;
    let gone = async move |tx: &mut Tx| audit::remove_events(tx, org, (600, 601)).await;
    world.core.db().write(org, gone).await.unwrap();
    for folder in [&folder, &empty] {
        let report = world.verify_in(store(folder), true).await;
        assert_eq!((report.findings[0].what, report.findings[0].event), ("deleted", Some(601)));
    }
}

/// As the first step of the retention does it.
async fn remove_rows(world: &World, until: i64) {
    let org = world.org;
    let job = async move |tx: &mut Tx| {
        audit::pruned(tx, org, until).await?;
        audit::remove_events(tx, org, (0, until)).await
    };
    world.core.db().write(org, job).await.unwrap();
}

#[tokio::test]
async fn what_is_half_removed_is_not_blamed_on_sqlite() {
    what_is_half_removed_is_not_blamed(None).await;
}

#[tokio::test]
async fn what_is_half_removed_is_not_blamed_on_postgres() {
    what_is_half_removed_is_not_blamed(Some(postgres::database().await)).await;
}

#[tokio::test]
async fn a_copy_keeps_what_the_retention_removed_on_sqlite() {
    a_copy_keeps_what_the_retention_removed(None).await;
}

#[tokio::test]
async fn a_copy_keeps_what_the_retention_removed_on_postgres() {
    a_copy_keeps_what_the_retention_removed(Some(postgres::database().await)).await;
}

#[tokio::test]
async fn what_is_not_old_stays_on_sqlite() {
    what_is_not_old_stays(None).await;
}

#[tokio::test]
async fn what_is_not_old_stays_on_postgres() {
    what_is_not_old_stays(Some(postgres::database().await)).await;
}

#[tokio::test]
async fn what_is_old_goes_on_sqlite() {
    what_is_old_goes(None).await;
}

#[tokio::test]
async fn what_is_old_goes_on_postgres() {
    what_is_old_goes(Some(postgres::database().await)).await;
}
