//! The data folder, and in it the master key and the lock of the server that runs on it.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use admin_core::MasterKey;
use admin_types::{Random, SystemRandom};
use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;

use crate::config::Config;

/// The file that the running server holds a lock on.
const LOCK: &str = "admin.lock";
/// The bit that folders for everybody have, such as `/tmp`.
const STICKY: u32 = 0o1000;

/// Makes the data folder, for its owner alone. One that is there becomes so if it is ours alone.
pub(crate) fn create(folder: &Path) -> Result<()> {
    let make = || -> std::io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let found = fs::metadata(folder)?;
        let ours = found.uid() == rustix::process::geteuid().as_raw() && found.mode() & STICKY == 0;
        if ours { fs::set_permissions(folder, Permissions::from_mode(0o700)) } else { Ok(()) }
    };
    make().with_context(|| {
        format!(
            "cannot create the data folder {}; set `data_dir` to a folder that this user may write",
            folder.display()
        )
    })
}

/// Claims the data folder for a server, until the file that this answers is closed.
pub(crate) fn lock(folder: &Path) -> Result<File> {
    let path = folder.join(LOCK);
    let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = opened.with_context(|| cannot_write(&path, "data_dir"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!(
            "another `admin serve` runs on the data folder {}; stop it, or set `data_dir` to another folder",
            folder.display()
        ),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| cannot_write(&path, "data_dir")),
    }
}

fn cannot_write(path: &Path, key: &str) -> String {
    format!("cannot write {}; set `{key}` to a place that this user may write", path.display())
}

/// Writes a file for its owner alone, whole or not at all. `key` sets where it is.
pub(crate) fn write_private(path: &Path, key: &str, content: &str) -> Result<()> {
    let beside = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(content.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().with_context(|| cannot_write(path, key))
}

/// The master key that is there: from the configuration, or from its file.
pub(crate) fn master_key(config: &Config) -> Result<Option<MasterKey>> {
    let path = &config.master_key_file;
    let text = match &config.master_key {
        Some(text) => text.expose_secret().to_owned(),
        None => match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| {
                    let path = path.display();
                    format!(
                        "cannot read the master key at {path}; set `master_key_file` to a file that this user may read"
                    )
                });
            }
        },
    };
    let bytes = STANDARD.decode(text.trim()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    match bytes {
        Some(bytes) => Ok(Some(MasterKey::new(bytes))),
        None => bail!(
            "the master key (`master_key`, or the file {}) must be 32 bytes in base64, such as `openssl rand -base64 32` prints",
            path.display()
        ),
    }
}

/// Makes the master key of a database that is not `in_use`: one that is was set up under another.
pub(crate) fn make_master_key(config: &Config, in_use: bool) -> Result<MasterKey> {
    let path = &config.master_key_file;
    if in_use {
        bail!(
            "the `database` {} is sealed under a master key, and there is none at {}; set `master_key_file` to the one that belongs to it",
            config.database.masked(),
            path.display()
        )
    }
    let mut bytes = [0; 32];
    SystemRandom.fill(&mut bytes);
    write_private(path, "master_key_file", &format!("{}\n", STANDARD.encode(bytes)))?;
    Ok(MasterKey::new(bytes))
}
