//! The same messages by a queue that others wrote: the npm package `bullmq`, on Debian's `redis-server`.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bench::process;

use crate::sink::Sink;

/// Deliveries a second. `modules`: where the package is installed.
pub(crate) async fn bullmq(modules: &Path, folder: &Path, sink: &Sink, (body, count): (&[u8], u64)) -> Result<f64> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/bullmq.mjs");
    let (file, modules) = (folder.join("body"), modules.canonicalize().context("no such folder")?);
    std::fs::write(&file, body)?;
    sink.clear();
    let mut command = process::on_core(None, Path::new("node"));
    command.arg(script).arg(modules).arg(folder).arg(file).arg(sink.at("/bullmq")).arg(count.to_string());
    let mut child = command.spawn().context("cannot start node")?;
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        ensure!(began.elapsed() < Duration::from_secs(300), "bullmq did not end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let seen = sink.seen();
    ensure!(status.success() && seen.answered >= count, "bullmq ended with {status}, and sent {}", seen.answered);
    let (first, last) = seen.span.context("nothing came")?;
    Ok(count as f64 / (last - first).as_secs_f64())
}
