//! Invitations: a link by which somebody makes the account that acts as a user.

use admin_identity::invite_user as invite;
use admin_types::{Error, ResourceId};
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::answer;
use crate::call::Call;
use crate::problem::Problem;

/// Invite a user
///
/// The answer has a link, this once, by which somebody makes the account that acts as the user. If the user has an address,
/// the link is for that address alone. Whoever invites must have every right that the user has.
#[utoipa::path(post, path = "/v3/users/{id}/invitation", tag = "users", operation_id = "invite_user",
    params(("id" = String, Path, description = "The user's id")),
    responses((status = 201, description = "The link, and until when it is good", body = Object)))]
pub(crate) async fn invite_user(call: Call, Path(id): Path<String>) -> Result<Response, Problem> {
    let dry_run = call.params(&["dry_run"])?.flag("dry_run")?;
    let user = ResourceId::parse(&id).ok_or_else(|| Error::not_found("user"))?;
    let (token, expires_at) = invite(&call.app.core, call.op(dry_run)?, user).await?;
    let mut data = json!({"user": user, "expires_at": expires_at});
    if !dry_run {
        data["url"] = json!(format!("{}/set-up?token={}", call.app.public_url, token.expose_secret()));
    }
    let mut response = answer::data(&data)?;
    *response.status_mut() = if dry_run { StatusCode::OK } else { StatusCode::CREATED };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
