//! Where a witness remembers: its key, and for each log the checkpoint that it cosigned last. A file is there as a whole or not at
//! all, and on the disk before anybody hears of it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use admin_tlog::{Checkpoint, Cosigner, Hash, Note, TreeHead, Verifier};
use secrecy::{ExposeSecret, SecretString};

/// The folder of a witness.
pub(super) struct Folder(PathBuf);

/// Something that is not as it should be.
pub(super) fn broken(what: impl std::fmt::Display, error: &admin_tlog::Error) -> io::Error {
    io::Error::other(format!("{what}: {error}"))
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot {what} {}: {error}", path.display()))
}

impl Folder {
    /// Makes the folder, for its owner alone, and claims it until the file is closed.
    pub(super) fn open(path: &Path) -> io::Result<(Folder, File)> {
        let logs = path.join("logs");
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&logs);
        made.map_err(|error| cannot("make the folder", &logs, &error))?;
        let lock = path.join("witness.lock");
        let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&lock);
        let file = opened.map_err(|error| cannot("write", &lock, &error))?;
        match file.try_lock() {
            Ok(()) => Ok((Folder(path.to_owned()), file)),
            Err(TryLockError::WouldBlock) => {
                Err(io::Error::other(format!("another witness remembers in {}; stop it first", path.display())))
            }
            Err(TryLockError::Error(error)) => Err(cannot("lock", &lock, &error)),
        }
    }

    fn key_file(&self) -> PathBuf {
        self.0.join("witness.key")
    }

    /// The witness's key, if it was made.
    pub(super) fn key(&self) -> io::Result<Option<Cosigner>> {
        let path = self.key_file();
        let Some(text) = read(&path)? else { return Ok(None) };
        let mode = fs::metadata(&path).map_err(|error| cannot("read", &path, &error))?.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(io::Error::other(format!(
                "others on this machine may read {path} (mode {mode:o}): whoever did can cosign in this witness's name. If nobody did, run `chmod 600 {path}`",
                path = path.display()
            )));
        }
        let text = SecretString::from(text.trim());
        Cosigner::of_text(&text).map(Some).map_err(|error| broken(path.display(), &error))
    }

    /// Keeps a new key.
    pub(super) fn keep_key(&self, key: &Cosigner) -> io::Result<()> {
        let path = self.key_file();
        let text = key.text().map_err(|error| broken(path.display(), &error))?;
        write(&path, &format!("{}\n", text.expose_secret()))
    }

    /// By a digest: an origin is no name of a file.
    fn log_file(&self, origin: &str) -> PathBuf {
        let name: String = Hash::leaf(origin.as_bytes()).0.iter().map(|byte| format!("{byte:02x}")).collect();
        self.0.join("logs").join(name)
    }

    /// What was cosigned last of a log, if anything was. A file that is not what was written there is no reason to begin anew.
    pub(super) fn last(&self, origin: &str, own: &Verifier) -> io::Result<Option<TreeHead>> {
        let path = self.log_file(origin);
        let Some(text) = read(&path)? else { return Ok(None) };
        let wrong = |error| broken(format_args!("{} is not what this witness wrote there", path.display()), &error);
        let note = Note::parse(text.as_bytes()).map_err(wrong)?;
        note.verify(std::slice::from_ref(own)).map_err(wrong)?;
        let checkpoint = Checkpoint::parse(note.text()).map_err(wrong)?;
        match checkpoint.origin == origin {
            true => Ok(Some(checkpoint.head)),
            false => Err(wrong(admin_tlog::Error::WrongOrigin(checkpoint.origin))),
        }
    }

    /// Keeps what is cosigned now.
    pub(super) fn keep(&self, origin: &str, note: &Note) -> io::Result<()> {
        write(&self.log_file(origin), &note.to_string())
    }
}

fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot("read", path, &error)),
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("new");
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        // The new name is on the disk with its folder.
        File::open(path.parent().unwrap_or(path))?.sync_all()
    };
    write().map_err(|error| cannot("write", path, &error))
}
