//! SQLite connections: pragmas, cached statements, and a deadline for long reads.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use admin_types::Result;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::errors;
use crate::row::{Arg, Row};

/// How often a running statement looks at its deadline, in virtual-machine steps (about once a millisecond).
const STEPS_BETWEEN_LOOKS: i32 = 100_000;
/// How long a lock is waited for.
const LOCKED_WITHIN: Duration = Duration::from_secs(10);
/// Prepared statements that a connection keeps.
const STATEMENTS: usize = 256;

/// A SQLite connection.
pub struct SqliteConn {
    connection: Connection,
    /// Whether its statements may take long, so that they must leave the threads that answer requests.
    long: bool,
}

impl SqliteConn {
    /// Opens the file for the writer: WAL, and every commit on disk before it is acknowledged.
    pub(crate) fn open_writer(path: &Path) -> Result<SqliteConn> {
        let connection = Connection::open(path).map_err(errors::sqlite)?;
        write_ahead(&connection).map_err(errors::sqlite)?;
        let pragmas = "PRAGMA synchronous = FULL; PRAGMA cache_size = -8000; PRAGMA temp_store = MEMORY;
            PRAGMA journal_size_limit = 67108864; PRAGMA wal_autocheckpoint = 4000;";
        Self::prepare_connection(connection, pragmas, false)
    }

    /// Opens the file for reads only; `long` ones are kept off the threads that answer requests.
    pub(crate) fn open_reader(path: &Path, long: bool) -> Result<SqliteConn> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(errors::sqlite)?;
        Self::prepare_connection(connection, "PRAGMA query_only = TRUE; PRAGMA cache_size = -4000;", long)
    }

    /// Takes all of the WAL into the file, and empties it; refused while somebody else writes.
    pub(crate) fn checkpoint(path: &Path) -> Result<()> {
        let conn = Self::open_writer(path)?;
        conn.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(errors::sqlite)
    }

    fn prepare_connection(connection: Connection, pragmas: &str, long: bool) -> Result<SqliteConn> {
        connection.busy_timeout(LOCKED_WITHIN).map_err(errors::sqlite)?;
        connection.execute_batch(pragmas).map_err(errors::sqlite)?;
        // Else a statement that a partial index might serve is compiled anew whenever its parameters change.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(errors::sqlite)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(SqliteConn { connection, long })
    }

    /// Statements that still run at `deadline` are stopped; `None` lifts it.
    pub(crate) fn set_deadline(&mut self, deadline: Option<Instant>) -> Result<()> {
        let stop = deadline.map(|deadline| move || Instant::now() >= deadline);
        self.connection.progress_handler(STEPS_BETWEEN_LOOKS, stop).map_err(errors::sqlite)
    }

    pub(crate) fn execute(&self, sql: &str, args: &[Arg<'_>]) -> Result<u64> {
        let mut statement = self.connection.prepare_cached(sql).map_err(errors::sqlite)?;
        bind(&mut statement, args)?;
        Ok(statement.raw_execute().map_err(errors::sqlite)? as u64)
    }

    pub(crate) fn for_each(&self, sql: &str, args: &[Arg<'_>], each: impl FnMut(&Row<'_>) -> Result<()>) -> Result<()> {
        match self.long {
            true => tokio::task::block_in_place(|| self.for_each_here(sql, args, each)),
            false => self.for_each_here(sql, args, each),
        }
    }

    fn for_each_here(&self, sql: &str, args: &[Arg<'_>], mut each: impl FnMut(&Row<'_>) -> Result<()>) -> Result<()> {
        let mut statement = self.connection.prepare_cached(sql).map_err(errors::sqlite)?;
        bind(&mut statement, args)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(errors::sqlite)? {
            each(&Row::Sqlite(row))?;
        }
        Ok(())
    }

    pub(crate) fn batch(&self, sql: &str) -> Result<()> {
        // Transaction control comes with every write: keep it prepared.
        match sql.contains(';') {
            true => self.connection.execute_batch(sql).map_err(errors::sqlite),
            false => self.execute(sql, &[]).map(drop),
        }
    }
}

/// Switches the file to WAL. SQLite waits for a lock, but not in this statement, which holds one itself: of several
/// processes that open a new file at once, all but one are told that it is locked and ask again.
fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let until = Instant::now() + LOCKED_WITHIN;
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < until => {
                thread::sleep(Duration::from_millis(5));
            }
            done => return done,
        }
    }
}

/// Parameters are written `$1…$n` and numbered by SQLite in the order of their first use, so a statement must
/// first use them in ascending order; a test prepares every statement and checks that.
fn bind(statement: &mut rusqlite::CachedStatement<'_>, args: &[Arg<'_>]) -> Result<()> {
    for (i, arg) in args.iter().enumerate() {
        match arg {
            Arg::Null => statement.raw_bind_parameter(i + 1, rusqlite::types::Null),
            Arg::Int(value) => statement.raw_bind_parameter(i + 1, value),
            Arg::Float(value) => statement.raw_bind_parameter(i + 1, value),
            Arg::Text(value) => statement.raw_bind_parameter(i + 1, value),
            Arg::Bytes(value) => statement.raw_bind_parameter(i + 1, value),
        }
        .map_err(errors::sqlite)?;
    }
    Ok(())
}
