//! What cannot be saved: a program that signs the same bodies with the same library and sends them to the same sink by
//! hyper's client, over connections that are kept. No database, no policies, no retries, nothing written down.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use admin_core::webhooks::{Signatures, SigningKey};
use admin_types::{Clock, SystemClock};
use anyhow::{Context, Result, anyhow, ensure};
use bench::process;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Has another process send `count` messages; how many a second, and µs of its CPU for each.
pub(crate) async fn measure(address: &str, body: &[u8], count: u64, folder: &Path) -> Result<(f64, f64)> {
    let file = folder.join("body");
    std::fs::write(&file, body)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--deliveries").arg(count.to_string()).arg("--bare").arg(address).arg(&file);
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let said = String::from_utf8(output.stdout)?;
    let figures = said.trim().split_once(' ').and_then(|(rate, cpu)| Some((rate.parse().ok()?, cpu.parse().ok()?)));
    figures.with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Sends `count` messages over `connections`; how many a second, and µs of CPU for each.
pub(crate) async fn send(address: &str, body: &[u8], count: u64, connections: u64) -> Result<(f64, f64)> {
    let sent = Arc::new(AtomicU64::new(0));
    let body = Bytes::copy_from_slice(body);
    let (began, before) = (Instant::now(), process::cpu(std::process::id())?);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let (address, body, sent) = (address.to_owned(), body.clone(), sent.clone());
        tasks.spawn(async move { one(&address, &body, &sent, count).await });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    let took = began.elapsed();
    let cpu = process::cpu(std::process::id())? - before;
    Ok((count as f64 / took.as_secs_f64(), cpu.as_secs_f64() * 1e6 / count as f64))
}

async fn one(address: &str, body: &Bytes, sent: &AtomicU64, count: u64) -> Result<()> {
    let keys = [SigningKey::read(SECRET).map_err(|why| anyhow!(why))?];
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    loop {
        let number = sent.fetch_add(1, Ordering::Relaxed);
        if number >= count {
            return Ok(());
        }
        let id = format!("evt_{number}");
        let signed = Signatures::of(&keys, &id, SystemClock.now().0 / 1_000_000, body);
        let request = http::Request::post("/bare").header("host", address).header("content-type", "application/json");
        let request = signed.headers().into_iter().fold(request, |request, (name, value)| request.header(name, value));
        sender.ready().await?;
        let answer = sender.send_request(request.body(Full::new(body.clone()))?).await?;
        ensure!(answer.status().is_success(), "the sink answered {}", answer.status());
        answer.into_body().collect().await?;
    }
}
