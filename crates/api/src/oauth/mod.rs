//! OAuth 2.0 and OpenID Connect over HTTP: forms in, JSON out. Paths are under `/oauth`, and at the well-known places.

mod endpoints;
pub(crate) mod invitations;
mod metadata;
mod registration;
pub(crate) mod secrets;

use admin_identity::{Basic, Form, OAuthError};
use admin_types::{Error, Result};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::problem::Problem;
use crate::{App, body};

/// The media type of forms.
const FORM: &str = "application/x-www-form-urlencoded";

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/.well-known/openid-configuration", get(metadata::metadata))
        .route("/.well-known/oauth-authorization-server", get(metadata::metadata))
        .route("/oauth/jwks", get(metadata::jwks))
        .route("/oauth/token", post(endpoints::token))
        .route("/oauth/device_authorization", post(endpoints::device_authorization))
        .route("/oauth/par", post(endpoints::push))
        .route("/oauth/register", post(registration::register))
        .route("/oauth/introspect", post(endpoints::introspect))
        .route("/oauth/revoke", post(endpoints::revoke))
        .route("/oauth/userinfo", get(endpoints::userinfo).post(endpoints::userinfo))
}

/// A refusal on its way to the client.
pub(crate) struct Refusal(OAuthError);

impl From<OAuthError> for Refusal {
    fn from(error: OAuthError) -> Refusal {
        Refusal(error)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let OAuthError { code, description, internal } = self.0;
        if let Some(error) = internal {
            return Problem(*error).into_response();
        }
        let status = match code {
            "invalid_client" | "invalid_token" => StatusCode::UNAUTHORIZED,
            "insufficient_scope" => StatusCode::FORBIDDEN,
            _ => StatusCode::BAD_REQUEST,
        };
        let mut response = private(json!({"error": code, "error_description": description}));
        *response.status_mut() = status;
        let challenge = match code {
            "invalid_client" => Some("Basic realm=\"admin\"".to_owned()),
            "invalid_token" | "insufficient_scope" => Some(format!("Bearer realm=\"admin\", error=\"{code}\"")),
            _ => None,
        };
        if let Some(challenge) = challenge.and_then(|text| HeaderValue::from_str(&text).ok()) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// JSON that nobody may keep.
pub(crate) fn private(body: Value) -> Response {
    let headers = [(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")];
    (headers, Json(body)).into_response()
}

/// The parameters of a form.
pub(crate) async fn form(headers: &HeaderMap, body: Body) -> std::result::Result<Form, Refusal> {
    if body::media_type(headers) != FORM {
        return Err(OAuthError::request(format!("the body must be {FORM}")).into());
    }
    let bytes = body::bytes(body).await?;
    let pairs = form_urlencoded::parse(&bytes).map(|(name, value)| (name.into_owned(), value.into_owned()));
    Ok(Form::new(pairs)?)
}

/// The client's id and secret in the header, each encoded as in a form (RFC 6749, section 2.3.1).
fn basic(headers: &HeaderMap) -> std::result::Result<Basic, Refusal> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let wrong = || OAuthError::client("the header Authorization is not Basic with an id and a secret");
    let text = value.to_str().map_err(|_| wrong())?;
    let (scheme, encoded) = text.split_once(' ').ok_or_else(wrong)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(wrong().into());
    }
    let decoded = STANDARD.decode(encoded.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let decoded = decoded.ok_or_else(wrong)?;
    let (id, secret) = decoded.split_once(':').ok_or_else(wrong)?;
    let read = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8().map(|text| text.into_owned()).map_err(|_| wrong())
    };
    Ok(Some((read(id)?, read(secret)?)))
}

/// What the header `DPoP` says; it must stand there once (RFC 9449, section 4.3).
fn proof(headers: &HeaderMap) -> std::result::Result<Option<&str>, Refusal> {
    let wrong = || OAuthError::new("invalid_dpop_proof", "send one header DPoP, with one proof");
    let mut values = headers.get_all("dpop").iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(one), None) => Ok(Some(one.to_str().map_err(|_| wrong())?)),
        _ => Err(wrong().into()),
    }
}

/// Where an address leads, as a content security policy names it: a scheme and a host, or a scheme of an app alone.
pub(crate) fn origin(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once(':')?;
    match rest.strip_prefix("//").filter(|_| matches!(scheme, "http" | "https")) {
        Some(rest) => {
            let host = rest.split(['/', '?']).next().unwrap_or_default();
            let sane = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
            (!host.is_empty() && host.bytes().all(sane)).then(|| format!("{scheme}://{host}"))
        }
        None => {
            let sane = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
            scheme.bytes().all(sane).then(|| format!("{scheme}:"))
        }
    }
}

/// What a handler here answers.
type Answer = Result<Response, Refusal>;
