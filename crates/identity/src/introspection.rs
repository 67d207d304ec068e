//! What a token is good for, for those who were given it: introspection (RFC 7662), revocation (RFC 7009), and the
//! claims about a user (OpenID Connect Core, section 5.3).

use admin_db::resources;
use admin_types::{Error, GrantId, Principal, Resource, Timestamp};
use serde_json::{Map, Value, json};

use crate::Identity;
use crate::client_auth::{Basic, authenticate_client};
use crate::error::{OAuthError, OAuthResult};
use crate::form::Form;
use crate::grants::{self, Grant};
use crate::tokens::{Audience, Verified};

impl Identity {
    /// What a token is good for. A client learns of its own tokens, one with a secret of all of its org's.
    pub async fn introspect(&self, form: &Form, basic: &Basic) -> OAuthResult<Value> {
        let endpoint = format!("{}/oauth/introspect", self.issuer);
        let client = authenticate_client(&self.core, form, basic, &[&self.issuer, &endpoint]).await?;
        if client.auth_method() == "none" {
            return Err(OAuthError::client("a public client cannot ask what tokens are good for"));
        }
        let token = form.need("token")?;
        if let Ok(verified) = self.verify(token, self.core.clock().now())
            && client.serves(verified.principal.org)
            && self.is_active(&verified.principal).await?
        {
            return Ok(of_access(&verified));
        }
        match grants::peek(&self.core, client.id, token).await? {
            Some((grant, end)) if self.is_active(&grant.principal()).await? => Ok(self.of_refresh(&grant, end)),
            _ => Ok(json!({"active": false})),
        }
    }

    /// Whether the user or client is still there, and active.
    pub(crate) async fn is_active(&self, principal: &Principal) -> OAuthResult<bool> {
        Ok(self.active(principal).await?.is_some())
    }

    /// The user or client, if it is there and active.
    async fn active(&self, principal: &Principal) -> OAuthResult<Option<Resource>> {
        let row = resources::get(&mut *self.core.db().read().await?, principal.org, principal.id).await?;
        let Some(row) = row.filter(|row| !row.deleted) else { return Ok(None) };
        let resource: Resource = serde_json::from_str(&row.document).map_err(Error::internal)?;
        Ok(Some(resource).filter(|resource| resource.status == "active"))
    }

    fn of_refresh(&self, grant: &Grant, end: Timestamp) -> Value {
        json!({"active": true, "iss": self.issuer, "sub": grant.subject, "client_id": grant.client, "org": grant.org,
            "scope": grant.terms.scope, "exp": end.seconds()})
    }

    /// Ends a token, and all that was granted with it. One that is not known, or is another client's, is none: the answer
    /// is the same.
    pub async fn revoke(&self, form: &Form, basic: &Basic) -> OAuthResult<()> {
        let endpoint = format!("{}/oauth/revoke", self.issuer);
        let client = authenticate_client(&self.core, form, basic, &[&self.issuer, &endpoint]).await?;
        let token = form.need("token")?;
        if let Some((grant, _)) = grants::peek(&self.core, client.id, token).await? {
            return Ok(grants::end_grant(&self.core, &self.revocations, grant.id).await?);
        }
        let Ok(verified) = self.verify(token, self.core.clock().now()) else { return Ok(()) };
        let claims = &verified.claims;
        if claims.client_id != Some(client.id) {
            return Ok(());
        }
        // A token that was exchanged names the grant of the one that it was made from, which is not the client's to end.
        match claims.gid.as_deref().and_then(GrantId::parse).filter(|_| claims.act.is_none()) {
            Some(grant) => grants::end_grant(&self.core, &self.revocations, grant).await?,
            None => {
                let until = Timestamp(claims.ends_at().saturating_add(1).saturating_mul(1_000_000));
                self.revocations.end(&self.core, &claims.jti, until).await?;
            }
        }
        Ok(())
    }

    /// The claims about the user that a token with the scope `openid` speaks for.
    pub async fn userinfo(&self, verified: &Verified) -> OAuthResult<Value> {
        let scope = verified.claims.scope.as_deref().unwrap_or_default();
        let has = |word: &str| scope.split(' ').any(|one| one == word);
        if !has("openid") {
            return Err(OAuthError::new("insufficient_scope", "the token has no scope openid"));
        }
        let principal = &verified.principal;
        let user = self.active(principal).await?;
        let user =
            user.ok_or_else(|| OAuthError::new("invalid_token", "the user is not there any more, or disabled"))?;
        let mut claims = Map::new();
        claims.insert("sub".into(), json!(principal.id));
        claims.insert("org".into(), json!(principal.org));
        if has("profile") {
            claims.insert("name".into(), json!(user.name));
            claims.insert("updated_at".into(), json!(user.updated_at.seconds()));
        }
        if let Some(email) = user.attributes.get("email").filter(|_| has("email")) {
            claims.insert("email".into(), email.clone());
        }
        Ok(Value::Object(claims))
    }
}

fn of_access(verified: &Verified) -> Value {
    let claims = &*verified.claims;
    let aud = match &claims.aud {
        Audience::One(one) => json!(one),
        Audience::Many(many) => json!(many),
    };
    let kind = if claims.cnf.is_some() { "DPoP" } else { "Bearer" };
    let mut answer = json!({"active": true, "token_type": kind, "iss": claims.iss, "aud": aud, "sub": claims.sub,
        "org": claims.org, "iat": claims.iat, "nbf": claims.nbf, "exp": claims.exp, "jti": claims.jti});
    let (client, act, cnf) = (json!(claims.client_id), json!(claims.act), json!(claims.cnf));
    for (name, value) in [("client_id", client), ("scope", json!(claims.scope)), ("act", act), ("cnf", cnf)] {
        if !value.is_null() {
            answer[name] = value;
        }
    }
    answer
}
