//! A writer that is killed at any moment leaves every blob whole, and what was answered stays.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use admin_testkit::process::{self, Signal};
use bytes::Bytes;

use super::super::{Blob, Created, Folder, Replaced};
use super::key;

/// Set in the process that is killed.
const FOLDER: &str = "ADMIN_TEST_BLOB_KILLED";

/// Of a size that no single write to the disk has.
fn content(number: usize) -> Bytes {
    Bytes::from(format!("{number:08}").repeat(20_000))
}

#[test]
fn what_was_answered_stays_and_the_rest_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for round in 1..=5 {
        let mut writer = Command::new(std::env::current_exe().unwrap());
        writer.args(["--exact", "blob::tests::killed::until_it_is_killed", "--nocapture"]).env(FOLDER, folder.path());
        let mut writer = writer.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let said = BufReader::new(writer.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut answered = 0;
        for line in said {
            let Some(number) = line.strip_prefix("answered ") else { continue };
            answered = number.parse().unwrap();
            if answered >= 7 * round {
                process::signal(writer.id(), Signal::KILL);
            }
        }
        writer.wait().unwrap();
        runtime.block_on(check(&Folder::open(folder.path()).unwrap(), answered));
        assert_eq!(fs::read_dir(folder.path().join(".blobs/drafts")).unwrap().count(), 0);
    }
}

async fn check(blob: &Folder, answered: usize) {
    let head = blob.get(&key("head")).await.unwrap().unwrap().bytes;
    let number: usize = std::str::from_utf8(&head[..8]).unwrap().parse().unwrap();
    assert!(number >= answered && head == content(number), "{number} after {answered}");
    let tiles = blob.list("tile/", None, 1_000).await.unwrap();
    assert!(tiles.len() >= answered);
    for (number, tile) in tiles.iter().enumerate() {
        assert_eq!(tile.key, key(&format!("tile/{:03}", number + 1)));
        assert_eq!(blob.get(&tile.key).await.unwrap().unwrap().bytes, content(number + 1));
    }
}

/// Run by the test above, in a process of its own: a tile, then the head, and again.
#[tokio::test]
async fn until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let blob = Folder::open(folder).unwrap();
    let head = key("head");
    let mut etag = match blob.get(&head).await.unwrap() {
        Some(head) => head.etag,
        None => blob.put(&head, content(0)).await.unwrap(),
    };
    println!();
    for number in 1..1_000 {
        if blob.create(&key(&format!("tile/{number:03}")), content(number)).await.unwrap() == Created::Exists {
            continue;
        }
        let Replaced::Done(next) = blob.replace(&head, content(number), &etag).await.unwrap() else { panic!() };
        etag = next;
        println!("answered {number}");
    }
}
