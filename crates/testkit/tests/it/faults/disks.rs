//! The disk is full, and later has room again.

use admin_testkit::disk::Disk;

use super::*;

const BYTES: u64 = 48 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_and_loses_nothing() {
    let disk = Disk::mount(BYTES);
    let folder = disk.path().join("data").display().to_string();
    let world = World::alone(&[("ADMIN_DATA_DIR", &folder)]).await;
    for round in 0..2 {
        let writers = world.write();
        world.until_more(60).await;
        disk.fill();
        let refusal = eventually("a refusal", async || {
            let (status, body) = world.sandbox.post_json("/v3/things", &json!({"name": "too much"})).await;
            (status != 201).then_some((status, body))
        })
        .await;
        refused(&refusal, 503, "unavailable");
        let detail = refusal.1["detail"].as_str().unwrap_or_default();
        assert!(detail.contains("disk") && detail.contains("full"), "it says what to do: {refusal:?}");
        assert_eq!(world.sandbox.get_json("/v3/things").await.0, 200, "what is there can be read");
        writers.stop().await;
        if round == 1 {
            world.sandbox.kill();
        }
        disk.make_room();
        if round == 1 {
            world.sandbox.start().await;
        }
        let writers = world.write();
        world.until_more(20).await;
        writers.stop().await;
        world.is_whole().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_the_log_delays_the_log_alone() {
    let disk = Disk::mount(BYTES);
    let folder = format!("folder:{}", disk.path().join("blobs").display());
    let world = World::over_servers(&[("ADMIN_BLOB", &folder)]).await;
    let writers = world.write();
    world.until_more(60).await;
    disk.fill();
    world.until_more(300).await;
    writers.stop().await;
    let log = get(&world.sandbox, "/v3/audit/log").await["data"].clone();
    assert!(log["size"].as_u64() < log["events"].as_u64(), "nothing could be sealed: {log}");
    disk.make_room();
    world.is_whole().await;
}
