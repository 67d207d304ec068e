//! API keys: a user's or a client's programs show who they are by one text, without asking for a token first. A key may
//! be limited to some actions; it never allows what its principal may not do.

mod text;
mod verify;

use std::sync::Arc;

use admin_core::{Op, change_keys, check_action, see_keys};
use admin_db::Tx;
use admin_db::api_keys::{self, KeyRow};
use admin_types::{Error, FieldError, KeyId, ResourceId, Result, Timestamp, action};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

pub(crate) use self::verify::KnownKeys;
use crate::Identity;
use crate::grants::hash;

/// How many keys a principal may have at once.
const MAX: usize = 50;
/// The longest name, in characters.
const MAX_NAME: usize = 200;
/// The most actions that a key is limited to.
const MAX_ACTIONS: usize = 100;
/// How long a key that is replaced stays good unless said otherwise, and at most, in seconds.
pub const OVERLAP_SECONDS: i64 = 86_400;
const MAX_OVERLAP_SECONDS: i64 = 30 * 86_400;
/// How long a key is good for if nothing is said, in seconds.
pub const KEY_SECONDS: i64 = 90 * 86_400;

/// A key to make.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What people call it.
    pub name: String,
    /// The actions that it is limited to.
    pub actions: Option<Vec<String>>,
    /// When it ends; never if absent.
    pub expires_at: Option<Timestamp>,
}

/// A key, without what is secret of it.
#[derive(Serialize, Debug)]
pub struct KeyShown {
    /// Its id.
    pub id: KeyId,
    /// Whose it is.
    pub principal: ResourceId,
    /// What people call it.
    pub name: String,
    /// The actions that it is limited to; none if it is not.
    pub actions: Option<Vec<String>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
    /// When it was used last, to the minute.
    pub last_used_at: Option<Timestamp>,
}

impl KeyShown {
    fn of(row: &KeyRow) -> Result<KeyShown> {
        let KeyRow { id, principal, name, created_at, expires_at, last_used_at, .. } = row.clone();
        Ok(KeyShown { id, principal, name, actions: actions(row)?, created_at, expires_at, last_used_at })
    }
}

fn actions(row: &KeyRow) -> Result<Option<Vec<String>>> {
    row.actions.as_deref().map(serde_json::from_str).transpose().map_err(Error::internal)
}

impl Identity {
    /// Makes a key for a user or a client. Its text is shown this once.
    pub async fn create_key(&self, op: Op, principal: ResourceId, new: NewKey) -> Result<(KeyShown, SecretString)> {
        self.check(&op, &new).await?;
        let actions = new.actions.as_ref().map(serde_json::to_string).transpose().map_err(Error::internal)?;
        let row = KeyRow {
            id: KeyId::new(op.now, self.core.random()),
            org: op.principal.org,
            principal,
            name: new.name,
            actions,
            created_at: op.now,
            expires_at: new.expires_at,
            last_used_at: None,
        };
        let (key, shown) = (text::new(self.core.random()), KeyShown::of(&row)?);
        let hash = hash(key.expose_secret());
        let job = (self.core.clone(), Arc::new((op, row, hash)));
        self.core
            .db()
            .write(job.1.0.principal.org, async move |tx: &mut Tx| {
                let (core, (op, row, hash)) = (&job.0, &*job.1);
                change_keys(core, tx, op, row.principal, (action::KEY_CREATED, Some(("key", &row.id.to_string()))))
                    .await?;
                insert(tx, row, hash).await
            })
            .await?;
        Ok((shown, key))
    }

