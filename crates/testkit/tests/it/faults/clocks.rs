//! The machine's clock is put back by an hour.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;

/// An hour before the machine's time, as it is at the start too: tokens that are made then are good all the time.
const BACK: &str = "-3600";

/// What makes a process see another time than the machine's: what it adds is read from a file again and again.
fn shifted(clock: &str) -> [(&str, &str); 4] {
    let library = library();
    let library = library.to_str().expect("a path").to_owned();
    // Waiting is by another clock, which nobody puts back.
    [
        ("LD_PRELOAD", library.leak()),
        ("FAKETIME_TIMESTAMP_FILE", clock),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ]
}

/// Debian's `libfaketime`, as it is for threads: in the plain one a thread may see the machine's time while another reads
/// the file.
fn library() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").expect("libraries").map(|entry| entry.expect("a folder").path());
    let mut found = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1"));
    found.find(|path| path.is_file()).expect("libfaketime, which scripts/install.sh test installs")
}

/// Sets what is added to the machine's time. The file is read all the time, and must never be seen empty.
fn set(clock: &Path, added: &str) {
    let new = clock.with_extension("new");
    fs::write(&new, added).expect("the clock");
    fs::rename(new, clock).expect("the clock");
}

async fn an_hour_back(world: &World, clock: &Path) {
    set(clock, "+0");
    let writers = world.write();
    world.until_more(40).await;
    // Some are under way, and some wait for their next try.
    world.sink.first("/hook", vec![Answer::status(500); 4]);
    world.until_more(20).await;
    set(clock, BACK);
    world.until_more(40).await;
    writers.stop().await;
    let newest = get(&world.sandbox, "/v3/events?type=thing.*&limit=1&order=desc").await["data"][0].clone();
    let earlier = get(&world.sandbox, "/v3/events?type=thing.*&limit=1&order=asc").await["data"][0].clone();
    assert!(newest["at"].as_str() < earlier["at"].as_str(), "the clock was put back: {newest} after {earlier}");
    world.is_whole().await;
    // Whoever starts now finds leases that end in an hour.
    let writers = world.write();
    world.until_more(20).await;
    world.sandbox.kill();
    writers.stop().await;
    world.sandbox.start().await;
    let writers = world.write();
    world.until_more(20).await;
    writers.stop().await;
    world.is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_put_back_stops_nothing_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = folder.path().join("clock");
    set(&clock, BACK);
    let world = World::alone(&shifted(clock.to_str().expect("a path"))).await;
    an_hour_back(&world, &clock).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_put_back_stops_nothing_over_servers() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = folder.path().join("clock");
    set(&clock, BACK);
    // S3 refuses whoever has another time than it has.
    let blobs = format!("folder:{}", folder.path().join("blobs").display());
    let settings = [&shifted(clock.to_str().expect("a path"))[..], &[("ADMIN_BLOB", &blobs)]].concat();
    let world = World::over_servers(&settings).await;
    an_hour_back(&world, &clock).await;
}
