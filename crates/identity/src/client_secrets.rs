//! The secrets of a client: made here, shown once, kept by hash. Several may be in force at once, so that one can be
//! replaced while it is in use.

use std::sync::Arc;

use admin_core::{Core, Op, change_credentials, see_credentials};
use admin_db::Tx;
use admin_db::client_secrets::{self, SecretRow};
use admin_types::{Error, FieldError, ResourceId, Result, SecretId, Timestamp, action};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::grants::{hash, random_token};

/// How many secrets a client may have at once.
const MAX: usize = 10;

/// A secret, without what is secret of it.
#[derive(Serialize, Debug)]
pub struct SecretShown {
    /// Its id.
    pub id: SecretId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
}

impl From<&SecretRow> for SecretShown {
    fn from(row: &SecretRow) -> SecretShown {
        SecretShown { id: row.id, created_at: row.created_at, expires_at: row.expires_at }
    }
}

/// Makes a secret for a client. It is shown this once.
pub async fn create_client_secret(
    core: &Core,
    op: Op,
    client: ResourceId,
    expires_at: Option<Timestamp>,
) -> Result<(SecretShown, SecretString)> {
    if expires_at.is_some_and(|end| end <= op.now) {
        return Err(Error::validation(vec![FieldError::new("/expires_at", "must be in the future")]));
    }
    let secret = random_token(core, "acs_");
    let (id, created_at) = (SecretId::new(op.now, core.random()), op.now);
    let row = SecretRow { id, hash: hash(secret.expose_secret()), created_at, expires_at };
    let (shown, job) = (SecretShown::from(&row), (core.clone(), Arc::new((op, row))));
    core.db()
        .write(job.1.0.principal.org, async move |tx: &mut Tx| {
            let (core, (op, row)) = (&job.0, &*job.1);
            change_credentials(
                core,
                tx,
                op,
                ("client", client),
                (action::SECRET_CREATED, Some(("secret", &row.id.to_string()))),
            )
            .await?;
            if client_secrets::all(tx, op.principal.org, client).await?.len() >= MAX {
                let detail = format!("The client has {MAX} secrets, which is the most. Delete one that is not used.");
                return Err(Error::conflict("too_many_secrets", detail));
            }
            client_secrets::insert(tx, op.principal.org, client, row).await
        })
        .await?;
    Ok((shown, secret))
}

/// The secrets of a client, for those who may change it.
pub async fn list_client_secrets(core: &Core, op: Op, client: ResourceId) -> Result<Vec<SecretShown>> {
    let job = (core.clone(), Arc::new(op));
    core.db()
        .write(job.1.principal.org, async move |tx: &mut Tx| {
            see_credentials(&job.0, tx, &job.1, ("client", client)).await?;
            let rows = client_secrets::all(tx, job.1.principal.org, client).await?;
            Ok(rows.iter().map(SecretShown::from).collect())
        })
        .await
}

/// Takes a secret out of force.
pub async fn delete_client_secret(core: &Core, op: Op, client: ResourceId, id: SecretId) -> Result<()> {
    let job = (core.clone(), Arc::new(op));
    core.db()
        .write(job.1.principal.org, async move |tx: &mut Tx| {
            let (core, op) = (&job.0, &*job.1);
            change_credentials(
                core,
                tx,
                op,
                ("client", client),
                (action::SECRET_DELETED, Some(("secret", &id.to_string()))),
            )
            .await?;
            match client_secrets::remove(tx, op.principal.org, client, id).await? {
                true => Ok(()),
                false => Err(Error::not_found("secret")),
            }
        })
        .await
}
