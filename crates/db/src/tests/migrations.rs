//! Migrations go forward, as often as they are run, and a newer schema is refused.

use std::sync::Barrier;
use std::thread;

use admin_types::Kind;

use super::Both;
use crate::sqlite::SqliteConn;
use crate::{Db, LaneOptions, migrate};

#[tokio::test]
async fn migrations_may_run_again_and_side_by_side() {
    let both = Both::empty().await;
    for target in both.targets() {
        // A thread each, as if they were processes: SQLite's lock is waited for where it is asked for.
        let run = || {
            let target = target.clone();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            thread::spawn(move || runtime.block_on(migrate::run(&target)))
        };
        for one in [run(), run(), run()] {
            one.join().expect("no panic").unwrap_or_else(|error| panic!("{target:?}: {error}"));
        }
        migrate::run(&target).await.unwrap_or_else(|error| panic!("{target:?}, once more: {error}"));
    }
}

#[test]
fn several_may_open_a_new_file_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    for round in 0..50 {
        let (file, start) = (folder.path().join(format!("{round}.db")), Barrier::new(4));
        thread::scope(|scope| {
            let open = || {
                start.wait();
                SqliteConn::open_writer(&file).map(drop)
            };
            let opened: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
            for one in opened {
                one.join().expect("no panic").unwrap_or_else(|error| panic!("round {round}: {error}"));
            }
        });
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused_with_a_sentence() {
    let both = Both::migrated().await;
    let newer = "INSERT INTO migration (version, name, applied_at) VALUES (999, '0999_later', 0)";
    both.sqlite().execute_batch(newer).expect("a row");
    both.postgres().await.batch_execute(newer).await.expect("a row");
    for target in both.targets() {
        let refused = Db::open(target.clone(), LaneOptions { postgres_lanes: 1 }).await;
        let error = refused.err().unwrap_or_else(|| panic!("{target:?} was opened"));
        assert_eq!((error.kind, error.code), (Kind::Unavailable, "schema_too_new"), "{target:?}");
        assert!(error.detail.contains("schema 999") && error.detail.contains("Start a binary"), "{}", error.detail);
    }
}
