//! A one-time link, taken by a program: its token for a bearer token.

use admin_types::{Error, Result};
use axum::body::Body;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::problem::Problem;
use crate::{App, answer, body};

/// `{"token":"sgn_…"}` → a bearer token.
pub(crate) async fn exchange(app: &App, headers: &HeaderMap, body: Body) -> Result<Response, Problem> {
    let (document, _) = body::read_json(headers, body).await?;
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
