//! The mirror of one log grows: from the entries of the log, as the log itself grew.

use std::collections::HashMap;

use admin_core::Core;
use admin_core::audit::LogStore;
use admin_db::audit;
use admin_tlog::{
    Builder, Bundles, Entry, Hash, Layer, Policy, TILE_WIDTH, Tile, TileId, TreeHead, consistency_tiles, edge, entries,
    head_at, head_tiles, prove_consistency,
};
use admin_types::{Error, OrgId, Result};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::Failed;

/// Bundles that are read before what comes of them is written.
const BUNDLES: u64 = 4;

/// What is copied, and where to.
pub(super) struct Grow<'a> {
    pub(super) core: &'a Core,
    pub(super) org: OrgId,
    pub(super) from: &'a LogStore,
    pub(super) to: &'a LogStore,
    pub(super) policy: &'a Policy,
}

/// The mirror's tree, and its partial tiles that are to be written when it is there.
struct Tree {
    builder: Builder,
    bundles: Bundles,
    partial: HashMap<(Layer, u64), Tile>,
}

impl Grow<'_> {
    /// Writes all tiles of `new` that the mirror at `old` does not have. Its checkpoint is not touched.
    pub(super) async fn run(&self, old: TreeHead, new: TreeHead) -> Result<(), Failed> {
        let row = audit::get(&mut *self.core.db().read().await?, self.org).await?;
        let first = row.and_then(|row| u64::try_from(row.first).ok()).unwrap_or_default().min(new.size);
        let mut tree = match old.size {
            0 if first >= TILE_WIDTH => self.begin(first / TILE_WIDTH * TILE_WIDTH, new).await?,
            _ => self.resume(old).await?,
        };
        self.follows(&old, &new).await?;
        let mut index = tree.builder.head().size / TILE_WIDTH;
        while tree.builder.head().size < new.size {
            let ids = (index..).filter_map(|index| TileId::in_tree(Layer::Entries, index, new.size));
            let ids: Vec<TileId> = ids.take(BUNDLES.min(new.size.div_ceil(TILE_WIDTH) - index) as usize).collect();
            index += ids.len() as u64;
            let read = ids.into_iter().map(async |id| Ok::<_, Failed>((id, self.bundle(id, first).await?)));
            let read: Vec<(TileId, Bytes)> = stream::iter(read).buffered(BUNDLES as usize).try_collect().await?;
            for (id, bundle) in &read {
                tree.append(*id, bundle)?;
            }
            self.to.write(tree.take()).await?;
        }
        if tree.builder.head() != new {
            return Err(does_not_follow());
        }
        self.to.write(tree.partial.into_values().collect()).await?;
        Ok(())
    }

    /// Looks at the hashes of the log before anything is written. What is written must hash to the signed root all the same.
    async fn follows(&self, old: &TreeHead, new: &TreeHead) -> Result<(), Failed> {
        let ids = consistency_tiles(old.size, new.size).map_err(|_| does_not_follow())?;
        let mut tiles: HashMap<TileId, Bytes> = HashMap::new();
        for id in ids {
            // Those of a log that was pruned may be gone.
            let Some(tile) = self.from.tile_as_it_was(id, self.policy).await? else { return Ok(()) };
            tiles.insert(id, tile);
        }
        prove_consistency(old, new, &tiles).map(drop).map_err(|_| does_not_follow())
    }

    async fn bundle(&self, id: TileId, first: u64) -> Result<Bytes, Failed> {
        match self.from.tile_as_it_was(id, self.policy).await? {
            Some(bundle) => Ok(bundle),
            None if id.end() <= first => Err(Failed::Stopped(format!(
                "the events before {first} were removed from the log, and it has not had all of them; name another place for a new mirror"
            ))),
            None => Err(Failed::Stopped(format!("the log's store does not have {id}"))),
        }
    }

    /// Goes on where the mirror is.
    async fn resume(&self, old: TreeHead) -> Result<Tree, Failed> {
        let broken = |error| Failed::Stopped(format!("it does not hold what its own checkpoint says: {error}"));
        let tiles = self.to.tiles(edge(old.size)).await?;
        let builder = Builder::resume(&old, &tiles).map_err(broken)?;
        let open = match Bundles::open(old.size) {
            Some(id) => self.to.tile(id).await?.ok_or_else(|| broken(admin_tlog::Error::MissingTile(id)))?,
            None => Bytes::new(),
        };
        let bundles = Bundles::resume(&builder, &open).map_err(broken)?;
        Ok(Tree { builder, bundles, partial: HashMap::new() })
    }

    /// Begins the mirror of a log whose first entries are gone: with the hashes over them that are left.
    async fn begin(&self, size: u64, new: TreeHead) -> Result<Tree, Failed> {
        let broken =
            |error| Failed::Stopped(format!("the log's store does not hold what its checkpoint says: {error}"));
        let mut tiles: HashMap<TileId, Bytes> = HashMap::new();
        for id in head_tiles(size, new.size).map_err(broken)? {
            let tile = self.from.tile_as_it_was(id, self.policy).await?;
            tiles.insert(id, tile.ok_or_else(|| broken(admin_tlog::Error::MissingTile(id)))?);
        }
        let head = head_at(size, new.size, &tiles).map_err(broken)?;
        let mut own: HashMap<TileId, Bytes> = HashMap::new();
        for id in edge(size) {
            let wider = TileId::in_tree(id.layer, id.index, new.size).unwrap_or(id);
            let tile = self.from.tile_as_it_was(wider, self.policy).await?;
            let tile = tile.filter(|tile| tile.len() >= usize::from(id.width) * Hash::LEN);
            let tile = tile.ok_or_else(|| broken(admin_tlog::Error::MissingTile(wider)))?;
            own.insert(id, tile.slice(..usize::from(id.width) * Hash::LEN));
        }
        let builder = Builder::resume(&head, &own).map_err(broken)?;
        let bundles = Bundles::resume(&builder, &[]).map_err(broken)?;
        let partial = own.into_iter().map(|(id, bytes)| ((id.layer, id.index), Tile { id, bytes: bytes.into() }));
        Ok(Tree { builder, bundles, partial: partial.collect() })
    }
}

