//! The mirror is a log that verifies by itself, keeps what was signed, and never becomes another log.

use std::fs;
use std::path::Path;

use admin_testkit::Backend;
use admin_testkit::s3::{ACCESS_KEY, BUCKET, SECRET_KEY, Server, authorization};

use super::witness::{configure, copy};
use super::*;

/// Events enough for a full tile and a partial one, sealed.
async fn sealed(sandbox: &Sandbox, name: &str, count: usize) {
    let lines: Vec<Value> = (0..count).map(|n| json!({"type": "thing", "name": format!("{name}{n}")})).collect();
    import(sandbox, "/v3/resources:import", ndjson(&lines)).await;
    all_sealed(sandbox).await;
}

async fn all_sealed(sandbox: &Sandbox) -> u64 {
    eventually("all is sealed", async || {
        let log = get(sandbox, "/v3/audit/log").await["data"].clone();
        (log["size"] == log["events"]).then(|| log["size"].as_u64().expect("a number"))
    })
    .await
}

/// What `admin audit verify` says of a copy of the log.
fn verified(sandbox: &Sandbox, arguments: &[&str], from: &str) -> (bool, Value) {
    let output = sandbox.try_cli(&[&["audit", "verify", "--json", "--from", from], arguments].concat());
    let said = String::from_utf8_lossy(&output.stdout);
    let report = said.lines().next().unwrap_or_else(|| panic!("{output:?}"));
    (output.status.success(), serde_json::from_str(report).expect("JSON"))
}

/// The checkpoints that are kept in a folder, by the sizes of their trees.
fn kept(folder: &Path) -> Vec<u64> {
    let mut sizes = vec![];
    for org in fs::read_dir(folder.join("audit")).expect("a mirror") {
        for kept in fs::read_dir(org.expect("an org").path().join("checkpoints")).expect("checkpoints") {
            let name = kept.expect("a file").file_name().into_string().expect("a name");
            sizes.extend((name.len() == 20).then(|| name.parse::<u64>().expect("a size")));
        }
    }
    sizes.sort_unstable();
    sizes
}

