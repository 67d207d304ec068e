//! Pushed authorization requests (RFC 9126): a client says what it wants over its own connection, and the browser comes
//! with a name for it alone.

use admin_core::Core;
use admin_db::{Tx, oauth};
use admin_types::{Error, Timestamp};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::Identity;
use crate::authorize::Refused;
use crate::client_auth::{Basic, authenticate_client};
use crate::clients::Client;
use crate::error::{OAuthError, OAuthResult};
use crate::form::Form;
use crate::grants::{hash, random_token};

/// What the names begin with.
pub(crate) const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";
/// How long a browser may take to sign in with one, in seconds.
const SECONDS: i64 = 600;
/// What says who the client is, and is nothing of the request.
const PROOFS: [&str; 3] = ["client_secret", "client_assertion", "client_assertion_type"];

impl Identity {
    /// Keeps a request for a browser to come with.
    pub async fn push_request(&self, form: &Form, basic: &Basic, proof: Option<&str>) -> OAuthResult<Value> {
        let endpoint = format!("{}/oauth/par", self.issuer);
        let token = format!("{}/oauth/token", self.issuer);
        let client = authenticate_client(&self.core, form, basic, &[&self.issuer, &endpoint, &token]).await?;
        if form.get("request_uri").is_some() {
            return Err(OAuthError::request("request_uri cannot be pushed"));
        }
        let jkt = self.proven_key("/oauth/par", proof).await?;
        if let (Some(jkt), Some(named)) = (&jkt, form.get("dpop_jkt"))
            && jkt != named
        {
            return Err(OAuthError::new("invalid_dpop_proof", "dpop_jkt is not the key of the DPoP proof"));
        }
        // A request that is pushed with a proof is bound to its key (RFC 9449, section 10.1).
        let id = client.id.to_string();
        let said = form.pairs().filter(|(name, _)| !PROOFS.contains(name) && *name != "client_id");
        let jkt = jkt.as_deref().map(|jkt| ("dpop_jkt", jkt)).filter(|_| form.get("dpop_jkt").is_none());
        let said = said.chain(jkt);
        let pairs: Vec<(String, String)> =
            said.chain([("client_id", id.as_str())]).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        match self.understand(&Form::new(pairs.clone())?, true).await {
            Ok(_) => {}
            Err(Refused::Here(error)) => return Err(error),
            Err(Refused::Back(redirection)) => return Err(told(&redirection.params)),
        }
        let name = random_token(&self.core, PREFIX);
        let params = serde_json::to_string(&pairs).map_err(Error::internal)?;
        let (hash, client) = (hash(name.expose_secret()), client.id.row());
        let until = self.core.clock().now().plus_seconds(SECONDS);
        let job = async move |tx: &mut Tx| oauth::push(tx, &hash, client, &params, until).await;
        self.core.db().write_global(job).await?;
        Ok(json!({"request_uri": name.expose_secret(), "expires_in": SECONDS}))
    }
}

/// A refusal that a browser would have carried back.
fn told(params: &std::collections::BTreeMap<&'static str, String>) -> OAuthError {
    const CODES: [&str; 6] = [
        "invalid_scope",
        "invalid_target",
        "unauthorized_client",
        "unsupported_response_type",
        "request_not_supported",
        "registration_not_supported",
    ];
    let code = CODES.into_iter().find(|code| params.get("error").is_some_and(|error| error == code));
    OAuthError::new(code.unwrap_or("invalid_request"), params.get("error_description").cloned().unwrap_or_default())
}

/// What a client pushed under a name, and when.
pub(crate) async fn pushed(core: &Core, client: &Client, name: &str) -> OAuthResult<(Form, Timestamp)> {
    let mut conn = core.db().read().await?;
    let found = oauth::pushed(&mut conn, &hash(name), client.id.row(), core.clock().now()).await?;
    let (params, until) = found.ok_or_else(used)?;
    let pairs: Vec<(String, String)> = serde_json::from_str(&params).map_err(Error::internal)?;
    Ok((Form::new(pairs)?, until.plus_seconds(-SECONDS)))
}

/// Takes a pushed request to answer it: for whoever comes first (section 4).
pub(crate) async fn take(core: &Core, name: &str) -> Result<bool, Error> {
    let hash = hash(name);
    core.db().write_global(async move |tx: &mut Tx| oauth::take_pushed(tx, &hash).await).await
}

pub(crate) fn used() -> OAuthError {
    OAuthError::new("invalid_request_uri", "the request_uri is unknown, has expired, or was used")
}
