//! Sending something by a webhook: what happened once more, or a test.

use admin_core::webhooks::{Replay, replay, try_webhook};
use admin_types::{EventId, Result, Timestamp};
use axum::body::Body;
use axum::extract::Path;
use axum::response::Response;
use serde_json::{Map, Value};

use super::{object, text, webhook, wrong};
use crate::call::Call;
use crate::problem::Problem;
use crate::{answer, body};

/// What to send once more: one of these.
#[derive(utoipa::ToSchema, serde::Serialize)]
pub(crate) struct WebhookReplay {
    /// Ids of events, at most 500.
    events: Option<Vec<String>>,
    /// What happened from this time on, whether it was sent before or not.
    #[schema(format = DateTime)]
    since: Option<String>,
    /// And before this time.
    #[schema(format = DateTime)]
    until: Option<String>,
    /// All that failed for good.
    failed: Option<bool>,
}

/// What to test with.
#[derive(utoipa::ToSchema, serde::Serialize)]
pub(crate) struct WebhookTest {
    /// The newest event of this kind; a message about nothing if absent.
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// Send events once more
///
/// With `dry_run=true` it only counts them. Messages have the same `webhook-id` as before.
#[utoipa::path(post, path = "/v3/webhooks/{id}/replay", tag = "webhooks", operation_id = "replay_webhook",
    params(("id" = String, Path, description = "The webhook's id"), ("dry_run" = Option<bool>, Query, description = "Only count")),
    request_body = WebhookReplay, responses((status = 200, description = "How many events are sent", body = Object)))]
pub(crate) async fn replay_webhook(call: Call, Path(id): Path<String>, body: Body) -> Result<Response, Problem> {
    let dry_run = call.params(&["dry_run"])?.flag("dry_run")?;
    let (document, _) = body::read_json(&call.headers, body).await?;
    let what = what(object(&document, &["events", "since", "until", "failed"])?)?;
    Ok(answer::data(&replay(&call.app.core, call.op(dry_run)?, webhook(&id)?, what).await?)?)
}

fn what(object: &Map<String, Value>) -> Result<Replay> {
    let time = |name: &str| {
        let at = text(object, name)?.map(Timestamp::parse);
        match at {
            Some(None) => Err(wrong(&format!("/{name}"), "must be a time, such as 2030-01-01T00:00:00Z")),
            other => Ok(other.flatten()),
        }
    };
    let (since, until) = (time("since")?, time("until")?);
    match (object.get("events"), since, object.get("failed")) {
        (Some(Value::Array(events)), None, None) if until.is_none() => {
            let read = |(at, id): (usize, &Value)| {
                let id = id.as_str().and_then(EventId::parse);
                id.ok_or_else(|| wrong(&format!("/events/{at}"), "must be the id of an event"))
            };
            events.iter().enumerate().map(read).collect::<Result<_>>().map(Replay::Events)
        }
        (None, Some(since), None) => Ok(Replay::Between(since, until)),
        (None, None, Some(Value::Bool(true))) if until.is_none() => Ok(Replay::Failed),
        _ => Err(wrong("", "must have one of `events`, `since` (with `until`, if you like) and `failed`: true")),
    }
}

/// Test a webhook
///
/// Sends a message at once, and answers what came back. It is not sent again.
#[utoipa::path(post, path = "/v3/webhooks/{id}/test", tag = "webhooks", operation_id = "test_webhook",
    params(("id" = String, Path, description = "The webhook's id")),
    request_body(content = Option<WebhookTest>, content_type = "application/json"),
     responses((status = 200, description = "The delivery with its try", body = Object)))]
pub(crate) async fn test_webhook(call: Call, Path(id): Path<String>, body: Body) -> Result<Response, Problem> {
    let dry_run = call.params(&["dry_run"])?.flag("dry_run")?;
    let document = body::read_json_if_any(&call.headers, body).await?;
    let kind = text(object(&document, &["type"])?, "type")?.map(str::to_owned);
    Ok(answer::data(&try_webhook(&call.app.core, call.op(dry_run)?, webhook(&id)?, kind.as_deref()).await?)?)
}
