//! The schema, by numbered files. Forward only: a migration adds what the next version needs and leaves what the
//! previous one uses, so both may run side by side. A database that is newer than this binary is refused.

use admin_types::{Clock, Error, Kind, Result, SystemClock};

use crate::conn::Conn;
use crate::postgres::PostgresConn;
use crate::row::Arg;
use crate::sqlite::SqliteConn;
use crate::{Target, dialect};

/// Number, name, SQLite's text, PostgreSQL's text.
type Migration = (i64, &'static str, &'static str, &'static str);

macro_rules! migration {
    ($number:literal, $name:literal) => {
        (
            $number,
            $name,
            include_str!(concat!("../migrations/sqlite/", $name, ".sql")),
            include_str!(concat!("../migrations/postgres/", $name, ".sql")),
        )
    };
}

const MIGRATIONS: &[Migration] = &[
    migration!(1, "0001_initial"),
    migration!(2, "0002_access"),
    migration!(3, "0003_references_in_order"),
    migration!(4, "0004_decision_filters"),
    migration!(5, "0005_identity"),
    migration!(6, "0006_api_keys"),
    migration!(7, "0007_people"),
    migration!(8, "0008_protocols"),
    migration!(9, "0009_second_factors"),
    migration!(10, "0010_readers"),
    migration!(11, "0011_webhooks"),
    migration!(12, "0012_proven_addresses"),
    migration!(13, "0013_audit"),
];

/// How long a migration may take, in milliseconds.
const MIGRATION_MS: u64 = 3_600_000;

sql! {
    APPLIED = "SELECT CAST(COALESCE(MAX(version), 0) AS BIGINT) FROM migration";
    RECORD = "INSERT INTO migration (version, name, applied_at) VALUES ($1, $2, $3)";
}

const SQLITE_TABLE: &str = "CREATE TABLE IF NOT EXISTS migration (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT;";
/// The advisory lock makes processes that start together migrate one after the other.
const POSTGRES_TABLE: &str = "SELECT pg_advisory_xact_lock(4729138450187);
    CREATE TABLE IF NOT EXISTS migration (version BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL);";

/// Applies what is missing, in one transaction.
pub(crate) async fn run(target: &Target) -> Result<()> {
    let (mut conn, table) = match target {
        Target::Sqlite(path) => (Conn::Sqlite(SqliteConn::open_writer(path)?), SQLITE_TABLE),
        Target::Postgres(url) => (Conn::Postgres(PostgresConn::connect(url, MIGRATION_MS).await?), POSTGRES_TABLE),
    };
    conn.batch(dialect::begin_write(&conn)).await?;
    conn.batch(table).await?;
    let applied = conn.fetch_one(APPLIED, &[], |row| row.int(0)).await?.unwrap_or(0);
    let newest = MIGRATIONS.last().map_or(0, |migration| migration.0);
    if applied > newest {
        let detail = format!(
            "The database has schema {applied}, but this binary knows only up to {newest}. Start a binary that is as new as the one that wrote it."
        );
        return Err(Error::new(Kind::Unavailable, "schema_too_new", detail));
    }
    for (number, name, sqlite, postgres) in MIGRATIONS.iter().filter(|migration| migration.0 > applied) {
        tracing::info!(migration = name, "applying");
        let text = if matches!(conn, Conn::Sqlite(_)) { sqlite } else { postgres };
        conn.batch(text).await.map_err(|error| Error { context: Some(format!("{name}: {error}")), ..error })?;
        conn.execute(RECORD, &[Arg::Int(*number), Arg::Text(name), Arg::Int(SystemClock.now().0)]).await?;
    }
    conn.batch("COMMIT").await
}
