//! How a client shows who it is: a secret in the header or the body, a JWT that it signed, or nothing if it is public
//! (RFC 6749, section 2.3; OpenID Connect Core, section 9).

use admin_core::Core;
use admin_core::occurrence::sign_in_failed;
use admin_db::{Tx, client_secrets, oauth};
use admin_types::{Error, RequestId, Timestamp};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::Jwk;
use serde_json::Value;

use crate::clients::{Client, find_client};
use crate::error::{OAuthError, OAuthResult};
use crate::form::Form;
use crate::jws::{ALGORITHMS, Header, Jws};

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
    if let Err(refused) = prove(core, &client, (secret, assertion), form, endpoints).await {
        tell_failed(core, &client).await;
        return Err(refused);
    }
    Ok(client)
}

/// Somebody who could not show that they are the client, in the audit log of its org.
async fn tell_failed(core: &Core, client: &Client) {
    let Some(org) = client.org else { return };
    let now = core.clock().now();
    let failed = sign_in_failed(client.id.row(), "client", (now, None, RequestId::new(now, core.random())));
    core.occurs(org, failed).await;
}

async fn prove(
    core: &Core,
    client: &Client,
    (secret, assertion): (Option<&str>, Option<&str>),
    form: &Form,
    endpoints: &[&str],
) -> OAuthResult<()> {
    match (client.auth_method(), secret, assertion) {
        ("client_secret_basic" | "client_secret_post", Some(secret), None) => {
            check_secret(core, client, secret).await?;
        }
        ("private_key_jwt", None, Some(assertion)) => {
            if form.get("client_assertion_type") != Some(ASSERTION_TYPE) {
                return Err(OAuthError::request(format!("client_assertion_type must be {ASSERTION_TYPE}")));
            }
            check_assertion(core, client, assertion, endpoints).await?;
        }
        ("none", None, None) => {}
        _ => return Err(unknown()),
    }
    Ok(())
}

/// The same answer for a client that is not there, a wrong secret, and a way that is not the client's.
fn unknown() -> OAuthError {
    OAuthError::client("no active client has this id and this proof; see the client's token_endpoint_auth_method")
}

async fn check_secret(core: &Core, client: &Client, secret: &str) -> OAuthResult<()> {
    let hash = digest::digest(&digest::SHA256, secret.as_bytes());
    let now = core.clock().now();
    let org = client.org.ok_or_else(unknown)?;
    let rows = client_secrets::all(&mut *core.db().read().await?, org, client.id.row()).await?;
    let mut live = rows.iter().filter(|row| row.expires_at.is_none_or(|end| now < end));
    match live.any(|row| verify_slices_are_equal(&row.hash, hash.as_ref()).is_ok()) {
        true => Ok(()),
        false => Err(unknown()),
    }
}

/// Whom an assertion says it is of. Nothing of it is believed yet.
fn subject(assertion: &str) -> Option<String> {
    let jws = Some(assertion).filter(|text| text.len() <= MAX_BYTES).and_then(Jws::read)?;
    jws.unverified::<Value>()?.get("sub")?.as_str().map(str::to_owned)
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
    if exp < now.seconds() - LEEWAY || exp > now.seconds() + MAX_ASSERTION || early("nbf") || early("iat") {
        let detail = format!("the assertion must be valid now, and for at most {MAX_ASSERTION} seconds");
        return Err(OAuthError::client(detail));
    }
    let jti = text("jti").ok_or_else(|| OAuthError::client("the assertion has no jti"))?;
    // It is accepted until the end of its last second.
    let until = Timestamp((exp + LEEWAY + 1) * 1_000_000);
    if !say_once(core, &format!("assertion {id} {jti}"), until).await? {
        return Err(OAuthError::client("the assertion was used before"));
    }
    Ok(())
}

fn verify_assertion(client: &Client, assertion: &str) -> OAuthResult<Value> {
    if assertion.len() > MAX_BYTES {
        return Err(OAuthError::client("the assertion is too long"));
    }
    let jws = Jws::read(assertion).ok_or_else(|| OAuthError::client("the assertion is no JWT"))?;
    if !ALGORITHMS.contains(&jws.header.alg.as_str()) {
        return Err(OAuthError::client(format!("the assertion must be signed by one of {}", ALGORITHMS.join(", "))));
    }
    let keys = client.settings.jwks.as_ref().and_then(|jwks| jwks.get("keys")?.as_array());
    let keys = keys.ok_or_else(|| OAuthError::client("the client has no jwks with keys"))?;
    // A key that is not understood is passed over (RFC 7517, section 5).
    let verified = keys.iter().filter(|key| may_verify(key, &jws.header)).find_map(|key| {
        let key: Jwk = serde_json::from_value(key.clone()).ok()?;
        jws.verify(&DecodingKey::from_jwk(&key).ok()?)
    });
    verified.ok_or_else(|| OAuthError::client("no key of the client's jwks verifies the assertion"))
}

/// Whether a JWK is the one that the header names, and is for signatures by its algorithm (RFC 7517, section 4).
fn may_verify(key: &Value, header: &Header) -> bool {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    let ed = |name: &str| matches!(name, "EdDSA" | "Ed25519");
    let named = header.kid.is_none() || text("kid") == header.kid.as_deref();
    let alg = text("alg").is_none_or(|alg| alg == header.alg || ed(alg) && ed(&header.alg));
    named && alg && text("use").is_none_or(|purpose| purpose == "sig")
}

/// Notes something that may be said once; false when it was said before.
pub(crate) async fn say_once(core: &Core, what: &str, until: Timestamp) -> Result<bool, Error> {
    let hash = digest::digest(&digest::SHA256, what.as_bytes()).as_ref().to_vec();
    core.db().write_global(async move |tx: &mut Tx| oauth::say_once(tx, &hash, until).await).await
}
