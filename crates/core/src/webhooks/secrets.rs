//! What a webhook's messages are signed with. Several secrets may be in force at once, so that one is replaced while it is
//! in use: messages are then signed with each.

use std::sync::Arc;

use admin_db::webhooks::{self, SecretRow};
use admin_db::{Conn, Tx};
use admin_types::{Error, FieldError, OrgId, ResourceId, Result, SecretId, Timestamp, action};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::signature::SigningKey;
use super::{change_webhook_secrets, may_sign_as_webhook, webhook_secret_context};
use crate::Core;
use crate::op::Op;

/// The most secrets of a webhook.
const MAX: usize = 5;
/// How long the secrets before stay in force when nothing else is said, and at most, in seconds.
const OVERLAP: i64 = 86_400;
const MAX_OVERLAP: i64 = 30 * 86_400;

/// A secret, for those who may change the webhook: of one for HMAC both sides need the text, of a private key the receiver
/// needs the public one alone, which is all that is shown.
#[derive(Serialize, Debug)]
pub struct SecretShown {
    /// Its id.
    pub id: SecretId,
    /// `hmac` or `ed25519`.
    pub kind: String,
    /// `whsec_…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// `whpk_…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
}

/// What is wished of a new secret.
#[derive(Clone, Default, Debug)]
pub struct NewSecret {
    /// `hmac`, the default, or `ed25519`.
    pub kind: Option<String>,
    /// `whsec_…`, if it is not to be made here.
    pub secret: Option<String>,
    /// How long the others stay in force, in seconds.
    pub overlap_seconds: Option<i64>,
}

/// The keys of a webhook that are in force.
pub async fn signing_keys(core: &Core, conn: &mut Conn, org: OrgId, webhook: ResourceId) -> Result<Vec<SigningKey>> {
    let (now, mut keys) = (core.clock().now(), vec![]);
    for row in webhooks::secrets(conn, org, webhook).await? {
        if row.expires_at.is_none_or(|end| end > now) {
            let key = SigningKey::read(&open(core, org, webhook, &row)?);
            keys.push(key.map_err(|error| Error::internal(format!("the secret {}: {error}", row.id)))?);
        }
    }
    Ok(keys)
}

fn open(core: &Core, org: OrgId, webhook: ResourceId, row: &SecretRow) -> Result<String> {
    let plain = core.cipher().open(&webhook_secret_context(org, webhook, row.id), &row.sealed)?;
    String::from_utf8(plain).map_err(Error::internal)
}

fn shown(row: &SecretRow, text: String) -> SecretShown {
    let public_key = SigningKey::read(&text).ok().and_then(|key| key.public());
    let secret = public_key.is_none().then_some(text);
    let (kind, created_at, expires_at) = (row.kind.clone(), row.created_at, row.expires_at);
    SecretShown { id: row.id, kind, secret, public_key, created_at, expires_at }
}

/// The secrets of a webhook that are in force, oldest first.
pub async fn list_secrets(core: &Core, op: Op, webhook: ResourceId) -> Result<Vec<SecretShown>> {
    let (org, now) = (op.principal.org, op.now);
    let job = (core.clone(), Arc::new(op));
    let rows = core.db().write(org, async move |tx: &mut Tx| {
        may_sign_as_webhook(&job.0, tx, &job.1, webhook).await?;
        webhooks::secrets(tx, org, webhook).await
    });
    let rows = rows.await?.into_iter().filter(|row| row.expires_at.is_none_or(|end| end > now));
    rows.map(|row| Ok(shown(&row, open(core, org, webhook, &row)?))).collect()
}

