//! A store that was lost gets its log again, from events that are the ones that were signed, and from no others.

use std::fs;
use std::path::Path;

use admin_audit::prune;
use admin_core::audit::log_status;
use admin_db::{Tx, audit};
use admin_testkit::postgres::{self, Database};

use crate::world::World;

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &target),
            false => assert!(fs::copy(&path, &target).unwrap() > 0),
        }
    }
}

async fn what_was_lost_is_made_anew(database: Option<Database>) {
    let world = World::new(database).await;
    let old = tempfile::tempdir().unwrap();
    world.happen(300).await;
    world.seal().await.unwrap();
    copy(&world.logs(), old.path());
    world.happen(600).await;
    world.seal().await.unwrap();
    let whole = world.verify().await;
    for lose in [
        (|logs, _| fs::remove_dir_all(logs).unwrap()) as fn(&Path, &Path),
        |logs, old| {
            fs::remove_dir_all(logs).unwrap();
            copy(old, logs);
        },
        |logs, _| {
            let org = fs::read_dir(logs).unwrap().next().unwrap().unwrap().path();
            fs::remove_dir_all(org.join("tile/entries")).unwrap();
            fs::remove_dir_all(org.join("tile/1")).unwrap();
        },
    ] {
        lose(&world.logs(), old.path());
        assert!(!world.verify().await.findings.is_empty());
        world.happen(3).await;
        world.seal().await.unwrap();
        world.is_whole().await;
    }
    assert_eq!(log_status(&world.core, &world.op()).await.unwrap().trouble, None);
    assert!(world.verify().await.size > whole.size);
}

async fn what_was_not_signed_is_not_made(database: Option<Database>) {
    let world = World::new(database).await;
    world.happen(600).await;
    world.seal().await.unwrap();
    fs::remove_dir_all(world.logs()).unwrap();
    let told = log_status(&world.core, &world.op()).await.unwrap().trouble.unwrap();
    assert!(told.contains("the store was lost"), "{told}");
    let org = world.org;
    let gone = async move |tx: &mut Tx| audit::remove_events(tx, org, (299, 300)).await;
    world.core.db().write(org, gone).await.unwrap();
    let why = world.seal().await.unwrap_err().context.unwrap();
    assert!(why.contains("event 300 is not in the database"), "{why}");
    assert!(!world.logs().exists(), "nothing is written of what was not signed");
}

async fn what_the_retention_removed_is_not_made(database: Option<Database>) {
    let world = World::new(database).await;
    world.happen(600).await;
    world.seal().await.unwrap();
    world.clock.0.fetch_add(40 * 86_400_000_000, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(prune(&world.core, world.org, 30, &[]).await.unwrap(), 512);
    fs::remove_dir_all(world.logs()).unwrap();
    world.happen(1).await;
    let why = world.seal().await.unwrap_err().context.unwrap();
    assert!(why.contains("removed by the retention") && why.contains("mirror"), "{why}");
}

#[tokio::test]
async fn what_was_lost_is_made_anew_on_sqlite() {
    what_was_lost_is_made_anew(None).await;
}

#[tokio::test]
async fn what_was_lost_is_made_anew_on_postgres() {
    what_was_lost_is_made_anew(Some(postgres::database().await)).await;
}

#[tokio::test]
async fn what_was_not_signed_is_not_made_on_sqlite() {
    what_was_not_signed_is_not_made(None).await;
}

#[tokio::test]
async fn what_was_not_signed_is_not_made_on_postgres() {
    what_was_not_signed_is_not_made(Some(postgres::database().await)).await;
}

#[tokio::test]
async fn what_the_retention_removed_is_not_made_on_sqlite() {
    what_the_retention_removed_is_not_made(None).await;
}

#[tokio::test]
async fn what_the_retention_removed_is_not_made_on_postgres() {
    what_the_retention_removed_is_not_made(Some(postgres::database().await)).await;
}
