//! Around every request, in one layer: its id, its limits, who sends it, its problem if it has one, a metric and a line
//! in the log. One layer, because axum boxes each of them and clones what is inside for every request.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use admin_types::{Error, Kind, Principal, RequestId, Result};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use crate::call::ClientAddress;
use crate::problem::{self, Problem};
use crate::{App, authenticate};

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Accepts or makes the request id, admits and runs the request, prints its problem, counts it.
pub(crate) async fn observe(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    // The AuthZEN API gives any id back as it is, and other programs choose theirs; one that could break a log line stays
    // out of the log.
    let foreign = authenticate::is_below("/access", request.uri().path());
    let sent = request.headers().get(&REQUEST_ID).filter(|_| foreign).cloned();
    let accepted = match accept_id(&request) {
        Err(_) if foreign => Ok(None),
        accepted => accepted,
    };
    let request_id = match &accepted {
        Ok(Some(id)) => id.clone(),
        _ => RequestId::new(app.core.clock().now(), app.core.random()),
    };
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let path = path.as_ref().map_or("unknown", MatchedPath::as_str);
    let address = request.extensions().get::<ClientAddress>().map(|address| address.0);
    let admitted = match accepted {
        Ok(_) => admit(&app, &mut request).await,
        Err(error) => Err(error),
    };
    let (mut response, principal) = match admitted {
        Err(error) => (Problem(error).into_response(), None),
        Ok(principal) => {
            if let Ok(value) = HeaderValue::from_str(request_id.as_str()) {
                request.headers_mut().insert(REQUEST_ID, value);
            }
            request.extensions_mut().insert(request_id.clone());
            let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
            (answered.unwrap_or_else(problem::panicked), principal)
        }
    };
    if let Some(Problem(error)) = response.extensions_mut().remove::<Problem>() {
        if let (Some(denied), Some(principal)) = (&error.denied, &principal) {
            admin_core::record_refusal(&app.core, (principal, address), &request_id, denied).await;
        }
        match error.kind {
            Kind::Internal => tracing::error!(%request_id, %method, path, %error, "request failed"),
            Kind::Unavailable => tracing::warn!(%request_id, %method, path, %error, "request failed"),
            _ => {}
        }
        response = problem::print(&error, &request_id, response);
    }
    if let Some(value) = sent.or_else(|| HeaderValue::from_str(request_id.as_str()).ok()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response.headers_mut().entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    let (status, took) = (response.status().as_u16(), started.elapsed());
    app.meters.record(path, &method, status, took);
    tracing::debug!(%request_id, %method, path, status, took_us = took.as_micros() as u64, "request");
    response
}

/// The request id that the client sent.
fn accept_id(request: &Request) -> Result<Option<RequestId>> {
    let Some(value) = request.headers().get(&REQUEST_ID) else { return Ok(None) };
    let id = value.to_str().ok().and_then(RequestId::accept);
    let detail = "must be 1 to 128 letters, digits and -_.:/+=";
    id.map(Some).ok_or_else(|| Error::parameter("X-Request-Id", detail))
}

/// Bounds the head, and notes who asks.
async fn admit(app: &App, request: &mut Request) -> Result<Option<Principal>> {
    problem::limit_head(request)?;
    // Not the request itself, whose body may not be shared between threads.
    let (method, uri, headers) = (request.method(), request.uri(), request.headers());
    let verified = authenticate::authenticate(app, method, uri, headers).await?;
    if let Some(verified) = &verified {
        request.extensions_mut().insert(verified.clone());
    }
    Ok(verified.map(|verified| verified.principal))
}
