//! Live streams: what many that are idle take, and what an event costs that some of them want.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bench::admin::Admin;
use bench::http::Request;
use bench::process;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::say;

/// Who listens for what: these many for each of these words, the others for the last.
const GROUPS: [(usize, &str); 3] = [(1, "one"), (10, "ten"), (100, "hundred")];
/// How each event begins in a stream.
const EVENT: &[u8] = b"\nevent: signal.created";
/// How long the idle cost is measured.
const IDLE: Duration = Duration::from_secs(10);
/// Streams that are opened at once.
const AT_ONCE: usize = 50;

pub(super) async fn measure(streams: usize) -> Result<()> {
    ensure!(streams >= 1000, "at least 1,000 streams");
    let folder = tempfile::tempdir()?;
    let admin = Admin::start(folder.path(), None)?;
    let schema = json!({"type": "object", "properties": {"to": {"type": "string", "x-index": true}}});
    admin.post("/v3/types", &json!({"name": "signal", "attributes": {"schema": schema}})).await?;
    let (before, _) = process::memory(admin.server.id())?;
    let heard = Arc::new(AtomicU64::new(0));
    let words: Vec<&str> = GROUPS.iter().flat_map(|(count, word)| std::iter::repeat_n(*word, *count)).collect();
    for first in (0..streams).step_by(AT_ONCE) {
        let opened = (first..streams.min(first + AT_ONCE))
            .map(|at| open(&admin, words.get(at).copied().unwrap_or("rest"), heard.clone()));
        futures_util::future::try_join_all(opened).await?;
    }
    let (after, _) = process::memory(admin.server.id())?;
    let idle = idle(&admin).await?;
    let each = (after - before) as f64 / streams as f64 / 1024.0;
    say("")?;
    say(&format!(
        "{streams} idle streams: {} MB in all ({} MB before), {each:.1} kB each; {idle:.1} % of a core",
        after >> 20,
        before >> 20
    ))?;
    say("")?;
    say("| streams that want the event | CPU ms per event, with the change itself | until all have it, ms |")?;
    say("| --- | --- | --- |")?;
    let rest = streams - words.len();
    for (count, word, times) in
        [(0, "none", 200), (1, "one", 200), (10, "ten", 200), (100, "hundred", 100), (rest, "rest", 10)]
    {
        let (cpu, wall) = cost(&admin, (word, count, times), &heard, idle).await?;
        say(&format!("| {count} | {cpu:.2} | {wall:.1} |"))?;
    }
    Ok(())
}

/// Opens a stream, and counts what comes from then on.
async fn open(admin: &Admin, word: &str, heard: Arc<AtomicU64>) -> Result<()> {
    let mut stream = TcpStream::connect(&admin.owner.address).await?;
    let filter = format!("attributes.to = \"{word}\"").replace(' ', "%20").replace('"', "%22").replace('=', "%3D");
    let path = format!("/v3/events/stream?type=signal.created&filter={filter}");
    let mut request = vec![];
    admin.owner.write(&mut request, Request { path: &path, ..Request::default() });
    stream.write_all(&request).await?;
    let mut buffer = Vec::with_capacity(1024);
    while !buffer.windows(6).any(|bytes| bytes == b"retry:") {
        ensure!(stream.read_buf(&mut buffer).await? > 0, "a stream ended: {}", String::from_utf8_lossy(&buffer));
    }
    tokio::spawn(async move {
        // What is left of the last read may be the beginning of an event.
        let mut text = Vec::with_capacity(2048);
        while stream.read_buf(&mut text).await.is_ok_and(|length| length > 0) {
            let mut from = 0;
            while let Some(at) = text[from..].windows(EVENT.len()).position(|bytes| bytes == EVENT) {
                heard.fetch_add(1, Ordering::Relaxed);
                from += at + EVENT.len();
            }
            let keep = text.len().saturating_sub(EVENT.len() - 1).max(from);
            text.drain(..keep);
        }
    });
    Ok(())
}

/// What the streams cost without any event, in percent of a core.
async fn idle(admin: &Admin) -> Result<f64> {
    let (began, before) = (Instant::now(), process::cpu(admin.server.id())?);
    tokio::time::sleep(IDLE).await;
    Ok((process::cpu(admin.server.id())? - before).as_secs_f64() / began.elapsed().as_secs_f64() * 100.0)
}

/// CPU and wall milliseconds of an event that this many streams want; without what they cost anyway.
async fn cost(
    admin: &Admin,
    (word, count, times): (&str, usize, u32),
    heard: &AtomicU64,
    idle: f64,
) -> Result<(f64, f64)> {
    let (began, before) = (Instant::now(), process::cpu(admin.server.id())?);
    for _ in 0..times {
        let already = heard.load(Ordering::Relaxed);
        admin.post("/v3/signals", &json!({"name": "a signal", "attributes": {"to": word}})).await?;
        let wanted = already + u64::try_from(count).context("a count")?;
        let sent = Instant::now();
        while heard.load(Ordering::Relaxed) < wanted {
            ensure!(sent.elapsed() < Duration::from_secs(60), "{} of {wanted} came", heard.load(Ordering::Relaxed));
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
    }
    let (wall, cpu) = (began.elapsed().as_secs_f64(), (process::cpu(admin.server.id())? - before).as_secs_f64());
    let own = (cpu - wall * idle / 100.0).max(0.0);
    Ok((own * 1e3 / f64::from(times), wall * 1e3 / f64::from(times)))
}
