//! PostgreSQL connections: TLS as the URL asks for it, statements prepared once, a deadline on the server.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use admin_types::{Error, Result};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::errors;
use crate::row::Arg;

/// Prepared statements that a connection keeps; list queries make new ones, so there is a bound.
const STATEMENTS: usize = 512;

/// A PostgreSQL connection. Clones share it: their statements are pipelined.
#[derive(Clone)]
pub struct PostgresConn {
    client: Arc<Client>,
    statements: Arc<Mutex<HashMap<String, Statement>>>,
}

impl PostgresConn {
    /// Connects; the connection's background task ends with the last clone.
    pub(crate) async fn connect(url: &str, statement_timeout_ms: u64) -> Result<PostgresConn> {
        let config: Config = url.parse().map_err(errors::postgres)?;
        let client = match config.get_ssl_mode() {
            tokio_postgres::config::SslMode::Disable => {
                let (client, connection) = config.connect(NoTls).await.map_err(errors::postgres)?;
                tokio::spawn(watch(connection));
                client
            }
            _ => {
                let (client, connection) = config.connect(tls()?).await.map_err(errors::postgres)?;
                tokio::spawn(watch(connection));
                client
            }
        };
        let settings = format!(
            "SET statement_timeout = {statement_timeout_ms}; SET default_transaction_isolation = 'read committed'; SET jit = off"
        );
        client.batch_execute(&settings).await.map_err(errors::postgres)?;
        Ok(PostgresConn { client: Arc::new(client), statements: Arc::default() })
    }

    /// Whether the connection has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    pub(crate) async fn prepare(&self, sql: &str) -> Result<Statement> {
        let cached = self.statements.lock().expect("no thread panics while it holds this").get(sql).cloned();
        if let Some(statement) = cached {
            return Ok(statement);
        }
        let statement = self.client.prepare(sql).await.map_err(errors::postgres)?;
        let mut statements = self.statements.lock().expect("no thread panics while it holds this");
        if statements.len() >= STATEMENTS {
            statements.clear();
        }
        statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    pub(crate) async fn execute(&self, sql: &str, args: &[Arg<'_>]) -> Result<u64> {
        let statement = self.prepare(sql).await?;
        self.client.execute(&statement, &params(args)).await.map_err(errors::postgres)
    }

    pub(crate) async fn query(&self, sql: &str, args: &[Arg<'_>]) -> Result<Vec<tokio_postgres::Row>> {
        let statement = self.prepare(sql).await?;
        self.client.query(&statement, &params(args)).await.map_err(errors::postgres)
    }

    pub(crate) async fn batch(&self, sql: &str) -> Result<()> {
        self.client.batch_execute(sql).await.map_err(errors::postgres)
    }
}

fn params<'a>(args: &'a [Arg<'_>]) -> Vec<&'a (dyn ToSql + Sync)> {
    args.iter().map(|arg| arg as _).collect()
}

async fn watch(connection: impl Future<Output = Result<(), tokio_postgres::Error>>) {
    if let Err(error) = connection.await {
        tracing::warn!(%error, "a connection to PostgreSQL ended");
    }
}

/// TLS with the machine's trust store. `sslmode=prefer`, the default, falls back to plain text when the server has no TLS.
fn tls() -> Result<MakeRustlsConnect> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Error::internal)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}
