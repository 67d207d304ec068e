//! Grows a tree: takes leaves, makes tiles.

use crate::tile::TILE_HEIGHT;
use crate::tree::{self, MAX_SIZE};
use crate::{Error, Hash, Layer, TILE_WIDTH, Tile, TileId, TileReader, TreeHead};

/// The right edge of a tree, and the tiles that are still to be written. Holds at most 2,100 hashes of the tree, and 8 KiB for
/// every 256 leaves since [`take_tiles`](Builder::take_tiles).
///
/// It is as far as it was told: if a tile that it handed out could not be written, drop it and resume from the last checkpoint.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    size: u64,
    /// The roots of the full subtrees of the tree, the greatest first: one for each bit of the size that is set.
    roots: Vec<Hash>,
    /// The partial tile at the right edge of each level.
    edge: Vec<Vec<Hash>>,
    full: Vec<Tile>,
    /// The size at which tiles were last taken.
    taken: u64,
}

impl Builder {
    /// A tree without leaves.
    #[must_use]
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Goes on at a tree head, with the tiles that [`edge`](crate::edge) names.
    ///
    /// # Errors
    /// [`Error::MissingTile`]; [`Error::WrongRoot`] if the tiles are not those of the head.
    pub fn resume(head: &TreeHead, tiles: &impl TileReader) -> Result<Builder, Error> {
        tree::check_size(head.size)?;
        let mut builder = Builder { size: head.size, taken: head.size, ..Builder::default() };
        for id in tree::edge(head.size) {
            let Layer::Level(level) = id.layer else { continue };
            builder.at(usize::from(level)).extend(tree::hashes(id, tiles)?);
        }
        // The greatest subtrees stand at the left of the highest level.
        for hashes in builder.edge.iter().rev() {
            let mut rest = hashes.as_slice();
            while let Some(height) = rest.len().checked_ilog2() {
                let (subtree, right) = rest.split_at(1 << height);
                builder.roots.push(Hash::root_of(subtree));
                rest = right;
            }
        }
        if builder.head() == *head { Ok(builder) } else { Err(Error::WrongRoot) }
    }

    /// How many leaves there are, and the root over them. Costs at most 63 hashes.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        TreeHead { size: self.size, root: tree::join(&self.roots) }
    }

    /// Adds a leaf by its [`Hash::leaf`]; returns its index. Costs one hash, on average.
    ///
    /// # Errors
    /// [`Error::OutOfTree`] if the tree has [`MAX_SIZE`] leaves.
    pub fn append(&mut self, leaf: Hash) -> Result<u64, Error> {
        if self.size >= MAX_SIZE {
            return Err(Error::OutOfTree);
        }
        let (index, mut hash, mut height) = (self.size, leaf, 0);
        self.at(0).push(leaf);
        // Each bit of the size that is set, from the lowest, is a subtree of equal height at the left.
        while index >> height & 1 == 1 {
            let Some(left) = self.roots.pop() else { break };
            hash = Hash::node(&left, &hash);
            height += 1;
            if height % TILE_HEIGHT == 0 {
                let above = (height / TILE_HEIGHT) as usize;
                self.close(above - 1, index >> height);
                self.at(above).push(hash);
            }
        }
        self.roots.push(hash);
        self.size = index + 1;
        Ok(index)
    }

    /// The tiles of all leaves since the last call: the full ones, then the partial ones at the edge. A partial tile that was
    /// handed out before is a beginning of the one that replaces it, and may be deleted when that is written.
    pub fn take_tiles(&mut self) -> Vec<Tile> {
        let mut tiles = std::mem::take(&mut self.full);
        let (mut before, mut items) = (self.taken, self.size);
        for (level, hashes) in (0..).zip(&self.edge) {
            if before != items && !hashes.is_empty() {
                tiles.push(Tile::new(level, items / TILE_WIDTH, hashes));
            }
            (before, items) = (before >> TILE_HEIGHT, items >> TILE_HEIGHT);
        }
        self.taken = self.size;
        tiles
    }

    /// The hashes of the leaves in the partial tile at the edge.
    pub(crate) fn open_leaves(&self) -> &[Hash] {
        self.edge.first().map_or(&[], Vec::as_slice)
    }

    fn at(&mut self, level: usize) -> &mut Vec<Hash> {
        if self.edge.len() <= level {
            self.edge.resize_with(level + 1, Vec::new);
        }
        &mut self.edge[level]
    }

    /// The tile of a level is full.
    fn close(&mut self, level: usize, index: u64) {
        let hashes = std::mem::take(self.at(level));
        let layer = u8::try_from(level).expect("a tree has at most eight levels of tiles");
        self.full.push(Tile::new(layer, index, &hashes));
    }
}

/// Where the open bundle of a tree stands: partial, or, of a tree that fills its bundles, none.
pub(crate) fn open_bundle(size: u64) -> Option<TileId> {
    TileId::in_tree(Layer::Entries, size / TILE_WIDTH, size)
}
