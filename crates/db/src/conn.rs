//! One connection of either kind, and the ways to use it.

use admin_types::Result;

use crate::postgres::PostgresConn;
use crate::row::{Arg, Row};
use crate::sqlite::SqliteConn;

/// A connection. On SQLite every call completes before it first yields; on PostgreSQL it waits for the wire.
pub enum Conn {
    /// A SQLite connection of our own.
    Sqlite(SqliteConn),
    /// A PostgreSQL connection, whose statements are prepared once.
    Postgres(PostgresConn),
}

impl Conn {
    /// Runs a statement; answers the number of rows it touched.
    pub async fn execute(&mut self, sql: &str, args: &[Arg<'_>]) -> Result<u64> {
        match self {
            Conn::Sqlite(conn) => conn.execute(sql, args),
            Conn::Postgres(conn) => conn.execute(sql, args).await,
        }
    }

    /// Runs a statement whose answer nobody needs: on PostgreSQL it is sent at once and answered for at the end of the
    /// job, so that a write costs few round trips. Later statements see its effect.
    pub async fn defer(&mut self, sql: &str, args: &[Arg<'_>]) -> Result<()> {
        match self {
            Conn::Sqlite(conn) => conn.execute(sql, args).map(drop),
            Conn::Postgres(conn) => conn.defer(sql, args).await,
        }
    }

    /// Waits for what was deferred.
    pub(crate) async fn flush(&mut self) -> Result<()> {
        match self {
            Conn::Sqlite(_) => Ok(()),
            Conn::Postgres(conn) => conn.flush().await,
        }
    }

    /// Transaction control whose answer is waited for later.
    pub(crate) async fn defer_batch(&mut self, sql: &'static str) -> Result<()> {
        match self {
            Conn::Sqlite(conn) => conn.batch(sql),
            Conn::Postgres(conn) => conn.defer_batch(sql).await,
        }
    }

    /// All rows of a query, each through `map`.
    pub async fn fetch<T: Send>(
        &mut self,
        sql: &str,
        args: &[Arg<'_>],
        mut map: impl FnMut(&Row<'_>) -> Result<T> + Send,
    ) -> Result<Vec<T>> {
        match self {
            Conn::Sqlite(conn) => {
                let mut rows = vec![];
                conn.for_each(sql, args, |row| {
                    rows.push(map(row)?);
                    Ok(())
                })?;
                Ok(rows)
            }
            Conn::Postgres(conn) => conn.query(sql, args).await?.iter().map(|row| map(&Row::Postgres(row))).collect(),
        }
    }

    /// The first row of a query through `map`, or `None`.
    pub async fn fetch_one<T: Send>(
        &mut self,
        sql: &str,
        args: &[Arg<'_>],
        map: impl FnMut(&Row<'_>) -> Result<T> + Send,
    ) -> Result<Option<T>> {
        Ok(self.fetch(sql, args, map).await?.into_iter().next())
    }

    /// Runs SQL without parameters: transaction control and migrations.
    pub(crate) async fn batch(&mut self, sql: &str) -> Result<()> {
        match self {
            Conn::Sqlite(conn) => conn.batch(sql),
            Conn::Postgres(conn) => conn.batch(sql).await,
        }
    }
}
