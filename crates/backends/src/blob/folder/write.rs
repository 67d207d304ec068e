//! Files that are there as a whole or not at all, and stay when the machine stops.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::super::{Error, Result};
use super::sync_folder;

/// Who may see what is made: its owner.
pub(super) const FOLDER_MODE: u32 = 0o700;
pub(super) const FILE_MODE: u32 = 0o600;

/// A file without its name yet. It is removed if it gets none.
pub(super) struct Draft(PathBuf);

impl Draft {
    /// Writes the bytes, and brings them to the disk.
    pub(super) fn write(folder: &Path, bytes: &Bytes) -> Result<Draft> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let failed = |error: io::Error| Error::file("cannot write a blob", &error);
        let (draft, mut file) = loop {
            // In another container there may be another process of the same id.
            let name = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let path = folder.join(name);
            match File::options().write(true).create_new(true).mode(FILE_MODE).open(&path) {
                Ok(file) => break (Draft(path), file),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(error)),
            }
        };
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
        Ok(draft)
    }

    /// Gives it a name, which may be another's until then.
    pub(super) fn name(self, path: &Path) -> Result<()> {
        let name = || {
            fs::rename(&self.0, path)?;
            sync_folder(parent(path)?)
        };
        prepare(path)?;
        name().map_err(|error| Error::file(format!("cannot put the blob {}", path.display()), &error))
    }

    /// Gives it a name that nobody has; `false` if somebody does.
    pub(super) fn name_new(self, path: &Path) -> Result<bool> {
        let name = || match fs::hard_link(&self.0, path) {
            Ok(()) => sync_folder(parent(path)?).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        };
        prepare(path)?;
        name().map_err(|error| Error::file(format!("cannot put the blob {}", path.display()), &error))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After a rename there is nothing under the old name; what stays otherwise, the next to open the folder removes.
        let _ = fs::remove_file(&self.0);
    }
}

pub(super) fn remove(path: &Path) -> Result<()> {
    let removed = fs::remove_file(path).and_then(|()| sync_folder(parent(path)?));
    let no_blob = [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory, io::ErrorKind::IsADirectory];
    match removed {
        Err(error) if no_blob.contains(&error.kind()) => Ok(()),
        other => other.map_err(|error| Error::file(format!("cannot delete the blob {}", path.display()), &error)),
    }
}

fn prepare(path: &Path) -> Result<()> {
    let folder = parent(path).map_err(|error| Error::file(path.display(), &error))?;
    if folder.is_dir() { Ok(()) } else { make_folders(folder) }
}

/// Makes a folder with those above it, each brought to the disk.
pub(super) fn make_folders(folder: &Path) -> Result<()> {
    let missing: Vec<&Path> =
        folder.ancestors().take_while(|above| !above.as_os_str().is_empty() && !above.exists()).collect();
    for folder in missing.into_iter().rev() {
        let make = || match DirBuilder::new().mode(FOLDER_MODE).create(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => sync_folder(parent(folder)?),
        };
        make().map_err(|error| Error::file(format!("cannot make the folder {}", folder.display()), &error))?;
    }
    Ok(())
}

/// The folder that a path is in.
fn parent(path: &Path) -> io::Result<&Path> {
    match path.parent() {
        Some(above) if above.as_os_str().is_empty() => Ok(Path::new(".")),
        Some(above) => Ok(above),
        None => Err(io::Error::from(io::ErrorKind::InvalidInput)),
    }
}
