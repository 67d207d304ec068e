//! The keys that sign tokens: one of each algorithm is in use, the next is published before it is, and those before it
//! still verify. They are sealed in the database and shared by all processes.

mod pair;

use std::sync::{Arc, PoisonError, RwLock};

use admin_core::Core;
use admin_db::Tx;
use admin_db::signing_keys::{self, SealedKey};
use admin_types::{Error, Kind, Result, Timestamp};
use jsonwebtoken::DecodingKey;
use serde_json::{Value, json};

pub use self::pair::Algorithm;
use self::pair::Pair;
pub(crate) use self::pair::thumbprint;

/// How long before its first use a key is published, in seconds, so that those who keep our keys for a while have it.
pub const PUBLISHED_AHEAD: i64 = 600;
/// The same when it must be at once: all processes of Admin have read it by then.
pub const PUBLISHED_AT_ONCE: i64 = 3;
/// How long after its last use a key is published, in seconds: longer than any token lives that others verify.
const PUBLISHED_AFTER: i64 = 86_400;
/// How long a key is used, in seconds, before the next one is made.
const USED_SECONDS: i64 = 30 * 86_400;
/// How long a key verifies after its last use, in seconds: as long as `admin token create` may ask for.
const KEPT_SECONDS: i64 = 366 * 86_400;

/// A key with its public half ready for use.
struct Key {
    id: String,
    algorithm: Algorithm,
    pair: Pair,
    active_at: Timestamp,
    jwk: Value,
    decoding: Arc<DecodingKey>,
}

/// The keys, as one process has read them. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Keys {
    all: Arc<RwLock<Arc<Vec<Arc<Key>>>>>,
}

impl Keys {
    /// Reads the keys, and makes the first of each algorithm.
    pub(crate) async fn open(core: &Core) -> Result<Keys> {
        let keys = Keys { all: Arc::default() };
        let present = keys.read(core).await?;
        for algorithm in Algorithm::ALL {
            if !present.iter().any(|key| key.algorithm == algorithm) {
                make(core, algorithm, core.clock().now(), Some(Timestamp(i64::MIN))).await?;
            }
        }
        keys.refresh(core).await?;
        Ok(keys)
    }

    /// Reads what other processes have made.
    pub(crate) async fn refresh(&self, core: &Core) -> Result<()> {
        let newest = self.read(core).await?;
        *self.all.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(newest);
        Ok(())
    }

    async fn read(&self, core: &Core) -> Result<Vec<Arc<Key>>> {
        let known = self.all();
        let rows = signing_keys::all(&mut *core.db().read().await?).await?;
        let read = |row: SealedKey| match known.iter().find(|key| key.id == row.id) {
            Some(key) => Ok(key.clone()),
            None => Ok(Arc::new(Key::of(&open(core, &row)?, row)?)),
        };
        rows.into_iter().map(read).collect()
    }

