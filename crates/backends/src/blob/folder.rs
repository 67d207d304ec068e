//! Blobs in a folder: a key is the path of a file, whose content is exactly the bytes, so any server of files can serve them.
//!
//! A file is written beside the others under a name that no key has, brought to the disk, and then given its name; then the
//! folder is brought to the disk. Whatever ends in between, a process or the machine, leaves under a key what was there before
//! or what was put there. Writers of a key hold a lock on a file that stands for it, so that none writes between what another
//! compares and what it writes; the system takes the lock from a process that has ended.
//!
//! What is in blobs is for nobody else on the machine: folders are made with mode 0700 and files with 0600.

mod list;
mod lock;
mod write;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;

use super::{
    Blob, Created, Entry, Error, Etag, Key, Kind, Object, Replaced, Result, Retention, bounded, folder_of, within,
};
use lock::Locks;
use write::Draft;

/// How many calls read or write at once; each holds a thread.
const AT_ONCE: usize = 32;

/// What the folder keeps for itself.
const OWN: &str = ".blobs";

/// A folder.
#[derive(Clone)]
pub struct Folder {
    inner: Arc<Inner>,
    turns: Arc<Semaphore>,
}

struct Inner {
    root: PathBuf,
    /// Of the writers; opened with the folder, or by the first of them.
    locks: OnceLock<Locks>,
}

impl Folder {
    /// Opens a folder, and makes it if it is not there. Removes what writers left that ended in the middle of it.
    ///
    /// # Errors
    /// It cannot be made, or not be written to.
    pub fn open(root: impl Into<PathBuf>) -> Result<Folder> {
        let folder = Folder::of(root.into());
        folder.inner.locks()?;
        Ok(folder)
    }

    /// Opens a folder that is there, and makes nothing in it before the first write.
    ///
    /// # Errors
    /// There is no such folder, or it may not be read.
    pub fn open_to_read(root: impl Into<PathBuf>) -> Result<Folder> {
        let root = root.into();
        fs::read_dir(&root)
            .map_err(|error| Error::file(format!("cannot read the folder {}", root.display()), &error))?;
        Ok(Folder::of(root))
    }

    fn of(root: PathBuf) -> Folder {
        Folder { inner: Arc::new(Inner { root, locks: OnceLock::new() }), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T> + Send + 'static,
    ) -> BoxFuture<'_, Result<T>> {
        let (inner, turns) = (Arc::clone(&self.inner), Arc::clone(&self.turns));
        Box::pin(async move {
            let failed = |error: &dyn std::fmt::Display| Error::new(Kind::Failed, error.to_string());
            let turn = turns.acquire_owned().await.map_err(|error| failed(&error))?;
            let working = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                work(&inner)
            });
            working.await.map_err(|error| failed(&error))?
        })
    }
}

impl Blob for Folder {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Object>>> {
        let key = key.clone();
        self.run(move |inner| Ok(inner.read(&key)?.map(|bytes| Object { etag: etag(&bytes), bytes })))
    }

    fn put<'a>(&'a self, key: &'a Key, bytes: Bytes) -> BoxFuture<'a, Result<Etag>> {
        let key = key.clone();
        self.run(move |inner| {
            let draft = inner.draft(&bytes)?;
            let _lock = inner.locks()?.take(&key)?;
            draft.name(&inner.path(&key))?;
            Ok(etag(&bytes))
        })
    }

    fn create<'a>(&'a self, key: &'a Key, bytes: Bytes) -> BoxFuture<'a, Result<Created>> {
        let key = key.clone();
        self.run(move |inner| {
            let draft = inner.draft(&bytes)?;
            let _lock = inner.locks()?.take(&key)?;
            Ok(if draft.name_new(&inner.path(&key))? { Created::New(etag(&bytes)) } else { Created::Exists })
        })
    }

    fn replace<'a>(&'a self, key: &'a Key, bytes: Bytes, expected: &'a Etag) -> BoxFuture<'a, Result<Replaced>> {
        let (key, expected) = (key.clone(), expected.clone());
        self.run(move |inner| {
            let draft = inner.draft(&bytes)?;
            let _lock = inner.locks()?.take(&key)?;
            if inner.read(&key)?.is_none_or(|present| etag(&present) != expected) {
                return Ok(Replaced::Changed);
            }
            draft.name(&inner.path(&key))?;
            Ok(Replaced::Done(etag(&bytes)))
        })
    }

    fn retain<'a>(&'a self, _: &'a Key, _: Bytes, _: Retention) -> BoxFuture<'a, Result<()>> {
        let detail = "a folder cannot keep its owner from changing a file; use a bucket with object lock";
        Box::pin(async move { Err(Error::new(Kind::Unsupported, detail)) })
    }

    fn list<'a>(&'a self, folder: &'a str, after: Option<&'a Key>, limit: usize) -> BoxFuture<'a, Result<Vec<Entry>>> {
        let (folder, after) = (folder_of(folder), after.cloned());
        self.run(move |inner| list::list(&inner.root, folder?.as_ref(), after.as_ref(), limit))
    }

    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<()>> {
        let key = key.clone();
        self.run(move |inner| {
            let _lock = inner.locks()?.take(&key)?;
            write::remove(&inner.path(&key))
        })
    }
}

impl Inner {
    fn locks(&self) -> Result<&Locks> {
        if let Some(locks) = self.locks.get() {
            return Ok(locks);
        }
        let own = self.root.join(OWN);
        write::make_folders(&own)?;
        // Of two that come at once, both have it open.
        let locks = Locks::open(&own)?;
        Ok(self.locks.get_or_init(|| locks))
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.root.join(key.as_str())
    }

    fn draft(&self, bytes: &Bytes) -> Result<Draft> {
        bounded(bytes)?;
        Draft::write(&self.locks()?.drafts(), bytes)
    }

    fn read(&self, key: &Key) -> Result<Option<Bytes>> {
        read(&self.path(key))
            .map_err(|error| Error::file(format!("cannot read the blob {key}"), &error))?
            .map(bound)
            .transpose()
    }
}

fn bound(file: (File, u64)) -> Result<Bytes> {
    let (mut file, size) = file;
    within(size)?;
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    file.read_to_end(&mut bytes).map_err(|error| Error::file("cannot read a blob", &error))?;
    Ok(bytes.into())
}

/// The file at a path, with its size.
fn read(path: &Path) -> io::Result<Option<(File, u64)>> {
    // Below a file there is nothing either.
    let absent = |error: &io::Error| matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if absent(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let about = file.metadata()?;
    Ok(about.is_file().then_some((file, about.len())))
}

/// Of the content alone, so it need not be kept anywhere.
fn etag(bytes: &Bytes) -> Etag {
    Etag(URL_SAFE_NO_PAD.encode(digest(&SHA256, bytes)))
}

/// Brings the names in a folder to the disk.
fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}
