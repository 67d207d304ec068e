//! Proofs that a tree is the beginning of a greater one (RFC 6962, section 2.1.2).

use crate::tree::{self, Leaves, TileReader};
use crate::{Error, Hash, TileId, TreeHead};

/// A proof that a tree has only grown.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ConsistencyProof {
    /// Hashes in the order of RFC 6962: at most 63.
    pub hashes: Vec<Hash>,
}

impl ConsistencyProof {
    /// Whether the first leaves of `new` are those of `old` (RFC 9162, section 2.1.4.2). Between a tree and itself, and from a tree
    /// without leaves, the proof is empty.
    ///
    /// # Errors
    /// [`Error::OutOfTree`] if `new` is the smaller one, [`Error::WrongRoot`] otherwise.
    pub fn verify(&self, old: &TreeHead, new: &TreeHead) -> Result<(), Error> {
        if old.size > new.size {
            return Err(Error::OutOfTree);
        }
        if old.size == new.size || old.size == 0 {
            let same = if old.size == 0 { old.root == Hash::empty() } else { old.root == new.root };
            let same = same && (new.size > 0 || new.root == old.root);
            return if same && self.hashes.is_empty() { Ok(()) } else { Err(Error::WrongRoot) };
        }
        self.walk(old, new).ok_or(Error::WrongRoot)
    }

    /// Puts both roots together from the proof; None if one is another.
    fn walk(&self, old: &TreeHead, new: &TreeHead) -> Option<()> {
        // A tree of a power of two is itself the first subtree.
        let mut hashes = self.hashes.iter();
        let first = if old.size.is_power_of_two() { old.root } else { *hashes.next()? };
        let alone = (old.size - 1).trailing_ones();
        let (mut place, mut last) = ((old.size - 1) >> alone, (new.size - 1) >> alone);
        let (mut old_root, mut new_root) = (first, first);
        for beside in hashes {
            if last == 0 {
                return None;
            }
            if place & 1 == 1 || place == last {
                old_root = Hash::node(beside, &old_root);
                new_root = Hash::node(beside, &new_root);
                while place & 1 == 0 && place != 0 {
                    (place, last) = (place >> 1, last >> 1);
                }
            } else {
                new_root = Hash::node(&new_root, beside);
            }
            (place, last) = (place >> 1, last >> 1);
        }
        (last == 0 && old_root == old.root && new_root == new.root).then_some(())
    }
}

/// The ranges of leaves whose hashes prove that a tree of `old` leaves is the beginning of one of `new`.
fn ranges(old: u64, new: u64) -> Result<Vec<Leaves>, Error> {
    tree::check_size(new)?;
    if old > new {
        return Err(Error::OutOfTree);
    }
    let (mut start, mut end, mut ranges) = (0, new, vec![]);
    if old == 0 {
        return Ok(ranges);
    }
    while end != old {
        let middle = start + tree::split(end - start);
        if old <= middle {
            ranges.push(middle..end);
            end = middle;
        } else {
            ranges.push(start..middle);
            start = middle;
        }
    }
    // The old tree itself is known to whoever verifies.
    if start > 0 {
        ranges.push(start..end);
    }
    ranges.reverse();
    Ok(ranges)
}

/// The tiles that a proof between these sizes needs: at most 16.
///
/// # Errors
/// [`Error::OutOfTree`] if `new` is the smaller one.
pub fn consistency_tiles(old: u64, new: u64) -> Result<Vec<TileId>, Error> {
    tree::tiles_of(&ranges(old, new)?, new)
}

/// The tiles that [`head_at`] needs.
///
/// # Errors
/// [`Error::OutOfTree`] if `new` is the smaller one.
pub fn head_tiles(old: u64, new: u64) -> Result<Vec<TileId>, Error> {
    tree::check_size(new)?;
    if old > new { Err(Error::OutOfTree) } else { tree::tiles_of(std::slice::from_ref(&(0..old)), new) }
}

/// The head that a tree of `new` leaves had when it was one of `old`, as its tiles have it: whoever knows no more of the
/// earlier tree than its size proves from this that it has only grown.
///
/// # Errors
/// [`Error::OutOfTree`], [`Error::MissingTile`]
pub fn head_at(old: u64, new: u64, tiles: &impl TileReader) -> Result<TreeHead, Error> {
    tree::check_size(new)?;
    if old > new {
        Err(Error::OutOfTree)
    } else {
        Ok(TreeHead { size: old, root: tree::hash_of(&(0..old), new, tiles)? })
    }
}

/// Proves that a tree is the beginning of another, and verifies the proof.
///
/// # Errors
/// [`Error::OutOfTree`], [`Error::MissingTile`]; [`Error::WrongRoot`] if the tiles are not those of the heads, or if the trees do
/// not follow each other, for instance because a backup was restored.
pub fn prove_consistency(old: &TreeHead, new: &TreeHead, tiles: &impl TileReader) -> Result<ConsistencyProof, Error> {
    let ranges = ranges(old.size, new.size)?;
    let hashes = ranges.iter().map(|range| tree::hash_of(range, new.size, tiles)).collect::<Result<_, _>>()?;
    let proof = ConsistencyProof { hashes };
    proof.verify(old, new)?;
    Ok(proof)
}
