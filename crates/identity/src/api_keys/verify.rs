//! Whose a key is. What the database said is remembered for half a second, so a key that ends anywhere has ended everywhere
//! within one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use admin_db::Tx;
use admin_db::api_keys::{self, KeyRow};
use admin_types::{Error, Kind, Principal, Result, Timestamp};
use moka::sync::Cache;

use super::{actions, text};
use crate::grants::hash;
use crate::tokens;
use crate::{Identity, Verified};

/// Keys that are remembered, and for how long.
const REMEMBERED: u64 = 10_000;
const REMEMBERED_FOR: Duration = Duration::from_millis(500);
/// How often the last use of a key is written, in microseconds.
const NOTE_EVERY: i64 = 60_000_000;
/// Uses that wait to be written; beyond, the oldest notes win, since each key comes again.
const MAX_WAITING: usize = 10_000;

type Hash = Vec<u8>;

/// Keys that were seen lately.
pub(crate) struct KnownKeys {
    known: Cache<Hash, Arc<Known>>,
    used: Mutex<HashMap<Hash, Timestamp>>,
}

struct Known {
    verified: Verified,
    expires_at: Option<Timestamp>,
    noted_at: Option<Timestamp>,
}

impl Default for KnownKeys {
    fn default() -> KnownKeys {
        let known = Cache::builder().max_capacity(REMEMBERED).time_to_live(REMEMBERED_FOR).build();
        KnownKeys { known, used: Mutex::default() }
    }
}

impl KnownKeys {
    pub(super) fn forget(&self, hash: &[u8]) {
        self.known.invalidate(hash);
    }

    fn note(&self, hash: &[u8], last: Option<Timestamp>, now: Timestamp) {
        if last.is_some_and(|last| now.0 - last.0 < NOTE_EVERY) {
            return;
        }
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() < MAX_WAITING {
            used.entry(hash.to_owned()).or_insert(now);
        }
    }
}

impl Identity {
    /// Whether a bearer text is an API key rather than a token.
    pub fn is_key(bearer: &str) -> bool {
        bearer.starts_with(text::PREFIX)
    }

    /// Who an API key speaks for.
    pub async fn verify_key(&self, key: &str, now: Timestamp) -> Result<Verified> {
        if !text::is_key(key) {
            return Err(refuse("This is not an API key: it is cut, or mistyped."));
        }
        let hash = hash(key);
        let known = match self.known_keys.known.get(&hash) {
            Some(known) => known,
            None => {
                let row = api_keys::by_hash(&mut *self.core.db().read().await?, &hash).await?;
                let row = row.ok_or_else(|| refuse("The API key is unknown, or was deleted."))?;
                let known = Arc::new(self.known(&row)?);
                self.known_keys.known.insert(hash.clone(), known.clone());
                known
            }
        };
        if known.expires_at.is_some_and(|end| end <= now) {
            return Err(refuse("The API key has expired. Make a new one."));
        }
        self.known_keys.note(&hash, known.noted_at, now);
        Ok(known.verified.clone())
    }

    fn known(&self, row: &KeyRow) -> Result<Known> {
        let principal = Principal { actions: actions(row)?.map(Into::into), ..Principal::new(row.org, row.principal) };
        let claims = Arc::new(tokens::claims(&self.core, row.org, row.principal, None, 0));
        let verified = Verified { principal, method: "key", authenticated_at: row.created_at, claims };
        Ok(Known { verified, expires_at: row.expires_at, noted_at: row.last_used_at })
    }

    /// Writes when keys were used.
    pub(crate) async fn note_used_keys(&self) -> Result<()> {
        let used = std::mem::take(&mut *self.known_keys.used.lock().unwrap_or_else(PoisonError::into_inner));
        if used.is_empty() {
            return Ok(());
        }
        let used = Arc::new(used);
        self.core
            .db()
            .write_global(async move |tx: &mut Tx| {
                for (hash, at) in used.iter() {
                    api_keys::used(tx, hash, *at).await?;
                }
                Ok(())
            })
            .await
    }
}

fn refuse(detail: &str) -> Error {
    Error::new(Kind::Unauthenticated, "bad_token", detail)
}