fn does_not_follow() -> Failed {
    let why = "the log does not follow from what it has, or was altered; `admin audit verify` says more";
    Failed::Stopped(why.to_owned())
}

impl Tree {
    /// Adds what the mirror does not have of a bundle.
    fn append(&mut self, id: TileId, bundle: &[u8]) -> Result<(), Failed> {
        let altered = |error| Failed::Stopped(format!("{id} in the log's store was altered: {error}"));
        let found = entries(bundle).map_err(altered)?;
        if found.len() != usize::from(id.width) {
            return Err(altered(admin_tlog::Error::Malformed("it is not as long as its name says")));
        }
        let known = usize::try_from(self.builder.head().size - id.index * TILE_WIDTH).map_err(Error::internal)?;
        for entry in found.into_iter().skip(known) {
            let entry = Entry::new(entry.to_vec()).map_err(altered)?;
            self.bundles.append(&entry);
            self.builder.append(entry.hash()).map_err(altered)?;
        }
        Ok(())
    }

    /// The full tiles since the last call. Of the partial ones only those are wanted that are left at the end.
    fn take(&mut self) -> Vec<Tile> {
        let mut tiles = self.bundles.take();
        tiles.extend(self.builder.take_tiles());
        let (partial, full): (Vec<_>, Vec<_>) = tiles.into_iter().partition(|tile| tile.id.is_partial());
        for tile in &full {
            self.partial.remove(&(tile.id.layer, tile.id.index));
        }
        self.partial.extend(partial.into_iter().map(|tile| ((tile.id.layer, tile.id.index), tile)));
        full
    }
}
