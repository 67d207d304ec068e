//! A bucket behind a bad network: what passes is tried again, what does not ends in time, and nothing is claimed that is not so.

use std::time::{Duration, Instant};

use admin_testkit::faulty::{Fault, Proxy};
use admin_testkit::s3::Server;

use super::super::{Blob, Bucket, Created, Credentials, Kind, S3};
use super::{bucket, credentials, key, server};

const WITHIN: Duration = Duration::from_secs(3);

fn open(proxy: &Proxy, within: Duration) -> S3 {
    let bucket = Bucket { within, ..bucket(proxy.url(), "") };
    S3::open(&bucket, Some(&credentials())).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_passes_is_tried_again() {
    let server = server().await;
    let proxy = Proxy::start(server.port()).await;
    let blob = open(&proxy, WITHIN * 2);
    for faults in [&[Fault::Unavailable; 3][..], &[Fault::Cut; 2], &[Fault::Silence], &[Fault::CutAnswer]] {
        proxy.plan(faults, Fault::None);
        let before = proxy.requests();
        let etag =
            blob.put(&key("checkpoint"), "one".into()).await.unwrap_or_else(|error| panic!("{faults:?}: {error}"));
        assert_eq!(proxy.requests() - before, faults.len() + 1, "{faults:?}");
        proxy.plan(faults, Fault::None);
        let got = blob.get(&key("checkpoint")).await.unwrap_or_else(|error| panic!("{faults:?}: {error}"));
        assert_eq!(got.unwrap().etag, etag);
        proxy.plan(faults, Fault::None);
        assert_eq!(blob.list("", None, 10).await.unwrap_or_else(|error| panic!("{faults:?}: {error}")).len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_pass_ends_in_time() {
    let server = server().await;
    let proxy = Proxy::start(server.port()).await;
    let blob = open(&proxy, WITHIN);
    for fault in [Fault::Unavailable, Fault::Cut, Fault::Silence, Fault::Slow(Duration::from_secs(60))] {
        proxy.plan(&[], fault);
        let began = Instant::now();
        let error = blob.put(&key("checkpoint"), "one".into()).await.unwrap_err();
        assert_eq!(error.kind, Kind::Unavailable, "{fault:?}: {error}");
        assert!(began.elapsed() < WITHIN * 10, "{fault:?}");
    }
    proxy.plan(&[], Fault::None);
    blob.put(&key("checkpoint"), "two".into()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_loses_the_answer_to_a_creation_is_not_told_that_nothing_happened() {
    let server = server().await;
    let proxy = Proxy::start(server.port()).await;
    let blob = open(&proxy, WITHIN * 2);
    proxy.plan(&[Fault::CutAnswer], Fault::None);
    match blob.create(&key("lease"), "mine".into()).await {
        Ok(Created::New(_)) => panic!("the first try had made it"),
        Ok(Created::Exists) => {}
        Err(error) => assert_eq!(error.kind, Kind::Unavailable, "{error}"),
    }
    assert_eq!(blob.create(&key("lease"), "other".into()).await.unwrap(), Created::Exists);
    assert_eq!(blob.get(&key("lease")).await.unwrap().unwrap().bytes, "mine");
    // A server that is overloaded has made nothing.
    proxy.plan(&[Fault::Unavailable; 2], Fault::None);
    assert!(matches!(blob.create(&key("second"), "mine".into()).await.unwrap(), Created::New(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_is_told_at_once() {
    let server = server().await;
    let stranger = Credentials { id: "stranger".to_owned(), secret: "none".into() };
    let blob = S3::open(&bucket(server.url(), ""), Some(&stranger)).unwrap();
    let began = Instant::now();
    assert_eq!(blob.put(&key("x"), "one".into()).await.unwrap_err().kind, Kind::Denied);
    assert_eq!(blob.get(&key("x")).await.unwrap_err().kind, Kind::Denied);
    assert!(began.elapsed() < Duration::from_secs(10));
    let wrong = Credentials { secret: "wrong".into(), ..credentials() };
    let blob = S3::open(&bucket(server.url(), ""), Some(&wrong)).unwrap();
    assert_eq!(blob.put(&key("x"), "one".into()).await.unwrap_err().kind, Kind::Denied);
    assert!(!server.file("x").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_is_not_there_is_not_an_empty_one() {
    let server = Server::with_locks().await;
    let elsewhere = Bucket { endpoint: Some(server.url()), ..Bucket::new("another-bucket", "") };
    let blob = S3::open(&elsewhere, Some(&credentials())).unwrap();
    let errors = [
        blob.get(&key("x")).await.unwrap_err(),
        blob.put(&key("x"), "one".into()).await.unwrap_err(),
        blob.list("", None, 10).await.unwrap_err(),
    ];
    assert!(errors.iter().all(|error| error.kind == Kind::Failed), "{errors:?}");
}
