//! Around every request: its id, its problem if it has one, a metric and a line in the log.

use std::time::Instant;

use admin_types::{Error, Kind, RequestId};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::App;
use crate::problem::{self, Problem};

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Accepts or makes the request id, runs the request, prints its problem, counts it.
pub(crate) async fn observe(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let (request_id, refused) = match request.headers().get(&REQUEST_ID) {
        None => (RequestId::new(app.core.clock().now(), app.core.random()), None),
        Some(value) => match value.to_str().ok().and_then(RequestId::accept) {
            Some(id) => (id, None),
            None => (RequestId::new(app.core.clock().now(), app.core.random()), Some(bad_request_id())),
        },
    };
    request.extensions_mut().insert(request_id.clone());
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().map_or("unknown".to_owned(), |path| path.as_str().to_owned());
    let mut response = match refused {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    };
    if let Some(Problem(error)) = response.extensions_mut().remove::<Problem>() {
        match error.kind {
            Kind::Internal => tracing::error!(%request_id, %method, path, %error, "request failed"),
            Kind::Unavailable => tracing::warn!(%request_id, %method, path, %error, "request failed"),
            _ => {}
        }
        response = problem::print(&error, &request_id, response);
    }
    if let Ok(value) = HeaderValue::from_str(request_id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response.headers_mut().entry("x-content-type-options").or_insert(HeaderValue::from_static("nosniff"));
    let (status, took) = (response.status().as_u16(), started.elapsed());
    let labels = [("method", method.to_string()), ("path", path.clone()), ("status", status.to_string())];
    metrics::counter!("admin_http_requests_total", &labels).increment(1);
    metrics::histogram!("admin_http_request_seconds", &labels[..2]).record(took.as_secs_f64());
    tracing::debug!(%request_id, %method, path, status, took_us = took.as_micros() as u64, "request");
    response
}

fn bad_request_id() -> Problem {
    let detail = "must be 1 to 128 letters, digits and -_.:/+=";
    Problem(Error::parameter("X-Request-Id", detail))
}
