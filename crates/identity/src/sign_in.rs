//! One-time sign-in: a token that is printed once, works once, and expires.

use admin_core::{Core, Setup};
use admin_db::{Tx, sign_in as stored};
use admin_types::{Error, Kind, Result};
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};

use crate::{Identity, TOKEN_SECONDS};

/// How long a sign-in token may be used, in seconds.
pub const SIGN_IN_SECONDS: i64 = 3600;

fn hash(token: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, token.as_bytes()).as_ref().to_vec()
}

/// A new token that signs the owner in once. Only its hash is kept.
pub async fn create_sign_in_token(core: &Core, setup: &Setup) -> Result<SecretString> {
    let mut bytes = [0; 32];
    core.random().fill(&mut bytes);
    let token = format!("sgn_{}", URL_SAFE_NO_PAD.encode(bytes));
    let (hash, setup, expires_at) = (hash(&token), *setup, core.clock().now().plus_seconds(SIGN_IN_SECONDS));
    let job = async move |tx: &mut Tx| stored::insert(tx, &hash, setup.org, setup.owner, expires_at).await;
    core.db().write_global(job).await?;
    Ok(SecretString::from(token))
}

impl Identity {
    /// Takes a sign-in token and gives the bearer token of its user, with its lifetime in seconds.
    pub async fn sign_in(&self, token: &SecretString) -> Result<(SecretString, i64)> {
        let (hash, now) = (hash(token.expose_secret()), self.core.clock().now());
        let taken = self.core.db().write_global(async move |tx: &mut Tx| stored::take(tx, &hash, now).await).await?;
        let Some((org, user)) = taken else {
            let detail =
                "The sign-in token is unknown, expired, or was used before. Run `admin sign-in` for a new one.";
            return Err(Error::new(Kind::Unauthenticated, "bad_sign_in_token", detail));
        };
        Ok((self.local_token(org, user, None, TOKEN_SECONDS)?, TOKEN_SECONDS))
    }
}
