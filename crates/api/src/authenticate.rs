//! Everything under `/v3` and `/access` needs a bearer token, also paths that do not exist.

use admin_identity::{Identity, Proven, Verified};
use admin_types::{Error, Kind, Result};
use axum::http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use axum::http::{HeaderMap, Method, Uri};

use crate::App;

/// Who sends the request, by its token; nobody where none is needed.
pub(crate) async fn authenticate(
    app: &App,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Option<Verified>> {
    if !["/v3", "/access", "/oauth/userinfo", "/oauth/register"].iter().any(|root| is_below(root, uri.path())) {
        return Ok(None);
    }
    let (bound, token) = token_of(headers).ok_or_else(|| {
        let detail = "Send `Authorization: Bearer TOKEN`. `admin token create --role owner` prints a token.";
        Error::new(Kind::Unauthenticated, "missing_token", detail)
    })?;
    let (identity, now) = (app.identity()?, app.core.clock().now());
    if Identity::is_key(token) && !bound {
        return identity.verify_key(token, now).await.map(Some);
    }
    let verified = identity.verify(token, now)?;
    let proof = if bound { Some(proof(headers)?) } else { None };
    let proven = proof.map(|proof| Proven { proof, method: method.as_str(), path: uri.path() });
    identity.check_binding(&verified, token, proven, now)?;
    identity.check_clients(&verified).await?;
    let scope = verified.claims.scope.as_deref();
    let api = !is_below("/oauth/userinfo", uri.path());
    if api && scope.is_some_and(|scope| !scope.split(' ').any(|word| word == API_SCOPE)) {
        let detail = format!("The token was granted no scope `{API_SCOPE}`, so it cannot be used here.");
        return Err(Error::new(Kind::Forbidden, "insufficient_scope", detail));
    }
    Ok(Some(verified))
}

/// The token of a request, and whether it is shown as one that is bound to a key.
pub(crate) fn token_of(headers: &HeaderMap) -> Option<(bool, &str)> {
    match headers.get(AUTHORIZATION) {
        Some(value) => value.to_str().ok().and_then(shown),
        None => token_of_socket(headers).map(|token| (false, token)),
    }
}

/// The token of a WebSocket's handshake: a browser can set no other header there than this one.
fn token_of_socket(headers: &HeaderMap) -> Option<&str> {
    let protocols: Vec<&str> = headers.get(SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?.split(',').map(str::trim).collect();
    let ours = protocols.contains(&SOCKET_PROTOCOL);
    protocols.into_iter().filter(|_| ours).find_map(|protocol| protocol.strip_prefix("bearer."))
}

/// Whether a token with which something was begun still holds: it has not ended, and whose it is may still act.
pub(crate) async fn still_good(app: &App, token: &str) -> Result<()> {
    let (identity, now) = (app.identity()?, app.core.clock().now());
    let verified = match Identity::is_key(token) {
        true => identity.verify_key(token, now).await?,
        false => identity.verify(token, now)?,
    };
    identity.check_clients(&verified).await?;
    admin_core::check_caller(&app.core, &verified.principal).await
}

/// The WebSocket subprotocol of live events.
pub(crate) const SOCKET_PROTOCOL: &str = "admin.events";

/// What a token that a client was granted must be for, to be used with the API.
const API_SCOPE: &str = "admin";

/// Whether a path is this root, or below it.
pub(crate) fn is_below(root: &str, path: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A token, and whether it is shown as one that is bound to a key (RFC 9449, section 7.1).
fn shown(value: &str) -> Option<(bool, &str)> {
    let (scheme, token) = value.split_once(' ')?;
    let bound = scheme.eq_ignore_ascii_case("dpop");
    let known = bound || scheme.eq_ignore_ascii_case("bearer");
    (known && !token.trim().is_empty()).then(|| (bound, token.trim()))
}

/// The one proof of the header `DPoP`.
fn proof(headers: &HeaderMap) -> Result<&str> {
    let mut values = headers.get_all("dpop").iter();
    let one = values.next().filter(|_| values.next().is_none()).and_then(|value| value.to_str().ok());
    one.ok_or_else(|| {
        Error::new(Kind::Unauthenticated, "bad_proof", "Send one header `DPoP` with a proof for this request.")
    })
}
