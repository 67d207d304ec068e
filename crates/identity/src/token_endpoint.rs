//! The token endpoint (RFC 6749, section 3.2): a grant in, tokens out.

use admin_db::accounts;
use admin_types::{OrgId, ResourceId};
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use crate::Identity;
use crate::client_auth::{Basic, authenticate_client};
use crate::clients::{Client, DEVICE_CODE, TOKEN_EXCHANGE};
use crate::dpop::Confirmation;
use crate::error::{OAuthError, OAuthResult};
use crate::form::Form;
use crate::grants::{self, Grant, Shown, Taking, Terms};
use crate::tokens::{Audience, Claims};

/// How long an access token is good for, in seconds.
pub(crate) const ACCESS_SECONDS: i64 = 600;
/// What a client gets if it asks for nothing in particular: the API, within its policies.
pub(crate) const DEFAULT_SCOPE: &str = "admin";
/// The words that a scope may have.
pub const SCOPES: [&str; 5] = ["openid", "profile", "email", "offline_access", "admin"];
/// The grants that there are.
pub const GRANT_TYPES: [&str; 5] =
    ["authorization_code", "refresh_token", "client_credentials", DEVICE_CODE, TOKEN_EXCHANGE];

/// For whom an access token is, and to what.
struct Bearer<'a> {
    org: OrgId,
    subject: ResourceId,
    terms: &'a Terms,
    grant: Option<&'a Grant>,
    jkt: Option<String>,
}

/// A request whose client is known, and the key that it was proven with.
pub(crate) struct Request<'a> {
    pub(crate) client: &'a Client,
    pub(crate) form: &'a Form,
    pub(crate) jkt: Option<String>,
}

impl Identity {
    /// Answers a token request. `proof`: what its header `DPoP` says.
    pub async fn token(&self, form: &Form, basic: &Basic, proof: Option<&str>) -> OAuthResult<Value> {
        let grant_type = form.need("grant_type")?.to_owned();
        let endpoint = format!("{}/oauth/token", self.issuer);
        let client = authenticate_client(&self.core, form, basic, &[&self.issuer, &endpoint]).await?;
        if !GRANT_TYPES.contains(&grant_type.as_str()) {
            let detail = format!("there are the grants {}", GRANT_TYPES.join(", "));
            return Err(OAuthError::new("unsupported_grant_type", detail));
        }
        if !client.may_use(&grant_type) {
            let detail = format!("the client may not use {grant_type}; add it to its grant_types");
            return Err(OAuthError::new("unauthorized_client", detail));
        }
        self.check_resource(form)?;
        let jkt = self.proven_key("/oauth/token", proof).await?;
        if jkt.is_none() && client.settings.dpop_bound_access_tokens {
            return Err(OAuthError::new("invalid_dpop_proof", "the client gets bound tokens alone: send a DPoP proof"));
        }
        let request = Request { client: &client, form, jkt };
        match grant_type.as_str() {
            "authorization_code" => self.by_code(&request).await,
            "refresh_token" => self.by_refresh(&request).await,
            DEVICE_CODE => self.by_device(&request).await,
            TOKEN_EXCHANGE => self.by_exchange(&request).await,
            _ => self.by_client(&request),
        }
    }

    /// Resource indicators (RFC 8707): there is one API, that of the issuer.
    pub(crate) fn check_resource(&self, form: &Form) -> OAuthResult<()> {
        match form.all("resource").iter().find(|resource| **resource != self.issuer) {
            None => Ok(()),
            Some(_) => {
                Err(OAuthError::new("invalid_target", format!("the one resource that there is, is {}", self.issuer)))
            }
        }
    }

    fn by_client(&self, request: &Request<'_>) -> OAuthResult<Value> {
        let Request { client, form, .. } = request;
        if client.auth_method() == "none" {
            return Err(OAuthError::new("unauthorized_client", "a public client has no credentials to act by"));
        }
        let scope = scope(form.get("scope").unwrap_or(DEFAULT_SCOPE), &["admin"]);
        let terms = Terms { scope: scope?, ..Terms::default() };
        let org = client.org.ok_or_else(|| OAuthError::new("unauthorized_client", "the client is of no org"))?;
        let bearer = Bearer { org, subject: client.id.row(), terms: &terms, grant: None, jkt: request.jkt.clone() };
        let access = self.access_token(client, &bearer)?;
        Ok(Value::Object(answer(&access, &bearer)))
    }

