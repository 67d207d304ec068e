//! One suite for both adapters, and what is the matter of one of them.

mod contract;
mod faults;
mod folder;
mod killed;
mod locks;
mod races;

use std::sync::Arc;
use std::time::Duration;

use admin_testkit::s3::{ACCESS_KEY, BUCKET, SECRET_KEY, Server};

use super::{Blob, Bucket, Credentials, Key, S3};

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn credentials() -> Credentials {
    Credentials { id: ACCESS_KEY.to_owned(), secret: SECRET_KEY.into() }
}

/// The bucket of a server, or of what stands before it.
fn bucket(endpoint: String, prefix: &str) -> Bucket {
    Bucket { endpoint: Some(endpoint), within: Duration::from_secs(30), ..Bucket::new(BUCKET, prefix) }
}

fn s3(endpoint: String, prefix: &str) -> Arc<dyn Blob> {
    Arc::new(S3::open(&bucket(endpoint, prefix), Some(&credentials())).unwrap())
}

/// The same test on a folder and on S3.
macro_rules! blob_test {
    ($name:ident, $test:path) => {
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn folder() {
                let folder = tempfile::tempdir().unwrap();
                $test(std::sync::Arc::new($crate::blob::Folder::open(folder.path()).unwrap())).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn s3() {
                let server = admin_testkit::s3::Server::start().await;
                $test($crate::blob::tests::s3(server.url(), "some/prefix")).await;
            }
        }
    };
}
use blob_test;

async fn server() -> Server {
    Server::start().await
}
