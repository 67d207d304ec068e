//! Progress of indexes that are being built.

use admin_core::list_index_builds as list;
use axum::response::Response;
use serde_json::{Value, json};

use crate::answer;
use crate::call::Call;
use crate::problem::Problem;

/// Indexes that are being built or removed
///
/// Adding `x-index` to a type builds an index in the background; until it is complete, filters answer without it.
/// An index that is not in this list is complete.
#[utoipa::path(get, path = "/v3/index-builds", tag = "types", operation_id = "list_index_builds",
    responses((status = 200, description = "Each with its type, field, state (clearing, building or dropping), done and total")))]
pub(crate) async fn list_index_builds(call: Call) -> Result<Response, Problem> {
    call.params(&[])?;
    let builds = list(&call.app.core, &call.op(false)?).await?;
    let shown: Vec<Value> = builds
        .into_iter()
        .map(|build| json!({"type": build.type_name, "field": build.field, "state": build.state, "done": build.done, "total": build.total}))
        .collect();
    Ok(answer::data(&shown)?)
}
