//! Access tokens: JWTs (RFC 9068) that Admin signs and verifies itself. A signature is verified once for each token, its
//! times, and whether it was revoked, on every call.

use std::sync::Arc;

use admin_core::Core;
use admin_types::{Error, Kind, OrgId, Principal, ResourceId, Result, Timestamp};
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use moka::sync::Cache;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::assurance;
use crate::clients::ClientId;
use crate::dpop::Confirmation;
use crate::jws::Jws;
use crate::keys::{Algorithm, Keys};
use crate::revocations::Revocations;
use crate::sessions::Session;

/// How long a token is good for unless said otherwise, in seconds.
pub const TOKEN_SECONDS: i64 = 3600;
/// Who issues the tokens that `admin token create` prints, and whom they are for: this installation, wherever it is.
const LOCAL: &str = "admin";
/// The longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 4096;
/// Verified tokens that are remembered.
const REMEMBERED: u64 = 10_000;
/// How far clocks may differ, in seconds.
const LEEWAY: i64 = 5;

/// What an access token says (RFC 9068, section 2.2; `org` and `roles` are Admin's).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Claims {
    /// The issuer.
    pub iss: String,
    /// Whom it is for.
    pub aud: Audience,
    /// The user or client.
    pub sub: ResourceId,
    /// The org.
    pub org: OrgId,
    /// Roles that it grants, instead of those that the user or client has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// Issued at, in seconds since 1970.
    pub iat: i64,
    /// Not before.
    pub nbf: i64,
    /// Expires at.
    pub exp: i64,
    /// Unique for each token.
    pub jti: String,
    /// The client that it was issued to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientId>,
    /// What was granted, in words with spaces between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// When the user signed in, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// How strongly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// By which methods (RFC 8176).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amr: Option<Vec<String>>,
    /// The grant that it is of: when that ends, the token does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gid: Option<String>,
    /// The client that acts for `sub`, which exchanged a token of theirs for this one (RFC 8693, section 4.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<ActingClient>,
    /// The key that it is bound to (RFC 9449, section 6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
}

impl Claims {
    /// The last second in which the token is good.
    pub(crate) fn ends_at(&self) -> i64 {
        self.exp.saturating_add(LEEWAY)
    }
}

/// Who acts for somebody.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ActingClient {
    /// The client.
    pub sub: ResourceId,
}

/// One audience, or several.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Audience {
    fn holds(&self, audience: &str) -> bool {
        match self {
            Audience::One(one) => one == audience,
            Audience::Many(many) => many.iter().any(|one| one == audience),
        }
    }
}

/// Whom a token speaks for.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The user or client, and the org.
    pub principal: Principal,
    /// How whoever it was issued to proved who they are.
    pub method: &'static str,
    /// When.
    pub authenticated_at: Timestamp,
    /// What it says; of an API key, whose it is alone.
    pub claims: Arc<Claims>,
}

/// Issues and verifies access tokens.
pub(crate) struct Tokens {
    issuer: String,
    keys: Keys,
    revocations: Revocations,
    verified: Cache<[u8; 32], Verified>,
}

impl Tokens {
    pub(crate) fn new(issuer: &str, keys: Keys, revocations: Revocations) -> Tokens {
        Tokens { issuer: issuer.to_owned(), keys, revocations, verified: Cache::new(REMEMBERED) }
    }

