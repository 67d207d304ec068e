//! How a client shows who it is: a secret in the header or the body, a JWT that it signed, or nothing if it is public
//! (RFC 6749, section 2.3; OpenID Connect Core, section 9).

use admin_core::Core;
use admin_db::{Tx, client_secrets, oauth};
use admin_types::{Error, Timestamp};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::Value;

use crate::clients::{Client, find_client};
use crate::error::{OAuthError, OAuthResult};
use crate::form::Form;

/// The one kind of assertion that there is (RFC 7523, section 2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How long an assertion may live at most, and how far clocks may differ, in seconds.
const MAX_ASSERTION: i64 = 600;
const LEEWAY: i64 = 30;
/// The longest assertion that is looked at, in bytes.
const MAX_BYTES: usize = 8192;

/// What a request says of the client that sends it: the pair of the Authorization header, if there is one.
pub type Basic = Option<(String, String)>;

/// The client that sends a request. `endpoints`: what an assertion may be meant for, the issuer first.
pub async fn authenticate_client(core: &Core, form: &Form, basic: &Basic, endpoints: &[&str]) -> OAuthResult<Client> {
    let assertion = form.get("client_assertion");
    let ways = [basic.is_some(), form.get("client_secret").is_some(), assertion.is_some()];
    if ways.into_iter().filter(|way| *way).count() > 1 {
        return Err(OAuthError::request("send one proof of who the client is, not several"));
    }
    let said = match (basic, assertion) {
        (Some((id, _)), _) => Some(id.clone()),
        (None, Some(assertion)) => subject(assertion),
        (None, None) => form.get("client_id").map(str::to_owned),
    };
    let id = said.ok_or_else(|| OAuthError::client("the request does not say which client sends it"))?;
    if form.get("client_id").is_some_and(|other| other != id) {
        return Err(OAuthError::request("client_id is not the client that the proof is of"));
    }
    let client = find_client(core, &id).await?.ok_or_else(unknown)?;
    let secret = basic.as_ref().map(|(_, secret)| secret.as_str()).or_else(|| form.get("client_secret"));
    match (client.auth_method(), secret, assertion) {
        ("client_secret_basic" | "client_secret_post", Some(secret), None) => {
            check_secret(core, &client, secret).await?;
        }
        ("private_key_jwt", None, Some(assertion)) => {
            if form.get("client_assertion_type") != Some(ASSERTION_TYPE) {
                return Err(OAuthError::request(format!("client_assertion_type must be {ASSERTION_TYPE}")));
            }
            check_assertion(core, &client, assertion, endpoints).await?;
        }
        ("none", None, None) => {}
        _ => return Err(unknown()),
    }
    Ok(client)
}

/// The same answer for a client that is not there, a wrong secret, and a way that is not the client's.
fn unknown() -> OAuthError {
    OAuthError::client("no active client has this id and this proof; see the client's token_endpoint_auth_method")
}

async fn check_secret(core: &Core, client: &Client, secret: &str) -> OAuthResult<()> {
    let hash = digest::digest(&digest::SHA256, secret.as_bytes());
    let now = core.clock().now();
    let rows = client_secrets::all(&mut *core.db().read().await?, client.org, client.id).await?;
    let mut live = rows.iter().filter(|row| row.expires_at.is_none_or(|end| now < end));
    match live.any(|row| verify_slices_are_equal(&row.hash, hash.as_ref()).is_ok()) {
        true => Ok(()),
        false => Err(unknown()),
    }
}

/// Whom an assertion says it is of. Nothing of it is believed yet.
fn subject(assertion: &str) -> Option<String> {
    let claims = jsonwebtoken::dangerous::insecure_decode::<Value>(assertion.get(..MAX_BYTES.min(assertion.len()))?);
    claims.ok()?.claims.get("sub")?.as_str().map(str::to_owned)
}

async fn check_assertion(core: &Core, client: &Client, assertion: &str, endpoints: &[&str]) -> OAuthResult<()> {
    let claims = verify_assertion(client, assertion)?;
    let (now, text) = (core.clock().now(), |name: &str| claims.get(name).and_then(Value::as_str));
    let id = client.id.to_string();
    if text("iss") != Some(&id) || text("sub") != Some(&id) {
        return Err(OAuthError::client("iss and sub of the assertion must be the client's id"));
    }
    let meant = match claims.get("aud") {
        Some(Value::String(one)) => endpoints.contains(&one.as_str()),
        Some(Value::Array(many)) => many.iter().any(|one| one.as_str().is_some_and(|one| endpoints.contains(&one))),
        _ => false,
    };
    if !meant {
        return Err(OAuthError::client(format!("aud of the assertion must be {}", endpoints.join(" or "))));
    }
    let exp = claims.get("exp").and_then(Value::as_i64).unwrap_or(0);
    let early = |name: &str| claims.get(name).and_then(Value::as_i64).is_some_and(|at| at > now.seconds() + LEEWAY);
    if exp + LEEWAY < now.seconds() || exp > now.seconds() + MAX_ASSERTION || early("nbf") || early("iat") {
        let detail = format!("the assertion must be valid now, and for at most {MAX_ASSERTION} seconds");
        return Err(OAuthError::client(detail));
    }
    let jti = text("jti").ok_or_else(|| OAuthError::client("the assertion has no jti"))?;
    if !say_once(core, &format!("assertion {id} {jti}"), Timestamp((exp + LEEWAY) * 1_000_000)).await? {
        return Err(OAuthError::client("the assertion was used before"));
    }
    Ok(())
}

fn verify_assertion(client: &Client, assertion: &str) -> OAuthResult<Value> {
    use jsonwebtoken::Algorithm::{ES256, EdDSA, PS256, RS256};
    if assertion.len() > MAX_BYTES {
        return Err(OAuthError::client("the assertion is too long"));
    }
    let header = jsonwebtoken::decode_header(assertion).map_err(|_| OAuthError::client("the assertion is no JWT"))?;
    if ![RS256, PS256, ES256, EdDSA].contains(&header.alg) {
        return Err(OAuthError::client("the assertion must be signed by RS256, PS256, ES256 or EdDSA"));
    }
    let keys: Option<JwkSet> = client.settings.jwks.as_ref().and_then(|jwks| serde_json::from_value(jwks.clone()).ok());
    let keys = keys.ok_or_else(|| OAuthError::client("the client has no readable jwks"))?;
    let named = keys.keys.iter().filter(|key| header.kid.is_none() || key.common.key_id == header.kid);
    for key in named {
        let Ok(key) = DecodingKey::from_jwk(key) else { continue };
        let mut validation = Validation::new(header.alg);
        (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
        validation.required_spec_claims.clear();
        if let Ok(decoded) = jsonwebtoken::decode::<Value>(assertion, &key, &validation) {
            return Ok(decoded.claims);
        }
    }
    Err(OAuthError::client("no key of the client's jwks verifies the assertion"))
}

/// Notes something that may be said once; false when it was said before.
pub(crate) async fn say_once(core: &Core, what: &str, until: Timestamp) -> Result<bool, Error> {
    let hash = digest::digest(&digest::SHA256, what.as_bytes()).as_ref().to_vec();
    core.db().write_global(async move |tx: &mut Tx| oauth::say_once(tx, &hash, until).await).await
}
