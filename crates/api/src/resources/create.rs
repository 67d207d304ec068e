//! Create a resource.

use admin_core::create_resource as create;
use axum::body::Body;
use axum::http::Method;
use axum::response::Response;

use super::wish::Wish;
use crate::call::Call;
use crate::path::Path;
use crate::problem::Problem;
use crate::{body, collection, problem};

/// Create a resource
///
/// The type must exist. Under an `Idempotency-Key` the request has its effect once, however often it is sent within
/// 24 hours.
#[utoipa::path(post, path = "/v3/resources", tag = "resources", operation_id = "create_resource",
    params(("dry_run" = Option<bool>, Query, description = "Answer as if done, and do nothing"),
        ("receipt" = Option<bool>, Query, description = "Have the receipt of the event in the answer, as `receipt`; null if it is not sealed within five seconds"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters")),
    request_body(content = crate::openapi::NewResource, content_type = "application/json"),
    responses((status = 201, description = "Created", body = crate::openapi::ResourceAnswer),
        (status = 200, description = "A dry run", body = crate::openapi::ResourceAnswer),
        (status = 409, description = "Taken: an id, or a unique value"),
        (status = 422, description = "The document is not valid; `errors` has the places")))]
pub(crate) async fn create_resource(call: Call, body: Body) -> Result<Response, Problem> {
    run(call, None, body).await
}

/// `POST /v3/{plural}`, and `POST /v3/{plural}:import`.
pub(crate) async fn of_type(call: Call, Path(plural): Path<String>, body: Body) -> Result<Response, Problem> {
    match plural.split_once(':') {
        Some((plural, "import")) => super::import::run(call, Some(plural), body).await,
        Some((_, "export")) => Ok(problem::takes_only(Method::GET).await),
        _ => run(call, Some(&plural), body).await,
    }
}

async fn run(call: Call, plural: Option<&str>, body: Body) -> Result<Response, Problem> {
    let wish = Wish::read(&call)?;
    let of_type = collection::type_of(&call, plural).await?;
    let (document, bytes) = body::read_json(&call.headers, body).await?;
    let op = call.idempotent_op(wish.dry_run, &bytes)?;
    let written = create(&call.app.core, op, of_type, document).await.map_err(|error| error.with_lines(&bytes))?;
    Ok(wish.created(&call, &written).await?)
}
