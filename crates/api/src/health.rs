//! For the machines that watch: alive, ready, metrics.

use admin_types::Error;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::App;
use crate::problem::Problem;

/// The process answers.
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// The process can do its work: the keys are there and the database answers.
pub(crate) async fn ready(State(app): State<App>) -> Result<&'static str, Problem> {
    if app.identity.get().is_none() {
        return Err(Problem(Error::unavailable("Admin is still starting. Try again shortly.", "keys are being made")));
    }
    app.core.db().ping().await?;
    Ok("ok\n")
}

/// Metrics in Prometheus' text format.
pub(crate) async fn metrics(State(app): State<App>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], (app.metrics)()).into_response()
}
