//! Proof of possession (DPoP, RFC 9449): a client signs every request with a key of its own, and its tokens are good with
//! that key alone.
//!
//! A proof is fresh by its time and works once. At the token endpoint once in all processes, by the database; at the API
//! once in each process, from memory, since a call must cost no write. Nonces of the server are not asked for: they would
//! make no proof of the last minute unusable at another process either.

use std::sync::Arc;
use std::time::Duration;

use admin_types::{Error, Kind, Timestamp};
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::Jwk;
use moka::sync::Cache;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Identity;
use crate::client_auth::say_once;
use crate::error::{OAuthError, OAuthResult};
use crate::jws::{ALGORITHMS, Jws};
use crate::keys::thumbprint;
use crate::tokens::Verified;

/// How old a proof may be, and how far ahead its clock, in seconds.
const AGE: i64 = 60;
const AHEAD: i64 = 10;
/// The longest proof, and the longest `jti`, in bytes.
const MAX_PROOF: usize = 4096;
const MAX_JTI: usize = 256;
/// The shortest and the longest modulus of an RSA key, in characters of base64url: 2048 and 4096 bits.
const MODULUS: std::ops::RangeInclusive<usize> = 342..=684;
/// Proofs that a process remembers; past them the oldest are forgotten.
const REMEMBERED: u64 = 200_000;

/// What a token is bound to (RFC 7800, section 3.1; RFC 9449, section 6).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Confirmation {
    /// The thumbprint of the key (RFC 7638).
    pub jkt: String,
}

/// A request that a proof is for.
#[derive(Clone, Copy, Debug)]
pub struct Proven<'a> {
    /// The proof, as it stands in the header `DPoP`.
    pub proof: &'a str,
    /// The method of the request.
    pub method: &'a str,
    /// The path of the request.
    pub path: &'a str,
}

/// Proofs that this process has seen at the API.
pub(crate) struct SeenProofs(Cache<[u8; 32], Arc<()>>);

impl Default for SeenProofs {
    fn default() -> SeenProofs {
        // As long as a proof is fresh, at the latest clock that is allowed.
        let life = Duration::from_secs((AGE + AHEAD + 1).unsigned_abs());
        SeenProofs(Cache::builder().max_capacity(REMEMBERED).time_to_live(life).build())
    }
}

impl SeenProofs {
    /// Notes a proof; false when it was seen before.
    fn note(&self, what: [u8; 32]) -> bool {
        let mine = Arc::new(());
        Arc::ptr_eq(&mine, &self.0.get_with(what, || mine.clone()))
    }
}

/// A proof that was verified.
struct Read {
    jkt: String,
    jti: String,
    ath: Option<String>,
}

impl Read {
    /// What makes it the proof that it is.
    fn name(&self) -> String {
        format!("dpop {} {}", self.jkt, self.jti)
    }
}

impl Identity {
    /// The thumbprint of the key that a request to an endpoint of ours was proven with, if it was.
    pub(crate) async fn proven_key(&self, path: &str, proof: Option<&str>) -> OAuthResult<Option<String>> {
        let Some(proof) = proof else { return Ok(None) };
        let now = self.core.clock().now();
        let read = self.read_proof(Proven { proof, method: "POST", path }, now).map_err(wrong)?;
        if !say_once(&self.core, &read.name(), now.plus_seconds(AGE + AHEAD + 1)).await? {
            return Err(wrong("the DPoP proof was used before"));
        }
        Ok(Some(read.jkt))
    }

    /// Holds a call of the API against the binding of its token: one that is bound needs a proof by its key, for this
    /// request and this token; one that is not cannot be shown with a proof.
    pub fn check_binding(
        &self,
        verified: &Verified,
        token: &str,
        proven: Option<Proven<'_>>,
        now: Timestamp,
    ) -> admin_types::Result<()> {
        let bound = verified.claims.cnf.as_ref();
        let (proven, bound) = match (proven, bound) {
            (None, None) => return Ok(()),
            (None, Some(_)) => {
                return Err(refuse("The token is bound to a key. Send `Authorization: DPoP TOKEN` with a proof."));
            }
            (Some(_), None) => return Err(refuse("The token is bound to no key. Send `Authorization: Bearer TOKEN`.")),
            (Some(proven), Some(bound)) => (proven, bound),
        };
        let read = self.read_proof(proven, now).map_err(refuse)?;
        if read.jkt != bound.jkt {
            return Err(refuse("The proof was made with another key than the token is bound to."));
        }
        if read.ath.as_deref() != Some(&*sha256(token.as_bytes())) {
            return Err(refuse("The proof is for another token: ath must be its SHA-256 in base64url."));
        }
        let name = digest::digest(&digest::SHA256, read.name().as_bytes());
        let name = name.as_ref().try_into().map_err(Error::internal)?;
        if self.seen_proofs.note(name) { Ok(()) } else { Err(refuse("The proof was used before.")) }
    }

