//! Orgs, as those who are in them see them.

use admin_types::{Error, FieldError, Result};
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::call::Call;
use crate::problem::Problem;
use crate::{answer, body};

/// What an org is made from.
#[derive(ToSchema, Serialize)]
pub(crate) struct NewOrg {
    /// 1 to 200 characters, none of them a control character, not only blanks.
    #[schema(min_length = 1, max_length = 200, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$")]
    name: String,
}

/// Make an org
///
/// With its built-in types, roles and policies; the caller's account is its first owner. Only a person may, with a token of
/// their own, and whom the setting `org_creation` lets. An `Idempotency-Key` is not looked at.
#[utoipa::path(post, path = "/v3/orgs", tag = "orgs", operation_id = "create_org",
    params(("dry_run" = Option<bool>, Query, description = "Answer as if done, and do nothing")),
    request_body(content = NewOrg, content_type = "application/json"),
    responses((status = 201, description = "The org", body = Object),
        (status = 200, description = "A dry run", body = Object)))]
pub(crate) async fn create_org(mut call: Call, sent: Body) -> Result<Response, Problem> {
    let dry_run = call.params(&["dry_run"])?.flag("dry_run")?;
    let (document, _) = body::read_json(&std::mem::take(&mut call.headers), sent).await?;
    let name = name(&document)?;
    let (asker, said) = (call.asker(), (call.origin.clone(), call.request_id.clone()));
    match call.app.identity()?.create_org(&asker, name, said, dry_run).await? {
        Some(org) => {
            let mut response = answer::data(&org)?;
            *response.status_mut() = StatusCode::CREATED;
            Ok(response)
        }
        None => Ok(answer::data(&json!({"name": name}))?),
    }
}

fn name(document: &serde_json::Value) -> Result<&str> {
    let refuse = |pointer: &str, detail: &str| Error::validation(vec![FieldError::new(pointer, detail)]);
    let object = document.as_object().ok_or_else(|| refuse("", "must be an object such as {\"name\":\"Acme\"}"))?;
    if let Some(other) = object.keys().find(|key| *key != "name") {
        return Err(refuse(&format!("/{other}"), "is not a field of an org; there is name"));
    }
    let name = object.get("name").and_then(|name| name.as_str());
    name.ok_or_else(|| refuse("/name", "must be the name of the org, a string"))
}

/// List one's orgs
///
/// Those in which the caller's account acts, each with the user that it acts as. A token that was issued to a program lists the
/// org that it is for alone.
#[utoipa::path(get, path = "/v3/orgs", tag = "orgs", operation_id = "list_orgs",
    responses((status = 200, description = "The orgs, at most 1,000", body = Object)))]
pub(crate) async fn list_orgs(call: Call) -> Result<Response, Problem> {
    call.params(&[])?;
    let orgs = call.app.identity()?.orgs_for(&call.asker()).await?;
    Ok(answer::data(&orgs)?)
}
