//! Everything under `/v3` needs a bearer token, also paths that do not exist.

use admin_types::{Error, Kind};
use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::App;
use crate::problem::Problem;

/// Verifies the token and notes the principal, or answers 401.
pub(crate) async fn authenticate(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path != "/v3" && !path.starts_with("/v3/") {
        return next.run(request).await;
    }
    let token = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
    let Some(token) = token else {
        let detail = "Send `Authorization: Bearer TOKEN`. `admin token create` prints a token.";
        return Problem(Error::new(Kind::Unauthenticated, "missing_token", detail)).into_response();
    };
    let Some(tokens) = app.tokens.get() else {
        return Problem(Error::unavailable("Admin is still starting. Try again shortly.", "keys are being made"))
            .into_response();
    };
    match tokens.verify(token, app.core.clock().now()) {
        Ok(principal) => {
            request.extensions_mut().insert(principal);
            next.run(request).await
        }
        Err(error) => Problem(error).into_response(),
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty()).then(|| token.trim())
}
