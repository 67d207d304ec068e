//! `admin export`.

use std::path::Path;

use anyhow::{Context, Result};
use futures_util::TryStreamExt;
use reqwest::Method;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::command_line::Server;
use crate::commands::client::{Client, progress};
use crate::config::Config;

/// Writes the export as it comes.
pub(crate) async fn run(
    config: &Config,
    server: &Server,
    types: Option<&str>,
    filter: Option<&str>,
    output: Option<&Path>,
) -> Result<()> {
    let client = Client::new(config, server).await?;
    let params: Vec<_> =
        [("type", types), ("filter", filter)].into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&params).finish();
    let answer = client.send(client.request(Method::GET, &format!("/v3/resources:export?{query}"))).await?;
    let mut sink: Box<dyn AsyncWrite + Unpin> = match output {
        Some(path) => {
            Box::new(tokio::fs::File::create(path).await.with_context(|| format!("cannot write {}", path.display()))?)
        }
        None => Box::new(tokio::io::stdout()),
    };
    let bar = progress(None, "exporting");
    let mut chunks = answer.bytes_stream();
    while let Some(chunk) = chunks.try_next().await.context("the export was cut off")? {
        let written = async {
            sink.write_all(&chunk).await?;
            sink.flush().await
        };
        match written.await {
            // The reader has what it wanted, such as `head`.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => break,
            written => written.context("cannot write the export")?,
        }
        bar.inc(chunk.len() as u64);
    }
    bar.finish_and_clear();
    Ok(())
}
