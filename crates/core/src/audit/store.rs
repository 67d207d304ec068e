//! Where the log of an org is in the store of blobs: `audit/ORG/checkpoint` and `audit/ORG/tile/…`, as c2sp.org/tlog-tiles
//! has it.

use std::collections::HashMap;
use std::sync::Arc;

use admin_backends::blob::{Blob, Created, Entry, Etag, Key, MAX_LIST, Replaced, Retention};
use admin_tlog::{Checkpoint, Layer, Note, Policy, TILE_WIDTH, Tile, TileId};
use admin_types::{Error, EventId, Kind, OrgId, Result};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{auditor, who_sees_all};
use crate::Core;
use crate::op::Op;

/// Tiles that are read or written at once.
const AT_ONCE: usize = 8;

/// Tiles that were read.
pub type Tiles = HashMap<TileId, Bytes>;

/// The log of an org in a store.
#[derive(Clone)]
pub struct LogStore {
    blob: Arc<dyn Blob>,
    folder: String,
}

impl LogStore {
    /// The log of an org.
    #[must_use]
    pub fn new(blob: Arc<dyn Blob>, org: OrgId) -> LogStore {
        LogStore { blob, folder: format!("audit/{org}") }
    }

    fn key(&self, path: impl std::fmt::Display) -> Result<Key> {
        Key::new(format!("{}/{path}", self.folder)).map_err(Error::internal)
    }

    /// The last checkpoint as it was published, and what names it.
    ///
    /// # Errors
    /// The store is away.
    pub async fn published(&self) -> Result<Option<(Bytes, Etag)>> {
        let found = self.blob.get(&self.key("checkpoint")?).await?;
        Ok(found.map(|object| (object.bytes, object.etag)))
    }

    /// The last checkpoint, if it is signed as the policy wants it.
    ///
    /// # Errors
    /// The store is away, or the checkpoint is not what it should be.
    pub async fn checkpoint(&self, policy: &Policy) -> Result<Option<(Note, Checkpoint, Etag)>> {
        let Some((bytes, etag)) = self.published().await? else { return Ok(None) };
        let note = Note::parse(&bytes).map_err(altered)?;
        let checkpoint = policy.verify(&note).map_err(altered)?;
        Ok(Some((note, checkpoint, etag)))
    }

    /// Publishes a checkpoint in place of the one with this name, or as the first; `None` if somebody else was faster.
    ///
    /// # Errors
    /// The store is away; it may have been published.
    pub async fn publish(&self, note: &Note, before: Option<&Etag>) -> Result<Option<Etag>> {
        let (key, bytes) = (self.key("checkpoint")?, Bytes::from(note.to_string()));
        match before {
            None => match self.blob.create(&key, bytes).await? {
                Created::New(etag) => Ok(Some(etag)),
                Created::Exists => Ok(None),
            },
            Some(before) => match self.blob.replace(&key, bytes, before).await? {
                Replaced::Done(etag) => Ok(Some(etag)),
                Replaced::Changed => Ok(None),
            },
        }
    }

    /// A tile; where a partial one is gone, the full one that begins with it.
    ///
    /// # Errors
    /// The store is away.
    pub async fn tile(&self, id: TileId) -> Result<Option<Bytes>> {
        let found = self.blob.get(&self.key(id)?).await?;
        let found = match found {
            None if id.is_partial() => self.blob.get(&self.key(id.full())?).await?,
            found => found,
        };
        Ok(found.map(|object| object.bytes))
    }

    /// A tile as it was when its log had this width of it: a partial tile that was replaced is the beginning of a wider one.
    ///
    /// # Errors
    /// The store is away, or the checkpoint is not what it should be.
    pub async fn tile_as_it_was(&self, id: TileId, policy: &Policy) -> Result<Option<Bytes>> {
        if let Some(bytes) = self.tile(id).await? {
            return Ok(beginning(id, &bytes));
        }
        let Some((_, checkpoint, _)) = self.checkpoint(policy).await? else { return Ok(None) };
        let wider = TileId::in_tree(id.layer, id.index, checkpoint.head.size).filter(|wider| wider.width > id.width);
        let bytes = match wider {
            Some(wider) => self.tile(wider).await?,
            None => None,
        };
        Ok(bytes.and_then(|bytes| beginning(id, &bytes)))
    }

    /// Keeps a checkpoint beside the last one, under the size of its tree, and under a lock, if that is wanted.
    ///
    /// # Errors
    /// The store is away, or knows no locks.
    pub async fn keep(&self, note: &Note, size: u64, lock: Option<Retention>) -> Result<()> {
        let (key, bytes) = (self.key(format_args!("checkpoints/{size:020}"))?, Bytes::from(note.to_string()));
        match lock {
            Some(lock) => self.blob.retain(&key, bytes, lock).await?,
            None => drop(self.blob.put(&key, bytes).await?),
        }
        Ok(())
    }

    /// Those of the tiles that are there.
    ///
    /// # Errors
    /// The store is away.
    pub async fn tiles(&self, ids: Vec<TileId>) -> Result<Tiles> {
        let read = ids.into_iter().map(async |id| Ok::<_, Error>((id, self.tile(id).await?)));
        let found: Vec<_> = stream::iter(read).buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(found.into_iter().filter_map(|(id, bytes)| Some((id, bytes?))).collect())
    }

    /// Writes tiles. What is there already is the same, byte for byte.
    ///
    /// # Errors
    /// The store is away or full; some may have been written.
    pub async fn write(&self, tiles: Vec<Tile>) -> Result<()> {
        let written = tiles.into_iter().map(async |tile| {
            self.blob.put(&self.key(tile.id)?, tile.bytes.into()).await?;
            Ok::<_, Error>(())
        });
        stream::iter(written).buffer_unordered(AT_ONCE).try_collect().await
    }

