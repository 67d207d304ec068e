//! Import resources: NDJSON in, a report out, in constant memory.

use std::time::Duration;

use admin_core::{ImportReport, ImportRow, Op, import_batch};
use admin_types::{Error, Kind, Result, json};
use axum::body::Body;
use axum::response::Response;
use bytes::BytesMut;
use futures_util::StreamExt;
use serde_json::{Value, json as value};

use crate::call::Call;
use crate::problem::Problem;
use crate::{answer, body, collection};

/// Rows of one transaction.
const ROWS: usize = 500;
/// Bytes of one transaction, about.
const BYTES: usize = 4 * 1024 * 1024;
/// Bytes of rows that wait for others which they refer to.
const WAITING_BYTES: usize = 16 * 1024 * 1024;
/// How often rows that wait are tried again.
const ROUNDS: usize = 10;
/// How long a client may pause within an import, in seconds.
const PAUSE_SECONDS: u64 = 60;
const NDJSON: &[&str] = &["application/x-ndjson", "application/ndjson", "application/jsonl"];

/// Import resources
///
/// NDJSON, one resource a line, as `create_resource` takes them or as an export gave them. Each line stands on its
/// own: one that is refused is reported and leaves the others. A line with the `id` of a resource that exists replaces
/// it, so an import may be repeated; an `Idempotency-Key` does not count here and is refused. Lines that refer to later lines wait for them, up to 16 MiB of them. With
/// `dry_run`, every transaction of 500 lines is tried by itself.
#[utoipa::path(post, path = "/v3/resources:import", tag = "resources", operation_id = "import_resources",
    params(("dry_run" = Option<bool>, Query, description = "Try every line, and do nothing")),
    request_body(content = String, content_type = "application/x-ndjson"),
    responses((status = 200, description = "How many lines were created, updated, unchanged and failed, and why", body = crate::openapi::ImportAnswer)))]
pub(crate) async fn import_resources(call: Call, body: Body) -> Result<Response, Problem> {
    run(call, None, body).await
}

pub(crate) async fn run(call: Call, plural: Option<&str>, body: Body) -> Result<Response, Problem> {
    let dry_run = call.params(&["dry_run"])?.flag("dry_run")?;
    if call.headers.contains_key("idempotency-key") {
        let detail = "does not count for an import; leave it out, and send the import again if need be: lines with an `id` are not made twice";
        return Err(Error::parameter("Idempotency-Key", detail).into());
    }
    body::require_media_type(&call.headers, NDJSON)?;
    let of_type = collection::type_of(&call, plural).await?;
    let mut import = Import {
        call,
        op_dry_run: dry_run,
        of_type,
        line: 0,
        rows: vec![],
        bytes: 0,
        waiting_bytes: 0,
        report: ImportReport::default(),
    };
    import.read(body).await?;
    import.settle().await?;
    Ok(answer::data(&print(&import.report, dry_run))?)
}

struct Import {
    call: Call,
    op_dry_run: bool,
    of_type: Option<String>,
    line: u64,
    rows: Vec<ImportRow>,
    bytes: usize,
    waiting_bytes: usize,
    report: ImportReport,
}

impl Import {
    async fn read(&mut self, body: Body) -> Result<()> {
        let mut chunks = body.into_data_stream();
        let mut rest = BytesMut::new();
        loop {
            let next = tokio::time::timeout(Duration::from_secs(PAUSE_SECONDS), chunks.next()).await;
            let chunk = match next {
                Ok(None) => break,
                Ok(Some(Ok(chunk))) => chunk,
                Ok(Some(Err(_))) => {
                    return Err(self.cut_off("body_cut_off", Kind::Invalid, "The connection ended in the middle"));
                }
                Err(_) => return Err(self.cut_off("body_timeout", Kind::Timeout, "The client paused for too long")),
            };
            let mut seen = rest.len();
            rest.extend_from_slice(&chunk);
            while let Some(end) = rest[seen..].iter().position(|byte| *byte == b'\n') {
                let line = rest.split_to(seen + end + 1);
                seen = 0;
                self.add(&line).await?;
            }
            self.content(&rest)?;
        }
        let last = rest.split();
        self.add(&last).await?;
        self.flush().await
    }

    /// What stands on disk by now stays; the caller may send the whole import again.
    fn cut_off(&self, code: &'static str, kind: Kind, what: &str) -> Error {
        let done = self.report.created + self.report.updated + self.report.unchanged;
        Error::new(
            kind,
            code,
            format!(
                "{what}. {done} lines were imported before. Send the import again: lines with an `id` are not made twice."
            ),
        )
    }

    /// The next line, or the part of it that is there, without its end and without the byte order mark that some programs
    /// begin a file with.
    fn content<'l>(&self, line: &'l [u8]) -> Result<&'l [u8]> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = if self.line == 0 { line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line) } else { line };
        if line.len() <= body::MAX_BODY {
            return Ok(line);
        }
        let detail = format!("Line {} is longer than {} bytes", self.line + 1, body::MAX_BODY);
        Err(self.cut_off("body_too_large", Kind::TooLarge, &detail))
    }

    async fn add(&mut self, line: &[u8]) -> Result<()> {
        let text = self.content(line)?;
        self.line += u64::from(!line.is_empty());
        if text.trim_ascii().is_empty() {
            return Ok(());
        }
        self.rows.push(ImportRow { line: self.line, document: json::parse_line(text, self.line) });
        self.bytes += text.len();
        if self.rows.len() >= ROWS || self.bytes >= BYTES { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        let patient = self.waiting_bytes < WAITING_BYTES;
        self.send(rows, patient).await
    }

    async fn send(&mut self, rows: Vec<ImportRow>, patient: bool) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let op: Op = self.call.op(self.op_dry_run)?;
        let report = import_batch(&self.call.app.core, &op, self.of_type.as_deref(), rows, patient).await?;
        let waiting = report.waiting.iter().filter_map(|row| row.document.as_ref().ok());
        self.waiting_bytes += waiting.map(|document| document.to_string().len()).sum::<usize>();
        self.report.add(report);
        Ok(())
    }

    /// Tries the rows that wait again for as long as that helps, from the last to the first and then back; what still
    /// refers to nothing is refused.
    async fn settle(&mut self) -> Result<()> {
        let mut before = usize::MAX;
        for round in 1.. {
            let mut waiting = std::mem::take(&mut self.report.waiting);
            if waiting.is_empty() {
                break;
            }
            let patient = waiting.len() < before && round < ROUNDS;
            before = waiting.len();
            waiting.reverse();
            let mut rows = waiting.into_iter().peekable();
            while rows.peek().is_some() {
                let batch = rows.by_ref().take(ROWS).collect();
                self.send(batch, patient).await?;
            }
        }
        Ok(())
    }
}

fn print(report: &ImportReport, dry_run: bool) -> Value {
    let mut errors: Vec<_> = report.errors.iter().collect();
    errors.sort_by_key(|(line, _)| *line);
    let errors: Vec<Value> = errors
        .into_iter()
        .map(|(line, error)| value!({"line": line, "code": error.code, "detail": error.detail, "errors": error.errors}))
        .collect();
    value!({
        "created": report.created, "updated": report.updated, "unchanged": report.unchanged, "failed": report.failed,
        "errors": errors, "dry_run": dry_run,
    })
}
