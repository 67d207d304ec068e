//! Read a resource.

use admin_core::{get_resource as get, shape_resource};
use axum::response::Response;

use crate::call::Call;
use crate::path::Path;
use crate::problem::Problem;
use crate::{answer, collection};

/// Read a resource
#[utoipa::path(get, path = "/v3/resources/{id}", tag = "resources", operation_id = "get_resource",
    params(("id" = String, Path, description = "The resource's id"),
        ("trashed" = Option<bool>, Query, description = "Look in the trash too"),
        ("fields" = Option<String>, Query, description = "Only these fields, separated by commas"),
        ("expand" = Option<String>, Query, description = "References to resolve, separated by commas: `parent`, `attributes.country`")),
    responses((status = 200, description = "The resource; its version is the `ETag`", body = crate::openapi::ResourceAnswer),
        (status = 404, description = "No such resource")))]
pub(crate) async fn get_resource(call: Call, Path(id): Path<String>) -> Result<Response, Problem> {
    run(call, None, &id).await
}

/// `GET /v3/{plural}/{id}`.
pub(crate) async fn of_type(call: Call, Path((plural, id)): Path<(String, String)>) -> Result<Response, Problem> {
    run(call, Some(&plural), &id).await
}

async fn run(call: Call, plural: Option<&str>, id: &str) -> Result<Response, Problem> {
    let mut params = call.params(&["trashed", "fields", "expand"])?;
    let (trashed, fields, expand) = (params.flag("trashed")?, params.list("fields"), params.list("expand"));
    let of_type = collection::type_of(&call, plural).await?;
    let (id, op) = (collection::id(id)?, call.op(false)?);
    let mut found = get(&call.app.core, &op, of_type.as_deref(), id, trashed).await?;
    if !fields.is_empty() || !expand.is_empty() {
        found.document =
            shape_resource(&call.app.core, &op, (found.type_name.clone(), found.document), &expand, &fields).await?;
    }
    Ok(answer::resource(&found))
}
