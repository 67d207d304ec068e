//! The only crate that knows SQL. One facade over two drivers: [`Db::write`] runs a closure in a group commit,
//! [`Db::read`] hands out a [`Conn`] for queries. One file per noun holds its statements; only `dialect` branches on
//! the database.

/// Names the statements of a module and lists them, so that a test can prepare each on both databases.
macro_rules! sql {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* const $name: &str = $text;)*
        #[cfg(test)]
        pub(crate) const STATEMENTS: &[&str] = &[$($name),*];
    };
}

pub mod account_links;
pub mod accounts;
pub mod api_keys;
pub mod attempts;
pub mod audit;
pub mod client_secrets;
mod conn;
pub mod counts;
pub mod decisions;
pub mod deliveries;
pub mod device_codes;
mod dialect;
mod errors;
pub mod event_readers;
pub mod events;
mod group;
pub mod half_sign_in;
pub mod idempotency;
pub mod index_builds;
pub mod indexes;
mod lane;
pub mod leases;
pub mod list;
pub mod logout_notices;
pub mod mail;
mod migrate;
pub mod oauth;
pub mod orgs;
pub mod passkeys;
pub mod place;
mod postgres;
mod predicate;
mod reader;
pub mod recovery_codes;
pub mod references;
pub mod resources;
pub mod revocations;
mod row;
pub mod secrets;
pub mod sessions;
pub mod sign_in;
pub mod signing_keys;
mod sqlite;
#[cfg(test)]
mod tests;
pub mod totp;
pub mod uniques;
pub mod webhooks;

pub use conn::Conn;
pub use group::{Head, Tx};
pub use lane::LaneOptions;
pub use reader::{Reader, SCAN_SECONDS};
pub use row::{Arg, Row};

use std::fs::{OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use admin_types::{Error, OrgId, Result};
use tokio::sync::broadcast;

use crate::lane::Lanes;
use crate::reader::Readers;

/// Commits that those who hear of them may be late by.
const HEADS: usize = 1024;

/// Where the data is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL connection URL.
    Postgres(String),
}

impl Target {
    /// Whether there is nothing yet. Of a server, only asking it would tell.
    pub fn is_missing(&self) -> bool {
        matches!(self, Target::Sqlite(path) if !path.exists())
    }

    /// The target for people: without a password.
    pub fn masked(&self) -> String {
        match self {
            Target::Sqlite(path) => format!("sqlite:{}", path.display()),
            Target::Postgres(url) => mask_password(url),
        }
    }
}

/// A text without the password, if it is a URL that has one.
pub fn mask_password(text: &str) -> String {
    let masked = || {
        let (scheme, rest) = text.split_once("://")?;
        let (credentials, place) = rest.rsplit_once('@')?;
        let (user, _) = credentials.split_once(':')?;
        Some(format!("{scheme}://{user}:***@{place}"))
    };
    masked().unwrap_or_else(|| text.to_owned())
}

impl std::str::FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Target, String> {
        match text.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => {
                Ok(Target::Sqlite(path.strip_prefix("//").unwrap_or(path).into()))
            }
            Some(("postgres" | "postgresql", _)) => match text.parse::<tokio_postgres::Config>() {
                Ok(_) => Ok(Target::Postgres(text.to_owned())),
                Err(error) => Err(format!("is not a PostgreSQL URL: {error}")),
            },
            _ => Err("must be sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE".into()),
        }
    }
}

/// An open database: writers in lanes, readers in a pool. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    target: Target,
    lanes: Lanes,
    readers: Readers,
    heads: broadcast::Sender<Head>,
}

impl Db {
    /// Opens the database and applies what migrations are missing. Errors name the remedy: unreachable, locked,
    /// or a schema that is newer than this binary.
    pub async fn open(target: Target, options: LaneOptions) -> Result<Db> {
        if let Target::Sqlite(path) = &target {
            keep_private(path).map_err(|error| Error::unavailable("The database file cannot be opened.", error))?;
        }
        migrate::run(&target).await?;
        let (heads, _) = broadcast::channel(HEADS);
        let lanes = Lanes::start(&target, options, &heads).await?;
        let readers = Readers::open(&target).await?;
        Ok(Db { inner: Arc::new(Inner { target, lanes, readers, heads }) })
    }

    /// Where the data is.
    pub fn target(&self) -> &Target {
        &self.inner.target
    }

    /// Runs `job` in a transaction that holds the org's lock, and answers once it is on disk. `job` may run more than
    /// once (after a serialisation failure), so it must keep its effects inside the transaction.
    pub async fn write<T, F>(&self, org: OrgId, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T> + Send + 'static,
    {
        self.inner.lanes.write(Some(org), job).await
    }

    /// Like [`Db::write`] for the global tables, which belong to no org.
    pub async fn write_global<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T> + Send + 'static,
    {
        self.inner.lanes.write(None, job).await
    }

    /// A connection for reads that touch few rows. On SQLite they run where they are called (10–60 µs), inside one
    /// snapshot that ends when the reader is dropped.
    pub async fn read(&self) -> Result<Reader> {
        self.inner.readers.point().await
    }

    /// A connection for one statement that touches few rows: no snapshot, which would cost two more.
    pub async fn read_once(&self) -> Result<Reader> {
        self.inner.readers.single().await
    }

    /// A connection for reads that may touch many rows: kept off the threads that answer requests, few at a time,
    /// and stopped after [`SCAN_SECONDS`].
    pub async fn scan(&self) -> Result<Reader> {
        self.inner.readers.scan().await
    }

    /// Hears of every org that this process wrote to, after its commit. Who is slower than the writers by more than
    /// a thousand commits is told that some were missed. Of other processes' commits it says nothing.
    pub fn heads(&self) -> broadcast::Receiver<Head> {
        self.inner.heads.subscribe()
    }

    /// Whether this is the only process that may write here, as it is on SQLite.
    pub fn is_embedded(&self) -> bool {
        matches!(self.inner.target, Target::Sqlite(_))
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        self.read_once().await?.fetch_one("SELECT CAST(1 AS BIGINT)", &[], |row| row.int(0)).await?;
        Ok(())
    }

    /// Stops the writers after what is waiting has been written. Later writes are refused. What SQLite keeps beside its file is in
    /// the file then, so that a copy of it is whole.
    pub async fn close(&self) {
        self.inner.lanes.close().await;
        if let Target::Sqlite(path) = &self.inner.target {
            let path = path.clone();
            match tokio::task::spawn_blocking(move || sqlite::SqliteConn::checkpoint(&path)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "what is in admin.db-wal stays there until the next start"),
                Err(error) => tracing::debug!(%error, "the database could not be tidied up"),
            }
        }
    }
}

/// Makes the SQLite file if there is none, and keeps it and those that SQLite puts beside it from all but their owner.
fn keep_private(path: &Path) -> std::io::Result<()> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    for end in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(end);
        match std::fs::set_permissions(&file, Permissions::from_mode(0o600)) {
            // The files of another user are theirs to keep.
            Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => {
                return Err(error);
            }
            _ => {}
        }
    }
    Ok(())
}

/// A statement that no row answers to is a fault of ours.
fn expect_row<T>(row: Option<T>, what: &str) -> Result<T> {
    row.ok_or_else(|| Error::internal(format!("no row: {what}")))
}
