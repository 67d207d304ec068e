//! Connections for reads, in two pools: point reads, which run where they are called, and scans, which are few and
//! bounded in time.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use admin_types::{Error, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Target;
use crate::conn::Conn;
use crate::postgres::PostgresConn;
use crate::sqlite::SqliteConn;

/// How long a scan may take, in seconds.
pub const SCAN_SECONDS: u64 = 30;
/// How long a point read may take, in seconds.
const POINT_SECONDS: u64 = 10;
const POINT_READERS: usize = 8;
const SCAN_READERS: usize = 4;

/// A connection on loan.
pub struct Reader {
    conn: Option<Conn>,
    /// Whether a SQLite connection holds a snapshot open.
    snapshot: bool,
    home: Arc<Pool>,
    _permit: OwnedSemaphorePermit,
}

impl Deref for Reader {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        self.conn.as_ref().expect("taken only by drop")
    }
}

impl DerefMut for Reader {
    fn deref_mut(&mut self) -> &mut Conn {
        self.conn.as_mut().expect("taken only by drop")
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            let intact = match &conn {
                Conn::Sqlite(sqlite) => !self.snapshot || sqlite.batch("COMMIT").is_ok(),
                Conn::Postgres(postgres) => !postgres.is_closed(),
            };
            if intact {
                self.home.idle.lock().expect("no thread panics while it holds this").push(conn);
            }
        }
    }
}

pub(crate) struct Readers {
    point: Arc<Pool>,
    scan: Arc<Pool>,
}

impl Readers {
    pub(crate) async fn open(target: &Target) -> Result<Readers> {
        Ok(Readers {
            point: Pool::new(target, POINT_READERS, POINT_SECONDS, false),
            scan: Pool::new(target, SCAN_READERS, SCAN_SECONDS, true),
        })
    }

    pub(crate) async fn point(&self) -> Result<Reader> {
        self.point.clone().take(true).await
    }

    pub(crate) async fn single(&self) -> Result<Reader> {
        self.point.clone().take(false).await
    }

    pub(crate) async fn scan(&self) -> Result<Reader> {
        self.scan.clone().take(true).await
    }
}

/// Idle connections, newest first, so that the warm ones are used again.
struct Pool {
    target: Target,
    seconds: u64,
    long: bool,
    idle: Mutex<Vec<Conn>>,
    permits: Arc<Semaphore>,
}

impl Pool {
    fn new(target: &Target, size: usize, seconds: u64, long: bool) -> Arc<Pool> {
        let permits = Arc::new(Semaphore::new(size));
        Arc::new(Pool { target: target.clone(), seconds, long, idle: Mutex::default(), permits })
    }

    async fn take(self: Arc<Self>, snapshot: bool) -> Result<Reader> {
        let permit = match self.permits.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                let waiting =
                    tokio::time::timeout(Duration::from_secs(self.seconds), self.permits.clone().acquire_owned());
                waiting.await.map_err(|_| busy())?.map_err(Error::internal)?
            }
        };
        let mut conn = match self.idle() {
            Some(conn) => conn,
            None => self.open().await?,
        };
        if let Conn::Sqlite(sqlite) = &mut conn {
            sqlite.set_deadline(Some(Instant::now() + Duration::from_secs(self.seconds)))?;
            if snapshot {
                sqlite.batch("BEGIN")?;
            }
        }
        Ok(Reader { conn: Some(conn), snapshot, home: self, _permit: permit })
    }

    /// The newest idle connection that is still open; those that ended meanwhile are dropped.
    fn idle(&self) -> Option<Conn> {
        let mut idle = self.idle.lock().expect("no thread panics while it holds this");
        idle.retain(|conn| match conn {
            Conn::Sqlite(_) => true,
            Conn::Postgres(conn) => !conn.is_closed(),
        });
        idle.pop()
    }

    async fn open(&self) -> Result<Conn> {
        match &self.target {
            Target::Sqlite(path) => SqliteConn::open_reader(path, self.long).map(Conn::Sqlite),
            Target::Postgres(url) => PostgresConn::connect_reader(url, self.seconds * 1000).await.map(Conn::Postgres),
        }
    }
}

fn busy() -> Error {
    Error::unavailable("All database connections are busy. Try again shortly.", "reader pool exhausted")
}
