//! Policies in Cedar: checked when they are saved, compiled, and bound to whoever asks.
//!
//! For a principal, a verb and a type there is one [`Rule`], whose [`rows`](Rule::rows) are a [`Filter`](admin_schema::Filter).
//! The same filter decides a single resource in memory and becomes the SQL of a list, so a check and a list cannot
//! disagree. What a rule says equals what Cedar's own authorizer would decide on full entities; a property test with
//! Cedar as the oracle holds it.
//!
//! The way of a statement: Cedar parses and types it ([`Schema`], `statement.rs`); `compile/` turns the typed tree, once for
//! each type and verb, into a tree with holes for what is known only when somebody asks (`node.rs`); `bind.rs` fills
//! the holes. Whether a statement can become a filter is so known when it is saved, not when a list is asked for.
//!
//! Three things are taken for granted: attributes are valid by their type's schema, the [`Related`](admin_schema::Related)
//! resources know the resource itself and the principal too, and the principal is live.
//!
//! Nothing here does I/O, and nothing here knows SQL.

#[cfg(any(test, feature = "arbitrary"))]
pub mod arbitrary;
mod bind;
mod bounds;
mod cedar_schema;
mod check;
mod combine;
mod compile;
mod decide;
mod entities;
mod facts;
mod fields;
mod known;
mod node;
mod policies;
mod problem;
mod reasons;
mod schema;
mod shape;
mod statement;
#[cfg(test)]
mod tests;
mod values;

pub use bounds::{MAX_BYTES, MAX_DEPTH, MAX_ELEMENTS, MAX_HOPS, MAX_NODES, MAX_STATEMENTS, MAX_WILDCARDS};
pub use check::{check, check_meaning};
pub use decide::Decision;
pub use facts::{Context, Directory, Facts, MAX_SET};
pub use policies::{FieldRule, Policies, Rule, Source};
pub use reasons::{Candidate, Condition};
pub use schema::Schema;
pub use statement::{Effect, Show};