    /// Verifies a proof (section 4.3), but for whether it was used before. An error says what is wrong.
    fn read_proof(&self, proven: Proven<'_>, now: Timestamp) -> Result<Read, &'static str> {
        if proven.proof.len() > MAX_PROOF {
            return Err("the DPoP proof is too long");
        }
        let jws = Jws::read(proven.proof).ok_or("the DPoP proof is no JWT")?;
        if jws.header.typ.as_deref() != Some("dpop+jwt") {
            return Err("typ of the DPoP proof must be dpop+jwt");
        }
        if !ALGORITHMS.contains(&jws.header.alg.as_str()) {
            return Err("the DPoP proof must be signed by RS256, PS256, ES256, EdDSA or Ed25519");
        }
        let jwk = jws.header.jwk.as_ref().ok_or("the DPoP proof has no jwk in its header")?;
        let public = public_members(jwk).ok_or("jwk of the DPoP proof must be a public RSA, P-256 or Ed25519 key")?;
        let key: Option<Jwk> = serde_json::from_value(public.clone()).ok();
        let key = key.and_then(|key| DecodingKey::from_jwk(&key).ok()).ok_or("jwk of the DPoP proof is no key")?;
        let claims: Value = jws.verify(&key).ok_or("the DPoP proof is not signed by its own key")?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if text("htm") != Some(proven.method) {
            return Err("htm of the DPoP proof must be the method of the request");
        }
        let htu = text("htu").map(|htu| htu.split(['?', '#']).next().unwrap_or_default());
        if !htu.is_some_and(|htu| self.is_address(htu, proven.path)) {
            return Err("htu of the DPoP proof must be the address of the request, as public_url has it");
        }
        let iat = claims.get("iat").and_then(Value::as_i64).ok_or("the DPoP proof has no iat")?;
        if iat < now.seconds() - AGE || iat > now.seconds() + AHEAD {
            return Err("the DPoP proof was not made just now: look at the clock, and make a new one for each request");
        }
        let jti = text("jti").filter(|jti| (1..=MAX_JTI).contains(&jti.len())).ok_or("the DPoP proof needs a jti")?;
        Ok(Read { jkt: thumbprint(&public), jti: jti.to_owned(), ath: text("ath").map(str::to_owned) })
    }

    /// Whether an address is that of a path here. Scheme and host may be in any case.
    fn is_address(&self, address: &str, path: &str) -> bool {
        let origin = address.get(..self.issuer.len());
        origin.is_some_and(|origin| origin.eq_ignore_ascii_case(&self.issuer)) && address[self.issuer.len()..] == *path
    }
}

/// The members of a public key that its thumbprint needs, in their order; none if it is of another kind, or brings along
/// what is private (section 4.3, number 7).
fn public_members(jwk: &Value) -> Option<Value> {
    const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
    if PRIVATE.iter().any(|name| jwk.get(*name).is_some()) {
        return None;
    }
    let text = |name: &str| jwk.get(name)?.as_str();
    match (text("kty")?, text("crv")) {
        ("RSA", _) => {
            let modulus = text("n").filter(|n| MODULUS.contains(&n.len()))?;
            Some(json!({"e": text("e").filter(|e| e.len() <= 6)?, "kty": "RSA", "n": modulus}))
        }
        ("EC", Some("P-256")) => Some(json!({"crv": "P-256", "kty": "EC", "x": text("x")?, "y": text("y")?})),
        ("OKP", Some("Ed25519")) => Some(json!({"crv": "Ed25519", "kty": "OKP", "x": text("x")?})),
        _ => None,
    }
}

/// Whether a text may be the thumbprint of a key: the base64url of a SHA-256.
pub(crate) fn is_thumbprint(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

fn sha256(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, bytes))
}

fn wrong(detail: &'static str) -> OAuthError {
    OAuthError::new("invalid_dpop_proof", detail)
}

fn refuse(detail: &'static str) -> Error {
    let code = if detail.starts_with("The token") { "bad_token" } else { "bad_proof" };
    Error::new(Kind::Unauthenticated, code, detail)
}
