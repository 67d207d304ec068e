//! What can be wrong with a log, a proof or a text of one.

use std::fmt;

use crate::TileId;

/// Why something was refused. Nothing in it is secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Error {
    /// A text or a file is not of its format; the words say where.
    Malformed(&'static str),
    /// A record that cannot be an entry, and why.
    Record(String),
    /// More than a stated bound.
    TooLarge(&'static str),
    /// A place that the tree does not have: an index or a size beyond its own.
    OutOfTree,
    /// A tile that is needed was not given. Read it, or a wider one with the same index, and ask again.
    MissingTile(TileId),
    /// Hashes do not lead to the root: the data, the proof or the tiles were altered.
    WrongRoot,
    /// A signature by a known key does not verify: name and id of the key.
    WrongSignature(String),
    /// No known key has signed.
    NotSigned,
    /// A checkpoint of another log than the one asked about: its origin.
    WrongOrigin(String),
    /// Fewer witnesses have cosigned than are asked for.
    TooFewWitnesses {
        /// How many did.
        found: usize,
        /// How many must.
        wanted: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Malformed(what) | Error::TooLarge(what) => f.write_str(what),
            Error::Record(what) => write!(f, "not a record that can be logged: {what}"),
            Error::OutOfTree => f.write_str("the tree does not reach so far"),
            Error::MissingTile(tile) => write!(f, "the tile {tile} is missing"),
            Error::WrongRoot => f.write_str("the hashes do not lead to the root that was signed"),
            Error::WrongSignature(key) => write!(f, "the signature by {key} does not verify"),
            Error::NotSigned => f.write_str("none of the known keys has signed"),
            Error::WrongOrigin(origin) => write!(f, "the checkpoint is of another log: {origin}"),
            Error::TooFewWitnesses { found, wanted } => {
                write!(f, "{found} of the known witnesses have cosigned, and {wanted} must")
            }
        }
    }
}

impl std::error::Error for Error {}
