//! How a tree of some size is put together from full subtrees, and in which tiles these stand.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::ops::Range;

use crate::tile::TILE_HEIGHT;
use crate::{Error, Hash, Layer, TILE_WIDTH, TileId};

/// The most leaves of a tree: 2^63 - 1, so that a size fits into the integers of every database, and a proof into 63 hashes.
pub const MAX_SIZE: u64 = i64::MAX as u64;

/// Where tiles come from that were read beforehand.
pub trait TileReader {
    /// The bytes of a tile, or of a wider one at the same place, which begins with the same hashes. None if it was not read.
    fn tile(&self, id: TileId) -> Option<&[u8]>;
}

/// A partial tile may be gone once there is the full one, which is as good.
impl<B: AsRef<[u8]>, S: BuildHasher> TileReader for HashMap<TileId, B, S> {
    fn tile(&self, id: TileId) -> Option<&[u8]> {
        self.get(&id).or_else(|| self.get(&id.full())).map(AsRef::as_ref)
    }
}

/// The partial tiles at the right edge of a tree: what [`Builder::resume`](crate::Builder::resume) needs. At most eight.
#[must_use]
pub fn edge(size: u64) -> Vec<TileId> {
    let mut tiles = vec![];
    let (mut items, mut level) = (size, 0);
    while items > 0 {
        if let Some(tile) = TileId::in_tree(Layer::Level(level), items / TILE_WIDTH, size) {
            tiles.push(tile);
        }
        items >>= TILE_HEIGHT;
        level += 1;
    }
    tiles
}

/// The hashes of a tile, as many as the tree has there.
pub(crate) fn hashes(id: TileId, tiles: &impl TileReader) -> Result<Vec<Hash>, Error> {
    read(id, 0..usize::from(id.width), tiles)
}

fn read(id: TileId, items: Range<usize>, tiles: &impl TileReader) -> Result<Vec<Hash>, Error> {
    let bytes = tiles.tile(id).ok_or(Error::MissingTile(id))?;
    let bytes = bytes.get(items.start * Hash::LEN..items.end * Hash::LEN);
    let bytes = bytes.ok_or(Error::Malformed("a tile is shorter than its name says"))?;
    Ok(bytes.as_chunks().0.iter().copied().map(Hash).collect())
}

/// A full subtree: the leaves from `index << height`, 2^height of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Subtree {
    height: u32,
    index: u64,
}

impl Subtree {
    /// The tile from whose items the subtree's hash is computed, and these items. The tree must have the subtree.
    fn place(self, size: u64) -> Result<(TileId, Range<usize>), Error> {
        let (level, above) = (self.height / TILE_HEIGHT, self.height % TILE_HEIGHT);
        let first = self.index << above;
        let layer = Layer::Level(u8::try_from(level).map_err(|_| Error::OutOfTree)?);
        let tile = TileId::in_tree(layer, first / TILE_WIDTH, size).ok_or(Error::OutOfTree)?;
        let start = usize::try_from(first % TILE_WIDTH).map_err(|_| Error::OutOfTree)?;
        Ok((tile, start..start + (1 << above)))
    }

    fn hash(self, size: u64, tiles: &impl TileReader) -> Result<Hash, Error> {
        let (tile, items) = self.place(size)?;
        Ok(Hash::root_of(&read(tile, items, tiles)?))
    }
}

/// A range of leaves whose hash a proof may need: it begins at a multiple of the power of two that covers it.
pub(crate) type Leaves = Range<u64>;

/// The full subtrees of a range, from the left, each smaller than the one before.
fn subtrees(leaves: &Leaves) -> impl Iterator<Item = Subtree> + use<> {
    let (mut start, end) = (leaves.start, leaves.end);
    std::iter::from_fn(move || {
        let height = (end - start).checked_ilog2()?;
        let subtree = Subtree { height, index: start >> height };
        start += 1 << height;
        Some(subtree)
    })
}

/// The tiles that the hashes of these ranges need, each once, in their order.
pub(crate) fn tiles_of(ranges: &[Leaves], size: u64) -> Result<Vec<TileId>, Error> {
    let mut tiles = vec![];
    for subtree in ranges.iter().flat_map(subtrees) {
        tiles.push(subtree.place(size)?.0);
    }
    tiles.sort_unstable();
    tiles.dedup();
    Ok(tiles)
}

/// The hash of a range: MTH of RFC 6962, section 2.1.
pub(crate) fn hash_of(leaves: &Leaves, size: u64, tiles: &impl TileReader) -> Result<Hash, Error> {
    let hashes = subtrees(leaves).map(|subtree| subtree.hash(size, tiles)).collect::<Result<Vec<Hash>, Error>>()?;
    Ok(join(&hashes))
}

/// The root over full subtrees, given from the left, each smaller than the one before.
pub(crate) fn join(hashes: &[Hash]) -> Hash {
    let mut from_right = hashes.iter().rev();
    let Some(last) = from_right.next() else { return Hash::empty() };
    from_right.fold(*last, |right, left| Hash::node(left, &right))
}

/// The greatest power of two below a size, which must be 2 or more: where RFC 6962 splits a tree.
pub(crate) fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// A size that a tree can have.
pub(crate) fn check_size(size: u64) -> Result<(), Error> {
    if size <= MAX_SIZE { Ok(()) } else { Err(Error::OutOfTree) }
}
