//! Errors on the wire: RFC 9457 problems. The one place that maps an error to a status. A handler's error travels in
//! the response's extensions; `observe`, which knows the request id, prints it.

use admin_types::{Error, Kind, RequestId, Result};
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// The longest path and query, in bytes.
pub(crate) const MAX_URI: usize = 16 * 1024;
/// The most bytes of all header names and values.
const MAX_HEADERS: usize = 32 * 1024;

/// An error on its way to the client.
#[derive(Clone, Debug)]
pub(crate) struct Problem(pub(crate) Error);

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        Problem(error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = status(self.0.kind).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

pub(crate) fn status(kind: Kind) -> StatusCode {
    match kind {
        Kind::Invalid => StatusCode::BAD_REQUEST,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::Gone => StatusCode::GONE,
        Kind::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        Kind::UriTooLong => StatusCode::URI_TOO_LONG,
        Kind::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Kind::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Timeout => StatusCode::REQUEST_TIMEOUT,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The problem document of an error.
pub(crate) fn document(error: &Error, request_id: &RequestId) -> Value {
    let status = status(error.kind);
    let mut body = json!({
        "type": format!("/errors/{}", error.code),
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "code": error.code,
        "detail": error.detail,
        "request_id": request_id,
    });
    if let (Value::Object(body), Value::Object(extra)) = (&mut body, (*error.extra).clone()) {
        body.extend(extra);
    }
    if !error.errors.is_empty() {
        body["errors"] = json!(error.errors);
    }
    body
}

/// After how many seconds to try again, if that may help.
pub(crate) fn retry_after(status: StatusCode) -> Option<HeaderValue> {
    match status {
        StatusCode::SERVICE_UNAVAILABLE => Some(HeaderValue::from_static("1")),
        StatusCode::TOO_MANY_REQUESTS => Some(HeaderValue::from_static("900")),
        _ => None,
    }
}

/// Prints an error over the response that carried it, whose headers stay.
pub(crate) fn print(error: &Error, request_id: &RequestId, mut response: Response) -> Response {
    let body = document(error, request_id).to_string();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    match error.kind {
        Kind::Unauthenticated => {
            let (bearer, bound) = match error.code {
                "missing_token" => ("Bearer realm=\"admin\"", "DPoP algs=\"RS256 PS256 ES256 EdDSA Ed25519\""),
                "bad_proof" => (
                    "Bearer realm=\"admin\"",
                    "DPoP error=\"invalid_dpop_proof\", algs=\"RS256 PS256 ES256 EdDSA Ed25519\"",
                ),
                _ => (
                    "Bearer realm=\"admin\", error=\"invalid_token\"",
                    "DPoP error=\"invalid_token\", algs=\"RS256 PS256 ES256 EdDSA Ed25519\"",
                ),
            };
            let step_up = step_up(error);
            let (bearer, bound) = match &step_up {
                Some((bearer, bound)) => (HeaderValue::from_str(bearer), HeaderValue::from_str(bound)),
                None => (HeaderValue::from_str(bearer), HeaderValue::from_str(bound)),
            };
            for challenge in [bearer, bound].into_iter().flatten() {
                headers.append(header::WWW_AUTHENTICATE, challenge);
            }
        }
        // RFC 6750, section 3.1.
        Kind::Forbidden if error.code == "insufficient_scope" => {
            let challenge = "Bearer realm=\"admin\", error=\"insufficient_scope\", scope=\"admin\"";
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        _ => {}
    }
    if let Some(after) = retry_after(status(error.kind)) {
        headers.insert(header::RETRY_AFTER, after);
    }
    *response.body_mut() = body.into();
    response
}

/// How to sign in for what needs a fresher or stronger sign-in (RFC 9470, section 3), by either kind of token.
fn step_up(error: &Error) -> Option<(String, String)> {
    if error.code != "insufficient_user_authentication" {
        return None;
    }
    let mut wanted = format!("error=\"{}\", error_description=\"{}\"", error.code, error.detail);
    if let Some(values) = error.extra.get("acr_values").and_then(Value::as_str) {
        wanted.push_str(&format!(", acr_values=\"{values}\""));
    }
    if let Some(seconds) = error.extra.get("max_age").and_then(Value::as_i64) {
        wanted.push_str(&format!(", max_age=\"{seconds}\""));
    }
    Some((
        format!("Bearer realm=\"admin\", {wanted}"),
        format!("DPoP {wanted}, algs=\"RS256 PS256 ES256 EdDSA Ed25519\""),
    ))
}

/// No such path.
pub(crate) async fn unknown_path() -> Problem {
    Problem(Error::new(
        Kind::NotFound,
        "unknown_path",
        "There is nothing at this path. /v3/openapi.json lists all paths.",
    ))
}

/// The path is known, but not with this method; `Allow` says with which.
pub(crate) async fn method_not_allowed() -> Problem {
    let detail = "This path does not take this method; the header `Allow` lists those that it takes.";
    Problem(Error::new(Kind::MethodNotAllowed, "method_not_allowed", detail))
}

/// The action that the path ends in takes one method alone.
pub(crate) async fn takes_only(method: Method) -> Response {
    let mut response = method_not_allowed().await.into_response();
    if let Ok(value) = HeaderValue::from_str(method.as_str()) {
        response.headers_mut().insert(header::ALLOW, value);
    }
    response
}

/// Refuses a path and query, or headers, longer than any that Admin needs.
pub(crate) fn limit_head(request: &Request) -> Result<()> {
    let uri = request.uri().path_and_query().map_or(0, |uri| uri.as_str().len());
    if uri > MAX_URI {
        let detail = format!("The path and query have {uri} bytes; the most is {MAX_URI}.");
        return Err(Error::new(Kind::UriTooLong, "uri_too_long", detail));
    }
    let headers = request.headers();
    let total: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if total > MAX_HEADERS {
        let largest = headers.iter().max_by_key(|(_, value)| value.len()).map_or("", |(name, _)| name.as_str());
        let detail = format!("The headers have {total} bytes; the most is {MAX_HEADERS}. The largest is `{largest}`.");
        return Err(Error::new(Kind::HeadersTooLarge, "headers_too_large", detail).at(largest, "is too large"));
    }
    Ok(())
}

/// A panic is a fault of ours; the caller sees no more than that.
pub(crate) fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    Problem(Error::internal(format!("panic: {}", text.unwrap_or_default()))).into_response()
}
