//! What holds for all statements and for the whole schema, on both databases.

mod beyond;
mod catalogue;
mod decisions;
mod migrations;
mod statements;

use std::path::PathBuf;

use admin_testkit::postgres::{self, Database};
use tempfile::TempDir;
use tokio_postgres::NoTls;

use crate::{Target, migrate};

/// An empty database of each kind; they go with this value.
struct Both {
    folder: TempDir,
    database: Database,
}

impl Both {
    async fn empty() -> Both {
        Both { folder: tempfile::tempdir().expect("a folder"), database: postgres::database().await }
    }

    async fn migrated() -> Both {
        let both = Both::empty().await;
        for target in both.targets() {
            migrate::run(&target).await.expect("the migrations apply");
        }
        both
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("admin.db")
    }

    fn targets(&self) -> [Target; 2] {
        [Target::Sqlite(self.file()), Target::Postgres(self.database.url.clone())]
    }

    fn sqlite(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.file()).expect("the file opens")
    }

    async fn postgres(&self) -> tokio_postgres::Client {
        let (client, connection) =
            tokio_postgres::connect(&self.database.url, NoTls).await.expect("PostgreSQL answers");
        tokio::spawn(connection);
        client
    }
}