story!(a_mirror_in_a_folder_verifies_at_every_size, async |sandbox: &Sandbox| {
    let folder = tempfile::tempdir().expect("a folder");
    let from = format!("folder:{}", folder.path().display());
    define(sandbox, "thing", json!({})).await;
    configure(sandbox, &format!("audit_mirror = \"{from}\"")).await;
    let mut last = 0;
    // The first is copied at the start, the others are when it stops.
    for (name, count) in [("a", 1), ("b", 600), ("c", 3), ("d", 256), ("e", 0)] {
        if count > 0 {
            sealed(sandbox, name, count).await;
        }
        let size = all_sealed(sandbox).await;
        assert!(sandbox.stop().success());
        sandbox.start().await;
        let (good, report) = verified(sandbox, &[], &from);
        assert!(good, "{report}");
        let mirrored = report["size"].as_u64().expect("a size");
        assert!(mirrored >= size && mirrored >= last, "{report}");
        assert!(kept(folder.path()).contains(&mirrored));
        last = mirrored;
    }
    assert!(kept(folder.path()).len() >= 4, "each that was copied is kept: {:?}", kept(folder.path()));
    let said = sandbox.log();
    assert!(!said.contains("ERROR"), "{said}");
    // Whoever takes the mirror back to what it was does not get by: it has kept what it had.
    let org = fs::read_dir(folder.path().join("audit")).expect("a mirror").next().expect("an org").expect("a folder");
    let (checkpoint, sizes) = (org.path().join("checkpoint"), kept(folder.path()));
    for (size, what) in [(Some(sizes[sizes.len() - 3]), "rolled_back"), (None, "store_altered")] {
        match size {
            Some(size) => {
                assert!(fs::copy(org.path().join(format!("checkpoints/{size:020}")), &checkpoint).expect("copied") > 0)
            }
            None => fs::remove_file(&checkpoint).expect("removed"),
        }
        let (good, report) = verified(sandbox, &[], &from);
        assert!(!good && report["findings"][0]["what"] == what, "{report}");
    }
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mirror_does_not_follow_what_was_rolled_back_or_rewritten() {
    let sandbox = Sandbox::start_on(Backend::Sqlite).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (mirror, backup) = (folder.path().join("mirror"), folder.path().join("backup"));
    let from = format!("folder:{}", mirror.display());
    define(&sandbox, "thing", json!({})).await;
    configure(&sandbox, &format!("audit_mirror = \"{from}\"")).await;
    assert!(sandbox.stop().success());
    copy(&sandbox.data_dir, &backup);
    sandbox.start().await;
    sealed(&sandbox, "a", 100).await;
    assert!(sandbox.stop().success());
    let before = kept(&mirror);
    // An old copy, and then another history that is longer.
    for (count, why) in [(10, "an old copy of the log was restored"), (500, "does not follow from what it has")] {
        fs::remove_dir_all(&sandbox.data_dir).expect("lost");
        copy(&backup, &sandbox.data_dir);
        sandbox.start().await;
        sealed(&sandbox, "b", count).await;
        assert!(sandbox.stop().success());
        sandbox.start().await;
        let trouble = eventually("the mirror objects", async || {
            get(&sandbox, "/v3/audit/log").await["data"]["objections"][0]["detail"].as_str().map(str::to_owned)
        })
        .await;
        assert!(trouble.contains(why), "{trouble}");
        // A receipt is for what is sealed, whatever the mirror says.
        let event = get(&sandbox, "/v3/audit?limit=1").await["data"][0]["id"].as_str().expect("an id").to_owned();
        text(&sandbox, &format!("/v3/audit/{event}/receipt")).await;
        assert_eq!(kept(&mirror), before, "nothing was copied");
        let (good, report) = verified(&sandbox, &[], &from);
        assert!(!good, "the mirror tells that the database is not what it was: {report}");
        assert!(sandbox.stop().success());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mirror_in_a_bucket_verifies() {
    let server = Server::start().await;
    let sandbox = Sandbox::start_on(Backend::Sqlite).await;
    let from = format!("s3://{BUCKET}/mirror?endpoint={}", server.url());
    define(&sandbox, "thing", json!({})).await;
    configure(&sandbox, &keys(&from)).await;
    sealed(&sandbox, "a", 600).await;
    assert!(sandbox.stop().success());
    sandbox.start().await;
    let (good, report) = verified(&sandbox, &[], &from);
    assert!(good && report["size"].as_u64().is_some_and(|size| size > 600), "{report}");
    assert!(kept(&server.file("mirror")).last().is_some_and(|size| *size > 600));
    // Who has other keys is told which to look at.
    configure(&sandbox, &keys(&from).replace(SECRET_KEY, "another")).await;
    let output = sandbox.try_cli(&["audit", "verify", "--from", &from]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    assert!(said.contains("--from cannot be read") && said.contains("`audit_mirror_secret_key`"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checkpoints_of_a_mirror_are_locked() {
    let server = Server::with_locks().await;
    let sandbox = Sandbox::start_on(Backend::Sqlite).await;
    let from = format!("s3://{BUCKET}/mirror?endpoint={}", server.url());
    define(&sandbox, "thing", json!({})).await;
    configure(&sandbox, &format!("{}\naudit_mirror_days = 30", keys(&from))).await;
    sealed(&sandbox, "a", 300).await;
    assert!(sandbox.stop().success());
    sandbox.start().await;
    let (good, report) = verified(&sandbox, &[], &from);
    assert!(good, "{report}");
    let org = report["org"].as_str().expect("an org");
    let size = report["size"].as_u64().expect("a size");
    let url = format!("{}/{BUCKET}/mirror/audit/{org}/checkpoints/{size:020}", server.url());
    let client = reqwest::Client::new();
    let head = client.head(&url).header("authorization", authorization()).send().await.expect("an answer");
    let header = |name: &str| head.headers()[name].to_str().expect("text").to_owned();
    assert_eq!(header("x-amz-object-lock-mode"), "COMPLIANCE");
    let version = header("x-amz-version-id");
    let deleted = client.delete(format!("{url}?versionId={version}")).header("authorization", authorization());
    assert_eq!(deleted.send().await.expect("an answer").status(), 403);
}

/// The settings of a mirror in a bucket.
fn keys(from: &str) -> String {
    format!(
        "audit_mirror = \"{from}\"\naudit_mirror_access_key = \"{ACCESS_KEY}\"\naudit_mirror_secret_key = \"{SECRET_KEY}\""
    )
}
