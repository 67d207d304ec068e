//! How it goes with a webhook, for those who may read it.

use admin_core::webhooks::{get_delivery, list_deliveries, webhook_health};
use admin_types::{Error, EventId, Result};
use axum::extract::Path;
use axum::response::Response;

use super::webhook;
use crate::answer;
use crate::call::Call;
use crate::problem::Problem;

/// List the deliveries of a webhook
///
/// Newest first. A delivery is an event that the webhook is to be sent, or a test.
#[utoipa::path(get, path = "/v3/webhooks/{id}/deliveries", tag = "webhooks", operation_id = "list_webhook_deliveries",
    params(("id" = String, Path, description = "The webhook's id"),
        ("state" = Option<String>, Query, description = "Only those that are `waiting`, `delivered`, `failed` or `skipped`"),
        ("before" = Option<String>, Query, description = "What `next_cursor` of the page before said"),
        ("limit" = Option<u32>, Query, description = "1 to 200, 50 by default")),
    responses((status = 200, description = "A page of deliveries", body = crate::openapi::DeliveryPage)))]
pub(crate) async fn list_webhook_deliveries(call: Call, Path(id): Path<String>) -> Result<Response, Problem> {
    let mut params = call.params(&["state", "before", "limit"])?;
    let before = params.text("before").map(|text| text.parse::<i64>());
    let before = before.transpose().map_err(|_| Error::parameter("before", "must be what `next_cursor` said"))?;
    let (state, limit) = (params.text("state"), params.number("limit")?);
    let (core, op) = (&call.app.core, call.op(false)?);
    let (shown, pagination) = list_deliveries(core, &op, webhook(&id)?, (state.as_deref(), before), limit).await?;
    Ok(answer::page_of(&shown, pagination)?)
}

/// Read a delivery
///
/// With its tries, newest first: request, response and timing of each.
#[utoipa::path(get, path = "/v3/webhooks/{id}/deliveries/{event}", tag = "webhooks", operation_id = "get_webhook_delivery",
    params(("id" = String, Path, description = "The webhook's id"), ("event" = String, Path, description = "The event's id")),
    responses((status = 200, description = "The delivery", body = Object), (status = 404, description = "The event is not for this webhook")))]
pub(crate) async fn get_webhook_delivery(
    call: Call,
    Path((id, event)): Path<(String, String)>,
) -> Result<Response, Problem> {
    call.params(&[])?;
    let event = EventId::parse(&event).ok_or_else(|| Error::not_found("delivery"))?;
    Ok(answer::data(&get_delivery(&call.app.core, &call.op(false)?, webhook(&id)?, event).await?)?)
}

/// How it goes with a webhook
#[utoipa::path(get, path = "/v3/webhooks/{id}/health", tag = "webhooks", operation_id = "get_webhook_health",
    params(("id" = String, Path, description = "The webhook's id")),
    responses((status = 200, description = "Whether it is active, since when it fails, and its deliveries by state", body = Object)))]
pub(crate) async fn get_webhook_health(call: Call, Path(id): Path<String>) -> Result<Response, Problem> {
    call.params(&[])?;
    Ok(answer::data(&webhook_health(&call.app.core, &call.op(false)?, webhook(&id)?).await?)?)
}
