//! PostgreSQL connections: TLS as the URL asks for it, statements prepared once, a deadline on the server.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use admin_types::{Error, Result};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::errors;
use crate::row::{Arg, Value};

/// Prepared statements that a connection keeps; list queries make new ones, so there is a bound.
const STATEMENTS: usize = 512;

/// A statement that was sent and not yet answered.
type Pending = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// A PostgreSQL connection.
pub struct PostgresConn {
    client: Arc<Client>,
    statements: HashMap<String, Statement>,
    pending: Vec<Pending>,
    /// For a connection that only reads: where it leads, and the deadline of its statements, to open it once more.
    again: Option<(String, u64)>,
}

/// The order of a join and the use of indexes are chosen in `list`, not by estimates, which are wrong after a bulk
/// load; generic plans, because planning costs more than most of our statements.
const SETTINGS: &str = "SET default_transaction_isolation = 'read committed'; SET plan_cache_mode = force_generic_plan;
    SET join_collapse_limit = 1; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
    SET enable_bitmapscan = off; SET max_parallel_workers_per_gather = 0; SET jit = off;";

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
        let settings = format!("{SETTINGS} SET statement_timeout = {statement_timeout_ms}");
        client.batch_execute(&settings).await.map_err(errors::postgres)?;
        Ok(PostgresConn { client: Arc::new(client), statements: HashMap::new(), pending: vec![], again: None })
    }

    /// Connects for reads outside of transactions: a query whose connection turns out to have ended, as all do when the
    /// server restarts, is asked once more on a new one.
    pub(crate) async fn connect_reader(url: &str, statement_timeout_ms: u64) -> Result<PostgresConn> {
        let again = Some((url.to_owned(), statement_timeout_ms));
        Ok(PostgresConn { again, ..PostgresConn::connect(url, statement_timeout_ms).await? })
    }

    /// Whether the connection has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    async fn prepare(&mut self, sql: &str) -> Result<Statement, tokio_postgres::Error> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).await?;
        if self.statements.len() >= STATEMENTS {
            self.statements.clear();
        }
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    pub(crate) async fn execute(&mut self, sql: &str, args: &[Arg<'_>]) -> Result<u64> {
        let statement = self.prepare(sql).await.map_err(errors::postgres)?;
        self.client.execute(&statement, &params(args)).await.map_err(errors::postgres)
    }

    /// Sends a statement without waiting for its answer; [`PostgresConn::flush`] does.
    pub(crate) async fn defer(&mut self, sql: &str, args: &[Arg<'_>]) -> Result<()> {
        let statement = self.prepare(sql).await.map_err(errors::postgres)?;
        let (client, values) = (self.client.clone(), args.iter().map(Value::of).collect::<Vec<_>>());
        self.send(Box::pin(async move {
            let args = values.iter().map(Value::arg);
            client.execute_raw(&statement, args).await.map(drop).map_err(errors::postgres)
        }))
        .await
    }

    /// Sends transaction control without waiting for its answer.
    pub(crate) async fn defer_batch(&mut self, sql: &'static str) -> Result<()> {
        let client = self.client.clone();
        self.send(Box::pin(async move { client.batch_execute(sql).await.map_err(errors::postgres) })).await
    }

    /// The first poll of a query puts it on the wire; the answers come in the order of the queries.
    async fn send(&mut self, mut query: Pending) -> Result<()> {
        let first = std::future::poll_fn(|context| Poll::Ready(query.as_mut().poll(context))).await;
        match first {
            Poll::Ready(answer) => answer,
            Poll::Pending => {
                self.pending.push(query);
                Ok(())
            }
        }
    }

    /// Waits for the answers of all statements sent; the first error is the one that counts.
    pub(crate) async fn flush(&mut self) -> Result<()> {
        let mut result = Ok(());
        for query in self.pending.drain(..) {
            let answer = query.await;
            if result.is_ok() {
                result = answer;
            }
        }
        result
    }

    /// All rows of a query.
    pub(crate) async fn query(&mut self, sql: &str, args: &[Arg<'_>]) -> Result<Vec<tokio_postgres::Row>> {
        let answer = self.query_here(sql, args).await;
        match (&answer, self.again.take()) {
            (Err(error), Some((url, timeout))) if has_ended(error) => {
                *self = PostgresConn::connect_reader(&url, timeout).await?;
                self.query_here(sql, args).await.map_err(errors::postgres)
            }
            (_, again) => {
                self.again = again;
                answer.map_err(errors::postgres)
            }
        }
    }

    async fn query_here(
        &mut self,
        sql: &str,
        args: &[Arg<'_>],
    ) -> Result<Vec<tokio_postgres::Row>, tokio_postgres::Error> {
        let statement = self.prepare(sql).await?;
        self.client.query(&statement, &params(args)).await
    }

    pub(crate) async fn batch(&self, sql: &str) -> Result<()> {
        self.client.batch_execute(sql).await.map_err(errors::postgres)
    }
}

/// Whether the connection has ended, by an error of the connection itself or by the server's word that it shuts down
/// or has crashed (class 57P).
fn has_ended(error: &tokio_postgres::Error) -> bool {
    error.is_closed() || error.code().is_some_and(|state| state.code().starts_with("57P"))
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
