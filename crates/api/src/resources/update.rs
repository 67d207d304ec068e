//! Change a resource.

use admin_core::{Patch, update_resource as update};
use admin_types::json;
use axum::body::Body;
use axum::response::Response;

use super::wish::Wish;
use crate::call::Call;
use crate::path::Path;
use crate::problem::Problem;
use crate::{body, collection};

const MERGE: &str = "application/merge-patch+json";
const PATCH: &str = "application/json-patch+json";

/// Change a resource
///
/// JSON Merge Patch (RFC 7396), or JSON Patch (RFC 6902) by its content type. With `If-Match`, only if the version is
/// still the one named.
#[utoipa::path(patch, path = "/v3/resources/{id}", tag = "resources", operation_id = "update_resource",
    params(("id" = String, Path, description = "The resource's id"),
        ("dry_run" = Option<bool>, Query, description = "Answer as if done, and do nothing"),
        ("receipt" = Option<bool>, Query, description = "Have the receipt of the event in the answer, as `receipt`; null if it is not sealed within five seconds"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that must be current")),
    request_body(description = "A merge patch, or a JSON Patch", content(
        (crate::openapi::ResourcePatch = "application/merge-patch+json"), (crate::openapi::ResourcePatch = "application/json"),
        (Vec<crate::openapi::PatchOperation> = "application/json-patch+json"))),
    responses((status = 200, description = "Changed", body = crate::openapi::ResourceAnswer),
        (status = 404, description = "No such resource"), (status = 412, description = "Another version is current")))]
pub(crate) async fn update_resource(call: Call, Path(id): Path<String>, body: Body) -> Result<Response, Problem> {
    run(call, None, &id, body).await
}

/// `PATCH /v3/{plural}/{id}`.
pub(crate) async fn of_type(
    call: Call,
    Path((plural, id)): Path<(String, String)>,
    body: Body,
) -> Result<Response, Problem> {
    run(call, Some(&plural), &id, body).await
}

async fn run(call: Call, plural: Option<&str>, id: &str, body: Body) -> Result<Response, Problem> {
    let wish = Wish::read(&call)?;
    let of_type = collection::type_of(&call, plural).await?;
    let id = collection::id(id)?;
    let media_type = body::require_media_type(&call.headers, &[MERGE, "application/json", PATCH])?;
    let bytes = body::bytes(body).await?;
    let document = json::parse(&bytes)?;
    let patch = if media_type == PATCH { Patch::Operations(document) } else { Patch::Merge(document) };
    let written = update(&call.app.core, call.op(wish.dry_run)?, of_type, id, patch).await;
    let written = written.map_err(|error| error.with_lines(&bytes))?;
    Ok(wish.changed(&call, &written).await?)
}
