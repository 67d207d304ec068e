//! Who somebody is signed in as, at which servers: one file in the user's configuration folder, which nobody else may read.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// The profile that is meant when none is named.
pub(crate) const DEFAULT: &str = "default";

/// All profiles.
#[derive(Serialize, Deserialize, Default)]
pub(crate) struct Profiles {
    /// By name.
    pub(crate) profiles: BTreeMap<String, Profile>,
}

/// One sign-in.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Profile {
    /// Where the server is, without a slash at the end.
    pub(crate) url: String,
    pub(crate) access_token: String,
    /// When the access token ends, in seconds since 1970.
    pub(crate) expires_at: i64,
    pub(crate) refresh_token: String,
}

/// The file while this process alone may change it: two that refresh the same token at once would end the sign-in.
pub(crate) struct Locked {
    path: PathBuf,
    pub(crate) profiles: Profiles,
    _lock: File,
}

impl Locked {
    /// Waits for its turn, and reads the file.
    pub(crate) fn open() -> Result<Locked> {
        let folder = folder()?;
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).with_context(|| shown("make", &folder))?;
        let lock = folder.join("credentials.lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&lock)?;
        lock.lock().context("cannot lock the profiles")?;
        let path = folder.join("credentials.json");
        Ok(Locked { profiles: read(&path)?, path, _lock: lock })
    }

    /// Writes the file anew, all of it or nothing.
    pub(crate) fn save(&self) -> Result<()> {
        let new = self.path.with_extension("new");
        // Made anew, so that its mode is what is said here.
        let _ = fs::remove_file(&new);
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&new)?;
        file.write_all(&serde_json::to_vec_pretty(&self.profiles)?)?;
        file.sync_all()?;
        fs::rename(&new, &self.path).with_context(|| shown("write", &self.path))
    }

    /// The profile of a name.
    pub(crate) fn get(&self, name: &str) -> Result<&Profile> {
        self.profiles.profiles.get(name).ok_or_else(|| unknown(&self.profiles, name))
    }
}

/// The profiles as they are.
pub(crate) fn load() -> Result<Profiles> {
    read(&folder()?.join("credentials.json"))
}

fn read(path: &Path) -> Result<Profiles> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Profiles::default()),
        Err(error) => return Err(error).with_context(|| shown("read", path)),
    };
    // What stands in it lets whoever reads it in.
    let mode = file.metadata().with_context(|| shown("read", path))?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let path = path.display();
        bail!(
            "others may read or write {path} (mode {mode:04o}); run `chmod 600 {path}`, and `admin logout` if somebody may have read it"
        );
    }
    let mut text = vec![];
    file.read_to_end(&mut text).with_context(|| shown("read", path))?;
    serde_json::from_slice(&text)
        .with_context(|| format!("{} is damaged; delete it and run `admin login URL`", path.display()))
}

fn unknown(profiles: &Profiles, name: &str) -> anyhow::Error {
    let known: Vec<&str> = profiles.profiles.keys().map(String::as_str).collect();
    match known.as_slice() {
        [] => anyhow::anyhow!("nobody is signed in; run `admin login URL`"),
        known => anyhow::anyhow!("there is no profile `{name}`; there are: {}", known.join(", ")),
    }
}

/// `$XDG_CONFIG_HOME/admin`, or `~/.config/admin`.
fn folder() -> Result<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")));
    match base {
        Some(base) => Ok(base.join("admin")),
        None => bail!("there is no home folder for profiles; set HOME"),
    }
}

fn shown(verb: &str, path: &Path) -> String {
    format!("cannot {verb} {}", path.display())
}
