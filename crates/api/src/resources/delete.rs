//! Delete a resource.

use admin_core::delete_resource as delete;
use axum::response::Response;

use super::wish::Wish;
use crate::call::Call;
use crate::collection;
use crate::path::Path;
use crate::problem::Problem;

/// Delete a resource
///
/// To the trash, from which it can be restored; with `purge=true` for good, also out of the trash.
#[utoipa::path(delete, path = "/v3/resources/{id}", tag = "resources", operation_id = "delete_resource",
    params(("id" = String, Path, description = "The resource's id"),
        ("purge" = Option<bool>, Query, description = "Remove for good"),
        ("dry_run" = Option<bool>, Query, description = "Answer as if done, and do nothing"),
        ("receipt" = Option<bool>, Query, description = "Have the receipt of the event in the answer, as `receipt`; null if it is not sealed within five seconds"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that must be current")),
    responses((status = 200, description = "The resource as it was moved to the trash, or as it last was", body = crate::openapi::ResourceAnswer),
        (status = 404, description = "No such resource"), (status = 409, description = "Others refer to it; `referrers` names them"),
        (status = 412, description = "Another version is current")))]
pub(crate) async fn delete_resource(call: Call, Path(id): Path<String>) -> Result<Response, Problem> {
    run(call, None, &id).await
}

/// `DELETE /v3/{plural}/{id}`.
pub(crate) async fn of_type(call: Call, Path((plural, id)): Path<(String, String)>) -> Result<Response, Problem> {
    run(call, Some(&plural), &id).await
}

async fn run(call: Call, plural: Option<&str>, id: &str) -> Result<Response, Problem> {
    let mut params = call.params(&["purge", "dry_run", "receipt"])?;
    let (purge, wish) = (params.flag("purge")?, Wish::of(&mut params)?);
    let of_type = collection::type_of(&call, plural).await?;
    let written = delete(&call.app.core, call.op(wish.dry_run)?, of_type, collection::id(id)?, purge).await?;
    Ok(wish.changed(&call, &written).await?)
}
