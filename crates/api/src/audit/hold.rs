//! The legal hold.

use admin_core::audit::{LogStatus, hold_log, log_status, release_log};
use admin_types::{Error, FieldError, Result};
use axum::body::Body;
use axum::response::Response;

use crate::call::Call;
use crate::problem::Problem;
use crate::{answer, body};

/// Why nothing may be removed.
#[derive(utoipa::ToSchema, serde::Serialize)]
pub(crate) struct HoldReason {
    /// 1 to 500 bytes, for people.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// Put the log under a legal hold
///
/// Until it is ended, nothing of the org's log is removed, however old it is. For those who may change every policy.
#[utoipa::path(put, path = "/v3/audit/hold", tag = "audit", operation_id = "hold_audit_log",
    params(("dry_run" = Option<bool>, Query, description = "Answer as if done, and do nothing")),
    request_body = HoldReason, responses((status = 200, description = "How the log is now", body = Object)))]
pub(crate) async fn hold_audit_log(call: Call, body: Body) -> Result<Response, Problem> {
    let dry_run = call.params(&["dry_run"])?.flag("dry_run")?;
    let (document, _) = body::read_json(&call.headers, body).await?;
    let wrong = || Error::validation(vec![FieldError::new("/reason", "is a text, the only member")]);
    let reason = document.as_object().filter(|object| object.len() == 1).and_then(|object| object.get("reason"));
    let reason = reason.and_then(serde_json::Value::as_str);
    let op = call.op(dry_run)?;
    let hold = hold_log(&call.app.core, &op, reason.ok_or_else(wrong)?).await?;
    let status = log_status(&call.app.core, &op).await?;
    Ok(answer::data(&LogStatus { hold: Some(hold), ..status })?)
}

/// End the legal hold
#[utoipa::path(delete, path = "/v3/audit/hold", tag = "audit", operation_id = "release_audit_log",
    params(("dry_run" = Option<bool>, Query, description = "Answer as if done, and do nothing")),
    responses((status = 200, description = "How the log is now", body = Object)))]
pub(crate) async fn release_audit_log(call: Call) -> Result<Response, Problem> {
    let dry_run = call.params(&["dry_run"])?.flag("dry_run")?;
    let op = call.op(dry_run)?;
    release_log(&call.app.core, &op).await?;
    let status = log_status(&call.app.core, &op).await?;
    Ok(answer::data(&LogStatus { hold: None, ..status })?)
}
