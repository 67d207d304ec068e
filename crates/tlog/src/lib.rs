//! A transparency log: a Merkle tree in tiles, signed checkpoints, and proofs that an event is in the log. No I/O, no
//! clock: whoever uses it reads and writes the tiles, and says what time it is.
//!
//! The formats are those of others, so that programs which nobody here wrote can read and verify a log:
//!
//! | what | where | standard |
//! | --- | --- | --- |
//! | hashes, proofs | [`struct@Hash`], [`InclusionProof`], [`ConsistencyProof`] | RFC 6962, section 2.1, with SHA-256 |
//! | tiles, entry bundles | [`TileId`], [`Builder`], [`Entry`] | c2sp.org/tlog-tiles |
//! | signed texts, keys | [`Note`], [`Signer`], [`Verifier`] | c2sp.org/signed-note, Ed25519 |
//! | tree heads | [`Checkpoint`] | c2sp.org/tlog-checkpoint |
//! | witnesses | [`Cosigner`], [`AddCheckpoint`] | c2sp.org/tlog-cosignature (`cosignature/v1`), c2sp.org/tlog-witness |
//! | receipts | [`Receipt`], [`Policy`] | c2sp.org/tlog-proof@v1 |
//!
//! # How a log grows
//!
//! [`edge`] names the tiles at the right edge of a tree; with them [`Builder::resume`] goes on where the tree ends, and refuses
//! if they do not hash to the root that was signed. [`Builder::append`] takes the hash of each [`Entry`], and
//! [`Builder::take_tiles`] hands out what is to be written: full tiles, which never change again, and partial ones at the edge.
//! Write those first, then a checkpoint of [`Builder::head`]. Each leaf is hashed once, each node once. After a crash in between,
//! resume from the checkpoint and write again: the same leaves make the same tiles, byte for byte. [`Bundles`] does for the
//! entries what [`Builder`] does for their hashes.
//!
//! What the leaf of an event is, also of one that is greater than an entry may be, [`Entry::of_record`] says.
//!
//! # How something is proven
//!
//! [`inclusion_tiles`] and [`consistency_tiles`] name the tiles that a proof needs; [`prove_inclusion`] and
//! [`prove_consistency`] compute it from them, and verify it before they hand it out, so that a tile which was altered makes an
//! error and not a proof that fails elsewhere.
//!
//! # Pruning
//!
//! By c2sp.org/tlog-tiles a log may stop to serve what lies below a minimum index: a full tile or bundle whose
//! [`TileId::end`] is at or below it. Everything from there on can still be proven, and receipts that were handed out stay valid.
//! A legal hold is a minimum index that does not move.

mod builder;
mod checkpoint;
mod consistency;
mod entry;
mod error;
mod hash;
mod inclusion;
mod key;
mod note;
mod receipt;
mod tile;
mod tree;
mod witness;

pub use builder::Builder;
pub use checkpoint::{Checkpoint, TreeHead};
pub use consistency::{ConsistencyProof, consistency_tiles, head_at, head_tiles, prove_consistency};
pub use entry::{Bundles, Entry, MAX_ENTRY, entries};
pub use error::Error;
pub use hash::Hash;
pub use inclusion::{InclusionProof, inclusion_tiles, prove_inclusion};
pub use key::{Algorithm, Cosigner, Signer, Verifier};
pub use note::{Note, Signature, Verified};
pub use receipt::{Policy, Receipt};
pub use tile::{Layer, TILE_WIDTH, Tile, TileId};
pub use tree::{MAX_SIZE, TileReader, edge};
pub use witness::{AddCheckpoint, Refusal};
