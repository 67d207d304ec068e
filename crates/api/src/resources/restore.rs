//! Restore a resource.

use admin_core::restore_resource as restore;
use axum::response::Response;

use super::wish::Wish;
use crate::call::Call;
use crate::collection;
use crate::path::Path;
use crate::problem::Problem;

/// Take a resource out of the trash
#[utoipa::path(post, path = "/v3/resources/{id}/restore", tag = "resources", operation_id = "restore_resource",
    params(("id" = String, Path, description = "The resource's id"),
        ("dry_run" = Option<bool>, Query, description = "Answer as if done, and do nothing"),
        ("receipt" = Option<bool>, Query, description = "Have the receipt of the event in the answer, as `receipt`; null if it is not sealed within five seconds"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters")),
    responses((status = 200, description = "Restored", body = crate::openapi::ResourceAnswer),
        (status = 404, description = "No such resource"),
        (status = 409, description = "It is not in the trash, or its unique values were taken meanwhile")))]
pub(crate) async fn restore_resource(call: Call, Path(id): Path<String>) -> Result<Response, Problem> {
    run(call, None, &id).await
}

/// `POST /v3/{plural}/{id}/restore`.
pub(crate) async fn of_type(call: Call, Path((plural, id)): Path<(String, String)>) -> Result<Response, Problem> {
    run(call, Some(&plural), &id).await
}

async fn run(call: Call, plural: Option<&str>, id: &str) -> Result<Response, Problem> {
    let wish = Wish::read(&call)?;
    let of_type = collection::type_of(&call, plural).await?;
    let op = call.idempotent_op(wish.dry_run, &[])?;
    let written = restore(&call.app.core, op, of_type, collection::id(id)?).await?;
    Ok(wish.changed(&call, &written).await?)
}
