//! Whatever happens while events are sealed: none is lost, none is sealed twice, and the log verifies.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use admin_audit::{READER, Sealer, settings};
use admin_backends::blob::{Address, Credentials, Folder, Kind};
use admin_backends::queue::{self, Handler};
use admin_core::Feed;
use admin_testkit::faulty::{Fault, Proxy};
use admin_testkit::postgres::{self, Database};
use admin_testkit::s3;
use tokio_util::sync::CancellationToken;

use crate::world::{Failing, World};

/// A sealer that dies at the n-th call of the store, before it is done or after, for every n; then the next one.
async fn killed_at_every_step(database: Option<Database>, kind: Kind) {
    let folder = tempfile::tempdir().unwrap();
    let inner = Arc::new(Folder::open(folder.path().join("blobs")).unwrap());
    let store = Arc::new(Failing::new(inner, kind));
    let world = World::over(database, folder, store.clone()).await;
    world.happen(230).await;
    world.seal().await.unwrap();
    let mut died = 0;
    for step in 0..16 {
        for done in [false, true] {
            // Over the end of a tile, again and again.
            world.happen(if step % 2 == 0 { 7 } else { 1 }).await;
            store.plan(step, done);
            if let Err(error) = world.seal().await {
                died += 1;
                assert_eq!(error.kind, admin_types::Kind::Unavailable, "{error}: it is tried again, never parked");
            }
            store.plan(usize::MAX, false);
            world.seal().await.unwrap();
            world.is_whole().await;
        }
    }
    assert!(died >= 16, "{died}");
}

#[tokio::test]
async fn a_sealer_that_is_killed_at_any_step_loses_nothing_on_sqlite() {
    killed_at_every_step(None, Kind::Unavailable).await;
}

#[tokio::test]
async fn a_full_store_at_any_step_loses_nothing_on_postgres() {
    killed_at_every_step(Some(postgres::database().await), Kind::Full).await;
}

/// Two who both believe that they have the lease.
async fn two_at_once(database: Option<Database>) {
    let world = World::new(database).await;
    let (one, other) = (Sealer::new(&world.core), Sealer::new(&world.core));
    for _ in 0..20 {
        world.happen(13).await;
        let events = world.events(0).await;
        let some = events.len() - 5;
        let (first, second) = tokio::join!(one.handle(world.org, &events[..some]), other.handle(world.org, &events));
        // Whoever is outrun tries again, and finds it done.
        for (sealer, result, events) in [(&one, first, &events[..some]), (&other, second, &events[..])] {
            if result.is_err() {
                sealer.handle(world.org, events).await.unwrap();
            }
        }
        world.is_whole().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_with_the_same_lease_seal_each_event_once_on_sqlite() {
    two_at_once(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_with_the_same_lease_seal_each_event_once_on_postgres() {
    two_at_once(Some(postgres::database().await)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_answers_503_or_not_at_all_is_waited_for() {
    let server = s3::Server::start().await;
    let proxy = Proxy::start(server.port()).await;
    let address = format!("s3://{}/logs?endpoint={}&timeout_seconds=3", s3::BUCKET, proxy.url());
    let address: Address = address.parse().unwrap();
    let credentials = Credentials { id: s3::ACCESS_KEY.to_owned(), secret: s3::SECRET_KEY.into() };
    let blob = address.open(Some(&credentials)).unwrap();
    let world = World::over(None, tempfile::tempdir().unwrap(), blob).await;
    let stop = CancellationToken::new();
    let (log, sealer) = (Arc::new(Feed::new(&world.core)), Arc::new(Sealer::new(&world.core)));
    let stopping = stop.clone();
    let reader = tokio::spawn(async move {
        queue::run(log, (READER, "test"), sealer, settings(), stopping).await;
    });
    for faults in [
        vec![Fault::Unavailable; 7],
        vec![Fault::CutAnswer; 3],
        vec![Fault::Cut, Fault::None, Fault::CutAnswer, Fault::Unavailable, Fault::None, Fault::Silence],
        vec![Fault::None, Fault::None, Fault::None, Fault::CutAnswer, Fault::CutAnswer],
    ] {
        proxy.plan(&faults, Fault::None);
        world.happen(40).await;
        sealed(&world).await;
    }
    // Away under load, and back.
    proxy.plan(&[], Fault::Unavailable);
    world.happen(300).await;
    let before = proxy.requests();
    while proxy.requests() < before + 5 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    proxy.plan(&[], Fault::None);
    sealed(&world).await;
    stop.cancel();
    reader.await.unwrap();
    world.is_whole().await;
}

/// Waits until all is sealed.
async fn sealed(world: &World) {
    let last = world.last().await;
    loop {
        let log = admin_db::audit::get(&mut world.core.db().read().await.unwrap(), world.org).await.unwrap();
        if log.is_some_and(|log| log.size >= last) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_clock_that_goes_back_changes_nothing() {
    let world = World::new(None).await;
    world.happen(20).await;
    world.seal().await.unwrap();
    world.clock.0.fetch_sub(3_600_000_000, Ordering::SeqCst);
    world.happen(20).await;
    world.seal().await.unwrap();
    world.is_whole().await;
}
