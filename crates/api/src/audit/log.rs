//! The log itself: how it is, receipts, and the tiles for those who keep a copy.

use admin_core::audit::{self, log_checkpoint, log_key, log_status, log_tile};
use admin_types::{Error, EventId, Result};
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::answer;
use crate::call::Call;
use crate::problem::Problem;

/// How long a full tile, which never changes, may be kept by whoever asked for it.
const FOREVER: &str = "private, max-age=31536000, immutable";

fn text(text: impl IntoResponse) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// How the log of the org is
#[utoipa::path(get, path = "/v3/audit/log", tag = "audit", operation_id = "get_audit_log",
    responses((status = 200, description = "Its name and key, how many events are sealed, what is kept, whether it is on hold, and why it stopped if it did", body = Object)))]
pub(crate) async fn get_audit_log(call: Call) -> Result<Response, Problem> {
    call.params(&[])?;
    Ok(answer::data(&log_status(&call.app.core, &call.op(false)?).await?)?)
}

/// The receipt of an event
///
/// Proves offline that the event is in the log of the org: `admin verify` needs it, the event and the log's key, and no server. For
/// whoever may see the event. An event is sealed within a second; this waits for it.
#[utoipa::path(get, path = "/v3/audit/{event}/receipt", tag = "audit", operation_id = "get_receipt",
    params(("event" = String, Path, description = "The event's id, `evt_…`"),
        ("event" = Option<bool>, Query, description = "Have the event itself in it, so that one file is enough; for whoever may see all of the event")),
    responses((status = 200, description = "The receipt (c2sp.org/tlog-proof@v1)", content_type = "text/plain")))]
pub(crate) async fn get_receipt(call: Call, Path(event): Path<String>) -> Result<Response, Problem> {
    let with_event = call.params(&["event"])?.flag("event")?;
    let id = EventId::parse(&event).ok_or_else(|| Error::not_found("event"))?;
    Ok(text(audit::receipt(&call.app.core, &call.op(false)?, id, with_event).await?.text))
}

/// The last checkpoint of the log
///
/// With the tiles, what c2sp.org/tlog-tiles describes: a program that follows such logs takes `/v3/audit` for the log's prefix.
#[utoipa::path(get, path = "/v3/audit/checkpoint", tag = "audit", operation_id = "get_audit_checkpoint",
    responses((status = 200, description = "A signed note", content_type = "text/plain")))]
pub(crate) async fn get_audit_checkpoint(call: Call) -> Result<Response, Problem> {
    call.params(&[])?;
    Ok(text(log_checkpoint(&call.app.core, &call.op(false)?).await?))
}

/// The key of the log
///
/// What verifies the log's checkpoints and receipts, for everybody in the org. Keep it where whoever runs this Admin cannot change it.
#[utoipa::path(get, path = "/v3/audit/key", tag = "audit", operation_id = "get_audit_key",
    responses((status = 200, description = "A verifier key (c2sp.org/signed-note)", content_type = "text/plain")))]
pub(crate) async fn get_audit_key(call: Call) -> Result<Response, Problem> {
    call.params(&[])?;
    Ok(text(log_key(&call.app.core, &call.op(false)?).await? + "\n"))
}

/// A tile of the log
///
/// `tile/0/000` has hashes, `tile/entries/000` whole events; both are for those who may read everything.
#[utoipa::path(get, path = "/v3/audit/tile/{*path}", tag = "audit", operation_id = "get_audit_tile",
    params(("path" = String, Path, description = "Such as `0/x001/234` or `entries/067.p/12`")),
    responses((status = 200, description = "The tile's bytes", content_type = "application/octet-stream")))]
pub(crate) async fn get_audit_tile(call: Call, Path(path): Path<String>) -> Result<Response, Problem> {
    call.params(&[])?;
    let bytes = log_tile(&call.app.core, &call.op(false)?, &format!("tile/{path}")).await?;
    let cached = if path.contains(".p/") { "no-store" } else { FOREVER };
    let headers = [(header::CONTENT_TYPE, "application/octet-stream"), (header::CACHE_CONTROL, cached)];
    Ok((StatusCode::OK, headers, bytes).into_response())
}
