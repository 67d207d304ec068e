//! API keys: of oneself, and of principals that one may change.

use admin_identity::{KEY_SECONDS, NewKey};
use admin_types::{Error, FieldError, KeyId, ResourceId, Result, Timestamp};
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::call::Call;
use crate::problem::Problem;
use crate::{answer, body};

/// An API key to make.
#[derive(ToSchema, Serialize)]
pub(crate) struct NewApiKey {
    /// 1 to 200 characters, for people.
    name: String,
    /// The user or client whose key it is; the caller if absent.
    #[schema(nullable = false)]
    principal: Option<String>,
    /// What it is limited to, such as `workspace.read`, or `resource.read` for all types; all if absent.
    #[schema(nullable = false)]
    actions: Option<Vec<String>>,
    /// When it ends: in 90 days if absent, never if null.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// How an API key is replaced.
#[derive(ToSchema, Serialize)]
pub(crate) struct Rotation {
    /// How long the key that is replaced stays good: 86,400 if absent, at most 2,592,000.
    #[schema(nullable = false)]
    overlap_seconds: Option<i64>,
}

/// Make an API key
///
/// The answer has the key in `key`, this once. It is sent as `Authorization: Bearer adm_…`, and may do what its principal may,
/// within its actions. Whoever makes one for another must have every right that the other has.
#[utoipa::path(post, path = "/v3/api-keys", tag = "api keys", operation_id = "create_api_key",
    request_body = NewApiKey, responses((status = 201, description = "The key", body = Object)))]
pub(crate) async fn create_api_key(call: Call, body: Body) -> Result<Response, Problem> {
    let dry_run = call.params(&["dry_run"])?.flag("dry_run")?;
    let (document, _) = body::read_json(&call.headers, body).await?;
    check_maker(&call).await?;
    let op = call.op(dry_run)?;
    let object = object(&document, &["name", "principal", "actions", "expires_at"])?;
    let principal = match object.get("principal") {
        None => op.principal.id,
        Some(id) => id
            .as_str()
            .and_then(ResourceId::parse)
            .ok_or_else(|| wrong("/principal", "must be the id of a user or a client"))?,
    };
    let expires_at = match object.get("expires_at") {
        None => Some(op.now.plus_seconds(KEY_SECONDS)),
        Some(Value::Null) => None,
        Some(at) => Some(time(at)?),
    };
    let new = NewKey { name: name(object)?, actions: actions(object)?, expires_at };
    let (shown, key) = call.app.identity()?.create_key(op, principal, new).await?;
    Ok(made(&shown, &key, dry_run)?)
}

/// List the API keys of a principal
///
/// Without what is secret of them. One's own need no right; those of others the right to change them.
#[utoipa::path(get, path = "/v3/api-keys", tag = "api keys", operation_id = "list_api_keys",
    params(("principal" = Option<String>, Query, description = "The user or client; the caller if absent")),
    responses((status = 200, description = "The keys, oldest first", body = Object)))]
pub(crate) async fn list_api_keys(call: Call) -> Result<Response, Problem> {
    let principal = call.params(&["principal"])?.id("principal")?.unwrap_or(call.principal.id);
    Ok(answer::data(&call.app.identity()?.list_keys(call.op(false)?, principal).await?)?)
}

/// Replace an API key
///
/// The answer has the new key in `key`, this once; it has the old one's name, actions and length of life. The old one stays good
/// for a while, so that nothing fails meanwhile.
#[utoipa::path(post, path = "/v3/api-keys/{id}/rotate", tag = "api keys", operation_id = "rotate_api_key",
    params(("id" = String, Path, description = "The key's id"),
        ("principal" = Option<String>, Query, description = "The user or client; the caller if absent")),
    request_body = Rotation, responses((status = 201, description = "The key", body = Object)))]