    async fn by_code(&self, request: &Request<'_>) -> OAuthResult<Value> {
        let form = request.form;
        let (code, verifier) = (form.need("code")?, form.get("code_verifier"));
        let (grant, refresh) = self.take(request, ("code", code), None).await?;
        let terms = &grant.terms;
        let proven = match (&terms.code_challenge, verifier) {
            (Some(challenge), Some(verifier)) => is_verifier(verifier) && s256(verifier) == *challenge,
            _ => false,
        };
        let same_place = terms.redirect_uri.as_deref() == form.get("redirect_uri");
        let same_key = terms.jkt.is_none() || terms.jkt == request.jkt;
        if !proven || !same_place || !same_key {
            grants::end_grant(&self.core, &self.revocations, grant.id).await?;
            return Err(OAuthError::grant(
                "code_verifier, redirect_uri or the DPoP key is not what the code was asked for with",
            ));
        }
        self.answer_grant(request, &grant, refresh, true)
    }

    async fn by_device(&self, request: &Request<'_>) -> OAuthResult<Value> {
        let code = request.form.need("device_code")?;
        self.poll(request.client, code).await?;
        let (grant, refresh) = self.take(request, ("device", code), None).await?;
        self.answer_grant(request, &grant, refresh, true)
    }

    async fn by_refresh(&self, request: &Request<'_>) -> OAuthResult<Value> {
        let Request { client, form, .. } = request;
        let token = form.need("refresh_token")?;
        let (asked, org) = (form.get("scope"), form.get("org").filter(|_| client.id.is_admin_cli()));
        let mut subject = None;
        if let Some((grant, _)) = grants::peek(&self.core, client.id, token).await? {
            // Before the token is used up, so that the client can ask again.
            if client.auth_method() == "none" && grant.terms.jkt.is_some() && grant.terms.jkt != request.jkt {
                return Err(OAuthError::grant("the refresh token is bound to a key: send a DPoP proof made with it"));
            }
            if let Some(more) = asked.and_then(|asked| asked.split(' ').find(|word| !grant.terms.has(word))) {
                return Err(OAuthError::new("invalid_scope", format!("{more} was not granted")));
            }
            subject = match org {
                Some(org) => Some(self.subject_in(&grant, org).await?),
                None => None,
            };
        }
        let (mut grant, refresh) = self.take(request, ("refresh", token), subject).await?;
        grant.terms.scope = asked.map_or(grant.terms.scope, str::to_owned);
        self.answer_grant(request, &grant, refresh, false)
    }

    /// The active user, in the org that is named, of the account that a grant is of.
    async fn subject_in(&self, grant: &Grant, org: &str) -> OAuthResult<(OrgId, ResourceId)> {
        let wrong = || OAuthError::new("invalid_target", "the account has no active user in the org");
        let org = OrgId::parse(org).ok_or_else(wrong)?;
        let account = accounts::account_of(&mut *self.core.db().read().await?, grant.org, grant.subject).await?;
        let user = self.user_in(account.ok_or_else(wrong)?, org).await?;
        Ok((org, user.ok_or_else(wrong)?))
    }

