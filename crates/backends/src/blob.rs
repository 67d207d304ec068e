//! Blobs: bytes under a key, in a folder or in a bucket of S3. What the audit log and exports are kept in.
//!
//! A write is there as a whole or not at all, and stays when it was answered. Of two who [`create`](Blob::create) the same key or
//! [`replace`](Blob::replace) the same content, one wins. If a write fails, or its answer is lost, it may have happened: who
//! tries again may find [`Created::Exists`] or [`Replaced::Changed`] for what it wrote itself, so it looks at what is there.

mod address;
mod error;
mod folder;
mod key;
mod s3;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use futures_util::future::BoxFuture;

pub use address::{Address, Credentials};
pub use error::{Error, Kind, Result};
pub use folder::Folder;
pub use key::{Key, MAX_KEY};
pub use s3::{Bucket, S3};

/// The largest blob, in bytes.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;

/// The most entries that one call of [`Blob::list`] returns.
pub const MAX_LIST: usize = 1_000;

/// Names a content of a key; another content has another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Etag(String);

/// What is under a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Object {
    /// All of it.
    pub bytes: Bytes,
    /// Names this content.
    pub etag: Etag,
}

/// An entry of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Where it is.
    pub key: Key,
    /// How large it is, in bytes.
    pub size: u64,
}

/// What came of [`Blob::create`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Created {
    /// It was not there, and is now.
    New(Etag),
    /// Something is there, and stays.
    Exists,
}

/// What came of [`Blob::replace`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Replaced {
    /// It is there now.
    Done(Etag),
    /// Something else is there than was said, or nothing; that stays.
    Changed,
}

/// How long a blob can neither be overwritten nor deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retention {
    /// Until when, in microseconds since 1970.
    pub until: i64,
    /// For whom.
    pub mode: Mode,
}

/// For whom a retention holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// For all but those with a special permission.
    Governance,
    /// For all.
    Compliance,
}

/// A store of blobs.
pub trait Blob: Send + Sync {
    /// What is under the key, if there is something.
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Object>>>;

    /// Puts it there, over what was.
    fn put<'a>(&'a self, key: &'a Key, bytes: Bytes) -> BoxFuture<'a, Result<Etag>>;

    /// Puts it there if nothing is.
    fn create<'a>(&'a self, key: &'a Key, bytes: Bytes) -> BoxFuture<'a, Result<Created>>;

    /// Puts it there if what is there has this name.
    fn replace<'a>(&'a self, key: &'a Key, bytes: Bytes, etag: &'a Etag) -> BoxFuture<'a, Result<Replaced>>;

    /// Puts it there, and keeps everybody from changing it for a time. In a bucket that has versions this is a new one;
    /// [`Kind::Unsupported`] where nothing can be kept so, as in a folder.
    fn retain<'a>(&'a self, key: &'a Key, bytes: Bytes, retention: Retention) -> BoxFuture<'a, Result<()>>;

    /// Up to `limit` entries, at most [`MAX_LIST`], whose keys begin with `folder` and follow the key `after`, in the order of
    /// the bytes of their keys. The folder is empty, or a key and a slash, such as `tile/0/`.
    fn list<'a>(&'a self, folder: &'a str, after: Option<&'a Key>, limit: usize) -> BoxFuture<'a, Result<Vec<Entry>>>;

    /// Takes away what is there, if something is.
    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<()>>;
}

impl Etag {
    /// As the store has it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn bounded(bytes: &Bytes) -> Result<()> {
    within(bytes.len() as u64)
}

fn within(size: u64) -> Result<()> {
    if size > MAX_BYTES as u64 {
        return Err(Error::new(Kind::TooLarge, format!("a blob of {size} bytes; the most is {MAX_BYTES}")));
    }
    Ok(())
}

/// The folder of a list as it was given: empty, or a key and a slash.
fn folder_of(folder: &str) -> Result<Option<Key>> {
    match folder.strip_suffix('/') {
        Some(key) => Key::new(key).map(Some),
        None if folder.is_empty() => Ok(None),
        None => Err(Error::new(Kind::Invalid, format!("the folder {folder:?} of a list must end with a slash"))),
    }
}
