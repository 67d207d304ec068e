//! What every store of blobs promises.

use std::sync::Arc;

use bytes::Bytes;

use super::super::{Blob, Created, Kind, MAX_BYTES, Replaced};
use super::{blob_test, key};

async fn content(blob: &Arc<dyn Blob>, name: &str) -> Option<Bytes> {
    blob.get(&key(name)).await.unwrap().map(|object| object.bytes)
}

async fn what_is_put_is_got(blob: Arc<dyn Blob>) {
    assert_eq!(blob.get(&key("a/b/c")).await.unwrap(), None);
    for bytes in
        [Bytes::from_static(b"first"), Bytes::new(), Bytes::from(vec![0xff; 1 << 20]), Bytes::from_static(b"\r\n\0")]
    {
        let etag = blob.put(&key("a/b/c"), bytes.clone()).await.unwrap();
        let object = blob.get(&key("a/b/c")).await.unwrap().unwrap();
        assert_eq!((object.bytes, object.etag), (bytes, etag));
    }
    let first = blob.put(&key("x"), "one".into()).await.unwrap();
    let second = blob.put(&key("x"), "two".into()).await.unwrap();
    assert_ne!(first, second);
}
blob_test!(put_and_get, super::what_is_put_is_got);

async fn what_is_there_is_not_created(blob: Arc<dyn Blob>) {
    let Created::New(etag) = blob.create(&key("tile/0/000"), "one".into()).await.unwrap() else { panic!() };
    assert_eq!(blob.create(&key("tile/0/000"), "two".into()).await.unwrap(), Created::Exists);
    let object = blob.get(&key("tile/0/000")).await.unwrap().unwrap();
    assert_eq!((&object.bytes[..], object.etag), (&b"one"[..], etag));
    blob.delete(&key("tile/0/000")).await.unwrap();
    assert!(matches!(blob.create(&key("tile/0/000"), "two".into()).await.unwrap(), Created::New(_)));
}
blob_test!(create, super::what_is_there_is_not_created);

async fn what_has_changed_is_not_replaced(blob: Arc<dyn Blob>) {
    let checkpoint = key("checkpoint");
    let first = blob.put(&checkpoint, "one".into()).await.unwrap();
    let Replaced::Done(second) = blob.replace(&checkpoint, "two".into(), &first).await.unwrap() else { panic!() };
    assert_eq!(blob.replace(&checkpoint, "three".into(), &first).await.unwrap(), Replaced::Changed);
    assert_eq!(content(&blob, "checkpoint").await.unwrap(), "two");
    assert!(matches!(blob.replace(&checkpoint, "three".into(), &second).await.unwrap(), Replaced::Done(_)));
    blob.delete(&checkpoint).await.unwrap();
    assert_eq!(blob.replace(&checkpoint, "four".into(), &second).await.unwrap(), Replaced::Changed);
    assert_eq!(content(&blob, "checkpoint").await, None, "what is not there is not replaced");
}
blob_test!(replace, super::what_has_changed_is_not_replaced);

async fn what_is_deleted_is_gone(blob: Arc<dyn Blob>) {
    blob.put(&key("a/b"), "one".into()).await.unwrap();
    blob.put(&key("a/c"), "two".into()).await.unwrap();
    for _ in 0..2 {
        blob.delete(&key("a/b")).await.unwrap();
        assert_eq!(content(&blob, "a/b").await, None);
    }
    blob.delete(&key("never/was")).await.unwrap();
    assert_eq!(content(&blob, "a/c").await.unwrap(), "two");
}
blob_test!(delete, super::what_is_deleted_is_gone);

async fn names(blob: &Arc<dyn Blob>, folder: &str, after: Option<&str>, limit: usize) -> Vec<String> {
    let after = after.map(key);
    let entries = blob.list(folder, after.as_ref(), limit).await.unwrap();
    entries.into_iter().map(|entry| entry.key.as_str().to_owned()).collect()
}

async fn lists_are_in_order(blob: Arc<dyn Blob>) {
    // In the order of their bytes, which is that of no walk over folders: `-` and `.` stand before the slash, digits after.
    let keys = [
        "checkpoint",
        "tile-x",
        "tile.p/1",
        "tile/0/000",
        "tile/0/000.p/1",
        "tile/0/000.p/17",
        "tile/0/001",
        "tile/0/x001/000",
        "tile/0/x001/001",
        "tile/00/000",
        "tile/1/000",
        "tile0",
        "tilea/b",
    ];
    assert!(keys.is_sorted());
    for name in keys.iter().rev() {
        blob.put(&key(name), (*name).into()).await.unwrap();
    }
    assert_eq!(names(&blob, "", None, 100).await, keys);
    assert_eq!(names(&blob, "tile/", None, 100).await, keys[3..11]);
    assert_eq!(names(&blob, "tile/0/", None, 100).await, keys[3..9]);
    assert_eq!(names(&blob, "tile/0/x001/", None, 100).await, keys[7..9]);
    assert!(names(&blob, "tile/2/", None, 100).await.is_empty());
    assert!(names(&blob, "tile/0/001/", None, 100).await.is_empty());
    assert!(names(&blob, "", None, 0).await.is_empty());
    for limit in [1, 2, 5] {
        let mut walked: Vec<String> = vec![];
        loop {
            let page = names(&blob, "", walked.last().map(String::as_str), limit).await;
            assert!(page.len() <= limit);
            if page.is_empty() {
                break;
            }
            walked.extend(page);
        }
        assert_eq!(walked, keys, "by {limit}");
    }
    // Also after what is not there.
    assert_eq!(names(&blob, "", Some("tile/0/000.z"), 2).await, keys[6..8]);
    assert_eq!(names(&blob, "tile/", Some("a"), 1).await, keys[3..4]);
    assert!(names(&blob, "tile/", Some("tile0"), 10).await.is_empty());
    let entry = &blob.list("", None, 1).await.unwrap()[0];
    assert_eq!(entry.size, "checkpoint".len() as u64);
    assert_eq!(blob.list("tile", None, 1).await.unwrap_err().kind, Kind::Invalid);
    assert_eq!(blob.list("../", None, 1).await.unwrap_err().kind, Kind::Invalid);
}
blob_test!(list, super::lists_are_in_order);

async fn what_is_too_large_is_refused(blob: Arc<dyn Blob>) {
    let large = Bytes::from(vec![1; MAX_BYTES + 1]);
    assert_eq!(blob.put(&key("x"), large.clone()).await.unwrap_err().kind, Kind::TooLarge);
    assert_eq!(blob.create(&key("x"), large).await.unwrap_err().kind, Kind::TooLarge);
    assert_eq!(content(&blob, "x").await, None);
}
blob_test!(bounds, super::what_is_too_large_is_refused);
