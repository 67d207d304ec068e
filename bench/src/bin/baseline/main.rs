//! A bare program to compare with: axum and SQLite, the same SQL with native indexes, the same durability; no
//! authentication, no policies, no events, no schema, no history. What Admin costs above this is the price of those.

mod routes;
mod store;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use clap::Parser;

/// A bare axum + SQLite program.
#[derive(Parser)]
struct Options {
    /// The folder of the database; `address` in it says where the program listens.
    #[arg(long)]
    data_dir: PathBuf,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    std::fs::create_dir_all(&options.data_dir)?;
    let store = Arc::new(store::Store::open(&options.data_dir.join("baseline.db"))?);
    let listener = tokio::net::TcpListener::bind(&options.listen).await?;
    let address = listener.local_addr()?;
    std::fs::write(options.data_dir.join("address"), format!("{address}\n"))?;
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
        let _ = stream.set_nodelay(true);
    });
    let server = axum::serve(listener, routes::router(store));
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        served = async { server.await } => served?,
        _ = terminate.recv() => {}
    }
    Ok(())
}