/// Makes a secret; those before end after the overlap.
pub async fn create_secret(core: &Core, op: Op, webhook: ResourceId, wish: NewSecret) -> Result<SecretShown> {
    let (text, kind) = text(core, &wish)?;
    let overlap = wish.overlap_seconds.unwrap_or(OVERLAP);
    if !(0..=MAX_OVERLAP).contains(&overlap) {
        return Err(wrong("overlap_seconds", &format!("must be 0 to {MAX_OVERLAP}")));
    }
    let (org, id) = (op.principal.org, SecretId::new(op.now, core.random()));
    let sealed = core.cipher().seal(&webhook_secret_context(org, webhook, id), text.as_bytes())?;
    let row = SecretRow { id, kind: kind.into(), sealed, created_at: op.now, expires_at: None };
    let made = shown(&row, text);
    let job = (core.clone(), Arc::new((op, row)));
    let written = core.db().write(org, async move |tx: &mut Tx| {
        let (core, (op, row)) = (&job.0, &*job.1);
        change_webhook_secrets(core, tx, op, webhook, action::SECRET_CREATED).await?;
        let end = op.now.plus_seconds(overlap);
        let mut others = 0;
        for other in webhooks::secrets(tx, org, webhook).await? {
            match other.expires_at.is_some_and(|expires| expires <= op.now) {
                true => drop(webhooks::remove_secret(tx, org, (webhook, other.id)).await?),
                false => {
                    others += 1;
                    if other.expires_at.is_none_or(|expires| expires > end) {
                        webhooks::expire_secret(tx, org, (webhook, other.id), end).await?;
                    }
                }
            }
        }
        if others >= MAX {
            let detail = format!("The webhook has {MAX} secrets, which is the most. Delete one that is not used.");
            return Err(Error::conflict("too_many_secrets", detail));
        }
        webhooks::insert_secret(tx, org, webhook, row).await
    });
    written.await?;
    Ok(made)
}

/// The text of a new secret, and its kind.
fn text(core: &Core, wish: &NewSecret) -> Result<(String, &'static str)> {
    let mut bytes = [0; 32];
    core.random().fill(&mut bytes);
    match (wish.kind.as_deref().unwrap_or("hmac"), &wish.secret) {
        ("hmac", None) => Ok((format!("whsec_{}", STANDARD.encode(bytes)), "hmac")),
        ("hmac", Some(text)) => match SigningKey::read(text) {
            Ok(SigningKey::Hmac(_)) => Ok((text.clone(), "hmac")),
            Ok(SigningKey::Ed25519(_)) => Err(wrong("secret", "must be whsec_ and base64 behind it")),
            Err(why) => Err(wrong("secret", why)),
        },
        ("ed25519", None) => {
            let text = SigningKey::private_text(&bytes).ok_or_else(|| Error::internal("no key from 32 bytes"))?;
            Ok((text, "ed25519"))
        }
        ("ed25519", Some(_)) => Err(wrong("secret", "is made by Admin for this kind; leave it out")),
        _ => Err(wrong("kind", "must be hmac or ed25519")),
    }
}

/// Takes a secret out of force, but not the last one: nobody could verify what is sent.
pub async fn delete_secret(core: &Core, op: Op, webhook: ResourceId, id: SecretId) -> Result<()> {
    let (org, job) = (op.principal.org, (core.clone(), Arc::new(op)));
    let deleted = core.db().write(org, async move |tx: &mut Tx| {
        let (core, op) = (&job.0, &*job.1);
        change_webhook_secrets(core, tx, op, webhook, action::SECRET_DELETED).await?;
        let lasts = |row: &SecretRow| row.id != id && row.expires_at.is_none();
        let all = webhooks::secrets(tx, org, webhook).await?;
        if !all.iter().any(|row| row.id == id) {
            return Err(Error::not_found("secret"));
        }
        if !all.iter().any(lasts) {
            let detail = "This is the last secret that does not end. Make another first, then delete this one.";
            return Err(Error::conflict("last_secret", detail));
        }
        webhooks::remove_secret(tx, org, (webhook, id)).await.map(drop)
    });
    deleted.await
}

fn wrong(field: &str, detail: &str) -> Error {
    Error::validation(vec![FieldError::new(format!("/{field}"), detail)])
}
