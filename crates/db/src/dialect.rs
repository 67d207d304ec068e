//! The differences between the databases, each with its reason. Nothing else branches on the database.

use crate::conn::Conn;

/// SQLite must take the write lock at once: a deferred transaction that turns into a write fails when another
/// process wrote in between.
pub(crate) fn begin_write(conn: &Conn) -> &'static str {
    match conn {
        Conn::Sqlite(_) => "BEGIN IMMEDIATE",
        Conn::Postgres(_) => "BEGIN",
    }
}

/// PostgreSQL locks the org's row until the commit, which puts all writes of an org in one order. SQLite has one
/// writer and no `FOR UPDATE`.
pub(crate) fn lock_org(conn: &Conn) -> &'static str {
    match conn {
        Conn::Sqlite(_) => "SELECT seq, catalogue, policies, principals FROM org WHERE org_id = $1",
        Conn::Postgres(_) => "SELECT seq, catalogue, policies, principals FROM org WHERE org_id = $1 FOR UPDATE",
    }
}

/// Which JSON functions a predicate is written with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Json {
    Sqlite,
    Postgres,
}

pub(crate) fn json(conn: &Conn) -> Json {
    match conn {
        Conn::Sqlite(_) => Json::Sqlite,
        Conn::Postgres(_) => Json::Postgres,
    }
}

/// SQLite keeps no figures about what a table holds and takes the wrong index; PostgreSQL does, and has no way to be told.
pub(crate) fn by_index(conn: &Conn, index: &'static str) -> String {
    match conn {
        Conn::Sqlite(_) => format!(" INDEXED BY {index}"),
        Conn::Postgres(_) => String::new(),
    }
}
