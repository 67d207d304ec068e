//! Everything under `/v3` and `/access` needs a bearer token, also paths that do not exist.

use admin_identity::{Identity, Verified};
use admin_types::{Error, Kind, Result};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Uri};

use crate::App;

/// Who sends the request, by its token; nobody where none is needed.
pub(crate) async fn authenticate(app: &App, uri: &Uri, headers: &HeaderMap) -> Result<Option<Verified>> {
    if !["/v3", "/access", "/oauth/userinfo"].iter().any(|root| is_below(root, uri.path())) {
        return Ok(None);
    }
    let token = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
    let token = token.ok_or_else(|| {
        let detail = "Send `Authorization: Bearer TOKEN`. `admin token create` prints a token.";
        Error::new(Kind::Unauthenticated, "missing_token", detail)
    })?;
    let (identity, now) = (app.identity()?, app.core.clock().now());
    if Identity::is_key(token) {
        return identity.verify_key(token, now).await.map(Some);
    }
    let verified = identity.verify(token, now)?;
    let scope = verified.claims.scope.as_deref();
    let api = !is_below("/oauth", uri.path());
    if api && scope.is_some_and(|scope| !scope.split(' ').any(|word| word == API_SCOPE)) {
        let detail = format!("The token was granted no scope `{API_SCOPE}`, so it cannot be used here.");
        return Err(Error::new(Kind::Forbidden, "insufficient_scope", detail));
    }
    Ok(Some(verified))
}

/// What a token that a client was granted must be for, to be used with the API.
const API_SCOPE: &str = "admin";

/// Whether a path is this root, or below it.
pub(crate) fn is_below(root: &str, path: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty()).then(|| token.trim())
}
