//! What a type says and what a client asks, compiled: a type's JSON Schema with its annotations becomes a
//! [`TypeDefinition`], a `filter=` text becomes a [`Filter`]. Nothing here does I/O or knows SQL.

mod definition;
mod field;
pub mod filter;
pub mod key;

pub use definition::TypeDefinition;
pub use field::{Field, FieldKind, OnDelete, Reference};
pub use filter::{Comparison, Filter, Literal, NoRelated, Path, Piece, Related};
