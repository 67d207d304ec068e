//! Signing out at the wish of a client (OpenID Connect RP-Initiated Logout 1.0).

use admin_types::SessionId;
use serde_json::Value;

use crate::Identity;
use crate::accounts::Browser;
use crate::clients::find_client;
use crate::error::{OAuthError, OAuthResult};
use crate::form::Form;
use crate::jws::Jws;
use crate::sessions::Session;

/// What comes of a wish to sign out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SignedOut {
    /// The person has to confirm it: nothing shows that the client speaks of this session.
    Ask,
    /// Done; the browser goes to one of the client's addresses, or stays here.
    Done(Option<String>),
}

impl Identity {
    /// Signs out. `confirmed`: the person said so on a page of ours.
    pub async fn sign_out(
        &self,
        form: &Form,
        (session, browser): (Option<&Session>, &Browser),
        confirmed: bool,
    ) -> OAuthResult<SignedOut> {
        let hint = form.get("id_token_hint").map(|token| self.hint(token)).transpose()?;
        let client_id = hint.as_ref().and_then(|hint| hint.get("aud")?.as_str()).or_else(|| form.get("client_id"));
        if form.get("client_id").is_some_and(|other| client_id != Some(other)) {
            return Err(OAuthError::request("client_id is not the client that the id_token_hint was issued to"));
        }
        let client = match client_id {
            Some(id) => find_client(&self.core, id).await?,
            None => None,
        };
        let place = match (form.get("post_logout_redirect_uri"), client) {
            (Some(uri), Some(client)) => {
                let known = client.settings.post_logout_redirect_uris.iter().any(|known| known == uri);
                let wrong = "post_logout_redirect_uri is not one of the client's, to the letter";
                Some(known.then(|| uri.to_owned()).ok_or_else(|| OAuthError::request(wrong))?)
            }
            (Some(_), None) => return Err(OAuthError::request("post_logout_redirect_uri needs a client_id")),
            (None, _) => None,
        };
        let place = place.map(|place| match form.get("state") {
            Some(state) => {
                let join = if place.contains('?') { '&' } else { '?' };
                let state: String = form_urlencoded::byte_serialize(state.as_bytes()).collect();
                format!("{place}{join}state={state}")
            }
            None => place,
        });
        if let Some(session) = session {
            let meant = hint.as_ref().and_then(|hint| SessionId::parse(hint.get("sid")?.as_str()?));
            if meant != Some(session.id) && !confirmed {
                return Ok(SignedOut::Ask);
            }
            self.end_session(session, browser).await?;
        }
        Ok(SignedOut::Done(place))
    }

    /// What an ID token of ours says. It may have expired.
    pub(crate) fn hint(&self, token: &str) -> OAuthResult<Value> {
        let wrong = || OAuthError::request("the id_token_hint was not issued here");
        let jws = Jws::read(token).ok_or_else(wrong)?;
        let key = jws.header.kid.as_ref().and_then(|kid| self.keys.verifier(kid));
        let (_, key) = key.filter(|(algorithm, _)| algorithm.as_str() == jws.header.alg).ok_or_else(wrong)?;
        let claims: Value = jws.verify(&key).ok_or_else(wrong)?;
        let own = claims.get("iss").and_then(Value::as_str) == Some(&self.issuer);
        if own && jws.header.typ.as_deref() == Some("JWT") { Ok(claims) } else { Err(wrong()) }
    }
}
