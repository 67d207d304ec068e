//! List resources.

use admin_core::{ListQuery, list_resources as list};
use admin_types::{Error, Result};
use axum::http::Method;
use axum::response::Response;

use crate::call::Call;
use crate::params::Params;
use crate::path::Path;
use crate::problem::Problem;
use crate::{answer, collection, problem};

const PARAMS: &[&str] = &["type", "status", "filter", "sort", "fields", "expand", "page", "limit", "cursor", "trashed"];

/// List resources
///
/// `total_items` is exact. Walk a long list by `next_cursor`: a walk sees each resource that existed at its start
/// exactly once.
#[utoipa::path(get, path = "/v3/resources", tag = "resources", operation_id = "list_resources",
    params(("type" = Option<String>, Query, description = "Types, separated by commas; all of the org's own by default"),
        ("status" = Option<String>, Query, description = "Only this status"),
        ("filter" = Option<String>, Query, description = "Such as `attributes.region = \"eu\" AND NOT labels:old`"),
        ("sort" = Option<String>, Query, description = "A field with an index, `-` in front for descending: `-created_at`, `attributes.code`"),
        ("fields" = Option<String>, Query, description = "Only these fields, separated by commas"),
        ("expand" = Option<String>, Query, description = "References to resolve, separated by commas"),
        ("page" = Option<u64>, Query, description = "The page, from 1", minimum = 1),
        ("limit" = Option<u32>, Query, description = "Rows of a page, 50 by default", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("trashed" = Option<bool>, Query, description = "The trash, instead of what is live")),
    responses((status = 200, description = "A page", body = crate::openapi::ResourcePage),
        (status = 400, description = "A parameter is not valid; `errors` names it")))]
pub(crate) async fn list_resources(call: Call) -> Result<Response, Problem> {
    run(call, None).await
}

/// `GET /v3/{plural}`, and `GET /v3/{plural}:export`.
pub(crate) async fn of_type(call: Call, Path(plural): Path<String>) -> Result<Response, Problem> {
    match plural.split_once(':') {
        Some((plural, "export")) => super::export::run(call, Some(plural)).await,
        Some((_, "import")) => Ok(problem::takes_only(Method::POST).await),
        _ => run(call, Some(&plural)).await,
    }
}

async fn run(call: Call, plural: Option<&str>) -> Result<Response, Problem> {
    let mut params = call.params(if plural.is_some() { &PARAMS[1..] } else { PARAMS })?;
    let of_type = collection::type_of(&call, plural).await?;
    let query = query(&mut params, of_type)?;
    let page = list(&call.app.core, &call.op(false)?, query).await?;
    Ok(answer::page(&page)?)
}

fn query(params: &mut Params, of_type: Option<String>) -> Result<ListQuery> {
    let types = match of_type {
        Some(name) => vec![name],
        None => params.list("type"),
    };
    if types.len() > 20 {
        return Err(Error::parameter("type", "names more than 20 types"));
    }
    Ok(ListQuery {
        types,
        status: params.text("status"),
        filter: params.text("filter"),
        sort: params.text("sort"),
        fields: params.list("fields"),
        expand: params.list("expand"),
        page: params.number("page")?,
        limit: params.number("limit")?,
        cursor: params.text("cursor"),
        trashed: params.flag("trashed")?,
    })
}
