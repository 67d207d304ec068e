//! One-time sign-in: a token that is printed once, works once, and expires.

use std::sync::Arc;

use admin_core::{Core, Op, Setup, change_credentials};
use admin_db::{Tx, accounts, sign_in as stored};
use admin_types::{Error, Kind, ResourceId, Result, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use crate::grants::{hash, random_token};
use crate::{Identity, TOKEN_SECONDS};

/// How long a sign-in token may be used, in seconds.
pub const SIGN_IN_SECONDS: i64 = 3600;

/// A new token that signs the owner in once. Only its hash is kept.
pub async fn create_sign_in_token(core: &Core, setup: &Setup) -> Result<SecretString> {
    let token = random_token(core, "sgn_");
    let (hash, setup, expires_at) =
        (hash(token.expose_secret()), *setup, core.clock().now().plus_seconds(SIGN_IN_SECONDS));
    let job = async move |tx: &mut Tx| stored::insert(tx, &hash, setup.org, setup.owner, expires_at).await;
    core.db().write_global(job).await?;
    Ok(token)
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

/// How long an invitation may be used, in seconds.
const INVITATION_SECONDS: i64 = 7 * 86_400;

/// A one-time token that lets somebody act as a user: for those who may do all that the user may.
pub async fn invite_user(core: &Core, op: Op, user: ResourceId) -> Result<(SecretString, Timestamp)> {
    let token = random_token(core, "sgn_");
    let (hash, expires_at) = (hash(token.expose_secret()), op.now.plus_seconds(INVITATION_SECONDS));
    let (org, job) = (op.principal.org, (core.clone(), Arc::new(op)));
    core.db()
        .write(org, async move |tx: &mut Tx| {
            change_credentials(&job.0, tx, &job.1, ("user", user), "invited").await?;
            if accounts::account_of(tx, org, user).await?.is_some() {
                let detail = "An account acts as this user already.";
                return Err(Error::conflict("user_has_account", detail));
            }
            stored::insert(tx, &hash, org, user, expires_at).await
        })
        .await?;
    Ok((token, expires_at))
}
