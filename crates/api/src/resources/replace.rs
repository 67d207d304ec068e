//! Replace a resource.

use admin_core::replace_resource as replace;
use axum::body::Body;
use axum::response::Response;

use super::wish::Wish;
use crate::call::Call;
use crate::path::Path;
use crate::problem::Problem;
use crate::{body, collection};

/// Replace a resource
///
/// What the document leaves out is removed; secrets that it leaves out stay, unless it leaves out the object around
/// them.
#[utoipa::path(put, path = "/v3/resources/{id}", tag = "resources", operation_id = "replace_resource",
    params(("id" = String, Path, description = "The resource's id"),
        ("dry_run" = Option<bool>, Query, description = "Answer as if done, and do nothing"),
        ("receipt" = Option<bool>, Query, description = "Have the receipt of the event in the answer, as `receipt`; null if it is not sealed within five seconds"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that must be current")),
    request_body(content = crate::openapi::NewResource, content_type = "application/json"),
    responses((status = 200, description = "Replaced", body = crate::openapi::ResourceAnswer),
        (status = 404, description = "No such resource"), (status = 412, description = "Another version is current")))]
pub(crate) async fn replace_resource(call: Call, Path(id): Path<String>, body: Body) -> Result<Response, Problem> {
    run(call, None, &id, body).await
}

/// `PUT /v3/{plural}/{id}`.
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
    let (document, bytes) = body::read_json(&call.headers, body).await?;
    let written = replace(&call.app.core, call.op(wish.dry_run)?, of_type, id, document).await;
    let written = written.map_err(|error| error.with_lines(&bytes))?;
    Ok(wish.changed(&call, &written).await?)
}
