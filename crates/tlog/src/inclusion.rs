//! Proofs that a leaf is in a tree (RFC 6962, section 2.1.1).

use crate::tree::{self, Leaves, TileReader};
use crate::{Error, Hash, TileId, TreeHead};

/// A proof that a leaf is in a tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InclusionProof {
    /// The leaf's index, from 0.
    pub index: u64,
    /// The hashes beside the way from the leaf to the root, from the leaf's neighbour on: at most 63.
    pub hashes: Vec<Hash>,
}

impl InclusionProof {
    /// Whether the leaf with this hash is at the proof's index in this tree (RFC 9162, section 2.1.3.2). Stops at the first hash
    /// too many.
    ///
    /// # Errors
    /// [`Error::OutOfTree`] if the tree does not reach to the index, [`Error::WrongRoot`] otherwise.
    pub fn verify(&self, leaf: &Hash, head: &TreeHead) -> Result<(), Error> {
        if self.index >= head.size {
            return Err(Error::OutOfTree);
        }
        let (mut place, mut last, mut hash) = (self.index, head.size - 1, *leaf);
        for beside in &self.hashes {
            if last == 0 {
                return Err(Error::WrongRoot);
            }
            if place & 1 == 1 || place == last {
                hash = Hash::node(beside, &hash);
                // At the right edge, levels at which the subtree stands alone have no hash beside it.
                let alone = if place & 1 == 0 { place.trailing_zeros() } else { 0 };
                (place, last) = (place >> alone, last >> alone);
            } else {
                hash = Hash::node(&hash, beside);
            }
            (place, last) = (place >> 1, last >> 1);
        }
        if last == 0 && hash == head.root { Ok(()) } else { Err(Error::WrongRoot) }
    }
}

/// The ranges of leaves whose hashes prove a leaf's place, from its neighbour on.
fn ranges(index: u64, size: u64) -> Result<Vec<Leaves>, Error> {
    tree::check_size(size)?;
    if index >= size {
        return Err(Error::OutOfTree);
    }
    let (mut start, mut end, mut ranges) = (0, size, vec![]);
    while end - start > 1 {
        let middle = start + tree::split(end - start);
        if index < middle {
            ranges.push(middle..end);
            end = middle;
        } else {
            ranges.push(start..middle);
            start = middle;
        }
    }
    ranges.reverse();
    Ok(ranges)
}

/// The tiles that the proof of a leaf in a tree of this size needs: at most 16.
///
/// # Errors
/// [`Error::OutOfTree`] if the tree has no such leaf.
pub fn inclusion_tiles(index: u64, size: u64) -> Result<Vec<TileId>, Error> {
    let mut ranges = ranges(index, size)?;
    ranges.push(index..index + 1);
    tree::tiles_of(&ranges, size)
}

/// Proves that the leaf that the tiles have at this index is in the tree, and verifies the proof.
///
/// # Errors
/// [`Error::OutOfTree`], [`Error::MissingTile`]; [`Error::WrongRoot`] if the tiles are not those of the head.
pub fn prove_inclusion(index: u64, head: &TreeHead, tiles: &impl TileReader) -> Result<InclusionProof, Error> {
    let ranges = ranges(index, head.size)?;
    let hashes = ranges.iter().map(|range| tree::hash_of(range, head.size, tiles)).collect::<Result<_, _>>()?;
    let proof = InclusionProof { index, hashes };
    proof.verify(&tree::hash_of(&(index..index + 1), head.size, tiles)?, head)?;
    Ok(proof)
}
