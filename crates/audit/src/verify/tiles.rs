//! The tiles of hashes, from the signed root downwards.

use admin_core::audit::Tiles;
use admin_tlog::{Builder, Bundles, Hash, Layer, TILE_WIDTH, TileId, TreeHead, edge, entries};
use admin_types::{Error, Result};
use bytes::Bytes;

use super::Run;

impl Run<'_> {
    /// Tiles as the checkpoint has them, which may be followed by the next while it is verified.
    pub(super) async fn read(&self, ids: Vec<TileId>) -> Result<Tiles> {
        let mut tiles = self.of.store.tiles(ids.clone()).await?;
        for id in ids.into_iter().filter(|id| id.is_partial()) {
            if tiles.contains_key(&id) {
                continue;
            }
            match self.of.store.tile_as_it_was(id, self.policy).await {
                Ok(Some(bytes)) => drop(tiles.insert(id, bytes)),
                Ok(None) => {}
                Err(error) if error.code == "log_altered" => {}
                Err(error) => return Err(error),
            }
        }
        Ok(tiles)
    }

    /// Whether all tiles of hashes are those that the root was made of: each full one against the tile above it.
    pub(super) async fn tiles(&mut self, head: &TreeHead) -> Result<bool> {
        if !self.edge(head).await? {
            return Ok(false);
        }
        for level in (0..7_u8).rev() {
            let full = head.size >> (8 * (u32::from(level) + 1));
            for index in 0..full {
                let id = TileId { layer: Layer::Level(level), index, width: 256 };
                if id.end() > self.report.pruned {
                    self.tile(id, head).await?;
                }
            }
        }
        Ok(self.wrong.is_empty())
    }

    /// Whether the tiles at the edge hash to the root.
    async fn edge(&mut self, head: &TreeHead) -> Result<bool> {
        let mut tiles = self.read(edge(head.size)).await?;
        let Err(error) = Builder::resume(head, &tiles) else { return Ok(true) };
        // The tile of leaves can be made of the entries, if it alone is wrong.
        let leaves = TileId::in_tree(Layer::Level(0), head.size / TILE_WIDTH, head.size);
        if let (Some(id), Some(bundle)) = (leaves, Bundles::open(head.size))
            && let Some(made) = self.read(vec![bundle]).await?.get(&bundle).and_then(|bytes| leaf_tile(bytes, id.width))
        {
            tiles.insert(id, made);
            if Builder::resume(head, &tiles).is_ok() {
                self.wrong_tile(id, true);
                return Ok(true);
            }
        }
        self.find(
            "store_altered",
            None,
            format!("the tiles at the log's edge do not hash to the signed root: {error}"),
        );
        Ok(false)
    }

    async fn tile(&mut self, id: TileId, head: &TreeHead) -> Result<()> {
        let Layer::Level(level) = id.layer else { return Ok(()) };
        let above = TileId::in_tree(Layer::Level(level + 1), id.index / TILE_WIDTH, head.size);
        let above = above.ok_or_else(|| Error::internal("a full tile has one above it"))?;
        if self.wrong.contains(&above) {
            return Ok(());
        }
        let both = self.read(vec![id, above]).await?;
        let root = item(&both, above, id.index % TILE_WIDTH);
        let is = hashes(&both, id).filter(|hashes| hashes.len() == 256);
        if root.is_some() && is.map(|hashes| Hash::root_of(&hashes)) == root {
            return Ok(());
        }
        let by_entries = if level == 0 {
            let bundle = TileId { layer: Layer::Entries, ..id };
            let made = self.read(vec![bundle]).await?.get(&bundle).and_then(|bytes| leaf_tile(bytes, 256));
            made.map(|tile| Hash::root_of(&hashes_of(&tile))) == root && root.is_some()
        } else {
            false
        };
        self.wrong_tile(id, by_entries);
        Ok(())
    }

    fn wrong_tile(&mut self, id: TileId, by_entries: bool) {
        let Layer::Level(level) = id.layer else { return };
        let span = TILE_WIDTH << (8 * u32::from(level));
        let first = id.index * span + 1;
        let last = first - 1 + span / TILE_WIDTH * u64::from(id.width);
        let detail = format!("{id}, which covers the events {first} to {last}, is missing or was altered");
        self.find("store_altered", Some(first), detail);
        self.wrong.insert(id);
        if by_entries {
            self.known_by_entries.insert(id);
        }
    }
}

/// The tile of leaves over the entries of a bundle, if there are as many.
fn leaf_tile(bundle: &[u8], width: u16) -> Option<Bytes> {
    let entries = entries(bundle).ok()?;
    let entries = entries.get(..usize::from(width))?;
    Some(entries.iter().flat_map(|entry| Hash::leaf(entry).0).collect())
}

pub(super) fn hashes(tiles: &Tiles, id: TileId) -> Option<Vec<Hash>> {
    Some(hashes_of(tiles.get(&id)?))
}

fn hashes_of(bytes: &[u8]) -> Vec<Hash> {
    bytes.as_chunks::<{ Hash::LEN }>().0.iter().copied().map(Hash).collect()
}

fn item(tiles: &Tiles, id: TileId, at: u64) -> Option<Hash> {
    hashes(tiles, id)?.get(usize::try_from(at).ok()?).copied()
}