    fn all(&self) -> Arc<Vec<Arc<Key>>> {
        self.all.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the keys that are known here are those of the database.
    pub(crate) async fn are_known(&self, core: &Core) -> Result<bool> {
        let ids = signing_keys::ids(&mut *core.db().read().await?).await?;
        let known = self.all();
        Ok(ids.len() == known.len() && known.iter().all(|key| ids.contains(&key.id)))
    }

    /// Signs with the key in use; answers its id and the signature of what `message` makes of the id.
    pub(crate) fn sign(
        &self,
        algorithm: Algorithm,
        now: Timestamp,
        message: impl FnOnce(&str) -> Vec<u8>,
    ) -> Result<(Vec<u8>, Vec<u8>)> {
        let all = self.all();
        let able = || all.iter().filter(|key| key.algorithm == algorithm);
        let active = able().filter(|key| key.active_at <= now).max_by_key(|key| key.active_at);
        // A clock that was put back may show a time before the first.
        let key = active.or_else(|| able().min_by_key(|key| key.active_at));
        let key = key.ok_or_else(|| Error::internal("no signing key"))?;
        let message = message(&key.id);
        let signature = key.pair.sign(&message)?;
        Ok((message, signature))
    }

    /// The key that verifies, by its id.
    pub(crate) fn verifier(&self, id: &str) -> Option<(Algorithm, Arc<DecodingKey>)> {
        self.all().iter().find(|key| key.id == id).map(|key| (key.algorithm, key.decoding.clone()))
    }

    /// The public halves, as a JWK set (RFC 7517).
    pub(crate) fn jwks(&self, now: Timestamp) -> Value {
        let all = self.all();
        let published =
            all.iter().filter(|key| last_use(&all, key).is_none_or(|ended| now < ended.plus_seconds(PUBLISHED_AFTER)));
        json!({"keys": published.map(|key| key.jwk.clone()).collect::<Vec<_>>()})
    }

    /// Makes the next key of each algorithm whose key has been in use for its time; forgets those that verify nothing
    /// any more.
    pub(crate) async fn maintain(&self, core: &Core) -> Result<()> {
        let now = core.clock().now();
        for algorithm in Algorithm::ALL {
            let all = self.all();
            let newest = all.iter().filter(|key| key.algorithm == algorithm).map(|key| key.active_at).max();
            let due = now.plus_seconds(PUBLISHED_AHEAD - USED_SECONDS);
            if newest.is_some_and(|newest| newest < due) {
                make(core, algorithm, now.plus_seconds(PUBLISHED_AHEAD), Some(due)).await?;
            }
        }
        let all = self.all();
        let ended = |key: &&Arc<Key>| last_use(&all, key).is_some_and(|end| end.plus_seconds(KEPT_SECONDS) < now);
        for key in all.iter().filter(ended) {
            let id = key.id.clone();
            core.db().write_global(async move |tx: &mut Tx| signing_keys::remove(tx, &id).await).await?;
        }
        self.refresh(core).await
    }
}

/// Makes the next key of each algorithm, for use from `active_at` on. Answers their ids.
pub async fn rotate_keys(core: &Core, active_at: Timestamp) -> Result<Vec<(Algorithm, String)>> {
    let mut made = vec![];
    for algorithm in Algorithm::ALL {
        made.push((algorithm, make(core, algorithm, active_at, None).await?));
    }
    Ok(made)
}

/// When a key was followed by the next of its algorithm.
fn last_use(all: &[Arc<Key>], key: &Key) -> Option<Timestamp> {
    let later = all.iter().filter(|other| other.algorithm == key.algorithm && other.active_at > key.active_at);
    later.map(|other| other.active_at).min()
}

/// Makes a key; with `unless` only if none of its algorithm is used from then on or later: another process may have been
/// faster.
async fn make(core: &Core, algorithm: Algorithm, active_at: Timestamp, unless: Option<Timestamp>) -> Result<String> {
    let pair = tokio::task::spawn_blocking(move || Pair::generate(algorithm)).await.map_err(Error::internal)??;
    let id = thumbprint(&pair.public_jwk()?);
    let sealed_private = core.cipher().seal(&context(&id), &pair.to_pkcs8()?)?;
    let key = SealedKey { id: id.clone(), algorithm: algorithm.as_str().to_owned(), active_at, sealed_private };
    let now = core.clock().now();
    core.db()
        .write_global(async move |tx: &mut Tx| {
            let present = signing_keys::all(tx).await?;
            let mut of_algorithm = present.iter().filter(|other| other.algorithm == key.algorithm);
            if unless.is_some_and(|since| of_algorithm.any(|other| other.active_at >= since)) {
                return Ok(());
            }
            signing_keys::insert(tx, &key, now).await
        })
        .await?;
    Ok(id)
}

fn context(id: &str) -> String {
    format!("signing key {id}")
}

/// The private half of a key, as PKCS #8.
fn open(core: &Core, key: &SealedKey) -> Result<Vec<u8>> {
    core.cipher().open(&context(&key.id), &key.sealed_private).map_err(|error| {
        let detail = "The signing keys of the database cannot be opened with this master key. Set `master_key_file` to the one that belongs to the database.";
        Error { context: error.context, ..Error::new(Kind::Unavailable, "wrong_master_key", detail) }
    })
}

/// Refuses a master key that does not open the keys that are there.
pub async fn check_master_key(core: &Core) -> Result<()> {
    let keys = signing_keys::all(&mut *core.db().read().await?).await?;
    keys.iter().try_for_each(|key| open(core, key).map(drop))
}

impl Key {
    fn of(private: &[u8], row: SealedKey) -> Result<Key> {
        let algorithm =
            Algorithm::named(&row.algorithm).ok_or_else(|| Error::internal("a key of no known algorithm"))?;
        let pair = Pair::from_pkcs8(algorithm, private)?;
        let (mut jwk, decoding) = (pair.public_jwk()?, Arc::new(pair.decoding_key()?));
        jwk["kid"] = json!(row.id);
        jwk["alg"] = json!(algorithm.as_str());
        jwk["use"] = json!("sig");
        Ok(Key { id: row.id, algorithm, pair, active_at: row.active_at, jwk, decoding })
    }
}
