//! What is the matter of the folder: files as they are, what is left behind, a full disk.

use std::fs;
use std::process::Command;

use bytes::Bytes;

use super::super::{Blob, Created, Folder, Kind, Mode, Retention};
use super::key;

/// Set in the process that finds the disk full.
const FOLDER: &str = "ADMIN_TEST_BLOB_FOLDER";

#[tokio::test]
async fn a_file_is_exactly_the_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let blob = Folder::open(folder.path().join("made/for/it")).unwrap();
    blob.put(&key("tile/0/x001/067"), "one".into()).await.unwrap();
    let path = folder.path().join("made/for/it/tile/0/x001/067");
    assert_eq!(fs::read(&path).unwrap(), b"one");
    // And what somebody puts beside is served.
    fs::write(path.with_file_name("068"), "two").unwrap();
    assert_eq!(blob.get(&key("tile/0/x001/068")).await.unwrap().unwrap().bytes, "two");
    assert_eq!(fs::read_dir(folder.path().join("made/for/it/.blobs/drafts")).unwrap().count(), 0, "no draft stays");
}

#[tokio::test]
async fn drafts_that_were_left_are_removed_by_who_opens_alone() {
    let folder = tempfile::tempdir().unwrap();
    let first = Folder::open(folder.path()).unwrap();
    let left = folder.path().join(".blobs/drafts/9999-1");
    fs::write(&left, "half").unwrap();
    let second = Folder::open(folder.path()).unwrap();
    assert!(left.exists(), "it may be another's, who is writing it");
    drop((first, second));
    let third = Folder::open(folder.path()).unwrap();
    assert!(!left.exists());
    assert!(third.list("", None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn no_key_is_the_folder_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let blob = Folder::open(folder.path()).unwrap();
    blob.put(&key("a/b"), "one".into()).await.unwrap();
    assert_eq!(blob.put(&key("a/b/c"), "two".into()).await.unwrap_err().kind, Kind::Invalid);
    assert_eq!(blob.put(&key("a"), "two".into()).await.unwrap_err().kind, Kind::Invalid);
    assert_eq!(blob.get(&key("a/b")).await.unwrap().unwrap().bytes, "one");
    for name in ["a", "a/b/c"] {
        assert!(blob.get(&key(name)).await.unwrap().is_none());
        blob.delete(&key(name)).await.unwrap();
    }
    assert!(blob.get(&key("a/b")).await.unwrap().is_some());
}

#[tokio::test]
async fn a_folder_says_that_it_keeps_nothing_under_a_lock() {
    let folder = tempfile::tempdir().unwrap();
    let blob = Folder::open(folder.path()).unwrap();
    let retention = Retention { until: i64::MAX / 2, mode: Mode::Compliance };
    let refused = blob.retain(&key("a"), "one".into(), retention).await.unwrap_err();
    assert_eq!(refused.kind, Kind::Unsupported);
    assert!(blob.get(&key("a")).await.unwrap().is_none());
}

/// A limit on the size of files stands for a disk that is full in the middle of a write.
#[test]
fn a_full_disk_leaves_nothing_half_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -f 64; trap '' XFSZ; exec \"$@\"", "sh"]).arg(std::env::current_exe().unwrap());
    limited.args(["--exact", "blob::tests::folder::while_the_disk_is_full", "--nocapture"]);
    let output = limited.env(FOLDER, folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(fs::read(folder.path().join("present")).unwrap(), b"there before");
    assert!(!folder.path().join("new").exists());
    assert_eq!(fs::read_dir(folder.path().join(".blobs/drafts")).unwrap().count(), 0);
}

/// Run by the test above, in a process of its own.
#[tokio::test]
async fn while_the_disk_is_full() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let blob = Folder::open(folder).unwrap();
    let present = blob.put(&key("present"), "there before".into()).await.unwrap();
    let large = Bytes::from(vec![1; 1 << 20]);
    for full in [
        blob.put(&key("present"), large.clone()).await.unwrap_err(),
        blob.replace(&key("present"), large.clone(), &present).await.unwrap_err(),
        blob.create(&key("new"), large).await.unwrap_err(),
    ] {
        assert_eq!(full.kind, Kind::Full, "{full}");
        assert!(full.detail.contains("make room"), "{full}");
    }
    assert!(matches!(blob.create(&key("small"), "fits".into()).await.unwrap(), Created::New(_)));
}
