//! Bearer tokens: RS256 JWTs that Admin signs and verifies itself. Keys are made at the first start, sealed in the
//! database, and shared by all processes.

use std::collections::HashMap;

use admin_db::Tx;
use admin_db::signing_keys::{self, SealedKey};
use admin_types::{Error, Kind, OrgId, Principal, ResourceId, Result, Role, Timestamp};
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
    /// The user's resource.
    pub sub: ResourceId,
    /// The org.
    pub org: OrgId,
    /// The roles.
    pub roles: Vec<Role>,
    /// Issued at, in seconds since 1970.
    pub iat: i64,
    /// Not before.
    pub nbf: i64,
    /// Expires at.
    pub exp: i64,
    /// Unique for each token.
    pub jti: String,
}

/// The signing keys, and the tokens that were verified lately.
pub struct Tokens {
    signer: (String, EncodingKey),
    verifiers: HashMap<String, DecodingKey>,
    verified: Cache<[u8; 32], (Principal, i64)>,
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

    /// A token for a user of an org, good for `seconds`.
    pub fn create(
        &self,
        core: &Core,
        org: OrgId,
        user: ResourceId,
        roles: &[Role],
        seconds: i64,
    ) -> Result<SecretString> {
        let now = core.clock.now().0 / 1_000_000;
        let claims = Claims {
            iss: ISSUER.into(),
            aud: ISSUER.into(),
            sub: user,
            org,
            roles: roles.to_vec(),
            iat: now,
            nbf: now,
            exp: now.saturating_add(seconds),
            jti: URL_SAFE_NO_PAD.encode(core.random.bytes16()),
        };
        let header = Header { kid: Some(self.signer.0.clone()), ..Header::new(Algorithm::RS256) };
        jsonwebtoken::encode(&header, &claims, &self.signer.1).map(SecretString::from).map_err(Error::internal)
    }

    /// Who a token speaks for. The signature is verified once for each token, its times on every call.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Principal> {
        if token.len() > MAX_TOKEN {
            return Err(refuse("The token is longer than any that Admin issues."));
        }
        let hash: [u8; 32] =
            digest::digest(&digest::SHA256, token.as_bytes()).as_ref().try_into().map_err(Error::internal)?;
        let seconds = now.0 / 1_000_000;
        let (principal, expires) = match self.verified.get(&hash) {
            Some(known) => known,
            None => {
                let claims = self.decode(token)?;
                if claims.nbf > seconds + LEEWAY {
                    return Err(refuse("The token is not valid yet."));
                }
                let known = (Principal { org: claims.org, id: claims.sub, roles: claims.roles }, claims.exp);
                self.verified.insert(hash, known.clone());
                known
            }
        };
        if expires + LEEWAY < seconds {
            return Err(refuse("The token has expired. Get a new one, for example by `admin token create`."));
        }
        Ok(principal)
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
        let detail = "The signing key cannot be opened with this master key. Start with the master key file that belongs to this database.";
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
