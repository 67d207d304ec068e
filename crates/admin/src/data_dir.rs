//! The data folder and the master key in it.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use admin_core::MasterKey;
use admin_types::{Random, SystemRandom};
use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;

use crate::config::Config;

/// Makes the data folder, for its owner alone.
pub(crate) fn create(folder: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(folder).with_context(|| {
        format!(
            "cannot create the data folder {}; set `data_dir` to a folder that this user may write",
            folder.display()
        )
    })
}

/// Writes a file for its owner alone, whole or not at all.
pub(crate) fn write_private(path: &Path, content: &str) -> Result<()> {
    let beside = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(content.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// The master key: from the configuration, from its file, or made at the first start.
pub(crate) fn master_key(config: &Config) -> Result<MasterKey> {
    let path = &config.master_key_file;
    let text = match &config.master_key {
        Some(text) => text.expose_secret().to_owned(),
        None => match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(path)?,
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read the master key file {}", path.display()));
            }
        },
    };
    let bytes = STANDARD.decode(text.trim()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    match bytes {
        Some(bytes) => Ok(MasterKey::new(bytes)),
        None => bail!(
            "the master key (`master_key`, or the file {}) must be 32 bytes in base64, such as `openssl rand -base64 32` prints",
            path.display()
        ),
    }
}

fn make(path: &Path) -> Result<String> {
    let mut bytes = [0; 32];
    SystemRandom.fill(&mut bytes);
    let text = STANDARD.encode(bytes);
    write_private(path, &format!("{text}\n"))?;
    Ok(text)
}
