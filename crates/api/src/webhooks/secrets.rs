//! What the messages of a webhook are signed with, for those who may change the webhook.

use admin_core::webhooks::{NewSecret, create_secret, delete_secret, list_secrets};
use admin_types::{Error, Result, SecretId};
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::{object, text, webhook, wrong};
use crate::call::Call;
use crate::problem::Problem;
use crate::{answer, body};

/// A secret to make.
#[derive(utoipa::ToSchema, serde::Serialize)]
pub(crate) struct NewWebhookSecret {
    /// `hmac` (the default), or `ed25519`.
    #[schema(pattern = "^(hmac|ed25519)$")]
    kind: Option<String>,
    /// `whsec_` and 24 to 64 bytes in base64; made by Admin if absent.
    #[schema(pattern = "^whsec_[A-Za-z0-9+/]{32,86}={0,2}$")]
    secret: Option<String>,
    /// How long the secrets before stay in force; a day if absent.
    #[schema(minimum = 0, maximum = 2592000)]
    overlap_seconds: Option<i64>,
}

/// List the secrets of a webhook
///
/// With their texts: the receiver needs them to verify messages.
#[utoipa::path(get, path = "/v3/webhooks/{id}/secrets", tag = "webhooks", operation_id = "list_webhook_secrets",
    params(("id" = String, Path, description = "The webhook's id")),
    responses((status = 200, description = "The secrets in force, oldest first", body = Object)))]
pub(crate) async fn list_webhook_secrets(call: Call, Path(id): Path<String>) -> Result<Response, Problem> {
    call.params(&[])?;
    Ok(unstored(answer::data(&list_secrets(&call.app.core, call.op(false)?, webhook(&id)?).await?)?))
}

/// Replace the secret of a webhook
///
/// Messages are signed with the new one and with those before until these end, so that nothing fails meanwhile.
#[utoipa::path(post, path = "/v3/webhooks/{id}/secrets", tag = "webhooks", operation_id = "create_webhook_secret",
    params(("id" = String, Path, description = "The webhook's id")),
    request_body(content = Option<NewWebhookSecret>, content_type = "application/json"),
     responses((status = 201, description = "The secret", body = Object)))]
pub(crate) async fn create_webhook_secret(call: Call, Path(id): Path<String>, body: Body) -> Result<Response, Problem> {
    let dry_run = call.params(&["dry_run"])?.flag("dry_run")?;
    let document = body::read_json_if_any(&call.headers, body).await?;
    let object = object(&document, &["kind", "secret", "overlap_seconds"])?;
    let overlap_seconds = match object.get("overlap_seconds") {
        None | Some(Value::Null) => None,
        Some(value) => {
            Some(value.as_i64().ok_or_else(|| wrong("/overlap_seconds", "must be a whole number of seconds"))?)
        }
    };
    let wish = NewSecret {
        kind: text(object, "kind")?.map(str::to_owned),
        secret: text(object, "secret")?.map(str::to_owned),
        overlap_seconds,
    };
    let made = create_secret(&call.app.core, call.op(dry_run)?, webhook(&id)?, wish).await?;
    let mut response = answer::data(&made)?;
    *response.status_mut() = if dry_run { StatusCode::OK } else { StatusCode::CREATED };
    Ok(unstored(response))
}

/// Take a secret of a webhook out of force
#[utoipa::path(delete, path = "/v3/webhooks/{id}/secrets/{secret}", tag = "webhooks", operation_id = "delete_webhook_secret",
    params(("id" = String, Path, description = "The webhook's id"), ("secret" = String, Path, description = "The secret's id")),
    responses((status = 204, description = "It is out of force")))]
pub(crate) async fn delete_webhook_secret(
    call: Call,
    Path((id, secret)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let dry_run = call.params(&["dry_run"])?.flag("dry_run")?;
    let secret = SecretId::parse(&secret).ok_or_else(|| Error::not_found("secret"))?;
    delete_secret(&call.app.core, call.op(dry_run)?, webhook(&id)?, secret).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn unstored(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
