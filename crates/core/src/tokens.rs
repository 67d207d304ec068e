//! Bearer tokens: RS256 JWTs that Admin signs and verifies itself. Keys are made at the first start, sealed in the
//! database, and shared by all processes.

use std::collections::HashMap;

use admin_db::Tx;
use admin_db::signing_keys::{self, SealedKey};
use admin_types::{Error, Kind, OrgId, Principal, ResourceId, Result, Timestamp};
use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use moka::sync::Cache;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::Core;

/// How long a token is good for unless said otherwise, in seconds.
pub const TOKEN_SECONDS: i64 = 3600;
/// Who issues tokens, and whom they are for.
const ISSUER: &str = "admin";
/// The longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 4096;
/// Verified tokens that are remembered.
const REMEMBERED: u64 = 10_000;
/// How far clocks may differ, in seconds.
const LEEWAY: i64 = 5;

/// What a token says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Claims {
    /// `admin`.
    pub iss: String,
    /// `admin`.
    pub aud: String,
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
}

/// Whom a token speaks for.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The user or client, and the org.
    pub principal: Principal,
    /// When it was issued.
    pub issued_at: Timestamp,
    expires: i64,
}

/// The signing keys, and the tokens that were verified lately.
pub struct Tokens {
    signer: (String, EncodingKey),
    verifiers: HashMap<String, DecodingKey>,
    verified: Cache<[u8; 32], Verified>,
}

impl Tokens {
    /// Reads the keys, or makes the first one.
    pub async fn open(core: &Core) -> Result<Tokens> {
        let mut keys = signing_keys::all(&mut *core.db.read().await?).await?;
        if keys.is_empty() {
            let fresh = tokio::task::spawn_blocking(KeyPair::generate_2048).await.map_err(Error::internal)??;
            let job = (core.clone(), fresh.seal(core)?);
            keys = core
                .db
                .write_global(async move |tx: &mut Tx| {
                    let (core, key) = &job;
                    let keys = signing_keys::all(tx).await?;
                    if !keys.is_empty() {
                        return Ok(keys);
                    }
                    signing_keys::insert(tx, key, core.clock.now()).await?;
                    Ok(vec![key.clone()])
                })
                .await?;
        }
        let mut signer = None;
        let mut verifiers = HashMap::new();
        for key in keys {
            let (encoding, decoding) = open_key(core, &key)?;
            verifiers.insert(key.id.clone(), decoding);
            signer = Some((key.id, encoding));
        }
        let signer = signer.ok_or_else(|| Error::internal("no signing key"))?;
        Ok(Tokens { signer, verifiers, verified: Cache::new(REMEMBERED) })
    }

    /// Refuses a master key that does not open the keys that are there.
    pub async fn check(core: &Core) -> Result<()> {
        let keys = signing_keys::all(&mut *core.db.read().await?).await?;
        keys.iter().try_for_each(|key| open_key(core, key).map(drop))
    }

    /// A token for a user or client of an org, good for `seconds`. With `roles` it acts with these alone.
    pub fn create(
        &self,
        core: &Core,
        org: OrgId,
        principal: ResourceId,
        roles: Option<&str>,
        seconds: i64,
    ) -> Result<SecretString> {
        let now = core.clock.now().0 / 1_000_000;
        let claims = Claims {
            iss: ISSUER.into(),
            aud: ISSUER.into(),
            sub: principal,
            org,
            roles: roles.map(|role| vec![role.to_owned()]),
            iat: now,
            nbf: now,
            exp: now.saturating_add(seconds),
            jti: URL_SAFE_NO_PAD.encode(core.random.bytes16()),
        };
        let header = Header { kid: Some(self.signer.0.clone()), ..Header::new(Algorithm::RS256) };
        jsonwebtoken::encode(&header, &claims, &self.signer.1).map(SecretString::from).map_err(Error::internal)
    }

