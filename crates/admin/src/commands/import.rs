//! `admin import`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures_util::TryStreamExt;
use reqwest::{Body, Method};
use serde_json::Value;
use tokio::io::AsyncRead;
use tokio_util::codec::{BytesCodec, FramedRead};

use crate::command_line::Server;
use crate::commands::client::{Client, progress};
use crate::config::Config;
use crate::out;

/// The most refused lines that are printed for one file.
const SHOWN: usize = 20;

/// Sends the files one after the other; fails if any line was refused.
pub(crate) async fn run(config: &Config, server: &Server, files: &[PathBuf], dry_run: bool) -> Result<()> {
    let client = Client::new(config, server).await?;
    let mut failed = 0;
    for file in files {
        let report = send(&client, file, dry_run).await?;
        failed += print(file, &report["data"]);
    }
    if failed > 0 {
        bail!(
            "{failed} lines were refused; correct them and import them again (lines with an `id` are never made twice)"
        );
    }
    Ok(())
}

async fn send(client: &Client, file: &Path, dry_run: bool) -> Result<Value> {
    let (source, length): (Box<dyn AsyncRead + Send + Unpin>, Option<u64>) = if file == Path::new("-") {
        (Box::new(tokio::io::stdin()), None)
    } else {
        let opened = tokio::fs::File::open(file).await.with_context(|| format!("cannot read {}", file.display()))?;
        let length = opened.metadata().await?.len();
        (Box::new(opened), Some(length))
    };
    let bar = progress(length, &file.display().to_string());
    bar.enable_steady_tick(Duration::from_millis(200));
    let counted = bar.clone();
    let frames = FramedRead::with_capacity(source, BytesCodec::new(), 64 * 1024);
    let chunks = frames.map_ok(move |chunk| {
        counted.inc(chunk.len() as u64);
        chunk.freeze()
    });
    let path = if dry_run { "/v3/resources:import?dry_run=true" } else { "/v3/resources:import" };
    let request = client
        .request(Method::POST, path)
        .header("content-type", "application/x-ndjson")
        .body(Body::wrap_stream(chunks));
    let answer = client.send(request).await;
    bar.finish_and_clear();
    Ok(answer?.json().await?)
}

/// One line for the file and one for each refused line; answers how many there were.
fn print(file: &Path, report: &Value) -> u64 {
    let n = |name: &str| report[name].as_u64().unwrap_or(0);
    let failed = n("failed");
    out::line(&format!(
        "{}: {} created, {} updated, {} unchanged, {failed} refused",
        file.display(),
        n("created"),
        n("updated"),
        n("unchanged")
    ));
    for error in report["errors"].as_array().into_iter().flatten().take(SHOWN) {
        out::problem(&format!(
            "{}:{}: {}",
            file.display(),
            error["line"],
            error["detail"].as_str().unwrap_or_default()
        ));
    }
    failed
}
