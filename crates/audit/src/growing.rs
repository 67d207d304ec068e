//! One org's log while it grows: where it stands, and the steps of sealing. Tiles first, then the checkpoint, then the row of the
//! database: whatever a crash leaves undone is done again, and comes to the same bytes.

use admin_backends::blob::Etag;
use admin_core::audit::{LogStore, origin};
use admin_tlog::{
    Builder, Bundles, Checkpoint, Entry, Hash, Layer, Note, Policy, Signer, Tile, TileId, TreeHead, edge,
};
use admin_types::{Error, Event, OrgId, Result};
use bytes::Bytes;

/// How often the last checkpoint may have got cosignatures while the next one is published.
const TRIES: usize = 5;

/// Where a log stands.
pub(crate) struct Growing {
    org: OrgId,
    store: LogStore,
    builder: Builder,
    bundles: Bundles,
    policy: Policy,
    /// The last checkpoint, and what names it in the store.
    head: TreeHead,
    published: Option<Etag>,
    /// The tile of leaves that was read last.
    read: Option<(TileId, Bytes)>,
    /// Partial tiles of the checkpoint before the last one.
    stale: Vec<TileId>,
    /// Partial tiles of the last checkpoint.
    partial: Vec<TileId>,
}

/// What came of sealing.
pub(crate) enum Sealed {
    /// A checkpoint was published, with this text and size.
    Done(String, u64),
    /// Somebody else has published one.
    Outrun,
}

/// The entry of an event: of its canonical text, whoever makes it.
pub(crate) fn entry(event: &Event) -> Result<Entry> {
    let text = serde_json::to_vec(event).map_err(Error::internal)?;
    Entry::of_record(&text).map_err(Error::internal)
}

impl Growing {
    /// Goes on where the last checkpoint is.
    pub(crate) async fn open(org: OrgId, store: LogStore, signer: &Signer) -> Result<Growing> {
        let policy = Policy::new(vec![signer.verifier().clone()]).map_err(Error::internal)?;
        let found = store.checkpoint(&policy).await?;
        let head = found.as_ref().map_or_else(TreeHead::empty, |(_, checkpoint, _)| checkpoint.head);
        let mut tiles = store.tiles(edge(head.size)).await?;
        let builder = Builder::resume(&head, &tiles).map_err(broken)?;
        let open = match Bundles::open(head.size) {
            Some(id) => store.tile(id).await?.ok_or_else(|| broken(admin_tlog::Error::MissingTile(id)))?,
            None => Bytes::new(),
        };
        let bundles = Bundles::resume(&builder, &open).map_err(broken)?;
        tiles.clear();
        let partial = partials(head.size);
        let published = found.map(|(.., etag)| etag);
        Ok(Growing { org, store, builder, bundles, policy, head, published, read: None, stale: vec![], partial })
    }

    /// How many leaves there are.
    pub(crate) fn size(&self) -> u64 {
        self.builder.head().size
    }

    /// The hash of a leaf that is in the log.
    pub(crate) async fn leaf(&mut self, index: u64) -> Result<Hash> {
        let layer = Layer::Level(0);
        let id = TileId::in_tree(layer, index / admin_tlog::TILE_WIDTH, self.size());
        let id = id.ok_or_else(|| Error::internal("a leaf beyond the log"))?;
        let tile = match &self.read {
            Some((known, bytes)) if *known == id => bytes.clone(),
            _ => self.store.tile(id).await?.ok_or_else(|| broken(admin_tlog::Error::MissingTile(id)))?,
        };
        self.read = Some((id, tile.clone()));
        let start = usize::try_from(index % admin_tlog::TILE_WIDTH).map_err(Error::internal)? * Hash::LEN;
        let hash = tile.get(start..start + Hash::LEN).and_then(|hash| hash.try_into().ok());
        hash.map(Hash).ok_or_else(|| broken(admin_tlog::Error::Malformed("a tile is shorter than its name says")))
    }

    /// Adds an event. It is part of the log when [`seal`](Growing::seal) has returned.
    pub(crate) fn append(&mut self, event: &Event) -> Result<()> {
        let entry = entry(event)?;
        self.bundles.append(&entry);
        self.builder.append(entry.hash()).map(drop).map_err(Error::internal)
    }

    /// Writes the tiles of what was added, and then the checkpoint. After an error the log must be opened anew.
    pub(crate) async fn seal(&mut self, signer: &Signer) -> Result<Sealed> {
        let mut tiles: Vec<Tile> = self.bundles.take();
        tiles.extend(self.builder.take_tiles());
        self.store.write(tiles).await?;
        let head = self.builder.head();
        let note = Checkpoint::new(origin(self.org), head).sign(&[signer]).map_err(Error::internal)?;
        let Some(etag) = self.publish(&note).await? else { return Ok(Sealed::Outrun) };
        (self.head, self.published) = (head, Some(etag));
        // Whoever has read the checkpoint before the last one has had the time to read its tiles.
        let now = partials(head.size);
        let stale = std::mem::replace(&mut self.stale, std::mem::replace(&mut self.partial, now));
        let stale = stale.into_iter().filter(|id| !self.partial.contains(id) && !self.stale.contains(id)).collect();
        if let Err(error) = self.store.remove(stale).await {
            tracing::debug!(org = %self.org, %error, "partial tiles that are not needed any more were left behind");
        }
        Ok(Sealed::Done(note.to_string(), head.size))
    }

    /// Publishes a checkpoint in place of the last one, which may have got cosignatures meanwhile. `None` if another log is there.
    async fn publish(&mut self, note: &Note) -> Result<Option<Etag>> {
        for _ in 0..TRIES {
            if let Some(etag) = self.store.publish(note, self.published.as_ref()).await? {
                return Ok(Some(etag));
            }
            match self.store.checkpoint(&self.policy).await? {
                Some((_, there, etag)) if self.published.is_some() && there.head == self.head => {
                    self.published = Some(etag);
                }
                _ => return Ok(None),
            }
        }
        Ok(None)
    }
}

/// The partial tiles of a tree.
pub(crate) fn partials(size: u64) -> Vec<TileId> {
    edge(size).into_iter().chain(Bundles::open(size)).collect()
}

/// What [`broken`] says of a store that has lost a tile.
pub(crate) const LOST: &str = "log_lost";

/// The store does not hold what the checkpoint says.
pub(crate) fn broken(error: admin_tlog::Error) -> Error {
    let detail = "The store of blobs does not hold what the log's checkpoint says. `admin audit verify` says what is missing or was altered.";
    let code = if matches!(error, admin_tlog::Error::MissingTile(_)) { LOST } else { "log_altered" };
    Error { context: Some(error.to_string()), ..Error::new(admin_types::Kind::Unavailable, code, detail) }
}
