//! The secrets of clients, for those who may change the client.

use admin_identity::{create_client_secret as create, delete_client_secret as delete, list_client_secrets as list};
use admin_types::{Error, FieldError, ResourceId, Result, SecretId, Timestamp};
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::call::Call;
use crate::problem::Problem;
use crate::{answer, body};

/// A secret to make.
#[derive(utoipa::ToSchema, serde::Serialize)]
pub(crate) struct NewSecret {
    /// When it ends; never if absent.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// Make a secret for a client
///
/// The answer has the secret in `secret`, this once. Several may be in force, so that one can be replaced while it is used.
#[utoipa::path(post, path = "/v3/clients/{id}/secrets", tag = "clients", operation_id = "create_client_secret",
    params(("id" = String, Path, description = "The client's id")),
    request_body = NewSecret, responses((status = 201, description = "The secret", body = Object)))]
pub(crate) async fn create_client_secret(call: Call, Path(id): Path<String>, body: Body) -> Result<Response, Problem> {
    let dry_run = call.params(&["dry_run"])?.flag("dry_run")?;
    let (document, _) = body::read_json(&call.headers, body).await?;
    let expires_at = expires_at(&document)?;
    let (shown, secret) = create(&call.app.core, call.op(dry_run)?, client(&id)?, expires_at).await?;
    let mut data = json!(shown);
    if !dry_run {
        data["secret"] = json!(secret.expose_secret());
    }
    let mut response = answer::data(&data)?;
    *response.status_mut() = if dry_run { StatusCode::OK } else { StatusCode::CREATED };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn expires_at(document: &Value) -> Result<Option<Timestamp>> {
    let wrong = |pointer: &str, detail: &str| Error::validation(vec![FieldError::new(pointer, detail)]);
    let object = document.as_object().ok_or_else(|| wrong("", "must be an object, such as {}"))?;
    if let Some(other) = object.keys().find(|key| *key != "expires_at") {
        return Err(wrong(&format!("/{other}"), "is not known here; there is expires_at"));
    }
    let Some(value) = object.get("expires_at").filter(|value| !value.is_null()) else { return Ok(None) };
    let at = value.as_str().and_then(Timestamp::parse);
    at.map(Some).ok_or_else(|| wrong("/expires_at", "must be a time, such as 2030-01-01T00:00:00Z"))
}

/// List the secrets of a client
///
/// Without what is secret of them.
#[utoipa::path(get, path = "/v3/clients/{id}/secrets", tag = "clients", operation_id = "list_client_secrets",
    params(("id" = String, Path, description = "The client's id")),
    responses((status = 200, description = "The secrets, oldest first", body = Object)))]
pub(crate) async fn list_client_secrets(call: Call, Path(id): Path<String>) -> Result<Response, Problem> {
    call.params(&[])?;
    Ok(answer::data(&list(&call.app.core, call.op(false)?, client(&id)?).await?)?)
}

/// Take a secret of a client out of force
#[utoipa::path(delete, path = "/v3/clients/{id}/secrets/{secret}", tag = "clients", operation_id = "delete_client_secret",
    params(("id" = String, Path, description = "The client's id"), ("secret" = String, Path, description = "The secret's id")),
    responses((status = 204, description = "It is out of force")))]
pub(crate) async fn delete_client_secret(
    call: Call,
    Path((id, secret)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let dry_run = call.params(&["dry_run"])?.flag("dry_run")?;
    let secret = SecretId::parse(&secret).ok_or_else(|| Error::not_found("secret"))?;
    delete(&call.app.core, call.op(dry_run)?, client(&id)?, secret).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn client(id: &str) -> Result<ResourceId> {
    ResourceId::parse(id).ok_or_else(|| Error::not_found("client"))
}
