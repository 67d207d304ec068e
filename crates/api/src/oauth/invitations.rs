//! Invitations: a link by which somebody makes the account that acts as a user.

use admin_identity::invite_user as invite;
use admin_types::{Error, FieldError, ResourceId};
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::call::Call;
use crate::problem::Problem;
use crate::{answer, body, pages};

/// How a user is invited.
#[derive(ToSchema, Serialize)]
pub(crate) struct HowToInvite {
    /// Whether Admin sends the link to the user's address, instead of showing it.
    #[schema(nullable = false)]
    send: Option<bool>,
}

/// Invite a user
///
/// The answer has a link, this once, by which somebody makes the account that acts as the user. If the user has an address,
/// the link is for that address alone. With `"send": true` the link goes to that address by mail, and is not shown. Whoever
/// invites must have every right that the user has.
#[utoipa::path(post, path = "/v3/users/{id}/invitation", tag = "users", operation_id = "invite_user",
    params(("id" = String, Path, description = "The user's id")),
    request_body(content = Option<HowToInvite>, content_type = "application/json"),
    responses((status = 201, description = "The link, and until when it is good", body = Object)))]
pub(crate) async fn invite_user(call: Call, Path(id): Path<String>, sent: Body) -> Result<Response, Problem> {
    let dry_run = call.params(&["dry_run"])?.flag("dry_run")?;
    let user = ResourceId::parse(&id).ok_or_else(|| Error::not_found("user"))?;
    let mut data = json!({"user": user});
    if is_to_be_sent(&call, sent).await? {
        let language = pages::language(&call.headers);
        let expires_at = call.app.identity()?.invite_by_mail(call.op(dry_run)?, user, language).await?;
        data["expires_at"] = json!(expires_at);
        data["sent"] = json!(true);
    } else {
        let (token, expires_at) = invite(&call.app.core, call.op(dry_run)?, user).await?;
        data["expires_at"] = json!(expires_at);
        if !dry_run {
            data["url"] = json!(format!("{}/set-up?token={}", call.app.public_url, token.expose_secret()));
        }
    }
    let mut response = answer::data(&data)?;
    *response.status_mut() = if dry_run { StatusCode::OK } else { StatusCode::CREATED };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// What the body says; there need not be one.
async fn is_to_be_sent(call: &Call, sent: Body) -> Result<bool, Problem> {
    let document = body::read_json_if_any(&call.headers, sent).await?;
    let refuse = |pointer: String, detail: &str| Error::validation(vec![FieldError::new(pointer, detail)]).into();
    let Some(object) = document.as_object() else {
        return Err(refuse(String::new(), "must be an object such as {\"send\": true}"));
    };
    if let Some(other) = object.keys().find(|key| *key != "send") {
        return Err(refuse(format!("/{other}"), "is not a field of an invitation; there is send"));
    }
    match object.get("send").map(|send| send.as_bool()) {
        None => Ok(false),
        Some(Some(send)) => Ok(send),
        Some(None) => Err(refuse("/send".into(), "must be true or false")),
    }
}
