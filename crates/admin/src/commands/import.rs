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

/// The most refused lines that are printed for one file, and the most places for one line.
const SHOWN: usize = 20;

/// A file that can be read, and its length if it has one.
struct Source {
    name: String,
    content: Box<dyn AsyncRead + Send + Unpin>,
    length: Option<u64>,
}

/// Sends the files one after the other, once all can be read; fails if any line was refused.
pub(crate) async fn run(config: &Config, server: &Server, files: &[PathBuf], dry_run: bool) -> Result<()> {
    let mut sources = vec![];
    for file in files {
        sources.push(open(file).await.with_context(|| format!("cannot read {}", file.display()))?);
    }
    let client = Client::new(config, server).await?;
    let mut failed = 0;
    for source in sources {
        let name = source.name.clone();
        let report = send(&client, source, dry_run).await?;
        failed += print(&name, &report["data"]);
    }
    let remedy = "(lines with an `id` are never made twice)";
    match failed {
        0 => Ok(()),
        1 => bail!("1 line was refused; correct it and import it again {remedy}"),
        _ => bail!("{failed} lines were refused; correct them and import them again {remedy}"),
    }
}

async fn open(file: &Path) -> Result<Source> {
    let name = file.display().to_string();
    if file == Path::new("-") {
        return Ok(Source { name, content: Box::new(tokio::io::stdin()), length: None });
    }
    let opened = tokio::fs::File::open(file).await?;
    let found = opened.metadata().await?;
    if found.is_dir() {
        bail!("it is a folder; name the files in it");
    }
    Ok(Source { name, content: Box::new(opened), length: found.is_file().then_some(found.len()) })
}

async fn send(client: &Client, source: Source, dry_run: bool) -> Result<Value> {
    let Source { name, content, length } = source;
    let bar = progress(length, &name);
    bar.enable_steady_tick(Duration::from_millis(200));
    let counted = bar.clone();
    let frames = FramedRead::with_capacity(content, BytesCodec::new(), 64 * 1024);
    let chunks = frames.map_ok(move |chunk| {
        counted.inc(chunk.len() as u64);
        chunk.freeze()
    });
    let chunks = chunks.map_err(move |error| std::io::Error::new(error.kind(), format!("cannot read {name}: {error}")));
    let path = if dry_run { "/v3/resources:import?dry_run=true" } else { "/v3/resources:import" };
    let request = client
        .request(Method::POST, path)
        .header("content-type", "application/x-ndjson")
        .body(Body::wrap_stream(chunks));
    let answer = client.send(request).await;
    bar.finish_and_clear();
    Ok(answer?.json().await?)
}

/// One line for the file and one for each refused line, with its places if there are several; answers how many there
/// were.
fn print(name: &str, report: &Value) -> u64 {
    let n = |what: &str| report[what].as_u64().unwrap_or(0);
    let failed = n("failed");
    let (created, updated, unchanged) = (n("created"), n("updated"), n("unchanged"));
    out::line(&format!("{name}: {created} created, {updated} updated, {unchanged} unchanged, {failed} refused"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for error in report["errors"].as_array().into_iter().flatten().take(SHOWN) {
        let line = &error["line"];
        let places = error["errors"].as_array().map_or(&[][..], Vec::as_slice);
        if places.len() < 2 {
            out::problem(&format!("{name}:{line}: {}", text(&error["detail"])));
            continue;
        }
        out::problem(&format!("{name}:{line}: {} places are not valid", places.len()));
        for place in places.iter().take(SHOWN) {
            out::problem(&format!("{name}:{line}: {}: {}", text(&place["pointer"]), text(&place["detail"])));
        }
        if places.len() > SHOWN {
            out::problem(&format!("{name}:{line}: and {} more", places.len() - SHOWN));
        }
    }
    failed
}