pub(crate) async fn rotate_api_key(call: Call, Path(id): Path<String>, body: Body) -> Result<Response, Problem> {
    let (principal, dry_run) = whose(&call)?;
    let (document, _) = body::read_json(&call.headers, body).await?;
    check_maker(&call).await?;
    let object = object(&document, &["overlap_seconds"])?;
    let overlap = object
        .get("overlap_seconds")
        .map(|value| value.as_i64().ok_or_else(|| wrong("/overlap_seconds", "must be a whole number of seconds")));
    let op = call.op(dry_run)?;
    let (shown, key) = call.app.identity()?.rotate_key(op, principal, key(&id)?, overlap.transpose()?).await?;
    Ok(made(&shown, &key, dry_run)?)
}

/// Take an API key out of force
#[utoipa::path(delete, path = "/v3/api-keys/{id}", tag = "api keys", operation_id = "delete_api_key",
    params(("id" = String, Path, description = "The key's id"),
        ("principal" = Option<String>, Query, description = "The user or client; the caller if absent")),
    responses((status = 204, description = "It is out of force")))]
pub(crate) async fn delete_api_key(call: Call, Path(id): Path<String>) -> Result<Response, Problem> {
    let (principal, dry_run) = whose(&call)?;
    call.app.identity()?.delete_key(call.op(dry_run)?, principal, key(&id)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A key outlives the token that it was made with, so that must be its principal's own.
async fn check_maker(call: &Call) -> Result<()> {
    match call.app.identity()?.may_make_credentials(&call.asker(), call.bound).await? {
        true => Ok(()),
        false => {
            let detail = "A token that was lent to a program, exchanged or bound to a key makes no API keys: sign in yourself, by `admin login` or a page of Admin.";
            Err(Error::forbidden(detail))
        }
    }
}

fn made(shown: &impl Serialize, key: &SecretString, dry_run: bool) -> Result<Response> {
    let mut data = json!(shown);
    if !dry_run {
        data["key"] = json!(key.expose_secret());
    }
    let mut response = answer::data(&data)?;
    *response.status_mut() = if dry_run { StatusCode::OK } else { StatusCode::CREATED };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Whose key it is, and whether it is only tried.
fn whose(call: &Call) -> Result<(ResourceId, bool)> {
    let mut params = call.params(&["principal", "dry_run"])?;
    Ok((params.id("principal")?.unwrap_or(call.principal.id), params.flag("dry_run")?))
}

fn key(id: &str) -> Result<KeyId> {
    KeyId::parse(id).ok_or_else(|| Error::not_found("API key"))
}

fn object<'d>(document: &'d Value, known: &[&str]) -> Result<&'d Map<String, Value>> {
    let object = document.as_object().ok_or_else(|| wrong("", "must be an object, such as {}"))?;
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        Some(other) => Err(wrong(&format!("/{other}"), &format!("is not known here; there are {}", known.join(", ")))),
        None => Ok(object),
    }
}

fn name(object: &Map<String, Value>) -> Result<String> {
    let name = object.get("name").and_then(Value::as_str);
    name.map(str::to_owned).ok_or_else(|| wrong("/name", "must be a text that tells people what the key is for"))
}

fn actions(object: &Map<String, Value>) -> Result<Option<Vec<String>>> {
    let Some(actions) = object.get("actions") else { return Ok(None) };
    let texts = actions.as_array().and_then(|all| all.iter().map(|one| one.as_str().map(str::to_owned)).collect());
    texts.map(Some).ok_or_else(|| wrong("/actions", "must be an array of texts, such as [\"workspace.read\"]"))
}

fn time(value: &Value) -> Result<Timestamp> {
    let at = value.as_str().and_then(Timestamp::parse);
    at.ok_or_else(|| wrong("/expires_at", "must be a time, such as 2030-01-01T00:00:00Z, or null"))
}

fn wrong(pointer: &str, detail: &str) -> Error {
    Error::validation(vec![FieldError::new(pointer, detail)])
}
