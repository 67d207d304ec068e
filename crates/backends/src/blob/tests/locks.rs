//! Objects that cannot be changed for a time.

use admin_testkit::s3::{BUCKET, Server, authorization};

use super::super::{Kind, Mode, Retention};
use super::{key, s3, server};

/// 2100-01-01T00:00:00Z, in microseconds.
const LATER: i64 = 4_102_444_800_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_retained_cannot_be_deleted() {
    let server = Server::with_locks().await;
    let blob = s3(server.url(), "mirror");
    for (name, mode) in [("governed", Mode::Governance), ("complied", Mode::Compliance)] {
        blob.retain(&key(name), "one".into(), Retention { until: LATER, mode }).await.unwrap();
        assert_eq!(blob.get(&key(name)).await.unwrap().unwrap().bytes, "one");
        let url = format!("{}/{BUCKET}/mirror/{name}", server.url());
        let client = reqwest::Client::new();
        let head = client.head(&url).header("authorization", authorization()).send().await.unwrap();
        let header = |name: &str| head.headers()[name].to_str().unwrap().to_owned();
        let word = if mode == Mode::Governance { "GOVERNANCE" } else { "COMPLIANCE" };
        assert_eq!(header("x-amz-object-lock-mode"), word);
        assert!(header("x-amz-object-lock-retain-until-date").starts_with("2100-01-01T00:00:00"));
        let version = header("x-amz-version-id");
        let deleted = client.delete(format!("{url}?versionId={version}"));
        let deleted = deleted.header("authorization", authorization()).send().await.unwrap();
        assert_eq!(deleted.status(), 403, "{}", deleted.text().await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_locks_is_not_believed() {
    let server = server().await;
    let blob = s3(server.url(), "");
    let refused = blob.retain(&key("x"), "one".into(), Retention { until: LATER, mode: Mode::Compliance }).await;
    assert_eq!(refused.unwrap_err().kind, Kind::Unsupported);
}
