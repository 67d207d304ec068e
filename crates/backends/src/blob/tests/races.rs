//! Many at once: each write happens as a whole, and of those that exclude each other, one.

use std::sync::Arc;

use admin_testkit::faulty::Proxy;
use bytes::Bytes;
use futures_util::future::join_all;

use super::super::{Blob, Created, Folder, Replaced};
use super::{blob_test, key, s3, server};

async fn one_creates(blobs: Vec<Arc<dyn Blob>>) {
    for round in 0..10 {
        let name = key(&format!("lease/{round}"));
        let tries = blobs.iter().cycle().take(16).enumerate().map(|(number, blob)| {
            let (blob, name) = (Arc::clone(blob), name.clone());
            tokio::spawn(async move { (number, blob.create(&name, number.to_string().into()).await.unwrap()) })
        });
        let results: Vec<_> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
        let winners: Vec<_> = results.iter().filter(|(_, created)| matches!(created, Created::New(_))).collect();
        assert_eq!(winners.len(), 1, "{results:?}");
        assert_eq!(blobs[0].get(&name).await.unwrap().unwrap().bytes, winners[0].0.to_string());
    }
}

async fn nobody_is_overtaken(blobs: Vec<Arc<dyn Blob>>) {
    const EACH: usize = 10;
    let name = key("counter");
    blobs[0].put(&name, "0".into()).await.unwrap();
    let tasks = blobs.iter().cycle().take(6).map(|blob| {
        let (blob, name) = (Arc::clone(blob), name.clone());
        tokio::spawn(async move {
            let mut done = 0;
            while done < EACH {
                let present = blob.get(&name).await.unwrap().unwrap();
                let number: usize = std::str::from_utf8(&present.bytes).unwrap().parse().unwrap();
                let next = Bytes::from((number + 1).to_string());
                done +=
                    usize::from(matches!(blob.replace(&name, next, &present.etag).await.unwrap(), Replaced::Done(_)));
            }
        })
    });
    join_all(tasks).await.into_iter().for_each(Result::unwrap);
    assert_eq!(blobs[0].get(&name).await.unwrap().unwrap().bytes, (6 * EACH).to_string());
}

async fn nothing_is_seen_by_half(blob: Arc<dyn Blob>) {
    let name = key("whole");
    blob.put(&name, Bytes::from(vec![0; 100_000])).await.unwrap();
    let writing = (1..4_u8).map(|value| {
        let (blob, name) = (Arc::clone(&blob), name.clone());
        tokio::spawn(async move {
            for _ in 0..10 {
                blob.put(&name, Bytes::from(vec![value; 100_000])).await.unwrap();
            }
        })
    });
    let writing = tokio::spawn(join_all(writing.collect::<Vec<_>>()));
    while !writing.is_finished() {
        let seen = blob.get(&name).await.unwrap().unwrap().bytes;
        assert!(seen.len() == 100_000 && seen.iter().all(|byte| *byte == seen[0]));
    }
    writing.await.unwrap().into_iter().for_each(Result::unwrap);
}
blob_test!(whole, super::nothing_is_seen_by_half);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_have_a_folder_open_exclude_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Arc::new(Folder::open(folder.path()).unwrap()) as Arc<dyn Blob>;
    one_creates(vec![open(), open()]).await;
    nobody_is_overtaken(vec![open(), open()]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_have_a_bucket_open_exclude_each_other() {
    let server = server().await;
    let proxy = Proxy::one_by_one(server.port()).await;
    let open = || s3(proxy.url(), "");
    one_creates(vec![open(), open()]).await;
    nobody_is_overtaken(vec![open(), open()]).await;
}
