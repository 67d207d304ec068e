//! Locks between the writers of a folder, of this process and of others.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::super::{Error, Key, Kind, Result};
use super::write::{FILE_MODE, FOLDER_MODE};

/// So many files stand for all keys; two keys may share one.
const FILES: u32 = 64;

/// How long a writer waits for another. One takes some milliseconds, unless it was stopped in the middle of it.
const WAIT: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(2);

pub(super) struct Locks {
    folder: PathBuf,
    /// Held by everybody who has the folder open.
    _open: File,
}

impl Locks {
    /// Removes the drafts that were left, unless somebody else may be writing them.
    pub(super) fn open(folder: &Path) -> Result<Locks> {
        let open = || {
            let open = file(&folder.join("open"))?;
            let locks = Locks { folder: folder.to_owned(), _open: open };
            let alone = locks._open.try_lock().is_ok();
            if alone {
                match fs::remove_dir_all(locks.drafts()) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            match DirBuilder::new().mode(FOLDER_MODE).create(locks.drafts()) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            if alone {
                locks._open.unlock()?;
            }
            locks._open.lock_shared()?;
            Ok(locks)
        };
        open().map_err(|error| Error::file(format!("cannot use the folder {}", folder.display()), &error))
    }

    /// Where files are before they have their names.
    pub(super) fn drafts(&self) -> PathBuf {
        self.folder.join("drafts")
    }

    /// Waits until no other writes the key. The lock ends with the file.
    pub(super) fn take(&self, key: &Key) -> Result<File> {
        let number = crc32fast::hash(key.as_str().as_bytes()) % FILES;
        let path = self.folder.join(format!("lock-{number}"));
        let failed = |error: &io::Error| Error::file(format!("cannot lock {}", path.display()), error);
        let file = file(&path).map_err(|error| failed(&error))?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if began.elapsed() < WAIT => std::thread::sleep(LOOK),
                Err(TryLockError::WouldBlock) => {
                    let detail =
                        format!("another writer holds {} for more than {} seconds", path.display(), WAIT.as_secs());
                    return Err(Error::new(Kind::Unavailable, detail));
                }
                Err(TryLockError::Error(error)) => return Err(failed(&error)),
            }
        }
    }
}

fn file(path: &Path) -> io::Result<File> {
    File::options().write(true).create(true).truncate(false).mode(FILE_MODE).open(path)
}