    /// Removes tiles; those that are not there are no error.
    ///
    /// # Errors
    /// The store is away.
    pub async fn remove(&self, ids: Vec<TileId>) -> Result<()> {
        let removed = ids.into_iter().map(async |id| Ok::<_, Error>(self.blob.delete(&self.key(id)?).await?));
        stream::iter(removed).buffer_unordered(AT_ONCE).try_collect().await
    }
}

impl LogStore {
    /// Removes the tiles that cover nothing but leaves before this index.
    ///
    /// # Errors
    /// The store is away; some may have been removed.
    pub async fn forget(&self, first: u64) -> Result<()> {
        for layer in ["entries", "0", "1", "2", "3", "4", "5", "6", "7"] {
            let folder = format!("{}/tile/{layer}/", self.folder);
            // The oldest come first; what a crash has left behind is among them.
            loop {
                let found = self.blob.list(&folder, None, MAX_LIST).await?;
                let ids = found.iter().filter_map(|entry| self.tile_of(entry));
                let old: Vec<TileId> = ids.filter(|id| id.end() <= first).collect();
                let all = old.len() == MAX_LIST;
                self.remove(old).await?;
                if !all {
                    break;
                }
            }
        }
        Ok(())
    }
}

impl LogStore {
    /// The index of the first leaf whose bundle of entries is in the store; `None` if there is none.
    ///
    /// # Errors
    /// The store is away.
    pub async fn first_kept(&self) -> Result<Option<u64>> {
        let found = self.blob.list(&format!("{}/tile/entries/", self.folder), None, MAX_LIST).await?;
        let first = found.iter().filter_map(|entry| self.tile_of(entry)).map(|id| id.index).min();
        Ok(first.map(|index| index * TILE_WIDTH))
    }

    /// The sizes of up to `limit` trees behind this one whose checkpoints are [kept](LogStore::keep).
    ///
    /// # Errors
    /// The store is away.
    pub async fn kept_behind(&self, size: u64, limit: usize) -> Result<Vec<u64>> {
        let after = self.key(format_args!("checkpoints/{size:020}"))?;
        let found = self.blob.list(&format!("{}/checkpoints/", self.folder), Some(&after), limit).await?;
        let size = |entry: &Entry| entry.key.as_str().rsplit('/').next()?.parse().ok();
        Ok(found.iter().filter_map(size).collect())
    }

    fn tile_of(&self, entry: &Entry) -> Option<TileId> {
        entry.key.as_str().strip_prefix(&self.folder)?.get(1..)?.parse().ok()
    }
}

/// An event is not the one that was sealed.
pub(super) fn altered_event(id: EventId) -> Error {
    let detail = "This event is not the one that was sealed. `admin audit verify` says what was altered.";
    Error { context: Some(id.to_string()), ..Error::new(Kind::Unavailable, "log_altered", detail) }
}

fn altered(error: admin_tlog::Error) -> Error {
    let detail = "The log in the store of blobs is not as it was written. `admin audit verify` says what was altered.";
    Error { context: Some(error.to_string()), ..Error::new(Kind::Unavailable, "log_altered", detail) }
}

/// What proves that the store was altered.
pub(super) fn altered_tile(error: admin_tlog::Error) -> Error {
    altered(error)
}

impl Core {
    /// The log of an org in this installation's store.
    ///
    /// # Errors
    /// There is no store.
    pub fn log_store(&self, org: OrgId) -> Result<LogStore> {
        Ok(LogStore::new(self.blob()?.clone(), org))
    }
}

fn nothing_sealed() -> Error {
    Error::new(Kind::NotFound, "not_found", "Nothing of this org is sealed yet. Try again in a second.")
}

/// The last checkpoint of the org's log, for those who may read the audit log.
pub async fn log_checkpoint(core: &Core, op: &Op) -> Result<Bytes> {
    auditor(core, op).await?;
    let published = core.log_store(op.principal.org)?.published().await?;
    Ok(published.ok_or_else(nothing_sealed)?.0)
}

/// A tile of the org's log by its path, for those who may read everything: of an event that somebody sees in part, its hash would
/// tell them the rest, if they try one value after another.
pub async fn log_tile(core: &Core, op: &Op, path: &str) -> Result<Bytes> {
    let id: TileId = path.parse().map_err(|_| Error::not_found("tile"))?;
    who_sees_all(core, op).await?;
    let store = core.log_store(op.principal.org)?;
    let policy = core.audit_policy(op.principal.org).await?;
    store.tile_as_it_was(id, &policy).await?.ok_or_else(|| Error::not_found("tile"))
}

/// As many items of a wider tile as this one has.
fn beginning(id: TileId, wider: &Bytes) -> Option<Bytes> {
    let end = match id.layer {
        Layer::Level(_) => usize::from(id.width) * admin_tlog::Hash::LEN,
        Layer::Entries => {
            let entries = admin_tlog::entries(wider).ok()?;
            entries.iter().take(id.width.into()).map(|entry| entry.len() + 2).sum()
        }
    };
    (end <= wider.len()).then(|| wider.slice(..end))
}

/// The key that verifies the checkpoints of the org's log, for everybody in it.
pub async fn log_key(core: &Core, op: &Op) -> Result<String> {
    core.actor(op).await?;
    Ok(core.audit_verifier(op.principal.org).await?.to_string())
}
