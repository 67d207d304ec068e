//! The one-time sign-in of a first start: a page that exchanges its token, and the exchange itself.

use admin_types::{Error, Result};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::problem::Problem;
use crate::{App, answer, body};

/// The page that the sign-in link opens. The token is after the `#`, so it reaches no log.
pub(crate) async fn page() -> Response {
    let policy =
        [(header::CONTENT_SECURITY_POLICY, crate::reference::POLICY), (header::REFERRER_POLICY, "no-referrer")];
    (policy, Html(include_str!("../assets/sign-in.html"))).into_response()
}

/// `{"token":"sgn_…"}` → a bearer token.
pub(crate) async fn exchange(State(app): State<App>, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let (document, _) = body::read_json(&headers, body).await?;
    let token = document.get("token").and_then(|token| token.as_str());
    let token = token.ok_or_else(|| {
        Error::validation(vec![admin_types::FieldError::new("/token", "must be the one-time token, sgn_…")])
    })?;
    let (bearer, seconds) = app.identity()?.sign_in(&SecretString::from(token)).await?;
    let mut response =
        answer::data(&json!({"access_token": bearer.expose_secret(), "token_type": "Bearer", "expires_in": seconds}))?;
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    Ok(response)
}
