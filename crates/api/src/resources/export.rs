//! Export resources.

use admin_core::Export;
use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;

use crate::call::Call;
use crate::collection;
use crate::problem::Problem;

/// Export resources
///
/// NDJSON, one resource a line, in the order of their ids; what `POST /v3/resources:import` takes. A connection that
/// ends early has failed: the last line of a complete export is followed by the end of the body.
#[utoipa::path(get, path = "/v3/resources:export", tag = "resources", operation_id = "export_resources",
    params(("type" = Option<String>, Query, description = "Types, separated by commas; all of the org's own by default"),
        ("filter" = Option<String>, Query, description = "Only what meets this filter")),
    responses((status = 200, description = "One resource a line", content_type = "application/x-ndjson")))]
pub(crate) async fn export_resources(call: Call) -> Result<Response, Problem> {
    run(call, None).await
}

pub(crate) async fn run(call: Call, plural: Option<&str>) -> Result<Response, Problem> {
    let mut params = call.params(if plural.is_some() { &["filter"] } else { &["type", "filter"] })?;
    let types = match collection::type_of(&call, plural).await? {
        Some(name) => vec![name],
        None => params.list("type"),
    };
    let mut export = Export::new(&call.app.core, call.op(false)?, types, params.text("filter"));
    // The first batch is read before the answer begins, while a failure can still be told.
    let first = export.next().await?;
    let lines = stream::try_unfold((Some(first), export), async |(read, mut export)| {
        let batch = match read {
            Some(batch) => batch,
            None => export.next().await.map_err(|error| {
                tracing::error!(%error, "an export was cut off");
                std::io::Error::other(error)
            })?,
        };
        if batch.is_empty() {
            return Ok::<_, std::io::Error>(None);
        }
        let mut text = batch.join("\n");
        text.push('\n');
        Ok(Some((Bytes::from(text), (None, export))))
    });
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response())
}
