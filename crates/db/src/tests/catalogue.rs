//! Both databases have the same tables, and every key begins with the tenant.

use std::collections::{BTreeMap, BTreeSet};

use super::Both;

/// Tables that belong to no org.
const GLOBAL: [&str; 22] = [
    "account",
    "api_key",
    "audit_key",
    "device_code",
    "half_sign_in",
    "lease",
    "logout_notice",
    "account_link",
    "attempt",
    "mail",
    "migration",
    "oauth_grant",
    "oauth_request",
    "oauth_token",
    "passkey",
    "recovery_code",
    "revocation",
    "said_once",
    "session",
    "sign_in_token",
    "signing_key",
    "totp",
];

/// A table, as both databases can tell of it.
#[derive(Default, PartialEq, Eq, Debug)]
struct Table {
    /// Each column: name, kind, whether it may be null.
    columns: Vec<(String, String, bool)>,
    primary_key: Vec<String>,
    /// Each further index: its columns, whether it is unique, whether it leaves rows out.
    indexes: BTreeSet<(Vec<String>, bool, bool)>,
    /// The columns of each foreign key.
    foreign_keys: BTreeSet<Vec<String>>,
}

type Catalogue = BTreeMap<String, Table>;

/// The rows of a query that answers texts alone, one text a column.
fn texts(connection: &rusqlite::Connection, sql: &str) -> Vec<Vec<String>> {
    let mut statement = connection.prepare(sql).expect(sql);
    let width = statement.column_count();
    let rows = statement.query_map([], |row| (0..width).map(|at| row.get(at)).collect());
    rows.expect(sql).map(|row| row.expect("texts")).collect()
}

fn of_sqlite(both: &Both) -> Catalogue {
    let connection = both.sqlite();
    let mut catalogue = Catalogue::new();
    for name in texts(&connection, "SELECT name FROM sqlite_schema WHERE type = 'table'").into_iter().flatten() {
        let mut table = Table::default();
        let columns = format!(
            "SELECT name, type, CAST(\"notnull\" = 0 AND pk = 0 AS TEXT) FROM pragma_table_info('{name}') ORDER BY cid"
        );
        for row in texts(&connection, &columns) {
            table.columns.push((row[0].clone(), row[1].clone(), row[2] == "1"));
        }
        let key = format!("SELECT name FROM pragma_table_info('{name}') WHERE pk > 0 ORDER BY pk");
        table.primary_key = texts(&connection, &key).concat();
        let indexes = format!(
            "SELECT name, CAST(\"unique\" AS TEXT), CAST(partial AS TEXT) FROM pragma_index_list('{name}') WHERE origin <> 'pk'"
        );
        for index in texts(&connection, &indexes) {
            let columns = format!("SELECT name FROM pragma_index_info('{}') ORDER BY seqno", index[0]);
            table.indexes.insert((texts(&connection, &columns).concat(), index[1] == "1", index[2] == "1"));
        }
        let references =
            format!("SELECT CAST(id AS TEXT), \"from\" FROM pragma_foreign_key_list('{name}') ORDER BY id, seq");
        let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in texts(&connection, &references) {
            keys.entry(row[0].clone()).or_default().push(row[1].clone());
        }
        table.foreign_keys = keys.into_values().collect();
        catalogue.insert(name, table);
    }
    catalogue
}

async fn of_postgres(both: &Both) -> Catalogue {
    let client = both.postgres().await;
    let mut catalogue = Catalogue::new();
    let columns = "SELECT table_name::TEXT, column_name::TEXT, data_type::TEXT, is_nullable = 'YES'
        FROM information_schema.columns WHERE table_schema = 'public' ORDER BY table_name, ordinal_position";
    for row in client.query(columns, &[]).await.expect("columns") {
        let kind = match row.get::<_, &str>(2) {
            "bigint" => "INTEGER",
            "bytea" => "BLOB",
            "text" => "TEXT",
            other => other,
        };
        let table: &mut Table = catalogue.entry(row.get(0)).or_default();
        table.columns.push((row.get(1), kind.to_owned(), row.get(3)));
    }
    let indexes = "SELECT t.relname::TEXT, i.indisprimary, i.indisunique, i.indpred IS NOT NULL,
            ARRAY(SELECT a.attname::TEXT FROM unnest(i.indkey) WITH ORDINALITY k (number, at)
                JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number ORDER BY k.at)
        FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid WHERE t.relnamespace = 'public'::regnamespace";
    for row in client.query(indexes, &[]).await.expect("indexes") {
        let table = catalogue.get_mut(row.get::<_, &str>(0)).expect("a table");
        let columns: Vec<String> = row.get(4);
        match row.get(1) {
            true => table.primary_key = columns,
            false => drop(table.indexes.insert((columns, row.get(2), row.get(3)))),
        }
    }
    let references =
        "SELECT t.relname::TEXT, ARRAY(SELECT a.attname::TEXT FROM unnest(c.conkey) WITH ORDINALITY k (number, at)
                JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number ORDER BY k.at)
        FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid WHERE c.contype = 'f'";
    for row in client.query(references, &[]).await.expect("foreign keys") {
        let table = catalogue.get_mut(row.get::<_, &str>(0)).expect("a table");
        table.foreign_keys.insert(row.get(1));
    }
    catalogue
}

#[tokio::test]
async fn both_databases_have_the_same_catalogue() {
    let both = Both::migrated().await;
    let (sqlite, postgres) = (of_sqlite(&both), of_postgres(&both).await);
    assert!(sqlite.len() > 10, "{:?}", sqlite.keys());
    assert_eq!(sqlite.keys().collect::<Vec<_>>(), postgres.keys().collect::<Vec<_>>());
    for (name, table) in &sqlite {
        assert_eq!(table, &postgres[name], "{name}: SQLite on the left, PostgreSQL on the right");
    }
}

#[tokio::test]
async fn texts_sort_bytewise() {
    let both = Both::migrated().await;
    let sql = "SELECT table_name::TEXT, column_name::TEXT FROM information_schema.columns WHERE table_schema = 'public'
        AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C' AND table_name <> 'migration'";
    let odd = both.postgres().await.query(sql, &[]).await.expect("columns");
    let odd: Vec<(String, String)> = odd.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(odd, [], "columns without COLLATE \"C\"");
    let strict = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND strict = 0 AND name NOT LIKE 'sqlite_%'";
    assert_eq!(texts(&both.sqlite(), strict), Vec::<Vec<String>>::new(), "tables that are not STRICT");
}

#[tokio::test]
async fn every_key_begins_with_the_org() {
    let both = Both::migrated().await;
    for (name, table) in of_sqlite(&both).iter().filter(|(name, _)| !GLOBAL.contains(&name.as_str())) {
        let unique = table.indexes.iter().filter(|(_, unique, _)| *unique).map(|(columns, ..)| columns);
        for key in [&table.primary_key].into_iter().chain(unique).chain(&table.foreign_keys) {
            assert_eq!(key.first().map(String::as_str), Some("org_id"), "{name}: the key {key:?}");
        }
    }
}
