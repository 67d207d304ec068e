//! The database: one table with columns and native indexes for what is filtered and sorted by.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use admin_types::{Resource, ResourceId};
use anyhow::{Context, Result};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, params};

use crate::writer::Writer;

/// The one tenant, which stands first in every key.
const ORG: [u8; 16] = [7; 16];

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS resource (
    org_id BLOB NOT NULL,
    id BLOB NOT NULL,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    region TEXT NOT NULL,
    code INTEGER NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (org_id, id)
) STRICT;
CREATE INDEX IF NOT EXISTS resource_by_type ON resource (org_id, type, id);
CREATE INDEX IF NOT EXISTS resource_by_region ON resource (org_id, type, region, id);
CREATE INDEX IF NOT EXISTS resource_by_code ON resource (org_id, type, region, code, id);";

const INSERT: &str =
    "INSERT INTO resource (org_id, id, type, name, status, region, code, version, created_at, updated_at, document)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
const GET: &str = "SELECT version, document FROM resource WHERE org_id = ?1 AND id = ?2";
const UPDATE: &str =
    "UPDATE resource SET name = ?3, region = ?4, code = ?5, version = ?6, updated_at = ?7, document = ?8
    WHERE org_id = ?1 AND id = ?2";
const PAGE: &str = "SELECT id, document FROM resource WHERE org_id = ?1 AND type = ?2 AND id > ?3 ORDER BY id LIMIT ?4";
const PAGE_OF_REGION: &str = "SELECT id, document FROM resource WHERE org_id = ?1 AND type = ?2 AND id > ?3 AND region = ?5 ORDER BY id LIMIT ?4";
const PAGE_BY_CODE: &str =
    "SELECT id, document FROM resource WHERE org_id = ?1 AND type = ?2 AND region = ?3 ORDER BY code, id LIMIT ?4";
const COUNT: &str = "SELECT COUNT(*) FROM resource WHERE org_id = ?1 AND type = ?2";
const COUNT_OF_REGION: &str = "SELECT COUNT(*) FROM resource WHERE org_id = ?1 AND type = ?2 AND region = ?3";

/// Which page of which list.
#[derive(Debug)]
pub(crate) struct ListQuery {
    pub(crate) type_name: String,
    pub(crate) region: Option<String>,
    pub(crate) by_code: bool,
    pub(crate) after: Option<ResourceId>,
    pub(crate) limit: usize,
    pub(crate) total: bool,
}

/// A page.
pub(crate) struct Page {
    pub(crate) documents: Vec<String>,
    pub(crate) next: Option<ResourceId>,
    pub(crate) total: Option<i64>,
}

/// The writer, and connections for reads, which run where they are called.
pub(crate) struct Store {
    path: PathBuf,
    pub(crate) writer: Writer,
    readers: Mutex<Vec<Connection>>,
}

impl Store {
    /// Opens the file with the same settings that Admin uses.
    pub(crate) fn open(path: &Path) -> Result<Store> {
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
            PRAGMA cache_size = -8000; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 67108864;",
        )?;
        connection.execute_batch(SCHEMA)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(Store { path: path.to_owned(), writer: Writer::start(connection)?, readers: Mutex::default() })
    }

    fn read<T>(&self, job: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let idle = self.readers.lock().map_err(|_| anyhow::anyhow!("a reader panicked"))?.pop();
        let connection = match idle {
            Some(connection) => connection,
            None => {
                let connection = Connection::open(&self.path)?;
                connection.execute_batch("PRAGMA busy_timeout = 10000; PRAGMA cache_size = -4000;")?;
                connection.set_prepared_statement_cache_capacity(64);
                // Without it SQLite prepares a statement anew whenever a value is bound that its plan might depend on.
                connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
                connection
            }
        };
        let result = job(&connection);
        self.readers.lock().map_err(|_| anyhow::anyhow!("a reader panicked"))?.push(connection);
        result
    }

    pub(crate) fn get(&self, id: ResourceId) -> Result<Option<(i64, String)>> {
        self.read(|connection| get(connection, id))
    }

    /// A page, and with it the total if it was asked for, in one snapshot.
    pub(crate) fn list(&self, query: &ListQuery) -> Result<Page> {
        self.read(|connection| {
            connection.prepare_cached("BEGIN")?.execute([])?;
            let page = list(connection, query);
            connection.prepare_cached("COMMIT")?.execute([])?;
            page
        })
    }
}

pub(crate) fn get(connection: &Connection, id: ResourceId) -> Result<Option<(i64, String)>> {
    let mut statement = connection.prepare_cached(GET)?;
    Ok(statement.query_row(params![ORG, id.bytes], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

fn list(connection: &Connection, query: &ListQuery) -> Result<Page> {
    let (of_type, limit) = (&query.type_name, query.limit as i64 + 1);
    let after: &[u8] = query.after.as_ref().map_or(&[], |id| &id.bytes);
    let map = |row: &rusqlite::Row<'_>| Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, String>(1)?));
    let (mut statement, count);
    let rows = match &query.region {
        None => {
            statement = connection.prepare_cached(PAGE)?;
            count = (COUNT, None);
            statement.query_map(params![ORG, of_type, after, limit], map)?
        }
        Some(region) if query.by_code => {
            statement = connection.prepare_cached(PAGE_BY_CODE)?;
            count = (COUNT_OF_REGION, Some(region));
            statement.query_map(params![ORG, of_type, region, limit], map)?
        }
        Some(region) => {
            statement = connection.prepare_cached(PAGE_OF_REGION)?;
            count = (COUNT_OF_REGION, Some(region));
            statement.query_map(params![ORG, of_type, after, limit, region], map)?
        }
    };
    let mut rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    let more = rows.len() > query.limit;
    rows.truncate(query.limit);
    let next = rows.last().filter(|_| more).map(|(id, _)| ResourceId::of_row(of_type, *id));
    let total = match (query.total, count) {
        (false, _) => None,
        (true, (sql, None)) => {
            Some(connection.prepare_cached(sql)?.query_row(params![ORG, of_type], |row| row.get(0))?)
        }
        (true, (sql, region)) => {
            Some(connection.prepare_cached(sql)?.query_row(params![ORG, of_type, region], |row| row.get(0))?)
        }
    };
    Ok(Page { documents: rows.into_iter().map(|(_, document)| document).collect(), next, total })
}

/// The columns that lists filter and sort by.
fn columns(resource: &Resource) -> Result<(&str, i64)> {
    let region = resource.attributes.get("region").and_then(|value| value.as_str());
    let code = resource.attributes.get("code").and_then(serde_json::Value::as_i64);
    region.zip(code).context("a row needs a region and a code")
}

pub(crate) fn insert(connection: &Connection, resource: &Resource, document: &str) -> Result<()> {
    let (region, code) = columns(resource)?;
    connection.prepare_cached(INSERT)?.execute(params![
        ORG,
        resource.id.bytes,
        resource.type_name,
        resource.name,
        resource.status,
        region,
        code,
        resource.version,
        resource.created_at.0,
        resource.updated_at.0,
        document
    ])?;
    Ok(())
}

pub(crate) fn update(connection: &Connection, resource: &Resource, document: &str) -> Result<()> {
    let (region, code) = columns(resource)?;
    connection.prepare_cached(UPDATE)?.execute(params![
        ORG,
        resource.id.bytes,
        resource.name,
        region,
        code,
        resource.version,
        resource.updated_at.0,
        document
    ])?;
    Ok(())
}
