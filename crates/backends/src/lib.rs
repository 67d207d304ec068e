//! The ports beside the database. Each is a small trait, or an enum of what is needed of it, with two adapters: one that is
//! embedded, and one over a server.

pub mod blob;
pub mod outbound;
pub mod queue;