    async fn check(&self, op: &Op, new: &NewKey) -> Result<()> {
        let mut wrong = vec![];
        let name = new.name.trim();
        if name.is_empty() || new.name.chars().count() > MAX_NAME || new.name.chars().any(char::is_control) {
            wrong.push(FieldError::new(
                "/name",
                format!("must be 1 to {MAX_NAME} characters, none of them a control character"),
            ));
        }
        if new.expires_at.is_some_and(|end| end <= op.now) {
            wrong.push(FieldError::new("/expires_at", "must be in the future"));
        }
        if let Some(actions) = &new.actions {
            if actions.is_empty() || actions.len() > MAX_ACTIONS {
                wrong.push(FieldError::new(
                    "/actions",
                    format!("must be 1 to {MAX_ACTIONS} actions; leave it out for all"),
                ));
            }
            let catalogue = self.core.catalogue(op.principal.org).await?;
            for (at, action) in actions.iter().enumerate().take(MAX_ACTIONS) {
                let known = check_action(&catalogue, action);
                wrong.extend(known.err().map(|why| FieldError::new(format!("/actions/{at}"), why)));
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(Error::validation(wrong)) }
    }

    /// The keys of a user or a client, oldest first: for itself, and for those who may change it.
    pub async fn list_keys(&self, op: Op, principal: ResourceId) -> Result<Vec<KeyShown>> {
        let job = (self.core.clone(), Arc::new(op));
        self.core
            .db()
            .write(job.1.principal.org, async move |tx: &mut Tx| {
                see_keys(&job.0, tx, &job.1, principal).await?;
                let rows = api_keys::of_principal(tx, job.1.principal.org, principal).await?;
                rows.iter().map(KeyShown::of).collect()
            })
            .await
    }

    /// Takes a key out of force: at once here, within a second in every process.
    pub async fn delete_key(&self, op: Op, principal: ResourceId, id: KeyId) -> Result<()> {
        let job = (self.core.clone(), Arc::new(op));
        let ended = self.core.db().write(job.1.principal.org, async move |tx: &mut Tx| {
            let (core, op) = (&job.0, &*job.1);
            change_keys(core, tx, op, principal, (action::KEY_DELETED, Some(("key", &id.to_string())))).await?;
            let hash = api_keys::hash(tx, op.principal.org, principal, id).await?;
            api_keys::remove(tx, op.principal.org, principal, id).await?;
            hash.ok_or_else(|| Error::not_found("API key"))
        });
        self.known_keys.forget(&ended.await?);
        Ok(())
    }

    /// Makes a key that takes another's place; the other stays good for `overlap` seconds, if it did not end before. The new
    /// one is good for as long as the other was when it was made.
    pub async fn rotate_key(
        &self,
        op: Op,
        principal: ResourceId,
        id: KeyId,
        overlap: Option<i64>,
    ) -> Result<(KeyShown, SecretString)> {
        let overlap = overlap.unwrap_or(OVERLAP_SECONDS);
        if !(0..=MAX_OVERLAP_SECONDS).contains(&overlap) {
            let detail = format!("must be 0 to {MAX_OVERLAP_SECONDS} seconds");
            return Err(Error::validation(vec![FieldError::new("/overlap_seconds", detail)]));
        }
        let (key, next) = (text::new(self.core.random()), KeyId::new(op.now, self.core.random()));
        let job = (self.core.clone(), Arc::new((op, hash(key.expose_secret()))));
        let (row, replaced) = self
            .core
            .db()
            .write(job.1.0.principal.org, async move |tx: &mut Tx| {
                let (core, (op, hash)) = (&job.0, &*job.1);
                change_keys(core, tx, op, principal, (action::KEY_ROTATED, Some(("key", &id.to_string())))).await?;
                let rows = api_keys::of_principal(tx, op.principal.org, principal).await?;
                let live = |row: &KeyRow| row.id == id && row.expires_at.is_none_or(|end| end > op.now);
                let old = rows.into_iter().find(live).ok_or_else(|| Error::not_found("API key"))?;
                let replaced = api_keys::hash(tx, op.principal.org, principal, id).await?;
                let lasts = old.expires_at.map(|end| end.0 - old.created_at.0);
                let expires_at = lasts.map(|lasts| Timestamp(op.now.0.saturating_add(lasts)));
                let until = op.now.plus_seconds(overlap);
                api_keys::expire(tx, &old, old.expires_at.map_or(until, |end| end.min(until))).await?;
                let row = KeyRow { id: next, created_at: op.now, expires_at, last_used_at: None, ..old };
                insert(tx, &row, hash).await?;
                Ok((row, replaced))
            })
            .await?;
        replaced.iter().for_each(|hash| self.known_keys.forget(hash));
        Ok((KeyShown::of(&row)?, key))
    }
}

async fn insert(tx: &mut Tx, row: &KeyRow, hash: &[u8]) -> Result<()> {
    if api_keys::of_principal(tx, row.org, row.principal).await?.len() >= MAX {
        let detail = format!("There are {MAX} keys, which is the most. Delete one that is not used.");
        return Err(Error::conflict("too_many_keys", detail));
    }
    api_keys::insert(tx, hash, row).await
}