    /// Who a token speaks for. The signature is verified once for each token, its times on every call.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Verified> {
        if token.len() > MAX_TOKEN {
            return Err(refuse("The token is longer than any that Admin issues."));
        }
        let hash: [u8; 32] =
            digest::digest(&digest::SHA256, token.as_bytes()).as_ref().try_into().map_err(Error::internal)?;
        let seconds = now.0 / 1_000_000;
        let verified = match self.verified.get(&hash) {
            Some(known) => known,
            None => {
                let claims = self.decode(token)?;
                if claims.nbf > seconds + LEEWAY {
                    return Err(refuse("The token is not valid yet."));
                }
                let granted = claims.roles.map(Into::into);
                let verified = Verified {
                    principal: Principal { org: claims.org, id: claims.sub, granted },
                    issued_at: Timestamp(claims.iat.saturating_mul(1_000_000)),
                    expires: claims.exp,
                };
                self.verified.insert(hash, verified.clone());
                verified
            }
        };
        if verified.expires + LEEWAY < seconds {
            return Err(refuse("The token has expired. Get a new one, for example by `admin token create`."));
        }
        Ok(verified)
    }

    fn decode(&self, token: &str) -> Result<Claims> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| refuse("The token is not a JWT."))?;
        let key = header.kid.as_ref().and_then(|kid| self.verifiers.get(kid));
        let key = key.ok_or_else(|| refuse("The token was signed with a key that is not known here."))?;
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[ISSUER]);
        // Times are held against the injected clock, on every call.
        (validation.validate_exp, validation.validate_nbf) = (false, false);
        let decoded = jsonwebtoken::decode::<Claims>(token, key, &validation);
        decoded.map(|data| data.claims).map_err(|_| refuse("The token is not valid."))
    }
}

fn refuse(detail: &str) -> Error {
    Error::new(Kind::Unauthenticated, "bad_token", detail)
}

/// A fresh key: its id is the start of the SHA-256 of its public half.
trait Fresh: Sized {
    fn generate_2048() -> Result<Self>;
    fn seal(&self, core: &Core) -> Result<SealedKey>;
}

impl Fresh for KeyPair {
    fn generate_2048() -> Result<KeyPair> {
        KeyPair::generate(KeySize::Rsa2048).map_err(|_| Error::internal("RSA key generation failed"))
    }

    fn seal(&self, core: &Core) -> Result<SealedKey> {
        let public =
            AsDer::<PublicKeyX509Der<'_>>::as_der(self.public_key()).map_err(|_| Error::internal("no public key"))?;
        let hash = digest::digest(&digest::SHA256, public.as_ref());
        let id = URL_SAFE_NO_PAD.encode(&hash.as_ref()[..12]);
        let private = AsDer::<Pkcs8V1Der<'_>>::as_der(self).map_err(|_| Error::internal("no private key"))?;
        let sealed_private = core.cipher.seal(&format!("signing key {id}"), private.as_ref())?;
        Ok(SealedKey { id, sealed_private })
    }
}

fn open_key(core: &Core, key: &SealedKey) -> Result<(EncodingKey, DecodingKey)> {
    let private = core.cipher.open(&format!("signing key {}", key.id), &key.sealed_private).map_err(|error| {
        let detail = "The signing keys of the database cannot be opened with this master key. Set `master_key_file` to the one that belongs to the database.";
        Error { context: error.context, ..Error::new(Kind::Unavailable, "wrong_master_key", detail) }
    })?;
    let pair = KeyPair::from_pkcs8(&private).map_err(Error::internal)?;
    let public =
        AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).map_err(|_| Error::internal("no public key"))?;
    let encoding = EncodingKey::from_rsa_pem(pem("PRIVATE KEY", &private).as_bytes()).map_err(Error::internal)?;
    let decoding = DecodingKey::from_rsa_pem(pem("PUBLIC KEY", public.as_ref()).as_bytes()).map_err(Error::internal)?;
    Ok((encoding, decoding))
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}
