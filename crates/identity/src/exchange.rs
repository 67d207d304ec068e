//! Token exchange (RFC 8693): a client that was called with somebody's token asks for one of its own to act for them
//! further. The new token never does more than the old one, nor longer, and says who acts.

use admin_types::Principal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::Identity;
use crate::dpop::Confirmation;
use crate::error::{OAuthError, OAuthResult};
use crate::token_endpoint::{ACCESS_SECONDS, Request, scope};
use crate::tokens::{ActingClient, Audience, Claims};

/// What is taken and given (section 3).
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

impl Identity {
    /// A token for whom the `subject_token` speaks for, with which the client acts.
    pub(crate) async fn by_exchange(&self, request: &Request<'_>) -> OAuthResult<Value> {
        let (client, form) = (request.client, request.form);
        if client.auth_method() == "none" {
            return Err(OAuthError::new("unauthorized_client", "a public client cannot show who acts"));
        }
        if form.need("subject_token_type")? != ACCESS_TOKEN
            || form.get("requested_token_type").is_some_and(|kind| kind != ACCESS_TOKEN)
        {
            return Err(OAuthError::request(format!("the one type of token that is exchanged is {ACCESS_TOKEN}")));
        }
        if form.get("actor_token").is_some() || form.get("actor_token_type").is_some() {
            return Err(OAuthError::request("leave actor_token out: the client that asks is who acts"));
        }
        if form.all("audience").iter().any(|audience| *audience != self.issuer) {
            let detail = format!("the one audience that there is, is {}", self.issuer);
            return Err(OAuthError::new("invalid_target", detail));
        }
        let subject = self.subject_token(request).await?;
        let granted = subject.scope.as_deref().unwrap_or_default();
        let asked = form.get("scope").unwrap_or(granted);
        let words: Vec<&str> = granted.split(' ').collect();
        if let Some(more) = asked.split(' ').find(|word| !words.contains(word)) {
            return Err(OAuthError::new("invalid_scope", format!("the subject_token has no scope {more}")));
        }
        let scope = scope(asked, &words)?;
        let (now, jkt) = (self.core.clock().now(), request.jkt.clone());
        let (iat, kind) = (now.seconds(), if jkt.is_some() { "DPoP" } else { "Bearer" });
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: Audience::One(self.issuer.clone()),
            iat,
            nbf: iat,
            exp: subject.exp.min(iat + ACCESS_SECONDS),
            jti: URL_SAFE_NO_PAD.encode(self.core.random().bytes16()),
            client_id: Some(client.id),
            scope: Some(scope.clone()),
            // It ends with the grant of the subject's token, or with that token itself.
            gid: subject.gid.clone().or(Some(subject.jti.clone())),
            act: Some(ActingClient { sub: client.id.row() }),
            cnf: jkt.map(|jkt| Confirmation { jkt }),
            ..subject
        };
        let token = self.tokens.sign(client.algorithm(), "at+jwt", now, &claims)?;
        Ok(json!({"access_token": token.expose_secret(), "issued_token_type": ACCESS_TOKEN, "token_type": kind,
            "expires_in": claims.exp - iat, "scope": scope}))
    }

    /// What the `subject_token` says, if the client may exchange it.
    async fn subject_token(&self, request: &Request<'_>) -> OAuthResult<Claims> {
        let refuse = |detail: &str| Err(OAuthError::request(format!("the subject_token {detail}")));
        let now = self.core.clock().now();
        let Ok(verified) = self.verify(request.form.need("subject_token")?, now) else {
            return refuse("is not valid, or not any more");
        };
        let claims = (*verified.claims).clone();
        // One of `admin token create`, or of a page, was issued to no client to be handed on.
        if claims.client_id.is_none() {
            return refuse("was not issued by the token endpoint");
        }
        if request.client.org != Some(claims.org) {
            return refuse("is of another org than the client");
        }
        if claims.act.is_some() {
            return refuse("was exchanged already");
        }
        // Otherwise a bound token that was stolen could be made into one that is not.
        if claims.cnf.as_ref().is_some_and(|bound| request.jkt.as_ref() != Some(&bound.jkt)) {
            return refuse("is bound to a key: send a DPoP proof made with it");
        }
        if claims.exp <= now.seconds() {
            return refuse("is not valid, or not any more");
        }
        if !self.is_active(&Principal::new(claims.org, claims.sub)).await? {
            return refuse("is of somebody who is not there any more, or disabled");
        }
        Ok(claims)
    }
}