    /// The grant of a code or a refresh token, and the refresh token that takes its place, if the client may have one.
    /// `subject`: whom the grant acts for from now on.
    async fn take(
        &self,
        request: &Request<'_>,
        token: (&'static str, &str),
        subject: Option<(OrgId, ResourceId)>,
    ) -> OAuthResult<(Grant, Option<SecretString>)> {
        let client = request.client;
        let next = client.may_use("refresh_token").then(|| grants::random_token(&self.core, "adr_"));
        // The refresh tokens of a client that proves who it is are bound to it already (RFC 9449, section 5).
        let jkt = request.jkt.clone().filter(|_| client.auth_method() == "none");
        let taking = Taking { next: next.clone(), subject, jkt };
        match grants::take(&self.core, &self.revocations, client.id, token, &taking).await? {
            Shown::Good(grant) if !self.is_active(&grant.principal()).await? => {
                grants::end_grant(&self.core, &self.revocations, grant.id).await?;
                Err(OAuthError::grant("the user is not there any more, or disabled"))
            }
            Shown::Good(grant) => Ok((*grant, next)),
            Shown::Unknown => Err(OAuthError::grant("it is unknown, has expired, or was given to another client")),
            Shown::Again(_) => {
                Err(OAuthError::grant("it was used before, so all that came of it has ended; sign in again"))
            }
        }
    }

    fn answer_grant(
        &self,
        request: &Request<'_>,
        grant: &Grant,
        refresh: Option<SecretString>,
        first: bool,
    ) -> OAuthResult<Value> {
        let (client, jkt) = (request.client, request.jkt.clone());
        let bearer = Bearer { org: grant.org, subject: grant.subject, terms: &grant.terms, grant: Some(grant), jkt };
        let access = self.access_token(client, &bearer)?;
        let mut answer = answer(&access, &bearer);
        if let Some(refresh) = refresh {
            answer.insert("refresh_token".into(), json!(refresh.expose_secret()));
        }
        if grant.terms.has("openid") {
            let id_token = self.id_token(client, grant, &access, first)?;
            answer.insert("id_token".into(), json!(id_token.expose_secret()));
        }
        Ok(Value::Object(answer))
    }

    fn access_token(&self, client: &Client, bearer: &Bearer<'_>) -> OAuthResult<SecretString> {
        let now = self.core.clock().now();
        let iat = now.seconds();
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: Audience::One(self.issuer.clone()),
            sub: bearer.subject,
            org: bearer.org,
            roles: None,
            iat,
            nbf: iat,
            exp: iat + ACCESS_SECONDS,
            jti: URL_SAFE_NO_PAD.encode(self.core.random().bytes16()),
            client_id: Some(client.id),
            scope: Some(bearer.terms.scope.clone()),
            auth_time: bearer.terms.auth_time,
            acr: bearer.terms.acr().map(str::to_owned),
            amr: Some(bearer.terms.amr.clone()).filter(|amr| !amr.is_empty()),
            gid: bearer.grant.map(|grant| grant.id.to_string()),
            act: None,
            cnf: bearer.jkt.clone().map(|jkt| Confirmation { jkt }),
        };
        Ok(self.tokens.sign(client.algorithm(), "at+jwt", now, &claims)?)
    }

    /// The ID token (OpenID Connect Core, section 2). One that a refresh gives has no nonce (section 12.2).
    fn id_token(
        &self,
        client: &Client,
        grant: &Grant,
        access: &SecretString,
        first: bool,
    ) -> OAuthResult<SecretString> {
        let now = self.core.clock().now();
        let half = digest::digest(&digest::SHA256, access.expose_secret().as_bytes());
        let mut claims = json!({
            "iss": self.issuer, "sub": grant.subject, "aud": client.id, "org": grant.org,
            "iat": now.seconds(), "exp": now.seconds() + ACCESS_SECONDS,
            "at_hash": URL_SAFE_NO_PAD.encode(&half.as_ref()[..16]),
        });
        let optional = [
            ("auth_time", json!(grant.terms.auth_time)),
            ("nonce", json!(grant.terms.nonce.as_ref().filter(|_| first))),
            ("sid", json!(grant.session)),
            ("acr", json!(grant.terms.acr())),
            ("amr", json!(Some(&grant.terms.amr).filter(|amr| !amr.is_empty()))),
        ];
        for (name, value) in optional.into_iter().filter(|(_, value)| !value.is_null()) {
            claims[name] = value;
        }
        Ok(self.tokens.sign(client.algorithm(), "JWT", now, &claims)?)
    }
}

fn answer(access: &SecretString, bearer: &Bearer<'_>) -> Map<String, Value> {
    let mut answer = Map::new();
    answer.insert("access_token".into(), json!(access.expose_secret()));
    answer.insert("token_type".into(), json!(if bearer.jkt.is_some() { "DPoP" } else { "Bearer" }));
    answer.insert("expires_in".into(), json!(ACCESS_SECONDS));
    answer.insert("scope".into(), json!(bearer.terms.scope));
    answer
}

/// The words of a scope that can be granted; words that nobody knows are left out (RFC 6749, section 3.3).
pub(crate) fn scope(asked: &str, known: &[&str]) -> OAuthResult<String> {
    let well_formed = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
    if !asked.chars().all(well_formed) {
        return Err(OAuthError::new("invalid_scope", "a scope is words of visible ASCII with spaces between"));
    }
    let mut words: Vec<&str> = vec![];
    for word in asked.split(' ').filter(|word| known.contains(word)) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    match words.is_empty() {
        true => Err(OAuthError::new("invalid_scope", format!("there are the scopes {}", known.join(" ")))),
        false => Ok(words.join(" ")),
    }
}

/// The S256 challenge of a verifier (RFC 7636, section 4.2).
pub(crate) fn s256(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()))
}

/// 43 to 128 unreserved characters (RFC 7636, section 4.1).
fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
}