    /// Signs a JWT whose header says `typ`.
    pub(crate) fn sign(
        &self,
        algorithm: Algorithm,
        typ: &str,
        now: Timestamp,
        claims: &impl Serialize,
    ) -> Result<SecretString> {
        let claims = serde_json::to_vec(claims).map_err(Error::internal)?;
        let text = |id: &str| {
            let header = json!({"alg": algorithm.as_str(), "typ": typ, "kid": id}).to_string();
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(&claims)).into_bytes()
        };
        let (message, signature) = self.keys.sign(algorithm, now, text)?;
        let message = String::from_utf8(message).map_err(Error::internal)?;
        Ok(SecretString::from(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }

    /// A token of this installation for a user or client of an org, good for `seconds`. With `role` it acts with that alone.
    pub(crate) fn local(
        &self,
        core: &Core,
        org: OrgId,
        principal: ResourceId,
        role: Option<&str>,
        seconds: i64,
    ) -> Result<SecretString> {
        let claims = claims(core, org, principal, role, seconds);
        self.sign(Algorithm::Rs256, "JWT", core.clock().now(), &claims)
    }

    /// A token of this installation for whoever is signed in, which ends with the session.
    pub(crate) fn of_session(&self, core: &Core, session: &Session, seconds: i64) -> Result<SecretString> {
        let claims = Claims {
            auth_time: Some(session.authenticated_at.seconds()),
            acr: Some(assurance::class(&session.methods).to_owned()),
            amr: Some(session.methods.clone()),
            gid: Some(session.id.to_string()),
            ..claims(core, session.org, session.user, None, seconds)
        };
        self.sign(Algorithm::Rs256, "JWT", core.clock().now(), &claims)
    }

    /// Who a token speaks for.
    pub(crate) fn verify(&self, token: &str, now: Timestamp) -> Result<Verified> {
        if token.len() > MAX_TOKEN {
            return Err(refuse("The token is longer than any that Admin issues."));
        }
        let hash: [u8; 32] =
            digest::digest(&digest::SHA256, token.as_bytes()).as_ref().try_into().map_err(Error::internal)?;
        let verified = match self.verified.get(&hash) {
            Some(known) => known,
            None => {
                let verified = self.read(token, now)?;
                self.verified.insert(hash, verified.clone());
                verified
            }
        };
        if verified.claims.ends_at() < now.seconds() {
            return Err(refuse("The token has expired. Get a new one, for example by `admin token create`."));
        }
        let claims = &verified.claims;
        let ids = [claims.gid.as_deref(), claims.client_id.map(|_| claims.jti.as_str())];
        if ids.into_iter().flatten().any(|id| self.revocations.is_revoked(id)) {
            return Err(refuse("The token was revoked. Sign in again."));
        }
        Ok(verified)
    }

    fn read(&self, token: &str, now: Timestamp) -> Result<Verified> {
        let (typ, claims) = self.decode(token)?;
        let here = match claims.iss.as_str() {
            LOCAL => typ == "JWT" && claims.aud.holds(LOCAL) && claims.client_id.is_none(),
            // RFC 9068, section 4. An ID token has the same issuer and keys, and is none.
            iss => {
                let meant = typ == "at+jwt" && iss == self.issuer && claims.aud.holds(&self.issuer);
                meant && claims.client_id.is_some() && claims.scope.is_some()
            }
        };
        if !here {
            return Err(refuse("The token was not issued here, or not for this API."));
        }
        if claims.nbf > now.seconds().saturating_add(LEEWAY) {
            return Err(refuse("The token is not valid yet."));
        }
        let authenticated_at = Timestamp(claims.auth_time.unwrap_or(claims.iat).saturating_mul(1_000_000));
        let granted = claims.roles.clone().map(Into::into);
        let via = claims.act.as_ref().map(|act| act.sub);
        let principal = Principal { granted, via, ..Principal::new(claims.org, claims.sub) };
        Ok(Verified { principal, method: method(&claims), authenticated_at, claims: Arc::new(claims) })
    }

    /// The header's type, and the claims.
    fn decode(&self, token: &str) -> Result<(String, Claims)> {
        let jws = Jws::read(token).ok_or_else(|| refuse("The token is not a JWT."))?;
        let typ = jws.header.typ.clone().filter(|typ| matches!(typ.as_str(), "JWT" | "at+jwt"));
        let typ = typ.ok_or_else(|| refuse("The token is no access token."))?;
        let key = jws.header.kid.as_ref().and_then(|kid| self.keys.verifier(kid));
        let (algorithm, key) = key.ok_or_else(|| refuse("The token was signed with a key that is not known here."))?;
        if jws.header.alg != algorithm.as_str() {
            return Err(refuse("The token is not valid."));
        }
        let claims: Value = jws.verify(&key).ok_or_else(|| refuse("The token is not valid."))?;
        let claims = serde_json::from_value(claims).map_err(|_| refuse("The token is no access token of Admin."))?;
        Ok((typ, claims))
    }
}

/// The strongest of the methods by which whoever holds the token signed in, as policies know it.
fn method(claims: &Claims) -> &'static str {
    let amr = claims.amr.as_deref().unwrap_or_default();
    let has = |method: &str| amr.iter().any(|one| one == method);
    match (&claims.client_id, claims.auth_time) {
        (None, None) => "token",
        (Some(_), None) => "client",
        _ if has("mfa") => "mfa",
        _ if has("hwk") || has("swk") => "passkey",
        _ if has("pwd") => "password",
        _ => "token",
    }
}

pub(crate) fn refuse(detail: &str) -> Error {
    Error::new(Kind::Unauthenticated, "bad_token", detail)
}

/// What a token of this installation says.
pub(crate) fn claims(core: &Core, org: OrgId, principal: ResourceId, role: Option<&str>, seconds: i64) -> Claims {
    let iat = core.clock().now().seconds();
    Claims {
        iss: LOCAL.into(),
        aud: Audience::One(LOCAL.into()),
        sub: principal,
        org,
        roles: role.map(|role| vec![role.to_owned()]),
        iat,
        nbf: iat,
        exp: iat.saturating_add(seconds),
        jti: URL_SAFE_NO_PAD.encode(core.random().bytes16()),
        client_id: None,
        scope: None,
        auth_time: None,
        acr: None,
        amr: None,
        gid: None,
        act: None,
        cnf: None,
    }
}
