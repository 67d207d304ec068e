//! What every client may read: the metadata and the public keys.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Json, Response};

use crate::App;
use crate::problem::Problem;

/// How long others may keep it, and that pages of any origin may read it.
const PUBLIC: [(header::HeaderName, &str); 2] =
    [(header::CACHE_CONTROL, "public, max-age=300"), (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")];

pub(super) async fn metadata(State(app): State<App>) -> Result<Response, Problem> {
    Ok((PUBLIC, Json(app.identity()?.metadata())).into_response())
}

pub(super) async fn jwks(State(app): State<App>) -> Result<Response, Problem> {
    Ok((PUBLIC, Json(app.identity()?.jwks())).into_response())
}
